//! Facts: what a source stated, when it holds, and when it was recorded. Never changed, only
//! added to.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Attrs, EventId, Hash, Pii, RecordKey, SourceId, WorkerId};

/// One immutable statement of a source about one worker record. Valid time and transaction time
/// are kept apart (bitemporal data).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Who stated it.
    pub source: SourceId,
    /// The worker record it is about.
    pub record: RecordKey,
    /// The source's id of that record.
    pub worker: WorkerId,
    /// The source's id of the event. Two facts with one event id are one fact.
    pub event: EventId,
    /// The source's own version of the record, where it counts one; larger is newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// From when it holds.
    pub effective: Effective,
    /// IANA zone in which civil dates of this fact are meant.
    pub zone: Box<str>,
    /// When the source recorded it.
    pub recorded_at: Timestamp,
    /// When we received it. Orders nothing; kept for the ledger.
    pub received_at: Timestamp,
    /// SHA-256 of the bytes as received.
    pub payload: Hash,
    /// The worker record key of the manager that the fact names, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<RecordKey>,
    /// What it states.
    pub body: FactBody,
}

/// From when a fact holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effective {
    /// From the start of that day in the fact's zone.
    Date(Date),
    /// From that instant.
    Instant(Timestamp),
}

/// What a fact states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactBody {
    /// These attributes hold from the effective time on. An attribute that is not mentioned is
    /// left as it is: absent never clears.
    Assert {
        /// The attributes.
        attrs: Pii<Attrs>,
        /// The event that this one corrects: the earlier statement is void from the beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        corrects: Option<EventId>,
    },
    /// That event never happened.
    Rescind {
        /// The event.
        event: EventId,
    },
    /// The source deleted the record. It is treated as an ending, never as "nobody was here".
    Delete,
}

impl Fact {
    /// The instant from which the fact holds. A day that the zone skips begins at the next
    /// instant that exists; an unknown zone counts as UTC (intake refuses those).
    pub fn effective_at(&self) -> Timestamp {
        self.effective_in(&mut Zones::default())
    }

    /// The same, where zones are looked up for many facts.
    pub(crate) fn effective_in<'a>(&'a self, zones: &mut Zones<'a>) -> Timestamp {
        match self.effective {
            Effective::Instant(at) => at,
            Effective::Date(date) => start_of_day(date, zones.get(&self.zone)),
        }
    }
}

/// The zone that was looked up last: the facts of a record mostly share one.
#[derive(Default)]
pub(crate) struct Zones<'a>(Option<(&'a str, TimeZone)>);

impl<'a> Zones<'a> {
    fn get(&mut self, name: &'a str) -> &TimeZone {
        let last = self.0.take().filter(|(last, _)| *last == name);
        let (_, zone) = self.0.insert(last.unwrap_or_else(|| (name, zone(name))));
        zone
    }
}

/// The zone of that name, or UTC.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The first instant of a civil day in a zone; of a day that the zone skipped, the next instant
/// that exists (Samoa, 30 December 2011).
pub fn start_of_day(date: Date, zone: &TimeZone) -> Timestamp {
    let midnight = zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0));
    let in_gap = matches!(midnight.offset(), AmbiguousOffset::Gap { .. });
    let Ok(instant) = midnight.compatible() else {
        return Timestamp::MAX;
    };
    if !in_gap {
        return instant;
    }
    // Clocks that are put forward over midnight show the new day as soon as they are.
    let reach = instant.checked_add(SignedDuration::from_nanos(1));
    let jump = reach
        .ok()
        .and_then(|reach| zone.preceding(reach).next())
        .map(|transition| transition.timestamp());
    jump.unwrap_or(instant)
}

/// The instant from which a civil day is over for good in a zone. Where clocks are put back over
/// midnight (Newfoundland until 2011, at one minute past), the day goes on for a while after its
/// first end.
pub fn end_of_day(date: Date, zone: &TimeZone) -> Timestamp {
    let Ok(next) = date.tomorrow() else {
        return Timestamp::MAX;
    };
    let first = start_of_day(next, zone);
    let last = zone.to_ambiguous_timestamp(next.at(0, 0, 0, 0)).later();
    let before = |instant: Timestamp| {
        let eve = instant.checked_sub(SignedDuration::from_nanos(1)).ok()?;
        Some(eve.to_zoned(zone.clone()).date())
    };
    match last {
        Ok(last) if last > first && before(last).is_some_and(|day| day <= date) => last,
        Ok(_) | Err(_) => first,
    }
}
