//! The summary page.

use base64::Engine as _;

use super::*;

#[tokio::test]
async fn its_policy_allows_exactly_its_own_style() {
    let html = page(&sample::rows(30)).await;
    let (_, rest) = html.split_once("<style>").unwrap();
    let (style, rest) = rest.split_once("</style>").unwrap();
    assert!(!rest.contains("<style"));
    let hash = base64::engine::general_purpose::STANDARD.encode(Hash::of(style.as_bytes()).0);
    let policy = format!(
        "default-src &#39;none&#39;; style-src &#39;sha256-{hash}&#39;; base-uri &#39;none&#39;; \
         form-action &#39;none&#39;"
    );
    assert!(html.contains(&format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">"
    )));
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
        &mut row.criticality,
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
async fn what_policy_calls_critical_is_called_so() {
    let mut row = sample::row(0);
    for (criticality, said) in [
        ("critical", Some("critical entitlement")),
        ("high", Some("high criticality")),
        ("medium", None),
        ("", None),
    ] {
        row.criticality = criticality.into();
        let html = page(std::slice::from_ref(&row)).await;
        for words in ["critical entitlement", "high criticality"] {
            assert_eq!(html.contains(words), said == Some(words), "{criticality}");
        }
    }
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

#[test]
fn what_waits_for_people_is_told_only_where_something_does() {
    let rows = [sample::row(0)];
    let mut summary = summary(&rows, &["crm"]);
    assert!(!check_page(&summary, &rows).contains("tasks for people"));
    summary.waiting = contract::report::Waiting {
        cases: 3,
        tasks: 5,
        overdue: 1,
    };
    let html = check_page(&summary, &rows);
    for told in ["cases to decide", "tasks for people", "tasks overdue"] {
        assert!(html.contains(told), "{told}");
    }
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
