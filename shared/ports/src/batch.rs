//! Works through a [`Batch`] record by record: partial failures, order inside a FIFO group, and a
//! panic that costs its own record only. Every queue function goes through [`work`]; none decides
//! for itself what a [`Fault`] means to the queue.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use serde::de::DeserializeOwned;

use crate::Fault;
use crate::lanes::{Batch, BatchAnswer, Failed, Incoming};

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
        if let Some(after) = work_one(record, &mut handle, &id, receives).await {
            stopped.insert(group, after);
            answer.failed.push(Failed { id, after });
        }
    }
    answer
}

/// `Some` where the record comes back, with the time after which it does.
async fn work_one<H, F>(
    record: Incoming,
    handle: &mut H,
    id: &str,
    receives: u32,
) -> Option<Option<Duration>>
where
    H: FnMut(Incoming) -> F,
    F: Future<Output = Result<(), Fault>>,
{
    // The handler is called inside the guarded future, so that a panic before its first await
    // is caught as well. What it shares between records are ports, and the store, not memory,
    // remembers how far a record came: nothing half-changed is observed after an unwind.
    let guarded = AssertUnwindSafe(async { handle(record).await }).catch_unwind();
    match guarded.await {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => {
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
                    Some(after)
                }
                Fault::Reject { why } | Fault::Halt { why } => {
                    tracing::warn!(
                        message_id = id,
                        attempts = receives,
                        error_type,
                        error = &*why,
                        "record given up"
                    );
                    None
                }
            }
        }
        // The payload of the panic may quote a person's data and is dropped unread.
        Err(_payload) => {
            tracing::error!(
                message_id = id,
                attempts = receives,
                error_type = "Panic",
                "record panicked"
            );
            Some(None)
        }
    }
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
