//! Create, read, replace, delete, discovery, entity tags, projections.

use serde_json::json;

use crate::harness::{ENTERPRISE, Fixture, GROUP, USER, user};

#[tokio::test]
async fn a_created_user_reads_back_as_created() {
    let fixture = Fixture::new().await;
    let sent = json!({
        "schemas": [USER, ENTERPRISE],
        "userName": "Ana@example.com",
        "externalId": "e-1",
        "name": { "givenName": "Ana", "familyName": "Souza" },
        "emails": [{ "value": "ana@example.com", "type": "work", "primary": true }],
        ENTERPRISE: { "department": "Ops", "manager": { "value": "x" } },
    });
    let created = fixture.post("/Users", sent.clone()).await.is(201);
    assert_eq!(created.header("content-type"), "application/scim+json");
    assert_eq!(
        created.header("location"),
        created.json["meta"]["location"].as_str().unwrap()
    );
    assert_eq!(created.header("etag"), "W/\"1\"");
    assert_eq!(created.json["active"], true);
    let read = fixture
        .get(&format!("/Users/{}", created.id()))
        .await
        .is(200);
    assert_eq!(read.json, created.json);
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(&read.json[name], value, "{name}");
    }
}

#[tokio::test]
async fn ids_and_times_do_not_depend_on_the_run() {
    let (one, two) = (Fixture::new().await, Fixture::new().await);
    let (mut a, mut b) = (one.create("ana").await.json, two.create("ana").await.json);
    for json in [&mut a, &mut b] {
        json["meta"].as_object_mut().unwrap().remove("location");
    }
    assert_eq!(a, b);
}

#[tokio::test]
async fn user_names_are_unique_in_any_case() {
    let fixture = Fixture::of(&["ana"]).await;
    fixture.create("ANA").await.refuses(409, "uniqueness");
    let bo = fixture.create("bo").await.id();
    fixture
        .put(&format!("/Users/{bo}"), user("Ana"))
        .await
        .refuses(409, "uniqueness");
    fixture
        .put(&format!("/Users/{bo}"), user("BO"))
        .await
        .is(200);
    assert!(
        fixture
            .delete(&format!("/Users/{}", fixture.id("ana")))
            .await
            .text
            .is_empty()
    );
    fixture.create("ana").await.is(201);
}

#[tokio::test]
async fn group_names_are_unique_unless_switched_off() {
    let fixture = Fixture::new().await;
    let staff = json!({ "schemas": [GROUP], "displayName": "Staff" });
    fixture.post("/Groups", staff.clone()).await.is(201);
    fixture
        .post("/Groups", staff.clone())
        .await
        .refuses(409, "uniqueness");
    let options = scim_target::Options {
        group_names_unique: false,
        ..scim_target::Options::default()
    };
    let fixture = Fixture::with(options).await;
    fixture.post("/Groups", staff.clone()).await.is(201);
    fixture.post("/Groups", staff).await.is(201);
}

#[tokio::test]
async fn bad_bodies_are_refused_and_store_nothing() {
    let fixture = Fixture::new().await;
    let cases = [
        (json!({ "userName": "ana" }), "invalidSyntax"),
        (json!({ "schemas": [USER] }), "invalidValue"),
        (
            json!({ "schemas": [USER], "userName": " " }),
            "invalidValue",
        ),
        (json!({ "schemas": [USER], "userName": 7 }), "invalidValue"),
        (
            json!({ "schemas": [USER], "userName": "ana", "active": "True" }),
            "invalidValue",
        ),
        (
            json!({ "schemas": [USER], "userName": "ana", "shoeSize": 7 }),
            "invalidSyntax",
        ),
        (
            json!({ "schemas": [USER], "userName": "ana", "emails": "a@b" }),
            "invalidValue",
        ),
        (
            json!({ "schemas": [USER], "userName": "a", ENTERPRISE: { "manager": "x" } }),
            "invalidValue",
        ),
        (
            json!({ "schemas": [USER], "userName": "a", "emails": [
                { "value": "1", "primary": true }, { "value": "2", "primary": true }
            ] }),
            "invalidValue",
        ),
        (json!(["a"]), "invalidSyntax"),
    ];
    for (body, scim_type) in cases {
        fixture.post("/Users", body).await.refuses(400, scim_type);
    }
    let not_json = fixture
        .request("POST", "/Users")
        .header("content-type", "application/json");
    fixture
        .send(not_json.body("{"))
        .await
        .refuses(400, "invalidSyntax");
    let text = fixture
        .request("POST", "/Users")
        .header("content-type", "text/plain")
        .body("{}");
    fixture.send(text).await.refuses(415, "");
    assert_eq!(fixture.target.user_count(), 0);
}

