//! Faults of the connection and of the gate.

use std::time::Duration;

use graph_target::{Fault, FaultKind};
use serde_json::json;

use crate::harness::{Fixture, user};

#[tokio::test]
async fn a_connection_drops_before_or_after_the_write() {
    for (fault, stored) in [(Fault::DropBeforeCommit, 0), (Fault::DropAfterCommit, 1)] {
        let fixture = Fixture::new().await;
        let kind = fault.kind();
        fixture.fault(fault.once().method("post").path("/users"));
        let lost = fixture
            .try_send(fixture.with_body("POST", "/users", &user("ana")))
            .await;
        assert!(lost.is_err(), "{lost:?}");
        assert_eq!(fixture.fired(kind), 1);
        assert_eq!(fixture.target.user_count(), stored);
        assert_eq!(fixture.target.log()[0].status, None);
    }
}

#[tokio::test]
async fn an_answer_never_comes() {
    for (fault, stored) in [(Fault::HangBeforeCommit, 0), (Fault::HangAfterCommit, 1)] {
        let fixture = Fixture::new().await;
        let kind = fault.kind();
        fixture.fault(fault.once());
        let request = fixture
            .with_body("POST", "/users", &user("ana"))
            .timeout(Duration::from_millis(100));
        assert!(fixture.try_send(request).await.unwrap_err().is_timeout());
        assert_eq!(fixture.fired(kind), 1);
        assert_eq!(fixture.target.user_count(), stored);
    }
}

#[tokio::test]
async fn stopping_releases_a_request_that_hangs() {
    let fixture = Fixture::new().await;
    fixture.fault(Fault::HangBeforeCommit);
    let waiting = tokio::spawn(fixture.request("GET", "/users").send());
    while fixture.fired(FaultKind::HangBeforeCommit) == 0 {
        tokio::task::yield_now().await;
    }
    fixture.target.stop().await.unwrap();
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn a_status_comes_before_or_after_the_write() {
    let fixture = Fixture::new().await;
    fixture.fault(Fault::Status { code: 503 }.once());
    fixture.create("ana").await.is(503);
    assert_eq!(fixture.target.user_count(), 0);
    fixture.fault(Fault::StatusAfterCommit { code: 500 }.once());
    fixture.get("/users").await.is(200);
    fixture.create("ana").await.is(500);
    assert_eq!(fixture.target.user_count(), 1);
    fixture.fault(Fault::StatusQuoting { code: 400 }.once());
    let refused = fixture.create("bo").await.is(400);
    let text = refused.json["error"]["message"].as_str().unwrap();
    assert!(text.contains("bo@contoso.com"), "{text}");
    for kind in [
        FaultKind::Status,
        FaultKind::StatusAfterCommit,
        FaultKind::StatusQuoting,
    ] {
        assert_eq!(fixture.fired(kind), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn the_gate_refuses() {
    let fixture = Fixture::new().await;
    fixture.fault(
        Fault::Throttled {
            retry_after: Some(3),
        }
        .once(),
    );
    let refused = fixture.create("ana").await.refuses(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "3");
    fixture.fault(Fault::Throttled { retry_after: None }.once());
    let refused = fixture.create("ana").await.is(429);
    assert_eq!(refused.header("retry-after"), "");
    fixture.fault(Fault::Unauthorized.once());
    fixture
        .create("ana")
        .await
        .refuses(401, "InvalidAuthenticationToken");
    fixture.fault(Fault::HtmlBadGateway.once());
    let page = fixture.create("ana").await.is(502);
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(fixture.target.user_count(), 0);
    fixture.create("ana").await.is(201);
    for (kind, count) in [
        (FaultKind::Throttled, 2),
        (FaultKind::Unauthorized, 1),
        (FaultKind::HtmlBadGateway, 1),
    ] {
        assert_eq!(fixture.fired(kind), count, "{kind:?}");
    }
}

#[tokio::test]
async fn no_token_is_a_bad_token() {
    let fixture = Fixture::new().await;
    let url = format!("{}/users", fixture.target.base_url());
    for request in [
        fixture.http.get(&url),
        fixture.http.get(&url).bearer_auth("wrong"),
        fixture.http.get(&url).basic_auth("a", Some("b")),
    ] {
        fixture
            .send(request)
            .await
            .refuses(401, "InvalidAuthenticationToken");
    }
    assert_eq!(fixture.target.calls().total(), 0);
}

#[tokio::test]
async fn rules_narrow_a_fault() {
    let fixture = Fixture::of(&["ana"]).await;
    fixture.fault(
        Fault::Status { code: 500 }
            .times(2)
            .method("GET")
            .path("/users")
            .after(1),
    );
    let mut seen = Vec::new();
    for path in ["/groups", "/users", "/users", "/groups", "/users", "/users"] {
        seen.push(fixture.get(path).await.status.as_u16());
    }
    assert_eq!(seen, [200, 200, 500, 200, 500, 200]);
    fixture.target.faults().clear();
    fixture.fault(
        Fault::Status { code: 501 }
            .always()
            .query("filter")
            .no_query("bo%27"),
    );
    fixture.fault(Fault::Status { code: 502 }.always().path_part("/memberOf"));
    fixture.fault(
        Fault::Status { code: 504 }
            .always()
            .not_batched()
            .path("/groups"),
    );
    fixture
        .filter("/users", "employeeId eq 'E-bo'")
        .await
        .is(200);
    fixture
        .filter("/users", "employeeId eq 'E-ana'")
        .await
        .is(501);
    fixture.get("/users/ana@contoso.com/memberOf").await.is(502);
    fixture.get("/groups").await.is(504);
    let parts = fixture
        .batch(json!([{ "id": "1", "method": "GET", "url": "/groups" }]))
        .await;
    assert_eq!(parts[0]["status"], 200);
    fixture.target.faults().remove(FaultKind::Status);
    fixture.get("/groups").await.is(200);
    for (rate, expected) in [(0, 200), (1000, 500)] {
        fixture.target.faults().clear();
        fixture.fault(Fault::Status { code: 500 }.always().per_mille(rate, 9));
        fixture.get("/users").await.is(expected);
    }
}

#[tokio::test]
async fn requests_are_traced() {
    let fixture = Fixture::new().await;
    let request = fixture
        .request("GET", "/users?$top=5")
        .header("client-request-id", "c-1");
    let answer = fixture.send(request).await.is(200);
    assert_eq!(answer.header("client-request-id"), "c-1");
    assert_eq!(answer.header("request-id").len(), 36);
    let log = fixture.target.log();
    assert_eq!(log[0].client_request_id.as_deref(), Some("c-1"));
    assert_eq!((log[0].template, &*log[0].query), ("/users", "$top=5"));
    fixture.target.reset_calls();
    assert_eq!(fixture.target.calls().total(), 0);
}
