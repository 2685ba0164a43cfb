//! When the nightly run ends a hold by itself, and above all when it does not.

use std::time::Duration;

use domain::{Desired, Hash, IdentityState};
use ports::Clock;
use reconciler::step::{Event, Status, Step};

use crate::company::{Company, account_id, block_on, identity};
use crate::machine::Machine;
use crate::repairs::leavers;

/// Sign-in blocks have waited here for longer than a day, and nobody's any more.
fn with_an_old_hold(people: usize) -> Company {
    let mut company = Company::of(people);
    company.hold_blocks();
    company.tomorrow();
    company
}

#[test]
fn a_hold_in_which_nothing_waits_ends_after_a_day() {
    let company = with_an_old_hold(30);
    company.run();
    assert_eq!(company.holds(), [""; 0]);
}

#[test]
fn a_hold_ends_sooner_once_a_second_run_has_seen_it() {
    let company = Company::of(30);
    company.hold_blocks();
    company.run();
    assert_eq!(company.holds(), ["block"], "opened just before the run");
    company.run();
    assert_eq!(company.holds(), [""; 0]);
}

#[test]
fn a_hold_that_a_run_is_over_again_stays() {
    let mut company = Company::of(100);
    leavers(&company, 11);
    company.run();
    // Nothing waits yet: no connector has taken up what was sent.
    company.tomorrow();
    company.run();
    assert_eq!(company.holds(), ["block"]);
}

#[test]
fn what_begins_to_wait_while_a_run_reads_keeps_its_hold() {
    let company = with_an_old_hold(30);
    let other = company.twin();
    company.wiki().meanwhile(move || other.block_waits(7));
    company.run();
    assert_eq!(company.holds(), ["block"]);
}

#[test]
fn whoever_is_on_the_way_to_a_hold_keeps_it() {
    let company = with_an_old_hold(30);
    company.decide_owed(7, IdentityState::Ended, Desired::None);
    company.run();
    assert_eq!(company.holds(), ["block"]);
    company.converge(&identity(7), &crate::company::wiki());
    company.run();
    assert_eq!(company.holds(), [""; 0]);
}

/// Publishing a policy opened the hold and was interrupted before anybody was planned anew.
#[test]
fn a_hold_outlasts_the_night_that_has_everybody_planned_anew() {
    let mut company = with_an_old_hold(30);
    company.policy.version = Hash::of(b"version 2");
    assert_eq!(company.run().plans.len(), 30);
    assert_eq!(company.holds(), ["block"]);
    for n in 0..30 {
        company.decide(n, IdentityState::Active, Desired::Active);
    }
    company.run();
    assert_eq!(company.holds(), [""; 0]);
}

#[test]
fn a_hold_ends_before_what_it_would_stop_is_sent() {
    let company = with_an_old_hold(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    company.wiki().member("Readers", &account_id(1), false);
    company
        .lanes
        .fail_next(ports::Fault::retry("the queue is away"));
    assert!(company.try_run().is_err());
    assert_eq!(company.holds(), [""; 0]);
}

#[test]
fn looking_for_who_waits_takes_as_many_legs_as_it_needs() {
    // Pages of a hundred: who waits is on the third.
    for waits in [None, Some(240)] {
        let company = with_an_old_hold(250);
        let other = company.twin();
        company.wiki().meanwhile(move || {
            if let Some(n) = waits {
                other.block_waits(n);
            }
        });
        let mut machine = Machine::over(&company);
        let run = machine.compared();
        let event = Event {
            v: 1,
            step: Step::Enqueue { run },
        };
        let past = Some(company.clock.now());
        let mut ends_in = None;
        for leg in 1.. {
            let answer = block_on(machine.reconciler().step(&event, past)).expect("an answer");
            company.clock.advance(Duration::from_secs(1));
            if ends_in.is_none() && company.holds().is_empty() {
                ends_in = Some(leg);
            }
            if answer.status == Status::Done {
                assert!(leg > 3, "{leg}");
                break;
            }
        }
        assert_eq!(ends_in, if waits.is_none() { Some(3) } else { None });
    }
}
