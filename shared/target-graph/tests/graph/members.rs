//! Memberships of many accounts at once, and groups that cannot be written.

use std::time::Duration;

use domain::AccountId;
use graph_target::{Fault, FaultKind, Refusal};
use ports::target::{Roster, TargetError};
use ports::{Apply, Observe};
use serde_json::json;

use crate::fixture::{World, grant, lines, member, revoke};

async fn people(world: &World, count: usize) -> Vec<AccountId> {
    world.target.groups(None).await.unwrap();
    (0..count).map(|n| world.user(&format!("p{n}"))).collect()
}

#[tokio::test]
async fn changes_of_several_groups_go_together_each_with_its_answer() {
    let world = World::groups(3).await;
    let people = people(&world, 3).await;
    world.member("entra/g2", &people[0]);
    world.member("entra/g2", &people[1]);
    let changes = [
        member("entra/g0", &people[0], true),
        member("entra/g2", &people[0], false),
        member("entra/g1", &people[1], true),
        member("entra/g0", &people[1], true),
        member("entra/g2", &people[2], false),
        member("entra/none", &people[2], true),
    ];
    let (answers, calls, writes) = world.cost(world.target.memberships(&changes)).await;
    let text = lines(&answers);
    assert_eq!(text[..5], ["done", "done", "done", "done", "so already"]);
    assert_eq!(
        text[5],
        "reject: the entitlement `entra/none`: it belongs to another target"
    );
    // One bind of two, one addition, two removals; the look at the group that somebody was not
    // in.
    assert_eq!((calls, writes), (2, 4));
    assert!(world.is_member("entra/g0", &people[0]) && world.is_member("entra/g0", &people[1]));
    assert!(world.is_member("entra/g2", &people[1]) && !world.is_member("entra/g2", &people[0]));
    assert_eq!(world.graph.refused(Refusal::MemberObjectDelete), 0);
}

#[tokio::test]
async fn a_bind_that_fails_as_a_whole_is_tried_apart_and_the_rest_settled_by_state() {
    let world = World::groups(1).await;
    let mut people = people(&world, 19).await;
    world.member("entra/g0", &people[4]);
    let gone = world.user("gone");
    world.graph.delete_user(gone.as_str()).unwrap();
    people.push(gone);
    let changes: Vec<_> = people
        .iter()
        .map(|one| member("entra/g0", one, true))
        .collect();
    let (answers, calls, _) = world.cost(world.target.memberships(&changes)).await;
    let text = lines(&answers);
    for (at, line) in text.iter().enumerate() {
        let want = match at {
            4 => "so already",
            19 => "not found",
            _ => "done",
        };
        assert_eq!(line, want, "{at}");
    }
    // The bind, the same apart, and the look that explains two refusals.
    assert_eq!(calls, 3);
    assert!(
        people[..19]
            .iter()
            .all(|one| world.is_member("entra/g0", one))
    );
    assert!(world.graph.refused(Refusal::AlreadyMember) >= 1);
}

