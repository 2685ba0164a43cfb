//! Endings that a target does not carry out as it was asked to.

use std::time::Duration;

use connectors::NOT_YET;
use domain::{Change, Desired, Generation, Outcome};
use ports::target::TargetError;
use ports::{Clock, Fault};

use crate::company::{Company, account, batch, looks};

fn refused() -> TargetError {
    TargetError::Fault(Fault::reject("disable: 403, the owner stays"))
}

/// Somebody who left, and held two memberships.
async fn leaver() -> Company {
    let company = Company::new();
    let held = ["payables", "staff"];
    company.has("ana", &held, Desired::Disabled, &[]).await;
    company
}

#[tokio::test]
async fn a_block_that_is_refused_does_not_keep_the_rest_of_an_ending() {
    for (change, error) in [
        (Change::Disable, refused()),
        (Change::Disable, TargetError::Conflict),
        (Change::RevokeSessions, refused()),
    ] {
        for takes_many in [false, true] {
            let company = leaver().await;
            company.dir.state().takes_many = takes_many;
            company.dir.state().refused = Some((change.clone(), error.clone()));
            assert_eq!(company.deliver(&["ana"]).await.failed, []);
            assert!(company.dir.state().members.is_empty(), "{change:?}");
            let open = change == Change::Disable;
            let record = company.record("ana").await;
            assert_eq!((record.active, record.grants.len()), (open, 0));
            assert_eq!(record.outcome, Some(Outcome::Rejected));
            let why = record.parked.expect("a reason");
            assert!(
                why.contains("the owner stays") || why.contains("taken"),
                "{why}"
            );
            assert_eq!(record.applied, Generation(2));
        }
    }
}

#[tokio::test]
async fn a_block_that_was_refused_is_tried_again_at_night() {
    let company = leaver().await;
    company.dir.state().refused = Some((Change::Disable, refused()));
    assert_eq!(company.deliver(&["ana"]).await.failed, []);
    let again = company.connector.handle(looks(&["ana"])).await;
    assert_eq!(again.failed, []);
    assert!(company.record("ana").await.parked.is_some());
    company.dir.state().refused = None;
    let again = company.connector.handle(looks(&["ana"])).await;
    assert_eq!(again.failed, []);
    let record = company.record("ana").await;
    assert_eq!((record.active, record.parked), (false, None));
    assert!(!company.dir.state().active[&account("ana")]);
}

#[tokio::test]
async fn a_block_that_fails_once_is_tried_again_within_seconds() {
    let broken = || TargetError::Fault(Fault::retry("503"));
    for error in [broken(), TargetError::Changed] {
        let company = leaver().await;
        company.dir.state().answers.push_back(Err(error));
        let failed = company.deliver(&["ana"]).await.failed;
        let after = failed[0].after.expect("a time");
        assert!(after <= Duration::from_secs(10), "{after:?}");
        assert_eq!(company.deliver_again(&["ana"]).await.failed, []);
        assert!(!company.dir.state().active[&account("ana")]);
        assert!(!company.owes("ana").await);
    }
}

#[tokio::test]
async fn a_target_that_is_not_well_is_asked_less_and_less() {
    let lost = || TargetError::Unknown { why: "cut".into() };
    let broken = || TargetError::Fault(Fault::retry("503"));
    for (urgent, error, seconds) in [
        (true, broken(), [5, 15, 45, 120]),
        (true, lost(), [1, 15, 45, 120]),
        (false, broken(), [15, 60, 180, 360]),
    ] {
        let company = Company::new();
        if urgent {
            company.has("ana", &[], Desired::Disabled, &[]).await;
        } else {
            company.wants("ana", &[]).await;
        }
        for (receives, seconds) in (1..).zip(seconds) {
            company.dir.state().answers.push_back(Err(error.clone()));
            let failed = company
                .connector
                .handle(batch(&["ana"], receives))
                .await
                .failed;
            assert_eq!(failed[0].after, Some(Duration::from_secs(seconds)));
        }
    }
}

/// Looks show what was before the writes until 90 s are over.
#[tokio::test]
async fn a_block_that_shows_late_is_no_dead_letter() {
    let company = leaver().await;
    company.dir.state().look_back();
    let shows = company.clock.now() + jiff::SignedDuration::from_secs(90);
    let mut receives = 0;
    loop {
        receives += 1;
        assert!(receives <= 5, "a dead letter");
        if company.clock.now() >= shows {
            company.dir.state().before = None;
        }
        let again = batch(&["ana"], receives);
        let failed = company.connector.handle(again).await.failed;
        let Some(one) = failed.first() else { break };
        company.clock.advance(one.after.expect("a time"));
    }
    assert!(receives > 1, "nothing was late");
    let record = company.record("ana").await;
    assert!(!record.active && record.grants.is_empty());
    assert!(!company.owes("ana").await);
}

#[tokio::test]
async fn looks_back_wait_longer_than_a_write_may_take_to_show() {
    let company = leaver().await;
    company.dir.state().look_back();
    let mut waits = Duration::ZERO;
    for receives in 1..=4 {
        let again = batch(&["ana"], receives);
        let failed = company.connector.handle(again).await.failed;
        waits += failed[0].after.expect("a time");
    }
    assert!(
        waits > Duration::try_from(NOT_YET).expect("a time"),
        "{waits:?}"
    );
}

