use serde_json::{Value, json};

use super::*;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn plan(paths: &[&str]) -> ReadPlan {
    let paths: Vec<Path> = paths.iter().map(|p| Path::parse(p).unwrap()).collect();
    ReadPlan::new(&paths)
}

fn account(paths: &[&str], user: &Value) -> Option<Account> {
    let text = user.to_string();
    let plan = plan(paths);
    let mut slots = plan.slots();
    let mut json = serde_json::Deserializer::from_str(&text);
    let fits = plan.read(&mut slots, &mut json).unwrap();
    fits.then(|| plan.seen(&slots).to_account())
}

/// The value of one path of one user.
fn value(path: &str, user: Value) -> Option<String> {
    let mut user = user;
    user["id"] = "1".into();
    let account = account(&[path], &user).unwrap();
    let text = account.attrs.get(path)?.reveal().text();
    text.map(str::to_owned)
}

#[test]
fn keeps_the_fixed_parts_and_every_mapped_path() {
    let department = format!("{ENTERPRISE}:department");
    let manager = format!("{ENTERPRISE}:manager.value");
    let paths = [
        "userName",
        "externalId",
        "title",
        "name.givenName",
        "emails[type eq \"work\"].value",
        &department,
        &manager,
    ];
    let user = json!({
        "schemas": [ENTERPRISE],
        "id": "1", "externalId": "k", "userName": "Ana", "active": false,
        "name": {"givenName": "Ana \u{1F600} \"", "familyName": "x"},
        "emails": [{"type": "home", "value": "h"}, {"value": "w", "type": "work"}],
        "unknown": {"deep": [[[{}]]]},
        ENTERPRISE: {"department": "Ops", "manager": {"value": "9", "displayName": "x"}},
        "meta": {"created": "2026-01-02T03:04:05Z", "version": "W/\"1\""}
    });
    let account = account(&paths, &user).unwrap();
    assert_eq!(account.id.as_str(), "1");
    assert_eq!(account.key, Some(Pii::new("k".into())));
    assert_eq!(account.user_name, Pii::new("Ana".into()));
    assert!(!account.active);
    assert_eq!(
        account.created,
        Some("2026-01-02T03:04:05Z".parse().unwrap())
    );
    assert_eq!(account.last_sign_in, None);
    let attrs: Vec<(&str, Option<&str>)> = account
        .attrs
        .iter()
        .map(|(path, slot)| (&**path, slot.reveal().text()))
        .collect();
    // No title: what a target does not show is not listed.
    assert_eq!(
        attrs,
        [
            ("emails[type eq \"work\"].value", Some("w")),
            ("externalId", Some("k")),
            ("name.givenName", Some("Ana \u{1F600} \"")),
            (&*department, Some("Ops")),
            (&*manager, Some("9")),
            ("userName", Some("Ana")),
        ]
    );
}

#[test]
fn names_and_urns_match_in_any_case() {
    assert_eq!(value("title", json!({"TITLE": "x"})).as_deref(), Some("x"));
    assert_eq!(
        value("name.givenName", json!({"Name": {"givenname": "x"}})).as_deref(),
        Some("x")
    );
    assert_eq!(
        value(
            "emails[type eq \"work\"].value",
            json!({"Emails": [{"Type": "Work", "VALUE": "x"}]})
        )
        .as_deref(),
        Some("x")
    );
    let path = format!("{ENTERPRISE}:department");
    let urn = ENTERPRISE.to_ascii_uppercase();
    assert_eq!(
        value(&path, json!({urn: {"Department": "x"}})).as_deref(),
        Some("x")
    );
}

#[test]
fn flattened_extensions_and_bare_values_are_understood() {
    let path = format!("{ENTERPRISE}:department");
    let flat = format!("{ENTERPRISE}:Department");
    assert_eq!(value(&path, json!({flat: "x"})).as_deref(), Some("x"));
    let core = format!("{CORE_USER}:title");
    assert_eq!(value("title", json!({core: "x"})).as_deref(), Some("x"));
    let manager = format!("{ENTERPRISE}:manager.value");
    assert_eq!(
        value(&manager, json!({ENTERPRISE: {"manager": "9"}})).as_deref(),
        Some("9")
    );
    assert_eq!(
        value(
            "emails[type eq \"work\"].value",
            json!({"emails": {"type": "work", "value": "x"}})
        )
        .as_deref(),
        Some("x")
    );
}

