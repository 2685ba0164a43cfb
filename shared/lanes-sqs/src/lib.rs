//! The lanes in Amazon SQS: FIFO queues, one for each lane, each with its dead-letter queue. The
//! only crate that imports the SDK of SQS. It decides nothing about a message, waits for nothing
//! and retries nothing beyond what the SDK does by itself.
//!
//! - Sending is the port, [`ports::Lanes`].
//! - A function that the platform hands a batch goes through [`SqsLanes::handle`], or through its
//!   parts: [`Delivery::new`], [`SqsLanes::more`], [`SqsLanes::answer`].
//! - Operators count ([`ports::Backlog::depth`]), look at dead letters ([`ports::Backlog::dead`]) and
//!   take them away once their subject was planned again ([`ports::Backlog`]).

mod dead;
mod delivery;
mod fault;
mod receive;
mod send;
mod urls;

pub use aws_sdk_sqs::Client;

pub use crate::delivery::{Delivery, EventError};
pub use crate::urls::QueueUrls;

/// The queues. Clones share the client.
#[derive(Clone, Debug)]
pub struct SqsLanes {
    client: Client,
    urls: QueueUrls,
}

impl SqsLanes {
    /// Takes a client and where the queues are.
    pub const fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }
}
