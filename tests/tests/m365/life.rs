//! Joiners, movers, leavers, and those who come back.

use serde_json::json;
use tests::world::Says;

use crate::company::{ANA, BEN, Company, TODAY, policy};

fn ends_now(worker: &str) -> Says {
    Says::about(worker)
        .that("worker_status", "terminated")
        .that("end_mode", "now")
}

fn comes_back(worker: &str, start: &str) -> Says {
    Says::about(worker)
        .that("worker_status", "active")
        .that("start_date", start)
        .not("end_date")
        .not("end_mode")
        .from(start)
}

async fn with_ana(department: &str) -> Company {
    let mut company = Company::new().await;
    company
        .hr(Company::hires("E1", ANA, department, TODAY))
        .await;
    company
}

#[tokio::test]
async fn the_proof_at_the_end_of_each_test_can_fail() {
    let company = with_ana("Sales").await;
    assert_eq!(company.breaches().await, [""; 0]);
    let id = company.has("E1").id;
    // The description says that it is true or false.
    let wrong = json!({ "onPremisesSyncEnabled": "yes" });
    company.graph.update_user(&id, wrong).expect("changed");
    let http = reqwest::Client::new();
    let url = format!(
        "{}/users/{id}?$select=onPremisesSyncEnabled",
        company.base_url()
    );
    let read = http.get(url).bearer_auth(company.graph.token());
    read.send().await.expect("an answer");
    assert!(!company.breaches().await.is_empty());
    assert_eq!(company.graph.violations(), []);
    let part = json!({ "id": "1", "method": "GET", "url": "/users?$select=emplyeeId" });
    let batch = http
        .post(format!("{}/$batch", company.base_url()))
        .bearer_auth(company.graph.token())
        .header("content-type", "application/json")
        .body(json!({ "requests": [part] }).to_string());
    batch.send().await.expect("an answer");
    assert_eq!(company.graph.violations().len(), 1);
}

#[tokio::test]
async fn a_joiner_is_prepared_disabled_and_let_in_on_the_day() {
    let mut company = Company::new().await;
    company
        .hr(Company::hires("E1", ANA, "Finance", "2026-03-20"))
        .await;
    assert!(company.account("E1").is_none(), "more than a week ahead");
    company.until("2026-03-13T00:00:00Z").await;
    let prepared = company.has("E1");
    assert!(!prepared.account_enabled);
    assert_eq!(prepared.groups.len(), 0);
    assert!(!company.licensed("E1"));
    company.until("2026-03-19T23:59:59Z").await;
    assert!(!company.has("E1").account_enabled);
    company.until("2026-03-20T00:00:00Z").await;
    let ana = company.has("E1");
    assert!(ana.account_enabled);
    assert_eq!(ana.id, prepared.id);
    assert_eq!(company.groups("E1"), ["All staff", "Invoices", "Ledger"]);
    assert!(company.licensed("E1"));
    assert_eq!(ana.user_principal_name, "ana.silva@contoso.com");
    assert_eq!(ana.employee_id.as_deref(), Some("E1"));
    let told = |name: &str| ana.properties.get(name).cloned();
    for (name, value) in [
        ("displayName", json!("Ana Silva")),
        ("mailNickname", json!("ana.silva")),
        ("department", json!("Finance")),
        ("jobTitle", json!("Specialist")),
        ("usageLocation", json!("PT")),
        ("employeeType", json!("employee")),
        ("employeeHireDate", json!("2026-03-20T00:00:00Z")),
        (
            "employeeOrgData",
            json!({ "costCenter": "4130", "division": "Operations" }),
        ),
    ] {
        assert_eq!(told(name), Some(value), "{name}");
    }
    let password = ana.password.as_deref().expect("a password");
    assert!(password.len() >= 16);
    company.ends().await;
}

#[tokio::test]
async fn a_manager_who_comes_later_is_written_when_there() {
    let mut company = Company::new().await;
    let report = Company::hires("E1", ANA, "Sales", TODAY).that("manager_id", "M1");
    company.hr(report).await;
    assert_eq!(company.has("E1").manager, None);
    company.hr(Company::hires("M1", BEN, "Sales", TODAY)).await;
    let night = company.world.night().await;
    let boss = company.has("M1").id;
    assert_eq!(
        company.has("E1").manager,
        Some(boss),
        "{:?}",
        night.manifest.summary
    );
    company.hr(Says::about("E1").not("manager_id")).await;
    assert_eq!(company.has("E1").manager, None);
    company.ends().await;
}

#[tokio::test]
async fn a_mover_keeps_the_account_and_swaps_what_the_job_gave() {
    let mut company = with_ana("Finance").await;
    company
        .hr(Company::hires("E2", BEN, "Finance", TODAY))
        .await;
    let before = company.has("E1");
    let moves = Says::about("E1")
        .that("department", "Sales")
        .that("title", "Account Manager")
        .that("cost_center", "5200")
        .that("division", "Markets");
    company.hr(moves).await;
    let after = company.has("E1");
    assert_eq!((&after.id, after.account_enabled), (&before.id, true));
    assert_eq!(company.groups("E1"), ["All staff", "Customers"]);
    assert_eq!(after.text("department"), Some("Sales"));
    assert_eq!(after.text("jobTitle"), Some("Account Manager"));
    let org = json!({ "costCenter": "5200", "division": "Markets" });
    assert_eq!(after.properties["employeeOrgData"], org);
    assert_eq!(after.sessions_revoked, before.sessions_revoked);
    assert!(company.licensed("E1"));
    assert_eq!(company.groups("E2"), ["All staff", "Invoices", "Ledger"]);
    company.ends().await;
}

