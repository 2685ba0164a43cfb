//! B5: how much is asked of targets and table, against an oracle that shares no code with the
//! product. Ten thousand joiner, mover, leaver, no-op, duplicate and late events.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a suite stops at what does not hold"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use connectors::Connector;
use contract::Lane;
use domain::TargetId;
use hr_webhook::{Salt, Webhook};
use planner::Planner;
use ports::Clock;
use ports::model::{ManualClock, ModelLanes, ModelSecrets, ModelStore};
use ports::queue::run;
use ports::store::Counters;
use tests::sim::{Dice, SimTarget};
use tests::world::{Address, Company, HR_SECRET, Says, compiled, policy_text, unlimited};

const EVENTS: usize = 10_000;
const DEPARTMENTS: [&str; 4] = ["Engineering", "Finance", "Treasury", "Sales"];

/// Requests to targets, by name, and writes to the table.
type Bill = (BTreeMap<&'static str, u64>, u64);

/// What policy gives, as the policy file says it.
fn groups(department: &str) -> [BTreeSet<&'static str>; 2] {
    let (dir, wiki): (&[_], &[_]) = match department {
        "Engineering" => (&["staff"], &["readers", "editors"]),
        "Finance" => (&["staff", "payables"], &["readers"]),
        "Treasury" => (&["staff", "approvers"], &["readers"]),
        _ => (&["staff"], &["readers"]),
    };
    [
        dir.iter().copied().collect(),
        wiki.iter().copied().collect(),
    ]
}

/// The cheapest way to do each thing: the table of calls for SCIM, with the read-backs that the
/// product demands of itself after a block and after a removal.
#[derive(Default)]
struct Oracle {
    calls: BTreeMap<&'static str, u64>,
    writes: u64,
}

/// What was taken: from whom, at which of the targets, which group.
type Taken = BTreeSet<(usize, usize, &'static str)>;

impl Oracle {
    fn call(&mut self, name: &'static str, times: usize) {
        if times > 0 {
            *self.calls.entry(name).or_default() += times as u64;
        }
    }

    /// A post that is new: itself with its fact, and a decision.
    fn decides(&mut self) {
        self.writes += 2;
    }

    fn joins(&mut self, department: &str) {
        self.decides();
        for groups in groups(department) {
            self.call("find", 1);
            self.call("create", 1);
            self.call("grant", groups.len());
            self.writes += 1;
        }
    }

    fn moves(&mut self, who: usize, from: &str, to: &str, taken: &mut Taken) {
        self.decides();
        for (place, (old, new)) in groups(from).iter().zip(groups(to)).enumerate() {
            let (gone, come) = (old.difference(&new).count(), new.difference(old).count());
            // Only `dir` has an attribute that shows the department.
            let update = usize::from(place == 0 && from != to);
            self.call("update", update);
            self.call("revoke", gone);
            self.call("held", usize::from(gone > 0));
            self.call("grant", come);
            self.writes += u64::from(update + gone + come > 0);
            // What was taken from the same person within the day counts once.
            let lost = old.difference(&new).map(|group| (who, place, *group));
            let news = lost.filter(|one| taken.insert(*one)).count();
            self.writes += u64::from(news > 0);
        }
    }

    fn retitles(&mut self) {
        self.decides();
        self.call("update", 1);
        self.writes += 1;
    }

    fn leaves(&mut self, department: &str) {
        self.decides();
        for groups in groups(department) {
            self.call("disable", 1);
            self.call("revoke_sessions", 1);
            self.call("find", 1);
            self.call("revoke", groups.len());
            self.call("held", 1);
            // The account's part, and the meter by which limits count.
            self.writes += 2;
        }
    }
}

struct Pipeline {
    clock: ManualClock,
    store: ModelStore,
    lanes: ModelLanes,
    webhook: Webhook<ModelStore, ModelLanes, ModelSecrets, ManualClock>,
    planner: Planner<ModelStore, ModelLanes, ManualClock>,
    connector: Connector<ModelStore, SimTarget, ManualClock>,
    targets: BTreeMap<TargetId, SimTarget>,
}

impl Pipeline {
    fn new() -> Self {
        let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
        let store = ModelStore::new();
        let lanes = ModelLanes::new(Arc::new(clock.clone()));
        let address = Address::new("https://target.example/v2", "");
        let addresses = ["dir", "wiki"].map(|name| (TargetId::from(name), address.clone()));
        let policy = compiled(&unlimited(&policy_text()), &addresses.into());
        let targets: BTreeMap<TargetId, SimTarget> = ["dir", "wiki"]
            .map(|name| (TargetId::from(name), SimTarget::new(1)))
            .into();
        let secrets = ModelSecrets::new().with("hr-signing", HR_SECRET);
        Self {
            webhook: Webhook::new(
                store.clone(),
                lanes.clone(),
                secrets,
                clock.clone(),
                policy.policy.clone(),
                Salt::new(b"salt").expect("a salt"),
            ),
            planner: Planner::new(store.clone(), lanes.clone(), clock.clone(), policy.clone()),
            connector: Connector::new(store.clone(), targets.clone(), clock.clone(), policy),
            targets,
            clock,
            store,
            lanes,
        }
    }

    /// One post and everything that follows; the bill for it.
    async fn post(&self, says: Says) -> Bill {
        let before = written(self.store.counters());
        self.clock.advance(Duration::from_secs(1));
        let (_, request) = says.request(0, self.clock.now());
        assert_eq!(self.webhook.handle(request).await.status_code, 202);
        let visibility = Duration::from_mins(3);
        run(&self.lanes, &Lane::Facts, visibility, |batch| {
            self.planner.handle(batch)
        })
        .await;
        let targets = self.targets.keys().cloned().map(Lane::Target);
        for lane in [Lane::Terminations].into_iter().chain(targets) {
            while run(&self.lanes, &lane, visibility, |batch| {
                self.connector.handle(batch)
            })
            .await
                > 0
            {}
        }
        self.lanes.take_sent();
        let mut calls = BTreeMap::new();
        for target in self.targets.values() {
            for (name, count) in target.take_calls() {
                *calls.entry(name).or_default() += count;
            }
        }
        (calls, written(self.store.counters()) - before)
    }
}

fn written(counters: Counters) -> u64 {
    counters.writes + counters.transactions
}

#[tokio::test]
async fn ten_thousand_events_cost_what_they_must_and_no_more() {
    let pipeline = Pipeline::new();
    let mut dice = Dice::new(5);
    // Worker and department of everybody who works here; None after the end.
    let mut people: Vec<Option<&str>> = Vec::new();
    let mut taken = Taken::new();
    let mut last: Option<Says> = None;
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for n in 0..EVENTS {
        // The next day, whose window knows nothing of the day before.
        if n % 1_000 == 0 {
            pipeline.clock.advance(Duration::from_hours(25));
            taken.clear();
        }
        let working: Vec<usize> = (0..people.len())
            .filter(|at| people[*at].is_some())
            .collect();
        let kind = if working.len() < 20 {
            0
        } else {
            dice.below(10)
        };
        let mut oracle = Oracle::default();
        let event = format!("e{n}");
        let at = if working.is_empty() {
            0
        } else {
            *dice.pick(&working)
        };
        let about = Says::about(&format!("W{at}")).as_event(&event);
        let (name, says) = match kind {
            0 | 1 => {
                let department = *dice.pick(&DEPARTMENTS);
                oracle.joins(department);
                people.push(Some(department));
                let worker = format!("W{}", people.len() - 1);
                let given = format!("Given{}", people.len());
                let hire = Says::hires(&worker, (&given, "Silva"), department, "2026-03-02")
                    .that("title", "Specialist");
                ("joiner", hire.as_event(&event))
            }
            2 | 3 => {
                let (from, to) = (people[at].expect("working"), *dice.pick(&DEPARTMENTS));
                oracle.moves(at, from, to, &mut taken);
                people[at] = Some(to);
                ("mover", about.that("department", to))
            }
            4 => {
                oracle.retitles();
                ("renamed", about.that("title", &format!("Title {n}")))
            }
            5 => {
                oracle.leaves(people[at].expect("working"));
                people[at] = None;
                let ends = about
                    .that("worker_status", "terminated")
                    .that("end_mode", "now");
                ("leaver", ends)
            }
            6 => {
                oracle.decides();
                ("no-op", about.that("cost_center", &format!("{n}")))
            }
            7 => {
                // Older than everything that holds now: it changes nothing that shows.
                oracle.decides();
                let late = about.that("title", "Trainee").from("2020-01-01");
                ("late", late.recorded("2026-03-01T00:00:00Z"))
            }
            _ => match last.clone() {
                Some(same) => ("duplicate", same),
                None => continue,
            },
        };
        *kinds.entry(name).or_default() += 1;
        let says = match name {
            // The same to the letter, time of recording included.
            "duplicate" | "late" => says,
            _ => says.recorded(&pipeline.clock.now().to_string()),
        };
        let bill = pipeline.post(says.clone()).await;
        assert_eq!(bill, (oracle.calls, oracle.writes), "event {n}, {name}");
        last = Some(says);
    }
    for kind in [
        "joiner",
        "mover",
        "renamed",
        "leaver",
        "no-op",
        "late",
        "duplicate",
    ] {
        assert!(
            kinds.get(kind).is_some_and(|count| *count > 20),
            "{kinds:?}"
        );
    }
}

#[tokio::test]
async fn a_night_without_changes_costs_a_tenth_of_a_look_at_everybody() {
    const PEOPLE: usize = 150;
    let mut company = Company::new().await;
    for n in 0..PEOPLE {
        let given = format!("Given{n}");
        let hire = Says::hires(
            &format!("W{n}"),
            (&given, "Silva"),
            "Engineering",
            "2026-03-02",
        );
        company.world.post(hire).await;
    }
    company.world.settle().await;
    company.reset_calls();
    let night = company.world.night().await;
    assert_eq!(night.sent(), 0);
    let ours = company.target_calls();
    // The pattern of ssosync: the same pages, and a filtered GET for every user, every run.
    let theirs = ours + 2 * PEOPLE as u64;
    assert!(ours * 10 <= theirs, "{ours} calls against {theirs}");
    assert_eq!(company.target_writes(), 0);
}
