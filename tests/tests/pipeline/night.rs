//! The nightly run: drift, orphans, incomplete evidence.

use scim_target::{Fault, FaultKind};
use serde_json::json;
use tests::world::{Company, Says};

async fn with_people(n: usize) -> Company {
    let mut company = Company::new().await;
    for i in 0..n {
        let given = format!("Person{i}");
        let department = ["Engineering", "Finance", "Sales"][i % 3];
        let hire = Says::hires(
            &format!("E{i}"),
            (&given, "Silva"),
            department,
            "2026-03-02",
        );
        company.world.post(hire.that("title", "Specialist")).await;
    }
    company.world.settle().await;
    assert_eq!(company.dir.user_count(), n);
    company
}

#[tokio::test]
async fn the_second_run_writes_nothing() {
    let company = with_people(12).await;
    let first = company.world.night().await;
    assert_eq!(first.sent(), 0, "{:?}", first.manifest.summary);
    company.reset_calls();
    let second = company.world.night().await;
    assert_eq!(second.sent(), 0);
    assert_eq!(company.target_writes(), 0);
}

#[tokio::test]
async fn t32_what_hands_did_is_repaired_or_reported() {
    let company = with_people(9).await;
    company.world.night().await;
    // Removed by hand: given again. Added by hand: reported, not touched. Changed: written back.
    let user = company.on_dir("E0").expect("an account");
    let staff = company.dir.group_by_display_name("staff").expect("a group");
    let approvers = company
        .dir
        .group_by_display_name("approvers")
        .expect("a group");
    assert!(
        company
            .dir
            .remove_member(&staff.id, &user.id)
            .expect("removed")
    );
    assert!(
        company
            .dir
            .add_member(&approvers.id, &user.id)
            .expect("added")
    );
    let other = company.on_dir("E1").expect("an account");
    company
        .dir
        .update_user(&other.id, json!({ "title": "Emperor" }))
        .expect("updated");
    let ghost = json!({ "userName": "ghost", "active": true });
    company.dir.insert_user(ghost).expect("inserted");
    let night = company.world.night().await;
    assert_eq!(
        company.groups("E0"),
        ["approvers", "editors", "readers", "staff"]
    );
    assert_eq!(
        company.on_dir("E1").expect("an account").json["title"],
        "Specialist"
    );
    assert!(
        company
            .dir
            .user_by_user_name("ghost")
            .expect("untouched")
            .active
    );
    let dir = &night.manifest.summary.targets[&domain::TargetId::from("dir")];
    let found: Vec<String> = dir
        .findings
        .keys()
        .map(|class| format!("{class:?}"))
        .collect();
    assert_eq!(
        found,
        ["O3", "O6", "O8"],
        "ghost, foreign membership, drift"
    );
    let rows = super::cases::rows(&company, &night).await;
    let criticality: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row.class.as_str(), &*row.criticality))
        .collect();
    assert_eq!(
        criticality,
        [
            ("O3", ""),
            ("O6", "high"),
            ("O8", "medium"),
            ("O8", "medium")
        ],
        "of nothing, of the privileged group, of what the account holds"
    );
    company.reset_calls();
    let again = company.world.night().await;
    assert_eq!((again.sent(), company.target_writes()), (0, 0));
}

#[tokio::test]
async fn a_leaver_who_was_enabled_by_hand_is_blocked_again() {
    let mut company = with_people(6).await;
    company.world.hr(Says::deletes("E0")).await;
    let user = company.on_dir("E0").expect("an account");
    assert!(!user.active);
    company
        .dir
        .update_user(&user.id, json!({ "active": true }))
        .expect("updated");
    let night = company.world.night().await;
    let dir = &night.manifest.summary.targets[&domain::TargetId::from("dir")];
    assert!(
        dir.findings
            .keys()
            .any(|class| format!("{class:?}") == "O1")
    );
    assert_eq!(company.active("E0"), (false, false));
}

