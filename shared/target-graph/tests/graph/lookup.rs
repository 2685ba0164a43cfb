//! Look-ups: by key, id and user name; deleted users; looks back.

use domain::policy::{EntitlementKind, GraphSettings};
use domain::{AccountId, Change};
use graph_target::{Fault, FaultKind, Options};
use ports::target::{Found, Lookup, Roster};
use ports::{Apply, Observe};
use proptest::prelude::*;
use serde_json::json;

use crate::fixture::{World, ana, create, grant, lines};
use crate::script::{Script, Turn};

async fn by_key(world: &World, key: &str) -> Found {
    world.target.find(Lookup::Key(key)).await.unwrap()
}

#[tokio::test]
async fn a_key_finds_the_live_account_in_one_request() {
    let world = World::new().await;
    let id = world.user("ana");
    world.user("bo");
    let (found, calls, _) = world.cost(by_key(&world, "E-ana")).await;
    assert_eq!(calls, 1);
    let Found::One(account) = found else {
        panic!("{found:?}")
    };
    assert_eq!(account.id, id);
    assert!(account.active && !account.deleted && account.read_only.is_none());
    assert_eq!(&**account.user_name.reveal(), "ana@contoso.com");
    assert_eq!(by_key(&world, "E-nobody").await, Found::None);
    // Text compares in any case there; a key does not.
    assert_eq!(by_key(&world, "e-ANA").await, Found::None);
}

#[tokio::test]
async fn a_deleted_account_is_found_and_comes_back_with_its_id() {
    let world = World::new().await;
    let id = world.user("ana");
    world.graph.delete_user(id.as_str()).unwrap();
    let Found::One(account) = by_key(&world, "E-ana").await else {
        panic!("the deleted account is not found")
    };
    assert!(account.deleted);
    assert_eq!(account.id, id);
    assert_eq!(&**account.user_name.reveal(), "ana@contoso.com");
    assert_eq!(
        world.target.find(Lookup::Id(&id)).await.unwrap(),
        Found::None
    );
    let answers = world
        .target
        .apply_all(&[Change::Restore, Change::Enable], &id)
        .await;
    assert_eq!(lines(&answers), ["done", "done"]);
    let Found::One(account) = by_key(&world, "E-ana").await else {
        panic!("the restored account is not found")
    };
    assert!(!account.deleted && account.active);
}

#[tokio::test]
async fn a_live_account_wins_over_a_deleted_one() {
    let world = World::new().await;
    let old = world.user("ana");
    world.graph.delete_user(old.as_str()).unwrap();
    let new = world.user("ana");
    assert!(matches!(by_key(&world, "E-ana").await, Found::One(found) if found.id == new));
}

#[tokio::test]
async fn more_than_one_hit_is_never_narrowed_down() {
    let world = World::new().await;
    for name in ["ana", "ana2", "ana3"] {
        let id = world.user(name);
        let same = json!({"employeeId": "E1"});
        world.graph.update_user(id.as_str(), same).unwrap();
    }
    assert_eq!(by_key(&world, "E1").await, Found::Many(3));
    for user in world.graph.users() {
        world.graph.delete_user(&user.id).unwrap();
    }
    assert_eq!(by_key(&world, "E1").await, Found::Many(3));
}

#[tokio::test]
async fn a_user_name_and_an_id_find_with_their_manager() {
    let world = World::new().await;
    let (id, boss) = (world.user("ana"), world.user("boss"));
    world
        .graph
        .set_manager(id.as_str(), Some(boss.as_str()))
        .unwrap();
    for lookup in [Lookup::UserName("ANA@contoso.com"), Lookup::Id(&id)] {
        let Found::One(account) = world.target.find(lookup).await.unwrap() else {
            panic!("{lookup:?} finds nothing")
        };
        assert_eq!(account.id, id);
        assert_eq!(
            account.attrs["manager"].reveal().text(),
            Some(boss.as_str())
        );
    }
    let nobody = Lookup::UserName("nobody@contoso.com");
    assert_eq!(world.target.find(nobody).await.unwrap(), Found::None);
}

#[tokio::test]
async fn what_is_mastered_on_premises_is_read_only() {
    let world = World::new().await;
    let user = json!({"userPrincipalName": "o@contoso.com", "employeeId": "E1",
        "onPremisesSyncEnabled": true});
    world.graph.insert_user(user).unwrap();
    let Found::One(account) = by_key(&world, "E1").await else {
        panic!("not found")
    };
    assert!(account.read_only.unwrap().contains("on premises"));
}

