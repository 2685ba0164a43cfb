//! The gauge: what any sequence of wishes keeps to, and what those who wait can rely on.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use domain::budget::{Asked, Budget, Cost, Counts, Gauge, Granted, Rate, Slot};
use jiff::Timestamp;
use proptest::prelude::*;

/// Far from zero, so that an instant of an empty gauge lies in the past.
const START: i64 = 1_790_000_000_000_000;
const SECOND: i64 = 1_000_000;

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(START + micros).unwrap()
}

fn rate(of: Counts, count: u32, seconds: u32, burst: u32) -> Rate {
    Rate {
        of,
        count,
        seconds,
        burst,
    }
}

fn budget(rates: &[Rate], reserve_percent: u8) -> Budget {
    Budget {
        rates: rates.to_vec(),
        reserve_percent,
        workers: None,
    }
}

fn users(users: u32) -> Asked {
    Asked {
        cost: Cost {
            users,
            ..Cost::default()
        },
        ..Asked::default()
    }
}

fn urgent(wish: Asked) -> Asked {
    Asked {
        urgent: true,
        ..wish
    }
}

fn returning(wish: Asked) -> Asked {
    Asked {
        returning: true,
        ..wish
    }
}

fn ask(gauge: &mut Gauge, budget: &Budget, micros: i64, wish: Asked) -> Granted {
    gauge.ask(budget, instant(micros), &[wish])[0]
}

fn micros(wait: Duration) -> i64 {
    i64::try_from(wait.as_micros()).unwrap()
}

/// What ordinary work may use at once.
fn ordinary(rate: &Rate, reserve_percent: u8) -> u32 {
    (rate.burst - rate.burst * u32::from(reserve_percent) / 100).max(1)
}

/// What became of one wish.
#[derive(Clone, Debug)]
struct Told {
    wish: Asked,
    asked: i64,
    /// Every time it was told.
    times: Vec<i64>,
    granted: i64,
}

/// Lets everybody ask, and come back when told, until all were granted.
fn simulate(budget: &Budget, wishes: &[(i64, Asked)]) -> Vec<Told> {
    let mut gauge = Gauge::default();
    let mut told: Vec<Told> = wishes
        .iter()
        .map(|(asked, wish)| Told {
            wish: *wish,
            asked: *asked,
            times: Vec::new(),
            granted: 0,
        })
        .collect();
    // Those who come back come before those who come first, each in their order.
    let mut due: BinaryHeap<Reverse<(i64, bool, usize)>> = told
        .iter()
        .enumerate()
        .map(|(index, one)| Reverse((one.asked, true, index)))
        .collect();
    while let Some(Reverse((now, first, index))) = due.pop() {
        let one = &mut told[index];
        let wish = Asked {
            returning: !first,
            ..one.wish
        };
        match ask(&mut gauge, budget, now, wish) {
            Granted::Now => one.granted = now,
            Granted::Later(wait) => {
                assert!(!wait.is_zero(), "nobody is told to come back at once");
                let at = now + micros(wait);
                one.times.push(at);
                assert!(one.times.len() < 10_000, "nobody waits for ever");
                due.push(Reverse((at, false, index)));
            }
        }
    }
    told
}

/// No window of any length has more grants than a rate allows.
fn keeps_to(rate: &Rate, told: &[Told]) {
    let mut granted: Vec<(i64, i128)> = told
        .iter()
        .map(|one| (one.granted, i128::from(one.wish.cost.counted(rate.of))))
        .collect();
    granted.sort_unstable();
    for first in 0..granted.len() {
        let mut sum = 0;
        for (at, want) in &granted[first..] {
            sum += want;
            let length = i128::from(at - granted[first].0);
            let second = i128::from(SECOND) * i128::from(rate.seconds);
            assert!(
                sum * second <= i128::from(rate.burst) * second + length * i128::from(rate.count),
                "{sum} in {length} µs under {rate:?}"
            );
        }
    }
}

