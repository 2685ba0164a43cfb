//! The fifth step: from proposals to messages. Before a message leaves, the identity is read again:
//! a proposal that rests on what somebody has changed meanwhile is dropped.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Cause, ConvergeRequest, Lane, PlanRequest};
use domain::limit::Scope;
use domain::{IdentityId, RecordKey, TargetId};
use ports::lanes::Outgoing;
use ports::objects::Put;
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};

use crate::asked::Asked;
use crate::begin::Begun;
use crate::settle::{self, Round, Settled, Work};
use crate::{Leg, Reconciler, Run};

/// Messages handed to a lane at once.
pub(crate) const CHUNK: usize = 100;

/// What the parts of a run share while they are worked on.
pub(crate) struct Sending {
    pub(crate) asked: Asked,
    pub(crate) leg: Leg,
    /// Questions in a row to which a target gave no answer.
    pub(crate) silent: BTreeMap<TargetId, u32>,
}

/// Decides about one part of a target in one round, and sends a request for each identity with
/// something to mend. What was done before is not done again. Returns how many mend something;
/// `None` where time was up.
pub(crate) async fn part<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    begun: &Begun,
    (target, part): (&TargetId, u64),
    over: &BTreeSet<Scope>,
    (round, sending): (Round, &mut Sending),
) -> Result<Option<u64>, Fault>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    let stash = reconciler.stash(begun);
    let mut work: Option<Work> = None;
    let mut mends = 0;
    let mut place = Some(0);
    while let Some(at) = place {
        let name = round.name(target, part, at);
        let written: Option<Settled> = stash.get(&name).await?;
        let mut settled = if let Some(settled) = written {
            settled
        } else {
            let work = match &mut work {
                Some(work) => work,
                none => {
                    let compared = reconciler.compared(begun, target, part).await?;
                    let proposals = compared.map(|it| it.proposals(target, over).collect());
                    none.insert(Work::of(proposals.unwrap_or_default(), round))
                }
            };
            let silent = sending.silent.get(target).copied().unwrap_or_default();
            let (from, until) = ((at, silent), (&mut sending.asked, sending.leg));
            let settled = settle::stretch(reconciler, target, work, from, until).await?;
            match stash.put_new(&name, &settled).await? {
                Put::Written => settled,
                Put::Exists => stash.need(&name).await?,
            }
        };
        for case in settled.cases.values() {
            sending.asked.see(case);
        }
        sending.silent.insert(target.clone(), settled.silent);
        mends += settled.mends;
        place = settled.next;
        if settled.sent {
            continue;
        }
        send(reconciler, begun, round, &settled.requests).await?;
        settled.sent = true;
        stash.put(&name, &settled).await?;
        if sending.leg.is_over(reconciler.clock.now()) {
            return Ok(None);
        }
    }
    Ok(Some(mends))
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

pub(crate) fn body(message: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(message)
        .map_err(|error| Fault::reject(format!("a message cannot be written: {error}")))
}
