//! Every way in which the service can fail, and what a handler is told to do about it.

use bytes::Bytes;
use ports::objects::{Put, Swap, Tag};
use ports::{Fault, Objects};

use crate::{Turn, World};

const KEY: &str = "reports/MARKER.json";

/// One request of every kind that can fail.
async fn every_request(turn: &Turn) -> Vec<(&'static str, Fault)> {
    let world = World::new([turn.clone()]);
    let (objects, body) = (&world.objects, Bytes::from("MARKER"));
    let tag = Tag("\"0\"".into());
    let put_new = objects.put_new(KEY, body.clone()).await;
    let put = objects.put(KEY, body.clone()).await;
    let swap = objects.swap(KEY, &tag, body).await;
    let get = objects.get(KEY).await;
    let list = objects.list("reports/").await;
    assert_eq!(world.requests().len(), 5, "none is tried again");
    vec![
        ("put new", put_new.unwrap_err()),
        ("put", put.unwrap_err()),
        ("swap", swap.unwrap_err()),
        ("get", get.unwrap_err()),
        ("list", list.unwrap_err()),
    ]
}

async fn check(turn: Turn, want: &str) {
    for (request, fault) in every_request(&turn).await {
        assert_eq!(fault.error_type(), want, "{request}, {turn:?}: {fault}");
        let said = format!("{fault} {fault:?}");
        assert!(said.contains("the bucket `the-reports`"), "{said}");
        assert!(!said.contains("MARKER"), "{request}, {turn:?}: {said}");
    }
}

