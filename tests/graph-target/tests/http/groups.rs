//! Groups and who is in them.

use graph_target::{Options, Refusal};
use serde_json::{Value, json};

use crate::harness::{Fixture, status};

async fn staff(names: &[&str]) -> (Fixture, String) {
    let fixture = Fixture::of(names).await;
    let group = fixture.target.add_group("staff").unwrap().id;
    (fixture, group)
}

fn members(fixture: &Fixture, group: &str) -> usize {
    fixture.target.group(group).unwrap().members.len()
}

fn bind(fixture: &Fixture, ids: &[String]) -> Value {
    let links: Vec<_> = ids.iter().map(|id| fixture.link(id)).collect();
    json!({ "members@odata.bind": links })
}

#[tokio::test]
async fn groups_are_found_and_shown() {
    let (fixture, group) = staff(&[]).await;
    fixture.target.add_group("other").unwrap();
    let found = fixture
        .filter("/groups", "displayName eq 'Staff'")
        .await
        .is(200);
    assert_eq!(found.all("id"), [group.as_str()]);
    let found = fixture
        .filter("/groups", &format!("id eq '{group}'"))
        .await
        .is(200);
    assert_eq!(found.all("displayName"), ["staff"]);
    let shown = fixture.get(&format!("/groups/{group}")).await.is(200).json;
    assert_eq!(shown["groupTypes"], json!([]));
    assert_eq!(shown["securityEnabled"], true);
    assert_eq!(shown["mailEnabled"], false);
    assert_eq!(shown["onPremisesSyncEnabled"], Value::Null);
    assert_eq!(shown["isAssignableToRole"], Value::Null);
    let short = fixture.get("/groups?$select=id&$top=1").await.is(200);
    assert!(short.json["@odata.nextLink"].is_string());
    assert!(short.json["value"][0].get("displayName").is_none());
    fixture.get("/groups/none").await.is(404);
    fixture
        .post("/groups", json!({ "displayName": "x" }))
        .await
        .is(405);
}

#[tokio::test]
async fn members_come_and_go_one_by_one() {
    let (fixture, group) = staff(&["ana", "bo", "cy"]).await;
    let ana = fixture.id("ana");
    let add = format!("/groups/{group}/members/$ref");
    let remove = format!("/groups/{group}/members/{ana}/$ref");
    fixture.post(&add, fixture.reference(&ana)).await.is(204);
    let again = fixture.post(&add, fixture.reference(&ana)).await;
    again.refuses(400, "Request_BadRequest");
    assert_eq!(fixture.refused(Refusal::AlreadyMember), 1);
    fixture
        .post(&add, fixture.reference("nobody"))
        .await
        .is(404);
    fixture.post(&add, json!({ "id": ana })).await.is(400);
    for name in ["bo", "cy"] {
        fixture
            .post(&add, fixture.reference(&fixture.id(name)))
            .await
            .is(204);
    }
    let path = format!("/groups/{group}/members?$select=id&$top=2");
    let first = fixture.get(&path).await.is(200);
    let second = fixture
        .get(first.json["@odata.nextLink"].as_str().unwrap())
        .await
        .is(200);
    assert_eq!((first.all("id").len(), second.all("id").len()), (2, 1));
    assert_eq!(first.all("@odata.type"), ["#microsoft.graph.user"; 2]);
    fixture.delete(&remove).await.is(204);
    fixture
        .delete(&remove)
        .await
        .refuses(404, "Request_ResourceNotFound");
    assert_eq!(fixture.refused(Refusal::NotAMember), 1);
    assert_eq!(members(&fixture, &group), 2);
    assert!(fixture.target.user(&ana).is_some());
}

#[tokio::test]
async fn the_dangerous_delete_is_refused_and_counted() {
    let (fixture, group) = staff(&["ana"]).await;
    let ana = fixture.id("ana");
    fixture.target.add_member(&group, &ana).unwrap();
    let path = format!("/groups/{group}/members/{ana}");
    fixture
        .delete(&path)
        .await
        .refuses(400, "Request_BadRequest");
    let parts = fixture
        .batch(json!([{ "id": "1", "method": "DELETE", "url": path }]))
        .await;
    assert_eq!(status(&parts, "1"), 400);
    assert_eq!(fixture.refused(Refusal::MemberObjectDelete), 2);
    assert_eq!(members(&fixture, &group), 1);
    assert_eq!(fixture.target.user_count(), 1);
}

