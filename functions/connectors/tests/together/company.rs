//! A company of people on one target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connectors::Connector;
use contract::{Cause, ConvergeRequest};
use domain::plan::Compiled;
use domain::policy::Target;
use domain::project::{Mapped, Strength};
use domain::{
    AccountId, AccountRecord, Desired, EntitlementId, Generation, Hash, IdentityId, IdentityRecord,
    IdentityState, Ownership, Pii, Projection, Slot, TargetId,
};
use ports::Store;
use ports::lanes::{Batch, BatchAnswer, Incoming};
use ports::model::{ManualClock, ModelStore};
use ports::store::{Ack, Acked, Commit, Committed, Health, Seat};

use crate::dir::Dir;

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

[targets.wiki]
mode = "enforce"
base_url = "https://wiki.example/v2"
token = "wiki-token"
profile = "rfc"

[targets.wiki.attributes]
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

pub struct Company {
    pub store: ModelStore,
    pub clock: ManualClock,
    pub dir: Dir,
    pub policy: Arc<Compiled>,
    pub connector: Connector<ModelStore, Dir, ManualClock>,
}

pub fn dir() -> TargetId {
    TargetId::from("dir")
}

pub fn identity(name: &str) -> IdentityId {
    IdentityId::from(format!("identity-{name}"))
}

pub fn account(name: &str) -> AccountId {
    AccountId::from(format!("a-{name}"))
}

impl Company {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// With a target that is a little different.
    pub fn with(change: impl FnOnce(&mut Target)) -> Self {
        let files = [("policy.toml".to_owned(), POLICY.to_owned())];
        let mut policy = policy::load_files(files)
            .unwrap_or_else(|errors| panic!("{errors}"))
            .policy;
        change(policy.targets.get_mut(&dir()).expect("the target"));
        let policy = Arc::new(Compiled::new(policy));
        let store = ModelStore::new();
        let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
        let target = Dir::default();
        let connector = Connector::new(
            store.clone(),
            BTreeMap::from([(dir(), target.clone())]),
            clock.clone(),
            policy.clone(),
        );
        Self {
            store,
            clock,
            dir: target,
            policy,
            connector,
        }
    }

    /// Another worker on the same target.
    pub fn another(&self, name: &str) -> Connector<ModelStore, Dir, ManualClock> {
        Connector::new(
            self.store.clone(),
            BTreeMap::from([(dir(), self.dir.clone())]),
            self.clock.clone(),
            self.policy.clone(),
        )
        .named(name)
    }

    /// Somebody new, who shall be like this.
    pub async fn wants(&self, name: &str, grants: &[&str]) {
        self.decide(name, 1, Desired::Active, grants).await;
    }

    /// Somebody who has an account and these, and shall be like that.
    pub async fn has(&self, name: &str, has: &[&str], desired: Desired, grants: &[&str]) {
        self.decide(name, 1, Desired::Active, has).await;
        let held: BTreeSet<EntitlementId> = has.iter().map(|one| (*one).into()).collect();
        {
            let mut state = self.dir.state();
            state.active.insert(account(name), true);
            let pairs = held.iter().map(|one| (one.clone(), account(name)));
            state.members.extend(pairs);
        }
        let ack = made(name, &dir(), held);
        assert_eq!(self.store.ack(&ack).await.expect("an ack"), Acked::Done);
        self.decide(name, 2, desired, grants).await;
    }

    /// Somebody new, who shall have an account and not sign in yet.
    pub async fn starts_later(&self, name: &str) {
        self.decide(name, 1, Desired::Disabled, &[]).await;
    }

    /// They came back: the third decision about them.
    pub async fn comes_back(&self, name: &str) {
        self.decide(name, 3, Desired::Active, &[]).await;
    }

    /// Their work ended, and with it their access: the second decision about them.
    pub async fn leaves(&self, name: &str) {
        self.decide(name, 2, Desired::None, &[]).await;
    }

    /// The same of somebody who had an account before: the third.
    pub async fn ends(&self, name: &str) {
        self.decide(name, 3, Desired::Disabled, &[]).await;
    }

    async fn decide(&self, name: &str, generation: u64, desired: Desired, grants: &[&str]) {
        let on = [dir()];
        self.decide_on(&on, name, generation, desired, grants).await;
    }

    /// Somebody who left and has an account on both of these.
    pub async fn left(&self, name: &str, on: &[(TargetId, Dir)]) {
        let names: Vec<TargetId> = on.iter().map(|(one, _)| one.clone()).collect();
        self.decide_on(&names, name, 1, Desired::Active, &[]).await;
        for (target, dir) in on {
            dir.state().active.insert(account(name), true);
            let ack = made(name, target, BTreeSet::new());
            assert_eq!(self.store.ack(&ack).await.expect("an ack"), Acked::Done);
        }
        self.decide_on(&names, name, 2, Desired::Disabled, &[])
            .await;
    }

