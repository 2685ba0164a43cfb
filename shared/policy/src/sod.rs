//! `[sod.<name>]`: entitlements that nobody may hold together.

use std::collections::BTreeSet;

use domain::EntitlementId;
use domain::policy::{Entitlement, Role, SodPair};

use crate::entitlement;
use crate::fields::Fields;
use crate::report::{Report, Span};
use crate::sections::{Named, Sections};

/// Reads every pair, and reports roles that hold both sides of one.
pub(crate) fn read(
    sections: &Sections<'_>,
    entitlements: &Named<Entitlement>,
    roles: &Named<Role>,
) -> Named<SodPair> {
    let mut pairs = sections.named("sod", "SoD pair", |fields| SodPair {
        name: Box::default(),
        left: side(fields, "left", entitlements),
        right: side(fields, "right", entitlements),
    });
    for (name, pair) in &mut pairs {
        pair.value.name.clone_from(name);
        for both in pair.value.left.intersection(&pair.value.right) {
            sections.report.error(
                pair.at,
                "sod-overlap",
                format!("entitlement `{both}` is on both sides of SoD pair `{name}`"),
                "keep it on one side, or nobody could ever hold it",
            );
        }
    }
    for (name, role) in roles {
        let held: BTreeSet<&EntitlementId> = role.value.entitlements.keys().collect();
        check(
            sections.report,
            &pairs,
            &held,
            role.at,
            &format!("role `{name}`"),
        );
    }
    pairs
}

fn side(
    fields: &Fields<'_>,
    key: &'static str,
    entitlements: &Named<Entitlement>,
) -> BTreeSet<EntitlementId> {
    let Some(node) = fields.need(key, "[\"finance-payables\"]") else {
        return BTreeSet::new();
    };
    node.one_or_more()
        .into_iter()
        .filter_map(|name| entitlement::resolve(fields.report, name, entitlements))
        .collect()
}

/// Reports what gives both sides of a pair.
pub(crate) fn check(
    report: &Report,
    pairs: &Named<SodPair>,
    held: &BTreeSet<&EntitlementId>,
    at: Span,
    what: &str,
) {
    for (name, pair) in pairs {
        let left = pair.value.left.iter().find(|id| held.contains(id));
        let right = pair.value.right.iter().find(|id| held.contains(id));
        if let (Some(left), Some(right)) = (left, right)
            && left != right
        {
            report.error(
                at,
                "sod-conflict",
                format!("{what} gives `{left}` and `{right}`, which SoD pair `{name}` keeps apart"),
                "give the two through different roles and rules",
            );
        }
    }
}
