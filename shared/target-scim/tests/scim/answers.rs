//! The error table, row by row: what each answer means for a write and for a read.

use domain::Change;
use ports::target::{Found, Lookup, TargetError};
use ports::{Apply, Observe};
use serde_json::json;

use crate::fixture::{
    STAFF, Scripted, attrs, create, error, grant, id, line, list, revoke, staff, update,
};
use crate::script::Turn;

/// What one answer to a PATCH of two attributes comes to.
async fn on_update(turn: Turn) -> String {
    let scripted = Scripted::new([turn]).await;
    let change = update(&[("title", Some("canary")), ("userName", Some("canary"))]);
    let error = scripted.target.apply(&change, Some(&id("canary"))).await;
    scripted.is_over(1);
    line(&error.unwrap_err())
}

/// What one answer to a GET of one user comes to.
async fn on_read(turn: Turn) -> String {
    let scripted = Scripted::new([turn]).await;
    let id = id("canary");
    let error = scripted.target.find(Lookup::Id(&id)).await.unwrap_err();
    scripted.is_over(1);
    line(&error)
}

#[tokio::test]
async fn each_refusal_of_a_write_has_its_meaning() {
    const WHAT: &str = "update of `title`, `userName`";
    let reject = |rest: &str| format!("reject: {WHAT}: {rest}");
    let halt = |rest: &str| format!("halt: {WHAT}: {rest}");
    for (status, scim_type, expected) in [
        (
            400,
            "invalidFilter",
            reject("400 invalidFilter: the target does not search by this attribute"),
        ),
        (
            400,
            "tooMany",
            reject("400 tooMany: the result is too large for the target; lower the page size"),
        ),
        (
            400,
            "invalidSyntax",
            reject("400 invalidSyntax: the target does not take the request's shape"),
        ),
        (
            400,
            "invalidValue",
            reject("400 invalidValue: the target lacks a value that it requires, or refuses one"),
        ),
        (
            400,
            "mutability",
            reject(
                "400 mutability: an attribute cannot be changed there; map it on create only, or \
                 not at all",
            ),
        ),
        (
            400,
            "invalidVers",
            halt("400 invalidVers: the base URL is that of another SCIM version"),
        ),
        (
            400,
            "sensitive",
            reject("400 sensitive: the target does not take this filter in a URL"),
        ),
        (
            400,
            "invalidCount",
            reject("400 invalidCount: the target does not take the page size"),
        ),
        (
            400,
            "canary",
            reject("400 no scimType that we know: the target does not say why"),
        ),
        (400, "uniqueness", "already taken".into()),
        (
            403,
            "",
            reject("403, not allowed: the token's rights, a licence limit or a protected account"),
        ),
        (404, "", "not found".into()),
        (405, "", reject("405")),
        (408, "", format!("retry: {WHAT}: 408")),
        (409, "uniqueness", "already taken".into()),
        (
            409,
            "invalidValue",
            reject("409 invalidValue: the target lacks a value that it requires, or refuses one"),
        ),
        (412, "", "changed meanwhile".into()),
        (413, "", reject("413, larger than the target takes")),
        (429, "", format!("retry: {WHAT}: 429")),
        (500, "", format!("retry: {WHAT}: 500")),
        (501, "", reject("501, the target does not support this")),
        (502, "", format!("retry: {WHAT}: 502")),
        (503, "", format!("retry: {WHAT}: 503")),
        (504, "", format!("retry: {WHAT}: 504")),
        (
            302,
            "",
            halt("302, the target redirects; correct the base URL"),
        ),
    ] {
        let got = on_update(error(status, scim_type, "detail")).await;
        assert_eq!(got, expected, "{status} {scim_type}");
    }
}

#[tokio::test]
async fn a_refused_read_is_about_the_whole_target() {
    assert_eq!(
        on_read(error(403, "", "")).await,
        "halt: read of a user: 403, not allowed: the token's rights, a licence limit or a \
         protected account"
    );
    assert_eq!(
        on_read(error(500, "", "")).await,
        "retry: read of a user: 500"
    );
    assert_eq!(
        on_read(error(501, "", "")).await,
        "reject: read of a user: 501, the target does not support this"
    );
}

