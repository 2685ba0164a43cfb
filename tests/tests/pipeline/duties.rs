//! Separation of duties across two targets: each connector sees one of them alone, and at no time
//! does anybody hold both sides. Within one target, a removal that a limit holds keeps the other
//! side, and the other tier, from coming.

use domain::{EntitlementId, TargetId};
use jiff::SignedDuration;
use lanyard::holds::{Answer, Chosen, Holds, List, Request};
use lanyard::preview::explain;
use planner::Previewed;
use ports::Cases as _;
use ports::cases::Which;
use tests::world::{Company, Says, policy_text};

const ANA: (&str, &str) = ("Ana", "Silva");
const A_MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// A limit that lets nothing through.
const NOTHING: &str = "revoke = { floor = 0, percent = 0, ceiling = 1000 }";
/// The limit of both targets in the suite's policy.
const USUAL: &str = "revoke = { floor = 20, percent = 50, ceiling = 100 }";

/// Clerks are on `dir`, approvers on `wiki`.
fn across() -> String {
    let text = policy_text();
    let (dir, wiki) = (
        "[entitlements.approvers]\ntarget = \"dir\"",
        "[entitlements.approvers]\ntarget = \"wiki\"",
    );
    assert!(text.contains(dir));
    text.replace(dir, wiki)
}

async fn company(text: &str) -> Company {
    let company = Company::with_policy(text).await;
    company.wiki.add_group("approvers").expect("a group");
    company
}

fn hired(department: &str) -> Says {
    Says::hires("E1", ANA, department, "2026-03-02")
}

fn moves(department: &str) -> Says {
    Says::about("E1").that("department", department)
}

/// What `lanyard explain` says about one entitlement.
async fn told(company: &Company, entitlement: &str) -> String {
    let world = &company.world;
    let record = domain::RecordKey::from(&world.identity("E1"));
    let person = world.planner.person(&record).await.expect("a read");
    let preview = world.planner.preview(person.expect("somebody")).await;
    let Ok(Previewed::Decision(preview)) = preview else {
        panic!("no plan")
    };
    let entitlement = EntitlementId::from(entitlement);
    explain(&world.policy, &preview, Some(&entitlement)).text()
}

async fn answer(company: &Company, request: Request) -> Answer {
    let world = &company.world;
    let policy = world.policy.policy.clone();
    let holds = Holds::new(&world.store, &world.lanes, &world.clock, policy);
    holds.answer(&request).await.expect("an answer")
}

async fn approve(company: &Company, target: &str) {
    let chosen = || Chosen {
        target: target.into(),
        scope: "revoke".parse().expect("a scope"),
        only: std::collections::BTreeSet::new(),
    };
    let Answer::List(List { hash, .. }) = answer(company, Request::Show(chosen())).await else {
        panic!("no list")
    };
    let approve = Request::Approve {
        chosen: chosen(),
        list: hash,
        by: "ida".into(),
    };
    answer(company, approve).await;
}

#[tokio::test]
async fn the_side_on_the_other_target_goes_before_this_one_comes() {
    let mut company = company(&across()).await;
    company.world.hr(hired("Treasury")).await;
    assert_eq!(company.groups("E1"), ["approvers", "readers", "staff"]);
    // The connector of `dir` comes first, and lets everything else through.
    company.dir.reset_calls();
    company
        .world
        .hr(moves("Finance").that("title", "Clerk"))
        .await;
    assert_eq!(company.groups("E1"), ["readers", "staff"]);
    let on_dir = company.on_dir("E1").expect("an account");
    assert_eq!(on_dir.json["title"], "Clerk");
    let seat = company.world.seat("E1").await.expect("an item");
    assert_eq!(
        seat.owed.keys().map(TargetId::as_str).collect::<Vec<_>>(),
        ["dir"]
    );
    let told = told(&company, "payables").await;
    let waits = "waits: `payables` is not given before `approvers` is gone";
    assert!(told.contains(waits), "{told}");
    // The removal woke the clock.
    company.world.pass(A_MINUTE).await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
    let seat = company.world.seat("E1").await.expect("an item");
    assert!(seat.owed.is_empty());
    assert!(seat.accounts["dir"].waiting.is_empty());
    company.reset_calls();
    company.world.night().await;
    assert_eq!(company.target_writes(), 0);
    // And back.
    company.world.hr(moves("Treasury")).await;
    assert_eq!(company.groups("E1"), ["approvers", "readers", "staff"]);
}

