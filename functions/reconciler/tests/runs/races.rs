//! Live events while a run reads: it never undoes them (F25).

use domain::{Desired, IdentityState};

use crate::company::{Company, account_id, identity, wiki};

/// A company whose account 1 drifted, and something that happens between reading and sending.
fn drifted_and(meanwhile: impl FnOnce(&Company) + Send + 'static) -> Company {
    let company = Company::of(30);
    company
        .wiki()
        .edit(&account_id(1), |account| account.active = false);
    let other = company.twin();
    company.wiki().meanwhile(move || meanwhile(&other));
    company
}

#[test]
fn a_decision_meanwhile_and_its_change_leave_nothing_to_say() {
    let company = drifted_and(|company| {
        company.decide(1, IdentityState::Ended, Desired::None);
        company.converge(&identity(1), &wiki());
    });
    let night = company.run();
    assert_eq!((night.said(), night.finished.sent()), (vec![], 0));
}

#[test]
fn a_decision_meanwhile_whose_change_is_on_its_way_is_not_doubled() {
    let company = drifted_and(|company| {
        company.decide_owed(1, IdentityState::Active, Desired::Active);
    });
    let night = company.run();
    assert_eq!(night.finished.sent(), 0);
}

#[test]
fn a_leaver_who_is_disabled_while_we_read_is_no_residual() {
    let company = Company::of(30);
    company.decide_owed(1, IdentityState::Ended, Desired::None);
    let other = company.twin();
    company
        .wiki()
        .meanwhile(move || other.converge(&identity(1), &wiki()));
    let night = company.run();
    assert_eq!((night.said(), night.finished.sent()), (vec![], 0));
}

#[test]
fn a_joiner_who_is_made_while_we_read_is_not_missing() {
    let company = Company::of(30);
    company.decide_owed(30, IdentityState::Active, Desired::Active);
    let other = company.twin();
    company
        .wiki()
        .meanwhile(move || other.converge(&identity(30), &wiki()));
    let night = company.run();
    assert_eq!((night.said(), night.finished.sent()), (vec![], 0));
}

#[test]
fn a_run_that_died_while_sending_is_followed_by_one_that_sends() {
    let company = Company::of(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    company.lanes.fail_next(ports::Fault::retry("queue away"));
    assert!(company.try_run().is_err());
    let night = company.run();
    assert_eq!(night.repaired(), [1]);
    assert_eq!(
        night.manifest.summary.previous, None,
        "the dead run has no manifest"
    );
}
