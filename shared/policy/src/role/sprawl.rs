//! Roles that are too many or too large. RBAC pays off while jobs that exist at scale become roles,
//! some ten to thirty of them; what grows beyond nobody reviews.

use std::collections::{BTreeMap, BTreeSet};

use domain::policy::Entitlement;
use domain::{EntitlementId, RoleId, TargetId};

use super::Written;
use crate::report::Report;
use crate::sections::Named;

/// Most roles for everyday work.
const MOST_STANDARD: usize = 30;

/// Most entitlements of a role for everyday work, those of the roles that it includes with it.
const MOST_ENTITLEMENTS: usize = 20;

/// Most targets on which such a role gives something.
const MOST_TARGETS: usize = 5;

/// Below that many roles nobody loses track.
const FEW: usize = 30;

/// Warns of roles that are too many.
pub(super) fn report_explosion(
    report: &Report,
    written: &Named<Written>,
    entitlements: &Named<Entitlement>,
) {
    let standard = written.values().filter(|role| role.value.standard);
    if let Some(over) = standard.clone().nth(MOST_STANDARD) {
        report.warn(
            over.at,
            "role-explosion",
            format!("the policy has {} standard roles", standard.count()),
            format!(
                "aim at 10 to {MOST_STANDARD}: one for each job that exists at scale, and small roles \
                 beside them for region, function or leadership"
            ),
        );
    }
    let last = written.values().max_by_key(|role| role.at);
    if let Some(last) = last
        && written.len() > FEW
        && written.len() > entitlements.len()
    {
        report.warn(
            last.at,
            "role-explosion",
            format!(
                "the policy has {} roles for {} entitlements",
                written.len(),
                entitlements.len()
            ),
            "join roles that hold the same, or give what differs by rules of its own",
        );
    }
}

/// Warns of roles for everyday work that grew large.
pub(super) fn report_bloat(
    report: &Report,
    written: &Named<Written>,
    flat: &BTreeMap<Box<str>, BTreeMap<EntitlementId, RoleId>>,
    entitlements: &Named<Entitlement>,
) {
    for (name, role) in written.iter().filter(|(_, role)| role.value.standard) {
        let Some(held) = flat.get(name) else {
            continue;
        };
        let targets: BTreeSet<&TargetId> = held
            .keys()
            .filter_map(|id| entitlements.get(id.as_str()))
            .map(|entitlement| &entitlement.value.target)
            .collect();
        let what = if held.len() > MOST_ENTITLEMENTS {
            format!("{} entitlements", held.len())
        } else if targets.len() > MOST_TARGETS {
            format!("entitlements of {} targets", targets.len())
        } else {
            continue;
        };
        report.warn(
            role.at,
            "bloated-role",
            format!("standard role `{name}` gives {what}"),
            format!(
                "keep what everybody with it needs every day, at most {MOST_ENTITLEMENTS} on \
                 {MOST_TARGETS} targets, and move the rest to roles of their own"
            ),
        );
    }
}