#[tokio::test]
async fn t40_an_account_deleted_by_hand_comes_back_at_night() {
    let company = with_people(6).await;
    company.world.night().await;
    company
        .world
        .pass(jiff::SignedDuration::from_hours(2))
        .await;
    let user = company.on_dir("E3").expect("an account");
    assert!(company.dir.delete_user(&user.id));
    company.world.night().await;
    assert_eq!(company.active("E3"), (true, true));
    assert_eq!(company.groups("E3"), ["editors", "readers", "staff"]);
}

#[tokio::test]
async fn a_manager_who_comes_later_is_filled_in_at_night() {
    let mut company = Company::new().await;
    let report = Says::hires("E1", ("Ana", "Silva"), "Engineering", "2026-03-02");
    company.world.hr(report.that("manager_id", "M1")).await;
    company
        .world
        .hr(Says::hires("M1", ("Ben", "Okafor"), "Sales", "2026-03-02"))
        .await;
    company.world.night().await;
    let path = "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value";
    let boss = company.on_dir("M1").expect("an account").id;
    assert_eq!(
        company.on_dir("E1").expect("an account").json.pointer(path),
        Some(&boss.into())
    );
    company.reset_calls();
    let again = company.world.night().await;
    assert_eq!((again.sent(), company.target_writes()), (0, 0));
}

#[tokio::test]
async fn t17_a_page_that_fails_removes_nobody() {
    let company = with_people(8).await;
    company.world.night().await;
    // Once it is asked for again, and nobody notices; for good it proves nothing.
    for (times, is_certified) in [(1, true), (6, false)] {
        company.dir.faults().add(
            Fault::PageError {
                page: 1,
                status: 503,
            }
            .times(times)
            .path("/Users"),
        );
        company.reset_calls();
        let fired = company.dir.faults().fired(FaultKind::PageError);
        let night = company.world.night().await;
        let fired = company.dir.faults().fired(FaultKind::PageError) - fired;
        assert_eq!(fired, times);
        let dir = &night.manifest.summary.targets[&domain::TargetId::from("dir")];
        assert_eq!(dir.users.is_ok(), is_certified, "{:?}", dir.users);
        assert_eq!(company.target_writes(), 0);
    }
}

#[tokio::test]
async fn t18_an_empty_list_removes_nobody_and_recreates_nobody() {
    let company = with_people(8).await;
    company.world.night().await;
    company
        .dir
        .faults()
        .add(Fault::EmptyList.times(50).path("/Users"));
    company.reset_calls();
    let night = company.world.night().await;
    assert!(company.dir.faults().fired(FaultKind::EmptyList) > 0);
    let dir = &night.manifest.summary.targets[&domain::TargetId::from("dir")];
    assert!(dir.users.is_err(), "{:?}", dir.users);
    assert_eq!(company.target_writes(), 0);
    assert_eq!(company.dir.user_count(), 8);
}

#[tokio::test]
async fn t19_small_pages_show_everybody() {
    let company = with_people(23).await;
    company
        .dir
        .faults()
        .add(Fault::ShortPages { max: 1 }.always());
    company.reset_calls();
    let night = company.world.night().await;
    assert!(company.dir.faults().fired(FaultKind::ShortPages) >= 23);
    let dir = &night.manifest.summary.targets[&domain::TargetId::from("dir")];
    assert_eq!(
        dir.users.as_ref().map(|certificate| certificate.received),
        Ok(23)
    );
    assert_eq!((night.sent(), company.target_writes()), (0, 0));
}

#[tokio::test]
async fn every_file_of_a_run_is_there_and_the_manifest_is_last() {
    let company = with_people(5).await;
    company
        .dir
        .insert_user(json!({ "userName": "ghost", "active": true }))
        .expect("inserted");
    let night = company.world.night().await;
    let prefix = format!(
        "reports/v1/date=2026-03-02/run={}/",
        night.manifest.summary.run
    );
    let keys = ports::Objects::list(&company.world.objects, &prefix)
        .await
        .expect("a list");
    for name in [
        "summary.html",
        "findings.csv",
        "findings.parquet",
        "evidence.jsonl",
        "manifest.json",
    ] {
        assert!(
            keys.contains(&format!("{prefix}{name}")),
            "{name} is missing in {keys:?}"
        );
    }
}
