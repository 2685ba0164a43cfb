//! How requests to one target went lately, for telling a bad minute from a target that is down.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Answers by whether the target was well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that the target answered as one that is well, refusals included.
    pub well: u32,
    /// Time-outs, broken connections, 5xx.
    pub ill: u32,
}

impl Tally {
    const fn plus(self, other: Self) -> Self {
        Self {
            well: self.well.saturating_add(other.well),
            ill: self.ill.saturating_add(other.ill),
        }
    }
}

/// A sliding window of two halves: the running one and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Window {
    /// When the running half began.
    began: Option<Timestamp>,
    now: Tally,
    before: Tally,
}

impl Window {
    /// Length of a half: with two of them a failure counts for 2.5 to 5 minutes.
    pub const HALF: SignedDuration = SignedDuration::from_secs(150);
    /// Failures below which nothing is concluded.
    pub const LEAST: u32 = 10;

    /// Counts how work went, and says whether the target has to be left alone: at least
    /// [`LEAST`](Self::LEAST) failures, and at least as many as answers.
    pub fn count(&mut self, at: Timestamp, tally: Tally) -> bool {
        let age = self.began.map(|began| at.duration_since(began));
        match age {
            // Workers' clocks differ: somebody else's time may lie before the running half.
            Some(age) if age.abs() < Self::HALF => {}
            Some(age) if age < Self::HALF * 2 && !age.is_negative() => {
                self.before = self.now;
                self.now = Tally::default();
                // Not `at`, or a failure would count for up to three halves.
                self.began = self.began.map(|began| began + Self::HALF);
            }
            Some(_) | None => {
                *self = Self {
                    began: Some(at),
                    ..Self::default()
                };
            }
        }
        self.now = self.now.plus(tally);
        let both = self.now.plus(self.before);
        both.ill >= Self::LEAST && both.ill >= both.well
    }
}
