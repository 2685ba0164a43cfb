//! The client against a scripted server.

use std::io::Write as _;
use std::time::Duration;

use crate::log::Log;
use crate::support::{Script, Turn};
use ports::Fault;
use ports::secrets::Secret;
use ports::target::TargetError;
use target_http::{
    Answer, Body, Effect, HttpClient, HttpConfig, HttpError, Method, Proof, Request, To,
};

fn config(base: &str) -> HttpConfig {
    HttpConfig {
        timeout: Duration::from_millis(500),
        max_body: 1_000,
        ..crate::here(base)
    }
}

fn client(script: &Script) -> HttpClient {
    HttpClient::new(&config(script.base())).unwrap()
}

fn get(to: To<'_>) -> Request<'_> {
    Request::new(Method::Get, to, "/Users/{id}")
}

const ANA: To<'static> = To::Path {
    path: "/Users/ana%40example.com",
    query: Some("filter=x"),
};

async fn one(turn: Turn) -> Result<Answer, HttpError> {
    let script = Script::start([turn]).await;
    client(&script).send(get(ANA)).await
}

#[tokio::test]
async fn says_who_asks_and_sends_what_is_given() {
    let script = Script::start([Turn::body(200, "ok")
        .header("etag", "W/\"1\"")
        .header("location", "/Users/1")
        .header("request-id", "r-1")
        .header("retry-after", "7")])
    .await;
    let client = client(&script);
    let token = Proof::bearer(&Secret::new("t0ken")).unwrap();
    let request = Request {
        method: Method::Patch,
        proof: Some(&token),
        headers: &[("x-trace", "1")],
        keep: &["request-id", "x-absent"],
        if_match: Some("W/\"0\""),
        body: Some(Body {
            content_type: "application/scim+json",
            bytes: "{}".into(),
        }),
        ..get(ANA)
    };
    assert_eq!(format!("{request:?}"), "PATCH /Users/{id}");
    let answer = client.send(request).await.unwrap();
    assert_eq!((answer.status, &*answer.body), (200, &b"ok"[..]));
    assert_eq!(answer.etag.as_deref(), Some("W/\"1\""));
    assert_eq!(answer.location.as_deref(), Some("/Users/1"));
    assert_eq!(answer.retry_after.as_deref(), Some("7"));
    assert_eq!(&*answer.kept["request-id"], "r-1");
    assert_eq!(client.calls(), 1);
    let seen = &script.seen()[0];
    assert_eq!(seen.method, "PATCH");
    assert_eq!(seen.target, "/Users/ana%40example.com?filter=x");
    assert_eq!(seen.body, "{}");
    assert_eq!(seen.header("x-trace"), Some("1"));
    assert_eq!(
        seen.header("user-agent"),
        Some(concat!("Lanyard/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(seen.header("authorization"), Some("Bearer t0ken"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("content-type"), Some("application/scim+json"));
    assert_eq!(seen.header("if-match"), Some("W/\"0\""));
    assert_eq!(seen.header("referer"), None);
}

#[tokio::test]
async fn does_not_follow_redirects() {
    let elsewhere = Script::start([Turn::status(200)]).await;
    let script =
        Script::start([Turn::status(302).header("location", elsewhere.base().to_owned())]).await;
    let answer = client(&script).send(get(ANA)).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn follows_links_within_the_origin_only() {
    let elsewhere = Script::start([Turn::status(200)]).await;
    let script = Script::start([Turn::status(200), Turn::status(200)]).await;
    let client = client(&script);
    let inside = format!("{}/Users?cursor=2", script.base());
    client.send(get(To::Link(&inside))).await.unwrap();
    client.send(get(To::Link("/Users?cursor=3"))).await.unwrap();
    for link in [
        elsewhere.base(),
        "https://evil.example/",
        "//evil.example/",
        "http://169.254.169.254/latest/meta-data",
    ] {
        let error = client.send(get(To::Link(link))).await.unwrap_err();
        assert!(matches!(error, HttpError::Refused { .. }), "{link}");
    }
    assert_eq!(client.calls(), 2);
    assert_eq!(script.seen()[0].target, "/Users?cursor=2");
    assert_eq!(script.left(), 0);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn knows_what_was_not_sent() {
    let base = Script::start([]).await.base().to_owned();
    // The script is gone, so nobody listens there.
    tokio::task::yield_now().await;
    let client = HttpClient::new(&config(&base)).unwrap();
    let error = client.send(get(ANA)).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error}");
    let error = error.into_target_error(Effect::Write);
    assert!(matches!(error, TargetError::Fault(Fault::Retry { .. })));
}

#[tokio::test]
async fn knows_when_an_answer_was_lost() {
    for turn in [Turn::Drop, Turn::Hang, Turn::Cut] {
        let error = one(turn.clone()).await.unwrap_err();
        assert!(matches!(error, HttpError::Lost { .. }), "{turn:?} {error}");
        let unknown = error.into_target_error(Effect::Write);
        assert!(matches!(unknown, TargetError::Unknown { .. }), "{turn:?}");
        let error = one(turn.clone()).await.unwrap_err();
        let retry = error.into_target_error(Effect::Read);
        assert!(
            matches!(retry, TargetError::Fault(Fault::Retry { .. })),
            "{turn:?}"
        );
    }
}

#[tokio::test]
async fn no_request_outlives_the_time_of_whoever_asks() {
    let script = Script::start([Turn::Hang, Turn::status(204)]).await;
    let patient = HttpConfig {
        timeout: Duration::from_mins(1),
        ..config(script.base())
    };
    let client = HttpClient::new(&patient).unwrap();
    let began = tokio::time::Instant::now();
    let asked = target_http::within(Duration::from_millis(200), async {
        let cut = client.send(get(To::Base)).await.unwrap_err();
        (cut, client.send(get(To::Base)).await.unwrap_err())
    });
    let (cut, late) = asked.await;
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(matches!(cut, HttpError::Lost { .. }), "{cut}");
    assert!(matches!(late, HttpError::OutOfTime), "{late}");
    let late = late.into_target_error(Effect::Write);
    assert!(matches!(late, TargetError::OutOfTime));
    assert_eq!(late.into_fault().error_type(), "Retry");
    // The second was not sent, and whoever has no such time is not hurried.
    assert_eq!((script.seen().len(), client.calls()), (1, 1));
    assert_eq!(client.send(get(To::Base)).await.unwrap().status, 204);
}

#[tokio::test]
async fn does_not_read_more_than_the_limit() {
    assert_eq!(
        one(Turn::body(200, vec![b'x'; 1_000]))
            .await
            .unwrap()
            .body
            .len(),
        1_000
    );
    let error = one(Turn::body(200, vec![b'x'; 1_001])).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { limit: 1_000 }));
    let reject = error.into_target_error(Effect::Read);
    assert!(matches!(reject, TargetError::Fault(Fault::Reject { .. })));
}

#[tokio::test]
async fn counts_what_compression_hides() {
    let zip = |bytes: usize| {
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        zip.write_all(&vec![b' '; bytes]).unwrap();
        Turn::body(200, zip.finish().unwrap()).header("content-encoding", "gzip")
    };
    assert_eq!(one(zip(900)).await.unwrap().body, vec![b' '; 900]);
    let error = one(zip(500_000)).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { .. }), "{error}");
}

#[test]
fn refuses_a_token_that_no_header_can_carry() {
    let token = Secret::new("t0ken\r\nx-evil: 1");
    assert!(Proof::bearer(&token).is_none());
}

#[tokio::test]
async fn neither_logs_nor_errors_carry_the_url_or_the_token() {
    let log = Log::of_all();
    let script = Script::start([Turn::body(200, "canary"), Turn::Drop]).await;
    let client = client(&script);
    let token = Proof::bearer(&Secret::new("t0ken")).unwrap();
    let request = || Request {
        proof: Some(&token),
        ..get(To::Path {
            path: "/Users/canary",
            query: Some("filter=canary"),
        })
    };
    let answer = client.send(request()).await.unwrap();
    let error = client.send(request()).await.unwrap_err();
    let mut text = format!("{answer:?} {:?} {client:?}", request());
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        text.extend([error.to_string(), format!("{error:?}")]);
        cause = error.source();
    }
    let log = log.text();
    assert!(log.contains("/Users/{id}"), "{log}");
    for word in ["canary", "t0ken"] {
        assert!(!log.contains(word), "{log}");
        assert!(!text.contains(word), "{text}");
    }
}
