//! What happened to the nearest relatives (the incident table of the failure catalogue), and the
//! edge cases T17 to T19: reading goes wrong, and nothing is taken away.

use domain::{Account, AccountId, Desired, IdentityState, Incomplete, Pii};

use crate::company::{Company, account_id, wiki};
use crate::target::Misbehaviour;

/// Sixty people in pages of ten; one leaver who can still sign in, one drifted, one deleted by
/// hand, one stranger.
fn troubled() -> Company {
    let company = Company::of(60);
    company.decide(1, IdentityState::Ended, Desired::None);
    company.wiki().edit(&account_id(2), |account| {
        account.attrs.clear();
    });
    company.wiki().delete(&account_id(3));
    company
}

/// Runs under a misbehaviour: it must fire, nothing may be sent, and the report must be loud.
fn only_reports(company: &Company, what: Misbehaviour) -> Incomplete {
    let before = company.wiki().contents();
    let fired = company.wiki().fired();
    company.wiki().users_do(Some(what));
    let night = company.run();
    company.wiki().users_do(None);
    assert!(company.wiki().fired() > fired, "the fault did not fire");
    assert_eq!(night.repaired(), [] as [usize; 0]);
    assert_eq!(night.finished.sent(), 0);
    assert!(
        night
            .rows
            .iter()
            .all(|row| &*row.status != "missing" || &*row.decision == "unseen"),
        "nothing new is missing without a certificate"
    );
    assert_eq!(company.wiki().contents(), before);
    let result = &night.manifest.summary.targets[&wiki()];
    result.users.clone().expect_err("no certificate")
}

/// The same company, read properly: what the faults hid is found and mended.
fn mends_the_rest(company: &Company) {
    let night = company.run();
    assert!(night.has_certificate());
    assert_eq!(night.repaired(), [1, 2, 3]);
}

#[test]
fn inc_empty_source_list() {
    let company = troubled();
    // On the first run, against our records; and later, against the last accepted run.
    for previous in [60, 59] {
        let why = only_reports(&company, Misbehaviour::Empty);
        assert_eq!(
            why,
            Incomplete::PopulationJump {
                previous,
                received: 0
            }
        );
        if previous == 60 {
            mends_the_rest(&company);
        }
    }
}

#[test]
fn t18_an_empty_list_with_success_deletes_nothing() {
    let company = Company::of(1);
    let why = only_reports(&company, Misbehaviour::Empty);
    assert_eq!(
        why,
        Incomplete::PopulationJump {
            previous: 1,
            received: 0
        }
    );
}

#[test]
fn inc_mid_read_503() {
    let company = troubled();
    for page in 1..=6 {
        let why = only_reports(&company, Misbehaviour::Fails { page });
        assert!(matches!(why, Incomplete::PageFailed { page: at, .. } if at == page as u64));
    }
    mends_the_rest(&company);
}

#[test]
fn t17_a_503_between_pages_of_groups_revokes_nothing() {
    let company = Company::of(60);
    company.wiki().member("Admins", &account_id(5), true);
    company.wiki().member("Readers", &account_id(6), false);
    company
        .wiki()
        .groups_do(Some(Misbehaviour::Fails { page: 1 }));
    let night = company.run();
    assert!(night.has_certificate());
    assert!(night.manifest.summary.targets[&wiki()].groups.is_err());
    assert_eq!(night.requests, []);
    company.wiki().groups_do(None);
    assert_eq!(company.run().repaired(), [5, 6]);
}

#[test]
fn inc_short_pagination() {
    // 200 of 263 members were read, the token was lost.
    let company = Company::paged(263, 100);
    company.decide(1, IdentityState::Ended, Desired::None);
    let why = only_reports(&company, Misbehaviour::LosesCursor { page: 2 });
    assert_eq!(
        why,
        Incomplete::ShortOfTotal {
            declared: 263,
            received: 200
        }
    );
    // A target that declares no total is measured against the last accepted run.
    assert!(company.run().has_certificate());
    let why = only_reports(&company, Misbehaviour::LosesCursorSilently { page: 2 });
    assert_eq!(
        why,
        Incomplete::PopulationJump {
            previous: 263,
            received: 200
        }
    );
}

