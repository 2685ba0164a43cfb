//! How many requests the usual work takes.

use domain::{AccountId, Change, EntitlementId};
use ports::target::{Found, Lookup};
use ports::{Apply, Observe};

use crate::fixture::{World, ana, grant, lines, member, revoke, update};

fn entitlements(world: &World) -> Vec<EntitlementId> {
    world.groups.keys().map(|id| id.as_str().into()).collect()
}

/// The groups are looked up once in the life of a target.
async fn warm(world: &World) {
    world.target.groups(None).await.unwrap();
}

#[tokio::test]
async fn a_joiner_with_ten_groups_takes_three_requests() {
    let world = World::groups(10).await;
    warm(&world).await;
    let ((), calls, writes) = world
        .cost(async {
            let found = world.target.find(Lookup::Key("E1")).await.unwrap();
            assert_eq!(found, Found::None);
            let id = world.target.apply(&ana(), None).await.unwrap().id;
            let changes: Vec<Change> = world.groups.keys().map(|group| grant(group)).collect();
            let answers = world.target.apply_all(&changes, &id).await;
            assert_eq!(lines(&answers), vec!["done"; 10]);
        })
        .await;
    assert_eq!((calls, writes), (3, 11));
    let id = AccountId::from(world.graph.users()[0].id.as_str());
    assert!(world.groups.keys().all(|group| world.is_member(group, &id)));
}

#[tokio::test]
async fn a_mover_takes_two_requests() {
    let world = World::groups(3).await;
    warm(&world).await;
    let (ana, boss) = (world.user("ana"), world.user("boss"));
    world.member("entra/g0", &ana);
    let changes = [
        update(&[
            ("department", Some("Ops")),
            ("jobTitle", Some("Analyst")),
            ("employeeOrgData.costCenter", Some("4130")),
            ("manager", Some(boss.as_str())),
        ]),
        revoke("entra/g0"),
        grant("entra/g1"),
        grant("entra/g2"),
    ];
    let of = entitlements(&world);
    let (check, calls, writes) = world
        .cost(async {
            let answers = world.target.apply_all(&changes, &ana).await;
            assert_eq!(lines(&answers), vec!["done"; 4]);
            world.target.check(&ana, &of).await.unwrap()
        })
        .await;
    assert_eq!((calls, writes), (2, 5));
    assert_eq!(
        check.held.unwrap(),
        ["entra/g1".into(), "entra/g2".into()] as [EntitlementId; 2]
    );
    let Found::One(account) = check.found else {
        panic!("{:?}", check.found)
    };
    let value = |path: &str| account.attrs[path].reveal().text().unwrap().to_owned();
    assert_eq!(value("department"), "Ops");
    assert_eq!(value("employeeOrgData.costCenter"), "4130");
    assert_eq!(value("manager"), boss.as_str());
}

#[tokio::test]
async fn a_leaver_takes_two_requests() {
    let world = World::groups(3).await;
    warm(&world).await;
    let ana = world.user("ana");
    for group in world.groups.keys() {
        world.member(group, &ana);
    }
    let mut changes = vec![Change::Disable, Change::RevokeSessions];
    changes.extend(world.groups.keys().map(|group| revoke(group)));
    let of = entitlements(&world);
    let (check, calls, writes) = world
        .cost(async {
            let answers = world.target.apply_all(&changes, &ana).await;
            assert_eq!(lines(&answers), vec!["done"; 5]);
            world.target.check(&ana, &of).await.unwrap()
        })
        .await;
    assert_eq!((calls, writes), (2, 5));
    assert_eq!(check.held, Some(Vec::new()));
    assert!(matches!(check.found, Found::One(account) if !account.active));
    let user = world.graph.user(ana.as_str()).unwrap();
    assert_eq!(user.sessions_revoked, 1);
}

#[tokio::test]
async fn the_cost_that_is_told_is_what_graph_counts() {
    let world = World::groups(2).await;
    warm(&world).await;
    let (ana, boss) = (world.user("ana"), world.user("boss"));
    for changes in [
        vec![update(&[
            ("jobTitle", Some("x")),
            ("manager", Some(boss.as_str())),
        ])],
        vec![Change::Disable],
        vec![Change::Disable, Change::RevokeSessions],
        vec![Change::Enable, grant("entra/g0"), grant("entra/g1")],
        vec![revoke("entra/g0"), Change::Delete],
    ] {
        let told = world.target.cost(&changes);
        let (answers, _, writes) = world.cost(world.target.apply_all(&changes, &ana)).await;
        assert!(answers.iter().all(Result::is_ok), "{:?}", lines(&answers));
        assert_eq!(u64::from(told.users + told.groups), writes, "{changes:?}");
    }
}

#[tokio::test]
async fn additions_to_one_group_share_writes_and_requests() {
    for count in [1, 2, 20, 21, 45, 401] {
        let world = World::groups(1).await;
        warm(&world).await;
        let people: Vec<AccountId> = (0..count).map(|n| world.user(&format!("p{n}"))).collect();
        let changes: Vec<_> = people
            .iter()
            .map(|one| member("entra/g0", one, true))
            .collect();
        let (answers, calls, writes) = world.cost(world.target.memberships(&changes)).await;
        assert_eq!(lines(&answers), vec!["done"; count]);
        let count = u64::try_from(count).unwrap();
        assert_eq!((writes, calls), (count.div_ceil(20), count.div_ceil(400)));
        assert!(people.iter().all(|one| world.is_member("entra/g0", one)));
    }
}
