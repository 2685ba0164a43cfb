//! Users, and what hangs on them.

use graph_target::{Options, Refusal};
use serde_json::{Value, json};

use crate::harness::{Fixture, upn, user};

#[tokio::test]
async fn a_user_is_created_read_changed_and_deleted() {
    let fixture = Fixture::new().await;
    let created = fixture.create("ana").await.is(201);
    let id = created.id();
    assert!(created.header("location").ends_with(&id));
    assert!(created.json.get("passwordProfile").is_none());
    let path = format!("/users/{id}");
    let shown = fixture.get(&path).await.is(200).json;
    for hidden in [
        "accountEnabled",
        "employeeId",
        "passwordProfile",
        "department",
    ] {
        assert!(shown.get(hidden).is_none(), "{hidden} is shown");
    }
    assert_eq!(shown["displayName"], "ana");
    let select = format!("{path}?$select=employeeId,accountEnabled,passwordProfile,businessPhones");
    let shown = fixture.get(&select).await.is(200).json;
    assert_eq!(shown["employeeId"], "E-ana");
    assert_eq!(shown["accountEnabled"], true);
    assert_eq!(shown["passwordProfile"], Value::Null);
    assert_eq!(shown["businessPhones"], json!([]));
    let change = json!({ "jobTitle": "Analyst", "userPrincipalName": upn("ana.silva") });
    let answer = fixture.patch(&path, change).await.is(204);
    assert_eq!(answer.text, "");
    fixture
        .patch(&path, json!({ "employeeId": null }))
        .await
        .is(204);
    fixture
        .get(&format!("/users/{}", upn("ANA.silva")))
        .await
        .is(200);
    let user = fixture.target.user(&id).unwrap();
    assert_eq!(user.text("jobTitle"), Some("Analyst"));
    assert_eq!(user.employee_id, None);
    assert_eq!(user.password.as_deref(), Some("Correct-Horse-7"));
    fixture.delete(&path).await.is(204);
    fixture
        .get(&path)
        .await
        .refuses(404, "Request_ResourceNotFound");
    assert_eq!(fixture.target.deleted_users().len(), 1);
    assert_eq!(fixture.target.calls().of("PATCH", "/users/{id}"), 2);
}

#[tokio::test]
async fn keys_are_unique() {
    let fixture = Fixture::new().await;
    let mut ana = user("ana");
    ana["onPremisesImmutableId"] = json!("im1");
    ana["mail"] = json!("Ana@contoso.com");
    fixture.post("/users", ana).await.is(201);
    for (property, value) in [
        ("userPrincipalName", "ANA@contoso.com"),
        ("mailNickname", "Ana"),
        ("onPremisesImmutableId", "IM1"),
        ("mail", "ana@CONTOSO.com"),
    ] {
        let mut bo = user("bo");
        bo[property] = json!(value);
        let refused = fixture.post("/users", bo).await;
        let refused = refused.refuses(400, "Request_BadRequest");
        assert_eq!(
            refused.json["error"]["details"][0]["code"],
            "ObjectConflict"
        );
    }
    assert_eq!(fixture.refused(Refusal::Duplicate), 4);
    // Employee ids are not.
    let mut bo = user("bo");
    bo["employeeId"] = json!("E-ana");
    fixture.post("/users", bo).await.is(201);
    assert_eq!(fixture.target.users_by_employee_id("E-ANA").len(), 2);
    let path = format!("/users/{}", fixture.id("bo"));
    let change = json!({ "userPrincipalName": upn("ana") });
    fixture
        .patch(&path, change)
        .await
        .refuses(400, "Request_BadRequest");
    let relaxed = Options {
        unique_mail_nicknames: false,
        ..Options::default()
    };
    let fixture = Fixture::with(relaxed).await;
    fixture.create("ana").await.is(201);
    let mut bo = user("bo");
    bo["mailNickname"] = json!("ana");
    fixture.post("/users", bo).await.is(201);
}

