//! Ten thousand changes into targets that count every request, in virtual time. The connector,
//! its budget, the table and the queues are the real ones; what is simulated is the time that a
//! request takes and the limits that the target enforces.

mod backoff;
mod limiter;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use connectors::{Connector, TOGETHER};
use contract::{Cause, ConvergeRequest, Lane};
use domain::budget::Budget;
use domain::plan::Compiled;
use domain::project::{Mapped, Strength};
use domain::{
    Account, AccountId, AccountRecord, Change, Desired, EntitlementId, Generation, Group, Hash,
    IdentityId, IdentityRecord, IdentityState, Ownership, Pii, Projection, Slot, TargetId,
};
use jiff::{SignedDuration, Timestamp};
use ports::embedded::EmbeddedLanes;
use ports::model::{ManualClock, ModelStore};
use ports::queue::{Queues, run_up_to};
use ports::store::{Ack, Acked, Commit, Committed};
use ports::target::{Applied, Cursor, Found, Lookup, Page, TargetError};
use ports::{Apply, Clock, Lanes, Observe, Outgoing, Store};

pub use backoff::drain_with_backoff;
pub use limiter::{Limit, Limiter};

use crate::world::{Address, compiled, policy_text, unlimited};

/// Changes of the benchmark that are not endings.
pub const CHANGES: usize = 9_900;
/// Endings of the benchmark.
pub const ENDINGS: usize = 100;

/// Time of one request.
const LATENCY: SignedDuration = SignedDuration::from_millis(20);
const VISIBILITY: Duration = Duration::from_mins(3);

/// What a drain came to.
#[derive(Clone, Debug)]
pub struct Drained {
    /// From the first message to the last change.
    pub makespan: SignedDuration,
    /// The least that the target's limits allow for the same requests.
    pub floor: SignedDuration,
    /// Requests, refused ones included.
    pub requests: u64,
    /// Refused with 429.
    pub throttled: u64,
    /// Accounts changed more than once.
    pub doubled: usize,
    /// Accounts never changed.
    pub lost: usize,
    /// Messages that became dead letters.
    pub dead: usize,
    /// The longest that an ending waited from its message to its block.
    pub slowest_ending: SignedDuration,
    /// Writes to the table for each change.
    pub table_writes: f64,
}

impl Drained {
    /// Makespan by floor.
    pub fn ratio(&self) -> f64 {
        self.makespan.as_secs_f64() / self.floor.as_secs_f64()
    }
}

/// A target that counts requests against its limits and remembers who was changed when.
#[derive(Clone)]
struct Metered {
    clock: ManualClock,
    state: Arc<Mutex<State>>,
}

struct State {
    limiter: Limiter,
    blocked: BTreeMap<AccountId, Timestamp>,
    changed: BTreeMap<AccountId, u32>,
    last: Timestamp,
}

impl Metered {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a lock")
    }

    /// One request of a kind.
    fn request(&self, change: Option<&Change>) -> Result<(), TargetError> {
        let at = self.clock.now();
        let refused = self.state().limiter.refuses(at, change.is_some());
        self.clock.advance(LATENCY.unsigned_abs());
        match refused {
            None => Ok(()),
            Some(after) => Err(TargetError::Throttled {
                after: Some(after),
                why: "429".into(),
            }),
        }
    }
}

impl Apply for Metered {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        let id = account.expect("accounts are there").clone();
        if *change == Change::RevokeSessions {
            return Ok(Applied {
                id,
                unchanged: true,
            });
        }
        self.request(Some(change))?;
        let at = self.clock.now();
        let mut state = self.state();
        *state.changed.entry(id.clone()).or_default() += 1;
        if *change == Change::Disable {
            state.blocked.insert(id.clone(), at);
        }
        state.last = state.last.max(at);
        Ok(Applied {
            id,
            unchanged: false,
        })
    }
}

impl Observe for Metered {
    async fn users(&self, _after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        panic!("a connector lists nobody")
    }

    async fn groups(&self, _after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        panic!("a connector lists nothing")
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        self.request(None)?;
        let Lookup::Id(id) = lookup else {
            panic!("accounts are found by id");
        };
        let blocked = self.state().blocked.contains_key(id);
        Ok(Found::One(Box::new(Account {
            id: id.clone(),
            key: None,
            user_name: Pii::new("x".into()),
            active: !blocked,
            attrs: BTreeMap::new(),
            created: None,
            last_sign_in: None,
            deleted: false,
            read_only: None,
        })))
    }

    async fn held(
        &self,
        _account: &AccountId,
        _of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        panic!("nobody holds anything")
    }
}

/// A vendor: what we may send by its profile, and what it enforces.
#[derive(Clone, Debug)]
pub struct Vendor {
    /// For the table.
    pub name: &'static str,
    /// The budget of the shipped profile.
    pub budget: Budget,
    /// What the vendor enforces.
    pub limits: Vec<Limit>,
}

