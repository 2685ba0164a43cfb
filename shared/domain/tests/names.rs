//! Identifiers made from names.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use domain::identifier::{candidates, is_reserved};
use domain::policy::{Filter, IdentifierRule, Part, Step, Template};
use domain::text::slug;
use domain::{Attr, IdentityId, TargetId};
use proptest::prelude::*;
use support::{attrs, policy};

fn part(attr: Attr, filter: Option<Filter>) -> Part {
    Part::Attr {
        any_of: vec![attr],
        optional: false,
        filter,
    }
}

fn rule() -> IdentifierRule {
    let dotted = |more: Option<Part>| Template {
        parts: [
            part(Attr::GivenName, None),
            Part::Text(".".into()),
            part(Attr::FamilyName, None),
        ]
        .into_iter()
        .chain(more)
        .collect(),
    };
    IdentifierRule {
        ladder: vec![
            Step::Template(dotted(None)),
            Step::Template(Template {
                parts: vec![
                    part(Attr::GivenName, Some(Filter::Initial)),
                    part(Attr::FamilyName, None),
                ],
            }),
            Step::Template(dotted(Some(Part::Counter))),
        ],
        suffix: "@example.com".into(),
        max_len: 20,
        stated: None,
    }
}

fn first(given: &str, family: &str, n: usize) -> Vec<String> {
    let stated = attrs([
        (Attr::GivenName, Some(given)),
        (Attr::FamilyName, Some(family)),
    ]);
    let identity = IdentityId::from("0123456789abcdef");
    candidates(&rule(), &stated, &identity).take(n).collect()
}

#[test]
fn climbs_the_ladder_in_order() {
    assert_eq!(
        first("Ana", "Silva", 4),
        [
            "ana.silva@example.com",
            "asilva@example.com",
            "ana.silva2@example.com",
            "ana.silva3@example.com"
        ]
    );
}

#[test]
fn names_of_protected_and_of_machines_accounts_are_nobodys() {
    let mut policy = policy();
    let target = policy.targets.get_mut(&TargetId::from("wiki")).unwrap();
    target.protected = ["directory.admin".into(), "boss@corp.example".into()].into();
    target.service_accounts = [("svc-backup".into(), None)].into();
    for (name, reserved) in [
        ("directory.admin", true),
        ("Directory.Admin@example.com", true),
        (" directory.admin ", true),
        ("boss@corp.example", true),
        ("boss", true),
        ("boss@example.com", false),
        ("SVC-backup@example.com", true),
        ("directory.admin2", false),
        ("ana.silva@example.com", false),
    ] {
        assert_eq!(is_reserved(&policy, name), reserved, "{name}");
    }
}

#[test]
fn cuts_long_names_and_keeps_the_counter() {
    let long = first("Wolfeschlegelsteinhausen", "Bergerdorff", 3);
    assert_eq!(long[0], "wolfeschlegelsteinha@example.com");
    assert_eq!(long[2], "wolfeschlegelsteinh2@example.com");
}

#[test]
fn transliterates_as_people_do() {
    for (name, expected) in [
        ("Jürgen", "juergen"),
        ("Søren", "soeren"),
        ("Åsa", "aasa"),
        ("Strauß", "strauss"),
        ("O'Neil", "oneil"),
        ("José María", "josemaria"),
        ("Nguyễn", "nguyen"),
        ("Ольга", "olga"),
        ("王小明", "wangxiaoming"),
    ] {
        assert_eq!(slug(name), expected, "{name}");
    }
}

#[test]
fn names_that_leave_nothing_get_the_identitys_key() {
    assert_eq!(
        first("\u{1F600}\u{200d}", "\u{202e}", 2).last().unwrap(),
        "u0123456789@example.com"
    );
    assert_eq!(first("", "", 1), ["u0123456789@example.com"]);
}

proptest! {
    #[test]
    fn every_candidate_is_plain_ascii(given in "\\PC{0,30}", family in "\\PC{0,30}") {
        for candidate in first(&given, &family, 12) {
            let local = candidate.strip_suffix("@example.com").expect("the suffix");
            prop_assert!(!local.is_empty() && local.len() <= 20, "{}", local);
            prop_assert!(local.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c)), "{}", local);
        }
    }
}
