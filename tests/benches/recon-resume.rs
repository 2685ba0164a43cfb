//! B8: an observation that is killed at twenty random points, in virtual time, beside one that
//! nobody disturbs. Everything here is counted, nothing is timed.
//!
//! A page takes 350 ms, an object 30 ms, a leg ends by itself a minute before its fifteen are
//! over, and a killed one is begun again five seconds later. A kill loses the answer to a page.
//!
//! `cargo bench -p tests --bench recon-resume`. Every figure is printed; a missed goal fails the
//! run. One page in ten holds an account, or one in 120: what counts is the pages.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark: what does not hold shall stop it, and it says what it found"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use domain::project::{Mapped, Strength};
use domain::{
    Account, AccountId, AccountRecord, Desired, EntitlementId, Generation, Group, Hash, IdentityId,
    IdentityRecord, IdentityState, Ownership, Pii, Policy, Projection, Slot, TargetId,
};
use jiff::Timestamp;
use ports::model::{ManualClock, ModelLanes, ModelObjects, ModelStore};
use ports::objects::{Put, Swap, Tag};
use ports::store::{Ack, Commit};
use ports::target::{Cursor, Found, Lookup, Page, TargetError};
use ports::{Clock, Fault, Objects, Observe, Store};
use reconciler::Reconciler;
use reconciler::step::{Answer, Begin, Event, Status, Step};
use tests::sim::Dice;

const KILLS: usize = 20;
const PEOPLE: u64 = 1_000;
const PAGE: Duration = Duration::from_millis(350);
const OBJECT: Duration = Duration::from_millis(30);
const BACK_OFF: Duration = Duration::from_secs(5);
const LEG: Duration = Duration::from_mins(14);