    async fn decide_on(
        &self,
        on: &[TargetId],
        name: &str,
        generation: u64,
        desired: Desired,
        grants: &[&str],
    ) {
        let mapped = |text: &str| Mapped {
            value: Pii::new(Slot::from(text)),
            strength: Strength::Always,
            refers: false,
        };
        let projection = Projection {
            desired,
            attrs: BTreeMap::from([
                ("userName".into(), mapped(name)),
                ("externalId".into(), mapped(identity(name).as_str())),
            ]),
            grants: grants
                .iter()
                .map(|one| ((*one).into(), BTreeSet::new()))
                .collect(),
            simulated: false,
            ties: domain::project::Ties::default(),
            policy: self.policy.policy.version,
        };
        let generation = Generation(generation);
        let record = IdentityRecord {
            generation,
            records: Vec::new(),
            state: if desired == Desired::Active {
                IdentityState::Active
            } else {
                IdentityState::Ended
            },
            was_active: true,
            ending_since: None,
            identifiers: BTreeMap::new(),
            claims: BTreeSet::new(),
            projections: on
                .iter()
                .map(|one| (one.clone(), projection.clone()))
                .collect(),
            changed: on.iter().map(|one| (one.clone(), generation)).collect(),
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
            identity: identity(name),
            expect: (generation.0 > 1).then(|| Generation(generation.0 - 1)),
            record,
            owe: on.iter().cloned().collect(),
            wake_at: None,
            links: Vec::new(),
            claims: Vec::new(),
        };
        let committed = self.store.commit(&commit).await.expect("a commit");
        assert_eq!(committed, Committed::Done);
    }

    /// One batch with a message for each; those who were put off before come `again`.
    pub async fn deliver(&self, names: &[&str]) -> BatchAnswer {
        self.connector.handle(batch(names, 1)).await
    }

    pub async fn deliver_again(&self, names: &[&str]) -> BatchAnswer {
        self.connector.handle(batch(names, 2)).await
    }

    pub async fn seat(&self, name: &str) -> Seat {
        let read = self.store.seat(&identity(name), &dir()).await;
        read.expect("a read").0.expect("an item")
    }

    pub async fn record(&self, name: &str) -> AccountRecord {
        let seat = self.seat(name).await;
        seat.accounts.get(&dir()).cloned().unwrap_or_default()
    }

    pub async fn owes(&self, name: &str) -> bool {
        self.seat(name).await.owed.contains_key(&dir())
    }

    pub async fn health(&self) -> Health {
        self.store.health(&dir()).await.expect("a read")
    }
}

/// An account of ours with these memberships.
fn made(name: &str, target: &TargetId, grants: BTreeSet<EntitlementId>) -> Ack {
    let mapped = |text: &str| Pii::new(Slot::from(text));
    Ack {
        identity: identity(name),
        target: target.clone(),
        expect: None,
        account: AccountRecord {
            id: Some(account(name)),
            ownership: Some(Ownership::Created),
            active: true,
            attrs: BTreeMap::from([
                ("userName".into(), mapped(name)),
                ("externalId".into(), mapped(identity(name).as_str())),
            ]),
            grants,
            applied: Generation(1),
            ..AccountRecord::default()
        },
        settles: true,
        wake: None,
    }
}

/// A message for each of these people.
pub fn batch(names: &[&str], receives: u32) -> Batch {
    batch_on(&dir(), names, receives)
}

/// The same on a target.
pub fn batch_on(target: &TargetId, names: &[&str], receives: u32) -> Batch {
    requests(target, names, receives, false)
}

/// A message for each of these people, who are to be looked at.
pub fn looks(names: &[&str]) -> Batch {
    requests(&dir(), names, 1, true)
}

fn requests(target: &TargetId, names: &[&str], receives: u32, look: bool) -> Batch {
    let records = names.iter().enumerate().map(|(at, name)| {
        let request = ConvergeRequest {
            v: 1,
            identity: identity(name),
            target: target.clone(),
            generation: Generation(1),
            look,
            cause: Cause::Plan,
        };
        Incoming {
            id: format!("m{at}-{name}-{target}"),
            group: request.group(),
            body: serde_json::to_string(&request).expect("JSON"),
            receives,
            trace: None,
        }
    });
    Batch {
        records: records.collect(),
    }
}
