//! Memberships of many accounts at once: how many requests they take, and what becomes of each
//! where one of them, or the answer, goes wrong.

use std::collections::BTreeSet;

use domain::Profile;
use domain::profile::{MemberAdd, MemberRemove, Operation};
use ports::target::{Applied, MemberChange, TargetError};
use ports::{Apply, Fault as PortFault};
use proptest::prelude::*;
use scim_target::{Fault, FaultKind, Options, PatchForm};
use serde_json::{Value, json};

use crate::fixture::{Real, STAFF, Scripted, error, id, line, list, staff};
use crate::script::Turn;

pub const ADMINS: &str = "wiki/admins";

pub fn change(entitlement: &str, account: &str, give: bool) -> MemberChange {
    MemberChange {
        entitlement: entitlement.into(),
        account: id(account),
        give,
    }
}

pub fn many(count: usize, give: bool) -> Vec<MemberChange> {
    (0..count)
        .map(|n| change(STAFF, &format!("u{n}"), give))
        .collect()
}

/// Each answer in a word.
pub fn words(answers: &[Result<Applied, TargetError>]) -> Vec<String> {
    let word = |answer: &Result<Applied, TargetError>| match answer {
        Ok(applied) if applied.unchanged => "unchanged".into(),
        Ok(_) => "done".into(),
        Err(error) => line(error),
    };
    answers.iter().map(word).collect()
}

fn operations(body: &str) -> Vec<Value> {
    let mut body: Value = serde_json::from_str(body).unwrap();
    serde_json::from_value(body["Operations"].take()).unwrap()
}

#[tokio::test]
async fn members_of_one_group_share_requests() {
    for (count, chunk, requests) in [
        (1, 100, 1),
        (99, 100, 1),
        (100, 100, 1),
        (101, 100, 2),
        (250, 100, 3),
        (250, 1, 250),
        (3, 0, 3),
    ] {
        for give in [true, false] {
            let profile = Profile {
                member_chunk: chunk,
                ..Profile::rfc()
            };
            let turns = std::iter::once(staff("g")).chain(vec![Turn::status(204); requests]);
            let scripted = Scripted::with(profile, turns).await;
            let changes = many(count, give);
            let answers = scripted.target.memberships(&changes).await;
            assert_eq!(words(&answers), vec!["done"; count]);
            let whose: Vec<_> = answers.into_iter().map(|a| a.unwrap().id).collect();
            assert!(whose.iter().eq(changes.iter().map(|c| &c.account)));
            scripted.is_over(1 + requests);
            let mut named = 0;
            for seen in scripted.script.seen().into_iter().skip(1) {
                assert_eq!((&*seen.method, &*seen.target), ("PATCH", "/Groups/g"));
                let operations = operations(&seen.body);
                let here = if give {
                    assert_eq!(operations.len(), 1);
                    operations[0]["value"].as_array().unwrap().len()
                } else {
                    operations.len()
                };
                assert!(here > 0 && here <= usize::from(chunk.max(1)));
                named += here;
            }
            assert_eq!(named, count);
        }
    }
}

#[tokio::test]
async fn what_is_taken_away_goes_first_and_each_group_apart() {
    let admins = list(&json!([{"id": "a", "displayName": "Admins"}]));
    let turns = [
        admins,
        Turn::status(204),
        staff("g"),
        Turn::status(204),
        Turn::status(204),
    ];
    let scripted = Scripted::new(turns).await;
    let changes = [
        change(STAFF, "u1", true),
        change(STAFF, "u2", false),
        change(ADMINS, "u1", false),
        change(STAFF, "u3", true),
        change(STAFF, "u1", true),
    ];
    let answers = scripted.target.memberships(&changes).await;
    assert_eq!(words(&answers), vec!["done"; 5]);
    scripted.is_over(5);
    let seen = scripted.script.seen();
    let sent: Vec<(&str, Vec<Value>)> = [1, 3, 4]
        .iter()
        .map(|at| (&*seen[*at].target, operations(&seen[*at].body)))
        .collect();
    assert_eq!(
        sent,
        [
            (
                "/Groups/a",
                vec![json!({"op": "remove", "path": "members[value eq \"u1\"]"})]
            ),
            (
                "/Groups/g",
                vec![json!({"op": "remove", "path": "members[value eq \"u2\"]"})]
            ),
            (
                "/Groups/g",
                vec![
                    json!({"op": "add", "path": "members", "value": [{"value": "u1"}, {"value": "u3"}]})
                ]
            ),
        ]
    );
}

