//! Who is handed over, when, and how often.

#![allow(clippy::expect_used, reason = "tests stop at what does not hold")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::Ticker;
use contract::Lane;
use domain::{Generation, Hash, IdentityId, IdentityRecord, IdentityState};
use jiff::Timestamp;
use ports::model::{ManualClock, ModelLanes, ModelStore};
use ports::store::Commit;
use ports::{Fault, Store};

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

async fn due(store: &ModelStore, id: &str, wake_at: Option<Timestamp>) {
    let record = IdentityRecord {
        generation: Generation(1),
        records: Vec::new(),
        state: IdentityState::Active,
        was_active: true,
        ending_since: None,
        identifiers: BTreeMap::new(),
        claims: BTreeSet::new(),
        projections: BTreeMap::new(),
        changed: BTreeMap::new(),
        unsettled: BTreeMap::new(),
        ties: BTreeMap::new(),
        decisions: domain::Hash::default(),
        findings: Vec::new(),
        due_at: wake_at,
        facts: Hash::default(),
        policy: Hash::default(),
        plan: Hash::default(),
    };
    let commit = Commit {
        identity: IdentityId::from(id),
        expect: None,
        record,
        owe: BTreeSet::new(),
        wake_at,
        links: Vec::new(),
        claims: Vec::new(),
    };
    store.commit(&commit).await.expect("a commit");
}

#[tokio::test]
async fn hands_over_who_is_due_and_nobody_else() {
    let clock = ManualClock::new(at("2026-03-02T08:00:00Z"));
    let store = ModelStore::new();
    let lanes = ModelLanes::new(Arc::new(clock.clone()));
    due(&store, "early", Some(at("2026-03-02T07:59:59Z"))).await;
    due(&store, "now", Some(at("2026-03-02T08:00:00Z"))).await;
    due(&store, "late", Some(at("2026-03-02T08:00:01Z"))).await;
    due(&store, "never", None).await;
    let ticker = Ticker::new(store, lanes.clone(), clock.clone());
    assert_eq!(ticker.tick().await.expect("a tick"), 2);
    let sent = lanes.take_sent();
    let groups: Vec<&str> = sent
        .iter()
        .map(|(_, message)| message.group.as_str())
        .collect();
    assert_eq!(groups, ["early", "now"]);
    assert!(sent.iter().all(|(lane, _)| *lane == Lane::Facts));
    clock.set(at("2026-03-02T08:00:01Z"));
    assert_eq!(
        ticker.tick().await.expect("a tick"),
        3,
        "until somebody has looked at them"
    );
}

#[tokio::test]
async fn a_queue_that_fails_loses_nobody() {
    let clock = ManualClock::new(at("2026-03-02T08:00:00Z"));
    let store = ModelStore::new();
    let lanes = ModelLanes::new(Arc::new(clock.clone()));
    for n in 0..25 {
        due(
            &store,
            &format!("p{n:02}"),
            Some(at("2026-03-02T08:00:00Z")),
        )
        .await;
    }
    let ticker = Ticker::new(store, lanes.clone(), clock);
    lanes.fail_next(Fault::retry("the queue is full"));
    assert!(ticker.tick().await.is_err());
    lanes.take_sent();
    assert_eq!(ticker.tick().await.expect("a tick"), 25);
    assert_eq!(lanes.take_sent().len(), 25);
}
