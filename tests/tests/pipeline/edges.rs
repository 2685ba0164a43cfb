//! Edge cases between us and the targets: filters that say the wrong thing, pauses, late reads,
//! giant groups, a policy that changes under way.

use contract::Lane;
use jiff::{SignedDuration, Timestamp};
use ports::Clock as _;
use ports::queue::Queues as _;
use scim_target::{Fault, FaultKind, RetryAfter};
use serde_json::json;
use tests::world::{Company, Says, policy_text, unlimited};

const ANA: (&str, &str) = ("Ana", "Silva");
const BEN: (&str, &str) = ("Ben", "Okafor");

async fn with_ana_and_ben() -> Company {
    let mut company = Company::new().await;
    for (worker, names) in [("E1", ANA), ("E2", BEN)] {
        let hire = Says::hires(worker, names, "Engineering", "2026-03-02");
        company.world.hr(hire).await;
        assert_eq!(company.active(worker), (true, true));
    }
    company
}

fn under(company: Company, policy: &str) -> Company {
    let Company { world, dir, wiki } = company;
    let world = world.restarted(policy);
    Company { world, dir, wiki }
}

fn dir_scope(scope: &str) -> String {
    let policy = policy_text();
    let scoped = policy.replacen(
        "account_for = \"scope\"",
        &format!("account_for = \"scope\"\nscope = {scope}"),
        1,
    );
    assert_ne!(scoped, policy);
    scoped
}

#[tokio::test]
async fn t16_a_filter_that_was_wrong_for_a_night_costs_nobody_the_account() {
    // A word that no worker can have is refused before it is a policy.
    let unknown = dir_scope("{ department = \"Enginering\" }");
    let errors = policy::load_files([("company.toml".to_owned(), unknown)]);
    let said = errors.expect_err("refused").render();
    assert!(said.contains("never `Enginering`"), "{said}");
    // A word that exists, and is the wrong one.
    let company = with_ana_and_ben().await;
    let ids = ["E1", "E2"].map(|worker| company.on_dir(worker).expect("an account").id);
    let company = under(company, &dir_scope("{ department = \"Sales\" }"));
    company.world.night().await;
    for (worker, id) in ["E1", "E2"].iter().zip(&ids) {
        let account = company.on_dir(worker).expect("kept");
        assert_eq!(&account.id, id, "blocked at most, never deleted");
        assert!(
            company.active(worker).1,
            "the other target is not concerned"
        );
    }
    company
        .world
        .pass(SignedDuration::from_hours(24 * 90))
        .await;
    // Put right: everything is as it was, in the same accounts.
    let company = under(company, &policy_text());
    company.world.night().await;
    for (worker, id) in ["E1", "E2"].iter().zip(&ids) {
        assert_eq!(&company.on_dir(worker).expect("kept").id, id);
        assert_eq!(company.active(worker), (true, true));
        assert_eq!(company.groups(worker), ["editors", "readers", "staff"]);
    }
    company.reset_calls();
    company.world.night().await;
    assert_eq!(company.target_writes(), 0);
}

#[tokio::test]
async fn t16_a_filter_that_is_too_wide_makes_accounts_and_takes_them_back() {
    let company = Company::with_policy(&dir_scope("{ department = \"Sales\" }")).await;
    let mut company = company;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    assert!(company.on_dir("E1").is_none());
    let company = under(company, &policy_text());
    company.world.night().await;
    assert_eq!(company.active("E1"), (true, true));
    let company = under(company, &dir_scope("{ department = \"Sales\" }"));
    company.world.night().await;
    assert_eq!(company.active("E1"), (false, true));
    assert_eq!(company.groups("E1"), ["editors", "readers"]);
}

fn ending_now(worker: &str) -> Says {
    Says::about(worker)
        .that("worker_status", "terminated")
        .that("end_date", "2026-03-02")
        .that("end_mode", "now")
}

fn hour_long() -> Fault {
    Fault::TooManyRequests {
        retry_after: RetryAfter::Seconds(3_600),
    }
}

