//! Writes that took place though their answer was lost: the SDK's next attempt meets what the
//! first one wrote.

use bytes::Bytes;
use ports::Objects;
use ports::objects::{Put, Swap, Tag};

use crate::{Turn, World};

const KEY: &str = "policy/current";

fn refused() -> Turn {
    Turn::error(412, "PreconditionFailed")
}

#[tokio::test]
async fn a_conditional_write_whose_answer_was_lost_is_recognised() {
    let tag = Tag("\"0\"".into());
    for lost in [
        Turn::IsNotReached,
        Turn::DoesNotAnswerInTime,
        Turn::error(500, "InternalError"),
    ] {
        let turns = [lost.clone(), refused(), Turn::HasTheFirstWrite];
        let world = World::trying(3, turns.clone());
        let put = world.objects.put_new(KEY, Bytes::from("x")).await.unwrap();
        assert_eq!(put, Put::Written, "{lost:?}");
        assert_eq!(world.methods(), ["PUT", "PUT", "HEAD"]);
        let world = World::trying(3, turns);
        let swapped = world.objects.swap(KEY, &tag, Bytes::from("x")).await;
        assert_eq!(swapped.unwrap(), Swap::Written, "{lost:?}");
        assert_eq!(world.methods(), ["PUT", "PUT", "HEAD"]);
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_meanwhile_is_not_ours() {
    let tag = Tag("\"0\"".into());
    let turns = [Turn::IsNotReached, refused(), Turn::has("\"5\"")];
    let world = World::trying(3, turns.clone());
    let put = world.objects.put_new(KEY, Bytes::from("x")).await.unwrap();
    assert_eq!(put, Put::Exists);
    let world = World::trying(3, turns);
    let swapped = world.objects.swap(KEY, &tag, Bytes::from("x")).await;
    assert_eq!(swapped.unwrap(), Swap::Moved);
    let gone = [Turn::IsNotReached, refused(), Turn::status(404)];
    let world = World::trying(3, gone);
    let swapped = world.objects.swap(KEY, &tag, Bytes::from("x")).await;
    assert_eq!(swapped.unwrap(), Swap::Moved);
}

#[tokio::test]
async fn every_write_has_its_condition_a_name_of_its_own_and_a_checksum() {
    let world = World::new([Turn::ok("")]);
    let tag = Tag("\"0\"".into());
    let body = Bytes::from("x");
    world.objects.put_new(KEY, body.clone()).await.unwrap();
    world.objects.swap(KEY, &tag, body.clone()).await.unwrap();
    world.objects.put("a.html", body).await.unwrap();
    let requests = world.requests();
    let said = |name: &str| -> Vec<Option<&str>> {
        requests.iter().map(|seen| seen.header(name)).collect()
    };
    assert_eq!(said("if-none-match"), [Some("*"), None, None]);
    assert_eq!(said("if-match"), [None, Some("\"0\""), None]);
    let mut names = said("x-amz-meta-lanyard-write");
    names.dedup();
    assert_eq!(names.len(), 3, "no two writes have one name: {names:?}");
    // The SHA-256 of `x`.
    let checksum = "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=";
    assert!(
        said("x-amz-checksum-sha256")
            .iter()
            .all(|sum| *sum == Some(checksum))
    );
    let kinds = ["application/octet-stream"; 2].into_iter();
    let kinds: Vec<_> = kinds
        .chain(["text/html; charset=utf-8"])
        .map(Some)
        .collect();
    assert_eq!(said("content-type"), kinds);
    let paths: Vec<&str> = requests
        .iter()
        .map(|seen| seen.uri.split('?').next().unwrap())
        .collect();
    let base = "http://127.0.0.1:1";
    let (policy, report) = (
        format!("{base}/the-policy/{KEY}"),
        format!("{base}/the-reports/a.html"),
    );
    assert_eq!(paths, [&*policy, &policy, &report]);
}
