//! Work by hand, interrupted at every request: the same message again ends in the state that it
//! would have ended in, and no task is given twice.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connectors::{Connector, Converged};
use contract::{Cause, ConvergeRequest};
use domain::plan::Compiled;
use domain::project::{Mapped, Strength, Ties};
use domain::task::{Gap, Task, TaskState, Work};
use domain::{
    Account, AccountId, AccountRecord, Change, Desired, EntitlementId, Generation, Group, Hash,
    IdentityId, IdentityRecord, IdentityState, Pii, Projection, Slot, TargetId,
};
use jiff::Timestamp;
use ports::cases::Which;
use ports::model::{ManualClock, ModelStore};
use ports::store::{Commit, Committed};
use ports::target::{Applied, Cursor, Found, Lookup, Page, TargetError};
use ports::{Apply, Cases as _, Fault, Observe, Store as _};

const POLICY: &str = r#"
required = ["given_name"]

[sources.hr]
zone = "Europe/Lisbon"
format = "canonical"
verify = "standard-webhooks"
secrets = ["hr-signing"]

[targets.doors]
mode = "enforce"
kind = "manual"
owner = "facilities"
due_days = 5
attributes = { userName = { identifier = "user_name" } }

[identifiers.user_name]
ladder = ["{given_name}", "{given_name}{n}"]

[entitlements.lab]
target = "doors"

[roles.lab]
entitlements = ["lab"]

[[rules]]
id = "everybody"
when = "everyone"
roles = ["lab"]
"#;

/// Nothing that could be called. That it is called is a mistake.
struct Nothing;

impl Observe for Nothing {
    async fn users(&self, _: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        panic!("a target by hand was listed");
    }

    async fn groups(&self, _: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        panic!("a target by hand was listed");
    }

    async fn find(&self, _: Lookup<'_>) -> Result<Found, TargetError> {
        panic!("a target by hand was asked");
    }

    async fn held(
        &self,
        _: &AccountId,
        _: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        panic!("a target by hand was asked");
    }
}

impl Apply for Nothing {
    async fn apply(&self, _: &Change, _: Option<&AccountId>) -> Result<Applied, TargetError> {
        panic!("a target by hand was written to");
    }
}

struct World {
    store: ModelStore,
    connector: Connector<ModelStore, Nothing, ManualClock>,
}

fn ana() -> IdentityId {
    IdentityId::from("0123456789abcdef0123456789abcdef")
}

fn doors() -> TargetId {
    TargetId::from("doors")
}

fn at() -> Timestamp {
    "2026-03-02T08:00:00Z".parse().expect("an instant")
}

fn active(name: &str) -> Projection {
    let mapped = Mapped {
        value: Pii::new(Slot::from(name)),
        strength: Strength::Always,
        refers: false,
    };
    Projection {
        simulated: false,
        desired: Desired::Active,
        attrs: BTreeMap::from([("userName".into(), mapped)]),
        grants: BTreeMap::from([(EntitlementId::from("lab"), BTreeSet::new())]),
        ties: Ties::default(),
        policy: Hash::default(),
    }
}

impl World {
    #[expect(
        clippy::zero_sized_map_values,
        reason = "there is no client where nothing can be called"
    )]
    fn new() -> Self {
        let files = [("policy.toml".to_owned(), POLICY.to_owned())];
        let loaded = policy::load_files(files).unwrap_or_else(|errors| panic!("{errors}"));
        let policy = Arc::new(Compiled::new(loaded.policy));
        let store = ModelStore::new();
        let clock = ManualClock::new(at());
        let connector = Connector::new(store.clone(), BTreeMap::new(), clock, policy);
        Self { store, connector }
    }

    async fn wants(&self, projection: Projection, generation: u64) {
        let record = IdentityRecord {
            ending_since: None,
            generation: Generation(generation),
            records: Vec::new(),
            state: IdentityState::Active,
            was_active: true,
            identifiers: BTreeMap::new(),
            claims: BTreeSet::new(),
            projections: BTreeMap::from([(doors(), projection)]),
            changed: BTreeMap::from([(doors(), Generation(generation))]),
            unsettled: BTreeMap::new(),
            ties: BTreeMap::new(),
            decisions: Hash::default(),
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
            owe: BTreeSet::from([doors()]),
            wake_at: None,
            links: Vec::new(),
            claims: Vec::new(),
        };
        let committed = self.store.commit(&commit).await.expect("a commit");
        assert_eq!(committed, Committed::Done);
    }

    /// One delivery; a repair asks to look.
    async fn deliver(&self, look: bool) -> Result<Converged, Fault> {
        let request = ConvergeRequest {
            v: 1,
            identity: ana(),
            target: doors(),
            generation: Generation(1),
            look,
            cause: Cause::Plan,
        };
        Box::pin(self.connector.converge(&request, 1)).await
    }

    async fn tasks(&self, which: Which) -> Vec<Task> {
        self.store.tasks(which).await.expect("tasks")
    }

    async fn confirm(&self) {
        for task in self.tasks(Which::Open).await {
            let done = Task {
                state: TaskState::Done {
                    by: "kim".into(),
                    note: "".into(),
                    at: at(),
                },
                ..task.clone()
            };
            let written = self.store.put_task(&done, Some(&task)).await;
            assert!(written.expect("a write"));
        }
    }

    async fn state(&self) -> (Option<AccountRecord>, bool, Vec<Task>) {
        let seat = self.store.seat(&ana(), &doors()).await.expect("a read").0;
        let seat = seat.expect("an item");
        let account = seat.accounts.get(&doors()).cloned();
        (account, seat.owed.is_empty(), self.tasks(Which::All).await)
    }
}

