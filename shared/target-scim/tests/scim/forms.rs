//! The keys of a profile that say how attributes are written, and what it costs.

use domain::profile::{FindBy, ManagerForm, PatchStyle};
use domain::{Change, Profile};
use ports::target::{Found, Lookup};
use ports::{Apply, Observe};
use scim_target::Options;
use serde_json::{Value, json};

use crate::fixture::{
    DEPARTMENT, ENTERPRISE, MANAGER, Real, STAFF, Scripted, WORK_EMAIL, WORK_PHONE, create, grant,
    id, revoke, update,
};
use crate::keys::{HOME_EMAIL, body, created, sent, user};
use crate::script::Turn;

#[tokio::test]
async fn patch_one_request_carries_all_attributes() {
    let change = update(&[
        ("title", Some("Boss")),
        ("name.givenName", Some("Ana")),
        (DEPARTMENT, None),
    ]);
    for (patch, expected) in [
        (
            PatchStyle::Path,
            json!([
                {"op": "replace", "path": "name.givenName", "value": "Ana"},
                {"op": "replace", "path": "title", "value": "Boss"},
                {"op": "remove", "path": DEPARTMENT}
            ]),
        ),
        (
            PatchStyle::Pathless,
            json!([{"op": "replace", "value": {
                "name": {"givenName": "Ana"}, "title": "Boss", ENTERPRISE: {"department": null}
            }}]),
        ),
    ] {
        let profile = Profile {
            patch,
            ..Profile::rfc()
        };
        let (applied, seen) = sent(profile, &change, vec![Turn::status(204)]).await;
        assert_eq!(applied, Ok(false));
        assert_eq!(body(&seen[0])["Operations"], expected);
    }
}

#[tokio::test]
async fn patch_without_paths_keeps_the_other_elements_of_a_list() {
    let profile = Profile {
        patch: PatchStyle::Pathless,
        ..Profile::rfc()
    };
    let emails = json!({"emails": [{"type": "home", "value": "h@x.example", "display": "H"}]});
    let change = update(&[(WORK_EMAIL, Some("w@x.example")), ("title", Some("Boss"))]);
    let turns = vec![user(&emails), Turn::status(204)];
    let (applied, seen) = sent(profile.clone(), &change, turns).await;
    assert_eq!(applied, Ok(false));
    assert_eq!(
        body(&seen[1])["Operations"],
        json!([{"op": "replace", "value": {
            "title": "Boss",
            "emails": [
                {"type": "home", "value": "h@x.example", "display": "H"},
                {"type": "work", "value": "w@x.example"}
            ]
        }}])
    );
    // Nothing to clear is nothing to send.
    let clear = update(&[(WORK_EMAIL, None)]);
    let (applied, _) = sent(profile, &clear, vec![user(&emails)]).await;
    assert_eq!(applied, Ok(true));
}

#[tokio::test]
async fn lists_hold_work_and_home_apart_on_a_strict_server() {
    for patch in [PatchStyle::Path, PatchStyle::Pathless, PatchStyle::Put] {
        let profile = Profile {
            patch,
            ..Profile::rfc()
        };
        let real = Real::with(profile, Options::default()).await;
        let change = create(&[
            ("userName", Some("ana")),
            (WORK_EMAIL, Some("w@x.example")),
            (HOME_EMAIL, Some("h@x.example")),
            (WORK_PHONE, Some("1")),
            (DEPARTMENT, Some("Ops")),
        ]);
        let ana = real.target.apply(&change, None).await.unwrap().id;
        let change = update(&[
            (WORK_EMAIL, Some("w2@x.example")),
            (HOME_EMAIL, None),
            ("phoneNumbers[type eq \"mobile\"].value", Some("2")),
            (DEPARTMENT, None),
            (MANAGER, Some(ana.as_str())),
        ]);
        let emails = |user: &Value| -> Vec<Value> {
            let emails = user["emails"].as_array().unwrap().iter();
            emails.map(|one| one["value"].clone()).collect()
        };
        for unchanged in [false, true] {
            let applied = real.target.apply(&change, Some(&ana)).await.unwrap();
            // Only who looked can tell that it was so already.
            if patch == PatchStyle::Put {
                assert_eq!(applied.unchanged, unchanged);
            }
            let user = real.json(&ana);
            assert!(
                emails(&user).contains(&json!("w2@x.example")),
                "{patch:?} {user}"
            );
            let phones = user["phoneNumbers"].as_array().unwrap();
            assert_eq!(phones.len(), 2, "{patch:?} {user}");
            assert_eq!(user[ENTERPRISE]["department"], Value::Null);
            assert_eq!(user[ENTERPRISE]["manager"]["value"], ana.as_str());
            assert_eq!(user["active"], true);
        }
    }
}

