//! The third step, once per part of a target: from what was observed to differences, and from those
//! to proposals: what policy, evidence and limits let us ask for.

use std::collections::{BTreeMap, BTreeSet};

use domain::compare::{self, Class, Deviation, Part, Repair};
use domain::limit::{self, Scope};
use domain::{CaseId, Hash, IdentityId, TargetId};
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};

use crate::asked::Asked;
use crate::begin::Begun;
use crate::frames::{self, Chain};
use crate::{Leg, Reconciler, observe, recorded};

/// What becomes of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What one part of a target came to: written by the step that compares it, read by every later
/// one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Compared {
    pub(crate) numbers: compare::Numbers,
    /// How much a run would take away, by limit.
    pub(crate) takes: BTreeMap<Scope, u64>,
    pub(crate) found: Vec<Found>,
}

/// A difference, and whether policy and evidence let us ask for its repair.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    deviation: Deviation,
    mends: bool,
    /// The operator who decided to leave it as it is.
    by: Option<Box<str>>,
}

impl Compared {
    /// The proposals that come of it under the limits that are exceeded.
    pub(crate) fn proposals<'a>(
        self,
        target: &'a TargetId,
        over: &'a BTreeSet<Scope>,
    ) -> impl Iterator<Item = Proposal> + 'a {
        self.found.into_iter().map(move |found| {
            let holds = scopes(&found.deviation)
                .iter()
                .any(|scope| over.contains(scope));
            let decision = match (found.mends, holds) {
                (true, true) => Decision::Held,
                (true, false) => Decision::Send,
                (false, _) if found.by.is_some() => Decision::Decided,
                (false, _) => Decision::Open,
            };
            Proposal {
                finding: finding(target, &found.deviation),
                target: target.clone(),
                deviation: found.deviation,
                decision,
                case: None,
                by: found.by.unwrap_or_default(),
            }
        })
    }
}

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Compares one part of a target that was observed, and writes down what differs.
    pub(crate) async fn compare(
        &self,
        begun: &Begun,
        target: &TargetId,
        index: u64,
    ) -> Result<(), Fault> {
        let stash = self.stash(begun);
        let chain = Chain::of(stash, target).await?;
        let over = chain.over().await?;
        let part = Part {
            index,
            of: over.parts,
        };
        if index >= part.of {
            return Err(Fault::reject(format!(
                "`{target}` has {} parts, from 0 on, and none with number {index}",
                part.of
            )));
        }
        if !stash.names(&name(target, index)).await?.is_empty() {
            return Ok(());
        }
        let comparison = self.recorded(begun, target).await?.observe();
        let evidence = observe::evidence(begun, &over);
        let mut look = chain.gather(comparison, evidence, part).await?.look();
        recorded::look(self.store, target, &mut look).await?;
        let compare::Compared {
            deviations,
            numbers,
        } = look.finish();

        let asked = Asked::load(self.store, begun.run.at).await?;
        let mut compared = Compared {
            numbers,
            takes: BTreeMap::new(),
            found: Vec::with_capacity(deviations.len()),
        };
        for mut deviation in deviations {
            // What is on its way already is not sent again.
            let owner = deviation.owner.as_ref();
            let mends = evidence.users
                && deviation.repair.is_some()
                && owner.is_some_and(|owner| owner.writes && !owner.owed);
            if mends {
                for scope in scopes(&deviation) {
                    *compared.takes.entry(scope).or_default() += 1;
                }
            }
            let by = asked.settle(target, &mut deviation);
            compared.found.push(Found {
                deviation,
                mends,
                by,
            });
        }
        // Whoever came first is who the steps after go by.
        stash.put_new(&name(target, index), &compared).await?;
        Ok(())
    }

    /// Compares the parts of a target that nobody compared. Returns whether all are.
    pub(crate) async fn compare_what_is_left(
        &self,
        begun: &Begun,
        target: &TargetId,
        leg: Leg,
    ) -> Result<bool, Fault> {
        let stash = self.stash(begun);
        let parts = Chain::of(stash, target).await?.over().await?.parts;
        let mut any = false;
        for part in 0..parts {
            let is_compared = !stash.names(&name(target, part)).await?.is_empty();
            if is_compared {
                continue;
            }
            if any && leg.is_over(self.clock.now()) {
                return Ok(false);
            }
            self.compare(begun, target, part).await?;
            any = true;
        }
        Ok(true)
    }

    /// What a part came to, if it was compared.
    pub(crate) async fn compared(
        &self,
        begun: &Begun,
        target: &TargetId,
        part: u64,
    ) -> Result<Option<Compared>, Fault> {
        self.stash(begun).get(&name(target, part)).await
    }
}

fn name(target: &TargetId, part: u64) -> String {
    format!("{}compared-{part:06}", frames::folder(target))
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
