//! The report as a whole: which files, in which order, with which content.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use contract::report::{
    Class, Evidence, EvidenceRow, FindingRow, Manifest, ParkedRow, RunSummary, TargetResult,
};
use domain::{Attr, Certificate, Hash, Incomplete, Problem, TargetId};
use jiff::Timestamp;
use jiff::civil::date;
use ports::objects::Put;
use ports::{Fault, Objects};

use super::*;

/// A bucket that remembers the order of puts and refuses one of them if told to.
#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Bytes>>,
    puts: Mutex<Vec<String>>,
    refused: Option<&'static str>,
}

impl Bucket {
    fn refusing(name: &'static str) -> Self {
        Self {
            refused: Some(name),
            ..Self::default()
        }
    }

    fn note(&self, key: &str) -> Result<(), Fault> {
        if self.refused.is_some_and(|name| key.ends_with(name)) {
            return Err(Fault::retry("the bucket is out of order"));
        }
        self.puts.lock().unwrap().push(key.to_owned());
        Ok(())
    }

    fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    fn body(&self, name: &str) -> Bytes {
        let objects = self.objects.lock().unwrap();
        let (_, body) = objects
            .iter()
            .rfind(|(key, _)| key.ends_with(name))
            .unwrap_or_else(|| panic!("no {name}"));
        body.clone()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.body(name).to_vec()).unwrap()
    }
}

impl Objects for Bucket {
    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        if self.objects.lock().unwrap().contains_key(key) {
            return Ok(Put::Exists);
        }
        self.put(key, body).await?;
        Ok(Put::Written)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        self.note(key)?;
        self.objects.lock().unwrap().insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        let mut keys = self.keys();
        keys.retain(|key| key.starts_with(prefix));
        Ok(keys)
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn proof(received: u64) -> Certificate {
    Certificate {
        pages: received.div_ceil(100),
        received,
        declared: Some(received),
        previous: Some(received - 2),
        ids: Hash::of(&received.to_be_bytes()),
        at: at("2025-11-21T02:03:00Z"),
    }
}

fn target(rows: &[FindingRow], name: &str) -> TargetResult {
    let mut findings = BTreeMap::new();
    for row in rows.iter().filter(|row| row.target.as_str() == name) {
        *findings.entry(row.class).or_default() += 1;
    }
    TargetResult {
        users: Ok(proof(312)),
        groups: Ok(proof(12)),
        matching: 300,
        wanted: 306,
        repairs: 4,
        held: 0,
        findings,
    }
}

fn summary(rows: &[FindingRow], targets: &[&str]) -> RunSummary {
    RunSummary {
        run: "0199aa".into(),
        date: date(2025, 11, 21),
        started: at("2025-11-21T02:00:00Z"),
        finished: at("2025-11-21T02:04:09Z"),
        policy: Hash::of(b"policy"),
        code: "0.1.0".into(),
        previous: None,
        targets: targets
            .iter()
            .map(|name| ((*name).into(), target(rows, name)))
            .collect(),
        identities: BTreeMap::from([("active".into(), 290), ("ended".into(), 41)]),
        parked: 0,
        new_findings: rows.len() as u64,
        closed_findings: 0,
    }
}

fn report(summary: &RunSummary) -> Report<'_> {
    Report {
        summary,
        history: &[],
        closed: &[],
        parked: &[],
        evidence: &[],
    }
}

/// A finished report of these rows.
async fn written(rows: &[FindingRow]) -> (Bucket, Manifest) {
    let bucket = Bucket::default();
    let summary = summary(rows, &["crm", "payroll", "wiki"]);
    let manifest = write(&bucket, &report(&summary), rows).await.unwrap();
    (bucket, manifest)
}

async fn page(rows: &[FindingRow]) -> String {
    written(rows).await.0.text(SUMMARY)
}

fn check_page(summary: &RunSummary, rows: &[FindingRow]) -> String {
    let folder = Folder::new(&report(summary), rows).unwrap();
    String::from_utf8(folder.files[SUMMARY].to_vec()).unwrap()
}

mod files {
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
}

mod page {
    use base64::Engine as _;

    use super::*;