fn main() -> ExitCode {
    let mut met = true;
    println!(
        "B8                              pages   legs  kills  calls/pages  writes/pages  report"
    );
    for pages in [10_000, 120_000] {
        let world = World::new(pages);
        let quiet = world.night(BTreeSet::new());
        // One in fifty is asked of what nobody disturbs, and of what is killed where it goes
        // together with one page in a hundred: from 110,000 pages on.
        met &= quiet.say("undisturbed", &quiet, Some(50));
        for seed in 1..=3 {
            let killed = world.night(kills(seed, pages));
            assert_eq!(killed.killed, KILLS as u64, "every kill fired");
            let name = format!("killed at 20 points, seed {seed}");
            met &= killed.say(&name, &quiet, (pages >= 110_000).then_some(50));
        }
    }
    if met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Twenty different pages.
fn kills(seed: u64, pages: u64) -> BTreeSet<u64> {
    let mut dice = Dice::new(seed);
    let mut kills = BTreeSet::new();
    while kills.len() < KILLS {
        kills.insert(dice.below(pages));
    }
    kills
}

/// What a night came to.
struct Night {
    pages: u64,
    legs: u64,
    killed: u64,
    calls: u64,
    writes: u64,
    report: BTreeMap<String, Bytes>,
}

impl Night {
    /// Prints it, and says whether it met its goals.
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    fn say(&self, name: &str, quiet: &Self, seldom: Option<u64>) -> bool {
        let same = self.report == quiet.report;
        let few = self.calls * 100 <= self.pages * 101;
        let rare = seldom.is_none_or(|seldom| self.writes * seldom <= self.pages);
        println!(
            "{name:<30} {:>7} {:>5} {:>6} {:>11.4}x {:>12.4}x  {} {}",
            self.pages,
            self.legs,
            self.killed,
            self.calls as f64 / self.pages as f64,
            self.writes as f64 / self.pages as f64,
            if same { "identical" } else { "DIFFERS" },
            match (same && few && rare, seldom) {
                (false, _) => "MISSED",
                (true, Some(_)) => "met",
                (true, None) => "met, but for the writes",
            }
        );
        same && few && rare
    }
}

/// A company and its directory.
struct World {
    policy: Policy,
    store: ModelStore,
    accounts: Vec<Account>,
    pages: u64,
}

impl World {
    fn new(pages: u64) -> Self {
        let text = include_str!("../../infra/policy-minimal/policy.toml").to_owned();
        let policy = policy::load_files([("policy.toml".to_owned(), text)])
            .expect("the smallest policy loads")
            .policy;
        let store = ModelStore::new();
        let accounts = (0..PEOPLE).map(|n| person(&store, &policy, n));
        Self {
            accounts: accounts.collect(),
            policy,
            store,
            pages,
        }
    }

    fn night(&self, kills: BTreeSet<u64>) -> Night {
        let clock = ManualClock::new(start());
        let directory = Directory {
            clock: clock.clone(),
            accounts: &self.accounts,
            pages: self.pages,
            calls: AtomicU64::new(0),
            kills: Mutex::new(kills),
        };
        let objects = Slow {
            clock: clock.clone(),
            objects: ModelObjects::new(),
            frames: AtomicU64::new(0),
        };
        let lanes = ModelLanes::new(Arc::new(clock.clone()));
        let targets = BTreeMap::from([(target(), &directory)]);
        let reconciler = Reconciler::new(
            &self.store,
            &lanes,
            &objects,
            &clock,
            &targets,
            &self.policy,
        );
        let (mut legs, mut killed) = (0, 0);
        let mut deliver = |step: Step| -> Answer {
            let event = Event { v: 1, step };
            loop {
                let until = clock.now().checked_add(LEG).expect("an instant");
                legs += u64::from(matches!(event.step, Step::Observe { .. }));
                let mut context = Context::from_waker(Waker::noop());
                match pin!(reconciler.step(&event, Some(until))).poll(&mut context) {
                    Poll::Ready(Ok(answer)) if answer.status == Status::Again => {}
                    Poll::Ready(Ok(answer)) => return answer,
                    Poll::Ready(Err(fault)) => panic!("{fault}"),
                    Poll::Pending => {
                        killed += 1;
                        clock.advance(BACK_OFF);
                    }
                }
            }
        };
        let run = deliver(Step::Begin(Begin {
            at: Some(start()),
            ..Begin::default()
        }))
        .run;
        deliver(Step::Observe {
            run: run.clone(),
            target: target(),
            pages: None,
        });
        deliver(Step::Compare {
            run: run.clone(),
            target: target(),
            part: None,
        });
        deliver(Step::Limit { run: run.clone() });
        deliver(Step::Enqueue { run: run.clone() });
        let came = deliver(Step::Finish { run }).report.expect("a report");
        assert!(came.complete && came.new == PEOPLE / 200);
        Night {
            // One of groups.
            pages: self.pages + 1,
            legs,
            killed,
            calls: directory.calls.load(Ordering::Relaxed),
            writes: objects.frames.load(Ordering::Relaxed),
            report: objects.report(),
        }
    }
}

fn start() -> Timestamp {
    "2026-03-01T01:00:00Z".parse().expect("an instant")
}

fn target() -> TargetId {
    TargetId::from("directory")
}

/// Somebody on record, with the account that belongs to it; of one in two hundred it has drifted.
fn person(store: &ModelStore, policy: &Policy, n: u64) -> Account {
    let identity = IdentityId::from(format!("{n:032x}"));
    let user_name = format!("user{n}");
    let mapped = |text: &str| Mapped {
        value: Pii::new(Slot::from(text)),
        strength: Strength::Always,
        refers: false,
    };
    let attrs = BTreeMap::from([
        ("userName".into(), mapped(&user_name)),
        ("externalId".into(), mapped(identity.as_str())),
    ]);
    let projection = Projection {
        desired: Desired::Active,
        attrs,
        policy: policy.version,
        ..Projection::default()
    };
    let generation = Generation(1);
    let id = AccountId::from(format!("account-{n:08}"));
    let record = AccountRecord {
        id: Some(id.clone()),
        ownership: Some(Ownership::Created),
        active: true,
        applied: generation,
        ..AccountRecord::default()
    };
    poll(store.commit(&Commit {
        identity: identity.clone(),
        expect: None,
        record: IdentityRecord {
            generation,
            records: Vec::new(),
            state: IdentityState::Active,
            was_active: true,
            ending_since: None,
            identifiers: BTreeMap::new(),
            claims: BTreeSet::new(),
            projections: BTreeMap::from([(target(), projection)]),
            changed: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            ties: BTreeMap::new(),
            decisions: Hash::default(),
            findings: Vec::new(),
            due_at: None,
            facts: Hash::default(),
            policy: policy.version,
            plan: Hash::default(),
        },
        owe: BTreeSet::new(),
        wake_at: None,
        links: Vec::new(),
        claims: Vec::new(),
    }))
    .expect("a model");
    poll(store.ack(&Ack {
        identity: identity.clone(),
        target: target(),
        expect: None,
        account: record,
        wake: None,
        settles: true,
    }))
    .expect("a model");
    let drifted = n % 200 == 3;
    let key = Some(Pii::new(identity.as_str().into()));
    Account {
        id,
        key: key.filter(|_| !drifted),
        user_name: Pii::new(user_name.into()),
        active: true,
        attrs: BTreeMap::new(),
        created: None,
        last_sign_in: None,
        deleted: false,
        read_only: None,
    }
}

/// A future of a model, which never waits.
fn poll<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a model does not wait"),
    }
}

