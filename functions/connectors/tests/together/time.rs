//! The time of a batch, and waits that are longer than five deliveries.

use std::time::Duration;

use connectors::{Connector, NOT_YET, WORK_FOR};
use domain::budget::{Asked, Budget, Cost, Counts, Granted, Rate};
use domain::{Desired, TargetId};
use jiff::SignedDuration;
use ports::target::TargetError;
use ports::{Clock, Store};

use crate::company::{Company, account, batch, batch_on, dir};
use crate::dir::Dir;

fn people(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("p{number:02}")).collect()
}

fn names(people: &[String]) -> Vec<&str> {
    people.iter().map(String::as_str).collect()
}

async fn leavers(people: &[String]) -> Company {
    let company = Company::new();
    for name in people {
        company.has(name, &["staff"], Desired::Disabled, &[]).await;
    }
    company
}

fn slow(company: &Company, seconds: u64) {
    let takes = Duration::from_secs(seconds);
    company.dir.state().takes = Some((company.clock.clone(), takes));
}

#[tokio::test]
async fn endings_that_take_long_end_with_the_batch_and_the_rest_comes_back_at_once() {
    let people = people(20);
    let company = leavers(&people).await;
    slow(&company, 2);
    let began = company.clock.now();
    let failed = company.deliver(&names(&people)).await.failed;
    let took = company.clock.now().duration_since(began);
    let most = SignedDuration::try_from(WORK_FOR + Duration::from_secs(6)).expect("a time");
    assert!(took <= most, "{took}");
    let mut done = 0;
    for name in &people {
        let record = company.record(name).await;
        assert_eq!(record.active, company.owes(name).await, "{name}");
        done += usize::from(!record.active);
    }
    // Five writes of two seconds fit into ten: a block, sessions, a removal.
    assert!((3..10).contains(&done), "{done}");
    assert_eq!(failed.len(), 20 - done);
    for one in failed {
        assert_eq!(one.after, Some(Duration::ZERO), "{}", one.id);
    }
}

#[tokio::test]
async fn an_ending_is_recorded_before_the_next_begins() {
    let people = people(2);
    let company = leavers(&people).await;
    company.dir.state().holds = Some("disable a-p01".to_owned());
    let meanwhile = async {
        while !company
            .dir
            .state()
            .calls
            .contains(&"disable a-p01".to_owned())
        {
            tokio::task::yield_now().await;
        }
        let first = company.owes("p00").await;
        company.dir.state().holds = None;
        first
    };
    let all = names(&people);
    let (answer, owed) = tokio::join!(company.deliver(&all), meanwhile);
    assert_eq!((answer.failed, owed), (Vec::new(), false));
}

#[tokio::test]
async fn a_target_that_hangs_keeps_no_ending_on_another_waiting() {
    let company = Company::new();
    let (wiki, other) = (TargetId::from("wiki"), Dir::default());
    let on = [(dir(), company.dir.clone()), (wiki.clone(), other.clone())];
    company.left("ana", &on).await;
    let connector = Connector::new(
        company.store.clone(),
        on.into(),
        company.clock.clone(),
        company.policy.clone(),
    );
    let mut both = batch(&["ana"], 1);
    both.records.extend(batch_on(&wiki, &["ana"], 1).records);
    company.dir.state().holds = Some("disable a-ana".to_owned());
    let meanwhile = async {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        let seat = company.seat("ana").await;
        company.dir.state().holds = None;
        seat.owed.into_keys().collect::<Vec<_>>()
    };
    let (answer, owed) = tokio::join!(connector.handle(both), meanwhile);
    assert_eq!((answer.failed, owed), (Vec::new(), vec![dir()]));
    assert!(!other.state().active[&account("ana")]);
}

#[tokio::test]
async fn a_target_that_does_not_answer_ends_a_batch_of_endings_too() {
    let people = people(8);
    let company = leavers(&people).await;
    for _ in 0..8 {
        let why = "timeout".into();
        let answer = Err(TargetError::Unknown { why });
        company.dir.state().answers.push_back(answer);
    }
    let failed = company.deliver(&names(&people)).await.failed;
    assert_eq!(failed.len(), 8);
    assert_eq!(company.dir.take_calls().len(), 3, "three were tried");
    assert_eq!(failed[7].after, Some(Duration::from_secs(5)));
}