#[tokio::test]
async fn t29_a_termination_overtakes_an_hour_of_429() {
    let mut company = with_ana_and_ben().await;
    let dir = Lane::Target("dir".into());
    let begun = company.world.clock.now();
    company.dir.faults().add(hour_long().once());
    let renamed = Says::about("E1").that("title", "Lead");
    company.world.post(renamed).await;
    company.world.work(&Lane::Facts).await;
    company.world.work(&dir).await;
    assert_eq!(company.dir.faults().fired(FaultKind::TooManyRequests), 1);
    // The target is left alone for an hour, but for endings.
    company.world.post(ending_now("E2")).await;
    company.world.work(&Lane::Facts).await;
    company.world.work(&Lane::Terminations).await;
    assert!(!company.on_dir("E2").expect("an account").active);
    assert_eq!(company.world.clock.now(), begun, "at once");
    let title = |company: &Company| {
        company
            .on_dir("E1")
            .expect("an account")
            .json
            .get("title")
            .cloned()
    };
    assert_eq!(title(&company), None);
    company.world.settle().await;
    assert_eq!(title(&company), Some("Lead".into()));
    assert!(company.world.clock.now() >= begun + SignedDuration::from_hours(1));
}

#[tokio::test]
async fn t29_a_termination_that_is_throttled_too_arrives_when_the_hour_is_over() {
    let mut company = with_ana_and_ben().await;
    let begun: Timestamp = company.world.clock.now();
    company.dir.faults().add(hour_long().always());
    company.world.post(ending_now("E2")).await;
    let over = begun + SignedDuration::from_hours(1);
    while company.world.clock.now() < over {
        for lane in company.world.all_lanes() {
            company.world.work(&lane).await;
        }
        company.world.nudge().await;
        company
            .world
            .clock
            .advance(std::time::Duration::from_mins(1));
    }
    let asked = company.dir.faults().fired(FaultKind::TooManyRequests);
    assert!((1..=120).contains(&asked), "{asked} requests in an hour");
    assert_eq!(
        company.active("E2"),
        (true, false),
        "wiki does not wait for dir"
    );
    company.dir.faults().clear();
    company.world.tick().await;
    assert_eq!(company.active("E2"), (false, false));
    assert_eq!(company.groups("E2"), [""; 0]);
    for lane in company.world.all_lanes() {
        assert!(
            company.world.lanes.dead_letters(&lane).is_empty(),
            "nothing is given up"
        );
    }
}

#[tokio::test]
async fn t31_a_user_who_can_be_read_only_seconds_after_creation_is_made_once() {
    let mut company = Company::new().await;
    for server in [&company.dir, &company.wiki] {
        server
            .faults()
            .add(Fault::ReadAfterCreate { misses: 3 }.always());
    }
    for (worker, names) in [("E1", ANA), ("E2", BEN)] {
        let hire = Says::hires(worker, names, "Engineering", "2026-03-02");
        company.world.hr(hire).await;
    }
    for worker in ["E1", "E2"] {
        assert_eq!(company.active(worker), (true, true));
        assert_eq!(company.groups(worker), ["editors", "readers", "staff"]);
    }
    // The first read is the look back at a block.
    company.world.hr(ending_now("E1")).await;
    assert!(company.dir.faults().fired(FaultKind::ReadAfterCreate) > 0);
    assert_eq!(
        (company.dir.user_count(), company.wiki.user_count()),
        (2, 2)
    );
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(company.groups("E1"), [""; 0]);
    assert_eq!(company.active("E2"), (true, true));
    // And a return finds the account.
    let returns = Says::about("E1").that("worker_status", "active");
    let returns = returns.not("end_date").not("end_mode");
    company.world.hr(returns).await;
    assert_eq!(company.active("E1"), (true, true));
    let calls = company.dir.calls();
    assert_eq!(calls.user_post, 2, "never made a second time");
    company.world.night().await;
    assert_eq!(
        (company.dir.user_count(), company.wiki.user_count()),
        (2, 2)
    );
}

#[tokio::test]
async fn t33_a_group_with_twenty_thousand_members_loses_and_gains_single_ones() {
    const OTHERS: usize = 20_000;
    let mut company = Company::new().await;
    let staff = company.dir.group_by_display_name("staff").expect("a group");
    let members: Vec<_> = (0..OTHERS)
        .map(|n| {
            let user = json!({ "userName": format!("native{n}"), "active": true });
            let user = company.dir.insert_user(user).expect("inserted");
            json!({ "value": user.id })
        })
        .collect();
    company
        .dir
        .update_group(&staff.id, json!({ "members": members }))
        .expect("filled");
    let members = |company: &Company| company.dir.group(&staff.id).expect("a group").members.len();
    assert_eq!(members(&company), OTHERS);
    company.reset_calls();
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    assert_eq!(members(&company), OTHERS + 1);
    let moves = Says::about("E1").that("employment_type", "contractor");
    company.world.hr(moves.that("end_date", "2026-12-31")).await;
    assert_eq!(company.groups("E1"), ["contractors"]);
    assert_eq!(members(&company), OTHERS);
    company
        .world
        .hr(Says::about("E1").that("employment_type", "employee"))
        .await;
    assert_eq!(members(&company), OTHERS + 1);
    company.world.hr(ending_now("E1")).await;
    assert_eq!(members(&company), OTHERS);
    let calls = company.dir.calls();
    assert_eq!(calls.group_put, 0, "never the whole list");
    assert!(
        calls.total() < 60,
        "{} requests for four small changes",
        calls.total()
    );
}

