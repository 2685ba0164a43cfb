//! Faults of the directory: lag, conflicts, quotas.

use graph_target::{DuplicateStyle, Fault, FaultKind, Options};
use serde_json::json;

use crate::harness::{Fixture, status, upn, user};

#[tokio::test]
async fn a_new_user_is_not_known_everywhere_at_once() {
    let fixture = Fixture::of(&["old"]).await;
    let group = fixture.target.add_group("staff").unwrap().id;
    fixture.fault(Fault::NotFoundAfterCreate { misses: 4 });
    let ana = fixture.create("ana").await.is(201).id();
    let path = format!("/users/{ana}");
    let add = format!("/groups/{group}/members/$ref");
    fixture
        .get(&path)
        .await
        .refuses(404, "Request_ResourceNotFound");
    fixture.post(&add, fixture.reference(&ana)).await.is(404);
    let parts = fixture
        .batch(json!([{
            "id": "1", "method": "POST", "url": add, "body": fixture.reference(&ana),
            "headers": { "Content-Type": "application/json" },
        }]))
        .await;
    assert_eq!(status(&parts, "1"), 404);
    let manager = format!("/users/{}/manager/$ref", fixture.id("old"));
    fixture.put(&manager, fixture.reference(&ana)).await.is(404);
    assert_eq!(fixture.fired(FaultKind::NotFoundAfterCreate), 4);
    fixture.post(&add, fixture.reference(&ana)).await.is(204);
    fixture.get(&path).await.is(200);
    fixture.get(&format!("/users/{}", upn("old"))).await.is(200);
    assert_eq!(fixture.fired(FaultKind::NotFoundAfterCreate), 4);
}

#[tokio::test]
async fn a_new_user_is_not_listed_at_once() {
    let fixture = Fixture::of(&["old"]).await;
    fixture.fault(Fault::CreateNotListed { lists: 2 });
    fixture.create("ana").await.is(201);
    let found = async || {
        let answer = fixture.filter("/users", "employeeId eq 'E-ana'").await;
        answer.all("id").len()
    };
    assert_eq!(found().await, 0);
    let listed = fixture.get("/users?$select=displayName").await;
    assert_eq!(listed.all("displayName"), ["old"]);
    assert_eq!(found().await, 1);
    assert_eq!(fixture.fired(FaultKind::CreateNotListed), 2);
}

#[tokio::test]
async fn a_read_after_a_change_may_be_old() {
    let fixture = Fixture::of(&["ana"]).await;
    fixture.fault(Fault::StaleReads { reads: 2 });
    let path = format!("/users/{}", fixture.id("ana"));
    fixture.get(&path).await.is(200);
    fixture
        .patch(&path, json!({ "displayName": "Ana" }))
        .await
        .is(204);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = fixture.get(&path).await.is(200);
        seen.push(answer.json["displayName"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, ["ana", "ana", "Ana"]);
    assert_eq!(fixture.fired(FaultKind::StaleReads), 2);
}

#[tokio::test]
async fn a_duplicate_is_told_in_three_ways() {
    for (style, status, code, details) in [
        (DuplicateStyle::BadRequest, 400, "Request_BadRequest", false),
        (
            DuplicateStyle::BadRequestWithDetails,
            400,
            "Request_BadRequest",
            true,
        ),
        (
            DuplicateStyle::Conflict,
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            true,
        ),
    ] {
        let fixture = Fixture::of(&["ana"]).await;
        fixture.fault(Fault::DuplicateAnswer { style });
        fixture.create("bo").await.is(201);
        assert_eq!(fixture.fired(FaultKind::DuplicateAnswer), 0);
        let refused = fixture.create("ana").await.refuses(status, code);
        assert_eq!(refused.json["error"]["details"].is_array(), details);
        assert_eq!(fixture.fired(FaultKind::DuplicateAnswer), 1);
        fixture.fault(Fault::CreateConflict { style }.once());
        let refused = fixture.create("cy").await.refuses(status, code);
        assert_eq!(refused.json["error"]["details"].is_array(), details);
        assert_eq!(fixture.target.user_count(), 2);
        fixture.create("cy").await.is(201);
    }
}

#[tokio::test]
async fn writes_are_refused_for_other_reasons() {
    for (fault, status, code) in [
        (Fault::QuotaExceeded, 403, "Directory_QuotaExceeded"),
        (
            Fault::ConcurrencyViolation,
            409,
            "Directory_ConcurrencyViolation",
        ),
    ] {
        let fixture = Fixture::of(&["ana"]).await;
        let kind = fault.kind();
        fixture.fault(fault.times(3));
        fixture.get("/users").await.is(200);
        fixture.create("bo").await.refuses(status, code);
        let path = format!("/users/{}", upn("ana"));
        fixture
            .patch(&path, json!({ "city": "x" }))
            .await
            .refuses(status, code);
        fixture.delete(&path).await.refuses(status, code);
        assert_eq!(fixture.fired(kind), 3);
        assert_eq!(fixture.target.users()[0].text("city"), None);
        fixture.create("bo").await.is(201);
    }
}

#[tokio::test]
async fn sessions_are_revoked_without_content() {
    let fixture = Fixture::of(&["ana"]).await;
    fixture.fault(Fault::RevokeNoContent.once());
    let path = format!("/users/{}/revokeSignInSessions", upn("ana"));
    fixture.send(fixture.request("POST", &path)).await.is(204);
    assert_eq!(fixture.fired(FaultKind::RevokeNoContent), 1);
    assert_eq!(
        fixture.target.user(&upn("ana")).unwrap().sessions_revoked,
        1
    );
}

#[tokio::test]
async fn texts_and_ids_follow_the_seed() {
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let fixture = Fixture::with(Options {
            seed,
            ..Options::default()
        })
        .await;
        let mut run = vec![fixture.create("ana").await.is(201).id()];
        for _ in 0..10 {
            let refused = fixture.post("/users", user("ana")).await;
            run.push(
                refused.json["error"]["message"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
            run.push(
                refused.json["error"]
                    .get("innerError")
                    .is_some()
                    .to_string(),
            );
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    assert!(runs[0].contains(&"true".to_owned()) && runs[0].contains(&"false".to_owned()));
}