#[test]
fn scalars_become_text_and_nothing_else_does() {
    for (json, text) in [
        (json!(7), Some("7")),
        (json!(-7), Some("-7")),
        (json!(1.5), Some("1.5")),
        (json!(true), Some("true")),
        (json!(""), Some("")),
        (json!(null), None),
        (json!([]), None),
        (json!(["x"]), None),
        (json!({"x": "y"}), None),
    ] {
        assert_eq!(
            value("title", json!({"title": json})).as_deref(),
            text,
            "{json}"
        );
    }
}

#[test]
fn the_first_element_that_matches_counts() {
    let path = "emails[type eq \"work\"].value";
    for (emails, found) in [
        (
            json!([{"type": "work", "value": "a"}, {"type": "work", "value": "b"}]),
            Some("a"),
        ),
        (json!([{"type": "home", "value": "a"}]), None),
        (json!([{"value": "a"}]), None),
        (json!([{"type": "work"}]), None),
        (json!([]), None),
        (
            json!(["a", 1, null, true, [{"type": "work", "value": "x"}], -1, 1.5]),
            None,
        ),
    ] {
        assert_eq!(value(path, json!({"emails": emails})).as_deref(), found);
    }
    assert_eq!(
        value(
            "emails[primary eq true].value",
            json!({"emails": [{"value": "a"}, {"primary": true, "value": "b"}]})
        )
        .as_deref(),
        Some("b")
    );
}

#[test]
fn active_is_read_leniently() {
    for (json, active) in [
        (json!(true), true),
        (json!("True"), true),
        (json!(1), true),
        (json!(false), false),
        (json!("False"), false),
        (json!("false"), false),
        (json!(0), false),
        (json!(null), true),
    ] {
        let user = json!({"id": "1", "userName": "a", "active": json});
        assert_eq!(account(&[], &user).unwrap().active, active, "{user}");
    }
    assert!(account(&[], &json!({"id": "1"})).unwrap().active);
}

#[test]
fn an_empty_key_is_none_and_a_user_needs_an_id() {
    assert_eq!(
        account(&[], &json!({"id": "1", "externalId": ""}))
            .unwrap()
            .key,
        None
    );
    assert_eq!(account(&[], &json!({"id": 7})).unwrap().id.as_str(), "7");
    for user in [
        json!({}),
        json!({"id": ""}),
        json!({"id": null}),
        json!(null),
        json!([]),
    ] {
        assert!(account(&[], &user).is_none(), "{user}");
    }
}

#[test]
fn nothing_of_one_user_shows_in_the_next() {
    let plan = plan(&["title", "emails[type eq \"work\"].value"]);
    let mut slots = plan.slots();
    let full = r#"{"id":"1","externalId":"k","active":false,"title":"x",
        "emails":[{"type":"work","value":"e"}],"meta":{"created":"2026-01-02T03:04:05Z"}}"#;
    let bare = r#"{"id":"2","emails":[{"value":"y"},{"type":"work"}]}"#;
    for text in [full, bare] {
        let mut json = serde_json::Deserializer::from_str(text);
        assert!(plan.read(&mut slots, &mut json).unwrap());
    }
    let account = plan.seen(&slots).to_account();
    assert_eq!(account.id.as_str(), "2");
    assert!(account.attrs.is_empty() && account.key.is_none() && account.active);
    assert_eq!(account.created, None);
}

#[test]
fn a_copy_over_another_account_is_the_same_copy() {
    let plan = plan(&["title", "displayName", "name.givenName"]);
    let texts = [
        r#"{"id":"1","externalId":"k","userName":"a","title":"x","displayName":"d"}"#,
        r#"{"id":"2","externalId":"l","userName":"b","title":"y","displayName":"e"}"#,
        r#"{"id":"3","active":false,"displayName":"e"}"#,
        r#"{"id":"4","displayName":"f","meta":{"created":"2026-01-02T03:04:05Z"}}"#,
        r#"{"id":"5","title":"z","name":{"givenName":"g"}}"#,
        r#"{"id":"6"}"#,
    ];
    let mut slots = plan.slots();
    let mut scratch: Option<Account> = None;
    for text in texts {
        let mut json = serde_json::Deserializer::from_str(text);
        assert!(plan.read(&mut slots, &mut json).unwrap());
        let user = plan.seen(&slots);
        match &mut scratch {
            None => scratch = Some(user.to_account()),
            Some(account) => user.copy_into(account),
        }
        assert_eq!(scratch, Some(user.to_account()), "{text}");
    }
}

#[test]
fn debug_shows_no_value() {
    let plan = plan(&[]);
    let mut slots = plan.slots();
    let mut json = serde_json::Deserializer::from_str(r#"{"id":"canary"}"#);
    plan.read(&mut slots, &mut json).unwrap();
    assert!(!format!("{:?}", plan.seen(&slots)).contains("canary"));
}
