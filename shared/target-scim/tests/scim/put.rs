//! Targets that are written by PUT: what was read comes back with the change in it, and with
//! nothing lost.

use domain::profile::{MemberAdd, MemberRemove, Membership, PatchStyle};
use domain::{Change, Profile};
use ports::target::{Found, Lookup};
use ports::{Apply, Observe};
use scim_target::{Fault, FaultKind, Options};
use serde_json::{Value, json};

use crate::fixture::{
    DEPARTMENT, ENTERPRISE, Real, STAFF, Scripted, WORK_EMAIL, error, grant, id, line, revoke,
    staff, update,
};
use crate::script::Turn;

fn profile() -> Profile {
    Profile {
        patch: PatchStyle::Put,
        member_add: MemberAdd::Put,
        member_remove: MemberRemove::Put,
        etag: true,
        ..Profile::rfc()
    }
}

fn user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:own"],
        "id": "u", "userName": "ana", "active": "True",
        "title": "Clerk",
        "emails": [{"type": "home", "value": "ana@home.example", "primary": true}],
        "groups": [{"value": "g"}],
        "urn:example:own": {"locker": 7, "tags": ["a", "b"]},
        "meta": {"version": "W/\"3\"", "created": "2026-01-01T00:00:00Z"}
    })
}

fn shown(user: &Value) -> Turn {
    Turn::body(200, user.to_string())
}

fn body(seen: &crate::script::Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap()
}

#[tokio::test]
async fn everything_else_comes_back_as_it_was() {
    let turns = [shown(&user()), Turn::status(200)];
    let scripted = Scripted::with(profile(), turns).await;
    let change = update(&[
        ("title", None),
        (WORK_EMAIL, Some("ana@work.example")),
        (DEPARTMENT, Some("Ops")),
    ]);
    let applied = scripted.target.apply(&change, Some(&id("u"))).await;
    assert!(!applied.unwrap().unchanged);
    scripted.is_over(2);
    let seen = &scripted.script.seen()[1];
    assert_eq!((&*seen.method, &*seen.target), ("PUT", "/Users/u"));
    assert_eq!(seen.header("if-match"), Some("W/\"3\""));
    assert_eq!(seen.header("content-type"), Some("application/scim+json"));
    assert_eq!(
        body(seen),
        json!({
            "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:own", ENTERPRISE
            ],
            "userName": "ana", "active": true,
            "title": null,
            "emails": [
                {"type": "home", "value": "ana@home.example", "primary": true},
                {"type": "work", "value": "ana@work.example"}
            ],
            "urn:example:own": {"locker": 7, "tags": ["a", "b"]},
            ENTERPRISE: {"department": "Ops"},
        })
    );
}

#[tokio::test]
async fn the_header_goes_before_the_body_and_the_look_up_before_both() {
    let versioned = shown(&user()).header("etag", "W/\"4\"");
    let turns = [versioned.clone(), Turn::status(412)];
    let scripted = Scripted::with(profile(), turns).await;
    let title = update(&[("title", Some("Boss"))]);
    let error = scripted.target.apply(&title, Some(&id("u"))).await;
    assert_eq!(line(&error.unwrap_err()), "changed meanwhile");
    let seen = scripted.script.seen();
    assert_eq!(seen[1].header("if-match"), Some("W/\"4\""));
    // The change was decided on version 3, so that it must not overwrite version 4.
    let turns = [shown(&user()), versioned, Turn::status(412)];
    let scripted = Scripted::with(profile(), turns).await;
    scripted.target.find(Lookup::Id(&id("u"))).await.unwrap();
    let error = scripted.target.apply(&title, Some(&id("u"))).await;
    assert_eq!(line(&error.unwrap_err()), "changed meanwhile");
    let seen = scripted.script.seen();
    assert_eq!(seen[2].header("if-match"), Some("W/\"3\""));
    // Without `etag` in the profile, nothing is matched.
    let plain = Profile {
        etag: false,
        ..profile()
    };
    let scripted = Scripted::with(plain, [shown(&user()), Turn::status(204)]).await;
    scripted.target.apply(&title, Some(&id("u"))).await.unwrap();
    assert_eq!(scripted.script.seen()[1].header("if-match"), None);
}

