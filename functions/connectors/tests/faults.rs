//! Every row of the fault table, as a connector meets it: what goes back to the queue, what is
//! recorded, and whether the target is called again.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connectors::Connector;
use contract::{Cause, ConvergeRequest};
use domain::plan::Compiled;
use domain::project::{Mapped, Strength};
use domain::{
    Account, AccountId, Change, Desired, EntitlementId, Generation, Group, Hash, IdentityId,
    IdentityRecord, IdentityState, Outcome, Ownership, Pii, Projection, Slot, TargetId,
};
use ports::lanes::{Batch, BatchAnswer, Incoming};
use ports::model::{ManualClock, ModelStore};
use ports::store::{Commit, Committed, Health};
use ports::target::{Applied, Cursor, Found, Lookup, Page, TargetError};
use ports::{Apply, Fault, Observe, Store};

const POLICY: &str = r#"
required = ["given_name"]

[sources.hr]
zone = "Europe/Lisbon"
format = "canonical"
verify = "standard-webhooks"
secrets = ["hr-signing"]

[targets.wiki]
mode = "enforce"
base_url = "https://wiki.example/v2"
token = "wiki-token"
profile = "rfc"
protected = ["root"]

[targets.wiki.attributes]
userName = { identifier = "user_name" }
externalId = { key = true }

[identifiers.user_name]
ladder = ["{given_name}", "{given_name}{n}"]

[entitlements.editors]
target = "wiki"

[roles.editor]
entitlements = ["editors"]

[[rules]]
id = "everybody"
when = "everyone"
roles = ["editor"]
"#;

/// A target that answers writes from a list, and well when the list is empty.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Result<(), TargetError>>>>,
    calls: Arc<Mutex<Vec<&'static str>>>,
    /// What a look shows.
    shows: Arc<Mutex<Option<Account>>>,
    /// Whether looks back are answered with an error.
    blind: Arc<AtomicBool>,
}

impl Scripted {
    fn answers(self, answer: Result<(), TargetError>) -> Self {
        self.answers.lock().expect("a lock").push_back(answer);
        self
    }

    fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().expect("a lock"))
    }

    fn call(&self, name: &'static str) {
        self.calls.lock().expect("a lock").push(name);
    }
}

impl Apply for Scripted {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        self.call(change.name());
        let answer = self.answers.lock().expect("a lock").pop_front();
        answer.unwrap_or(Ok(()))?;
        Ok(Applied {
            id: account.cloned().unwrap_or_else(|| AccountId::from("a1")),
            unchanged: false,
        })
    }
}

impl Observe for Scripted {
    async fn users(&self, _after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        panic!("a connector lists nobody")
    }

    async fn groups(&self, _after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        panic!("a connector lists nothing")
    }

    async fn find(&self, _lookup: Lookup<'_>) -> Result<Found, TargetError> {
        self.call("find");
        let shows = self.shows.lock().expect("a lock").clone();
        Ok(shows.map_or(Found::None, |account| Found::One(Box::new(account))))
    }

    async fn held(
        &self,
        _account: &AccountId,
        _of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        self.call("held");
        if self.blind.load(Ordering::Relaxed) {
            return Err(TargetError::Fault(Fault::retry("503")));
        }
        Ok(Some(Vec::new()))
    }
}

struct World {
    store: ModelStore,
    clock: ManualClock,
    target: Scripted,
    connector: Connector<ModelStore, Scripted, ManualClock>,
}

fn ana() -> IdentityId {
    IdentityId::from("0123456789abcdef0123456789abcdef")
}

fn wiki() -> TargetId {
    TargetId::from("wiki")
}

/// Somebody who shall have an account and one membership on `wiki`.
async fn world(target: Scripted) -> World {
    let files = [("policy.toml".to_owned(), POLICY.to_owned())];
    let loaded = policy::load_files(files).unwrap_or_else(|errors| panic!("{errors}"));
    let policy = Arc::new(Compiled::new(loaded.policy));
    let store = ModelStore::new();
    let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
    let connector = Connector::new(
        store.clone(),
        BTreeMap::from([(wiki(), target.clone())]),
        clock.clone(),
        policy.clone(),
    );
    let mapped = |text: &str| Mapped {
        value: Pii::new(Slot::from(text)),
        strength: Strength::Always,
        refers: false,
    };
    let projection = Projection {
        desired: Desired::Active,
        attrs: BTreeMap::from([
            ("userName".into(), mapped("ana")),
            ("externalId".into(), mapped(ana().as_str())),
        ]),
        grants: BTreeMap::from([(EntitlementId::from("editors"), BTreeSet::new())]),
        simulated: false,
        ties: domain::project::Ties::default(),
        policy: policy.policy.version,
    };
    wants(&store, projection, Generation(1)).await;
    World {
        store,
        clock,
        target,
        connector,
    }
}

