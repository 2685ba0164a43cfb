//! Batches of memberships in which one of them, or the answer, goes wrong.

use std::collections::BTreeSet;

use domain::Profile;
use ports::Apply;
use ports::target::MemberChange;
use scim_target::{AddPresent, Fault, FaultKind, Options, RemoveAbsent, RetryAfter};

use crate::fixture::{Real, STAFF, Scripted, error, staff};
use crate::memberships::{ADMINS, change, many, words};
use crate::script::Turn;

#[tokio::test]
async fn one_bad_member_does_not_spoil_the_others() {
    let real = Real::new().await;
    let group = real.group("Staff", &[]);
    let good: Vec<_> = (0..20).map(|n| real.user(&format!("user{n}"))).collect();
    let mut changes: Vec<MemberChange> = good
        .iter()
        .map(|id| change(STAFF, id.as_str(), true))
        .collect();
    changes.insert(7, change(STAFF, "nobody", true));
    real.server.reset_calls();
    let answers = real.target.memberships(&changes).await;
    let words = words(&answers);
    for (at, word) in words.iter().enumerate() {
        assert_eq!(at != 7, word == "done", "{at}: {word}");
    }
    let members: BTreeSet<String> = real.members(&group).into_iter().collect();
    assert_eq!(
        members,
        good.iter().map(|id| id.as_str().to_owned()).collect()
    );
    // Halving finds one among 21 in at most two requests for each of five levels.
    assert!(
        real.server.calls().group_patch <= 11,
        "{:?}",
        real.server.calls()
    );
}

#[tokio::test]
async fn each_refusal_of_a_whole_chunk_is_narrowed_down() {
    for (turn, give, alone) in [
        (error(400, "invalidValue", ""), true, "invalidValue"),
        (error(404, "", ""), true, "not found"),
        (error(404, "", ""), false, "unchanged"),
        (error(409, "", "already a member"), true, "unchanged"),
        (error(409, "uniqueness", ""), true, "unchanged"),
        (error(400, "noTarget", ""), false, "unchanged"),
        (
            error(413, "", ""),
            true,
            "413, larger than the target takes",
        ),
    ] {
        // Both, then the group again where it may be gone, then each alone.
        let mut turns = vec![staff("g"), turn.clone()];
        if line_of(&turn) == 404 {
            turns.push(staff("g"));
        }
        turns.extend([turn.clone(), Turn::status(204)]);
        let requests = turns.len();
        let scripted = Scripted::new(turns).await;
        let answers = scripted.target.memberships(&many(2, give)).await;
        let words = words(&answers);
        assert!(words[0].contains(alone), "{words:?}");
        assert_eq!(words[1], "done");
        scripted.is_over(requests);
    }
}

fn line_of(turn: &Turn) -> u16 {
    match turn {
        Turn::Reply { status, .. } => *status,
        Turn::Drop | Turn::Hang | Turn::Cut => 0,
    }
}

#[tokio::test]
async fn a_refusal_that_is_not_about_members_is_not_repeated() {
    for (turn, expected) in [
        (error(403, "", ""), "403, not allowed"),
        (error(400, "mutability", ""), "400 mutability"),
        (error(501, "", ""), "501, the target does not support this"),
        (error(412, "", ""), "changed meanwhile"),
    ] {
        let scripted = Scripted::new([staff("g"), turn]).await;
        let answers = scripted.target.memberships(&many(3, true)).await;
        for word in words(&answers) {
            assert!(word.contains(expected), "{word}");
        }
        scripted.is_over(2);
    }
}

