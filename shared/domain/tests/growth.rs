//! Default roles that grow between two versions of a policy.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests stop at what does not hold"
)]

mod support;

use std::collections::BTreeSet;

use domain::Attr;
use domain::policy::{Condition, Policy, RuleState, Test};
use domain::preview::growth;
use support::policy;

/// What grew, in words.
fn grew(to: impl FnOnce(&mut Policy)) -> Vec<String> {
    let from = policy();
    let mut changed = policy();
    to(&mut changed);
    growth(&from, &changed)
        .iter()
        .map(|grown| {
            let new: Vec<&str> = grown
                .entitlements
                .iter()
                .map(domain::EntitlementId::as_str)
                .collect();
            let (role, whom) = (&grown.role, grown.whom());
            format!("{role}, {whom}, {}: {}", grown.rule, new.join(" "))
        })
        .collect()
}

fn gives(policy: &mut Policy, role: &str, entitlement: &str) {
    let known = policy.roles.get_mut(role).unwrap();
    known.entitlements.insert(entitlement.into(), role.into());
}

fn when(policy: &mut Policy, rule: &str, when: &[(Attr, Test)]) {
    let rule = policy.rules.iter_mut().find(|one| one.id.as_str() == rule);
    rule.unwrap().when = when
        .iter()
        .map(|(attr, test)| Condition {
            attr: *attr,
            test: test.clone(),
        })
        .collect();
}

fn one_of(values: &[&str]) -> Test {
    Test::In(
        values
            .iter()
            .map(|value| (*value).into())
            .collect::<BTreeSet<Box<str>>>(),
    )
}

#[test]
fn what_everybody_gets_is_compared_with_what_everybody_got() {
    assert_eq!(grew(|_| {}), [""; 0]);
    // `r-base` and `r-trial` ask for nothing.
    let grown = grew(|policy| gives(policy, "base", "wiki/editors"));
    assert_eq!(grown, ["base, everybody, r-base: wiki/editors"]);
    // What everybody gets by another role already is not new.
    assert_eq!(grew(|policy| gives(policy, "base", "wiki/trial")), [""; 0]);
    // What a job gets is not by default, and less is no growth.
    assert_eq!(
        grew(|policy| gives(policy, "engineer", "wiki/trial")),
        [""; 0]
    );
    let smaller = grew(|policy| {
        policy.roles.get_mut("base").unwrap().entitlements.clear();
    });
    assert_eq!(smaller, [""; 0]);
}

#[test]
fn a_rule_that_loses_its_conditions_makes_a_default_role() {
    let grown = grew(|policy| when(policy, "r-pay", &[]));
    assert_eq!(grown, ["payables, everybody, r-pay: dir/payables"]);
    let kinds = one_of(&["intern", "contractor"]);
    let works = (Attr::WorkerStatus, one_of(&["active"]));
    let grown = grew(|policy| {
        when(policy, "r-pay", &[(Attr::EmploymentType, kinds), works]);
    });
    assert_eq!(
        grown,
        ["payables, everybody of kind contractor or intern, r-pay: dir/payables"]
    );
    // By place or job, in part, on trial, or as a note: not by default.
    let place = (Attr::Location, one_of(&["Lisbon"]));
    assert_eq!(grew(|policy| when(policy, "r-pay", &[place])), [""; 0]);
    for quiet in [RuleState::Draft, RuleState::Record] {
        let grown = grew(|policy| {
            when(policy, "r-pay", &[]);
            for rule in &mut policy.rules {
                rule.state = quiet;
            }
        });
        assert_eq!(grown, [""; 0]);
    }
    let grown = grew(|policy| {
        when(policy, "r-pay", &[]);
        for rule in &mut policy.rules {
            rule.percent = Some(99);
        }
    });
    assert_eq!(grown, [""; 0]);
}

#[test]
fn a_default_that_reaches_more_kinds_grows() {
    let mut from = policy();
    let only = (Attr::EmploymentType, one_of(&["employee"]));
    when(&mut from, "r-base", std::slice::from_ref(&only));
    let found = growth(&from, &policy());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].role.as_str(), "base");
    assert_eq!(growth(&policy(), &from), []);
}
