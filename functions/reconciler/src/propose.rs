//! From differences to proposals: what policy, evidence and limits let us ask for.

use std::collections::{BTreeMap, BTreeSet};

use contract::report::TargetResult;
use domain::compare::{Class, Deviation, Repair};
use domain::limit::{self, Scope};
use domain::{CaseId, Hash, IdentityId, TargetId};
use ports::{Clock, Lanes, Objects, Observe, Store};

use crate::Reconciler;
use crate::asked::Asked;
use crate::limits::{self, Census};
use crate::observe::Observed;

/// What becomes of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Reported.
    Open,
    /// To be sent to the connector.
    Send,
    /// Over a limit: the connector is asked to list what waits, and mends the rest.
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

/// What became of one target.
pub(crate) struct Proposed {
    pub(crate) name: TargetId,
    pub(crate) result: TargetResult,
    pub(crate) proposals: Vec<Proposal>,
    /// Of what there is more than passes.
    pub(crate) over: BTreeSet<Scope>,
}

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Compares, and says what exceeds a limit.
    pub(crate) fn compare(
        &self,
        observed: Observed<'_>,
        census: Option<&Census>,
        asked: &Asked,
    ) -> Proposed {
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
        // What is on its way already is not sent again.
        let would = |deviation: &Deviation| {
            let owner = deviation.owner.as_ref();
            certified && deviation.repair.is_some() && owner.is_some_and(|o| o.writes && !o.owed)
        };
        let over = self.over(
            &name,
            compared.deviations.iter().filter(|d| would(d)),
            census,
        );
        let proposals = compared.deviations.into_iter().map(|mut deviation| {
            let by = asked.settle(&name, &mut deviation);
            let holds = scopes(&deviation).iter().any(|scope| over.contains(scope));
            let decision = match (would(&deviation), holds) {
                (true, true) => Decision::Held,
                (true, false) => Decision::Send,
                (false, _) if by.is_some() => Decision::Decided,
                (false, _) => Decision::Open,
            };
            Proposal {
                finding: finding(&name, &deviation),
                target: name.clone(),
                deviation,
                decision,
                case: None,
                by: by.unwrap_or_default(),
            }
        });
        Proposed {
            proposals: proposals.collect(),
            name,
            result,
            over,
        }
    }

    /// The scopes of which a run would change more than passes.
    fn over<'d>(
        &self,
        name: &TargetId,
        deviations: impl Iterator<Item = &'d Deviation>,
        census: Option<&Census>,
    ) -> BTreeSet<Scope> {
        let Some(target) = self.policy.targets.get(name) else {
            return BTreeSet::new();
        };
        let mut counts: BTreeMap<Scope, u64> = BTreeMap::new();
        for scope in deviations.flat_map(scopes) {
            *counts.entry(scope).or_default() += 1;
        }
        let over = |(scope, count): (Scope, u64)| {
            (count > limits::allowed(census, &target.limits, &scope)).then_some(scope)
        };
        counts.into_iter().filter_map(over).collect()
    }
}

/// The limits under which a repair falls.
fn scopes(deviation: &Deviation) -> Vec<Scope> {
    let ends = deviation.class == Class::O1;
    match deviation.repair {
        Some(Repair::Disable) if ends => vec![Scope::class(limit::Class::Block)],
        Some(Repair::Disable) => vec![Scope::class(limit::Class::Disable)],
        Some(Repair::Delete) => vec![Scope::class(limit::Class::Delete)],
        Some(Repair::Revoke) => {
            let mut scopes = vec![Scope::class(limit::Class::Revoke)];
            scopes.extend(deviation.entitlement.clone().map(|group| Scope {
                class: limit::Class::Revoke,
                group: Some(group),
            }));
            scopes
        }
        Some(Repair::Converge | Repair::Create) | None => Vec::new(),
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