/// The three vendors whose limits are published, with the budgets of the shipped profiles.
pub fn vendors() -> Vec<Vendor> {
    let shipped = |name| policy::profile::named(name).expect("a profile").budget;
    let bucket = |count, seconds, burst, counts_refused| {
        vec![Limit::Bucket {
            count,
            seconds,
            burst,
            counts_refused,
        }]
    };
    vec![
        Vendor {
            name: "Microsoft Graph",
            budget: policy::profile::graph().budget,
            limits: bucket(3_000, 150, 100, true),
        },
        Vendor {
            name: "Slack",
            budget: shipped("slack"),
            limits: bucket(180, 60, 20, true),
        },
        Vendor {
            name: "GitHub",
            budget: shipped("github-emu"),
            limits: bucket(1_000, 3_600, 20, false),
        },
    ]
}

/// The same where a vendor may count in any stretch of its period instead, which says nothing to
/// whoever sends evenly.
pub fn windows() -> Vec<Vendor> {
    let windows = |name| match name {
        "Microsoft Graph" => vec![
            Limit::AnyWindow {
                count: 3_500,
                seconds: 10,
            },
            Limit::Window {
                count: 3_000,
                seconds: 150,
            },
        ],
        _ => vec![Limit::Window {
            count: 1_000,
            seconds: 3_600,
        }],
    };
    vendors()
        .into_iter()
        .filter(|vendor| vendor.name != "Slack")
        .map(|vendor| Vendor {
            limits: windows(vendor.name),
            ..vendor
        })
        .collect()
}

fn dir() -> TargetId {
    TargetId::from("dir")
}

fn identity(number: usize) -> IdentityId {
    IdentityId::from(format!("identity-{number:06}"))
}

fn account(number: usize) -> AccountId {
    AccountId::from(format!("account-{number:06}"))
}

/// A policy whose target has that budget.
fn policy_with(budget: &Budget) -> Arc<Compiled> {
    let address = Address::new("https://target.example/v2", "");
    let compiled = compiled(&unlimited(&policy_text()), &[(dir(), address)].into());
    let mut policy = (*compiled.policy).clone();
    policy
        .targets
        .get_mut(&dir())
        .expect("the target")
        .profile
        .budget = budget.clone();
    Arc::new(Compiled::new(policy))
}

/// Somebody with an account whose title changes, or whose access ends.
async fn plant(store: &ModelStore, number: usize, ends: bool) {
    let mapped = |text: &str| Mapped {
        value: Pii::new(Slot::from(text)),
        strength: Strength::Always,
        refers: false,
    };
    let record = |generation, state| IdentityRecord {
        generation,
        records: Vec::new(),
        state,
        was_active: true,
        ending_since: None,
        identifiers: BTreeMap::new(),
        claims: BTreeSet::new(),
        projections: BTreeMap::from([(
            dir(),
            Projection {
                desired: if ends {
                    Desired::Disabled
                } else {
                    Desired::Active
                },
                attrs: BTreeMap::from([("title".into(), mapped(if ends { "old" } else { "new" }))]),
                ..Projection::default()
            },
        )]),
        changed: BTreeMap::from([(dir(), generation)]),
        unsettled: BTreeMap::new(),
        ties: BTreeMap::new(),
        decisions: domain::Hash::default(),
        findings: Vec::new(),
        due_at: None,
        facts: Hash::default(),
        policy: Hash::default(),
        plan: Hash::default(),
    };
    let state = if ends {
        IdentityState::Ended
    } else {
        IdentityState::Active
    };
    for generation in [1, 2] {
        let commit = Commit {
            identity: identity(number),
            expect: (generation > 1).then_some(Generation(1)),
            record: record(Generation(generation), state),
            owe: BTreeSet::from([dir()]),
            wake_at: None,
            links: Vec::new(),
            claims: Vec::new(),
        };
        let committed = store.commit(&commit).await.expect("a commit");
        assert_eq!(committed, Committed::Done);
        if generation == 1 {
            let ack = Ack {
                identity: identity(number),
                target: dir(),
                expect: None,
                account: AccountRecord {
                    id: Some(account(number)),
                    ownership: Some(Ownership::Created),
                    active: true,
                    attrs: BTreeMap::from([("title".into(), Pii::new(Slot::from("old")))]),
                    applied: Generation(1),
                    ..AccountRecord::default()
                },
                settles: true,
                wake: None,
            };
            assert_eq!(store.ack(&ack).await.expect("an ack"), Acked::Done);
        }
    }
}

async fn nudge(lanes: &EmbeddedLanes, lane: &Lane, number: usize) {
    let request = ConvergeRequest {
        v: 1,
        identity: identity(number),
        target: dir(),
        generation: Generation(2),
        look: false,
        cause: Cause::Plan,
    };
    let message = Outgoing {
        group: request.group(),
        dedup: format!("{number}"),
        body: serde_json::to_string(&request).expect("JSON"),
    };
    lanes.send(lane, &[message]).await.expect("a send");
}

/// Everything that a drain works with.
struct Scene {
    clock: ManualClock,
    began: Timestamp,
    store: ModelStore,
    lanes: EmbeddedLanes,
    target: Metered,
    /// When which endings are sent.
    endings: Vec<(Timestamp, usize)>,
    changes: usize,
}