fn rates(of: Counts) -> impl Strategy<Value = Rate> {
    (1..200_u32, 1..120_u32)
        .prop_flat_map(move |(count, seconds)| (Just(count), Just(seconds), 1..=count.min(40)))
        .prop_map(move |(count, seconds, burst)| rate(of, count, seconds, burst))
}

/// Gaps between wishes, mostly none, now and then so long that buckets fill again.
fn gaps() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => Just(0),
        4 => 0..SECOND,
        1 => 0..200 * SECOND,
    ]
}

fn arrivals<W>(wish: W) -> impl Strategy<Value = Vec<(i64, Asked)>>
where
    W: Strategy<Value = Asked>,
{
    prop::collection::vec((gaps(), wish), 1..60).prop_map(|list| {
        let mut now = 0;
        list.into_iter()
            .map(|(gap, wish)| {
                now += gap;
                (now, wish)
            })
            .collect()
    })
}

/// A rate, what is kept back, and wishes that fit at once.
fn one_rate(with_urgent: bool) -> impl Strategy<Value = (Rate, u8, Vec<(i64, Asked)>)> {
    (rates(Counts::Users), 0..=90_u8).prop_flat_map(move |(rate, reserve)| {
        let most = ordinary(&rate, reserve);
        let wish = (1..=most, any::<bool>()).prop_map(move |(count, soon)| Asked {
            urgent: soon && with_urgent,
            ..users(count)
        });
        (Just(rate), Just(reserve), arrivals(wish))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_window_has_more_than_burst_and_rate((rate, reserve, wishes) in one_rate(true)) {
        let told = simulate(&budget(&[rate], reserve), &wishes);
        keeps_to(&rate, &told);
    }

    #[test]
    fn every_rate_of_several_is_kept(
        all in rates(Counts::All),
        writes in rates(Counts::Writes),
        groups in rates(Counts::Groups),
        reserve in 0..=90_u8,
        list in arrivals((0..3_u32, 0..3_u32, 0..3_u32, any::<bool>()).prop_map(
            |(reads, users, groups, urgent)| Asked {
                cost: Cost { reads, users, groups },
                urgent,
                returning: false,
            },
        )),
    ) {
        // Bursts that hold the largest wish even without the reserve.
        let wide = |rate: Rate| Rate { count: rate.count + 60, burst: rate.burst + 60, ..rate };
        let rates = [wide(all), wide(writes), wide(groups)];
        let told = simulate(&budget(&rates, reserve), &list);
        for rate in &rates {
            keeps_to(rate, &told);
        }
    }

    #[test]
    fn ordinary_work_alone_leaves_the_reserve((rate, reserve, wishes) in one_rate(false)) {
        let budget = budget(&[rate], reserve);
        let kept = rate.burst - ordinary(&rate, reserve);
        let mut gauge = Gauge::default();
        for (at, wish) in wishes {
            ask(&mut gauge, &budget, at, wish);
            let mut copy = gauge.clone();
            if kept > 0 {
                prop_assert_eq!(ask(&mut copy, &budget, at, urgent(users(kept))), Granted::Now);
            }
        }
    }

    #[test]
    fn whoever_comes_back_in_time_is_granted_and_nobody_overtakes(
        (rate, reserve, wishes) in one_rate(false),
    ) {
        let told = simulate(&budget(&[rate], reserve), &wishes);
        for one in &told {
            prop_assert!(one.times.len() <= 1, "{:?}", one);
            prop_assert_eq!(one.granted, *one.times.last().unwrap_or(&one.asked));
        }
        // In the order in which they asked, whatever each wants.
        prop_assert!(told.is_sorted_by_key(|one| one.granted));
    }

    #[test]
    fn a_turn_is_lost_to_terminations_alone((rate, reserve, wishes) in one_rate(true)) {
        let told = simulate(&budget(&[rate], reserve), &wishes);
        for one in told.iter().filter(|one| !one.wish.urgent) {
            for pair in one.times.windows(2) {
                let taken = told
                    .iter()
                    .any(|other| other.wish.urgent && other.granted <= pair[0]);
                prop_assert!(taken, "{:?} was refused for nothing", one);
            }
            // Others who came back in vain, too, may want less and fit before.
            prop_assert!(one.times.len() <= told.len() + 1, "{:?} came back again and again", one);
        }
    }

    #[test]
    fn a_batch_is_answered_like_its_wishes_one_by_one(
        (rate, reserve, wishes) in one_rate(true),
    ) {
        let budget = budget(&[rate], reserve);
        let wishes: Vec<Asked> = wishes.into_iter().map(|(_, wish)| wish).collect();
        let (mut whole, mut single) = (Gauge::default(), Gauge::default());
        let together = whole.ask(&budget, instant(0), &wishes);
        let apart: Vec<Granted> =
            wishes.iter().map(|wish| ask(&mut single, &budget, 0, *wish)).collect();
        prop_assert_eq!(together, apart);
        prop_assert_eq!(whole, single);
    }

    #[test]
    fn giving_back_adds_no_more_than_was_given_back(
        rate in rates(Counts::Users),
        steps in prop::collection::vec((gaps(), 1..40_u32, 0..40_u32), 1..60),
    ) {
        let budget = budget(&[rate], 0);
        let mut gauge = Gauge::default();
        let mut now = 0;
        // Grants, and what was given back as a grant of less than nothing.
        let mut granted: Vec<(i64, i128, i128)> = Vec::new();
        for (gap, want, unused) in steps {
            now += gap;
            let want = want.min(rate.burst);
            if ask(&mut gauge, &budget, now, urgent(users(want))) == Granted::Now {
                let unused = unused.min(want);
                gauge.give_back(&budget, users(unused).cost);
                granted.push((now, i128::from(want), i128::from(unused)));
            }
        }
        for first in 0..granted.len() {
            let mut net = 0;
            for (at, want, unused) in &granted[first..] {
                net += want - unused;
                let length = i128::from(at - granted[first].0);
                let second = i128::from(SECOND) * i128::from(rate.seconds);
                prop_assert!(
                    net * second <= i128::from(rate.burst) * second + length * i128::from(rate.count)
                );
            }
        }
    }

    #[test]
    fn nothing_is_granted_before_the_time_that_the_target_named(
        (rate, reserve, wishes) in one_rate(true),
        until in 1..300 * SECOND,
        returns in any::<bool>(),
    ) {
        let budget = budget(&[rate], reserve);
        let mut gauge = Gauge::default();
        let mut told: Vec<(i64, Asked)> = Vec::new();
        for (_, wish) in &wishes {
            if let Granted::Later(wait) = ask(&mut gauge, &budget, 0, *wish) {
                told.push((micros(wait), *wish));
            }
        }
        gauge.exhaust(&budget, instant(until));
        let mut ordinary_then = 0;
        for (at, wish) in told.iter().filter(|_| returns) {
            let answer = ask(&mut gauge, &budget, (*at).min(until), returning(*wish));
            prop_assert_ne!(answer, Granted::Now);
        }
        for (at, wish) in &wishes {
            let at = (*at).min(until);
            prop_assert_ne!(ask(&mut gauge, &budget, at, *wish), Granted::Now);
            // Nor a burst when it is over: the bucket begins empty.
            let mut copy = gauge.clone();
            for _ in 0..rate.burst {
                if ask(&mut copy, &budget, until, returning(users(1))) == Granted::Now {
                    ordinary_then += 1;
                }
            }
        }
        prop_assert_eq!(ordinary_then, 0);
    }

    #[test]
    fn the_longest_wait_of_a_backlog_is_what_does_not_fit_at_once(
        rate in rates(Counts::Users),
        reserve in 0..=90_u8,
        backlog in 1..500_u32,
    ) {
        let budget = budget(&[rate], reserve);
        let wishes = vec![(0, users(1)); usize::try_from(backlog).unwrap()];
        let told = simulate(&budget, &wishes);
        let last = told.iter().map(|one| one.granted).max().unwrap();
        let interval = (i64::from(rate.seconds) * SECOND).div_euclid(i64::from(rate.count));
        let interval = interval + i64::from(interval * i64::from(rate.count) < i64::from(rate.seconds) * SECOND);
        let late = backlog.saturating_sub(ordinary(&rate, reserve));
        prop_assert_eq!(last, i64::from(late) * interval);
    }

    #[test]
    fn no_number_overflows(
        count in any::<u32>(), seconds in any::<u32>(), burst in any::<u32>(),
        reads in any::<u32>(), users in any::<u32>(), reserve in any::<u8>(),
        returning in any::<bool>(), urgent in any::<bool>(),
    ) {
        let budget = budget(&[rate(Counts::All, count, seconds, burst)], reserve);
        let wish = Asked { cost: Cost { reads, users, groups: reads }, urgent, returning };
        let mut gauge = Gauge::default();
        for _ in 0..20 {
            gauge.ask(&budget, instant(0), &[wish; 4]);
            gauge.exhaust(&budget, instant(SECOND));
        }
        gauge.give_back(&budget, wish.cost.plus(wish.cost));
    }
}

#[test]
fn a_backlog_of_a_thousand_takes_its_intervals_and_no_more() {
    // 180 a minute is one in a third of a second, rounded up to a microsecond.
    let rate = rate(Counts::Users, 180, 60, 20);
    let told = simulate(&budget(&[rate], 0), &vec![(0, users(1)); 1000]);
    let last = told.iter().map(|one| one.granted).max().unwrap();
    assert_eq!(last, 980 * 333_334);
    assert!(told.iter().all(|one| one.times.len() <= 1));
}

#[test]
fn a_termination_waits_for_no_promise() {
    let budget = budget(&[rate(Counts::Users, 60, 60, 10)], 20);
    let mut gauge = Gauge::default();
    for _ in 0..100 {
        ask(&mut gauge, &budget, 0, users(1));
    }
    let now = |gauge: &mut Gauge| ask(gauge, &budget, 0, urgent(users(1)));
    assert_eq!(now(&mut gauge), Granted::Now);
    assert_eq!(now(&mut gauge), Granted::Now);
    assert_eq!(now(&mut gauge), Granted::Later(Duration::from_secs(1)));
}

#[test]
fn does_not_let_a_mixed_stream_starve_whoever_waits_for_two_rates() {
    let budget = budget(
        &[rate(Counts::Reads, 10, 1, 10), rate(Counts::Users, 1, 1, 1)],
        0,
    );
    let both = Asked {
        cost: Cost {
            reads: 10,
            users: 1,
            groups: 0,
        },
        ..Asked::default()
    };
    let mut wishes = vec![(0, users(1)), (0, both)];
    // Reads as fast as they are granted, for a minute.
    let read = Asked {
        cost: Cost::reads(1),
        ..Asked::default()
    };
    wishes.extend((0..600).map(|turn| (turn * SECOND / 10, read)));
    let told = simulate(&budget, &wishes);
    assert!(
        told[1].granted <= 5 * SECOND,
        "granted after {} µs, told {:?}",
        told[1].granted,
        told[1].times
    );
}

#[test]
fn those_who_come_back_in_vain_are_not_told_the_same_time() {
    let budget = budget(&[rate(Counts::Users, 1, 1, 1)], 0);
    let mut gauge = Gauge::default();
    let mut told: Vec<i64> = Vec::new();
    for _ in 0..10 {
        if let Granted::Later(wait) = ask(&mut gauge, &budget, 0, users(1)) {
            told.push(micros(wait));
        }
    }
    gauge.exhaust(&budget, instant(30 * SECOND));
    let again: Vec<i64> = told
        .iter()
        .map(
            |at| match ask(&mut gauge, &budget, *at, returning(users(1))) {
                Granted::Now => panic!("nothing is left"),
                Granted::Later(wait) => at + micros(wait),
            },
        )
        .collect();
    let seconds: Vec<i64> = again.iter().map(|at| at / SECOND).collect();
    assert_eq!(seconds, [31, 32, 33, 34, 35, 36, 37, 38, 39]);
    // Each is granted then, and whoever comes first now comes after them.
    for at in again {
        assert_eq!(
            ask(&mut gauge, &budget, at, returning(users(1))),
            Granted::Now
        );
    }
    let last = ask(&mut gauge, &budget, 39 * SECOND, users(1));
    assert_eq!(last, Granted::Later(Duration::from_secs(1)));
}

#[test]
fn more_than_a_burst_waits_for_a_full_bucket_and_is_paid_off_afterwards() {
    let budget = budget(&[rate(Counts::Users, 60, 60, 10)], 0);
    let mut gauge = Gauge::default();
    assert_eq!(ask(&mut gauge, &budget, 0, users(25)), Granted::Now);
    let next = ask(&mut gauge, &budget, 0, users(1));
    assert_eq!(next, Granted::Later(Duration::from_secs(16)));
}

#[test]
fn what_is_given_back_is_there_for_the_next() {
    let budget = budget(&[rate(Counts::Users, 60, 60, 10)], 0);
    let mut gauge = Gauge::default();
    assert_eq!(ask(&mut gauge, &budget, 0, users(10)), Granted::Now);
    gauge.give_back(&budget, users(4).cost);
    assert_eq!(ask(&mut gauge, &budget, 0, users(4)), Granted::Now);
    let next = ask(&mut gauge, &budget, 0, users(1));
    assert_eq!(next, Granted::Later(Duration::from_secs(1)));
}

#[test]
fn another_pace_counts_what_waits_in_its_own_intervals() {
    let slow = budget(&[rate(Counts::Users, 1, 3600, 1)], 0);
    let fast = budget(&[rate(Counts::Users, 1, 1, 1)], 0);
    let mut gauge = Gauge::default();
    for _ in 0..11 {
        ask(&mut gauge, &slow, 0, users(1));
    }
    let next = ask(&mut gauge, &fast, 0, users(1));
    assert_eq!(next, Granted::Later(Duration::from_secs(11)));
}

#[test]
fn a_kind_without_a_rate_is_never_told_to_wait() {
    let budget = budget(&[rate(Counts::Groups, 1, 60, 1)], 0);
    let mut gauge = Gauge::default();
    for _ in 0..100 {
        assert_eq!(ask(&mut gauge, &budget, 0, users(5)), Granted::Now);
    }
}

#[test]
fn places_are_bounded_and_run_out() {
    let budget = Budget {
        workers: Some(2),
        ..Budget::default()
    };
    let mut gauge = Gauge::default();
    let enter = |gauge: &mut Gauge, worker: &str, at: i64, urgent: bool| {
        let until = instant((at + 60) * SECOND);
        gauge.enter(&budget, worker, instant(at * SECOND), until, urgent)
    };
    let full = |seconds| Slot::Full(Duration::from_secs(seconds));
    assert_eq!(enter(&mut gauge, "a", 0, false), Slot::Taken);
    assert_eq!(enter(&mut gauge, "b", 10, false), Slot::Taken);
    assert_eq!(enter(&mut gauge, "c", 20, false), full(40));
    // Whoever has a place keeps it, and terminations always have one.
    assert_eq!(enter(&mut gauge, "a", 20, false), Slot::Taken);
    assert_eq!(enter(&mut gauge, "t", 20, true), Slot::Taken);
    assert_eq!(enter(&mut gauge, "c", 21, false), full(49));
    gauge.leave("b");
    assert_eq!(enter(&mut gauge, "c", 22, false), full(58));
    gauge.leave("t");
    assert_eq!(enter(&mut gauge, "c", 23, false), Slot::Taken);
    assert_eq!(enter(&mut gauge, "d", 79, false), full(1));
    assert_eq!(enter(&mut gauge, "d", 80, false), Slot::Taken);
    // Without a bound nobody is counted.
    let free = Budget::default();
    for _ in 0..10 {
        let slot = gauge.enter(&free, "e", instant(0), instant(SECOND), false);
        assert_eq!(slot, Slot::Taken);
    }
}

#[test]
fn a_gauge_survives_being_stored() {
    let budget = Budget {
        workers: Some(3),
        ..budget(&[rate(Counts::All, 10, 1, 5)], 10)
    };
    let mut gauge = Gauge::default();
    ask(&mut gauge, &budget, 0, users(3));
    gauge.enter(&budget, "a", instant(0), instant(SECOND), false);
    let text = serde_json::to_string(&gauge.at_version(7)).unwrap();
    let read: Gauge = serde_json::from_str(&text).unwrap();
    assert_eq!(read, gauge.at_version(7));
    assert_eq!(read.version, 7);
}

mod window {
    use domain::budget::{Tally, Window};
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    const fn ill(ill: u32) -> Tally {
        Tally { well: 0, ill }
    }

    const fn well(well: u32) -> Tally {
        Tally { well, ill: 0 }
    }

    #[test]
    fn ten_failures_and_no_more_answers_mean_ill() {
        let mut window = Window::default();
        assert!(!window.count(at(0), well(10)));
        assert!(!window.count(at(1), ill(9)));
        assert!(window.count(at(2), ill(1)));
        assert!(!window.count(at(3), well(1)));
    }

    #[test]
    fn nine_failures_alone_mean_nothing() {
        let mut window = Window::default();
        assert!(!window.count(at(0), ill(9)));
    }

    #[test]
    fn failures_of_the_half_before_count_too_and_age_out() {
        let half = Window::HALF.as_secs();
        let mut window = Window::default();
        assert!(!window.count(at(0), ill(6)));
        assert!(window.count(at(half), ill(4)));
        let mut window = Window::default();
        assert!(!window.count(at(0), ill(9)));
        assert!(!window.count(at(half), ill(0)));
        assert!(!window.count(at(2 * half), ill(1)));
        let mut window = Window::default();
        assert!(window.count(at(0), ill(50)));
        assert!(!window.count(at(2 * half), ill(9)));
    }

    #[test]
    fn a_clock_that_is_a_little_behind_forgets_nothing() {
        let mut window = Window::default();
        assert!(!window.count(at(10), ill(9)));
        assert!(window.count(at(9), ill(1)));
    }

    proptest! {
        #[test]
        fn thinly_spread_failures_mean_nothing(
            gaps in prop::collection::vec(40..400_i64, 1..200),
        ) {
            // At most 8 fit into two halves.
            let mut window = Window::default();
            let mut now = 0;
            for gap in gaps {
                now += gap;
                prop_assert!(!window.count(at(now), ill(1)));
            }
        }

        #[test]
        fn is_ill_only_with_enough_failures_within_two_halves(
            steps in prop::collection::vec((0..200_i64, 0..4_u32, 0..4_u32), 1..80),
        ) {
            let mut window = Window::default();
            let mut now = 0;
            let mut past: Vec<(i64, Tally)> = Vec::new();
            for (gap, well, ill) in steps {
                now += gap;
                let tally = Tally { well, ill };
                past.push((now, tally));
                let left_alone = window.count(at(now), tally);
                let sum = |length: SignedDuration| -> u32 {
                    past.iter()
                        .filter(|(when, _)| now - when < length.as_secs())
                        .map(|(_, tally)| tally.ill)
                        .sum()
                };
                if left_alone {
                    prop_assert!(sum(Window::HALF * 2) >= Window::LEAST);
                }
                let recent_well: u32 = past
                    .iter()
                    .filter(|(when, _)| now - when < 2 * Window::HALF.as_secs())
                    .map(|(_, tally)| tally.well)
                    .sum();
                // What happened in the last half is seen whatever was before.
                if recent_well == 0 && sum(Window::HALF) >= Window::LEAST {
                    prop_assert!(left_alone);
                }
            }
        }
    }
}
