//! How long an ending takes, from the fact or the end of the last day to the block that was seen.

use std::time::Duration;

use contract::Lane;
use scim_target::{Fault, FaultKind, RetryAfter};
use telemetry::{Lines, Metric, Sink, Telemetry};
use tests::world::{Company, Says};

const ANA: (&str, &str) = ("Ana", "Silva");

async fn with_ana() -> Company {
    let mut company = Company::new().await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    company
}

fn ending_now() -> Says {
    Says::about("E1")
        .that("worker_status", "terminated")
        .that("end_mode", "now")
}

/// Everything that is told on this thread from now on.
fn listening(company: &Company) -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::new();
    let clock = company.world.clock.clone();
    let telemetry = Telemetry {
        service: "test",
        level: tracing::level_filters::LevelFilter::INFO,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(move || ports::Clock::now(&clock)),
        gathered: None,
    };
    (lines, telemetry.start_here())
}

/// What was measured: target and seconds, in order.
fn measured(lines: &Lines) -> Vec<(String, f64)> {
    let name = Metric::EndingLatency.name();
    let lines = lines.all();
    let mut measured: Vec<(String, f64)> = lines
        .iter()
        .filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            let millis = line.get(name)?.as_f64().expect("a number");
            let target = line["target"].as_str().expect("a target");
            Some((target.to_owned(), millis / 1_000.0))
        })
        .collect();
    measured.sort_by(|a, b| a.0.cmp(&b.0));
    measured
}

fn each(dir: f64, wiki: f64) -> Vec<(String, f64)> {
    vec![("dir".to_owned(), dir), ("wiki".to_owned(), wiki)]
}

#[tokio::test]
async fn an_ending_now_is_measured_from_the_receipt_of_the_fact() {
    let company = &mut with_ana().await;
    let (lines, _guard) = listening(company);
    company.world.post(ending_now()).await;
    company.world.clock.advance(Duration::from_secs(3));
    company.world.work(&Lane::Facts).await;
    company.world.clock.advance(Duration::from_secs(4));
    company.world.settle().await;
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(measured(&lines), each(7.0, 7.0));
    // Neither a look nor a night measures it again.
    company.world.look("E1").await;
    company.world.night().await;
    company
        .world
        .hr(Says::about("E1").that("title", "Gone"))
        .await;
    assert_eq!(measured(&lines).len(), 2);
}

#[tokio::test]
async fn what_is_said_after_an_ending_does_not_make_it_look_faster() {
    let company = &mut with_ana().await;
    let (lines, _guard) = listening(company);
    company.world.post(ending_now()).await;
    company.world.clock.advance(Duration::from_mins(1));
    company
        .world
        .post(Says::about("E1").that("title", "Gone"))
        .await;
    company.world.settle().await;
    assert_eq!(measured(&lines), each(60.0, 60.0));
}

#[tokio::test]
async fn an_ending_at_the_end_of_the_day_is_measured_from_midnight_there() {
    let company = &mut with_ana().await;
    let ends = Says::about("E1").that("end_date", "2026-03-10");
    company.world.hr(ends).await;
    company.world.until("2026-03-10T23:59:59Z").await;
    let (lines, _guard) = listening(company);
    company
        .world
        .clock
        .set("2026-03-11T00:00:40Z".parse().expect("an instant"));
    company.world.tick().await;
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(measured(&lines), each(40.0, 40.0));
}

#[tokio::test]
async fn what_a_target_delays_counts() {
    let company = &mut with_ana().await;
    let (lines, _guard) = listening(company);
    let busy = Fault::TooManyRequests {
        retry_after: RetryAfter::Seconds(90),
    };
    company.dir.faults().add(busy.once());
    company.world.post(ending_now()).await;
    company.world.settle().await;
    assert_eq!(company.dir.faults().fired(FaultKind::TooManyRequests), 1);
    assert_eq!(measured(&lines), each(90.0, 0.0));
}

#[tokio::test]
async fn a_block_that_is_not_seen_is_not_measured_until_it_is() {
    let company = &mut with_ana().await;
    let (lines, _guard) = listening(company);
    company
        .dir
        .faults()
        .add(Fault::IgnoreActive { echo: true }.times(2));
    company.world.post(ending_now()).await;
    company.world.work(&Lane::Facts).await;
    company.world.work(&Lane::Terminations).await;
    assert_eq!(company.dir.faults().fired(FaultKind::IgnoreActive), 1);
    assert_eq!(measured(&lines), [("wiki".to_owned(), 0.0)]);
    company.world.settle().await;
    assert_eq!(company.dir.faults().fired(FaultKind::IgnoreActive), 2);
    assert_eq!(company.active("E1"), (false, false));
    // Two looks that saw an open account, and the waits after them: 5 s and 25 s.
    assert_eq!(measured(&lines), each(30.0, 0.0));
}

#[tokio::test]
async fn a_block_whose_answer_was_lost_is_measured_when_it_is_looked_at() {
    let company = &mut with_ana().await;
    let (lines, _guard) = listening(company);
    let lost = Fault::DropAfterCommit.once().method("PATCH").path("/Users");
    company.dir.faults().add(lost);
    company.world.post(ending_now()).await;
    company.world.settle().await;
    assert_eq!(company.dir.faults().fired(FaultKind::DropAfterCommit), 1);
    assert_eq!(company.active("E1"), (false, false));
    let measured = measured(&lines);
    assert_eq!(measured.len(), 2, "{measured:?}");
    assert!(measured[0].1 > 0.0, "{measured:?}");
}

#[tokio::test]
async fn who_comes_back_and_leaves_again_is_measured_anew() {
    let company = &mut with_ana().await;
    company.world.hr(ending_now()).await;
    company.world.until("2026-03-05T08:00:00Z").await;
    let returns = Says::about("E1")
        .that("worker_status", "active")
        .not("end_mode");
    company.world.hr(returns).await;
    assert_eq!(company.active("E1"), (true, true));
    company.world.until("2026-03-09T08:00:00Z").await;
    let (lines, _guard) = listening(company);
    company.world.post(ending_now()).await;
    company.world.clock.advance(Duration::from_secs(2));
    company.world.settle().await;
    assert_eq!(measured(&lines), each(2.0, 2.0));
}