#[tokio::test]
async fn what_is_so_already_is_not_sent() {
    let same = update(&[("title", Some("Clerk")), (WORK_EMAIL, None)]);
    for change in [same, Change::Enable] {
        let scripted = Scripted::with(profile(), [shown(&user())]).await;
        let applied = scripted.target.apply(&change, Some(&id("u"))).await;
        assert!(applied.unwrap().unchanged, "{}", change.name());
        scripted.is_over(1);
    }
}

#[tokio::test]
async fn active_goes_alone_and_always_as_a_boolean() {
    let turns = [shown(&user()), Turn::status(200)];
    let scripted = Scripted::with(profile(), turns).await;
    scripted
        .target
        .apply(&Change::Disable, Some(&id("u")))
        .await
        .unwrap();
    let mut expected = user();
    for name in ["id", "groups", "meta"] {
        expected.as_object_mut().unwrap().remove(name);
    }
    expected["active"] = false.into();
    assert_eq!(body(&scripted.script.seen()[1]), expected);
    // A blocked account stays blocked whatever else changes.
    let mut blocked = user();
    blocked["active"] = "False".into();
    let scripted = Scripted::with(profile(), [shown(&blocked), Turn::status(200)]).await;
    let title = update(&[("title", Some("Boss"))]);
    scripted.target.apply(&title, Some(&id("u"))).await.unwrap();
    assert_eq!(body(&scripted.script.seen()[1])["active"], false);
}

#[tokio::test]
async fn a_block_that_put_does_not_carry_is_tried_by_patch() {
    let echo = shown(&json!({"id": "u", "active": true}));
    for refused in [error(400, "invalidSyntax", ""), echo] {
        let turns = [shown(&user()), refused, Turn::status(204)];
        let scripted = Scripted::with(profile(), turns).await;
        let applied = scripted
            .target
            .apply(&Change::Disable, Some(&id("u")))
            .await;
        assert!(!applied.unwrap().unchanged);
        scripted.is_over(3);
        let seen = &scripted.script.seen()[2];
        assert_eq!(seen.method, "PATCH");
        assert_eq!(
            body(seen)["Operations"],
            json!([{"op": "replace", "path": "active", "value": false}])
        );
    }
}

#[tokio::test]
async fn a_refused_put_has_the_meaning_of_any_refused_write() {
    for (turns, expected) in [
        (vec![Turn::status(404)], "not found"),
        (
            vec![shown(&user()), error(400, "mutability", "")],
            "reject: update of `title`: 400 mutability: an attribute cannot be changed there; map \
             it on create only, or not at all",
        ),
        (
            vec![shown(&user()), Turn::status(501)],
            "reject: update of `title`: 501, the target does not support this",
        ),
        (
            vec![shown(&user()), error(409, "uniqueness", "")],
            "already taken",
        ),
        (
            vec![shown(&user()), Turn::Drop],
            "unknown: the connection broke",
        ),
        (
            vec![Turn::body(200, "<html>canary</html>")],
            "retry: read of a user: the answer is not what SCIM says",
        ),
        (vec![Turn::status(503)], "retry: read of a user: 503"),
    ] {
        let requests = turns.len();
        let scripted = Scripted::with(profile(), turns).await;
        let title = update(&[("title", Some("canary"))]);
        let error = scripted.target.apply(&title, Some(&id("u"))).await;
        assert_eq!(line(&error.unwrap_err()), expected);
        scripted.is_over(requests);
    }
}

