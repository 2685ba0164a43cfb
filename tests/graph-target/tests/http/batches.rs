//! `$batch`.

use std::collections::BTreeSet;

use graph_target::{Fault, FaultKind, Options, Refusal};
use serde_json::{Value, json};

use crate::harness::{Fixture, part, status, user};

fn get(id: &str, url: &str) -> Value {
    json!({ "id": id, "method": "GET", "url": url })
}

fn create(id: &str, name: &str) -> Value {
    json!({
        "id": id, "method": "POST", "url": "/users", "body": user(name),
        "headers": { "Content-Type": "application/json" },
    })
}

#[tokio::test]
async fn parts_are_answered_by_id_in_another_order() {
    let mut orders = BTreeSet::new();
    for seed in 0..5 {
        let options = Options {
            seed,
            ..Options::default()
        };
        let fixture = Fixture::with(options).await;
        fixture.seed("ana");
        let parts = fixture
            .batch(json!([
                get("1", "/users?$select=id"),
                get("2", "/users/none"),
                create("3", "bo"),
                get("4", "/users/ana@contoso.com?$select=employeeId"),
                create("5", "ana"),
            ]))
            .await;
        let statuses = ["1", "2", "3", "4", "5"].map(|id| status(&parts, id));
        assert_eq!(statuses, [200, 404, 201, 200, 400]);
        assert_eq!(part(&parts, "4")["body"]["employeeId"], "E-ana");
        assert_eq!(
            part(&parts, "2")["body"]["error"]["code"],
            "Request_ResourceNotFound"
        );
        let order: Vec<String> = parts.iter().map(|p| p["id"].to_string()).collect();
        orders.insert(order.join(" "));
        let log = fixture.target.log();
        assert_eq!(log.iter().filter(|entry| entry.batched).count(), 5);
        assert_eq!(fixture.target.calls().of("POST", "/$batch"), 1);
    }
    assert!(orders.len() > 2, "{orders:?}");
}

#[tokio::test]
async fn an_answer_without_content_has_no_body() {
    let fixture = Fixture::of(&["ana"]).await;
    let parts = fixture
        .batch(json!([{
            "id": "1", "method": "PATCH", "url": "/users/ana@contoso.com",
            "headers": { "content-type": "application/json" }, "body": { "city": "Porto" },
        }]))
        .await;
    assert_eq!(status(&parts, "1"), 204);
    assert!(parts[0].get("body").is_none());
}

#[tokio::test]
async fn a_failed_parent_fails_its_children() {
    let fixture = Fixture::of(&["ana"]).await;
    let child = |id: &str, parent: &str| {
        let mut request = create(id, &format!("u{id}"));
        request["dependsOn"] = json!([parent]);
        request
    };
    let parts = fixture
        .batch(json!([
            get("a", "/users/none"),
            child("b", "A"),
            child("c", "b"),
            get("x", "/users/ana@contoso.com"),
            child("y", "x"),
        ]))
        .await;
    let statuses = ["a", "b", "c", "x", "y"].map(|id| status(&parts, id));
    assert_eq!(statuses, [404, 424, 424, 200, 201]);
    assert_eq!(fixture.refused(Refusal::FailedDependency), 2);
    assert_eq!(fixture.target.user_count(), 2);
}

#[tokio::test]
async fn parts_are_throttled_one_by_one() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let throttled = Fault::Throttled {
        retry_after: Some(3),
    };
    fixture.fault(throttled.once().batched().path("/users/ana"));
    let mut child = create("4", "cy");
    child["dependsOn"] = json!(["1"]);
    let parts = fixture
        .batch(json!([
            get("1", "/users/ana@contoso.com"),
            get("2", "/users/bo@contoso.com"),
            get("3", "/groups"),
            child,
        ]))
        .await;
    let statuses = ["1", "2", "3", "4"].map(|id| status(&parts, id));
    assert_eq!(statuses, [429, 200, 200, 424]);
    assert_eq!(part(&parts, "1")["headers"]["Retry-After"], "3");
    assert_eq!(fixture.fired(FaultKind::Throttled), 1);
    // The limits count the parts, not the envelope.
    assert_eq!(fixture.target.usage().requests, 3);
}

#[tokio::test]
async fn batches_of_another_shape_are_refused() {
    let fixture = Fixture::new().await;
    let many: Vec<Value> = (0..21).map(|n| get(&n.to_string(), "/users")).collect();
    let with = |name: &str, value: Value| {
        let mut request = get("1", "/users");
        request[name] = value;
        json!([request])
    };
    for requests in [
        json!([]),
        json!(many),
        json!([get("a", "/users"), get("A", "/users")]),
        with("url", json!("https://graph.microsoft.com/v1.0/users")),
        with("url", json!("/v1.0/users")),
        with("url", json!("users")),
        with("id", Value::Null),
        with("method", Value::Null),
        with("body", json!({})),
        with("dependsOn", json!(["2"])),
        with("dependsOn", json!(["1"])),
    ] {
        let answer = fixture
            .post("/$batch", json!({ "requests": requests }))
            .await;
        assert_eq!(answer.status, 400, "{requests}");
    }
    let inner = fixture
        .batch(json!([{
            "id": "1", "method": "POST", "url": "/$batch", "body": {},
            "headers": { "Content-Type": "application/json" },
        }]))
        .await;
    assert_eq!(status(&inner, "1"), 400);
    assert_eq!(fixture.target.usage().requests, 0);
}

#[tokio::test]
async fn the_connection_of_a_batch_fails_as_one() {
    for (fault, created) in [(Fault::DropBeforeCommit, 0), (Fault::DropAfterCommit, 2)] {
        let fixture = Fixture::new().await;
        let kind = fault.kind();
        fixture.fault(fault.once());
        let body = json!({ "requests": [create("1", "ana"), create("2", "bo")] });
        let lost = fixture
            .try_send(fixture.with_body("POST", "/$batch", &body))
            .await;
        assert!(lost.is_err());
        assert_eq!(fixture.fired(kind), 1);
        assert_eq!(fixture.target.user_count(), created);
    }
    let fixture = Fixture::new().await;
    fixture.fault(Fault::Status { code: 503 }.once().path("/$batch"));
    let body = json!({ "requests": [create("1", "ana")] });
    fixture.post("/$batch", body.clone()).await.is(503);
    fixture.fault(Fault::BatchAnswerMissing.once());
    let parts = fixture.post("/$batch", body).await.is(200);
    assert_eq!(parts.json["responses"], json!([]));
    assert_eq!(fixture.fired(FaultKind::BatchAnswerMissing), 1);
    assert_eq!(fixture.target.user_count(), 1);
}
