//! HR data is tested before it acts, and a failure names the attribute and the test alone.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use domain::fold::fold;
use domain::policy::{Condition, Test};
use domain::validate::{Check, Day, Rule, Validation, validate};
use domain::{Attr, Attrs, Problem, RecordKey};
use support::{at, attrs, day, hire, policy};

fn fails(attr: Attr, test: Check, worker: &Attrs) -> bool {
    let rule = test.rule();
    let problems = validate(&[Validation { attr, test }], worker);
    assert!(problems.is_empty() || problems == [Problem::Invalid { attr, rule }]);
    !problems.is_empty()
}

fn words<C: FromIterator<Box<str>>>(words: &[&str]) -> C {
    words.iter().map(|word| (*word).into()).collect()
}

#[test]
fn each_test_knows_good_from_bad() {
    let number = |test: Check, value| {
        fails(
            Attr::EmployeeNumber,
            test,
            &attrs([(Attr::EmployeeNumber, Some(value))]),
        )
    };
    assert!(!number(Check::OneOf(words(&["1", "2"])), "2"));
    assert!(number(Check::OneOf(words(&["1", "2"])), "3"));
    assert!(!number(Check::Prefix(words(&["E", "C"])), "C1"));
    assert!(number(Check::Prefix(words(&["E", "C"])), "1C"));
    assert!(!number(Check::Suffix(words(&["X"])), "1X"));
    assert!(number(Check::Suffix(words(&["X"])), "X1"));
    // Characters, not bytes.
    assert!(!number(Check::MinLength(2), "éé"));
    assert!(number(Check::MinLength(3), "éé"));
    assert!(!number(Check::MaxLength(2), "éé"));
    assert!(number(Check::MaxLength(1), "éé"));
}

#[test]
fn days_are_compared_with_days() {
    let start = |test: Check, value, hired| {
        let worker = attrs([
            (Attr::StartDate, Some(value)),
            (Attr::OriginalHireDate, hired),
        ]);
        fails(Attr::StartDate, test, &worker)
    };
    let first = || Check::NotBefore(Day::Date(day("2020-01-01")));
    let last = || Check::NotAfter(Day::Date(day("2020-01-01")));
    assert!(!start(first(), "2020-01-01", None) && start(first(), "2019-12-31", None));
    assert!(!start(last(), "2020-01-01", None) && start(last(), "2020-01-02", None));
    let hired = || Check::NotBefore(Day::Attr(Attr::OriginalHireDate));
    assert!(start(hired(), "2020-01-01", Some("2020-01-02")));
    assert!(!start(hired(), "2020-01-02", Some("2020-01-02")));
    // What the other attribute does not say is not held against this one.
    assert!(!start(hired(), "2020-01-01", None));
    assert!(!start(hired(), "2020-01-01", Some("long ago")));
    // What is no date is not the right one.
    assert!(start(first(), "01.02.2021", None));
}

#[test]
fn what_is_missing_fails_only_where_it_is_needed() {
    let contractor = || {
        Check::RequiredWhen(vec![Condition {
            attr: Attr::EmploymentType,
            test: Test::In(words(&["contractor"])),
        }])
    };
    for kind in ["contractor", "employee"] {
        for end in [None, Some(""), Some("2027-01-31")] {
            let mut worker = attrs([(Attr::EmploymentType, Some(kind))]);
            if let Some(end) = end {
                worker.set(Attr::EndDate, end);
            }
            let missing = end.is_none_or(str::is_empty);
            let needed = kind == "contractor";
            assert_eq!(
                fails(Attr::EndDate, contractor(), &worker),
                missing && needed
            );
        }
    }
    let cleared = attrs([
        (Attr::EmploymentType, Some("contractor")),
        (Attr::EndDate, None),
    ]);
    assert!(fails(Attr::EndDate, contractor(), &cleared));
    for test in [
        Check::OneOf(words(&["1"])),
        Check::Prefix(words(&["1"])),
        Check::MinLength(2),
        Check::NotBefore(Day::Date(day("2020-01-01"))),
    ] {
        assert!(!fails(Attr::EndDate, test, &cleared));
    }
}

#[test]
fn a_failure_parks_the_record_without_its_value() {
    let mut policy = policy();
    policy.validations = vec![Validation {
        attr: Attr::WorkEmail,
        test: Check::Suffix(words(&["@example.com"])),
    }];
    let facts = [hire(
        "h",
        "2026-05-04",
        &[(Attr::WorkEmail, "eve@elsewhere.example")],
    )];
    let record = RecordKey::from("a");
    let folded = fold(&policy, &record, &facts, at("2026-05-05T00:00:00Z"));
    let problem = Problem::Invalid {
        attr: Attr::WorkEmail,
        rule: Rule::Suffix,
    };
    assert_eq!(folded.problems, std::slice::from_ref(&problem));
    let stored = serde_json::to_string(&problem).unwrap();
    assert_eq!(
        stored,
        r#"{"problem":"invalid","attr":"work_email","rule":"suffix"}"#
    );
}

#[test]
fn a_test_is_called_as_its_key_is() {
    for rule in Rule::ALL {
        let stored = serde_json::to_value(rule).unwrap();
        assert_eq!(stored, rule.name());
    }
}