#[tokio::test]
async fn what_passes_is_retried() {
    for (status, code) in [
        (503, "SlowDown"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (400, "RequestTimeout"),
        (400, "ExpiredToken"),
        (403, "RequestTimeTooSkewed"),
        (400, "BadDigest"),
        (400, "KMS.ThrottlingException"),
        (400, "SomethingNew"),
        (429, "TooManyRequests"),
    ] {
        check(Turn::error(status, code), "Retry").await;
    }
    check(Turn::status(502), "Retry").await;
    check(Turn::IsNotReached, "Retry").await;
    check(Turn::DoesNotAnswerInTime, "Retry").await;
}

#[tokio::test]
async fn what_no_retry_cures_is_rejected() {
    for (status, code) in [
        (400, "EntityTooLarge"),
        (400, "InvalidArgument"),
        (403, "InvalidObjectState"),
        (400, "InvalidRequest"),
        (400, "KeyTooLongError"),
        (400, "MetadataTooLarge"),
    ] {
        check(Turn::error(status, code), "Reject").await;
    }
}

#[tokio::test]
async fn what_an_operator_has_to_cure_halts() {
    for (status, code) in [
        (403, "AccessDenied"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (403, "AllAccessDisabled"),
        (403, "SomethingNew"),
        (404, "NoSuchBucket"),
        (301, "PermanentRedirect"),
        (400, "AuthorizationHeaderMalformed"),
        (400, "KMS.DisabledException"),
        (400, "KMS.NotFoundException"),
    ] {
        check(Turn::error(status, code), "Halt").await;
    }
    check(Turn::status(403), "Halt").await;
}

#[tokio::test]
async fn a_halt_says_how_to_cure_it() {
    for (status, code, cure) in [
        (
            403,
            "AccessDenied",
            "check the role's rights to the bucket, also `s3:ListBucket`: without it an object \
             that does not exist looks forbidden",
        ),
        (
            404,
            "NoSuchBucket",
            "check the bucket's name and that it is in the stack's region",
        ),
        (
            400,
            "KMS.DisabledException",
            "check the key of the bucket and the role's rights to it",
        ),
    ] {
        for (_, fault) in every_request(&Turn::error(status, code)).await {
            let want = format!("halt: the bucket `the-reports` answered {status} `{code}`; {cure}");
            assert_eq!(fault.to_string(), want);
        }
    }
}

#[tokio::test]
async fn what_is_an_answer_is_no_fault() {
    let body = Bytes::from("x");
    let tag = Tag("\"0\"".into());
    let missing = World::new([Turn::error(404, "NoSuchKey")]);
    assert_eq!(missing.objects.get(KEY).await.unwrap(), None);
    assert_eq!(missing.objects.get_tagged(KEY).await.unwrap(), None);
    let swapped = missing.objects.swap(KEY, &tag, body.clone()).await;
    assert_eq!(swapped.unwrap(), Swap::Moved);
    let refused = World::new([Turn::error(412, "PreconditionFailed")]);
    let put = refused.objects.put_new(KEY, body.clone()).await.unwrap();
    assert_eq!(put, Put::Exists);
    let swapped = refused.objects.swap(KEY, &tag, body).await.unwrap();
    assert_eq!(swapped, Swap::Moved);
    assert_eq!(
        refused.methods(),
        ["PUT", "PUT"],
        "sent once, nothing to look up"
    );
}

/// Somebody else is writing under the key: what is there afterwards decides.
#[tokio::test]
async fn a_conflict_is_decided_by_what_is_there() {
    let conflict = || Turn::error(409, "ConditionalRequestConflict");
    let body = Bytes::from("x");
    let tag = Tag("\"0\"".into());
    let world = World::new([conflict(), Turn::has("\"5\"")]);
    let put = world.objects.put_new(KEY, body.clone()).await.unwrap();
    assert_eq!(put, Put::Exists);
    let world = World::new([conflict(), Turn::status(404)]);
    let put = world.objects.put_new(KEY, body.clone()).await.unwrap_err();
    assert_eq!(put.error_type(), "Retry", "it was removed meanwhile");
    for (there, want) in [
        (Turn::has("\"5\""), Some(Swap::Moved)),
        (Turn::status(404), Some(Swap::Moved)),
        (Turn::has("\"0\""), None),
    ] {
        let world = World::new([conflict(), there]);
        let swapped = world.objects.swap(KEY, &tag, body.clone()).await;
        assert_eq!(swapped.as_ref().ok(), want.as_ref());
        if let Err(fault) = swapped {
            assert_eq!(fault.error_type(), "Retry");
        }
    }
    let world = World::new([conflict(), Turn::status(403)]);
    let put = world.objects.put_new(KEY, body).await.unwrap_err();
    assert_eq!(put.error_type(), "Halt", "it may not look");
}

#[tokio::test]
async fn keys_that_are_no_plain_paths_are_never_sent() {
    let world = World::new([Turn::IsNotReached]);
    let tag = Tag("\"0\"".into());
    for key in ["", "../a", "a//b", "/a", "a b", "\u{e4}"] {
        let (objects, body) = (&world.objects, Bytes::new());
        let faults = [
            objects.put_new(key, body.clone()).await.unwrap_err(),
            objects.put(key, body.clone()).await.unwrap_err(),
            objects.swap(key, &tag, body).await.unwrap_err(),
            objects.get(key).await.unwrap_err(),
            objects.get_tagged(key).await.unwrap_err(),
            objects
                .link(key, std::time::Duration::from_mins(1))
                .await
                .unwrap_err(),
        ];
        assert!(faults.iter().all(|fault| fault.error_type() == "Reject"));
    }
    assert!(world.requests().is_empty());
}

/// What was written with a SHA-256 is read with it; the digest of digests of a body that went in parts is
/// none of the whole.
#[tokio::test]
async fn a_body_that_is_not_what_was_written_is_not_taken() {
    // The SHA-256 of `x`.
    let right = "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=";
    let of_parts = "jf9SjPKEDPUZEGJDVuRfJsfUgdJSrvLFYOf0EBfgKN8=-3";
    for (sum, body, taken) in [
        (Some(right), "x", true),
        (Some(right), "y", false),
        (Some(right), "", false),
        (Some(of_parts), "x", true),
        (None, "x", true),
    ] {
        let mut headers = vec![("etag", "\"1\"".to_owned())];
        headers.extend(sum.map(|sum| ("x-amz-checksum-sha256", sum.to_owned())));
        let world = World::new([Turn::Answers {
            status: 200,
            headers,
            body: body.to_owned(),
        }]);
        match world.objects.get(KEY).await {
            Ok(got) => assert!(taken && got == Some(Bytes::from(body)), "{sum:?} {body}"),
            Err(fault) => {
                assert!(!taken, "{sum:?} {body}: {fault}");
                assert_eq!(fault.error_type(), "Retry");
            }
        }
        let requests = world.requests();
        assert_eq!(requests[0].header("x-amz-checksum-mode"), Some("ENABLED"));
    }
}
