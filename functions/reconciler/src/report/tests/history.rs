//! What earlier runs say about this one.

use super::*;
use crate::report::history::{Carried, carry, load};

fn run(day: i8, run: &str, rows: &[FindingRow]) -> RunSummary {
    RunSummary {
        run: run.into(),
        date: date(2025, 11, day),
        ..summary(rows, &["crm", "payroll", "wiki"])
    }
}

/// A bucket with one finished run of the given rows on 20 November.
async fn yesterday(rows: &[FindingRow]) -> Bucket {
    let bucket = Bucket::default();
    let summary = run(20, "a", rows);
    write(&bucket, &report(&summary), rows).await.unwrap();
    bucket
}

/// What today's rows become after yesterday's.
async fn carried(
    before: &[FindingRow],
    rows: &mut Vec<FindingRow>,
    targets: &BTreeMap<TargetId, TargetResult>,
) -> Carried {
    let bucket = yesterday(before).await;
    let today = date(2025, 11, 21);
    let earlier = load(&bucket, today, "b", 30).await.unwrap();
    carry(&bucket, earlier.previous(), targets, today, rows)
        .await
        .unwrap()
}

fn targets() -> BTreeMap<TargetId, TargetResult> {
    summary(&[], &["crm", "payroll", "wiki"]).targets
}

#[tokio::test]
async fn without_a_previous_run_everything_is_new_today() {
    let bucket = Bucket::default();
    let today = date(2025, 11, 21);
    let earlier = load(&bucket, today, "b", 30).await.unwrap();
    assert!(earlier.manifests.is_empty());
    let mut rows = sample::rows(4);
    let carried = carry(&bucket, None, &targets(), today, &mut rows)
        .await
        .unwrap();
    assert_eq!((carried.new, carried.closed, carried.unseen), (4, 0, 0));
    assert!(
        rows.iter()
            .all(|row| row.first_seen == today && row.runs_seen == 1)
    );
}

#[tokio::test]
async fn a_finding_seen_again_grows_older() {
    let old = FindingRow {
        first_seen: date(2025, 11, 1),
        runs_seen: 9,
        ..sample::row(0)
    };
    let mut rows = vec![sample::row(0), sample::row(1)];
    let carried = carried(std::slice::from_ref(&old), &mut rows, &targets()).await;
    assert_eq!((carried.new, carried.closed, carried.unseen), (1, 0, 0));
    let seen = rows.iter().find(|row| row.finding == old.finding).unwrap();
    assert_eq!(seen.first_seen, date(2025, 11, 1));
    assert_eq!((seen.age_days, seen.runs_seen), (20, 10));
}

#[tokio::test]
async fn a_finding_that_is_gone_from_a_complete_target_is_closed() {
    let mut rows = vec![];
    let before = sample::rows(3);
    let carried = carried(&before, &mut rows, &targets()).await;
    assert_eq!((carried.new, carried.closed, carried.unseen), (0, 3, 0));
    assert_eq!(carried.closed_rows, before);
    assert!(rows.is_empty());
}

#[tokio::test]
async fn a_finding_is_not_closed_where_its_target_was_not_read_in_full() {
    let mut targets = targets();
    targets.get_mut("wiki").unwrap().users = Err(Incomplete::ShortOfTotal {
        declared: 5,
        received: 4,
    });
    let before = sample::rows(3);
    let mut rows = vec![];
    let carried = carried(&before, &mut rows, &targets).await;
    assert_eq!((carried.new, carried.closed, carried.unseen), (0, 2, 1));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].target.as_str(), "wiki");
    assert_eq!(&*rows[0].decision, "unseen");
    let old = before
        .iter()
        .find(|row| row.target == rows[0].target)
        .unwrap();
    assert_eq!(rows[0].runs_seen, old.runs_seen);
}

#[tokio::test]
async fn only_findings_that_rest_on_groups_need_them() {
    let mut targets = targets();
    for target in targets.values_mut() {
        target.groups = Err(Incomplete::RepeatedId { count: 1 });
    }
    let before = sample::rows(11);
    let mut rows = vec![];
    let carried = carried(&before, &mut rows, &targets).await;
    assert_eq!((carried.closed, carried.unseen), (9, 2));
    let classes: Vec<Class> = rows.iter().map(|row| row.class).collect();
    assert_eq!(classes, [Class::O2, Class::O6]);
}

#[tokio::test]
async fn findings_that_do_not_match_their_manifest_are_refused() {
    let bucket = yesterday(&sample::rows(3)).await;
    let key = format!("{}{FINDINGS_NDJSON}", folder(date(2025, 11, 20), "a"));
    bucket
        .put(&key, Bytes::from_static(b"other"))
        .await
        .unwrap();
    let today = date(2025, 11, 21);
    let earlier = load(&bucket, today, "b", 30).await.unwrap();
    let fault = carry(&bucket, earlier.previous(), &targets(), today, &mut vec![])
        .await
        .unwrap_err();
    assert_eq!(fault.error_type(), "Reject");
}

#[tokio::test]
async fn unfinished_later_and_own_runs_are_not_history() {
    let bucket = yesterday(&[]).await;
    for (day, id) in [(21, "b"), (22, "c")] {
        let summary = run(day, id, &[]);
        write(&bucket, &report(&summary), &[] as &[FindingRow])
            .await
            .unwrap();
    }
    let unfinished = folder(date(2025, 11, 20), "aa");
    bucket
        .put(&format!("{unfinished}{SUMMARY}"), Bytes::new())
        .await
        .unwrap();
    let earlier = load(&bucket, date(2025, 11, 21), "b", 30).await.unwrap();
    assert_eq!(earlier.manifests.len(), 1);
    assert_eq!(&*earlier.previous().unwrap().summary.run, "a");
}

#[tokio::test]
async fn history_goes_back_over_months_and_stops_where_it_has_enough() {
    let bucket = Bucket::default();
    for (month, id) in [(8, "a"), (9, "b"), (11, "c")] {
        let summary = RunSummary {
            run: id.into(),
            date: date(2025, month, 3),
            ..summary(&[], &["wiki"])
        };
        write(&bucket, &report(&summary), &[] as &[FindingRow])
            .await
            .unwrap();
    }
    let runs = |keep| {
        let bucket = &bucket;
        async move {
            let earlier = load(bucket, date(2025, 11, 21), "z", keep).await.unwrap();
            let runs = earlier.summaries();
            runs.iter()
                .map(|run| run.run.to_string())
                .collect::<String>()
        }
    };
    assert_eq!(runs(30).await, "abc");
    assert_eq!(runs(2).await, "bc");
}
