//! What is sent, on which lane, and what is held.

use std::collections::BTreeSet;

use contract::Lane;
use domain::policy::{LostGrant, Mode};
use domain::{Desired, Hash, IdentityState};
use jiff::Timestamp;
use ports::store::Health;
use ports::{Clock, Store};

use crate::company::{Company, account_id, block_on, identity, wiki};

fn lanes(night: &crate::company::Night) -> Vec<(Lane, usize)> {
    night
        .requests
        .iter()
        .map(|(lane, _)| lane.clone())
        .zip(night.repaired())
        .collect()
}

#[test]
fn a_clean_company_sends_nothing_and_says_nothing() {
    let night = Company::of(30).run();
    assert_eq!((night.said(), night.finished.sent()), (vec![], 0));
    let result = &night.manifest.summary.targets[&wiki()];
    assert_eq!((result.matching, result.wanted), (30, 30));
}

#[test]
fn endings_of_access_take_their_own_lane_and_go_first() {
    let company = Company::of(30);
    company
        .wiki()
        .edit(&account_id(1), |account| account.active = false);
    company.decide(2, IdentityState::Ended, Desired::None);
    let night = company.run();
    assert_eq!(
        lanes(&night),
        [(Lane::Terminations, 2), (Lane::Target(wiki()), 1)]
    );
    assert_eq!(
        night.said(),
        [
            ("O1", "queued", "account-2"),
            ("O6", "queued", "account-2"),
            ("O8", "queued", "account-1"),
        ]
    );
}

#[test]
fn the_second_run_sends_nothing() {
    let company = Company::of(60);
    company.decide(1, IdentityState::Ended, Desired::None);
    company
        .wiki()
        .edit(&account_id(2), |account| account.active = false);
    company
        .wiki()
        .edit(&account_id(3), |account| account.attrs.clear());
    company.wiki().delete(&account_id(4));
    company.wiki().member("Admins", &account_id(5), true);
    company.wiki().member("Readers", &account_id(6), false);
    let night = company.run();
    assert_eq!(
        night.repaired().into_iter().collect::<BTreeSet<_>>(),
        (1..=6).collect()
    );
    company.mend(&night);
    let again = company.run();
    assert_eq!((again.said(), again.finished.sent()), (vec![], 0));
    assert_eq!(
        again.manifest.summary.closed_findings,
        night.rows.len() as u64
    );
}

#[test]
fn observing_and_simulating_only_report() {
    for mode in [Mode::Observe, Mode::Simulate] {
        let mut company = Company::of(30);
        company.target().mode = mode;
        company.decide(1, IdentityState::Ended, Desired::None);
        company.wiki().delete(&account_id(2));
        let night = company.run();
        assert_eq!(night.finished.sent(), 0);
        assert!(night.said().contains(&("O1", "open", "account-1")));
        assert!(night.said().contains(&("O7", "open", "account-2")));
    }
}

/// So many leavers who can still sign in.
pub fn leavers(company: &Company, many: usize) {
    for n in 0..many {
        company.decide(n, IdentityState::Ended, Desired::None);
        // Their memberships are in order, so that only the sign-in counts.
        company.wiki().member("Readers", &account_id(n), false);
    }
}

#[test]
fn holds_exactly_beyond_the_limit() {
    // 10 % of 100 managed accounts, floor 5.
    for (many, held) in [(5, false), (10, false), (11, true)] {
        let company = Company::of(100);
        leavers(&company, many);
        company
            .wiki()
            .edit(&account_id(50), |account| account.active = false);
        let night = company.run();
        let stopped = night.rows.iter().filter(|row| &*row.decision == "held");
        let stopped: BTreeSet<&str> = stopped.map(|row| &*row.account_id).collect();
        // The connector hears of everybody: it lists what waits, and gives what is missing.
        assert_eq!(night.repaired().len(), many + 1);
        assert_eq!(stopped.len(), if held { many } else { 0 });
        assert_eq!(company.holds(), if held { vec!["block"] } else { vec![] });
        let result = &night.manifest.summary.targets[&wiki()];
        assert_eq!(result.held > 0, held);
        assert_eq!(night.finished.held > 0, held);
    }
}

#[test]
fn one_class_over_its_limit_does_not_stop_the_other() {
    let company = Company::of(100);
    leavers(&company, 11);
    company.wiki().member("Admins", &account_id(70), true);
    company.run();
    assert_eq!(company.holds(), ["block"]);
    let company = Company::of(100);
    leavers(&company, 2);
    for n in 70..90 {
        company.wiki().member("Admins", &account_id(n), true);
    }
    let night = company.run();
    assert_eq!(company.holds(), ["revoke"]);
    assert_eq!(
        night
            .rows
            .iter()
            .filter(|row| &*row.decision == "held")
            .count(),
        20
    );
}

#[test]
fn t32_members_added_and_removed_by_hand() {
    let mut company = Company::of(30);
    company.wiki().member("Admins", &account_id(1), true);
    company.wiki().member("Readers", &account_id(2), false);
    let night = company.run();
    assert_eq!(night.repaired(), [1, 2]);
    assert_eq!(
        night.said(),
        [("O6", "queued", "account-1"), ("O8", "queued", "account-2")]
    );
    company.target().lost = LostGrant::Report;
    let admins = company
        .policy
        .entitlements
        .get_mut(&domain::EntitlementId::from(crate::company::ADMINS));
    admins.expect("the group").authoritative = false;
    let night = company.run();
    assert_eq!(
        night.said(),
        [("O6", "open", "account-1"), ("O8", "open", "account-2")]
    );
    assert_eq!(night.finished.sent(), 0);
}

