use serde_json::json;

use super::*;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const NONE: Lists<'static> = Lists(&[]);

fn read(user: &Value) -> Resource {
    Resource::read(Kind::User, user.to_string().as_bytes()).unwrap()
}

fn written(user: &Value, writes: &[(&str, Option<&str>)], lists: Lists<'_>) -> Value {
    let mut resource = read(user);
    let paths: Vec<Path> = writes
        .iter()
        .map(|(path, _)| Path::parse(path).unwrap())
        .collect();
    let values = writes.iter().map(|(_, value)| *value);
    let writes: Vec<Write<'_>> = paths.iter().zip(values).collect();
    resource.write(&writes, lists, false).unwrap();
    resource.into_value()
}

#[test]
fn what_the_target_sets_stays_behind_and_the_rest_comes_back() {
    let user = json!({
        "schemas": CORE_USER,
        "ID": "1",
        "Meta": {"version": "1"},
        "groups": [{"value": "g"}],
        "userName": "ana",
        "nickName": null,
        "name": {"formatted": "Ana", "middleName": null},
        "urn:example:own": {"colour": ["red"], "odd": null},
    });
    assert_eq!(
        read(&user).into_value(),
        json!({
            "schemas": [CORE_USER],
            "userName": "ana",
            "name": {"formatted": "Ana"},
            "urn:example:own": {"colour": ["red"]},
        })
    );
    // The schema is named where the target leaves it out.
    assert_eq!(
        read(&json!({"id": "1"})).into_value(),
        json!({"schemas": [CORE_USER]})
    );
    for body in [
        "",
        "[]",
        "{}",
        "{\"id\":\"\"}",
        "{\"id\":null}",
        "{\"id\":\"1\"",
    ] {
        assert!(
            Resource::read(Kind::User, body.as_bytes()).is_err(),
            "{body}"
        );
    }
}