    #[tokio::test]
    async fn its_policy_allows_exactly_its_own_style() {
        let html = page(&sample::rows(30)).await;
        let (_, rest) = html.split_once("<style>").unwrap();
        let (style, rest) = rest.split_once("</style>").unwrap();
        assert!(!rest.contains("<style"));
        let hash = base64::engine::general_purpose::STANDARD.encode(Hash::of(style.as_bytes()).0);
        assert!(html.contains(&format!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; \
             style-src &#39;sha256-{}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;\">",
            hash.replace('+', "&#43;"),
        )) || html.contains(&format!("sha256-{hash}")));
    }

    #[tokio::test]
    async fn it_runs_and_fetches_nothing() {
        let html = page(&sample::rows(300)).await.to_lowercase();
        for banned in [
            "<script",
            "javascript:",
            "http://",
            "https://",
            "url(",
            "@import",
            " src=",
            "<link",
            "<img",
            "<iframe",
            "<object",
            "<form",
            " style=",
            " onload",
            " onerror",
            " onclick",
        ] {
            assert!(!html.contains(banned), "{banned}");
        }
        // Links stay inside the page.
        assert_eq!(
            html.matches("href=\"").count(),
            html.matches("href=\"#").count()
        );
    }

    #[tokio::test]
    async fn hostile_names_are_shown_and_not_obeyed() {
        let hostile = "<script>alert(1)</script><img src=x onerror=\"x\">&amp;'\u{202e}";
        let mut row = sample::row(0);
        for text in [
            &mut row.user_name,
            &mut row.account_id,
            &mut row.status,
            &mut row.entitlements,
            &mut row.identity_state,
            &mut row.candidate,
            &mut row.candidate_rule,
            &mut row.owner,
            &mut row.detail,
            &mut row.proposed_action,
            &mut row.decision,
        ] {
            *text = hostile.into();
        }
        row.entitlement_count = 1;
        row.target = hostile.into();
        let mut summary = summary(std::slice::from_ref(&row), &["wiki", hostile]);
        summary.code = hostile.into();
        summary.identities = BTreeMap::from([(hostile.into(), 1)]);
        summary.targets.insert(
            "crm".into(),
            TargetResult {
                users: Err(Incomplete::PageFailed {
                    page: 7,
                    error: hostile.into(),
                }),
                ..target(&[], "crm")
            },
        );
        let html = check_page(&summary, &[row]);
        assert!(!html.contains("<script"));
        assert!(!html.contains("<img"));
        assert!(!html.contains('\u{202e}'));
        assert!(html.contains("&#60;script&#62;alert(1)"));
    }

    #[tokio::test]
    async fn its_first_screen_says_verdict_then_completeness_then_changes_then_criticals() {
        let html = page(&sample::rows(60)).await;
        let places: Vec<usize> = [
            "class=\"verdict",
            "id=\"completeness\"",
            "id=\"changes\"",
            "id=\"critical\"",
            "id=\"charts\"",
            "id=\"findings\"",
            "id=\"parked\"",
            "id=\"glossary\"",
            "id=\"run\"",
        ]
        .iter()
        .map(|part| html.find(part).unwrap_or_else(|| panic!("no {part}")))
        .collect();
        assert!(places.is_sorted());
    }

    #[tokio::test]
    async fn elements_are_closed_and_nested() {
        for rows in [sample::rows(0), sample::rows(1), sample::rows(300)] {
            check_nesting(&page(&rows).await);
        }
    }

    /// Follows the tags of a page and fails at the first that closes another one.
    fn check_nesting(html: &str) {
        let (_, body) = html.split_once("</style>").unwrap();
        let mut open = vec!["html", "head"];
        for tag in body.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').unwrap();
            let name = tag.split_whitespace().next().unwrap().trim_end_matches('/');
            if let Some(closed) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{tag}");
            } else if !tag.ends_with('/') && !["meta", "wbr"].contains(&name) {
                open.push(name);
            }
        }
        assert_eq!(open, [] as [&str; 0]);
    }

    #[tokio::test]
    async fn ids_are_unique() {
        let html = page(&sample::rows(300)).await;
        let mut ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split_once('"').unwrap().0)
            .collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[tokio::test]
    async fn many_findings_are_cut_and_counted() {
        let html = page(&sample::rows(10_000)).await;
        assert!(html.len() < 600_000, "{}", html.len());
        assert!(html.contains("more in findings.csv. Those that wait"));
        let sections = html.matches("class=\"class-section\"").count();
        assert_eq!(sections, 11);
    }

    #[tokio::test]
    async fn no_findings_are_good_news() {
        let html = page(&[]).await;
        assert!(html.contains("Complete. Nothing needs action today."));
        assert!(html.contains("None. No leaver can sign in"));
        assert!(html.contains("No findings, nothing to draw."));
    }

    /// The page of a small report as indented tags and text, without the style.
    #[tokio::test]
    async fn a_small_report_reads_like_this() {
        let rows = [sample::row(0)];
        let summary = summary(&rows, &["crm"]);
        insta::assert_snapshot!(outline(&check_page(&summary, &rows)));
    }

    fn outline(html: &str) -> String {
        let (_, body) = html.split_once("<header").unwrap();
        let mut lines = Vec::new();
        let mut depth = 0_usize;
        for part in format!("header{body}").split('<') {
            let Some((tag, rest)) = part.split_once('>') else {
                continue;
            };
            if tag.starts_with('/') {
                depth = depth.saturating_sub(1);
            } else {
                lines.push(format!("{}{tag}", "  ".repeat(depth)));
                depth += usize::from(!tag.ends_with('/') && tag != "wbr");
            }
            let text = match rest.trim() {
                // The other files have tests of their own.
                hash if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => "[hash]",
                size if size.ends_with(" bytes") => "[size]",
                text => text,
            };
            if !text.is_empty() {
                lines.push(format!("{}| {text}", "  ".repeat(depth)));
            }
        }
        lines.join("\n")
    }
}

mod verdict {
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
}

mod history {
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
}
