//! PATCH without faults.

use serde_json::{Value, json};

use crate::harness::{ENTERPRISE, Fixture};

async fn ana() -> (Fixture, String) {
    let fixture = Fixture::new().await;
    let user = json!({
        "userName": "ana",
        "title": "Boss",
        "name": { "givenName": "Ana", "familyName": "Souza" },
        "emails": [
            { "value": "ana@work.example", "type": "work", "primary": true },
            { "value": "ana@home.example", "type": "home" },
        ],
        ENTERPRISE: { "department": "Ops" },
    });
    let id = fixture.target.insert_user(user).unwrap().id;
    (fixture, format!("/Users/{id}"))
}

/// Applies one operation to Ana and compares one attribute.
async fn check(operation: Value, pointer: &str, expected: Value) {
    let (fixture, path) = ana().await;
    let patched = fixture.patch(&path, json!([operation])).await.is(200);
    let found = patched
        .json
        .pointer(pointer)
        .cloned()
        .unwrap_or(Value::Null);
    assert_eq!(found, expected, "{operation}");
    assert_eq!(fixture.get(&path).await.json, patched.json);
}

#[tokio::test]
async fn operations_with_a_path() {
    check(
        json!({ "op": "replace", "path": "active", "value": false }),
        "/active",
        json!(false),
    )
    .await;
    check(
        json!({ "op": "Replace", "path": "ACTIVE", "value": false }),
        "/active",
        json!(false),
    )
    .await;
    check(
        json!({ "op": "add", "path": "nickName", "value": "A" }),
        "/nickName",
        json!("A"),
    )
    .await;
    check(
        json!({ "op": "remove", "path": "title" }),
        "/title",
        Value::Null,
    )
    .await;
    check(
        json!({ "op": "replace", "path": "title", "value": null }),
        "/title",
        Value::Null,
    )
    .await;
    check(
        json!({ "op": "replace", "path": "name.familyName", "value": "Lima" }),
        "/name",
        json!({ "givenName": "Ana", "familyName": "Lima" }),
    )
    .await;
    check(
        json!({ "op": "replace", "path": "name", "value": { "familyName": "Lima" } }),
        "/name",
        json!({ "givenName": "Ana", "familyName": "Lima" }),
    )
    .await;
    check(
        json!({ "op": "remove", "path": "name.familyName" }),
        "/name",
        json!({ "givenName": "Ana" }),
    )
    .await;
}

#[tokio::test]
async fn operations_without_a_path() {
    check(
        json!({ "op": "replace", "value": { "active": false } }),
        "/active",
        json!(false),
    )
    .await;
    check(
        json!({ "op": "add", "value": { "name.familyName": "Lima" } }),
        "/name/familyName",
        json!("Lima"),
    )
    .await;
    check(
        json!({ "op": "replace", "value": { ENTERPRISE: { "division": "D" } } }),
        &format!("/{ENTERPRISE}"),
        json!({ "department": "Ops", "division": "D" }),
    )
    .await;
    check(
        json!({ "op": "replace", "value": { format!("{ENTERPRISE}:department"): "R&D" } }),
        &format!("/{ENTERPRISE}/department"),
        json!("R&D"),
    )
    .await;
}

