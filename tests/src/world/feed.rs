//! Full feeds of HR, as an exporter writes them.

use std::collections::BTreeSet;

use domain::plan::Compiled;
use domain::{RecordKey, SourceId};
use hr_webhook::feed::{Asked, FeedError, FeedIntake, Report};
use hr_webhook::{Salt, record_key};
use jiff::Timestamp;
use ports::Store;
use ports::model::{ManualClock, ModelLanes, ModelObjects};
use serde_json::{Value, json};

use super::{SALT, World};

/// An export of all worker records, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its lines, without their ends.
    pub lines: Vec<String>,
}

impl Export {
    /// Of these records as of an instant, in pages of that many.
    pub fn of(records: &[Value], as_of: &str, page: usize) -> Self {
        let schema = "lanyard.feed.v1";
        let (total, pages) = (records.len(), records.len().div_ceil(page));
        let mut lines = vec![
            json!({"schema": schema, "type": "feed.header", "source": "hr", "as_of": as_of,
                   "total": total, "pages": pages})
            .to_string(),
        ];
        for (number, records) in (1..).zip(records.chunks(page)) {
            lines.extend(records.iter().map(Value::to_string));
            let count = records.len();
            lines.push(
                json!({"schema": schema, "type": "feed.page", "page": number, "records": count})
                    .to_string(),
            );
        }
        lines.push(json!({"schema": schema, "type": "feed.trailer", "total": total}).to_string());
        Self { lines }
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}

/// A worker record in a feed.
pub fn listed(worker: &str, recorded_at: &str, attributes: &Value) -> Value {
    json!({
        "schema": "lanyard.worker.v1",
        "type": "worker.changed",
        "worker_id": worker,
        "recorded_at": recorded_at,
        "attributes": attributes,
    })
}

/// What an intake of feeds needs.
pub struct Intake<S> {
    /// The table.
    pub store: S,
    /// The queues.
    pub lanes: ModelLanes,
    /// The bucket.
    pub objects: ModelObjects,
    /// The time.
    pub clock: ManualClock,
}

impl<S: Store + Clone> Intake<S> {
    /// Takes a feed of `hr`.
    pub async fn take(
        &self,
        policy: &Compiled,
        text: &[u8],
        asked: Asked,
    ) -> Result<Report, FeedError> {
        let salt = Salt::new(SALT).expect("a salt");
        let intake = FeedIntake::new(
            self.store.clone(),
            self.lanes.clone(),
            self.objects.clone(),
            self.clock.clone(),
            policy.policy.clone(),
            salt,
        );
        let text = std::io::Cursor::new(text);
        intake.take(&SourceId::from("hr"), text, asked).await
    }
}

impl<S: Store + Clone, T> World<S, T> {
    /// HR delivers a feed; nobody has acted yet.
    pub async fn deliver(&self, text: &str, asked: Asked) -> Result<Report, FeedError> {
        let intake = Intake {
            store: self.store.clone(),
            lanes: self.lanes.clone(),
            objects: self.objects.clone(),
            clock: self.clock.clone(),
        };
        intake.take(&self.policy, text.as_bytes(), asked).await
    }
}

/// The records of workers of `hr`.
pub fn records<'a>(workers: impl IntoIterator<Item = &'a str>) -> BTreeSet<RecordKey> {
    let salt = Salt::new(SALT).expect("a salt");
    let hr = SourceId::from("hr");
    let workers = workers.into_iter();
    workers
        .map(|worker| record_key(&salt, &hr, worker))
        .collect()
}

/// An instant, or the test is wrong.
pub fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}
