//! What is usual for a company, from the last accepted feeds.

use proptest::prelude::*;

use super::*;

/// Yesterday's feed after others with so many records, a tenth of them in each country.
fn after(numbers: &[u64]) -> Accepted {
    let of = |received: u64| Past {
        received,
        partitions: COUNTRIES
            .iter()
            .map(|name| ((*name).into(), received / 10))
            .collect(),
    };
    Accepted {
        past: numbers.iter().copied().map(of).collect(),
        ..yesterday()
    }
}

/// Why a feed without so many people, all of one country or of every one, is not complete.
fn without(gone: u64, of_one: bool, past: &[u64], population: Option<u64>) -> Vec<Why> {
    let step = if of_one { 10 } else { 1 };
    let mut reading = read(lines(|n| n % step != 0 || n / step >= gone));
    reading.last = Some(after(past));
    reading.population = population;
    reading.sentinels.clear();
    reasons(&reading)
}

fn reasons(reading: &Reading) -> Vec<Why> {
    let verdict = reading.verdict();
    verdict.err().unwrap_or_default()
}

#[test]
fn what_the_percentages_allow_and_this_company_never_does_is_unusual() {
    // Deviations of a few: three of them are some twelve, and fifty more are small change.
    let steady = [10_002, 9_998, 10_004, 9_996];
    assert_eq!(without(59, false, &steady, None), []);
    let found = without(80, false, &steady, None);
    let [
        Why::Unusual {
            received,
            least,
            most,
        },
        parts @ ..,
    ] = &*found
    else {
        panic!("{found:?}");
    };
    let part = |why: &Why| matches!(why, Why::PartitionUnusual { .. });
    assert!(parts.len() == 10 && parts.iter().all(part), "{parts:?}");
    assert_eq!((*received, *least, *most), (9_920, 9_991, 10_009));
    // Three feeds before the last say nothing, and neither does a company that goes up and down.
    assert_eq!(without(80, false, &steady[1..], None), []);
    let lively = [9_800, 10_200, 9_700, 10_300];
    assert_eq!(without(80, false, &lively, None), []);
    // More than usual is unusual too.
    let smaller = [9_802, 9_798, 9_804, 9_796, 9_801, 9_799, 9_803, 9_800];
    let mut more = read(lines(|_| true));
    more.last = Some(Accepted {
        received: 9_800,
        ..after(&smaller)
    });
    assert!(matches!(
        more.reasons()[0],
        Why::Unusual {
            received: PEOPLE,
            ..
        }
    ));
    // Somebody has looked.
    assert_eq!(without(80, false, &steady, Some(9_920)), []);
}

#[test]
fn a_part_that_shrinks_unusually_is_seen_though_the_whole_does_not() {
    let steady = [10_000; 4];
    let found = without(30, true, &steady, None);
    let [
        Why::PartitionUnusual {
            partition,
            received,
            least,
            most,
        },
    ] = &*found
    else {
        panic!("{found:?}");
    };
    assert_eq!(
        (&**partition, *received, *least, *most),
        ("AT", 970, 1_000, 1_000)
    );
    assert_eq!(
        without(5, true, &steady, None),
        [],
        "five are never too many"
    );
    assert_eq!(without(30, true, &steady, Some(9_970)), []);
    // A part that some of them did not have is new.
    let mut reading = read(lines(|n| n % 10 != 0 || n / 10 >= 30));
    reading.sentinels.clear();
    let mut last = after(&steady);
    last.past[1].partitions.remove("AT");
    reading.last = Some(last.clone());
    assert_eq!(reasons(&reading), []);
    // Where policy does not divide the population, nobody asks.
    reading.last = Some(after(&steady));
    reading.policy.partition = None;
    assert_eq!(reasons(&reading), []);
}

#[test]
fn thirty_are_remembered_and_what_a_human_said_begins_anew() {
    let last = after(&(0..KEPT as u64).collect::<Vec<u64>>());
    let past = remember(&last, false);
    assert_eq!(past.len(), KEPT);
    assert_eq!((past[0].received, past[KEPT - 1].received), (1, PEOPLE));
    assert_eq!(past[KEPT - 1].partitions, last.partitions);
    assert_eq!(remember(&last, true), []);
    // What was remembered before there was a past is read.
    let json = serde_json::to_string(&yesterday()).unwrap();
    assert!(!json.contains("past"));
    assert_eq!(
        serde_json::from_str::<Accepted>(&json).unwrap(),
        yesterday()
    );
}

proptest! {
    /// Against the same in floating point.
    #[test]
    fn the_range_is_mean_and_three_deviations(
        numbers in proptest::collection::vec(0_u64..2_000_000, LEAST..=KEPT + 1),
    ) {
        let usual = Usual::of(numbers.iter().copied()).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let exact = |n: u64| n as f64;
        let n = exact(numbers.len() as u64);
        let mean = numbers.iter().map(|one| exact(*one)).sum::<f64>() / n;
        let variance = numbers.iter().map(|one| (exact(*one) - mean).powi(2)).sum::<f64>() / n;
        let three = 3.0 * variance.sqrt();
        prop_assert!((exact(usual.least) - (mean - three).max(0.0)).abs() <= 1.01);
        prop_assert!((exact(usual.most) - (mean + three)).abs() <= 1.01);
        let mut backwards = numbers.clone();
        backwards.reverse();
        prop_assert_eq!(Usual::of(backwards.into_iter()), Some(usual));
    }
}

#[test]
fn large_numbers_do_not_overflow() {
    const MOST: u64 = u32::MAX as u64;
    let huge = Usual::of([u64::MAX; 8].into_iter()).unwrap();
    assert_eq!((huge.least, huge.most), (MOST, MOST));
    assert!(Usual::of([0; LEAST - 1].into_iter()).is_none());
}
