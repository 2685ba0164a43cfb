//! From proposals to messages. Before a message leaves, the identity is read again: a proposal
//! that rests on what somebody has changed meanwhile is dropped.

use std::collections::BTreeMap;

use contract::{Cause, ConvergeRequest, Lane, PlanRequest};
use domain::compare::{Class, Repair};
use domain::{AccountId, IdentityId, RecordKey, TargetId};
use jiff::SignedDuration;
use ports::lanes::Outgoing;
use ports::target::{Found, Lookup};
use ports::{Clock, Fault, Lanes, Objects, Observe, Store};

use crate::propose::{Decision, Proposal};
use crate::{Reconciler, Run};

/// An account that waits for a human is left to him for this long; then it is tried once more. An
/// ending of access is tried every time.
const PATIENCE: SignedDuration = SignedDuration::from_hours(20);

/// Messages handed to a lane at once.
const CHUNK: usize = 100;

/// Sends a request for each identity and target with something to mend, endings of access first.
/// Returns how many by target.
pub(crate) async fn proposals<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    run: &Run,
    proposals: &mut [Proposal],
) -> Result<BTreeMap<TargetId, u64>, Fault>
where
    S: Store,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    let mut wanted: BTreeMap<(TargetId, IdentityId), Vec<usize>> = BTreeMap::new();
    for (at, proposal) in proposals.iter().enumerate() {
        if matches!(proposal.decision, Decision::Send | Decision::Held)
            && let Some(identity) = proposal.identity()
        {
            let key = (proposal.target.clone(), identity.clone());
            wanted.entry(key).or_default().push(at);
        }
    }
    let mut endings = Vec::new();
    let mut others = Vec::new();
    for (key, parts) in wanted {
        let ends = parts
            .iter()
            .filter_map(|at| proposals.get(*at))
            .any(|proposal| proposal.deviation.class == Class::O1);
        if ends { &mut endings } else { &mut others }.push((key, parts));
    }
    let mut sent = BTreeMap::new();
    for (batch, ends) in [(endings, true), (others, false)] {
        let mut messages: BTreeMap<Lane, Vec<Outgoing>> = BTreeMap::new();
        for ((target, identity), parts) in batch {
            let decision = match request(reconciler, &target, &identity, proposals, &parts).await? {
                Checked::Send(request) => {
                    let lane = if ends {
                        Lane::Terminations
                    } else {
                        Lane::Target(target.clone())
                    };
                    messages.entry(lane).or_default().push(Outgoing {
                        group: request.group(),
                        dedup: format!("{}#{target}#{identity}", run.id),
                        body: body(&request)?,
                    });
                    Decision::Queued
                }
                Checked::Leave => Decision::Open,
                Checked::Drop => Decision::Dropped,
            };
            let mut mends = false;
            for at in parts {
                let Some(proposal) = proposals.get_mut(at) else {
                    continue;
                };
                if proposal.decision == Decision::Held && decision == Decision::Queued {
                    continue;
                }
                mends |= decision == Decision::Queued;
                proposal.decision = decision;
            }
            if mends {
                *sent.entry(target).or_default() += 1;
            }
        }
        for (lane, messages) in messages {
            for chunk in messages.chunks(CHUNK) {
                reconciler.lanes.send(&lane, chunk).await?;
            }
        }
    }
    Ok(sent)
}

/// Hands identities to the planner that it should have looked at.
pub(crate) async fn replans<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    run: &Run,
    identities: &[IdentityId],
) -> Result<u64, Fault>
where
    L: Lanes,
{
    for chunk in identities.chunks(CHUNK) {
        let messages: Vec<Outgoing> = chunk
            .iter()
            .map(|identity| {
                let record = RecordKey::from(identity);
                Ok(Outgoing {
                    group: record.to_string(),
                    dedup: format!("{}#{record}", run.id),
                    body: body(&PlanRequest::new(record, Cause::Reconcile))?,
                })
            })
            .collect::<Result<_, Fault>>()?;
        reconciler.lanes.send(&Lane::Facts, &messages).await?;
    }
    Ok(identities.len() as u64)
}

/// What a second look says about a proposal.
enum Checked {
    Send(ConvergeRequest),
    /// It stands, and nothing is sent.
    Leave,
    /// It no longer stands.
    Drop,
}

async fn request<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    target: &TargetId,
    identity: &IdentityId,
    proposals: &[Proposal],
    parts: &[usize],
) -> Result<Checked, Fault>
where
    S: Store,
    C: Clock,
    O: Observe,
{
    let parts: Vec<&Proposal> = parts.iter().filter_map(|at| proposals.get(*at)).collect();
    let Some(owner) = parts.iter().find_map(|part| part.deviation.owner.as_ref()) else {
        return Ok(Checked::Leave);
    };
    let (seat, health) = reconciler.store.seat(identity, target).await?;
    let Some(seat) = seat else {
        return Ok(Checked::Drop);
    };
    let applied = seat.accounts.get(target).map(|account| account.applied);
    if seat.record.generation != owner.generation || applied.unwrap_or_default() != owner.applied {
        return Ok(Checked::Drop);
    }
    let now = reconciler.clock.now();
    if seat.owed.contains_key(target) || health.waits(now) {
        return Ok(Checked::Leave);
    }
    let waits = seat.accounts.get(target).is_some_and(|account| {
        let lately = |at| now.duration_since(at) < PATIENCE;
        account.parked.is_some() && account.at.is_some_and(lately)
    });
    let ends = parts.iter().any(|part| part.deviation.class == Class::O1);
    if waits && !ends {
        return Ok(Checked::Leave);
    }
    let creates = parts
        .iter()
        .any(|part| part.deviation.repair == Some(Repair::Create));
    if creates {
        let id = seat.accounts.get(target).and_then(|a| a.id.as_ref());
        match absence(reconciler, target, identity, id).await {
            Absence::Confirmed => {}
            Absence::Refuted => return Ok(Checked::Drop),
            Absence::Unknown => return Ok(Checked::Leave),
        }
    }
    Ok(Checked::Send(ConvergeRequest {
        v: 1,
        identity: identity.clone(),
        target: target.clone(),
        generation: seat.record.generation,
        look: true,
        cause: Cause::Reconcile,
    }))
}

enum Absence {
    Confirmed,
    Refuted,
    Unknown,
}

/// A listing may lag behind. Before something is made again because it is missing, it is asked for
/// by name.
async fn absence<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    target: &TargetId,
    identity: &IdentityId,
    id: Option<&AccountId>,
) -> Absence
where
    O: Observe,
{
    let Some(reader) = reconciler.targets.get(target) else {
        return Absence::Unknown;
    };
    let lookups = [id.map(Lookup::Id), Some(Lookup::Key(identity.as_str()))];
    for lookup in lookups.into_iter().flatten() {
        match reader.find(lookup).await {
            Ok(Found::None) => {}
            // What was deleted comes back by being wanted.
            Ok(Found::One(account)) if account.deleted => {}
            Ok(Found::One(_) | Found::Many(_)) => return Absence::Refuted,
            Err(_) => return Absence::Unknown,
        }
    }
    Absence::Confirmed
}

pub(crate) fn body(message: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(message)
        .map_err(|error| Fault::reject(format!("a message cannot be written: {error}")))
}
