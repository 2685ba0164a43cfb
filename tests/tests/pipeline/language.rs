//! Policy's own language at work: expressions in rules and mappings, and data that is tested first.

use domain::validate::Rule;
use domain::{Attr, Finding, Problem};
use serde_json::json;
use tests::world::{Company, Says, policy_text};

const ANA: (&str, &str) = ("Ana", "Silva");

/// The suite's policy with another title, and a rule and tests of its own.
fn policy() -> String {
    let text = policy_text();
    let plain = "title = \"{title}\"\n";
    assert!(text.contains(plain));
    let computed = "title = { expr = 'ToUpper(title) + \
                    IIF(employment_type == \"contractor\", \" (external)\", \"\")' }\n";
    format!(
        "{}\n{}",
        text.replace(plain, computed),
        r#"
[[rules]]
id = "leads"
when = { employment_type = "employee" }
where = "title.startsWith('Lead ') || manager_status == 'manager'"
roles = ["engineering"]

[validate.employee_number]
prefix = "E-"

[validate.cost_center]
required_when = { department = "Sales" }
"#
    )
}

fn ana() -> Says {
    Says::hires("E1", ANA, "Finance", "2026-03-02").that("title", "Accountant")
}

fn title(company: &Company) -> serde_json::Value {
    company.on_dir("E1").expect("an account").json["title"].clone()
}

#[tokio::test]
async fn a_condition_gives_and_takes_as_its_attributes_come_and_go() {
    let mut company = Company::with_policy(&policy()).await;
    company.world.hr(ana()).await;
    let clerk = ["payables", "readers", "staff"];
    let lead = ["editors", "payables", "readers", "staff"];
    assert_eq!(company.groups("E1"), clerk);
    for (says, expected) in [
        (Says::about("E1").that("title", "Lead Accountant"), lead),
        // Nothing is a lead, but whoever leads is one without a title too.
        (
            Says::about("E1")
                .not("title")
                .that("manager_status", "manager"),
            lead,
        ),
    ] {
        company.world.hr(says).await;
        assert_eq!(company.groups("E1"), expected);
    }
    company
        .world
        .hr(Says::about("E1").not("manager_status"))
        .await;
    assert_eq!(company.groups("E1"), clerk);
}

#[tokio::test]
async fn a_computed_attribute_follows_what_it_reads() {
    let mut company = Company::with_policy(&policy()).await;
    company.world.hr(ana()).await;
    assert_eq!(title(&company), "ACCOUNTANT");
    let external = Says::about("E1")
        .that("employment_type", "contractor")
        .that("end_date", "2026-12-31");
    company.world.hr(external).await;
    assert_eq!(title(&company), "ACCOUNTANT (external)");
    // It reads two attributes: that one of them is gone clears nothing.
    company.world.hr(Says::about("E1").not("title")).await;
    assert_eq!(title(&company), "ACCOUNTANT (external)");
    company.reset_calls();
    company.world.night().await;
    assert_eq!(company.target_writes(), 0, "nothing is left to do");
}

#[tokio::test]
async fn data_that_fails_a_test_waits_until_it_is_corrected() {
    let mut company = Company::with_policy(&policy()).await;
    let wrong = ana()
        .that("department", "Sales")
        .that("employee_number", "1042");
    company.world.hr(wrong).await;
    assert!(company.on_dir("E1").is_none());
    let seat = company.world.seat("E1").await.expect("an item");
    let problems: Vec<&Problem> = seat
        .record
        .findings
        .iter()
        .filter_map(|finding| {
            let Finding::Parked { problem, .. } = finding else {
                return None;
            };
            Some(problem)
        })
        .collect();
    let invalid = |attr, rule| Problem::Invalid { attr, rule };
    assert_eq!(
        problems,
        [
            &invalid(Attr::EmployeeNumber, Rule::Prefix),
            &invalid(Attr::CostCenter, Rule::RequiredWhen),
        ]
    );
    let told = json!(seat.record.findings).to_string();
    assert!(!told.contains("1042"), "{told}");

    let right = Says::about("E1")
        .that("employee_number", "E-1042")
        .that("cost_center", "5100");
    company.world.hr(right).await;
    assert_eq!(company.groups("E1"), ["readers", "staff"]);
    // What turns bad later takes nothing away.
    company
        .world
        .hr(Says::about("E1").that("employee_number", "17"))
        .await;
    assert_eq!(company.groups("E1"), ["readers", "staff"]);
    assert_eq!(company.active("E1"), (true, true));
}
