//! Whole lives over HTTP: the real functions, the real clients and SCIM servers that break, on a
//! schedule drawn from a seed. What must never happen is checked after every step; what must have
//! happened, when faults have stopped.

mod client;
mod story;
mod watch;
mod weather;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use contract::Lane;
use domain::TargetId;
use domain::plan::Compiled;
use domain::profile::{Paging, Profile};
use ports::model::{ManualClock, ModelLanes, ModelObjects, ModelStore};
use ports::queue::Queues;
use scim_target::{Options, ScimTarget as Server};
use target_http::Network;
use targets::Reach;

pub use client::Flaw;
pub use weather::NAMES;

use crate::sim::Dice;
use crate::world::{Address, GROUPS, Parts, World, clients, compiled, policy_text, unlimited};
use client::Wired;
use story::{Fact, Wanted};
use watch::Watched;
use weather::Weather;

/// How long a client waits for an answer while servers hang.
const IMPATIENT: Duration = Duration::from_millis(100);
/// And how long when they do not any more: a machine with much to do is slow, too.
const PATIENT: Duration = Duration::from_secs(20);
/// How often a server gets its turn after a step: to read a request, to answer, to notice the end.
const YIELDS: u32 = 8;
/// Steps after the last fact has arrived.
const AFTER: u64 = 30;
/// How often queues and clock are asked before a scenario counts as stuck.
const PATIENCE: u32 = 60;

/// What happened, for a human. Shared, so that it survives a panic.
#[derive(Clone, Debug, Default)]
pub struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    fn say(&self, line: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    /// All of it.
    pub fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }
}

/// What a scenario came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What did not hold.
    pub violations: Vec<String>,
    /// How often each fault was met.
    pub fired: BTreeMap<&'static str, u64>,
}

/// The suite's policy for these servers. Its text is read once: a scenario takes little longer.
fn policy(addresses: &BTreeMap<TargetId, Address>, profile: &Profile) -> Arc<Compiled> {
    static POLICY: OnceLock<Arc<Compiled>> = OnceLock::new();
    let known = POLICY.get_or_init(|| compiled(&unlimited(&policy_text()), addresses));
    let mut policy = (*known.policy).clone();
    for (name, target) in &mut policy.targets {
        target.base_url = addresses[name].base_url.clone().into();
        target.profile = profile.clone();
    }
    Arc::new(Compiled::new(policy))
}

struct Scenario {
    dice: Dice,
    world: World<ModelStore, Wired>,
    addresses: BTreeMap<TargetId, Address>,
    flaw: Option<Flaw>,
    targets: Vec<(Watched, Weather)>,
    people: usize,
    arriving: Vec<Fact>,
    arrived: Vec<Fact>,
    /// What policy wanted, from the last time that nothing was left to decide to the last fact.
    lately: Vec<Vec<Wanted>>,
    ever_left: Vec<bool>,
    nights: u64,
    writes: u64,
    trace: Trace,
    wrong: Vec<String>,
}

/// Lives through the scenario of a seed.
pub async fn live(seed: u64, flaw: Option<Flaw>, trace: &Trace) -> Outcome {
    let mut scenario = Scenario::new(seed, flaw, trace.clone()).await;
    while !scenario.arriving.is_empty() {
        scenario.step().await;
    }
    for _ in 0..AFTER {
        scenario.step().await;
    }
    while scenario.nights > 0 {
        scenario.observe().await;
        scenario.check();
    }
    let mut fired = BTreeMap::new();
    for (target, weather) in &scenario.targets {
        weather.count(&target.server, &mut fired);
    }
    scenario.heal().await;
    scenario.end().await;
    Outcome {
        violations: scenario.wrong,
        fired,
    }
}

impl Scenario {
    async fn new(seed: u64, flaw: Option<Flaw>, trace: Trace) -> Self {
        let mut dice = Dice::new(seed);
        let people = 3 + usize::try_from(dice.below(3)).unwrap_or(0);
        let cursor = dice.below(2) == 0;
        let profile = Profile {
            paging: if cursor {
                Paging::Cursor
            } else {
                Paging::Index
            },
            page_size: u16::try_from(2 + dice.below(3)).unwrap_or(2),
            ..Profile::rfc()
        };
        let mut servers = Vec::new();
        let mut addresses = BTreeMap::new();
        for (name, groups) in GROUPS {
            let options = Options {
                seed,
                ..Options::default()
            };
            let server = Server::start(options).await.expect("a server");
            for group in groups {
                server.add_group(group).expect("a group");
            }
            let address = Address::new(server.base_url(), server.token());
            addresses.insert(TargetId::from(name), address);
            servers.push(server);
        }
        let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
        let policy = policy(&addresses, &profile);
        let mut scenario = Self {
            world: World::of(Parts {
                store: ModelStore::new(),
                lanes: ModelLanes::new(Arc::new(clock.clone())),
                objects: ModelObjects::new(),
                writers: BTreeMap::new(),
                readers: BTreeMap::new(),
                clock,
                policy,
            }),
            addresses,
            flaw,
            targets: Vec::new(),
            people,
            arriving: story::draw(&mut dice, people),
            arrived: Vec::new(),
            lately: vec![story::wanted(&[], people)],
            ever_left: vec![false; people],
            nights: 1 + dice.below(2),
            writes: 0,
            trace,
            wrong: Vec::new(),
            dice,
        };
        // The next to arrive is taken from the end.
        scenario.arriving.reverse();
        let keys: Vec<String> = (0..people)
            .map(|n| scenario.world.identity(&story::name(n)).as_str().to_owned())
            .collect();
        for (index, server) in servers.into_iter().enumerate() {
            let weather = Weather::draw(&mut scenario.dice, &server);
            let on = weather.names().join(", ");
            scenario.trace.say(format!("{}: {on}", GROUPS[index].0));
            let watched = Watched::new(server, index, keys.clone());
            scenario.targets.push((watched, weather));
        }
        let clients = scenario.clients(IMPATIENT);
        scenario.world.take_clients(clients);
        scenario
    }

