//! Which faults a target has, drawn from the seed: each is on or off by the toss of a coin, so
//! that many scenarios lack those that would hide the others.

use std::collections::BTreeMap;

use scim_target::{Fault, FaultKind, RetryAfter, Rule, ScimTarget as Server};

use crate::sim::Dice;

/// Of a thousand requests that a fault would make a difference to, so many meet it.
const RATES: [u16; 4] = [5, 20, 50, 200];

/// What faults are called in counts; every one of them has to be met.
pub const NAMES: [&str; 24] = [
    "401",
    "429 with a date",
    "429 with seconds",
    "429 without a header",
    "500",
    "503",
    "HTML 502",
    "active ignored",
    "active ignored and echoed",
    "cut body",
    "drop after the effect",
    "drop before the effect",
    "empty list",
    "error instead of a page",
    "expired cursor",
    "hang after the effect",
    "hang before the effect",
    "new account not shown",
    "PATCH ignored",
    "repeated page",
    "short pages",
    "stale reads",
    "status after the effect",
    "truncated list",
];

/// The faults of one target.
pub struct Weather(Vec<(&'static str, FaultKind)>);

impl Weather {
    /// Draws them and switches them on.
    pub fn draw(dice: &mut Dice, server: &Server) -> Self {
        let mut on = Vec::new();
        for (name, fault) in faults(dice) {
            let (rate, seed) = (*dice.pick(&RATES), dice.roll());
            if dice.below(2) == 0 {
                continue;
            }
            on.push((name, fault.kind()));
            server.faults().add(rule(fault, rate, seed));
        }
        Self(on)
    }

    /// Switches them off.
    pub fn clear(server: &Server) {
        server.faults().clear();
    }

    /// Adds how often each was met.
    pub fn count(&self, server: &Server, fired: &mut BTreeMap<&'static str, u64>) {
        for (name, kind) in &self.0 {
            *fired.entry(name).or_default() += server.faults().fired(*kind);
        }
    }

    /// Their names, for the trace.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }
}

/// One of each kind, with parameters from the dice.
fn faults(dice: &mut Dice) -> Vec<(&'static str, Fault)> {
    let seconds = RetryAfter::Seconds(u32::try_from(1 + dice.below(600)).unwrap_or(1));
    let hours = i64::try_from(dice.below(3)).unwrap_or(0);
    // Some dates are over when they are read.
    let date = "2026-03-02T08:30:00Z"
        .parse::<jiff::Timestamp>()
        .and_then(|at| at.checked_add(jiff::SignedDuration::from_hours(hours)))
        .expect("an instant");
    let throttle = [
        ("429 with seconds", seconds),
        ("429 with a date", RetryAfter::Date(date)),
        ("429 without a header", RetryAfter::Absent),
    ];
    let (throttled, retry_after) = *dice.pick(&throttle);
    let (refused, code) = *dice.pick(&[("500", 500), ("503", 503)]);
    let (ignored, echo) = *dice.pick(&[
        ("active ignored", false),
        ("active ignored and echoed", true),
    ]);
    let mut few = |least: u64, spread: u64| least + dice.below(spread);
    let max = usize::try_from(few(1, 3)).unwrap_or(1);
    let deliver = usize::try_from(few(0, 4)).unwrap_or(0);
    let page = usize::try_from(few(1, 2)).unwrap_or(1);
    let misses = u32::try_from(few(1, 3)).unwrap_or(1);
    let reads = u32::try_from(few(1, 3)).unwrap_or(1);
    vec![
        ("401", Fault::Unauthorized),
        (throttled, Fault::TooManyRequests { retry_after }),
        (refused, Fault::Status { code }),
        ("status after the effect", Fault::StatusAfterCommit { code }),
        ("HTML 502", Fault::HtmlBadGateway),
        ("drop before the effect", Fault::DropBeforeCommit),
        ("drop after the effect", Fault::DropAfterCommit),
        ("hang before the effect", Fault::HangBeforeCommit),
        ("hang after the effect", Fault::HangAfterCommit),
        ("cut body", Fault::CutBody),
        ("PATCH ignored", Fault::IgnorePatch),
        (ignored, Fault::IgnoreActive { echo }),
        ("short pages", Fault::ShortPages { max }),
        ("repeated page", Fault::RepeatedPage),
        (
            "error instead of a page",
            Fault::PageError { page, status: 503 },
        ),
        ("empty list", Fault::EmptyList),
        ("truncated list", Fault::TruncatedList { deliver }),
        ("stale reads", Fault::StaleReads { reads }),
        ("new account not shown", Fault::ReadAfterCreate { misses }),
        ("expired cursor", Fault::ExpiredCursor),
    ]
}

fn rule(fault: Fault, rate: u16, seed: u64) -> Rule {
    let kind = fault.kind();
    let rule = fault.always().per_mille(rate, seed);
    // Each hang costs real time; a token that is refused once rests the target already.
    let once = [
        FaultKind::HangBeforeCommit,
        FaultKind::HangAfterCommit,
        FaultKind::Unauthorized,
    ];
    // Whole lists: a look-up is not paged.
    let whole_lists = [
        FaultKind::RepeatedPage,
        FaultKind::PageError,
        FaultKind::ShortPages,
    ];
    if once.contains(&kind) {
        return rule.times(1);
    }
    if whole_lists.contains(&kind) {
        return rule.no_query("filter=");
    }
    rule
}
