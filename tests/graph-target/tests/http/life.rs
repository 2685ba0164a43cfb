//! Deletion, restoration, and what is gone for good.

use std::time::Duration;

use graph_target::{DuplicateStyle, Fault, FaultKind, Refusal};
use serde_json::json;

use crate::harness::{Fixture, upn};

const BIN: &str = "/directory/deletedItems/microsoft.graph.user";

#[tokio::test]
async fn a_deleted_user_comes_back_with_id_name_and_memberships() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let ana = fixture.id("ana");
    let group = fixture.target.add_group("staff").unwrap().id;
    fixture.target.add_member(&group, &ana).unwrap();
    fixture.delete(&format!("/users/{ana}")).await.is(204);
    assert!(fixture.target.group(&group).unwrap().members.is_empty());
    fixture.delete(&format!("/users/{ana}")).await.is(404);
    let found = fixture.filter("/users", "employeeId eq 'E-ana'").await;
    assert!(found.all("id").is_empty());
    let found = fixture.filter(BIN, "employeeId eq 'E-ana'").await.is(200);
    assert_eq!(found.all("id"), [ana.as_str()]);
    assert_eq!(
        found.all("userPrincipalName"),
        [format!("{}{}", ana.replace('-', ""), upn("ana"))]
    );
    assert!(found.json["value"][0]["deletedDateTime"].is_string());
    let none = fixture.filter(BIN, "employeeId eq 'E-bo'").await.is(200);
    assert!(none.all("id").is_empty());
    let one = format!("/directory/deletedItems/{ana}");
    fixture.get(&one).await.is(200);
    let restored = fixture
        .post(&format!("{one}/restore"), json!({}))
        .await
        .is(200);
    assert_eq!(restored.id(), ana);
    let user = fixture.target.user(&upn("ana")).unwrap();
    assert_eq!(user.id, ana);
    assert!(user.groups.contains(&group) && !user.deleted);
    fixture.get(&one).await.is(404);
    fixture
        .post(&format!("{one}/restore"), json!({}))
        .await
        .is(404);
}

#[tokio::test]
async fn a_name_that_was_taken_meanwhile_stops_the_restoration() {
    let fixture = Fixture::of(&["ana"]).await;
    let ana = fixture.id("ana");
    fixture.delete(&format!("/users/{ana}")).await.is(204);
    fixture.create("ana").await.is(201);
    let restore = format!("/directory/deletedItems/{ana}/restore");
    let code = "Request_MultipleObjectsWithSameKeyValue";
    fixture.post(&restore, json!({})).await.refuses(409, code);
    let style = DuplicateStyle::BadRequest;
    fixture.fault(Fault::DuplicateAnswer { style }.once());
    fixture
        .post(&restore, json!({}))
        .await
        .refuses(400, "Request_BadRequest");
    assert_eq!(fixture.fired(FaultKind::DuplicateAnswer), 1);
    assert_eq!(fixture.refused(Refusal::RestoreConflict), 2);
    assert_eq!(fixture.target.deleted_users().len(), 1);
    fixture
        .post(&restore, json!({ "name": "x" }))
        .await
        .refuses(400, "BadRequest");
}

#[tokio::test]
async fn what_is_purged_does_not_come_back() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let (ana, bo) = (fixture.id("ana"), fixture.id("bo"));
    for id in [&ana, &bo] {
        fixture.delete(&format!("/users/{id}")).await.is(204);
    }
    let one = format!("/directory/deletedItems/{ana}");
    fixture.delete(&one).await.is(204);
    fixture.delete(&one).await.is(404);
    fixture
        .post(&format!("{one}/restore"), json!({}))
        .await
        .is(404);
    let start = fixture.target.time();
    let month = 30 * 24 * 3600;
    fixture
        .target
        .set_time(start + Duration::from_secs(month - 1));
    assert_eq!(fixture.target.deleted_users().len(), 1);
    fixture.target.set_time(start + Duration::from_secs(month));
    assert!(fixture.target.deleted_users().is_empty());
    fixture.create("bo").await.is(201);
    assert_ne!(fixture.id("bo"), bo);
}
