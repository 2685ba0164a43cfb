//! From differences to proposals: what policy, evidence and limits let us ask for.

use std::collections::{BTreeMap, BTreeSet};

use contract::report::TargetResult;
use domain::compare::{Compared, Deviation, Repair, limit};
use domain::policy::Mode;
use domain::{CaseId, Hash, IdentityId, TargetId};
use ports::{Clock, Lanes, Objects, Observe, Store};

use crate::Reconciler;
use crate::asked::Asked;
use crate::observe::Observed;

/// What becomes of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Reported.
    Open,
    /// To be sent to the connector.
    Send,
    /// Stopped by a limit.
    Held,
    /// Sent.
    Queued,
    /// An operator leaves it as it is.
    Decided,
    /// Somebody decided or wrote meanwhile: nothing is said about it.
    Dropped,
}

/// A difference and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    pub(crate) target: TargetId,
    /// Stable across runs.
    pub(crate) finding: Hash,
    pub(crate) deviation: Deviation,
    pub(crate) decision: Decision,
    /// The case about it, where somebody is asked whose it is.
    pub(crate) case: Option<CaseId>,
    /// The operator who decided.
    pub(crate) by: Box<str>,
}

impl Proposal {
    pub(crate) fn is_held(&self) -> bool {
        self.decision == Decision::Held
    }

    /// Whom a repair would concern.
    pub(crate) fn identity(&self) -> Option<&IdentityId> {
        self.deviation.owner.as_ref().map(|owner| &owner.identity)
    }
}

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Compares, and holds what exceeds a limit.
    pub(crate) fn compare(
        &self,
        observed: Observed<'_>,
        asked: &Asked,
    ) -> (TargetId, TargetResult, Vec<Proposal>) {
        let name = observed.name;
        let certified = observed.users.is_ok();
        let compared = observed.look.finish();
        let result = TargetResult {
            users: observed.users,
            groups: observed.groups,
            matching: compared.matching,
            wanted: compared.wanted,
            repairs: 0,
            held: 0,
            findings: BTreeMap::new(),
        };
        let writes = self
            .policy
            .targets
            .get(&name)
            .is_some_and(|target| target.mode == Mode::Enforce);
        let over = self.over(&name, &compared);
        // One request brings an account to everything that is wanted of it, so that one change
        // that must wait makes the others of that account wait too.
        let held: BTreeSet<IdentityId> = compared
            .deviations
            .iter()
            .filter(|deviation| {
                deviation
                    .repair
                    .is_some_and(|repair| over.contains(&repair))
            })
            .filter_map(|deviation| Some(deviation.owner.as_ref()?.identity.clone()))
            .collect();
        let mut proposals = Vec::with_capacity(compared.deviations.len());
        for mut deviation in compared.deviations {
            let by = asked.leave_alone(&name, &mut deviation);
            let decision = match (&deviation.owner, deviation.repair) {
                // What is on its way already is not sent again.
                (Some(owner), Some(_)) if writes && certified && !owner.owed => {
                    if held.contains(&owner.identity) {
                        Decision::Held
                    } else {
                        Decision::Send
                    }
                }
                (None, _) if by.is_some() => Decision::Decided,
                (Some(_) | None, _) => Decision::Open,
            };
            proposals.push(Proposal {
                finding: finding(&name, &deviation),
                target: name.clone(),
                deviation,
                decision,
                case: None,
                by: by.unwrap_or_default(),
            });
        }
        (name, result, proposals)
    }

    /// The kinds of repair of which there are too many on a target.
    fn over(&self, name: &TargetId, compared: &Compared) -> BTreeSet<Repair> {
        let Some(target) = self.policy.targets.get(name) else {
            return BTreeSet::new();
        };
        let count = |kinds: &[Repair]| {
            let repairs = compared.deviations.iter().filter_map(|d| d.repair);
            repairs.filter(|repair| kinds.contains(repair)).count() as u64
        };
        let removals = [Repair::Disable, Repair::Delete];
        let revokes = [Repair::Revoke];
        let mut over = BTreeSet::new();
        if limit::is_over(target.limits.disable, count(&removals), compared.managed) {
            over.extend(removals);
        }
        if limit::is_over(target.limits.revoke, count(&revokes), compared.grants) {
            over.extend(revokes);
        }
        over
    }
}

/// The name of a finding, the same in every run.
fn finding(target: &TargetId, deviation: &Deviation) -> Hash {
    let account = deviation.account.id.as_str();
    let about = match &deviation.owner {
        Some(owner) if account.is_empty() => owner.identity.as_str(),
        Some(_) | None => account,
    };
    let entitlement = deviation.entitlement.as_ref().map_or("", |e| e.as_str());
    let class = crate::rows::class(deviation.class).as_str();
    Hash::of_parts([class, target.as_str(), about, entitlement].map(str::as_bytes))
}
