//! An older write that takes effect after a newer block, and a look that shows what was before a write.

use std::time::Duration;

use domain::{Desired, Generation};

use crate::company::{Company, account, batch, looks};

/// Waits for the request to be under way, runs what happens meanwhile, and lets it through.
async fn during(company: &Company, request: &str, meanwhile: impl Future<Output = ()>) {
    while !company.dir.state().calls.iter().any(|one| one == request) {
        tokio::task::yield_now().await;
    }
    meanwhile.await;
    company.dir.state().holds = None;
}

/// They leave, and another worker carries that out.
async fn ended(company: &Company, name: &str) {
    company.leaves(name).await;
    let other = company.another("other");
    assert_eq!(other.handle(batch(&[name], 1)).await.failed, []);
    assert_eq!(company.record(name).await.applied, Generation(2));
}

#[tokio::test]
async fn an_account_that_is_made_after_its_ending_is_blocked_at_once() {
    let company = Company::new();
    company.wants("ana", &["staff"]).await;
    company.dir.state().holds = Some("create a-ana".to_owned());
    let (answer, ()) = tokio::join!(
        company.deliver(&["ana"]),
        during(&company, "create a-ana", ended(&company, "ana")),
    );
    assert_eq!(answer.failed, []);
    assert!(!company.dir.state().active[&account("ana")]);
    assert!(company.dir.state().members.is_empty());
    let record = company.record("ana").await;
    assert_eq!((record.id, record.active), (Some(account("ana")), false));
}

#[tokio::test]
async fn what_is_given_after_the_ending_is_taken_at_once() {
    let company = Company::new();
    company.has("ana", &[], Desired::Active, &["staff"]).await;
    company.dir.state().holds = Some("grant a-ana".to_owned());
    let meanwhile = async {
        company.ends("ana").await;
        let other = company.another("other");
        assert_eq!(other.handle(batch(&["ana"], 1)).await.failed, []);
    };
    let (answer, ()) = tokio::join!(
        company.deliver(&["ana"]),
        during(&company, "grant a-ana", meanwhile),
    );
    assert_eq!(answer.failed, []);
    assert!(company.dir.state().members.is_empty());
    assert!(company.record("ana").await.grants.is_empty());
}

#[tokio::test]
async fn what_a_lost_worker_wrote_late_is_seen_when_its_message_comes_again() {
    let company = Company::new();
    company.wants("ana", &[]).await;
    ended(&company, "ana").await;
    company.dir.state().active.insert(account("ana"), true);
    company.dir.take_calls();
    // A message of its own says nothing of a lost worker, and costs nothing.
    assert_eq!(company.deliver(&["ana"]).await.failed, []);
    assert_eq!(company.dir.take_calls(), [""; 0]);
    assert_eq!(company.deliver_again(&["ana"]).await.failed, []);
    assert!(!company.dir.state().active[&account("ana")]);
    assert_eq!(company.record("ana").await.id, Some(account("ana")));
}

#[tokio::test]
async fn who_was_read_long_ago_is_read_again_before_the_first_write() {
    let company = Company::new();
    for name in ["ana", "ben"] {
        company.wants(name, &[]).await;
    }
    company.dir.state().holds = Some("create a-ana".to_owned());
    let meanwhile = async {
        ended(&company, "ben").await;
        company.clock.advance(Duration::from_secs(6));
    };
    let (answer, ()) = tokio::join!(
        company.deliver(&["ana", "ben"]),
        during(&company, "create a-ana", meanwhile),
    );
    assert_eq!(answer.failed, []);
    let calls = company.dir.take_calls();
    assert!(!calls.contains(&"create a-ben".to_owned()), "{calls:?}");
    assert!(company.dir.state().active[&account("ana")]);
}

#[tokio::test]
async fn who_shares_a_group_is_read_again_before_it_is_given() {
    let company = Company::new();
    for name in ["ana", "ben", "cem"] {
        company.has(name, &[], Desired::Active, &["staff"]).await;
    }
    company
        .has("dan", &[], Desired::Active, &["approvers"])
        .await;
    company.dir.state().holds = Some("grant a-dan".to_owned());
    let meanwhile = async {
        company.ends("ben").await;
        let other = company.another("other");
        assert_eq!(other.handle(batch(&["ben"], 1)).await.failed, []);
        company.clock.advance(Duration::from_secs(6));
    };
    let (answer, ()) = tokio::join!(
        company.deliver(&["ana", "ben", "cem", "dan"]),
        during(&company, "grant a-dan", meanwhile),
    );
    assert_eq!(answer.failed, []);
    let calls = company.dir.take_calls();
    assert!(calls.contains(&"memberships +2 -0".to_owned()), "{calls:?}");
    assert!(!company.dir.state().active[&account("ben")]);
}

#[tokio::test]
async fn who_leaves_is_blocked_whatever_a_look_shows_of_the_time_before_the_last_write() {
    let company = Company::new();
    company.dir.state().active.insert(account("ana"), false);
    company.dir.state().look_back();
    company.wants("ana", &["staff"]).await;
    assert_eq!(company.deliver(&["ana"]).await.failed, []);
    assert!(company.dir.state().active[&account("ana")]);
    assert_eq!(company.dir.state().members.len(), 1);
    company.leaves("ana").await;
    // Blocked and without memberships, says the target, as it was before they came back.
    let answer = company.connector.handle(looks(&["ana"])).await;
    assert_eq!(answer.failed, []);
    assert!(!company.dir.state().active[&account("ana")]);
    assert!(company.dir.state().members.is_empty());
    // What is shown long after a write is so.
    company.clock.advance(Duration::from_mins(5));
    company.dir.take_calls();
    let answer = company.connector.handle(looks(&["ana"])).await;
    assert_eq!(answer.failed, []);
    assert_eq!(company.dir.take_calls(), ["read a-ana", "held a-ana"]);
}
