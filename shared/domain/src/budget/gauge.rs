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

/// One bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    /// When it is full again, in microseconds of Unix time.
    full_at: i64,
    /// The same after everything that was promised.
    promised: i64,
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
        let interval = (seconds / i64::from(rate.count.max(1))).max(1);
        let burst = i64::from(rate.burst.clamp(1, rate.count.max(1)));
        let kept = burst * i64::from(reserve_percent.min(90)) / 100;
        Self {
            interval,
            burst: (burst - kept).max(1) * interval,
            whole: burst * interval,
        }
    }
}

impl Gauge {
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
        wishes
            .iter()
            .map(|wish| self.answer(budget, now, wish))
            .collect()
    }

    fn answer(&mut self, budget: &Budget, now: i64, wish: &Asked) -> Granted {
        let paces = || {
            let rates = budget.rates.iter();
            rates.map(|rate| {
                let pace = Pace::of(rate, budget.reserve_percent);
                (pace, i64::from(wish.cost.counted(rate.of)) * pace.interval)
            })
        };
        let wait = |bucket: &Bucket, pace: Pace, want: i64| {
            let allowed = if wish.urgent { pace.whole } else { pace.burst };
            let base = if wish.urgent || wish.returning {
                bucket.full_at
            } else {
                bucket.promised.max(bucket.full_at)
            };
            // Who wants more than fits at once gets it from a full bucket.
            base.max(now) + want.min(allowed) - allowed - now
        };
        let rows = self.buckets.iter().zip(paces());
        let longest = rows
            .filter(|(_, (_, want))| *want > 0)
            .map(|(bucket, (pace, want))| wait(bucket, pace, want))
            .max()
            .unwrap_or(0);
        let go = longest <= 0;
        for (bucket, (_, want)) in self.buckets.iter_mut().zip(paces()) {
            let begin = bucket.full_at.max(now);
            // The turn of somebody who comes back was counted when it was promised.
            if !wish.returning {
                bucket.promised = bucket.promised.max(begin) + want;
            }
            if go {
                bucket.full_at = begin + want;
            }
            bucket.promised = bucket.promised.max(bucket.full_at);
        }
        if go {
            Granted::Now
        } else {
            let wait = u64::try_from(longest).unwrap_or(0);
            Granted::Later(Duration::from_micros(wait))
        }
    }

    /// Takes back what was granted and not used.
    pub fn give_back(&mut self, budget: &Budget, unused: Cost) {
        for (bucket, rate) in self.buckets.iter_mut().zip(&budget.rates) {
            let pace = Pace::of(rate, budget.reserve_percent);
            let unused = i64::from(unused.counted(rate.of)) * pace.interval;
            bucket.full_at -= unused;
            bucket.promised = (bucket.promised - unused).max(bucket.full_at);
        }
    }

    /// After the target said that it was too much: nothing is left until it said, and nobody
    /// begins with a burst then.
    pub fn exhaust(&mut self, budget: &Budget, until: Timestamp) {
        let until = until.as_microsecond();
        self.buckets.resize(budget.rates.len(), Bucket::default());
        for (bucket, rate) in self.buckets.iter_mut().zip(&budget.rates) {
            let empty = until + Pace::of(rate, budget.reserve_percent).whole;
            bucket.full_at = bucket.full_at.max(empty);
            bucket.promised = bucket.promised.max(bucket.full_at);
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
