//! From facts to an engagement at an instant. Always recomputed from all facts, never applied as
//! a delta, so that late, doubled, reordered, corrected and rescinded facts end in one state.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::fact::{Zones, end_of_day, start_of_day, zone};
use crate::finding::Problem;
use crate::identity::{Engagement, IdentityState, IdentityView, Phase};
use crate::policy::Policy;
use crate::standardise::{standard, standardise};
use crate::validate::validate;
use crate::{Attr, Attrs, EventId, Fact, FactBody, RecordKey, Slot};

/// An engagement and what is wrong with its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The engagement.
    pub engagement: Engagement,
    /// Bad data; not empty means that nothing new is given on account of this record.
    pub problems: Vec<Problem>,
}

/// Folds the facts of one worker record as known now, at the instant `at`. Before the first fact
/// holds, the engagement is seen as it will be on its first day.
pub fn fold(policy: &Policy, record: &RecordKey, facts: &[Fact], at: Timestamp) -> Folded {
    let live = live(facts);
    let first = live.first().map(|(effective, _)| *effective);
    let horizon = first.map_or(at, |first| first.max(at));

    let mut folding = Folding::default();
    let mut next_fact_at = None;
    for (effective, fact) in live {
        if effective > horizon {
            next_fact_at = Some(effective);
            break;
        }
        folding.add(policy, fact, effective);
    }
    if first.is_some_and(|first| first > at) {
        next_fact_at = first;
    }
    folding.finish(policy, record, at, first, next_fact_at)
}

/// Facts that count, in the order of their effect: valid time, then the source's version, then
/// the time of recording, then the event id as the last word. Arrival order plays no part.
pub fn live_facts(facts: &[Fact]) -> Vec<&Fact> {
    live(facts).into_iter().map(|(_, fact)| fact).collect()
}

/// The same, with the instant from which each holds.
fn live(facts: &[Fact]) -> Vec<(Timestamp, &Fact)> {
    if let [only] = facts {
        return if states_something(only) {
            vec![(only.effective_at(), only)]
        } else {
            Vec::new()
        };
    }
    let mut newest_first: Vec<&Fact> = facts.iter().collect();
    newest_first.sort_by(|one, other| {
        let key = |fact: &Fact| (Reverse(fact.recorded_at), voids(fact).is_none());
        key(one)
            .cmp(&key(other))
            .then_with(|| one.event.cmp(&other.event))
            .then_with(|| one.payload.cmp(&other.payload))
    });
    // A statement voids only what was recorded before it, so that walking from the newest decides
    // every voiding statement before what it voids.
    let mut seen: BTreeSet<&EventId> = BTreeSet::new();
    let mut void: BTreeSet<&EventId> = BTreeSet::new();
    let mut zones = Zones::default();
    let mut live: Vec<(Timestamp, &Fact)> = Vec::with_capacity(facts.len());
    for fact in newest_first {
        if !seen.insert(&fact.event) || void.contains(&fact.event) {
            continue;
        }
        void.extend(voids(fact));
        if states_something(fact) {
            live.push((fact.effective_in(&mut zones), fact));
        }
    }
    live.sort_by(|(one_at, one), (other_at, other)| {
        let key = |fact: &Fact| (fact.version, fact.recorded_at);
        one_at
            .cmp(other_at)
            .then_with(|| key(one).cmp(&key(other)))
            .then_with(|| one.event.cmp(&other.event))
    });
    live
}

/// The event that a fact voids, which is never its own.
fn voids(fact: &Fact) -> Option<&EventId> {
    match &fact.body {
        FactBody::Rescind { event }
        | FactBody::Assert {
            corrects: Some(event),
            ..
        } => Some(event).filter(|event| **event != fact.event),
        FactBody::Assert { corrects: None, .. } | FactBody::Delete => None,
    }
}

/// Whether a fact says anything by itself, besides voiding another.
fn states_something(fact: &Fact) -> bool {
    match &fact.body {
        FactBody::Assert { attrs, .. } => !attrs.reveal().is_empty(),
        FactBody::Delete => true,
        FactBody::Rescind { .. } => false,
    }
}

