//! The budget of a target.

use std::time::Duration;

use domain::Desired;
use domain::budget::{Budget, Counts, Rate};

use crate::company::{Company, batch};

/// Two writes on users a second, four at once, one of them kept for endings.
fn two_a_second() -> Budget {
    Budget {
        rates: vec![Rate {
            of: Counts::Users,
            count: 4,
            seconds: 2,
            burst: 4,
        }],
        reserve_percent: 25,
        workers: None,
    }
}

#[tokio::test]
async fn what_the_budget_does_not_grant_comes_back_in_its_turn() {
    let company = Company::with(|target| target.profile.budget = two_a_second());
    let people = ["p0", "p1", "p2", "p3", "p4", "p5"];
    for name in people {
        company.wants(name, &[]).await;
    }
    let failed = company.deliver(&people).await.failed;
    assert_eq!(
        company.dir.take_calls().len(),
        3 * 2,
        "a burst without the reserve"
    );
    let turns: Vec<u64> = failed
        .iter()
        .map(|one| one.after.expect("a time").as_secs())
        .collect();
    // On full seconds, so that those of one second ask together.
    assert_eq!(turns, [1, 1, 2]);
    // Somebody who comes later does not take their turn.
    company.wants("late", &[]).await;
    let late = company.deliver(&["late"]).await.failed;
    assert_eq!(late[0].after, Some(Duration::from_secs(2)));
    company.clock.advance(Duration::from_secs(1));
    assert_eq!(company.deliver_again(&["p3", "p4"]).await.failed, []);
    company.clock.advance(Duration::from_secs(1));
    assert_eq!(company.deliver_again(&["p5", "late"]).await.failed, []);
    for name in people {
        assert!(!company.owes(name).await, "{name}");
    }
}

#[tokio::test]
async fn an_ending_has_the_reserve() {
    let company = Company::with(|target| target.profile.budget = two_a_second());
    for name in ["p0", "p1", "p2", "p3"] {
        company.wants(name, &[]).await;
    }
    company.has("eva", &[], Desired::Disabled, &[]).await;
    assert_eq!(
        company
            .deliver(&["p0", "p1", "p2", "p3"])
            .await
            .failed
            .len(),
        1
    );
    assert_eq!(company.deliver(&["eva"]).await.failed, []);
    assert!(!company.record("eva").await.active);
}

#[tokio::test]
async fn a_message_that_asks_for_nothing_uses_nothing() {
    let company = Company::with(|target| target.profile.budget = two_a_second());
    company.wants("p0", &[]).await;
    assert_eq!(company.deliver(&["p0"]).await.failed, []);
    let counters = company.store.counters();
    for _ in 0..10 {
        assert_eq!(company.deliver(&["p0"]).await.failed, []);
    }
    assert_eq!(company.store.counters().writes, counters.writes);
}

#[tokio::test]
async fn a_target_without_limits_costs_the_table_nothing() {
    let company = Company::new();
    company.wants("p0", &[]).await;
    let before = company.store.counters();
    assert_eq!(company.deliver(&["p0"]).await.failed, []);
    let after = company.store.counters();
    assert_eq!(
        (after.reads - before.reads, after.writes - before.writes),
        (1, 1)
    );
}

#[tokio::test]
async fn no_more_work_at_once_than_the_target_stands() {
    let budget = Budget {
        workers: Some(1),
        ..Budget::default()
    };
    let company = Company::with(|target| target.profile.budget = budget);
    for name in ["p0", "p1"] {
        company.wants(name, &[]).await;
    }
    company.has("eva", &[], Desired::Disabled, &[]).await;
    // Another worker was lost while it had the only place.
    let mut gauge = ports::Store::gauge(&company.store, &crate::company::dir())
        .await
        .expect("a read");
    let at = ports::Clock::now(&company.clock);
    let until = at + jiff::SignedDuration::from_secs(60);
    let budget = &company.policy.policy.targets[&crate::company::dir()]
        .profile
        .budget;
    gauge.enter(budget, "lost", at, until, false);
    assert!(
        ports::Store::set_gauge(&company.store, &crate::company::dir(), &gauge)
            .await
            .expect("a write")
    );
    let other = company.another("other");
    let failed = other.handle(batch(&["p0"], 1)).await.failed;
    assert_eq!(failed[0].after, Some(Duration::from_secs(30)));
    assert_eq!(company.dir.take_calls(), [""; 0]);
    // An ending does not wait for a place.
    assert_eq!(other.handle(batch(&["eva"], 1)).await.failed, []);
    company.clock.advance(Duration::from_secs(61));
    assert_eq!(other.handle(batch(&["p0"], 2)).await.failed, []);
    // The place was left: the next one gets it.
    assert_eq!(company.deliver(&["p1"]).await.failed, []);
}
