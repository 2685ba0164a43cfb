//! Groups, answer by answer: which one an entitlement means, and who is in it.

use ports::{Apply, Observe};
use serde_json::json;

use crate::fixture::{STAFF, Scripted, error, grant, id, line, list, revoke, staff};
use crate::script::Turn;

#[tokio::test]
async fn a_missing_group_or_member_is_no_success() {
    let gone = list(&json!([]));
    let no_group = "reject: the target has no group for `wiki/staff`; create it there, or correct \
                    its name in policy";
    for (change, turns, expected) in [
        (grant(STAFF), vec![gone.clone()], no_group),
        (revoke(STAFF), vec![gone.clone()], no_group),
        // A renamed group keeps its members: to take the revoke as done would be a lie.
        (
            revoke(STAFF),
            vec![staff("g"), Turn::status(404), gone.clone()],
            no_group,
        ),
        (
            grant(STAFF),
            vec![staff("g"), Turn::status(404), staff("g")],
            "not found",
        ),
        (
            grant("wiki/unknown"),
            vec![],
            "reject: policy names no group for `wiki/unknown`; add it to the entitlements",
        ),
        (
            grant(STAFF),
            vec![list(&json!([
                {"id": "1", "displayName": "Staff"}, {"id": "2", "displayName": "STAFF"}
            ]))],
            "reject: the target has 2 groups of the name for `wiki/staff`; rename all but one",
        ),
        (
            grant(STAFF),
            vec![list(&json!([{"id": "1", "displayName": "Canary"}]))],
            "halt: the target ignores filters: asked for one `displayName`, it answers with \
             others; it needs a profile of its own",
        ),
        (
            revoke(STAFF),
            vec![staff("g"), error(400, "invalidPath", "")],
            "reject: revoke of `wiki/staff`: 400 invalidPath: the target does not know an \
             attribute, or wants another profile",
        ),
        (
            grant(STAFF),
            vec![staff("g"), error(409, "", "concurrent edit")],
            "reject: grant of `wiki/staff`: 409 no scimType that we know: the target does not say \
             why",
        ),
    ] {
        let requests = turns.len();
        let scripted = Scripted::new(turns).await;
        let error = scripted.target.apply(&change, Some(&id("u"))).await;
        assert_eq!(line(&error.unwrap_err()), expected);
        scripted.is_over(requests);
    }
}

#[tokio::test]
async fn a_recreated_group_is_found_again_once() {
    let scripted = Scripted::new([
        staff("old"),
        Turn::status(204),
        Turn::status(404),
        staff("new"),
        Turn::status(204),
        Turn::status(204),
    ])
    .await;
    for _ in 0..3 {
        let applied = scripted.target.apply(&grant(STAFF), Some(&id("u"))).await;
        assert!(!applied.unwrap().unchanged);
    }
    scripted.is_over(6);
    let seen = scripted.script.seen();
    assert_eq!(
        seen[0].target,
        "/Groups?filter=displayName%20eq%20%22Staff%22&excludedAttributes=members"
    );
    let groups: Vec<&str> = [1, 2, 4, 5].map(|at| seen[at].target.as_str()).to_vec();
    assert_eq!(
        groups,
        ["/Groups/old", "/Groups/old", "/Groups/new", "/Groups/new"]
    );
}

#[tokio::test]
async fn a_group_too_large_to_read_is_asked_of_the_user() {
    let huge = Turn::body(200, vec![b' '; 8 * 1024 * 1024 + 1]);
    let of = [STAFF.into()];
    for (user, expected) in [
        (r#"{"id":"u","groups":[{"value":"g"}]}"#, Some(of.to_vec())),
        (r#"{"id":"u","groups":[{"value":"h"}]}"#, Some(vec![])),
        (r#"{"id":"u","groups":[]}"#, Some(vec![])),
        (r#"{"id":"u"}"#, None),
    ] {
        let turns = [staff("g"), huge.clone(), Turn::body(200, user)];
        let scripted = Scripted::new(turns).await;
        let held = scripted.target.held(&id("u"), &of).await.unwrap();
        assert_eq!(held, expected, "{user}");
        scripted.is_over(3);
    }
    let scripted = Scripted::new([huge]).await;
    let error = scripted.target.users(None).await.unwrap_err();
    assert_eq!(
        line(&error),
        "reject: the answer is larger than 8388608 bytes; lower the page size of the target's \
         profile"
    );
}

#[tokio::test]
async fn a_group_without_members_is_empty_only_where_members_were_seen() {
    let group = |members: &str| {
        Turn::body(
            200,
            format!(r#"{{"id":"g","displayName":"Staff"{members}}}"#),
        )
    };
    let of = [STAFF.into()];
    let scripted = Scripted::new([
        staff("g"),
        group(""),
        Turn::body(200, r#"{"id":"u"}"#),
        group(r#","members":[{"value":"u"}]"#),
        group(""),
    ])
    .await;
    let held = async || scripted.target.held(&id("u"), &of).await.unwrap();
    assert_eq!(held().await, None);
    assert_eq!(held().await, Some(of.to_vec()));
    assert_eq!(held().await, Some(vec![]));
    scripted.is_over(5);
}

#[tokio::test]
async fn groups_that_show_an_empty_list_may_hide_their_members() {
    use domain::Profile;
    use domain::profile::Membership;

    let empty = json!([{"id": "g", "displayName": "Staff", "members": []}, {"id": "h"}]);
    let some = json!([{"id": "i", "members": [{"value": "u"}]}]);
    let (none, nobody) = (None, Some(vec![]));
    for (membership, before, after) in [
        (
            Membership::GroupMembers,
            [&nobody, &none],
            [&nobody, &nobody],
        ),
        (Membership::UserGroups, [&none, &none], [&nobody, &nobody]),
        (Membership::GroupFilter, [&none, &none], [&nobody, &nobody]),
        (Membership::PairFilter, [&none, &none], [&nobody, &nobody]),
        (Membership::Hidden, [&none, &none], [&none, &none]),
    ] {
        let profile = Profile {
            membership,
            ..Profile::rfc()
        };
        let scripted = Scripted::with(profile, [list(&empty), list(&some), list(&empty)]).await;
        let members = async || {
            let page = scripted.target.groups(None).await.unwrap();
            let members = page.items.into_iter().map(|group| group.members);
            members.collect::<Vec<_>>()
        };
        assert!(members().await.iter().eq(before), "{membership:?}");
        assert_eq!(members().await, [Some(vec![id("u")])]);
        assert!(members().await.iter().eq(after), "{membership:?}");
    }
}