#[tokio::test]
async fn what_is_throttled_waits_and_the_rest_is_done() {
    let world = World::groups(2).await;
    let people = people(&world, 2).await;
    let throttled = Fault::Throttled {
        retry_after: Some(9),
    };
    let first = format!("/groups/{}", world.groups["entra/g0"]);
    world.fault(throttled.once().path_part(&first));
    let changes = [
        member("entra/g0", &people[0], true),
        member("entra/g0", &people[1], true),
        member("entra/g1", &people[0], true),
    ];
    let answers = world.target.memberships(&changes).await;
    for answer in &answers[..2] {
        assert!(matches!(
            answer,
            Err(TargetError::Throttled { after: Some(after), .. })
                if *after == Duration::from_secs(9)
        ));
    }
    assert_eq!(lines(&answers)[2], "done");
    assert_eq!(world.fired(FaultKind::Throttled), 1);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_for_each() {
    let world = World::groups(1).await;
    let people = people(&world, 3).await;
    world.fault(Fault::DropAfterCommit.once().path("/$batch"));
    let changes: Vec<_> = people
        .iter()
        .map(|one| member("entra/g0", one, true))
        .collect();
    let answers = world.target.memberships(&changes).await;
    assert_eq!(answers.len(), 3);
    for answer in answers {
        assert!(matches!(answer, Err(TargetError::Unknown { .. })));
    }
    // Again: everybody is in, which is no error.
    let answers = world.target.memberships(&changes).await;
    assert_eq!(lines(&answers), ["so already"; 3]);
}

#[tokio::test]
async fn groups_that_cannot_be_written_are_refused_before_anything_is_sent() {
    for (group, word) in [
        (
            json!({"displayName": "x", "groupTypes": ["DynamicMembership"]}),
            "rule",
        ),
        (
            json!({"displayName": "x", "onPremisesSyncEnabled": true}),
            "on premises",
        ),
        (
            json!({"displayName": "x", "mailEnabled": true, "securityEnabled": true}),
            "Exchange",
        ),
        (
            json!({"displayName": "x", "isAssignableToRole": true}),
            "role_assignable",
        ),
    ] {
        let world = World::special(&group, |_| ()).await;
        let id = world.user("ana");
        for give in [true, false] {
            let answers = world
                .target
                .memberships(&[member("entra/x", &id, give)])
                .await;
            let text = lines(&answers);
            assert!(
                text[0].starts_with("reject: ") && text[0].contains(word),
                "{text:?}"
            );
        }
        let text = lines(&world.target.apply_all(&[grant("entra/x")], &id).await);
        assert!(text[0].contains(word), "{text:?}");
        assert_eq!(world.graph.calls().writes(), 0, "{group}");
        // They are read all the same.
        let held = world.target.held(&id, &["entra/x".into()]).await.unwrap();
        assert_eq!(held, Some(Vec::new()));
    }
}

#[tokio::test]
async fn groups_of_roles_are_written_where_policy_says_so() {
    let group = json!({"displayName": "x", "isAssignableToRole": true});
    let world = World::special(&group, |config| config.settings.role_assignable = true).await;
    let id = world.user("ana");
    let text = lines(&world.target.apply_all(&[grant("entra/x")], &id).await);
    assert!(
        text[0].contains("RoleManagement.ReadWrite.Directory"),
        "{text:?}"
    );
    world.graph.consent("RoleManagement.ReadWrite.Directory");
    let text = lines(&world.target.apply_all(&[grant("entra/x")], &id).await);
    assert_eq!(text, ["done"]);
}

#[tokio::test]
async fn a_group_is_named_once_by_name_or_by_id() {
    let world = World::groups(1).await;
    let id = world.user("ana");
    world.graph.add_group("g0").unwrap();
    let text = lines(&world.target.apply_all(&[grant("entra/g0")], &id).await);
    assert!(
        text[0].contains("several groups have that name"),
        "{text:?}"
    );
    let group = json!({"displayName": "o'neil & co"});
    let named = World::special(&group, |_| ()).await;
    let id = named.user("ana");
    assert_eq!(
        lines(&named.target.apply_all(&[grant("entra/x")], &id).await),
        ["done"]
    );
}

#[tokio::test]
async fn a_group_that_is_gone_is_said_and_looked_for_again() {
    let world = World::groups(1).await;
    let id = people(&world, 1).await.remove(0);
    world.graph.delete_group(&world.groups["entra/g0"]).unwrap();
    let text = lines(&world.target.apply_all(&[grant("entra/g0")], &id).await);
    assert!(
        text[0].contains("`entra/g0` is not there any more"),
        "{text:?}"
    );
    let text = lines(
        &world
            .target
            .memberships(&[member("entra/g0", &id, true)])
            .await,
    );
    assert!(text[0].contains("no group has that name"), "{text:?}");
    world.graph.add_group("g0").unwrap();
    let text = lines(
        &world
            .target
            .memberships(&[member("entra/g0", &id, true)])
            .await,
    );
    assert_eq!(text, ["done"]);
}

#[tokio::test]
async fn a_removal_from_a_group_that_was_made_again_is_carried_out_there() {
    for together in [false, true] {
        let mut world = World::groups(3).await;
        let id = people(&world, 1).await.remove(0);
        for group in ["entra/g0", "entra/g1"] {
            world.member(group, &id);
            world.graph.delete_group(&world.groups[group]).unwrap();
        }
        let made = world.graph.add_group("g0").unwrap().id;
        world.groups.insert("entra/g0".into(), made);
        world.member("entra/g0", &id);
        let answers = if together {
            let changes = ["entra/g0", "entra/g1", "entra/g2"].map(|of| member(of, &id, false));
            world.target.memberships(&changes).await
        } else {
            let changes = ["entra/g0", "entra/g1", "entra/g2"].map(revoke);
            world.target.apply_all(&changes, &id).await
        };
        // The second group is gone for good, and in the third nobody is.
        assert_eq!(lines(&answers), ["done", "so already", "so already"]);
        assert!(!world.is_member("entra/g0", &id));
        world.member("entra/g0", &id);
        let held = world.target.held(&id, &["entra/g0".into()]).await.unwrap();
        assert_eq!(held, Some(vec!["entra/g0".into()]));
    }
}

#[tokio::test]
async fn what_is_taken_from_a_group_made_again_goes_before_what_is_given() {
    let mut world = World::groups(2).await;
    let id = people(&world, 1).await.remove(0);
    world.graph.delete_group(&world.groups["entra/g0"]).unwrap();
    let made = world.graph.add_group("g0").unwrap().id;
    world.groups.insert("entra/g0".into(), made);
    world.member("entra/g0", &id);
    // The group that is made again cannot be looked at: nothing after it is tried.
    world.fault(
        Fault::Status { code: 503 }
            .once()
            .method("GET")
            .path("/groups"),
    );
    let changes = [revoke("entra/g0"), grant("entra/g1")];
    let text = lines(&world.target.apply_all(&changes, &id).await);
    assert_eq!(text, ["retry: read of groups: 503 UnknownError"]);
    assert!(!world.is_member("entra/g1", &id));
    let text = lines(&world.target.apply_all(&changes, &id).await);
    assert_eq!(text, ["done", "done"]);
    assert!(!world.is_member("entra/g0", &id) && world.is_member("entra/g1", &id));
}

#[tokio::test]
async fn a_group_that_was_made_again_is_listed_as_it_is_now() {
    let world = World::groups(1).await;
    let id = people(&world, 1).await.remove(0);
    world.graph.delete_group(&world.groups["entra/g0"]).unwrap();
    let made = world.graph.add_group("g0").unwrap().id;
    world.graph.add_member(&made, id.as_str()).unwrap();
    let of = "entra/g0".into();
    let fault = world.target.roster(&of).await.unwrap_err().into_fault();
    assert!(fault.to_string().starts_with("retry: "), "{fault}");
    let roster = world.target.roster(&of).await.unwrap();
    assert_eq!(roster, Roster::These(vec![id.clone()]));
    // So it is with a listing, which starts again.
    world.graph.delete_group(&made).unwrap();
    let made = world.graph.add_group("g0").unwrap().id;
    world.graph.add_member(&made, id.as_str()).unwrap();
    let expired = world.target.groups(None).await;
    assert!(matches!(expired, Err(TargetError::Expired { .. })));
    let page = world.target.groups(None).await.unwrap();
    assert_eq!(page.items[0].members.as_deref(), Some(&[id][..]));
}
