//! Somebody moves from one side of an SoD pair to the other. At no time does the account hold
//! both, whatever the target does about the removal.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use connectors::Connector;
use contract::{Cause, ConvergeRequest};
use domain::plan::Compiled;
use domain::project::{Mapped, Strength};
use domain::{
    Account, AccountId, Change, Desired, EntitlementId, Generation, Group, Hash, IdentityId,
    IdentityRecord, IdentityState, Pii, Projection, Slot, TargetId,
};
use ports::lanes::{Batch, BatchAnswer, Incoming};
use ports::model::{ManualClock, ModelStore};
use ports::store::{Commit, Committed};
use ports::target::{Applied, Cursor, Found, Lookup, Page, TargetError};
use ports::{Apply, Fault, Observe, Store};

const POLICY: &str = r#"
required = ["given_name"]

[sources.hr]
zone = "Europe/Lisbon"
format = "canonical"
verify = "standard-webhooks"
secrets = ["hr-signing"]

[targets.dir]
mode = "enforce"
base_url = "https://dir.example/v2"
token = "dir-token"
profile = "rfc"

[targets.dir.attributes]
userName = { identifier = "user_name" }
externalId = { key = true }

[identifiers.user_name]
ladder = ["{given_name}", "{given_name}{n}"]

[entitlements]
approvers = { target = "dir" }
payables = { target = "dir" }
staff = { target = "dir" }

[roles.payables]
entitlements = ["payables", "staff"]

[roles.approval]
entitlements = ["approvers"]

[[rules]]
id = "payables"
when = { department = "Finance" }
roles = ["payables"]

[[rules]]
id = "approval"
when = { department = "Treasury" }
roles = ["approval"]

[sod.payables-and-approval]
left = ["payables"]
right = ["approvers"]
"#;

/// What the target does about removals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removals {
    Work,
    /// It says no.
    Refused,
    /// It says yes and does nothing.
    Ignored,
}

/// A directory of one account.
#[derive(Clone)]
struct Dir {
    removals: Arc<Mutex<Removals>>,
    holds: Arc<Mutex<BTreeSet<EntitlementId>>>,
}

impl Dir {
    fn holds(&self) -> MutexGuard<'_, BTreeSet<EntitlementId>> {
        self.holds.lock().expect("a lock")
    }

    fn held(&self) -> Vec<String> {
        self.holds().iter().map(ToString::to_string).collect()
    }
}

impl Apply for Dir {
    async fn apply(
        &self,
        change: &Change,
        _account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        match change {
            Change::Grant { entitlement } => {
                self.holds().insert(entitlement.clone());
            }
            Change::Revoke { entitlement } => match *self.removals.lock().expect("a lock") {
                Removals::Work => {
                    self.holds().remove(entitlement);
                }
                Removals::Refused => {
                    return Err(TargetError::Fault(Fault::reject("501, not supported")));
                }
                Removals::Ignored => {}
            },
            Change::Create { .. } => {}
            Change::Adopt { .. }
            | Change::Update { .. }
            | Change::Enable
            | Change::Disable
            | Change::Delete
            | Change::RevokeSessions
            | Change::Restore => panic!("{} was not asked for", change.name()),
        }
        let both = ["approvers", "payables"].map(EntitlementId::from);
        assert!(
            !both.iter().all(|one| self.holds().contains(one)),
            "both sides are held after {change:?}"
        );
        Ok(Applied {
            id: AccountId::from("a1"),
            unchanged: false,
        })
    }
}

impl Observe for Dir {
    async fn users(&self, _after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        panic!("a connector lists nobody")
    }

    async fn groups(&self, _after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        panic!("a connector lists nothing")
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        let text = |text: &str| Pii::new(Slot::from(text));
        match lookup {
            Lookup::Id(id) => Ok(Found::One(Box::new(Account {
                id: id.clone(),
                key: Some(Pii::new(ana().as_str().into())),
                user_name: Pii::new("ana".into()),
                active: true,
                attrs: BTreeMap::from([
                    ("userName".into(), text("ana")),
                    ("externalId".into(), text(ana().as_str())),
                ]),
                created: None,
                last_sign_in: None,
                deleted: false,
                read_only: None,
            }))),
            Lookup::Key(_) | Lookup::UserName(_) => Ok(Found::None),
        }
    }

