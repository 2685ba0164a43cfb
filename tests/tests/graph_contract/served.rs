//! One request of every kind that keeps the contract, and its answer.

use serde_json::json;

use crate::{Contract, UPLOAD, bulk, user};

const EVERY_PROPERTY: &str = "id,accountEnabled,assignedLicenses,businessPhones,city,companyName,country,createdDateTime,\
deletedDateTime,department,displayName,employeeHireDate,employeeId,employeeLeaveDateTime,employeeOrgData,employeeType,\
givenName,jobTitle,licenseAssignmentStates,mail,mailNickname,mobilePhone,officeLocation,onPremisesExtensionAttributes,\
onPremisesImmutableId,onPremisesSyncEnabled,otherMails,postalCode,preferredLanguage,proxyAddresses,\
signInSessionsValidFromDateTime,state,streetAddress,surname,usageLocation,userPrincipalName,userType";

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of requests, told in order")]
async fn every_kind_of_request_keeps_the_contract() {
    let contract = Contract::new().await;
    let target = &contract.target;
    let sku = target.add_license("ENTERPRISEPACK", 5);
    let inherited = target.add_license("GROUPPACK", 5);
    let staff = target.add_group("staff").expect("a group").id;
    target
        .give_group_license(&staff, &inherited)
        .expect("a group");
    let good =
        async |status, method, path: &str, body| contract.good(status, method, path, body).await;

    let ana = good(201, "POST", "/users", Some(user("ana"))).await["id"].clone();
    let ana = ana.as_str().expect("an id");
    let bo = good(201, "POST", "/users", Some(user("bo"))).await["id"].clone();
    let bo = bo.as_str().expect("an id");
    let change = json!({ "accountEnabled": true, "jobTitle": "Analyst", "city": null });
    let reference = json!({ "@odata.id": contract.reference(bo) });
    let bind = json!({ "members@odata.bind": [contract.reference(bo)] });
    let licenses = json!({
        "addLicenses": [{ "skuId": sku, "disabledPlans": [] }], "removeLicenses": [],
    });
    let no_licenses = json!({ "addLicenses": [], "removeLicenses": [sku] });
    let groups = json!({ "groupIds": [staff] });
    let same = json!({ "userPrincipalName": "BO@contoso.com" });
    for (status, method, path, body) in [
        // Users.
        (204, "PATCH", format!("/users/{ana}"), Some(change)),
        (400, "PATCH", format!("/users/{ana}"), Some(same)),
        (200, "GET", format!("/users/{ana}"), None),
        (200, "GET", "/users/ana@contoso.com".to_owned(), None),
        (
            200,
            "GET",
            format!("/users/{ana}?$select={EVERY_PROPERTY}"),
            None,
        ),
        (
            404,
            "GET",
            "/users/00000000-0000-4000-8000-000000000000".to_owned(),
            None,
        ),
        (
            200,
            "GET",
            "/users?$select=id,employeeId&$top=999".to_owned(),
            None,
        ),
        (
            200,
            "GET",
            "/users?$select=id&$expand=manager($select=id)".to_owned(),
            None,
        ),
        (
            200,
            "GET",
            "/users?$filter=employeeId%20eq%20'E-ana'&$select=id".to_owned(),
            None,
        ),
        (
            400,
            "GET",
            "/users?$filter=employeeId%20ne%20'E-ana'".to_owned(),
            None,
        ),
        // What hangs on a user.
        (404, "GET", format!("/users/{ana}/manager"), None),
        (
            204,
            "PUT",
            format!("/users/{ana}/manager/$ref"),
            Some(reference.clone()),
        ),
        (
            200,
            "GET",
            format!("/users/{ana}/manager?$select=id,employeeId"),
            None,
        ),
        (204, "DELETE", format!("/users/{ana}/manager/$ref"), None),
        (
            200,
            "POST",
            format!("/users/{ana}/revokeSignInSessions"),
            None,
        ),
        (
            200,
            "POST",
            format!("/users/{ana}/assignLicense"),
            Some(licenses),
        ),
        (200, "GET", format!("/users/{ana}/licenseDetails"), None),
        (
            200,
            "POST",
            format!("/users/{ana}/assignLicense"),
            Some(no_licenses),
        ),
        (200, "GET", "/subscribedSkus".to_owned(), None),
        // Groups.
        (
            204,
            "POST",
            format!("/groups/{staff}/members/$ref"),
            Some(reference.clone()),
        ),
        (
            400,
            "POST",
            format!("/groups/{staff}/members/$ref"),
            Some(reference),
        ),
        (
            204,
            "DELETE",
            format!("/groups/{staff}/members/{bo}/$ref"),
            None,
        ),
        (
            404,
            "DELETE",
            format!("/groups/{staff}/members/{bo}/$ref"),
            None,
        ),
        (204, "PATCH", format!("/groups/{staff}"), Some(bind)),
        (
            200,
            "GET",
            format!("/groups/{staff}/members?$select=id&$top=999"),
            None,
        ),
        (200, "GET", format!("/groups/{staff}"), None),
        (
            200,
            "GET",
            "/groups?$filter=displayName%20eq%20'staff'&$select=id".to_owned(),
            None,
        ),
        (200, "GET", format!("/users/{bo}/memberOf"), None),
        (
            200,
            "GET",
            format!("/users/{bo}/memberOf/microsoft.graph.group?$select=id,displayName"),
            None,
        ),
        (
            200,
            "POST",
            format!("/users/{bo}/checkMemberGroups"),
            Some(groups),
        ),
        (
            200,
            "GET",
            format!("/users/{bo}?$select=assignedLicenses,licenseAssignmentStates"),
            None,
        ),
        // Delta.
        (
            200,
            "GET",
            "/users/delta?$select=id,accountEnabled".to_owned(),
            None,
        ),
        (
            200,
            "GET",
            "/groups/delta?$select=displayName,members".to_owned(),
            None,
        ),
        (
            400,
            "GET",
            "/users/delta?$deltatoken=nonsense".to_owned(),
            None,
        ),
        // Life and afterlife.
        (204, "DELETE", format!("/users/{bo}"), None),
        (
            200,
            "GET",
            "/directory/deletedItems/microsoft.graph.user?$select=id,employeeId".to_owned(),
            None,
        ),
        (
            200,
            "GET",
            "/directory/deletedItems/microsoft.graph.user?$filter=employeeId%20eq%20'E-bo'"
                .to_owned(),
            None,
        ),
        (200, "GET", format!("/directory/deletedItems/{bo}"), None),
        (
            200,
            "POST",
            format!("/directory/deletedItems/{bo}/restore"),
            None,
        ),
        (204, "DELETE", format!("/users/{bo}"), None),
        (204, "DELETE", format!("/directory/deletedItems/{bo}"), None),
        (202, "POST", UPLOAD.to_owned(), Some(bulk(50))),
    ] {
        good(status, method, &path, body).await;
    }
    assert_eq!(target.uploads().len(), 1);
    assert_eq!(target.violations(), []);
}
