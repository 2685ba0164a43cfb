//! The lanes in Amazon SQS: FIFO queues, one for each lane, each with its dead-letter queue. The
//! only crate that imports the SDK of SQS. It decides nothing about a message, waits for nothing
//! and retries nothing beyond what the client does by itself.
//!
//! - Sending is the port, [`ports::Lanes`].
//! - A function that the platform hands a batch goes through [`SqsLanes::handle`], or through its
//!   parts: [`Delivery::new`], [`SqsLanes::more`], [`SqsLanes::answer`].
//! - Operators count ([`ports::Backlog::depth`]), look at dead letters ([`ports::Backlog::dead`]) and
//!   take them away once their subject was planned again ([`ports::Backlog`]).

mod dead;
mod delivery;
mod fault;
mod operations;
mod receive;
mod send;
mod urls;

use aws_client::{Client, Config, Service};

pub use crate::delivery::{Delivery, EventError};
pub use crate::urls::QueueUrls;

/// The queues. Clones share connections.
#[derive(Clone, Debug)]
pub struct SqsLanes {
    client: Client,
    urls: QueueUrls,
}

impl SqsLanes {
    /// By where the queues are. Nothing is sent.
    pub fn new(aws: &Config, urls: QueueUrls) -> Self {
        let client = Client::new(aws, Service::new("sqs"));
        Self { client, urls }
    }
}
