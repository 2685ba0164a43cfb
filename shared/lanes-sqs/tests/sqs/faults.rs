//! Every way in which the service can fail, and what a handler is told to do about it.

use contract::Lane;
use ports::{Backlog as _, Fault, Lanes, Outgoing};

use crate::{Turn, World};

/// One request of every kind that can fail.
async fn every_request(turn: &Turn) -> Vec<(&'static str, Fault)> {
    let world = World::new([turn.clone()]);
    let message = Outgoing {
        group: "MARKER".to_owned(),
        dedup: "MARKER".to_owned(),
        body: "MARKER".to_owned(),
    };
    let lane = Lane::Facts;
    let sent = world.lanes.send(&lane, &[message]).await.unwrap_err();
    let stats = world.lanes.depth(&lane).await.unwrap_err();
    let dead = world.lanes.dead(&lane, 10).await.unwrap_err();
    let claim = world.lanes.claim(&lane, 10).await.unwrap_err();
    assert_eq!(world.requests().len(), 4, "none is tried again");
    vec![
        ("send", sent),
        ("stats", stats),
        ("dead letters", dead),
        ("claim", claim),
    ]
}

async fn check(turn: Turn, want: &str) {
    for (request, fault) in every_request(&turn).await {
        assert_eq!(fault.error_type(), want, "{request}, {turn:?}: {fault}");
        let said = format!("{fault} {fault:?}");
        assert!(said.contains("`x-facts.fifo`"), "{said}");
        assert!(!said.contains("MARKER"), "{request}, {turn:?}: {said}");
    }
}

#[tokio::test]
async fn what_passes_is_retried() {
    for code in [
        "ExpiredTokenException",
        "KmsThrottled",
        "OverLimit",
        "RequestThrottled",
        "SomethingNew",
        "ThrottlingException",
    ] {
        check(Turn::error(400, code), "Retry").await;
    }
    check(Turn::error(500, "InternalFailure"), "Retry").await;
    check(Turn::error(503, "ServiceUnavailable"), "Retry").await;
    check(Turn::Answers(503, "<html>MARKER</html>".into()), "Retry").await;
    check(Turn::IsNotReached, "Retry").await;
    check(Turn::DoesNotAnswerInTime, "Retry").await;
}

#[tokio::test]
async fn what_no_retry_cures_is_rejected() {
    for code in [
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "BatchRequestTooLong",
        "InvalidMessageContents",
        "InvalidParameterValue",
        "MissingParameter",
        "SerializationException",
        "ValidationException",
    ] {
        check(Turn::error(400, code), "Reject").await;
    }
}

#[tokio::test]
async fn what_an_operator_has_to_cure_halts() {
    for code in [
        "AWS.SimpleQueueService.NonExistentQueue",
        "AccessDeniedException",
        "InvalidAddress",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "KmsAccessDenied",
        "KmsDisabled",
        "KmsInvalidState",
        "KmsNotFound",
        "QueueDoesNotExist",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "UnsupportedOperation",
    ] {
        check(Turn::error(400, code), "Halt").await;
    }
    check(Turn::error(403, "AccessDenied"), "Halt").await;
}

#[tokio::test]
async fn a_halt_says_how_to_cure_it() {
    for (code, cure) in [
        (
            "QueueDoesNotExist",
            "check that the stack is deployed whole and that `LANYARD_QUEUE_PREFIX` is its",
        ),
        (
            "KmsAccessDenied",
            "check the key of the queues and the role's rights to it",
        ),
        ("AccessDenied", "check the role's rights to the queue"),
    ] {
        for (_, fault) in every_request(&Turn::error(400, code)).await {
            let want = format!("halt: the queue `x-facts.fifo` answered 400 `{code}`; {cure}");
            assert_eq!(fault.to_string(), want);
        }
    }
}