/// The suite's policy where engineers are approvers and nothing else.
fn other_rules() -> String {
    let policy = policy_text();
    let other = policy.replacen(
        "includes = [\"base\"]\nentitlements = [\"editors\"]",
        "includes = [\"base\"]\nentitlements = [\"approvers\"]",
        1,
    );
    assert_ne!(other, policy);
    other
}

#[tokio::test]
async fn t36_a_new_rule_set_while_the_old_plan_is_in_flight() {
    const OLD: [&str; 3] = ["editors", "readers", "staff"];
    const NEW: [&str; 3] = ["approvers", "readers", "staff"];
    // How many steps of the old plan are done when the planner is deployed anew.
    for done in 0..4 {
        let company = Company::new().await;
        let mut company = company;
        let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
        company.world.post(hire).await;
        let targets = ["dir", "wiki"].map(|name| Lane::Target(name.into()));
        let steps = [Lane::Facts, targets[0].clone(), targets[1].clone()];
        for lane in steps.iter().take(done) {
            company.world.work(lane).await;
        }
        let mut company = under(company, &other_rules());
        // What was in flight is carried out under one plan: the old or the new, never both.
        company.world.settle().await;
        let groups = company.groups("E1");
        assert!(groups == OLD || groups == NEW, "{done}: {groups:?}");
        company.world.night().await;
        assert_eq!(company.groups("E1"), NEW, "{done}");
        // A message of the old plan that comes late is nothing.
        let seat = company.world.seat("E1").await.expect("an item");
        assert!(seat.owed.is_empty());
        company.reset_calls();
        company
            .world
            .hr(Says::about("E1").that("department", "Eng"))
            .await;
        company.world.night().await;
        assert_eq!(company.target_writes(), 0, "{done}");
        assert_eq!(company.dir.user_count(), 1);
        // And back again.
        let company = under(company, &policy_text());
        company.world.night().await;
        assert_eq!(company.groups("E1"), OLD, "{done}");
    }
}

#[tokio::test]
async fn t39_a_manager_who_leaves_first_at_several_targets() {
    const MANAGER: &str =
        "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value";
    let policy = policy_text()
        + "\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value\" = { manager = true }\n";
    let mut company = Company::with_policy(&unlimited(&policy)).await;
    let boss = Says::hires("M1", BEN, "Engineering", "2026-03-02");
    company.world.hr(boss).await;
    let next = Says::hires("M2", ("Cy", "Young"), "Engineering", "2026-03-02");
    company.world.hr(next).await;
    for (n, worker) in [(1, "E1"), (2, "E2"), (3, "E3")] {
        let given = format!("Ana{n}");
        let hire = Says::hires(worker, (&given, "Silva"), "Engineering", "2026-03-02");
        company.world.hr(hire.that("manager_id", "M1")).await;
    }
    let managers = |company: &Company, worker: &str| {
        [company.on_dir(worker), company.on_wiki(worker)]
            .map(|user| user.expect("an account").json.pointer(MANAGER).cloned())
    };
    let accounts = |company: &Company, worker: &str| {
        [company.on_dir(worker), company.on_wiki(worker)]
            .map(|user| Some(user.expect("an account").id.into()))
    };
    let boss = accounts(&company, "M1");
    company.world.hr(ending_now("M1")).await;
    assert_eq!(company.active("M1"), (false, false));
    company.world.night().await;
    for worker in ["E1", "E2", "E3"] {
        assert_eq!(company.active(worker), (true, true));
        assert_eq!(
            managers(&company, worker),
            boss,
            "until HR names another one"
        );
    }
    company
        .world
        .hr(Says::about("E1").that("manager_id", "M2"))
        .await;
    company.world.hr(Says::about("E2").not("manager_id")).await;
    assert_eq!(managers(&company, "E1"), accounts(&company, "M2"));
    assert_eq!(managers(&company, "E2"), [None, None]);
    assert_eq!(managers(&company, "E3"), boss);
    company.world.hr(ending_now("E3")).await;
    assert_eq!(company.active("E3"), (false, false));
}
