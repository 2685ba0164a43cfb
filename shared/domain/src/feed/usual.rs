//! How far a population strays from what the last accepted feeds listed. Percentages catch what is
//! too much for any company; this catches what is unusual for this one, whose numbers hardly move.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Accepted, PopulationLimits};

/// Accepted feeds that are remembered.
pub const KEPT: usize = 30;

/// Fewer than so many say nothing about what is usual.
pub const LEAST: usize = 5;

/// The numbers of one accepted feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// How many records it listed.
    pub received: u64,
    /// How many of each part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<Box<str>, u64>,
}

/// What is remembered once a feed is accepted after another: that one joins those before it. Where a
/// human said that its number is right, what was usual before says nothing any more.
pub fn remember(last: &Accepted, human: bool) -> Vec<Past> {
    if human {
        return Vec::new();
    }
    let mut past = last.past.clone();
    past.push(Past {
        received: last.received,
        partitions: last.partitions.clone(),
    });
    let over = past.len().saturating_sub(KEPT);
    past.drain(..over);
    past
}

/// No population is larger: a number beyond it is as good as this one, and no sum overflows.
const MOST: u64 = u32::MAX as u64;

/// The range in which numbers usually lie: mean and three standard deviations to either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usual {
    /// From.
    pub least: u64,
    /// To.
    pub most: u64,
}

impl Usual {
    /// Of at least [`LEAST`] numbers. Whole numbers throughout, rounded outwards, so that the same
    /// history gives the same answer everywhere.
    pub fn of(numbers: impl Iterator<Item = u64> + Clone) -> Option<Self> {
        let count = numbers.clone().count();
        if count < LEAST {
            return None;
        }
        let n = count as u128;
        let numbers = numbers.map(|one| u128::from(one.min(MOST)));
        let sum: u128 = numbers.clone().sum();
        // n^2 times the variance: n * sum of squares - square of the sum, which is never negative.
        let squares: u128 = numbers.map(|one| one * one).sum();
        let spread = n
            .saturating_mul(squares)
            .saturating_sub(sum.saturating_mul(sum));
        // Three standard deviations, times n.
        let three = root(spread.saturating_mul(9));
        let least = sum.saturating_sub(three) / n;
        let most = sum.saturating_add(three).div_ceil(n);
        Some(Self {
            least: u64::try_from(least).unwrap_or(u64::MAX),
            most: u64::try_from(most).unwrap_or(u64::MAX),
        })
    }

    /// Whether a number lies outside. What is small for a population of that size never does: up
    /// to the floor of its limits, and to a tenth of the loss that they allow, whatever is usual.
    pub fn is_strayed_from(self, number: u64, limits: &PopulationLimits) -> bool {
        let slack = limits.floor.max(limits.drop_of(self.most) / 10);
        self.least.saturating_sub(number) > slack || number.saturating_sub(self.most) > slack
    }
}

/// The square root, rounded up.
fn root(square: u128) -> u128 {
    let down = square.isqrt();
    if down * down == square {
        down
    } else {
        down + 1
    }
}