async fn wants(store: &ModelStore, projection: Projection, generation: Generation) {
    let record = IdentityRecord {
        generation,
        records: Vec::new(),
        state: IdentityState::Active,
        was_active: true,
        ending_since: None,
        identifiers: BTreeMap::new(),
        claims: BTreeSet::new(),
        projections: BTreeMap::from([(wiki(), projection)]),
        changed: BTreeMap::from([(wiki(), generation)]),
        unsettled: BTreeMap::new(),
        ties: BTreeMap::new(),
        decisions: domain::Hash::default(),
        findings: Vec::new(),
        due_at: None,
        facts: Hash::default(),
        policy: Hash::default(),
        plan: Hash::default(),
    };
    let commit = Commit {
        identity: ana(),
        expect: (generation.0 > 1).then(|| Generation(generation.0 - 1)),
        record,
        owe: BTreeSet::from([wiki()]),
        wake_at: None,
        links: Vec::new(),
        claims: Vec::new(),
    };
    assert_eq!(
        store.commit(&commit).await.expect("a commit"),
        Committed::Done
    );
}

fn with_body(body: &str) -> Incoming {
    Incoming {
        id: "m1".to_owned(),
        group: "wiki#ana".to_owned(),
        body: body.to_owned(),
        receives: 1,
        trace: None,
    }
}

impl World {
    fn record() -> Incoming {
        let request = ConvergeRequest {
            v: 1,
            identity: ana(),
            target: wiki(),
            generation: Generation(1),
            look: false,
            cause: Cause::Plan,
        };
        with_body(&serde_json::to_string(&request).expect("JSON"))
    }

    async fn deliver(&self) -> BatchAnswer {
        let records = vec![Self::record()];
        self.connector.handle(Batch { records }).await
    }

    async fn deliver_body(&self, body: &str) -> BatchAnswer {
        let records = vec![with_body(body)];
        self.connector.handle(Batch { records }).await
    }

    async fn part(&self) -> Option<domain::AccountRecord> {
        let seat = self
            .store
            .seat(&ana(), &wiki())
            .await
            .expect("a read")
            .0
            .expect("an item");
        seat.accounts.get(&wiki()).cloned()
    }

    async fn owes(&self) -> bool {
        let seat = self
            .store
            .seat(&ana(), &wiki())
            .await
            .expect("a read")
            .0
            .expect("an item");
        seat.owed.contains_key(&wiki())
    }
}

#[tokio::test]
async fn done_is_acknowledged_and_settles_what_was_owed() {
    let world = world(Scripted::default()).await;
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(world.target.take_calls(), ["find", "create", "grant"]);
    let part = world.part().await.expect("a part");
    assert_eq!(
        (part.applied, part.outcome),
        (Generation(1), Some(Outcome::Applied))
    );
    assert_eq!(part.ownership, Some(Ownership::Created));
    assert!(!world.owes().await);
    // Delivered once more: nobody is called, nothing is written.
    let counters = world.store.counters();
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(world.target.take_calls(), [""; 0]);
    assert_eq!(world.store.counters().writes, counters.writes);
}

#[tokio::test]
async fn what_another_policy_decided_is_left_to_the_connector_that_has_it() {
    let world = world(Scripted::default()).await;
    let batch = Batch {
        records: vec![World::record()],
    };
    let (answer, elsewhere) = world.connector.handle_own(batch.clone()).await;
    assert_eq!(answer.failed, []);
    // The decision of this world carries no version.
    assert_eq!(
        elsewhere,
        BTreeMap::from([(Hash::default(), batch.clone())])
    );
    assert_eq!(world.target.take_calls(), [""; 0], "nothing was done");
    assert!(world.owes().await && world.part().await.is_none());
    // Whoever has no other version does it after all.
    assert_eq!(world.connector.handle(batch.clone()).await.failed, []);
    assert_eq!(world.target.take_calls(), ["find", "create", "grant"]);
    // Nothing is left to do under any version.
    let (answer, elsewhere) = world.connector.handle_own(batch).await;
    assert_eq!((answer.failed, elsewhere), (Vec::new(), BTreeMap::new()));
    assert_eq!(world.target.take_calls(), [""; 0]);
}

