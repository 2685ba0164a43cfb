//! Pages that fail for a while, and targets that take for ever.

use std::time::Duration;

use domain::{Desired, IdentityState, Incomplete, TargetId};
use jiff::SignedDuration;
use ports::store::Health;
use ports::{Clock, Store};
use reconciler::step::{Answer, Status, Step};

use crate::company::{Company, account_id, block_on, wiki};
use crate::machine::{Machine, left, manifest, undisturbed};
use crate::target::{Misbehaviour, Scripted};

/// Thirty people in pages of ten: one who left, one who was deleted by hand.
fn company() -> Company {
    let company = Company::paged(30, 10);
    company.decide(1, IdentityState::Ended, Desired::None);
    company.wiki().delete(&account_id(2));
    company
}

fn stumbles(page: usize, times: usize, asks: Option<u64>) -> Misbehaviour {
    Misbehaviour::Stumbles { page, times, asks }
}

/// One leg of the observation, in a state machine that looks at nothing but the answer.
fn leg(machine: &mut Machine<'_, Scripted>, run: &str) -> Answer {
    let observation = machine.observation(run, &wiki());
    machine.call(&observation)
}

#[test]
fn a_page_that_fails_for_a_while_costs_nobody_the_certificate() {
    for (users, page, times, waits) in [
        (true, 1, 1, 30),
        (true, 2, 2, 30 + 60),
        (true, 3, 5, 30 + 60 + 120 + 240 + 480),
        (false, 1, 5, 930),
    ] {
        let company = company();
        let script = Some(stumbles(page, times, None));
        if users {
            company.wiki().users_do(script);
        } else {
            company.wiki().groups_do(script);
        }
        let began = company.clock.now();
        let night = company.run();
        assert_eq!(company.wiki().fired(), times);
        assert!(night.has_certificate());
        assert!(night.manifest.summary.targets[&wiki()].groups.is_ok());
        assert_eq!(night.repaired(), [1, 2]);
        let waited = company.clock.now().duration_since(began).as_secs();
        assert_eq!(waited, 1 + waits);
    }
}

#[test]
fn a_page_that_fails_six_times_proves_nothing() {
    let company = company();
    company.wiki().users_do(Some(stumbles(2, 6, None)));
    let night = company.run();
    assert_eq!(company.wiki().fired(), 6);
    let users = &night.manifest.summary.targets[&wiki()].users;
    assert!(
        matches!(users, Err(Incomplete::PageFailed { page: 2, .. })),
        "{users:?}"
    );
    assert_eq!(night.finished.sent(), 0);
}

#[test]
fn a_quota_below_the_speed_of_a_run_only_slows_it_down() {
    let company = || Company::paged(90, 10);
    let expected = undisturbed(&company());
    let company = company();
    company.wiki().users_do(Some(Misbehaviour::Limps));
    let answer = Machine::over(&company).run();
    assert_eq!(company.wiki().fired(), 9, "every page once");
    assert!(answer.report.expect("a report").complete);
    assert_eq!(left(&company).0, expected.0, "as if nothing had happened");
}

#[test]
fn a_target_is_left_alone_for_as_long_as_it_asks_for() {
    // Not less than half a minute, and not more than ten.
    for (asks, waits) in [(1, 30), (90, 90), (7_200, 600)] {
        let company = company();
        company.wiki().users_do(Some(stumbles(2, 1, Some(asks))));
        let mut machine = Machine::over(&company);
        let run = machine.begin().run;
        let answer = leg(&mut machine, &run);
        assert_eq!(answer.status, Status::Again);
        assert_eq!(answer.wait, Some(waits + 1));
        let pages = company.wiki().pages();
        // A call took a minute. Who comes too early is told how long it still is.
        if waits > 61 {
            let early = leg(&mut machine, &run);
            assert_eq!(early.wait, Some(waits + 1 - 61));
            assert_eq!(company.wiki().pages(), pages);
        }
        company.clock.advance(Duration::from_secs(waits));
        let answer = leg(&mut machine, &run);
        assert_eq!((answer.certified, answer.wait), (Some(true), None));
        assert_eq!(
            company.wiki().pages(),
            pages + 3,
            "pages 2 and 3, and the groups"
        );
    }
}

#[test]
fn a_quarantine_in_the_middle_is_waited_for() {
    let company = company();
    company.wiki().users_do(Some(stumbles(2, 1, None)));
    let mut machine = Machine::over(&company);
    let run = machine.begin().run;
    leg(&mut machine, &run);
    let now = company.clock.now();
    let rests = Health::Quarantined {
        reason: "half of the requests fail".into(),
        since: now,
        next_attempt: now + SignedDuration::from_mins(4),
        attempts: 2,
    };
    block_on(company.store.set_health(&wiki(), &rests)).expect("a model");
    let pages = company.wiki().pages();
    assert_eq!(leg(&mut machine, &run).wait, Some(4 * 60 + 1));
    assert_eq!(company.wiki().pages(), pages);
    assert_eq!(machine.observe(&run, &wiki()).certified, Some(true));
}

#[test]
fn a_target_that_takes_for_ever_is_given_up_and_the_others_are_not() {
    let mut company = Company::paged(60, 10);
    company.decide(1, IdentityState::Ended, Desired::None);
    let zoo = TargetId::from("zoo");
    let target = company.policy.targets[&wiki()].clone();
    company.policy.targets.insert(zoo.clone(), target);
    company.targets.insert(zoo.clone(), Scripted::new(10));
    company
        .wiki()
        .pages_take(&company.clock, Duration::from_hours(1));
    let night = company.run();
    let targets = &night.manifest.summary.targets;
    assert!(
        matches!(
            &targets[&wiki()].users,
            Err(Incomplete::PageFailed { page: 5, .. })
        ),
        "{:?}",
        targets[&wiki()].users
    );
    assert_eq!(company.wiki().pages(), 4);
    assert!(targets[&zoo].users.is_ok() && targets[&zoo].groups.is_ok());
    assert_eq!(night.finished.sent(), 0);
}

#[test]
fn a_leg_after_the_end_of_the_time_asks_for_nothing() {
    let company = company();
    let mut machine = Machine::over(&company);
    let run = machine.begin().run;
    company.clock.advance(Duration::from_hours(4));
    let answer = leg(&mut machine, &run);
    assert_eq!(
        (answer.status, answer.certified),
        (Status::Done, Some(false))
    );
    assert_eq!(company.wiki().pages(), 0);
    machine.until_done(&Step::Compare {
        run: run.clone(),
        target: wiki(),
        part: None,
    });
    let answer = machine.end(&run);
    let users = &manifest(&company, &answer).summary.targets[&wiki()].users;
    assert!(
        matches!(users, Err(Incomplete::PageFailed { error, .. }) if error.contains("four hours")),
        "{users:?}"
    );
}