#[tokio::test]
async fn a_throttled_request_says_when_to_come_back() {
    let throttled = |value: &str| error(429, "", "").header("retry-after", value);
    assert_eq!(
        on_update(throttled("120")).await,
        "retry after 120 s: update of `title`, `userName`: 429"
    );
    // Relative to the clock that the target was given, which stands at midnight.
    assert_eq!(
        on_read(throttled("Sun, 01 Mar 2026 00:01:30 GMT")).await,
        "retry after 90 s: read of a user: 429"
    );
    assert_eq!(
        on_read(throttled("canary")).await,
        "retry: read of a user: 429"
    );
    // No longer than a queue can hide a message.
    for absurd in ["99999999999999999999", "Fri, 01 Mar 2126 00:00:00 GMT"] {
        assert_eq!(
            on_read(throttled(absurd)).await,
            "retry after 43200 s: read of a user: 429"
        );
    }
    assert_eq!(
        on_read(error(503, "", "").header("retry-after", "5")).await,
        "retry after 5 s: read of a user: 503"
    );
}

#[tokio::test]
async fn the_status_decides_where_the_body_is_nonsense() {
    for body in ["<html>canary</html>", "", "null", "[1", "{\"detail\":7}"] {
        assert_eq!(
            on_update(Turn::body(502, body)).await,
            "retry: update of `title`, `userName`: 502"
        );
        assert_eq!(on_update(Turn::body(404, body)).await, "not found");
    }
    let lenient = r#"{"schemas":"urn:x","status":409,"SCIMTYPE":"Uniqueness"}"#;
    assert_eq!(on_update(Turn::body(409, lenient)).await, "already taken");
}

