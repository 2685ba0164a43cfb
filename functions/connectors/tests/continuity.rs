//! What must not be interrupted, and what must not be without holders, whatever the target does.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use connectors::Connector;
use contract::{Cause, ConvergeRequest};
use domain::plan::Compiled;
use domain::project::{Mapped, Strength};
use domain::{
    Account, AccountId, Change, Desired, EntitlementId, Generation, Group, Hash, IdentityId,
    IdentityRecord, IdentityState, Pii, Projection, Slot, TargetId,
};
use jiff::SignedDuration;
use ports::lanes::{Batch, BatchAnswer, Incoming};
use ports::model::{ManualClock, ModelStore};
use ports::store::{Commit, Committed};
use ports::target::{Applied, Cursor, Found, Lookup, Page, Roster, TargetError};
use ports::{Apply, Clock, Fault, Observe, Store};

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
basic = { target = "dir" }
pro = { target = "dir" }
admin = { target = "dir", privileged = true, required_holders = 1 }

[tiers.seat]
entitlements = ["basic", "pro"]

[roles.all]
entitlements = ["basic", "pro"]

[roles.admins]
entitlements = ["admin"]

[[rules]]
id = "all"
when = { department = ["Ops", "Sales"] }
roles = ["all"]

[[rules]]
id = "it"
when = { department = "IT" }
roles = ["admins"]
"#;

/// What the target does about grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grants {
    Work,
    /// It says no.
    Refused,
    /// It says yes and shows nothing yet.
    Unseen,
}

struct State {
    grants: Grants,
    holds: BTreeSet<EntitlementId>,
    unseen: BTreeSet<EntitlementId>,
    roster: Roster,
}

/// A directory with one account of ours, `a1`.
#[derive(Clone)]
struct Dir(Arc<Mutex<State>>);

impl Dir {
    fn held(&self) -> Vec<String> {
        let state = self.0.lock().expect("a lock");
        state.holds.iter().map(ToString::to_string).collect()
    }
}

impl Apply for Dir {
    async fn apply(
        &self,
        change: &Change,
        _account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        let mut state = self.0.lock().expect("a lock");
        match change {
            Change::Grant { entitlement } => match state.grants {
                Grants::Refused => {
                    return Err(TargetError::Fault(Fault::reject("404, no such group")));
                }
                Grants::Unseen => {
                    state.unseen.insert(entitlement.clone());
                }
                Grants::Work => {
                    state.unseen.remove(entitlement);
                    state.holds.insert(entitlement.clone());
                }
            },
            Change::Revoke { entitlement } => {
                state.holds.remove(entitlement);
            }
            Change::Create { .. } => {}
            Change::Adopt { .. }
            | Change::Update { .. }
            | Change::Enable
            | Change::Disable
            | Change::Delete
            | Change::RevokeSessions
            | Change::Restore => panic!("{} was not asked for", change.name()),
        }
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
                active: !id.as_str().contains("blocked"),
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
        let state = self.0.lock().expect("a lock");
        let held = of.iter().filter(|one| state.holds.contains(*one));
        Ok(Some(held.cloned().collect()))
    }

    async fn roster(&self, _entitlement: &EntitlementId) -> Result<Roster, TargetError> {
        Ok(self.0.lock().expect("a lock").roster.clone())
    }
}

struct World {
    clock: ManualClock,
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

/// Somebody in `basic`.
async fn world() -> World {
    let files = [("policy.toml".to_owned(), POLICY.to_owned())];
    let loaded = policy::load_files(files).unwrap_or_else(|errors| panic!("{errors:?}"));
    let policy = Arc::new(Compiled::new(loaded.policy));
    let store = ModelStore::new();
    let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
    let dir = Dir(Arc::new(Mutex::new(State {
        grants: Grants::Work,
        holds: BTreeSet::new(),
        unseen: BTreeSet::new(),
        roster: Roster::Hidden,
    })));
    let connector = Connector::new(
        store.clone(),
        BTreeMap::from([(target(), dir.clone())]),
        clock.clone(),
        policy,
    );
    let world = World {
        clock,
        store,
        dir,
        connector,
    };
    world.wants(1, &["basic"]).await;
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["basic"]);
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
            ties: domain::project::Ties::default(),
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
            policy: Hash::default(),
        };
        let record = IdentityRecord {
            decisions: domain::Hash::default(),
            ties: std::collections::BTreeMap::new(),
            ending_since: None,
            generation: Generation(generation),
            records: Vec::new(),
            state: IdentityState::Active,
            was_active: true,
            identifiers: BTreeMap::new(),
            claims: BTreeSet::new(),
            projections: BTreeMap::from([(target(), projection)]),
            changed: BTreeMap::from([(target(), Generation(generation))]),
            unsettled: BTreeMap::new(),
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

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.dir.0.lock().expect("a lock"));
    }
}

