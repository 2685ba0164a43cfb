//! Findings for the tests of this module: varied and the same every time.

use contract::report::{Class, FindingRow, Severity};
use domain::Hash;
use jiff::civil::date;
use jiff::{Span, Timestamp};

const NAMES: [&str; 8] = [
    "ana.novak",
    "björn.åkesson",
    "chloé.d'arcy",
    "大野.恵",
    "ليلى.حداد",
    "\u{5d3}\u{5d5}\u{5d3}.כהן",
    "svc-backup",
    "maximilian-alexander.von-und-zu-hohenlohe-langenburg",
];

/// The n-th finding.
pub(crate) fn row(n: u32) -> FindingRow {
    let class = Class::ALL[n as usize % 11];
    let missing = class == Class::O7;
    let target = ["crm", "wiki", "payroll"][n as usize % 3];
    let age = n * 7 % 120;
    let created = Timestamp::from_second(1_600_000_000 + i64::from(n) * 86_461).unwrap();
    FindingRow {
        finding: Hash::of(&n.to_be_bytes()),
        severity: severity(class),
        class,
        target: target.into(),
        account_id: if missing {
            "".into()
        } else {
            Hash::of(&[&[1], &n.to_be_bytes()[..]].concat())
                .short()
                .into()
        },
        user_name: NAMES[n as usize % 8].into(),
        status: if missing { "missing" } else { "active" }.into(),
        privileged: n.is_multiple_of(5),
        criticality: ["", "low", "medium", "high", "critical"][n as usize % 5].into(),
        entitlement_count: n % 9,
        entitlements: if n.is_multiple_of(9) {
            ""
        } else {
            "Readers; Editors"
        }
        .into(),
        created: (!missing).then_some(created),
        last_sign_in: n
            .is_multiple_of(3)
            .then_some(created + Span::new().hours(5)),
        first_seen: date(2025, 11, 21) - Span::new().days(age),
        age_days: age,
        runs_seen: age + 1,
        identity: if n.is_multiple_of(2) {
            "8f14e45fceea167a5a36dedd4bea2543"
        } else {
            ""
        }
        .into(),
        identity_state: if n.is_multiple_of(2) { "ended" } else { "" }.into(),
        end_date: n.is_multiple_of(2).then_some(date(2025, 10, 31)),
        candidate: if class == Class::O4 {
            "c9f0f895fb98ab9159f51fd0297e236d"
        } else {
            ""
        }
        .into(),
        candidate_rule: if class == Class::O4 {
            "same e-mail"
        } else {
            ""
        }
        .into(),
        candidate_confidence: (class == Class::O4).then_some(80),
        owner: "".into(),
        detail: "The last working day is over and the account can still sign in.".into(),
        evidence: if matches!(class, Class::O2 | Class::O6) {
            format!("snapshot:{target}:users; snapshot:{target}:groups")
        } else {
            format!("snapshot:{target}:users; fact:0a1b2c3d4e5f")
        }
        .into(),
        proposed_action: "Disable the account.".into(),
        decision: "open".into(),
        decided_by: "".into(),
    }
}

/// The first so many findings, in the order of a report.
pub(crate) fn rows(count: usize) -> Vec<FindingRow> {
    let mut rows: Vec<FindingRow> = (0..).take(count).map(row).collect();
    super::sort(&mut rows);
    rows
}

/// The severity that the model gives a class.
pub(crate) fn severity(class: Class) -> Severity {
    match class {
        Class::O1 | Class::O2 => Severity::Critical,
        Class::O3 | Class::O5 | Class::O6 => Severity::High,
        Class::O4 | Class::O7 | Class::O9 | Class::O10 => Severity::Medium,
        Class::O8 => Severity::Low,
        Class::O11 => Severity::Info,
    }
}