    async fn held(
        &self,
        _account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        let holds = self.holds();
        Ok(Some(
            of.iter().filter(|e| holds.contains(*e)).cloned().collect(),
        ))
    }
}

struct World {
    store: ModelStore,
    dir: Dir,
    connector: Connector<ModelStore, Dir, ManualClock>,
}

fn ana() -> IdentityId {
    IdentityId::from("0123456789abcdef0123456789abcdef")
}

fn target() -> TargetId {
    TargetId::from("dir")
}

/// Somebody in `payables`.
async fn world() -> World {
    let files = [("policy.toml".to_owned(), POLICY.to_owned())];
    let loaded = policy::load_files(files).unwrap_or_else(|errors| panic!("{errors:?}"));
    let policy = Arc::new(Compiled::new(loaded.policy));
    let store = ModelStore::new();
    let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
    let dir = Dir {
        removals: Arc::new(Mutex::new(Removals::Work)),
        holds: Arc::default(),
    };
    let connector = Connector::new(
        store.clone(),
        BTreeMap::from([(target(), dir.clone())]),
        clock,
        policy,
    );
    let world = World {
        store,
        dir,
        connector,
    };
    world.wants(1, &["payables"]).await;
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["payables"]);
    world
}

impl World {
    async fn wants(&self, generation: u64, grants: &[&str]) {
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
            grants: grants
                .iter()
                .map(|name| (EntitlementId::from(*name), BTreeSet::new()))
                .collect(),
            simulated: false,
            ties: domain::project::Ties::default(),
            policy: Hash::default(),
        };
        let record = IdentityRecord {
            generation: Generation(generation),
            records: Vec::new(),
            state: IdentityState::Active,
            was_active: true,
            ending_since: None,
            identifiers: BTreeMap::new(),
            claims: BTreeSet::new(),
            projections: BTreeMap::from([(target(), projection)]),
            changed: BTreeMap::from([(target(), Generation(generation))]),
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
            expect: (generation > 1).then(|| Generation(generation - 1)),
            record,
            owe: BTreeSet::from([target()]),
            wake_at: None,
            links: Vec::new(),
            claims: Vec::new(),
        };
        let committed = self.store.commit(&commit).await.expect("a commit");
        assert_eq!(committed, Committed::Done);
    }

    async fn deliver(&self) -> BatchAnswer {
        let request = ConvergeRequest {
            v: 1,
            identity: ana(),
            target: target(),
            generation: Generation(1),
            look: false,
            cause: Cause::Plan,
        };
        let record = Incoming {
            id: "m1".to_owned(),
            group: "dir#ana".to_owned(),
            body: serde_json::to_string(&request).expect("JSON"),
            receives: 1,
            trace: None,
        };
        let records = vec![record];
        self.connector.handle(Batch { records }).await
    }

    async fn parked(&self) -> Option<Box<str>> {
        let seat = self.store.seat(&ana(), &target()).await.expect("a read").0;
        let mut seat = seat.expect("an item");
        seat.accounts.remove(&target())?.parked
    }

    fn removals(&self, removals: Removals) {
        *self.dir.removals.lock().expect("a lock") = removals;
    }
}

#[tokio::test]
async fn one_side_goes_before_the_other_comes() {
    let world = world().await;
    world.wants(2, &["approvers", "staff"]).await;
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["approvers", "staff"]);
}

#[tokio::test]
async fn a_refused_removal_keeps_the_other_side_from_coming_and_nothing_else() {
    let world = world().await;
    world.removals(Removals::Refused);
    world.wants(2, &["approvers", "staff"]).await;
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["payables", "staff"]);
    assert_eq!(world.parked().await.as_deref(), Some("501, not supported"));
    // Whatever comes next, once the target obeys.
    world.removals(Removals::Work);
    world.wants(3, &["approvers", "staff"]).await;
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["approvers", "staff"]);
    assert_eq!(world.parked().await, None);
}

#[tokio::test]
async fn a_removal_that_is_not_seen_keeps_the_other_side_from_coming() {
    let world = world().await;
    world.removals(Removals::Ignored);
    world.wants(2, &["approvers"]).await;
    assert_eq!(world.deliver().await.failed.len(), 1, "it comes back");
    assert_eq!(world.dir.held(), ["payables"]);
    world.removals(Removals::Work);
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["approvers"]);
}
