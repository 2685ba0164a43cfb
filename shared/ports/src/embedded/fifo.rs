//! The queues themselves: groups in order, hidden messages by the time at which they reappear.
//! No I/O and no clock; every call is told the time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::lanes::Incoming;
use crate::queue::{DeadLetter, MAX_RECEIVES, Receipt, Received, Stats, forgotten, later};

/// A message at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub sequence: u64,
    pub body: String,
    pub receives: u32,
    pub hidden_until: Option<Timestamp>,
    /// Whether it is hidden because somebody put it off, and not because somebody works on it.
    pub put_off: bool,
}

/// One lane.
#[derive(Debug, Default)]
pub struct Fifo {
    groups: BTreeMap<Arc<str>, Group>,
    /// The group of every message that is not dead.
    group_of: BTreeMap<u64, Arc<str>>,
    /// Groups without a hidden message, by their first message.
    ready: BTreeMap<u64, Arc<str>>,
    /// Hidden messages by when they reappear.
    hidden: BTreeSet<(Timestamp, u64)>,
    dead: BTreeMap<u64, DeadLetter>,
    seen: BTreeSet<String>,
    /// What `seen` holds, oldest first.
    seen_order: VecDeque<(Timestamp, String)>,
}

#[derive(Debug, Default)]
struct Group {
    /// In order of sequence.
    messages: VecDeque<Message>,
    /// How many of them are hidden.
    hidden: usize,
}

impl Fifo {
    /// Whether the deduplication id came within the window.
    pub fn has_seen(&self, dedup: &str) -> bool {
        self.seen.contains(dedup)
    }

    /// Remembers a deduplication id, which is not remembered at that time.
    pub fn remember(&mut self, dedup: &str, at: Timestamp) {
        // Read back from a journal, the same id may have come before and been forgotten.
        self.forget(at);
        self.seen.insert(dedup.to_owned());
        self.seen_order.push_back((at, dedup.to_owned()));
    }

    /// Deduplication ids that are still remembered, oldest first.
    pub fn remembered(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        let in_order = self.seen_order.iter();
        in_order.map(|(at, dedup)| (dedup.as_str(), *at))
    }

    /// Appends a message. Sequences only grow.
    pub fn push(&mut self, group: &str, message: Message) {
        let group: Arc<str> = self
            .groups
            .get_key_value(group)
            .map_or_else(|| group.into(), |(group, _)| Arc::clone(group));
        self.group_of.insert(message.sequence, Arc::clone(&group));
        let entry = self.groups.entry(Arc::clone(&group)).or_default();
        if let Some(until) = message.hidden_until {
            self.hidden.insert((until, message.sequence));
            entry.hidden += 1;
        }
        entry.messages.push_back(message);
        self.refresh(&group);
    }

    /// Shows what is no longer hidden, buries what was received too often, forgets old
    /// deduplication ids.
    pub fn pass_time(&mut self, now: Timestamp) {
        while let Some((until, sequence)) = self.hidden.first().copied()
            && until <= now
        {
            self.hidden.pop_first();
            self.reappear(sequence);
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((at, dedup)) = self.seen_order.front()
            && forgotten(*at, now)
        {
            self.seen.remove(dedup);
            self.seen_order.pop_front();
        }
    }

    /// Buries the messages that are neither hidden nor receivable, which after a restart are
    /// those whose last permitted delivery was cut off.
    pub fn bury(&mut self) {
        let groups: Vec<Arc<str>> = self.groups.keys().cloned().collect();
        for group in groups {
            let Some(entry) = self.groups.get_mut(&group) else {
                continue;
            };
            let (dead, alive): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut entry.messages)
                .into_iter()
                .partition(|m| m.hidden_until.is_none() && m.receives >= MAX_RECEIVES);
            entry.messages = alive;
            for message in dead {
                self.ready.remove(&message.sequence);
                self.die(&group, message);
            }
            self.refresh(&group);
        }
    }

    /// Delivers at most `max` messages.
    pub fn receive(&mut self, now: Timestamp, max: usize, visibility: Duration) -> Vec<Received> {
        let until = later(now, visibility);
        let mut received = Vec::new();
        let mut touched = BTreeSet::new();
        while received.len() < max {
            let Some((_, group)) = self.ready.pop_first() else {
                break;
            };
            let Some(entry) = self.groups.get_mut(&group) else {
                continue;
            };
            // The group was ready, so that what is hidden in it was delivered just now, and
            // lies in front.
            let Some(message) = entry.messages.get_mut(entry.hidden) else {
                continue;
            };
            message.receives += 1;
            message.hidden_until = Some(until);
            message.put_off = false;
            self.hidden.insert((until, message.sequence));
            received.push(Received {
                receipt: Receipt {
                    sequence: message.sequence,
                    receives: message.receives,
                },
                message: Incoming {
                    id: message.sequence.to_string(),
                    group: group.to_string(),
                    body: message.body.clone(),
                    receives: message.receives,
                    trace: None,
                },
            });
            entry.hidden += 1;
            if let Some(next) = entry.messages.get(entry.hidden) {
                self.ready.insert(next.sequence, Arc::clone(&group));
                touched.insert(next.sequence);
            }
        }
        for sequence in touched {
            self.ready.remove(&sequence);
        }
        received
    }

