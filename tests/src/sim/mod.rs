//! Whole lives under faults: the real functions over reference ports and a target that breaks, on
//! a schedule drawn from a seed. Processes are lost between any two steps, messages come twice,
//! late and out of order, answers get lost, two workers run at once. What must hold at every step
//! is checked at every step; what must hold in the end, when faults have stopped.

mod dice;
mod history;
mod target;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::Duration;

use clock::Ticker;
use connectors::{Connector, TOGETHER};
use contract::{Cause, ConvergeRequest, Lane};
use domain::limit::is_ending;
use domain::plan::Compiled;
use domain::policy::Apart;
use domain::{Desired, EntitlementId, Generation, IdentityId, RecordKey, TargetId};
use hr_webhook::{Salt, Webhook, record_key};
use planner::Planner;
use ports::model::{ManualClock, ModelLanes, ModelSecrets, ModelStore};
use ports::queue::{BATCH, Queues, run, run_up_to};
use ports::{Clock, Fault, Lanes, Outgoing};

pub use dice::Dice;
pub use target::{Pair, Rates, SimTarget};

use crate::world::{Address, HR_SECRET, compiled, policy_text};
use history::Delivery;

const SALT: &[u8] = b"a salt of the simulator";
const TARGETS: [&str; 2] = ["dir", "wiki"];
/// How long a function may work before its messages come back.
const VISIBILITY: Duration = Duration::from_mins(3);

/// How wild a run is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// What targets do.
    pub rates: Rates,
    /// In parts of a thousand: a table request fails, a table answer is lost, a queue fails, a
    /// process is lost.
    pub platform: u64,
    /// Facts per person.
    pub facts: u64,
    /// People.
    pub people: u64,
    /// Whether the two sides of the separation of duties lie in two targets, and not in one.
    pub across: bool,
}

impl Weather {
    /// Nothing breaks, but everything races.
    pub fn calm(facts: u64) -> Self {
        Self {
            rates: Rates::default(),
            platform: 0,
            facts,
            people: 3,
            across: false,
        }
    }

    /// The same with the two sides of the separation of duties in two targets.
    #[must_use]
    pub const fn across(self) -> Self {
        Self {
            across: true,
            ..self
        }
    }

    /// The same with targets that take long, while facts and endings go on.
    #[must_use]
    pub const fn slow(self) -> Self {
        let rates = Rates {
            slow: 300,
            ..self.rates
        };
        Self { rates, ..self }
    }

    /// Everything breaks with that rate, in parts of a thousand.
    pub fn rough(rate: u64, facts: u64) -> Self {
        Self {
            rates: Rates {
                before: rate,
                after: rate,
                throttle: rate,
                halt: rate / 10,
                ignore: rate,
                slow: 0,
            },
            platform: rate,
            facts,
            people: 3,
            across: false,
        }
    }
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What did not hold.
    pub violations: Vec<String>,
    /// How often each kind of fault was met.
    pub fired: BTreeMap<&'static str, u64>,
}

struct Sim {
    dice: Dice,
    weather: Weather,
    clock: ManualClock,
    store: ModelStore,
    lanes: ModelLanes,
    policy: Arc<Compiled>,
    webhook: Webhook<ModelStore, ModelLanes, ModelSecrets, ManualClock>,
    planner: Planner<ModelStore, ModelLanes, ManualClock>,
    connector: Connector<ModelStore, SimTarget, ManualClock>,
    ticker: Ticker<ModelStore, ModelLanes, ManualClock>,
    targets: BTreeMap<TargetId, SimTarget>,
    applied: BTreeMap<(IdentityId, TargetId), Generation>,
    /// Most messages that a connector works on at once.
    together: usize,
    outcome: Outcome,
}

/// The suite's policy, over targets that only exist here. Read once: a run takes milliseconds.
fn policy(across: bool) -> Arc<Compiled> {
    static POLICIES: LazyLock<[Arc<Compiled>; 2]> = LazyLock::new(|| {
        let address = Address::new("https://target.example/v2", "");
        let addresses = TARGETS.map(|name| (TargetId::from(name), address.clone()));
        let addresses = addresses.into();
        let approvers = "[entitlements.approvers]\ntarget = ";
        let (here, there) = (
            format!("{approvers}\"dir\""),
            format!("{approvers}\"wiki\""),
        );
        let text = policy_text();
        assert!(text.contains(&here), "{here}");
        [
            compiled(&text, &addresses),
            compiled(&text.replace(&here, &there), &addresses),
        ]
    });
    POLICIES[usize::from(across)].clone()
}

