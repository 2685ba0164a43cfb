//! The gauge of one target: how much of its rates is used, what was promised to those who wait,
//! who works. All workers share it through the table; whoever writes it read it before.
//!
//! Each rate is a token bucket, kept as one number: the instant at which it is full again
//! (generic cell rate algorithm). A second number runs ahead of it by what was promised to those
//! who were told to come back, so that a backlog is spread over time instead of returning at once,
//! and nobody who arrives later takes what was promised.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Budget, Cost, Rate, Window};
use crate::{EntitlementId, IdentityId};

/// What somebody wants to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// How many requests.
    pub cost: Cost,
    /// It ends somebody's access: it may use the reserve and waits for nobody's promise.
    pub urgent: bool,
    /// It was told to come back before, so that its turn is among what was promised.
    pub returning: bool,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Go.
    Now,
    /// Come back after that time; the turn is kept.
    Later(Duration),
}

/// A place among those who work at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Taken until it is left or runs out.
    Taken,
    /// All are taken; the first runs out after that time at the latest.
    Full(Duration),
}

/// One bucket. Instants are microseconds of Unix time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Bucket {
    /// When it is full again.
    full_at: i64,
    /// The same after everything that was promised.
    promised: i64,
    /// How much at the end of what was promised is for those who come back and find that a
    /// termination took their turn.
    spare: i64,
    /// The pace under which these were reckoned; 0 where there are none yet.
    interval: i64,
    /// When somebody asked last.
    asked: i64,
}

/// The gauge of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gauge {
    /// How often it was written; whoever writes it names the version that was read.
    pub version: u64,
    /// One bucket for each rate of the budget, in its order.
    buckets: Vec<Bucket>,
    /// Who works, until when at the latest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    workers: BTreeMap<Box<str>, Timestamp>,
    /// Whose removal from an entitlement that must keep holders is under way, until when at the
    /// latest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    turns: BTreeMap<EntitlementId, (IdentityId, Timestamp)>,
    /// How requests went lately.
    pub window: Window,
}

/// A rate in microseconds.
#[derive(Clone, Copy)]
struct Pace {
    /// From one request to the next.
    interval: i64,
    /// What everybody may use at once.
    burst: i64,
    /// What terminations may use at once.
    whole: i64,
}

impl Pace {
    fn of(rate: &Rate, reserve_percent: u8) -> Self {
        let seconds = i64::from(rate.seconds.max(1)) * 1_000_000;
        let count = i64::from(rate.count.max(1));
        // Rounded up: a little slower than the rate, never faster.
        let interval = seconds / count + i64::from(seconds % count != 0);
        let burst = i64::from(rate.burst.clamp(1, rate.count.max(1)));
        let kept = burst * i64::from(reserve_percent.min(90)) / 100;
        Self {
            interval,
            burst: (burst - kept).max(1) * interval,
            whole: burst * interval,
        }
    }

    /// How much of the bucket a cost takes.
    fn want(self, rate: &Rate, cost: Cost) -> i64 {
        i64::from(cost.counted(rate.of)).saturating_mul(self.interval)
    }
}

impl Bucket {
    /// What is owed and promised takes as many intervals as before when policy changes the pace.
    fn at_pace(&mut self, pace: Pace, now: i64) {
        self.asked = self.asked.max(now);
        if self.interval != pace.interval {
            let old = self.interval.max(1);
            let scale = |instant: &mut i64| {
                let ahead = i128::from((*instant).saturating_sub(now));
                if ahead > 0 {
                    let ahead = ahead * i128::from(pace.interval) / i128::from(old);
                    *instant = now.saturating_add(i64::try_from(ahead).unwrap_or(i64::MAX));
                }
            };
            scale(&mut self.full_at);
            scale(&mut self.promised);
            let spare = i128::from(self.spare) * i128::from(pace.interval) / i128::from(old);
            self.spare = i64::try_from(spare).unwrap_or(0);
            self.interval = pace.interval;
        }
    }

    /// Whether somebody goes, or for how long not.
    fn wait(&self, pace: Pace, want: i64, wish: &Asked, now: i64) -> i64 {
        let allowed = if wish.urgent { pace.whole } else { pace.burst };
        let base = if wish.urgent || wish.returning {
            self.full_at
        } else {
            self.promised
        };
        // Who wants more than fits at once gets it from a full bucket.
        base.max(now)
            .saturating_add(want.min(allowed) - allowed)
            .saturating_sub(now)
    }

    /// Keeps another turn for somebody who came back in vain, after everything that was promised to
    /// others: any turn before that is somebody's, who would come back in vain next. Whoever took
    /// the turn left room for it there.
    fn delay(&mut self, pace: Pace, want: i64, now: i64) -> i64 {
        let begin = self.full_at.max(now);
        let spare = self.spare.clamp(0, (self.promised - begin).max(0));
        let base = (self.promised - spare).max(begin);
        self.promised = self.promised.max(base.saturating_add(want));
        self.spare = (spare - want).max(0);
        base.saturating_add(want.min(pace.burst) - pace.burst)
            .saturating_sub(now)
    }
}

