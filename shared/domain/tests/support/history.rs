//! Random histories of one worker record.

use domain::{Attr, Attrs, EventId, Fact, FactBody, Pii, Slot};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{at, body_fact};

const DEPARTMENTS: [&str; 5] = ["Engineering", "eng", "Finance", "Treasury", "Astrology"];

fn slot(values: &'static [&'static str]) -> impl Strategy<Value = Option<Slot>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(Slot::Null)),
        6 => proptest::sample::select(values).prop_map(|text| Some(Slot::from(text))),
    ]
}

fn stated() -> impl Strategy<Value = Attrs> {
    (
        slot(&["Ana", "Anna", ""]),
        slot(&["Silva", "Souza"]),
        slot(&DEPARTMENTS),
        slot(&["Engineer", "Lead", ""]),
        slot(&["active", "active", "leave", "terminated", "no_show"]),
        slot(&["2026-01-10", "2026-02-01", "2026-03-15", "gibberish"]),
        slot(&["2026-02-10", "2026-03-01", "2026-06-30"]),
        slot(&["manager", "individual"]),
        slot(&["employee", "contractor"]),
    )
        .prop_map(
            |(given, family, department, title, status, start, end, boss, kind)| {
                [
                    (Attr::GivenName, given),
                    (Attr::FamilyName, family),
                    (Attr::Department, department),
                    (Attr::Title, title),
                    (Attr::WorkerStatus, status),
                    (Attr::StartDate, start),
                    (Attr::EndDate, end),
                    (Attr::ManagerStatus, boss),
                    (Attr::EmploymentType, kind),
                ]
                .into_iter()
                .filter_map(|(attr, slot)| slot.map(|slot| (attr, slot)))
                .collect()
            },
        )
}

/// A noon of the first months of 2026.
pub fn instant() -> impl Strategy<Value = Timestamp> {
    (0_i64..150).prop_map(|days| {
        at("2026-01-01T12:00:00Z")
            .checked_add(SignedDuration::from_hours(24 * days))
            .expect("near")
    })
}

/// Facts with distinct event ids, some of which correct or rescind others.
pub fn history() -> impl Strategy<Value = Vec<Fact>> {
    let one = (stated(), instant(), instant(), 0_u8..12, 0_usize..8);
    proptest::collection::vec(one, 1..7).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(n, (attrs, effective, recorded, kind, other))| {
                let event = EventId::from(format!("e{other}"));
                let body = match kind {
                    0 => FactBody::Delete,
                    1 => FactBody::Rescind { event },
                    2 => FactBody::Assert {
                        attrs: Pii::new(attrs),
                        corrects: Some(event),
                    },
                    _ => FactBody::Assert {
                        attrs: Pii::new(attrs),
                        corrects: None,
                    },
                };
                body_fact(
                    &format!("e{n}"),
                    &effective.to_string(),
                    &recorded.to_string(),
                    body,
                )
            })
            .collect()
    })
}

/// Somebody who is hired on 5 January 2026 and moves about: data that is good, most of the time.
pub fn career() -> impl Strategy<Value = Vec<Fact>> {
    let some = |values: &'static [&'static str]| {
        prop_oneof![
            1 => Just(None),
            1 => proptest::sample::select(values).prop_map(Some),
        ]
    };
    let moves = (
        some(&["Engineering", "Finance", "Treasury"]),
        some(&["Engineer", "Lead", "Clerk"]),
        some(&["manager", "individual"]),
        prop_oneof![
            5 => Just(None),
            1 => proptest::sample::select(&["active", "leave", "terminated"][..]).prop_map(Some),
        ],
        prop_oneof![
            8 => Just(None),
            1 => proptest::sample::select(&["2026-03-01", "2026-04-30", "2026-06-30"][..])
                .prop_map(Some),
        ],
    );
    let one = (moves, instant(), instant(), 0_u8..16, 0_usize..6);
    proptest::collection::vec(one, 1..6).prop_map(|list| {
        let moves = list.into_iter().enumerate().map(|(n, one)| {
            let ((department, title, boss, status, end), effective, recorded, kind, other) = one;
            let stated = [
                (Attr::Department, department),
                (Attr::Title, title),
                (Attr::ManagerStatus, boss),
                (Attr::WorkerStatus, status),
                (Attr::EndDate, end),
            ];
            let attrs = stated
                .into_iter()
                .filter_map(|(attr, text)| text.map(|text| (attr, Slot::from(text))))
                .collect();
            let event = EventId::from(format!("e{other}"));
            let body = match kind {
                0 => FactBody::Rescind { event },
                1 => FactBody::Assert {
                    attrs: Pii::new(attrs),
                    corrects: Some(event),
                },
                _ => FactBody::Assert {
                    attrs: Pii::new(attrs),
                    corrects: None,
                },
            };
            let (effective, recorded) = (effective.to_string(), recorded.to_string());
            body_fact(&format!("e{n}"), &effective, &recorded, body)
        });
        std::iter::once(super::hire("hire", "2026-01-05", &[]))
            .chain(moves)
            .collect()
    })
}