/// Lets every target watch the pairs of the policy.
fn watch(policy: &Compiled, targets: &BTreeMap<TargetId, SimTarget>) {
    let place = |one: &EntitlementId| &targets[&policy.policy.entitlements[one].target];
    for sod in &policy.policy.sod {
        let Apart::Pair { left, right } = &sod.apart else {
            continue;
        };
        let pairs = left
            .iter()
            .flat_map(|one| right.iter().map(move |other| (one, other)));
        for (one, other) in pairs.flat_map(|(one, other)| [(one, other), (other, one)]) {
            place(one).watch(Pair {
                here: one.clone(),
                there: other.clone(),
                target: place(other).clone(),
            });
        }
    }
}

/// Lives through one history on one schedule.
pub async fn live(seed: u64, weather: Weather) -> Outcome {
    let mut sim = Sim::new(seed, weather);
    let salt = Salt::new(SALT).expect("a salt");
    let mut deliveries = history::deliveries(&mut sim.dice, weather);
    let people: Vec<RecordKey> = history::workers(weather)
        .iter()
        .map(|worker| record_key(&salt, &"hr".into(), worker))
        .collect();
    for target in sim.targets.values() {
        target.set_rates(weather.rates);
        target.plant("root");
        target.plant("stranger");
    }
    while !deliveries.is_empty() {
        sim.step(&mut deliveries, &people).await;
        sim.check_step();
    }
    for _ in 0..200 {
        sim.step(&mut deliveries, &people).await;
        sim.check_step();
    }
    sim.heal().await;
    // The night looks at everybody, and would hide it.
    sim.check_gone();
    sim.night().await;
    sim.heal().await;
    sim.check_end(&people);
    // Past every boundary, where nothing but a mistake can still write.
    sim.clock
        .set("2026-07-01T00:00:00Z".parse().expect("an instant"));
    sim.heal().await;
    sim.check_end(&people);
    let writes: u64 = sim.targets.values().map(SimTarget::writes).sum();
    sim.heal().await;
    if sim.targets.values().map(SimTarget::writes).sum::<u64>() != writes {
        let found = "law 3: coming to rest again wrote something".to_owned();
        sim.outcome.violations.push(found);
    }
    for target in sim.targets.values() {
        sim.outcome.violations.extend(target.violations());
        for (kind, count) in target.fired() {
            *sim.outcome.fired.entry(kind).or_default() += count;
        }
    }
    sim.outcome
}

impl Sim {
    fn new(seed: u64, weather: Weather) -> Self {
        let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
        let store = ModelStore::new();
        let lanes = ModelLanes::new(Arc::new(clock.clone()));
        let policy = policy(weather.across);
        let secrets = ModelSecrets::new().with("hr-signing", HR_SECRET);
        let targets: BTreeMap<TargetId, SimTarget> = TARGETS
            .iter()
            .zip(1..)
            .map(|(name, n)| {
                (
                    TargetId::from(*name),
                    SimTarget::new(seed.wrapping_mul(31) + n),
                )
            })
            .collect();
        watch(&policy, &targets);
        Self {
            dice: Dice::new(seed),
            weather,
            webhook: Webhook::new(
                store.clone(),
                lanes.clone(),
                secrets,
                clock.clone(),
                policy.policy.clone(),
                Salt::new(SALT).expect("a salt"),
            ),
            planner: Planner::new(store.clone(), lanes.clone(), clock.clone(), policy.clone()),
            connector: Connector::new(
                store.clone(),
                targets.clone(),
                clock.clone(),
                policy.clone(),
            ),
            ticker: Ticker::new(store.clone(), lanes.clone(), clock.clone()),
            targets,
            clock,
            store,
            lanes,
            policy,
            applied: BTreeMap::new(),
            together: [1, BATCH, TOGETHER][usize::try_from(seed % 3).unwrap_or(0)],
            outcome: Outcome::default(),
        }
    }

    async fn step(&mut self, deliveries: &mut Vec<Delivery>, people: &[RecordKey]) {
        self.disturb();
        match self.dice.below(10) {
            0 | 1 => self.deliver(deliveries).await,
            2 => {
                let minutes = self.dice.below(90);
                self.clock.advance(Duration::from_secs(minutes * 60 + 1));
                self.ticker.tick().await.ok();
            }
            3 => self.redrive().await,
            4 if self.dice.below(8) == 0 => {
                let who = self.dice.pick(people).clone();
                let target = self.targets.values().next().expect("a target");
                target.delete_by_hand(who.as_str());
            }
            _ => {
                if self.is_slow() {
                    self.deliver(deliveries).await;
                    self.function(&Lane::Facts).await;
                    self.deliver(deliveries).await;
                }
                self.work().await;
            }
        }
    }

