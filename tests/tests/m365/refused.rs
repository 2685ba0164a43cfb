//! What Graph does not let an application do: said, and nothing else held up by it.

use graph_target::Refusal;
use serde_json::json;
use tests::world::Says;

use crate::company::{ANA, BEN, Company, TODAY};

#[tokio::test]
async fn who_is_mastered_on_premises_is_parked_and_keeps_cloud_groups_managed() {
    let mut company = Company::new().await;
    let key = company.world.identity("E1");
    let user = json!({
        "userPrincipalName": "asilva@contoso.com",
        "displayName": "Silva, Ana",
        "usageLocation": "PT",
        "onPremisesSyncEnabled": true,
        "onPremisesExtensionAttributes": { "extensionAttribute15": key.as_str() },
    });
    let id = company.graph.insert_user(user).expect("a user").id;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    let why = company.parked("E1").await;
    assert!(why.contains("mastered on premises"), "{why}");
    let ana = company.has("E1");
    assert_eq!(
        (&ana.id, ana.text("displayName")),
        (&id, Some("Silva, Ana"))
    );
    assert_eq!(company.groups("E1"), ["All staff", "Invoices", "Ledger"]);
    assert!(company.licensed("E1"));
    company
        .hr(Says::about("E1").that("department", "Sales"))
        .await;
    assert_eq!(company.groups("E1"), ["All staff", "Customers"]);
    assert_eq!(
        company.graph.refused(Refusal::OnPremises),
        0,
        "not even tried"
    );
    company.ends().await;
}

async fn with_closed_ledger(properties: serde_json::Value) -> Company {
    let mut company = Company::new().await;
    let ledger = company.group("Ledger");
    company
        .graph
        .update_group(&ledger, properties)
        .expect("changed");
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    assert_eq!(company.groups("E1"), ["All staff", "Invoices"]);
    assert!(company.licensed("E1"));
    company
}

#[tokio::test]
async fn a_group_that_follows_a_rule_is_refused_and_the_others_are_given() {
    let company = with_closed_ledger(json!({ "groupTypes": ["DynamicMembership"] })).await;
    let why = company.parked("E1").await;
    assert!(why.contains("`ledger`") && why.contains("rule"), "{why}");
    assert_eq!(company.graph.refused(Refusal::DynamicGroup), 0);
    company.ends().await;
}

#[tokio::test]
async fn a_group_that_carries_roles_is_refused_and_the_others_are_given() {
    let company = with_closed_ledger(json!({ "isAssignableToRole": true })).await;
    let why = company.parked("E1").await;
    assert!(
        why.contains("`ledger`") && why.contains("RoleManagement.ReadWrite.Directory"),
        "{why}"
    );
    company.ends().await;
}

#[tokio::test]
async fn an_administrator_cannot_be_blocked_and_the_permission_is_named() {
    let mut company = Company::new().await;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    company
        .hr(Company::hires("E2", BEN, "Finance", TODAY))
        .await;
    let id = company.has("E1").id;
    company.graph.set_admin(&id, true).expect("a role");
    let end = |worker| {
        Says::about(worker)
            .that("worker_status", "terminated")
            .that("end_mode", "now")
            .that("end_date", TODAY)
    };
    company.world.post(end("E1")).await;
    company.world.post(end("E2")).await;
    company.world.settle().await;
    let why = company.parked("E1").await;
    assert!(why.contains("User.EnableDisableAccount.All"), "{why}");
    assert!(company.has("E1").account_enabled);
    // Whatever else the ending takes is gone.
    assert_eq!(company.groups("E1"), [""; 0]);
    assert!(!company.licensed("E1"));
    assert!(company.graph.refused(Refusal::AdminRole) > 0);
    let ben = company.has("E2");
    assert_eq!((ben.account_enabled, ben.groups.len()), (false, 0));
    company.ends().await;
}
