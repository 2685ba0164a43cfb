//! Targets that understand another form of PATCH, or none, and how that is found out.

use domain::Change;
use domain::Profile;
use domain::profile::PatchStyle;
use ports::Apply;
use serde_json::{Value, json};

use crate::fixture::{
    DEPARTMENT, STAFF, Scripted, WORK_EMAIL, error, grant, id, line, staff, update,
};
use crate::script::Turn;

fn operations(body: &str) -> Value {
    let mut body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:PatchOp"])
    );
    body["Operations"].take()
}

/// Sends a change through a script and says what operations were sent.
async fn sent(
    profile: Profile,
    change: &Change,
    turns: Vec<Turn>,
) -> (Result<bool, String>, Vec<Value>) {
    let requests = turns.len();
    let scripted = Scripted::with(profile, turns).await;
    let applied = scripted.target.apply(change, Some(&id("u"))).await;
    scripted.is_over(requests);
    let bodies = scripted.script.seen();
    let patches = bodies.iter().filter(|seen| seen.method == "PATCH");
    let operations = patches.map(|seen| operations(&seen.body)).collect();
    let applied = applied.map(|a| a.unchanged).map_err(|e| line(&e));
    (applied, operations)
}

fn pathless() -> Profile {
    Profile {
        patch: PatchStyle::Pathless,
        ..Profile::rfc()
    }
}

fn shows(active: bool) -> Turn {
    Turn::body(200, json!({"id": "u", "active": active}).to_string())
}

#[tokio::test]
async fn active_is_set_alone_and_as_a_boolean() {
    let by_path = json!([{"op": "replace", "path": "active", "value": false}]);
    let (applied, sent_operations) =
        sent(Profile::rfc(), &Change::Disable, vec![Turn::status(204)]).await;
    assert_eq!(applied, Ok(false));
    assert_eq!(sent_operations, [by_path]);
    let without_path = json!([{"op": "replace", "value": {"active": true}}]);
    let (_, sent_operations) = sent(pathless(), &Change::Enable, vec![shows(true)]).await;
    assert_eq!(sent_operations, [without_path]);
}

#[tokio::test]
async fn the_other_form_is_tried_once_where_the_first_is_refused_or_ignored() {
    let by_path = json!([{"op": "replace", "path": "active", "value": false}]);
    let without_path = json!([{"op": "replace", "value": {"active": false}}]);
    for first in [
        error(400, "invalidPath", ""),
        error(400, "noTarget", ""),
        error(400, "invalidSyntax", ""),
        shows(true),
    ] {
        let turns = vec![first.clone(), shows(false)];
        let (applied, both) = sent(Profile::rfc(), &Change::Disable, turns).await;
        assert_eq!(applied, Ok(false));
        assert_eq!(both, [by_path.clone(), without_path.clone()]);
        let turns = vec![first, Turn::status(204)];
        let (_, both) = sent(pathless(), &Change::Disable, turns).await;
        assert_eq!(both, [without_path.clone(), by_path.clone()]);
    }
}

/// Whoever asks again for a block looked back and found nothing of it.
#[tokio::test]
async fn a_block_that_is_asked_for_again_goes_in_the_other_form_unless_it_showed() {
    let by_path = json!([{"op": "replace", "path": "active", "value": false}]);
    let without_path = json!([{"op": "replace", "value": {"active": false}}]);
    let untold = Turn::status(204);
    for (answer, second) in [(untold, &without_path), (shows(false), &by_path)] {
        let turns = vec![answer.clone(), answer.clone(), answer];
        let scripted = Scripted::with(Profile::rfc(), turns).await;
        for _ in 0..3 {
            let applied = scripted
                .target
                .apply(&Change::Disable, Some(&id("u")))
                .await;
            assert!(applied.is_ok());
        }
        let seen = scripted.script.seen();
        let sent: Vec<Value> = seen.iter().map(|seen| operations(&seen.body)).collect();
        assert_eq!(sent, [by_path.clone(), second.clone(), by_path.clone()]);
    }
}

