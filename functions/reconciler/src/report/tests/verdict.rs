//! The sentence on top of the page.

use super::*;

fn sentence(summary: &RunSummary, rows: &[FindingRow]) -> String {
    let html = check_page(summary, rows);
    let (_, rest) = html.split_once("<p class=\"sentence\">").unwrap();
    let (verdict, _) = rest.split_once("</div>").unwrap();
    verdict
        .replace("</p>", "")
        .replace("<p>", "")
        .trim()
        .to_owned()
}

fn critical(n: u32, decision: &str) -> FindingRow {
    FindingRow {
        decision: decision.into(),
        ..sample::row(n * 11)
    }
}

#[test]
fn accounts_that_need_somebody_are_told_from_those_under_repair() {
    let mut rows = vec![
        critical(1, "open"),
        critical(2, "held"),
        critical(3, "queued"),
    ];
    sort(&mut rows);
    let summary = summary(&rows, &["crm", "payroll", "wiki"]);
    insta::assert_snapshot!(sentence(&summary, &rows), @"
    Complete. 2 accounts need action today.
    1 more account is critical; its repair is under way.
    ");
}

#[test]
fn an_incomplete_target_is_named_with_its_reason() {
    let mut summary = summary(&[], &["crm", "wiki"]);
    summary.targets.get_mut("wiki").unwrap().users = Err(Incomplete::PageFailed {
        page: 7,
        error: "503".into(),
    });
    insta::assert_snapshot!(sentence(&summary, &[]), @"
    Incomplete: wiki could not be read in full. Nothing was removed there.
    wiki, users: page 7 could not be read (503).
    Nothing else needs action today.
    ");
}

#[test]
fn groups_that_a_target_never_shows_leave_the_run_complete() {
    let mut summary = summary(&[], &["wiki"]);
    summary.targets.get_mut("wiki").unwrap().groups = Err(Incomplete::NotShown);
    assert!(sentence(&summary, &[]).starts_with("Complete."));
}

#[test]
fn users_that_a_target_never_shows_do_not() {
    let mut summary = summary(&[], &["wiki"]);
    summary.targets.get_mut("wiki").unwrap().users = Err(Incomplete::NotShown);
    assert!(sentence(&summary, &[]).starts_with("Incomplete: wiki"));
}

#[test]
fn a_run_over_nothing_is_not_called_complete() {
    let summary = summary(&[], &[]);
    assert_eq!(
        sentence(&summary, &[]),
        "Nothing was compared: no target is under reconciliation."
    );
}

#[test]
fn holds_and_parked_records_are_told() {
    let mut summary = summary(&[], &["wiki"]);
    summary.parked = 1_204;
    summary.targets.get_mut("wiki").unwrap().held = 12;
    insta::assert_snapshot!(sentence(&summary, &[]), @"
    Complete. Nothing needs action today.
    12 repairs are held by a limit and wait for a release.
    1,204 worker records wait for HR or a human.
    ");
}

#[test]
fn it_claims_no_more_than_the_proofs_allow() {
    let mut summary = summary(&[], &["crm", "wiki"]);
    let gap = Incomplete::RepeatedCursor { page: 2 };
    summary.targets.get_mut("wiki").unwrap().groups = Err(gap.clone());
    let text = sentence(&summary, &[]);
    assert!(text.starts_with(
        "Incomplete: wiki could not be read in full. No membership was removed there."
    ));
    summary.targets.get_mut("crm").unwrap().users = Err(gap);
    let text = sentence(&summary, &[]);
    assert!(text.starts_with(
        "Incomplete: crm and wiki could not be read in full. What could not be seen was not removed."
    ));
}
