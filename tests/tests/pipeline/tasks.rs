//! Work for people: targets that nothing can call, and what leavers leave behind.

use contract::report::Class;
use domain::task::{Owner, Task, TaskState};
use domain::{Outcome, Ownership, TargetId};
use planner::operator::{End, Said};
use ports::cases::Which;
use ports::{Cases as _, Clock as _};
use tests::world::{Company, Says, policy_text};

use super::cases::rows;

const ANA: (&str, &str) = ("Ana", "Silva");

fn said(reason: &str) -> Said {
    Said {
        by: "kim".into(),
        reason: reason.into(),
    }
}

/// With a door system that has no API, and somebody who takes over from leavers.
fn by_hand() -> String {
    let more = r#"
[targets.doors]
mode = "enforce"
kind = "manual"
owner = "facilities"
due_days = 5
ending_days = 1
scope = { employment_type = "employee" }
delete_after_days = 30
attributes = { userName = { identifier = "user_name" }, title = "{title}", displayName = "{given_name} {family_name}" }

[entitlements.lab]
target = "doors"
group = "Laboratory"

[roles.lab]
entitlements = ["lab"]

[[rules]]
id = "lab"
when = { department = "Engineering", employment_type = "employee" }
roles = ["lab"]

[handover]
who = "manager"
owner = "it-desk"
what = ["mail", "drive", "repositories"]
due_days = 10
"#;
    format!("{}{more}", policy_text())
}

fn ana() -> Says {
    Says::hires("E1", ANA, "Engineering", "2026-03-02").that("title", "Chemist")
}

fn ends(worker: &str, day: &str) -> Says {
    Says::about(worker)
        .that("worker_status", "terminated")
        .that("end_date", day)
}

async fn open(company: &Company) -> Vec<Task> {
    company.world.store.tasks(Which::Open).await.expect("tasks")
}

async fn the_task(company: &Company) -> Task {
    let mut open = open(company).await;
    assert_eq!(open.len(), 1, "{open:?}");
    open.remove(0)
}

fn steps(task: &Task) -> Vec<&str> {
    task.steps.iter().map(|step| &**step).collect()
}

async fn done(company: &Company, task: &Task) {
    company
        .world
        .operator()
        .end_task(&task.id, End::Done, &said("as asked"))
        .await
        .expect("taken");
    company.world.settle().await;
}

#[tokio::test]
async fn a_joiner_on_a_target_without_an_api_is_a_task_that_a_human_confirms() {
    let mut company = Company::with_policy(&by_hand()).await;
    company.world.hr(ana()).await;
    assert_eq!(company.active("E1"), (true, true), "nobody waits for it");
    let task = the_task(&company).await;
    assert_eq!(task.owner, Owner::Named("facilities".into()));
    assert_eq!(task.due.to_string(), "2026-03-07T08:00:00Z");
    assert_eq!(
        steps(&task),
        [
            "make an account, with displayName, title, userName",
            "give `Laboratory`"
        ],
    );
    let told = serde_json::to_string(&task.steps).expect("JSON");
    assert!(
        !told.contains("Silva") && !told.contains("Chemist"),
        "{told}"
    );
    let doors = TargetId::from("doors");
    let seat = company.world.seat_at("E1", "doors").await.expect("an item");
    assert!(seat.owed.is_empty(), "the queue has nothing to do");
    let account = &seat.accounts[&doors];
    assert_eq!((account.id.as_ref(), account.active), (None, false));
    assert_eq!(account.task.as_ref(), Some(&task.id));

    done(&company, &task).await;
    let seat = company.world.seat_at("E1", "doors").await.expect("an item");
    let account = &seat.accounts[&doors];
    assert!(account.id.is_some() && account.active);
    assert_eq!(account.ownership, Some(Ownership::Created));
    assert_eq!(account.outcome, Some(Outcome::Unchanged));
    assert!(account.grants.contains("lab"));
    assert_eq!(
        (account.parked.as_ref(), account.task.as_ref()),
        (None, None)
    );
    assert_eq!(open(&company).await, []);
    // Planned again, and looked at by night: nothing more.
    company
        .world
        .hr(Says::about("E1").that("mobile_phone", "1"))
        .await;
    let night = company.world.night().await;
    assert_eq!((night.sent(), open(&company).await.len()), (0, 0));
    assert!(rows(&company, &night).await.is_empty());
}