#[tokio::test]
async fn another_property_can_hold_the_key() {
    let world = World::with(Options::default(), 0, |config| {
        config.settings = GraphSettings {
            key: "onPremisesImmutableId".into(),
            role_assignable: false,
        };
    })
    .await;
    let id = world.target.apply(&ana(), None).await.unwrap().id;
    let user = world.graph.user(id.as_str()).unwrap();
    assert_eq!(user.text("onPremisesImmutableId"), Some("E1"));
    assert!(matches!(by_key(&world, "E1").await, Found::One(found) if found.id == id));
}

#[tokio::test]
async fn an_id_of_another_kind_is_refused_before_anything_is_sent() {
    let world = World::new().await;
    for id in ["a/b", "x?$select=id", "../me", ""] {
        let id = AccountId::from(id);
        assert!(world.target.find(Lookup::Id(&id)).await.is_err());
        assert!(world.target.check(&id, &[]).await.is_err());
        let answers = world.target.apply_all(&[Change::Delete], &id).await;
        assert!(lines(&answers)[0].contains("no object id"));
    }
    assert_eq!(world.target.calls(), 0);
}

#[tokio::test]
async fn a_filter_that_is_ignored_halts() {
    let other = json!({"value": [{"id": "u-1", "userPrincipalName": "b@x", "employeeId": "E2"}]});
    let body = json!({"responses": [
        {"id": "1", "status": 200, "body": other},
        {"id": "2", "status": 200, "body": {"value": []}},
    ]});
    let script = Script::start([
        Turn::body(200, body.to_string()),
        Turn::body(200, other.to_string()),
    ])
    .await;
    let target = crate::errors::scripted(&script);
    for lookup in [Lookup::Key("E1"), Lookup::UserName("a@x")] {
        let fault = target.find(lookup).await.unwrap_err().into_fault();
        assert!(fault.to_string().contains("ignores the filter"), "{fault}");
    }
}

#[tokio::test]
async fn an_empty_page_with_a_link_is_no_proof_of_absence() {
    let page = json!({"value": [], "@odata.nextLink": "https://graph.example/next"});
    let body = json!({"responses": [
        {"id": "1", "status": 200, "body": page},
        {"id": "2", "status": 200, "body": {"value": []}},
    ]});
    let script = Script::start([Turn::body(200, body.to_string())]).await;
    let target = crate::errors::scripted(&script);
    let fault = target.find(Lookup::Key("E1")).await.unwrap_err();
    assert!(fault.into_fault().to_string().starts_with("retry: "));
}

#[tokio::test]
async fn a_key_that_only_the_index_knows_is_asked_there() {
    let refusal = json!({"error": {"code": "Request_UnsupportedQuery", "message": "x"}});
    let user = json!({"id": "u-1", "userPrincipalName": "a@x", "employeeId": "E1"});
    for (deleted, refused) in [(false, 0), (true, 1)] {
        let statuses = |at: usize| if at == refused { 400 } else { 200 };
        let first = json!({"responses": [
            {"id": "2", "status": statuses(1), "body": if refused == 1 { refusal.clone() } else { json!({"value": []}) }},
            {"id": "1", "status": statuses(0), "body": if refused == 0 { refusal.clone() } else { json!({"value": []}) }},
        ]});
        let some = json!({"value": [user]});
        let none = json!({"value": []});
        let (live, gone) = if deleted {
            (&none, &some)
        } else {
            (&some, &none)
        };
        let second = json!({"responses": [
            {"id": "1", "status": 200, "body": live}, {"id": "2", "status": 200, "body": gone},
        ]});
        let script = Script::start([
            Turn::body(200, first.to_string()),
            Turn::body(200, second.to_string()),
            Turn::body(200, user.to_string()),
        ])
        .await;
        let target = crate::errors::scripted(&script);
        let found = target.find(Lookup::Key("E1")).await.unwrap();
        assert!(matches!(found, Found::One(account) if account.deleted == deleted));
        let seen = script.seen();
        // A live one is read once more, by its id.
        assert_eq!(seen.len(), if deleted { 2 } else { 3 });
        if let Some(again) = seen.get(2) {
            assert!(again.target.contains("/users/u-1?"), "{}", again.target);
            assert_eq!(again.header("consistencylevel"), None);
        }
        let batch: serde_json::Value = serde_json::from_str(&seen[1].body).unwrap();
        for part in batch["requests"].as_array().unwrap() {
            assert_eq!(part["headers"]["ConsistencyLevel"], "eventual");
            let url = part["url"].as_str().unwrap();
            assert!(
                url.contains("$count=true") && !url.contains("$expand"),
                "{url}"
            );
        }
    }
}

