//! Faults of the connection and of the gate.

use std::time::Duration;

use scim_target::{Fault, FaultKind, RetryAfter};
use serde_json::json;

use crate::harness::{Fixture, user};

#[tokio::test]
async fn a_connection_drops_after_the_write() {
    let fixture = Fixture::new().await;
    fixture.fault(Fault::DropAfterCommit.once().method("post").path("/Users"));
    let lost = fixture
        .try_send(fixture.with_body("POST", "/Users", &user("ana")))
        .await;
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(fixture.fired_kind(FaultKind::DropAfterCommit), 1);
    assert_eq!(
        fixture
            .filter("/Users", "userName eq \"ana\"")
            .await
            .names(),
        ["ana"]
    );
    fixture.create("ana").await.refuses(409, "uniqueness");
    let log = fixture.target.log();
    assert_eq!((log[0].status, log[2].status), (None, Some(409)));
}

#[tokio::test]
async fn a_connection_drops_before_the_write() {
    let fixture = Fixture::new().await;
    fixture.fault(Fault::DropBeforeCommit.once());
    assert!(
        fixture
            .try_send(fixture.with_body("POST", "/Users", &user("ana")))
            .await
            .is_err()
    );
    assert_eq!(fixture.fired_kind(FaultKind::DropBeforeCommit), 1);
    assert_eq!(fixture.target.user_count(), 0);
    assert_eq!(fixture.target.calls().user_post, 1);
}

#[tokio::test]
async fn an_answer_never_comes() {
    for (fault, stored) in [(Fault::HangBeforeCommit, 0), (Fault::HangAfterCommit, 1)] {
        let fixture = Fixture::new().await;
        fixture.fault(fault.clone().once());
        let request = fixture
            .with_body("POST", "/Users", &user("ana"))
            .timeout(Duration::from_millis(100));
        assert!(fixture.try_send(request).await.unwrap_err().is_timeout());
        assert_eq!(fixture.fired(&fault), 1);
        assert_eq!(fixture.target.user_count(), stored);
    }
}

#[tokio::test]
async fn stopping_releases_a_request_that_hangs() {
    let fixture = Fixture::of(&["ana"]).await;
    fixture.fault(Fault::HangBeforeCommit);
    let request = fixture.request("GET", "/Users");
    let waiting = tokio::spawn(request.send());
    while fixture.fired_kind(FaultKind::HangBeforeCommit) == 0 {
        tokio::task::yield_now().await;
    }
    fixture.target.stop().await.unwrap();
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn a_status_comes_before_or_after_the_write() {
    let fixture = Fixture::new().await;
    fixture.fault(Fault::Status { code: 503 }.once());
    fixture.create("ana").await.refuses(503, "");
    assert_eq!(fixture.target.user_count(), 0);
    fixture.fault(Fault::StatusAfterCommit { code: 500 }.once());
    fixture.get("/Users").await.is(200);
    fixture.create("ana").await.refuses(500, "");
    assert_eq!(fixture.target.user_count(), 1);
    assert_eq!(fixture.fired_kind(FaultKind::Status), 1);
    assert_eq!(fixture.fired_kind(FaultKind::StatusAfterCommit), 1);
}

#[tokio::test]
async fn a_refusal_may_quote_the_request() {
    let fixture = Fixture::of(&["bo"]).await;
    fixture.fault(Fault::StatusQuoting { code: 400 }.times(2));
    let refused = fixture.create("ana").await.refuses(400, "");
    let detail = refused.json["detail"].as_str().unwrap();
    assert!(
        detail.contains("POST") && detail.contains("\"ana\""),
        "{detail}"
    );
    assert_eq!(fixture.target.user_count(), 1);
    let filter = "userName eq \"bo\"";
    let refused = fixture.filter("/Users", filter).await.refuses(400, "");
    let detail = refused.json["detail"].as_str().unwrap();
    assert!(detail.contains(filter), "{detail}");
    assert_eq!(fixture.fired_kind(FaultKind::StatusQuoting), 2);
}

#[tokio::test]
async fn throttling_has_three_forms() {
    let fixture = Fixture::new().await;
    let date = "2026-03-01T08:00:00Z".parse().unwrap();
    for (retry_after, header) in [
        (RetryAfter::Seconds(7), "7"),
        (RetryAfter::Date(date), "Sun, 01 Mar 2026 08:00:00 GMT"),
        (RetryAfter::Absent, ""),
    ] {
        fixture.fault(Fault::TooManyRequests { retry_after }.once());
        let refused = fixture.create("ana").await.refuses(429, "");
        assert_eq!(refused.header("retry-after"), header);
    }
    assert_eq!(fixture.fired_kind(FaultKind::TooManyRequests), 3);
    fixture.create("ana").await.is(201);
}

#[tokio::test]
async fn a_good_token_is_refused_once() {
    let fixture = Fixture::new().await;
    fixture.fault(Fault::Unauthorized.once());
    fixture.get("/Users").await.refuses(401, "");
    fixture.get("/Users").await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::Unauthorized), 1);
}

