//! A batch ends before its function does, however slow a target is, and what it did is recorded.

use std::time::Duration;

use connectors::WORK_FOR;
use domain::Desired;
use ports::Clock as _;
use ports::lanes::BatchAnswer;

use crate::company::Company;

/// What a request takes.
const SLOW: u64 = 3;

fn people(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("p{number:02}")).collect()
}

fn names(people: &[String]) -> Vec<&str> {
    people.iter().map(String::as_str).collect()
}

/// Works on a batch of everybody who is left; gives who came back, and how long it took.
async fn deliver<'a>(company: &Company, left: &[&'a str]) -> (Vec<&'a str>, Duration) {
    let began = company.clock.now();
    let BatchAnswer { failed } = company.deliver(left).await;
    let took = company.clock.now().duration_since(began);
    let mut back = Vec::new();
    for (at, name) in left.iter().enumerate() {
        let id = format!("m{at}-{name}");
        if let Some(failed) = failed.iter().find(|failed| failed.id == id) {
            assert_eq!(failed.after, Some(Duration::ZERO), "{name}");
            back.push(*name);
        }
    }
    (back, Duration::try_from(took).expect("time passes"))
}

/// The batches that it takes until nobody comes back. None lasts longer than the time for which work is
/// begun and `requests` more.
async fn batches(company: &Company, people: &[String], requests: u64) -> usize {
    let mut left = names(people);
    let mut batches = 0;
    while !left.is_empty() {
        let (back, took) = deliver(company, &left).await;
        assert!(back.len() < left.len(), "a batch gets on with it");
        let most = WORK_FOR + Duration::from_secs(SLOW * requests);
        assert!(took <= most, "{took:?} of {most:?}");
        for name in left.iter().filter(|name| !back.contains(name)) {
            assert!(!company.owes(name).await, "{name} is recorded");
        }
        left = back;
        batches += 1;
    }
    batches
}

fn count(calls: &[String], verb: &str) -> usize {
    calls.iter().filter(|call| call.starts_with(verb)).count()
}

#[tokio::test]
async fn endings_at_a_slow_target_are_recorded_before_the_function_ends() {
    // As many as the limits of a day let pass.
    let people = people(10);
    let company = Company::new();
    for name in &people {
        company.has(name, &[], Desired::Disabled, &[]).await;
    }
    company.slow(SLOW);
    // A block, and the look back at it: five people in half a minute.
    let batches = batches(&company, &people, 1).await;
    assert_eq!(batches, 2);
    let calls = company.dir.take_calls();
    assert_eq!(count(&calls, "disable"), 10, "nobody is blocked twice");
    let state = company.dir.state();
    assert!(state.active.values().all(|active| !active));
}

#[tokio::test]
async fn accounts_are_made_as_far_as_time_goes() {
    let people = people(20);
    let company = Company::new();
    for name in &people {
        company.wants(name, &[]).await;
    }
    company.slow(SLOW);
    batches(&company, &people, 1).await;
    let calls = company.dir.take_calls();
    assert_eq!(count(&calls, "create"), 20, "nobody is made twice");
}

/// Accounts go first, and what they share in few requests after them, in the same batch.
#[tokio::test]
async fn shared_memberships_are_given_to_whoever_got_an_account_in_time() {
    let people = people(10);
    let company = Company::new();
    for name in &people {
        company.wants(name, &["staff"]).await;
    }
    company.slow(SLOW);
    let batches = batches(&company, &people, 2).await;
    let calls = company.dir.take_calls();
    assert_eq!(count(&calls, "create"), 10, "nobody is made twice");
    assert_eq!(count(&calls, "memberships"), batches, "{calls:?}");
    assert_eq!(company.dir.state().members.len(), 10);
}