/// The state of a fold under way.
#[derive(Default)]
struct Folding<'a> {
    attrs: Attrs,
    manager: Option<RecordKey>,
    fact_zone: Option<&'a str>,
    /// When the statement about the status, or about ending now, took effect.
    status_since: Option<Timestamp>,
    now_since: Option<Timestamp>,
    deleted: Option<(Timestamp, Timestamp)>,
    /// When the statement that ended the engagement was recorded, and as which version.
    ended: Option<(Timestamp, Option<u64>)>,
}

/// What an ending states and older statements cannot take back.
const LIFECYCLE: [Attr; 3] = [Attr::WorkerStatus, Attr::EndDate, Attr::EndMode];

impl<'a> Folding<'a> {
    fn add(&mut self, policy: &Policy, fact: &'a Fact, effective: Timestamp) {
        self.fact_zone = Some(&fact.zone);
        match &fact.body {
            FactBody::Assert { attrs, .. } => {
                let attrs = &*self.heard(policy, fact, attrs.reveal());
                if attrs.get(Attr::WorkerStatus).is_some()
                    && attrs.text(Attr::WorkerStatus) != self.attrs.text(Attr::WorkerStatus)
                {
                    self.status_since = Some(effective);
                }
                if attrs.get(Attr::EndMode).is_some() {
                    self.now_since = Some(effective);
                }
                if attrs.get(Attr::ManagerId).is_some() {
                    self.manager.clone_from(&fact.manager);
                }
                if self.attrs.is_empty() {
                    self.attrs.clone_from(attrs);
                } else {
                    self.attrs.overlay(attrs);
                }
                // Only a statement that was recorded after the deletion brings a record back.
                if self
                    .deleted
                    .is_some_and(|(_, recorded)| fact.recorded_at > recorded)
                {
                    self.deleted = None;
                }
            }
            FactBody::Delete => self.deleted = Some((effective, fact.recorded_at)),
            FactBody::Rescind { .. } => {}
        }
    }

