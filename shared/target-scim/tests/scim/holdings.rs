//! Which memberships an account holds, in each way in which targets tell.

use domain::profile::{Membership, Paging, Search};
use domain::{EntitlementId, Profile};
use ports::Observe;
use ports::target::{Check, Found, Roster, TargetError};
use scim_target::{Fault, FaultKind, Options};
use serde_json::{Value, json};

use crate::fixture::{Real, STAFF, Scripted, error, id, line, list, staff};
use crate::script::Turn;

const BY_USER: &str = "/Groups?filter=members.value%20eq%20%22u%22";
const NOBODY: &str = "%2200000000-0000-4000-8000-000000000000%22";

fn of() -> Vec<EntitlementId> {
    [STAFF, "wiki/admins"].map(EntitlementId::from).to_vec()
}

fn profile(membership: Membership) -> Profile {
    Profile {
        membership,
        ..Profile::rfc()
    }
}

fn admins() -> Turn {
    list(&json!([{"id": "a", "displayName": "Admins"}]))
}

fn found(groups: &Value) -> Turn {
    list(groups)
}

async fn held(
    profile: Profile,
    turns: Vec<Turn>,
) -> (Result<Option<Vec<EntitlementId>>, TargetError>, Vec<String>) {
    let requests = turns.len();
    let scripted = Scripted::with(profile, turns).await;
    let held = scripted.target.held(&id("u"), &of()).await;
    scripted.is_over(requests);
    let seen = scripted.script.seen().into_iter().map(|s| s.target);
    (held, seen.collect())
}

#[tokio::test]
async fn every_way_of_telling_agrees_with_the_server() {
    for membership in [
        Membership::GroupMembers,
        Membership::UserGroups,
        Membership::GroupFilter,
        Membership::PairFilter,
    ] {
        for search in [Search::Get, Search::Post] {
            for paging in [Paging::Index, Paging::Cursor, Paging::None] {
                let profile = Profile {
                    search,
                    paging,
                    page_size: 1,
                    ..profile(membership)
                };
                let real = Real::with(profile, Options::default()).await;
                let (ana, bo, cy) = (real.user("ana"), real.user("bo"), real.user("cy"));
                real.group("Other", &[&ana, &bo]);
                real.group("Staff", &[&ana, &bo]);
                real.group("Admins", &[&bo]);
                let held = async |id| real.target.held(id, &of()).await.unwrap();
                assert_eq!(held(&ana).await, Some(vec![STAFF.into()]), "{membership:?}");
                assert_eq!(held(&bo).await, Some(of()), "{membership:?}");
                let expected = match membership {
                    // The server leaves an empty `groups` out, and so nobody knows.
                    Membership::UserGroups => None,
                    Membership::GroupMembers
                    | Membership::GroupFilter
                    | Membership::PairFilter
                    | Membership::Hidden => Some(vec![]),
                };
                assert_eq!(held(&cy).await, expected, "{membership:?}");
            }
        }
    }
}

#[tokio::test]
async fn filters_that_are_ignored_are_found_out() {
    for membership in [Membership::GroupFilter, Membership::PairFilter] {
        for exclude_members in [true, false] {
            let profile = Profile {
                exclude_members,
                ..profile(membership)
            };
            let real = Real::with(profile, Options::default()).await;
            let (ana, bo) = (real.user("ana"), real.user("bo"));
            real.group("Staff", &[&bo]);
            real.group("Admins", &[&bo]);
            real.fault(Fault::FilterIgnored);
            let error = real.target.held(&ana, &of()).await.unwrap_err();
            let error = line(&error);
            assert!(
                error.starts_with("halt: the target ignores filters"),
                "{error}"
            );
            assert!(real.fired(FaultKind::FilterIgnored) > 0);
        }
    }
}

#[tokio::test]
async fn groups_by_member_are_read_page_by_page() {
    let page = |groups: Value| {
        Turn::body(
            200,
            json!({"totalResults": 2, "Resources": groups}).to_string(),
        )
    };
    let turns = vec![
        page(json!([{"id": "g", "members": [{"value": "u"}]}])),
        page(json!([{"id": "x", "members": [{"value": "v"}, {"value": "u"}]}])),
        staff("g"),
        admins(),
    ];
    let (held, seen) = held(profile(Membership::GroupFilter), turns).await;
    assert_eq!(held.unwrap(), Some(vec![STAFF.into()]));
    assert_eq!(
        seen[..2],
        [
            format!("{BY_USER}&excludedAttributes=members&startIndex=1&count=100"),
            format!("{BY_USER}&excludedAttributes=members&startIndex=2&count=100"),
        ]
    );
}

