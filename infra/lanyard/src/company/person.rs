//! What is true about a fictional person, kept beside what HR says about them. The closing
//! self-check of the demo rests on it, so that nothing here looks at the planner or its model.

use domain::{Attr, Attrs, Slot};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Story;

/// A human.
#[derive(Clone, Debug)]
pub struct Person {
    /// Counts from 1.
    pub number: usize,
    /// What happens to them.
    pub story: Story,
    /// Their working relationships, in order; a rehire and a conversion add one.
    pub contracts: Vec<Contract>,
}

/// One working relationship: one worker record of the HR system.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The HR system's id of the record.
    pub worker_id: String,
    /// IANA zone of the site.
    pub zone: &'static str,
    /// First working day.
    pub start: Date,
    /// Last working day.
    pub end: Option<Date>,
    /// The instant of an ending that does not wait for the evening.
    pub cut: Option<Timestamp>,
    /// The hire was taken back, or nobody came.
    pub never_began: bool,
    /// Days on leave, the second being the first day back.
    pub leaves: Vec<(Date, Option<Date>)>,
    /// The record is wrong and nobody has corrected it.
    pub parked: bool,
    /// What holds from which instant on, in standard spelling, in the order of HR's recording.
    pub history: Vec<Stated>,
}

/// What holds from an instant on.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The event that stated it.
    pub event: String,
    /// From when.
    pub from: Timestamp,
    /// What.
    pub attrs: Attrs,
}

/// Where a contract stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Taken back, or waiting for HR to correct it.
    Nothing,
    /// Over.
    Ended,
    /// Begins later.
    Ahead,
    /// On leave.
    Away,
    /// At work.
    AtWork,
}

impl Contract {
    /// Where it stands.
    pub fn standing(&self, at: Timestamp) -> Standing {
        if self.never_began || self.parked {
            return Standing::Nothing;
        }
        if self.ends_at().is_some_and(|end| end <= at) {
            return Standing::Ended;
        }
        let today = at.to_zoned(self.tz()).date();
        if today < self.start {
            return Standing::Ahead;
        }
        let away = |(from, back): &(Date, Option<Date>)| {
            *from <= today && back.is_none_or(|back| today < back)
        };
        if self.leaves.iter().any(away) {
            Standing::Away
        } else {
            Standing::AtWork
        }
    }

    /// The instant from which access is gone, where an ending is known.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let evening = self
            .end
            .map(|end| midnight(end.tomorrow().unwrap_or(end), self.zone));
        [self.cut, evening].into_iter().flatten().min()
    }

    /// The instant at which the first working day begins.
    pub fn starts_at(&self) -> Timestamp {
        midnight(self.start, self.zone)
    }

    /// What holds at an instant; before anything holds, what will hold first.
    pub fn attrs(&self, at: Timestamp) -> Attrs {
        let first = self.history.iter().map(|stated| stated.from).min();
        let at = first.map_or(at, |first| first.max(at));
        let mut holding: Vec<_> = self
            .history
            .iter()
            .filter(|stated| stated.from <= at)
            .collect();
        holding.sort_by_key(|stated| stated.from);
        let mut attrs = Attrs::new();
        for stated in holding {
            attrs.overlay(&stated.attrs);
        }
        attrs
    }

    /// The worker id of the manager that holds at an instant.
    pub fn manager(&self, at: Timestamp) -> Option<Box<str>> {
        self.attrs(at).text(Attr::ManagerId).map(Box::from)
    }

    fn tz(&self) -> TimeZone {
        TimeZone::get(self.zone).unwrap_or(TimeZone::UTC)
    }
}

impl Person {
    /// The contract that speaks for the human: at work before on leave before ahead before over;
    /// among equals the one that began last.
    pub fn contract(&self, at: Timestamp) -> Option<&Contract> {
        self.contracts
            .iter()
            .filter(|contract| contract.standing(at) > Standing::Nothing)
            .max_by_key(|contract| (contract.standing(at), contract.starts_at()))
    }

    /// Where the human stands.
    pub fn standing(&self, at: Timestamp) -> Standing {
        self.contract(at)
            .map_or(Standing::Nothing, |contract| contract.standing(at))
    }
}

/// The first instant of a day at a site. (None of the sites has ever skipped a midnight.)
pub(super) fn midnight(day: Date, zone: &str) -> Timestamp {
    day.in_tz(zone)
        .map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// Attributes from pairs; `None` clears.
pub(super) fn attrs<'a>(pairs: impl IntoIterator<Item = (Attr, Option<&'a str>)>) -> Attrs {
    pairs
        .into_iter()
        .map(|(attr, text)| (attr, text.map_or(Slot::Null, Slot::from)))
        .collect()
}