    /// What counts of a statement. An ending holds against everything that was recorded before
    /// it, even if that was meant for later: a promotion dated ahead, with the whole record in
    /// it, must not bring a leaver back. What is recorded after the ending may.
    fn heard<'f>(&mut self, policy: &Policy, fact: &Fact, attrs: &'f Attrs) -> Cow<'f, Attrs> {
        let stated = |attr| standard(policy, attr, attrs.text(attr).unwrap_or_default());
        let ends = matches!(stated(Attr::WorkerStatus), "terminated" | "no_show")
            || stated(Attr::EndMode) == "now";
        let recorded = (fact.recorded_at, fact.version);
        if self.ended.is_some_and(|ended| recorded < ended) {
            if LIFECYCLE.iter().all(|attr| attrs.get(*attr).is_none()) {
                return Cow::Borrowed(attrs);
            }
            let mut rest = attrs.clone();
            for attr in LIFECYCLE {
                rest.remove(attr);
            }
            return Cow::Owned(rest);
        }
        if ends {
            self.ended = Some(recorded);
        } else if attrs.get(Attr::WorkerStatus).is_some() {
            self.ended = None;
        }
        Cow::Borrowed(attrs)
    }

    fn finish(
        mut self,
        policy: &Policy,
        record: &RecordKey,
        at: Timestamp,
        first: Option<Timestamp>,
        next_fact_at: Option<Timestamp>,
    ) -> Folded {
        let mut problems = standardise(policy, &mut self.attrs);
        problems.extend(validate(&policy.validations, &self.attrs));
        let (zone_name, tz) = self.zone(policy, &mut problems);
        let start = self
            .date(Attr::StartDate, &mut problems)
            .or_else(|| first.map(|first| first.to_zoned(tz.clone()).date()));
        let end = self.date(Attr::EndDate, &mut problems);
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            problems.push(Problem::EndBeforeStart);
        }
        let status = self.attrs.text(Attr::WorkerStatus).unwrap_or("active");
        let contractor = self.attrs.text(Attr::EmploymentType) == Some("contractor");
        let terminated = status == "terminated";
        if contractor && end.is_none() && !terminated && self.deleted.is_none() {
            problems.push(Problem::NoEndDate);
        }

        let end_of_last_day = end.map(|end| end_of_day(end, &tz));
        let ends_now = match self.attrs.text(Attr::EndMode) {
            Some("now") => self.now_since,
            _ => None,
        };
        let by_status = match (terminated, end_of_last_day) {
            (true, None) => self.status_since,
            _ => end_of_last_day,
        };
        // Where everything was taken back there is nothing left that could lack anything.
        if first.is_none() {
            problems.clear();
        }
        let no_show = status == "no_show" || first.is_none();
        let ends_at = [
            by_status,
            ends_now,
            self.deleted.map(|(effective, _)| effective),
        ]
        .into_iter()
        .flatten()
        .min();
        let starts_at = start.map(|start| start_of_day(start, &tz));
        let phase = if no_show {
            Phase::NoShow
        } else if ends_at.is_some_and(|end| end <= at) {
            Phase::Ended
        } else if starts_at.is_some_and(|start| start > at) {
            Phase::Prehire
        } else if status == "leave" {
            Phase::Suspended
        } else {
            Phase::Active
        };
        Folded {
            engagement: Engagement {
                record: record.clone(),
                phase,
                start,
                end,
                starts_at,
                ends_at: if no_show {
                    self.status_since.or(ends_at)
                } else {
                    ends_at
                },
                zone: zone_name,
                attrs: self.attrs,
                manager: self.manager,
                next_fact_at,
            },
            problems,
        }
    }

    /// The worker's zone: as stated, else that of the site, else that of the last fact.
    fn zone(&self, policy: &Policy, problems: &mut Vec<Problem>) -> (Box<str>, TimeZone) {
        if let Some(stated) = self
            .attrs
            .text(Attr::TimeZone)
            .filter(|text| !text.is_empty())
        {
            if let Ok(found) = TimeZone::get(stated) {
                return (stated.into(), found);
            }
            problems.push(Problem::Malformed {
                attr: Attr::TimeZone,
            });
        }
        let by_site = self
            .attrs
            .text(Attr::Location)
            .and_then(|site| policy.zones.get(site));
        let name = by_site.map_or(self.fact_zone.unwrap_or("UTC"), |name| name);
        (name.into(), zone(name))
    }

    fn date(&self, attr: Attr, problems: &mut Vec<Problem>) -> Option<Date> {
        let text = self.attrs.text(attr).filter(|text| !text.is_empty())?;
        let date = text.parse().ok();
        if date.is_none() {
            problems.push(Problem::Malformed { attr });
        }
        date
    }
}

/// Puts the engagements of one identity together.
pub fn view(mut engagements: Vec<Engagement>) -> IdentityView {
    let rank = |engagement: &Engagement| match engagement.phase {
        Phase::Active => 4,
        Phase::Suspended => 3,
        Phase::Prehire => 2,
        Phase::Ended => 1,
        Phase::NoShow => 0,
    };
    let primary = engagements
        .iter()
        .enumerate()
        .max_by_key(|(_, engagement)| (rank(engagement), engagement.starts_at, &engagement.record))
        .map_or(0, |(index, _)| index);
    let state = match engagements.get(primary).map(|engagement| engagement.phase) {
        Some(Phase::Active) => IdentityState::Active,
        Some(Phase::Suspended) => IdentityState::Suspended,
        Some(Phase::Prehire) => IdentityState::Prehire,
        Some(Phase::Ended | Phase::NoShow) | None => IdentityState::Ended,
    };
    if let Some(engagement) = engagements.get_mut(primary) {
        engagement.attrs.set(
            Attr::Lifecycle,
            Slot::from(match state {
                IdentityState::Prehire => "prehire",
                IdentityState::Active => "active",
                IdentityState::Suspended => "suspended",
                IdentityState::Ended | IdentityState::Archived => "ended",
            }),
        );
    }
    IdentityView {
        state,
        engagements,
        primary,
    }
}

impl IdentityView {
    /// The engagement that speaks for the human, unless there is none at all.
    pub fn speaker(&self) -> Option<&Engagement> {
        self.engagements.get(self.primary)
    }

    /// The instant at which the last engagement ended, for an identity without a current one.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.engagements.iter().filter_map(|e| e.ends_at).max()
    }
}
