//! Dialects together with options and faults.

use scim_target::{
    Dialect, Fault, FaultKind, FilterForms, Options, Paging, PatchAnswer, PatchForm, Truth,
    UnknownMembers,
};
use serde_json::json;

use crate::harness::USER;
use crate::steps::{
    delete, dialect, get, join, leave, mail, patch, person, plus, post, run, set, with,
};

const ANA: &str = "/Users/{ana}";

#[tokio::test]
async fn options_that_are_named_override_the_dialect() {
    let fixture = with(Options {
        dialect: Dialect::AwsIamIdentityCenter,
        max_page: 2,
        user_patch: PatchAnswer::NoContent,
        group_patch: PatchAnswer::Full,
        unknown_members_refused: false,
        cursor_total: false,
        ..Options::default()
    })
    .await;
    let truth = fixture.target.truth();
    assert_eq!((truth.paging.max_page, truth.paging.single_page), (2, 2));
    assert_eq!(truth.groups.unknown_members, UnknownMembers::Kept);
    // What is not named stays the dialect's.
    assert_eq!(truth.groups.change_limit, Some(100));
    assert_eq!(truth.paging.method, Paging::CursorOrOnePage);
    let steps = vec![
        get("/Users").lists(["ana@x.org", "bo@x.org"]),
        get("/Users?cursor")
            .lists(["ana@x.org"])
            .shows("/totalResults", json!(null)),
        patch(ANA, set("title", "U")).answers(204),
        patch("/Groups/{staff}", join("ghost")).answers(200),
    ];
    run(&fixture, steps).await;
    let staff = fixture.target.group_by_display_name("staff").unwrap();
    assert_eq!(staff.members.len(), 2);
    fixture.target.set_paging(Paging::IndexOnly);
    assert_eq!(fixture.target.truth().paging.method, Paging::IndexOnly);
    assert_eq!(
        fixture.get("/Users?startIndex=3").await.names(),
        ["cy@x.org"]
    );
}

#[tokio::test]
async fn a_truth_of_its_own_replaces_the_dialect() {
    let mut truth = Truth::COMMON;
    truth.filters.users = FilterForms::Equality(&[&["title"]]);
    let fixture = with(Options {
        dialect: Dialect::Slack,
        truth: Some(truth.clone()),
        ..Options::default()
    })
    .await;
    assert_eq!(fixture.target.truth(), truth);
    let steps = vec![
        get("/Users?filter=title eq \"T\"").shows("/totalResults", 3),
        get("/Users?filter=userName eq \"bo@x.org\"").refused(400, "invalidFilter"),
    ];
    run(&fixture, steps).await;
}

/// A fault counts only when it makes a difference to what the dialect does anyway.
#[tokio::test]
async fn a_fault_that_the_dialect_has_does_not_fire() {
    let fixture = dialect(Dialect::Atlassian).await;
    fixture.fault(Fault::HideInactive);
    fixture.fault(Fault::SoftDelete);
    let steps = vec![get("/Users/{cy}").answers(404), get("/Users"), delete(ANA)];
    run(&fixture, steps).await;
    assert!(fixture.target.faults().all_fired().is_empty());

    let fixture = dialect(Dialect::Slack).await;
    fixture.fault(Fault::LowercaseUserName);
    run(
        &fixture,
        vec![post("/Users", plus(person("Di"), mail("di")))],
    )
    .await;
    assert!(fixture.target.faults().all_fired().is_empty());

    let fixture = dialect(Dialect::Okta).await;
    fixture.fault(Fault::IntegerStatus);
    fixture.fault(Fault::ResourcesAbsent);
    let nobody = "/Users?filter=userName eq \"no@x.org\"";
    run(&fixture, vec![get("/Users/none").answers(404), get(nobody)]).await;
    assert!(fixture.target.faults().all_fired().is_empty());

    let fixture = dialect(Dialect::GoogleCloudIdentity).await;
    fixture.fault(Fault::NoPaging);
    run(&fixture, vec![get("/Users?count=1")]).await;
    assert!(fixture.target.faults().all_fired().is_empty());
}

#[tokio::test]
async fn faults_come_on_top_of_a_dialect() {
    let fixture = dialect(Dialect::Slack).await;
    fixture.fault(Fault::PatchForm {
        form: PatchForm::ValueListRemove,
    });
    fixture.fault(Fault::GroupChangeLimit { max: 1 });
    fixture.fault(Fault::IgnoreActive { echo: false });
    fixture.fault(Fault::Status { code: 503 }.once().method("POST"));
    let two = json!([{ "op": "add", "path": "members", "value": [{ "value": "{ana}" }, { "value": "{bo}" }] }]);
    let body =
        || json!({ "schemas": [USER], "userName": "di", "emails": [{ "value": "d@x.org" }] });
    let steps = vec![
        patch("/Groups/{staff}", leave("{ana}")).refused(400, "invalidPath"),
        patch("/Groups/{staff}", two).refused(400, "invalidValue"),
        patch(ANA, set("active", false)).shows("/active", true),
        post("/Users", body()).refused(503, ""),
        post("/Users", body()),
    ];
    run(&fixture, steps).await;
    let fired: Vec<FaultKind> = fixture.target.faults().all_fired().into_keys().collect();
    assert_eq!(fired.len(), 4, "{fired:?}");
}
