//! New users: what is sent, names that are taken, answers that are lost.

use domain::Change;
use graph_target::{DuplicateStyle, Fault, FaultKind, Refusal};
use ports::Apply;
use ports::target::TargetError;

use crate::fixture::{World, ana, attrs, create, line, lines, update};

#[tokio::test]
async fn a_user_is_made_with_what_is_mapped_and_a_password_that_nobody_knows() {
    let world = World::new().await;
    let boss = world.user("boss");
    let change = Change::Create {
        active: false,
        attrs: attrs(&[
            ("userName", Some("ana.silva@contoso.com")),
            ("externalId", Some("E1")),
            ("displayName", Some("Ana Silva")),
            ("givenName", Some("Ana")),
            ("jobTitle", None),
            ("employeeOrgData.costCenter", Some("4130")),
            ("employeeHireDate", Some("2026-11-02")),
            ("usageLocation", Some("PT")),
            ("businessPhones", Some("+351 1")),
            ("manager", Some(boss.as_str())),
        ]),
    };
    let (made, calls, writes) = world.cost(world.target.apply(&change, None)).await;
    let id = made.unwrap().id;
    assert_eq!((calls, writes), (1, 1));
    let user = world.graph.user(id.as_str()).unwrap();
    assert!(!user.account_enabled);
    assert_eq!(user.employee_id.as_deref(), Some("E1"));
    assert_eq!(user.text("mailNickname"), Some("ana.silva"));
    assert_eq!(user.properties["employeeOrgData"]["costCenter"], "4130");
    assert_eq!(user.text("employeeHireDate"), Some("2026-11-02T00:00:00Z"));
    assert_eq!(user.properties["businessPhones"][0], "+351 1");
    assert_eq!(user.manager.as_deref(), Some(boss.as_str()));
    let first = user.password.unwrap();
    assert!(first.len() >= 24);
    let other = create(&[
        ("userName", Some("bo@contoso.com")),
        ("displayName", Some("Bo")),
    ]);
    let id = world.target.apply(&other, None).await.unwrap().id;
    let user = world.graph.user(id.as_str()).unwrap();
    assert!(user.account_enabled);
    assert_ne!(user.password.unwrap(), first);
}