#[tokio::test]
async fn manager_is_written_in_its_form_and_read_in_both() {
    let bare_path = format!("{ENTERPRISE}:manager");
    for (manager, form, path) in [
        (ManagerForm::Object, json!({"value": "7"}), MANAGER),
        (ManagerForm::Bare, json!("7"), &*bare_path),
    ] {
        let profile = Profile {
            manager,
            ..Profile::rfc()
        };
        // Whichever way it is mapped.
        for mapped in [MANAGER, &bare_path] {
            let change = create(&[("userName", Some("ana")), (mapped, Some("7"))]);
            let (_, seen) = sent(profile.clone(), &change, vec![created()]).await;
            assert_eq!(body(&seen[0])[ENTERPRISE]["manager"], form);
            let change = update(&[(mapped, Some("7"))]);
            let (_, seen) = sent(profile.clone(), &change, vec![Turn::status(204)]).await;
            assert_eq!(
                body(&seen[0])["Operations"],
                json!([{"op": "replace", "path": path, "value": "7"}])
            );
            let put = Profile {
                patch: PatchStyle::Put,
                ..profile.clone()
            };
            let turns = vec![
                user(&json!({ENTERPRISE: {"manager": "6"}})),
                Turn::status(200),
            ];
            let (_, seen) = sent(put, &change, turns).await;
            assert_eq!(body(&seen[1])[ENTERPRISE]["manager"], form);
        }
        for shown in [json!("7"), json!({"value": "7", "displayName": "canary"})] {
            let turns = [user(&json!({ENTERPRISE: {"manager": shown}}))];
            let scripted = Scripted::with(profile.clone(), turns).await;
            let found = scripted.target.find(Lookup::Id(&id("u"))).await.unwrap();
            let Found::One(account) = found else {
                panic!("one");
            };
            let read = account.attrs.get(MANAGER).unwrap().reveal().text();
            assert_eq!(read, Some("7"));
        }
    }
}

#[tokio::test]
async fn single_valued_lists_are_written_whole_with_a_primary_element() {
    let profile = |patch| Profile {
        patch,
        single_valued: vec!["emails".into(), "phoneNumbers".into()],
        ..Profile::rfc()
    };
    let values = [
        (WORK_EMAIL, Some("w@x.example")),
        (WORK_PHONE, Some("1")),
        ("userName", Some("ana")),
    ];
    let email = json!([{"type": "work", "value": "w@x.example", "primary": true}]);
    let phone = json!([{"type": "work", "value": "1", "primary": true}]);
    let (_, seen) = sent(profile(PatchStyle::Path), &create(&values), vec![created()]).await;
    assert_eq!(body(&seen[0])["emails"], email);
    assert_eq!(body(&seen[0])["phoneNumbers"], phone);
    let turns = || vec![Turn::status(204)];
    let (_, seen) = sent(profile(PatchStyle::Path), &update(&values), turns()).await;
    assert_eq!(
        body(&seen[0])["Operations"],
        json!([
            {"op": "replace", "path": "userName", "value": "ana"},
            {"op": "replace", "path": "emails", "value": email},
            {"op": "replace", "path": "phoneNumbers", "value": phone}
        ])
    );
    let (_, seen) = sent(profile(PatchStyle::Pathless), &update(&values), turns()).await;
    assert_eq!(
        body(&seen[0])["Operations"],
        json!([{"op": "replace", "value": {
            "userName": "ana", "emails": email, "phoneNumbers": phone
        }}])
    );
    let clear = update(&[(WORK_EMAIL, None)]);
    let (_, seen) = sent(profile(PatchStyle::Path), &clear, turns()).await;
    assert_eq!(
        body(&seen[0])["Operations"],
        json!([{"op": "remove", "path": "emails"}])
    );
    let both = [
        ("userName", Some("ana")),
        (WORK_EMAIL, Some("canary")),
        (HOME_EMAIL, Some("canary")),
    ];
    for change in [create(&both), update(&both)] {
        let (applied, _) = sent(profile(PatchStyle::Path), &change, vec![]).await;
        let error = applied.unwrap_err();
        assert!(error.contains("several elements of `emails`"), "{error}");
    }
}

