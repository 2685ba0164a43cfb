//! What follows for records that a feed does not list.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Absence, Accepted, Confirm};
use crate::fold::fold;
use crate::{Certificate, Fact, Phase, Policy, RecordKey, SourceId};

/// What it means that a feed of a source does not list a record that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: another source states it.
    Elsewhere,
    /// Nothing: its work has ended.
    Ended,
    /// Nothing: the source said something about it after the instant that the feed speaks about.
    Newer,
    /// Nothing yet: its work has not begun, and many sources list nobody before the first day.
    NotBegun,
    /// It is missing.
    Missing,
}

/// What it means that a feed of `source`, which speaks about the instant `as_of`, does not list a
/// record with these facts.
pub fn standing(
    policy: &Policy,
    source: &SourceId,
    record: &RecordKey,
    facts: &[Fact],
    as_of: Timestamp,
    at: Timestamp,
) -> Standing {
    if !facts.iter().any(|fact| fact.source == *source) {
        return Standing::Elsewhere;
    }
    let standing = match fold(policy, record, facts, at).engagement.phase {
        Phase::Ended | Phase::NoShow => Standing::Ended,
        Phase::Prehire => Standing::NotBegun,
        Phase::Active | Phase::Suspended => Standing::Missing,
    };
    let newer = facts.iter().any(|fact| fact.recorded_at > as_of);
    if standing != Standing::Ended && newer {
        return Standing::Newer;
    }
    standing
}

/// What a certified feed says about records that it does not list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concluded {
    /// Their work has ended.
    pub ended: BTreeSet<RecordKey>,
    /// They have to be missing from more feeds first.
    pub waiting: BTreeMap<RecordKey, Absence>,
}

/// Concludes from absence. It takes a certificate, because without one nothing follows.
pub fn conclude(
    _proof: &Certificate,
    last: Option<&Accepted>,
    missing: &BTreeSet<RecordKey>,
    as_of: Timestamp,
    confirm: Confirm,
) -> Concluded {
    let long_enough = SignedDuration::from_hours(confirm.hours.into());
    let mut concluded = Concluded::default();
    for record in missing {
        let before = last.and_then(|last| last.missing.get(record));
        let absence = Absence {
            since: before.map_or(as_of, |before| before.since),
            feeds: before.map_or(1, |before| before.feeds.saturating_add(1)),
        };
        let waited = as_of.duration_since(absence.since) >= long_enough;
        // A single feed that suffices leaves nothing to wait for.
        if absence.feeds >= confirm.feeds && (waited || confirm.feeds <= 1) {
            concluded.ended.insert(record.clone());
        } else {
            concluded.waiting.insert(record.clone(), absence);
        }
    }
    concluded
}
