//! Requests that break the contract: the proxy catches every one.

use serde_json::{Value, json};

use crate::{Contract, UPLOAD, bulk, user};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of requests, told in order")]
async fn what_breaks_the_contract_is_caught_before_the_target() {
    let contract = Contract::new().await;
    let target = &contract.target;
    let ana = target
        .insert_user(json!({ "userPrincipalName": "ana@contoso.com" }))
        .expect("a user")
        .id;
    let staff = target.add_group("staff").expect("a group").id;
    target.add_member(&staff, &ana).expect("a member");
    let without = |name: &str| {
        let mut body = user("bo");
        body.as_object_mut().expect("an object").remove(name);
        Some(body)
    };
    let with = |name: &str, value: Value| {
        let mut body = user("bo");
        body[name] = value;
        Some(body)
    };
    let refs: Vec<Value> = (0..21)
        .map(|n| contract.reference(&format!("{n}")))
        .collect();
    let too_many = json!({ "members@odata.bind": refs });
    let one = json!({ "@odata.id": format!("{}/applications/1", contract.prism.base_url()) });
    for (method, path, body) in [
        ("POST", "/users".to_owned(), without("accountEnabled")),
        ("POST", "/users".to_owned(), without("passwordProfile")),
        ("POST", "/users".to_owned(), with("emplyeeId", json!("E1"))),
        ("POST", "/users".to_owned(), with("id", json!("1"))),
        (
            "POST",
            "/users".to_owned(),
            with("accountEnabled", json!("true")),
        ),
        (
            "POST",
            "/users".to_owned(),
            with("employeeHireDate", json!("02.11.2026")),
        ),
        ("POST", "/users".to_owned(), None),
        ("PATCH", format!("/users/{ana}"), Some(json!({}))),
        (
            "PATCH",
            format!("/users/{ana}"),
            Some(json!({ "manager": "x" })),
        ),
        (
            "PATCH",
            format!("/users/{ana}"),
            Some(json!({ "businessPhones": "1" })),
        ),
        (
            "PUT",
            format!("/users/{ana}"),
            Some(json!({ "jobTitle": "x" })),
        ),
        ("GET", "/users?$select=id,emplyeeId".to_owned(), None),
        ("GET", "/users?$top=all".to_owned(), None),
        (
            "PUT",
            format!("/users/{ana}/manager/$ref"),
            Some(json!({ "id": ana })),
        ),
        (
            "PUT",
            format!("/users/{ana}/manager"),
            Some(json!({ "@odata.id": "x" })),
        ),
        (
            "POST",
            format!("/users/{ana}/assignLicense"),
            Some(json!({ "addLicenses": [] })),
        ),
        (
            "POST",
            format!("/users/{ana}/checkMemberGroups"),
            Some(json!({ "groupIds": [] })),
        ),
        ("POST", format!("/groups/{staff}/members/$ref"), Some(one)),
        (
            "POST",
            format!("/groups/{staff}/members"),
            Some(json!({ "id": ana })),
        ),
        ("PATCH", format!("/groups/{staff}"), Some(too_many)),
        // The call that would delete the user, and not the membership.
        ("DELETE", format!("/groups/{staff}/members/{ana}"), None),
        (
            "POST",
            "/directory/deletedItems/x/restore".to_owned(),
            Some(json!({ "newUserPrincipalName": "x" })),
        ),
        ("POST", UPLOAD.to_owned(), Some(bulk(51))),
        ("POST", UPLOAD.to_owned(), Some(json!({ "Operations": [] }))),
        (
            "POST",
            "/$batch".to_owned(),
            Some(json!({ "requests": [{ "id": "1", "method": "GET" }] })),
        ),
        (
            "POST",
            "/$batch".to_owned(),
            Some(json!({ "requests": [] })),
        ),
        ("GET", "/me".to_owned(), None),
    ] {
        let answer = contract.send(method, &path, body.as_ref()).await;
        assert!(
            answer.breaks_the_contract(),
            "{method} {path} {body:?} was let through: {} {}",
            answer.status,
            answer.text
        );
    }
    assert_eq!(target.log(), [], "nothing of it reached the target");
    assert!(
        target
            .user(&ana)
            .is_some_and(|user| user.groups.contains(&staff))
    );
}
