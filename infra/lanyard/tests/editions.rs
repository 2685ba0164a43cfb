//! Policy changes while work is under way: what was decided under one version is carried out
//! under it, what is decided afterwards under the next, and there and back is where it was.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::Cause;
use domain::plan::Compiled;
use domain::{
    Attr, Attrs, Effective, EventId, Fact, FactBody, Hash, Pii, Policy, RecordKey, SourceId,
    WorkerId,
};
use hr_webhook::Salt;
use jiff::Timestamp;
use lanyard::stack::{Parts, SharedClock, Stack};
use planner::Planner;
use ports::Store as _;
use ports::embedded::{EmbeddedLanes, FolderObjects, StaticSecrets};
use ports::model::ManualClock;
use ports::secrets::Secret;
use ports::store::Delivery;
use scim_target::{Options, ScimTarget};
use store_dynamodb::DynamoStore;
use target_http::Network;

const POLICY: &str = include_str!("../../policy-minimal/policy.toml");
const TOKEN: &str = "a-token-of-this-test";

struct World {
    stack: Arc<Stack<DynamoStore>>,
    target: ScimTarget,
    clock: SharedClock,
    folder: std::path::PathBuf,
}

fn secrets() -> StaticSecrets {
    let known = [
        ("hr-signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("directory-token", TOKEN),
    ];
    known
        .into_iter()
        .map(|(name, value)| (name.to_owned(), vec![Secret::new(value)]))
        .collect()
}

impl World {
    async fn new(name: &str) -> Self {
        let options = Options {
            token: TOKEN.to_owned(),
            ..Options::default()
        };
        let target = ScimTarget::start(options).await.expect("a target");
        for group in ["staff", "Engineers", "Builders"] {
            target.add_group(group).expect("a group");
        }
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let now: Timestamp = "2026-03-02T08:00:00Z".parse().expect("an instant");
        let clock = SharedClock::new(ManualClock::new(now));
        let stack = Stack::new(Parts {
            store: store_dynamodb::embedded::open_in_memory()
                .await
                .expect("a table"),
            lanes: EmbeddedLanes::in_memory(clock.to_dyn()),
            objects: FolderObjects::open(&folder).expect("a folder"),
            secrets: secrets(),
            clock: clock.clone(),
            policy: policy(&target, "Engineers"),
            salt: Salt::new(b"a salt").expect("a salt"),
            network: Network::PUBLIC.and_this_machine(),
        });
        Self {
            stack: Arc::new(stack.expect("a stack")),
            target,
            clock,
            folder,
        }
    }

    /// HR states something, and it is decided under a policy but not carried out.
    async fn decide(&self, event: &str, department: &str, under: &Policy) {
        let mut attrs = Attrs::new();
        for (attr, text) in [
            (Attr::GivenName, "Ana"),
            (Attr::FamilyName, "Silva"),
            (Attr::Department, department),
            (Attr::EmploymentType, "employee"),
            (Attr::StartDate, "2026-03-01"),
        ] {
            attrs.set(attr, text);
        }
        let at: Timestamp = "2026-03-01T08:00:00Z".parse().expect("an instant");
        let record = RecordKey::from("0123456789abcdef0123456789abcdef");
        let fact = Fact {
            source: SourceId::from("hr"),
            record: record.clone(),
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
        };
        let delivery = Delivery {
            source: fact.source.clone(),
            event: fact.event.clone(),
            body: fact.payload,
            received_at: at,
        };
        let store = self.stack.store();
        store.accept(&delivery, &[fact]).await.expect("a fact");
        let planner = Planner::new(
            store.clone(),
            self.stack.lanes().clone(),
            self.clock.clone(),
            Arc::new(Compiled::new(under.clone())),
        );
        let looked = planner.look(&record, Cause::Fact).await;
        looked.expect("a decision");
    }

    fn groups(&self) -> Vec<String> {
        let account = self.target.user_by_user_name("ana.silva");
        account.map(|account| account.groups).unwrap_or_default()
    }

    async fn end(self) {
        self.target.stop().await.expect("it stops");
        std::fs::remove_dir_all(&self.folder).expect("the folder goes");
    }
}

/// The minimal policy, in which engineers are in that group.
fn policy(target: &ScimTarget, group: &str) -> Policy {
    let text = POLICY
        .replace("http://127.0.0.1:8088/scim/v2", target.base_url())
        .replace("group = \"Engineers\"", &format!("group = \"{group}\""));
    assert!(text.contains(group));
    let files = [("policy.toml".to_owned(), text)];
    let loaded = policy::load_files(files).unwrap_or_else(|errors| panic!("{errors}"));
    loaded.policy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_carried_out_under_the_version_that_it_was_made_under() {
    let world = World::new("editions-half-way").await;
    let (one, two) = (
        policy(&world.target, "Engineers"),
        policy(&world.target, "Builders"),
    );
    world.decide("e1", "Engineering", &one).await;
    world
        .stack
        .switch(two.clone(), &secrets())
        .expect("a switch");
    assert_eq!(world.stack.policy().version, two.version);
    assert_eq!(
        world.stack.superseded().await.expect("an answer"),
        BTreeSet::from([one.version])
    );
    world.stack.drain().await;
    assert_eq!(world.groups(), ["staff", "Engineers"], "as it was decided");
    assert!(world.stack.is_changing());
    assert_eq!(
        world.stack.superseded().await.expect("an answer"),
        BTreeSet::new()
    );
    assert!(!world.stack.is_changing(), "nothing of it is left");

    // With the earlier version forgotten it would be the wrong group, so that the above can fail.
    world.decide("e2", "Sales", &one).await;
    world.stack.drain().await;
    assert_eq!(
        world.groups(),
        ["staff", "Engineers"],
        "`Builders` was left, not `Engineers`"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_decided_anew_once_and_there_and_back_is_where_it_was() {
    let world = World::new("editions-back").await;
    let one = policy(&world.target, "Engineers");
    let mut two = one.clone();
    two.version = Hash::of(b"two");
    two.rules.retain(|rule| rule.id.as_str() != "engineering");
    world.decide("e1", "Engineering", &one).await;
    world.stack.drain().await;
    let before = world
        .target
        .user_by_user_name("ana.silva")
        .expect("an account");
    assert_eq!(world.stack.replan().await.expect("an answer"), 0);

    world.stack.switch(two, &secrets()).expect("a switch");
    assert_eq!(world.stack.replan().await.expect("an answer"), 1);
    world.stack.drain().await;
    assert_eq!(world.groups(), ["staff"]);
    assert_eq!(world.stack.replan().await.expect("an answer"), 0, "once");

    world.stack.switch(one, &secrets()).expect("a switch");
    assert_eq!(world.stack.replan().await.expect("an answer"), 1);
    world.stack.drain().await;
    let after = world
        .target
        .user_by_user_name("ana.silva")
        .expect("an account");
    assert_eq!(
        (after.id, after.active, after.groups),
        (before.id, before.active, before.groups)
    );
    world.end().await;
}