#[tokio::test]
async fn single_valued_lists_keep_what_the_write_does_not_name() {
    // A write of every mapped part needs no look; a write of one of them would lose the others.
    let profile = Profile {
        single_valued: vec!["addresses".into()],
        ..Profile::rfc()
    };
    let script = crate::script::Script::start([
        user(&json!({"addresses": [{"type": "work", "country": "DE", "locality": "Bonn"}]})),
        Turn::status(204),
        Turn::status(204),
    ])
    .await;
    let (country, locality) = (
        "addresses[type eq \"work\"].country",
        "addresses[type eq \"work\"].locality",
    );
    let config = target_scim::ScimConfig {
        profile,
        mapped: vec![country.into(), locality.into()],
        ..crate::fixture::config(script.base())
    };
    let target = crate::fixture::target_of(config, "t0ken");
    let change = update(&[(locality, Some("Berlin"))]);
    target.apply(&change, Some(&id("u"))).await.unwrap();
    let change = update(&[(locality, Some("Wien")), (country, Some("AT"))]);
    target.apply(&change, Some(&id("u"))).await.unwrap();
    let seen = script.seen();
    assert_eq!(seen.len(), 3);
    for (at, country, locality) in [(1, "DE", "Berlin"), (2, "AT", "Wien")] {
        assert_eq!(
            body(&seen[at])["Operations"],
            json!([{"op": "replace", "path": "addresses", "value": [
                {"type": "work", "country": country, "locality": locality, "primary": true}
            ]}])
        );
    }
}

#[tokio::test]
async fn the_cost_is_what_is_sent() {
    let put = Profile {
        patch: PatchStyle::Put,
        member_add: domain::profile::MemberAdd::Put,
        member_remove: domain::profile::MemberRemove::Put,
        find_by: vec![FindBy::UserName],
        ..Profile::rfc()
    };
    let by_name = Profile {
        patch: PatchStyle::Pathless,
        inactive_edits: false,
        ..Profile::rfc()
    };
    for profile in [Profile::rfc(), put, by_name] {
        let real = Real::with(profile, Options::default()).await;
        let (ana, bo) = (real.user("ana"), real.user("bo"));
        real.group("Staff", &[&bo]);
        // An element that is there: to find out that it is not takes another request.
        let email = json!({"emails": [{"type": "work", "value": "old@x.example"}]});
        real.server.update_user(ana.as_str(), email).unwrap();
        let changes = [
            update(&[("title", Some("Boss")), (WORK_EMAIL, Some("w@x.example"))]),
            update(&[]),
            Change::Adopt {
                key: domain::change::AttrChange {
                    was: None,
                    want: domain::Pii::new("k9".into()),
                },
            },
            Change::RevokeSessions,
            Change::Restore,
            grant(STAFF),
            revoke(STAFF),
            Change::Disable,
            Change::Enable,
            Change::Delete,
        ];
        // One by one: what is known by then counts no more.
        for change in &changes {
            let cost = real.target.cost(std::slice::from_ref(change));
            real.server.reset_calls();
            real.target.apply(change, Some(&ana)).await.unwrap();
            let calls = real.server.calls();
            let name = change.name();
            assert_eq!(u64::from(cost.reads), calls.reads(), "{name}");
            assert_eq!(
                u64::from(cost.users + cost.groups),
                calls.writes(),
                "{name}"
            );
        }
        let change = create(&[("userName", Some("cy"))]);
        let cost = real.target.cost(std::slice::from_ref(&change));
        real.server.reset_calls();
        real.target.apply(&change, None).await.unwrap();
        assert_eq!(u64::from(cost.reads), real.server.calls().reads());
        assert_eq!((cost.users, real.server.calls().writes()), (1, 1));
    }
    // Together: a group that is not known is looked up once.
    let scripted = Scripted::new([]).await;
    let cost = scripted
        .target
        .cost(&[grant(STAFF), revoke(STAFF), grant("wiki/admins")]);
    assert_eq!((cost.reads, cost.users, cost.groups), (2, 0, 3));
}
