//! An exported file reads back as the table it came from, or is refused by line.

use std::path::PathBuf;

use domain::case::Ruling;
use domain::record::{CorrelatedBy, Correlation};
use domain::{Effective, EventId, FactBody, IdentityState, SourceId, WorkerId};
use ports::Cases as _;
use ports::model::ModelStore;
use ports::store::{Ack, Claim, Commit, Delivery};

use super::*;

fn at() -> Timestamp {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

fn fact(record: &str, worker: &str) -> Fact {
    Fact {
        source: SourceId::from("hr"),
        record: RecordKey::from(record),
        worker: WorkerId::from(worker),
        event: EventId::from(format!("event of {worker}")),
        version: None,
        effective: Effective::Instant(at()),
        zone: "UTC".into(),
        recorded_at: at(),
        received_at: at(),
        payload: Hash::of(worker.as_bytes()),
        manager: None,
        body: FactBody::Delete,
    }
}

fn claim(value: &str) -> ClaimKey {
    ClaimKey {
        namespace: "user_name".into(),
        value: Hash::of(value.as_bytes()),
    }
}

fn same(founder: &str) -> Ruling {
    Ruling::Same {
        identity: IdentityId::from(founder),
    }
}

/// Somebody with two worker records, and somebody with one.
async fn table() -> ModelStore {
    let store = ModelStore::new();
    for (record, worker) in [("r1", "E1"), ("r2", "E2"), ("r3", "E3")] {
        let fact = fact(record, worker);
        let delivery = Delivery {
            source: fact.source.clone(),
            event: fact.event.clone(),
            body: fact.payload,
            received_at: at(),
        };
        store.accept(&delivery, &[fact]).await.unwrap();
    }
    for (record, rules) in [("r1", Ruling::Own), ("r2", same("r1"))] {
        let decision = Decision {
            rules,
            by: "kim".into(),
            reason: "asked HR".into(),
            at: at(),
        };
        let record = RecordKey::from(record);
        store.decide(&record, &decision).await.unwrap();
    }
    for (founder, linked, name) in [("r1", Some("r2"), "ana"), ("r3", None, "bea")] {
        let by = |record: &str, by| Correlation {
            record: RecordKey::from(record),
            by,
            confidence: 100,
            at: at(),
        };
        let key = claim(name);
        let digits = key.value.to_string();
        let mut records = vec![by(founder, CorrelatedBy::Founder)];
        records.extend(linked.map(|linked| by(linked, CorrelatedBy::Rule("mail".into()))));
        let record = IdentityRecord {
            decisions: domain::Hash::default(),
            ties: std::collections::BTreeMap::new(),
            ending_since: None,
            generation: Generation(1),
            records,
            state: IdentityState::Ended,
            was_active: true,
            identifiers: BTreeMap::new(),
            claims: [format!("user_name:{}", digits.get(..16).unwrap()).into()].into(),
            projections: BTreeMap::new(),
            changed: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            findings: Vec::new(),
            due_at: None,
            facts: Hash::default(),
            policy: Hash::default(),
            plan: Hash::default(),
        };
        let commit = Commit {
            identity: IdentityId::from(founder),
            expect: None,
            record,
            owe: [TargetId::from("wiki")].into(),
            wake_at: Some(at()),
            links: linked.map(RecordKey::from).into_iter().collect(),
            claims: vec![Claim {
                key,
                exclusive: true,
            }],
        };
        store.commit(&commit).await.unwrap();
        let ack = Ack {
            identity: IdentityId::from(founder),
            target: TargetId::from("dir"),
            expect: None,
            account: AccountRecord {
                active: true,
                ..AccountRecord::default()
            },
            settles: false,
            wake: None,
        };
        store.ack(&ack).await.unwrap();
    }
    store
}

fn header() -> Header {
    Header {
        format: FORMAT.into(),
        at: at(),
        policy: Some(Hash::of(b"policy")),
        meters: [(TargetId::from("dir"), Meter::default().at_version(3))].into(),
    }
}

/// A file that is gone when the test is over.
struct Written(PathBuf);

impl Written {
    fn new(name: &str, text: &[u8]) -> Self {
        let name = format!("lanyard-state-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

async fn exported() -> Vec<u8> {
    let mut text = Vec::new();
    let count = export(&table().await, &header(), &mut text).await.unwrap();
    assert_eq!(count, 2);
    text
}

#[tokio::test]
async fn everything_that_a_planner_reads_reads_back() {
    let store = table().await;
    let written = Written::new("whole", &exported().await);
    let file = StateFile::open(&written.0).unwrap();
    assert_eq!(file.header(), &header());
    for record in ["r1", "r2", "r3", "r4"] {
        let key = RecordKey::from(record);
        let want = store.dossier(&key).await.unwrap();
        assert_eq!(file.dossier(&key).unwrap(), want, "{record}");
    }
    let keys = ["ana", "bea", "nobody"].map(claim);
    assert_eq!(file.holders(&keys), store.holders(&keys).await.unwrap());
    let all = ports::store::Segment { index: 0, of: 1 };
    let want = store
        .scan(all, ports::store::Reading::Latest, None)
        .await
        .unwrap();
    assert_eq!(file.page(None).unwrap(), want);
    let people: Vec<&IdentityId> = file.everybody().collect();
    let want: Vec<&IdentityId> = want.rows.iter().map(|(identity, _)| identity).collect();
    assert_eq!(people, want);
    for (source, worker, found) in [
        (None, "E2", 1),
        (Some("hr"), "E2", 1),
        (Some("other"), "E2", 0),
        (None, "E9", 0),
    ] {
        assert_eq!(file.by_worker(source, worker).len(), found, "{worker}");
    }
}

#[tokio::test]
async fn what_is_cut_or_damaged_is_refused_by_its_line() {
    let whole = exported().await;
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let refused = |name: &str, text: &[u8]| {
        let written = Written::new(name, text);
        let error = StateFile::open(&written.0).err().expect("it is refused");
        format!("{error:#}")
    };
    let cut = refused("cut", &whole[..whole.len() - 1]);
    assert!(cut.contains("in the middle of line 3"), "{cut}");
    let damaged = [lines[0], b"{\"identity\":7}\n", lines[2]].concat();
    let damaged = refused("damaged", &damaged);
    assert!(damaged.contains("line 2"), "{damaged}");
    let other = refused(
        "other",
        br#"{"format":"lanyard.state.v9","at":"2026-03-02T08:00:00Z"}"#,
    );
    assert!(other.contains("lanyard.state.v9"), "{other}");
    let headless = refused("headless", lines[1]);
    assert!(headless.contains("does not begin"), "{headless}");
}
