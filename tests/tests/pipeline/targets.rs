//! Targets as they really are: answers that get lost, late reads, lies, other people's hands.

use scim_target::{Fault, FaultKind, RetryAfter};
use serde_json::json;
use tests::world::{Company, Says};

const ANA: (&str, &str) = ("Ana", "Silva");

async fn with_ana() -> Company {
    let mut company = Company::new().await;
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    company
}

#[tokio::test]
async fn t30_a_create_whose_answer_was_lost_is_found_not_repeated() {
    let mut company = Company::new().await;
    company
        .dir
        .faults()
        .add(Fault::DropAfterCommit.once().method("POST").path("/Users"));
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    assert_eq!(company.dir.faults().fired(FaultKind::DropAfterCommit), 1);
    assert_eq!(company.dir.user_count(), 1);
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
}

#[tokio::test]
async fn a_throttled_target_is_asked_again_when_it_said() {
    let mut company = Company::new().await;
    let busy = Fault::TooManyRequests {
        retry_after: RetryAfter::Seconds(20),
    };
    company.dir.faults().add(busy.times(2));
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    assert_eq!(company.dir.faults().fired(FaultKind::TooManyRequests), 2);
    assert_eq!(company.active("E1"), (true, true));
}

#[tokio::test]
async fn t34_a_removal_never_clears_the_group() {
    let mut company = with_ana().await;
    company
        .world
        .hr(Says::hires(
            "E2",
            ("Ben", "Okafor"),
            "Engineering",
            "2026-03-02",
        ))
        .await;
    company
        .world
        .hr(Says::about("E1").that("department", "Sales"))
        .await;
    assert_eq!(company.groups("E1"), ["readers", "staff"]);
    assert_eq!(
        company.groups("E2"),
        ["editors", "readers", "staff"],
        "others keep theirs"
    );
    let editors = company
        .wiki
        .group_by_display_name("editors")
        .expect("a group");
    assert_eq!(editors.members.len(), 1);
}

#[tokio::test]
async fn a_block_that_the_target_ignores_is_not_taken_for_done() {
    let mut company = with_ana().await;
    company
        .dir
        .faults()
        .add(Fault::IgnoreActive { echo: true }.times(2));
    let ends = Says::about("E1")
        .that("worker_status", "terminated")
        .that("end_mode", "now");
    company.world.hr(ends).await;
    assert_eq!(company.dir.faults().fired(FaultKind::IgnoreActive), 2);
    assert_eq!(
        company.active("E1"),
        (false, false),
        "tried until it was seen"
    );
}

#[tokio::test]
async fn t40_an_account_deleted_by_hand_is_made_again() {
    let mut company = with_ana().await;
    let id = company.on_dir("E1").expect("an account").id;
    company
        .world
        .pass(jiff::SignedDuration::from_hours(1))
        .await;
    assert!(company.dir.delete_user(&id));
    company
        .world
        .hr(Says::about("E1").that("title", "Lead"))
        .await;
    let account = company.on_dir("E1").expect("made again");
    assert_ne!(account.id, id);
    assert_eq!(account.json["title"], "Lead");
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
}

#[tokio::test]
async fn a_leaver_whose_account_was_deleted_by_hand_stays_gone() {
    let mut company = with_ana().await;
    company
        .world
        .pass(jiff::SignedDuration::from_hours(1))
        .await;
    let id = company.on_dir("E1").expect("an account").id;
    assert!(company.dir.delete_user(&id));
    company.world.hr(Says::deletes("E1")).await;
    assert!(company.on_dir("E1").is_none());
    assert!(
        company
            .world
            .seat("E1")
            .await
            .expect("an item")
            .owed
            .is_empty()
    );
}

#[tokio::test]
async fn an_account_with_our_name_and_no_key_is_adopted() {
    let mut company = Company::new().await;
    let there = json!({ "userName": "Ana.Silva", "active": false, "title": "Founder" });
    let id = company.dir.insert_user(there).expect("inserted").id;
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    let account = company.on_dir("E1").expect("adopted");
    assert_eq!((account.id, account.active), (id, true));
    assert_eq!(company.dir.user_count(), 1);
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
}