impl Gauge {
    /// Takes the turn to be taken out of an entitlement, unless it is somebody else's.
    pub fn take_turn(
        &mut self,
        entitlement: &EntitlementId,
        whose: &IdentityId,
        at: Timestamp,
        until: Timestamp,
    ) -> bool {
        let other = self.turns.get(entitlement);
        if other.is_some_and(|(other, until)| other != whose && *until > at) {
            return false;
        }
        let turn = (whose.clone(), until);
        self.turns.insert(entitlement.clone(), turn);
        true
    }

    /// Leaves the turn to the next.
    pub fn end_turn(&mut self, entitlement: &EntitlementId, whose: &IdentityId) {
        self.turns
            .retain(|one, (other, _)| one != entitlement || other != whose);
    }

    /// The same under another version, as a store keeps it.
    #[must_use]
    pub fn at_version(&self, version: u64) -> Self {
        let mut gauge = self.clone();
        gauge.version = version;
        gauge
    }

    /// Answers a batch of wishes in their order. Later wishes are answered as if those before
    /// them had been carried out.
    pub fn ask(&mut self, budget: &Budget, now: Timestamp, wishes: &[Asked]) -> Vec<Granted> {
        let now = now.as_microsecond();
        self.buckets.resize(budget.rates.len(), Bucket::default());
        for (bucket, rate) in self.buckets.iter_mut().zip(&budget.rates) {
            bucket.at_pace(Pace::of(rate, budget.reserve_percent), now);
        }
        wishes
            .iter()
            .map(|wish| self.answer(budget, now, wish))
            .collect()
    }

    fn answer(&mut self, budget: &Budget, now: i64, wish: &Asked) -> Granted {
        let mut rows: Vec<(&mut Bucket, Pace, i64)> = self
            .buckets
            .iter_mut()
            .zip(&budget.rates)
            .map(|(bucket, rate)| {
                let pace = Pace::of(rate, budget.reserve_percent);
                (bucket, pace, pace.want(rate, wish.cost))
            })
            .filter(|(_, _, want)| *want > 0)
            .collect();
        let longest = rows
            .iter()
            .map(|(bucket, pace, want)| bucket.wait(*pace, *want, wish, now))
            .max()
            .unwrap_or(0);
        let go = longest <= 0;
        let mut told = longest;
        for (bucket, pace, want) in &mut rows {
            let begin = bucket.full_at.max(now);
            // The turn of somebody who comes back was counted when it was promised.
            if !wish.returning {
                let waiting = bucket.promised > begin;
                bucket.promised = bucket.promised.max(begin).saturating_add(*want);
                if wish.urgent && waiting {
                    bucket.spare = bucket.spare.saturating_add(*want);
                }
            } else if !go && !wish.urgent {
                told = told.max(bucket.delay(*pace, *want, now));
            }
            if go {
                bucket.full_at = begin.saturating_add(*want);
            }
            bucket.promised = bucket.promised.max(bucket.full_at);
        }
        if go {
            Granted::Now
        } else {
            Granted::Later(Duration::from_micros(u64::try_from(told).unwrap_or(0)))
        }
    }

    /// Takes back what was granted and not used.
    ///
    /// In any window no more is granted than the rate allows and what was taken back in that
    /// window: the sooner it is given back, the closer to the rate.
    pub fn give_back(&mut self, budget: &Budget, unused: Cost) {
        for (bucket, rate) in self.buckets.iter_mut().zip(&budget.rates) {
            let pace = Pace::of(rate, budget.reserve_percent);
            let unused = pace.want(rate, unused);
            for instant in [&mut bucket.full_at, &mut bucket.promised] {
                *instant = instant.saturating_sub(unused);
            }
        }
    }

    /// After the target said that it was too much: nothing is left until it said, and nobody
    /// begins with a burst then. What was promised comes after it.
    pub fn exhaust(&mut self, budget: &Budget, until: Timestamp) {
        let until = until.as_microsecond();
        self.buckets.resize(budget.rates.len(), Bucket::default());
        for (bucket, rate) in self.buckets.iter_mut().zip(&budget.rates) {
            let pace = Pace::of(rate, budget.reserve_percent);
            bucket.at_pace(pace, bucket.asked);
            let waiting = bucket.promised - bucket.full_at.max(bucket.asked).min(bucket.promised);
            let empty = until.saturating_add(pace.whole).max(bucket.full_at);
            bucket.full_at = empty;
            bucket.promised = empty.saturating_add(waiting);
            // Everybody who waits finds their turn taken.
            bucket.spare = waiting;
        }
    }

    /// Takes a place among those who work at once, until `until` at the latest. Terminations are
    /// never refused.
    pub fn enter(
        &mut self,
        budget: &Budget,
        worker: &str,
        now: Timestamp,
        until: Timestamp,
        urgent: bool,
    ) -> Slot {
        let Some(most) = budget.workers else {
            return Slot::Taken;
        };
        self.workers.retain(|_, ends| *ends > now);
        let full = self.workers.len() >= usize::from(most.max(1));
        if full && !urgent && !self.workers.contains_key(worker) {
            let first = self.workers.values().min().copied().unwrap_or(now);
            let wait = Duration::try_from(first.duration_since(now)).unwrap_or_default();
            return Slot::Full(wait);
        }
        self.workers.insert(worker.into(), until);
        Slot::Taken
    }

    /// Leaves the place.
    pub fn leave(&mut self, worker: &str) {
        self.workers.remove(worker);
    }
}
