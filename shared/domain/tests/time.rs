//! When access begins and ends: zones, corrections, leave, deletion.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use domain::fold::{Folded, fold};
use domain::{
    Attr, Attrs, Effective, EventId, Fact, FactBody, Phase, Pii, Problem, RecordKey, Slot,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use support::{at, attrs, body_fact, day, fact, hire, policy};

fn folded(facts: &[Fact], now: &str) -> Folded {
    fold(&policy(), &RecordKey::from("r1"), facts, at(now))
}

fn phase(facts: &[Fact], now: &str) -> Phase {
    folded(facts, now).engagement.phase
}

fn one(attr: Attr, text: &str) -> Attrs {
    attrs([(attr, Some(text))])
}

fn in_zone(mut facts: Vec<Fact>, zone: &str) -> Vec<Fact> {
    for fact in &mut facts {
        fact.zone = zone.into();
    }
    facts
}

#[test]
fn access_ends_when_the_last_day_ends_in_the_workers_zone() {
    let ending = [
        hire("h", "2026-01-10", &[(Attr::Location, "Auckland")]),
        fact(
            "t",
            "2026-03-01",
            "2026-03-01T00:00:00Z",
            one(Attr::EndDate, "2026-03-31"),
        ),
    ];
    // 1 April begins in Auckland (UTC+13, summer time) at 11:00 UTC on 31 March.
    assert_eq!(phase(&ending, "2026-03-31T10:59:59Z"), Phase::Active);
    assert_eq!(phase(&ending, "2026-03-31T11:00:00Z"), Phase::Ended);
    assert_eq!(
        folded(&ending, "2026-03-02T00:00:00Z").engagement.ends_at,
        Some(at("2026-03-31T11:00:00Z"))
    );
}

#[test]
fn the_same_last_day_ends_later_in_honolulu() {
    let facts = in_zone(
        vec![hire("h", "2026-01-10", &[(Attr::EndDate, "2026-03-31")])],
        "Pacific/Honolulu",
    );
    assert_eq!(phase(&facts, "2026-04-01T09:59:59Z"), Phase::Active);
    assert_eq!(phase(&facts, "2026-04-01T10:00:00Z"), Phase::Ended);
}

#[test]
fn now_means_the_instant_of_the_fact() {
    let mut stated = one(Attr::EndDate, "2026-03-31");
    stated.set(Attr::EndMode, "now");
    stated.set(Attr::WorkerStatus, "terminated");
    let facts = [
        hire("h", "2026-01-10", &[]),
        fact("t", "2026-03-31T14:05:00Z", "2026-03-31T14:05:00Z", stated),
    ];
    assert_eq!(phase(&facts, "2026-03-31T14:04:59Z"), Phase::Active);
    assert_eq!(phase(&facts, "2026-03-31T14:05:00Z"), Phase::Ended);
}

#[test]
fn every_zone_ends_every_kind_of_day() {
    // Days on which some zone has no midnight, two midnights, or no such day at all.
    let days = [
        "2011-12-30",
        "2018-11-04",
        "2024-03-31",
        "2024-04-07",
        "2026-02-28",
        "2026-10-25",
    ];
    let mut zones = 0;
    for name in jiff::tz::db().available() {
        let zone = TimeZone::get(name.as_str()).expect("a listed zone");
        zones += 1;
        for text in days {
            let last = day(text);
            let facts = in_zone(
                vec![hire("h", "2000-01-10", &[(Attr::EndDate, text)])],
                name.as_str(),
            );
            let ends = folded(&facts, "2000-02-01T00:00:00Z")
                .engagement
                .ends_at
                .expect("an end");
            let before = ends.checked_sub(SignedDuration::from_nanos(1)).unwrap();
            let skipped = before.to_zoned(zone.clone()).date() < last;
            assert!(
                ends.to_zoned(zone.clone()).date() > last,
                "{name} {text}: still that day"
            );
            // Samoa and Tokelau left out 30 December 2011: the day before is the last one there.
            if skipped {
                assert_eq!(text, "2011-12-30", "{name}: the last day is cut short");
            }
        }
    }
    assert!(zones > 400, "only {zones} zones");
}

#[test]
fn a_future_hire_is_seen_as_of_the_first_day() {
    let facts = [hire("h", "2026-05-04", &[(Attr::Title, "Engineer")])];
    let folded = folded(&facts, "2026-04-01T00:00:00Z");
    assert_eq!(folded.engagement.phase, Phase::Prehire);
    assert_eq!(folded.engagement.attrs.text(Attr::Title), Some("Engineer"));
    assert_eq!(
        folded.engagement.next_fact_at,
        Some(at("2026-05-04T00:00:00Z"))
    );
    assert_eq!(phase(&facts, "2026-05-04T00:00:00Z"), Phase::Active);
}

#[test]
fn a_backdated_fact_holds_until_the_next_one_in_valid_time() {
    let facts = [
        hire("h", "2026-01-10", &[(Attr::Title, "Engineer")]),
        fact(
            "m",
            "2026-03-01",
            "2026-03-01T00:00:00Z",
            one(Attr::Title, "Lead"),
        ),
        // Recorded last, valid between the two.
        fact(
            "b",
            "2026-02-01",
            "2026-04-01T00:00:00Z",
            one(Attr::Title, "Senior Engineer"),
        ),
    ];
    let title = |now| {
        folded(&facts, now)
            .engagement
            .attrs
            .text(Attr::Title)
            .map(str::to_owned)
    };
    assert_eq!(title("2026-01-20T00:00:00Z").as_deref(), Some("Engineer"));
    assert_eq!(
        title("2026-02-20T00:00:00Z").as_deref(),
        Some("Senior Engineer")
    );
    assert_eq!(title("2026-05-01T00:00:00Z").as_deref(), Some("Lead"));
}

#[test]
fn a_correction_voids_what_it_corrects() {
    let corrected = FactBody::Assert {
        attrs: Pii::new(one(Attr::Department, "Finance")),
        corrects: Some(EventId::from("wrong")),
    };
    let facts = [
        hire("h", "2026-01-10", &[]),
        fact(
            "wrong",
            "2026-02-01",
            "2026-02-01T00:00:00Z",
            one(Attr::Department, "Treasury"),
        ),
        body_fact("right", "2026-03-01", "2026-02-02T00:00:00Z", corrected),
    ];
    let department = |now| {
        folded(&facts, now)
            .engagement
            .attrs
            .text(Attr::Department)
            .map(str::to_owned)
    };
    assert_eq!(
        department("2026-02-10T00:00:00Z").as_deref(),
        Some("Engineering")
    );
    assert_eq!(
        department("2026-03-10T00:00:00Z").as_deref(),
        Some("Finance")
    );
}

#[test]
fn a_rescinded_hire_never_began() {
    let facts = [
        hire("h", "2026-05-04", &[]),
        body_fact(
            "r",
            "2026-04-20",
            "2026-04-20T00:00:00Z",
            FactBody::Rescind {
                event: EventId::from("h"),
            },
        ),
    ];
    let folded = folded(&facts, "2026-04-21T00:00:00Z");
    assert_eq!(folded.engagement.phase, Phase::NoShow);
    assert_eq!(folded.problems, [], "nobody waits for what was taken back");
}

#[test]
fn a_rescinded_ending_is_no_ending() {
    let rescind = FactBody::Rescind {
        event: EventId::from("t"),
    };
    let facts = [
        hire("h", "2026-01-10", &[]),
        fact(
            "t",
            "2026-03-01",
            "2026-03-01T00:00:00Z",
            one(Attr::EndDate, "2026-03-31"),
        ),
        body_fact("r", "2026-03-20", "2026-03-20T00:00:00Z", rescind),
    ];
    let engagement = folded(&facts, "2026-05-01T00:00:00Z").engagement;
    assert_eq!(
        (engagement.phase, engagement.ends_at),
        (Phase::Active, None)
    );
}

#[test]
fn a_rescinded_rescission_leaves_the_ending_in_place() {
    let rescind = |event: &str| FactBody::Rescind {
        event: EventId::from(event),
    };
    let facts = [
        hire("h", "2026-01-10", &[]),
        fact(
            "t",
            "2026-03-01",
            "2026-03-01T00:00:00Z",
            one(Attr::EndDate, "2026-03-31"),
        ),
        body_fact("r", "2026-03-20", "2026-03-20T00:00:00Z", rescind("t")),
        body_fact("rr", "2026-03-21", "2026-03-21T00:00:00Z", rescind("r")),
    ];
    assert_eq!(phase(&facts, "2026-05-01T00:00:00Z"), Phase::Ended);
}

#[test]
fn a_deleted_record_is_an_ending() {
    let facts = [
        hire("h", "2026-01-10", &[]),
        body_fact(
            "d",
            "2026-03-05T10:00:00Z",
            "2026-03-05T10:00:00Z",
            FactBody::Delete,
        ),
        // Stated for later, recorded before the deletion: it does not bring the person back.
        fact(
            "p",
            "2026-04-01",
            "2026-02-01T00:00:00Z",
            one(Attr::Title, "Lead"),
        ),
    ];
    assert_eq!(phase(&facts, "2026-03-05T09:59:59Z"), Phase::Active);
    assert_eq!(phase(&facts, "2026-03-05T10:00:00Z"), Phase::Ended);
    assert_eq!(phase(&facts, "2026-04-02T00:00:00Z"), Phase::Ended);
}

#[test]
fn an_ending_holds_against_what_was_recorded_before_it_and_dated_ahead() {
    let promotion = attrs([
        (Attr::Title, Some("Lead")),
        (Attr::WorkerStatus, Some("active")),
        (Attr::EndDate, None),
    ]);
    let ending = attrs([
        (Attr::WorkerStatus, Some("terminated")),
        (Attr::EndDate, Some("2026-03-10")),
    ]);
    let mut facts = vec![
        hire("h", "2026-01-10", &[]),
        fact("p", "2026-04-01", "2026-02-01T00:00:00Z", promotion),
        fact("t", "2026-03-01", "2026-03-01T00:00:00Z", ending),
    ];
    assert_eq!(phase(&facts, "2026-04-02T00:00:00Z"), Phase::Ended);
    // Hired again on the same record: recorded after the ending.
    let back = attrs([(Attr::WorkerStatus, Some("active")), (Attr::EndDate, None)]);
    facts.push(fact("b", "2026-05-01", "2026-04-20T00:00:00Z", back));
    assert_eq!(phase(&facts, "2026-04-30T00:00:00Z"), Phase::Ended);
    assert_eq!(phase(&facts, "2026-05-01T00:00:00Z"), Phase::Active);
}

#[test]
fn a_no_show_holds_against_the_hire_that_was_dated_ahead() {
    let facts = [
        hire("h", "2026-05-04", &[]),
        fact(
            "n",
            "2026-04-20",
            "2026-04-20T00:00:00Z",
            one(Attr::WorkerStatus, "no_show"),
        ),
    ];
    assert_eq!(phase(&facts, "2026-04-21T00:00:00Z"), Phase::NoShow);
    assert_eq!(phase(&facts, "2026-05-05T00:00:00Z"), Phase::NoShow);
}

#[test]
fn leave_suspends_and_comes_back() {
    let facts = [
        hire("h", "2026-01-10", &[]),
        fact(
            "l",
            "2026-03-01",
            "2026-02-20T00:00:00Z",
            one(Attr::WorkerStatus, "leave"),
        ),
        fact(
            "b",
            "2026-06-01",
            "2026-02-20T00:00:00Z",
            one(Attr::WorkerStatus, "active"),
        ),
    ];
    assert_eq!(phase(&facts, "2026-02-28T00:00:00Z"), Phase::Active);
    assert_eq!(phase(&facts, "2026-03-01T00:00:00Z"), Phase::Suspended);
    assert_eq!(phase(&facts, "2026-06-01T00:00:00Z"), Phase::Active);
}

#[test]
fn bad_data_is_named_by_attribute_and_never_by_value() {
    let facts = [hire(
        "h",
        "2026-05-04",
        &[
            (Attr::Department, "Astrology"),
            (Attr::EmploymentType, "contractor"),
            (Attr::TimeZone, "Mars/Olympus"),
            (Attr::EndDate, "soon"),
            (Attr::FamilyName, ""),
        ],
    )];
    let problems = folded(&facts, "2026-05-05T00:00:00Z").problems;
    assert_eq!(
        problems,
        [
            Problem::Unknown {
                attr: Attr::Department
            },
            Problem::Missing {
                attr: Attr::FamilyName
            },
            Problem::Malformed {
                attr: Attr::TimeZone
            },
            Problem::Malformed {
                attr: Attr::EndDate
            },
            Problem::NoEndDate,
        ]
    );
    let told = format!("{problems:?}");
    for value in ["Astrology", "Olympus", "soon"] {
        assert!(!told.contains(value), "{value} is personal");
    }
}

#[test]
fn a_last_day_before_the_first_is_a_problem() {
    let facts = [hire("h", "2026-05-04", &[(Attr::EndDate, "2026-05-01")])];
    assert_eq!(
        folded(&facts, "2026-05-05T00:00:00Z").problems,
        [Problem::EndBeforeStart]
    );
}

#[test]
fn absent_null_and_empty_are_three_inputs() {
    let later = |slot: Option<Slot>| {
        let stated: Attrs = slot.into_iter().map(|slot| (Attr::Title, slot)).collect();
        let facts = [
            hire("h", "2026-01-10", &[(Attr::Title, "Engineer")]),
            fact("m", "2026-03-01", "2026-03-01T00:00:00Z", stated),
        ];
        folded(&facts, "2026-04-01T00:00:00Z")
            .engagement
            .attrs
            .get(Attr::Title)
            .cloned()
    };
    assert_eq!(later(None), Some(Slot::from("Engineer")));
    assert_eq!(later(Some(Slot::Null)), Some(Slot::Null));
    assert_eq!(later(Some(Slot::from(""))), Some(Slot::from("")));
}

#[test]
fn values_are_spelled_as_policy_spells_them() {
    let facts = [hire("h", "2026-01-10", &[(Attr::Department, "  ENG ")])];
    let folded = folded(&facts, "2026-02-01T00:00:00Z");
    assert_eq!(
        folded.engagement.attrs.text(Attr::Department),
        Some("Engineering")
    );
    assert!(folded.problems.is_empty());
}

#[test]
fn a_day_without_midnight_begins_at_the_next_instant() {
    // Sao Paulo skipped midnight of 4 November 2018.
    let mut dated = hire("h", "2018-11-04", &[]);
    dated.zone = "America/Sao_Paulo".into();
    assert_eq!(dated.effective, Effective::Date(day("2018-11-04")));
    let expected: Timestamp = at("2018-11-04T03:00:00Z");
    assert_eq!(dated.effective_at(), expected);
}