    /// Clients that wait so long for an answer.
    fn clients(&self, timeout: Duration) -> BTreeMap<TargetId, Wired> {
        let reach = Reach {
            timeout,
            ..Reach::to(Network::PUBLIC.and_this_machine())
        };
        let made = clients(
            &self.world.policy,
            &self.addresses,
            &self.world.clock,
            reach,
        );
        made.into_iter()
            .map(|(name, client)| (name, Wired::new(client, self.flaw)))
            .collect()
    }

    async fn step(&mut self) {
        match self.dice.below(12) {
            0 | 1 => self.deliver().await,
            2 => {
                let seconds = 1 + self.dice.below(1_500);
                self.trace.say(format!("{seconds} s pass"));
                self.world.clock.advance(Duration::from_secs(seconds));
                self.world.nudge().await;
            }
            3 if self.nights > 0 && self.dice.below(8) == 0 => self.observe().await,
            _ => self.work().await,
        }
        // On a busy machine a client may give up on a request that its server has not seen yet.
        // It is seen before the next step, as part of this one.
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
        }
        self.check();
    }

    async fn deliver(&mut self) {
        let Some(fact) = self.arriving.pop() else {
            return;
        };
        self.trace.say(format!("HR: {}", fact.tell()));
        self.world.post(fact.says()).await;
        self.arrived.push(fact);
        let wanted = story::wanted(&self.arrived, self.people);
        let before = self.lately.last().into_iter().flatten();
        for ((left, one), before) in self.ever_left.iter_mut().zip(&wanted).zip(before) {
            *left |= before.active && !one.active;
        }
        self.lately.push(wanted);
    }

    async fn work(&mut self) {
        let lanes = self.world.all_lanes();
        let lane = self.dice.pick(&lanes).clone();
        let worked = self.world.work(&lane).await;
        if worked > 0 {
            self.trace.say(format!("{worked} of {lane:?}"));
        }
    }

    async fn observe(&mut self) {
        self.nights -= 1;
        self.world.clock.advance(Duration::from_secs(1));
        let finished = self.world.observe().await;
        self.trace.say(format!("a night sends {}", finished.sent()));
    }

    /// What holds after every step.
    fn check(&mut self) {
        for (target, _) in &mut self.targets {
            let known = self.wrong.len();
            let writes = target.step(&self.lately, &mut self.wrong, &self.trace);
            self.writes += writes;
            for wrong in &self.wrong[known..] {
                self.trace.say(format!("WRONG: {wrong}"));
            }
        }
        let facts = self.world.lanes.stats(&Lane::Facts);
        if facts.visible + facts.in_flight == 0 {
            // Everything is decided: what was wanted before is no reason for anything any more.
            self.lately.drain(..self.lately.len() - 1);
        }
    }

    /// Faults stop, time goes on past every rest and pause, and everything comes to rest.
    async fn heal(&mut self) {
        self.trace.say("faults stop".to_owned());
        for (target, _) in &self.targets {
            Weather::clear(&target.server);
        }
        self.world.take_clients(self.clients(PATIENT));
        for _ in 0..PATIENCE {
            self.world.settle().await;
            self.check();
            let seats = self.world.seats().await;
            if seats.values().all(|seat| seat.owed.is_empty()) {
                return;
            }
            self.world.clock.advance(Duration::from_mins(61));
            self.world.nudge().await;
        }
        self.accuse("what is owed is never settled".to_owned());
    }

    /// Two nights: the first mends what faults have left, the second finds nothing to do.
    async fn end(&mut self) {
        self.night().await;
        let wanted = story::wanted(&self.arrived, self.people);
        for (target, _) in &self.targets {
            target.end(&wanted, &self.ever_left, &mut self.wrong);
        }
        let writes = self.writes;
        let sent = self.night().await;
        if sent > 0 {
            self.accuse(format!("the second night sends {sent}"));
        }
        if self.writes > writes {
            self.accuse(format!("the second night writes {}", self.writes - writes));
        }
    }

    async fn night(&mut self) -> u64 {
        self.world.clock.advance(Duration::from_hours(24));
        self.world.tick().await;
        self.check();
        let finished = self.world.night().await;
        let sent = finished.sent();
        self.trace.say(format!("a night sends {sent}"));
        self.check();
        for (name, target) in &finished.manifest.summary.targets {
            if let Err(why) = target.users.as_ref().and(target.groups.as_ref()) {
                self.wrong
                    .push(format!("{name} was not observed in full: {why:?}"));
            }
        }
        sent
    }

    fn accuse(&mut self, what: String) {
        self.trace.say(format!("WRONG: {what}"));
        self.wrong.push(what);
    }
}