#[tokio::test]
async fn a_limit_of_changes_is_found_once_and_remembered() {
    let real = Real::with(Profile::rfc(), Options::default()).await;
    let group = real.group("Staff", &[]);
    let users: Vec<_> = (0..40).map(|n| real.user(&format!("user{n}"))).collect();
    real.fault(Fault::GroupChangeLimit { max: 10 });
    let changes: Vec<MemberChange> = users
        .iter()
        .map(|id| change(STAFF, id.as_str(), true))
        .collect();
    let answers = real.target.memberships(&changes).await;
    assert_eq!(words(&answers), vec!["done"; 40]);
    assert_eq!(real.members(&group).len(), 40);
    // 40, 20 and 20 are too many.
    assert_eq!(real.fired(FaultKind::GroupChangeLimit), 3);
    real.server.reset_calls();
    let changes: Vec<MemberChange> = users
        .iter()
        .map(|id| change(STAFF, id.as_str(), false))
        .collect();
    let answers = real.target.memberships(&changes).await;
    assert_eq!(words(&answers), vec!["done"; 40]);
    assert!(real.members(&group).is_empty());
    assert_eq!(real.fired(FaultKind::GroupChangeLimit), 3);
    assert_eq!(real.server.calls().group_patch, 4);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_for_its_chunk_and_ends_the_batch() {
    let profile = Profile {
        member_chunk: 2,
        ..Profile::rfc()
    };
    let turns = [staff("g"), Turn::status(204), Turn::Drop];
    let scripted = Scripted::with(profile, turns).await;
    let answers = scripted.target.memberships(&many(6, true)).await;
    let lost = "unknown: the connection broke";
    let unsent = "retry after 1 s: not sent: the answer to an earlier request was lost";
    assert_eq!(
        words(&answers),
        ["done", "done", lost, lost, unsent, unsent]
    );
    scripted.is_over(3);
}

#[tokio::test]
async fn a_throttled_chunk_ends_the_batch_for_every_group() {
    let real = Real::new().await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    let (staff, admins) = (real.group("Staff", &[]), real.group("Admins", &[]));
    let retry_after = RetryAfter::Seconds(7);
    real.fault(
        Fault::TooManyRequests { retry_after }
            .once()
            .method("PATCH"),
    );
    let changes = [
        change(STAFF, ana.as_str(), true),
        change(ADMINS, ana.as_str(), true),
        change(ADMINS, bo.as_str(), true),
    ];
    real.server.reset_calls();
    let answers = real.target.memberships(&changes).await;
    let wait = "retry after 7 s: grant of `wiki/admins`: 429";
    assert_eq!(words(&answers), [wait, wait, wait]);
    assert_eq!(real.fired(FaultKind::TooManyRequests), 1);
    assert_eq!(real.server.calls().group_patch, 1);
    assert!(real.members(&staff).is_empty() && real.members(&admins).is_empty());
}

#[tokio::test]
async fn a_group_that_is_gone_refuses_its_members_and_not_those_of_others() {
    let real = Real::new().await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    let admins = real.group("Admins", &[]);
    let changes = [
        change(STAFF, ana.as_str(), true),
        change(STAFF, bo.as_str(), true),
        change(ADMINS, bo.as_str(), true),
        change("wiki/unknown", bo.as_str(), true),
    ];
    let answers = real.target.memberships(&changes).await;
    let words = words(&answers);
    assert!(words[0].starts_with("reject: the target has no group for `wiki/staff`"));
    assert_eq!(words[1], words[0]);
    assert_eq!(words[2], "done");
    assert!(words[3].starts_with("reject: policy names no group"));
    assert_eq!(real.members(&admins), [bo.as_str()]);
}

#[tokio::test]
async fn present_and_absent_members_among_others_are_no_errors() {
    let real = Real::new().await;
    let users: Vec<_> = (0..5).map(|n| real.user(&format!("user{n}"))).collect();
    let group = real.group("Staff", &[&users[0], &users[1]]);
    let changes = |give| -> Vec<MemberChange> {
        users
            .iter()
            .map(|id| change(STAFF, id.as_str(), give))
            .collect()
    };
    let answer = AddPresent::Conflict;
    real.fault(Fault::AddPresentMember { answer });
    let answers = real.target.memberships(&changes(true)).await;
    assert_eq!(
        words(&answers),
        ["unchanged", "unchanged", "done", "done", "done"]
    );
    assert_eq!(real.members(&group).len(), 5);
    assert!(real.fired(FaultKind::AddPresentMember) >= 2);
    for answer in [RemoveAbsent::NoTarget, RemoveAbsent::NotFound] {
        real.server.faults().clear();
        real.fault(Fault::RemoveAbsentMember { answer });
        real.server
            .remove_member(&group, users[3].as_str())
            .unwrap();
        let answers = real.target.memberships(&changes(false)).await;
        assert_eq!(
            words(&answers),
            ["done", "done", "done", "unchanged", "done"]
        );
        assert!(real.members(&group).is_empty());
        for user in &users {
            real.server.add_member(&group, user.as_str()).unwrap();
        }
    }
    assert!(real.fired(FaultKind::RemoveAbsentMember) >= 2);
}

#[tokio::test]
async fn a_refusal_that_only_sounds_like_a_limit_does_not_shrink_later_batches() {
    let limit = || error(400, "invalidValue", "licence limit exceeded");
    let turns = [staff("g"), limit(), limit(), limit(), Turn::status(204)];
    let scripted = Scripted::new(turns).await;
    let refused = scripted.target.memberships(&many(2, true)).await;
    assert!(
        words(&refused)
            .iter()
            .all(|word| word.starts_with("reject"))
    );
    let answers = scripted.target.memberships(&many(2, true)).await;
    assert_eq!(words(&answers), ["done", "done"]);
    scripted.is_over(5);
}
