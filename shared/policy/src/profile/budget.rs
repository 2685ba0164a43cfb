//! The requests that a target stands: `rates`, `reserve_percent`, `workers`, in a profile and in
//! a target that replaces some of them.

use domain::budget::{Budget, Counts, Rate};

use crate::fields::{Fields, Node};

pub(super) const COUNTS: &[(&str, Counts)] = &[
    ("all", Counts::All),
    ("reads", Counts::Reads),
    ("writes", Counts::Writes),
    ("users", Counts::Users),
    ("groups", Counts::Groups),
];

/// Most requests of a rate, and longest time of one, in seconds: a million, a day.
const MOST: u32 = 1_000_000;
const LONGEST: u32 = 24 * 60 * 60;

/// Lays the keys over another budget.
pub(crate) fn read(fields: &Fields<'_>, base: Budget) -> Budget {
    let rates = fields
        .get("rates")
        .map(|node| node.list().iter().filter_map(rate).collect());
    let reserve = fields
        .get("reserve_percent")
        .and_then(|node| node.count(0..=90));
    let workers = fields.get("workers").and_then(|node| node.count(1..=1000));
    Budget {
        rates: rates.unwrap_or(base.rates),
        reserve_percent: reserve
            .and_then(|percent| u8::try_from(percent).ok())
            .unwrap_or(base.reserve_percent),
        workers: workers
            .and_then(|workers| u16::try_from(workers).ok())
            .or(base.workers),
    }
}

fn rate(node: &Node<'_>) -> Option<Rate> {
    let fields = node.fields()?;
    let of = fields
        .need("of", "\"writes\"")
        .and_then(|node| node.choice(COUNTS));
    let count = fields
        .need("count", "600")
        .and_then(|node| node.count(1..=MOST));
    let seconds = fields
        .need("seconds", "60")
        .and_then(|node| node.count(1..=LONGEST));
    // What fits at once is never more than what fits at all.
    let burst = fields
        .need("burst", "60")
        .and_then(|node| node.count(1..=count.unwrap_or(MOST)));
    fields.finish();
    Some(Rate {
        of: of?,
        count: count?,
        seconds: seconds?,
        burst: burst?,
    })
}
