//! What the functions ask of AWS, counted at the door of a server that stands for it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use tests::metered::stack::{Stack, TARGETS};
use tests::runtime_api::Profile;
use tests::world::Says;

fn hire(n: u32) -> Says {
    let names = (format!("Ana{n}"), format!("Sousa{n}"));
    let hire = Says::hires(
        &format!("E{n:04}"),
        (&names.0, &names.1),
        "Engineering",
        "2020-01-01",
    );
    hire.that("title", "Engineer")
}

#[tokio::test]
async fn ten_events_cost_ten_reads_ten_writes_and_a_request_to_each_queue() {
    let mut stack = Stack::start(Profile::Dev, true).await;
    stack.hear((0..10).map(hire).collect()).await;
    for target in stack.targets() {
        assert_eq!(target.user_count(), 10);
    }
    stack.take_work();

    let lead = |n| Says::about(&format!("E{n:04}")).that("title", "Lead");
    stack.hear((0..10).map(lead).collect()).await;
    let work = stack.take_work();
    for (name, work) in &work {
        println!("{name}: {work:?}");
    }
    let planner = &work["planner"];
    assert_eq!(planner.invocations, 1);
    let asked = |operation: &str| planner.usage.of(operation);
    assert_eq!(asked("dynamodb.Query"), 10);
    assert_eq!(asked("dynamodb.UpdateItem"), 10);
    assert_eq!(asked("sqs.SendMessageBatch"), TARGETS.len() as u64);
    assert_eq!(planner.usage.to("dynamodb"), 20);
    assert_eq!(planner.usage.to("sqs"), 3);
    // A post and its fact in one transaction. Items are a kilobyte at most; a decision enters the
    // index of whom the clock looks at, and the last acknowledgement leaves it.
    let units = |name: &str| work[name].usage.write_units;
    let lanes: Vec<String> = TARGETS.iter().map(|name| format!("lane-{name}")).collect();
    assert_eq!(units("hr-webhook"), 40);
    assert_eq!(units("planner"), 20);
    assert_eq!(lanes.iter().map(|lane| units(lane)).sum::<u64>(), 40);
    // Everybody of a batch is read with one request.
    for lane in &lanes {
        assert_eq!(work[lane].usage.of("dynamodb.BatchGetItem"), 1);
    }
    let bytes: u64 = work.values().map(|work| work.line_bytes).sum();
    assert!(bytes < 10 * 700, "{bytes} bytes of lines for ten events");
}
