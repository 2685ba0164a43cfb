//! Counting messages, and dead letters: for operators.

use std::time::Duration;

use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesInput;
use aws_sdk_sqs::types::QueueAttributeName;
use contract::Lane;
use ports::Fault;
use ports::backlog::{Backlog, Claimed, Dead};
use ports::queue::{BATCH, Stats};

use crate::delivery::Taken;
use crate::operations::GET_QUEUE_ATTRIBUTES;
use crate::urls::name;
use crate::{SqsLanes, fault};

/// For how long a look hides dead letters from others, should it be cut off.
const LOOK: Duration = Duration::from_secs(30);

/// For how long dead letters are hidden while their subjects are planned again.
const HOLD: Duration = Duration::from_mins(5);

impl Backlog for SqsLanes {
    async fn depth(&self, lane: &Lane) -> Result<Stats, Fault> {
        let queue = self.look_at(&self.urls.of(lane)).await?;
        let mut stats = Stats {
            visible: queue.visible,
            in_flight: queue.in_flight,
            dead: 0,
        };
        if let Some(dead) = queue.dead {
            let dead = self.look_at(&dead).await?;
            stats.dead = dead.visible + dead.in_flight;
        }
        Ok(stats)
    }

    /// They are shown to everybody again before this returns. Of one group only the first ten are
    /// seen: a FIFO queue shows no later ones while those are being looked at.
    async fn dead(&self, lane: &Lane, most: usize) -> Result<Vec<Dead>, Fault> {
        let Some(url) = self.dead_url(lane).await? else {
            return Ok(Vec::new());
        };
        let (taken, failed) = self.take(&url, most, LOOK).await;
        let (letters, receipts): (Vec<Dead>, Vec<Option<String>>) = taken
            .into_iter()
            .map(|one| (dead(one.message), one.receipt))
            .unzip();
        let receipts: Vec<String> = receipts.into_iter().flatten().collect();
        self.show(&url, &receipts).await;
        failed.map_or(Ok(letters), Err)
    }

    /// Of one group only the first ten are seen, as above.
    async fn claim(&self, lane: &Lane, most: usize) -> Result<Vec<Claimed>, Fault> {
        let Some(url) = self.dead_url(lane).await? else {
            return Ok(Vec::new());
        };
        let (taken, failed) = self.take(&url, most, HOLD).await;
        if let Some(fault) = failed {
            return Err(fault);
        }
        let claimed = taken.into_iter().filter_map(|one| {
            Some(Claimed {
                receipt: one.receipt?.into(),
                dead: dead(one.message),
            })
        });
        Ok(claimed.collect())
    }

    async fn remove(&self, lane: &Lane, claimed: &Claimed) -> Result<(), Fault> {
        let Some(url) = self.dead_url(lane).await? else {
            return Ok(());
        };
        let failed = self.delete(&url, &[&*claimed.receipt]).await;
        failed.into_iter().next().map_or(Ok(()), Err)
    }
}

impl SqsLanes {
    /// Receives until there is no more, at most so many, and hides them. What came before it failed
    /// comes with the fault.
    async fn take(&self, url: &str, most: usize, hide: Duration) -> (Vec<Taken>, Option<Fault>) {
        let mut taken = Vec::new();
        while taken.len() < most {
            let count = BATCH.min(most - taken.len());
            match self.receive(url, count, Some(hide)).await {
                Ok(received) if received.is_empty() => break,
                Ok(received) => taken.extend(received),
                Err(fault) => return (taken, Some(fault)),
            }
        }
        (taken, None)
    }

    /// Makes messages visible again.
    async fn show(&self, url: &str, receipts: &[String]) {
        let now: Vec<_> = receipts
            .iter()
            .map(|receipt| (receipt.as_str(), Duration::ZERO))
            .collect();
        for fault in self.set_visibility(url, &now).await {
            tracing::warn!(
                queue = name(url),
                error_type = fault.error_type(),
                error = %fault,
                "dead letters stay hidden for some minutes"
            );
        }
    }

    async fn dead_url(&self, lane: &Lane) -> Result<Option<String>, Fault> {
        Ok(self.look_at(&self.urls.of(lane)).await?.dead)
    }

    async fn look_at(&self, url: &str) -> Result<Queue, Fault> {
        let input = GetQueueAttributesInput::builder()
            .queue_url(url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .attribute_names(QueueAttributeName::RedrivePolicy)
            .build();
        let asked = self.client.send(&GET_QUEUE_ATTRIBUTES, input).await;
        let answer = asked.map_err(|error| fault::of(name(url), &error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let count = |name| {
            let text = attributes.get(&name);
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        Ok(Queue {
            visible: count(QueueAttributeName::ApproximateNumberOfMessages),
            in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
            dead: attributes
                .get(&QueueAttributeName::RedrivePolicy)
                .and_then(|policy| dead_letter_arn(policy))
                .and_then(|arn| self.urls.of_arn(&arn)),
        })
    }
}

/// What a queue tells about itself.
struct Queue {
    visible: usize,
    in_flight: usize,
    /// The URL of its dead-letter queue.
    dead: Option<String>,
}

fn dead(message: ports::lanes::Incoming) -> Dead {
    Dead {
        id: message.id.into(),
        group: message.group,
        body: message.body,
        receives: message.receives,
    }
}

/// The queue that a redrive policy names.
fn dead_letter_arn(policy: &str) -> Option<String> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let arn = policy.get("deadLetterTargetArn")?.as_str()?;
    Some(arn.to_owned())
}
