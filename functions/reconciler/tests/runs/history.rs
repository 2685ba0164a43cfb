//! Findings over several nights.

use domain::{Desired, IdentityState};
use jiff::civil::date;

use crate::company::{Company, account_id};
use crate::target::Misbehaviour;

#[test]
fn a_finding_grows_old_and_closes() {
    let mut company = Company::of(30);
    company.target().mode = domain::policy::Mode::Observe;
    company
        .wiki()
        .edit(&account_id(1), |account| account.attrs.clear());
    let first = company.run();
    let summary = &first.manifest.summary;
    assert_eq!((summary.new_findings, summary.closed_findings), (1, 0));
    company.tomorrow();
    let second = company.run();
    let row = second.rows.first().expect("still there");
    assert_eq!(
        (row.first_seen, row.age_days, row.runs_seen),
        (date(2026, 3, 1), 1, 2)
    );
    let summary = &second.manifest.summary;
    assert_eq!((summary.new_findings, summary.closed_findings), (0, 0));
    assert_eq!(summary.previous, Some(first.manifest.summary.run));
    company.tomorrow();
    company.converge(&crate::company::identity(1), &crate::company::wiki());
    company.tomorrow();
    let third = company.run();
    assert_eq!(third.manifest.summary.closed_findings, 1);
    assert_eq!(third.said(), []);
}

#[test]
fn a_night_without_a_certificate_forgets_nothing() {
    let mut company = Company::of(30);
    company.target().mode = domain::policy::Mode::Observe;
    company.wiki().delete(&account_id(1));
    assert_eq!(company.run().said(), [("O7", "open", "account-1")]);
    company.tomorrow();
    company
        .wiki()
        .users_do(Some(Misbehaviour::Fails { page: 2 }));
    let blind = company.run();
    assert_eq!(blind.said(), [("O7", "unseen", "account-1")]);
    assert_eq!(blind.manifest.summary.closed_findings, 0);
    company.tomorrow();
    company.wiki().users_do(None);
    let night = company.run();
    let row = night.rows.first().expect("still there");
    assert_eq!((row.age_days, &*row.decision), (2, "open"));
}

#[test]
fn several_differences_of_one_class_are_one_row() {
    let company = Company::of(30);
    company.wiki().edit(&account_id(1), |account| {
        account.active = false;
        account.attrs.clear();
    });
    let night = company.run();
    assert_eq!(night.said(), [("O8", "queued", "account-1")]);
    let row = night.rows.first().expect("one");
    assert!(row.detail.contains("sign in") && row.detail.contains("title"));
}

#[test]
fn messages_and_keys_hold_no_personal_data() {
    use ports::Objects;
    let company = Company::of(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    company.wiki().delete(&account_id(2));
    company.try_run().expect("a run");
    let keys = crate::company::block_on(company.objects.list("")).expect("a model");
    let sent = company.lanes.take_sent();
    assert!(!sent.is_empty() && !keys.is_empty());
    let text = format!("{sent:?} {keys:?}");
    for personal in ["user1", "user2", "account-1", "account-2", "Engineer"] {
        assert!(!text.contains(personal), "{personal}");
    }
}
