//! What is read, and for how long it is kept.

use std::time::Duration;

use futures::future::join_all;

use crate::{TTL, Trouble, World};

#[tokio::test]
async fn both_versions_are_live_the_current_one_first() {
    let world = World::new();
    world.service.put("lanyard/wiki", "AWSCURRENT", "new");
    assert_eq!(world.get("wiki").await.unwrap(), ["new"]);
    world.service.put("lanyard/hr", "AWSCURRENT", "new");
    world.service.put("lanyard/hr", "AWSPREVIOUS", "old");
    assert_eq!(world.get("hr").await.unwrap(), ["new", "old"]);
    world.service.put("lanyard/salt", "AWSCURRENT", "same");
    world.service.put("lanyard/salt", "AWSPREVIOUS", "same");
    assert_eq!(world.get("salt").await.unwrap(), ["same"]);
}

#[tokio::test]
async fn a_value_is_kept_for_its_time_and_no_longer() {
    let world = World::new();
    world.service.put("lanyard/wiki", "AWSCURRENT", "1");
    assert_eq!(world.get("wiki").await.unwrap(), ["1"]);
    world.service.put("lanyard/wiki", "AWSCURRENT", "2");
    world.service.put("lanyard/wiki", "AWSPREVIOUS", "1");
    world.clock.advance(Duration::from_secs(5 * 60 - 1));
    assert_eq!(world.get("wiki").await.unwrap(), ["1"]);
    assert_eq!(world.service.readings(), 1);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.get("wiki").await.unwrap(), ["2", "1"]);
    assert_eq!(world.service.readings(), 2);
}

#[tokio::test]
async fn whoever_comes_meanwhile_waits_for_one_reading() {
    let world = World::new();
    world.service.put("lanyard/a", "AWSCURRENT", "1");
    world.service.put("lanyard/b", "AWSCURRENT", "2");
    let names = ["a", "b"].repeat(20);
    let all = join_all(names.iter().map(|name| world.get(name))).await;
    for (name, got) in names.iter().zip(all) {
        let want = if *name == "a" { "1" } else { "2" };
        assert_eq!(got.unwrap(), [want]);
    }
    assert_eq!(world.service.readings(), 2, "one for each secret");
}

/// Also where the reading fails: nobody in the queue asks again.
#[tokio::test]
async fn a_failure_is_the_answer_for_all_who_wait_and_for_five_seconds() {
    let world = World::new();
    world.service.be(Trouble::IsNotReached);
    let all = join_all((0..20).map(|_| world.get("wiki"))).await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(world.service.readings(), 1);
    world.service.be(None);
    world.service.put("lanyard/wiki", "AWSCURRENT", "1");
    world.clock.advance(Duration::from_secs(4));
    assert_eq!(world.get("wiki").await.unwrap_err().error_type(), "Retry");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.get("wiki").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn an_old_value_serves_for_an_hour_while_the_service_is_away() {
    let world = World::new();
    world.service.put("lanyard/wiki", "AWSCURRENT", "1");
    assert_eq!(world.get("wiki").await.unwrap(), ["1"]);
    world.service.be(Trouble::DoesNotAnswerInTime);
    for _ in 0..12 {
        world.clock.advance(Duration::from_mins(5));
        assert_eq!(world.get("wiki").await.unwrap(), ["1"]);
        assert_eq!(world.get("wiki").await.unwrap(), ["1"], "asked once");
    }
    assert_eq!(world.service.readings(), 13);
    world.clock.advance(Duration::from_mins(5));
    assert_eq!(world.get("wiki").await.unwrap_err().error_type(), "Retry");
    world.service.be(None);
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(world.get("wiki").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_service_that_says_no_is_believed() {
    let denied = r#"{"__type":"AccessDeniedException","Message":"MARKER"}"#;
    let missing = r#"{"__type":"ResourceNotFoundException","Message":"MARKER"}"#;
    for no in [denied, missing] {
        let world = World::new();
        world.service.put("lanyard/wiki", "AWSCURRENT", "1");
        assert_eq!(world.get("wiki").await.unwrap(), ["1"]);
        world.service.be(Trouble::Answers(400, no.to_owned()));
        world.clock.advance(TTL);
        assert_eq!(world.get("wiki").await.unwrap_err().error_type(), "Halt");
    }
}

/// A target said 401 to what was kept.
#[tokio::test]
async fn a_secret_is_read_anew_for_whoever_was_refused_but_not_again_and_again() {
    let world = World::new();
    world.service.put("lanyard/wiki", "AWSCURRENT", "1");
    assert_eq!(world.get("wiki").await.unwrap(), ["1"]);
    world.service.put("lanyard/wiki", "AWSCURRENT", "2");
    assert_eq!(world.renew("wiki").await.unwrap(), ["1"], "just read");
    world.clock.advance(Duration::from_secs(10));
    let all = join_all((0..20).map(|_| world.renew("wiki"))).await;
    assert!(all.into_iter().all(|got| got.unwrap() == ["2"]));
    assert_eq!(world.get("wiki").await.unwrap(), ["2"], "for everybody");
    assert_eq!(world.service.readings(), 2);
    world.service.be(Trouble::IsNotReached);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(
        world.renew("wiki").await.unwrap(),
        ["2"],
        "better than nothing"
    );
}
