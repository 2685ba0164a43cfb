//! Changes of one account: their order, refusals in between, waits, lost answers.

use std::time::Duration;

use domain::policy::EntitlementKind;
use domain::{AccountId, Change};
use graph_target::{Fault, FaultKind, GraphTarget as Graph, Options, Refusal};
use ports::target::{Cursor, TargetError};
use ports::{Apply, Observe};
use serde_json::json;

use crate::fixture::{World, ana, grant, lines, revoke, update};

#[tokio::test]
async fn a_refused_membership_does_not_stop_the_rest() {
    let world = World::groups(4).await;
    let id = world.user("ana");
    world.target.groups_are_known().await;
    // Somebody makes a group dynamic after it was looked at.
    let dynamic = json!({"groupTypes": ["DynamicMembership"]});
    world
        .graph
        .update_group(&world.groups["entra/g1"], dynamic)
        .unwrap();
    let changes = [
        update(&[("department", Some("Ops"))]),
        grant("entra/g0"),
        grant("entra/g1"),
        grant("entra/g2"),
        grant("entra/g3"),
    ];
    let (answers, calls, _) = world.cost(world.target.apply_all(&changes, &id)).await;
    let lines = lines(&answers);
    assert_eq!([&lines[0], &lines[1], &lines[3], &lines[4]], ["done"; 4]);
    assert!(
        lines[2].starts_with("reject: change of a membership: 400"),
        "{lines:?}"
    );
    // The batch, what was behind the refusal, and the look that explains the refusal.
    assert_eq!(calls, 3);
    assert!(world.graph.refused(Refusal::DynamicGroup) >= 1);
    assert_eq!(world.graph.refused(Refusal::FailedDependency), 2);
    for group in ["entra/g0", "entra/g2", "entra/g3"] {
        assert!(world.is_member(group, &id), "{group}");
    }
}

/// So that tests count what comes after the first look at the groups.
trait Known {
    async fn groups_are_known(&self);
}

impl<T: ports::Observe> Known for T {
    async fn groups_are_known(&self) {
        self.groups(None).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_so_already_is_no_error_and_does_not_stop_the_rest() {
    let world = World::groups(3).await;
    let id = world.user("ana");
    world.member("entra/g0", &id);
    let changes = [
        grant("entra/g0"),
        revoke("entra/g1"),
        grant("entra/g2"),
        Change::Disable,
    ];
    let answers = world.target.apply_all(&changes, &id).await;
    assert_eq!(
        lines(&answers),
        ["so already", "so already", "done", "done"]
    );
    assert!(world.is_member("entra/g0", &id) && world.is_member("entra/g2", &id));
    assert!(!world.graph.user(id.as_str()).unwrap().account_enabled);
    assert_eq!(world.graph.refused(Refusal::AlreadyMember), 1);
    assert_eq!(world.graph.refused(Refusal::NotAMember), 1);
    // Once more: everything is so already, and nothing else is touched.
    let answers = world.target.apply_all(&changes[..3], &id).await;
    assert_eq!(lines(&answers), ["so already"; 3]);
}

#[tokio::test]
async fn a_failed_change_stops_what_comes_after_it() {
    let world = World::groups(1).await;
    let id = world.user("ana");
    world.graph.set_admin(id.as_str(), true).unwrap();
    let changes = [
        update(&[("department", Some("Ops"))]),
        Change::Enable,
        grant("entra/g0"),
    ];
    let answers = world.target.apply_all(&changes, &id).await;
    let lines = lines(&answers);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "done");
    assert!(
        lines[1].contains("User.EnableDisableAccount.All"),
        "{lines:?}"
    );
    assert!(lines[1].contains("administrator's role"), "{lines:?}");
    assert!(!world.is_member("entra/g0", &id));
    assert_eq!(world.graph.refused(Refusal::AdminRole), 1);
}

#[tokio::test]
async fn a_block_that_is_refused_does_not_keep_the_rest_of_an_ending() {
    let world = World::groups(2).await;
    let id = world.user("ana");
    world.member("entra/g0", &id);
    world.member("entra/g1", &id);
    world.target.groups_are_known().await;
    world.graph.set_admin(id.as_str(), true).unwrap();
    let changes = [
        Change::Disable,
        Change::RevokeSessions,
        revoke("entra/g0"),
        revoke("entra/g1"),
    ];
    let answers = world.target.apply_all(&changes, &id).await;
    let lines = lines(&answers);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].contains("administrator's role"), "{lines:?}");
    assert_eq!([&lines[2], &lines[3]], ["done"; 2]);
    assert!(world.graph.user(id.as_str()).unwrap().account_enabled);
    for group in ["entra/g0", "entra/g1"] {
        assert!(!world.is_member(group, &id), "{group}");
    }
}

