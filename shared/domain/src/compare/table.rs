//! The table of desired, recorded and actual, for every membership of an account.

use std::collections::BTreeSet;

use super::classify::{Findings, Said, is_privileged};
use super::look::Link;
use super::memberships::{wanted, wants};
use super::{Class, Repair, Severity, Situation};
use crate::EntitlementId;
use crate::policy::{Criticality, LostGrant, Policy, What};
use crate::sod::brings;

impl<'a> Findings<'a> {
    /// The table of desired, recorded and actual, for every membership.
    pub(super) fn memberships(&mut self, link: &'a Link, owned: bool) {
        let want: BTreeSet<&EntitlementId> = wanted(&link.projection).collect();
        let certified = self.evidence.users && self.evidence.groups;
        for entitlement in &self.case.held {
            let is_wanted = want.contains(entitlement);
            let is_recorded = link.record.grants.contains(entitlement);
            match (is_wanted, is_recorded) {
                (true, true) => {}
                (true, false) => self.membership(
                    link,
                    entitlement,
                    Severity::Info,
                    "was held before it was given",
                    "record it as ours",
                    owned.then_some(Repair::Converge),
                ),
                (false, true) => {
                    let severity = self.severity(link, entitlement);
                    self.membership(
                        link,
                        entitlement,
                        severity,
                        "is still held although nothing justifies it any more",
                        "take it away",
                        (owned && certified).then_some(Repair::Revoke),
                    );
                }
                (false, false) => {
                    let severity = self.severity(link, entitlement);
                    let authoritative = self
                        .scope
                        .policy
                        .entitlements
                        .get(entitlement)
                        .is_some_and(|known| known.authoritative);
                    self.membership(
                        link,
                        entitlement,
                        severity,
                        "was given by hand: neither policy nor our record knows it",
                        if authoritative {
                            "take it away: policy alone decides about this entitlement"
                        } else {
                            "ask whether it is needed"
                        },
                        (owned && certified && authoritative).then_some(Repair::Revoke),
                    );
                }
            }
        }
        if !certified {
            return;
        }
        let lacking: Vec<&EntitlementId> = if self.case.account.is_some() {
            let expected = want.iter().copied().chain(&link.record.grants);
            let expected: BTreeSet<&EntitlementId> = expected.collect();
            expected
                .into_iter()
                .filter(|entitlement| !self.case.held.contains(*entitlement))
                .collect()
        } else {
            self.case.lacking.iter().collect()
        };
        for entitlement in lacking {
            let is_wanted = want.contains(entitlement);
            let is_recorded = link.record.grants.contains(entitlement);
            let (severity, detail, proposed, repair) = match (is_wanted, is_recorded) {
                (true, true) => (
                    Severity::Low,
                    "was given by us and taken away by hand",
                    match self.scope.target.lost {
                        LostGrant::Regrant => "give it again",
                        LostGrant::Report => "ask why it was taken away",
                    },
                    match self.scope.target.lost {
                        LostGrant::Regrant => Some(Repair::Converge),
                        LostGrant::Report => None,
                    },
                ),
                (true, false) => (
                    Severity::Low,
                    "is wanted and not held",
                    "give it",
                    Some(Repair::Converge),
                ),
                (false, _) => (
                    Severity::Info,
                    "is on record and gone already",
                    "close the record",
                    Some(Repair::Converge),
                ),
            };
            let repair = repair.filter(|_| owned);
            self.membership(link, entitlement, severity, detail, proposed, repair);
        }
    }

    fn membership(
        &mut self,
        link: &'a Link,
        entitlement: &EntitlementId,
        severity: Severity,
        detail: &str,
        proposed: &'static str,
        repair: Option<Repair>,
    ) {
        // Out of band is what is held without a reason; the rest is drift of what is ours.
        let without_reason =
            self.case.held.contains(entitlement) && !wants(&link.projection, entitlement);
        let breaks = without_reason
            .then(|| self.breaks(link, entitlement))
            .flatten()
            .map(|sod| format!("; it breaks SoD `{sod}`"))
            .unwrap_or_default();
        let what = match self
            .scope
            .policy
            .holding(entitlement)
            .map(|known| known.what)
        {
            None | Some(What::Group) => String::new(),
            Some(what) => format!("{} ", what.words()),
        };
        self.say(
            Some(link),
            Some(entitlement),
            Said {
                class: if without_reason { Class::O6 } else { Class::O8 },
                severity,
                situation: Situation::Linked,
                detail: format!("{what}`{entitlement}` {detail}{breaks}"),
                proposed,
                repair,
            },
        );
    }

    /// As critical as policy calls it; high at least for what is privileged, and for what breaks
    /// separation of duties with something else that is held.
    fn severity(&self, link: &Link, entitlement: &EntitlementId) -> Severity {
        if is_privileged(self.scope, entitlement) || self.breaks(link, entitlement).is_some() {
            return Severity::High.min(by_criticality(self.scope.policy, entitlement));
        }
        by_criticality(self.scope.policy, entitlement)
    }

    /// The SoD pair or set that a membership breaks, preventive or not.
    fn breaks(&self, link: &Link, entitlement: &EntitlementId) -> Option<&'a str> {
        let policy = self.scope.policy;
        // Of an account that matched and was dropped, only what is odd was kept.
        let ours = wanted(&link.projection).filter(|one| !self.case.lacking.contains(*one));
        let held: BTreeSet<EntitlementId> = self.case.held.iter().chain(ours).cloned().collect();
        let brought: BTreeSet<&EntitlementId> = brings(&policy.entitlements, entitlement).collect();
        let found = policy.sod.iter().find(|sod| {
            let broken = sod.broken_by(&policy.entitlements, &held);
            broken.iter().any(|one| brought.contains(one))
        })?;
        Some(&found.name)
    }
}

fn by_criticality(policy: &Policy, entitlement: &EntitlementId) -> Severity {
    match policy.holding(entitlement).map(|known| known.criticality) {
        Some(Criticality::Critical) => Severity::Critical,
        Some(Criticality::High) => Severity::High,
        Some(Criticality::Medium) | None => Severity::Medium,
        Some(Criticality::Low) => Severity::Low,
    }
}
