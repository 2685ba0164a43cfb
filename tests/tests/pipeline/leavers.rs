//! Endings: at once, at the end of the day, in other zones, rescinded, deleted, on leave.

use tests::world::{Company, Says};

const ANA: (&str, &str) = ("Ana", "Silva");
const BEN: (&str, &str) = ("Ben", "Okafor");

async fn with_ana() -> Company {
    let mut company = Company::new().await;
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    company
}

#[tokio::test]
async fn t05_immediate_and_end_of_day_terminations_differ() {
    let mut company = with_ana().await;
    company
        .world
        .hr(Says::hires("E2", BEN, "Finance", "2026-03-02"))
        .await;
    company.world.until("2026-03-10T15:00:00Z").await;
    let ends = |worker: &str| {
        Says::about(worker)
            .that("worker_status", "terminated")
            .that("end_date", "2026-03-10")
    };
    company.world.hr(ends("E1").that("end_mode", "now")).await;
    company.world.hr(ends("E2")).await;
    assert_eq!(company.active("E1"), (false, false), "now means now");
    assert_eq!(company.groups("E1"), [""; 0]);
    assert_eq!(
        company.active("E2"),
        (true, true),
        "the last working day is not over"
    );
    company.world.until("2026-03-10T23:59:59Z").await;
    assert_eq!(company.active("E2"), (true, true));
    company.world.until("2026-03-11T00:00:00Z").await;
    assert_eq!(company.active("E2"), (false, false));
    assert_eq!(company.groups("E2"), [""; 0]);
    assert!(company.on_dir("E2").is_some(), "disabled, not deleted");
}

#[tokio::test]
async fn t05_an_account_is_deleted_when_its_retention_is_over() {
    let mut company = with_ana().await;
    let ends = Says::about("E1").that("end_date", "2026-03-10");
    company.world.hr(ends).await;
    company.world.until("2026-05-09T23:59:59Z").await;
    assert!(company.on_dir("E1").is_some_and(|user| !user.active));
    company.world.until("2026-05-10T00:00:01Z").await;
    assert!(company.on_dir("E1").is_none(), "60 days after the end");
    assert!(company.on_wiki("E1").is_some(), "wiki keeps accounts");
}

#[tokio::test]
async fn t11_a_target_that_is_down_gets_the_ending_when_it_is_back() {
    use scim_target::{Fault, FaultKind, RetryAfter};
    let mut company = with_ana().await;
    let down = Fault::TooManyRequests {
        retry_after: RetryAfter::Seconds(30),
    };
    company.dir.faults().add(down.times(3));
    company.world.post(ending_now("E1")).await;
    company.world.settle().await;
    assert_eq!(company.dir.faults().fired(FaultKind::TooManyRequests), 3);
    assert_eq!(company.active("E1"), (false, false));
}

fn ending_now(worker: &str) -> Says {
    Says::about(worker)
        .that("worker_status", "terminated")
        .that("end_date", "2026-03-02")
        .that("end_mode", "now")
}