/// The target: pages take their time, and some are the last thing that the process asked for.
struct Directory<'a> {
    clock: ManualClock,
    accounts: &'a [Account],
    pages: u64,
    calls: AtomicU64,
    /// Pages whose answer the process does not live to see, each once.
    kills: Mutex<BTreeSet<u64>>,
}

impl Observe for &Directory<'_> {
    async fn users(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.clock.advance(PAGE);
        let page: u64 = after.map_or(0, |cursor| cursor.0.parse().expect("our cursor"));
        let last = {
            let mut kills = self.kills.lock().unwrap_or_else(PoisonError::into_inner);
            kills.remove(&page)
        };
        if last {
            std::future::pending::<()>().await;
        }
        let every = self.pages / PEOPLE;
        let here = usize::try_from(page / every).expect("small");
        let items = self
            .accounts
            .get(here)
            .filter(|_| page.is_multiple_of(every));
        Ok(Page {
            items: items.cloned().into_iter().collect(),
            next: (page + 1 < self.pages).then(|| Cursor((page + 1).to_string())),
            declared: Some(PEOPLE),
        })
    }

    async fn groups(&self, _after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.clock.advance(PAGE);
        Ok(Page {
            items: Vec::new(),
            next: None,
            declared: Some(0),
        })
    }

    async fn find(&self, _lookup: Lookup<'_>) -> Result<Found, TargetError> {
        Ok(Found::None)
    }

    async fn held(
        &self,
        _account: &AccountId,
        _of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        Ok(None)
    }
}

/// Objects that take their time, and count the frames of observations.
struct Slow {
    clock: ManualClock,
    objects: ModelObjects,
    frames: AtomicU64,
}

impl Slow {
    fn report(&self) -> BTreeMap<String, Bytes> {
        let keys = poll(self.objects.list("reports/")).expect("a model");
        let body = |key: &str| poll(self.objects.get(key)).expect("a model");
        let bodies = keys.into_iter().map(|key| {
            let body = body(&key).expect("it is listed");
            (key, body)
        });
        bodies.collect()
    }
}

impl Objects for Slow {
    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        self.clock.advance(OBJECT);
        let is_frame = key.contains("/observed-");
        self.frames
            .fetch_add(u64::from(is_frame), Ordering::Relaxed);
        self.objects.put_new(key, body).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        self.clock.advance(OBJECT);
        self.objects.put(key, body).await
    }

    async fn swap(&self, key: &str, was: &Tag, body: Bytes) -> Result<Swap, Fault> {
        self.clock.advance(OBJECT);
        self.objects.swap(key, was, body).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        self.clock.advance(OBJECT);
        self.objects.get(key).await
    }

    async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        self.clock.advance(OBJECT);
        self.objects.get_tagged(key).await
    }

    async fn discard(&self, key: &str) -> Result<(), Fault> {
        self.objects.discard(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        self.clock.advance(OBJECT);
        self.objects.list(prefix).await
    }
}
