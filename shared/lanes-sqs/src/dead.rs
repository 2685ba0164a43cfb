//! Counting messages, and dead letters: for operators.

use std::future::Future;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use contract::Lane;
use ports::Fault;
use ports::queue::{BATCH, Stats};

use crate::urls::name;
use crate::{SqsLanes, fault};

/// For how long a look hides dead letters from others, should it be cut off.
const LOOK: Duration = Duration::from_secs(30);

/// For how long dead letters are hidden while their subjects are planned again.
const HOLD: Duration = Duration::from_mins(5);

/// A message that was received too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's id of the message.
    pub id: String,
    /// FIFO group.
    pub group: String,
    /// JSON.
    pub body: String,
    /// How many times it was received, looks at it included.
    pub receives: u32,
}

/// What became of dead letters.
#[derive(Clone, Debug, Default)]
pub struct Replanned {
    /// How many were taken away.
    pub removed: usize,
    /// Ids of those that stay, with the reason.
    pub left: Vec<(String, Fault)>,
}

impl SqsLanes {
    /// How many messages a lane holds, as near as the service tells.
    pub async fn stats(&self, lane: &Lane) -> Result<Stats, Fault> {
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

    /// The lane's dead letters, oldest first, `most` at most. They are shown to everybody again
    /// before this returns. Of one group only the first ten are seen: a FIFO queue shows no later
    /// ones while those are being looked at.
    pub async fn dead_letters(&self, lane: &Lane, most: usize) -> Result<Vec<DeadLetter>, Fault> {
        let Some(url) = self.dead_url(lane).await? else {
            return Ok(Vec::new());
        };
        let mut receipts = Vec::new();
        let mut letters = Vec::new();
        let mut failed = None;
        while letters.len() < most {
            let count = BATCH.min(most - letters.len());
            match self.receive(&url, count, Some(LOOK)).await {
                Ok(received) if received.is_empty() => break,
                Ok(received) => {
                    for one in received {
                        receipts.extend(one.receipt);
                        letters.push(DeadLetter::from(one.message));
                    }
                }
                Err(fault) => {
                    failed = Some(fault);
                    break;
                }
            }
        }
        self.show(&url, &receipts).await;
        failed.map_or(Ok(letters), Err)
    }

    /// Hands every dead letter of the lane that `picks` accepts to `replan`, which sees to it that
    /// its subject is planned again, and takes away those for which it succeeds. The others stay.
    /// A body is never sent again: what it said may be out of date.
    pub async fn replan<P, W, F>(
        &self,
        lane: &Lane,
        picks: P,
        mut replan: W,
    ) -> Result<Replanned, Fault>
    where
        P: Fn(&DeadLetter) -> bool,
        W: FnMut(DeadLetter) -> F,
        F: Future<Output = Result<(), Fault>>,
    {
        let mut replanned = Replanned::default();
        let Some(url) = self.dead_url(lane).await? else {
            return Ok(replanned);
        };
        let mut kept = Vec::new();
        let ended = loop {
            let received = match self.receive(&url, BATCH, Some(HOLD)).await {
                Ok(received) if received.is_empty() => break Ok(()),
                Ok(received) => received,
                Err(fault) => break Err(fault),
            };
            let mut done = Vec::new();
            for one in received {
                let letter = DeadLetter::from(one.message);
                let Some(receipt) = one.receipt else {
                    continue;
                };
                if !picks(&letter) {
                    kept.push(receipt);
                    continue;
                }
                let id = letter.id.clone();
                match replan(letter).await {
                    Ok(()) => done.push(receipt),
                    Err(fault) => {
                        replanned.left.push((id, fault));
                        kept.push(receipt);
                    }
                }
            }
            let receipts: Vec<&str> = done.iter().map(String::as_str).collect();
            if let Some(fault) = self.delete(&url, &receipts).await.into_iter().next() {
                break Err(fault);
            }
            replanned.removed += done.len();
        };
        self.show(&url, &kept).await;
        ended.map(|()| replanned)
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
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .attribute_names(QueueAttributeName::RedrivePolicy)
            .send()
            .await
            .map_err(|error| fault::of(name(url), &error))?;
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

impl From<ports::lanes::Incoming> for DeadLetter {
    fn from(message: ports::lanes::Incoming) -> Self {
        Self {
            id: message.id,
            group: message.group,
            body: message.body,
            receives: message.receives,
        }
    }
}

/// The queue that a redrive policy names.
fn dead_letter_arn(policy: &str) -> Option<String> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let arn = policy.get("deadLetterTargetArn")?.as_str()?;
    Some(arn.to_owned())
}