#[tokio::test]
async fn t11_a_quarantined_target_gets_the_ending_when_its_rest_is_over() {
    use scim_target::{Fault, FaultKind};
    let mut company = with_ana().await;
    company.dir.faults().add(Fault::Unauthorized.once());
    company.world.hr(ending_now("E1")).await;
    assert_eq!(company.dir.faults().fired(FaultKind::Unauthorized), 1);
    assert_eq!(
        company.active("E1"),
        (true, false),
        "dir rests; wiki is done"
    );
    let calls = company.dir.calls().total();
    company.world.settle().await;
    assert_eq!(
        company.dir.calls().total(),
        calls,
        "a resting target is left alone"
    );
    company.world.until("2026-03-02T08:10:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
}

#[tokio::test]
async fn t09_a_contractor_without_an_end_date_waits_and_blocks_nobody() {
    let mut company = Company::new().await;
    company
        .world
        .post(Says::contracts("C1", ("Kim", "Park"), "2026-03-02", None))
        .await;
    company
        .world
        .post(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    company.world.settle().await;
    assert!(company.on_dir("C1").is_none());
    let seat = company.world.seat("C1").await.expect("an item");
    let told = format!("{:?}", seat.record.findings);
    assert!(told.contains("NoEndDate"), "{told}");
    assert_eq!(company.active("E1"), (true, true));
    // HR completes the record.
    company
        .world
        .hr(Says::about("C1").that("end_date", "2026-03-20"))
        .await;
    assert_eq!(company.groups("C1"), ["contractors"]);
    // And the contract ends by itself.
    company.world.until("2026-03-21T00:00:00Z").await;
    assert!(
        company
            .on_dir("C1")
            .is_some_and(|user| !user.active && user.groups.is_empty())
    );
}

#[tokio::test]
async fn t13_leave_takes_access_and_return_gives_it_back() {
    let mut company = with_ana().await;
    company
        .world
        .hr(Says::about("E1")
            .that("worker_status", "leave")
            .from("2026-04-01"))
        .await;
    company
        .world
        .hr(Says::about("E1")
            .that("worker_status", "active")
            .from("2026-07-01"))
        .await;
    company.world.until("2026-03-31T22:59:59Z").await;
    assert_eq!(company.active("E1"), (true, true));
    // The day begins in Lisbon, which is an hour ahead in summer.
    company.world.until("2026-03-31T23:00:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
    let id = company.on_dir("E1").expect("an account").id;
    company.world.until("2026-06-30T23:00:00Z").await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    assert_eq!(
        company.on_dir("E1").expect("an account").id,
        id,
        "the same account"
    );
}

#[tokio::test]
async fn t23_a_rescinded_hire_never_gets_in() {
    let mut company = Company::new().await;
    let hire = company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-09"))
        .await;
    let prepared = company.on_dir("E1").expect("prepared a week ahead");
    assert!(!prepared.active);
    company.world.hr(Says::rescinds("E1", &hire)).await;
    company.world.until("2026-03-20T00:00:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(company.groups("E1"), [""; 0]);
}

#[tokio::test]
async fn t23_a_no_show_never_gets_in() {
    let mut company = Company::new().await;
    company
        .world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-09"))
        .await;
    company.world.until("2026-03-05T12:00:00Z").await;
    // Effective today, recorded after the hire that is dated ahead: it holds against it.
    company
        .world
        .hr(Says::about("E1").that("worker_status", "no_show"))
        .await;
    company.world.until("2026-03-20T00:00:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
}

#[tokio::test]
async fn t24_a_rescinded_termination_leaves_access_alone() {
    let mut company = with_ana().await;
    let end = Says::about("E1").that("end_date", "2026-03-31");
    let event = company.world.hr(end).await;
    company.world.until("2026-03-20T00:00:00Z").await;
    company.reset_calls();
    company.world.hr(Says::rescinds("E1", &event)).await;
    company.world.until("2026-04-20T00:00:00Z").await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.target_writes(), 0, "nothing was ever taken away");
}

#[tokio::test]
async fn t24_a_termination_rescinded_after_the_fact_gives_access_back() {
    let mut company = with_ana().await;
    let end = Says::about("E1").that("end_date", "2026-03-10");
    let event = company.world.hr(end).await;
    company.world.until("2026-03-12T00:00:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
    company.world.hr(Says::rescinds("E1", &event)).await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
}

#[tokio::test]
async fn t25_a_deleted_record_is_a_termination() {
    let mut company = with_ana().await;
    company.world.hr(Says::deletes("E1")).await;
    assert_eq!(company.active("E1"), (false, false));
    assert!(company.on_dir("E1").is_some(), "disabled, not deleted");
    // Sent once more, by accident.
    company.reset_calls();
    company.world.hr(Says::deletes("E1")).await;
    assert_eq!(company.target_calls(), 0);
}

#[tokio::test]
async fn t27_a_termination_in_a_zone_ahead_of_hr_ends_with_the_workers_day() {
    let mut company = Company::new().await;
    let hire = |worker: &str, names, site: &str| {
        Says::hires(worker, names, "Engineering", "2026-03-02").that("location", site)
    };
    company.world.hr(hire("E1", ANA, "Auckland")).await;
    company.world.hr(hire("E2", BEN, "Honolulu")).await;
    for worker in ["E1", "E2"] {
        company
            .world
            .hr(Says::about(worker).that("end_date", "2026-03-31"))
            .await;
    }
    company.world.until("2026-03-31T10:59:59Z").await;
    assert_eq!(
        (company.active("E1").0, company.active("E2").0),
        (true, true)
    );
    company.world.until("2026-03-31T11:00:00Z").await;
    assert_eq!(
        (company.active("E1").0, company.active("E2").0),
        (false, true)
    );
    company.world.until("2026-04-01T10:00:00Z").await;
    assert_eq!(
        (company.active("E1").0, company.active("E2").0),
        (false, false)
    );
}

#[tokio::test]
async fn t39_a_manager_who_leaves_first_takes_nobody_along() {
    let mut company = Company::new().await;
    company
        .world
        .hr(Says::hires("M1", BEN, "Engineering", "2026-03-02"))
        .await;
    let report = Says::hires("E1", ANA, "Engineering", "2026-03-02").that("manager_id", "M1");
    company.world.hr(report).await;
    let manager = |company: &Company| {
        let path = "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value";
        company
            .on_dir("E1")
            .expect("an account")
            .json
            .pointer(path)
            .cloned()
    };
    let boss = company.on_dir("M1").expect("an account").id;
    assert_eq!(manager(&company), Some(boss.clone().into()));
    company.world.hr(ending_now("M1")).await;
    assert_eq!(company.active("M1"), (false, false));
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(
        manager(&company),
        Some(boss.into()),
        "until HR names another one"
    );
    company.world.hr(Says::about("E1").not("manager_id")).await;
    assert_eq!(manager(&company), None);
}

#[tokio::test]
async fn a_membership_whose_answer_was_lost_before_the_account_was_parked_is_taken_back() {
    use contract::Lane;
    use scim_target::Fault;
    let mut company = Company::new().await;
    let hire = Says::hires("E1", ANA, "Treasury", "2026-03-02");
    company.world.post(hire).await;
    let lost = Fault::DropAfterCommit.once();
    company
        .dir
        .faults()
        .add(lost.method("PATCH").path("/Groups"));
    company.world.work(&Lane::Facts).await;
    company.world.work(&Lane::Target("dir".into())).await;
    assert_eq!(company.on_dir("E1").expect("made").groups, ["approvers"]);
    // A new decision makes the connector look, and the target does not find a group of policy.
    let renamed = Says::about("E1").that("family_name", "Santos");
    company.world.post(renamed).await;
    let unknown = Fault::EmptyList.always();
    company.dir.faults().add(unknown.query("contractors"));
    company.world.settle().await;
    let identity = company.world.identity("E1");
    let seat = company.world.seats().await.remove(&identity);
    let account = seat.expect("an item").accounts.remove("dir");
    assert!(account.is_some_and(|account| account.parked.is_some()));
    company.world.hr(ending_now("E1")).await;
    assert!(!company.on_dir("E1").expect("kept").active);
    assert_eq!(company.on_dir("E1").expect("kept").groups, [""; 0]);
}
