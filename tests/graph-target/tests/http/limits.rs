//! Costs and limits.

use std::time::Duration;

use graph_target::{Limits, Options, Refusal};
use serde_json::json;

use crate::harness::{Fixture, upn};

#[tokio::test]
async fn answers_say_what_they_cost() {
    let fixture = Fixture::of(&["ana"]).await;
    let group = fixture.target.add_group("staff").unwrap().id;
    for (path, cost) in [
        ("/users".to_owned(), "2"),
        ("/users?$select=id&$top=999".to_owned(), "1"),
        ("/users?$top=5".to_owned(), "1"),
        ("/users?$expand=manager".to_owned(), "3"),
        (format!("/users/{}", upn("ana")), "2"),
        (format!("/groups/{group}/members"), "3"),
        (format!("/groups/{group}"), "1"),
    ] {
        let answer = fixture.get(&path).await.is(200);
        assert_eq!(answer.header("x-ms-resource-unit"), cost, "{path}");
        assert_eq!(answer.header("x-ms-throttle-limit-percentage"), "");
    }
    fixture
        .patch(&format!("/users/{}", upn("ana")), json!({ "city": "x" }))
        .await
        .is(204);
    let usage = fixture.target.usage();
    assert_eq!(
        (usage.requests, usage.resource_units, usage.writes),
        (8, 14, 1)
    );
    fixture.target.reset_usage();
    assert_eq!(fixture.target.usage().requests, 0);
}

#[tokio::test]
async fn above_the_limit_requests_wait() {
    let options = Options {
        limits: Limits {
            units: 10,
            writes: 3,
        },
        enforce_limits: true,
        ..Options::default()
    };
    let fixture = Fixture::with(options).await;
    for _ in 0..4 {
        fixture.get("/users").await.is(200);
    }
    let near = fixture.get("/users?$select=id").await.is(200);
    assert_eq!(near.header("x-ms-throttle-limit-percentage"), "0.90");
    let refused = fixture.get("/users").await.refuses(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "10");
    let next = fixture.target.time() + Duration::from_secs(10);
    fixture.target.set_time(next);
    for name in ["a1", "a2", "a3"] {
        fixture.create(name).await.is(201);
    }
    let refused = fixture.create("a4").await.is(429);
    assert_eq!(refused.header("retry-after"), "150");
    fixture.get("/users").await.is(200);
    fixture
        .target
        .set_time(next + Duration::from_millis(150_003));
    fixture.create("a4").await.is(201);
    let usage = fixture.target.usage();
    assert_eq!(usage.throttled, 2);
    assert_eq!(fixture.refused(Refusal::Throttled), 2);
    assert_eq!(usage.busiest_writes, 3);
    assert_eq!(fixture.target.user_count(), 4);
    fixture.target.enforce_limits(false);
    for _ in 0..20 {
        fixture.get("/users").await.is(200);
    }
    assert!(fixture.target.usage().busiest_units > 10);
}