#[tokio::test]
async fn what_waits_costs_no_request_and_no_write() {
    let mut company = company(&across().replace(USUAL, NOTHING)).await;
    company.world.hr(hired("Treasury")).await;
    company.world.hr(moves("Finance")).await;
    company.world.pass(SignedDuration::from_mins(5)).await;
    company.reset_calls();
    let before = company.world.store.requests();
    company.world.pass(SignedDuration::from_hours(12)).await;
    assert_eq!(company.target_calls(), 0);
    let after = company.world.store.requests();
    // Asked for again once an hour: the clock's look moves, nothing else is written.
    let writes = after.write_requests() - before.write_requests();
    assert!((11..=13).contains(&writes), "{writes} writes");
    assert_eq!(company.groups("E1"), ["approvers", "readers", "staff"]);
}

#[tokio::test]
async fn a_removal_that_a_limit_holds_keeps_the_other_target_waiting_until_it_is_approved() {
    let mut company = company(&across().replace(USUAL, NOTHING)).await;
    company.world.hr(hired("Treasury")).await;
    company.world.hr(moves("Finance")).await;
    for _ in 0..3 {
        company.world.pass(SignedDuration::from_hours(24)).await;
        company.world.night().await;
        assert_eq!(company.groups("E1"), ["approvers", "readers", "staff"]);
    }
    approve(&company, "wiki").await;
    company.world.settle().await;
    assert_eq!(company.groups("E1"), ["readers", "staff"]);
    company.world.pass(A_MINUTE).await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
}

#[tokio::test]
async fn a_target_that_is_down_keeps_the_other_waiting_until_it_is_back() {
    let mut company = company(&across()).await;
    company.world.hr(hired("Treasury")).await;
    let down = scim_target::Fault::Status { code: 503 };
    company.wiki.faults().add(down.always());
    company.world.post(moves("Finance")).await;
    company.world.pass(SignedDuration::from_mins(30)).await;
    assert_eq!(company.on_dir("E1").expect("an account").groups, ["staff"]);
    company.wiki.faults().clear();
    company.world.pass(SignedDuration::from_hours(2)).await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
}

#[tokio::test]
async fn whoever_moves_back_meanwhile_never_had_both() {
    let mut company = company(&across().replace(USUAL, NOTHING)).await;
    company.world.hr(hired("Treasury")).await;
    company.world.hr(moves("Finance")).await;
    company.world.hr(moves("Treasury")).await;
    company.world.pass(SignedDuration::from_hours(3)).await;
    assert_eq!(company.groups("E1"), ["approvers", "readers", "staff"]);
    let seat = company.world.seat("E1").await.expect("an item");
    assert!(seat.owed.is_empty());
    assert!(seat.accounts["dir"].waiting.is_empty());
}

#[tokio::test]
async fn work_by_hand_is_not_asked_for_before_the_other_side_is_gone() {
    let doors = r#"
[targets.doors]
mode = "enforce"
kind = "manual"
owner = "facilities"
due_days = 5
account_for = "entitled"
attributes = { userName = { identifier = "user_name" } }

[entitlements.vault]
target = "doors"

[roles.vault]
entitlements = ["vault"]

[[rules]]
id = "vault"
when = { department = "Treasury" }
roles = ["vault"]

[sod.vault-and-payables]
left = ["vault"]
right = ["payables"]
"#;
    let text = policy_text() + doors;
    let mut company = company(&text.replace(USUAL, NOTHING)).await;
    company.world.hr(hired("Finance")).await;
    company.world.hr(moves("Treasury")).await;
    let tasks = async |company: &Company| -> Vec<String> {
        let open = company.world.store.tasks(Which::Open).await.expect("tasks");
        let steps = open.iter().flat_map(|task| task.steps.iter());
        steps.map(ToString::to_string).collect()
    };
    assert_eq!(
        tasks(&company).await,
        ["make an account, with userName"],
        "the vault waits for the hold on `payables`"
    );
    approve(&company, "dir").await;
    company.world.settle().await;
    company.world.pass(A_MINUTE).await;
    assert_eq!(
        tasks(&company).await,
        ["make an account, with userName", "give `vault`"]
    );
}

