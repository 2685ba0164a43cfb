//! Histories as HR tells them: ahead, back, corrected, taken back, in one or another order.

use contract::Lane;
use jiff::SignedDuration;
use tests::world::{Company, Says};

const ANA: (&str, &str) = ("Ana", "Silva");
const ENGINEER: [&str; 3] = ["editors", "readers", "staff"];
const FINANCE: [&str; 3] = ["payables", "readers", "staff"];
const SALES: [&str; 2] = ["readers", "staff"];

async fn with_ana() -> Company {
    let mut company = Company::new().await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    assert_eq!(company.groups("E1"), ENGINEER);
    company
}

fn in_department(department: &str) -> Says {
    Says::about("E1").that("department", department)
}

#[tokio::test]
async fn t08_a_first_day_that_is_put_off_is_put_off() {
    let mut company = Company::new().await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-05");
    let event = company.world.hr(hire).await;
    assert!(company.on_dir("E1").is_some_and(|user| !user.active));
    company.world.until("2026-03-04T12:00:00Z").await;
    let later = Says::hires("E1", ANA, "Finance", "2026-03-25").corrects(&event);
    company.world.hr(later).await;
    company.world.until("2026-03-24T23:59:59Z").await;
    assert_eq!(company.active("E1"), (false, false));
    company.world.until("2026-03-25T00:00:00Z").await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), FINANCE);
}

#[tokio::test]
async fn t08_a_move_dated_ahead_and_taken_back_never_happens() {
    let mut company = with_ana().await;
    let event = company
        .world
        .hr(in_department("Finance").from("2026-04-01"))
        .await;
    company.world.until("2026-03-20T00:00:00Z").await;
    company.reset_calls();
    company.world.hr(Says::rescinds("E1", &event)).await;
    company.world.until("2026-04-10T00:00:00Z").await;
    assert_eq!(company.groups("E1"), ENGINEER);
    assert_eq!(company.target_writes(), 0);
}

#[tokio::test]
async fn t06_a_correction_that_is_taken_back_leaves_the_original() {
    let mut company = with_ana().await;
    company.world.until("2026-03-03T00:00:00Z").await;
    let moved = company.world.hr(in_department("Finance")).await;
    assert_eq!(company.groups("E1"), FINANCE);
    company.world.until("2026-03-04T00:00:00Z").await;
    let corrected = company
        .world
        .hr(in_department("Sales").corrects(&moved))
        .await;
    assert_eq!(company.groups("E1"), SALES);
    company.world.until("2026-03-05T00:00:00Z").await;
    company.world.hr(Says::rescinds("E1", &corrected)).await;
    assert_eq!(company.groups("E1"), FINANCE, "the move holds again");
    company.world.until("2026-03-06T00:00:00Z").await;
    company.world.hr(Says::rescinds("E1", &moved)).await;
    assert_eq!(company.groups("E1"), ENGINEER);
}

#[tokio::test]
async fn t06_a_backdated_move_under_a_later_one_changes_nothing_now() {
    let mut company = with_ana().await;
    company.world.until("2026-03-20T00:00:00Z").await;
    let later = company
        .world
        .hr(in_department("Sales").from("2026-03-15"))
        .await;
    assert_eq!(company.groups("E1"), SALES);
    company.reset_calls();
    company
        .world
        .hr(in_department("Finance").from("2026-03-05"))
        .await;
    assert_eq!(company.groups("E1"), SALES);
    assert_eq!(company.target_writes(), 0);
    // Taken back, what was backdated comes to light.
    company.world.hr(Says::rescinds("E1", &later)).await;
    assert_eq!(company.groups("E1"), FINANCE);
}

#[tokio::test]
async fn t06_every_order_of_a_history_ahead_back_and_corrected_ends_in_one_state() {
    // What HR says on one day, told in every order.
    let says = |n: usize| match n {
        0 => Says::hires("E1", ANA, "Engineering", "2026-03-02").as_event("hire"),
        1 => in_department("Finance")
            .from("2026-03-10")
            .as_event("moves"),
        2 => in_department("Sales")
            .from("2026-03-20")
            .corrects("moves")
            .as_event("rather"),
        3 => Says::about("E1")
            .that("end_date", "2026-04-30")
            .from("2026-03-12")
            .as_event("ends"),
        _ => Says::rescinds("E1", "ends").as_event("stays"),
    };
    let mut states = Vec::new();
    for order in orders(5) {
        let mut company = Company::new().await;
        // Each is recorded at its own minute, whenever it arrives.
        let begin: jiff::Timestamp = "2026-03-02T08:00:00Z".parse().expect("an instant");
        for n in order {
            let minute = i64::try_from(n).expect("small");
            let at = begin + SignedDuration::from_mins(minute);
            let recorded = says(n).recorded(&at.to_string());
            company.world.post(recorded).await;
            company.world.settle().await;
        }
        company.world.until("2026-03-15T00:00:00Z").await;
        let before = company.groups("E1");
        company.world.until("2026-05-15T00:00:00Z").await;
        states.push((before, company.groups("E1"), company.active("E1")));
    }
    assert_eq!(states.len(), 120);
    let expected = (
        ENGINEER.map(str::to_owned).to_vec(),
        SALES.map(str::to_owned).to_vec(),
        (true, true),
    );
    for state in states {
        assert_eq!(state, expected);
    }
}

