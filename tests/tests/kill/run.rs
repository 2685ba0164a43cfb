//! A run: what happens in which order is drawn from a seed, and so is who is killed when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::Lane;
use domain::TargetId;
use jiff::Timestamp;
use ports::Store as _;
use ports::backlog::Backlog as _;
use serde_json::{Value, json};
use tests::runtime_api::{Binary, EventSource, Invocation, Profile};
use tests::sim::Dice;
use tests::world::Says;

use crate::fleet::{Member, Role, Said};
use crate::story::{Cast, Story, Wanted, draw};
use crate::world::{World, identity, now};

/// How long a run may take to come to rest; it takes seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// Receives from which a message is spared: two of the five that it has are left.
const SPARED: u32 = 3;

/// Something that platforms do not do, to show that the checks would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// What a killed process was handed counts as done.
    KilledIsDone,
}

pub struct Run {
    pub world: World,
    pub fleet: BTreeMap<Role, Member>,
    pub wanted: BTreeMap<String, Wanted>,
    /// Events that were accepted, by worker.
    pub accepted: BTreeMap<String, BTreeSet<String>>,
    /// Nightly runs that were answered.
    pub nights: usize,
    /// Messages that were handed over again after a kill.
    pub redelivered: usize,
    /// Answers that the clock was let ask for again.
    pub repeated: usize,
    dice: Dice,
    story: Story,
    /// What was said in each event, as it was sent first.
    said: BTreeMap<String, Says>,
    /// When the last of what HR told ahead begins to hold.
    ahead: Timestamp,
    flaw: Option<Flaw>,
}

impl Run {
    /// With so many kills of each function.
    pub async fn new(seed: u64, cast: Cast, kills: usize, flaw: Option<Flaw>) -> Self {
        // Before anything is signed or dated: this takes minutes where nothing is built yet.
        drop(Binary::HrWebhook.path(Profile::Dev));
        let world = World::start().await;
        let mut dice = Dice::new(seed);
        let mut story = draw(&mut dice, cast, now());
        story.posts.reverse();
        let fleet = Role::ALL.map(|role| {
            let environment = world.environment(role.target());
            (role, Member::new(role, environment, &mut dice, kills))
        });
        Self {
            world,
            fleet: fleet.into(),
            wanted: std::mem::take(&mut story.wanted),
            accepted: BTreeMap::new(),
            nights: 0,
            redelivered: 0,
            repeated: 0,
            dice,
            story,
            said: BTreeMap::new(),
            ahead: Timestamp::MIN,
            flaw,
        }
    }

    /// Sends every post, and lets everything work and be killed meanwhile.
    pub async fn live(&mut self) {
        let mut steps = 0_u64;
        while !self.story.posts.is_empty() {
            steps += 1;
            let role = match self.dice.below(16) {
                0..7 => Role::Webhook,
                7 | 8 => Role::Planner,
                9 | 10 => Role::Connector,
                11 | 12 => Role::Terminator,
                13 | 14 => Role::Clock,
                _ => {
                    self.pass_time().await;
                    continue;
                }
            };
            self.act(role).await;
            if steps.is_multiple_of(30) {
                self.night().await;
            }
        }
        // These two work whether or not there is anything to do.
        while self.fleet[&Role::Clock].awaited() > 0 {
            self.tick().await;
        }
        while self.fleet[&Role::Reconciler].awaited() > 0 {
            self.night().await;
        }
    }