#[tokio::test]
async fn the_token_is_required() {
    let fixture = Fixture::of(&["ana"]).await;
    let url = format!("{}/Users", fixture.target.base_url());
    let none = fixture.send(fixture.http.get(&url)).await.refuses(401, "");
    assert!(none.header("www-authenticate").starts_with("Bearer"));
    fixture
        .send(fixture.http.get(&url).bearer_auth("other"))
        .await
        .refuses(401, "");
    assert_eq!(fixture.target.calls().total(), 0);
    assert_eq!(fixture.target.log().len(), 2);
}

#[tokio::test]
async fn put_replaces_everything_but_what_the_server_owns() {
    let fixture = Fixture::new().await;
    let id = fixture
        .post(
            "/Users",
            json!({ "schemas": [USER], "userName": "ana", "title": "Boss" }),
        )
        .await
        .id();
    let replaced = fixture
        .put(
            &format!("/Users/{id}"),
            json!({ "schemas": [USER], "userName": "ana", "id": "other", "active": false,
                    "groups": [{ "value": "g" }], "nickName": "A" }),
        )
        .await
        .is(200);
    assert_eq!(replaced.id(), id);
    assert_eq!(replaced.json.get("title"), None);
    assert_eq!(replaced.json.get("groups"), None);
    assert_eq!(replaced.json["nickName"], "A");
    assert_eq!(replaced.json["active"], false);
    fixture.put("/Users/none", user("x")).await.refuses(404, "");
}

#[tokio::test]
async fn groups_of_a_user_are_computed_and_end_with_the_user() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let ana = fixture.id("ana");
    let body = json!({ "schemas": [GROUP], "displayName": "staff",
        "members": [{ "value": ana }, { "value": fixture.id("bo") }] });
    let group = fixture.post("/Groups", body).await.is(201);
    assert_eq!(group.json["members"][0]["type"], "User");
    let read = fixture.get(&format!("/Users/{ana}")).await;
    assert_eq!(read.json["groups"][0]["value"], group.id());
    assert_eq!(read.json["groups"][0]["display"], "staff");
    fixture.delete(&format!("/Users/{ana}")).await.is(204);
    fixture
        .delete(&format!("/Users/{ana}"))
        .await
        .refuses(404, "");
    assert_eq!(fixture.members(&group.id()), ["bo"]);
    let group = fixture.get(&format!("/Groups/{}", group.id())).await;
    assert_eq!(group.header("etag"), "W/\"2\"");
}

#[tokio::test]
async fn a_group_refuses_members_that_do_not_exist() {
    let fixture = Fixture::new().await;
    let body = json!({ "schemas": [GROUP], "displayName": "g", "members": [{ "value": "ghost" }] });
    fixture
        .post("/Groups", body.clone())
        .await
        .refuses(400, "invalidValue");
    assert_eq!(fixture.target.group_count(), 0);
    let options = scim_target::Options {
        unknown_members_refused: false,
        ..scim_target::Options::default()
    };
    let fixture = Fixture::with(options).await;
    let group = fixture.post("/Groups", body).await.is(201);
    assert_eq!(group.json["members"], json!([{ "value": "ghost" }]));
}

#[tokio::test]
async fn entity_tags_guard_writes_and_save_reads() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    let etag = fixture.get(&path).await.header("etag").to_owned();
    let again = fixture.request("GET", &path).header("if-none-match", &etag);
    assert!(fixture.send(again).await.is(304).text.is_empty());
    let rename = fixture.with_body("PUT", &path, &user("anna"));
    fixture
        .send(rename.try_clone().unwrap().header("if-match", "W/\"9\""))
        .await
        .refuses(412, "");
    fixture
        .send(rename.try_clone().unwrap().header("if-match", &etag))
        .await
        .is(200);
    fixture
        .send(rename.header("if-match", &etag))
        .await
        .refuses(412, "");
    let delete = fixture.request("DELETE", &path);
    fixture
        .send(delete.try_clone().unwrap().header("if-match", &etag))
        .await
        .refuses(412, "");
    fixture.send(delete.header("if-match", "*")).await.is(204);
}