#[tokio::test]
async fn groups_that_show_nothing_are_believed_after_one_question_about_nobody() {
    let silent = found(&json!([{"id": "g"}]));
    let nobody =
        format!("/Groups?filter=members.value%20eq%20{NOBODY}&excludedAttributes=members&count=1");
    for (answer, fine) in [
        (list(&json!([])), true),
        (error(400, "invalidValue", ""), true),
        (Turn::status(404), true),
        (silent.clone(), false),
    ] {
        let mut turns = vec![silent.clone(), answer];
        if fine {
            turns.extend([staff("g"), admins()]);
        }
        let (held, seen) = held(profile(Membership::GroupFilter), turns).await;
        assert_eq!(seen[1], nobody);
        match held {
            Ok(held) => assert!(fine && held == Some(vec![STAFF.into()])),
            Err(error) => {
                let error = line(&error);
                assert!(
                    !fine && error.starts_with("halt: the target ignores filters"),
                    "{error}"
                );
            }
        }
    }
    // Once is enough.
    let turns = [
        silent.clone(),
        list(&json!([])),
        staff("g"),
        admins(),
        silent,
    ];
    let scripted = Scripted::with(profile(Membership::GroupFilter), turns).await;
    for _ in 0..2 {
        let held = scripted.target.held(&id("u"), &of()).await.unwrap();
        assert_eq!(held, Some(vec![STAFF.into()]));
    }
    scripted.is_over(5);
}

#[tokio::test]
async fn pairs_are_asked_one_at_a_time() {
    let profile = Profile {
        exclude_members: false,
        ..profile(Membership::PairFilter)
    };
    let turns = vec![
        staff("g"),
        found(&json!([{"id": "g", "members": [{"value": "u"}]}])),
        admins(),
        list(&json!([])),
    ];
    let (got, seen) = held(profile.clone(), turns).await;
    assert_eq!(got.unwrap(), Some(vec![STAFF.into()]));
    assert_eq!(
        [&seen[1], &seen[3]],
        [
            "/Groups?filter=id%20eq%20%22g%22%20and%20members%20eq%20%22u%22&count=1",
            "/Groups?filter=id%20eq%20%22a%22%20and%20members%20eq%20%22u%22&count=1"
        ]
    );
    // Another group than the one in question proves nothing.
    let turns = vec![staff("g"), found(&json!([{"id": "x"}]))];
    let (got, _) = held(profile.clone(), turns).await;
    assert!(line(&got.unwrap_err()).starts_with("halt: the target ignores filters"));
    // Nor does this one, where it is found for nobody too.
    let turns = vec![
        staff("g"),
        found(&json!([{"id": "g"}])),
        found(&json!([{"id": "g"}])),
    ];
    let (got, seen) = held(profile, turns).await;
    assert!(line(&got.unwrap_err()).starts_with("halt: the target ignores filters"));
    assert_eq!(
        seen[2],
        format!("/Groups?filter=id%20eq%20%22g%22%20and%20members%20eq%20{NOBODY}&count=1")
    );
}

#[tokio::test]
async fn a_pair_of_a_group_that_was_made_again_is_asked_once_more() {
    let turns = vec![
        staff("old"),
        Turn::status(404),
        staff("new"),
        found(&json!([{"id": "new", "members": [{"value": "u"}]}])),
        admins(),
        Turn::status(404),
        admins(),
    ];
    let (held, _) = held(profile(Membership::PairFilter), turns).await;
    assert_eq!(held.unwrap(), Some(vec![STAFF.into()]));
}

#[tokio::test]
async fn an_answer_that_goes_round_in_circles_comes_to_an_end() {
    let profile = Profile {
        paging: Paging::Cursor,
        ..profile(Membership::GroupFilter)
    };
    let again = || {
        let body =
            json!({"Resources": [{"id": "g", "members": [{"value": "u"}]}], "nextCursor": "c"});
        Turn::body(200, body.to_string())
    };
    let (held, _) = held(profile, vec![again(), again()]).await;
    assert_eq!(
        line(&held.unwrap_err()),
        "halt: look-up of a user's groups by member: the pages of the answer do not come to an end"
    );
}

#[tokio::test]
async fn a_filter_that_is_not_understood_is_no_empty_answer() {
    for membership in [Membership::GroupFilter, Membership::PairFilter] {
        let first = match membership {
            Membership::PairFilter => vec![staff("g")],
            Membership::GroupFilter
            | Membership::GroupMembers
            | Membership::UserGroups
            | Membership::Hidden => vec![],
        };
        let turns = first
            .into_iter()
            .chain([error(400, "invalidFilter", "")])
            .collect();
        let (held, _) = held(profile(membership), turns).await;
        assert_eq!(
            line(&held.unwrap_err()),
            "reject: look-up of a user's groups by member: 400 invalidFilter: the target does not \
             search by this attribute"
        );
    }
}

