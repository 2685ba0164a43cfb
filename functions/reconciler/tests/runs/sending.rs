//! Sending takes long, is interrupted, or has a target that does not answer.

use std::collections::BTreeSet;
use std::time::Duration;

use contract::{ConvergeRequest, Lane};
use domain::{Desired, Hash, IdentityState};
use ports::Objects;
use reconciler::step::Step;

use crate::company::{Company, account_id, block_on};
use crate::machine::{Machine, left, undisturbed};

#[test]
fn a_target_that_gives_no_answer_is_not_asked_about_everybody() {
    let company = Company::of(100);
    for n in 0..5 {
        company.wiki().delete(&account_id(n));
    }
    company.wiki().edit(&account_id(50), |a| a.attrs.clear());
    for _ in 0..100 {
        company.wiki().fail_find();
    }
    let night = company.run();
    assert_eq!((company.wiki().finds(), company.wiki().fired()), (3, 3));
    // Who is missing is reported; what needs no question goes on.
    assert_eq!(night.repaired(), [50]);
    let open = night.said().into_iter().filter(|row| row.1 == "open");
    assert_eq!(open.count(), 5);
}

#[test]
fn one_answer_in_between_and_a_target_is_asked_on() {
    let company = Company::of(100);
    for n in 0..5 {
        company.wiki().delete(&account_id(n));
    }
    for _ in 0..2 {
        company.wiki().fail_find();
    }
    assert_eq!(company.run().repaired(), [2, 3, 4]);
}

/// Five accounts are missing, each of which costs two questions of a minute: more than a leg has.
#[test]
fn questions_that_take_long_are_asked_once_over_all_legs() {
    let company = Company::of(100);
    for n in 0..5 {
        company.wiki().delete(&account_id(n));
    }
    let mut machine = Machine::over(&company);
    let run = machine.compared();
    let minute = Duration::from_mins(1);
    company.wiki().finds_take(&company.clock, minute);
    assert!(machine.enqueue_in_legs(&run, 3 * minute) >= 3);
    assert_eq!(company.wiki().finds(), 10);
    assert_eq!(company.lanes.sent().len(), 5);
    let answer = machine.end(&run);
    assert_eq!(answer.report.expect("a report").repairs, 5);
    assert_eq!(company.wiki().finds(), 10);
}

/// More than one stretch of a part, killed at many places; what is sent is carried out meanwhile.
#[test]
fn a_part_is_settled_in_stretches_that_no_kill_changes() {
    let company = || {
        let company = Company::paged(450, 100);
        for n in 0..450 {
            company.wiki().edit(&account_id(n), |a| a.attrs.clear());
        }
        company
    };
    let expected = undisturbed(&company());
    assert_eq!(expected.1.len(), 450);
    let disturbed = company();
    let mut machine = Machine::over(&disturbed);
    let run = machine.compared();
    machine.kills = (0..12).collect();
    let enqueue = Step::Enqueue { run: run.clone() };
    while machine.once(&enqueue).is_none() {
        for (_, message) in disturbed.lanes.sent() {
            let request: ConvergeRequest = serde_json::from_str(&message.body).expect("a request");
            disturbed.converge(&request.identity, &request.target);
        }
    }
    assert_eq!(machine.killed, 12);
    let stretches = block_on(
        disturbed
            .objects
            .list(&format!("runs/{run}/target=wiki/others-")),
    );
    assert_eq!(stretches.expect("a model").len(), 3);
    machine.end(&run);
    assert_eq!(left(&disturbed), expected);
}

#[test]
fn everybody_is_handed_to_the_planner_in_as_many_legs_as_it_takes() {
    let mut company = Company::of(250);
    company.policy.version = Hash::of(b"version 2");
    company.decide(3, IdentityState::Active, Desired::Active);
    let mut machine = Machine::over(&company);
    let run = machine.compared();
    // Both rounds, three hundreds, and nothing left.
    assert_eq!(machine.enqueue_in_legs(&run, Duration::ZERO), 6);
    let sent = company.lanes.sent().into_iter();
    let plans = sent.filter(|(lane, _)| *lane == Lane::Facts);
    let who: Vec<String> = plans.map(|(_, message)| message.group).collect();
    assert_eq!(who.len(), 249, "nobody twice");
    assert_eq!(who.iter().collect::<BTreeSet<_>>().len(), 249);
    let answer = machine.end(&run);
    assert_eq!(answer.report.expect("a report").replanned, 249);
}
