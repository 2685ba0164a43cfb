//! Pauses, quarantine, and what passes in spite of them.

use std::time::Duration;

use domain::{Desired, Generation};
use ports::Fault;
use ports::store::Health;
use ports::target::TargetError;

use crate::company::Company;

fn people(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("p{number:02}")).collect()
}

fn names(people: &[String]) -> Vec<&str> {
    people.iter().map(String::as_str).collect()
}

/// A company where everybody gets something else than the others.
async fn company(people: &[String]) -> Company {
    let company = Company::new();
    for name in people {
        company.wants(name, &[]).await;
    }
    company
}

fn throttled(seconds: u64) -> Result<(), TargetError> {
    Err(TargetError::Throttled {
        after: Some(Duration::from_secs(seconds)),
        why: "429".into(),
    })
}

#[tokio::test]
async fn after_a_429_nobody_asks_until_the_pause_is_over() {
    let people = people(5);
    let company = company(&people).await;
    company.dir.state().answers.push_back(throttled(40));
    let failed = company.deliver(&names(&people)).await.failed;
    assert_eq!(failed.len(), 5);
    for one in &failed {
        assert_eq!(one.after, Some(Duration::from_secs(40)));
    }
    assert_eq!(company.dir.take_calls(), ["find", "create a-p00"]);
    assert!(matches!(company.health().await, Health::Throttled { .. }));
    company.clock.advance(Duration::from_secs(10));
    let failed = company.deliver_again(&names(&people)).await.failed;
    assert_eq!(failed[0].after, Some(Duration::from_secs(30)));
    assert_eq!(company.dir.take_calls(), [""; 0]);
    company.clock.advance(Duration::from_secs(30));
    assert_eq!(company.deliver_again(&names(&people)).await.failed, []);
    assert_eq!(company.health().await, Health::Healthy);
}

#[tokio::test]
async fn an_ending_passes_a_target_that_asked_for_a_pause() {
    let people = people(1);
    let company = company(&people).await;
    company.has("eva", &["staff"], Desired::Disabled, &[]).await;
    company.dir.state().answers.push_back(throttled(3_000));
    company.deliver(&names(&people)).await;
    company.dir.take_calls();
    assert_eq!(company.deliver(&["eva"]).await.failed, []);
    assert!(!company.record("eva").await.active);
    assert!(
        matches!(company.health().await, Health::Throttled { .. }),
        "the others still wait"
    );
}

#[tokio::test]
async fn an_absurd_pause_is_cut_and_one_without_a_length_has_one() {
    let people = people(1);
    for (answer, want) in [
        (throttled(1_000_000), Duration::from_hours(1)),
        (
            Err(TargetError::Throttled {
                after: None,
                why: "429".into(),
            }),
            connectors::PAUSE,
        ),
    ] {
        let company = company(&people).await;
        company.dir.state().answers.push_back(answer);
        let failed = company.deliver(&names(&people)).await.failed;
        assert_eq!(failed[0].after, Some(want));
    }
}

#[tokio::test]
async fn a_target_that_stopped_answering_does_not_cost_a_batch_its_time() {
    let people = people(20);
    let company = company(&people).await;
    for _ in 0..20 {
        let timeout = TargetError::Unknown {
            why: "timeout".into(),
        };
        company.dir.state().answers.push_back(Err(timeout));
    }
    assert_eq!(company.deliver(&names(&people)).await.failed.len(), 20);
    assert_eq!(company.dir.take_calls().len(), 3 * 2, "three were tried");
}

#[tokio::test]
async fn failures_of_a_few_minutes_quarantine_a_target_and_success_lifts_it() {
    let people = people(12);
    let company = company(&people).await;
    for _ in 0..10 {
        let bad = TargetError::Fault(Fault::retry("503"));
        company.dir.state().answers.push_back(Err(bad));
    }
    for name in names(&people).iter().take(9) {
        assert_eq!(company.deliver(&[name]).await.failed.len(), 1);
    }
    assert_eq!(
        company.health().await,
        Health::Healthy,
        "nine may be chance"
    );
    company.deliver(&["p09"]).await;
    let Health::Quarantined { reason, .. } = company.health().await else {
        panic!("the target is not quarantined")
    };
    assert!(reason.contains("half of the requests"), "{reason}");
    company.dir.take_calls();
    assert_eq!(company.deliver(&["p10"]).await.failed, []);
    assert_eq!(company.dir.take_calls(), [""; 0], "left alone");
    assert!(company.owes("p10").await);
    company.clock.advance(Duration::from_secs(61));
    assert_eq!(company.deliver(&["p10"]).await.failed, []);
    assert_eq!(company.health().await, Health::Healthy);
    assert!(!company.owes("p10").await);
}

#[tokio::test]
async fn thin_failures_quarantine_nobody() {
    let people = people(40);
    let company = company(&people).await;
    for number in 0..40 {
        let answer = if number % 3 == 0 {
            Err(TargetError::Fault(Fault::retry("503")))
        } else {
            Ok(())
        };
        company.dir.state().answers.push_back(answer);
    }
    for some in names(&people).chunks(10) {
        company.deliver(some).await;
    }
    assert_eq!(company.health().await, Health::Healthy);
}

#[tokio::test]
async fn an_ending_tries_a_quarantined_target_and_lifts_the_quarantine() {
    let company = Company::new();
    company.has("eva", &[], Desired::Disabled, &[]).await;
    company.has("leo", &[], Desired::Disabled, &[]).await;
    let denied = || Err(TargetError::Fault(Fault::halt("401")));
    company.dir.state().answers.extend([denied(), denied()]);
    company.deliver(&["eva"]).await;
    let first = company.health().await;
    assert!(matches!(first, Health::Quarantined { attempts: 1, .. }));
    // The next one tries all the same, and does not make the rest longer.
    company.deliver(&["leo"]).await;
    assert_eq!(company.health().await, first);
    assert!(company.owes("leo").await);
    assert_eq!(company.deliver(&["eva", "leo"]).await.failed, []);
    assert_eq!(company.health().await, Health::Healthy);
    assert_eq!(company.record("leo").await.applied, Generation(2));
}

#[tokio::test]
async fn what_may_not_be_done_waits_for_a_human_and_the_rest_is_done() {
    let company = Company::with(|target| target.upsert_only = true);
    company.has("eva", &["staff"], Desired::Disabled, &[]).await;
    company.has("ana", &[], Desired::Active, &["staff"]).await;
    assert_eq!(company.deliver(&["eva", "ana"]).await.failed, []);
    assert_eq!(company.dir.take_calls(), ["grant a-ana"]);
    let parked = company.record("eva").await.parked.expect("a reason");
    assert!(parked.contains("upsert-only"), "{parked}");
    assert!(!company.owes("eva").await);
}