    /// Something on the platform breaks soon; one thing at a time, or nothing would ever get
    /// through.
    fn disturb(&mut self) {
        let rate = self.weather.platform;
        let fault = || Fault::retry("the platform");
        // Queues are asked less often than the table.
        for (kind, rate) in [("table", rate), ("table-lost", rate), ("queue", rate / 4)] {
            if self.dice.below(1000) >= rate || self.store.pending_faults() > 0 {
                continue;
            }
            *self.outcome.fired.entry(kind).or_default() += 1;
            match kind {
                "table" => self.store.fail_next(fault()),
                "table-lost" => self.store.lose_next(fault()),
                _ => self.lanes.fail_next(fault()),
            }
        }
    }

    /// HR posts; a sender that gets no 202 tries again later, out of order.
    async fn deliver(&mut self, deliveries: &mut Vec<Delivery>) {
        let Some(delivery) = deliveries.pop() else {
            return;
        };
        let now = self.clock.now();
        let (_, request) = delivery.says.clone().request(0, now);
        let answer = self.webhook.handle(request).await;
        if answer.status_code != 202 {
            let place = usize::try_from(self.dice.below(deliveries.len() as u64 + 1)).unwrap_or(0);
            deliveries.insert(place, delivery);
        }
    }

    /// A message that was sent once is delivered again.
    async fn redrive(&mut self) {
        let sent = self.lanes.sent();
        if sent.is_empty() {
            return;
        }
        let (lane, mut message) = self.dice.pick(&sent).clone();
        message.dedup = format!("{}#again{}", message.dedup, self.dice.roll());
        self.lanes.send(&lane, &[message]).await.ok();
    }

    /// Several functions work at once; sometimes their process is lost on the way.
    async fn work(&mut self) {
        let [mut one, mut two, three] = [0; 3].map(|_: u8| self.lane());
        if self.is_slow() {
            [one, two] = TARGETS.map(|name| Lane::Target(TargetId::from(name)));
        }
        let lost = self.dice.below(1000) < self.weather.platform;
        let turns = if lost {
            *self.outcome.fired.entry("process").or_default() += 1;
            usize::try_from(self.dice.below(12)).unwrap_or(0)
        } else {
            usize::MAX
        };
        let all = async {
            tokio::join!(
                self.function(&one),
                self.function(&two),
                self.function(&three),
                self.meanwhile(),
            );
        };
        for_turns(all, turns).await;
    }

    const fn is_slow(&self) -> bool {
        self.weather.rates.slow > 0
    }

    /// What goes on while a target takes long: decisions, and endings that are carried out.
    async fn meanwhile(&self) {
        if !self.is_slow() {
            return;
        }
        for _ in 0..4 {
            for lane in [Lane::Facts, Lane::Terminations] {
                self.function(&lane).await;
                tokio::task::yield_now().await;
            }
        }
    }

    fn lane(&mut self) -> Lane {
        match self.dice.below(4) {
            0 => Lane::Facts,
            1 => Lane::Terminations,
            n => Lane::Target(TargetId::from(TARGETS[usize::from(n == 2)])),
        }
    }

    async fn function(&self, lane: &Lane) {
        match lane {
            Lane::Facts => {
                run(&self.lanes, lane, VISIBILITY, |batch| {
                    self.planner.handle(batch)
                })
                .await
            }
            Lane::Target(_) | Lane::Terminations => {
                run_up_to(&self.lanes, lane, self.together, VISIBILITY, |batch| {
                    self.connector.handle(batch)
                })
                .await
            }
        };
    }

    /// What holds at every step: law 8, applied generations never decrease.
    fn check_step(&mut self) {
        for (identity, seat) in self.store.everybody() {
            for (target, account) in seat.accounts {
                let key = (identity.clone(), target);
                let before = self.applied.insert(key, account.applied);
                if before.is_some_and(|before| before > account.applied) {
                    self.outcome
                        .violations
                        .push("law 8: a generation went back".to_owned());
                }
            }
        }
    }