#[tokio::test]
async fn a_bind_adds_all_or_none() {
    let (fixture, group) = staff(&[]).await;
    let ids: Vec<String> = (0..22).map(|n| fixture.seed(&format!("u{n}"))).collect();
    let path = format!("/groups/{group}");
    fixture
        .patch(&path, bind(&fixture, &ids[..21]))
        .await
        .is(400);
    assert_eq!(members(&fixture, &group), 0);
    fixture
        .patch(&path, bind(&fixture, &ids[..20]))
        .await
        .is(204);
    assert_eq!(members(&fixture, &group), 20);
    let one_present = bind(&fixture, &ids[19..22]);
    fixture
        .patch(&path, one_present)
        .await
        .refuses(400, "Request_BadRequest");
    assert_eq!(fixture.refused(Refusal::AlreadyMember), 1);
    let unknown = bind(&fixture, &[ids[20].clone(), "nobody".to_owned()]);
    fixture.patch(&path, unknown).await.is(404);
    let twice = bind(&fixture, &[ids[20].clone(), ids[20].clone()]);
    fixture.patch(&path, twice).await.is(400);
    fixture
        .patch(&path, json!({ "members@odata.bind": [] }))
        .await
        .is(400);
    fixture
        .patch(&path, json!({ "displayName": "x" }))
        .await
        .is(403);
    let post = fixture.with_body("POST", &path, &bind(&fixture, &ids[20..21]));
    fixture.send(post).await.is(405);
    assert_eq!(members(&fixture, &group), 20);
}

#[tokio::test]
async fn some_groups_are_not_for_the_api() {
    for (properties, status, refusal) in [
        (
            json!({ "groupTypes": ["DynamicMembership"] }),
            400,
            Refusal::DynamicGroup,
        ),
        (
            json!({ "onPremisesSyncEnabled": true }),
            400,
            Refusal::OnPremises,
        ),
        (
            json!({ "mailEnabled": true }),
            400,
            Refusal::MailEnabledGroup,
        ),
        (
            json!({ "isAssignableToRole": true }),
            403,
            Refusal::MissingPermission,
        ),
    ] {
        let fixture = Fixture::of(&["ana", "bo"]).await;
        let (ana, bo) = (fixture.id("ana"), fixture.id("bo"));
        let mut group = properties.clone();
        group["displayName"] = json!("special");
        let group = fixture.target.insert_group(group).unwrap().id;
        fixture.target.add_member(&group, &bo).unwrap();
        let path = format!("/groups/{group}");
        let add = fixture
            .post(&format!("{path}/members/$ref"), fixture.reference(&ana))
            .await;
        assert_eq!(add.status, status, "{properties}");
        fixture
            .patch(&path, bind(&fixture, &[ana]))
            .await
            .is(status);
        fixture
            .delete(&format!("{path}/members/{bo}/$ref"))
            .await
            .is(status);
        assert_eq!(fixture.refused(refusal), 3, "{properties}");
        assert_eq!(members(&fixture, &group), 1);
    }
    // With the permission, and in a Microsoft 365 group, it works.
    for (properties, permission) in [
        (
            json!({ "isAssignableToRole": true }),
            "RoleManagement.ReadWrite.Directory",
        ),
        (
            json!({ "mailEnabled": true, "groupTypes": ["Unified"] }),
            "none",
        ),
    ] {
        let mut options = Options::default();
        options.permissions.insert(permission.to_owned());
        let fixture = Fixture::with(options).await;
        let ana = fixture.seed("ana");
        let mut group = properties;
        group["displayName"] = json!("special");
        let group = fixture.target.insert_group(group).unwrap().id;
        let path = format!("/groups/{group}/members/$ref");
        fixture.post(&path, fixture.reference(&ana)).await.is(204);
    }
}
