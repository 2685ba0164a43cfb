//! What requests cost, and how much of the limits is used.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::route::Action;

/// The limits of one application in one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Resource units in 10 seconds.
    pub units: u64,
    /// Writes in 150 seconds.
    pub writes: u64,
}

impl Default for Limits {
    /// Those of a tenant with more than 500 users.
    fn default() -> Self {
        Self {
            units: 8_000,
            writes: 3_000,
        }
    }
}

const UNIT_WINDOW: SignedDuration = SignedDuration::from_secs(10);
const WRITE_WINDOW: SignedDuration = SignedDuration::from_secs(150);

/// What clients have used since the start or the last reset. The parts of batches count, their envelopes do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests, throttled ones included.
    pub requests: u64,
    /// Resource units.
    pub resource_units: u64,
    /// Requests that count as writes.
    pub writes: u64,
    /// Requests that were answered with 429.
    pub throttled: u64,
    /// The most resource units in any 10 seconds.
    pub busiest_units: u64,
    /// The most writes in any 150 seconds.
    pub busiest_writes: u64,
}

/// What one request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) units: u64,
    pub(crate) writes: u64,
}

/// Base cost by resource; `$select` and a small `$top` make it cheaper, `$expand` dearer, and it is never below 1.
pub(crate) fn cost(action: Action, method: &str, query: &str) -> Cost {
    if method != "GET" {
        return Cost {
            units: 1,
            writes: 1,
        };
    }
    let base: u64 = if matches!(
        action,
        Action::ListUsers | Action::GetUser | Action::UsersDelta
    ) {
        2
    } else if action == Action::ListMembers {
        3
    } else {
        1
    };
    let (mut dearer, mut cheaper) = (0, 0);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "$select" => cheaper += 1,
            "$expand" => dearer += 1,
            "$top" if value.parse::<u64>().is_ok_and(|top| top < 20) => cheaper += 1,
            _ => {}
        }
    }
    Cost {
        units: (base + dearer).saturating_sub(cheaper).max(1),
        writes: 0,
    }
}

#[derive(Debug)]
struct Window {
    length: SignedDuration,
    limit: u64,
    entries: VecDeque<(Timestamp, u64)>,
    sum: u64,
}

impl Window {
    fn new(length: SignedDuration, limit: u64) -> Self {
        Self {
            length,
            limit,
            entries: VecDeque::new(),
            sum: 0,
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some(&(at, amount)) = self.entries.front() {
            if now.duration_since(at) < self.length {
                break;
            }
            self.sum -= amount;
            self.entries.pop_front();
        }
    }

    fn add(&mut self, now: Timestamp, amount: u64) {
        if amount == 0 {
            return;
        }
        self.sum += amount;
        match self.entries.back_mut() {
            Some((at, sum)) if *at == now => *sum += amount,
            Some(_) | None => self.entries.push_back((now, amount)),
        }
    }

    /// Seconds until there is room for `amount`; 0 when there is.
    fn wait(&self, now: Timestamp, amount: u64) -> u32 {
        let mut excess = (self.sum + amount).saturating_sub(self.limit);
        for &(at, freed) in &self.entries {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(freed);
            if excess == 0 {
                let left = self.length - now.duration_since(at);
                let seconds = left.as_secs() + i64::from(left.subsec_nanos() > 0);
                return u32::try_from(seconds.max(1)).unwrap_or(u32::MAX);
            }
        }
        0
    }

    /// Hundredths of the limit that are used.
    fn percent(&self) -> u64 {
        (self.sum * 100).checked_div(self.limit).unwrap_or(100)
    }
}

#[derive(Debug)]
pub(crate) struct Meter {
    units: Window,
    writes: Window,
    enforce: bool,
    pub(crate) usage: Usage,
}

/// What the meter says to one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) cost: Cost,
    /// Hundredths of the fuller limit.
    pub(crate) percent: u64,
    /// Seconds to wait, when the request has to be refused.
    pub(crate) refused: Option<u32>,
}

impl Meter {
    pub(crate) fn new(limits: Limits, enforce: bool) -> Self {
        Self {
            units: Window::new(UNIT_WINDOW, limits.units),
            writes: Window::new(WRITE_WINDOW, limits.writes),
            enforce,
            usage: Usage::default(),
        }
    }

    pub(crate) fn enforce(&mut self, enforce: bool) {
        self.enforce = enforce;
    }

    /// Counts a request; a refused one costs a unit, because all requests count.
    pub(crate) fn charge(&mut self, now: Timestamp, cost: Cost) -> Reading {
        self.units.forget(now);
        self.writes.forget(now);
        let wait = self
            .units
            .wait(now, cost.units)
            .max(self.writes.wait(now, cost.writes));
        let refused = (self.enforce && wait > 0).then_some(wait);
        let cost = if refused.is_some() {
            Cost {
                units: 1,
                writes: 0,
            }
        } else {
            cost
        };
        self.units.add(now, cost.units);
        self.writes.add(now, cost.writes);
        let usage = &mut self.usage;
        usage.requests += 1;
        usage.resource_units += cost.units;
        usage.writes += cost.writes;
        usage.throttled += u64::from(refused.is_some());
        usage.busiest_units = usage.busiest_units.max(self.units.sum);
        usage.busiest_writes = usage.busiest_writes.max(self.writes.sum);
        Reading {
            cost,
            percent: self.units.percent().max(self.writes.percent()),
            refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Cost, Limits, Meter, cost};
    use crate::route::Action;

    #[test]
    fn costs_follow_the_table() {
        for (action, method, query, units, writes) in [
            (Action::ListUsers, "GET", "", 2, 0),
            (Action::ListUsers, "GET", "$select=id&$top=999", 1, 0),
            (Action::ListUsers, "GET", "%24select=id&%24top=5", 1, 0),
            (Action::ListUsers, "GET", "$expand=manager", 3, 0),
            (Action::ListMembers, "GET", "", 3, 0),
            (Action::ListMembers, "GET", "$select=id", 2, 0),
            (Action::ListMembers, "GET", "$select=id&$top=19", 1, 0),
            (Action::GetGroup, "GET", "", 1, 0),
            (Action::PatchUser, "PATCH", "", 1, 1),
            (Action::RemoveMember, "DELETE", "", 1, 1),
        ] {
            assert_eq!(
                cost(action, method, query),
                Cost { units, writes },
                "{action:?} {query}"
            );
        }
    }

    #[test]
    fn a_window_frees_itself() {
        let limits = Limits {
            units: 10,
            writes: 2,
        };
        let mut meter = Meter::new(limits, true);
        let start = Timestamp::constant(0, 0);
        let write = Cost {
            units: 1,
            writes: 1,
        };
        assert_eq!(meter.charge(start, write).refused, None);
        let later = start + SignedDuration::from_millis(500);
        let second = meter.charge(later, write);
        assert_eq!((second.refused, second.percent), (None, 100));
        assert_eq!(meter.charge(later, write).refused, Some(150));
        let free = start + SignedDuration::from_secs(150);
        assert_eq!(meter.charge(free, write).refused, None);
        assert_eq!(meter.charge(free, write).refused, Some(1));
        let usage = meter.usage;
        assert_eq!((usage.requests, usage.writes, usage.throttled), (5, 3, 2));
        assert_eq!((usage.busiest_units, usage.busiest_writes), (3, 2));
    }
}
