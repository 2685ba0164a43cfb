//! The report's files of version 1 keep their shape: what was written once is read for ever, and
//! written again in the same words. A change here is a new version of the format.

#![expect(
    clippy::expect_used,
    reason = "a fixture that does not parse fails its test"
)]

use std::fmt::Debug;

use contract::report::{
    Class, Evidence, EvidenceRow, FindingRow, Manifest, ParkedRow, RunSummary, Severity,
};
use domain::{Attr, Incomplete, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a text, writes it again, and fails unless both are the same JSON in the same order.
fn check<T: Serialize + DeserializeOwned + Debug>(text: &str) -> T {
    let value: T = serde_json::from_str(text).expect("the fixture parses");
    let again = serde_json::to_string(&value).expect("the value is JSON");
    let compact: String = text.lines().map(str::trim_start).collect();
    assert_eq!(again, compact);
    value
}

const FINDING: &str = include_str!("report/finding.json");
const BEFORE: &str = include_str!("report/finding-before-criticality.json");
const MISSING: &str = include_str!("report/finding-missing.json");
const MANIFEST: &str = include_str!("report/manifest.json");
const EVIDENCE: &str = include_str!("report/evidence.jsonl");

#[test]
fn a_finding_about_an_account_keeps_its_shape() {
    let row: FindingRow = check(FINDING);
    assert_eq!((row.severity, row.class), (Severity::Medium, Class::O4));
    assert_eq!(row.candidate_confidence, Some(80));
}

#[test]
fn a_finding_from_before_criticality_was_a_column_is_read() {
    let now: FindingRow = check(FINDING);
    let before: FindingRow = serde_json::from_str(BEFORE).expect("the fixture parses");
    assert_eq!(&*before.criticality, "");
    let criticality = now.criticality.clone();
    assert_eq!(
        FindingRow {
            criticality,
            ..before
        },
        now
    );
}

#[test]
fn a_finding_about_a_missing_account_keeps_its_shape() {
    let row: FindingRow = check(MISSING);
    assert_eq!(row.class, Class::O7);
    assert_eq!((row.created, row.end_date), (None, None));
}

#[test]
fn a_manifest_keeps_its_shape() {
    let manifest: Manifest = check(MANIFEST);
    assert_eq!(manifest.v, 1);
    assert_eq!(manifest.files.len(), 2);
    let crm = &manifest.summary.targets["crm"];
    assert_eq!(crm.groups, Err(Incomplete::NotShown));
    let wiki = &manifest.summary.targets["wiki"];
    assert!(matches!(
        &wiki.users,
        Err(Incomplete::PageFailed { page: 7, .. })
    ));
    let _: RunSummary = manifest.summary;
}

#[test]
fn every_kind_of_evidence_keeps_its_shape() {
    let rows: Vec<EvidenceRow> = EVIDENCE.lines().map(check).collect();
    let kinds: Vec<&str> = rows
        .iter()
        .map(|row| match &row.body {
            Evidence::Snapshot {
                certificate: Some(_),
                ..
            } => "proven",
            Evidence::Snapshot { .. } => "unproven",
            Evidence::Fact { .. } => "fact",
            Evidence::Plan { .. } => "plan",
            Evidence::Case { .. } => "case",
            Evidence::Task { .. } => "task",
            Evidence::Parked { .. } => "parked",
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "proven", "unproven", "fact", "plan", "parked", "case", "task"
        ]
    );
    let Evidence::Parked { row } = &rows[4].body else {
        panic!("the fifth line is a parked record");
    };
    let parked: &ParkedRow = row;
    assert_eq!(
        parked.why,
        Problem::Missing {
            attr: Attr::Department
        }
    );
}

#[test]
fn names_of_severities_and_classes_are_those_of_the_files() {
    for severity in Severity::ALL {
        assert_eq!(serde_json::json!(severity), severity.as_str());
    }
    for class in Class::ALL {
        assert_eq!(serde_json::json!(class), class.as_str());
    }
}

#[test]
fn severities_and_classes_sort_as_listed() {
    assert!(Severity::ALL.is_sorted());
    assert!(Class::ALL.is_sorted());
}
