//! What requests are charged for, added up.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

use serde::Serialize;
use serde_json::Value;

/// Bytes of messages that one request to a queue is charged for.
const CHUNK: usize = 64 * 1024;

/// Requests and units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Requests by service and operation, such as `sqs.SendMessageBatch`.
    pub requests: BTreeMap<String, u64>,
    /// DynamoDB's write units.
    pub write_units: u64,
    /// Halves of its read units: a consistent read of 4 KiB is two.
    pub half_read_units: u64,
    /// Requests to queues, by 64 KiB.
    pub queue_requests: u64,
    /// Writes and lists of objects.
    pub object_writes: u64,
    /// Reads of objects.
    pub object_reads: u64,
    /// Requests for secrets.
    pub secret_requests: u64,
}

impl Usage {
    /// How many requests of an operation there were.
    pub fn of(&self, operation: &str) -> u64 {
        self.requests.get(operation).copied().unwrap_or(0)
    }

    /// How many requests of a service there were.
    pub fn to(&self, service: &str) -> u64 {
        let of = |operation: &&String| operation.split('.').next() == Some(service);
        let of = self.requests.iter().filter(|(operation, _)| of(operation));
        of.map(|(_, count)| count).sum()
    }

    /// Counts a request, and all of its charge but DynamoDB's units.
    pub(super) fn count(&mut self, service: &str, operation: &str, body: &Value) {
        let name = format!("{service}.{operation}");
        *self.requests.entry(name).or_default() += 1;
        match (service, operation) {
            ("sqs", _) => {
                let entries = body["Entries"].as_array().into_iter().flatten();
                let bodies = entries.filter_map(|entry| entry["MessageBody"].as_str());
                let bytes: usize = bodies.map(str::len).sum();
                self.queue_requests += bytes.div_ceil(CHUNK).max(1) as u64;
            }
            ("s3", "GET" | "HEAD") => self.object_reads += 1,
            ("s3", "DELETE") | ("dynamodb", _) => {}
            ("s3", _) => self.object_writes += 1,
            ("secretsmanager", _) => self.secret_requests += 1,
            (other, _) => panic!("no price is known for requests to `{other}`"),
        }
    }
}

impl AddAssign<&Usage> for Usage {
    fn add_assign(&mut self, more: &Self) {
        for (operation, count) in &more.requests {
            *self.requests.entry(operation.clone()).or_default() += count;
        }
        self.write_units += more.write_units;
        self.half_read_units += more.half_read_units;
        self.queue_requests += more.queue_requests;
        self.object_writes += more.object_writes;
        self.object_reads += more.object_reads;
        self.secret_requests += more.secret_requests;
    }
}

impl Sub<&Usage> for Usage {
    type Output = Self;

    /// What came since an earlier look at the same meter.
    fn sub(mut self, earlier: &Self) -> Self {
        for (operation, count) in &earlier.requests {
            *self.requests.entry(operation.clone()).or_default() -= count;
        }
        self.requests.retain(|_, count| *count > 0);
        self.write_units -= earlier.write_units;
        self.half_read_units -= earlier.half_read_units;
        self.queue_requests -= earlier.queue_requests;
        self.object_writes -= earlier.object_writes;
        self.object_reads -= earlier.object_reads;
        self.secret_requests -= earlier.secret_requests;
        self
    }
}
