//! The identity at an instant: the fold of the facts, as known now.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Attrs, RecordKey};

/// Where a human stands with the company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityState {
    /// The first day lies ahead.
    Prehire,
    /// Working.
    Active,
    /// On extended leave; access is off and comes back.
    Suspended,
    /// The last day is over.
    Ended,
    /// Ended, and past the retention period of every target.
    Archived,
}

/// Where one engagement stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Starts later.
    Prehire,
    /// Now.
    Active,
    /// On leave now.
    Suspended,
    /// Over.
    Ended,
    /// Never began: rescinded, or the person did not show up.
    NoShow,
}

/// One working relationship, folded from the facts of one worker record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engagement {
    /// The worker record.
    pub record: RecordKey,
    /// Its phase at the planned instant.
    pub phase: Phase,
    /// First working day.
    pub start: Option<Date>,
    /// Last working day.
    pub end: Option<Date>,
    /// The instant at which access begins.
    pub starts_at: Option<Timestamp>,
    /// The instant from which access is gone, where an ending is known.
    pub ends_at: Option<Timestamp>,
    /// IANA zone of the worker.
    pub zone: Box<str>,
    /// The attributes that hold at the planned instant, standardised.
    pub attrs: Attrs,
    /// The manager's record, where one is named.
    pub manager: Option<RecordKey>,
    /// The next instant after the planned one at which some fact of this record begins to hold.
    pub next_fact_at: Option<Timestamp>,
}

/// The identity at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityView {
    /// Where the human stands.
    pub state: IdentityState,
    /// Every engagement, in record order.
    pub engagements: Vec<Engagement>,
    /// Which engagement speaks for the human: active before suspended before prehire before
    /// ended; among equals the one that started last.
    pub primary: usize,
}
