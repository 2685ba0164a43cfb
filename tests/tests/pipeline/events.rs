//! Events as they really come: doubled, reordered, lost, at once.

use domain::Generation;
use tests::world::{Company, Says, signed};

const ANA: (&str, &str) = ("Ana", "Silva");

#[tokio::test]
async fn t26_a_duplicate_does_nothing_twice() {
    let mut company = Company::new().await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02").as_event("evt-1");
    company.world.hr(hire.clone()).await;
    company.reset_calls();
    let requests = company.world.store.requests();
    for _ in 0..4 {
        company.world.hr(hire.clone()).await;
    }
    assert_eq!(company.target_calls(), 0);
    assert_eq!(
        company.world.store.requests().writes,
        requests.writes,
        "no decision is written"
    );
    assert_eq!(company.active("E1"), (true, true));
}

#[tokio::test]
async fn t26_the_same_id_with_another_body_is_refused() {
    let mut company = Company::new().await;
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02").as_event("evt-1"))
        .await;
    let other = Says::hires("E1", ANA, "Finance", "2026-03-02").as_event("evt-1");
    let (_, request) = other.request(1, ports::Clock::now(&company.world.clock));
    let answer = company.world.webhook.handle(request).await;
    assert_eq!(answer.status_code, 409);
    company.world.settle().await;
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
}

#[tokio::test]
async fn t26_every_order_of_arrival_ends_in_one_state() {
    let facts = || {
        [
            Says::hires("E1", ANA, "Engineering", "2026-03-02")
                .as_event("a")
                .recorded("2026-03-01T09:00:00Z"),
            Says::about("E1")
                .that("department", "Finance")
                .from("2026-03-03")
                .as_event("b")
                .recorded("2026-03-01T10:00:00Z"),
            Says::about("E1")
                .that("title", "Clerk")
                .from("2026-03-04")
                .as_event("c")
                .recorded("2026-03-01T11:00:00Z"),
        ]
    };
    let mut outcomes = Vec::new();
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut company = Company::new().await;
        company.world.until("2026-03-05T08:00:00Z").await;
        let facts = facts();
        for place in order {
            company.world.hr(facts[place].clone()).await;
        }
        let account = company.on_dir("E1").expect("an account");
        outcomes.push((
            company.groups("E1"),
            account.json["title"].clone(),
            account.active,
        ));
    }
    outcomes.dedup();
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    assert_eq!(outcomes[0].0, ["payables", "readers", "staff"]);
}

#[tokio::test]
async fn t26_a_lost_nudge_is_repeated_by_the_clock() {
    let mut company = Company::new().await;
    company
        .world
        .post(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    // The decision is written; sending the nudges fails.
    company
        .world
        .lanes
        .fail_next(ports::Fault::retry("the queue is full"));
    company.world.work(&contract::Lane::Facts).await;
    let seat = company.world.seat("E1").await.expect("an item");
    assert_eq!(seat.owed.len(), 2);
    assert!(company.on_dir("E1").is_none());
    company.world.until("2026-03-02T08:05:00Z").await;
    assert_eq!(company.active("E1"), (true, true));
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
async fn t26_a_post_that_could_not_be_queued_is_asked_for_again() {
    let company = Company::new().await;
    let now = ports::Clock::now(&company.world.clock);
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02").as_event("evt-1");
    company
        .world
        .lanes
        .fail_next(ports::Fault::retry("the queue is full"));
    let (_, request) = hire.clone().request(1, now);
    assert_eq!(company.world.webhook.handle(request).await.status_code, 503);
    // The sender tries again, and the duplicate closes the gap.
    let (_, request) = hire.request(1, now);
    assert_eq!(company.world.webhook.handle(request).await.status_code, 202);
    company.world.settle().await;
    assert_eq!(company.active("E1"), (true, true));
}

#[tokio::test]
async fn t37_two_events_for_one_person_at_once_are_both_heard() {
    let mut company = Company::new().await;
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    company
        .world
        .post(Says::about("E1").that("department", "Finance"))
        .await;
    company
        .world
        .post(Says::about("E1").that("title", "Clerk"))
        .await;
    // Two planners at the same time, outside any queue.
    let record = domain::RecordKey::from(&company.world.identity("E1"));
    let cause = contract::Cause::Fact;
    let (one, two) = tokio::join!(
        company.world.planner.look(&record, cause),
        company.world.planner.look(&record, cause)
    );
    assert!(one.is_ok() || two.is_ok(), "one of them decides");
    company.world.settle().await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
    assert_eq!(
        company.on_dir("E1").expect("an account").json["title"],
        "Clerk"
    );
}

#[tokio::test]
async fn a_stale_message_after_a_newer_decision_does_nothing() {
    let mut company = Company::new().await;
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    let old: Vec<_> = company.world.lanes.take_sent();
    company.world.hr(Says::deletes("E1")).await;
    company.reset_calls();
    // Every message ever sent is delivered once more, as a redrive would.
    for (lane, mut message) in old {
        message.dedup.push_str("#redrive");
        ports::Lanes::send(&company.world.lanes, &lane, &[message])
            .await
            .expect("sent");
    }
    company.world.settle().await;
    assert_eq!(company.target_calls(), 0);
    assert_eq!(company.active("E1"), (false, false));
    let seat = company.world.seat("E1").await.expect("an item");
    assert!(
        seat.accounts
            .values()
            .all(|account| account.applied > Generation(1))
    );
}

#[tokio::test]
async fn a_broken_record_does_not_hold_up_the_others() {
    let mut company = Company::new().await;
    let bad = Says::hires("E1", ANA, "Astrology", "2026-03-02");
    company.world.post(bad).await;
    company
        .world
        .post(Says::hires("E2", ("Ben", "Okafor"), "Sales", "2026-03-02"))
        .await;
    let impossible =
        Says::hires("E3", ("Eva", "Lind"), "Sales", "2026-03-02").that("end_date", "2026-02-30");
    company.world.post(impossible).await;
    company.world.settle().await;
    assert!(company.on_dir("E1").is_none() && company.on_dir("E3").is_none());
    assert_eq!(company.active("E2"), (true, true));
    company
        .world
        .hr(Says::about("E1").that("department", "Sales"))
        .await;
    assert_eq!(company.active("E1"), (true, true));
}

#[tokio::test]
async fn an_unsigned_post_reaches_nobody() {
    let company = Company::new().await;
    let now = ports::Clock::now(&company.world.clock);
    let mut request = signed("hr", "evt", now, "{}");
    request.headers.remove("webhook-signature");
    assert_eq!(company.world.webhook.handle(request).await.status_code, 401);
    company.world.settle().await;
    assert!(company.world.seats().await.is_empty());
}
