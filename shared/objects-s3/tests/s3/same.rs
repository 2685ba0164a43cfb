//! The adapter sends what the SDK's own client sends, byte by byte, signature included. Only the
//! bucket is always in the path, for which the SDK has a setting.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use bytes::Bytes;
use objects_s3::{Buckets, S3Objects};
use ports::Objects;
use ports::model::ManualClock;

use crate::sdk::{Captured, REGION, WithoutAgent, credentials};

/// With everything in it that a key may have.
const KEY: &str = "policy/v=1/a_b-c.toml";

const LIST: &str = "<ListBucketResult/>";

fn client(sdk: &Captured) -> Client {
    let connector = SharedHttpConnector::new(sdk.clone());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials())
        .force_path_style(true)
        .interceptor(WithoutAgent)
        .http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
}

fn adapter(aws: &aws_client::Config) -> S3Objects {
    let buckets = Buckets {
        policy: "the-policy".to_owned(),
        reports: "the.reports".to_owned(),
    };
    S3Objects::new(aws, buckets)
}

#[tokio::test]
async fn a_reading_is_the_one_that_the_sdk_sends() {
    let (sdk, ours) = (Captured::answering(""), Captured::answering(""));
    let request = client(&sdk).get_object().bucket("the-policy").key(KEY);
    let request = request.checksum_mode(ChecksumMode::Enabled);
    request.send().await.unwrap();
    // An answer without a tag is no object.
    let objects = adapter(&ours.at_the_time_of(&sdk));
    objects.get(KEY).await.unwrap_err();
    assert_eq!(ours.sent(), sdk.sent());
    assert!(
        ours.sent()[0]
            .uri
            .starts_with("https://s3.eu-central-1.amazonaws.com/the-policy/policy/")
    );
}

#[tokio::test]
async fn a_list_is_the_one_that_the_sdk_sends() {
    let (sdk, ours) = (Captured::answering(LIST), Captured::answering(LIST));
    let request = client(&sdk).list_objects_v2().bucket("the.reports");
    request
        .prefix("runs/2026-03-01T12:00:00Z/")
        .send()
        .await
        .unwrap();
    let objects = adapter(&ours.at_the_time_of(&sdk));
    objects.list("runs/2026-03-01T12:00:00Z/").await.unwrap();
    assert_eq!(ours.sent(), sdk.sent());
}

#[tokio::test]
async fn a_writing_is_the_one_that_the_sdk_sends() {
    let body = "[a]\nb = \"ä\"\n";
    // What names the write is chance: the SDK is given ours, and then we are given its time.
    let (sdk, ours) = (Captured::answering(""), Captured::answering(""));
    let named = Captured::answering("");
    let name = "x-amz-meta-lanyard-write";
    let put = async |sdk: &Captured, write: &str| {
        let request = client(sdk).put_object().bucket("the-policy").key(KEY);
        let request = request.if_none_match("*").metadata("lanyard-write", write);
        let request = request.content_type("text/plain; charset=utf-8");
        let request = request.checksum_algorithm(ChecksumAlgorithm::Sha256);
        let request = request.body(ByteStream::from_static(body.as_bytes()));
        request.send().await.unwrap();
    };
    put(&named, "first").await;
    let objects = adapter(&ours.at_the_time_of(&named));
    objects.put_new(KEY, Bytes::from(body)).await.unwrap();
    let ours = ours.sent().remove(0);
    put(&sdk, &ours.headers[name]).await;
    let theirs = sdk.sent().remove(0);
    // The signature is of another second, and of nothing else.
    let signed = |one: &crate::sdk::Sent| {
        let authorization = &one.headers["authorization"];
        authorization
            .split(", Signature=")
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(signed(&ours), signed(&theirs));
    let rest = |mut one: crate::sdk::Sent| {
        one.headers.remove("authorization").unwrap();
        one.headers.remove("x-amz-date").unwrap();
        one
    };
    assert_eq!(rest(ours), rest(theirs));
}

#[tokio::test]
async fn a_link_is_the_one_that_the_sdk_makes() {
    let (sdk, ours) = (Captured::answering(""), Captured::answering(""));
    let request = client(&sdk)
        .get_object()
        .bucket("the.reports")
        .key("a/b.html");
    let now: jiff::Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let config = PresigningConfig::builder().start_time(now.into());
    let config = config.expires_in(Duration::from_mins(5)).build().unwrap();
    let theirs = request.clone().presigned(config).await.unwrap();
    request.send().await.unwrap();
    let aws = ours
        .at_the_time_of(&sdk)
        .on(Arc::new(ManualClock::new(now)));
    let link = adapter(&aws).link("a/b.html", Duration::from_mins(5)).await;
    assert_eq!(sorted(link.unwrap().reveal()), sorted(theirs.uri()));
}

/// The parts of a URL; the order of a query means nothing.
fn sorted(url: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = url.split(['?', '&']).collect();
    parts.sort_unstable();
    parts
}
