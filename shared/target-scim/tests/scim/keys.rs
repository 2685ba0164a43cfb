//! Each key of a profile and what it changes.

use domain::profile::{DeleteEffect, FindBy, Operation, PatchStyle, UserNameRule};
use domain::{Change, Profile};
use ports::target::{Found, Lookup, TargetError};
use ports::{Apply, Observe};
use scim_target::{Fault, FaultKind, Options};
use serde_json::{Value, json};

use crate::fixture::{
    Real, STAFF, Scripted, create, error, grant, id, line, list, revoke, staff, update,
};
use crate::script::{Seen, Turn};

pub const HOME_EMAIL: &str = "emails[type eq \"home\"].value";

pub fn body(seen: &Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap()
}

/// Sends one change; what came of it and the requests.
pub async fn sent(
    profile: Profile,
    change: &Change,
    turns: Vec<Turn>,
) -> (Result<bool, String>, Vec<Seen>) {
    let requests = turns.len();
    let scripted = Scripted::with(profile, turns).await;
    let user = id("u");
    let account = match change {
        Change::Create { .. } => None,
        Change::Adopt { .. }
        | Change::Restore
        | Change::Update { .. }
        | Change::Enable
        | Change::Disable
        | Change::Delete
        | Change::RevokeSessions
        | Change::Grant { .. }
        | Change::Revoke { .. } => Some(&user),
    };
    let applied = scripted.target.apply(change, account).await;
    scripted.is_over(requests);
    let applied = applied.map(|a| a.unchanged).map_err(|e| line(&e));
    (applied, scripted.script.seen())
}

