//! Faults of PATCH.

use scim_target::{AddPresent, Fault, FaultKind, PatchAnswer, PatchForm, RemoveAbsent};
use serde_json::{Value, json};

use crate::harness::{Fixture, USER};

fn title(value: &str) -> Value {
    json!([{ "op": "replace", "path": "title", "value": value }])
}

#[tokio::test]
async fn a_patch_answers_in_three_ways() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    for (style, status, body) in [
        (PatchAnswer::NoContent, 204, false),
        (PatchAnswer::Empty, 200, false),
        (PatchAnswer::Full, 200, true),
    ] {
        fixture.fault(Fault::PatchAnswer { style }.once());
        let answer = fixture
            .patch(&path, title(&format!("{style:?}")))
            .await
            .is(status);
        assert_eq!(!answer.text.is_empty(), body);
        assert!(!answer.header("etag").is_empty());
        assert_eq!(fixture.get(&path).await.json["title"], format!("{style:?}"));
    }
    assert_eq!(fixture.fired_kind(FaultKind::PatchAnswer), 3);
}

#[tokio::test]
async fn only_operations_with_a_path_are_understood() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    fixture.fault(Fault::PatchForm {
        form: PatchForm::PathOnly,
    });
    fixture.patch(&path, title("T")).await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::PatchForm), 0);
    let pathless = json!([{ "op": "replace", "value": { "title": "X" } }]);
    fixture
        .patch(&path, pathless)
        .await
        .refuses(400, "invalidPath");
    assert_eq!(fixture.fired_kind(FaultKind::PatchForm), 1);
    assert_eq!(fixture.get(&path).await.json["title"], "T");
}

#[tokio::test]
async fn only_operations_without_a_path_are_understood() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    fixture.fault(Fault::PatchForm {
        form: PatchForm::PathlessOnly,
    });
    let pathless = json!([{ "op": "replace", "value": { "title": "T" } }]);
    fixture.patch(&path, pathless).await.is(200);
    fixture
        .patch(&path, title("X"))
        .await
        .refuses(400, "invalidPath");
    assert_eq!(fixture.fired_kind(FaultKind::PatchForm), 1);
    assert_eq!(fixture.get(&path).await.json["title"], "T");
}

#[tokio::test]
async fn only_a_value_list_removes_members() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let id = fixture.group("staff", &["ana", "bo"]);
    let path = format!("/Groups/{id}");
    let ana = fixture.id("ana");
    fixture.fault(Fault::PatchForm {
        form: PatchForm::ValueListRemove,
    });
    let filtered = json!([{ "op": "remove", "path": format!("members[value eq \"{ana}\"]") }]);
    fixture
        .patch(&path, filtered)
        .await
        .refuses(400, "invalidPath");
    assert_eq!(fixture.members(&id), ["ana", "bo"]);
    let listed = json!([{ "op": "Remove", "path": "members", "value": [{ "value": ana }] }]);
    fixture.patch(&path, listed).await.is(204);
    assert_eq!(fixture.members(&id), ["bo"]);
    assert_eq!(fixture.fired_kind(FaultKind::PatchForm), 2);
}

#[tokio::test]
async fn active_is_accepted_and_ignored() {
    for (echo, shown) in [(false, true), (true, false)] {
        let fixture = Fixture::of(&["ana"]).await;
        let path = format!("/Users/{}", fixture.id("ana"));
        fixture.fault(Fault::IgnoreActive { echo });
        let operations = json!([
            { "op": "replace", "path": "active", "value": false },
            { "op": "replace", "path": "title", "value": "T" },
        ]);
        let answer = fixture.patch(&path, operations).await.is(200);
        assert_eq!(answer.json["active"], shown);
        let read = fixture.get(&path).await.json;
        assert_eq!(
            (&read["active"], &read["title"]),
            (&json!(true), &json!("T"))
        );
        assert_eq!(fixture.fired_kind(FaultKind::IgnoreActive), 1);
        let body = json!({ "schemas": [USER], "userName": "ana", "active": false });
        assert_eq!(fixture.put(&path, body).await.is(200).json["active"], shown);
        assert!(fixture.target.user_by_user_name("ana").unwrap().active);
        fixture.patch(&path, title("U")).await.is(200);
        assert_eq!(fixture.fired_kind(FaultKind::IgnoreActive), 2);
    }
}

#[tokio::test]
async fn an_absent_member_is_removed() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let id = fixture.group("staff", &["ana"]);
    let path = format!("/Groups/{id}");
    let filter = format!("members[value eq \"{}\"]", fixture.id("bo"));
    let remove = json!([{ "op": "remove", "path": filter }]);
    for (answer, status, scim_type) in [
        (RemoveAbsent::NoTarget, 400, "noTarget"),
        (RemoveAbsent::NotFound, 404, ""),
    ] {
        fixture.fault(Fault::RemoveAbsentMember { answer }.once());
        fixture
            .patch(&path, remove.clone())
            .await
            .refuses(status, scim_type);
    }
    fixture.fault(
        Fault::RemoveAbsentMember {
            answer: RemoveAbsent::Success,
        }
        .once(),
    );
    fixture.patch(&path, remove).await.is(204);
    assert_eq!(fixture.fired_kind(FaultKind::RemoveAbsentMember), 3);
    assert_eq!(fixture.members(&id), ["ana"]);
}

