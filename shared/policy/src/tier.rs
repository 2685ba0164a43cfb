//! `[tiers.<name>]`: entitlements of which a person holds one.

use std::collections::{BTreeMap, BTreeSet};

use domain::policy::{Entitlement, Tier};
use domain::{EntitlementId, TargetId};

use crate::entitlement;
use crate::report::{At, Span};
use crate::sections::{Named, Sections};

/// Reads every tier.
pub(crate) fn read(sections: &Sections<'_>, entitlements: &Named<Entitlement>) -> Vec<Tier> {
    let report = sections.report;
    let mut taken: BTreeMap<EntitlementId, Span> = BTreeMap::new();
    let tiers = sections.named("tiers", "tier", |fields| {
        let listed: Vec<At<EntitlementId>> = fields
            .need("entitlements", "[\"crm-basic\", \"crm-pro\"]")
            .map_or_else(Vec::new, |node| node.texts())
            .into_iter()
            .filter_map(|name| {
                let value = entitlement::resolve(report, name, entitlements)?;
                Some(At { value, at: name.at })
            })
            .collect();
        for one in &listed {
            if let Some(first) = taken.insert(one.value.clone(), one.at) {
                report.error(
                    one.at,
                    "defined-twice",
                    format!("entitlement `{}` stands in two tiers", one.value),
                    format!("keep one; the other is at {}", report.place(first)),
                );
            }
        }
        let targets: BTreeSet<&TargetId> = listed
            .iter()
            .filter_map(|one| Some(&entitlements.get(one.value.as_str())?.value.target))
            .collect();
        if targets.len() > 1 {
            report.error(
                fields.at,
                "two-targets",
                format!("{} lists entitlements of several targets", fields.name),
                "make a tier for each target",
            );
        }
        if listed.len() == 1 {
            report.error(
                fields.at,
                "one-tier",
                format!("{} lists one entitlement", fields.name),
                "list two or more, from the lowest to the highest, or remove the tier",
            );
        }
        listed.into_iter().map(|one| one.value).collect()
    });
    tiers
        .into_iter()
        .map(|(name, At { value, .. })| Tier {
            name,
            entitlements: value,
        })
        .collect()
}