#[tokio::test]
async fn a_part_that_is_throttled_waits_and_so_does_what_follows() {
    let world = World::groups(2).await;
    let id = world.user("ana");
    world.target.groups_are_known().await;
    let throttled = Fault::Throttled {
        retry_after: Some(7),
    };
    world.fault(throttled.once().batched().path_part("/members"));
    let changes = [Change::Disable, revoke("entra/g0"), grant("entra/g1")];
    let answers = world.target.apply_all(&changes, &id).await;
    assert_eq!(answers.len(), 2);
    assert_eq!(lines(&answers)[0], "done");
    assert!(matches!(
        &answers[1],
        Err(TargetError::Throttled { after: Some(after), .. })
            if *after == Duration::from_secs(7)
    ));
    assert_eq!(world.fired(FaultKind::Throttled), 1);
    assert!(!world.is_member("entra/g1", &id));
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_ends_the_work() {
    let world = World::groups(1).await;
    let id = world.user("ana");
    world.target.groups_are_known().await;
    for fault in [Fault::DropAfterCommit, Fault::HangAfterCommit] {
        world.fault(fault.clone().once().path("/$batch"));
        let answers = world
            .target
            .apply_all(&[Change::Disable, grant("entra/g0")], &id)
            .await;
        assert!(matches!(answers[..], [Err(TargetError::Unknown { .. })]));
        assert_eq!(world.fired(fault.kind()), 1);
    }
    world.fault(Fault::BatchAnswerMissing.once());
    let answers = world.target.apply_all(&[Change::Enable], &id).await;
    assert!(matches!(answers[..], [Err(TargetError::Unknown { .. })]));
    assert_eq!(world.fired(FaultKind::BatchAnswerMissing), 1);
}

#[tokio::test]
async fn more_changes_than_a_batch_holds_go_in_several() {
    let world = World::groups(45).await;
    let id = world.user("ana");
    world.target.groups_are_known().await;
    let mut changes = vec![update(&[("department", Some("Ops"))])];
    changes.extend(world.groups.keys().map(|group| grant(group)));
    let (answers, calls, writes) = world.cost(world.target.apply_all(&changes, &id)).await;
    assert_eq!(lines(&answers), vec!["done"; 46]);
    assert_eq!((calls, writes), (3, 46));
}

#[tokio::test]
async fn many_refusals_take_no_batch_each() {
    let world = World::groups(18).await;
    let id = world.user("ana");
    world.target.groups_are_known().await;
    for group in world.groups.keys() {
        world.member(group, &id);
    }
    let changes: Vec<Change> = world.groups.keys().map(|group| grant(group)).collect();
    let (answers, calls, _) = world.cost(world.target.apply_all(&changes, &id)).await;
    assert_eq!(lines(&answers), vec!["so already"; 18]);
    assert_eq!(calls, 3);
}

#[tokio::test]
async fn a_leaver_is_deleted_once_and_never_again() {
    let world = World::new().await;
    let id = world.user("ana");
    for want in ["done", "so already"] {
        let answers = world.target.apply_all(&[Change::Delete], &id).await;
        assert_eq!(lines(&answers), [want]);
    }
    assert_eq!(world.graph.deleted_users().len(), 1);
    let gone = world.target.apply_all(&[Change::Disable], &id).await;
    assert!(matches!(gone[..], [Err(TargetError::NotFound)]));
}

#[tokio::test]
async fn a_block_alone_ends_the_sessions_too() {
    let world = World::new().await;
    let id = world.user("ana");
    world.fault(Fault::RevokeNoContent.once());
    let answers = world.target.apply_all(&[Change::Disable], &id).await;
    assert_eq!(lines(&answers), ["done"]);
    assert_eq!(world.fired(FaultKind::RevokeNoContent), 1);
    assert_eq!(world.graph.user(id.as_str()).unwrap().sessions_revoked, 1);
}

#[tokio::test]
async fn a_restore_that_clashes_is_a_conflict() {
    let world = World::new().await;
    let old = world.user("ana");
    world.graph.delete_user(old.as_str()).unwrap();
    world.user("ana");
    for style in [
        graph_target::DuplicateStyle::BadRequestWithDetails,
        graph_target::DuplicateStyle::Conflict,
    ] {
        world.fault(Fault::DuplicateAnswer { style }.once());
        let answers = world.target.apply_all(&[Change::Restore], &old).await;
        assert!(
            matches!(answers[..], [Err(TargetError::Conflict)]),
            "{:?}",
            lines(&answers)
        );
    }
    assert_eq!(world.fired(FaultKind::DuplicateAnswer), 2);
}

#[tokio::test]
async fn a_new_account_that_graph_does_not_show_yet_is_not_found() {
    let world = World::groups(1).await;
    world.target.groups_are_known().await;
    world.fault(Fault::NotFoundAfterCreate { misses: 4 }.always());
    let id = world.target.apply(&ana(), None).await.unwrap().id;
    let answers = world
        .target
        .apply_all(&[update(&[("department", Some("Ops"))])], &id)
        .await;
    assert!(matches!(answers[..], [Err(TargetError::NotFound)]));
    let answers = world.target.apply_all(&[grant("entra/g0")], &id).await;
    assert!(
        matches!(answers[..], [Err(TargetError::NotFound)]),
        "{:?}",
        lines(&answers)
    );
    assert!(world.fired(FaultKind::NotFoundAfterCreate) >= 2);
    world.graph.faults().clear();
    let answers = world.target.apply_all(&[grant("entra/g0")], &id).await;
    assert_eq!(lines(&answers), ["done"]);
}

#[tokio::test]
async fn a_young_account_that_its_group_refuses_comes_back_soon() {
    let world = World::groups(1).await;
    world.target.groups_are_known().await;
    let id = world.target.apply(&ana(), None).await.unwrap().id;
    world.clock.set(world.graph.time());
    let refused = || {
        Fault::Status { code: 400 }
            .once()
            .batched()
            .path_part("/members")
    };
    world.fault(refused());
    let answers = world.target.apply_all(&[grant("entra/g0")], &id).await;
    assert_eq!(
        lines(&answers),
        ["retry: Microsoft Graph does not show the account to its groups yet"]
    );
    world.clock.advance(Duration::from_mins(3));
    world.fault(refused());
    let answers = world.target.apply_all(&[grant("entra/g0")], &id).await;
    assert!(
        lines(&answers)[0].starts_with("reject: "),
        "{:?}",
        lines(&answers)
    );
    assert_eq!(world.fired(FaultKind::Status), 2);
}

/// A Graph with two licences and a target that knows them as `entra/e3` and `entra/e5`.
async fn licensed(seats: u64) -> (World, [String; 2]) {
    let graph = Graph::start(Options::default()).await.unwrap();
    let skus = [graph.add_license("E3", 5), graph.add_license("E5", seats)];
    let mut world = World::with(Options::default(), 1, |config| {
        config.base_url = graph.base_url().into();
        for (name, sku) in ["entra/e3", "entra/e5"].into_iter().zip(&skus) {
            let entitlement = (EntitlementKind::Licence, sku.as_str().into());
            config.entitlements.insert(name.into(), entitlement);
        }
    })
    .await;
    let group = graph.add_group("g0").unwrap();
    world.groups.insert("entra/g0".into(), group.id);
    world.graph = graph;
    (world, skus)
}

fn held(world: &World, id: &AccountId) -> Vec<String> {
    let user = world.graph.user(id.as_str()).unwrap();
    user.licenses.keys().cloned().collect()
}

#[tokio::test]
async fn licences_of_one_account_go_in_one_request() {
    let (world, skus) = licensed(5).await;
    let id = world.user("ana");
    world.graph.give_license(id.as_str(), &skus[0]).unwrap();
    let changes = [revoke("entra/e3"), grant("entra/g0"), grant("entra/e5")];
    let answers = world.target.apply_all(&changes, &id).await;
    assert_eq!(lines(&answers), ["done"; 3]);
    assert_eq!(held(&world, &id), [skus[1].clone()]);
    assert_eq!(
        world.graph.calls().of("POST", "/users/{id}/assignLicense"),
        1
    );
}

#[tokio::test]
async fn a_refused_licence_says_why_and_stops_no_other() {
    let (world, skus) = licensed(0).await;
    let id = world.user("ana");
    let changes = [grant("entra/e3"), grant("entra/e5"), grant("entra/g0")];
    let answers = world.target.apply_all(&changes, &id).await;
    let text = lines(&answers);
    assert_eq!([&text[0], &text[2]], ["done"; 2], "{text:?}");
    assert!(
        text[1].contains("no seat of the licence is left"),
        "{text:?}"
    );
    assert_eq!(held(&world, &id), [skus[0].clone()]);
    let nowhere = json!({"userPrincipalName": "bo@contoso.com", "displayName": "Bo"});
    let bo = AccountId::from(world.graph.insert_user(nowhere).unwrap().id);
    let text = lines(&world.target.apply_all(&[grant("entra/e3")], &bo).await);
    assert!(text[0].contains("needs `usageLocation`"), "{text:?}");
    world
        .graph
        .give_group_license(&world.groups["entra/g0"], &skus[1])
        .unwrap();
    // What a group gives is not ours to take.
    let text = lines(&world.target.apply_all(&[revoke("entra/e5")], &id).await);
    assert_eq!(text, ["so already"]);
    let text = lines(&world.target.apply_all(&[revoke("entra/e3")], &bo).await);
    assert_eq!(text, ["so already"]);
    for refusal in [
        Refusal::NoSeats,
        Refusal::NoUsageLocation,
        Refusal::InheritedLicense,
    ] {
        assert!(world.graph.refused(refusal) >= 1, "{refusal:?}");
    }
}

#[tokio::test]
async fn what_a_group_gives_is_neither_held_nor_listed() {
    let (world, skus) = licensed(5).await;
    let id = world.user("ana");
    let (e3, group) = (["entra/e3".into()], &world.groups["entra/g0"]);
    world.member("entra/g0", &id);
    world.graph.give_group_license(group, &skus[0]).unwrap();
    let ours = async || {
        let held = world.target.held(&id, &e3).await.unwrap().unwrap();
        let check = world.target.check(&id, &e3).await.unwrap().held.unwrap();
        let of = std::slice::from_ref(&id);
        let holders = world.target.holders(&e3[0], of).await.unwrap().unwrap();
        let page = world.target.groups(Some(&Cursor("licences".into()))).await;
        let groups = page.unwrap().items;
        let listed = groups.iter().find(|group| *group.name == *skus[0]).unwrap();
        let told = [
            held == e3,
            check == e3,
            holders == of,
            listed.members.as_deref() == Some(of),
        ];
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
        told[0]
    };
    assert!(!ours().await);
    // A grant assigns it to the account itself, too.
    let answers = world.target.apply_all(&[grant("entra/e3")], &id).await;
    assert_eq!(lines(&answers), ["done"]);
    assert_eq!(held(&world, &id), [skus[0].clone()]);
    assert!(ours().await);
    let answers = world.target.apply_all(&[revoke("entra/e3")], &id).await;
    assert_eq!(lines(&answers), ["done"]);
    assert!(!ours().await && held(&world, &id).is_empty());
}
