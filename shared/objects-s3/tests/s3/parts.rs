//! Bodies that go in parts.

use bytes::Bytes;
use ports::Objects;
use ports::objects::{Put, Swap, Tag};

use crate::{PART, Turn, World};

const KEY: &str = "reports/findings.parquet";

fn created() -> Turn {
    Turn::ok(
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
    )
}

fn completed() -> Turn {
    Turn::ok("<CompleteMultipartUploadResult><ETag>\"1\"</ETag></CompleteMultipartUploadResult>")
}

fn body() -> Bytes {
    Bytes::from(vec![7; 2 * PART + 1])
}

#[tokio::test]
async fn a_body_that_is_no_larger_than_a_part_goes_whole() {
    let world = World::new([Turn::ok("")]);
    let whole = Bytes::from(vec![7; PART]);
    world.objects.put(KEY, whole).await.unwrap();
    assert_eq!(world.methods(), ["PUT"]);

    let parts = [Turn::ok(""), Turn::ok(""), Turn::ok("")];
    let turns = [created()].into_iter().chain(parts).chain([completed()]);
    let world = World::new(turns);
    let put = world.objects.put_new(KEY, body()).await.unwrap();
    assert_eq!(put, Put::Written);
    assert_eq!(world.methods(), ["POST", "PUT", "PUT", "PUT", "POST"]);
    let requests = world.requests();
    let sizes: Vec<usize> = requests[1..4].iter().map(|seen| seen.body.len()).collect();
    assert_eq!(sizes, [PART, PART, 1]);
    for (number, part) in (1..).zip(&requests[1..4]) {
        assert!(
            part.uri.contains(&format!("partNumber={number}")),
            "{}",
            part.uri
        );
        assert!(part.header("x-amz-checksum-sha256").is_some());
    }
    let (first, last) = (&requests[0], &requests[4]);
    assert!(first.header("x-amz-meta-lanyard-write").is_some());
    assert_eq!(first.header("if-none-match"), None);
    assert_eq!(
        last.header("if-none-match"),
        Some("*"),
        "decided in the end"
    );
}

#[tokio::test]
async fn an_upload_that_fails_is_aborted() {
    let failed = || Turn::error(503, "SlowDown");
    let part = || Turn::ok("");
    for turns in [
        vec![created(), failed(), Turn::status(204)],
        vec![created(), part(), part(), failed(), Turn::status(204)],
        vec![
            created(),
            part(),
            part(),
            part(),
            failed(),
            Turn::status(204),
        ],
    ] {
        let count = turns.len();
        let world = World::new(turns);
        let fault = world.objects.put(KEY, body()).await.unwrap_err();
        assert_eq!(fault.error_type(), "Retry");
        let requests = world.requests();
        assert_eq!(requests.len(), count);
        let last = requests.last().unwrap();
        assert_eq!(last.method, "DELETE");
        assert!(last.uri.contains("uploadId=u"), "{}", last.uri);
    }
    let world = World::new([failed()]);
    world.objects.put(KEY, body()).await.unwrap_err();
    assert_eq!(world.methods(), ["POST"], "nothing to abort");
}

#[tokio::test]
async fn an_upload_over_what_exists_is_refused_and_aborted() {
    let part = || Turn::ok("");
    let refused = || Turn::error(412, "PreconditionFailed");
    let turns = [
        created(),
        part(),
        part(),
        part(),
        refused(),
        Turn::status(204),
    ];
    let world = World::new(turns.clone());
    let put = world.objects.put_new(KEY, body()).await.unwrap();
    assert_eq!(put, Put::Exists);
    assert_eq!(world.methods().last().unwrap(), "DELETE");
    let world = World::new(turns);
    let tag = Tag("\"0\"".into());
    let swapped = world.objects.swap(KEY, &tag, body()).await.unwrap();
    assert_eq!(swapped, Swap::Moved);
    assert_eq!(world.requests()[4].header("if-match"), Some("\"0\""));
}

/// The completion whose answer was lost has used up the upload.
#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_recognised() {
    let part = || Turn::ok("");
    for again in [
        Turn::error(404, "NoSuchUpload"),
        Turn::error(412, "PreconditionFailed"),
    ] {
        let turns = [
            created(),
            part(),
            part(),
            part(),
            Turn::IsNotReached,
            again,
            Turn::error(404, "NoSuchUpload"),
            Turn::HasTheFirstWrite,
        ];
        let world = World::trying(3, turns);
        let put = world.objects.put_new(KEY, body()).await.unwrap();
        assert_eq!(put, Put::Written);
        assert_eq!(world.methods()[6..], ["DELETE", "HEAD"]);
    }
    // Also where there is no condition.
    let turns = [
        created(),
        part(),
        part(),
        part(),
        Turn::IsNotReached,
        Turn::error(404, "NoSuchUpload"),
        Turn::error(404, "NoSuchUpload"),
        Turn::HasTheFirstWrite,
    ];
    World::trying(3, turns)
        .objects
        .put(KEY, body())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_upload_that_is_gone_for_another_reason_is_tried_again() {
    let part = || Turn::ok("");
    for (there, want) in [
        (Turn::status(404), None),
        (Turn::has("\"5\""), Some(Put::Exists)),
    ] {
        let turns = [
            created(),
            part(),
            part(),
            part(),
            Turn::error(404, "NoSuchUpload"),
            Turn::status(204),
            there,
        ];
        let world = World::new(turns);
        let put = world.objects.put_new(KEY, body()).await;
        assert_eq!(put.as_ref().ok(), want.as_ref());
        assert!(put.is_ok() || put.unwrap_err().error_type() == "Retry");
    }
}
