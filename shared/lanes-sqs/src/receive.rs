//! Working on what was received, and answering for it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchInput;
use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchInput;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageInput;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName,
};
use domain::Hash;
use ports::lanes::{Batch, BatchAnswer, Incoming};
use ports::queue::BATCH;
use ports::{Fault, Trace};

use crate::delivery::Taken;
use crate::operations::{CHANGE_MESSAGE_VISIBILITY_BATCH, DELETE_MESSAGE_BATCH, RECEIVE_MESSAGE};
use crate::urls::name;
use crate::{Delivery, EventError, SqsLanes, fault};

/// Longest time that a message is put off. The service counts 12 hours from the receive; a
/// function has had its messages for at most 15 minutes, and the platform for some before that.
const LONGEST: Duration = Duration::from_mins(12 * 60 - 20);

impl SqsLanes {
    /// Hands the event's messages to `work` and answers for them. If the platform handed over a
    /// full batch, as many more of the same queue are received first as make up `most`.
    pub async fn handle<W, F>(
        &self,
        event: SqsEvent,
        most: usize,
        work: W,
    ) -> Result<SqsBatchResponse, EventError>
    where
        W: FnOnce(Batch) -> F,
        F: Future<Output = BatchAnswer>,
    {
        let mut delivery = Delivery::new(event)?;
        self.more(&mut delivery, most).await;
        let batch = delivery.batch();
        let answer = if batch.records.is_empty() {
            BatchAnswer::default()
        } else {
            work(batch).await
        };
        Ok(self.answer(delivery, &answer).await)
    }

    /// Receives more of the same queue, up to `most` messages in all, if what there is are full
    /// batches: as [`ports::queue::run_up_to`] does on one machine. Each is hidden for the queue's
    /// own visibility timeout. A failure leaves it at what came.
    pub async fn more(&self, delivery: &mut Delivery, most: usize) {
        let Some(url) = self.url_of(delivery) else {
            return;
        };
        while !delivery.is_empty() && delivery.len() < most && delivery.len().is_multiple_of(BATCH)
        {
            let count = BATCH.min(most - delivery.len());
            let received = match self.receive(&url, count, None).await {
                Ok(received) => received,
                Err(fault) => {
                    tracing::warn!(
                        queue = name(&url),
                        error_type = fault.error_type(),
                        error = %fault,
                        "no more messages were received"
                    );
                    return;
                }
            };
            let known: BTreeSet<String> = delivery
                .taken
                .iter()
                .map(|one| one.message.id.clone())
                .collect();
            // A message that comes a second time has outlived its first receipt; it comes again.
            let new = received
                .into_iter()
                .filter(|one| !known.contains(&one.message.id));
            let before = delivery.taken.len();
            delivery.taken.extend(new);
            if delivery.taken.len() == before {
                return;
            }
        }
    }

