//! Which files, in which order.

use super::*;

#[tokio::test]
async fn six_files_lie_in_the_folder_of_the_run() {
    let (bucket, _) = written(&sample::rows(30)).await;
    insta::assert_snapshot!(bucket.keys().join("\n"), @"
    reports/v1/date=2025-11-21/run=0199aa/evidence.jsonl
    reports/v1/date=2025-11-21/run=0199aa/findings.csv
    reports/v1/date=2025-11-21/run=0199aa/findings.jsonl.zst
    reports/v1/date=2025-11-21/run=0199aa/findings.parquet
    reports/v1/date=2025-11-21/run=0199aa/manifest.json
    reports/v1/date=2025-11-21/run=0199aa/summary.html
    ");
}

#[tokio::test]
async fn the_manifest_is_the_last_put() {
    let (bucket, _) = written(&sample::rows(3)).await;
    let puts = bucket.puts.into_inner().unwrap();
    assert_eq!(puts.len(), 6);
    assert!(puts[5].ends_with(MANIFEST));
}

#[tokio::test]
async fn no_manifest_where_any_other_file_fails() {
    let rows = sample::rows(3);
    let summary = summary(&rows, &["wiki"]);
    for name in [
        SUMMARY,
        FINDINGS_CSV,
        FINDINGS_PARQUET,
        FINDINGS_NDJSON,
        EVIDENCE,
    ] {
        let bucket = Bucket::refusing(name);
        let fault = write(&bucket, &report(&summary), &rows).await.unwrap_err();
        assert_eq!(fault.error_type(), "Retry");
        assert!(
            !bucket.keys().iter().any(|key| key.ends_with(MANIFEST)),
            "{name}"
        );
        assert!(
            !bucket.keys().iter().any(|key| key.ends_with(name)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_write_that_broke_off_is_finished_by_the_next_attempt() {
    let rows = sample::rows(3);
    let summary = summary(&rows, &["wiki"]);
    let mut bucket = Bucket::refusing(MANIFEST);
    write(&bucket, &report(&summary), &rows).await.unwrap_err();
    assert_eq!(bucket.keys().len(), 5);
    bucket.refused = None;
    write(&bucket, &report(&summary), &rows).await.unwrap();
    assert_eq!(bucket.keys().len(), 6);
}

#[tokio::test]
async fn the_manifest_seals_every_other_file() {
    let (bucket, manifest) = written(&sample::rows(30)).await;
    let stored: Manifest = serde_json::from_slice(&bucket.body(MANIFEST)).unwrap();
    assert_eq!(stored, manifest);
    assert_eq!(manifest.files.len(), 5);
    for (name, entry) in &manifest.files {
        let body = bucket.body(name);
        assert_eq!(entry.bytes, body.len() as u64, "{name}");
        assert_eq!(entry.sha256, Hash::of(&body), "{name}");
    }
    let rows: Vec<(&str, Option<u64>)> = manifest
        .files
        .iter()
        .map(|(name, entry)| (&**name, entry.rows))
        .collect();
    assert_eq!(
        rows,
        [
            (EVIDENCE, Some(6)),
            (FINDINGS_CSV, Some(30)),
            (FINDINGS_NDJSON, Some(30)),
            (FINDINGS_PARQUET, Some(30)),
            (SUMMARY, None),
        ]
    );
}

#[tokio::test]
async fn equal_input_gives_equal_bytes() {
    let rows = sample::rows(400);
    let (first, _) = written(&rows).await;
    let (second, _) = written(&rows).await;
    assert!(first.objects.into_inner().unwrap() == second.objects.into_inner().unwrap());
}

#[tokio::test]
async fn writing_the_same_report_again_changes_nothing() {
    let rows = sample::rows(3);
    let (bucket, first) = written(&rows).await;
    let summary = summary(&rows, &["crm", "payroll", "wiki"]);
    let second = write(&bucket, &report(&summary), &rows).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(bucket.puts.into_inner().unwrap().len(), 6);
}

#[tokio::test]
async fn a_finished_run_keeps_its_report() {
    let (bucket, _) = written(&sample::rows(3)).await;
    let before = bucket.objects.lock().unwrap().clone();
    let rows = sample::rows(4);
    let summary = summary(&rows, &["wiki"]);
    let fault = write(&bucket, &report(&summary), &rows).await.unwrap_err();
    assert_eq!(fault.error_type(), "Reject");
    assert!(before == bucket.objects.into_inner().unwrap());
}

#[tokio::test]
async fn rows_out_of_order_or_twice_are_refused() {
    let rows = sample::rows(3);
    let summary = summary(&rows, &["wiki"]);
    let backwards: Vec<FindingRow> = rows.iter().rev().cloned().collect();
    let twice = vec![rows[0].clone(), rows[0].clone()];
    for rows in [backwards, twice] {
        let bucket = Bucket::default();
        let fault = write(&bucket, &report(&summary), rows).await.unwrap_err();
        assert_eq!(fault.error_type(), "Reject");
        assert!(bucket.keys().is_empty());
    }
}

#[tokio::test]
async fn a_run_id_that_is_no_plain_name_is_refused() {
    for run in ["", "../x", "a b", "a/b", "ana@example.com", ".hidden"] {
        let bucket = Bucket::default();
        let summary = RunSummary {
            run: run.into(),
            ..summary(&[], &["wiki"])
        };
        assert!(
            write(&bucket, &report(&summary), &[] as &[FindingRow])
                .await
                .is_err()
        );
        assert!(bucket.keys().is_empty(), "{run}");
    }
}

#[tokio::test]
async fn the_summary_counts_the_rows_that_are_there() {
    let rows = sample::rows(30);
    let summary = summary(&[], &["crm"]);
    let bucket = Bucket::default();
    let manifest = write(&bucket, &report(&summary), &rows).await.unwrap();
    let counted: u64 = manifest.summary.targets["crm"].findings.values().sum();
    let there = rows
        .iter()
        .filter(|row| row.target.as_str() == "crm")
        .count();
    assert_eq!(counted, there as u64);
}

#[tokio::test]
async fn evidence_names_snapshots_facts_plans_and_parked_records() {
    let summary = RunSummary {
        parked: 1,
        ..summary(&[], &["wiki"])
    };
    let fact = EvidenceRow {
        id: "fact:0a1b".into(),
        body: Evidence::Fact {
            source: "hr".into(),
            record: "r1".into(),
            effective_at: at("2025-11-01T00:00:00Z"),
            recorded_at: at("2025-10-30T09:00:00Z"),
            payload: Hash::of(b"payload"),
        },
    };
    let parked = [ParkedRow {
        record: "r2".into(),
        source: "hr".into(),
        worker: "00042".into(),
        why: Problem::Missing {
            attr: Attr::Department,
        },
        since: None,
    }];
    let bucket = Bucket::default();
    let report = Report {
        evidence: std::slice::from_ref(&fact),
        parked: &parked,
        ..report(&summary)
    };
    write(&bucket, &report, &[] as &[FindingRow]).await.unwrap();
    let read: Vec<EvidenceRow> = bucket
        .text(EVIDENCE)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<&str> = read.iter().map(|row| &*row.id).collect();
    assert_eq!(
        ids,
        [
            "snapshot:wiki:users",
            "snapshot:wiki:groups",
            "fact:0a1b",
            "record:r2"
        ]
    );
    assert_eq!(read[2], fact);
}