#[tokio::test]
async fn a_key_in_the_index_finds_the_account_with_its_manager() {
    let world = World::with(Options::default(), 0, |config| {
        config.settings.key = "onPremisesExtensionAttributes.extensionAttribute15".into();
    })
    .await;
    let boss = world.user("boss");
    let (found, calls, _) = world.cost(by_key(&world, "E1")).await;
    assert_eq!((found, calls), (Found::None, 1));
    let joiner = create(&[
        ("userName", Some("ana@contoso.com")),
        ("externalId", Some("E1")),
        ("displayName", Some("Ana Silva")),
        ("manager", Some(boss.as_str())),
    ]);
    let id = world.target.apply(&joiner, None).await.unwrap().id;
    let (found, calls, _) = world.cost(by_key(&world, "E1")).await;
    let Found::One(account) = found else {
        panic!("{found:?}")
    };
    assert_eq!((&account.id, calls), (&id, 2));
    assert_eq!(
        account.attrs["manager"].reveal().text(),
        Some(boss.as_str())
    );
}

#[tokio::test]
async fn an_index_that_is_behind_is_no_answer() {
    let hit = json!({"value": [{"id": "u-1", "userPrincipalName": "a@x", "employeeId": "E1"}]});
    let refusal = json!({"error": {"code": "Request_UnsupportedQuery", "message": "x"}});
    let batch = |live: u16, body: &serde_json::Value| {
        let body = json!({"responses": [
            {"id": "1", "status": live, "body": body},
            {"id": "2", "status": 200, "body": {"value": []}},
        ]});
        Turn::body(200, body.to_string())
    };
    let other = json!({"id": "u-1", "userPrincipalName": "a@x", "employeeId": "E2"});
    for turn in [Turn::body(200, other.to_string()), Turn::body(404, "{}")] {
        let script = Script::start([batch(400, &refusal), batch(200, &hit), turn]).await;
        let target = crate::errors::scripted(&script);
        let fault = target.find(Lookup::Key("E1")).await.unwrap_err();
        let text = fault.into_fault().to_string();
        assert!(text.contains("is behind the directory"), "{text}");
    }
}