/// Every order of so many.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(n - 1);
    (0..n)
        .flat_map(|at| {
            shorter.iter().map(move |order| {
                let mut order = order.clone();
                order.insert(at, n - 1);
                order
            })
        })
        .collect()
}

/// A contractor whose last day is 20 March, in Lisbon.
async fn with_kim() -> Company {
    let mut company = Company::new().await;
    let contract = Says::contracts("C1", ("Kim", "Park"), "2026-03-02", Some("2026-03-20"));
    company.world.hr(contract).await;
    assert_eq!(company.groups("C1"), ["contractors"]);
    company
}

fn extended() -> Says {
    Says::about("C1").that("end_date", "2026-04-20")
}

#[tokio::test]
async fn a_contract_extended_on_its_last_day_never_lapses() {
    let mut company = with_kim().await;
    company.world.until("2026-03-20T23:59:59Z").await;
    company.reset_calls();
    company.world.hr(extended()).await;
    // In Lisbon summer has begun.
    company.world.until("2026-04-20T22:59:59Z").await;
    assert_eq!(company.groups("C1"), ["contractors"]);
    assert_eq!(company.target_writes(), 0, "access was never touched");
    company.world.until("2026-04-20T23:00:00Z").await;
    assert!(company.on_dir("C1").is_some_and(|user| !user.active));
}

#[tokio::test]
async fn an_extension_beats_the_expiry_whichever_comes_first() {
    for extension_first in [true, false] {
        let mut company = with_kim().await;
        company.world.until("2026-03-20T23:59:59Z").await;
        company
            .world
            .clock
            .set("2026-03-21T00:00:00Z".parse().expect("an instant"));
        // The clock and HR at the same moment; nobody has acted yet.
        if extension_first {
            company.world.post(extended()).await;
            company.world.nudge().await;
        } else {
            company.world.nudge().await;
            company.world.work(&Lane::Facts).await;
            company.world.post(extended()).await;
        }
        company.world.settle().await;
        let account = company.on_dir("C1").expect("an account");
        assert!(account.active, "extension first: {extension_first}");
        assert_eq!(account.groups, ["contractors"]);
        company.world.until("2026-04-21T00:00:00Z").await;
        assert!(company.on_dir("C1").is_some_and(|user| !user.active));
    }
}

#[tokio::test]
async fn a_contract_extended_after_it_lapsed_comes_back_in_the_same_account() {
    let mut company = with_kim().await;
    let id = company.on_dir("C1").expect("an account").id;
    company.world.until("2026-03-21T00:00:00Z").await;
    assert!(!company.on_dir("C1").expect("kept").active);
    company.world.until("2026-03-23T09:00:00Z").await;
    company.world.hr(extended()).await;
    let account = company.on_dir("C1").expect("an account");
    assert_eq!((account.id, account.active), (id, true));
    assert_eq!(account.groups, ["contractors"]);
}

#[tokio::test]
async fn t22_a_contractor_becomes_an_employee_in_the_same_record_on_the_last_day() {
    let mut company = with_kim().await;
    let id = company.on_dir("C1").expect("an account").id;
    company.world.until("2026-03-20T17:00:00Z").await;
    let converts = Says::about("C1")
        .that("employment_type", "employee")
        .not("end_date");
    company.world.hr(converts).await;
    assert_eq!(company.groups("C1"), ENGINEER);
    company.world.until("2026-06-01T00:00:00Z").await;
    assert_eq!(company.active("C1"), (true, true));
    assert_eq!(company.on_dir("C1").expect("an account").id, id);
    assert_eq!(company.dir.user_count(), 1);
}

