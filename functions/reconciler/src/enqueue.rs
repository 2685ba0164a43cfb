//! The fifth step: from proposals to messages. Before a message leaves, the identity is read again:
//! a proposal that rests on what somebody has changed meanwhile is dropped.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Cause, ConvergeRequest, Lane, PlanRequest};
use domain::compare::{Class, Repair};
use domain::limit::Scope;
use domain::{AccountId, CaseId, IdentityId, RecordKey, TargetId};
use jiff::SignedDuration;
use ports::lanes::Outgoing;
use ports::objects::Put;
use ports::target::{Found, Lookup};
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};

use crate::asked::{self, Asked};
use crate::begin::Begun;
use crate::propose::{Decision, Proposal};
use crate::{Reconciler, Run, frames};

/// An account that waits for a human is left to him for this long; then it is tried once more. An
/// ending of access is tried every time.
const PATIENCE: SignedDuration = SignedDuration::from_hours(20);

/// Messages handed to a lane at once.
const CHUNK: usize = 100;

/// What was decided about the proposals of one part. It is written down before anything is sent, so
/// that a step that is interrupted and run again does not judge anew what its own messages have
/// changed meanwhile.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Settled {
    /// By the number of the proposal.
    decisions: BTreeMap<usize, Decision>,
    /// Cases by the number of the proposal.
    cases: BTreeMap<usize, CaseId>,
    requests: Vec<ConvergeRequest>,
    /// How many of the requests mend something.
    pub(crate) mends: u64,
    sent: bool,
}

impl Settled {
    /// Puts down on the proposals what was decided about them.
    pub(crate) fn apply(&self, at: usize, proposal: &mut Proposal) {
        if let Some(decision) = self.decisions.get(&at) {
            proposal.decision = *decision;
        }
        if let Some(case) = self.cases.get(&at) {
            proposal.case = Some(case.clone());
        }
    }
}

/// Endings of access go first, over all targets; then everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    Endings,
    Others,
}

impl Round {
    /// Where the decisions of a part are written down.
    pub(crate) fn name(self, target: &TargetId, part: u64) -> String {
        let folder = frames::folder(target);
        match self {
            Self::Endings => format!("{folder}endings-{part:06}"),
            Self::Others => format!("{folder}others-{part:06}"),
        }
    }
}

/// Whether there was anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    None,
    Some,
}

/// Decides about one part of a target in one round, and sends a request for each identity with
/// something to mend. What was done before is not done again.
pub(crate) async fn part<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    begun: &Begun,
    (target, part): (&TargetId, u64),
    over: &BTreeSet<Scope>,
    (round, asked): (Round, &mut Asked),
) -> Result<(u64, Effort), Fault>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    let stash = reconciler.stash(begun);
    let name = round.name(target, part);
    let written: Option<Settled> = stash.get(&name).await?;
    let mut settled = if let Some(settled) = written {
        settled
    } else {
        let compared = reconciler.compared(begun, target, part).await?;
        let proposals = compared.map(|it| it.proposals(target, over).collect::<Vec<_>>());
        let proposals = proposals.unwrap_or_default();
        let mut settled = decide(reconciler, target, &proposals, round).await?;
        if round == Round::Others {
            for (at, proposal) in proposals.iter().enumerate() {
                let (store, policy) = (reconciler.store, reconciler.policy);
                if let Some(case) = asked::ask(store, policy, asked, proposal).await? {
                    settled.cases.insert(at, case);
                }
            }
        }
        match stash.put_new(&name, &settled).await? {
            Put::Written => settled,
            Put::Exists => stash.need(&name).await?,
        }
    };
    for case in settled.cases.values() {
        asked.see(case);
    }
    if settled.sent {
        return Ok((settled.mends, Effort::None));
    }
    send(reconciler, begun, round, &settled.requests).await?;
    settled.sent = true;
    stash.put(&name, &settled).await?;
    Ok((settled.mends, Effort::Some))
}

async fn decide<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    target: &TargetId,
    proposals: &[Proposal],
    round: Round,
) -> Result<Settled, Fault>
where
    S: Store,
    C: Clock,
    O: Observe,
{
    let mut wanted: BTreeMap<IdentityId, Vec<usize>> = BTreeMap::new();
    for (at, proposal) in proposals.iter().enumerate() {
        if matches!(proposal.decision, Decision::Send | Decision::Held)
            && let Some(identity) = proposal.identity()
        {
            wanted.entry(identity.clone()).or_default().push(at);
        }
    }
    let mut settled = Settled::default();
    for (identity, parts) in wanted {
        let ends = parts
            .iter()
            .filter_map(|at| proposals.get(*at))
            .any(|proposal| proposal.deviation.class == Class::O1);
        if ends != (round == Round::Endings) {
            continue;
        }
        let decision = match request(reconciler, target, &identity, proposals, &parts).await? {
            Checked::Send(request) => {
                settled.requests.push(request);
                Decision::Queued
            }
            Checked::Leave => Decision::Open,
            Checked::Drop => Decision::Dropped,
        };
        let mut mends = false;
        for at in parts {
            let held = proposals.get(at).is_some_and(Proposal::is_held);
            if held && decision == Decision::Queued {
                continue;
            }
            mends |= decision == Decision::Queued;
            settled.decisions.insert(at, decision);
        }
        settled.mends += u64::from(mends);
    }
    Ok(settled)
}

/// Sent twice, a message is dropped by its name or finds nothing to do.
async fn send<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    begun: &Begun,
    round: Round,
    requests: &[ConvergeRequest],
) -> Result<(), Fault>
where
    L: Lanes,
{
    let run = &begun.run.id;
    for chunk in requests.chunks(CHUNK) {
        let lane = match (round, chunk.first()) {
            (_, None) => continue,
            (Round::Endings, Some(_)) => Lane::Terminations,
            (Round::Others, Some(request)) => Lane::Target(request.target.clone()),
        };
        let messages: Vec<Outgoing> = chunk
            .iter()
            .map(|request| {
                Ok(Outgoing {
                    group: request.group(),
                    dedup: format!("{run}#{}#{}", request.target, request.identity),
                    body: body(request)?,
                })
            })
            .collect::<Result<_, Fault>>()?;
        reconciler.lanes.send(&lane, &messages).await?;
    }
    Ok(())
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
    let ends = parts.iter().any(|part| part.deviation.class == Class::O1);
    // Connectors try endings however the target is.
    if seat.owed.contains_key(target) || (health.waits(now) && !ends) {
        return Ok(Checked::Leave);
    }
    let waits = seat.accounts.get(target).is_some_and(|account| {
        let lately = |at| now.duration_since(at) < PATIENCE;
        account.parked.is_some() && account.at.is_some_and(lately)
    });
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