#[tokio::test]
async fn a_present_member_is_added() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let id = fixture.group("staff", &["ana"]);
    let path = format!("/Groups/{id}");
    let add = |name: &str| json!([{ "op": "add", "path": "members", "value": [{ "value": fixture.id(name) }] }]);
    fixture.fault(
        Fault::AddPresentMember {
            answer: AddPresent::Conflict,
        }
        .once(),
    );
    fixture.patch(&path, add("bo")).await.is(204);
    assert_eq!(fixture.fired_kind(FaultKind::AddPresentMember), 0);
    fixture
        .patch(&path, add("bo"))
        .await
        .refuses(409, "uniqueness");
    fixture.fault(
        Fault::AddPresentMember {
            answer: AddPresent::Success,
        }
        .once(),
    );
    fixture.patch(&path, add("bo")).await.is(204);
    assert_eq!(fixture.fired_kind(FaultKind::AddPresentMember), 2);
}

#[tokio::test]
async fn removing_one_member_clears_the_group() {
    for listed in [false, true] {
        let fixture = Fixture::of(&["ana", "bo", "cy"]).await;
        let id = fixture.group("staff", &["ana", "bo", "cy"]);
        let ana = fixture.id("ana");
        fixture.fault(Fault::RemoveClearsGroup);
        let remove = if listed {
            json!([{ "op": "remove", "path": "members", "value": [{ "value": ana }] }])
        } else {
            json!([{ "op": "remove", "path": format!("members[value eq \"{ana}\"]") }])
        };
        fixture
            .patch(&format!("/Groups/{id}"), remove)
            .await
            .is(204);
        assert!(fixture.members(&id).is_empty());
        assert_eq!(fixture.fired_kind(FaultKind::RemoveClearsGroup), 1);
    }
}

#[tokio::test]
async fn a_group_takes_so_many_changes_at_once() {
    let fixture = Fixture::of(&["a", "b", "c"]).await;
    let id = fixture.group("staff", &["c"]);
    let path = format!("/Groups/{id}");
    let [a, b, c] = ["a", "b", "c"].map(|name| fixture.id(name));
    fixture.fault(Fault::GroupChangeLimit { max: 2 });
    let operations = json!([
        { "op": "add", "path": "members", "value": [{ "value": a }, { "value": b }] },
        { "op": "remove", "path": format!("members[value eq \"{c}\"]") },
    ]);
    fixture
        .patch(&path, operations)
        .await
        .refuses(400, "invalidValue");
    assert_eq!(fixture.members(&id), ["c"]);
    let operations =
        json!([{ "op": "add", "path": "members", "value": [{ "value": a }, { "value": b }] }]);
    fixture.patch(&path, operations).await.is(204);
    assert_eq!(fixture.fired_kind(FaultKind::GroupChangeLimit), 1);
}

#[tokio::test]
async fn an_inactive_user_cannot_be_edited() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    let active = |value: bool| json!([{ "op": "replace", "path": "active", "value": value }]);
    fixture.fault(Fault::RefuseInactiveEdits);
    fixture.patch(&path, title("T")).await.is(200);
    fixture.patch(&path, active(false)).await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::RefuseInactiveEdits), 0);
    fixture
        .patch(&path, title("U"))
        .await
        .refuses(400, "invalidValue");
    assert_eq!(fixture.fired_kind(FaultKind::RefuseInactiveEdits), 1);
    fixture.patch(&path, active(true)).await.is(200);
    fixture.patch(&path, title("U")).await.is(200);
}

#[tokio::test]
async fn another_writer_is_faster() {
    let fixture = Fixture::of(&["ana"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    fixture.fault(Fault::StaleEtag.once());
    let body = crate::harness::patch_body(&title("T"));
    fixture.patch(&path, title("S")).await.is(200);
    assert_eq!(
        fixture.fired_kind(FaultKind::StaleEtag),
        0,
        "only with If-Match"
    );
    let etag = fixture.get(&path).await.header("etag").to_owned();
    let guarded = |etag: &str| {
        fixture
            .with_body("PATCH", &path, &body)
            .header("if-match", etag)
    };
    fixture.send(guarded(&etag)).await.refuses(412, "");
    assert_eq!(fixture.fired_kind(FaultKind::StaleEtag), 1);
    fixture.send(guarded(&etag)).await.refuses(412, "");
    let etag = fixture.get(&path).await.header("etag").to_owned();
    fixture.send(guarded(&etag)).await.is(200);
}
