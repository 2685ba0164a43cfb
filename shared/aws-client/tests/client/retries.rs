//! What is sent again, after how long, and how often.

use std::time::Duration;

use tokio::time::Instant;

use crate::{ASK, Ask, HASTY, Turn, World, ok};

#[tokio::test]
async fn what_passes_by_itself_is_sent_again() {
    for turn in [
        Turn::error(500, "InternalServerError"),
        Turn::error(502, ""),
        Turn::error(503, "ServiceUnavailable"),
        Turn::error(504, ""),
        Turn::error(400, "ThrottlingException"),
        Turn::error(400, "RequestTimeout"),
        Turn::IsNotReached,
        Turn::MakesNoConnectionInTime,
        Turn::Drips(vec!["o"], Duration::from_millis(1), false),
    ] {
        let world = World::new([turn.clone(), Turn::ok()]);
        assert_eq!(world.ask().await.unwrap(), ok(), "{turn:?}");
        assert_eq!(world.attempts(), 2, "{turn:?}");
        let world = World::new([turn.clone()]);
        let (answer, attempts) = world.client.send_counted(&ASK, Ok(Ask::default())).await;
        answer.unwrap_err();
        assert_eq!((attempts, world.attempts()), (3, 3), "{turn:?}");
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_sent_again() {
    for turn in [
        Turn::error(400, "ConditionalCheckFailedException"),
        Turn::error(400, "TransactionCanceledException"),
        Turn::error(400, "ValidationException"),
        Turn::error(403, "AccessDenied"),
        Turn::error(404, "NoSuchKey"),
        Turn::error(501, "NotImplemented"),
        Turn::Answers(200, Vec::new(), "nonsense"),
        Turn::CannotBeAsked,
    ] {
        let world = World::new([turn.clone(), Turn::ok()]);
        world.ask().await.unwrap_err();
        assert_eq!(world.attempts(), 1, "{turn:?}");
    }
}

#[tokio::test]
async fn a_service_says_how_long_to_wait() {
    let turns = [
        Turn::with(503, "", "x-amz-retry-after", "1200"),
        Turn::with(503, "", "retry-after", "1"),
        Turn::ok(),
    ];
    let world = World::new(turns);
    let start = Instant::now();
    world.ask().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(2_200));
}

/// A wait that would outlast the request is not begun.
#[tokio::test]
async fn nobody_waits_for_an_attempt_that_cannot_be_made() {
    let world = World::hasty([Turn::with(503, "", "retry-after", "4")]);
    let start = Instant::now();
    world.ask().await.unwrap_err();
    assert_eq!(world.attempts(), 1);
    assert!(start.elapsed() < HASTY.request, "{:?}", start.elapsed());
}

/// 500 tokens are 50 attempts after lost ones, two for each request; an answer gives one back.
#[tokio::test]
async fn a_service_that_is_down_is_asked_less() {
    let down = std::iter::repeat_n(Turn::error(500, ""), 25 * 3 + 1);
    let up = std::iter::repeat_n(Turn::ok(), 10);
    let again = [Turn::error(500, ""), Turn::ok(), Turn::error(500, "")];
    let world = World::new(down.chain(up).chain(again).chain([Turn::ok()]));
    for _ in 0..25 {
        world.ask().await.unwrap_err();
    }
    assert_eq!(world.attempts(), 25 * 3);
    world.ask().await.unwrap_err();
    assert_eq!(world.attempts(), 25 * 3 + 1, "the budget is used up");
    for _ in 0..10 {
        world.ask().await.unwrap();
    }
    let before = world.attempts();
    world.ask().await.unwrap();
    assert_eq!(world.attempts(), before + 2, "ten answers are an attempt");
    world.ask().await.unwrap();
    assert_eq!(
        world.attempts(),
        before + 4,
        "which came back with its answer"
    );
}