#[tokio::test]
async fn a_target_that_refuses_both_forms_is_reported() {
    let turns = vec![
        error(400, "invalidPath", ""),
        error(400, "invalidSyntax", ""),
    ];
    let (applied, _) = sent(Profile::rfc(), &Change::Disable, turns).await;
    assert_eq!(
        applied.unwrap_err(),
        "reject: disable: 400 invalidSyntax: the target does not take the request's shape"
    );
    // The first answer was a success: whether it is one, the caller reads back.
    let turns = vec![shows(true), error(400, "invalidSyntax", "")];
    let (applied, _) = sent(Profile::rfc(), &Change::Disable, turns).await;
    assert_eq!(applied, Ok(false));
}

#[tokio::test]
async fn attributes_go_without_path_where_that_says_the_same() {
    let change = update(&[("title", Some("Boss")), (DEPARTMENT, Some("Ops"))]);
    let turns = vec![error(400, "invalidPath", ""), Turn::status(204)];
    let (applied, both) = sent(Profile::rfc(), &change, turns).await;
    assert_eq!(applied, Ok(false));
    assert_eq!(
        both[1],
        json!([{"op": "replace", "value": {
            "title": "Boss",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Ops"}
        }}])
    );
    // A list would be replaced as a whole, and a null may not clear: refused instead.
    for change in [
        update(&[(WORK_EMAIL, Some("x"))]),
        update(&[("title", None)]),
    ] {
        let turns = vec![error(400, "invalidPath", "")];
        let (applied, _) = sent(Profile::rfc(), &change, turns).await;
        assert!(applied.unwrap_err().contains("400 invalidPath"));
    }
}

#[tokio::test]
async fn an_element_that_is_not_there_is_added_whole() {
    let change = update(&[(WORK_EMAIL, Some("a@w.example")), ("title", Some("Boss"))]);
    let user = json!({"id": "u", "emails": [{"type": "home", "value": "a@h.example"}]});
    let turns = vec![
        error(400, "noTarget", ""),
        Turn::body(200, user.to_string()),
        Turn::status(204),
    ];
    let (applied, both) = sent(Profile::rfc(), &change, turns).await;
    assert_eq!(applied, Ok(false));
    assert_eq!(
        both,
        [
            json!([
                {"op": "replace", "path": WORK_EMAIL, "value": "a@w.example"},
                {"op": "replace", "path": "title", "value": "Boss"}
            ]),
            json!([
                {"op": "replace", "path": "title", "value": "Boss"},
                {"op": "add", "path": "emails", "value": [{"type": "work", "value": "a@w.example"}]}
            ]),
        ]
    );
}

#[tokio::test]
async fn clearing_what_is_not_there_is_no_change() {
    let change = update(&[(WORK_EMAIL, None)]);
    let user = json!({"id": "u", "emails": []}).to_string();
    let turns = vec![error(400, "noTarget", ""), Turn::body(200, user)];
    let (applied, _) = sent(Profile::rfc(), &change, turns).await;
    assert_eq!(applied, Ok(true));
    // The account vanished meanwhile.
    let turns = vec![error(400, "noTarget", ""), Turn::status(404)];
    let (applied, _) = sent(Profile::rfc(), &change, turns).await;
    assert_eq!(applied.unwrap_err(), "not found");
}

#[tokio::test]
async fn a_member_is_added_in_either_form_and_removed_in_one() {
    let turns = vec![staff("g"), error(400, "invalidPath", ""), Turn::status(204)];
    let (applied, both) = sent(Profile::rfc(), &grant(STAFF), turns).await;
    assert_eq!(applied, Ok(false));
    assert_eq!(
        both,
        [
            json!([{"op": "add", "path": "members", "value": [{"value": "u"}]}]),
            json!([{"op": "add", "value": {"members": [{"value": "u"}]}}]),
        ]
    );
}