#[tokio::test]
async fn memberships_that_are_shared_are_not_begun_after_the_end() {
    let people = people(4);
    let company = Company::new();
    for name in &people {
        company.wants(name, &["staff"]).await;
    }
    slow(&company, 9);
    let failed = company.deliver(&names(&people)).await.failed;
    assert_eq!(failed.len(), 4);
    let calls = company.dir.take_calls();
    assert!(
        !calls.iter().any(|call| call.starts_with("memberships")),
        "{calls:?}"
    );
    // What was made is known.
    assert!(company.record("p03").await.id.is_some());
}

#[tokio::test]
async fn what_is_given_back_is_what_was_granted() {
    let rates = vec![Rate {
        of: Counts::Groups,
        count: 10,
        seconds: 10_000,
        burst: 10,
    }];
    let budget = Budget {
        rates,
        ..Budget::default()
    };
    let company = Company::with(|target| target.profile.budget = budget.clone());
    let people = people(60);
    for name in &people {
        company.wants(name, &["staff"]).await;
    }
    // One write for all of them was granted, and the first of them pays it.
    slow(&company, 31);
    assert_eq!(company.deliver(&names(&people)).await.failed.len(), 60);
    let mut gauge = company.store.gauge(&dir()).await.expect("a read");
    let all = Asked {
        cost: Cost {
            groups: 10,
            ..Cost::default()
        },
        urgent: false,
        returning: false,
    };
    let granted = gauge.ask(&budget, company.clock.now(), &[all]);
    assert!(matches!(granted[..], [Granted::Later(_)]), "{granted:?}");
}

#[tokio::test]
async fn waits_for_a_new_account_are_longer_than_it_may_take_to_show() {
    let company = Company::new();
    company.wants("ana", &["staff"]).await;
    company.dir.state().answers.push_back(Ok(()));
    let mut waits = Duration::ZERO;
    for receives in 1..=4 {
        company
            .dir
            .state()
            .answers
            .push_back(Err(TargetError::NotFound));
        let failed = company
            .connector
            .handle(batch(&["ana"], receives))
            .await
            .failed;
        waits += failed[0].after.expect("a time");
    }
    assert!(
        waits > Duration::try_from(NOT_YET).expect("a time"),
        "{waits:?}"
    );
    // The last delivery is no dead letter: the clock asks again.
    company
        .dir
        .state()
        .answers
        .push_back(Err(TargetError::NotFound));
    assert_eq!(
        company.connector.handle(batch(&["ana"], 5)).await.failed,
        []
    );
    let seat = company.seat("ana").await;
    assert!(company.owes("ana").await && seat.wake_at.is_some());
}

#[tokio::test]
async fn nobody_is_a_dead_letter_without_having_been_tried() {
    let people = people(12);
    let company = leavers(&people).await;
    slow(&company, 16);
    let all = names(&people);
    let last = company.connector.handle(batch(&all, 5)).await;
    assert_eq!(last.failed, []);
    for name in &people[2..] {
        let seat = company.seat(name).await;
        let now = company.clock.now();
        assert!(company.owes(name).await, "{name}");
        assert!(seat.wake_at.is_some_and(|wake| wake <= now), "{name}");
    }
}

#[tokio::test]
async fn a_pause_that_outlasts_five_deliveries_leaves_what_is_owed_to_the_clock() {
    let company = Company::new();
    company.wants("ana", &[]).await;
    for receives in 1..=4 {
        let why = "429".into();
        let busy = TargetError::Throttled { after: None, why };
        company.dir.state().answers.push_back(Err(busy));
        let failed = company
            .connector
            .handle(batch(&["ana"], receives))
            .await
            .failed;
        company.clock.advance(failed[0].after.expect("a time"));
    }
    let why = "429".into();
    let busy = TargetError::Throttled { after: None, why };
    company.dir.state().answers.push_back(Err(busy));
    assert_eq!(
        company.connector.handle(batch(&["ana"], 5)).await.failed,
        []
    );
    assert!(company.owes("ana").await);
    let wake = company.seat("ana").await.wake_at.expect("an instant");
    assert!(wake > company.clock.now());
}
