//! `[sod.<name>]`: entitlements that nobody may hold together.

use std::collections::BTreeSet;

use domain::policy::{Apart, Entitlement, Role, Sod, SodException, SodMode};
use domain::sod::Entitlements;
use domain::{EntitlementId, SourceId, WorkerId};

use crate::entitlement;
use crate::fields::{Fields, Node};
use crate::names;
use crate::report::{Report, Span};
use crate::sections::{Named, Sections};

const MODES: &[(&str, SodMode)] = &[
    ("preventive", SodMode::Preventive),
    ("detective", SodMode::Detective),
];

/// Every pair and set, with what entitlements bring along.
pub(crate) struct Separation {
    pub(crate) all: Named<Sod>,
    known: Entitlements,
}

/// Reads every pair and set, and reports roles that alone break one.
pub(crate) fn read(
    sections: &Sections<'_>,
    entitlements: &Named<Entitlement>,
    roles: &Named<Role>,
) -> Separation {
    let sources: BTreeSet<&str> = sections
        .nodes("sources")
        .iter()
        .flat_map(Node::entries)
        .map(|(name, _)| name.value)
        .collect();
    let mut all = sections.named("sod", "SoD pair", |fields| Sod {
        name: Box::default(),
        apart: apart(fields, entitlements),
        mode: fields
            .get("mode")
            .and_then(|node| node.choice(MODES))
            .unwrap_or_default(),
        exceptions: fields
            .get("exceptions")
            .map_or_else(Vec::new, |node| node.list())
            .into_iter()
            .filter_map(|node| exception(&node, &sources))
            .collect(),
    });
    for (name, sod) in &mut all {
        sod.value.name.clone_from(name);
    }
    let separation = Separation {
        all,
        known: entitlements
            .iter()
            .map(|(name, entitlement)| {
                (
                    EntitlementId::from(name.as_ref()),
                    entitlement.value.clone(),
                )
            })
            .collect(),
    };
    separation.check_sides(sections.report);
    for (name, role) in roles {
        let held = role.value.entitlements.keys().cloned().collect();
        separation.check(
            sections.report,
            &held,
            &[],
            role.at,
            &format!("role `{name}`"),
        );
    }
    separation
}

fn apart(fields: &Fields<'_>, entitlements: &Named<Entitlement>) -> Apart {
    if let Some(node) = fields.get("entitlements") {
        for side in ["left", "right"] {
            if let Some(side) = fields.get(side) {
                fields.report.error(
                    side.at,
                    "not-here",
                    format!("{} stands beside `entitlements`", side.name),
                    "keep `left` and `right` for a pair, or `entitlements` and `at_most` for a set",
                );
            }
        }
        let of = names_of(fields, &node, entitlements);
        let at_most = fields
            .need("at_most", "1")
            .and_then(|node| node.count(1..=1000))
            .unwrap_or(1);
        if of.len() <= at_most as usize && !of.is_empty() {
            fields.report.error(
                node.at,
                "set-too-small",
                format!("{} lists {} and allows {at_most}", fields.name, of.len()),
                "list more, or make `at_most` smaller: nobody could ever break it",
            );
        }
        return Apart::Set { of, at_most };
    }
    let side = |key: &'static str| -> BTreeSet<EntitlementId> {
        let node = fields.need(key, "[\"finance-payables\"]");
        node.map_or_else(Vec::new, |node| names_of(fields, &node, entitlements))
            .into_iter()
            .collect()
    };
    Apart::Pair {
        left: side("left"),
        right: side("right"),
    }
}

fn names_of(
    fields: &Fields<'_>,
    node: &Node<'_>,
    entitlements: &Named<Entitlement>,
) -> Vec<EntitlementId> {
    node.one_or_more()
        .into_iter()
        .filter_map(|name| entitlement::resolve(fields.report, name, entitlements))
        .collect()
}

fn exception(node: &Node<'_>, sources: &BTreeSet<&str>) -> Option<SodException> {
    let fields = node.fields()?;
    let text = |key, example| fields.need(key, example).and_then(|node| node.text());
    let source = text("source", "\"hr\"").filter(|source| {
        names::resolve(
            fields.report,
            *source,
            "source",
            sources.iter().copied(),
            &format!("define it under `[sources.{}]`", source.value),
        )
    });
    let worker = text("worker", "\"10042\"");
    let until = fields
        .need("until", "2027-03-31T18:00:00+02:00")
        .and_then(|node| node.instant());
    let by = text("by", "\"security-officer\"");
    let reason = text("reason", "\"covers a colleague on leave\"");
    let exception = (|| {
        Some(SodException {
            source: SourceId::from(source?.value),
            worker: WorkerId::from(worker?.value),
            until: until?,
            by: by?.value.into(),
            reason: reason?.value.into(),
        })
    })();
    fields.finish();
    exception
}

impl Separation {
    /// Reports pairs that keep something apart from itself.
    fn check_sides(&self, report: &Report) {
        for (name, sod) in &self.all {
            let Apart::Pair { left, right } = &sod.value.apart else {
                continue;
            };
            for both in left.intersection(right) {
                report.error(
                    sod.at,
                    "sod-overlap",
                    format!("entitlement `{both}` is on both sides of SoD pair `{name}`"),
                    "keep it on one side, or nobody could ever hold it",
                );
            }
            for id in self.known.keys() {
                let on = |side: &BTreeSet<EntitlementId>| {
                    domain::sod::brings(&self.known, id).any(|brought| side.contains(brought))
                };
                let by_itself = left.contains(id) && right.contains(id);
                if !by_itself && on(left) && on(right) {
                    report.error(
                        sod.at,
                        "sod-overlap",
                        format!("entitlement `{id}` brings both sides of SoD pair `{name}` along"),
                        "nest its group in one side only, or nobody could ever hold it",
                    );
                }
            }
        }
    }

    /// Reports what gives more than a preventive pair or set allows, unless one of `alone` does
    /// by itself, which is reported where that is.
    pub(crate) fn check(
        &self,
        report: &Report,
        held: &BTreeSet<EntitlementId>,
        alone: &[BTreeSet<EntitlementId>],
        at: Span,
        what: &str,
    ) {
        for (name, sod) in self.all.iter().filter(|(_, sod)| sod.value.prevents()) {
            let broken = sod.value.broken_by(&self.known, held);
            let by_one = alone
                .iter()
                .any(|one| !sod.value.broken_by(&self.known, one).is_empty());
            if broken.is_empty() || by_one {
                continue;
            }
            let (message, advice) = match &sod.value.apart {
                Apart::Pair { left, right } => {
                    let first = |side: &BTreeSet<EntitlementId>| {
                        broken.iter().find(|id| side.contains(*id)).cloned()
                    };
                    let (Some(left), Some(right)) = (first(left), first(right)) else {
                        continue;
                    };
                    if left == right {
                        continue;
                    }
                    let message = format!(
                        "{what} gives `{left}` and `{right}`, which SoD pair `{name}` keeps apart"
                    );
                    (message, "give the two through different roles and rules")
                }
                Apart::Set { at_most, .. } => {
                    let listed: Vec<String> = broken.iter().map(|id| format!("`{id}`")).collect();
                    let message = format!(
                        "{what} gives {}, of which SoD set `{name}` allows {at_most}",
                        listed.join(", ")
                    );
                    (message, "give fewer of them through one role or rule")
                }
            };
            report.error(at, "sod-conflict", message, advice);
        }
    }
}
