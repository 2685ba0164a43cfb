//! What a user may not be.

use graph_target::Refusal;
use serde_json::{Value, json};

use crate::harness::{Fixture, upn, user, user_with};

#[tokio::test]
async fn a_user_without_what_is_required_is_refused() {
    let fixture = Fixture::new().await;
    for name in [
        "accountEnabled",
        "displayName",
        "mailNickname",
        "userPrincipalName",
        "passwordProfile",
    ] {
        let mut body = user("ana");
        body.as_object_mut().unwrap().remove(name);
        fixture
            .post("/users", body)
            .await
            .refuses(400, "Request_BadRequest");
        fixture
            .post("/users", user_with(name, Value::Null))
            .await
            .is(400);
    }
    assert_eq!(fixture.target.user_count(), 0);
    assert_eq!(fixture.refused(Refusal::Invalid), 10);
}

#[tokio::test]
async fn values_that_are_not_valid_are_refused_and_change_nothing() {
    let fixture = Fixture::of(&["bo"]).await;
    let bo = format!("/users/{}", fixture.id("bo"));
    let before = fixture.target.users();
    for (property, value) in [
        ("emplyeeId", json!("E1")),
        ("id", json!("1")),
        ("createdDateTime", json!("2026-01-01T00:00:00Z")),
        ("onPremisesSyncEnabled", json!(true)),
        ("proxyAddresses", json!(["smtp:x@contoso.com"])),
        ("employeeId", json!("x".repeat(17))),
        ("employeeId", json!("")),
        ("employeeId", json!(7)),
        ("mailNickname", json!("x".repeat(65))),
        ("mailNickname", json!("ana silva")),
        ("mailNickname", json!("ana@x")),
        ("displayName", json!("x".repeat(257))),
        ("displayName", Value::Null),
        ("department", json!("x".repeat(65))),
        ("jobTitle", json!("x".repeat(129))),
        ("usageLocation", Value::Null),
        ("usageLocation", json!("Portugal")),
        ("usageLocation", json!("pt")),
        ("accountEnabled", Value::Null),
        ("accountEnabled", json!("true")),
        ("businessPhones", json!(["1", "2"])),
        ("businessPhones", json!("1")),
        ("businessPhones", Value::Null),
        ("employeeHireDate", json!("02.11.2026")),
        ("employeeHireDate", json!("2026-11-02")),
        ("employeeOrgData", json!({ "costCentre": "1" })),
        (
            "onPremisesExtensionAttributes",
            json!({ "extensionAttribute16": "1" }),
        ),
        ("userPrincipalName", json!("ana")),
        ("userPrincipalName", json!(upn("josé"))),
        ("userPrincipalName", json!(upn("ana silva"))),
        ("userPrincipalName", json!(upn("ana."))),
        ("userPrincipalName", json!("ana@example.com")),
        ("passwordProfile", json!({ "password": "short1!" })),
        ("passwordProfile", json!({ "password": "alllowercase" })),
        ("passwordProfile", json!({ "secret": "Correct-Horse-7" })),
    ] {
        let refused = fixture
            .post("/users", user_with(property, value.clone()))
            .await;
        assert_eq!(refused.status, 400, "create {property} {value}");
        let refused = fixture
            .patch(&bo, json!({ "city": "Porto", property: value }))
            .await;
        assert_eq!(refused.status, 400, "change {property} {value}");
    }
    assert_eq!(fixture.target.users(), before);
}

#[tokio::test]
async fn values_at_the_limit_are_taken() {
    let fixture = Fixture::new().await;
    for (number, (property, value)) in [
        ("employeeId", json!("x".repeat(16))),
        ("mailNickname", json!("x".repeat(64))),
        ("displayName", json!("é".repeat(256))),
        ("department", json!("x".repeat(64))),
        ("jobTitle", json!("x".repeat(128))),
        ("businessPhones", json!(["1"])),
        ("businessPhones", json!([])),
        ("employeeHireDate", json!("2026-11-02T09:00:00+01:00")),
        (
            "employeeOrgData",
            json!({ "costCenter": "1", "division": "2" }),
        ),
        (
            "onPremisesExtensionAttributes",
            json!({ "extensionAttribute15": "1" }),
        ),
        (
            "userPrincipalName",
            json!("o'neil.x-1_!#^~@contoso.onmicrosoft.com"),
        ),
        ("city", Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = user(&format!("u{number}"));
        body[property] = value.clone();
        let created = fixture.post("/users", body).await;
        assert_eq!(created.status, 201, "{property} {value}: {}", created.text);
    }
}

#[tokio::test]
async fn parts_of_an_object_merge() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/users/{}", fixture.id("ana"));
    let set = |attributes: Value| json!({ "onPremisesExtensionAttributes": attributes });
    fixture
        .patch(&path, set(json!({ "extensionAttribute1": "a" })))
        .await
        .is(204);
    fixture
        .patch(&path, set(json!({ "extensionAttribute2": "b" })))
        .await
        .is(204);
    fixture
        .patch(&path, set(json!({ "extensionAttribute1": null })))
        .await
        .is(204);
    let shown = fixture
        .get(&format!("{path}?$select=onPremisesExtensionAttributes"))
        .await;
    let attributes = &shown.json["onPremisesExtensionAttributes"];
    assert_eq!(attributes, &json!({ "extensionAttribute2": "b" }));
}

#[tokio::test]
async fn requests_of_another_shape_are_refused() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/users/{}", fixture.id("ana"));
    let plain = fixture.request("PATCH", &path).body("{}");
    fixture.send(plain).await.is(415);
    let broken = fixture.with_body("PATCH", &path, &json!([])).body("{");
    fixture.send(broken).await.refuses(400, "BadRequest");
    fixture.patch(&path, json!({})).await.is(400);
    fixture.put(&path, json!({})).await.is(405);
    fixture.get("/me").await.is(400);
    fixture
        .get(&format!("{path}?$select=nosuch"))
        .await
        .refuses(400, "BadRequest");
}
