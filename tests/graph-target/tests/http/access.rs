//! Permissions and administrators.

use graph_target::{Options, Refusal};
use serde_json::{Value, json};

use crate::harness::{Fixture, upn, user};

/// A tenant with one of everything, whose administrator has consented to these permissions only.
async fn limited(permissions: &[&str]) -> (Fixture, String, String) {
    let options = Options {
        permissions: permissions.iter().map(|&name| name.to_owned()).collect(),
        ..Options::default()
    };
    let fixture = Fixture::with(options).await;
    let ana = fixture.seed("ana");
    let group = fixture.target.add_group("staff").unwrap().id;
    (fixture, ana, group)
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "a table of calls and their permissions"
)]
async fn each_call_asks_for_its_permission() {
    let licenses = json!({ "addLicenses": [], "removeLicenses": [] });
    let password = json!({ "passwordProfile": { "password": "Correct-Horse-8" } });
    let leave = json!({ "employeeLeaveDateTime": "2026-12-31T00:00:00Z" });
    for (permissions, method, path, body) in [
        ("User.Read.All", "GET", "/users", Value::Null),
        ("User.Read.All", "GET", "/users/{u}", Value::Null),
        ("User.Read.All", "GET", "/users/delta", Value::Null),
        (
            "Directory.Read.All",
            "GET",
            "/users/{u}/memberOf",
            Value::Null,
        ),
        (
            "User.Read.All",
            "GET",
            "/directory/deletedItems/microsoft.graph.user",
            Value::Null,
        ),
        (
            "User.Read.All GroupMember.Read.All",
            "POST",
            "/users/{u}/checkMemberGroups",
            json!({ "groupIds": ["x"] }),
        ),
        ("User.Create", "POST", "/users", user("bo")),
        (
            "User.ReadWrite.All",
            "PATCH",
            "/users/{u}",
            json!({ "city": "Porto" }),
        ),
        (
            "User.EnableDisableAccount.All User.Read.All",
            "PATCH",
            "/users/{u}",
            json!({ "accountEnabled": false }),
        ),
        (
            "User-PasswordProfile.ReadWrite.All",
            "PATCH",
            "/users/{u}",
            password,
        ),
        (
            "User-LifeCycleInfo.ReadWrite.All User.Read.All",
            "PATCH",
            "/users/{u}",
            leave,
        ),
        (
            "User-LifeCycleInfo.Read.All User.Read.All",
            "GET",
            "/users/{u}?$select=employeeLeaveDateTime",
            Value::Null,
        ),
        (
            "User.RevokeSessions.All",
            "POST",
            "/users/{u}/revokeSignInSessions",
            Value::Null,
        ),
        (
            "User.DeleteRestore.All",
            "DELETE",
            "/users/{u}",
            Value::Null,
        ),
        (
            "LicenseAssignment.ReadWrite.All",
            "POST",
            "/users/{u}/assignLicense",
            licenses,
        ),
        (
            "LicenseAssignment.Read.All",
            "GET",
            "/subscribedSkus",
            Value::Null,
        ),
        ("GroupMember.Read.All", "GET", "/groups", Value::Null),
        (
            "GroupMember.Read.All",
            "GET",
            "/groups/{g}/members",
            Value::Null,
        ),
        (
            "GroupMember.ReadWrite.All",
            "POST",
            "/groups/{g}/members/$ref",
            json!("reference"),
        ),
    ] {
        let names: Vec<&str> = permissions.split(' ').collect();
        let send = async |names: &[&str]| {
            let (fixture, ana, group) = limited(names).await;
            let path = path.replace("{u}", &ana).replace("{g}", &group);
            let request = if body.is_null() {
                fixture.request(method, &path)
            } else if body == "reference" {
                fixture.with_body(method, &path, &fixture.reference(&ana))
            } else {
                fixture.with_body(method, &path, &body)
            };
            let answer = fixture.send(request).await;
            (answer, fixture.refused(Refusal::MissingPermission))
        };
        let (answer, refused) = send(&names).await;
        assert!(
            answer.status.is_success(),
            "{permissions} {path}: {}",
            answer.text
        );
        assert_eq!(refused, 0);
        // Without any one of them it fails.
        for without in &names {
            let rest: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| name != without)
                .collect();
            let (answer, refused) = send(&rest).await;
            answer.refuses(403, "Authorization_RequestDenied");
            assert_eq!(refused, 1, "{path} without {without}");
        }
    }
}

#[tokio::test]
async fn everything_that_is_consented_to_by_default_suffices() {
    let fixture = Fixture::of(&["ana"]).await;
    let all = json!({
        "city": "Porto", "accountEnabled": false, "employeeLeaveDateTime": "2026-12-31T00:00:00Z",
        "passwordProfile": { "password": "Correct-Horse-8" },
    });
    fixture
        .patch(&format!("/users/{}", upn("ana")), all)
        .await
        .is(204);
    fixture.target.withdraw("User.EnableDisableAccount.All");
    let enable = json!({ "accountEnabled": true });
    fixture
        .patch(&format!("/users/{}", upn("ana")), enable.clone())
        .await
        .is(403);
    fixture.target.consent("User.EnableDisableAccount.All");
    fixture
        .patch(&format!("/users/{}", upn("ana")), enable)
        .await
        .is(204);
}

#[tokio::test]
async fn an_administrator_is_not_changed_where_it_matters() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let ana = fixture.id("ana");
    fixture.target.set_admin(&ana, true).unwrap();
    let path = format!("/users/{ana}");
    let sensitive = [
        json!({ "accountEnabled": false }),
        json!({ "mobilePhone": "1" }),
        json!({ "userPrincipalName": upn("ann") }),
        json!({ "onPremisesImmutableId": "x" }),
        json!({ "passwordProfile": { "password": "Correct-Horse-8" } }),
    ];
    for change in &sensitive {
        let refused = fixture.patch(&path, change.clone()).await;
        refused.refuses(403, "Authorization_RequestDenied");
    }
    fixture.delete(&path).await.is(403);
    assert_eq!(fixture.refused(Refusal::AdminRole), 6);
    fixture
        .patch(&path, json!({ "jobTitle": "x" }))
        .await
        .is(204);
    fixture
        .delete(&format!("/users/{}", fixture.id("bo")))
        .await
        .is(204);
    fixture.target.hold_role(true);
    for change in sensitive {
        fixture.patch(&path, change).await.is(204);
    }
    fixture.delete(&path).await.is(204);
    fixture.target.hold_role(false);
    let restore = format!("/directory/deletedItems/{ana}/restore");
    fixture.post(&restore, json!({})).await.is(403);
}