#[tokio::test]
async fn an_account_with_our_name_and_another_key_is_left_alone() {
    let mut company = Company::new().await;
    let there = json!({ "userName": "ana.silva", "externalId": "somebody-else", "active": true });
    let before = company.dir.insert_user(there).expect("inserted");
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    assert_eq!(company.dir.user(&before.id), Some(before));
    let seat = company.world.seat("E1").await.expect("an item");
    let parked = seat.accounts[&domain::TargetId::from("dir")].parked.clone();
    assert!(parked.is_some_and(|why| why.contains("somebody else's key")));
    assert_eq!(
        company.active("E1"),
        (false, true),
        "the other target is not held up"
    );
}

#[tokio::test]
async fn a_name_that_somebody_unseen_holds_is_a_case_once_it_was_looked_for_long_enough() {
    let mut company = Company::new().await;
    let there = json!({ "userName": "ana.silva", "active": false });
    let before = company.dir.insert_user(there).expect("inserted");
    company.dir.faults().add(Fault::HideInactive);
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    assert!(company.dir.faults().fired(FaultKind::HideInactive) > 0);
    assert_eq!(company.dir.user(&before.id), Some(before));
    let seat = company.world.seat("E1").await.expect("an item");
    let parked = seat.accounts[&domain::TargetId::from("dir")].parked.clone();
    assert!(
        parked.is_some_and(|why| why.contains("does not show")),
        "it says why"
    );
    assert!(seat.owed.is_empty(), "nothing runs round in circles");
    for lane in company.world.all_lanes() {
        let stats = ports::queue::Queues::stats(&company.world.lanes, &lane);
        assert_eq!(stats.dead, 0, "{lane}");
    }
    let waited = ports::Clock::now(&company.world.clock)
        .duration_since("2026-03-02T08:00:00Z".parse().expect("an instant"));
    assert!(waited > connectors::NOT_YET, "our own may show late");
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_and_that_shows_late_is_found_not_parked() {
    let mut company = Company::new().await;
    let faults = company.dir.faults();
    faults.add(Fault::DropAfterCommit.once().method("POST").path("/Users"));
    // By key, by name, and two minutes later by key: nothing shows.
    faults.add(Fault::EmptyList.times(3).path("/Users"));
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    assert_eq!(company.dir.faults().fired(FaultKind::DropAfterCommit), 1);
    assert_eq!(company.dir.faults().fired(FaultKind::EmptyList), 3);
    assert_eq!(company.dir.user_count(), 1);
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
}

#[tokio::test]
async fn a_missing_group_is_reported_and_holds_up_nothing_else() {
    let mut company = Company::new().await;
    let staff = company.dir.group_by_display_name("staff").expect("a group");
    assert!(company.dir.delete_group(&staff.id));
    company
        .world
        .hr(Says::hires("E1", ANA, "Finance", "2026-03-02"))
        .await;
    assert_eq!(company.groups("E1"), ["payables", "readers"]);
    let seat = company.world.seat("E1").await.expect("an item");
    let parked = seat.accounts[&domain::TargetId::from("dir")].parked.clone();
    assert!(
        parked.is_some_and(|why| why.contains("staff")),
        "it says which"
    );
}

#[tokio::test]
async fn calls_per_operation_are_as_few_as_they_can_be() {
    let mut company = Company::new().await;
    // Warm: the ids of groups are learned once.
    company
        .world
        .hr(Says::hires(
            "E0",
            ("Eva", "Lind"),
            "Engineering",
            "2026-03-02",
        ))
        .await;
    company
        .world
        .hr(Says::hires("E9", ("Tom", "Lind"), "Finance", "2026-03-02"))
        .await;
    company.reset_calls();
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    let (dir, wiki) = (company.dir.calls(), company.wiki.calls());
    assert_eq!(
        (dir.total(), dir.writes()),
        (3, 2),
        "look-up, create, one group"
    );
    assert_eq!(
        (wiki.total(), wiki.writes()),
        (4, 3),
        "look-up, create, two groups"
    );
    company.reset_calls();
    company
        .world
        .hr(Says::about("E1")
            .that("title", "Lead")
            .that("family_name", "Souza"))
        .await;
    assert_eq!(
        company.dir.calls().total(),
        1,
        "a mover is one PATCH and no read"
    );
    company.reset_calls();
    company
        .world
        .hr(Says::about("E1").that("cost_center", "4711"))
        .await;
    assert_eq!(
        company.target_calls(),
        0,
        "what no mapping uses costs nothing"
    );
}