#[tokio::test]
async fn retry_comes_back_when_the_target_said_and_stays_owed() {
    let busy = TargetError::Fault(Fault::Retry {
        after: Some(Duration::from_secs(17)),
        why: "429".into(),
    });
    let world = world(Scripted::default().answers(Err(busy))).await;
    let failed = world.deliver().await.failed;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].after, Some(Duration::from_secs(17)));
    assert!(world.owes().await && world.part().await.is_none());
    assert_eq!(world.deliver().await.failed, []);
    assert!(!world.owes().await);
}

#[tokio::test]
async fn retry_keeps_what_was_done_before_it() {
    let target = Scripted::default().answers(Ok(()));
    let world = world(target.answers(Err(TargetError::Fault(Fault::retry("503"))))).await;
    assert_eq!(world.deliver().await.failed.len(), 1);
    let part = world.part().await.expect("the create is remembered");
    assert_eq!(
        (part.id, part.applied),
        (Some(AccountId::from("a1")), Generation(0))
    );
    assert!(world.owes().await);
    world.target.take_calls();
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(world.target.take_calls(), ["grant"], "no second create");
}

#[tokio::test]
async fn reject_parks_with_the_reason_and_is_acknowledged() {
    let refused = TargetError::Fault(Fault::reject("the target requires a profile"));
    let world = world(Scripted::default().answers(Err(refused))).await;
    assert_eq!(world.deliver().await.failed, []);
    let part = world.part().await.expect("a part");
    assert_eq!(part.outcome, Some(Outcome::Rejected));
    assert!(
        part.parked
            .is_some_and(|why| why.contains("requires a profile"))
    );
    assert!(
        !world.owes().await,
        "parked is settled: a human or a new decision comes next"
    );
    assert_eq!(
        *world.store.health(&wiki()).await.as_ref().expect("a read"),
        Health::Healthy
    );
}

#[tokio::test]
async fn halt_quarantines_the_target_and_is_deferred() {
    let denied = TargetError::Fault(Fault::halt("401"));
    let world = world(Scripted::default().answers(Err(denied))).await;
    assert_eq!(
        world.deliver().await.failed,
        [],
        "acknowledged: the store remembers"
    );
    let Health::Quarantined { attempts, .. } = world.store.health(&wiki()).await.expect("a read")
    else {
        panic!("the target is not quarantined")
    };
    assert_eq!(attempts, 1);
    assert!(world.owes().await);
    world.target.take_calls();
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(
        world.target.take_calls(),
        [""; 0],
        "a resting target is not called"
    );
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(
        world.store.health(&wiki()).await.expect("a read"),
        Health::Healthy
    );
    assert!(!world.owes().await);
}

#[tokio::test]
async fn a_target_that_an_operator_paused_is_left_alone_until_it_is_resumed() {
    let world = world(Scripted::default()).await;
    let pause = ports::store::Pause {
        by: "ida".into(),
        reason: "maintenance".into(),
        since: jiff::Timestamp::UNIX_EPOCH,
    };
    let paused = world.store.set_pause(&wiki(), Some(&pause)).await;
    paused.expect("a write");
    world.target.take_calls();
    assert_eq!(
        world.deliver().await.failed,
        [],
        "nothing is tried again and again"
    );
    world.clock.advance(Duration::from_hours(12));
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(
        world.target.take_calls(),
        [""; 0],
        "it does not end by itself"
    );
    assert!(world.owes().await);
    world.store.set_pause(&wiki(), None).await.expect("a write");
    assert_eq!(world.deliver().await.failed, []);
    assert!(!world.owes().await);
}

#[tokio::test]
async fn a_second_halt_rests_longer() {
    let denied = || Err(TargetError::Fault(Fault::halt("401")));
    let world = world(Scripted::default().answers(denied()).answers(denied())).await;
    world.deliver().await;
    world.clock.advance(Duration::from_secs(61));
    world.deliver().await;
    world.clock.advance(Duration::from_secs(61));
    world.target.take_calls();
    world.deliver().await;
    assert_eq!(world.target.take_calls(), [""; 0], "two minutes this time");
}