    /// Lets everything work until nothing is left to do. Returns whether it came to that.
    pub async fn rest(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, self.work()).await.is_ok()
    }

    async fn work(&mut self) {
        loop {
            let mut worked = false;
            for role in [Role::Planner, Role::Connector, Role::Terminator] {
                worked |= self.act(role).await;
            }
            if worked {
                continue;
            }
            self.come().await;
            let counts = self.counts().await;
            let waiting = counts
                .iter()
                .any(|(visible, hidden, _)| visible + hidden > 0);
            if waiting || self.owing().await > 0 {
                self.pass_time().await;
                continue;
            }
            // What HR told ahead begins to hold within two seconds.
            let horizon = self.ahead.max(now());
            if self.is_due_by(horizon).await.is_empty() {
                return;
            }
        }
    }

    /// Minutes pass: what is hidden becomes visible, and the clock may wake whoever is owed an
    /// answer. The functions see the machine's time; so their wakes come to them.
    async fn pass_time(&mut self) {
        self.world.pass_visibility();
        let now = now();
        for (identity, seat) in self.world.seats().await {
            if !seat.owed.is_empty() && seat.wake_at.is_some_and(|wake| wake > now) {
                let woken = self.world.wake(&identity, &seat).await;
                self.repeated += usize::from(woken);
            }
        }
    }

    /// How many are owed an answer.
    async fn owing(&self) -> usize {
        let seats = self.world.seats().await;
        let owing = seats.iter().filter(|(_, seat)| !seat.owed.is_empty());
        owing.count()
    }

    /// What waits, is hidden and is dead in each queue.
    pub async fn counts(&self) -> Vec<(usize, usize, usize)> {
        let mut counts = Vec::new();
        for lane in lanes() {
            let stats = self.world.lanes.depth(&lane).await.expect("counts");
            counts.push((stats.visible, stats.in_flight, stats.dead));
        }
        counts
    }

    /// Workers whom the clock would wake by then.
    pub async fn is_due_by(&self, at: Timestamp) -> Vec<&str> {
        let due = self.world.store.due(at, 1000).await.expect("who is due");
        let workers = self.wanted.keys().map(String::as_str);
        workers.filter(|one| due.contains(&identity(one))).collect()
    }

    /// Workers of whom something is wanted, in order.
    pub fn those(&self, wanted: impl Fn(&Wanted) -> bool) -> Vec<String> {
        let those = self.wanted.iter().filter(|(_, one)| wanted(one));
        those.map(|(worker, _)| worker.clone()).collect()
    }

    /// HR sends the next post. What is not accepted is sent again.
    async fn post(&mut self) {
        let Some(mut post) = self.story.posts.pop() else {
            return;
        };
        let now = now();
        if let Some(begins) = post.fix(now) {
            self.ahead = self.ahead.max(begins);
        }
        let says = self.said.entry(post.event.clone()).or_insert(post.says);
        let (event, request) = says.clone().request(0, now);
        let request = serde_json::to_value(request).expect("JSON");
        let accepted = match self.invoke(Role::Webhook, request).await {
            Said::Answer(answer) => {
                assert_eq!(answer["statusCode"], 202, "{answer}");
                true
            }
            Said::Killed => self.flaw == Some(Flaw::KilledIsDone),
        };
        if accepted {
            self.accepted.entry(post.worker).or_default().insert(event);
        } else {
            post.says = self.said[&event].clone();
            self.story.posts.push(post);
        }
    }

    /// Lets a function do what it is there for. Returns whether there was anything.
    async fn act(&mut self, role: Role) -> bool {
        match role {
            Role::Webhook => self.post().await,
            Role::Planner | Role::Connector | Role::Terminator => return self.drive(role).await,
            Role::Clock => self.tick().await,
            Role::Reconciler => {
                self.night().await;
            }
        }
        true
    }

    /// Hands the next batch of its queue to a function. Returns whether there was one.
    async fn drive(&mut self, role: Role) -> bool {
        let source = match role {
            Role::Planner => &self.world.facts,
            Role::Connector => &self.world.lane,
            Role::Terminator => &self.world.terminations,
            Role::Webhook | Role::Clock | Role::Reconciler => panic!("{role:?} has no queue"),
        };
        let source: EventSource = source.clone();
        let Some(event) = source.receive(&self.world.server).await else {
            return false;
        };
        self.spare(role, &event);
        let answer = match self.invoke(role, event.clone()).await {
            Said::Answer(answer) => answer,
            Said::Killed if self.flaw == Some(Flaw::KilledIsDone) => {
                json!({"batchItemFailures": []})
            }
            Said::Killed => {
                self.redelivered += event["Records"].as_array().map_or(0, Vec::len);
                return true;
            }
        };
        source.settle(&self.world.server, &event, &answer).await;
        true
    }

    /// A function is not killed again with messages that have met kills enough: what is killed with
    /// the same messages again and again is what dead letters are for.
    fn spare(&mut self, role: Role, event: &Value) {
        let records = event["Records"].as_array().expect("records");
        let receives = records.iter().map(|record| {
            let count = record["attributes"]["ApproximateReceiveCount"].as_str();
            count.and_then(|count| count.parse().ok()).unwrap_or(0)
        });
        let member = self.fleet.get_mut(&role).expect("every role has one");
        member.spared = receives.max().unwrap_or(0) >= SPARED;
    }

    /// The clock comes; every other time something lies before it.
    async fn tick(&mut self) {
        let seats = self.world.seats().await;
        if !seats.is_empty() && self.dice.below(2) == 0 {
            let (identity, seat) = self.dice.pick(&seats);
            self.world.wake(identity, seat).await;
        }
        self.come().await;
    }

    async fn come(&mut self) {
        self.invoke(Role::Clock, json!({})).await;
    }

    /// A nightly run, as the state machine calls its steps: one that is killed, and one that asks
    /// for it, is called again. Returns what the run came to.
    pub async fn night(&mut self) -> Value {
        let run = format!("night-{:04}", self.nights);
        let first = json!({"step": "begin", "run": run});
        let begun = self.step(first).await;
        for target in begun["targets"].as_array().expect("targets") {
            let observe = json!({"step": "observe", "run": run, "target": target});
            let seen = self.step(observe).await;
            for part in seen["parts"].as_array().expect("parts") {
                let compare =
                    json!({"step": "compare", "run": run, "target": target, "part": part});
                self.step(compare).await;
            }
        }
        self.step(json!({"step": "limit", "run": run})).await;
        self.step(json!({"step": "enqueue", "run": run})).await;
        let finished = self.step(json!({"step": "finish", "run": run})).await;
        self.nights += 1;
        finished["report"].clone()
    }

    async fn step(&mut self, event: Value) -> Value {
        loop {
            match self.invoke(Role::Reconciler, event.clone()).await {
                Said::Answer(answer) if answer["status"] == "done" => return answer,
                Said::Answer(_) | Said::Killed => {}
            }
        }
    }

    async fn invoke(&mut self, role: Role, event: Value) -> Said {
        let member = self.fleet.get_mut(&role).expect("every role has one");
        let invocation = Invocation::from(event);
        member.invoke(&self.world.gates, invocation).await
    }
}

fn lanes() -> [Lane; 3] {
    let target = TargetId::from("directory");
    [Lane::Facts, Lane::Target(target), Lane::Terminations]
}
