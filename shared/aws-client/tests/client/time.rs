//! Time-outs.

use std::time::Duration;

use aws_smithy_runtime_api::client::result::SdkError;
use tokio::time::Instant;

use crate::{ASK, ASK_MUCH, Answer, Ask, HASTY, Turn, World, ok};

#[tokio::test]
async fn an_attempt_takes_so_long_at_most() {
    let world = World::hasty([Turn::Hangs, Turn::ok()]);
    let start = Instant::now();
    assert_eq!(world.ask().await.unwrap(), ok());
    assert_eq!(world.attempts(), 2);
    assert!(start.elapsed() >= HASTY.attempt);
}

#[tokio::test]
async fn a_request_takes_so_long_at_most() {
    let world = World::hasty([Turn::Hangs]);
    let start = Instant::now();
    let error = world.ask().await.unwrap_err();
    assert!(matches!(error, SdkError::TimeoutError(_)), "{error:?}");
    // Two whole attempts, and what is left.
    assert_eq!(world.attempts(), 3);
    let over = start.elapsed().checked_sub(HASTY.request);
    assert!(over.unwrap() < HASTY.attempt / 2, "{over:?}");
}

#[tokio::test]
async fn an_answer_whose_body_does_not_come_is_lost() {
    let slow = Turn::Drips(vec!["o", "k"], Duration::from_millis(600), true);
    let world = World::hasty([slow, Turn::ok()]);
    let start = Instant::now();
    world.client.send(&ASK, Ok(Ask::default())).await.unwrap();
    assert_eq!(world.attempts(), 2);
    assert!(start.elapsed() >= HASTY.attempt);
}

#[tokio::test]
async fn an_answer_of_any_size_has_so_long_for_each_part() {
    let slow = Turn::Drips(vec!["x"; 6], Duration::from_millis(500), true);
    let world = World::hasty([slow]);
    let start = Instant::now();
    let much = world.client.send(&ASK_MUCH, Ok(Ask::default())).await;
    assert_eq!(much.unwrap(), Answer(b"xxxxxx".to_vec()));
    assert_eq!(world.attempts(), 1);
    assert!(start.elapsed() >= HASTY.request, "longer than a request");
}

#[tokio::test]
async fn an_answer_of_any_size_that_stands_still_is_lost() {
    let stalled = Turn::Drips(vec!["x"], HASTY.attempt * 2, true);
    let world = World::hasty([stalled, Turn::ok()]);
    let much = world.client.send(&ASK_MUCH, Ok(Ask::default())).await;
    assert_eq!(much.unwrap(), ok());
    assert_eq!(world.attempts(), 2);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_cannot_be_read_is_no_refusal() {
    let cut = Turn::Drips(vec!["o"], Duration::ZERO, false);
    for turn in [cut, Turn::Answers(200, Vec::new(), "nonsense")] {
        let world = World::new([turn]);
        let error = world.ask().await.unwrap_err();
        assert!(matches!(error, SdkError::ResponseError(_)), "{error:?}");
    }
}