#[tokio::test]
async fn the_key_may_be_an_extension_attribute() {
    let world = World::with(Options::default(), 0, |config| {
        config.settings.key = "onPremisesExtensionAttributes.extensionAttribute15".into();
    })
    .await;
    let applied = world.target.apply(&ana(), None).await.unwrap();
    let id = applied.id.as_str();
    let user = world.graph.user(id).unwrap();
    let extensions = &user.properties["onPremisesExtensionAttributes"];
    assert_eq!(extensions["extensionAttribute15"], "E1");
    assert_eq!(user.employee_id, None);
    for deleted in [false, true] {
        if deleted {
            world.graph.delete_user(id).unwrap();
        }
        let Found::One(account) = by_key(&world, "E1").await else {
            panic!("not found")
        };
        assert_eq!((account.id.as_str(), account.deleted), (id, deleted));
        assert_eq!(account.key.unwrap().reveal().as_ref(), "E1");
    }
    let page = world.target.users(None).await.unwrap();
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn a_look_back_shows_the_account_and_what_it_holds() {
    let world = World::with(Options::default(), 45, |config| {
        let sku = "6fd2c87f-b296-42f0-b197-1e91e994b900";
        let entitlement = (EntitlementKind::Licence, sku.into());
        config.entitlements.insert("entra/e3".into(), entitlement);
    })
    .await;
    let id = world.user("ana");
    for group in ["entra/g3", "entra/g44"] {
        world.member(group, &id);
    }
    world.target.groups(None).await.unwrap();
    let of: Vec<_> = world.groups.keys().map(|one| one.as_str().into()).collect();
    let (check, calls, _) = world.cost(world.target.check(&id, &of)).await;
    let check = check.unwrap();
    assert_eq!(calls, 1);
    assert_eq!(
        check.held.unwrap(),
        [domain::EntitlementId::from("entra/g3"), "entra/g44".into()]
    );
    assert!(matches!(check.found, Found::One(account) if account.id == id));
    let none = world.target.check(&id, &["entra/e3".into()]).await.unwrap();
    assert_eq!(none.held, Some(Vec::new()));
    world.graph.delete_user(id.as_str()).unwrap();
    let gone = world.target.check(&id, &of).await.unwrap();
    assert_eq!((gone.found, gone.held), (Found::None, Some(Vec::new())));
}

#[tokio::test]
async fn a_group_that_is_inherited_is_not_held() {
    let world = World::groups(2).await;
    let id = world.user("ana");
    let (reader, admin) = (&world.groups["entra/g0"], &world.groups["entra/g1"]);
    // Whoever is an admin reads, too.
    world.graph.add_member(reader, admin).unwrap();
    world.member("entra/g1", &id);
    let of = ["entra/g0".into(), "entra/g1".into()];
    let held = world.target.held(&id, &of).await.unwrap();
    assert_eq!(held, Some(vec!["entra/g1".into()]));
    let holders = world
        .target
        .holders(&of[0], std::slice::from_ref(&id))
        .await;
    assert_eq!(holders.unwrap(), Some(Vec::new()));
    let answers = world.target.apply_all(&[grant("entra/g0")], &id).await;
    assert_eq!(lines(&answers), ["done"]);
    let held = world.target.held(&id, &of).await.unwrap();
    assert_eq!(held, Some(of.to_vec()));
    let answers = world.target.apply_all(&[grant("entra/g0")], &id).await;
    assert_eq!(lines(&answers), ["so already"]);
}

#[tokio::test]
async fn a_look_back_reads_every_page_of_memberships() {
    let world = World::groups(25).await;
    let id = world.user("ana");
    for group in world.groups.keys() {
        world.member(group, &id);
    }
    let of: Vec<_> = world.groups.keys().map(|one| one.as_str().into()).collect();
    world.fault(
        Fault::ShortPages { max: 10 }
            .always()
            .path_part("/memberOf"),
    );
    let held = world.target.held(&id, &of).await.unwrap().unwrap();
    assert_eq!(held, of);
    assert!(world.fired(FaultKind::ShortPages) >= 2);
    let page = Fault::PageError {
        page: 3,
        status: 503,
    };
    world.fault(page.once().path_part("/memberOf"));
    assert!(world.target.held(&id, &of).await.is_err());
    assert_eq!(world.fired(FaultKind::PageError), 1);
}

#[tokio::test]
async fn a_look_back_at_memberships_names_the_permission_that_it_lacks() {
    let world = World::groups(1).await;
    let id = world.user("ana");
    world.graph.withdraw("Directory.Read.All");
    let fault = world.target.held(&id, &["entra/g0".into()]).await;
    let text = fault.unwrap_err().into_fault().to_string();
    assert!(
        text.starts_with("halt: read of memberships") && text.contains("Directory.Read.All"),
        "{text}"
    );
}

#[tokio::test]
async fn a_look_back_tells_an_assigned_licence() {
    let graph = graph_target::GraphTarget::start(Options::default())
        .await
        .unwrap();
    let sku = graph.add_license("E3", 5);
    let world = World::with(Options::default(), 0, |config| {
        config.base_url = graph.base_url().into();
        let entitlement = (EntitlementKind::Licence, sku.to_uppercase().into());
        config.entitlements.insert("entra/e3".into(), entitlement);
    })
    .await;
    let user = json!({"userPrincipalName": "a@contoso.com", "usageLocation": "PT"});
    let id = graph.insert_user(user).unwrap().id;
    graph.give_license(&id, &sku).unwrap();
    let held = world.target.held(&id.into(), &["entra/e3".into()]).await;
    assert_eq!(held.unwrap(), Some(vec!["entra/e3".into()]));
}

#[tokio::test]
async fn a_look_back_at_many_costs_a_request_for_twenty() {
    let world = World::groups(1).await;
    let of = domain::EntitlementId::from("entra/g0");
    let mut accounts: Vec<AccountId> = (0..45).map(|at| world.user(&format!("u{at}"))).collect();
    for at in [0, 19, 20, 44] {
        world.member("entra/g0", &accounts[at]);
    }
    world.target.groups(None).await.unwrap();
    let (inside, calls, _) = world.cost(world.target.holders(&of, &accounts)).await;
    let expected = [0, 19, 20, 44].map(|at| accounts[at].clone()).to_vec();
    assert_eq!(inside.unwrap(), Some(expected.clone()));
    assert_eq!(calls, 3);
    // Who is not there is in nothing.
    world.graph.delete_user(accounts[19].as_str()).unwrap();
    let inside = world.target.holders(&of, &accounts).await.unwrap();
    assert_eq!(inside.map(|all| all.len()), Some(3));
    // An answer that is missing is no answer.
    world.fault(Fault::BatchAnswerMissing.once());
    assert!(world.target.holders(&of, &accounts).await.is_err());
    accounts.push("../me".into());
    assert!(world.target.holders(&of, &accounts).await.is_err());
}

#[tokio::test]
async fn a_roster_is_every_direct_member_over_all_pages() {
    let world = World::groups(1).await;
    let of = domain::EntitlementId::from("entra/g0");
    let none = world.target.roster(&of).await.unwrap();
    assert_eq!(none, Roster::These(Vec::new()));
    let mut accounts: Vec<AccountId> = (0..120).map(|at| world.user(&format!("u{at}"))).collect();
    for account in &accounts {
        world.member("entra/g0", account);
    }
    let Roster::These(mut members) = world.target.roster(&of).await.unwrap() else {
        panic!("Graph tells");
    };
    members.sort();
    accounts.sort();
    assert_eq!(members, accounts);
    world.fault(Fault::BatchAnswerMissing.once());
    assert!(world.target.roster(&of).await.is_err());
}

#[tokio::test]
async fn a_look_back_at_many_tells_who_has_a_licence() {
    let graph = graph_target::GraphTarget::start(Options::default())
        .await
        .unwrap();
    let sku = graph.add_license("E3", 5);
    let world = World::with(Options::default(), 0, |config| {
        config.base_url = graph.base_url().into();
        let entitlement = (EntitlementKind::Licence, sku.to_uppercase().into());
        config.entitlements.insert("entra/e3".into(), entitlement);
    })
    .await;
    let user = |name: &str| {
        let user =
            json!({"userPrincipalName": format!("{name}@contoso.com"), "usageLocation": "PT"});
        AccountId::from(graph.insert_user(user).unwrap().id)
    };
    let accounts = ["ana", "bo"].map(user);
    graph.give_license(accounts[1].as_str(), &sku).unwrap();
    let inside = world.target.holders(&"entra/e3".into(), &accounts).await;
    assert_eq!(inside.unwrap(), Some(vec![accounts[1].clone()]));
}

#[tokio::test]
async fn a_look_up_that_fails_halfway_is_no_answer() {
    let world = World::new().await;
    world.user("ana");
    world.fault(Fault::Status { code: 503 }.once().batched().path("/users"));
    let error = world.target.find(Lookup::Key("E-ana")).await.unwrap_err();
    assert_eq!(
        error.into_fault().to_string(),
        "retry: read of users: 503 UnknownError"
    );
    world.fault(Fault::BatchAnswerMissing.once());
    assert!(world.target.find(Lookup::Key("E-ana")).await.is_err());
    assert_eq!(world.fired(FaultKind::Status), 1);
    assert_eq!(world.fired(FaultKind::BatchAnswerMissing), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_key_finds_its_own_account_whatever_it_holds(
        key in "[ -~]{1,16}", other in "[ -~]{1,16}",
    ) {
        prop_assume!(key.to_lowercase() != other.to_lowercase());
        // Graph keeps text without the spaces at its ends.
        prop_assume!(key.trim() == key && other.trim() == other);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            for (name, id) in [("a", &key), ("b", &other)] {
                let account = world.user(name);
                let value = json!({"employeeId": id});
                world.graph.update_user(account.as_str(), value).unwrap();
            }
            let Found::One(found) = by_key(&world, &key).await else {
                panic!("not found")
            };
            assert_eq!(&**found.user_name.reveal(), "a@contoso.com");
        });
    }
}