#[tokio::test]
async fn a_new_name_is_an_update_of_the_same_account() {
    let mut company = with_ana("Sales").await;
    let before = company.has("E1");
    company.reset_calls();
    let marries = Says::about("E1")
        .that("family_name", "Souza")
        .that("work_email", "ana.souza@contoso.com");
    company.hr(marries).await;
    let after = company.has("E1");
    assert_eq!(after.id, before.id);
    assert_eq!(after.user_principal_name, "ana.souza@contoso.com");
    assert_eq!(after.text("displayName"), Some("Ana Souza"));
    assert_eq!(after.text("surname"), Some("Souza"));
    assert_eq!(company.graph.usage().writes, 1);
    assert_eq!(company.graph.user_count(), 1);
    company.ends().await;
}

#[tokio::test]
async fn a_leaver_is_blocked_at_once_or_at_the_end_of_the_day() {
    let mut company = with_ana("Finance").await;
    company
        .hr(Company::hires("E2", BEN, "Finance", TODAY))
        .await;
    company.until("2026-03-10T15:00:00Z").await;
    company
        .hr(ends_now("E1").that("end_date", "2026-03-10"))
        .await;
    let end = Says::about("E2")
        .that("worker_status", "terminated")
        .that("end_date", "2026-03-10");
    company.hr(end).await;
    let gone = |worker: &str| {
        let user = company.has(worker);
        let held = user.groups.len() + user.licenses.len();
        (user.account_enabled, user.sessions_revoked, held)
    };
    assert_eq!(gone("E1"), (false, 1, 0));
    assert_eq!(gone("E2"), (true, 0, 4), "the last day is not over");
    company.until("2026-03-10T23:59:59Z").await;
    assert_eq!(gone("E2"), (true, 0, 4));
    company.until("2026-03-11T00:00:00Z").await;
    assert_eq!(gone("E2"), (false, 1, 0));
    assert_eq!(gone("E1"), (false, 1, 0), "once is enough");
    company.ends().await;
}

#[tokio::test]
async fn who_comes_back_within_thirty_days_of_the_deletion_has_the_same_account() {
    let mut company = with_ana("Finance").await;
    let first = company.has("E1").id;
    let end = Says::about("E1").that("end_date", "2026-03-10");
    company.hr(end).await;
    company.until("2026-05-09T00:00:00Z").await;
    assert!(!company.has("E1").account_enabled);
    company.until("2026-05-10T12:00:00Z").await;
    assert!(company.account("E1").is_none(), "60 days after the end");
    assert_eq!(company.deleted("E1").expect("deleted").id, first);
    company.until("2026-06-01T08:00:00Z").await;
    company.hr(comes_back("E1", "2026-06-01")).await;
    let back = company.has("E1");
    assert_eq!((back.id.as_str(), back.account_enabled), (&*first, true));
    assert_eq!(company.groups("E1"), ["All staff", "Invoices", "Ledger"]);
    assert!(company.licensed("E1"));
    assert_eq!(company.graph.user_count(), 1);
    assert!(company.deleted("E1").is_none());
    company.ends().await;
}

#[tokio::test]
async fn who_comes_back_after_the_purge_has_a_new_account() {
    let mut company = with_ana("Finance").await;
    let first = company.has("E1").id;
    company
        .hr(Says::about("E1").that("end_date", "2026-03-10"))
        .await;
    company.until("2026-05-10T12:00:00Z").await;
    company.until("2026-06-20T08:00:00Z").await;
    company.hr(comes_back("E1", "2026-06-20")).await;
    let back = company.has("E1");
    assert_ne!(back.id, first);
    assert!(back.account_enabled);
    assert_eq!(back.user_principal_name, "ana.silva@contoso.com");
    assert_eq!(company.groups("E1"), ["All staff", "Invoices", "Ledger"]);
    company.ends().await;
}

#[tokio::test]
async fn the_key_may_be_another_property() {
    let property = "onPremisesImmutableId";
    let kind = format!("kind = \"graph\"\nkey_property = \"{property}\"");
    let text = policy().replace("kind = \"graph\"", &kind);
    let mut company = Company::with_policy(&text).await;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    let key = company.world.identity("E1");
    let users = company.graph.users();
    let [user] = users.as_slice() else {
        panic!("{} accounts", users.len())
    };
    assert!(user.account_enabled);
    assert_eq!(user.text(property), Some(key.as_str()));
    assert!(company.account("E1").is_none(), "not where it is otherwise");
    company
        .hr(ends_now("E1").that("end_date", "2026-03-02"))
        .await;
    let left = company.graph.user(&user.id).expect("a user");
    assert_eq!((left.account_enabled, left.groups.len()), (false, 0));
    company.ends().await;
}