#[tokio::test]
async fn not_every_409_is_a_taken_value() {
    for (detail, taken) in [
        ("REQUIRED_FIELD_MISSING: [Profile]", false),
        ("the request could not be completed", false),
        ("a user with this name already exists", true),
        ("UNIQUE constraint failed", true),
        ("Duplicate Username", true),
    ] {
        let got = on_update(error(409, "", detail)).await;
        assert_eq!(got == "already taken", taken, "{detail}: {got}");
    }
    // Without any reason, 409 means what HTTP says.
    for body in ["", "{}", "<html></html>"] {
        assert_eq!(on_update(Turn::body(409, body)).await, "already taken");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_write_is_unknown_and_to_a_read_is_not() {
    for (turn, why) in [
        (Turn::Drop, "the connection broke"),
        (Turn::Hang, "timeout"),
        (Turn::Cut, "the connection broke"),
    ] {
        assert_eq!(on_update(turn.clone()).await, format!("unknown: {why}"));
        assert_eq!(on_read(turn).await, format!("retry: answer lost: {why}"));
    }
}

#[tokio::test]
async fn an_unreadable_answer_to_a_read_is_tried_again() {
    for body in ["", "<html>canary</html>", "{}", "{\"id\":\"canary\""] {
        assert_eq!(
            on_read(Turn::body(200, body)).await,
            "retry: read of a user: the answer is not what SCIM says"
        );
    }
    assert_eq!(
        on_read(Turn::body(200, r#"{"id":"somebody else"}"#)).await,
        "halt: read of a user: asked for one id, the target answers with another"
    );
}

#[tokio::test]
async fn a_create_takes_its_id_from_the_body_or_the_location() {
    let ana = create(&[("userName", Some("ana"))]);
    let body = r#"{"id":"a/b c","userName":"ana"}"#;
    for turn in [
        Turn::body(201, body),
        Turn::body(200, body),
        Turn::body(201, "").header("location", "/Users/a%2Fb%20c"),
        Turn::body(201, "{}").header("location", "Users/a%2Fb%20c/"),
    ] {
        let scripted = Scripted::new([turn]).await;
        let applied = scripted.target.apply(&ana, None).await.unwrap();
        assert_eq!(applied.id, id("a/b c"));
        assert!(!applied.unchanged);
    }
    for turn in [
        Turn::body(201, ""),
        Turn::body(201, "").header("location", "https://evil.example/Users/x"),
        Turn::body(201, "").header("location", "/elsewhere/x"),
        Turn::body(201, "").header("location", "/Users/"),
    ] {
        let scripted = Scripted::new([turn]).await;
        let error = scripted.target.apply(&ana, None).await.unwrap_err();
        assert!(matches!(error, TargetError::Unknown { .. }));
    }
}

#[tokio::test]
async fn a_create_without_a_collection_halts() {
    let scripted = Scripted::new([Turn::status(404)]).await;
    let ana = create(&[("userName", Some("canary"))]);
    let error = scripted.target.apply(&ana, None).await.unwrap_err();
    assert!(line(&error).starts_with("halt: create of `userName`: 404"));
}

#[tokio::test]
async fn already_so_is_an_answer() {
    let cases = [
        (Change::Delete, vec![Turn::status(404)]),
        (revoke(STAFF), vec![staff("g"), error(400, "noTarget", "")]),
        // 404 may mean the group: it is looked up once more, and is the same.
        (
            revoke(STAFF),
            vec![staff("g"), Turn::status(404), staff("g")],
        ),
        (
            grant(STAFF),
            vec![staff("g"), error(409, "", "already a member")],
        ),
        (grant(STAFF), vec![staff("g"), error(409, "uniqueness", "")]),
        (Change::RevokeSessions, vec![]),
        (Change::Update { attrs: attrs(&[]) }, vec![]),
    ];
    for (change, turns) in cases {
        let requests = turns.len();
        let scripted = Scripted::new(turns).await;
        let applied = scripted.target.apply(&change, Some(&id("u"))).await;
        assert!(applied.unwrap().unchanged, "{}", change.name());
        scripted.is_over(requests);
    }
}

#[tokio::test]
async fn a_filter_that_is_ignored_proves_nothing() {
    let others = json!([{"id": "1", "userName": "canary"}, {"id": "2", "userName": "b"}]);
    for lookup in [Lookup::UserName("ana"), Lookup::Key("k")] {
        let scripted = Scripted::new([list(&others)]).await;
        let error = scripted.target.find(lookup).await.unwrap_err();
        assert!(line(&error).starts_with("halt: the target ignores filters"));
    }
    // The right one among others is no better: the next account may not be on the first page.
    let among = json!([{"id": "1", "userName": "ana"}, {"id": "2", "userName": "b"}]);
    let scripted = Scripted::new([list(&among)]).await;
    let error = scripted.target.find(Lookup::UserName("ana")).await;
    assert!(line(&error.unwrap_err()).starts_with("halt"));
}

#[tokio::test]
async fn a_look_up_finds_none_one_or_many() {
    let ana = json!({"id": "1", "userName": "ANA", "externalId": "k"});
    let two = json!([ana.clone(), {"id": "2", "userName": "ana", "externalId": "k"}]);
    let find = async |turn, lookup| Scripted::new([turn]).await.target.find(lookup).await;
    let name = Lookup::UserName("Ana");
    assert_eq!(find(list(&json!([])), name).await.unwrap(), Found::None);
    assert_eq!(find(Turn::status(404), name).await.unwrap(), Found::None);
    let Found::One(one) = find(list(&json!([ana])), name).await.unwrap() else {
        panic!("one");
    };
    assert_eq!(one.id, id("1"));
    assert_eq!(find(list(&two), name).await.unwrap(), Found::Many(2));
    assert_eq!(
        find(list(&two), Lookup::Key("k")).await.unwrap(),
        Found::Many(2)
    );
    let more = json!({"totalResults": 9, "Resources": [ana]}).to_string();
    assert_eq!(
        find(Turn::body(200, more), name).await.unwrap(),
        Found::Many(9)
    );
    let hidden = r#"{"totalResults": 1, "Resources": []}"#;
    let error = find(Turn::body(200, hidden), name).await.unwrap_err();
    assert!(line(&error).starts_with("retry: look-up of a user"));
    let error = find(error_400_filter(), name).await.unwrap_err();
    assert_eq!(
        line(&error),
        "reject: look-up of a user by `userName`: 400 invalidFilter: the target does not search \
         by this attribute"
    );
}

fn error_400_filter() -> Turn {
    error(400, "invalidFilter", "")
}

#[tokio::test]
async fn an_id_that_a_path_cannot_carry_is_refused_unsent() {
    for bad in ["", ".", ".."] {
        let scripted = Scripted::new([]).await;
        for change in [
            Change::Delete,
            Change::Disable,
            update(&[("title", Some("x"))]),
        ] {
            let error = scripted.target.apply(&change, Some(&id(bad))).await;
            let error = line(&error.unwrap_err());
            assert_eq!(error, "reject: the id of a user cannot be addressed");
        }
        assert!(scripted.target.find(Lookup::Id(&id(bad))).await.is_err());
        scripted.is_over(0);
    }
}

#[tokio::test]
async fn ids_and_values_are_encoded() {
    let scripted = Scripted::new([Turn::status(404), list(&json!([])), list(&json!([]))]).await;
    scripted
        .target
        .find(Lookup::Id(&id("a/../b?c#d%2e é+")))
        .await
        .unwrap();
    let name = "o'brien+x \"or\" userName pr\\";
    scripted.target.find(Lookup::UserName(name)).await.unwrap();
    scripted
        .target
        .find(Lookup::Key("k&count=1"))
        .await
        .unwrap();
    let seen: Vec<String> = scripted
        .script
        .seen()
        .into_iter()
        .map(|s| s.target)
        .collect();
    assert_eq!(
        seen,
        [
            "/Users/a%2F..%2Fb%3Fc%23d%252e%20%C3%A9%2B",
            "/Users?filter=userName%20eq%20%22o%27brien%2Bx%20%5C%22or%5C%22%20userName%20pr%5C%5C%22",
            "/Users?filter=externalId%20eq%20%22k%26count%3D1%22",
        ]
    );
}

#[tokio::test]
async fn a_change_without_an_account_is_refused() {
    let scripted = Scripted::new([]).await;
    let error = scripted.target.apply(&Change::Disable, None).await;
    assert_eq!(
        line(&error.unwrap_err()),
        "reject: disable without an account"
    );
}

#[tokio::test]
async fn a_filter_that_is_too_sensitive_for_a_url_goes_into_a_body() {
    let turns = [error(400, "sensitive", ""), list(&json!([]))];
    let scripted = Scripted::new(turns).await;
    let found = scripted.target.find(Lookup::UserName("ana")).await.unwrap();
    assert_eq!(found, Found::None);
    scripted.is_over(2);
    let seen = scripted.script.seen();
    assert_eq!(
        (&*seen[1].method, &*seen[1].target),
        ("POST", "/Users/.search")
    );
    let body: serde_json::Value = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(
        body,
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": "userName eq \"ana\""
        })
    );
}

#[tokio::test]
async fn a_deep_answer_does_not_overflow() {
    for (open, close) in [("[", "]"), ("{\"x\":", "}")] {
        let deep = format!("{}1{}", open.repeat(300_000), close.repeat(300_000));
        // Where it stands beside what we look for, it is skipped; where it stands in its place,
        // the answer is none.
        let beside = format!("{{\"id\":\"u\",\"x\":{deep}}}");
        let scripted = Scripted::new([Turn::body(200, beside)]).await;
        let found = scripted.target.find(Lookup::Id(&id("u"))).await;
        assert!(matches!(found, Ok(Found::One(_))));
        let instead = Turn::body(200, deep.clone());
        assert_eq!(
            on_read(instead).await,
            "retry: read of a user: the answer is not what SCIM says"
        );
        let scripted = Scripted::new([Turn::body(200, deep.clone())]).await;
        assert!(scripted.target.users(None).await.is_err());
        // Nor does it in a refusal.
        assert_eq!(on_update(Turn::body(404, deep)).await, "not found");
    }
}
