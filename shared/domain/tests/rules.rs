//! The indexed rule table says the same as its rules read one by one.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::evaluate::{Engine, all_hold};
use domain::expr::{self, Comparison, Computed, Text};
use domain::policy::{Condition, Policy, Rule, RuleState, Test};
use domain::{Attr, Attrs, RoleId, RuleId, Slot};
use proptest::prelude::*;
use support::{attrs, policy};

/// Values that are prefixes of each other, so that prefix tests overlap.
const VALUES: [&str; 6] = ["e", "en", "eng", "eng-1", "fin", ""];
const ATTRS: [Attr; 3] = [Attr::Department, Attr::Title, Attr::Location];

fn value() -> impl Strategy<Value = Box<str>> {
    proptest::sample::select(&VALUES[..]).prop_map(Into::into)
}

fn test() -> impl Strategy<Value = Test> {
    let values = || proptest::collection::vec(value(), 1..4);
    prop_oneof![
        values().prop_map(|values| Test::In(values.into_iter().collect())),
        values().prop_map(|values| Test::NotIn(values.into_iter().collect())),
        values().prop_map(Test::Prefix),
        Just(Test::Present),
        Just(Test::Absent),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    (proptest::sample::select(&ATTRS[..]), test()).prop_map(|(attr, test)| Condition { attr, test })
}

fn rules(most: usize) -> impl Strategy<Value = Vec<Vec<Condition>>> {
    proptest::collection::vec(proptest::collection::vec(condition(), 0..4), 0..most)
}

fn worker() -> impl Strategy<Value = Attrs> {
    let slot = prop_oneof![
        1 => Just(None),
        1 => Just(Some(Slot::Null)),
        6 => proptest::sample::select(&["e", "en", "eng", "eng-1", "eng-2", "fin", "hr", ""][..])
            .prop_map(|text| Some(Slot::from(text))),
    ];
    proptest::collection::vec(slot, ATTRS.len()).prop_map(|slots| {
        let stated = ATTRS.into_iter().zip(slots);
        stated
            .filter_map(|(attr, slot)| slot.map(|slot| (attr, slot)))
            .collect()
    })
}

fn with_rules(rules: Vec<Vec<Condition>>) -> Policy {
    let rule = |(n, when): (usize, Vec<Condition>)| Rule {
        id: RuleId::from(format!("r{n:03}")),
        when,
        filter: None,
        roles: vec![RoleId::from("base")],
        state: RuleState::Enforce,
        percent: None,
        for_days: None,
        until: None,
    };
    Policy {
        rules: rules.into_iter().enumerate().map(rule).collect(),
        ..policy()
    }
}

fn one_by_one(policy: &Policy, attrs: &Attrs) -> Vec<usize> {
    let rules = policy.rules.iter().enumerate();
    rules
        .filter(|(_, rule)| {
            all_hold(&rule.when, attrs)
                && rule
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.holds(attrs))
        })
        .map(|(index, _)| index)
        .collect()
}

proptest! {
    #[test]
    fn the_index_finds_the_rules_that_hold(rules in rules(8), worker in worker()) {
        let policy = with_rules(rules);
        prop_assert_eq!(Engine::new(&policy).matching(&worker), one_by_one(&policy, &worker));
    }

    #[test]
    fn the_table_narrows_and_the_expression_decides(
        rules in rules(80),
        wanted in value(),
        worker in worker(),
    ) {
        let mut policy = with_rules(rules);
        let title = Text::Attr(Attr::Title);
        let is = Text::Literal(wanted.clone());
        let filter = Arc::new(Computed {
            root: expr::Test::Texts(Comparison::Equal, Box::new(title), Box::new(is)),
            attrs: [Attr::Title].into(),
            source: "title == '...'".into(),
        });
        for rule in policy.rules.iter_mut().step_by(3) {
            rule.filter = Some(filter.clone());
        }
        let found = Engine::new(&policy).matching(&worker);
        let filtered = found.iter().any(|index| index % 3 == 0);
        prop_assert!(!filtered || worker.text(Attr::Title) == Some(&*wanted));
        prop_assert_eq!(found, one_by_one(&policy, &worker));
    }

    /// More rules than a machine word has bits.
    #[test]
    fn the_index_finds_the_rules_of_a_large_table(rules in rules(150), worker in worker()) {
        let policy = with_rules(rules);
        prop_assert_eq!(Engine::new(&policy).matching(&worker), one_by_one(&policy, &worker));
    }
}

#[test]
fn a_prefix_does_not_outvote_another_test_of_its_rule() {
    let on = |test| Condition {
        attr: Attr::Department,
        test,
    };
    let named = BTreeSet::from(["Finance".into()]);
    let policy = with_rules(vec![vec![
        on(Test::Prefix(vec!["Eng".into()])),
        on(Test::In(named)),
    ]]);
    let engineer = attrs([(Attr::Department, Some("Engineering"))]);
    assert!(Engine::new(&policy).matching(&engineer).is_empty());
}