#[tokio::test]
async fn a_strict_server_takes_what_we_send_back() {
    let real = Real::with(profile(), Options::default()).await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    let staff = real.group("Staff", &[&bo]);
    let home = json!({"emails": [{"type": "home", "value": "h@x.example"}], "title": "Clerk"});
    real.server.update_user(ana.as_str(), home).unwrap();
    real.target.find(Lookup::Id(&ana)).await.unwrap();
    let change = update(&[(WORK_EMAIL, Some("a@x.example")), ("title", None)]);
    real.target.apply(&change, Some(&ana)).await.unwrap();
    real.target
        .apply(&Change::Disable, Some(&ana))
        .await
        .unwrap();
    real.target.apply(&grant(STAFF), Some(&ana)).await.unwrap();
    real.target.apply(&revoke(STAFF), Some(&bo)).await.unwrap();
    let user = real.json(&ana);
    assert_eq!(user["emails"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&user["title"], &user["active"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(real.members(&staff), [ana.as_str()]);
    assert!(real.server.user(bo.as_str()).unwrap().active);
    let calls = real.server.calls();
    assert_eq!((calls.user_put, calls.user_patch), (2, 0));
    assert_eq!((calls.group_put, calls.group_patch), (2, 0));
    // Again: nothing is written.
    for (change, whom) in [(grant(STAFF), &ana), (revoke(STAFF), &bo), (change, &ana)] {
        assert!(
            real.target
                .apply(&change, Some(whom))
                .await
                .unwrap()
                .unchanged
        );
    }
    assert_eq!(real.server.calls().group_put, 2);
    assert_eq!(real.server.calls().user_put, 2);
}

#[tokio::test]
async fn another_writer_of_the_group_is_not_overwritten() {
    let real = Real::with(profile(), Options::default()).await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    let staff = real.group("Staff", &[&bo]);
    real.fault(Fault::StaleEtag.once().path("/Groups"));
    let error = real.target.apply(&grant(STAFF), Some(&ana)).await;
    assert_eq!(line(&error.unwrap_err()), "changed meanwhile");
    assert_eq!(real.fired(FaultKind::StaleEtag), 1);
    assert_eq!(real.members(&staff), [bo.as_str()]);
}

#[tokio::test]
async fn a_group_that_hides_its_members_is_not_sent_back_empty() {
    let silent = || Turn::body(200, r#"{"id":"g","displayName":"Staff"}"#);
    let hidden = "reject: the group shows no `members`, and `put` of the target's profile sends \
                  back what it shows";
    let list = |groups: &str| {
        let list = format!(r#"{{"totalResults":1,"Resources":[{groups}]}}"#);
        Turn::body(200, list)
    };
    let none = r#"{"id":"g","displayName":"Staff"}"#;
    for change in [grant(STAFF), revoke(STAFF)] {
        // No group shows any, or the target does not list them.
        for groups in [list(none), Turn::status(501)] {
            let scripted = Scripted::with(profile(), [staff("g"), silent(), groups]).await;
            let error = scripted.target.apply(&change, Some(&id("u"))).await;
            let error = line(&error.unwrap_err());
            assert!(error.starts_with(hidden), "{error}");
            scripted.is_over(3);
        }
    }
    // A listing that was put off says nothing yet.
    let scripted = Scripted::with(profile(), [staff("g"), silent(), Turn::status(503)]).await;
    let error = scripted.target.apply(&grant(STAFF), Some(&id("u"))).await;
    let error = line(&error.unwrap_err());
    assert!(error.starts_with("retry"), "{error}");
    // Another group shows some: this one is empty.
    let some = r#"{"id":"h","displayName":"Ops","members":[{"value":"v"}]}"#;
    let turns = [staff("g"), silent(), list(some), Turn::status(200)];
    let scripted = Scripted::with(profile(), turns).await;
    let applied = scripted.target.apply(&grant(STAFF), Some(&id("u"))).await;
    assert!(!applied.unwrap().unchanged);
    scripted.is_over(4);
    assert_eq!(
        body(&scripted.script.seen()[3])["members"],
        json!([{"value": "u"}])
    );
    // Members were seen before: the group is empty.
    let other = Turn::body(
        200,
        r#"{"id":"g","displayName":"Staff","members":[{"value":"v"}]}"#,
    );
    let turns = [staff("g"), other, silent(), Turn::status(200)];
    let scripted = Scripted::with(profile(), turns).await;
    scripted
        .target
        .held(&id("u"), &[STAFF.into()])
        .await
        .unwrap();
    scripted
        .target
        .apply(&grant(STAFF), Some(&id("u")))
        .await
        .unwrap();
    scripted.is_over(4);
    assert_eq!(
        body(&scripted.script.seen()[3])["members"],
        json!([{"value": "u"}])
    );
    // An empty list is believed where members are told by groups, and nowhere else.
    let empty = || Turn::body(200, r#"{"id":"g","displayName":"Staff","members":[]}"#);
    let turns = [staff("g"), empty(), Turn::status(200)];
    let scripted = Scripted::with(profile(), turns).await;
    scripted
        .target
        .apply(&grant(STAFF), Some(&id("u")))
        .await
        .unwrap();
    let elsewhere = Profile {
        membership: Membership::UserGroups,
        ..profile()
    };
    let turns = [staff("g"), empty(), list(none)];
    let scripted = Scripted::with(elsewhere, turns).await;
    let error = scripted.target.apply(&grant(STAFF), Some(&id("u"))).await;
    assert!(line(&error.unwrap_err()).starts_with(hidden));
    // A profile that says so is believed more than one group that shows some.
    let never = Profile {
        membership: Membership::Hidden,
        ..profile()
    };
    let scripted = Scripted::with(never, [staff("g"), silent()]).await;
    let error = scripted.target.apply(&grant(STAFF), Some(&id("u"))).await;
    assert!(line(&error.unwrap_err()).starts_with(hidden));
}

#[tokio::test]
async fn a_hidden_account_is_enabled_by_patch_because_it_cannot_be_read() {
    let hides = Profile {
        hides_inactive: true,
        ..profile()
    };
    let turns = [Turn::status(404), Turn::status(204)];
    let scripted = Scripted::with(hides.clone(), turns).await;
    let applied = scripted.target.apply(&Change::Enable, Some(&id("u"))).await;
    assert!(!applied.unwrap().unchanged);
    assert_eq!(scripted.script.seen()[1].method, "PATCH");
    // And one that is to be blocked is so already.
    let scripted = Scripted::with(hides, [Turn::status(404)]).await;
    let applied = scripted
        .target
        .apply(&Change::Disable, Some(&id("u")))
        .await;
    assert!(applied.unwrap().unchanged);
    scripted.is_over(1);
    // A target that does not hide accounts has lost this one.
    let scripted = Scripted::with(profile(), [Turn::status(404)]).await;
    let error = scripted
        .target
        .apply(&Change::Disable, Some(&id("u")))
        .await;
    assert_eq!(line(&error.unwrap_err()), "not found");
}

#[tokio::test]
async fn a_hidden_account_is_found_again_on_a_real_server() {
    let hides = Profile {
        hides_inactive: true,
        ..Profile::rfc()
    };
    let real = Real::with(hides, Options::default()).await;
    let ana = real.user("ana");
    real.fault(Fault::HideInactive);
    real.target
        .apply(&Change::Disable, Some(&ana))
        .await
        .unwrap();
    let found = real.target.find(Lookup::Id(&ana)).await.unwrap();
    assert_eq!(found, Found::None);
    // Blocked twice is blocked.
    let applied = real
        .target
        .apply(&Change::Disable, Some(&ana))
        .await
        .unwrap();
    assert_eq!(applied.id, ana);
    assert!(real.fired(FaultKind::HideInactive) > 0);
}