#[tokio::test]
async fn a_write_that_changes_nothing_keeps_the_version() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    let operation = json!([{ "op": "replace", "path": "active", "value": true }]);
    assert_eq!(
        fixture.patch(&path, operation).await.is(200).header("etag"),
        "W/\"1\""
    );
    let operation = json!([{ "op": "replace", "path": "active", "value": false }]);
    assert_eq!(
        fixture.patch(&path, operation).await.is(200).header("etag"),
        "W/\"2\""
    );
}

#[tokio::test]
async fn attributes_and_excluded_attributes_narrow_the_answer() {
    let fixture = Fixture::new().await;
    let ana = json!({ "userName": "ana", "title": "x",
        "name": { "givenName": "Ana", "familyName": "S" }, ENTERPRISE: { "department": "Ops", "division": "D" } });
    let id = fixture.target.insert_user(ana).unwrap().id;
    let group = fixture.group("staff", &["ana"]);
    let names = |answer: &crate::harness::Answer| {
        let mut names: Vec<String> = answer.json.as_object().unwrap().keys().cloned().collect();
        names.retain(|name| !["id", "schemas", "meta"].contains(&name.as_str()));
        names
    };
    let path = format!("/Users/{id}");
    let only = fixture
        .get(&format!("{path}?attributes=USERNAME,name.givenName"))
        .await;
    assert_eq!(names(&only), ["name", "userName"]);
    assert_eq!(only.json["name"], json!({ "givenName": "Ana" }));
    let only = fixture
        .get(&format!("{path}?attributes={ENTERPRISE}:department"))
        .await;
    assert_eq!(only.json[ENTERPRISE], json!({ "department": "Ops" }));
    let without = fixture
        .get(&format!(
            "{path}?excludedAttributes=groups,name.familyName,title"
        ))
        .await;
    assert_eq!(without.json["name"], json!({ "givenName": "Ana" }));
    assert!(without.json.get("groups").is_none() && without.json.get("title").is_none());
    let path = format!("/Groups/{group}");
    assert!(fixture.get(&path).await.json.get("members").is_some());
    let without = fixture
        .get(&format!("{path}?excludedAttributes=members"))
        .await;
    assert_eq!(names(&without), ["displayName"]);
    let listed = fixture.get("/Groups?excludedAttributes=members").await;
    assert!(listed.json["Resources"][0].get("members").is_none());
}

#[tokio::test]
async fn discovery_describes_the_target() {
    let fixture = Fixture::new().await;
    let config = fixture.get("/ServiceProviderConfig").await.is(200).json;
    assert_eq!(config["patch"]["supported"], true);
    assert_eq!(config["pagination"]["cursor"], true);
    let types = fixture.get("/ResourceTypes").await.is(200).json;
    assert_eq!(types["totalResults"], 2);
    assert_eq!(
        types["Resources"][0]["schemaExtensions"][0]["schema"],
        ENTERPRISE
    );
    assert_eq!(
        fixture.get("/ResourceTypes/Group").await.is(200).json["endpoint"],
        "/Groups"
    );
    assert_eq!(
        fixture.get("/Schemas").await.is(200).json["totalResults"],
        3
    );
    let schema = fixture
        .get(&format!("/Schemas/{}", USER.replace(':', "%3A")))
        .await
        .is(200)
        .json;
    assert_eq!(schema["attributes"][0]["name"], "userName");
    fixture.get("/Schemas/none").await.refuses(404, "");
    assert_eq!(fixture.target.calls().discovery, 6);
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let fixture = Fixture::new().await;
    fixture.get("/Users/none").await.refuses(404, "");
    fixture.get("/Robots").await.refuses(404, "");
    fixture.get("/Me").await.refuses(501, "");
    fixture.post("/Bulk", json!({})).await.refuses(501, "");
    fixture.delete("/Users").await.refuses(405, "");
    assert_eq!(fixture.target.calls().other, 4);
}