#[tokio::test]
async fn a_lost_answer_is_neither_success_nor_failure() {
    let lost = TargetError::Unknown {
        why: "reset".into(),
    };
    let world = world(Scripted::default().answers(Err(lost))).await;
    assert_eq!(world.deliver().await.failed.len(), 1);
    assert!(world.owes().await);
    // The target did create it: the next attempt looks by our key first.
    *world.target.shows.lock().expect("a lock") = Some(Account {
        id: AccountId::from("a1"),
        key: Some(Pii::new(ana().as_str().into())),
        user_name: Pii::new("ana".into()),
        active: true,
        attrs: BTreeMap::from([
            ("userName".into(), Pii::new(Slot::from("ana"))),
            ("externalId".into(), Pii::new(Slot::from(ana().as_str()))),
        ]),
        created: None,
        last_sign_in: None,
        deleted: false,
        read_only: None,
    });
    world.target.take_calls();
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(
        world.target.take_calls(),
        ["find", "grant"],
        "no second create"
    );
    assert_eq!(
        world.part().await.expect("a part").ownership,
        Some(Ownership::Created)
    );
}

#[tokio::test]
async fn a_block_that_is_not_seen_comes_back() {
    let world = world(Scripted::default()).await;
    world.deliver().await;
    *world.target.shows.lock().expect("a lock") = Some(Account {
        id: AccountId::from("a1"),
        key: Some(Pii::new(ana().as_str().into())),
        user_name: Pii::new("ana".into()),
        active: true,
        attrs: BTreeMap::new(),
        created: None,
        last_sign_in: None,
        deleted: false,
        read_only: None,
    });
    wants(&world.store, Projection::default(), Generation(2)).await;
    world.target.take_calls();
    let failed = world.deliver().await.failed;
    assert_eq!(failed.len(), 1);
    assert_eq!(world.target.take_calls().first(), Some(&"disable"));
    assert!(world.owes().await);
    assert_eq!(
        world.part().await.expect("a part").outcome,
        Some(Outcome::NotVerified)
    );
}

#[tokio::test]
async fn a_removal_that_nobody_could_read_back_is_done_again() {
    let world = world(Scripted::default()).await;
    world.deliver().await;
    // Nobody is to have anything any more: blocked, and taken out of the group.
    wants(&world.store, Projection::default(), Generation(2)).await;
    world.target.take_calls();
    world.target.blind.store(true, Ordering::Relaxed);
    assert_eq!(world.deliver().await.failed.len(), 1);
    assert_eq!(
        world.target.take_calls(),
        ["disable", "revoke_sessions", "revoke", "find", "held"]
    );
    let part = world.part().await.expect("a part");
    assert!(
        part.active && part.grants.contains("editors"),
        "answered as done, and seen by nobody"
    );
    world.target.blind.store(false, Ordering::Relaxed);
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(
        world.target.take_calls(),
        ["disable", "revoke_sessions", "revoke", "find", "held"]
    );
    let part = world.part().await.expect("a part");
    assert!(!part.active && part.grants.is_empty());
    assert!(!world.owes().await);
}

#[tokio::test]
async fn a_block_before_a_removal_that_fails_is_read_back_in_the_end() {
    let refused = TargetError::Fault(Fault::retry("503"));
    let target = Scripted::default();
    let world = world(target.clone()).await;
    world.deliver().await;
    wants(&world.store, Projection::default(), Generation(2)).await;
    world.target.take_calls();
    // The block is answered as done, then nothing is answered any more.
    let target = target.answers(Ok(())).answers(Ok(()));
    let _target = target.answers(Err(refused));
    assert_eq!(world.deliver().await.failed.len(), 1);
    assert_eq!(
        world.target.take_calls(),
        ["disable", "revoke_sessions", "revoke"]
    );
    assert_eq!(world.deliver().await.failed, []);
    assert_eq!(
        world.target.take_calls(),
        ["disable", "revoke_sessions", "revoke", "find", "held"],
        "blocked again and looked at"
    );
}

#[tokio::test]
async fn a_lost_race_at_the_table_comes_back_at_once() {
    let world = world(Scripted::default()).await;
    // The connector's read passes, its write fails.
    world.store.lose_next(Fault::retry("read lost"));
    assert_eq!(world.deliver().await.failed.len(), 1);
    assert_eq!(world.target.take_calls(), [""; 0]);
    assert_eq!(world.deliver().await.failed, []);
}

#[tokio::test]
async fn a_message_that_is_not_ours_is_acknowledged_and_calls_nobody() {
    let world = world(Scripted::default()).await;
    for body in ["", "{}", "rubbish", r#"{"v":1,"identity":"x"}"#] {
        assert_eq!(world.deliver_body(body).await.failed, [], "{body}");
    }
    assert_eq!(world.target.take_calls(), [""; 0]);
}
