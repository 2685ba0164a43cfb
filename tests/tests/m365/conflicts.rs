//! Names that somebody else has.

use serde_json::json;
use tests::world::Says;

use crate::company::{ANA, Company, TODAY, policy};

const UPN: &str = "ana.silva@contoso.com";

fn stranger(company: &Company, key: Option<&str>) -> String {
    let mut user = json!({ "userPrincipalName": UPN, "displayName": "A. Silva" });
    if let Some(key) = key {
        user["onPremisesExtensionAttributes"] = json!({ "extensionAttribute15": key });
    }
    company.graph.insert_user(user).expect("a user").id
}

#[tokio::test]
async fn a_strangers_name_parks_and_the_stranger_stays_as_is() {
    let mut company = Company::new().await;
    let id = stranger(&company, None);
    let before = company.graph.user(&id);
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    let why = company.parked("E1").await;
    assert!(why.contains("policy does not let us adopt it"), "{why}");
    assert_eq!(company.graph.user(&id), before);
    assert_eq!(company.graph.user_count(), 1);
    // The stranger goes, and somebody looks again.
    company.graph.delete_user(&id).expect("deleted");
    company.hr(Says::about("E1").that("title", "Lead")).await;
    assert_eq!(company.has("E1").user_principal_name, UPN);
    assert_eq!(company.groups("E1"), ["All staff", "Invoices", "Ledger"]);
    company.ends().await;
}

#[tokio::test]
async fn policy_may_take_over_an_account_with_the_name() {
    let text = policy().replace(
        "account_for = \"scope\"",
        "account_for = \"scope\"\nadopt = \"user_name\"",
    );
    let mut company = Company::with_policy(&text).await;
    let id = stranger(&company, None);
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    let ana = company.has("E1");
    assert_eq!(ana.id, id);
    assert_eq!(ana.text("displayName"), Some("Ana Silva"));
    assert_eq!(company.groups("E1"), ["All staff", "Invoices", "Ledger"]);
    company.ends().await;
}

#[tokio::test]
async fn an_account_with_somebody_elses_key_is_never_taken_over() {
    let text = policy().replace(
        "account_for = \"scope\"",
        "account_for = \"scope\"\nadopt = \"user_name\"",
    );
    let mut company = Company::with_policy(&text).await;
    let id = stranger(&company, Some("not-ours"));
    let before = company.graph.user(&id);
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    let why = company.parked("E1").await;
    assert!(why.contains("somebody else's key"), "{why}");
    assert_eq!(company.graph.user(&id), before);
    company.ends().await;
}

#[tokio::test]
async fn two_of_ours_with_one_name_have_two_accounts() {
    let mut company = Company::new().await;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    company.hr(Company::hires("E2", ANA, "Sales", TODAY)).await;
    assert_eq!(company.has("E1").user_principal_name, UPN);
    assert_eq!(
        company.has("E2").user_principal_name,
        "ana.silva2@contoso.com"
    );
    assert_eq!(company.has("E2").text("mailNickname"), Some("ana.silva2"));
    company.ends().await;
}

#[tokio::test]
async fn a_deleted_stranger_with_the_name_stays_deleted() {
    let mut company = Company::new().await;
    let id = stranger(&company, None);
    company.graph.delete_user(&id).expect("deleted");
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    let ana = company.has("E1");
    assert_ne!(ana.id, id);
    assert_eq!(ana.user_principal_name, UPN);
    let deleted: Vec<String> = company
        .graph
        .deleted_users()
        .into_iter()
        .map(|user| user.id)
        .collect();
    assert_eq!(deleted, [id]);
    company.ends().await;
}

#[tokio::test]
async fn who_comes_back_and_finds_the_name_taken_is_parked() {
    let mut company = Company::new().await;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    let id = company.has("E1").id;
    company
        .hr(Says::about("E1").that("end_date", "2026-03-10"))
        .await;
    company.until("2026-05-10T12:00:00Z").await;
    assert_eq!(company.deleted("E1").expect("deleted").id, id);
    let other = stranger(&company, None);
    let before = company.graph.user(&other);
    let back = Says::about("E1")
        .that("worker_status", "active")
        .that("start_date", "2026-05-20")
        .not("end_date")
        .from("2026-05-20");
    company.hr(back).await;
    company.until("2026-05-20T08:00:00Z").await;
    let why = company.parked("E1").await;
    assert!(why.contains("taken"), "{why}");
    assert_eq!(company.graph.user(&other), before);
    assert_eq!(company.deleted("E1").expect("deleted").id, id);
    assert_eq!(company.graph.user_count(), 1);
    company.ends().await;
}
