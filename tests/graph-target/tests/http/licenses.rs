//! Licences.

use graph_target::Refusal;
use serde_json::{Value, json};

use crate::harness::{Fixture, upn};

fn change(add: &[&str], remove: &[&str]) -> Value {
    let add: Vec<_> = add
        .iter()
        .map(|sku| json!({ "skuId": sku, "disabledPlans": [] }))
        .collect();
    json!({ "addLicenses": add, "removeLicenses": remove })
}

#[tokio::test]
async fn licences_are_assigned_counted_and_removed() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let sku = fixture.target.add_license("E3", 1);
    let assign = |name: &str| format!("/users/{}/assignLicense", upn(name));
    let refused = fixture.post(&assign("ana"), change(&[&sku], &[])).await;
    refused.refuses(400, "Request_BadRequest");
    assert_eq!(fixture.refused(Refusal::NoUsageLocation), 1);
    for name in ["ana", "bo"] {
        let path = format!("/users/{}", upn(name));
        fixture
            .patch(&path, json!({ "usageLocation": "PT" }))
            .await
            .is(204);
    }
    fixture
        .post(&assign("ana"), change(&[&sku], &[]))
        .await
        .is(200);
    fixture
        .post(&assign("ana"), change(&[&sku], &[]))
        .await
        .is(200);
    fixture
        .post(&assign("bo"), change(&[&sku], &[]))
        .await
        .is(400);
    assert_eq!(fixture.refused(Refusal::NoSeats), 1);
    let skus = fixture.get("/subscribedSkus").await.is(200).json;
    assert_eq!(skus["value"][0]["consumedUnits"], 1);
    assert_eq!(skus["value"][0]["prepaidUnits"]["enabled"], 1);
    let held = fixture
        .get(&format!("/users/{}/licenseDetails", upn("ana")))
        .await
        .is(200);
    assert_eq!(held.all("skuPartNumber"), ["E3"]);
    let shown = fixture
        .get(&format!("/users/{}?$select=assignedLicenses", upn("ana")))
        .await;
    assert_eq!(shown.json["assignedLicenses"][0]["skuId"], sku);
    for wrong in [
        json!({ "addLicenses": [] }),
        change(&["11111111-1111-4111-8111-111111111111"], &[]),
        change(&[], &["11111111-1111-4111-8111-111111111111"]),
    ] {
        fixture.post(&assign("ana"), wrong).await.is(400);
    }
    fixture
        .post(&assign("ana"), change(&[], &[&sku]))
        .await
        .is(200);
    fixture
        .post(&assign("ana"), change(&[], &[&sku]))
        .await
        .is(400);
    fixture
        .post(&assign("bo"), change(&[&sku], &[]))
        .await
        .is(200);
}

#[tokio::test]
async fn an_inherited_licence_stays() {
    let fixture = Fixture::of(&["ana"]).await;
    let ana = fixture.id("ana");
    let sku = fixture.target.add_license("E3", 5);
    let group = fixture.target.add_group("licensed").unwrap().id;
    fixture.target.give_group_license(&group, &sku).unwrap();
    fixture.target.add_member(&group, &ana).unwrap();
    let path = format!("/users/{ana}/assignLicense");
    fixture
        .post(&path, change(&[], &[&sku]))
        .await
        .refuses(400, "Request_BadRequest");
    assert_eq!(fixture.refused(Refusal::InheritedLicense), 1);
    let shown = fixture
        .get(&format!("/users/{ana}?$select=licenseAssignmentStates"))
        .await;
    assert_eq!(
        shown.json["licenseAssignmentStates"][0]["assignedByGroup"],
        group
    );
    let held = fixture
        .get(&format!("/users/{ana}/licenseDetails"))
        .await
        .is(200);
    assert_eq!(held.all("skuId"), [sku.as_str()]);
    let skus = fixture.get("/subscribedSkus").await.json;
    assert_eq!(skus["value"][0]["consumedUnits"], 1);
}

#[tokio::test]
async fn a_deleted_user_frees_a_seat() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let sku = fixture.target.add_license("E3", 1);
    for name in ["ana", "bo"] {
        let place = json!({ "usageLocation": "PT" });
        fixture.target.update_user(&upn(name), place).unwrap();
    }
    let path = |name: &str| format!("/users/{}/assignLicense", upn(name));
    fixture.target.give_license(&upn("ana"), &sku).unwrap();
    fixture
        .post(&path("bo"), change(&[&sku], &[]))
        .await
        .is(400);
    fixture.target.delete_user(&fixture.id("ana")).unwrap();
    fixture
        .post(&path("bo"), change(&[&sku], &[]))
        .await
        .is(200);
    let skus = fixture.get("/subscribedSkus").await.json;
    assert_eq!(skus["value"][0]["consumedUnits"], 1);
}
