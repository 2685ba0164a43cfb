//! How often Graph is asked, by what it saw: a batch is one request, and those for tokens are not
//! counted.

use tests::world::Says;

use crate::company::{ANA, BEN, Company, TODAY};

/// Everybody's groups are known to the connector after one joiner.
async fn warm() -> Company {
    let mut company = Company::new().await;
    let hire = Company::hires("E0", BEN, "Engineering", TODAY);
    company.hr(hire).await;
    for department in ["Finance", "Sales", "Engineering"] {
        company
            .hr(Says::about("E0").that("department", department))
            .await;
    }
    company.reset_calls();
    company
}

#[tokio::test]
async fn a_joiner_with_ten_groups_takes_three_requests() {
    let mut company = warm().await;
    company
        .hr(Company::hires("E1", ANA, "Engineering", TODAY))
        .await;
    assert_eq!(company.groups("E1").len(), 10);
    assert!(company.licensed("E1"));
    let requests = ["POST /$batch", "POST /users", "POST /$batch"];
    assert_eq!(company.requests(), requests);
    company.ends().await;
}

#[tokio::test]
async fn names_of_groups_are_asked_for_once() {
    let mut company = Company::new().await;
    company
        .hr(Company::hires("E1", ANA, "Engineering", TODAY))
        .await;
    let requests = [
        "POST /$batch",
        "POST /users",
        "POST /$batch",
        "POST /$batch",
    ];
    assert_eq!(company.requests(), requests);
    company.ends().await;
}

#[tokio::test]
async fn a_mover_takes_two_requests() {
    let mut company = warm().await;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    company.reset_calls();
    let moves = Says::about("E1")
        .that("department", "Sales")
        .that("title", "Account Manager")
        .that("cost_center", "5200")
        .that("division", "Markets");
    company.hr(moves).await;
    assert_eq!(company.groups("E1"), ["All staff", "Customers"]);
    assert_eq!(company.has("E1").text("department"), Some("Sales"));
    assert_eq!(company.requests(), ["POST /$batch", "POST /$batch"]);
    assert_eq!(company.asked("PATCH", "/users/{id}"), 1);
    company.ends().await;
}

#[tokio::test]
async fn a_leaver_takes_two_requests() {
    let mut company = warm().await;
    company
        .hr(Company::hires("E1", ANA, "Engineering", TODAY))
        .await;
    company.reset_calls();
    let end = Says::about("E1")
        .that("worker_status", "terminated")
        .that("end_mode", "now")
        .that("end_date", TODAY);
    company.hr(end).await;
    let ana = company.has("E1");
    assert_eq!(
        (ana.account_enabled, ana.groups.len(), ana.licenses.len()),
        (false, 0, 0)
    );
    assert_eq!(ana.sessions_revoked, 1);
    assert_eq!(company.requests(), ["POST /$batch", "POST /$batch"]);
    company.ends().await;
}

#[tokio::test]
async fn the_same_once_more_takes_none() {
    let mut company = warm().await;
    let hire = Company::hires("E1", ANA, "Finance", TODAY)
        .as_event("hire")
        .recorded("2026-03-02T08:00:00Z");
    company.hr(hire.clone()).await;
    company.reset_calls();
    company.hr(hire).await;
    let same = Says::about("E1").that("department", "Finance");
    company.hr(same).await;
    assert_eq!(company.requests(), [""; 0]);
    company.ends().await;
}