#[tokio::test]
async fn t13_a_move_during_leave_is_there_at_the_return() {
    let mut company = with_ana().await;
    let id = company.on_dir("E1").expect("an account").id;
    let status = |status: &str| Says::about("E1").that("worker_status", status);
    company.world.hr(status("leave").from("2026-04-01")).await;
    company
        .world
        .hr(in_department("Finance").from("2026-05-01"))
        .await;
    company.world.hr(status("active").from("2026-07-01")).await;
    for at in ["2026-04-15T00:00:00Z", "2026-05-15T00:00:00Z"] {
        company.world.until(at).await;
        assert_eq!(company.active("E1"), (false, false), "{at}");
        assert_eq!(
            company.groups("E1"),
            [""; 0],
            "{at}: neither the old nor the new job's"
        );
    }
    company.world.until("2026-07-01T00:00:00Z").await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), FINANCE);
    assert_eq!(company.on_dir("E1").expect("an account").id, id);
}

#[tokio::test]
async fn t13_leave_that_is_extended_once_more_ends_later() {
    let mut company = with_ana().await;
    let status = |status: &str| Says::about("E1").that("worker_status", status);
    company.world.hr(status("leave").from("2026-04-01")).await;
    let returns = company.world.hr(status("active").from("2026-06-01")).await;
    company.world.until("2026-05-20T00:00:00Z").await;
    let later = status("active").from("2026-08-01").corrects(&returns);
    company.world.hr(later).await;
    company.world.until("2026-07-31T12:00:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
    company.world.until("2026-08-01T00:00:00Z").await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ENGINEER);
}

#[tokio::test]
async fn t23_a_no_show_whose_account_was_ready_can_still_come_later() {
    let mut company = Company::new().await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-05");
    company.world.hr(hire).await;
    let id = company.on_dir("E1").expect("ready").id;
    company.world.until("2026-03-04T12:00:00Z").await;
    let absent = Says::about("E1").that("worker_status", "no_show");
    company.world.hr(absent).await;
    company.world.until("2026-03-10T00:00:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(company.groups("E1"), [""; 0]);
    // A month later the person comes after all.
    company.world.until("2026-04-01T00:00:00Z").await;
    let comes = Says::about("E1")
        .that("worker_status", "active")
        .that("start_date", "2026-04-06");
    company.world.hr(comes).await;
    company.world.until("2026-04-06T00:00:00Z").await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.on_dir("E1").expect("an account").id, id);
}

#[tokio::test]
async fn data_outlives_access_and_comes_back_with_a_rehire_in_time() {
    let mut company = with_ana().await;
    let (id, wiki) = (
        company.on_dir("E1").expect("an account").id,
        company.on_wiki("E1").expect("an account").id,
    );
    company
        .world
        .hr(Says::about("E1").that("end_date", "2026-03-10"))
        .await;
    company.world.until("2026-05-09T12:00:00Z").await;
    assert!(
        company
            .on_dir("E1")
            .is_some_and(|user| !user.active && user.groups.is_empty())
    );
    // The 60th day is not over.
    let returns = Says::about("E1")
        .that("worker_status", "active")
        .not("end_date");
    company.world.hr(returns).await;
    assert_eq!(company.on_dir("E1").expect("an account").id, id);
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ENGINEER);
    // And the date that was set for deletion passes without one.
    company.world.until("2026-06-30T00:00:00Z").await;
    assert_eq!(company.on_dir("E1").expect("an account").id, id);
    assert_eq!(company.on_wiki("E1").expect("an account").id, wiki);
}

#[tokio::test]
async fn after_the_retention_a_rehire_gets_a_new_account_under_the_old_name() {
    let mut company = with_ana().await;
    let (id, wiki) = (
        company.on_dir("E1").expect("an account").id,
        company.on_wiki("E1").expect("an account").id,
    );
    company
        .world
        .hr(Says::about("E1").that("end_date", "2026-03-10"))
        .await;
    company.world.until("2026-05-11T00:00:00Z").await;
    assert!(company.on_dir("E1").is_none(), "60 days after the end");
    // A namesake meanwhile does not get the name.
    let namesake = Says::hires("E2", ANA, "Sales", "2026-05-11").that("employee_number", "2");
    company.world.hr(namesake).await;
    assert_eq!(
        company.on_dir("E2").expect("an account").user_name,
        "ana.silva2"
    );
    let returns = Says::about("E1")
        .that("worker_status", "active")
        .not("end_date")
        .from("2026-06-01");
    company.world.hr(returns).await;
    company.world.until("2026-06-02T00:00:00Z").await;
    let account = company.on_dir("E1").expect("made anew");
    assert_ne!(account.id, id);
    assert_eq!(
        account.user_name, "ana.silva",
        "the name was never somebody else's"
    );
    assert_eq!(
        company.on_wiki("E1").expect("kept").id,
        wiki,
        "wiki keeps accounts"
    );
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ENGINEER);
}
