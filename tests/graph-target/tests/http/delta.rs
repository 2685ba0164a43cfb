//! Delta queries.

use std::time::Duration;

use graph_target::{Fault, FaultKind, Options, Refusal};
use serde_json::{Value, json};

use crate::harness::{Fixture, upn};

/// Follows next links up to the delta link. Answers the entries and the link.
async fn round(fixture: &Fixture, path: &str) -> (Vec<Value>, String) {
    let mut entries = Vec::new();
    let mut path = path.to_owned();
    loop {
        let page = fixture.get(&path).await.is(200).json;
        entries.extend(page["value"].as_array().unwrap().iter().cloned());
        if let Some(link) = page["@odata.deltaLink"].as_str() {
            return (entries, link.to_owned());
        }
        page["@odata.nextLink"]
            .as_str()
            .unwrap()
            .clone_into(&mut path);
    }
}

async fn small(names: &[&str]) -> Fixture {
    let options = Options {
        delta_page: 2,
        ..Options::default()
    };
    let fixture = Fixture::with(options).await;
    for name in names {
        fixture.seed(name);
    }
    fixture
}

#[tokio::test]
async fn users_that_changed_are_told() {
    let fixture = small(&["a1", "a2", "a3", "a4", "a5"]).await;
    let (entries, link) = round(&fixture, "/users/delta?$select=employeeId").await;
    assert_eq!(entries.len(), 5);
    assert!(
        entries
            .iter()
            .all(|entry| entry.get("displayName").is_none())
    );
    let (entries, link) = round(&fixture, &link).await;
    assert_eq!(entries, Vec::<Value>::new());
    let [soft, hard, changed] = ["a1", "a2", "a3"].map(|name| fixture.id(name));
    fixture.target.delete_user(&soft).unwrap();
    fixture.target.delete_user(&hard).unwrap();
    fixture.target.purge_user(&hard).unwrap();
    fixture
        .patch(
            &format!("/users/{changed}"),
            json!({ "employeeId": "E-new" }),
        )
        .await
        .is(204);
    let (entries, link) = round(&fixture, &link).await;
    let entry = |id: &str| entries.iter().find(|entry| entry["id"] == id).unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(entry(&soft)["@removed"]["reason"], "changed");
    assert_eq!(entry(&hard)["@removed"]["reason"], "deleted");
    assert_eq!(entry(&changed)["employeeId"], "E-new");
    assert!(round(&fixture, &link).await.0.is_empty());
}

#[tokio::test]
async fn only_what_comes_next_is_told_after_latest() {
    let fixture = small(&["ana"]).await;
    let (entries, link) = round(&fixture, "/users/delta()?$deltatoken=latest").await;
    assert!(entries.is_empty());
    fixture.seed("bo");
    let (entries, _) = round(&fixture, &link).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["userPrincipalName"], upn("bo"));
}

#[tokio::test]
async fn members_that_came_and_went_are_told() {
    let fixture = small(&["ana", "bo"]).await;
    let (ana, bo) = (fixture.id("ana"), fixture.id("bo"));
    let group = fixture.target.add_group("staff").unwrap().id;
    fixture.target.add_member(&group, &ana).unwrap();
    let start = "/groups/delta?$select=displayName,members";
    let (entries, link) = round(&fixture, start).await;
    assert_eq!(entries[0]["members@delta"][0]["id"], ana);
    fixture.target.remove_member(&group, &ana).unwrap();
    fixture.target.add_member(&group, &bo).unwrap();
    let (entries, link) = round(&fixture, &link).await;
    let told = entries[0]["members@delta"].as_array().unwrap();
    let of = |id: &str| told.iter().find(|member| member["id"] == id).unwrap();
    assert_eq!(of(&ana)["@removed"]["reason"], "deleted");
    assert!(of(&bo).get("@removed").is_none());
    fixture.target.delete_group(&group).unwrap();
    let (entries, _) = round(&fixture, &link).await;
    assert_eq!(entries[0]["@removed"]["reason"], "deleted");
    let (entries, _) = round(&fixture, "/groups/delta?$select=displayName").await;
    assert!(
        entries
            .iter()
            .all(|entry| entry.get("members@delta").is_none())
    );
}

#[tokio::test]
async fn a_link_that_is_too_old_or_unknown_starts_over() {
    let fixture = small(&["ana"]).await;
    let (_, link) = round(&fixture, "/users/delta?$select=id").await;
    for (fault, status, code) in [
        (Fault::DeltaGone, 410, "resyncRequired"),
        (Fault::DeltaLost, 400, "syncStateNotFound"),
    ] {
        let kind = fault.kind();
        fixture.fault(fault.once());
        fixture.get("/users/delta?$select=id").await.is(200);
        fixture.get(&link).await.refuses(status, code);
        assert_eq!(fixture.fired(kind), 1);
        fixture.get(&link).await.is(200);
    }
    let week = Duration::from_hours(7 * 24);
    fixture.target.set_time(fixture.target.time() + week);
    fixture.get(&link).await.is(200);
    fixture
        .target
        .set_time(fixture.target.time() + Duration::from_secs(1));
    let gone = fixture.get(&link).await.refuses(410, "resyncRequired");
    fixture.get(gone.header("location")).await.is(400);
    let lost = fixture.get("/users/delta?$deltatoken=abc").await;
    lost.refuses(400, "syncStateNotFound");
    for query in ["$top=5", "$filter=id%20eq%20'x'", "$expand=manager"] {
        fixture.get(&format!("/users/delta?{query}")).await.is(400);
    }
    assert!(fixture.refused(Refusal::DeltaToken) >= 4);
    assert_eq!(fixture.fired(FaultKind::DeltaGone), 1);
}
