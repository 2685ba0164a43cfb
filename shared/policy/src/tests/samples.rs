//! The policies that the repository ships pass the check without a word.

use std::collections::BTreeSet;
use std::path::Path;

use domain::evaluate::Engine;
use domain::{Attr, Attrs, Slot};

pub(super) fn load(folder: &str) -> crate::Loaded {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../infra")
        .join(folder);
    match crate::check(&dir) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("{}", errors.render()),
    }
}

#[test]
fn sample_organisation_loads_without_errors_or_warnings() {
    let loaded = load("policy");
    assert_eq!(crate::render(&loaded.warnings), "");
    assert!(loaded.examples >= 30);
    let policy = loaded.policy;
    assert!(policy.roles.len() >= 14);
    assert!(policy.entitlements.len() >= 20);
    assert!(policy.zones.len() >= 10);
    let targets: Vec<&str> = policy
        .targets
        .keys()
        .map(domain::TargetId::as_str)
        .collect();
    assert_eq!(targets, ["crm", "directory", "wiki"]);
}

#[test]
fn every_rule_of_the_sample_organisation_has_an_example() {
    let examples = include_str!("../../../../infra/policy/examples.toml");
    let named: BTreeSet<&str> = examples
        .lines()
        .filter_map(|line| line.strip_prefix("rules = "))
        .flat_map(|list| list.split(['[', ']', ',', '"', ' ']))
        .collect();
    for rule in load("policy").policy.rules {
        assert!(named.contains(rule.id.as_str()), "{}", rule.id);
    }
}

#[test]
fn minimal_policy_loads_without_errors_or_warnings() {
    let loaded = load("policy-minimal");
    assert_eq!(crate::render(&loaded.warnings), "");
    assert_eq!(loaded.policy.rules.len(), 2);
}

/// The entitlements that the sample organisation gives for these attributes by acting rules.
fn given(attrs: &[(Attr, &str)]) -> BTreeSet<String> {
    let policy = load("policy").policy;
    let attrs: Attrs = attrs
        .iter()
        .map(|(attr, text)| (*attr, Slot::from(*text)))
        .collect();
    Engine::new(&policy)
        .matching(&attrs)
        .into_iter()
        .map(|index| &policy.rules[index])
        .filter(|rule| rule.state == domain::policy::RuleState::Enforce)
        .flat_map(|rule| &rule.roles)
        .flat_map(|role| policy.roles[role].entitlements.keys())
        .map(ToString::to_string)
        .collect()
}

const DEPARTMENTS: [&str; 10] = [
    "Data",
    "Engineering",
    "Finance",
    "IT",
    "Legal",
    "Marketing",
    "Operations",
    "People",
    "Sales",
    "Support",
];

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn clerks_enter_payments_and_the_chief_approves_them() {
    let finance = |title| {
        given(&[
            (Attr::EmploymentType, "employee"),
            (Attr::Department, "Finance"),
            (Attr::Title, title),
        ])
    };
    let everybody = names(&[
        "all-directory-member",
        "all-wiki-reader",
        "finance-ledger-reader",
        "finance-wiki-editor",
    ]);
    let beyond = |title| finance(title).difference(&everybody).cloned().collect();
    let (clerk, chief): (BTreeSet<_>, BTreeSet<_>) = (
        beyond("Accounts Payable Clerk"),
        beyond("Chief Financial Officer"),
    );
    assert_eq!(clerk, names(&["finance-payables-clerk"]));
    assert_eq!(chief, names(&["finance-payments-approver"]));
    assert_eq!(finance("Accountant"), everybody);
}

#[test]
fn contractors_get_nothing_of_the_payroll() {
    let engineer = given(&[
        (Attr::EmploymentType, "contractor"),
        (Attr::Department, "Engineering"),
        (Attr::Title, "Site Reliability Engineer"),
    ]);
    let expected = [
        "contractor-directory-member",
        "contractor-wiki-guest",
        "eng-repository-reader",
        "eng-wiki-editor",
    ];
    assert_eq!(engineer, names(&expected));
    for department in DEPARTMENTS.iter().filter(|name| **name != "Engineering") {
        let held = given(&[
            (Attr::EmploymentType, "contractor"),
            (Attr::Department, department),
            (Attr::ManagerStatus, "manager"),
        ]);
        assert_eq!(
            held,
            names(&["contractor-directory-member", "contractor-wiki-guest"]),
            "{department}"
        );
    }
}

#[test]
fn nobody_without_attributes_gets_anything() {
    assert_eq!(given(&[]), names(&[]));
    for department in DEPARTMENTS {
        let held = given(&[
            (Attr::Department, department),
            (Attr::ManagerStatus, "manager"),
        ]);
        assert_eq!(held, names(&[]), "{department}");
    }
}

#[test]
fn administration_needs_clearance() {
    let administrator = [
        (Attr::EmploymentType, "employee"),
        (Attr::Department, "IT"),
        (Attr::Title, "IT Administrator"),
    ];
    assert!(!given(&administrator).contains("it-directory-admin"));
    let cleared = [&administrator[..], &[(Attr::Clearance, "2")]].concat();
    assert!(given(&cleared).contains("it-directory-admin"));
}