/// What happens right before the message that is interrupted.
#[derive(Clone, Copy, Debug)]
enum Story {
    Given,
    Replaced,
    Confirmed,
    ConfirmedAndReplaced,
    NotWantedAnyMore,
}

async fn told(story: Story) -> World {
    let world = World::new();
    world.wants(active("ana"), 1).await;
    if matches!(story, Story::Given) {
        return world;
    }
    let given = world.deliver(false).await;
    assert_eq!(given.expect("given"), Converged::Parked);
    match story {
        Story::Given => {}
        Story::Replaced => world.wants(active("ana2"), 2).await,
        Story::Confirmed => world.confirm().await,
        Story::ConfirmedAndReplaced => {
            world.confirm().await;
            world.wants(active("ana2"), 2).await;
        }
        Story::NotWantedAnyMore => world.wants(Projection::default(), 2).await,
    }
    world
}

async fn interrupted_anywhere(story: Story) -> (Option<AccountRecord>, Vec<Task>) {
    let look = matches!(story, Story::Confirmed);
    let whole = told(story).await;
    whole.deliver(look).await.expect("converged");
    let want = whole.state().await;
    for lost in [false, true] {
        for request in 0.. {
            let world = told(story).await;
            world.store.let_pass(request);
            let fault = Fault::retry("the process is gone");
            if lost {
                world.store.lose_next(fault);
            } else {
                world.store.fail_next(fault);
            }
            let first = world.deliver(look).await;
            if world.store.pending_faults() > 0 {
                assert!(request > 2, "{story:?}: too few requests to prove anything");
                break;
            }
            assert!(
                first.is_err(),
                "{story:?} at {request}: the fault went unseen"
            );
            world.deliver(look).await.expect("converged at last");
            let told = format!("{story:?} at request {request}, lost: {lost}");
            assert_eq!(world.state().await, want, "{told}");
        }
    }
    assert!(want.1, "nothing is owed to a queue");
    (want.0, want.2)
}

#[tokio::test]
async fn what_has_to_change_is_one_task() {
    let (account, tasks) = interrupted_anywhere(Story::Given).await;
    assert_eq!(tasks.len(), 1);
    assert!(matches!(
        tasks[0].work,
        Work::Account {
            gap: Gap::Missing,
            ..
        }
    ));
    let account = account.expect("a record");
    assert_eq!(
        (account.id, account.task.as_ref()),
        (None, Some(&tasks[0].id))
    );
}

#[tokio::test]
async fn another_plan_replaces_the_task() {
    let (account, tasks) = interrupted_anywhere(Story::Replaced).await;
    let open: Vec<&Task> = tasks.iter().filter(|task| task.is_open()).collect();
    assert_eq!((tasks.len(), open.len()), (2, 1));
    assert_eq!(account.expect("a record").task.as_ref(), Some(&open[0].id));
}

#[tokio::test]
async fn what_was_confirmed_is_on_record() {
    let (account, tasks) = interrupted_anywhere(Story::Confirmed).await;
    assert_eq!(tasks.len(), 1);
    let account = account.expect("a record");
    assert!(account.active && account.grants.contains("lab"));
    assert_eq!((account.parked, account.task), (None, None));
}

#[tokio::test]
async fn what_was_confirmed_before_another_plan_is_not_asked_for_again() {
    let (account, tasks) = interrupted_anywhere(Story::ConfirmedAndReplaced).await;
    let open: Vec<&Task> = tasks.iter().filter(|task| task.is_open()).collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].steps, ["change userName".into()]);
    assert!(account.expect("a record").id.is_some());
}

#[tokio::test]
async fn an_account_that_may_have_been_made_is_checked() {
    let (_, tasks) = interrupted_anywhere(Story::NotWantedAnyMore).await;
    let open: Vec<&Task> = tasks.iter().filter(|task| task.is_open()).collect();
    assert_eq!((tasks.len(), open.len()), (2, 1));
    assert!(open[0].steps[0].contains("make sure"));
}
