//! Endings in every zone there is: gaps, folds, days that are missing, and the instant "now".

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

mod support;

use domain::fact::{end_of_day, start_of_day};
use domain::fold::fold;
use domain::{Attr, Fact, Phase, RecordKey};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use support::{at, attrs, day, fact, hire, policy};

fn zones() -> Vec<(String, TimeZone)> {
    let names = jiff::tz::db().available();
    let zones: Vec<_> = names
        .map(|name| {
            let zone = TimeZone::get(name.as_str()).expect("a listed zone");
            (name.as_str().to_owned(), zone)
        })
        .collect();
    assert!(zones.len() > 400, "only {} zones", zones.len());
    zones
}

fn shifted(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_add(by).expect("near")
}

fn date(instant: Timestamp, zone: &TimeZone) -> Date {
    instant.to_zoned(zone.clone()).date()
}

const NANO: SignedDuration = SignedDuration::from_nanos(1);

/// A day begins at the first instant that shows it, and is over when no later one shows it again.
fn check(name: &str, zone: &TimeZone, day: Date) {
    let begins = start_of_day(day, zone);
    assert!(
        date(begins, zone) >= day,
        "{name} {day}: begins the day before"
    );
    let eve = shifted(begins, -NANO);
    assert!(date(eve, zone) < day, "{name} {day}: had begun before");
    let ends = end_of_day(day, zone);
    assert!(ends >= begins, "{name} {day}: ends before it begins");
    let eve = shifted(ends, -NANO);
    assert!(date(eve, zone) <= day, "{name} {day}: was over before");
    for minutes in 0..=180 {
        let later = shifted(ends, SignedDuration::from_mins(minutes));
        assert!(
            date(later, zone) > day,
            "{name} {day}: goes on {minutes} minutes after its end"
        );
    }
}

#[test]
fn every_day_near_a_transition_of_every_zone_begins_and_ends_once() {
    let (from, to) = (at("1990-01-01T00:00:00Z"), at("2038-01-01T00:00:00Z"));
    let mut checked = 0_u32;
    for (name, zone) in zones() {
        let transitions = zone.following(from).map(|one| one.timestamp());
        for transition in transitions.take_while(|one| *one < to) {
            let near = date(transition, &zone);
            for day in [near.yesterday(), Ok(near), near.tomorrow()] {
                check(&name, &zone, day.expect("a day"));
                checked += 1;
            }
        }
    }
    assert!(checked > 50_000, "only {checked} days");
}

fn engaged(zone: &str, more: Vec<Fact>) -> Vec<Fact> {
    let mut facts = vec![hire("h", "1989-01-10", &[])];
    facts.extend(more);
    for fact in &mut facts {
        fact.zone = zone.into();
    }
    facts
}

fn phase(facts: &[Fact], now: Timestamp) -> Phase {
    let folded = fold(&policy(), &RecordKey::from("r1"), facts, now);
    assert_eq!(folded.problems, []);
    folded.engagement.phase
}

fn last_day(zone: &str, last: &str) -> Vec<Fact> {
    let stated = attrs([(Attr::EndDate, Some(last))]);
    let ends = fact("t", "1990-01-01", "1990-01-01T00:00:00Z", stated);
    engaged(zone, vec![ends])
}

/// Any zone and an instant within a day of one of its transitions.
fn near_a_transition() -> impl Strategy<Value = (String, Timestamp)> {
    let zones = zones();
    (0..zones.len(), 0_i64..1_500_000_000, -86_400_i64..86_400).prop_map(
        move |(which, since, beside)| {
            let (name, zone) = zones.get(which).expect("a zone").clone();
            let since = shifted(at("1990-01-01T00:00:00Z"), SignedDuration::from_secs(since));
            let next = zone.following(since).next();
            let transition = next.map_or(since, |one| one.timestamp());
            (name, shifted(transition, SignedDuration::from_secs(beside)))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn access_ends_with_the_last_day_and_not_a_moment_before((name, near) in near_a_transition()) {
        let zone = TimeZone::get(&name).expect("a zone");
        let last = date(near, &zone);
        let facts = last_day(&name, &last.to_string());
        let ends = end_of_day(last, &zone);
        prop_assert_eq!(phase(&facts, shifted(ends, -NANO)), Phase::Active);
        prop_assert_eq!(phase(&facts, ends), Phase::Ended);
        prop_assert_eq!(phase(&facts, shifted(ends, SignedDuration::from_hours(3))), Phase::Ended);
    }

    #[test]
    fn now_is_one_instant_in_every_zone((name, now) in near_a_transition()) {
        let mut stated = attrs([
            (Attr::EndMode, Some("now")),
            (Attr::WorkerStatus, Some("terminated")),
        ]);
        let zone = TimeZone::get(&name).expect("a zone");
        // HR states the last day too; the instant is before its end.
        stated.set(Attr::EndDate, date(now, &zone).to_string().as_str());
        let ends = fact("t", &now.to_string(), "1990-01-01T00:00:00Z", stated);
        let facts = engaged(&name, vec![ends]);
        prop_assert_eq!(phase(&facts, shifted(now, -NANO)), Phase::Active);
        prop_assert_eq!(phase(&facts, now), Phase::Ended);
    }
}

#[test]
fn golden_endings() {
    for (zone, last, ends) in [
        // Samoa went from UTC-10 to UTC+14 and had no 30 December 2011.
        ("Pacific/Apia", "2011-12-29", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-31T10:00:00Z"),
        // Lord Howe Island changes by half an hour.
        ("Australia/Lord_Howe", "2026-04-04", "2026-04-04T13:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-05T13:30:00Z"),
        ("Australia/Lord_Howe", "2026-10-03", "2026-10-03T13:30:00Z"),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-04T13:00:00Z"),
        // Morocco is on UTC+1 but for Ramadan.
        ("Africa/Casablanca", "2026-02-14", "2026-02-14T23:00:00Z"),
        ("Africa/Casablanca", "2026-02-15", "2026-02-16T00:00:00Z"),
        ("Africa/Casablanca", "2026-03-21", "2026-03-22T00:00:00Z"),
        ("Africa/Casablanca", "2026-03-22", "2026-03-22T23:00:00Z"),
        // Newfoundland went from 00:01 back to 23:01 of the day before.
        ("America/St_Johns", "2010-11-06", "2010-11-07T03:30:00Z"),
        ("America/St_Johns", "2010-11-07", "2010-11-08T03:30:00Z"),
        // Cuba has its first midnight of 1 November twice; the day before ends with the first.
        ("America/Havana", "2026-10-31", "2026-11-01T04:00:00Z"),
        // Lebanon skips midnight: the new day begins at one o'clock.
        ("Asia/Beirut", "2026-03-28", "2026-03-28T22:00:00Z"),
        ("Asia/Kathmandu", "2026-03-31", "2026-03-31T18:15:00Z"),
        ("Pacific/Kiritimati", "2026-03-31", "2026-03-31T10:00:00Z"),
        ("Etc/GMT+12", "2026-03-31", "2026-04-01T12:00:00Z"),
    ] {
        let facts = last_day(zone, last);
        let ends = at(ends);
        assert_eq!(
            phase(&facts, shifted(ends, -NANO)),
            Phase::Active,
            "{zone} {last}"
        );
        assert_eq!(phase(&facts, ends), Phase::Ended, "{zone} {last}");
        assert_eq!(
            end_of_day(day(last), &TimeZone::get(zone).expect("a zone")),
            ends
        );
    }
}
