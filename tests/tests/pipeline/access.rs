//! Access over time: overlaps after a move, what lapses, tiers, nested groups, separation of duties,
//! the last holders, pilots.

use jiff::{SignedDuration, Timestamp};
use ports::Objects;
use tests::world::{Company, Says, policy_text};

const ANA: (&str, &str) = ("Ana", "Silva");
const BEN: (&str, &str) = ("Ben", "Okafor");
/// After which the night tries again what a target refused.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// The suite's policy with other lines, and more.
fn policy(replace: &[(&str, &str)], more: &str) -> String {
    let mut text = policy_text();
    for (line, other) in replace {
        assert!(text.contains(line), "{line}");
        text = text.replace(line, other);
    }
    text + more
}

/// A company with more groups on `dir` and on `wiki`.
async fn company(text: &str, dir: &[&str], wiki: &[&str]) -> Company {
    let company = Company::with_policy(text).await;
    for group in dir {
        company.dir.add_group(group).expect("a group");
    }
    for group in wiki {
        company.wiki.add_group(group).expect("a group");
    }
    company
}

/// The groups of `server` whose members were changed, in order.
fn patched(server: &scim_target::ScimTarget) -> Vec<String> {
    let groups = server.groups();
    let requests = server.log().into_iter();
    requests
        .filter(|request| request.method == "PATCH" && request.template.contains("Groups"))
        .filter_map(|request| {
            let group = groups
                .iter()
                .find(|group| request.path.contains(&group.id))?;
            Some(group.display_name.clone())
        })
        .collect()
}

/// A night, and the rows of its report.
async fn report(company: &Company) -> String {
    let night = company.world.night().await;
    let run = night.manifest.summary.run;
    let keys = company.world.objects.list("reports/v1/").await;
    let keys = keys.expect("a list");
    let of_run = |key: &&String| key.contains(&*run) && key.ends_with("findings.csv");
    let key = keys.iter().find(of_run).expect("a report");
    let body = company.world.objects.get(key).await.expect("an answer");
    String::from_utf8(body.expect("a body").to_vec()).expect("text")
}

#[tokio::test]
async fn t03_a_transfer_keeps_the_old_access_for_its_days() {
    let text = policy(
        &[(
            "[roles.engineering]\n",
            "[roles.engineering]\noverlap_days = 14\n",
        )],
        "",
    );
    let mut company = company(&text, &[], &[]).await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    company.world.until("2026-03-10T09:00:00Z").await;
    let moves = || {
        Says::about("E1")
            .that("department", "Finance")
            .from("2026-03-10")
    };
    company.world.hr(moves()).await;
    let both = ["editors", "payables", "readers", "staff"];
    assert_eq!(company.groups("E1"), both);
    // Planned again, said again, and changed otherwise: the days run on.
    company.world.until("2026-03-20T09:00:00Z").await;
    company.world.hr(moves()).await;
    let title = Says::about("E1").that("title", "Clerk");
    company.world.hr(title.from("2026-03-20")).await;
    company.world.night().await;
    assert_eq!(company.groups("E1"), both);
    // Fourteen days from the midnight of the tenth in Lisbon.
    company.world.until("2026-03-23T23:59:59Z").await;
    assert_eq!(company.groups("E1"), both);
    company.world.until("2026-03-24T00:00:00Z").await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
    company.reset_calls();
    company.world.night().await;
    assert_eq!(company.target_writes(), 0);
}

#[tokio::test]
async fn t06_a_transfer_that_is_reported_late_keeps_what_is_left_of_the_days() {
    let text = policy(
        &[(
            "[roles.engineering]\n",
            "[roles.engineering]\noverlap_days = 14\n",
        )],
        "",
    );
    let mut company = company(&text, &[], &[]).await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    let moves = |day: &str| Says::about("E1").that("department", "Finance").from(day);
    company.world.until("2026-03-22T09:00:00Z").await;
    company.world.hr(moves("2026-03-10")).await;
    assert_eq!(
        company.groups("E1"),
        ["editors", "payables", "readers", "staff"]
    );
    company.world.until("2026-03-24T00:00:00Z").await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
}

