//! Dialects as data: those that are shipped, and `[profiles.<name>]` of a policy.
//!
//! A profile is a table of facts about a target; nothing here acts on them. Shipped profiles are
//! files of the same format as a policy's, read by the same reader. [`section`] writes it, for
//! whoever found out what a target is like.

pub(crate) mod budget;
mod keys;
mod write;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::Profile;
use toml::de::DeTable;

use crate::diagnostic::Diagnostic;
use crate::fields::{Fields, Node};
use crate::names;
use crate::report::{Report, Span};
use crate::sections::{Named, Sections};

/// Name and text of every shipped profile, in the order of the names.
pub(crate) const SHIPPED: [(&str, &str); 12] = [
    ("atlassian", include_str!("../profiles/atlassian.toml")),
    (
        "aws-iam-identity-center",
        include_str!("../profiles/aws-iam-identity-center.toml"),
    ),
    ("databricks", include_str!("../profiles/databricks.toml")),
    ("entra", include_str!("../profiles/entra.toml")),
    ("github-emu", include_str!("../profiles/github-emu.toml")),
    (
        "google-cloud-identity",
        include_str!("../profiles/google-cloud-identity.toml"),
    ),
    ("okta", include_str!("../profiles/okta.toml")),
    ("rfc", include_str!("../profiles/rfc.toml")),
    ("salesforce", include_str!("../profiles/salesforce.toml")),
    ("slack", include_str!("../profiles/slack.toml")),
    ("snowflake", include_str!("../profiles/snowflake.toml")),
    ("zoom", include_str!("../profiles/zoom.toml")),
];

/// What targets that do not speak SCIM begin with. Not profiles to be named.
pub(crate) const KINDS: [(&str, &str); 2] = [
    ("graph", include_str!("../profiles/kinds/graph.toml")),
    (
        "entra-bulk",
        include_str!("../profiles/kinds/entra-bulk.toml"),
    ),
];

/// Names of the shipped profiles.
pub const PROFILES: [&str; SHIPPED.len()] = {
    let mut names = [""; SHIPPED.len()];
    let mut rest = SHIPPED.as_slice();
    let mut free = names.as_mut_slice();
    while let ([(name, _), more @ ..], [first, others @ ..]) = (rest, free) {
        *first = *name;
        rest = more;
        free = others;
    }
    names
};

static READ: LazyLock<BTreeMap<&'static str, Profile>> = LazyLock::new(|| {
    SHIPPED
        .iter()
        .chain(&KINDS)
        .filter_map(|(name, text)| Some((*name, shipped(name, text).0?)))
        .collect()
});

/// The shipped profile of that name.
pub fn named(name: &str) -> Option<Profile> {
    PROFILES.contains(&name).then(|| READ.get(name).cloned())?
}

/// `[profiles.<name>]` of a policy file: a shipped profile, and every key in which another departs
/// from it. `None` where no profile of the name `base` is shipped.
///
/// A number of workers that the base has cannot be taken away, only replaced.
pub fn section(name: &str, base: &str, profile: &Profile) -> Option<String> {
    Some(write::section(name, base, &named(base)?, profile))
}

/// What a target of Microsoft Graph begins with.
pub fn graph() -> Profile {
    READ.get("graph").cloned().unwrap_or_default()
}

/// What a target of the inbound provisioning API of Microsoft Entra begins with.
pub(crate) fn entra_bulk() -> Profile {
    READ.get("entra-bulk").cloned().unwrap_or_default()
}

/// Reads a shipped file, and says what is wrong with it.
pub(crate) fn shipped(name: &str, text: &str) -> (Option<Profile>, Vec<Diagnostic>) {
    let report = Report::new(vec![(format!("{name}.toml"), text.to_owned())]);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = Span::new(0, &error.span().unwrap_or(0..0));
        report.error(at, crate::secret::SYNTAX, error.message(), "correct it");
    }
    let tables = [table];
    let sections = Sections::gather(&report, &tables);
    let mut profiles = sections.named("profiles", "profile", |fields| {
        based(fields, &["rfc"], |_| Some(Profile::rfc()))
    });
    let profile = profiles.remove(name).map(|profile| profile.value);
    let (errors, warnings) = report.finish();
    (profile, errors.into_iter().chain(warnings).collect())
}

/// Reads every profile of a policy.
pub(crate) fn read(sections: &Sections<'_>) -> Named<Profile> {
    let profiles = sections.named("profiles", "profile", |fields| {
        based(fields, &PROFILES, named)
    });
    for (name, profile) in &profiles {
        if PROFILES.contains(&name.as_ref()) {
            sections.report.error(
                profile.at,
                "defined-twice",
                format!("profile `{name}` is shipped"),
                format!(
                    "choose another name, for example `[profiles.our-{name}]`, and begin it with \
                     `base = \"{name}\"`"
                ),
            );
        }
    }
    profiles
}

/// A profile that begins with another.
fn based(fields: &Fields<'_>, bases: &[&str], find: impl Fn(&str) -> Option<Profile>) -> Profile {
    let base = fields.get("base").and_then(|node| {
        let bases: Vec<(&str, &str)> = bases.iter().map(|name| (*name, *name)).collect();
        find(node.choice(&bases)?)
    });
    keys::read(fields, base.unwrap_or_default())
}

/// The profile that a target names: one of the policy's, or a shipped one.
pub(crate) fn resolve(node: &Node<'_>, own: &Named<Profile>) -> Option<Profile> {
    let name = node.text()?;
    let known = own.keys().map(AsRef::as_ref).chain(PROFILES);
    let define = format!(
        "define it under `[profiles.{}]`, or name a shipped one: {}",
        name.value,
        PROFILES.join(", ")
    );
    if !names::resolve(node.report, name, "profile", known, &define) {
        return None;
    }
    own.get(name.value)
        .map(|profile| profile.value.clone())
        .or_else(|| named(name.value))
}

/// Warns of profiles that no target names.
pub(crate) fn check_uses(sections: &Sections<'_>, own: &Named<Profile>) {
    for (name, profile) in own {
        let used = sections
            .nodes("targets")
            .iter()
            .flat_map(Node::entries)
            .any(|(_, target)| target.peek("profile") == Some(name));
        if !used {
            sections.report.warn(
                profile.at,
                "unused",
                format!("no target names profile `{name}`"),
                format!("write `profile = \"{name}\"` in a target, or remove it"),
            );
        }
    }
}