#[tokio::test]
async fn a_look_back_asks_once_where_the_user_tells_both() {
    let user = json!({"id": "u", "userName": "ana", "active": false, "groups": [{"value": "g"}]});
    let turns = [
        Turn::body(200, user.to_string()),
        staff("g"),
        admins(),
        Turn::body(200, user.to_string()),
        Turn::status(404),
    ];
    let scripted = Scripted::with(profile(Membership::UserGroups), turns).await;
    for _ in 0..2 {
        let Check { found, held } = scripted.target.check(&id("u"), &of()).await.unwrap();
        assert!(matches!(found, Found::One(account) if !account.active));
        assert_eq!(held, Some(vec![STAFF.into()]));
    }
    let gone = scripted.target.check(&id("u"), &of()).await.unwrap();
    assert_eq!((gone.found, gone.held), (Found::None, None));
    scripted.is_over(5);
    // Elsewhere it takes a request for each, and one where there is nothing to look for.
    let real = Real::new().await;
    let ana = real.user("ana");
    real.group("Staff", &[&ana]);
    let check = real.target.check(&ana, &of()[..1]).await.unwrap();
    assert_eq!(check.held, Some(vec![STAFF.into()]));
    assert!(matches!(check.found, Found::One(_)));
    real.server.reset_calls();
    let check = real.target.check(&ana, &[]).await.unwrap();
    assert_eq!(check.held, Some(vec![]));
    assert_eq!(real.server.calls().total(), 1);
}

#[tokio::test]
async fn a_user_that_is_not_the_one_is_no_look_back() {
    let other = json!({"id": "x", "groups": []}).to_string();
    let scripted = Scripted::with(profile(Membership::UserGroups), [Turn::body(200, other)]).await;
    let error = scripted.target.check(&id("u"), &of()).await.unwrap_err();
    assert!(line(&error).starts_with("halt: read of a user: asked for one id"));
}

#[tokio::test]
async fn a_look_back_at_many_agrees_with_a_look_back_at_each() {
    for membership in [
        Membership::GroupMembers,
        Membership::GroupFilter,
        Membership::PairFilter,
    ] {
        let real = Real::with(profile(membership), Options::default()).await;
        let (ana, bo, cy) = (real.user("ana"), real.user("bo"), real.user("cy"));
        real.group("Staff", &[&ana, &cy]);
        let all = [ana.clone(), bo.clone(), cy.clone()];
        let inside = real.target.holders(&STAFF.into(), &all).await.unwrap();
        assert_eq!(inside, Some(vec![ana, cy]), "{membership:?}");
    }
}

#[tokio::test]
async fn a_roster_is_everybody_or_says_that_nobody_knows() {
    let real = Real::with(profile(Membership::GroupMembers), Options::default()).await;
    let (ana, _, cy) = (real.user("ana"), real.user("bo"), real.user("cy"));
    real.group("Staff", &[&ana, &cy]);
    let roster = real.target.roster(&STAFF.into()).await.unwrap();
    assert_eq!(roster, Roster::These(vec![ana, cy]));
    // A group that shows no member may hide them all, until members were seen somewhere.
    for body in [json!({"id": "g"}), json!({"id": "g", "members": []})] {
        let turns = vec![staff("g"), Turn::body(200, body.to_string())];
        let scripted = Scripted::with(profile(Membership::UserGroups), turns).await;
        let roster = scripted.target.roster(&STAFF.into()).await.unwrap();
        assert_eq!(roster, Roster::Hidden);
    }
}

/// What `holders` says of two accounts, and what it asked for that.
async fn two_inside(
    membership: Membership,
    turns: Vec<Turn>,
) -> (Option<Vec<domain::AccountId>>, Vec<String>) {
    let requests = turns.len();
    let scripted = Scripted::with(profile(membership), turns).await;
    let both = [id("u"), id("v")];
    let inside = scripted.target.holders(&STAFF.into(), &both).await;
    scripted.is_over(requests);
    let seen = scripted.script.seen().into_iter().map(|s| s.target);
    (inside.unwrap(), seen.collect())
}

#[tokio::test]
async fn a_look_back_at_many_reads_a_group_once() {
    let group = json!({"id": "g", "members": [{"value": "v"}, {"value": "w"}]});
    let turns = vec![staff("g"), Turn::body(200, group.to_string())];
    let (inside, seen) = two_inside(Membership::GroupMembers, turns).await;
    assert_eq!(inside, Some(vec![id("v")]));
    assert!(seen[1].starts_with("/Groups/g"), "{seen:?}");
}

#[tokio::test]
async fn where_a_group_shows_nobody_each_account_is_asked() {
    let group = json!({"id": "g"}).to_string();
    let user = |id: &str, groups: Value| {
        Turn::body(
            200,
            json!({"id": id, "userName": id, "groups": groups}).to_string(),
        )
    };
    let turns = vec![
        staff("g"),
        Turn::body(200, group.clone()),
        Turn::body(200, group.clone()),
        user("u", json!([{"value": "g"}])),
        Turn::body(200, group),
        user("v", json!([])),
    ];
    let (inside, _) = two_inside(Membership::GroupMembers, turns).await;
    assert_eq!(inside, Some(vec![id("u")]));
    assert_eq!(two_inside(Membership::Hidden, vec![]).await.0, None);
}