#[tokio::test]
async fn an_overlap_ends_with_the_leaver() {
    let text = policy(
        &[(
            "[roles.engineering]\n",
            "[roles.engineering]\noverlap_days = 14\n",
        )],
        "",
    );
    let mut company = company(&text, &[], &[]).await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    company.world.until("2026-03-10T09:00:00Z").await;
    let moves = Says::about("E1").that("department", "Finance");
    company.world.hr(moves.from("2026-03-10")).await;
    let leaves = Says::about("E1")
        .that("worker_status", "terminated")
        .that("end_mode", "now")
        .from("2026-03-10T10:00:00Z");
    company.world.until("2026-03-10T10:00:00Z").await;
    company.world.hr(leaves).await;
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(company.groups("E1"), [""; 0]);
}

/// Editors below publishers below owners.
const TIERS: &str = r#"
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

#[tokio::test]
async fn a_tier_is_swapped_without_a_gap() {
    let mut company = company(&policy(&[], TIERS), &[], &["owners"]).await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    company.wiki.reset_calls();
    let title = |title: &str| Says::about("E1").that("title", title);
    company.world.hr(title("Lead")).await;
    assert_eq!(company.groups("E1"), ["owners", "readers", "staff"]);
    assert_eq!(
        patched(&company.wiki),
        ["owners", "editors"],
        "the new first"
    );
    company.wiki.reset_calls();
    company.world.hr(title("Engineer")).await;
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    assert_eq!(patched(&company.wiki), ["editors", "owners"]);
    company.reset_calls();
    company.world.night().await;
    assert_eq!(company.target_writes(), 0);
}

#[tokio::test]
async fn a_tier_that_the_target_refuses_leaves_the_old_one() {
    // There is no group `owners`.
    let mut company = company(&policy(&[], TIERS), &[], &[]).await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    let title = Says::about("E1").that("title", "Lead");
    company.world.hr(title).await;
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    let seat = company.world.seat_at("E1", "wiki").await.expect("an item");
    let account = &seat.accounts["wiki"];
    assert!(account.parked.is_some(), "it waits for a human");
    assert!(account.grants.contains("editors"));
    // Once the group is there, the night brings it about.
    company.wiki.add_group("owners").expect("a group");
    company.world.pass(A_DAY).await;
    company.world.night().await;
    assert_eq!(company.groups("E1"), ["owners", "readers", "staff"]);
}

#[tokio::test]
async fn where_duties_keep_tiers_apart_the_old_goes_first() {
    let apart = "\n[sod.tiers]\nleft = [\"editors\"]\nright = [\"owners\"]\n";
    let text = policy(&[], &format!("{TIERS}{apart}"));
    let mut company = company(&text, &[], &["owners"]).await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    company.wiki.reset_calls();
    let moves = Says::about("E1")
        .that("department", "Sales")
        .that("title", "Lead");
    company.world.hr(moves).await;
    assert_eq!(company.groups("E1"), ["owners", "readers", "staff"]);
    assert_eq!(patched(&company.wiki), ["editors", "owners"]);
}

