//! FIFO queues as a list that is searched from the front.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::Lane;
use jiff::Timestamp;

use crate::lanes::Incoming;
use crate::queue::{DeadLetter, MAX_RECEIVES, Queues, Receipt, Received, Stats, forgotten, later};
use crate::{Clock, Fault, Lanes, Outgoing};

/// Queues in memory that also remember everything that was sent. Clones share them.
#[derive(Clone)]
pub struct ModelLanes {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    sequence: u64,
    sent: Vec<(Lane, Outgoing)>,
    faults: VecDeque<Fault>,
    lanes: BTreeMap<Lane, Queue>,
}

#[derive(Default)]
struct Queue {
    /// In order of sequence.
    messages: Vec<Message>,
    /// By sequence.
    dead: BTreeMap<u64, DeadLetter>,
    seen: BTreeMap<String, Timestamp>,
}

struct Message {
    sequence: u64,
    group: String,
    body: String,
    receives: u32,
    hidden_until: Option<Timestamp>,
    /// Hidden because somebody put it off, and not because somebody works on it.
    put_off: bool,
}

impl ModelLanes {
    /// Empty queues on that clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// Everything that was sent so far, duplicates included, in order.
    pub fn sent(&self) -> Vec<(Lane, Outgoing)> {
        self.with(|state, _| state.sent.clone())
    }

    /// Everything that was sent since the last call.
    pub fn take_sent(&self) -> Vec<(Lane, Outgoing)> {
        self.with(|state, _| std::mem::take(&mut state.sent))
    }

    /// Makes the next send fail, before it sends anything. Calls add up.
    pub fn fail_next(&self, fault: Fault) {
        self.with(|state, _| state.faults.push_back(fault));
    }