    /// Puts off what failed and says when, deletes what the function received itself and is done,
    /// and answers the platform for the rest. What could not be put off or deleted comes back when
    /// its visibility timeout runs out, which is harmless.
    pub async fn answer(&self, delivery: Delivery, answer: &BatchAnswer) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for id in &delivery.refused {
            response.add_failure(id);
        }
        let known = |id: &str| delivery.taken.iter().any(|one| one.message.id == id);
        // A function that names an unknown message has lost track of its batch: all of it comes
        // back.
        if !answer.failed.iter().all(|failed| known(&failed.id)) {
            tracing::error!("answer names an unknown message; the batch comes back");
            for one in delivery.taken.iter().filter(|one| !one.own) {
                response.add_failure(&one.message.id);
            }
            return response;
        }
        let mut failed: BTreeMap<&str, Option<Duration>> = BTreeMap::new();
        for one in &answer.failed {
            failed.entry(&one.id).or_insert(one.after);
        }
        let (mut put_off, mut done) = (Vec::new(), Vec::new());
        for one in &delivery.taken {
            let Taken {
                message,
                receipt,
                own,
            } = one;
            match (failed.get(message.id.as_str()), receipt) {
                (Some(Some(after)), Some(receipt)) => put_off.push((receipt.as_str(), *after)),
                (None, Some(receipt)) if *own => done.push(receipt.as_str()),
                (Some(_) | None, Some(_) | None) => {}
            }
            if failed.contains_key(message.id.as_str()) && !own {
                response.add_failure(&message.id);
            }
        }
        if let Some(url) = self.url_of(&delivery) {
            for fault in self.set_visibility(&url, &put_off).await {
                tracing::warn!(
                    queue = name(&url),
                    error_type = fault.error_type(),
                    error = %fault,
                    "messages were not put off; they come back at the queue's own pace"
                );
            }
            for fault in self.delete(&url, &done).await {
                tracing::warn!(
                    queue = name(&url),
                    error_type = fault.error_type(),
                    error = %fault,
                    "messages that are done were not deleted; they come again"
                );
            }
        }
        response
    }

    fn url_of(&self, delivery: &Delivery) -> Option<String> {
        self.urls.of_arn(delivery.arn.as_deref()?)
    }

    /// One receive. Without `visibility` the messages are hidden for as long as the queue says.
    pub(crate) async fn receive(
        &self,
        url: &str,
        count: usize,
        visibility: Option<Duration>,
    ) -> Result<Vec<Taken>, Fault> {
        // Asked again below after a lost answer, it gives the same messages, instead of hiding them.
        let mut attempt = [0; 16];
        getrandom::fill(&mut attempt).map_err(|_| Fault::halt("there is no randomness"))?;
        let input = ReceiveMessageInput::builder()
            .queue_url(url)
            .receive_request_attempt_id(Hash::of(&attempt).to_string())
            .max_number_of_messages(i32::try_from(count.min(BATCH)).unwrap_or(1))
            .set_visibility_timeout(visibility.map(seconds))
            .wait_time_seconds(0)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader)
            .build();
        let received = self.client.send(&RECEIVE_MESSAGE, input).await;
        let received = received.map_err(|error| fault::of(name(url), &error))?;
        Ok(received
            .messages
            .unwrap_or_default()
            .into_iter()
            .filter_map(taken)
            .collect())
    }

    /// Hides delivered messages for so long from now on. Returns what failed.
    pub(crate) async fn set_visibility(&self, url: &str, of: &[(&str, Duration)]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for part in of.chunks(BATCH) {
            let mut request = ChangeMessageVisibilityBatchInput::builder().queue_url(url);
            for (number, (receipt, after)) in part.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(*receipt)
                    .visibility_timeout(seconds(*after))
                    .build();
                match entry {
                    Ok(entry) => request = request.entries(entry),
                    Err(_) => faults.push(Fault::halt("a request to the queues cannot be built")),
                }
            }
            let sent = self
                .client
                .send(&CHANGE_MESSAGE_VISIBILITY_BATCH, request.build());
            match sent.await {
                Ok(answer) => faults.extend(left(url, answer.failed(), part.len())),
                Err(error) => faults.push(fault::of(name(url), &error)),
            }
        }
        faults
    }

    /// Deletes delivered messages. Returns what failed.
    pub(crate) async fn delete(&self, url: &str, receipts: &[&str]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for part in receipts.chunks(BATCH) {
            let mut request = DeleteMessageBatchInput::builder().queue_url(url);
            for (number, receipt) in part.iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(*receipt)
                    .build();
                match entry {
                    Ok(entry) => request = request.entries(entry),
                    Err(_) => faults.push(Fault::halt("a request to the queues cannot be built")),
                }
            }
            let sent = self.client.send(&DELETE_MESSAGE_BATCH, request.build());
            match sent.await {
                Ok(answer) => faults.extend(left(url, answer.failed(), part.len())),
                Err(error) => faults.push(fault::of(name(url), &error)),
            }
        }
        faults
    }
}

/// What failed of a request about so many messages that was answered.
fn left(url: &str, failed: &[BatchResultErrorEntry], of: usize) -> Option<Fault> {
    let count = failed.len();
    (count > 0).then(|| fault::of_entries(name(url), failed, count, of))
}

/// A received message in our words; `None` for one without an id or a receipt, which no FIFO queue
/// gives.
fn taken(message: Message) -> Option<Taken> {
    let mut attributes = message.attributes.unwrap_or_default();
    let receives = attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount);
    let receives = receives.and_then(|count| count.parse().ok()).unwrap_or(1);
    let trace = attributes.get(&MessageSystemAttributeName::AwsTraceHeader);
    let trace = trace.and_then(|header| Trace::parse(header));
    Some(Taken {
        message: Incoming {
            id: message.message_id?,
            group: attributes.remove(&MessageSystemAttributeName::MessageGroupId)?,
            body: message.body?,
            receives,
            trace,
        },
        receipt: Some(message.receipt_handle?),
        own: true,
    })
}

/// In the service's unit: full seconds, rounded up so that nothing comes back too early.
fn seconds(after: Duration) -> i32 {
    let after = after.min(LONGEST);
    let full = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    i32::try_from(full).unwrap_or(i32::MAX)
}