#[tokio::test]
async fn t15_a_nested_group_change_moves_control_to_the_child() {
    // The directory nests its group `payables` in `staff`, and then policy says so.
    let mut company = Company::new().await;
    let hire = Says::hires("E1", ANA, "Finance", "2026-03-02");
    company.world.hr(hire).await;
    let hire = Says::hires("E2", BEN, "Sales", "2026-03-02");
    company.world.hr(hire).await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
    let nested = policy(
        &[(
            "[entitlements.payables]\n",
            "[entitlements.payables]\nwithin = [\"staff\"]\n",
        )],
        "",
    );
    let Company { world, dir, wiki } = company;
    let mut company = Company {
        world: world.restarted(&nested),
        dir,
        wiki,
    };
    company.world.night().await;
    assert_eq!(
        company.groups("E1"),
        ["payables", "readers"],
        "through the child"
    );
    assert_eq!(company.groups("E2"), ["readers", "staff"], "directly");
    // Leaving the child is leaving what it brought along, and what stands for itself comes first.
    company.dir.reset_calls();
    let moves = Says::about("E1").that("department", "Sales");
    company.world.hr(moves).await;
    assert_eq!(company.groups("E1"), ["readers", "staff"]);
    assert_eq!(patched(&company.dir), ["staff", "payables"]);
    // And back, the child before the parent goes.
    company.dir.reset_calls();
    let moves = Says::about("E1").that("department", "Finance");
    company.world.hr(moves).await;
    assert_eq!(company.groups("E1"), ["payables", "readers"]);
    assert_eq!(patched(&company.dir), ["payables", "staff"]);
    let Company { world, dir, wiki } = company;
    let company = Company {
        world: world.restarted(&policy_text()),
        dir,
        wiki,
    };
    company.world.night().await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
    company.reset_calls();
    company.world.night().await;
    assert_eq!(company.target_writes(), 0);
}

#[tokio::test]
async fn what_a_nested_group_brings_along_counts_for_separation() {
    let text = policy(
        &[],
        r#"
[entitlements.treasurers]
target = "dir"
within = ["approvers"]

[roles.treasurer]
entitlements = ["treasurers"]

[[rules]]
id = "treasurer"
when = { title = "Treasurer" }
roles = ["treasurer"]
"#,
    );
    let mut company = company(&text, &["treasurers"], &[]).await;
    let hire = Says::hires("E1", ANA, "Finance", "2026-03-02").that("title", "Treasurer");
    company.world.hr(hire).await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
    let findings = company
        .world
        .seat("E1")
        .await
        .expect("an item")
        .record
        .findings;
    assert!(
        findings.contains(&domain::Finding::SodConflict {
            pair: "payables-and-approval".into(),
            withheld: "treasurers".into(),
        }),
        "{findings:?}"
    );
}

#[tokio::test]
async fn detective_separation_reports_and_the_night_names_it() {
    let text = policy(
        &[(
            "[sod.payables-and-approval]\n",
            "[sod.payables-and-approval]\nmode = \"detective\"\n",
        )],
        "",
    );
    let mut company = company(&text, &[], &[]).await;
    let both = Says::hires("E1", ANA, "Finance", "2026-03-02").that("team", "Approvals");
    company.world.hr(both).await;
    assert_eq!(
        company.groups("E1"),
        ["approvers", "payables", "readers", "staff"]
    );
    let findings = company
        .world
        .seat("E1")
        .await
        .expect("an item")
        .record
        .findings;
    assert!(
        findings.contains(&domain::Finding::SodHeld {
            pair: "payables-and-approval".into(),
            held: vec!["payables".into(), "approvers".into()],
        }),
        "{findings:?}"
    );
    let hire = Says::hires("E2", BEN, "Finance", "2026-03-02");
    company.world.hr(hire).await;
    let ben = company.on_dir("E2").expect("an account");
    let approvers = company.dir.group_by_display_name("approvers");
    let id = approvers.expect("a group").id;
    assert!(company.dir.add_member(&id, &ben.id).expect("added"));
    let report = report(&company).await;
    let named: Vec<&str> = report
        .lines()
        .filter(|line| line.contains("it breaks SoD `payables-and-approval`"))
        .collect();
    assert_eq!(named.len(), 1, "{report}");
    assert!(
        named[0].contains("O6") && named[0].contains("high"),
        "{}",
        named[0]
    );
}

#[tokio::test]
async fn an_exception_from_separation_lapses_by_itself() {
    let text = policy(
        &[],
        r#"
[[sod.payables-and-approval.exceptions]]
source = "hr"
worker = "E1"
until = 2026-03-10T18:00:00Z
by = "security-officer"
reason = "the end of the quarter"
"#,
    );
    let mut company = company(&text, &[], &[]).await;
    for (worker, names) in [("E1", ANA), ("E2", BEN)] {
        let both = Says::hires(worker, names, "Finance", "2026-03-02").that("team", "Approvals");
        company.world.hr(both).await;
    }
    let both = ["approvers", "payables", "readers", "staff"];
    assert_eq!(company.groups("E1"), both);
    assert_eq!(company.groups("E2"), ["payables", "readers", "staff"]);
    company.world.until("2026-03-10T17:59:59Z").await;
    assert_eq!(company.groups("E1"), both);
    company.world.until("2026-03-10T18:00:00Z").await;
    assert_eq!(company.groups("E1"), ["payables", "readers", "staff"]);
}