#[tokio::test]
async fn a_gateway_answers_in_html() {
    let fixture = Fixture::new().await;
    fixture.fault(Fault::HtmlBadGateway.once());
    let page = fixture.create("ana").await.is(502);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("<h1>"));
    assert_eq!(fixture.fired_kind(FaultKind::HtmlBadGateway), 1);
    assert_eq!(fixture.target.user_count(), 0);
}

#[tokio::test]
async fn rules_narrow_a_fault() {
    let fixture = Fixture::of(&["ana"]).await;
    let rule = Fault::Status { code: 500 }
        .times(2)
        .method("GET")
        .path("/Users")
        .after(1);
    fixture.fault(rule);
    let mut seen = Vec::new();
    for path in ["/Groups", "/Users", "/Users", "/Groups", "/Users", "/Users"] {
        seen.push(fixture.get(path).await.status.as_u16());
    }
    assert_eq!(seen, [200, 200, 500, 200, 500, 200]);
    fixture.create("bo").await.is(201);
    assert_eq!(fixture.fired_kind(FaultKind::Status), 2);
}

#[tokio::test]
async fn rules_read_the_query() {
    let fixture = Fixture::of(&["ana"]).await;
    fixture.fault(Fault::EmptyList.always().no_query("filter="));
    fixture.fault(Fault::Status { code: 500 }.always().query("startIndex=2"));
    assert!(fixture.get("/Users").await.names().is_empty());
    assert_eq!(
        fixture.filter("/Users", "userName pr").await.names(),
        ["ana"]
    );
    fixture.get("/Users?startIndex=2").await.is(500);
    assert_eq!(fixture.fired_kind(FaultKind::EmptyList), 1);
    assert_eq!(fixture.fired_kind(FaultKind::Status), 1);
}

#[tokio::test]
async fn a_rate_is_the_same_for_the_same_seed() {
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let fixture = Fixture::new().await;
        fixture.fault(Fault::Status { code: 500 }.always().per_mille(300, seed));
        let mut run = Vec::new();
        for _ in 0..200 {
            run.push(fixture.get("/Users").await.status == 500);
        }
        let fired = fixture.fired_kind(FaultKind::Status);
        assert!((30..90).contains(&fired), "{fired}");
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    for (rate, expected) in [(0, 200), (1000, 500)] {
        let fixture = Fixture::new().await;
        fixture.fault(Fault::Status { code: 500 }.always().per_mille(rate, 9));
        fixture.get("/Users").await.is(expected);
    }
}

#[tokio::test]
async fn faults_are_removed_and_counts_reset() {
    let fixture = Fixture::new().await;
    let faults = fixture.target.faults();
    faults.add(Fault::Status { code: 500 });
    faults.add(Fault::Unauthorized);
    faults.remove(FaultKind::Unauthorized);
    fixture.get("/Users").await.is(500);
    faults.clear();
    fixture.get("/Users").await.is(200);
    assert_eq!(
        faults.all_fired().into_iter().collect::<Vec<_>>(),
        [(FaultKind::Status, 1)]
    );
    faults.reset_fired();
    assert_eq!(faults.fired(FaultKind::Status), 0);
}

#[tokio::test]
async fn errors_and_schemas_are_bent() {
    let fixture = Fixture::of(&["ana"]).await;
    fixture.fault(Fault::IntegerStatus);
    fixture.get("/Users").await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::IntegerStatus), 0);
    assert_eq!(fixture.get("/Users/none").await.json["status"], json!(404));
    assert_eq!(fixture.fired_kind(FaultKind::IntegerStatus), 1);
    fixture.fault(Fault::SchemasAsString);
    let user = fixture.get(&format!("/Users/{}", fixture.id("ana"))).await;
    assert_eq!(user.json["schemas"], crate::harness::USER);
    assert_eq!(fixture.fired_kind(FaultKind::SchemasAsString), 1);
}
