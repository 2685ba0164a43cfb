//! Five hundred lives over HTTP under faults that real targets have. Every fault is met, nothing
//! is lost or made twice, and what the suite must find it does find.
//!
//! `WIRE_SEEDS=37` lives through one scenario again, `WIRE_SEEDS=500..2000` through others.

#![allow(
    clippy::expect_used,
    clippy::large_futures,
    clippy::panic,
    reason = "a suite stops at what does not hold, and lives on the heap of its test"
)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tests::wire::{Flaw, NAMES, Outcome, Trace, live};

/// Drawn scenarios.
const SEEDS: u64 = 500;
/// On average each fault is met once in so many scenarios at least.
const ONCE_IN: u64 = 20;
/// Scenarios at once. Some of them wait for a server that hangs.
const AT_ONCE: usize = 4;
/// Seeds that showed a mistake once, one a line; what stands behind the number says of what.
const REGRESSIONS: &str = include_str!("../regressions/wire-seeds.txt");

/// Seeds that go first.
fn regressions() -> Vec<u64> {
    REGRESSIONS
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| !word.starts_with('#'))
        .map(|word| word.parse().expect("a seed"))
        .collect()
}

/// `37`, or `500..2000`: seeds that somebody chose with the variable `WIRE_SEEDS`.
fn range(text: &str) -> Vec<u64> {
    let number = |text: &str| {
        text.parse::<u64>()
            .expect("WIRE_SEEDS is `37` or `500..2000`")
    };
    match text.split_once("..") {
        Some((from, to)) => (number(from)..number(to)).collect(),
        None => vec![number(text)],
    }
}

/// One scenario on a runtime of its own; a panic is a violation.
fn run(seed: u64, flaw: Option<Flaw>) -> (Outcome, Trace) {
    let trace = Trace::default();
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(live(seed, flaw, &trace))
    }));
    let outcome = lived.unwrap_or_else(|_| Outcome {
        violations: vec!["a panic".to_owned()],
        ..Outcome::default()
    });
    (outcome, trace)
}

#[test]
fn five_hundred_lives_under_faults() {
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever looks into one seed names it; the suite itself does not"
    )]
    let chosen = std::env::var("WIRE_SEEDS").ok();
    let seeds = chosen.as_deref().map_or_else(
        || regressions().into_iter().chain(0..SEEDS).collect(),
        range,
    );
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let fired: Mutex<BTreeMap<&'static str, u64>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if failed.load(Ordering::Relaxed) {
                        return;
                    }
                    let (outcome, trace) = run(*seed, None);
                    if !outcome.violations.is_empty() {
                        failed.store(true, Ordering::Relaxed);
                        let found = outcome.violations.join("\n");
                        panic!(
                            "seed {seed}:\n{found}\n\n{}\n\nseed {seed}: {found}",
                            trace.text()
                        );
                    }
                    let mut fired = fired.lock().unwrap_or_else(PoisonError::into_inner);
                    for (name, count) in outcome.fired {
                        *fired.entry(name).or_default() += count;
                    }
                }
            });
        }
    });
    // Chosen seeds say nothing about averages.
    if chosen.is_some() {
        return;
    }
    let fired = fired.into_inner().unwrap_or_else(PoisonError::into_inner);
    for name in NAMES {
        let met = fired.get(name).copied().unwrap_or(0);
        assert!(
            met >= SEEDS / ONCE_IN,
            "`{name}` was met {met} times: {fired:#?}"
        );
    }
    assert_eq!(fired.len(), NAMES.len(), "{fired:#?}");
}

/// The first of twenty seeds at which a flaw is found.
fn found(flaw: Flaw) -> String {
    (0..20)
        .find_map(|seed| run(seed, Some(flaw)).0.violations.into_iter().next())
        .unwrap_or_else(|| panic!("{flaw:?} was not found within twenty seeds"))
}

#[test]
fn who_creates_without_looking_is_found() {
    let found = found(Flaw::CreatesBlindly);
    assert!(found.contains("two accounts of one person"), "{found}");
}

#[test]
fn who_removes_what_a_list_lacks_is_found() {
    let found = found(Flaw::TrustsLists);
    assert!(found.contains("was removed from"), "{found}");
}
