//! The demo in small, with a marker in every personal field: its closing self-check holds, and the
//! marker is nowhere outside the table, the targets and the reports.

use std::path::Path;

use lanyard::demo::{self, Settings, Silent};
use ports::Clock as _;
use ports::model::ManualClock;
use telemetry::{Lines, Sink, Telemetry};
use tracing::level_filters::LevelFilter;

const MARKER: &str = "zqxjkv";

#[tokio::test(flavor = "multi_thread")]
async fn the_smallest_story_ends_well_and_leaks_nothing() {
    let lines = Lines::new();
    let clock = ManualClock::new(jiff::Timestamp::UNIX_EPOCH);
    let times = clock.clone();
    Telemetry {
        service: "demo-test",
        level: LevelFilter::TRACE,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(move || times.now()),
        gathered: None,
    }
    .start()
    .expect("telemetry starts once");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo");
    std::fs::remove_dir_all(&out).ok();
    let settings = Settings {
        people: 45,
        days: 20,
        seed: 3,
        out: out.clone(),
        marker: Some(MARKER.into()),
        clock,
        lines: Some(lines.clone()),
    };
    let outcome = demo::run(&settings, &mut Silent)
        .await
        .expect("the story is lived through");
    let failed: Vec<_> = outcome.checks.iter().filter(|check| !check.holds).collect();
    assert!(outcome.ok, "{failed:#?}");
    assert!(!lines.all().is_empty(), "something was logged");
    assert!(
        !lines
            .all()
            .iter()
            .any(|line| line.to_lowercase().contains(MARKER))
    );
    let html = std::fs::read_to_string(&outcome.drift_report).expect("a report");
    assert!(
        html.contains("casper"),
        "the report names the account that belongs to nobody"
    );
    let html = std::fs::read_to_string(&outcome.policy_change).expect("a comparison");
    assert!(
        html.contains("all-wiki-reader"),
        "the comparison names what the change takes"
    );
    std::fs::remove_dir_all(&out).expect("the folder goes");
}
