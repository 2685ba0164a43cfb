//! The Rust side: changes by hand, counts, the log, the digest, stopping.

use scim_target::{Calls, ScimTarget};
use serde_json::json;

use crate::harness::{ENTERPRISE, Fixture, user};

#[tokio::test]
async fn changes_by_hand_are_seen_over_http() {
    let fixture = Fixture::new().await;
    let target = &fixture.target;
    let ana = target
        .insert_user(json!({ "userName": "Ana", "externalId": "e-1" }))
        .unwrap();
    assert!(ana.active && ana.groups.is_empty());
    let staff = target.add_group("staff").unwrap();
    assert!(target.add_member(&staff.id, &ana.id).unwrap());
    assert!(!target.add_member(&staff.id, &ana.id).unwrap());
    let path = format!("/Users/{}", ana.id);
    assert_eq!(
        fixture.get(&path).await.json["groups"][0]["display"],
        "staff"
    );
    let changes =
        json!({ "active": false, "name.givenName": "A", ENTERPRISE: { "department": "D" } });
    let updated = target.update_user(&ana.id, changes).unwrap();
    assert!(!updated.active);
    assert_eq!(fixture.get(&path).await.json, updated.json);
    assert_eq!(updated.json[ENTERPRISE]["department"], "D");
    let cleared = target
        .update_user(&ana.id, json!({ "externalId": null }))
        .unwrap();
    assert_eq!(cleared.external_id, None);
    assert!(target.user_by_external_id("e-1").is_none());
    assert_eq!(target.user_by_user_name("ANA").unwrap().groups, ["staff"]);
    assert!(target.remove_member(&staff.id, &ana.id).unwrap());
    assert!(!target.remove_member(&staff.id, &ana.id).unwrap());
    assert!(target.delete_user(&ana.id) && !target.delete_user(&ana.id));
    fixture.get(&path).await.refuses(404, "");
    assert!(target.delete_group(&staff.id));
    assert_eq!((target.user_count(), target.group_count()), (0, 0));
    assert_eq!(
        target
            .insert_user(json!({ "userName": "" }))
            .unwrap_err()
            .status,
        400
    );
    assert_eq!(target.add_member("none", "x").unwrap_err().status, 404);
    assert_eq!(
        target.update_user("none", json!({})).unwrap_err().status,
        404
    );
}

#[tokio::test]
async fn calls_are_counted_by_method_and_kind() {
    let fixture = Fixture::of(&["ana"]).await;
    assert_eq!(
        fixture.target.calls(),
        Calls::default(),
        "changes by hand are no calls"
    );
    let path = format!("/Users/{}", fixture.id("ana"));
    fixture.get("/Users?count=1").await;
    fixture.get(&path).await;
    fixture.get("/Users/none").await;
    fixture.put(&path, user("ana")).await;
    fixture
        .patch(&path, json!([{ "op": "remove", "path": "title" }]))
        .await;
    fixture.create("bo").await;
    fixture.delete(&path).await;
    fixture.get("/Groups").await;
    let calls = fixture.target.calls();
    let expected = Calls {
        user_list: 1,
        user_get: 2,
        user_put: 1,
        user_patch: 1,
        user_post: 1,
        user_delete: 1,
        group_list: 1,
        ..Calls::default()
    };
    assert_eq!(calls, expected);
    assert_eq!((calls.reads(), calls.writes(), calls.total()), (4, 4, 8));
    let log = fixture.target.log();
    let first = &log[0];
    assert_eq!(
        (first.template, first.query.as_str()),
        ("/Users", "count=1")
    );
    assert_eq!(
        (log[2].template, log[2].path.as_str()),
        ("/Users/{id}", "/Users/none")
    );
    assert_eq!((log[2].method.as_str(), log[2].status), ("GET", Some(404)));
    fixture.target.reset_calls();
    assert_eq!(fixture.target.calls().total(), 0);
    assert!(fixture.target.log().is_empty());
}

#[tokio::test]
async fn the_log_keeps_the_newest() {
    let options = scim_target::Options {
        log_limit: 2,
        ..scim_target::Options::default()
    };
    let fixture = Fixture::with(options).await;
    for path in ["/Users", "/Groups", "/Schemas"] {
        fixture.get(path).await;
    }
    let templates: Vec<_> = fixture
        .target
        .log()
        .iter()
        .map(|entry| entry.template)
        .collect();
    assert_eq!(templates, ["/Groups", "/Schemas"]);
}

fn populate(target: &ScimTarget, names: &[&str]) {
    for name in names {
        target.insert_user(json!({ "userName": name })).unwrap();
    }
    let staff = target.add_group("staff").unwrap();
    for name in names {
        target
            .add_member(&staff.id, &target.user_by_user_name(name).unwrap().id)
            .unwrap();
    }
    let boss = target.user_by_user_name("ana").unwrap().id;
    let bo = target.user_by_user_name("bo").unwrap().id;
    let manager = json!({ ENTERPRISE: { "manager": { "value": boss } } });
    target.update_user(&bo, manager).unwrap();
}

#[tokio::test]
async fn the_digest_is_about_content_not_history() {
    let (one, two) = (Fixture::new().await.target, Fixture::new().await.target);
    let empty = one.digest();
    populate(&one, &["ana", "bo"]);
    let passing = two.insert_user(json!({ "userName": "cy" })).unwrap();
    populate(&two, &["bo", "ana"]);
    assert_ne!(one.digest(), two.digest());
    two.delete_user(&passing.id);
    assert_eq!(one.digest(), two.digest());
    assert_ne!(one.digest(), empty);
    let ana = two.user_by_user_name("ana").unwrap().id;
    let staff = two.group_by_display_name("STAFF").unwrap().id;
    two.remove_member(&staff, &ana).unwrap();
    assert_ne!(one.digest(), two.digest());
    two.add_member(&staff, &ana).unwrap();
    assert_eq!(one.digest(), two.digest());
    two.update_user(&ana, json!({ "active": false })).unwrap();
    assert_ne!(one.digest(), two.digest());
}

#[tokio::test]
async fn time_is_set_not_read() {
    let fixture = Fixture::new().await;
    fixture
        .target
        .set_time("2030-05-01T12:00:00Z".parse().unwrap());
    let created = fixture.create("ana").await;
    assert_eq!(created.json["meta"]["created"], "2030-05-01T12:00:00.001Z");
}

#[tokio::test]
async fn the_port_closes_with_the_target() {
    let fixture = Fixture::of(&["ana"]).await;
    let address = fixture.target.address();
    fixture.get("/Users").await.is(200);
    fixture.target.stop().await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let fixture = Fixture::new().await;
    let address = fixture.target.address();
    fixture.get("/Users").await.is(200);
    drop(fixture.target);
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
