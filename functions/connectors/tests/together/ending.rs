//! Endings that a target does not carry out as it was asked to.

use domain::{Change, Desired, Generation, Outcome};
use ports::Fault;
use ports::target::TargetError;

use crate::company::{Company, account, looks};

fn refused() -> TargetError {
    TargetError::Fault(Fault::reject("disable: 403, the owner stays"))
}

/// Somebody who left, and held two memberships.
async fn leaver() -> Company {
    let company = Company::new();
    let held = ["payables", "staff"];
    company.has("ana", &held, Desired::Disabled, &[]).await;
    company
}

#[tokio::test]
async fn a_block_that_is_refused_does_not_keep_the_rest_of_an_ending() {
    for (change, error) in [
        (Change::Disable, refused()),
        (Change::Disable, TargetError::Conflict),
        (Change::RevokeSessions, refused()),
    ] {
        for takes_many in [false, true] {
            let company = leaver().await;
            company.dir.state().takes_many = takes_many;
            company.dir.state().refused = Some((change.clone(), error.clone()));
            assert_eq!(company.deliver(&["ana"]).await.failed, []);
            assert!(company.dir.state().members.is_empty(), "{change:?}");
            let open = change == Change::Disable;
            let record = company.record("ana").await;
            assert_eq!((record.active, record.grants.len()), (open, 0));
            assert_eq!(record.outcome, Some(Outcome::Rejected));
            let why = record.parked.expect("a reason");
            assert!(
                why.contains("the owner stays") || why.contains("taken"),
                "{why}"
            );
            assert_eq!(record.applied, Generation(2));
        }
    }
}

#[tokio::test]
async fn a_block_that_was_refused_is_tried_again_at_night() {
    let company = leaver().await;
    company.dir.state().refused = Some((Change::Disable, refused()));
    assert_eq!(company.deliver(&["ana"]).await.failed, []);
    let again = company.connector.handle(looks(&["ana"])).await;
    assert_eq!(again.failed, []);
    assert!(company.record("ana").await.parked.is_some());
    company.dir.state().refused = None;
    let again = company.connector.handle(looks(&["ana"])).await;
    assert_eq!(again.failed, []);
    let record = company.record("ana").await;
    assert_eq!((record.active, record.parked), (false, None));
    assert!(!company.dir.state().active[&account("ana")]);
}
