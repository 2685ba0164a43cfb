//! `[given]` and `[[examples]]`: what policy is supposed to do, said by people who read it.
//!
//! Reading is part of every load, so that an example never names what does not exist. Running is
//! for [`crate::check`] alone: no function needs it.

mod coverage;
mod run;

use std::collections::BTreeSet;

use domain::policy::Policy;
use domain::{Attr, Attrs, EntitlementId, RoleId, RuleId, Slot, TargetId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::fields::{self, Fields, Node};
use crate::names;
use crate::report::{At, Report};
use crate::sections::Sections;
use crate::validate::DAYS;

pub(crate) use run::run;

/// A person with attributes, and what policy is supposed to make of that.
pub(crate) struct Example {
    name: At<Box<str>>,
    attrs: Attrs,
    at: Option<When>,
    expected: Vec<At<Expected>>,
}

/// When an example looks.
#[derive(Clone, Copy)]
enum When {
    /// At noon of a day where the person works.
    Day(Date),
    /// At an instant.
    Instant(Timestamp),
}

/// What is expected.
enum Expected {
    /// A role that is held, or not.
    Role(RoleId, bool),
    /// A rule that gives something, or not.
    Rule(RuleId, bool),
    /// All entitlements that are held.
    Entitlements(BTreeSet<EntitlementId>),
    /// What an attribute of an account is.
    Attribute(TargetId, Box<str>, Want),
    /// An attribute for which the record is parked.
    Parked(Attr),
}

/// What an attribute is.
enum Want {
    /// This value.
    Text(Box<str>),
    /// Nothing is written.
    Absent,
    /// It is cleared.
    Cleared,
}

/// Reads every example.
pub(crate) fn read(sections: &Sections<'_>, policy: &Policy) -> Vec<Example> {
    let report = sections.report;
    let given = sections
        .single("given", "every example begins with it")
        .map(|node| stated(node).into_iter().collect())
        .unwrap_or_default();
    let mut examples: Vec<Example> = Vec::new();
    for entry in sections.nodes("examples").iter().flat_map(Node::list) {
        let Some(fields) = entry.called("the example".to_owned()).fields() else {
            continue;
        };
        let name = fields
            .need("name", "\"engineer\"")
            .and_then(|node| node.text());
        let Some(name) = name else {
            example(None, &fields, &given, policy);
            fields.finish();
            continue;
        };
        names::check(report, name, "an example", false);
        let earlier = examples
            .iter()
            .find(|earlier| earlier.name.value.as_ref() == name.value);
        if let Some(earlier) = earlier {
            report.error(
                name.at,
                "defined-twice",
                format!("example `{}` is defined twice", name.value),
                format!(
                    "remove or rename one of the two; the first is at {}",
                    report.place(earlier.name.at)
                ),
            );
        }
        let fields = fields.called(format!("example `{}`", name.value));
        examples.extend(example(Some(name), &fields, &given, policy));
        fields.finish();
    }
    examples
}

fn example(
    name: Option<At<&str>>,
    fields: &Fields<'_>,
    given: &Attrs,
    policy: &Policy,
) -> Option<Example> {
    let mut attrs = given.clone();
    if let Some(node) = fields.get("given") {
        for (attr, slot) in stated(&node) {
            attrs.set(attr, slot);
        }
    }
    for attr in fields.get("cleared").iter().flat_map(Node::attrs) {
        attrs.set(attr.value, Slot::Null);
    }
    for attr in fields.get("without").iter().flat_map(Node::attrs) {
        if attrs.remove(attr.value).is_none() {
            fields.report.error(
                attr.at,
                "bad-example",
                format!("`{}` is not given anyway", attr.value),
                "remove it: `without` takes away what `[given]` states for every example",
            );
        }
    }
    if attrs.is_empty() {
        fields.report.error(
            fields.at,
            "bad-example",
            format!("{} gives no attribute", fields.name),
            "add for example `given = { department = \"Sales\" }`, or a section `[given]` for all \
             examples",
        );
    }
    let at = fields.get("at").and_then(|node| when(&node));
    let expected = expected(fields, policy);
    if expected.is_empty() {
        fields.report.error(
            fields.at,
            "bad-example",
            format!("{} expects nothing", fields.name),
            "add for example `entitlements = []`, `roles`, `not_roles`, `rules`, `not_rules`, \
             `attributes` or `parked`",
        );
    }
    let name = name?;
    Some(Example {
        name: At {
            value: name.value.into(),
            at: name.at,
        },
        attrs,
        at,
        expected,
    })
}

/// Attributes with their values, as HR would state them.
fn stated(node: &Node<'_>) -> Vec<(Attr, Slot)> {
    let mut all = Vec::new();
    for (name, value) in node.entries() {
        let Some(attr) = fields::attr(node.report, name) else {
            continue;
        };
        if attr == Attr::Lifecycle {
            node.report.error(
                name.at,
                "bad-attribute",
                "`lifecycle` is derived and never stated",
                "state `start_date`, `end_date` or `worker_status`, and when to look with `at`",
            );
            continue;
        }
        if DAYS.contains(&attr) {
            all.extend(value.day().map(|text| (attr, Slot::from(text.as_str()))));
        } else {
            all.extend(value.any_text().map(|text| (attr, Slot::from(text.value))));
        }
    }
    all
}

fn when(node: &Node<'_>) -> Option<When> {
    let text = node.day()?;
    // A date and time without an offset is no instant, and reads as a date if one asks for it.
    let day = (text.len() == "2027-03-31".len()).then(|| text.parse().ok());
    let found = text
        .parse()
        .ok()
        .map(When::Instant)
        .or(day.flatten().map(When::Day));
    if found.is_none() {
        node.report.error(
            node.at,
            "bad-time",
            format!("{} is neither a day nor a point in time", node.name),
            "give a day, or date, time and offset: `2027-03-31T18:00:00+02:00`",
        );
    }
    found
}

fn expected(fields: &Fields<'_>, policy: &Policy) -> Vec<At<Expected>> {
    let report = fields.report;
    let mut all = Vec::new();
    for (key, held) in [("roles", true), ("not_roles", false)] {
        for name in fields.texts(key) {
            let known = policy.roles.keys().map(RoleId::as_str);
            let define = format!("define it under `[roles.{}]`", name.value);
            if names::resolve(report, name, "role", known, &define) {
                let value = Expected::Role(RoleId::from(name.value), held);
                all.push(At { value, at: name.at });
            }
        }
    }
    for (key, holds) in [("rules", true), ("not_rules", false)] {
        for name in fields.texts(key) {
            let known = policy.rules.iter().map(|rule| rule.id.as_str());
            let define = format!("define it with `id = \"{}\"` in `[[rules]]`", name.value);
            if names::resolve(report, name, "rule", known, &define) {
                let value = Expected::Rule(RuleId::from(name.value), holds);
                all.push(At { value, at: name.at });
            }
        }
    }
    if let Some(node) = fields.get("entitlements") {
        let mut ids = BTreeSet::new();
        for name in node.texts() {
            let known = policy.entitlements.keys().map(EntitlementId::as_str);
            let define = format!("define it under `[entitlements.{}]`", name.value);
            if names::resolve(report, name, "entitlement", known, &define) {
                ids.insert(EntitlementId::from(name.value));
            }
        }
        let value = Expected::Entitlements(ids);
        all.push(At { value, at: node.at });
    }
    if let Some(node) = fields.get("attributes") {
        for (target, paths) in node.entries() {
            attributes(target, &paths, policy, &mut all);
        }
    }
    let parked = fields.get("parked");
    for attr in parked.iter().flat_map(Node::attrs) {
        let value = Expected::Parked(attr.value);
        all.push(At { value, at: attr.at });
    }
    all
}

fn attributes(target: At<&str>, paths: &Node<'_>, policy: &Policy, all: &mut Vec<At<Expected>>) {
    let report: &Report = paths.report;
    let known = policy.targets.keys().map(TargetId::as_str);
    let define = format!("define it under `[targets.{}]`", target.value);
    if !names::resolve(report, target, "target", known, &define) {
        return;
    }
    let id = TargetId::from(target.value);
    let mapped: Vec<&str> = policy
        .targets
        .get(&id)
        .into_iter()
        .flat_map(|target| &target.mappings)
        .map(|mapping| &*mapping.path)
        .collect();
    for (path, value) in paths.entries() {
        let define = format!("map it in `[targets.{}.attributes]`", target.value);
        if !names::resolve(report, path, "attribute", mapped.iter().copied(), &define) {
            continue;
        }
        if let Some(want) = want(&value) {
            let value = Expected::Attribute(id.clone(), path.value.into(), want);
            all.push(At { value, at: path.at });
        }
    }
}

fn want(node: &Node<'_>) -> Option<Want> {
    if !node.is_table() {
        return Some(Want::Text(node.any_text()?.value.into()));
    }
    let fields = node.fields()?;
    let want = match (fields.flag("absent"), fields.flag("cleared")) {
        (true, false) => Some(Want::Absent),
        (false, true) => Some(Want::Cleared),
        (true, true) | (false, false) => {
            node.report.error(
                node.at,
                "bad-example",
                format!("{} says nothing", node.name),
                "write a text, `{ absent = true }` or `{ cleared = true }`",
            );
            None
        }
    };
    fields.finish();
    want
}
