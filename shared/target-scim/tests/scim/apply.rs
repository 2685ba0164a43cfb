//! Changes against a stateful server: what they leave behind, and what they leave alone.

use domain::change::AttrChange;
use domain::{Change, Pii, Slot};
use ports::target::{Found, Lookup, TargetError};
use ports::{Apply, Observe};
use scim_target::{
    AddPresent, ConflictStyle, Fault, FaultKind, PatchAnswer, PatchForm, RemoveAbsent, RetryAfter,
};
use serde_json::json;

use crate::fixture::{
    DEPARTMENT, ENTERPRISE, MANAGER, Real, STAFF, WORK_EMAIL, WORK_PHONE, create, grant, line,
    revoke, update,
};

#[tokio::test]
async fn a_user_is_created_as_mapped() {
    let real = Real::new().await;
    let boss = real.user("boss");
    let change = create(&[
        ("userName", Some("ana")),
        ("externalId", Some("k1")),
        ("displayName", Some("Ana Souza")),
        ("name.givenName", Some("Ana")),
        ("name.familyName", Some("Souza")),
        (WORK_EMAIL, Some("ana@example.com")),
        (WORK_PHONE, Some("+49 30 1")),
        ("title", None),
        (DEPARTMENT, Some("Ops")),
        (MANAGER, Some(boss.as_str())),
    ]);
    let applied = real.target.apply(&change, None).await.unwrap();
    let user = real.json(&applied.id);
    assert_eq!(user["userName"], "ana");
    assert_eq!(user["externalId"], "k1");
    assert_eq!(user["active"], true);
    assert_eq!(user["emails"][0]["primary"], true);
    assert_eq!(user["emails"][0]["value"], "ana@example.com");
    assert_eq!(user[ENTERPRISE]["department"], "Ops");
    assert_eq!(user[ENTERPRISE]["manager"]["value"], boss.as_str());
    assert_eq!(user.get("title"), None);
    // And it is found again, the same, by each of its names.
    let mut seen = Vec::new();
    for lookup in [
        Lookup::Id(&applied.id),
        Lookup::Key("k1"),
        Lookup::UserName("ANA"),
    ] {
        let Found::One(account) = real.target.find(lookup).await.unwrap() else {
            panic!("{lookup:?}");
        };
        seen.push(*account);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    let Change::Create { attrs, .. } = change else {
        panic!("a create")
    };
    for (path, change) in attrs {
        let want = (*change.want.reveal() != Slot::Null).then_some(&change.want);
        assert_eq!(seen[0].attrs.get(&path), want, "{path}");
    }
    assert!(seen[0].created.is_some());
}

#[tokio::test]
async fn a_disabled_user_is_created_disabled() {
    let real = Real::new().await;
    let change = Change::Create {
        active: false,
        attrs: crate::fixture::attrs(&[("userName", Some("ana"))]),
    };
    let applied = real.target.apply(&change, None).await.unwrap();
    assert!(!real.server.user(applied.id.as_str()).unwrap().active);
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_and_changes_nothing() {
    let real = Real::new().await;
    let ana = real.user("ana");
    let before = real.server.digest();
    let change = create(&[("userName", Some("ANA")), ("externalId", Some("k2"))]);
    let error = real.target.apply(&change, None).await.unwrap_err();
    assert!(matches!(error, TargetError::Conflict));
    let bo = real.user("bo");
    let error = real
        .target
        .apply(&update(&[("userName", Some("ana"))]), Some(&bo))
        .await;
    assert!(matches!(error, Err(TargetError::Conflict)));
    assert!(real.server.delete_user(bo.as_str()));
    assert_eq!(real.server.digest(), before);
    assert!(real.server.user(ana.as_str()).is_some());
}

#[tokio::test]
async fn a_409_for_another_reason_is_no_conflict() {
    let real = Real::new().await;
    let style = ConflictStyle::Unrelated;
    real.fault(Fault::CreateConflict { style });
    let error = real
        .target
        .apply(&create(&[("userName", Some("ana"))]), None)
        .await;
    assert!(line(&error.unwrap_err()).starts_with("reject: create of `userName`: 409"));
    assert_eq!(real.fired(FaultKind::CreateConflict), 1);
}

#[tokio::test]
async fn an_account_is_adopted_by_writing_our_key() {
    let real = Real::new().await;
    let ana = real
        .server
        .insert_user(json!({"userName": "ana", "title": "Boss"}))
        .unwrap();
    let change = Change::Adopt {
        key: AttrChange {
            was: None,
            want: Pii::new("k1".into()),
        },
    };
    let applied = real
        .target
        .apply(&change, Some(&ana.id.clone().into()))
        .await
        .unwrap();
    assert_eq!(applied.id.as_str(), ana.id);
    let user = real.server.user(&ana.id).unwrap();
    assert_eq!(user.external_id.as_deref(), Some("k1"));
    assert_eq!(user.json["title"], "Boss");
}

#[tokio::test]
async fn an_update_sets_adds_and_clears_in_one_request() {
    let real = Real::new().await;
    let ana = real.server.insert_user(json!({
        "userName": "ana", "title": "Boss", "nickName": "kept",
        "name": {"givenName": "Ana", "familyName": "Old"},
        "emails": [{"type": "home", "value": "a@h.example"}, {"type": "work", "value": "old@w.example"}],
    })).unwrap();
    let id = ana.id.into();
    let change = update(&[
        ("name.familyName", Some("New")),
        ("title", None),
        (WORK_EMAIL, Some("new@w.example")),
        (DEPARTMENT, Some("Ops")),
    ]);
    real.server.reset_calls();
    let applied = real.target.apply(&change, Some(&id)).await.unwrap();
    assert!(!applied.unchanged);
    assert_eq!(real.server.calls().total(), 1);
    let user = real.json(&id);
    assert_eq!(
        user["name"],
        json!({"givenName": "Ana", "familyName": "New"})
    );
    assert_eq!(user.get("title"), None);
    assert_eq!(user["nickName"], "kept");
    assert_eq!(user["emails"][0]["value"], "a@h.example");
    assert_eq!(user["emails"][1]["value"], "new@w.example");
    assert_eq!(user[ENTERPRISE]["department"], "Ops");
}

#[tokio::test]
async fn a_first_element_is_added_beside_the_others() {
    let real = Real::new().await;
    let ana = real
        .server
        .insert_user(json!({
            "userName": "ana", "emails": [{"type": "home", "value": "a@h.example"}],
        }))
        .unwrap();
    let id = ana.id.into();
    let change = update(&[
        (WORK_EMAIL, Some("a@w.example")),
        (WORK_PHONE, Some("1")),
        ("title", Some("Boss")),
    ]);
    real.target.apply(&change, Some(&id)).await.unwrap();
    let user = real.json(&id);
    assert_eq!(user["title"], "Boss");
    assert_eq!(user["emails"].as_array().unwrap().len(), 2);
    assert_eq!(user["emails"][0]["value"], "a@h.example");
    assert_eq!(user["emails"][1]["value"], "a@w.example");
    assert_eq!(user["phoneNumbers"][0]["value"], "1");
    let clear = update(&[(WORK_EMAIL, None), (WORK_PHONE, None)]);
    real.target.apply(&clear, Some(&id)).await.unwrap();
    // Clearing twice is as good as once.
    real.target.apply(&clear, Some(&id)).await.unwrap();
    let Found::One(account) = real.target.find(Lookup::Id(&id)).await.unwrap() else {
        panic!("gone");
    };
    assert_eq!(account.attrs.get(WORK_EMAIL), None);
    assert_eq!(account.attrs.get(WORK_PHONE), None);
    assert_eq!(real.json(&id)["emails"][0]["value"], "a@h.example");
}

#[tokio::test]
async fn sign_in_is_blocked_and_restored() {
    let real = Real::new().await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    let bo_before = real.json(&bo);
    for style in [
        PatchAnswer::Full,
        PatchAnswer::NoContent,
        PatchAnswer::Empty,
    ] {
        real.fault(Fault::PatchAnswer { style });
        for (change, active) in [
            (Change::Disable, false),
            (Change::Disable, false),
            (Change::Enable, true),
        ] {
            real.server.reset_calls();
            real.target.apply(&change, Some(&ana)).await.unwrap();
            assert_eq!(real.server.user(ana.as_str()).unwrap().active, active);
            assert_eq!(real.server.calls().total(), 1);
        }
        real.server.faults().clear();
    }
    assert_eq!(real.json(&bo), bo_before);
}

#[tokio::test]
async fn a_target_of_the_other_form_is_served() {
    for (form, active) in [
        (PatchForm::PathlessOnly, false),
        (PatchForm::PathOnly, false),
    ] {
        let real = Real::new().await;
        let ana = real.user("ana");
        let group = real.group("Staff", &[]);
        real.fault(Fault::PatchForm { form });
        real.target
            .apply(&Change::Disable, Some(&ana))
            .await
            .unwrap();
        real.target
            .apply(&update(&[("title", Some("Boss"))]), Some(&ana))
            .await
            .unwrap();
        real.target.apply(&grant(STAFF), Some(&ana)).await.unwrap();
        let user = real.server.user(ana.as_str()).unwrap();
        assert_eq!((user.active, &user.json["title"]), (active, &json!("Boss")));
        assert_eq!(real.members(&group), [ana.as_str()]);
        let fired = real.fired(FaultKind::PatchForm);
        assert_eq!(fired > 0, form == PatchForm::PathlessOnly);
    }
}

#[tokio::test]
async fn an_ignored_block_is_visible_to_the_read_back() {
    for echo in [false, true] {
        let real = Real::new().await;
        let ana = real.user("ana");
        real.fault(Fault::IgnoreActive { echo });
        real.target
            .apply(&Change::Disable, Some(&ana))
            .await
            .unwrap();
        // Both forms were tried where the answer showed that the first had no effect.
        assert_eq!(
            real.fired(FaultKind::IgnoreActive),
            if echo { 1 } else { 2 }
        );
        let Found::One(account) = real.target.find(Lookup::Id(&ana)).await.unwrap() else {
            panic!("gone");
        };
        assert!(account.active);
    }
}

#[tokio::test]
async fn delete_is_done_once_and_true_twice() {
    let real = Real::new().await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    let applied = real
        .target
        .apply(&Change::Delete, Some(&ana))
        .await
        .unwrap();
    assert!(!applied.unchanged);
    let applied = real
        .target
        .apply(&Change::Delete, Some(&ana))
        .await
        .unwrap();
    assert!(applied.unchanged);
    assert!(real.server.user(ana.as_str()).is_none());
    assert!(real.server.user(bo.as_str()).is_some());
}

#[tokio::test]
async fn one_member_comes_and_goes_and_the_others_stay() {
    let real = Real::new().await;
    let (ana, bo, cy) = (real.user("ana"), real.user("bo"), real.user("cy"));
    let staff = real.group("staff", &[&bo, &cy]);
    let admins = real.group("Admins", &[&bo]);
    real.server.reset_calls();
    for _ in 0..2 {
        real.target.apply(&grant(STAFF), Some(&ana)).await.unwrap();
        assert_eq!(
            real.members(&staff),
            [bo.as_str(), cy.as_str(), ana.as_str()]
        );
    }
    for _ in 0..2 {
        real.target.apply(&revoke(STAFF), Some(&bo)).await.unwrap();
        assert_eq!(real.members(&staff), [cy.as_str(), ana.as_str()]);
    }
    assert_eq!(real.members(&admins), [bo.as_str()]);
    // The group was looked up once for all four.
    assert_eq!(real.server.calls().group_list, 1);
    assert_eq!(real.server.calls().group_patch, 4);
    assert_eq!(real.server.calls().total(), 5);
}

#[tokio::test]
async fn present_and_absent_members_are_no_errors_whatever_the_target_says() {
    let real = Real::new().await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    let staff = real.group("Staff", &[&bo]);
    for answer in [RemoveAbsent::NoTarget, RemoveAbsent::NotFound] {
        real.fault(Fault::RemoveAbsentMember { answer }.once());
        let applied = real.target.apply(&revoke(STAFF), Some(&ana)).await.unwrap();
        assert!(applied.unchanged);
    }
    assert_eq!(real.fired(FaultKind::RemoveAbsentMember), 2);
    let answer = AddPresent::Conflict;
    real.fault(Fault::AddPresentMember { answer }.once());
    let applied = real.target.apply(&grant(STAFF), Some(&bo)).await.unwrap();
    assert!(applied.unchanged);
    assert_eq!(real.fired(FaultKind::AddPresentMember), 1);
    assert_eq!(real.members(&staff), [bo.as_str()]);
}

#[tokio::test]
async fn a_group_that_was_made_again_is_found_again() {
    let real = Real::new().await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    let first = real.group("Staff", &[]);
    real.target.apply(&grant(STAFF), Some(&ana)).await.unwrap();
    assert!(real.server.delete_group(&first));
    let second = real.group("Staff", &[]);
    real.target.apply(&grant(STAFF), Some(&bo)).await.unwrap();
    assert_eq!(real.members(&second), [bo.as_str()]);
    assert!(real.server.delete_group(&second));
    for change in [grant(STAFF), revoke(STAFF)] {
        let error = real.target.apply(&change, Some(&bo)).await.unwrap_err();
        assert!(line(&error).starts_with("reject: the target has no group for `wiki/staff`"));
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_an_account_that_the_next_look_finds() {
    for (fault, exists) in [
        (Fault::DropAfterCommit, true),
        (Fault::HangAfterCommit, true),
        (Fault::DropBeforeCommit, false),
        (Fault::HangBeforeCommit, false),
    ] {
        let real = Real::new().await;
        let kind = fault.kind();
        real.fault(fault.once().method("POST"));
        let change = create(&[("userName", Some("ana")), ("externalId", Some("k1"))]);
        let error = real.target.apply(&change, None).await.unwrap_err();
        assert!(matches!(error, TargetError::Unknown { .. }), "{kind:?}");
        assert_eq!(real.fired(kind), 1);
        let found = real.target.find(Lookup::Key("k1")).await.unwrap();
        assert_eq!(matches!(found, Found::One(_)), exists, "{kind:?}");
        assert_eq!(real.server.user_count(), usize::from(exists));
    }
}

#[tokio::test]
async fn passing_trouble_is_told_apart_from_lasting_trouble() {
    let real = Real::new().await;
    let ana = real.user("ana");
    let retry_after = RetryAfter::Seconds(3);
    for (fault, expected) in [
        (
            Fault::TooManyRequests { retry_after },
            "retry after 3 s: disable: 429",
        ),
        (Fault::HtmlBadGateway, "retry: disable: 502"),
        (Fault::Status { code: 503 }, "retry: disable: 503"),
        (
            Fault::Status { code: 501 },
            "reject: disable: 501, the target does not support this",
        ),
        (
            Fault::Unauthorized,
            "halt: the target refuses the token (401); renew the secret `wiki-token`",
        ),
    ] {
        let kind = fault.kind();
        real.server.faults().reset_fired();
        real.fault(fault.once());
        let error = real.target.apply(&Change::Disable, Some(&ana)).await;
        assert_eq!(line(&error.unwrap_err()), expected);
        assert_eq!(real.fired(kind), 1);
        real.server.faults().clear();
    }
    assert!(real.server.user(ana.as_str()).unwrap().active);
}

#[tokio::test]
async fn two_dialects_of_errors_are_read() {
    let real = Real::new().await;
    real.user("ana");
    real.fault(Fault::IntegerStatus);
    real.fault(Fault::SchemasAsString);
    let error = real
        .target
        .apply(&create(&[("userName", Some("ana"))]), None)
        .await;
    assert!(matches!(error, Err(TargetError::Conflict)));
    assert_eq!(real.fired(FaultKind::IntegerStatus), 1);
}
