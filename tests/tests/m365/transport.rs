//! Connections that are cut or silent. These tests go to Graph directly: the proxy would turn a
//! connection that is cut into an answer of its own (500), which is not what is to be shown.

use graph_target::{Fault, FaultKind};
use tests::world::Says;

use crate::company::{ANA, Company, TODAY};

#[tokio::test]
async fn an_account_whose_creation_was_not_answered_is_found_again() {
    for lists in [0, 2] {
        let mut company = Company::directly().await;
        let cut = Fault::DropAfterCommit.once();
        company.fault(cut.method("POST").path("/users"));
        company.fault(Fault::CreateNotListed { lists });
        company
            .hr(Company::hires("E1", ANA, "Finance", TODAY))
            .await;
        assert_eq!(company.fired(FaultKind::DropAfterCommit), 1);
        assert_eq!(company.graph.user_count(), 1);
        assert_eq!(company.groups("E1"), ["All staff", "Invoices", "Ledger"]);
    }
}

#[tokio::test]
async fn a_batch_that_was_not_answered_is_looked_at_and_completed() {
    let mut company = Company::directly().await;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    for fault in [Fault::DropBeforeCommit, Fault::DropAfterCommit] {
        let kind = fault.kind();
        company.fault(fault.once().path("/$batch"));
        let to = if kind == FaultKind::DropBeforeCommit {
            "Sales"
        } else {
            "Finance"
        };
        company.hr(Says::about("E1").that("department", to)).await;
        assert_eq!(company.fired(kind), 1);
        assert_eq!(company.has("E1").text("department"), Some(to));
    }
    assert_eq!(company.groups("E1"), ["All staff", "Invoices", "Ledger"]);
    assert_eq!(company.record("E1").await.parked, None);
}

#[tokio::test]
async fn a_block_that_was_not_answered_is_made_sure_of() {
    let mut company = Company::directly().await;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    company.fault(Fault::DropAfterCommit.once().path("/$batch"));
    let end = Says::about("E1")
        .that("worker_status", "terminated")
        .that("end_mode", "now")
        .that("end_date", TODAY);
    company.hr(end).await;
    assert_eq!(company.fired(FaultKind::DropAfterCommit), 1);
    let ana = company.has("E1");
    assert_eq!((ana.account_enabled, ana.groups.len()), (false, 0));
    assert!(ana.sessions_revoked > 0);
}