#[tokio::test]
async fn a_task_whose_plan_changed_meanwhile_is_replaced() {
    let mut company = Company::with_policy(&by_hand()).await;
    company.world.hr(ana()).await;
    done(&company, &the_task(&company).await).await;
    company
        .world
        .hr(Says::about("E1").that("title", "Lead"))
        .await;
    let first = the_task(&company).await;
    assert_eq!(steps(&first), ["change title"]);
    company
        .world
        .hr(Says::about("E1").that("department", "Sales"))
        .await;
    let second = the_task(&company).await;
    assert_eq!(
        steps(&second),
        ["take away `Laboratory`", "change title"],
        "whatever was not confirmed is still to be done"
    );
    let replaced = company.world.store.task(&first.id).await.expect("a read");
    assert!(matches!(
        replaced.expect("kept").state,
        TaskState::Replaced { by: Some(by), .. } if by == second.id
    ));
    // The old one cannot be confirmed any more, the new one can, twice as well.
    let said = said("done");
    let operator = company.world.operator();
    assert!(
        operator
            .end_task(&first.id, End::Done, &said)
            .await
            .is_err()
    );
    done(&company, &second).await;
    done(&company, &second).await;
    assert_eq!(open(&company).await, []);
    let seat = company.world.seat_at("E1", "doors").await.expect("an item");
    assert!(seat.accounts[&TargetId::from("doors")].grants.is_empty());
}

#[tokio::test]
async fn what_was_confirmed_while_the_plan_changed_counts() {
    let mut company = Company::with_policy(&by_hand()).await;
    company.world.hr(ana()).await;
    let first = the_task(&company).await;
    // Confirmed in the same moment in which HR says something else, the message behind.
    company
        .world
        .operator()
        .end_task(&first.id, End::Done, &said("made"))
        .await
        .expect("taken");
    company
        .world
        .hr(Says::about("E1").that("title", "Lead"))
        .await;
    let second = the_task(&company).await;
    assert_eq!(steps(&second), ["change title"], "the account is there");
}

#[tokio::test]
async fn a_leaver_s_account_without_an_api_is_due_at_once_and_a_finding_when_late() {
    let mut company = Company::with_policy(&by_hand()).await;
    company.world.hr(ana()).await;
    done(&company, &the_task(&company).await).await;
    company.world.hr(ends("E1", "2026-03-04")).await;
    company.world.until("2026-03-05T09:00:00Z").await;
    let tasks = open(&company).await;
    let doors = tasks.iter().find(|task| task.target().is_some());
    let doors = doors.expect("a task").clone();
    assert_eq!(
        steps(&doors),
        [
            "block the account's sign-in",
            "end the account's sessions",
            "take away `Laboratory`"
        ]
    );
    assert_eq!(doors.due.to_string(), "2026-03-06T00:00:00Z");
    let night = company.world.night().await;
    assert_eq!(night.manifest.summary.waiting.overdue, 0);
    company.world.until("2026-03-06T09:00:00Z").await;
    let night = company.world.night().await;
    let waiting = night.manifest.summary.waiting;
    assert_eq!((waiting.tasks, waiting.overdue), (2, 1));
    let found = rows(&company, &night).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].class, &*found[0].owner),
        (Class::O1, "facilities")
    );
    assert!(found[0].proposed_action.contains(doors.id.as_str()));
    assert!(found[0].evidence.contains(doors.id.as_str()));
    // The day after it is the same finding, a day older; done, it is gone.
    company.world.until("2026-03-07T09:00:00Z").await;
    let again = company.world.night().await;
    let found = rows(&company, &again).await;
    assert_eq!((found[0].age_days, found[0].runs_seen), (1, 2));
    done(&company, &doors).await;
    let last = company.world.night().await;
    assert!(rows(&company, &last).await.is_empty());
    assert_eq!(last.manifest.summary.closed_findings, 1);
    // Retention is over: one more thing for a human.
    company.world.until("2026-04-05T09:00:00Z").await;
    let tasks = open(&company).await;
    let deletion = tasks.iter().find(|task| task.target().is_some());
    assert_eq!(steps(deletion.expect("a task")), ["delete the account"]);
}

#[tokio::test]
async fn an_account_that_was_asked_for_and_is_not_wanted_is_checked() {
    let mut company = Company::with_policy(&by_hand()).await;
    company.world.hr(ana()).await;
    let first = the_task(&company).await;
    company
        .world
        .hr(Says::about("E1")
            .that("employment_type", "contractor")
            .that("end_date", "2026-12-31"))
        .await;
    let second = the_task(&company).await;
    assert_ne!(second.id, first.id);
    assert_eq!(
        steps(&second),
        ["make sure that no account was made; block the one that was"]
    );
    // A message that comes again gives no second task.
    company
        .world
        .hr(Says::about("E1").that("mobile_phone", "2"))
        .await;
    assert_eq!(the_task(&company).await.id, second.id);
    done(&company, &second).await;
    assert_eq!(open(&company).await, []);
    let seat = company.world.seat_at("E1", "doors").await.expect("an item");
    assert_eq!(seat.accounts[&TargetId::from("doors")].parked, None);
}

#[tokio::test]
async fn a_confirmation_whose_message_was_lost_is_found_at_night() {
    let mut company = Company::with_policy(&by_hand()).await;
    company.world.hr(ana()).await;
    let task = the_task(&company).await;
    let confirmed = Task {
        state: TaskState::Done {
            by: "kim".into(),
            note: "".into(),
            at: company.world.clock.now(),
        },
        ..task.clone()
    };
    let written = company.world.store.put_task(&confirmed, Some(&task)).await;
    assert!(written.expect("a write"));
    company.world.night().await;
    let seat = company.world.seat_at("E1", "doors").await.expect("an item");
    assert!(seat.accounts[&TargetId::from("doors")].active);
}

