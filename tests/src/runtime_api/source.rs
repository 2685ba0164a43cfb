//! An event source mapping for one FIFO queue: what AWS does between a queue and a function.

use serde_json::{Value, json};

use super::{Function, Outcome};
use crate::ministack::{ACCOUNT, Ministack, REGION};

/// Most messages of one event, Lambda's limit for FIFO queues.
const BATCH: usize = 10;

/// A queue whose messages go to a function.
#[derive(Clone, Debug)]
pub struct EventSource {
    name: String,
    url: String,
    trace: Option<String>,
}

impl EventSource {
    /// Makes the queue, with that visibility time-out in seconds.
    pub async fn create(server: &Ministack, name: &str, visibility: u32) -> Self {
        let attributes = json!({"FifoQueue": "true", "VisibilityTimeout": visibility.to_string()});
        let input = json!({"QueueName": name, "Attributes": attributes});
        let made = server.call("AmazonSQS.CreateQueue", &input).await;
        made.expect("a queue");
        Self {
            name: name.to_owned(),
            url: format!("{}/{ACCOUNT}/{name}", server.url()),
            trace: None,
        }
    }

    /// Makes a queue and another one for its dead letters, `<name>.fifo` and `<name>-dead.fifo`. A
    /// message goes there instead of being received more often than that.
    pub async fn with_dead_letters(
        server: &Ministack,
        name: &str,
        visibility: u32,
        receives: u32,
    ) -> Self {
        let dead = format!("{name}-dead.fifo");
        Self::create(server, &dead, visibility).await;
        let source = Self::create(server, &format!("{name}.fifo"), visibility).await;
        let policy = json!({
            "deadLetterTargetArn": arn(&dead),
            "maxReceiveCount": receives.to_string(),
        });
        let input = json!({
            "QueueUrl": source.url,
            "Attributes": { "RedrivePolicy": policy.to_string() },
        });
        let set = server.call("AmazonSQS.SetQueueAttributes", &input).await;
        set.expect("dead letters");
        source
    }

    /// Puts the header of a trace on every message. The server loses the one that a message of a
    /// batch was sent with.
    #[must_use]
    pub fn traced(mut self, header: &str) -> Self {
        self.trace = Some(header.to_owned());
        self
    }

    /// The next event, as Lambda hands it over; `None` where no message is visible.
    pub async fn receive(&self, server: &Ministack) -> Option<Value> {
        let input = json!({
            "QueueUrl": self.url,
            "MaxNumberOfMessages": BATCH,
            "MessageSystemAttributeNames": ["All"],
        });
        let received = server.call("AmazonSQS.ReceiveMessage", &input).await;
        let received = received.expect("an answer");
        let messages = received["Messages"].as_array().cloned().unwrap_or_default();
        let records: Vec<Value> = messages.iter().map(|one| self.record(one)).collect();
        (!records.is_empty()).then(|| json!({ "Records": records }))
    }

    fn record(&self, message: &Value) -> Value {
        let mut attributes = message["Attributes"].clone();
        if let Some(trace) = &self.trace {
            attributes["AWSTraceHeader"] = trace.as_str().into();
        }
        json!({
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": arn(&self.name),
            "awsRegion": REGION,
        })
    }

    /// Hands over the next event and deletes what the function does not list as failed. Where the
    /// function fails or ends, everything comes back with time. Returns the event and what became of it.
    pub async fn drive(
        &self,
        server: &Ministack,
        function: &mut Function,
    ) -> Option<(Value, Outcome)> {
        let event = self.receive(server).await?;
        let outcome = function.invoke(event.clone()).await;
        if let Outcome::Answered(answer) = &outcome {
            self.settle(server, &event, answer).await;
        }
        Some((event, outcome))
    }

    /// Deletes the messages of an event that the answer does not list as failed.
    pub async fn settle(&self, server: &Ministack, event: &Value, answer: &Value) {
        let failures = answer["batchItemFailures"].as_array().expect("a list");
        let failed = |record: &Value| {
            let id = &record["messageId"];
            failures.iter().any(|one| one["itemIdentifier"] == *id)
        };
        let records = event["Records"].as_array().expect("records");
        for record in records.iter().filter(|record| !failed(record)) {
            self.delete(server, record).await;
        }
    }

    /// Deletes all messages of an event that a function is done with.
    pub async fn done(&self, server: &Ministack, event: &Value) {
        for record in event["Records"].as_array().expect("records") {
            self.delete(server, record).await;
        }
    }

    async fn delete(&self, server: &Ministack, record: &Value) {
        let input = json!({"QueueUrl": self.url, "ReceiptHandle": record["receiptHandle"]});
        let deleted = server.call("AmazonSQS.DeleteMessage", &input).await;
        deleted.expect("a deletion");
    }
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}