impl Scene {
    /// `changes` title changes at once, and `endings` endings spread over the first half of the
    /// time that all of it takes at best.
    async fn set(vendor: &Vendor, changes: usize, endings: usize) -> Self {
        let began: Timestamp = "2026-03-02T08:00:00Z".parse().expect("an instant");
        let clock = ManualClock::new(began);
        let store = ModelStore::new();
        let lanes = EmbeddedLanes::in_memory(Arc::new(clock.clone()));
        for number in 0..changes + endings {
            plant(&store, number, number >= changes).await;
        }
        for number in 0..changes {
            nudge(&lanes, &Lane::Target(dir()), number).await;
        }
        let half = floor(vendor, changes, endings) / 2;
        let every = half / i32::try_from(endings.max(1)).expect("a few");
        let mut at = began;
        let mut due = Vec::new();
        for number in changes..changes + endings {
            at += every;
            due.push((at, number));
        }
        let target = Metered {
            clock: clock.clone(),
            state: Arc::new(Mutex::new(State {
                limiter: Limiter::new(&vendor.limits),
                blocked: BTreeMap::new(),
                changed: BTreeMap::new(),
                last: began,
            })),
        };
        Self {
            clock,
            began,
            store,
            lanes,
            target,
            endings: due,
            changes,
        }
    }

    /// Sends whoever's access ends by now; the next one's time.
    async fn send_endings(&self, sent: &mut usize, now: Timestamp) -> Option<Timestamp> {
        while let Some((at, number)) = self.endings.get(*sent) {
            if *at > now {
                return Some(*at);
            }
            nudge(&self.lanes, &Lane::Terminations, *number).await;
            *sent += 1;
        }
        None
    }

    fn drained(&self, vendor: &Vendor) -> Drained {
        let state = self.target.state();
        let all = self.changes + self.endings.len();
        let lanes = [Lane::Target(dir()), Lane::Terminations];
        let slowest = self.endings.iter().map(|(at, number)| {
            let blocked = state.blocked.get(&account(*number));
            blocked.map_or(SignedDuration::MAX, |done| done.duration_since(*at))
        });
        #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
        let table_writes = {
            let writes = self.store.counters().write_requests();
            // Planting wrote three times for each.
            (writes as f64 - 3.0 * all as f64) / all as f64
        };
        Drained {
            makespan: state.last.duration_since(self.began),
            floor: floor(vendor, self.changes, self.endings.len()),
            requests: state.limiter.requests(),
            throttled: state.limiter.refused(),
            doubled: state.changed.values().filter(|times| **times > 1).count(),
            lost: all - state.changed.len(),
            dead: lanes.iter().map(|lane| self.lanes.stats(lane).dead).sum(),
            slowest_ending: slowest.max().unwrap_or_default(),
            table_writes,
        }
    }
}

/// The least time that the vendor's limits allow: each ending is a write and a read back.
fn floor(vendor: &Vendor, changes: usize, endings: usize) -> SignedDuration {
    let (writes, reads) = ((changes + endings) as u64, endings as u64);
    vendor
        .limits
        .iter()
        .map(|limit| limit.least(writes, reads))
        .max()
        .unwrap_or_default()
}

/// Drains by the real connector: `consumers` of them, each with its own hands, one clock.
pub async fn drain(vendor: &Vendor, changes: usize, endings: usize, consumers: usize) -> Drained {
    let scene = Scene::set(vendor, changes, endings).await;
    let policy = policy_with(&vendor.budget);
    let connectors: Vec<_> = (0..consumers)
        .map(|number| {
            Connector::new(
                scene.store.clone(),
                BTreeMap::from([(dir(), scene.target.clone())]),
                scene.clock.clone(),
                policy.clone(),
            )
            .named(format!("worker-{number}"))
        })
        .collect();
    // When each consumer has its hands free.
    let mut free = vec![scene.began; consumers];
    let mut sent = 0;
    loop {
        let (number, at) = free
            .iter()
            .copied()
            .enumerate()
            .min_by_key(|(_, at)| *at)
            .expect("a consumer");
        scene.clock.set(at);
        let next_ending = scene.send_endings(&mut sent, at).await;
        let mut worked = 0;
        for lane in [Lane::Terminations, Lane::Target(dir())] {
            worked += run_up_to(&scene.lanes, &lane, TOGETHER, VISIBILITY, |batch| {
                connectors[number].handle(batch)
            })
            .await;
            if worked > 0 {
                break;
            }
        }
        if worked > 0 {
            free[number] = scene.clock.now();
            continue;
        }
        // Nothing to do now: until a message shows, an ending is sent, or somebody is done.
        let others = free.iter().copied().filter(|one| *one > at).min();
        let next = [scene.lanes.next_visible_at(), next_ending, others]
            .into_iter()
            .flatten()
            .min();
        match next {
            Some(next) => free[number] = next.max(at + SignedDuration::from_micros(1)),
            None if scene.lanes.is_idle() => break,
            None => panic!("messages that never show"),
        }
    }
    scene.drained(vendor)
}
