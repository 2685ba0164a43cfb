//! What an entitlement asks of whoever holds it, and what its group is nested in.

use std::collections::{BTreeMap, BTreeSet};

use domain::EntitlementId;
use domain::policy::{Criticality, Entitlement, EntitlementKind, Holding, What};

use crate::fields::{Fields, Node};
use crate::names;
use crate::report::{At, Report};
use crate::sections::Named;

const CRITICALITIES: &[(&str, Criticality)] = &[
    ("low", Criticality::Low),
    ("medium", Criticality::Medium),
    ("high", Criticality::High),
    ("critical", Criticality::Critical),
];

/// Longest overlap after a move: a year.
pub(crate) const LONGEST_OVERLAP: u32 = 366;
/// Longest time that an entitlement is held: ten years.
const LONGEST: u32 = 10 * 366;

/// The keys of one entitlement. Also tells whether it is privileged.
pub(crate) fn read(fields: &Fields<'_>, kind: EntitlementKind) -> (Holding, bool) {
    let what = what(fields, kind);
    let stated = fields.get("privileged");
    let flag = stated.as_ref().and_then(Node::flag);
    if let (What::AdminRole, Some(false), Some(node)) = (what, flag, &stated) {
        fields.report.error(
            node.at,
            "not-privileged",
            format!(
                "{} is an administrative role and not privileged",
                fields.name
            ),
            "remove `privileged = false`: administrative roles always are",
        );
    }
    let privileged = flag.unwrap_or(false) || what == What::AdminRole;
    let criticality = fields.get("criticality").and_then(|node| {
        let criticality = node.choice(CRITICALITIES)?;
        if privileged && criticality < Criticality::High {
            fields.report.error(
                node.at,
                "not-critical",
                format!(
                    "{} is privileged and its criticality `{}`",
                    fields.name,
                    criticality.name()
                ),
                "write `\"high\"` or `\"critical\"`, or leave it out: what is privileged is high",
            );
        }
        Some(criticality)
    });
    let otherwise = if privileged {
        Criticality::High
    } else {
        Criticality::Medium
    };
    let days = |key, most| {
        let count = fields.get(key)?.count(1..=most)?;
        u16::try_from(count).ok()
    };
    let holding = Holding {
        criticality: criticality.unwrap_or(otherwise),
        what,
        within: BTreeSet::new(),
        overlap_days: days("overlap_days", LONGEST_OVERLAP),
        max_days: days("max_days", LONGEST),
        required_holders: fields
            .get("required_holders")
            .and_then(|node| node.count(1..=1000)),
    };
    if let (Some(_), Some(_), Some(node)) = (
        holding.overlap_days,
        holding.max_days,
        fields.get("overlap_days"),
    ) {
        fields.report.error(
            node.at,
            "not-here",
            format!("{} has no meaning beside `max_days`", node.name),
            "remove one of the two: what lapses by itself does not outlive a move",
        );
    }
    if let (EntitlementKind::Licence, Some(node)) = (kind, fields.get("required_holders")) {
        fields.report.error(
            node.at,
            "not-here",
            format!("{} has no meaning for a licence", node.name),
            "remove it: who has a licence cannot be counted before it is taken",
        );
    }
    (holding, privileged)
}

/// What the company calls it.
fn what(fields: &Fields<'_>, kind: EntitlementKind) -> What {
    let licence = kind == EntitlementKind::Licence;
    let otherwise = if licence { What::Licence } else { What::Group };
    let Some(node) = fields.get("kind") else {
        return otherwise;
    };
    let choices: Vec<(&str, What)> = What::ALL.map(|what| (what.name(), what)).into();
    let Some(what) = node.choice(&choices) else {
        return otherwise;
    };
    if (what == What::Licence) != licence {
        node.report.error(
            node.at,
            "not-here",
            format!(
                "{} is `{}` beside {}",
                node.name,
                what.name(),
                if licence { "`licence`" } else { "a group" }
            ),
            if licence {
                "remove `kind`: what has `licence` is one"
            } else {
                "state the SKU under `licence`, or choose another kind: all others are groups at \
                 the target"
            },
        );
    }
    what
}

/// A name under `within`, and whose.
pub(crate) type Nested = (Box<str>, At<Box<str>>);

/// What an entitlement says it is nested in.
pub(crate) fn within(fields: &Fields<'_>) -> Vec<At<Box<str>>> {
    let names = fields.texts("within").into_iter();
    names
        .map(|name| At {
            value: name.value.into(),
            at: name.at,
        })
        .collect()
}

/// Resolves what entitlements are nested in, through however many groups.
pub(crate) fn nest(report: &Report, entitlements: &mut Named<Entitlement>, nested: &[Nested]) {
    let mut parents: BTreeMap<EntitlementId, BTreeSet<EntitlementId>> = BTreeMap::new();
    for (child, parent) in nested {
        let known = names::resolve(
            report,
            At {
                value: &parent.value,
                at: parent.at,
            },
            "entitlement",
            entitlements.keys().map(AsRef::as_ref),
            &format!("define it under `[entitlements.{}]`", parent.value),
        );
        let (Some(one), Some(other)) = (entitlements.get(child), entitlements.get(&parent.value))
        else {
            continue;
        };
        if !known {
            continue;
        }
        let same = one.value.target == other.value.target;
        let groups = [one, other]
            .iter()
            .all(|entitlement| entitlement.value.kind == EntitlementKind::Group);
        if !same || !groups {
            report.error(
                parent.at,
                "not-nested",
                format!("`{child}` cannot be nested in `{}`", parent.value),
                "name a group of the same target",
            );
            continue;
        }
        parents
            .entry(EntitlementId::from(child.as_ref()))
            .or_default()
            .insert(EntitlementId::from(parent.value.as_ref()));
    }
    for (name, entitlement) in entitlements.iter_mut() {
        let id = EntitlementId::from(name.as_ref());
        let mut open = vec![id.clone()];
        let mut within = BTreeSet::new();
        while let Some(one) = open.pop() {
            for parent in parents.get(&one).into_iter().flatten() {
                if within.insert(parent.clone()) {
                    open.push(parent.clone());
                }
            }
        }
        if within.remove(&id) {
            report.error(
                entitlement.at,
                "nested-cycle",
                format!("entitlement `{name}` is nested in itself"),
                "remove one of the `within` that lead back to it",
            );
        }
        entitlement.value.holding.within = within;
    }
}