#[tokio::test]
async fn a_manager_is_set_read_and_removed() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let (ana, bo) = (fixture.id("ana"), fixture.id("bo"));
    let path = format!("/users/{ana}/manager");
    let reference = format!("{path}/$ref");
    fixture
        .get(&path)
        .await
        .refuses(404, "Request_ResourceNotFound");
    fixture.delete(&reference).await.is(404);
    fixture
        .put(&reference, fixture.reference(&bo))
        .await
        .is(204);
    assert_eq!(fixture.get(&path).await.is(200).id(), bo);
    let expanded = fixture
        .get("/users?$select=id&$expand=manager($select=id)")
        .await
        .is(200);
    let entries = expanded.json["value"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["id"] == ana).unwrap();
    assert_eq!(entry["manager"]["id"], bo);
    for wrong in [
        json!({ "@odata.id": format!("https://example.com/v1.0/users/{bo}") }),
        json!({ "@odata.id": bo }),
        json!({ "id": bo }),
        fixture.reference(&ana),
    ] {
        fixture.put(&reference, wrong).await.is(400);
    }
    fixture
        .put(&reference, fixture.reference("nobody"))
        .await
        .is(404);
    let public = format!("https://graph.microsoft.com/v1.0/users/{bo}");
    fixture
        .put(&reference, json!({ "@odata.id": public }))
        .await
        .is(204);
    let change = json!({ "manager": { "@odata.id": public } });
    fixture
        .patch(&format!("/users/{ana}"), change)
        .await
        .is(400);
    // A deleted manager is none, and comes back restored.
    fixture.target.delete_user(&bo).unwrap();
    fixture.get(&path).await.is(404);
    fixture.target.restore_user(&bo).unwrap();
    fixture.get(&path).await.is(200);
    fixture.delete(&reference).await.is(204);
    assert_eq!(fixture.target.user(&ana).unwrap().manager, None);
    let mut body = user("cy");
    body["manager@odata.bind"] = json!(fixture.link(&ana));
    let cy = fixture.post("/users", body).await.is(201).id();
    assert_eq!(fixture.target.user(&cy).unwrap().manager, Some(ana));
}

#[tokio::test]
async fn sessions_are_revoked_and_memberships_told() {
    let fixture = Fixture::of(&["ana"]).await;
    let ana = fixture.id("ana");
    let answer =
        fixture.send(fixture.request("POST", &format!("/users/{ana}/revokeSignInSessions")));
    assert_eq!(answer.await.is(200).json["value"], true);
    assert_eq!(fixture.target.user(&ana).unwrap().sessions_revoked, 1);
    let inner = fixture.target.add_group("inner").unwrap().id;
    let outer = fixture.target.add_group("outer").unwrap().id;
    let other = fixture.target.add_group("other").unwrap().id;
    fixture.target.add_member(&inner, &ana).unwrap();
    fixture.target.add_member(&outer, &inner).unwrap();
    for (path, typed) in [
        ("memberOf", true),
        ("memberOf/microsoft.graph.group", false),
    ] {
        let told = fixture
            .get(&format!("/users/{ana}/{path}?$select=id,displayName"))
            .await
            .is(200);
        assert_eq!(told.all("displayName"), ["inner"]);
        assert_eq!(told.json["value"][0].get("@odata.type").is_some(), typed);
    }
    let check = format!("/users/{ana}/checkMemberGroups");
    let found = fixture
        .post(&check, json!({ "groupIds": [inner, outer, other] }))
        .await
        .is(200);
    assert_eq!(found.json["value"], json!([inner, outer]));
    for wrong in [
        json!({}),
        json!({ "groupIds": [] }),
        json!({ "groupIds": vec!["x"; 21] }),
    ] {
        fixture.post(&check, wrong).await.is(400);
    }
}

#[tokio::test]
async fn what_is_mastered_on_premises_is_not_changed() {
    let fixture = Fixture::of(&["ana"]).await;
    let synced = json!({ "onPremisesSyncEnabled": true });
    fixture.target.update_user(&upn("ana"), synced).unwrap();
    let path = format!("/users/{}", fixture.id("ana"));
    fixture
        .patch(&path, json!({ "jobTitle": "x" }))
        .await
        .refuses(400, "Request_BadRequest");
    fixture
        .patch(&path, json!({ "accountEnabled": false }))
        .await
        .is(400);
    fixture.delete(&path).await.is(400);
    fixture
        .patch(&path, json!({ "usageLocation": "PT" }))
        .await
        .is(204);
    assert_eq!(fixture.refused(Refusal::OnPremises), 3);
    assert!(fixture.target.user(&upn("ana")).unwrap().account_enabled);
}
