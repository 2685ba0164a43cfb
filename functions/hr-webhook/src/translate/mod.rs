//! From a payload to facts. Translators never judge what HR says: bad data becomes a fact that
//! the planner parks. They refuse only what cannot be read.

pub mod bamboohr;
pub mod canonical;
mod limits;

use domain::standardise::spelling;
use domain::{
    Attr, Attrs, Effective, EventId, Fact, FactBody, Hash, Policy, SourceId, WorkerId,
    policy::{PayloadFormat, Source},
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::key::{Salt, record_key};
use crate::problem::Problem;
use crate::request::Body;

/// Longest worker or event id, in bytes: a table key has at most 1,024, and holds other parts.
pub const LONGEST_ID: usize = 256;

/// Longest value of an attribute, in bytes. Everything that a record ever said is read at once, and
/// what it says is sent to targets, which take less.
pub const LONGEST_VALUE: usize = 4096;

/// What a payload became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translated {
    /// One per readable worker record of the payload.
    pub facts: Vec<Fact>,
    /// Fields that policy does not map.
    pub fields_ignored: u64,
    /// Mapped fields whose value is neither text, number, truth value nor null.
    pub fields_unreadable: u64,
    /// Entries of the payload that name no worker record, beside others that do.
    pub entries_skipped: u64,
}

/// What a translator knows besides the payload.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Who posted.
    pub source_id: &'a SourceId,
    /// Its part of policy.
    pub source: &'a Source,
    /// The rest of policy.
    pub policy: &'a Policy,
    /// For record keys.
    pub salt: &'a Salt,
    /// The id of the delivery.
    pub event: &'a EventId,
    /// SHA-256 of the body.
    pub payload: Hash,
    /// When it was received.
    pub now: Timestamp,
}

/// Reads a payload in the source's format.
pub fn translate(context: &Context<'_>, body: &Body<'_>) -> Result<Translated, Problem> {
    match context.source.format {
        PayloadFormat::Canonical => canonical::translate(context, body),
        PayloadFormat::BambooHrFields => bamboohr::translate(context, body),
    }
}

/// A fact without what every fact of a delivery shares.
pub(crate) struct Statement<'a> {
    pub(crate) worker: &'a str,
    pub(crate) event: EventId,
    pub(crate) version: Option<u64>,
    pub(crate) effective: Option<Effective>,
    pub(crate) time_zone: Option<&'a str>,
    pub(crate) recorded_at: Timestamp,
    pub(crate) body: FactBody,
}

impl Context<'_> {
    pub(crate) fn fact(&self, statement: Statement<'_>) -> Fact {
        let attrs = match &statement.body {
            FactBody::Assert { attrs, .. } => Some(attrs.reveal()),
            FactBody::Rescind { .. } | FactBody::Delete => None,
        };
        let text = |attr| {
            let text = attrs.and_then(|attrs: &Attrs| attrs.text(attr));
            text.map(str::trim).filter(|text| !text.is_empty())
        };
        Fact {
            source: self.source_id.clone(),
            record: record_key(self.salt, self.source_id, statement.worker),
            zone: self.zone(
                text(Attr::TimeZone),
                statement.time_zone,
                text(Attr::Location),
            ),
            manager: text(Attr::ManagerId).map(|id| record_key(self.salt, self.source_id, id)),
            worker: WorkerId::new(statement.worker),
            event: statement.event,
            version: statement.version,
            effective: statement
                .effective
                .unwrap_or(Effective::Instant(statement.recorded_at)),
            recorded_at: statement.recorded_at,
            received_at: self.now,
            payload: self.payload,
            body: statement.body,
        }
    }

    /// The first zone that is one: the worker's, the payload's, the location's, the source's. A
    /// worker's zone that is none is flagged by the planner, not here.
    fn zone(
        &self,
        of_worker: Option<&str>,
        of_payload: Option<&str>,
        location: Option<&str>,
    ) -> Box<str> {
        let stated = [of_worker, of_payload];
        let stated = stated.into_iter().flatten().find_map(iana_name);
        stated
            .or_else(|| self.zone_of_location(location?))
            .unwrap_or_else(|| self.source.zone.clone())
    }

    fn zone_of_location(&self, location: &str) -> Option<Box<str>> {
        let standard = self.policy.standards.get(&Attr::Location);
        let canonical = standard.and_then(|standard| standard.spellings.get(&*spelling(location)));
        let location = canonical.map_or(location, |canonical| canonical);
        self.policy.zones.get(location).cloned()
    }
}

/// The name as the zone database writes it, where it is a zone.
fn iana_name(text: &str) -> Option<Box<str>> {
    let zone = TimeZone::get(text).ok()?;
    zone.iana_name().map(Into::into)
}

/// `YYYY-MM-DD`, or an instant in RFC 3339.
fn parse_effective(text: &str) -> Option<Effective> {
    // The parser of dates also takes date and time, and would drop the time.
    if text.len() == "YYYY-MM-DD".len() {
        return text.parse::<Date>().ok().map(Effective::Date);
    }
    text.parse().ok().map(Effective::Instant)
}
