//! Faults of creating, hiding and deleting.

use scim_target::{ConflictStyle, Fault, FaultKind};
use serde_json::json;

use crate::harness::{Fixture, user};

#[tokio::test]
async fn a_create_conflicts_for_no_reason() {
    let fixture = Fixture::new().await;
    fixture.fault(
        Fault::CreateConflict {
            style: ConflictStyle::Uniqueness,
        }
        .once(),
    );
    fixture.create("ana").await.refuses(409, "uniqueness");
    fixture.fault(
        Fault::CreateConflict {
            style: ConflictStyle::Unrelated,
        }
        .once(),
    );
    let refused = fixture.create("ana").await.refuses(409, "");
    assert!(!refused.json["detail"].as_str().unwrap().contains("ana"));
    assert_eq!(fixture.fired_kind(FaultKind::CreateConflict), 2);
    assert_eq!(fixture.target.user_count(), 0);
}

#[tokio::test]
async fn user_names_are_stored_in_lower_case() {
    let fixture = Fixture::new().await;
    fixture.fault(Fault::LowercaseUserName);
    fixture.create("bo").await.is(201);
    assert_eq!(fixture.fired_kind(FaultKind::LowercaseUserName), 0);
    let ana = fixture.create("ANA@Example.com").await.is(201);
    assert_eq!(ana.json["userName"], "ana@example.com");
    assert_eq!(fixture.fired_kind(FaultKind::LowercaseUserName), 1);
    let path = format!("/Users/{}", ana.id());
    assert_eq!(
        fixture.put(&path, user("Anna")).await.json["userName"],
        "anna"
    );
    let rename = json!([{ "op": "replace", "path": "userName", "value": "ANN" }]);
    assert_eq!(fixture.patch(&path, rename).await.json["userName"], "ann");
    assert_eq!(fixture.fired_kind(FaultKind::LowercaseUserName), 3);
}

#[tokio::test]
async fn a_new_user_cannot_be_read_at_first() {
    let fixture = Fixture::of(&["bo"]).await;
    fixture.fault(Fault::ReadAfterCreate { misses: 2 });
    fixture
        .get(&format!("/Users/{}", fixture.id("bo")))
        .await
        .is(200);
    let path = format!("/Users/{}", fixture.create("ana").await.id());
    fixture.get(&path).await.refuses(404, "");
    fixture.get(&path).await.refuses(404, "");
    fixture.get(&path).await.is(200);
    fixture.get(&path).await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::ReadAfterCreate), 2);
}

#[tokio::test]
async fn an_inactive_user_is_hidden_but_keeps_the_name() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    fixture.fault(Fault::HideInactive);
    fixture.get(&path).await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::HideInactive), 0);
    fixture
        .target
        .update_user(&fixture.id("ana"), json!({ "active": false }))
        .unwrap();
    fixture.get(&path).await.refuses(404, "");
    assert_eq!(fixture.fired_kind(FaultKind::HideInactive), 1);
    assert_eq!(fixture.get("/Users").await.names(), ["bo"]);
    assert!(
        fixture
            .filter("/Users", "userName eq \"ana\"")
            .await
            .names()
            .is_empty()
    );
    fixture.create("ana").await.refuses(409, "uniqueness");
    fixture.target.faults().clear();
    assert_eq!(fixture.get(&path).await.json["active"], false);
}

#[tokio::test]
async fn a_deleted_user_is_only_deactivated() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    fixture.fault(Fault::SoftDelete);
    fixture.delete(&path).await.is(204);
    assert_eq!(fixture.fired_kind(FaultKind::SoftDelete), 1);
    assert_eq!(fixture.get(&path).await.is(200).json["active"], false);
    fixture.create("ana").await.refuses(409, "uniqueness");
    let group = fixture.group("staff", &[]);
    fixture.delete(&format!("/Groups/{group}")).await.is(204);
    fixture
        .get(&format!("/Groups/{group}"))
        .await
        .refuses(404, "");
}
