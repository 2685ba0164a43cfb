//! Receiving, where no platform does it for us: the queue side of the embedded lanes and of their
//! model. In the cloud the event source mapping does what [`run`] does here, by the same rules.

use std::future::Future;
use std::time::Duration;

use contract::Lane;
use jiff::Timestamp;

use crate::lanes::{Batch, BatchAnswer, Incoming};

/// Most messages of one batch (Lambda's limit for FIFO queues).
pub const BATCH: usize = 10;

/// Receives after which a message that becomes visible again is a dead letter.
pub const MAX_RECEIVES: u32 = 5;

/// How long a queue remembers a deduplication id (SQS: 5 minutes, fixed).
pub const DEDUP_WINDOW: Duration = Duration::from_mins(5);

/// Names one delivery of one message. Worthless once the message was delivered again or its
/// visibility timeout ran out, as the handle of a FIFO queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt {
    /// The message.
    pub sequence: u64,
    /// Which of its deliveries.
    pub receives: u32,
}

/// A message as it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// For deleting it or changing its visibility.
    pub receipt: Receipt,
    /// For the function.
    pub message: Incoming,
}

/// How many messages a lane holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Waiting and not hidden. Some may wait behind a hidden message of their group.
    pub visible: usize,
    /// Delivered and hidden until they are deleted or their visibility timeout runs out.
    pub in_flight: usize,
    /// Dead letters.
    pub dead: usize,
}

/// A message that was received too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message's sequence number in its lane.
    pub sequence: u64,
    /// FIFO group.
    pub group: String,
    /// JSON.
    pub body: String,
    /// How many times it was received.
    pub receives: u32,
}

/// FIFO queues with receivers, as SQS has them. Nothing here waits: time passes in the clock that
/// the implementation was given.
pub trait Queues: Send + Sync {
    /// Delivers at most `max` messages of any groups, oldest first, several of a group in their
    /// order; none of a group that has a hidden message. Each is hidden for `visibility`.
    fn receive(&self, lane: &Lane, max: usize, visibility: Duration) -> Vec<Received>;

    /// Removes a delivered message for good. Returns whether the receipt still counted.
    fn delete(&self, lane: &Lane, receipt: Receipt) -> bool;

    /// Hides a delivered message for `after` from now on; zero makes it visible at once. Returns
    /// whether the receipt still counted.
    fn set_visibility(&self, lane: &Lane, receipt: Receipt, after: Duration) -> bool;

    /// How many messages the lane holds.
    fn stats(&self, lane: &Lane) -> Stats;

    /// The lane's dead letters, oldest first.
    fn dead_letters(&self, lane: &Lane) -> Vec<DeadLetter>;

    /// Removes a dead letter for good. Returns whether there was one.
    fn discard(&self, lane: &Lane, sequence: u64) -> bool;

    /// Puts the lane's dead letters back at its end, as new messages. Returns how many.
    fn redrive(&self, lane: &Lane) -> usize;

    /// Whether no lane holds a message that is visible or in flight; dead letters do not count.
    fn is_idle(&self) -> bool;

    /// When the next hidden message of any lane becomes visible.
    fn next_visible_at(&self) -> Option<Timestamp>;
}

/// Receives one batch, hands it to `work`, deletes what is done and sets the visibility of what
/// failed, as an event source mapping with partial batch responses does. Returns how many
/// messages were received; with none `work` is not called.
///
/// Where `work` panics or is dropped, the whole batch comes back after `visibility`.
pub async fn run<Q, W, F>(queues: &Q, lane: &Lane, visibility: Duration, work: W) -> usize
where
    Q: Queues + ?Sized,
    W: FnOnce(Batch) -> F,
    F: Future<Output = BatchAnswer>,
{
    run_up_to(queues, lane, BATCH, visibility, work).await
}

/// The same with up to `most` messages. A function that was handed a full batch may receive more
/// of the same queue itself, so that more goes to a target in one request; each message keeps its
/// group to itself until it is done, as those do that the platform handed over.
pub async fn run_up_to<Q, W, F>(
    queues: &Q,
    lane: &Lane,
    most: usize,
    visibility: Duration,
    work: W,
) -> usize
where
    Q: Queues + ?Sized,
    W: FnOnce(Batch) -> F,
    F: Future<Output = BatchAnswer>,
{
    let mut received = queues.receive(lane, BATCH.min(most), visibility);
    while received.len() < most && received.len().is_multiple_of(BATCH) {
        let more = queues.receive(lane, BATCH.min(most - received.len()), visibility);
        if more.is_empty() {
            break;
        }
        received.extend(more);
    }
    if received.is_empty() {
        return 0;
    }
    let batch = Batch {
        records: received.iter().map(|one| one.message.clone()).collect(),
    };
    let answer = work(batch).await;
    // A function that names an unknown message has lost track of its batch: all of it comes back.
    let known = answer
        .failed
        .iter()
        .all(|failed| received.iter().any(|one| one.message.id == failed.id));
    if !known {
        tracing::error!(lane = %lane, "answer names an unknown message; the batch comes back");
        return received.len();
    }
    for one in &received {
        let failed = answer
            .failed
            .iter()
            .find(|failed| failed.id == one.message.id);
        match failed {
            None => queues.delete(lane, one.receipt),
            Some(failed) => match failed.after {
                Some(after) => queues.set_visibility(lane, one.receipt, after),
                // The visibility timeout of the receive runs on.
                None => true,
            },
        };
    }
    received.len()
}

/// Whether a deduplication id that came at `at` is forgotten.
#[cfg(any(feature = "embedded", feature = "model"))]
pub(crate) fn forgotten(at: Timestamp, now: Timestamp) -> bool {
    later(at, DEDUP_WINDOW) <= now
}

/// `now` plus a duration, or the end of time.
#[cfg(any(feature = "embedded", feature = "model"))]
pub(crate) fn later(now: Timestamp, by: Duration) -> Timestamp {
    let by = jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX);
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