#[test]
fn t19_a_page_smaller_than_the_population_is_not_the_population() {
    let company = Company::paged(60, 7);
    let night = company.run();
    assert!(night.has_certificate());
    assert_eq!(night.said(), []);
    let certificate = night.manifest.summary.targets[&wiki()].users.clone();
    let certificate = certificate.expect("a certificate");
    assert_eq!((certificate.pages, certificate.received), (9, 60));
    // At every page border.
    for page in 1..9 {
        let why = only_reports(&company, Misbehaviour::LosesCursor { page });
        assert!(matches!(why, Incomplete::ShortOfTotal { declared: 60, .. }));
    }
}

#[test]
fn inc_partial_success() {
    // Success, a total that agrees, and too few: only the jump gives it away.
    let company = troubled();
    mends_the_rest(&company);
    for keeps in [1, 20, 38] {
        let why = only_reports(&company, Misbehaviour::Partial { keeps });
        assert!(
            matches!(why, Incomplete::PopulationJump { .. }),
            "kept {keeps}"
        );
    }
}

#[test]
fn a_small_loss_with_success_is_asked_for_by_name_before_anything_is_made_again() {
    let company = Company::of(60);
    assert_eq!(company.run().said(), []);
    company
        .wiki()
        .users_do(Some(Misbehaviour::Partial { keeps: 55 }));
    let night = company.run();
    assert!(night.has_certificate(), "within bounds");
    assert!(company.wiki().finds() >= 5);
    assert_eq!((night.said(), night.finished.sent()), (vec![], 0));
}

#[test]
fn a_cursor_that_repeats_ends_the_listing() {
    let company = troubled();
    for page in 1..5 {
        let why = only_reports(&company, Misbehaviour::RepeatsCursor { page });
        assert!(matches!(why, Incomplete::RepeatedCursor { .. }));
    }
}

#[test]
fn pages_that_shift_under_the_reader_prove_nothing() {
    let company = troubled();
    let why = only_reports(&company, Misbehaviour::Shifts { page: 2 });
    assert_eq!(why, Incomplete::RepeatedId { count: 1 });
}

#[test]
fn inc_unmanaged_touch() {
    let company = Company::of(20);
    for (n, name) in ["mallory", "user7", "ops"].into_iter().enumerate() {
        company.wiki().put(Account {
            id: AccountId::from(format!("foreign-{n}")),
            key: None,
            user_name: Pii::new(name.into()),
            active: true,
            attrs: std::collections::BTreeMap::new(),
            created: None,
            last_sign_in: None,
            deleted: false,
            read_only: None,
        });
    }
    company.wiki().member("Admins", "foreign-2", true);
    let night = company.run();
    assert_eq!(
        night.said(),
        [
            ("O2", "open", "foreign-2"),
            ("O3", "open", "foreign-0"),
            ("O4", "open", "foreign-1"),
        ]
    );
    assert_eq!(night.finished.sent(), 0);
}

#[test]
fn members_that_are_not_shown_are_not_lost() {
    let company = Company::of(20);
    company.wiki().groups_do(Some(Misbehaviour::HidesMembers));
    let night = company.run();
    let result = &night.manifest.summary.targets[&wiki()];
    assert_eq!(result.groups, Err(Incomplete::NotShown));
    assert_eq!((night.said(), night.finished.sent()), (vec![], 0));
}

#[test]
fn a_human_may_accept_a_smaller_population() {
    let mut company = Company::of(60);
    assert!(company.run().has_certificate());
    for n in 20..60 {
        company.decide(n, IdentityState::Ended, Desired::None);
        company.wiki().delete(&account_id(n));
    }
    assert!(!company.run().has_certificate());
    company.accept.insert(wiki());
    let night = company.run();
    assert!(night.has_certificate());
    assert_eq!(night.said(), []);
    company.accept.clear();
    assert!(
        company.run().has_certificate(),
        "accepted for later runs too"
    );
}

#[test]
fn a_target_without_a_reader_is_reported_as_unobserved() {
    let mut company = Company::of(5);
    company.targets.clear();
    let night = company.run();
    assert!(!night.has_certificate());
    assert_eq!(night.said(), []);
}
