//! Every row of the fault table, as the planner meets it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use std::sync::{Arc, Mutex};

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
use ports::{Clock, Fault, Lanes, Outgoing, Store};

const POLICY: &str = include_str!("../../../infra/policy-minimal/policy.toml");

const WIKI: &str = r#"
[targets.wiki]
mode = "enforce"
base_url = "http://127.0.0.1:8089/scim/v2"
token = "wiki-token"
profile = "rfc"

[targets.wiki.attributes]
userName = { identifier = "user_name" }
externalId = { key = true }

[entitlements.wiki-staff]
target = "wiki"

[roles.wiki]
entitlements = ["wiki-staff"]

[[rules]]
id = "everybody-wiki"
when = "everyone"
roles = ["wiki"]
"#;

struct World {
    store: ModelStore,
    lanes: ModelLanes,
    clock: ManualClock,
    planner: Planner<ModelStore, ModelLanes, ManualClock>,
}

fn record() -> RecordKey {
    RecordKey::from("0123456789abcdef0123456789abcdef")
}

/// Lanes that keep who was sent what in one request, and refuse one lane.
#[derive(Clone, Default)]
struct Requests {
    sent: Arc<Mutex<Vec<(Lane, usize)>>>,
    refused: Option<Lane>,
}

impl Lanes for Requests {
    async fn send(&self, lane: &Lane, messages: &[Outgoing]) -> Result<(), Fault> {
        let sent = (lane.clone(), messages.len());
        self.sent.lock().expect("no panic").push(sent);
        if self.refused.as_ref() == Some(lane) {
            return Err(Fault::retry("the queue is full"));
        }
        Ok(())
    }
}

fn compiled(text: &str) -> Arc<Compiled> {
    let files = [("policy.toml".to_owned(), text.to_owned())];
    let loaded = policy::load_files(files).unwrap_or_else(|errors| panic!("{errors}"));
    Arc::new(Compiled::new(loaded.policy))
}

fn world() -> World {
    let policy = compiled(POLICY);
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
    hire_of(record(), event, title)
}

fn hire_of(record: RecordKey, event: &str, title: &str) -> Fact {
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
        record,
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
        let records = vec![incoming("m1", body)];
        self.planner.handle(Batch { records }).await
    }
}

fn incoming(id: &str, body: &str) -> Incoming {
    Incoming {
        id: id.to_owned(),
        group: id.to_owned(),
        body: body.to_owned(),
        receives: 1,
        trace: None,
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
    assert!(world.store.everybody().is_empty());
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(world.store.everybody().len(), 1);
}

/// Nobody else remembers the fact: a right that is missing and an item that does not read bring its
/// message back, too, until it lies with the dead letters.
#[tokio::test]
async fn whatever_fails_at_the_table_the_message_comes_back() {
    for fault in [
        Fault::halt("the table answered 400 `AccessDeniedException`"),
        Fault::reject("an item's attribute `plan` does not read back"),
    ] {
        let world = world();
        world.accept(hire("e1", "Engineer")).await;
        world.store.fail_next(fault);
        assert_eq!(world.deliver().await.failed.len(), 1);
        assert_eq!(world.deliver().await.failed, []);
        assert_eq!(world.store.everybody().len(), 1);
    }
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
    let seat = &world.store.everybody()[&IdentityId::from(&record())];
    assert_eq!(seat.record.generation.0, 2);
}

#[tokio::test]
async fn a_queue_that_fails_after_the_commit_leaves_the_debt_in_the_item() {
    let world = world();
    world.accept(hire("e1", "Engineer")).await;
    world.lanes.fail_next(Fault::retry("the queue is full"));
    assert_eq!(world.deliver().await.failed.len(), 1);
    let seat = world.store.everybody()[&IdentityId::from(&record())].clone();
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

/// A lane that is not there takes nothing from the others, and its people do not stay due for ever.
#[tokio::test]
async fn a_lane_that_fails_keeps_no_other_from_being_asked_again() {
    let world = world();
    world.accept(hire("e1", "Engineer")).await;
    let both = compiled(&format!("{POLICY}{WIKI}"));
    let lanes = Requests {
        refused: Some(target("directory")),
        ..Requests::default()
    };
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let planner = Planner::new(store, lanes.clone(), clock, both);
    assert!(planner.look(&record(), Cause::Fact).await.is_err());
    lanes.sent.lock().expect("no panic").clear();
    world.clock.advance(std::time::Duration::from_secs(121));
    assert!(planner.look(&record(), Cause::Due).await.is_err());
    let sent = lanes.sent.lock().expect("no panic").clone();
    assert_eq!(sent, [(target("directory"), 1), (target("wiki"), 1)]);
    let recorded = world.store.everybody()[&IdentityId::from(&record())].clone();
    assert!(
        recorded
            .wake_at
            .is_some_and(|wake| wake > world.clock.now())
    );
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
    assert!(world.store.everybody().is_empty());
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
    assert!(world.store.everybody().is_empty());
}

/// Ten hires on two targets, and a body that nobody can read.
async fn a_batch_over(lanes: Requests) -> BatchAnswer {
    let both = format!("{POLICY}{WIKI}");
    let world = world();
    let mut records = vec![incoming("m0", "rubbish")];
    for n in 1..=10 {
        let key = RecordKey::from(format!("{n:032x}"));
        world
            .accept(hire_of(key.clone(), &format!("e{n}"), "Engineer"))
            .await;
        let request = PlanRequest::new(key, Cause::Fact);
        let body = serde_json::to_string(&request).expect("JSON");
        records.push(incoming(&format!("m{n}"), &body));
    }
    let planner = Planner::new(world.store, lanes, world.clock, compiled(&both));
    planner.handle(Batch { records }).await
}

fn target(name: &str) -> Lane {
    Lane::Target(name.into())
}

#[tokio::test]
async fn a_batch_sends_once_to_each_queue() {
    let lanes = Requests::default();
    let answer = a_batch_over(lanes.clone()).await;
    assert_eq!(answer.failed, []);
    let sent = lanes.sent.lock().expect("no panic").clone();
    assert_eq!(sent, [(target("directory"), 10), (target("wiki"), 10)]);
}

#[tokio::test]
async fn a_queue_that_fails_brings_back_whoever_sends_to_it_and_others_are_sent_to() {
    let lanes = Requests {
        refused: Some(target("directory")),
        ..Requests::default()
    };
    let answer = a_batch_over(lanes.clone()).await;
    let back: Vec<&str> = answer.failed.iter().map(|one| one.id.as_str()).collect();
    let all = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10"];
    assert_eq!(back, all);
    let sent = lanes.sent.lock().expect("no panic").clone();
    assert!(sent.contains(&(target("wiki"), 10)), "{sent:?}");
}
