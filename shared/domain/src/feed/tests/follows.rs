//! What is news, what is missing, and what is taken back.

use super::{instant, key};
use crate::feed::{Standing, news, standing, undone};
use crate::{Attr, Fact, FactBody, Hash, Pii, Slot, SourceId, WorkerId};
use std::collections::BTreeMap;

fn company() -> crate::Policy {
    crate::Policy {
        handover: None,
        weights: None,
        version: Hash::default(),
        sources: BTreeMap::new(),
        standards: BTreeMap::new(),
        validations: Vec::new(),
        required: Vec::new(),
        zones: BTreeMap::new(),
        correlation: Vec::new(),
        identifiers: BTreeMap::new(),
        roles: BTreeMap::new(),
        rules: Vec::new(),
        entitlements: BTreeMap::new(),
        sod: Vec::new(),
        tiers: Vec::new(),
        targets: BTreeMap::new(),
    }
}

fn fact(event: &str, recorded: &str, body: FactBody) -> Fact {
    Fact {
        source: SourceId::from("hr"),
        record: key(1),
        worker: WorkerId::from("W1"),
        event: event.into(),
        version: None,
        effective: crate::Effective::Instant(instant(recorded)),
        zone: "UTC".into(),
        recorded_at: instant(recorded),
        received_at: instant(recorded),
        payload: Hash::of(event.as_bytes()),
        manager: None,
        body,
    }
}

fn states(event: &str, recorded: &str, attrs: &[(Attr, &str)]) -> Fact {
    let attrs = attrs.iter().map(|(attr, text)| (*attr, Slot::from(*text)));
    let body = FactBody::Assert {
        attrs: Pii::new(attrs.collect()),
        corrects: None,
    };
    fact(event, recorded, body)
}

#[test]
fn only_what_changes_something_is_news() {
    let policy = company();
    let at = instant("2026-03-02T06:00:00Z");
    let hired = states(
        "a",
        "2026-01-01T00:00:00Z",
        &[(Attr::Title, "Clerk"), (Attr::StartDate, "2026-01-01")],
    );
    let is_news = |known: &[Fact], stated: &Fact| news(&policy, &key(1), known, stated, at);
    assert!(is_news(&[], &hired));
    let again = states("b", "2026-03-01T00:00:00Z", &[(Attr::Title, "Clerk")]);
    assert!(!is_news(std::slice::from_ref(&hired), &again));
    let promoted = states("c", "2026-03-01T00:00:00Z", &[(Attr::Title, "Lead")]);
    assert!(is_news(std::slice::from_ref(&hired), &promoted));
    // An export from before the promotion.
    let known = [hired.clone(), promoted];
    assert!(!is_news(
        &known,
        &states("d", "2026-02-01T00:00:00Z", &[(Attr::Title, "Clerk")])
    ));
    // What holds later is news now.
    let mut ahead = states("e", "2026-03-01T00:00:00Z", &[(Attr::Title, "Chief")]);
    ahead.effective = crate::Effective::Date("2026-06-01".parse().expect("a date"));
    assert!(is_news(&known, &ahead));
    let known = [hired, ahead];
    let repeated = states("f", "2026-03-01T00:00:00Z", &[(Attr::Title, "Clerk")]);
    assert!(!is_news(&known, &repeated), "the promotion ahead stays");
}

#[test]
fn who_repeats_that_somebody_left_says_nothing() {
    let policy = company();
    let at = instant("2026-03-05T06:00:00Z");
    let known = [
        states(
            "a",
            "2026-01-01T00:00:00Z",
            &[(Attr::StartDate, "2026-01-01")],
        ),
        states(
            "b",
            "2026-03-01T09:00:00Z",
            &[(Attr::WorkerStatus, "terminated"), (Attr::EndMode, "now")],
        ),
    ];
    let again = states(
        "c",
        "2026-03-05T05:00:00Z",
        &[(Attr::WorkerStatus, "terminated"), (Attr::EndMode, "now")],
    );
    assert!(!news(&policy, &key(1), &known, &again, at));
    let back = states(
        "d",
        "2026-03-05T05:00:00Z",
        &[(Attr::WorkerStatus, "active"), (Attr::EndMode, "")],
    );
    assert!(news(&policy, &key(1), &known, &back, at));
}

#[test]
fn a_deletion_that_was_concluded_is_taken_back_once() {
    let concluded = |event: &crate::EventId| event.as_str().starts_with("feed-missing-");
    let deleted = fact("feed-missing-1", "2026-03-02T05:00:00Z", FactBody::Delete);
    let by_hr = fact("msg-7", "2026-03-02T05:00:00Z", FactBody::Delete);
    let known = [deleted.clone(), by_hr];
    let later = instant("2026-03-03T05:00:00Z");
    assert_eq!(undone(&known, concluded, later), [&known[0]]);
    assert!(
        undone(&known, concluded, deleted.recorded_at).is_empty(),
        "the feed is not newer"
    );
    let event = deleted.event.clone();
    let rescinded = fact("r", "2026-03-03T05:00:00Z", FactBody::Rescind { event });
    assert!(undone(&[deleted, rescinded], concluded, later).is_empty());
}

#[test]
fn what_is_missing_depends_on_what_is_known() {
    let policy = company();
    let hr = SourceId::from("hr");
    let as_of = instant("2026-03-02T05:00:00Z");
    let at = instant("2026-03-02T06:00:00Z");
    let stands =
        |source: &SourceId, facts: &[Fact]| standing(&policy, source, &key(1), facts, as_of, at);
    let starts = |date: &str, recorded: &str| states("a", recorded, &[(Attr::StartDate, date)]);
    let works = starts("2026-01-01", "2026-01-01T00:00:00Z");
    assert_eq!(stands(&hr, std::slice::from_ref(&works)), Standing::Missing);
    assert_eq!(
        stands(&"other".into(), std::slice::from_ref(&works)),
        Standing::Elsewhere
    );
    assert_eq!(
        stands(&hr, &[starts("2026-03-01", "2026-03-02T05:30:00Z")]),
        Standing::Newer
    );
    assert_eq!(
        stands(&hr, &[starts("2026-04-01", "2026-03-01T00:00:00Z")]),
        Standing::NotBegun
    );
    let gone = fact("b", "2026-02-01T00:00:00Z", FactBody::Delete);
    assert_eq!(stands(&hr, &[works, gone]), Standing::Ended);
}