pub fn created() -> Turn {
    Turn::body(201, r#"{"id":"u"}"#)
}

pub fn user(rest: &Value) -> Turn {
    let mut user = json!({"id": "u", "userName": "ana", "active": true});
    user.as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    Turn::body(200, user.to_string())
}

#[tokio::test]
async fn exclude_members_is_sent_only_where_the_target_knows_it() {
    for (exclude_members, expected) in [
        (
            true,
            "/Groups?filter=displayName%20eq%20%22Staff%22&excludedAttributes=members",
        ),
        (false, "/Groups?filter=displayName%20eq%20%22Staff%22"),
    ] {
        let profile = Profile {
            exclude_members,
            ..Profile::rfc()
        };
        let turns = vec![staff("g"), Turn::status(204)];
        let (_, seen) = sent(profile, &grant(STAFF), turns).await;
        assert_eq!(seen[0].target, expected);
    }
}

#[tokio::test]
async fn find_by_says_what_a_look_up_can_prove() {
    let by = |find_by: &[FindBy]| Profile {
        find_by: find_by.to_vec(),
        ..Profile::rfc()
    };
    // By name only: a key is not asked for, and finding nothing proves nothing.
    let scripted = Scripted::with(by(&[FindBy::UserName]), []).await;
    let found = scripted.target.find(Lookup::Key("k")).await.unwrap();
    assert_eq!(found, Found::None);
    scripted.is_over(0);
    // So that a create asks for the name before it makes a second account.
    let ana = json!([{"id": "1", "userName": "ANA"}]);
    let two = json!([{"id": "1", "userName": "ana"}, {"id": "2", "userName": "ana"}]);
    let change = create(&[("userName", Some("ana"))]);
    for there in [ana, two] {
        let scripted = Scripted::with(by(&[FindBy::UserName]), [list(&there)]).await;
        let error = scripted.target.apply(&change, None).await.unwrap_err();
        assert!(matches!(error, TargetError::Conflict));
        scripted.is_over(1);
    }
    let turns = vec![list(&json!([])), created()];
    let (applied, seen) = sent(by(&[FindBy::UserName]), &change, turns).await;
    assert_eq!(applied, Ok(false));
    assert_eq!(seen[0].target, "/Users?filter=userName%20eq%20%22ana%22");
    // A look that fails makes nothing.
    let turns = vec![Turn::status(503)];
    let (applied, _) = sent(by(&[FindBy::UserName]), &change, turns).await;
    assert_eq!(
        applied.unwrap_err(),
        "retry: look-up of a user by `userName`: 503"
    );
    // By key: nothing is asked before, and a name is not answered by a guess.
    let (applied, _) = sent(by(&[FindBy::ExternalId]), &change, vec![created()]).await;
    assert_eq!(applied, Ok(false));
    for find_by in [&[FindBy::ExternalId][..], &[]] {
        let scripted = Scripted::with(by(find_by), []).await;
        let error = scripted.target.find(Lookup::UserName("canary")).await;
        assert_eq!(
            line(&error.unwrap_err()),
            "reject: accounts cannot be found by user name there: `find_by` of the target's \
             profile lacks `user_name`; find the account by hand and link it"
        );
        scripted.is_over(0);
    }
}

#[tokio::test]
async fn find_by_name_alone_makes_no_second_account_after_a_lost_answer() {
    let profile = Profile {
        find_by: vec![FindBy::UserName],
        ..Profile::rfc()
    };
    let real = Real::with(profile, Options::default()).await;
    real.fault(Fault::DropAfterCommit.once().method("POST"));
    let change = create(&[("userName", Some("ana")), ("externalId", Some("k1"))]);
    let error = real.target.apply(&change, None).await.unwrap_err();
    assert!(matches!(error, TargetError::Unknown { .. }));
    assert_eq!(real.fired(FaultKind::DropAfterCommit), 1);
    let key = real.target.find(Lookup::Key("k1")).await.unwrap();
    assert_eq!(key, Found::None);
    real.server.reset_calls();
    let error = real.target.apply(&change, None).await.unwrap_err();
    assert!(matches!(error, TargetError::Conflict));
    assert_eq!(real.server.calls().user_post, 0);
    let Found::One(account) = real.target.find(Lookup::UserName("ana")).await.unwrap() else {
        panic!("one");
    };
    // What can be read tells whose it is.
    assert_eq!(account.key.unwrap().reveal().as_ref(), "k1");
    assert_eq!(real.server.user_count(), 1);
}

#[tokio::test]
async fn page_size_is_at_least_one_and_at_most_a_thousand() {
    for (page_size, count) in [(0, 1), (1, 1), (1_000, 1_000), (u16::MAX, 1_000)] {
        let profile = Profile {
            page_size,
            ..Profile::rfc()
        };
        let scripted = Scripted::with(profile, [list(&json!([]))]).await;
        scripted.target.users(None).await.unwrap();
        let seen = scripted.script.seen();
        assert_eq!(seen[0].target, format!("/Users?startIndex=1&count={count}"));
    }
}

#[tokio::test]
async fn inactive_edits_a_blocked_account_is_left_alone() {
    let profile = Profile {
        inactive_edits: false,
        ..Profile::rfc()
    };
    let title = update(&[("title", Some("canary"))]);
    for active in [json!(false), json!("False")] {
        let turns = vec![user(&json!({"active": active}))];
        let (applied, _) = sent(profile.clone(), &title, turns).await;
        assert_eq!(
            applied.unwrap_err(),
            "reject: update of `title`: the account is blocked, and the target takes no changes \
             of a blocked account (`inactive_edits` of its profile); enable it first"
        );
    }
    let turns = vec![user(&json!({})), Turn::status(204)];
    let (applied, _) = sent(profile.clone(), &title, turns).await;
    assert_eq!(applied, Ok(false));
    // `active` itself goes through without a look.
    let (applied, seen) = sent(profile, &Change::Enable, vec![Turn::status(204)]).await;
    assert_eq!((applied, seen.len()), (Ok(false), 1));
    // A target that takes such changes is not asked before.
    let (applied, seen) = sent(Profile::rfc(), &title, vec![Turn::status(204)]).await;
    assert_eq!((applied, seen.len()), (Ok(false), 1));
}

#[tokio::test]
async fn hides_inactive_a_blocked_account_is_not_lost() {
    for (hides_inactive, expected) in [(true, Ok(true)), (false, Err("not found".to_owned()))] {
        let profile = Profile {
            hides_inactive,
            ..Profile::rfc()
        };
        let turns = vec![Turn::status(404)];
        let (applied, _) = sent(profile.clone(), &Change::Disable, turns.clone()).await;
        assert_eq!(applied, expected);
        // To enable it takes the account, hidden or not.
        let (applied, _) = sent(profile, &Change::Enable, turns).await;
        assert_eq!(applied, Err("not found".to_owned()));
    }
}

#[tokio::test]
async fn delete_is_done_when_the_target_says_so() {
    for delete in [
        DeleteEffect::Removes,
        DeleteEffect::Deactivates,
        DeleteEffect::Irreversible,
    ] {
        let profile = Profile {
            delete,
            ..Profile::rfc()
        };
        for (turn, unchanged) in [
            (Turn::status(204), false),
            (Turn::status(200), false),
            (Turn::status(202), false),
            (Turn::status(404), true),
        ] {
            let (applied, seen) = sent(profile.clone(), &Change::Delete, vec![turn]).await;
            assert_eq!(applied, Ok(unchanged));
            assert_eq!(seen[0].method, "DELETE");
        }
        let real = Real::with(profile, Options::default()).await;
        let ana = real.user("ana");
        real.fault(Fault::SoftDelete);
        real.target
            .apply(&Change::Delete, Some(&ana))
            .await
            .unwrap();
        let Found::One(account) = real.target.find(Lookup::Id(&ana)).await.unwrap() else {
            panic!("still there");
        };
        assert!(!account.active);
        assert_eq!(real.fired(FaultKind::SoftDelete), 1);
    }
}

#[tokio::test]
async fn user_name_that_does_not_fit_is_not_sent() {
    let rule = |user_name| Profile {
        user_name,
        ..Profile::rfc()
    };
    let short = rule(UserNameRule {
        max_len: Some(5),
        ..UserNameRule::default()
    });
    let email = rule(UserNameRule {
        email: true,
        ..UserNameRule::default()
    });
    for change in [
        create(&[("userName", Some("canary"))]),
        update(&[("userName", Some("canary"))]),
    ] {
        let (applied, _) = sent(short.clone(), &change, vec![]).await;
        assert!(applied.unwrap_err().contains("`user_name.max_len`"));
        let (applied, _) = sent(email.clone(), &change, vec![]).await;
        assert!(applied.unwrap_err().contains("`user_name.email`"));
    }
    // A target that keeps another case has the name already.
    let folded = Profile {
        patch: PatchStyle::Put,
        user_name: UserNameRule {
            folded: true,
            ..UserNameRule::default()
        },
        ..Profile::rfc()
    };
    let change = update(&[("userName", Some("ANA"))]);
    let (applied, _) = sent(folded, &change, vec![user(&json!({}))]).await;
    assert_eq!(applied, Ok(true));
}

#[tokio::test]
async fn required_attributes_are_there_before_anything_is_sent() {
    let profile = Profile {
        required: vec!["displayName".into()],
        ..Profile::rfc()
    };
    let change = create(&[("userName", Some("canary"))]);
    let (applied, _) = sent(profile.clone(), &change, vec![]).await;
    assert_eq!(
        applied.unwrap_err(),
        "reject: create of `userName`: there is no value for `displayName`, which the target's \
         profile lists under `required`; map it, or give the person one"
    );
    let change = create(&[("userName", Some("canary")), ("displayName", Some("Ana"))]);
    let (applied, _) = sent(profile, &change, vec![created()]).await;
    assert_eq!(applied, Ok(false));
}

#[tokio::test]
async fn conflicts_tell_a_409_that_is_about_something_else() {
    let profile = Profile {
        conflicts: vec![" ".into(), "Required_Field_Missing".into()],
        ..Profile::rfc()
    };
    let change = create(&[("userName", Some("ana"))]);
    for scim_type in ["", "uniqueness"] {
        let detail = "already REQUIRED_FIELD_MISSING [canary]";
        let turns = vec![error(409, scim_type, detail)];
        let (applied, _) = sent(profile.clone(), &change, turns.clone()).await;
        assert_eq!(
            applied.unwrap_err(),
            "reject: create of `userName`: 409 and no taken value, for its detail has \
             `Required_Field_Missing`, which the profile's `conflicts` name; give the account what \
             the target requires"
        );
        // Without the word in the profile, it looks like a taken name.
        let (applied, _) = sent(Profile::rfc(), &change, turns).await;
        assert_eq!(applied.unwrap_err(), "already taken");
    }
    let turns = vec![error(409, "", "already exists")];
    let (applied, _) = sent(profile, &change, turns).await;
    assert_eq!(applied.unwrap_err(), "already taken");
}

#[tokio::test]
async fn unproven_operations_are_refused_unsent() {
    let rename = update(&[("userName", Some("canary"))]);
    let title = update(&[("title", Some("canary"))]);
    let make = create(&[("userName", Some("canary"))]);
    let Change::Create { attrs, .. } = make.clone() else {
        panic!("a create");
    };
    let blocked = Change::Create {
        active: false,
        attrs,
    };
    for (operation, change) in [
        (Operation::Create, &make),
        (Operation::Disable, &blocked),
        (Operation::Update, &title),
        (Operation::Rename, &rename),
        (Operation::Disable, &Change::Disable),
        (Operation::Enable, &Change::Enable),
        (Operation::Delete, &Change::Delete),
        (Operation::Grant, &grant(STAFF)),
        (Operation::Revoke, &revoke(STAFF)),
    ] {
        let profile = Profile {
            unproven: [operation].into(),
            ..Profile::rfc()
        };
        let (applied, _) = sent(profile, change, vec![]).await;
        assert_eq!(
            applied.unwrap_err(),
            format!(
                "reject: the target's profile does not prove `{}` (`unproven`); run `lanyard \
                 probe`, or say in the profile that it works",
                operation.name()
            )
        );
    }
    let profile = Profile {
        unproven: [Operation::List].into(),
        ..Profile::rfc()
    };
    let scripted = Scripted::with(profile, [list(&json!([]))]).await;
    let error = scripted.target.users(None).await.unwrap_err();
    assert!(line(&error).starts_with("reject: the target's profile does not prove `list`"));
    // Groups are another listing.
    scripted.target.groups(None).await.unwrap();
    scripted.is_over(1);
}
