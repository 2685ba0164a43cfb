//! What the platform hands a function, in the ports' words.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use ports::Trace;
use ports::lanes::{Batch, Incoming};

/// An event that cannot be answered for message by message. The function fails, and the platform
/// brings the whole batch back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// A message without an id could not be listed as failed, and would be deleted.
    #[error("message {at} of the event has no id; the whole batch comes back")]
    NoId {
        /// Its place, from 0.
        at: usize,
    },
}

/// Messages that a function works on, with what it takes to answer for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The ARN of their queue.
    pub(crate) arn: Option<String>,
    pub(crate) taken: Vec<Taken>,
    /// Ids of messages that no function can be handed.
    pub(crate) refused: Vec<String>,
}

/// A message that a function works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub message: Incoming,
    /// For deleting it or changing its visibility.
    pub receipt: Option<String>,
    /// Whether the function received it itself, so that nobody deletes it but the function.
    pub own: bool,
}

impl Delivery {
    /// Reads an event. A message without FIFO group or without body is refused: it is not handed
    /// to the function, comes back, and ends with the dead letters.
    pub fn new(event: SqsEvent) -> Result<Self, EventError> {
        let mut delivery = Self::default();
        for (at, message) in event.records.into_iter().enumerate() {
            let SqsMessage {
                message_id,
                receipt_handle,
                body,
                mut attributes,
                event_source_arn,
                ..
            } = message;
            let id = message_id
                .filter(|id| !id.is_empty())
                .ok_or(EventError::NoId { at })?;
            delivery.arn = delivery.arn.or(event_source_arn);
            let group = attributes.remove("MessageGroupId");
            let (Some(group), Some(body)) = (group, body) else {
                tracing::error!(
                    message_id = id,
                    error_type = "Reject",
                    "message without FIFO group or body; is the event source a FIFO queue of ours?"
                );
                delivery.refused.push(id);
                continue;
            };
            let receives = attributes.get("ApproximateReceiveCount");
            let trace = attributes.get("AWSTraceHeader");
            delivery.taken.push(Taken {
                message: Incoming {
                    id,
                    group,
                    body,
                    receives: receives.and_then(|count| count.parse().ok()).unwrap_or(1),
                    trace: trace.and_then(|header| Trace::parse(header)),
                },
                receipt: receipt_handle,
                own: false,
            });
        }
        Ok(delivery)
    }

    /// The messages for the function, in queue order.
    pub fn batch(&self) -> Batch {
        let records = self.taken.iter().map(|one| one.message.clone());
        Batch {
            records: records.collect(),
        }
    }

    /// How many messages there are, refused ones included.
    pub fn len(&self) -> usize {
        self.taken.len() + self.refused.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