#[tokio::test]
async fn what_graph_requires_is_asked_for_before_anything_is_sent() {
    let world = World::new().await;
    for (values, word) in [
        (vec![("displayName", Some("Ana"))], "needs `userName`"),
        (
            vec![("userName", Some("a@contoso.com"))],
            "needs `displayName`",
        ),
        (
            vec![
                ("userName", Some("josé@contoso.com")),
                ("displayName", Some("J")),
            ],
            "letters without accents",
        ),
        (
            vec![
                ("userName", Some("a@contoso.com")),
                ("displayName", Some("J")),
                ("manager", Some("../x")),
            ],
            "no object id",
        ),
    ] {
        let text = line(&world.target.apply(&create(&values), None).await);
        assert!(
            text.starts_with("reject: ") && text.contains(word),
            "{text}"
        );
        assert!(!text.contains("josé"), "{text}");
    }
    assert_eq!(world.target.calls(), 0);
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_in_every_form_of_the_answer() {
    for style in [
        DuplicateStyle::BadRequest,
        DuplicateStyle::BadRequestWithDetails,
        DuplicateStyle::Conflict,
    ] {
        let world = World::new().await;
        world.user("ana");
        world.fault(Fault::DuplicateAnswer { style }.always());
        let answer = world.target.apply(&ana(), None).await;
        assert!(matches!(answer, Err(TargetError::Conflict)), "{style:?}");
        assert_eq!(world.fired(FaultKind::DuplicateAnswer), 1);
        assert_eq!(world.graph.user_count(), 1);
        let bo = world.user("bo");
        let rename = update(&[("userName", Some("ana@contoso.com"))]);
        let answers = world.target.apply_all(&[rename], &bo).await;
        assert!(
            matches!(answers[..], [Err(TargetError::Conflict)]),
            "{style:?}"
        );
        assert_eq!(world.fired(FaultKind::DuplicateAnswer), 2);
    }
}

#[tokio::test]
async fn a_conflict_that_nobody_can_see_is_one_where_codes_say_so() {
    for (style, conflict) in [
        (DuplicateStyle::BadRequest, false),
        (DuplicateStyle::BadRequestWithDetails, true),
        (DuplicateStyle::Conflict, true),
    ] {
        let world = World::new().await;
        world.fault(Fault::CreateConflict { style }.once());
        let answer = world.target.apply(&ana(), None).await;
        assert_eq!(world.fired(FaultKind::CreateConflict), 1);
        assert_eq!(matches!(answer, Err(TargetError::Conflict)), conflict);
        let text = line(&answer);
        assert!(
            conflict || text.starts_with("reject: create of a user: 400"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_bad_value_is_no_conflict() {
    let world = World::new().await;
    let change = create(&[
        ("userName", Some("ana@contoso.com")),
        ("displayName", Some("Ana")),
        ("externalId", Some("an employee id that is too long")),
    ]);
    let text = line(&world.target.apply(&change, None).await);
    assert!(text.contains("400 Request_BadRequest"), "{text}");
    assert!(text.contains("refuses one"), "{text}");
    assert!(world.graph.refused(Refusal::Invalid) >= 1);
}

#[tokio::test]
async fn a_lost_answer_is_neither_made_nor_refused() {
    for fault in [
        Fault::DropAfterCommit,
        Fault::HangAfterCommit,
        Fault::StatusAfterCommit { code: 500 },
        Fault::StatusAfterCommit { code: 504 },
        Fault::HtmlBadGateway,
    ] {
        let world = World::new().await;
        world.fault(fault.clone().once().method("POST").path("/users"));
        let answer = world.target.apply(&ana(), None).await;
        assert!(
            matches!(answer, Err(TargetError::Unknown { .. })),
            "{fault:?}"
        );
        assert_eq!(world.fired(fault.kind()), 1);
    }
}

#[tokio::test]
async fn an_update_clears_what_can_be_cleared_and_nothing_else() {
    let world = World::new().await;
    let id = world.user("ana");
    let full = update(&[
        ("department", Some("Ops")),
        ("businessPhones", Some("1")),
        ("employeeOrgData.costCenter", Some("1")),
        ("manager", Some(world.user("boss").as_str())),
    ]);
    assert_eq!(lines(&world.target.apply_all(&[full], &id).await), ["done"]);
    let clear = update(&[
        ("department", None),
        ("businessPhones", None),
        ("manager", None),
    ]);
    let answers = world
        .target
        .apply_all(std::slice::from_ref(&clear), &id)
        .await;
    assert_eq!(lines(&answers), ["done"]);
    let user = world.graph.user(id.as_str()).unwrap();
    assert_eq!(
        (user.text("department"), user.manager.as_deref()),
        (None, None)
    );
    assert_eq!(user.properties["employeeOrgData"]["costCenter"], "1");
    // A manager that is not there is cleared already.
    let again = update(&[("manager", None)]);
    assert_eq!(
        lines(&world.target.apply_all(&[again], &id).await),
        ["so already"]
    );
    for path in ["displayName", "usageLocation", "mailNickname", "userName"] {
        let calls = world.target.calls();
        let text = lines(
            &world
                .target
                .apply_all(&[update(&[(path, None)])], &id)
                .await,
        );
        assert!(
            text[0].starts_with("reject: ") && text[0].contains("cleared"),
            "{text:?}"
        );
        assert_eq!(world.target.calls(), calls);
    }
}

#[tokio::test]
async fn an_account_is_adopted_by_writing_our_key_alone() {
    let world = World::new().await;
    let id = world.user("ana");
    let key = attrs(&[("externalId", Some("E1"))])["externalId"].clone();
    let answers = world.target.apply_all(&[Change::Adopt { key }], &id).await;
    assert_eq!(lines(&answers), ["done"]);
    let user = world.graph.user(id.as_str()).unwrap();
    assert_eq!(user.employee_id.as_deref(), Some("E1"));
    assert_eq!(user.user_principal_name, "ana@contoso.com");
}
