//! The nightly run on Graph.

use domain::TargetId;
use graph_target::{Fault, FaultKind};
use ports::queue::Queues as _;
use reconciler::Finished;
use serde_json::json;
use tests::world::Says;

use crate::company::{ANA, Company, TODAY, policy};

async fn with_people(n: usize) -> Company {
    let company = Company::new().await;
    let mut company = company;
    for i in 0..n {
        let given = format!("Person{i}");
        let department = ["Finance", "Sales"][i % 2];
        let hire = Company::hires(&format!("E{i}"), (&given, "Silva"), department, TODAY);
        company.world.post(hire).await;
    }
    company.world.settle().await;
    assert_eq!(company.graph.user_count(), n);
    company.reset_calls();
    company
}

fn found(night: &Finished) -> Vec<String> {
    let summary = &night.manifest.summary.targets[&TargetId::from("m365")];
    let classes = summary.findings.keys();
    classes.map(|class| format!("{class:?}")).collect()
}

#[tokio::test]
async fn a_night_without_changes_reads_only() {
    let company = with_people(9).await;
    for _ in 0..2 {
        let night = company.world.night().await;
        assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
        assert_eq!(found(&night), [""; 0]);
    }
    assert_eq!(company.graph.usage().writes, 0);
    // Users, names of groups (once), members, holders of licences.
    let night = ["GET /users", "POST /$batch", "GET /users"];
    let first = ["GET /users", "POST /$batch", "POST /$batch", "GET /users"];
    assert_eq!(company.requests(), [&first[..], &night].concat());
    company.ends().await;
}

#[tokio::test]
async fn what_hands_did_is_repaired_or_reported() {
    let company = with_people(9).await;
    let (one, other) = (company.has("E0").id, company.has("E1").id);
    let graph = &company.graph;
    graph
        .remove_member(&company.group("All staff"), &one)
        .expect("removed");
    graph
        .add_member(&company.group("Customers"), &one)
        .expect("added");
    graph
        .update_user(&other, json!({ "jobTitle": "Emperor" }))
        .expect("changed");
    let ghost = json!({ "userPrincipalName": "ghost@contoso.com", "onPremisesExtensionAttributes":
        { "extensionAttribute15": "0123456789abcdef0123456789abcdef" } });
    let ghost = graph.insert_user(ghost).expect("a user");
    let night = company.world.night().await;
    assert_eq!(
        found(&night),
        ["O3", "O6", "O8"],
        "ghost, foreign membership, drift"
    );
    assert_eq!(
        company.groups("E0"),
        ["All staff", "Customers", "Invoices", "Ledger"]
    );
    assert_eq!(company.has("E1").text("jobTitle"), Some("Specialist"));
    assert_eq!(company.graph.user(&ghost.id).as_ref(), Some(&ghost));
    company.reset_calls();
    let again = company.world.night().await;
    assert_eq!((again.sent(), company.graph.usage().writes), (0, 0));
    company.ends().await;
}

#[tokio::test]
async fn a_listing_that_ends_early_takes_nothing_from_anybody() {
    for path in ["/users", "/groups"] {
        let company = with_people(12).await;
        let before = (company.graph.users(), company.graph.groups());
        let cut = Fault::TruncatedList { deliver: 2 };
        company.fault(cut.always().method("GET").path(path).no_query("filter="));
        company.world.night().await;
        assert!(company.fired(FaultKind::TruncatedList) > 0, "{path}");
        assert_eq!((company.graph.users(), company.graph.groups()), before);
        assert_eq!(company.asked("DELETE", "/groups/{id}/members/{id}/$ref"), 0);
        company.ends().await;
    }
}

#[tokio::test]
async fn an_account_deleted_by_hand_comes_back_with_its_id() {
    let company = with_people(6).await;
    company.world.night().await;
    company.until("2026-03-02T10:00:00Z").await;
    let id = company.has("E0").id;
    company.graph.delete_user(&id).expect("deleted");
    company.world.night().await;
    let back = company.has("E0");
    assert_eq!((back.id, back.account_enabled), (id, true));
    assert_eq!(company.groups("E0"), ["All staff", "Invoices", "Ledger"]);
    assert_eq!(company.graph.user_count(), 6);
    company.ends().await;
}

#[tokio::test]
async fn what_a_nested_group_brings_along_is_nobody_s_membership() {
    // Whoever may change invoices may read the ledger: the one group is in the other.
    let nested = "group = \"Invoices\"";
    let text = policy()
        .replace(nested, &format!("{nested}\nwithin = [\"ledger\"]"))
        .replace("[\"customers\"]", "[\"customers\", \"ledger\"]");
    let mut company = Company::with_policy(&text).await;
    let (reader, admin) = (company.group("Ledger"), company.group("Invoices"));
    company.graph.add_member(&reader, &admin).expect("nested");
    company.hr(Company::hires("E1", ANA, "Sales", TODAY)).await;
    assert_eq!(company.groups("E1"), ["All staff", "Customers", "Ledger"]);
    let steps = [
        (
            Says::about("E1").that("department", "Finance"),
            &["All staff", "Invoices"][..],
        ),
        (
            Says::about("E1")
                .that("worker_status", "terminated")
                .that("end_mode", "now")
                .that("end_date", TODAY),
            &[],
        ),
    ];
    for (says, groups) in steps {
        company.reset_calls();
        company.hr(says).await;
        assert_eq!(company.groups("E1"), groups);
        // Each is taken once: the look back sees that it is.
        let removals = company.asked("DELETE", "/groups/{id}/members/{id}/$ref");
        assert_eq!(removals, 2);
        company.world.night().await;
        company.reset_calls();
        let night = company.world.night().await;
        assert_eq!((night.sent(), company.graph.usage().writes), (0, 0));
    }
    for lane in company.world.all_lanes() {
        let letters = company.world.lanes.dead_letters(&lane);
        assert!(letters.is_empty(), "{lane}");
    }
    assert!(company.group("Ledger") == reader && company.record("E1").await.parked.is_none());
    company.ends().await;
}