#[tokio::test]
async fn every_form_says_the_same() {
    for (member_add, member_remove, add, remove) in [
        (
            MemberAdd::Path,
            MemberRemove::Filter,
            json!([{"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}]),
            json!([
                {"op": "remove", "path": "members[value eq \"a\"]"},
                {"op": "remove", "path": "members[value eq \"b\"]"}
            ]),
        ),
        (
            MemberAdd::Pathless,
            MemberRemove::ValueArray,
            json!([{"op": "add", "value": {"members": [{"value": "a"}, {"value": "b"}]}}]),
            json!([{"op": "remove", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}]),
        ),
    ] {
        let profile = Profile {
            member_add,
            member_remove,
            ..Profile::rfc()
        };
        let turns = [staff("g"), Turn::status(204), Turn::status(204)];
        let scripted = Scripted::with(profile, turns).await;
        for give in [true, false] {
            let changes = [change(STAFF, "a", give), change(STAFF, "b", give)];
            let answers = scripted.target.memberships(&changes).await;
            assert_eq!(words(&answers), ["done", "done"]);
        }
        scripted.is_over(3);
        let seen = scripted.script.seen();
        assert_eq!(json!(operations(&seen[1].body)), add);
        assert_eq!(json!(operations(&seen[2].body)), remove);
    }
}

#[tokio::test]
async fn a_removal_is_never_tried_in_another_form() {
    for member_remove in [MemberRemove::Filter, MemberRemove::ValueArray] {
        let profile = Profile {
            member_remove,
            ..Profile::rfc()
        };
        let turns = [staff("g"), error(400, "invalidPath", "")];
        let scripted = Scripted::with(profile, turns).await;
        let answers = scripted.target.memberships(&many(2, false)).await;
        let refused = "reject: revoke of `wiki/staff`: 400 invalidPath: the target does not know \
                       an attribute, or wants another profile";
        assert_eq!(words(&answers), [refused, refused]);
        scripted.is_over(2);
    }
}

#[tokio::test]
async fn the_form_that_worked_is_kept_for_the_other_chunks() {
    let profile = Profile {
        member_chunk: 1,
        ..Profile::rfc()
    };
    let turns = [
        staff("g"),
        error(400, "invalidPath", ""),
        Turn::status(204),
        Turn::status(204),
    ];
    let scripted = Scripted::with(profile, turns).await;
    let answers = scripted.target.memberships(&many(2, true)).await;
    assert_eq!(words(&answers), ["done", "done"]);
    scripted.is_over(4);
    let last = operations(&scripted.script.seen()[3].body);
    assert_eq!(
        last,
        [json!({"op": "add", "value": {"members": [{"value": "u1"}]}})]
    );
}

#[tokio::test]
async fn a_contradiction_and_an_account_without_an_id_are_refused_unsent() {
    let scripted = Scripted::new([staff("g"), Turn::status(204)]).await;
    let changes = [
        change(STAFF, "u1", true),
        change(STAFF, "u1", false),
        change(STAFF, "", false),
        change(STAFF, " ", true),
        change(STAFF, "u2", true),
    ];
    let answers = scripted.target.memberships(&changes).await;
    let both = "reject: `wiki/staff` is to be given and taken away at once; say which";
    let empty = "reject: the account has an empty id; look it up again";
    assert_eq!(words(&answers), [both, both, empty, empty, "done"]);
    scripted.is_over(2);
    assert_eq!(
        operations(&scripted.script.seen()[1].body),
        [json!({"op": "add", "path": "members", "value": [{"value": "u2"}]})]
    );
    assert!(scripted.target.memberships(&[]).await.is_empty());
}

#[tokio::test]
async fn a_target_that_lists_what_to_remove_is_told_by_its_profile() {
    let profile = Profile {
        member_remove: MemberRemove::ValueArray,
        ..Profile::rfc()
    };
    let real = Real::with(profile, Options::default()).await;
    let (ana, bo, cy) = (real.user("ana"), real.user("bo"), real.user("cy"));
    let group = real.group("Staff", &[&ana, &bo, &cy]);
    let form = PatchForm::ValueListRemove;
    real.fault(Fault::PatchForm { form });
    let changes = [
        change(STAFF, ana.as_str(), false),
        change(STAFF, cy.as_str(), false),
    ];
    let answers = real.target.memberships(&changes).await;
    assert_eq!(words(&answers), ["done", "done"]);
    assert_eq!(real.members(&group), [bo.as_str()]);
    assert_eq!(real.fired(FaultKind::PatchForm), 1);
}

#[tokio::test]
async fn what_the_profile_does_not_prove_is_not_sent() {
    let profile = Profile {
        unproven: [Operation::Revoke].into(),
        ..Profile::rfc()
    };
    let scripted = Scripted::with(profile, [staff("g"), Turn::status(204)]).await;
    let changes = [change(STAFF, "u1", true), change(STAFF, "u2", false)];
    let answers = scripted.target.memberships(&changes).await;
    let words = words(&answers);
    assert_eq!(words[0], "done");
    assert!(words[1].starts_with("reject: the target's profile does not prove `revoke`"));
    assert!(matches!(
        answers[1],
        Err(TargetError::Fault(PortFault::Reject { .. }))
    ));
    scripted.is_over(2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is asked for in whatever form, the members that nobody named stay, everybody who
    /// was named is where he should be, and nothing is asked for twice.
    #[test]
    fn members_that_nobody_named_stay(
        chunk in 1_u16..6,
        add in prop::sample::select(vec![MemberAdd::Path, MemberAdd::Pathless, MemberAdd::Put]),
        remove in prop::sample::select(vec![MemberRemove::Filter, MemberRemove::Put]),
        had in prop::collection::btree_set(0_usize..10, 1..10),
        wishes in prop::collection::btree_map(0_usize..10, any::<bool>(), 0..10),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let profile = Profile {
                member_add: add,
                member_remove: remove,
                member_chunk: chunk,
                ..Profile::rfc()
            };
            let real = Real::with(profile, Options::default()).await;
            let users: Vec<_> = (0..10).map(|n| real.user(&format!("user{n}"))).collect();
            // Somebody whom nobody names, so that the group always shows its members.
            let guard = real.user("guard");
            let mut members = vec![&guard];
            members.extend(had.iter().map(|at| &users[*at]));
            let group = real.group("Staff", &members);
            let changes: Vec<MemberChange> = wishes
                .iter()
                .map(|(at, give)| change(STAFF, users[*at].as_str(), *give))
                .collect();
            let mut expected: BTreeSet<usize> = had.clone();
            for (at, give) in &wishes {
                if *give { expected.insert(*at); } else { expected.remove(at); }
            }
            for _ in 0..2 {
                let answers = real.target.memberships(&changes).await;
                assert!(answers.iter().all(Result::is_ok), "{:?}", words(&answers));
                let now: BTreeSet<String> = real.members(&group).into_iter().collect();
                let mut should: BTreeSet<String> =
                    expected.iter().map(|at| users[*at].as_str().to_owned()).collect();
                should.insert(guard.as_str().to_owned());
                assert_eq!(now, should);
            }
            real.server.stop().await.unwrap();
        });
    }
}