#[tokio::test]
async fn operations_on_the_enterprise_extension() {
    let department = format!("{ENTERPRISE}:department");
    let pointer = format!("/{ENTERPRISE}");
    check(
        json!({ "op": "replace", "path": department, "value": "R&D" }),
        &pointer,
        json!({ "department": "R&D" }),
    )
    .await;
    check(
        json!({ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": { "value": "m" } }),
        &format!("{pointer}/manager"),
        json!({ "value": "m" }),
    )
    .await;
    check(
        json!({ "op": "add", "path": format!("{ENTERPRISE}:manager.value"), "value": "m" }),
        &format!("{pointer}/manager/value"),
        json!("m"),
    )
    .await;
    check(
        json!({ "op": "remove", "path": department }),
        &pointer,
        Value::Null,
    )
    .await;
    check(
        json!({ "op": "remove", "path": ENTERPRISE }),
        &pointer,
        Value::Null,
    )
    .await;
    check(
        json!({ "op": "add", "path": ENTERPRISE, "value": { "division": "D" } }),
        &format!("{pointer}/division"),
        json!("D"),
    )
    .await;
}

#[tokio::test]
async fn operations_with_a_value_filter() {
    let work = |operation: &str, sub: &str, value: Value| json!({ "op": operation, "path": format!("emails[type eq \"work\"]{sub}"), "value": value });
    check(
        work("replace", ".value", json!("new")),
        "/emails/0/value",
        json!("new"),
    )
    .await;
    check(
        work("replace", "", json!({ "value": "new" })),
        "/emails/0",
        json!({ "value": "new", "type": "work", "primary": true }),
    )
    .await;
    check(
        json!({ "op": "remove", "path": "emails[type eq \"work\"]" }),
        "/emails",
        json!([{ "value": "ana@home.example", "type": "home" }]),
    )
    .await;
    check(
        json!({ "op": "remove", "path": "emails[type eq \"work\"].primary" }),
        "/emails/0",
        json!({ "value": "ana@work.example", "type": "work" }),
    )
    .await;
    check(
        json!({ "op": "remove", "path": "emails[value pr]" }),
        "/emails",
        Value::Null,
    )
    .await;
    check(
        json!({ "op": "add", "path": "emails[type eq \"other\"].value", "value": "o" }),
        "/emails/2",
        json!({ "value": "o", "type": "other" }),
    )
    .await;
    check(
        json!({ "op": "replace", "path": "emails[type eq \"home\"].primary", "value": true }),
        "/emails/0/primary",
        json!(false),
    )
    .await;
}

#[tokio::test]
async fn adding_to_a_list_appends_what_is_new() {
    let again = json!({ "value": "ana@home.example", "type": "home" });
    let new = json!({ "value": "new", "primary": true });
    let (fixture, path) = ana().await;
    let operation = json!([{ "op": "add", "path": "emails", "value": [again, new] }]);
    let emails = &fixture.patch(&path, operation).await.is(200).json["emails"];
    assert_eq!(emails.as_array().unwrap().len(), 3);
    assert_eq!(emails[0]["primary"], false, "a new primary takes over");
    assert_eq!(emails[2]["primary"], true);
    let operation = json!([{ "op": "replace", "path": "emails", "value": [new] }]);
    let emails = &fixture.patch(&path, operation).await.is(200).json["emails"];
    assert_eq!(emails, &json!([new]));
}

#[tokio::test]
async fn bad_operations_are_refused() {
    let cases = [
        (json!({ "op": "move", "path": "title" }), "invalidSyntax"),
        (json!({ "op": "remove" }), "noTarget"),
        (json!({ "op": "replace", "path": "title" }), "invalidValue"),
        (
            json!({ "op": "replace", "path": "shoeSize", "value": 7 }),
            "invalidPath",
        ),
        (
            json!({ "op": "replace", "path": "emails[", "value": "x" }),
            "invalidPath",
        ),
        (
            json!({ "op": "replace", "path": "title[value eq \"x\"]", "value": "x" }),
            "invalidPath",
        ),
        (
            json!({ "op": "replace", "path": "active", "value": "False" }),
            "invalidValue",
        ),
        (
            json!({ "op": "replace", "value": { "active": "False" } }),
            "invalidValue",
        ),
        (json!({ "op": "replace", "value": "x" }), "invalidValue"),
        (
            json!({ "op": "replace", "path": "id", "value": "x" }),
            "mutability",
        ),
        (
            json!({ "op": "replace", "path": "meta.created", "value": "x" }),
            "mutability",
        ),
        (
            json!({ "op": "add", "path": "groups", "value": [{ "value": "g" }] }),
            "mutability",
        ),
        (json!({ "op": "remove", "path": "userName" }), "mutability"),
        (
            json!({ "op": "replace", "path": "userName", "value": null }),
            "mutability",
        ),
        (
            json!({ "op": "replace", "path": "emails[type eq \"x\"].value", "value": "x" }),
            "noTarget",
        ),
        (
            json!({ "op": "replace", "path": "emails[shoe eq \"x\"].value", "value": "x" }),
            "invalidFilter",
        ),
        (
            json!({ "op": "remove", "path": "emails", "value": [{ "value": "x" }] }),
            "invalidSyntax",
        ),
        (
            json!({ "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": "m" }),
            "invalidValue",
        ),
    ];
    let (fixture, path) = ana().await;
    let before = fixture.get(&path).await.json;
    for (operation, scim_type) in cases {
        // The first operation is good: nothing of the request may stay.
        let operations = json!([{ "op": "replace", "path": "nickName", "value": "N" }, operation]);
        let refused = fixture.patch(&path, operations).await;
        assert_eq!(
            refused.json["scimType"], scim_type,
            "{operation}: {}",
            refused.text
        );
        refused.refuses(400, scim_type);
        assert_eq!(fixture.get(&path).await.json, before);
    }
    for body in [
        json!({ "Operations": [] }),
        json!({ "schemas": ["x"], "Operations": [{}] }),
    ] {
        fixture
            .send(fixture.with_body("PATCH", &path, &body))
            .await
            .refuses(400, "invalidSyntax");
    }
    fixture
        .patch("/Users/none", json!([{ "op": "remove", "path": "title" }]))
        .await
        .refuses(404, "");
}

#[tokio::test]
async fn a_rename_to_a_taken_name_changes_nothing() {
    let (fixture, path) = ana().await;
    fixture.seed(&["bo"]);
    let operations = json!([
        { "op": "replace", "path": "title", "value": "T" },
        { "op": "replace", "path": "userName", "value": "BO" },
    ]);
    fixture
        .patch(&path, operations)
        .await
        .refuses(409, "uniqueness");
    assert_eq!(fixture.get(&path).await.json["title"], "Boss");
}

async fn group(members: &[&str]) -> (Fixture, String, String) {
    let fixture = Fixture::of(&["a", "b", "c", "d"]).await;
    let id = fixture.group("staff", members);
    let path = format!("/Groups/{id}");
    (fixture, id, path)
}

#[tokio::test]
async fn members_come_and_go() {
    let (fixture, id, path) = group(&["a"]).await;
    let value = |names: &[&str]| -> Value {
        names
            .iter()
            .map(|name| json!({ "value": fixture.id(name) }))
            .collect()
    };
    let by_filter = |name: &str| format!("members[value eq \"{}\"]", fixture.id(name));
    let steps: Vec<(Value, &[&str])> = vec![
        (
            json!({ "op": "add", "path": "members", "value": value(&["b", "c"]) }),
            &["a", "b", "c"],
        ),
        (
            json!({ "op": "add", "path": "members", "value": value(&["b"]) }),
            &["a", "b", "c"],
        ),
        (
            json!({ "op": "add", "value": { "members": value(&["d"]) } }),
            &["a", "b", "c", "d"],
        ),
        (
            json!({ "op": "remove", "path": by_filter("b") }),
            &["a", "c", "d"],
        ),
        (
            json!({ "op": "remove", "path": by_filter("b") }),
            &["a", "c", "d"],
        ),
        (
            json!({ "op": "remove", "path": "members[display eq \"c\"]" }),
            &["a", "d"],
        ),
        (
            json!({ "op": "replace", "path": "members", "value": value(&["b", "a"]) }),
            &["b", "a"],
        ),
        (
            json!({ "op": "replace", "value": { "displayName": "crew" } }),
            &["b", "a"],
        ),
        (json!({ "op": "remove", "path": "members" }), &[]),
    ];
    for (operation, expected) in steps {
        fixture.patch(&path, json!([operation])).await.is(204);
        assert_eq!(fixture.members(&id), expected, "{operation}");
    }
    assert_eq!(fixture.target.group(&id).unwrap().display_name, "crew");
}

#[tokio::test]
async fn several_members_go_in_one_request() {
    let (fixture, id, path) = group(&["a", "b", "c", "d"]).await;
    let [a, b, d] = ["a", "b", "d"].map(|name| fixture.id(name));
    let operations = json!([
        { "op": "remove", "path": format!("members[value eq \"{a}\" or value eq \"{b}\"]") },
        { "op": "add", "path": "members", "value": [{ "value": a }] },
        { "op": "remove", "path": format!("members[value eq \"{d}\"]") },
    ]);
    fixture.patch(&path, operations).await.is(204);
    assert_eq!(fixture.members(&id), ["c", "a"]);
}

#[tokio::test]
async fn membership_is_all_or_nothing_too() {
    let (fixture, id, path) = group(&["a"]).await;
    let before = fixture.get(&path).await.json;
    let operations = json!([
        { "op": "remove", "path": "members" },
        { "op": "add", "path": "members", "value": [{ "value": fixture.id("b") }, { "value": "ghost" }] },
    ]);
    fixture
        .patch(&path, operations)
        .await
        .refuses(400, "invalidValue");
    assert_eq!(fixture.members(&id), ["a"]);
    assert_eq!(fixture.get(&path).await.json, before);
}

#[tokio::test]
async fn a_remove_with_a_value_list_is_refused_rather_than_misread() {
    let (fixture, id, path) = group(&["a", "b"]).await;
    let operation =
        json!([{ "op": "remove", "path": "members", "value": [{ "value": fixture.id("a") }] }]);
    fixture
        .patch(&path, operation)
        .await
        .refuses(400, "invalidSyntax");
    assert_eq!(fixture.members(&id), ["a", "b"]);
    let operation =
        json!([{ "op": "replace", "path": "members[type eq \"User\"].value", "value": "x" }]);
    fixture
        .patch(&path, operation)
        .await
        .refuses(400, "mutability");
}

#[tokio::test]
async fn a_patch_of_a_group_answers_with_what_was_asked_for() {
    let (fixture, id, path) = group(&["a"]).await;
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": fixture.id("b") }] }]);
    let answer = fixture.patch(&path, add.clone()).await.is(204);
    assert_eq!(
        (answer.text.as_str(), answer.header("etag")),
        ("", "W/\"3\"")
    );
    let answer = fixture
        .patch(&format!("{path}?attributes=displayName"), add)
        .await
        .is(200);
    assert_eq!(
        (answer.id(), &answer.json["displayName"]),
        (id, &json!("staff"))
    );
    assert!(answer.json.get("members").is_none());
}
