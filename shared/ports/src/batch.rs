//! Works through a [`Batch`] record by record: partial failures, order inside a FIFO group, and a
//! panic that costs its own record only. Every queue function goes through [`work`]; none decides
//! for itself what a [`Fault`] means to the queue.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use serde::de::DeserializeOwned;

use crate::lanes::{Batch, BatchAnswer, Failed, Incoming};
use crate::{Fault, trace};

/// Hands the records to `handle`, one after the other in queue order, and answers for the batch.
///
/// - `Ok`, [`Fault::Reject`] and [`Fault::Halt`] are acknowledged: the handler has parked the item
///   or quarantined the target before it returned.
/// - [`Fault::Retry`] and a panic come back; a panic at the queue's own pace.
/// - After a record that comes back, the later records of its group come back unworked and at the
///   same time, because a queue does not deliver a group while one of its messages is hidden.
///   Other groups go on.
///
/// Every record that was not done is logged here, once, by message id and class.
pub async fn work<H, F>(batch: Batch, mut handle: H) -> BatchAnswer
where
    H: FnMut(Incoming) -> F,
    F: Future<Output = Result<(), Fault>>,
{
    let mut stopped: BTreeMap<String, Option<Duration>> = BTreeMap::new();
    let mut answer = BatchAnswer::default();
    for record in batch.records {
        let id = record.id.clone();
        let group = record.group.clone();
        if let Some(after) = stopped.get(&group) {
            answer.failed.push(Failed { id, after: *after });
            continue;
        }
        let receives = record.receives;
        let trace = record.trace.clone();
        let fate = trace::within(trace, work_one(record, &mut handle, &id, receives)).await;
        if let Fate::Back(after) = fate {
            stopped.insert(group, after);
            answer.failed.push(Failed { id, after });
        }
    }
    answer
}

/// [`work`], and then `finish` once for all records: what they left behind to be done together.
/// It answers with the message id of each record that it failed for, which then fares as if its own
/// work had failed.
pub async fn work_and_finish<H, F, E, G>(batch: Batch, handle: H, finish: E) -> BatchAnswer
where
    H: FnMut(Incoming) -> F,
    F: Future<Output = Result<(), Fault>>,
    E: FnOnce() -> G,
    G: Future<Output = Vec<(String, Fault)>>,
{
    let known: BTreeMap<String, (u32, Option<trace::Trace>)> = batch
        .records
        .iter()
        .map(|record| (record.id.clone(), (record.receives, record.trace.clone())))
        .collect();
    let mut answer = work(batch, handle).await;
    for (id, fault) in finish().await {
        let Some((receives, trace)) = known.get(&id) else {
            continue;
        };
        if answer.failed.iter().any(|failed| failed.id == id) {
            continue;
        }
        let judge = || fate(Err(fault), &id, *receives);
        if let Fate::Back(after) = trace::under(trace.as_ref(), judge) {
            answer.failed.push(Failed { id, after });
        }
    }
    answer
}

/// Hands records to `handle` many at once: the first of each group, then the second of each, and so
/// on, so that one message of a group is worked on at a time. `handle` answers for each record it
/// was given, in their order; everything else is as [`work`] says. Where it panics over several
/// records, they are handed over again one by one, so that a poisonous one costs itself only.
pub async fn work_together<H, F>(batch: Batch, mut handle: H) -> BatchAnswer
where
    H: FnMut(Vec<Incoming>) -> F,
    F: Future<Output = Vec<Result<(), Fault>>>,
{
    let mut stopped: BTreeMap<String, Option<Duration>> = BTreeMap::new();
    let mut answer = BatchAnswer::default();
    let mut waiting = batch.records;
    while !waiting.is_empty() {
        let mut groups: BTreeSet<String> = BTreeSet::new();
        let (mut round, mut later) = (Vec::new(), Vec::new());
        for record in waiting {
            if let Some(after) = stopped.get(&record.group) {
                answer.failed.push(Failed {
                    id: record.id,
                    after: *after,
                });
            } else if groups.insert(record.group.clone()) {
                round.push(record);
            } else {
                later.push(record);
            }
        }
        waiting = later;
        if round.is_empty() {
            continue;
        }
        for (record, fate) in hand_over(round, &mut handle).await {
            if let Fate::Back(after) = fate {
                stopped.insert(record.group, after);
                answer.failed.push(Failed {
                    id: record.id,
                    after,
                });
            }
        }
    }
    answer
}