#[tokio::test]
async fn t35_the_last_administrator_stays() {
    let text = policy(
        &[(
            "[entitlements.approvers]\n",
            "[entitlements.approvers]\nrequired_holders = 1\n",
        )],
        "",
    );
    let mut company = company(&text, &[], &[]).await;
    for (worker, names) in [("E1", ANA), ("E2", BEN)] {
        let hire = Says::hires(worker, names, "Treasury", "2026-03-02");
        company.world.hr(hire).await;
    }
    let in_group =
        |company: &Company, worker: &str| company.groups(worker).contains(&"approvers".to_owned());
    // The first of two goes as everybody goes.
    company.world.hr(Says::deletes("E1")).await;
    assert_eq!(company.active("E1"), (false, false));
    assert!(!in_group(&company, "E1"));
    // The last one's sign-in is blocked, and the membership waits for a human.
    company.world.hr(Says::deletes("E2")).await;
    assert_eq!(company.active("E2"), (false, false));
    assert!(in_group(&company, "E2"));
    let parked = async |company: &Company| {
        let seat = company.world.seat("E2").await.expect("an item");
        seat.accounts["dir"].parked.clone()
    };
    let why = parked(&company).await.expect("a reason");
    assert!(why.contains("`approvers` needs 1 holders"), "{why}");
    company.world.pass(A_DAY).await;
    company.world.night().await;
    assert!(in_group(&company, "E2"), "nor does the night take it");
    // A blocked account does not count: somebody who can sign in has to take over.
    let hire = Says::hires("E3", ("Chi", "Tanaka"), "Treasury", "2026-03-02");
    company.world.hr(hire).await;
    company.world.pass(A_DAY).await;
    company.world.night().await;
    assert!(!in_group(&company, "E2"));
    assert!(in_group(&company, "E3"));
    assert_eq!(parked(&company).await, None);
    // A mover is no other case than a leaver.
    let moves = Says::about("E3").that("department", "Sales");
    company.world.hr(moves).await;
    assert_eq!(company.groups("E3"), ["approvers", "readers", "staff"]);
    assert_eq!(company.active("E3"), (true, true));
}

#[tokio::test]
async fn t35_two_who_leave_at_once_leave_one() {
    let text = policy(
        &[(
            "[entitlements.approvers]\n",
            "[entitlements.approvers]\nrequired_holders = 1\n",
        )],
        "",
    );
    let mut company = company(&text, &[], &[]).await;
    for n in 0..4 {
        let hire = Says::hires(&format!("E{n}"), ANA, "Treasury", "2026-03-02");
        company.world.hr(hire).await;
    }
    // One reorganisation, one batch.
    for n in 0..4 {
        let moves = Says::about(&format!("E{n}")).that("department", "Sales");
        company.world.post(moves).await;
    }
    company.world.settle().await;
    let group = company.dir.group_by_display_name("approvers");
    assert_eq!(group.expect("a group").members.len(), 1);
}