#[tokio::test]
async fn a_removal_that_a_limit_holds_keeps_the_other_side_waiting_and_explains_it() {
    let mut company = company(&policy_text().replace(USUAL, NOTHING)).await;
    company.world.hr(hired("Finance")).await;
    company.world.hr(moves("Treasury")).await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
    let seat = company.world.seat("E1").await.expect("an item");
    assert!(seat.owed.is_empty(), "the release of the hold asks again");
    let told = told(&company, "approvers").await;
    let waits = "waits: `approvers` is not given before `payables` is gone";
    assert!(told.contains(waits), "{told}");
    assert!(
        told.contains("revoke of `payables` waits for the limit `revoke`"),
        "{told}"
    );
    approve(&company, "dir").await;
    company.world.settle().await;
    assert_eq!(company.groups("E1"), ["approvers", "readers", "staff"]);
    let seat = company.world.seat("E1").await.expect("an item");
    assert!(seat.accounts["dir"].waiting.is_empty());
}

#[tokio::test]
async fn a_tier_that_a_limit_holds_keeps_the_other_tier_waiting() {
    let tiers = r#"
[entitlements.owners]
target = "wiki"

[roles.owner]
entitlements = ["owners"]

[[rules]]
id = "owner"
when = { title = "Lead" }
roles = ["owner"]

[tiers.wiki]
entitlements = ["editors", "owners"]
"#;
    let text = policy_text().replace(USUAL, NOTHING) + tiers;
    let mut company = company(&text).await;
    company.wiki.add_group("owners").expect("a group");
    company.world.hr(hired("Engineering")).await;
    let title = Says::about("E1").that("title", "Lead");
    company.world.hr(title).await;
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    let told = told(&company, "owners").await;
    let waits = "waits: `owners` is not given before `editors` is gone";
    assert!(told.contains(waits), "{told}");
    approve(&company, "wiki").await;
    company.world.settle().await;
    assert_eq!(company.groups("E1"), ["owners", "readers", "staff"]);
}

#[tokio::test]
async fn what_waits_here_for_a_limit_and_there_for_a_removal_is_all_on_record() {
    // `contractors` goes from `dir`, `approvers` from `wiki`; `payables` waits for the latter.
    let mut company = company(&across().replace(USUAL, NOTHING)).await;
    let contract = Says::contracts("E1", ANA, "2026-03-02", Some("2026-12-31"));
    company
        .world
        .hr(contract.that("department", "Treasury"))
        .await;
    assert_eq!(company.groups("E1"), ["approvers", "contractors"]);
    let moves = moves("Finance").that("employment_type", "employee");
    company.world.hr(moves).await;
    assert_eq!(
        company.groups("E1"),
        ["approvers", "contractors", "readers", "staff"]
    );
    let seat = company.world.seat("E1").await.expect("an item");
    let account = &seat.accounts["dir"];
    assert!(account.held.is_some(), "the hold has its line");
    assert!(account.waiting.contains_key("payables"));
    approve(&company, "dir").await;
    company.world.settle().await;
    assert_eq!(
        company.groups("E1"),
        ["approvers", "readers", "staff"],
        "what is approved goes on"
    );
    approve(&company, "wiki").await;
    company.world.settle().await;
    company.world.pass(A_MINUTE).await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
    let seat = company.world.seat("E1").await.expect("an item");
    assert!(seat.owed.is_empty() && seat.accounts["dir"].held.is_none());
}
