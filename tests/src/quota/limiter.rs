//! What a vendor enforces: sliding windows and token buckets, refused requests included where it
//! counts them.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// One limit of a vendor.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// No more than so many writes in any stretch of so many seconds.
    Window {
        /// Writes.
        count: u64,
        /// Seconds.
        seconds: i64,
    },
    /// A bucket of `burst` that fills by `count` in so many seconds.
    Bucket {
        /// Writes.
        count: u64,
        /// Seconds.
        seconds: i64,
        /// At once.
        burst: u64,
        /// Whether a refused write is counted like any other, so that whoever goes on asking keeps
        /// the bucket empty. Microsoft Graph documents that it does.
        counts_refused: bool,
    },
    /// No more than so many requests of any kind in any stretch of so many seconds.
    AnyWindow {
        /// Requests.
        count: u64,
        /// Seconds.
        seconds: i64,
    },
}

impl Limit {
    /// The least time for so many writes and reads at the sustained rate.
    pub fn least(&self, writes: u64, reads: u64) -> SignedDuration {
        let (work, count, seconds) = match *self {
            Self::Window { count, seconds } | Self::Bucket { count, seconds, .. } => {
                (writes, count, seconds)
            }
            Self::AnyWindow { count, seconds } => (writes + reads, count, seconds),
        };
        let micros = u128::from(work) * u128::from(seconds.unsigned_abs()) * 1_000_000
            / u128::from(count.max(1));
        SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

enum Meter {
    Window {
        limit: usize,
        length: SignedDuration,
        any: bool,
        seen: VecDeque<Timestamp>,
    },
    Bucket {
        interval: SignedDuration,
        burst: i32,
        counts_refused: bool,
        full_at: Timestamp,
    },
}

/// All limits of one vendor, at work.
pub struct Limiter {
    meters: Vec<Meter>,
    requests: u64,
    refused: u64,
}

impl Limiter {
    /// Nothing used yet.
    pub fn new(limits: &[Limit]) -> Self {
        let meters = limits.iter().map(|limit| match *limit {
            Limit::Window { count, seconds } | Limit::AnyWindow { count, seconds } => {
                Meter::Window {
                    limit: usize::try_from(count).expect("a limit"),
                    length: SignedDuration::from_secs(seconds),
                    any: matches!(limit, Limit::AnyWindow { .. }),
                    seen: VecDeque::new(),
                }
            }
            Limit::Bucket {
                count,
                seconds,
                burst,
                counts_refused,
            } => Meter::Bucket {
                counts_refused,
                interval: SignedDuration::from_micros(
                    seconds * 1_000_000 / i64::try_from(count).expect("a limit"),
                ),
                burst: i32::try_from(burst).expect("a burst"),
                full_at: Timestamp::MIN,
            },
        });
        Self {
            meters: meters.collect(),
            requests: 0,
            refused: 0,
        }
    }

    /// Requests so far, refused ones included.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Requests that were refused.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Counts a request; after what time to come back if it is refused.
    pub fn refuses(&mut self, at: Timestamp, writes: bool) -> Option<Duration> {
        self.requests += 1;
        let wait = self
            .meters
            .iter_mut()
            .filter_map(|meter| meter.wait(at, writes))
            .max();
        let Some(wait) = wait else {
            for meter in &mut self.meters {
                meter.count(at, writes);
            }
            return None;
        };
        self.refused += 1;
        for meter in &mut self.meters {
            if meter.counts_refused() {
                meter.count(at, writes);
            }
        }
        // Vendors say whole seconds.
        let seconds = wait.as_millis().div_euclid(1000) + 1;
        Some(Duration::from_secs(
            u64::try_from(seconds).expect("a wait lies ahead"),
        ))
    }
}

impl Meter {
    const fn counts_refused(&self) -> bool {
        matches!(
            self,
            Self::Bucket {
                counts_refused: true,
                ..
            }
        )
    }

    fn wait(&mut self, at: Timestamp, writes: bool) -> Option<SignedDuration> {
        match self {
            Self::Window {
                limit,
                length,
                any,
                seen,
            } => {
                if !(*any || writes) {
                    return None;
                }
                while seen
                    .front()
                    .is_some_and(|first| at.duration_since(*first) >= *length)
                {
                    seen.pop_front();
                }
                (seen.len() >= *limit).then(|| *length - at.duration_since(seen[0]))
            }
            Self::Bucket {
                interval,
                burst,
                full_at,
                ..
            } => {
                if !writes {
                    return None;
                }
                let used = full_at.duration_since(at).max(SignedDuration::ZERO);
                let over = used + *interval - *interval * *burst;
                over.is_positive().then_some(over)
            }
        }
    }

    fn count(&mut self, at: Timestamp, writes: bool) {
        match self {
            Self::Window { any, seen, .. } => {
                if *any || writes {
                    seen.push_back(at);
                }
            }
            Self::Bucket {
                interval, full_at, ..
            } => {
                if writes {
                    *full_at = (*full_at).max(at) + *interval;
                }
            }
        }
    }
}
