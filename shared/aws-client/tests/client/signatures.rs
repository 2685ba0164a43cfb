//! Where requests go, and signatures that AWS's documentation has worked out:
//! https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and
//! https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

use std::sync::Arc;
use std::time::Duration;

use aws_client::{Client, Config, Credentials, Service};
use aws_smithy_runtime_api::client::result::SdkError;
use ports::model::ManualClock;

use crate::{ASK, ASK_BUCKET, Ask, LIMITS, Turn, World};

/// The documentation's bucket, account and day.
fn example() -> World {
    let credentials = Credentials::new(
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        None,
        None,
        "documentation",
    );
    let mut world = World::made(Service::s3(), [Turn::ok()], |connection| {
        let endpoint = "https://examplebucket.s3.amazonaws.com".to_owned();
        Config::new("us-east-1", credentials, connection, LIMITS).at(Some(endpoint))
    });
    let clock = ManualClock::new("2013-05-24T00:00:00Z".parse().unwrap());
    let config = world.client.config().clone().on(Arc::new(clock));
    world.client = Client::new(&config, Service::s3());
    world
}

#[tokio::test]
async fn a_request_is_signed_as_the_documentation_does() {
    let world = example();
    let ask = Ask {
        path: "/test.txt",
        range: Some("bytes=0-9"),
        bucket: None,
    };
    world.client.send(&ASK, Ok(ask)).await.unwrap();
    let requests = world.requests();
    assert_eq!(
        requests[0].header("authorization").unwrap(),
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
         Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
    assert_eq!(
        requests[0].header("x-amz-content-sha256").unwrap(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert!(
        requests[0]
            .header("user-agent")
            .unwrap()
            .starts_with("lanyard/")
    );
}

#[tokio::test]
async fn a_link_is_signed_as_the_documentation_does() {
    let world = example();
    let ask = Ask {
        path: "/test.txt",
        ..Ask::default()
    };
    let day = Duration::from_hours(24);
    let link = world.client.presign(&ASK, Ok(ask), day).await.unwrap();
    let (url, query) = link.split_once('?').unwrap();
    assert_eq!(url, "https://examplebucket.s3.amazonaws.com/test.txt");
    let mut query: Vec<&str> = query.split('&').collect();
    query.sort_unstable();
    assert_eq!(
        query,
        [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request",
            "X-Amz-Date=20130524T000000Z",
            "X-Amz-Expires=86400",
            "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
            "X-Amz-SignedHeaders=host",
        ]
    );
    assert_eq!(world.attempts(), 0);
}

#[tokio::test]
async fn every_region_has_its_endpoint_and_another_place_has_all_services() {
    for (region, endpoint, service, want) in [
        (
            "eu-central-1",
            None,
            Service::new("sky"),
            "https://sky.eu-central-1.amazonaws.com/path?query",
        ),
        (
            "us-gov-west-1",
            None,
            Service::s3(),
            "https://s3.us-gov-west-1.amazonaws.com/path?query",
        ),
        (
            "cn-north-1",
            None,
            Service::new("sky"),
            "https://sky.cn-north-1.amazonaws.com.cn/path?query",
        ),
        (
            "eu-central-1",
            Some("http://127.0.0.1:4566"),
            Service::s3(),
            "http://127.0.0.1:4566/path?query",
        ),
        (
            "eu-central-1",
            Some("http://127.0.0.1:4566/aws/"),
            Service::new("sky"),
            "http://127.0.0.1:4566/aws/path?query",
        ),
    ] {
        let world = World::made(service, [Turn::ok()], |connection| {
            let credentials = Credentials::new("AKID", "s", None, None, "test");
            let config = Config::new(region, credentials, connection, LIMITS);
            config.at(endpoint.map(str::to_owned))
        });
        world.ask().await.unwrap();
        let requests = world.requests();
        assert_eq!(requests[0].uri, want);
        let scope = format!("/{region}/");
        assert!(
            requests[0]
                .header("authorization")
                .unwrap()
                .contains(&scope)
        );
    }
}

#[tokio::test]
async fn a_bucket_is_in_the_path_and_one_that_cannot_be_is_refused() {
    let ask = |bucket| Ask {
        path: "/a/b%20c?x-id=1",
        range: None,
        bucket,
    };
    for (bucket, want) in [
        (Some("the-bucket"), Some("/the-bucket/a/b%20c?x-id=1")),
        (Some("the.bucket_1"), Some("/the.bucket_1/a/b%20c?x-id=1")),
        (None, None),
        (Some(""), None),
        (Some(".."), None),
        (Some("a/b"), None),
        (Some("a?b"), None),
        (Some("ä"), None),
    ] {
        let world = World::new([Turn::ok()]);
        let sent = world.client.send(&ASK_BUCKET, Ok(ask(bucket))).await;
        if let Some(path) = want {
            sent.unwrap();
            let uri = &world.requests()[0].uri;
            assert!(uri.ends_with(&format!(".amazonaws.com{path}")), "{uri}");
        } else {
            let error = sent.unwrap_err();
            let refused = matches!(error, SdkError::ConstructionFailure(_));
            assert!(refused && world.attempts() == 0, "{bucket:?}: {error:?}");
        }
    }
    let world = World::new([Turn::ok()]);
    let there = Some("http://127.0.0.1:4566/".to_owned());
    let client = Client::new(&world.client.config().clone().at(there), Service::s3());
    let sent = client.send(&ASK_BUCKET, Ok(ask(Some("b")))).await;
    sent.unwrap();
    let uri = &world.requests()[0].uri;
    assert_eq!(uri, "http://127.0.0.1:4566/b/a/b%20c?x-id=1");

    let world = World::new([Turn::ok()]);
    let nowhere = world.client.config().clone().at(Some("nowhere".to_owned()));
    let client = Client::new(&nowhere, Service::new("sky"));
    let error = client.send(&ASK, Ok(ask(None))).await.unwrap_err();
    assert!(
        matches!(error, SdkError::ConstructionFailure(_)),
        "{error:?}"
    );
}
