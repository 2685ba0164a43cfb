//! FIFO queues in the process, as SQS has them, in memory or in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::Lane;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::backlog::{Backlog, Claimed, Dead};
use crate::embedded::fifo::{Fifo, Message};
use crate::embedded::journal::{Event, Journal, OpenError};
use crate::queue::{DeadLetter, Queues, Receipt, Received, Stats, later};
use crate::{Clock, Fault, Lanes, Outgoing};

/// Queues of one process. Clones share them. In a folder they survive the process, however it
/// ends; what was in flight then is visible again at the next start, and its delivery counts.
#[derive(Clone)]
pub struct EmbeddedLanes(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// How many bytes of the current journal file are on the disk; one sync at a time, so that
    /// whoever waits meanwhile finds its bytes there too.
    synced: tokio::sync::Mutex<u64>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    sequence: u64,
    /// By queue name.
    lanes: BTreeMap<String, Fifo>,
    journal: Option<Journal>,
    /// Counts appends.
    written: u64,
}

impl EmbeddedLanes {
    /// Queues that end with the process.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Self::new(clock, State::default())
    }

    /// Queues in a folder, which is made if need be. One program at a time may have it open.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let (journal, events) = Journal::open(folder)?;
        let mut state = State::replay(events, clock.now());
        state.journal = Some(journal);
        let left = state.snapshot();
        if let Some(journal) = &mut state.journal {
            journal.rewrite(&left)?;
        }
        Ok(Self::new(clock, state))
    }

    fn new(clock: Arc<dyn Clock>, state: State) -> Self {
        Self(Arc::new(Shared {
            clock,
            state: Mutex::new(state),
            synced: tokio::sync::Mutex::new(0),
            changed: Notify::new(),
        }))
    }

    /// Completes when a message was sent, deleted, put off or redriven after this call. Take it
    /// first, look for work, then await it: nothing is missed in between. Time alone wakes
    /// nobody; [`Queues::next_visible_at`] says when it will have.
    pub fn notified(&self) -> impl Future<Output = ()> + '_ {
        self.0.changed.notified()
    }

    /// Every lane that was ever used, by queue name.
    pub fn all_stats(&self) -> BTreeMap<String, Stats> {
        self.with(|state, _| {
            let lanes = state.lanes.iter();
            lanes
                .map(|(name, fifo)| (name.clone(), fifo.stats()))
                .collect()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.0.clock.now();
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        for fifo in state.lanes.values_mut() {
            fifo.pass_time(now);
        }
        act(&mut state, now)
    }

    /// Forces everything up to the given append to the disk.
    async fn sync(&self, written: u64) -> std::io::Result<()> {
        let mut synced = self.0.synced.lock().await;
        if *synced >= written {
            return Ok(());
        }
        let (handle, upto) = self.with(|state, _| {
            let handle = state.journal.as_ref().map(Journal::handle);
            (handle.transpose(), state.written)
        });
        if let Some(handle) = handle? {
            let forced = tokio::task::spawn_blocking(move || handle.sync_data()).await;
            forced.map_err(std::io::Error::other)??;
        }
        *synced = upto;
        Ok(())
    }
}

impl State {
    /// Writes the events down before they take effect, and keeps the file in proportion.
    fn note(&mut self, events: &[Event]) -> std::io::Result<()> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        journal.append(events)?;
        self.written += 1;
        let live = self.lanes.values().map(Fifo::stats);
        if journal.is_bloated(live.map(|s| s.visible + s.in_flight + s.dead).sum()) {
            // The snapshot is of the state before these events, so they follow it.
            let mut left = self.snapshot();
            let events = serde_json::to_value(events)?;
            left.extend(serde_json::from_value::<Vec<Event>>(events)?);
            if let Some(journal) = &mut self.journal {
                journal.rewrite(&left)?;
            }
        }
        Ok(())
    }

    /// Notes what may be forgotten: the worst that follows is one more delivery.
    fn note_loosely(&mut self, events: &[Event]) {
        if let Err(error) = self.note(events) {
            tracing::error!(error = %error, "the lanes' journal was not written; after a restart messages come again");
        }
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Everything that is left, as events.
    fn snapshot(&self) -> Vec<Event> {
        let mut events = vec![Event::Sequence {
            sequence: self.sequence,
        }];
        for (lane, fifo) in &self.lanes {
            events.extend(fifo.remembered().map(|(dedup, at)| Event::Seen {
                lane: lane.clone(),
                dedup: dedup.to_owned(),
                at,
            }));
            let sent = |group: &str, message: &Message| Event::Sent {
                lane: lane.clone(),
                sequence: message.sequence,
                group: group.to_owned(),
                body: message.body.clone(),
                receives: message.receives,
                hidden_until: message.hidden_until.filter(|_| message.put_off),
            };
            events.extend(fifo.messages().map(|(group, message)| sent(group, message)));
            events.extend(fifo.dead().map(|letter| Event::Sent {
                lane: lane.clone(),
                sequence: letter.sequence,
                group: letter.group.clone(),
                body: letter.body.clone(),
                receives: letter.receives,
                hidden_until: None,
            }));
        }
        events
    }

    /// The state after the events. Messages that were in flight are visible, those that were put
    /// off stay so.
    fn replay(events: Vec<Event>, now: Timestamp) -> Self {
        let mut state = Self::default();
        let mut messages: BTreeMap<u64, (String, String, Message)> = BTreeMap::new();
        for event in events {
            match event {
                Event::Sequence { sequence } => state.sequence = state.sequence.max(sequence),
                Event::Sent {
                    lane,
                    sequence,
                    group,
                    body,
                    receives,
                    hidden_until,
                } => {
                    state.sequence = state.sequence.max(sequence);
                    let message = Message {
                        sequence,
                        body,
                        receives,
                        hidden_until,
                        put_off: hidden_until.is_some(),
                    };
                    messages.insert(sequence, (lane, group, message));
                }
                Event::Seen { lane, dedup, at } => {
                    state.lanes.entry(lane).or_default().remember(&dedup, at);
                }
                Event::Received { sequence, receives } => {
                    if let Some((_, _, message)) = messages.get_mut(&sequence) {
                        message.receives = receives;
                        message.hidden_until = None;
                    }
                }
                Event::Hidden { sequence, until } => {
                    if let Some((_, _, message)) = messages.get_mut(&sequence) {
                        message.hidden_until = Some(until);
                        message.put_off = true;
                    }
                }
                Event::Deleted { sequence } => {
                    messages.remove(&sequence);
                }
                Event::Redriven { sequence, to } => {
                    state.sequence = state.sequence.max(to);
                    if let Some((lane, group, mut message)) = messages.remove(&sequence) {
                        message.sequence = to;
                        message.receives = 0;
                        message.hidden_until = None;
                        messages.insert(to, (lane, group, message));
                    }
                }
            }
        }
        for (lane, group, message) in messages.into_values() {
            let fifo = state.lanes.entry(lane).or_default();
            fifo.push(&group, message);
        }
        for fifo in state.lanes.values_mut() {
            fifo.pass_time(now);
            fifo.bury();
        }
        state
    }
}

impl Lanes for EmbeddedLanes {
    async fn send(&self, lane: &Lane, messages: &[Outgoing]) -> Result<(), Fault> {
        let not_written =
            |error: std::io::Error| Fault::retry(format!("the lane was not written: {error}"));
        let written = self.with(|state, now| {
            let name = lane.to_string();
            let mut events = Vec::new();
            let mut fresh: Vec<(u64, &Outgoing)> = Vec::new();
            let mut dedups = BTreeSet::new();
            for message in messages {
                let fifo = state.lanes.entry(name.clone()).or_default();
                if fifo.has_seen(&message.dedup) || !dedups.insert(&message.dedup) {
                    continue;
                }
                let sequence = state.next_sequence();
                events.push(Event::Seen {
                    lane: name.clone(),
                    dedup: message.dedup.clone(),
                    at: now,
                });
                events.push(Event::Sent {
                    lane: name.clone(),
                    sequence,
                    group: message.group.clone(),
                    body: message.body.clone(),
                    receives: 0,
                    hidden_until: None,
                });
                fresh.push((sequence, message));
            }
            if fresh.is_empty() {
                // The first of a pair of duplicates may still be on its way to the disk.
                return Ok(state.written);
            }
            state.note(&events)?;
            let fifo = state.lanes.entry(name).or_default();
            for (sequence, message) in fresh {
                fifo.remember(&message.dedup, now);
                fifo.push(
                    &message.group,
                    Message {
                        sequence,
                        body: message.body.clone(),
                        receives: 0,
                        hidden_until: None,
                        put_off: false,
                    },
                );
            }
            Ok(state.written)
        });
        let written = written.map_err(not_written)?;
        self.0.changed.notify_waiters();
        self.sync(written).await.map_err(not_written)
    }
}

impl Backlog for EmbeddedLanes {
    async fn depth(&self, lane: &Lane) -> Result<Stats, Fault> {
        Ok(self.stats(lane))
    }

    async fn dead(&self, lane: &Lane, most: usize) -> Result<Vec<Dead>, Fault> {
        let letters = self.dead_letters(lane).into_iter().take(most);
        Ok(letters.map(Dead::from).collect())
    }

    /// Nobody else settles them: one program at a time has the queues open.
    async fn claim(&self, lane: &Lane, most: usize) -> Result<Vec<Claimed>, Fault> {
        let letters = self.dead(lane, most).await?.into_iter();
        let claimed = letters.map(|dead| Claimed {
            receipt: dead.id.clone(),
            dead,
        });
        Ok(claimed.collect())
    }

    async fn remove(&self, lane: &Lane, claimed: &Claimed) -> Result<(), Fault> {
        if let Ok(sequence) = claimed.receipt.parse() {
            self.discard(lane, sequence);
        }
        Ok(())
    }
}

impl From<DeadLetter> for Dead {
    fn from(letter: DeadLetter) -> Self {
        Self {
            id: letter.sequence.to_string().into(),
            group: letter.group,
            body: letter.body,
            receives: letter.receives,
        }
    }
}

impl Queues for EmbeddedLanes {
    fn receive(&self, lane: &Lane, max: usize, visibility: Duration) -> Vec<Received> {
        self.with(|state, now| {
            let Some(fifo) = state.lanes.get_mut(&lane.to_string()) else {
                return Vec::new();
            };
            let received = fifo.receive(now, max, visibility);
            fifo.pass_time(now);
            let events: Vec<Event> = received
                .iter()
                .map(|one| Event::Received {
                    sequence: one.receipt.sequence,
                    receives: one.receipt.receives,
                })
                .collect();
            if !events.is_empty() {
                state.note_loosely(&events);
            }
            received
        })
    }

    fn delete(&self, lane: &Lane, receipt: Receipt) -> bool {
        let deleted = self.with(|state, _| {
            let fifo = state.lanes.get_mut(&lane.to_string());
            let deleted = fifo.is_some_and(|fifo| fifo.delete(receipt));
            if deleted {
                let sequence = receipt.sequence;
                state.note_loosely(&[Event::Deleted { sequence }]);
            }
            deleted
        });
        self.0.changed.notify_waiters();
        deleted
    }

    fn set_visibility(&self, lane: &Lane, receipt: Receipt, after: Duration) -> bool {
        let hidden = self.with(|state, now| {
            let until = later(now, after);
            let Some(fifo) = state.lanes.get_mut(&lane.to_string()) else {
                return false;
            };
            let hidden = fifo.hide(receipt, until);
            fifo.pass_time(now);
            if hidden {
                let sequence = receipt.sequence;
                state.note_loosely(&[Event::Hidden { sequence, until }]);
            }
            hidden
        });
        self.0.changed.notify_waiters();
        hidden
    }

    fn stats(&self, lane: &Lane) -> Stats {
        self.with(|state, _| {
            let fifo = state.lanes.get(&lane.to_string());
            fifo.map(Fifo::stats).unwrap_or_default()
        })
    }

    fn dead_letters(&self, lane: &Lane) -> Vec<DeadLetter> {
        self.with(|state, _| {
            let fifo = state.lanes.get(&lane.to_string());
            fifo.map_or_else(Vec::new, |fifo| fifo.dead().cloned().collect())
        })
    }

    fn discard(&self, lane: &Lane, sequence: u64) -> bool {
        self.with(|state, _| {
            let fifo = state.lanes.get_mut(&lane.to_string());
            let discarded = fifo.is_some_and(|fifo| fifo.discard(sequence));
            if discarded {
                state.note_loosely(&[Event::Deleted { sequence }]);
            }
            discarded
        })
    }

    fn redrive(&self, lane: &Lane) -> usize {
        let count = self.with(|state, _| {
            let Some(fifo) = state.lanes.get_mut(&lane.to_string()) else {
                return 0;
            };
            let dead = fifo.take_dead();
            let count = dead.len();
            for (sequence, letter) in dead {
                let to = state.next_sequence();
                let message = Message {
                    sequence: to,
                    body: letter.body,
                    receives: 0,
                    hidden_until: None,
                    put_off: false,
                };
                if let Some(fifo) = state.lanes.get_mut(&lane.to_string()) {
                    fifo.push(&letter.group, message);
                }
                state.note_loosely(&[Event::Redriven { sequence, to }]);
            }
            count
        });
        self.0.changed.notify_waiters();
        count
    }

    fn is_idle(&self) -> bool {
        self.with(|state, _| {
            let mut stats = state.lanes.values().map(Fifo::stats);
            stats.all(|stats| stats.visible == 0 && stats.in_flight == 0)
        })
    }

    fn next_visible_at(&self) -> Option<Timestamp> {
        self.with(|state, _| state.lanes.values().filter_map(Fifo::next_visible_at).min())
    }
}
