//! Full feeds: a list of all worker records of a source. What a feed states about a record counts
//! as a webhook's statement does; what it does *not* list means something only where the feed
//! proves that it is everything.
//!
//! [`Acceptor`] watches a feed from its header to its trailer and ends in a
//! [`Certificate`](crate::Certificate) or in every reason why there is none; [`news`](fn@news) tells whether
//! a listed record says anything; [`standing`] and [`conclude`] tell what follows for records that
//! are not listed. None of it reads a file.

mod absence;
mod accept;
mod news;
mod usual;
mod why;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Attr, Hash, RecordKey, WorkerId};

pub use absence::{Concluded, Standing, conclude, standing};
pub use accept::{Acceptor, Evidence, Header, ahead};
pub use news::{news, undone};
pub use usual::{KEPT, LEAST, Past, Usual, remember};
pub use why::{Incomplete, Why};

/// What policy says about the full feeds of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPolicy {
    /// How a feed reads.
    pub format: FeedFormat,
    /// Worker records that every feed lists.
    pub sentinels: Vec<WorkerId>,
    /// How the population is divided, if a minimum of its parts is asked for.
    pub partition: Option<Partition>,
    /// How far the population may move between two accepted feeds.
    pub limits: PopulationLimits,
    /// How old a feed may be, in hours.
    pub max_age_hours: u32,
    /// Whether the very bytes of the last accepted feed may come again.
    pub unchanged: Unchanged,
    /// How often a record has to be missing until its work counts as ended.
    pub confirm: Confirm,
}

/// How a feed reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedFormat {
    /// Worker payloads as lines of JSON, between a header and a trailer.
    JsonLines,
    /// A flat file.
    Csv(Csv),
}

/// How a flat file reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    /// What separates its columns.
    pub delimiter: u8,
    /// The column with the worker id.
    pub worker_id: Box<str>,
    /// Attributes by column.
    pub columns: BTreeMap<Box<str>, Attr>,
    /// The first cell of its last row, whose second cell is the number of records.
    pub trailer: Option<Box<str>>,
}

/// How a population is divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// By the value of this attribute.
    pub by: Attr,
    /// The least that a complete feed lists of a part.
    pub minimum: BTreeMap<Box<str>, u64>,
}

/// How far a population may move between two accepted feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PopulationLimits {
    /// Never trips while the difference is at or below this count. An empty feed trips always.
    pub floor: u64,
    /// Largest loss, in percent.
    pub max_drop_percent: u32,
    /// Largest loss, as a count, if there is one.
    pub max_drop: Option<u64>,
    /// Largest growth, in percent.
    pub max_growth_percent: u32,
}

impl Default for PopulationLimits {
    fn default() -> Self {
        Self {
            floor: 5,
            max_drop_percent: 5,
            max_drop: None,
            max_growth_percent: 100,
        }
    }
}

impl PopulationLimits {
    /// How many of a population may go at once.
    pub fn drop_of(&self, population: u64) -> u64 {
        let percent = population.saturating_mul(self.max_drop_percent.into()) / 100;
        let most = self.max_drop.map_or(percent, |most| percent.min(most));
        most.max(self.floor)
    }

    /// How many may come at once.
    pub fn growth_of(&self, population: u64) -> u64 {
        let percent = population.saturating_mul(self.max_growth_percent.into()) / 100;
        percent.max(self.floor)
    }
}

/// Whether the very bytes of the last accepted feed may come again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unchanged {
    /// No: somebody delivered yesterday's file.
    #[default]
    Refuse,
    /// Yes, with a later time: nothing changes in this company for days.
    Accept,
}

/// How often a record has to be missing until its work counts as ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// From that many certified feeds in a row.
    pub feeds: u32,
    /// With at least so many hours between the first and the last of them.
    pub hours: u32,
}

impl Default for Confirm {
    /// Twice, and two daily feeds suffice though the second be a little early.
    fn default() -> Self {
        Self {
            feeds: 2,
            hours: 20,
        }
    }
}

/// What is remembered of the last feed that was accepted as complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The instant that it speaks about.
    pub as_of: Timestamp,
    /// When it was accepted.
    pub at: Timestamp,
    /// SHA-256 of its bytes.
    pub bytes: Hash,
    /// How many records it listed.
    pub received: u64,
    /// How many of each part.
    #[serde(default)]
    pub partitions: BTreeMap<Box<str>, u64>,
    /// Records that it and maybe feeds before it should have listed.
    #[serde(default)]
    pub missing: BTreeMap<RecordKey, Absence>,
    /// What was accepted before, the oldest first: at most [`KEPT`] feeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<Past>,
}

/// Since when a record is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// The instant of the first certified feed that did not list it.
    pub since: Timestamp,
    /// How many certified feeds in a row did not.
    pub feeds: u32,
}