#[tokio::test]
async fn an_expiry_is_kept_to_the_second_and_an_extension_beats_it() {
    let text = policy(
        &[(
            "[entitlements.editors]\n",
            "[entitlements.editors]\nmax_days = 10\n",
        )],
        "",
    );
    let mut company = company(&text, &[], &[]).await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    // Ten days from the first midnight in Lisbon.
    for (instant, there) in [
        ("2026-03-11T23:59:59Z", true),
        ("2026-03-12T00:00:00Z", false),
        ("2026-03-12T00:00:01Z", false),
    ] {
        company.world.until(instant).await;
        let held = company.groups("E1").contains(&"editors".to_owned());
        assert_eq!(held, there, "{instant}");
    }
    let contract = Says::contracts("C1", BEN, "2026-03-02", Some("2026-03-20"));
    company.world.hr(contract).await;
    let extends = Says::about("C1").that("end_date", "2026-04-20");
    // The last day is over in Lisbon; the extension comes before the clock has looked.
    let end: Timestamp = "2026-03-21T00:00:00Z".parse().expect("an instant");
    company.world.until("2026-03-20T23:59:59Z").await;
    assert!(company.active("C1").0);
    company.world.clock.set(end);
    company.world.post(extends.from("2026-03-20")).await;
    company.world.nudge().await;
    company.world.settle().await;
    assert!(company.active("C1").0, "the extension beats the sweep");
    company.world.until("2026-04-20T22:59:59Z").await;
    assert!(company.active("C1").0);
    company.world.until("2026-04-20T23:00:00Z").await;
    assert!(!company.active("C1").0);
    // And one that comes after it brings the account back.
    let late = Says::about("C1").that("end_date", "2026-05-20");
    company.world.hr(late.from("2026-04-20")).await;
    assert!(company.active("C1").0);
}

#[tokio::test]
async fn a_pilot_writes_for_its_cohort_and_reports_for_the_rest() {
    let wiki = "[targets.wiki]\nmode = \"enforce\"\n";
    let pilot = "[targets.wiki]\nmode = \"pilot\"\ncohort = { department = \"Engineering\" }\n";
    let mut company = company(&policy(&[(wiki, pilot)], ""), &[], &[]).await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    let hire = Says::hires("E2", BEN, "Sales", "2026-03-02");
    company.world.hr(hire).await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.active("E2"), (true, false));
    let seat = company.world.seat("E2").await.expect("an item");
    let planned = &seat.record.projections["wiki"];
    assert!(planned.simulated && planned.grants.contains_key("readers"));
    assert!(seat.owed.is_empty(), "nothing is owed to anybody");
    let report = report(&company).await;
    assert_eq!(
        company.active("E2"),
        (true, false),
        "nor does the night write"
    );
    assert!(report.contains("O7"), "{report}");
    // Whoever took part goes on to: the end of work ends the account too.
    let moves = Says::about("E1").that("department", "Sales");
    company.world.hr(moves).await;
    company.world.hr(Says::deletes("E1")).await;
    assert_eq!(company.active("E1"), (false, false));
    // The pilot is over.
    let Company { world, dir, wiki } = company;
    let company = Company {
        world: world.restarted(&policy_text()),
        dir,
        wiki,
    };
    company.world.night().await;
    assert_eq!(company.active("E2"), (true, true));
    assert_eq!(company.groups("E2"), ["readers", "staff"]);
}

#[tokio::test]
async fn a_percentage_of_a_rule_is_given_and_the_rest_reported() {
    let text = |percent: u8| {
        let line = format!("id = \"engineering\"\npercent = {percent}\n");
        policy(&[("id = \"engineering\"\n", &line)], "")
    };
    let mut company = company(&text(30), &[], &[]).await;
    for n in 0..10 {
        let hire = Says::hires(&format!("E{n}"), ANA, "Engineering", "2026-03-02");
        company.world.hr(hire).await;
    }
    let editors = |company: &Company| -> Vec<bool> {
        let holds = |n: usize| {
            company
                .groups(&format!("E{n}"))
                .contains(&"editors".to_owned())
        };
        (0..10).map(holds).collect()
    };
    let some = editors(&company);
    assert!(some.contains(&true) && some.contains(&false), "{some:?}");
    let mut before = some;
    for percent in [60, 100] {
        let Company { world, dir, wiki } = company;
        company = Company {
            world: world.restarted(&text(percent)),
            dir,
            wiki,
        };
        company.world.night().await;
        let after = editors(&company);
        let kept = before
            .iter()
            .zip(&after)
            .all(|(before, after)| *after >= *before);
        assert!(kept, "{before:?} {after:?}");
        before = after;
    }
    assert!(before.iter().all(|one| *one));
}