#[tokio::test]
async fn a_cancelled_task_stays_cancelled() {
    let mut company = Company::with_policy(&by_hand()).await;
    company.world.hr(ana()).await;
    let task = the_task(&company).await;
    company
        .world
        .operator()
        .end_task(&task.id, End::Cancelled, &said("works from home"))
        .await
        .expect("taken");
    company.world.settle().await;
    company.world.night().await;
    company.world.until("2026-03-12T09:00:00Z").await;
    let night = company.world.night().await;
    assert_eq!(open(&company).await, []);
    assert!(rows(&company, &night).await.is_empty());
    let seat = company.world.seat_at("E1", "doors").await.expect("an item");
    let parked = seat.accounts[&TargetId::from("doors")].parked.clone();
    assert!(parked.is_some_and(|why| why.ends_with("is cancelled")));
}

/// E1 works for E0.
async fn with_a_manager() -> Company {
    let mut company = Company::with_policy(&by_hand()).await;
    let boss = Says::hires("E0", ("Rita", "Costa"), "Sales", "2026-03-02");
    company.world.hr(boss).await;
    company.world.hr(ana().that("manager_id", "E0")).await;
    for task in open(&company).await {
        done(&company, &task).await;
    }
    company
}

async fn handovers(company: &Company) -> Vec<Task> {
    let mut tasks = open(company).await;
    tasks.retain(|task| task.target().is_none());
    tasks
}

#[tokio::test]
async fn what_a_leaver_leaves_behind_is_the_manager_s_task() {
    let mut company = with_a_manager().await;
    company.world.hr(ends("E1", "2026-03-04")).await;
    assert_eq!(handovers(&company).await, [], "not before the end");
    company.world.until("2026-03-05T09:00:00Z").await;
    let tasks = handovers(&company).await;
    assert_eq!(tasks.len(), 1);
    let boss = domain::RecordKey::from(&company.world.identity("E0"));
    assert_eq!(tasks[0].owner, Owner::Manager(boss));
    assert_eq!(tasks[0].identity, company.world.identity("E1"));
    assert_eq!(
        steps(&tasks[0]),
        [
            "take over mail",
            "take over drive",
            "take over repositories"
        ]
    );
    assert_eq!(tasks[0].due.to_string(), "2026-03-15T00:00:00Z");
    // Late facts about a person who has left make no second one.
    company
        .world
        .hr(Says::about("E1").that("title", "Emerita"))
        .await;
    assert_eq!(handovers(&company).await, tasks);
    company.world.until("2026-03-16T09:00:00Z").await;
    let night = company.world.night().await;
    let found = rows(&company, &night).await;
    let late = found.iter().find(|row| row.class == Class::O10);
    assert!(late.expect("a finding").detail.contains("take over mail"));
    done(&company, &tasks[0]).await;
    assert_eq!(handovers(&company).await, []);
}

#[tokio::test]
async fn t24_a_termination_that_is_taken_back_takes_its_hand_over_back() {
    let mut company = with_a_manager().await;
    let event = company.world.hr(ends("E1", "2026-03-01")).await;
    let tasks = handovers(&company).await;
    assert_eq!(tasks.len(), 1);
    company.world.hr(Says::rescinds("E1", &event)).await;
    assert_eq!(handovers(&company).await, []);
    assert_eq!(company.active("E1"), (true, true));
    // And when it is for good, the task is back.
    company.world.hr(ends("E1", "2026-03-01")).await;
    assert_eq!(handovers(&company).await.len(), 1);
}

#[tokio::test]
async fn t39_the_desk_takes_over_where_the_manager_left_before() {
    let mut company = with_a_manager().await;
    company.world.hr(ends("E0", "2026-03-01")).await;
    company.world.hr(ends("E1", "2026-03-01")).await;
    let tasks = handovers(&company).await;
    let of = |worker: &str| {
        let identity = company.world.identity(worker);
        tasks
            .iter()
            .find(|task| task.identity == identity)
            .map(|task| task.owner.clone())
    };
    let desk = Some(Owner::Named("it-desk".into()));
    assert_eq!(of("E0"), desk, "no manager is named");
    assert_eq!(of("E1"), desk, "the manager has left");
}

#[tokio::test]
async fn whoever_never_began_leaves_nothing_behind() {
    let mut company = Company::with_policy(&by_hand()).await;
    company
        .world
        .hr(ana().that("start_date", "2026-04-01").from("2026-04-01"))
        .await;
    company
        .world
        .hr(Says::about("E1")
            .that("worker_status", "no_show")
            .from("2026-03-01"))
        .await;
    assert_eq!(handovers(&company).await, []);
}
