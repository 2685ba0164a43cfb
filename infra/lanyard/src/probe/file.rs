//! The profile as a policy file: what differs from the base, and how each key was found out.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use domain::Profile;
use domain::policy::Target;
use serde_json::{Map, Value};
use target_scim::probe::Report;
use toml::de::DeTable;

/// The base that every profile may begin with.
const PLAIN: &str = "rfc";

/// Where a profile comes from and what it is called.
#[derive(Clone, Debug)]
pub struct ProfileFile {
    name: String,
    base: String,
    from: Profile,
}

impl ProfileFile {
    /// A profile of the target's name over the shipped profile that the target names. Over another,
    /// which may be the outcome of an earlier probe, it would not stand by itself; then it begins
    /// with `rfc`.
    pub(super) fn new(policy: &Path, name: &str, target: &Target) -> anyhow::Result<Self> {
        let named = profile_of(policy, name)?.unwrap_or_else(|| PLAIN.to_owned());
        let shipped = policy::PROFILES.contains(&named.as_str());
        let (base, from) = if shipped {
            (named, target.profile.clone())
        } else {
            (PLAIN.to_owned(), Profile::rfc())
        };
        Ok(Self {
            name: name.to_owned(),
            base,
            from,
        })
    }

    /// The name of the profile.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of the file.
    pub fn text(&self, report: &Report) -> String {
        let Self { name, base, from } = self;
        let mut out = format!(
            "# The dialect of `{name}`, as `lanyard probe` found it out ({}, {} requests).\n\
             # Whatever is not here is as in the base. To use it:\n\
             #\n\
             #     [targets.{name}]\n\
             #     profile = \"{name}\"\n\n\
             [profiles.{name}]\n\
             base = {}\n",
            report.marker,
            report.requests,
            toml(&Value::from(base.as_str()))
        );
        let before = keys(from);
        for (key, value) in keys(&report.profile) {
            if before.get(&key) == Some(&value) || value.is_null() {
                continue;
            }
            let finding = report.finding(&key);
            let comment = finding.map_or_else(String::new, |finding| {
                let note = if finding.note.is_empty() { "" } else { ": " };
                format!("{}{note}{}", finding.how, finding.note)
            });
            // Writing to a text cannot fail.
            if !comment.is_empty() {
                writeln!(out, "# {}", one_line(&comment)).ok();
            }
            writeln!(out, "{key} = {}", toml(&value)).ok();
        }
        out
    }
}

/// The keys of a profile as policy writes them: those of the budget stand beside the others.
fn keys(profile: &Profile) -> Map<String, Value> {
    let Ok(Value::Object(mut keys)) = serde_json::to_value(profile) else {
        return Map::new();
    };
    if let Some(Value::Object(budget)) = keys.remove("budget") {
        keys.extend(budget);
    }
    // Said in full, because what is not said stays as in the base.
    if let Some(Value::Object(rule)) = keys.get_mut("user_name") {
        for flag in ["email", "folded"] {
            rule.entry(flag).or_insert(Value::Bool(false));
        }
    }
    keys
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// JSON's strings are TOML's basic strings but for one character, which no profile has.
fn toml(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| format!("{name} = {}", toml(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

/// The profile that a target names in the files of a policy, which is known to hold together.
fn profile_of(policy: &Path, target: &str) -> anyhow::Result<Option<String>> {
    let unreadable = || format!("cannot read {}", policy.display());
    for entry in std::fs::read_dir(policy).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let Ok(table) = DeTable::parse(&text) else {
            continue;
        };
        let found = table
            .get_ref()
            .get("targets")
            .and_then(|targets| targets.get_ref().get(target))
            .and_then(|target| target.get_ref().get("profile"))
            .and_then(|profile| profile.get_ref().as_str());
        if let Some(found) = found {
            return Ok(Some(found.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
