//! Answers that come late, twice, not now, or not at all.

use std::time::Duration;

use graph_target::{Fault, FaultKind, Refusal};
use ports::Clock as _;
use tests::world::Says;

use crate::company::{ANA, BEN, Company, TODAY};

const FINANCE: [&str; 3] = ["All staff", "Invoices", "Ledger"];

#[tokio::test]
async fn a_new_account_that_does_not_show_yet_is_made_once() {
    for misses in [1, 3, 6] {
        let mut company = Company::new().await;
        company.fault(Fault::NotFoundAfterCreate { misses });
        company.fault(Fault::CreateNotListed { lists: 2 });
        company
            .hr(Company::hires("E1", ANA, "Finance", TODAY))
            .await;
        assert!(company.fired(FaultKind::NotFoundAfterCreate) > 0);
        assert_eq!(company.groups("E1"), FINANCE);
        assert!(company.licensed("E1"));
        assert_eq!(company.graph.user_count(), 1);
        assert_eq!(company.record("E1").await.parked, None);
        company.ends().await;
    }
}

#[tokio::test]
async fn an_error_after_the_account_was_made_makes_no_twin() {
    for lists in [0, 2] {
        let mut company = Company::new().await;
        let lost = Fault::StatusAfterCommit { code: 504 };
        company.fault(lost.once().method("POST").path("/users").not_batched());
        company.fault(Fault::CreateNotListed { lists });
        company
            .hr(Company::hires("E1", ANA, "Finance", TODAY))
            .await;
        assert_eq!(company.fired(FaultKind::StatusAfterCommit), 1);
        assert_eq!(company.graph.user_count(), 1);
        assert_eq!(company.groups("E1"), FINANCE);
        assert_eq!(company.record("E1").await.parked, None);
        company.ends().await;
    }
}

#[tokio::test]
async fn who_is_a_member_already_is_one_afterwards() {
    let mut company = Company::new().await;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    let (group, id) = (company.group("Customers"), company.has("E1").id);
    company.graph.add_member(&group, &id).expect("added");
    company
        .hr(Says::about("E1").that("department", "Sales"))
        .await;
    assert!(company.graph.refused(Refusal::AlreadyMember) > 0);
    assert_eq!(company.groups("E1"), ["All staff", "Customers"]);
    assert_eq!(company.record("E1").await.parked, None);
    // It is ours from now on, and goes with the job.
    company
        .hr(Says::about("E1").that("department", "Finance"))
        .await;
    assert_eq!(company.groups("E1"), FINANCE);
    company.ends().await;
}

#[tokio::test]
async fn a_part_of_a_batch_that_is_too_much_comes_again_after_its_wait() {
    let mut company = Company::new().await;
    let throttled = Fault::Throttled {
        retry_after: Some(70),
    };
    company.fault(throttled.once().batched().path_part("/members"));
    let began = company.world.clock.now();
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    assert_eq!(company.fired(FaultKind::Throttled), 1);
    assert_eq!(company.groups("E1"), FINANCE);
    let took = company.world.clock.now().duration_since(began);
    assert!(took.as_secs() >= 70, "{took}");
    assert_eq!(company.graph.user_count(), 1);
    company.ends().await;
}

#[tokio::test]
async fn tokens_may_live_for_five_seconds() {
    let mut company = Company::new().await;
    let short = Fault::TokenLifetime { seconds: 5 };
    company.fault(short.always().path("/oauth2"));
    for (worker, names) in [("E1", ANA), ("E2", BEN), ("E3", ("Cy", "Lee"))] {
        company.world.clock.advance(Duration::from_mins(1));
        company
            .hr(Company::hires(worker, names, "Finance", TODAY))
            .await;
        assert_eq!(company.groups(worker), FINANCE);
    }
    assert!(company.fired(FaultKind::TokenLifetime) >= 3);
    company.ends().await;
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_replaced() {
    let mut company = Company::new().await;
    company
        .hr(Company::hires("E1", ANA, "Finance", TODAY))
        .await;
    company.graph.void_tokens();
    company
        .hr(Company::hires("E2", BEN, "Finance", TODAY))
        .await;
    assert_eq!(company.groups("E2"), FINANCE);
    assert!(company.graph.refused(Refusal::BadToken) > 0);
    // And between the creation and what follows it.
    let void = Fault::Unauthorized.once().method("POST").path("/$batch");
    company.fault(void.after(1));
    company
        .hr(Company::hires("E3", ("Cy", "Lee"), "Finance", TODAY))
        .await;
    assert_eq!(company.fired(FaultKind::Unauthorized), 1);
    assert_eq!(company.groups("E3"), FINANCE);
    assert_eq!(company.graph.user_count(), 3);
    company.ends().await;
}