#[tokio::test]
async fn an_account_that_is_made_blocked_is_looked_at_and_blocked_at_once() {
    let company = Company::new();
    company.starts_later("ana").await;
    company.dir.state().ignores_active = true;
    assert_eq!(company.deliver(&["ana"]).await.failed, []);
    let calls = company.dir.take_calls();
    assert_eq!(
        calls,
        [
            "find",
            "create a-ana",
            "read a-ana",
            "disable a-ana",
            "read a-ana"
        ]
    );
    assert!(!company.dir.state().active[&account("ana")]);
    assert!(!company.record("ana").await.active && !company.owes("ana").await);
    // One that is made as it was asked to costs the look alone.
    company.dir.state().ignores_active = false;
    company.starts_later("ben").await;
    assert_eq!(company.deliver(&["ben"]).await.failed, []);
    let calls = company.dir.take_calls();
    assert_eq!(calls, ["find", "create a-ben", "read a-ben"]);
}

#[tokio::test]
async fn an_account_that_is_made_blocked_and_cannot_be_is_parked() {
    let company = Company::new();
    company.starts_later("ana").await;
    company.dir.state().ignores_active = true;
    company.dir.state().refused = Some((Change::Disable, refused()));
    assert_eq!(company.deliver(&["ana"]).await.failed, []);
    let record = company.record("ana").await;
    assert!(record.active && record.parked.is_some());
}

#[tokio::test]
async fn an_account_that_is_made_blocked_and_does_not_show_yet_is_not_taken_for_blocked() {
    for hides in [false, true] {
        let company = Company::with(|target| target.profile.hides_inactive = hides);
        company.starts_later("ana").await;
        company.dir.state().look_back();
        let failed = company.deliver(&["ana"]).await.failed;
        assert_eq!(failed.is_empty(), hides);
        assert_eq!(company.owes("ana").await, !hides);
        company.dir.state().before = None;
        assert_eq!(company.deliver_again(&["ana"]).await.failed, []);
        assert!(!company.owes("ana").await);
        assert!(!company.record("ana").await.active);
    }
}

#[tokio::test]
async fn a_block_of_an_account_that_is_mastered_elsewhere_is_never_just_done() {
    let company = Company::new();
    company.has("ana", &["staff"], Desired::None, &[]).await;
    company.dir.state().mastered = true;
    let parked = || async {
        let record = company.record("ana").await;
        assert_eq!(record.outcome, Some(Outcome::Rejected));
        record.parked.expect("a reason")
    };
    assert_eq!(company.deliver(&["ana"]).await.failed, []);
    assert!(!company.dir.state().active[&account("ana")]);
    assert!(company.dir.state().members.is_empty());
    let why = parked().await;
    assert!(
        why.contains("synced from") && why.contains("on premises"),
        "{why}"
    );
    // Its master takes the block back, and the night sends it again.
    company.clock.advance(Duration::from_mins(30));
    company.dir.state().active.insert(account("ana"), true);
    let night = company.connector.handle(looks(&["ana"])).await;
    assert_eq!(night.failed, []);
    assert!(!company.dir.state().active[&account("ana")]);
    assert!(parked().await.contains("synced from"));
    // Seen before the next copy, it may still be taken back.
    company.clock.advance(Duration::from_mins(20));
    let look = company.connector.handle(looks(&["ana"])).await;
    assert_eq!(look.failed, []);
    assert!(parked().await.contains("synced from"));
    // It outlasted two copies, so that somebody blocked it there.
    company.clock.advance(Duration::from_hours(1));
    let look = company.connector.handle(looks(&["ana"])).await;
    assert_eq!(look.failed, []);
    assert_eq!(company.record("ana").await.parked, None);
}

#[tokio::test]
async fn a_blocked_account_that_does_not_show_is_not_forgotten() {
    let company = Company::with(|target| target.profile.hides_inactive = true);
    company.has("ana", &["staff"], Desired::Disabled, &[]).await;
    company.dir.state().hides = true;
    assert_eq!(company.deliver(&["ana"]).await.failed, []);
    assert_eq!(company.deliver_again(&["ana"]).await.failed, []);
    assert_eq!(company.connector.handle(looks(&["ana"])).await.failed, []);
    assert_eq!(company.record("ana").await.id, Some(account("ana")));
    company.dir.take_calls();
    company.comes_back("ana").await;
    assert_eq!(company.deliver(&["ana"]).await.failed, []);
    assert_eq!(company.dir.take_calls(), ["enable a-ana"]);
    // Somebody blocks it by hand: it does not show, and is no new account for that.
    company.clock.advance(NOT_YET.unsigned_abs());
    company.dir.state().active.insert(account("ana"), false);
    assert_eq!(company.connector.handle(looks(&["ana"])).await.failed, []);
    let calls = company.dir.take_calls();
    assert_eq!(calls, ["read a-ana", "find", "enable a-ana"]);
    assert!(company.dir.state().active[&account("ana")]);
}