#[tokio::test]
async fn a_new_tier_that_is_not_seen_yet_leaves_the_old_one() {
    let world = world().await;
    world.set(|dir| dir.grants = Grants::Unseen);
    world.wants(2, &["pro"]).await;
    for _ in 0..2 {
        assert_eq!(world.deliver().await.failed.len(), 1, "it comes back");
        assert_eq!(world.dir.held(), ["basic"]);
    }
    world.set(|dir| {
        assert_eq!(dir.unseen.len(), 1, "it was asked for");
        dir.grants = Grants::Work;
    });
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["pro"]);
}

#[tokio::test]
async fn a_new_tier_that_is_refused_leaves_the_old_one() {
    let world = world().await;
    world.set(|dir| dir.grants = Grants::Refused);
    world.wants(2, &["pro"]).await;
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["basic"]);
    assert_eq!(world.parked().await.as_deref(), Some("404, no such group"));
    world.set(|dir| dir.grants = Grants::Work);
    world.wants(3, &["pro"]).await;
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["pro"]);
    assert_eq!(world.parked().await, None);
}

/// Somebody who is in `admin` too, among these.
async fn admin(others: Roster) -> World {
    let world = world().await;
    world.wants(2, &["admin", "basic"]).await;
    assert_eq!(world.deliver().await, BatchAnswer::default());
    world.set(|dir| dir.roster = others);
    world.wants(3, &["basic"]).await;
    world
}

fn these(ids: &[&str]) -> Roster {
    Roster::These(ids.iter().map(|id| AccountId::from(*id)).collect())
}

/// Somebody and so many others, who are all like one.
fn many(like: &str, count: usize) -> Roster {
    let mut all = vec![AccountId::from("a1")];
    all.extend(std::iter::repeat_n(AccountId::from(like), count));
    Roster::These(all)
}

#[tokio::test]
async fn nobody_is_taken_out_where_nobody_who_can_sign_in_is_left() {
    for (others, left) in [
        (these(&["a1"]), "0 would be left"),
        (these(&["a1", "blocked"]), "0 would be left"),
        (Roster::Hidden, "the target does not tell"),
        (Roster::Many, "the group is too large"),
        (many("blocked", 201), "the group is too large"),
        (many("blocked", 200), "0 would be left"),
    ] {
        let world = admin(others).await;
        assert_eq!(world.deliver().await, BatchAnswer::default());
        assert_eq!(world.dir.held(), ["admin", "basic"]);
        let why = world.parked().await.expect("a reason");
        assert!(why.contains(left), "{why}");
    }
}

#[tokio::test]
async fn who_is_not_among_the_last_is_taken_out() {
    for others in [
        these(&["blocked", "a1", "a2"]),
        these(&["a3"]),
        many("a2", 500),
    ] {
        let world = admin(others).await;
        assert_eq!(world.deliver().await, BatchAnswer::default());
        assert_eq!(world.dir.held(), ["basic"]);
        assert_eq!(world.parked().await, None);
    }
}

#[tokio::test]
async fn one_is_taken_out_at_a_time() {
    let world = admin(these(&["a1", "a2"])).await;
    let now = world.clock.now();
    let until = now.checked_add(SignedDuration::from_mins(3)).expect("near");
    let mut gauge = world.store.gauge(&target()).await.expect("a read");
    let other = IdentityId::from("fedcba9876543210fedcba9876543210");
    assert!(gauge.take_turn(&"admin".into(), &other, now, until));
    assert!(
        world
            .store
            .set_gauge(&target(), &gauge)
            .await
            .expect("a write")
    );
    assert_eq!(world.deliver().await.failed.len(), 1, "it comes back");
    assert_eq!(world.dir.held(), ["admin", "basic"]);
    // The other one's worker was lost.
    world.clock.set(until);
    assert_eq!(world.deliver().await, BatchAnswer::default());
    assert_eq!(world.dir.held(), ["basic"]);
    let gauge = world.store.gauge(&target()).await.expect("a read");
    let mut again = gauge;
    assert!(
        again.take_turn(&"admin".into(), &other, until, until),
        "the turn is over"
    );
}
