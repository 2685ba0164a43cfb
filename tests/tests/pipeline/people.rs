//! Who is who: rehires, conversions, namesakes, shared addresses.

use domain::record::CorrelatedBy;
use serde_json::json;
use tests::world::{Company, Says, policy_text};

const ANA: (&str, &str) = ("Ana", "Silva");

fn ana(worker: &str, start: &str) -> Says {
    Says::hires(worker, ANA, "Engineering", start).that("work_email", "ana.silva@example.com")
}

fn ends(worker: &str, day: &str) -> Says {
    Says::about(worker)
        .that("worker_status", "terminated")
        .that("end_date", day)
}

#[tokio::test]
async fn t01_a_rehire_with_a_new_employee_id_gets_the_same_account() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    let account = company.on_dir("E1").expect("an account");
    company.world.hr(ends("E1", "2026-03-10")).await;
    company.world.until("2026-03-20T09:00:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
    company
        .world
        .hr(ana("E9", "2026-03-20").that("department", "Sales"))
        .await;
    assert!(company.on_dir("E9").is_none(), "no second account");
    let again = company.on_dir("E1").expect("an account");
    assert_eq!((again.id, again.active), (account.id, true));
    assert_eq!(
        company.groups("E1"),
        ["readers", "staff"],
        "from zero, by the new job"
    );
    let seat = company.world.seat("E1").await.expect("an item");
    assert_eq!(seat.record.records.len(), 2);
    assert_eq!(
        seat.record.records[1].by,
        CorrelatedBy::Rule("work-email".into())
    );
    // Later facts about the new record reach the same person; the decision is never asked again.
    company
        .world
        .hr(Says::about("E9").that("department", "Engineering"))
        .await;
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
}

#[tokio::test]
async fn t01_a_rehire_that_arrives_before_the_termination_ends_the_same_way() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.until("2026-03-20T09:00:00Z").await;
    company
        .world
        .hr(ana("E9", "2026-03-20").that("department", "Sales"))
        .await;
    assert!(
        company.on_dir("E9").is_none(),
        "a case, for somebody works here with that address"
    );
    company
        .world
        .hr(ends("E1", "2026-03-10").from("2026-03-10"))
        .await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ["readers", "staff"]);
    assert_eq!(company.dir.user_count(), 1);
}

#[tokio::test]
async fn t10_namesakes_get_different_names_for_ever() {
    let mut company = Company::new().await;
    for worker in ["E1", "E2", "E3"] {
        company
            .world
            .hr(Says::hires(worker, ANA, "Engineering", "2026-03-02"))
            .await;
    }
    let names = ["E1", "E2", "E3"].map(|w| company.on_dir(w).expect("an account").user_name);
    assert_eq!(names, ["ana.silva", "ana.silva2", "ana.silva3"]);
    // Gone, and deleted; the name is still not free.
    company.world.hr(ends("E2", "2026-03-10")).await;
    company.world.until("2026-06-01T00:00:00Z").await;
    assert!(company.on_dir("E2").is_none());
    company
        .world
        .hr(Says::hires("E4", ANA, "Engineering", "2026-06-01"))
        .await;
    assert_eq!(
        company.on_dir("E4").expect("an account").user_name,
        "ana.silva4"
    );
}

#[tokio::test]
async fn t10_namesakes_hired_at_the_same_moment_get_different_names() {
    let mut company = Company::new().await;
    for n in 0..12 {
        let worker = format!("E{n}");
        company
            .world
            .post(Says::hires(&worker, ANA, "Engineering", "2026-03-02"))
            .await;
    }
    company.world.settle().await;
    let mut names: Vec<String> = company
        .dir
        .users()
        .into_iter()
        .map(|user| user.user_name)
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 12);
}

#[tokio::test]
async fn t20_an_address_reused_by_a_different_person_is_a_case() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ends("E1", "2026-03-10")).await;
    company.world.until("2026-03-20T09:00:00Z").await;
    let other = Says::hires("E9", ("Aurel", "Stan"), "Finance", "2026-03-20")
        .that("work_email", "ana.silva@example.com");
    company.world.hr(other).await;
    assert!(
        company.on_dir("E9").is_none(),
        "nobody gets a stranger's account"
    );
    assert_eq!(company.active("E1"), (false, false));
    let told = format!(
        "{:?}",
        company
            .world
            .seat("E9")
            .await
            .expect("an item")
            .record
            .findings
    );
    assert!(told.contains("Disputed"), "{told}");
}

/// The first post says the address and no name yet, as a post of changed fields may.
#[tokio::test]
async fn t20_an_address_alone_confirms_nothing() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ends("E1", "2026-03-10")).await;
    company.world.until("2026-03-20T09:00:00Z").await;
    let address = Says::about("E9").that("work_email", "ana.silva@example.com");
    company.world.hr(address).await;
    let linked = |seat: &ports::store::Seat| seat.record.records.len() > 1;
    assert!(!linked(&company.world.seat("E1").await.expect("an item")));
    let other = Says::hires("E9", ("Aurel", "Stan"), "Finance", "2026-03-20");
    company.world.hr(other).await;
    assert_eq!(company.active("E1"), (false, false));
    assert!(!linked(&company.world.seat("E1").await.expect("an item")));
    // Once the name is there and agrees, nobody has to be asked.
    let herself = Says::hires("E9", ANA, "Finance", "2026-03-20");
    company.world.hr(herself).await;
    assert!(linked(&company.world.seat("E1").await.expect("an item")));
    assert!(company.active("E1").0);
}

