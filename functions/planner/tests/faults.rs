//! Every row of the fault table, as the planner meets it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use std::sync::Arc;

use contract::{Cause, Lane, PlanRequest};
use domain::plan::Compiled;
use domain::{
    Attr, Attrs, Effective, EventId, Fact, FactBody, Hash, IdentityId, Pii, RecordKey, SourceId,
    WorkerId,
};
use jiff::Timestamp;
use planner::{Looked, Planner};
use ports::lanes::{Batch, BatchAnswer, Incoming};
use ports::model::{ManualClock, ModelLanes, ModelStore};
use ports::store::Delivery;
use ports::{Clock, Fault, Store};

const POLICY: &str = include_str!("../../../infra/policy-minimal/policy.toml");

struct World {
    store: ModelStore,
    lanes: ModelLanes,
    clock: ManualClock,
    planner: Planner<ModelStore, ModelLanes, ManualClock>,
}

fn record() -> RecordKey {
    RecordKey::from("0123456789abcdef0123456789abcdef")
}

fn world() -> World {
    let files = [("policy.toml".to_owned(), POLICY.to_owned())];
    let loaded = policy::load_files(files).unwrap_or_else(|errors| panic!("{errors}"));
    let policy = Arc::new(Compiled::new(loaded.policy));
    let store = ModelStore::new();
    let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
    let lanes = ModelLanes::new(Arc::new(clock.clone()));
    let planner = Planner::new(store.clone(), lanes.clone(), clock.clone(), policy);
    World {
        store,
        lanes,
        clock,
        planner,
    }
}

fn hire(event: &str, title: &str) -> Fact {
    let mut attrs = Attrs::new();
    for (attr, text) in [
        (Attr::GivenName, "Ana"),
        (Attr::FamilyName, "Silva"),
        (Attr::Department, "Engineering"),
        (Attr::EmploymentType, "employee"),
        (Attr::StartDate, "2026-03-01"),
        (Attr::Title, title),
    ] {
        attrs.set(attr, text);
    }
    let at: Timestamp = "2026-03-01T08:00:00Z".parse().expect("an instant");
    Fact {
        source: SourceId::from("hr"),
        record: record(),
        worker: WorkerId::from("E1"),
        event: EventId::from(event),
        version: None,
        effective: Effective::Instant(at),
        zone: "UTC".into(),
        recorded_at: at,
        received_at: at,
        payload: Hash::of(event.as_bytes()),
        manager: None,
        body: FactBody::Assert {
            attrs: Pii::new(attrs),
            corrects: None,
        },
    }
}

impl World {
    async fn accept(&self, fact: Fact) {
        let delivery = Delivery {
            source: fact.source.clone(),
            event: fact.event.clone(),
            body: fact.payload,
            received_at: fact.received_at,
        };
        self.store
            .accept(&delivery, &[fact])
            .await
            .expect("accepted");
    }

    async fn deliver(&self) -> BatchAnswer {
        let request = PlanRequest::new(record(), Cause::Fact);
        self.deliver_body(&serde_json::to_string(&request).expect("JSON"))
            .await
    }

    async fn deliver_body(&self, body: &str) -> BatchAnswer {
        let record = Incoming {
            id: "m1".to_owned(),
            group: "r".to_owned(),
            body: body.to_owned(),
            receives: 1,
            trace: None,
        };
        self.planner
            .handle(Batch {
                records: vec![record],
            })
            .await
    }
}

#[tokio::test]
async fn a_decision_is_one_read_more_and_one_write() {
    let world = world();
    world.accept(hire("e1", "Engineer")).await;
    let before = world.store.counters();
    assert_eq!(world.deliver().await.failed, []);
    let after = world.store.counters();
    assert_eq!(
        after.transactions - before.transactions,
        1,
        "identity item and reserved name"
    );
    assert_eq!(after.writes - before.writes, 0);
    // A mover: nothing is reserved any more.
    world.accept(hire("e2", "Lead")).await;
    let before = world.store.counters();
    assert_eq!(world.deliver().await.failed, []);
    let after = world.store.counters();
    assert_eq!(
        (after.reads - before.reads, after.writes - before.writes),
        (1, 1)
    );
    assert_eq!(after.transactions, before.transactions);
    // A duplicate.
    let before = world.store.counters();
    assert_eq!(world.deliver().await.failed, []);
    let after = world.store.counters();
    assert_eq!(
        (after.reads - before.reads, after.writes - before.writes),
        (1, 0)
    );
}

#[tokio::test]
async fn retry_at_the_table_comes_back_and_leaves_nothing_half_done() {
    let world = world();
    world.accept(hire("e1", "Engineer")).await;
    world.store.fail_next(Fault::retry("throttled"));
    assert_eq!(world.deliver().await.failed.len(), 1);
    assert!(world.store.seats().is_empty());
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(world.store.seats().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_to_the_commit_is_not_decided_twice() {
    let world = world();
    world.accept(hire("e1", "Engineer")).await;
    world
        .planner
        .look(&record(), Cause::Fact)
        .await
        .expect("decided");
    world.accept(hire("e2", "Lead")).await;
    // The read passes; the commit takes effect and its answer is lost.
    let reads = world.store.counters().reads;
    world.store.lose_next(Fault::retry("lost"));
    assert!(world.planner.look(&record(), Cause::Fact).await.is_err());
    assert_eq!(
        world.store.counters().reads,
        reads + 1,
        "the read was lost here"
    );
    assert_eq!(
        world
            .planner
            .look(&record(), Cause::Fact)
            .await
            .expect("decided"),
        Looked::Decided
    );
    assert_eq!(
        world
            .planner
            .look(&record(), Cause::Fact)
            .await
            .expect("same"),
        Looked::Unchanged
    );
    let seat = &world.store.seats()[&IdentityId::from(&record())];
    assert_eq!(seat.record.generation.0, 2);
}

#[tokio::test]
async fn a_queue_that_fails_after_the_commit_leaves_the_debt_in_the_item() {
    let world = world();
    world.accept(hire("e1", "Engineer")).await;
    world.lanes.fail_next(Fault::retry("the queue is full"));
    assert_eq!(world.deliver().await.failed.len(), 1);
    let seat = world.store.seats()[&IdentityId::from(&record())].clone();
    assert_eq!(seat.owed.len(), 1);
    assert!(seat.wake_at.is_some_and(|wake| wake > world.clock.now()));
    // Too early: nothing is sent again. Later: it is.
    world.lanes.take_sent();
    assert_eq!(world.deliver().await.failed, []);
    assert!(world.lanes.take_sent().is_empty());
    world.clock.advance(std::time::Duration::from_secs(121));
    assert_eq!(world.deliver().await.failed, []);
    let messages = world.lanes.take_sent();
    assert_eq!(messages.len(), 1);
    assert!(matches!(messages[0].0, Lane::Target(_)));
}

#[tokio::test]
async fn a_record_without_facts_is_nobody() {
    let world = world();
    let looked = world
        .planner
        .look(&record(), Cause::Operator)
        .await
        .expect("a look");
    assert_eq!(looked, Looked::Nobody);
    assert!(world.store.seats().is_empty());
}

#[tokio::test]
async fn a_message_that_is_not_ours_is_acknowledged() {
    let world = world();
    for body in [
        "",
        "{}",
        "rubbish",
        r#"{"v":1}"#,
        r#"{"v":1,"record":"r","cause":"fact","name":"Ana"}"#,
    ] {
        assert_eq!(world.deliver_body(body).await.failed, [], "{body}");
    }
    assert!(world.store.seats().is_empty());
}