    /// Faults stop; everything comes to rest.
    async fn heal(&mut self) {
        for target in self.targets.values() {
            target.set_rates(Rates::default());
        }
        let lanes: Vec<Lane> = [Lane::Facts, Lane::Terminations]
            .into_iter()
            .chain(self.targets.keys().cloned().map(Lane::Target))
            .collect();
        for _ in 0..400 {
            for lane in &lanes {
                self.lanes.redrive(lane);
                self.function(lane).await;
            }
            self.check_step();
            if self.lanes.is_idle() {
                self.clock.advance(Duration::from_mins(10));
                self.ticker.tick().await.ok();
                let owing = self
                    .store
                    .everybody()
                    .values()
                    .any(|seat| !seat.owed.is_empty());
                if self.lanes.is_idle() && !owing && self.store.pending_faults() == 0 {
                    return;
                }
            } else {
                self.clock.advance(Duration::from_secs(30));
            }
        }
        self.outcome
            .violations
            .push("liveness: the queues do not come to rest".to_owned());
    }

    /// What the nightly run would ask for: a look at every account.
    async fn night(&mut self) {
        for (identity, seat) in self.store.everybody() {
            for target in self.targets.keys() {
                let request = ConvergeRequest {
                    v: 1,
                    identity: identity.clone(),
                    target: target.clone(),
                    generation: seat.record.generation,
                    look: true,
                    cause: Cause::Reconcile,
                };
                let message = Outgoing {
                    group: request.group(),
                    dedup: format!("{target}#{identity}#night"),
                    body: serde_json::to_string(&request).expect("JSON"),
                };
                let lane = Lane::Target(target.clone());
                // What was injected and not yet met is met now.
                while self
                    .lanes
                    .send(&lane, std::slice::from_ref(&message))
                    .await
                    .is_err()
                {}
            }
        }
    }

    /// What holds without a look at everybody: whoever left cannot sign in and holds nothing.
    fn check_gone(&mut self) {
        for (identity, seat) in self.store.everybody() {
            for (name, target) in &self.targets {
                let wanted = seat.record.projections.get(name);
                let desired = wanted.map_or(Desired::None, |wanted| wanted.desired);
                let have = target.ours().remove(identity.as_str()).unwrap_or_default();
                let out = have
                    .iter()
                    .all(|held| !held.active && held.grants.is_empty());
                if is_ending(seat.record.state, desired) && !out {
                    let found = format!("{name}: somebody left, and has {have:?}");
                    self.outcome.violations.push(found);
                }
            }
        }
    }

    /// What holds in the end: everybody has what facts and policy say, nobody has more.
    fn check_end(&mut self, people: &[RecordKey]) {
        let now = self.clock.now();
        let facts = self.store.facts();
        let seats = self.store.everybody();
        let mut wrong = Vec::new();
        for record in people {
            let identity = IdentityId::from(record);
            let own: Vec<_> = facts
                .iter()
                .filter(|f| f.record == *record)
                .cloned()
                .collect();
            let Some(seat) = seats.get(&identity) else {
                wrong.push("accounting: a person with facts and no item".to_owned());
                continue;
            };
            let records = [(record.clone(), own)];
            if seat.record.facts != domain::plan::facts_digest(&records) {
                wrong.push("accounting: an accepted fact was not heard".to_owned());
            }
            let accounts = BTreeMap::new();
            let plan = domain::plan::plan(
                &self.policy,
                &domain::plan::Input {
                    identity: &identity,
                    records: &records,
                    recorded: Some(&seat.record),
                    accounts: &accounts,
                    identifiers: &seat.record.identifiers,
                    at: now,
                },
            );
            for (name, target) in &self.targets {
                let wanted = &plan.targets[name].projection;
                let have = target.ours().remove(record.as_str()).unwrap_or_default();
                let active = have.iter().filter(|held| held.active).count();
                let fine = match wanted.desired {
                    Desired::Active => {
                        have.len() == 1
                            && active == 1
                            && have[0].grants.iter().eq(wanted.grants.keys())
                    }
                    Desired::Disabled => {
                        have.len() == 1 && active == 0 && have[0].grants.is_empty()
                    }
                    Desired::None => active == 0 && have.iter().all(|held| held.grants.is_empty()),
                    Desired::Deleted => have.is_empty(),
                };
                if !fine {
                    wrong.push(format!(
                        "{name}: wanted {:?}, have {have:?}",
                        wanted.desired
                    ));
                }
            }
        }
        self.outcome.violations.extend(wrong);
    }
}

/// Polls a future at most so many times and drops it then, as a lost process does.
async fn for_turns(work: impl Future<Output = ()>, turns: usize) {
    let mut work = pin!(work);
    let mut left = turns;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        work.as_mut().poll(context)
    })
    .await;
}
