//! Sending to queues. Receiving is the platform's: an event source mapping in the cloud, the
//! embedded runner on one machine. Both hand a function a [`Batch`].

use std::future::Future;
use std::time::Duration;

use contract::Lane;

use crate::{Fault, Trace};

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// FIFO group: one message of a group is worked on at a time, in order.
    pub group: String,
    /// Deduplication id: the queue drops a second message with it for 5 minutes.
    pub dedup: String,
    /// JSON, without personal data.
    pub body: String,
}

/// Sends to queues.
pub trait Lanes: Send + Sync {
    /// Sends all messages to one lane, as part of the current trace, or fails; after a failure any
    /// of them may have been sent.
    fn send(
        &self,
        lane: &Lane,
        messages: &[Outgoing],
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The same for messages of several pieces of work, each part of its own trace. Lanes that carry
    /// no trace leave it as it is here.
    fn send_traced(
        &self,
        lane: &Lane,
        messages: &[(Option<Trace>, Outgoing)],
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        async move {
            let plain: Vec<Outgoing> = messages.iter().map(|(_, one)| one.clone()).collect();
            self.send(lane, &plain).await
        }
    }
}

/// Messages handed to a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In queue order.
    pub records: Vec<Incoming>,
}

/// One message handed to a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The queue's id of this delivery's message.
    pub id: String,
    /// FIFO group.
    pub group: String,
    /// JSON.
    pub body: String,
    /// How many times it was received, this one included.
    pub receives: u32,
    /// The trace of the work that sent it.
    pub trace: Option<Trace>,
}

/// What a function answers to a batch: everything that is not listed is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchAnswer {
    /// Message ids that come back.
    pub failed: Vec<Failed>,
}

/// A message that comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its id.
    pub id: String,
    /// When; `None` leaves it to the visibility timeout.
    pub after: Option<Duration>,
}