#[test]
fn t40_an_account_deleted_by_hand_is_made_again_after_a_point_read() {
    let company = Company::of(30);
    company.wiki().delete(&account_id(3));
    let night = company.run();
    assert_eq!(night.repaired(), [3]);
    assert_eq!(company.wiki().finds(), 2);
    assert_eq!(night.said(), [("O7", "queued", "account-3")]);
}

#[test]
fn what_the_point_read_cannot_confirm_is_only_reported() {
    let company = Company::of(30);
    company.wiki().delete(&account_id(3));
    company.wiki().fail_find();
    let night = company.run();
    assert_eq!(company.wiki().fired(), 1);
    assert_eq!(night.said(), [("O7", "open", "account-3")]);
    assert_eq!(night.finished.sent(), 0);
}

#[test]
fn what_is_on_its_way_is_not_sent_again() {
    let company = Company::of(30);
    company.decide_owed(1, IdentityState::Ended, Desired::None);
    let night = company.run();
    assert_eq!(night.finished.sent(), 0);
    let row = night.rows.first().expect("a finding");
    assert_eq!((row.class.as_str(), &*row.decision), ("O1", "open"));
    assert!(row.detail.contains("on its way"));
}

#[test]
fn what_waits_for_a_human_is_tried_again_once_a_night() {
    let mut company = Company::of(30);
    for n in [1, 2] {
        company
            .wiki()
            .edit(&account_id(n), |account| account.attrs.clear());
        company.park(n);
    }
    company.decide(2, IdentityState::Ended, Desired::None);
    let night = company.run();
    assert_eq!(night.repaired(), [2], "an ending is tried every time");
    assert!(night.said().contains(&("O8", "open", "account-1")));
    company.mend(&night);
    company.tomorrow();
    assert_eq!(company.run().repaired(), [1]);
}

/// One who left and one who drifted, on a target that is not well.
fn on_a_target_that_is(health: &Health) -> Company {
    let company = Company::of(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    company
        .wiki()
        .edit(&account_id(2), |account| account.active = false);
    becomes(&company, health);
    company
}

fn becomes(company: &Company, health: &Health) {
    block_on(company.store.set_health(&wiki(), health)).expect("a model");
}

fn quarantine(company: &Company, rest: jiff::SignedDuration) -> Health {
    let now = company.clock.now();
    Health::Quarantined {
        reason: "401".into(),
        since: now,
        next_attempt: now + rest,
        attempts: 1,
    }
}

#[test]
fn a_quarantined_target_is_left_alone_until_its_rest_is_over() {
    let company = on_a_target_that_is(&Health::Healthy);
    becomes(
        &company,
        &quarantine(&company, jiff::SignedDuration::from_hours(1)),
    );
    let night = company.run();
    assert!(!night.has_certificate());
    assert_eq!(night.said(), []);
    // Nothing is owed, so that nobody else would send the message that finds out.
    becomes(&company, &quarantine(&company, jiff::SignedDuration::ZERO));
    let night = company.run();
    assert!(night.has_certificate());
    assert_eq!(night.repaired(), [1, 2]);
}

#[test]
fn an_ending_waits_for_no_target() {
    let company = on_a_target_that_is(&Health::Healthy);
    let other = company.twin();
    let rests = quarantine(&company, jiff::SignedDuration::from_hours(1));
    company.wiki().meanwhile(move || becomes(&other, &rests));
    let night = company.run();
    assert_eq!(lanes(&night), [(Lane::Terminations, 1)]);
    assert!(night.said().contains(&("O8", "open", "account-2")));
    let pause = ports::store::Pause {
        by: "ida".into(),
        reason: "maintenance".into(),
        since: company.clock.now(),
    };
    let company = on_a_target_that_is(&Health::Healthy);
    let other = company.twin();
    company.wiki().meanwhile(move || {
        block_on(other.store.set_pause(&wiki(), Some(&pause))).expect("a model");
    });
    assert_eq!(lanes(&company.run()), [(Lane::Terminations, 1)]);
}

#[test]
fn a_pause_that_is_over_keeps_nobody_waiting() {
    let company = on_a_target_that_is(&Health::Healthy);
    let now = company.clock.now();
    let paused = |until: Timestamp| becomes(&company, &Health::Throttled { until });
    // Nobody was called since, so that nothing lifted it.
    paused(now + jiff::SignedDuration::from_hours(1));
    assert_eq!(lanes(&company.run()), [(Lane::Terminations, 1)]);
    paused(now - jiff::SignedDuration::from_secs(1));
    assert_eq!(company.run().repaired(), [1, 2]);
}

#[test]
fn an_identity_that_the_planner_forgot_is_planned_again() {
    let mut company = Company::of(5);
    assert_eq!(company.run().plans, []);
    let overdue = company.clock.now() - jiff::SignedDuration::from_mins(16);
    let just_due = company.clock.now() - jiff::SignedDuration::from_mins(1);
    for (n, at) in [(1, overdue), (2, just_due)] {
        let (id, generation) = (identity(n), company.generation(n));
        let rested = block_on(company.store.rest(&id, generation, Some(at)));
        assert!(rested.expect("a model"));
    }
    let night = company.run();
    let who: Vec<&str> = night
        .plans
        .iter()
        .map(|plan| plan.record.as_str())
        .collect();
    assert_eq!(who, [identity(1).as_str()]);
    company.policy.version = Hash::of(b"version 2");
    assert_eq!(company.run().plans.len(), 5);
}