/// Whoever chooses the names of people chooses no account of a machine and none that is protected.
#[tokio::test]
async fn nobody_gets_the_name_of_an_account_that_policy_keeps() {
    let policy = policy_text().replacen(
        "protected = [\"root\"]",
        "protected = [\"directory.admin\"]",
        1,
    );
    let mut company = Company::with_policy(&policy).await;
    let machine = json!({ "userName": "svc-backup", "active": true });
    let machine = company.dir.insert_user(machine).expect("inserted");
    for (worker, names, name) in [
        ("E1", ("-", "svc-backup"), "svc-backup2"),
        ("E2", ("Directory", "Admin"), "directory.admin2"),
    ] {
        let hire = Says::hires(worker, names, "Engineering", "2026-03-02");
        company.world.hr(hire).await;
        let account = company.on_dir(worker).expect("an account");
        assert_eq!(account.user_name, name);
        company.world.hr(ends(worker, "2026-03-01")).await;
        assert_eq!(company.active(worker), (false, false));
    }
    let known = company.dir.user(&machine.id).expect("kept");
    assert_eq!((known.external_id, known.active), (None, true));
    // HR may not state one either.
    let stated = Says::hires("E3", ANA, "Engineering", "2026-03-02");
    let stated = stated.that("work_email", " Directory.Admin@example.com");
    company.world.hr(stated).await;
    assert!(company.on_dir("E3").is_none());
    let told = company.world.seat("E3").await.expect("an item").record;
    let told = format!("{:?}", told.findings);
    assert!(told.contains("NoIdentifier"), "{told}");
}

#[tokio::test]
async fn t21_two_people_at_once_with_one_address_are_a_case() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ana("E2", "2026-03-02")).await;
    assert_eq!(company.active("E1"), (true, true));
    assert!(company.on_dir("E2").is_none());
    // HR repairs the address.
    company
        .world
        .hr(Says::about("E2").that("work_email", "ana.silva-2@example.com"))
        .await;
    assert_eq!(company.active("E2"), (true, true));
    assert_eq!(company.dir.user_count(), 2);
}

#[tokio::test]
async fn a_disputed_record_is_asked_about_again_every_day() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ana("E2", "2026-03-02")).await;
    assert!(company.on_dir("E2").is_none());
    // The nudge that the ending sends gets lost.
    company.world.post(ends("E1", "2026-03-10")).await;
    company.world.settle().await;
    company
        .world
        .clock
        .set("2026-03-11T00:00:00Z".parse().expect("an instant"));
    let record = domain::RecordKey::from(&company.world.identity("E1"));
    company
        .world
        .planner
        .look(&record, contract::Cause::Due)
        .await
        .expect("decided");
    for (lane, _) in company.world.lanes.take_sent() {
        if lane == contract::Lane::Facts {
            let got = ports::queue::Queues::receive(
                &company.world.lanes,
                &lane,
                10,
                std::time::Duration::from_secs(30),
            );
            for one in got {
                ports::queue::Queues::delete(&company.world.lanes, &lane, one.receipt);
            }
        }
    }
    company.world.until("2026-03-12T12:00:00Z").await;
    assert_eq!(
        company.active("E1"),
        (true, true),
        "the other record is the same person's"
    );
}

#[tokio::test]
async fn t22_a_contractor_who_becomes_an_employee_keeps_the_account() {
    let mut company = Company::new().await;
    let contract = Says::contracts("C1", ANA, "2026-03-02", Some("2026-06-30"))
        .that("work_email", "ana.silva@example.com");
    company.world.hr(contract).await;
    assert_eq!(company.groups("C1"), ["contractors"]);
    let account = company.on_dir("C1").expect("an account");
    company.world.until("2026-04-01T09:00:00Z").await;
    company.world.hr(ana("E7", "2026-04-01")).await;
    assert_eq!(company.groups("C1"), ["editors", "readers", "staff"]);
    assert_eq!(company.on_dir("C1").expect("an account").id, account.id);
    assert!(company.on_dir("E7").is_none());
    // The end of the old contract ends nothing.
    company.world.until("2026-07-02T00:00:00Z").await;
    assert_eq!(company.active("C1"), (true, true));
}

#[tokio::test]
async fn t38_names_in_every_script_become_plain_identifiers() {
    let mut company = Company::new().await;
    let people = [
        ("E1", ("Jürgen", "Müßig"), "juergen.muessig"),
        ("E2", ("Nguyễn", "Thị Hồng"), "nguyen.thihong"),
        ("E3", ("O'Neil", "D’Arcy"), "oneil.darcy"),
        ("E4", ("محمد", "علي"), ""),
        ("E5", ("小明", "王"), ""),
        ("E6", ("Robert\"); DROP", "or userName pr"), ""),
        ("E7", ("\u{202e}Eve", "\u{200d}Li"), "eve.li"),
    ];
    for (worker, names, expected) in people {
        company
            .world
            .hr(Says::hires(worker, names, "Engineering", "2026-03-02"))
            .await;
        let account = company.on_dir(worker).expect("an account");
        if !expected.is_empty() {
            assert_eq!(account.user_name, expected);
        }
        assert!(account.user_name.is_ascii());
        assert_eq!(
            account.json["name"]["givenName"], names.0,
            "names are kept as they are"
        );
    }
    let night = company.world.night().await;
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
}