    /// Does what the end of the process does to durable queues: what was worked on is visible
    /// again, what was put off stays so.
    pub fn restart(&self) {
        self.with(|state, now| {
            for queue in state.lanes.values_mut() {
                for message in &mut queue.messages {
                    message.hidden_until = message.hidden_until.filter(|_| message.put_off);
                }
                queue.pass_time(now);
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in state.lanes.values_mut() {
            queue.pass_time(now);
        }
        act(&mut state, now)
    }
}

impl Queue {
    /// Shows what is no longer hidden, and buries what was received too often.
    fn pass_time(&mut self, now: Timestamp) {
        for message in &mut self.messages {
            message.hidden_until = message.hidden_until.filter(|until| *until > now);
        }
        let (dead, alive) = std::mem::take(&mut self.messages)
            .into_iter()
            .partition(|m| m.hidden_until.is_none() && m.receives >= MAX_RECEIVES);
        self.messages = alive;
        let dead: Vec<Message> = dead;
        for message in dead {
            let letter = DeadLetter {
                sequence: message.sequence,
                group: message.group,
                body: message.body,
                receives: message.receives,
            };
            self.dead.insert(letter.sequence, letter);
        }
        self.seen.retain(|_, at| !forgotten(*at, now));
    }

    fn delivered(&mut self, receipt: Receipt) -> Option<usize> {
        self.messages.iter().position(|message| {
            message.sequence == receipt.sequence
                && message.receives == receipt.receives
                && message.hidden_until.is_some()
        })
    }
}

impl Lanes for ModelLanes {
    async fn send(&self, lane: &Lane, messages: &[Outgoing]) -> Result<(), Fault> {
        self.with(|state, now| {
            if let Some(fault) = state.faults.pop_front() {
                return Err(fault);
            }
            for message in messages {
                state.sent.push((lane.clone(), message.clone()));
                let queue = state.lanes.entry(lane.clone()).or_default();
                if queue.seen.contains_key(&message.dedup) {
                    continue;
                }
                queue.seen.insert(message.dedup.clone(), now);
                state.sequence += 1;
                queue.messages.push(Message {
                    sequence: state.sequence,
                    group: message.group.clone(),
                    body: message.body.clone(),
                    receives: 0,
                    hidden_until: None,
                    put_off: false,
                });
            }
            Ok(())
        })
    }
}

impl Queues for ModelLanes {
    fn receive(&self, lane: &Lane, max: usize, visibility: Duration) -> Vec<Received> {
        self.with(|state, now| {
            let Some(queue) = state.lanes.get_mut(lane) else {
                return Vec::new();
            };
            let blocked: BTreeSet<String> = queue
                .messages
                .iter()
                .filter(|message| message.hidden_until.is_some())
                .map(|message| message.group.clone())
                .collect();
            queue
                .messages
                .iter_mut()
                .filter(|message| !blocked.contains(&message.group))
                .take(max)
                .map(|message| {
                    message.receives += 1;
                    message.hidden_until = Some(later(now, visibility));
                    message.put_off = false;
                    Received {
                        receipt: Receipt {
                            sequence: message.sequence,
                            receives: message.receives,
                        },
                        message: Incoming {
                            id: message.sequence.to_string(),
                            group: message.group.clone(),
                            body: message.body.clone(),
                            receives: message.receives,
                            trace: None,
                        },
                    }
                })
                .collect()
        })
    }

    fn delete(&self, lane: &Lane, receipt: Receipt) -> bool {
        self.with(|state, _| {
            let Some(queue) = state.lanes.get_mut(lane) else {
                return false;
            };
            let Some(at) = queue.delivered(receipt) else {
                return false;
            };
            queue.messages.remove(at);
            true
        })
    }

    fn set_visibility(&self, lane: &Lane, receipt: Receipt, after: Duration) -> bool {
        self.with(|state, now| {
            let Some(queue) = state.lanes.get_mut(lane) else {
                return false;
            };
            let Some(message) = queue
                .delivered(receipt)
                .and_then(|at| queue.messages.get_mut(at))
            else {
                return false;
            };
            message.hidden_until = Some(later(now, after));
            message.put_off = true;
            queue.pass_time(now);
            true
        })
    }

    fn stats(&self, lane: &Lane) -> Stats {
        self.with(|state, _| {
            let Some(queue) = state.lanes.get(lane) else {
                return Stats::default();
            };
            let hidden = |message: &&Message| message.hidden_until.is_some();
            let in_flight = queue.messages.iter().filter(hidden).count();
            Stats {
                visible: queue.messages.len() - in_flight,
                in_flight,
                dead: queue.dead.len(),
            }
        })
    }

    fn dead_letters(&self, lane: &Lane) -> Vec<DeadLetter> {
        self.with(|state, _| {
            let queue = state.lanes.get(lane);
            queue.map_or_else(Vec::new, |queue| queue.dead.values().cloned().collect())
        })
    }

    fn discard(&self, lane: &Lane, sequence: u64) -> bool {
        self.with(|state, _| {
            let queue = state.lanes.get_mut(lane);
            queue.is_some_and(|queue| queue.dead.remove(&sequence).is_some())
        })
    }

    fn redrive(&self, lane: &Lane) -> usize {
        self.with(|state, _| {
            let Some(queue) = state.lanes.get_mut(lane) else {
                return 0;
            };
            let dead = std::mem::take(&mut queue.dead);
            let count = dead.len();
            for letter in dead.into_values() {
                state.sequence += 1;
                queue.messages.push(Message {
                    sequence: state.sequence,
                    group: letter.group,
                    body: letter.body,
                    receives: 0,
                    hidden_until: None,
                    put_off: false,
                });
            }
            count
        })
    }

    fn is_idle(&self) -> bool {
        self.with(|state, _| state.lanes.values().all(|queue| queue.messages.is_empty()))
    }

    fn next_visible_at(&self) -> Option<Timestamp> {
        self.with(|state, _| {
            let queues = state.lanes.values();
            let messages = queues.flat_map(|queue| &queue.messages);
            messages.filter_map(|message| message.hidden_until).min()
        })
    }
}