    /// Removes a delivered message. Returns whether the receipt still counted.
    pub fn delete(&mut self, receipt: Receipt) -> bool {
        let Some((until, group)) = self.delivered(receipt) else {
            return false;
        };
        self.hidden.remove(&(until, receipt.sequence));
        self.group_of.remove(&receipt.sequence);
        if let Some(entry) = self.groups.get_mut(&group) {
            entry.hidden -= 1;
            if let Some(at) = entry.position(receipt.sequence) {
                entry.messages.remove(at);
            }
        }
        self.refresh(&group);
        true
    }

    /// Hides a delivered message until then. Returns whether the receipt still counted.
    pub fn hide(&mut self, receipt: Receipt, until: Timestamp) -> bool {
        let Some((old, group)) = self.delivered(receipt) else {
            return false;
        };
        self.hidden.remove(&(old, receipt.sequence));
        self.hidden.insert((until, receipt.sequence));
        if let Some(message) = self.message_mut(&group, receipt.sequence) {
            message.hidden_until = Some(until);
            message.put_off = true;
        }
        true
    }

    /// Takes the dead letters out.
    pub fn take_dead(&mut self) -> BTreeMap<u64, DeadLetter> {
        std::mem::take(&mut self.dead)
    }

    /// Takes one dead letter out. Returns whether there was one.
    pub fn discard(&mut self, sequence: u64) -> bool {
        self.dead.remove(&sequence).is_some()
    }

    /// The dead letters, oldest first.
    pub fn dead(&self) -> impl Iterator<Item = &DeadLetter> {
        self.dead.values()
    }

    /// Every message that is not dead, with its group, in no particular order.
    pub fn messages(&self) -> impl Iterator<Item = (&str, &Message)> {
        self.groups.iter().flat_map(|(group, entry)| {
            let group: &str = group;
            entry.messages.iter().map(move |message| (group, message))
        })
    }

    /// How many messages there are.
    pub fn stats(&self) -> Stats {
        Stats {
            visible: self.group_of.len() - self.hidden.len(),
            in_flight: self.hidden.len(),
            dead: self.dead.len(),
        }
    }

    /// When the next hidden message reappears.
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        self.hidden.first().map(|(until, _)| *until)
    }

    /// Until when the message of a receipt is hidden, and its group, if the receipt still counts.
    fn delivered(&self, receipt: Receipt) -> Option<(Timestamp, Arc<str>)> {
        let group = self.group_of.get(&receipt.sequence)?;
        let entry = self.groups.get(group)?;
        let message = entry.messages.get(entry.position(receipt.sequence)?)?;
        let until = message.hidden_until?;
        (message.receives == receipt.receives).then(|| (until, Arc::clone(group)))
    }

    fn message_mut(&mut self, group: &str, sequence: u64) -> Option<&mut Message> {
        let entry = self.groups.get_mut(group)?;
        let at = entry.position(sequence)?;
        entry.messages.get_mut(at)
    }

    fn reappear(&mut self, sequence: u64) {
        let Some(group) = self.group_of.get(&sequence).cloned() else {
            return;
        };
        let Some(entry) = self.groups.get_mut(&group) else {
            return;
        };
        let Some(at) = entry.position(sequence) else {
            return;
        };
        entry.hidden -= 1;
        let mut dead = None;
        if let Some(message) = entry.messages.get_mut(at) {
            message.hidden_until = None;
            if message.receives >= MAX_RECEIVES {
                dead = entry.messages.remove(at);
            }
        }
        if let Some(message) = dead {
            self.die(&group, message);
        }
        self.refresh(&group);
    }

    fn die(&mut self, group: &str, message: Message) {
        self.group_of.remove(&message.sequence);
        let letter = DeadLetter {
            sequence: message.sequence,
            group: group.to_owned(),
            body: message.body,
            receives: message.receives,
        };
        self.dead.insert(letter.sequence, letter);
    }

    /// Puts the group among the ready ones, or away, as its messages say.
    fn refresh(&mut self, group: &Arc<str>) {
        let Some(entry) = self.groups.get(group) else {
            return;
        };
        match entry.messages.front() {
            None => {
                self.groups.remove(group);
            }
            Some(first) if entry.hidden == 0 => {
                self.ready.insert(first.sequence, Arc::clone(group));
            }
            Some(first) => {
                self.ready.remove(&first.sequence);
            }
        }
    }
}

impl Group {
    fn position(&self, sequence: u64) -> Option<usize> {
        self.messages
            .binary_search_by_key(&sequence, |message| message.sequence)
            .ok()
    }
}
