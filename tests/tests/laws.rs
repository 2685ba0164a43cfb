//! Laws 7 (no SoD pair is held in passing, in one target or across two), 8 (one writer, generations never go back), 9 (one account per identity), 10 (never what
//! is not ours), 12 (identifiers are never given to somebody else), liveness and accounting, over
//! whole lives with races and faults. Fault rates are mixed, because high rates hide races.

#![allow(
    clippy::expect_used,
    clippy::large_futures,
    reason = "a suite stops at what does not hold, and lives on the heap of its test"
)]

use std::collections::BTreeMap;

use domain::change::AttrChange;
use domain::{Change, Pii, Slot};
use ports::Apply;
use tests::sim::{Pair, SimTarget, Weather, live};

/// Seeds per weather. Each takes some milliseconds.
const SEEDS: u64 = 60;

async fn all(weather: Weather, from: u64) -> BTreeMap<&'static str, u64> {
    let mut fired: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in from..from + SEEDS {
        let outcome = Box::pin(live(seed, weather)).await;
        assert!(
            outcome.violations.is_empty(),
            "seed {seed}: {:#?}",
            outcome.violations
        );
        for (kind, count) in outcome.fired {
            *fired.entry(kind).or_default() += count;
        }
    }
    fired
}

#[tokio::test]
async fn nothing_breaks_but_everything_races() {
    let fired = all(Weather::calm(6), 0).await;
    assert!(fired.is_empty(), "{fired:?}");
}

#[tokio::test]
async fn long_lives_race() {
    let fired = all(Weather::calm(20), 10_000).await;
    assert!(fired.is_empty(), "{fired:?}");
}

#[tokio::test]
async fn light_weather() {
    all(Weather::rough(10, 8), 20_000).await;
}

#[tokio::test]
async fn rough_weather() {
    let fired = all(Weather::rough(50, 12), 30_000).await;
    for kind in [
        "before",
        "after",
        "throttle",
        "table",
        "table-lost",
        "queue",
        "process",
    ] {
        assert!(
            fired.get(kind).is_some_and(|count| *count > 10),
            "{kind} was met: {fired:?}"
        );
    }
}

#[tokio::test]
async fn storm() {
    let fired = all(Weather::rough(200, 6), 40_000).await;
    for kind in ["halt", "ignore"] {
        assert!(
            fired.get(kind).is_some_and(|count| *count > 3),
            "{kind} was met: {fired:?}"
        );
    }
}

#[tokio::test]
async fn whoever_left_is_out_before_the_night_where_targets_are_slow() {
    all(Weather::calm(3).slow(), 100_000).await;
    all(Weather::rough(10, 3).slow(), 110_000).await;
    all(Weather::rough(50, 3).slow(), 120_000).await;
}

#[tokio::test]
async fn duties_in_two_targets_while_everything_races() {
    all(Weather::calm(6).across(), 50_000).await;
    all(Weather::calm(20).across(), 60_000).await;
}

#[tokio::test]
async fn duties_in_two_targets_in_rough_weather() {
    all(Weather::rough(10, 8).across(), 70_000).await;
    all(Weather::rough(50, 12).across(), 80_000).await;
    all(Weather::rough(200, 6).across(), 90_000).await;
}

#[tokio::test]
async fn a_target_that_watches_sees_a_pair() {
    let (dir, wiki) = (SimTarget::new(1), SimTarget::new(2));
    dir.watch(Pair {
        here: "payables".into(),
        there: "approvers".into(),
        target: wiki.clone(),
    });
    let create = Change::Create {
        active: true,
        attrs: BTreeMap::from([
            ("externalId".into(), made("k1")),
            ("userName".into(), made("ana")),
        ]),
    };
    for (target, entitlement) in [(&wiki, "approvers"), (&dir, "payables")] {
        let account = target.apply(&create, None).await.expect("an account").id;
        let grant = Change::Grant {
            entitlement: entitlement.into(),
        };
        target
            .apply(&grant, Some(&account))
            .await
            .expect("a membership");
    }
    assert_eq!(dir.violations(), ["law 7: `payables` beside `approvers`"]);
}

fn made(text: &str) -> AttrChange {
    AttrChange {
        was: None,
        want: Pii::new(Slot::from(text)),
    }
}

#[tokio::test]
async fn the_same_seed_is_the_same_life() {
    for seed in 0..5 {
        let one = live(seed, Weather::rough(50, 6)).await;
        let two = live(seed, Weather::rough(50, 6)).await;
        assert_eq!(one.fired, two.fired);
    }
}
