//! What AWS does around the adapter of the queues: queues with their dead letters, and the event
//! source mapping, which receives, invokes, and deletes what the function did not list.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use contract::Lane;
use lanes_sqs::{QueueUrls, SqsLanes};
use ports::lanes::{Batch, BatchAnswer};
use ports::queue::{BATCH, MAX_RECEIVES};
use serde_json::{Value, json};
use tests::ministack::{ACCOUNT, Ministack, REGION};

/// The visibility timeout of every queue, in seconds.
pub const VISIBILITY: u64 = 30;

/// One stack's queues.
pub struct Platform<'a> {
    server: &'a Ministack,
    /// What the names of the queues begin with.
    stack: String,
    pub lanes: SqsLanes,
    /// Whether it deletes what a function listed as failed: a planted violation.
    pub forgets_answers: bool,
}

impl<'a> Platform<'a> {
    /// Makes the queues of those lanes, each with one for its dead letters.
    pub async fn new(server: &'a Ministack, stack: &str, lanes: &[Lane]) -> Self {
        for lane in lanes {
            let dead = format!("{stack}-dead-{lane}");
            create(server, &dead, &json!({"FifoQueue": "true"})).await;
            let redrive = json!({
                "deadLetterTargetArn": arn(&dead), "maxReceiveCount": MAX_RECEIVES,
            });
            let attributes = json!({
                "FifoQueue": "true",
                "VisibilityTimeout": VISIBILITY.to_string(),
                "RedrivePolicy": redrive.to_string(),
            });
            create(server, &format!("{stack}-{lane}"), &attributes).await;
        }
        let urls = QueueUrls::new(format!("{}/{ACCOUNT}/{stack}-", server.url()));
        Self {
            server,
            stack: stack.to_owned(),
            lanes: SqsLanes::new(&server.aws(), urls),
            forgets_answers: false,
        }
    }

    pub fn url(&self, lane: &Lane) -> String {
        format!("{}/{ACCOUNT}/{}-{lane}", self.server.url(), self.stack)
    }

    /// Receives one batch and invokes a function with it that may receive more, up to `most`;
    /// deletes what the answer does not list.
    pub async fn invoke<W, F>(&self, lane: &Lane, most: usize, work: W)
    where
        W: FnOnce(Batch) -> F,
        F: Future<Output = BatchAnswer>,
    {
        let messages = self.receive(lane, BATCH.min(most)).await;
        if messages.is_empty() {
            return;
        }
        let event = self.event(lane, &messages);
        let answer = self.lanes.handle(event, most, work).await.unwrap();
        self.settle(lane, &messages, &answer).await;
    }

    /// What the platform receives.
    pub async fn receive(&self, lane: &Lane, count: usize) -> Vec<Value> {
        let input = json!({
            "QueueUrl": self.url(lane), "MaxNumberOfMessages": count,
            "MessageSystemAttributeNames": ["All"],
        });
        let received = self.server.call("AmazonSQS.ReceiveMessage", &input).await;
        let received = received.unwrap();
        received["Messages"].as_array().cloned().unwrap_or_default()
    }

    /// The messages as the platform hands them to a function.
    fn event(&self, lane: &Lane, messages: &[Value]) -> SqsEvent {
        let records = messages.iter().map(|message| {
            json!({
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "md5OfBody": message["MD5OfBody"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": arn(&format!("{}-{lane}", self.stack)),
                "awsRegion": REGION,
            })
        });
        let records: Vec<Value> = records.collect();
        serde_json::from_value(json!({"Records": records})).unwrap()
    }

    async fn settle(&self, lane: &Lane, messages: &[Value], answer: &SqsBatchResponse) {
        let failed: Vec<&str> = answer
            .batch_item_failures
            .iter()
            .map(|one| &*one.item_identifier)
            .collect();
        let done: Vec<Value> = messages
            .iter()
            .filter(|message| {
                let id = message["MessageId"].as_str().unwrap();
                self.forgets_answers || !failed.contains(&id)
            })
            .enumerate()
            .map(|(id, message)| {
                json!({"Id": id.to_string(), "ReceiptHandle": message["ReceiptHandle"]})
            })
            .collect();
        if done.is_empty() {
            return;
        }
        let input = json!({"QueueUrl": self.url(lane), "Entries": done});
        let deleted = self
            .server
            .call("AmazonSQS.DeleteMessageBatch", &input)
            .await;
        let deleted = deleted.unwrap();
        let failed = deleted["Failed"].as_array().is_none_or(Vec::is_empty);
        assert!(failed, "{deleted}");
    }
}

async fn create(server: &Ministack, name: &str, attributes: &Value) {
    let input = json!({"QueueName": name, "Attributes": attributes});
    server.call("AmazonSQS.CreateQueue", &input).await.unwrap();
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}
