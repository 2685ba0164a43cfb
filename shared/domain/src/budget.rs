//! What a target stands: rates of requests, how many workers at once, what is kept back for
//! terminations; and the gauge that all workers share. Everything here is a value: time is given.

mod gauge;
mod window;

pub use gauge::{Asked, Gauge, Granted, Slot};
pub use window::{Tally, Window};

use serde::{Deserialize, Serialize};

/// Which requests a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Every request.
    All,
    /// Requests that read.
    Reads,
    /// Requests that change something.
    Writes,
    /// Requests that change a user.
    Users,
    /// Requests that change a group.
    Groups,
}

/// So many requests in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Which requests.
    pub of: Counts,
    /// How many.
    pub count: u32,
    /// In how many seconds.
    pub seconds: u32,
    /// How many at once, after a pause; no more than `count`.
    pub burst: u32,
}

/// The requests that a target stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// All of them hold.
    pub rates: Vec<Rate>,
    /// Percent of every burst that only terminations may use.
    pub reserve_percent: u8,
    /// Most workers at once; `None` leaves it to the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u16>,
}

impl Budget {
    /// Whether anything is limited at all. Nothing is written to the table where not.
    pub fn limits(&self) -> bool {
        !self.rates.is_empty() || self.workers.is_some()
    }
}

/// Requests by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// That read.
    pub reads: u32,
    /// That change a user.
    pub users: u32,
    /// That change a group.
    pub groups: u32,
}

impl Cost {
    /// Some reads.
    pub const fn reads(reads: u32) -> Self {
        Self {
            reads,
            users: 0,
            groups: 0,
        }
    }

    /// How many of them a rate counts.
    pub const fn counted(self, of: Counts) -> u32 {
        match of {
            Counts::All => self
                .reads
                .saturating_add(self.users)
                .saturating_add(self.groups),
            Counts::Reads => self.reads,
            Counts::Writes => self.users.saturating_add(self.groups),
            Counts::Users => self.users,
            Counts::Groups => self.groups,
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            reads: self.reads.saturating_add(other.reads),
            users: self.users.saturating_add(other.users),
            groups: self.groups.saturating_add(other.groups),
        }
    }

    /// What is left of it after some were used.
    #[must_use]
    pub const fn less(self, used: Self) -> Self {
        Self {
            reads: self.reads.saturating_sub(used.reads),
            users: self.users.saturating_sub(used.users),
            groups: self.groups.saturating_sub(used.groups),
        }
    }

    /// Whether there are none.
    pub const fn is_none(self) -> bool {
        self.reads == 0 && self.users == 0 && self.groups == 0
    }
}
