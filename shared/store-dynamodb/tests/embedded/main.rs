//! The adapter over the engine inside the process, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "clippy sees only the test functions of this binary as tests"
)]

mod contract;
mod costs;
mod durability;
mod faults;
mod privacy;
mod same;
#[path = "../../../aws-client/tests/support/sdk.rs"]
mod sdk;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::{AccountRecord, Generation, Hash, IdentityId, RecordKey, TargetId};
use jiff::Timestamp;
use ports::store::{Ack, Commit, Delivery};

/// A folder of one test, gone after it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{count}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn record(number: u64) -> RecordKey {
    RecordKey::from(format!("{number:032x}"))
}

fn identity(number: u64) -> IdentityId {
    IdentityId::from(&record(number))
}

fn delivery(event: &str) -> Delivery {
    Delivery {
        source: "hr".into(),
        event: event.into(),
        body: Hash::of(event.as_bytes()),
        received_at: Timestamp::UNIX_EPOCH,
    }
}

/// A fact of a worker, with markers wherever personal data may lie.
fn fact(of: u64, event: &str) -> domain::Fact {
    let json = serde_json::json!({
        "source": "hr", "record": record(of), "worker": "MARKER-worker", "event": event,
        "effective": {"date": "2026-01-01"}, "zone": "UTC",
        "recorded_at": "2026-01-01T00:00:00Z", "received_at": "2026-01-01T00:00:00Z",
        "payload": Hash::of(b""),
        "body": {"assert": {"attrs": {"given_name": "MARKER-name", "team": null}}},
    });
    serde_json::from_value(json).unwrap()
}

fn commit(of: u64, expect: Option<u64>, generation: u64, owe: &[&str]) -> Commit {
    let json = serde_json::json!({
        "generation": generation, "records": [], "state": "active",
        "identifiers": {"user_name": "MARKER-user"},
        "facts": Hash::of(b""), "policy": Hash::of(b""), "plan": Hash::of(b""),
    });
    Commit {
        identity: identity(of),
        expect: expect.map(Generation),
        record: serde_json::from_value(json).unwrap(),
        owe: owe.iter().map(|target| TargetId::from(*target)).collect(),
        wake_at: None,
        links: Vec::new(),
        claims: Vec::new(),
    }
}

fn ack(of: u64, target: &str, expect: Option<u64>, applied: u64) -> Ack {
    Ack {
        identity: identity(of),
        target: target.into(),
        expect: expect.map(Generation),
        account: AccountRecord {
            id: Some("MARKER-account".into()),
            applied: Generation(applied),
            ..AccountRecord::default()
        },
        settles: true,
        wake: None,
    }
}
