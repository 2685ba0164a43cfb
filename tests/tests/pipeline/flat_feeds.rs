//! Full feeds of flat files.

use domain::feed::Why;
use hr_webhook::feed::{Asked, FeedError, Report};
use tests::world::feed::instant;
use tests::world::{Company, Says, policy_text};

const FEED: &str = r#"
[sources.hr.feed]
format = "csv"
delimiter = ";"
worker_id = "No"
trailer = "END"
sentinels = ["E0"]
columns = { "First" = "given_name", "Last" = "family_name", "Dept" = "department", "Type" = "employment_type", "Since" = "start_date", "Until" = "end_date", "Title" = "title" }
"#;

const OLGA: &str = "E0;Olga;Prime;Finance;employee;2026-01-05;;;38";
const ANA: &str = "E1;Ana;\"Silva; Prado\";Eng;employee;2026-01-05;;\"Lead\n\"\"A\"\"\";39";

/// A file as it comes from a spreadsheet.
fn file(rows: &[&str]) -> String {
    let head = "No;First;Last;Dept;Type;Since;Until;Title;Shoe size".to_owned();
    let rows = rows.iter().map(|row| (*row).to_owned());
    let end = format!("END;{}", rows.len());
    let lines: Vec<String> = [head].into_iter().chain(rows).chain([end]).collect();
    lines.join("\r\n")
}

async fn tries(company: &Company, text: &str, as_of: &str) -> Result<Report, FeedError> {
    let asked = Asked {
        as_of: Some(instant(as_of)),
        ..Asked::default()
    };
    let report = company.world.deliver(text, asked).await;
    company.world.settle().await;
    report
}

async fn takes(company: &Company, rows: &[&str], as_of: &str) -> Report {
    tries(company, &file(rows), as_of).await.expect("a feed")
}

/// A company of two that came by a flat file on 2 March.
async fn fed() -> Company {
    let company = Company::with_policy(&(policy_text() + FEED)).await;
    let report = takes(&company, &[OLGA, ANA], "2026-03-02T07:00:00Z").await;
    assert!(report.is_complete(), "{}", report.in_full());
    assert_eq!(report.columns_ignored, 1);
    company
}

fn title(company: &Company) -> Option<serde_json::Value> {
    let account = company.on_dir("E1").expect("an account");
    account.json.get("title").cloned()
}

#[tokio::test]
async fn a_flat_file_states_whole_records() {
    let company = fed().await;
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    assert_eq!(title(&company), Some("Lead\n\"A\"".into()));
    // An empty cell clears; a date ends.
    company.world.until("2026-03-03T08:00:00Z").await;
    let ana = "E1;Ana;\"Silva; Prado\";Eng;employee;2026-01-05;2026-03-04;;39";
    let report = takes(&company, &[OLGA, ana], "2026-03-03T07:00:00Z").await;
    assert_eq!((report.changed.len(), report.unchanged), (1, 1));
    assert_eq!(title(&company), None);
    // In another order it is another file that says nothing new.
    let report = takes(&company, &[ana, OLGA], "2026-03-03T07:30:00Z").await;
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.unchanged, 2);
    company.world.until("2026-03-05T00:00:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
}

#[tokio::test]
async fn yesterdays_flat_file_under_todays_date_takes_nothing_back() {
    let mut company = fed().await;
    company.world.until("2026-03-02T20:00:00Z").await;
    let promoted = Says::about("E1").that("title", "Chief");
    company.world.hr(promoted).await;
    assert_eq!(title(&company), Some("Chief".into()));
    company.world.until("2026-03-03T06:00:00Z").await;
    let report = takes(&company, &[OLGA, ANA], "2026-03-03T05:00:00Z").await;
    assert_eq!(report.reasons, [Why::SameBytes]);
    assert_eq!(title(&company), Some("Chief".into()));
}

#[tokio::test]
async fn a_flat_file_that_lost_cells_columns_or_its_time_is_told() {
    let company = fed().await;
    company.world.until("2026-03-03T08:00:00Z").await;
    let report = takes(&company, &[OLGA, "E1;Ana;Silva"], "2026-03-03T07:00:00Z").await;
    let why = &report.unreadable[&3];
    assert_eq!(why, "the row has 3 cells and the header row 9");
    assert!(!report.is_complete());
    let open = takes(&company, &["E0;\"Olga;Prime"], "2026-03-03T07:00:00Z").await;
    let whys: Vec<&String> = open.unreadable.values().collect();
    assert_eq!(whys, ["a quote is not closed"], "{open}");
    assert!(open.reasons.contains(&Why::NotClosed), "{open}");
    let narrow = file(&[OLGA]).replacen(";Dept", ";Department", 1);
    let refused = tries(&company, &narrow, "2026-03-03T07:00:00Z").await;
    let refused = refused.expect_err("a column is gone").to_string();
    assert!(refused.contains("lacks `Dept`"), "{refused}");
    let refused = company.world.deliver(&narrow, Asked::default()).await;
    assert!(matches!(refused, Err(FeedError::NoTime)));
    assert_eq!(company.active("E1"), (true, true));
}