/// What happens to a record.
#[derive(Clone, Copy)]
enum Fate {
    /// It is acknowledged: done, or given up.
    Over,
    /// It comes back after that time; `None` leaves it to the queue.
    Back(Option<Duration>),
}

/// One round; with each record what happens to it.
async fn hand_over<H, F>(round: Vec<Incoming>, handle: &mut H) -> Vec<(Incoming, Fate)>
where
    H: FnMut(Vec<Incoming>) -> F,
    F: Future<Output = Vec<Result<(), Fault>>>,
{
    match guarded(async { handle(round.clone()).await }).await {
        Some(answers) => {
            let mut answers = answers.into_iter();
            round
                .into_iter()
                .map(|record| {
                    let answer = answers
                        .next()
                        .unwrap_or_else(|| Err(Fault::retry("the record was not answered for")));
                    let judge = || fate(answer, &record.id, record.receives);
                    let fate = trace::under(record.trace.as_ref(), judge);
                    (record, fate)
                })
                .collect()
        }
        None if round.len() > 1 => {
            let mut fates = Vec::with_capacity(round.len());
            for record in round {
                fates.extend(Box::pin(hand_over(vec![record], handle)).await);
            }
            fates
        }
        None => round
            .into_iter()
            .map(|record| {
                let log = || log_panic(&record.id, record.receives);
                trace::under(record.trace.as_ref(), log);
                (record, Fate::Back(None))
            })
            .collect(),
    }
}

/// One record.
async fn work_one<H, F>(record: Incoming, handle: &mut H, id: &str, receives: u32) -> Fate
where
    H: FnMut(Incoming) -> F,
    F: Future<Output = Result<(), Fault>>,
{
    if let Some(answer) = guarded(async { handle(record).await }).await {
        return fate(answer, id, receives);
    }
    log_panic(id, receives);
    Fate::Back(None)
}

/// `None` where the work panicked. The payload of a panic may quote a person's data and is dropped
/// unread.
async fn guarded<T>(work: impl Future<Output = T>) -> Option<T> {
    // The handler is called inside the guarded future, so that a panic before its first await is
    // caught as well. What it shares between records are ports, and the store, not memory,
    // remembers how far a record came: nothing half-changed is observed after an unwind.
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// What an answer means to the queue; says what became of a record that was not done, once.
fn fate(answer: Result<(), Fault>, id: &str, receives: u32) -> Fate {
    let Err(fault) = answer else {
        return Fate::Over;
    };
    let error_type = fault.error_type();
    match fault {
        Fault::Retry { after, why } => {
            tracing::warn!(
                message_id = id,
                attempts = receives,
                error_type,
                error = &*why,
                "record comes back"
            );
            Fate::Back(after)
        }
        Fault::Reject { why } | Fault::Halt { why } => {
            tracing::warn!(
                message_id = id,
                attempts = receives,
                error_type,
                error = &*why,
                "record given up"
            );
            Fate::Over
        }
    }
}

fn log_panic(id: &str, receives: u32) {
    tracing::error!(
        message_id = id,
        attempts = receives,
        error_type = "Panic",
        "record panicked"
    );
}

/// The message in a record. One that cannot be read is rejected; the text of the error holds the
/// place, never the content.
pub fn parse<T: DeserializeOwned>(record: &Incoming) -> Result<T, Fault> {
    serde_json::from_str(&record.body).map_err(|error| {
        Fault::reject(format!(
            "the message is not one of ours: {:?} at column {}",
            error.classify(),
            error.column()
        ))
    })
}
