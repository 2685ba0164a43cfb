//! The processes, and when each of them is killed.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;
use tests::runtime_api::{Binary, Function, Invocation, Outcome};
use tests::sim::Dice;

use crate::gate::{Gates, Met, Shot};

/// A function of the stack. The connector runs twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Webhook,
    Planner,
    Connector,
    Terminator,
    Clock,
    Reconciler,
}

impl Role {
    pub const ALL: [Self; 6] = [
        Self::Webhook,
        Self::Planner,
        Self::Connector,
        Self::Terminator,
        Self::Clock,
        Self::Reconciler,
    ];

    const fn binary(self) -> Binary {
        match self {
            Self::Webhook => Binary::HrWebhook,
            Self::Planner => Binary::Planner,
            Self::Connector | Self::Terminator => Binary::Connector,
            Self::Clock => Binary::Clock,
            Self::Reconciler => Binary::Reconciler,
        }
    }

    /// The target that it is for, where it is for one alone.
    pub const fn target(self) -> Option<&'static str> {
        match self {
            Self::Connector => Some("directory"),
            Self::Webhook | Self::Planner | Self::Terminator | Self::Clock | Self::Reconciler => {
                None
            }
        }
    }

    /// Most requests that lie between two kills, start-up included: so many that ten kills spread
    /// over a run, and so few that a run has them.
    const fn most(self) -> u64 {
        match self {
            Self::Webhook => 45,
            Self::Planner => 150,
            Self::Connector => 55,
            Self::Terminator => 14,
            Self::Clock | Self::Reconciler => 60,
        }
    }
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It was answered.
    Answer(Value),
    /// The process was killed before it answered.
    Killed,
}

/// One function's process and what awaits it.
#[derive(Debug)]
pub struct Member {
    role: Role,
    environment: BTreeMap<&'static str, String>,
    process: Option<Function>,
    shots: VecDeque<Shot>,
    /// Whether it is not killed at its next event.
    pub spared: bool,
    /// Kills so far that met a process which had not come to wait for events.
    pub starting: usize,
    /// What it was killed at.
    pub met: Vec<Met>,
}

impl Member {
    /// Draws when it is killed, so many times.
    pub fn new(
        role: Role,
        environment: BTreeMap<&'static str, String>,
        dice: &mut Dice,
        kills: usize,
    ) -> Self {
        let mut shots = VecDeque::new();
        for number in 0..kills {
            // Nearly all that the clock does is to ask, shard by shard, and the planner asks and
            // sends once for a whole batch. Every second time they are killed at what they do less
            // often: the clock not as it starts, the planner before and after each of both.
            let of = match (role, number % 8) {
                (Role::Clock, 1 | 3 | 5 | 7) | (Role::Planner, 1 | 5) => Some("SendMessageBatch"),
                (Role::Planner, 3 | 7) => Some("UpdateItem"),
                _ => None,
            };
            let request = match (role, of) {
                (_, None) => 1 + dice.below(role.most()),
                (Role::Clock, Some(_)) => 2,
                (_, Some(_)) => 1,
            };
            let done = if role == Role::Planner && of.is_some() {
                number % 8 < 4
            } else {
                dice.below(2) == 0
            };
            shots.push_back(Shot { request, done, of });
        }
        Self {
            role,
            environment,
            process: None,
            shots,
            spared: false,
            starting: 0,
            met: Vec::new(),
        }
    }

    /// Kills that are still to come.
    pub fn awaited(&self) -> usize {
        self.shots.len()
    }

    /// Hands it an event. A process that is not there is started first.
    pub async fn invoke(&mut self, gates: &Gates, event: impl Into<Invocation>) -> Said {
        let spared = self.spared;
        gates.load(self.shots.pop_front_if(|_| !spared));
        let said = tokio::select! {
            said = work(&mut self.process, self.role, &self.environment, event.into()) => Some(said),
            () = gates.fired() => None,
        };
        let left = gates.unload();
        let Some(said) = said else {
            self.met.extend(gates.met());
            // Dropping the start of a process kills it; so does this.
            match self.process.take() {
                Some(process) => {
                    process.end().await;
                }
                None => self.starting += 1,
            }
            return Said::Killed;
        };
        if let Some(left) = left {
            self.shots.push_front(left);
        }
        Said::Answer(said)
    }
}

async fn work(
    process: &mut Option<Function>,
    role: Role,
    environment: &BTreeMap<&'static str, String>,
    event: Invocation,
) -> Value {
    let process = if let Some(process) = process {
        process
    } else {
        let started = Function::start(role.binary(), environment).await;
        let started = started.unwrap_or_else(|refused| panic!("{role:?}: {refused:?}"));
        process.insert(started)
    };
    match process.invoke(event).await {
        Outcome::Answered(answer) => answer,
        outcome @ (Outcome::Failed(_) | Outcome::Ended) => {
            panic!("{role:?}: {outcome:?}: {:#?}", process.lines())
        }
    }
}