#[test]
fn depth_is_refused_and_does_not_overflow() {
    let deep = format!(
        "{{\"id\":\"1\",\"x\":{}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(Resource::read(Kind::User, deep.as_bytes()).is_err());
    let deep = format!(
        "{{\"id\":\"1\",\"x\":{}1{}}}",
        "{\"x\":".repeat(100_000),
        "}".repeat(100_000)
    );
    assert!(Resource::read(Kind::User, deep.as_bytes()).is_err());
    assert_eq!(Resource::version(deep.as_bytes()), None);
}

#[test]
fn attributes_are_written_where_they_are_in_any_case() {
    let user = json!({
        "id": "1",
        "TITLE": "Clerk",
        "Name": {"givenname": "Ana", "familyName": "Souza"},
        "emails": [
            {"Type": "Work", "Value": "a@old.example", "primary": true, "display": "Ana"},
            {"type": "home", "value": "a@home.example"}
        ],
        "nickName": "An",
    });
    let department = format!("{ENTERPRISE}:department");
    let writes = [
        ("title", Some("Boss")),
        ("name.givenName", Some("Anna")),
        ("emails[type eq \"work\"].value", Some("a@new.example")),
        ("emails[type eq \"home\"].value", None),
        ("phoneNumbers[type eq \"mobile\"].value", Some("1")),
        ("nickName", None),
        ("locale", None),
        (&*department, Some("Ops")),
    ];
    assert_eq!(
        written(&user, &writes, NONE),
        json!({
            "schemas": [CORE_USER, ENTERPRISE],
            "TITLE": "Boss",
            "Name": {"givenname": "Anna", "familyName": "Souza"},
            "emails": [
                {"Type": "Work", "Value": "a@new.example", "primary": true, "display": "Ana"}
            ],
            "phoneNumbers": [{"type": "mobile", "value": "1"}],
            "nickName": null,
            ENTERPRISE: {"department": "Ops"},
        })
    );
}

#[test]
fn clearing_what_is_not_there_changes_nothing() {
    let user = json!({"id": "1", "emails": [{"type": "home", "value": "h"}]});
    let department = format!("{ENTERPRISE}:department");
    let writes = [
        ("title", None),
        ("name.givenName", None),
        ("emails[type eq \"work\"].value", None),
        ("phoneNumbers[type eq \"work\"].value", None),
        (&*department, None),
    ];
    assert_eq!(written(&user, &writes, NONE), read(&user).into_value());
}

#[test]
fn the_last_element_leaves_an_empty_list() {
    let user = json!({"id": "1", "emails": [{"type": "work", "value": "w"}]});
    let writes = [("emails[type eq \"work\"].value", None)];
    assert_eq!(written(&user, &writes, NONE)["emails"], json!([]));
    let user = json!({"id": "1", "addresses": [{"type": "work", "country": "DE", "region": "BE"}]});
    let writes = [("addresses[type eq \"work\"].region", None)];
    assert_eq!(
        written(&user, &writes, NONE)["addresses"],
        json!([{"type": "work", "country": "DE"}])
    );
}

#[test]
fn a_list_of_one_keeps_one_element_and_marks_it() {
    let lists = ["addresses".into(), "emails".into()];
    let lists = Lists(&lists);
    let user = json!({
        "id": "1",
        "emails": {"type": "home", "value": "h", "primary": true},
        "addresses": [{"type": "work", "country": "DE", "primary": false}],
    });
    let writes = [
        ("emails[type eq \"work\"].value", Some("w")),
        ("addresses[type eq \"work\"].region", Some("BE")),
    ];
    let user = written(&user, &writes, lists);
    assert_eq!(
        user["emails"],
        json!([{"type": "work", "value": "w", "primary": true}])
    );
    assert_eq!(
        user["addresses"],
        json!([{"type": "work", "country": "DE", "region": "BE", "primary": true}])
    );
}

#[test]
fn a_new_manager_does_not_keep_the_name_of_the_old_one() {
    let user = json!({"id": "1", ENTERPRISE: {"manager": {
        "value": "7", "$ref": "../Users/7", "displayName": "Boss"
    }}});
    assert_eq!(
        read(&user).into_value()[ENTERPRISE]["manager"],
        json!({"value": "7", "$ref": "../Users/7"})
    );
    let path = format!("{ENTERPRISE}:manager.value");
    let object = written(&user, &[(&path, Some("8"))], NONE);
    assert_eq!(object[ENTERPRISE]["manager"], json!({"value": "8"}));
    let path = format!("{ENTERPRISE}:manager");
    let bare = written(&user, &[(&path, Some("8"))], NONE);
    assert_eq!(bare[ENTERPRISE]["manager"], "8");
}

#[test]
fn active_is_read_leniently_and_stated_strictly() {
    for (active, expected) in [
        (json!(true), Some(true)),
        (json!("True"), Some(true)),
        (json!("False"), Some(false)),
        (json!(" false "), Some(false)),
        (json!(0), Some(false)),
        (json!(1), Some(true)),
        (json!(null), None),
        (json!([]), None),
    ] {
        let mut user = read(&json!({"id": "1", "Active": active}));
        assert_eq!(user.stated_active(), expected, "{active}");
        user.state_active(false);
        assert_eq!(user.stated_active(), Some(false));
    }
    let mut user = read(&json!({"id": "1", "Active": "True"}));
    user.state_active(true);
    assert_eq!(
        user.into_value(),
        json!({"schemas": [CORE_USER], "Active": true})
    );
}

#[test]
fn members_come_and_go_and_the_others_stay_as_they_are() {
    let group = json!({
        "id": "g", "displayName": "Staff",
        "Members": [
            {"value": "a", "$ref": "../Users/a", "display": "A"},
            {"value": "g2", "type": "Group"},
            "bare"
        ]
    });
    let mut group = Resource::read(Kind::Group, group.to_string().as_bytes()).unwrap();
    assert_eq!(group.members(), Some(vec!["a", "g2", "bare"]));
    group.change_members(true, &["a", "b"]);
    group.change_members(false, &["bare", "c"]);
    assert_eq!(
        group.into_value(),
        json!({
            "schemas": [CORE_GROUP], "displayName": "Staff",
            "Members": [
                {"value": "a", "$ref": "../Users/a", "display": "A"},
                {"value": "g2", "type": "Group"},
                {"value": "b"}
            ]
        })
    );
    let silent = Resource::read(Kind::Group, br#"{"id":"g"}"#).unwrap();
    assert_eq!(silent.members(), None);
}

#[test]
fn an_object_that_cannot_take_a_path_is_a_clash_and_not_overwritten() {
    let mut user = read(&json!({"id": "1", "name": ["odd"], "emails": "odd"}));
    for path in ["name.givenName", "emails[type eq \"work\"].value"] {
        let path = Path::parse(path).unwrap();
        let write = [(&path, Some("x"))];
        assert!(user.write(&write, NONE, false).is_err());
    }
    let path = Path::parse("emails[type eq \"work\"].primary").unwrap();
    let mut user = read(&json!({"id": "1"}));
    assert_eq!(
        user.write(&[(&path, Some("yes"))], NONE, false),
        Err(Unfit::NotBoolean {
            path: path.text.clone()
        })
    );
    user.write(&[(&path, Some("true"))], NONE, false).unwrap();
    assert_eq!(
        user.into_value()["emails"],
        json!([{"type": "work", "primary": true}])
    );
}
