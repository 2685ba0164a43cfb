//! Live events while a run reads: it never undoes them (F25).

use domain::{Desired, IdentityState};
use ports::Clock;

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

/// A record bears the instant at which the work began, which may have been before the run.
#[test]
fn work_that_began_before_a_run_and_ends_in_it_is_not_judged() {
    for (minutes, said) in [(1, 0), (4, 1)] {
        let company = Company::of(30);
        company.decide_owed(1, IdentityState::Ended, Desired::None);
        company.wiki().member("Readers", &account_id(1), false);
        let began = company.clock.now();
        company
            .clock
            .advance(std::time::Duration::from_mins(minutes));
        let other = company.twin();
        company.wiki().meanwhile(move || {
            other.converge(&identity(1), &wiki());
            other.acknowledge(1, |account| account.at = Some(began));
        });
        let night = company.run();
        let found = night.said();
        let blocks = found.iter().filter(|row| row.0 == "O1").count();
        assert_eq!((blocks, found.len()), (said, said), "{found:?}");
    }
}

/// The walk that begins a run may miss what was written in the last second. Whoever differs is
/// looked at again, as they are.
#[test]
fn a_walk_that_misses_the_last_write_says_nothing_wrong() {
    let leaver = |company: &Company| {
        company.decide_owed(1, IdentityState::Ended, Desired::None);
        company.converge(&identity(1), &wiki());
    };
    let joiner = |company: &Company| {
        company.decide_owed(30, IdentityState::Active, Desired::Active);
        company.converge(&identity(30), &wiki());
    };
    let decided = |company: &Company| {
        company.decide_owed(1, IdentityState::Suspended, Desired::Disabled);
    };
    let writes: [&dyn Fn(&Company); 3] = [&leaver, &joiner, &decided];
    for write in writes {
        let company = Company::of(30);
        write(&company);
        company.store.lag();
        let night = company.run();
        assert!(night.has_certificate());
        assert_eq!(night.finished.sent(), 0, "{:?}", night.said());
        assert_eq!(night.said(), []);
    }
}

#[test]
fn what_the_walk_missed_is_found_the_next_night() {
    let mut company = Company::of(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    company.store.lag();
    assert_eq!(
        company.run().repaired(),
        [] as [usize; 0],
        "as it was a moment before"
    );
    company.tomorrow();
    company.decide(2, IdentityState::Active, Desired::Active);
    assert_eq!(company.run().repaired(), [1]);
}
