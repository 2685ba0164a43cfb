//! The sum over many people, by weight and rule.

use std::collections::{BTreeMap, BTreeSet};

use domain::limit::{Claim, Class, Line, Meter};
use domain::plan::Compiled;
use domain::policy::{Criticality, Limit};
use domain::preview::{Effect, Side, Tally, Weight, compare};
use domain::{Attr, EntitlementId, IdentityId, Pii, RuleId, TargetId};

use crate::support::{at, hire, policy};
use crate::{NOW, Settled, changed};

fn headings(tally: &Tally) -> Vec<(Weight, Vec<&str>, u64, usize)> {
    tally
        .groups
        .iter()
        .map(|(heading, group)| {
            let rules = heading.rules.iter().map(RuleId::as_str).collect();
            (heading.weight, rules, group.count, group.rows.len())
        })
        .collect()
}

#[test]
fn what_is_more_critical_on_either_side_comes_first() {
    let graded = |name: &str, criticality: Criticality| {
        let mut policy = policy();
        let entitlement = policy.entitlements.get_mut(name).unwrap();
        entitlement.holding.criticality = criticality;
        Compiled::new(policy)
    };
    let (is, was) = (Criticality::Critical, Criticality::Low);
    let mut weights = Vec::new();
    for (before, after) in [
        (graded("wiki/editors", was), graded("wiki/editors", was)),
        (graded("wiki/editors", was), graded("wiki/editors", is)),
        (graded("wiki/editors", is), graded("wiki/editors", was)),
        (
            graded("wiki/editors", was),
            graded("wiki/editors", Criticality::High),
        ),
    ] {
        let without = {
            let mut policy = (*after.policy).clone();
            policy.rules.retain(|rule| rule.id.as_str() != "r-eng");
            Compiled::new(policy)
        };
        let one = Settled::new(&before.policy, vec![hire("e1", "2026-01-10", &[])], NOW);
        let (a, b) = (one.plan(&before), one.plan(&without));
        let (a, b) = (
            Side {
                compiled: &before,
                plan: &a,
            },
            Side {
                compiled: &without,
                plan: &b,
            },
        );
        let deltas = compare(&one.person(), &a, &b);
        let editors = deltas.iter().find(|delta| {
            matches!(&delta.effect, Effect::Lose { entitlement, .. } if entitlement.as_str() == "wiki/editors")
        });
        weights.push(domain::preview::Heading::of(editors.unwrap()).weight);
    }
    assert_eq!(
        weights,
        [
            Weight::Low,
            Weight::Critical,
            Weight::Critical,
            Weight::High
        ]
    );
}

#[test]
fn a_tally_groups_by_weight_and_rule_and_asks_the_limits() {
    let from = policy();
    let to = changed(|policy| {
        policy
            .rules
            .retain(|rule| !["r-eng", "r-boss"].contains(&rule.id.as_str()));
        for target in policy.targets.values_mut() {
            target.limits.revoke = Limit::new(5, 5, 50);
            target.limits.members = Limit::new(1, 5, 50);
        }
    });
    let (was, want) = (Compiled::new(from.clone()), Compiled::new(to.clone()));
    let mut people: Vec<Settled> = (0..7)
        .map(|n| {
            let boss: &[(Attr, &str)] = if n == 0 {
                &[(Attr::ManagerStatus, "manager")]
            } else {
                &[]
            };
            let mut one = Settled::new(&from, vec![hire("e1", "2026-01-10", boss)], NOW);
            one.identity = IdentityId::from(format!("i{n}"));
            one
        })
        .collect();
    let tally = |people: &[Settled]| {
        let mut tally = Tally::new(2);
        for one in people {
            let (before, after) = (one.plan(&was), one.plan(&want));
            let (a, b) = (
                Side {
                    compiled: &was,
                    plan: &before,
                },
                Side {
                    compiled: &want,
                    plan: &after,
                },
            );
            let deltas = compare(&one.person(), &a, &b);
            tally.add(&one.person(), &Pii::new("Ana Silva".into()), &b, &deltas);
        }
        tally
    };
    let first = tally(&people);
    assert_eq!(
        headings(&first),
        [
            (Weight::Privileged, vec!["r-boss"], 1, 1),
            (Weight::Standard, vec!["r-eng"], 7, 2),
            (Weight::Attribute, vec!["r-base"], 7, 2),
        ]
    );
    assert_eq!((first.people, first.affected, first.losing), (7, 7, 7));
    assert_eq!(first.gaining, 0);
    let held = |meters: &BTreeMap<TargetId, Meter>| -> Vec<String> {
        let verdicts = first.verdicts(&to, meters, NOW.parse().unwrap());
        let text = |v: &domain::preview::Verdict| {
            let held = if v.held { ", held" } else { "" };
            format!(
                "{} {}: {}+{} of {}{held}",
                v.target, v.scope, v.before, v.count, v.allowed
            )
        };
        verdicts.iter().map(text).collect()
    };
    assert_eq!(
        held(&BTreeMap::new()),
        [
            "dir revoke: 0+1 of 5",
            "dir revoke:dir/approvers: 0+1 of 1",
            "wiki revoke: 0+7 of 5, held",
            "wiki revoke:wiki/editors: 0+7 of 1, held",
        ]
    );
    // What passed in the window counts: the one that was within the limit is so no more.
    let meter = one_passed(&to.targets["dir"].limits);
    let meters = BTreeMap::from([(TargetId::from("dir"), meter)]);
    assert_eq!(held(&meters)[1], "dir revoke:dir/approvers: 1+1 of 1, held");
    people.reverse();
    assert_eq!(tally(&people).digest(), first.digest(), "in any order");
    people.pop();
    assert_ne!(tally(&people).digest(), first.digest(), "not without one");
    assert_eq!(first.identities().len(), 7);
}

/// The meter of a target where one approver was let go of before.
fn one_passed(limits: &domain::policy::Limits) -> Meter {
    let mut meter = Meter::of(None);
    let line = Line {
        class: Class::Revoke,
        entitlement: Some(EntitlementId::from("dir/approvers")),
        want: None,
    };
    let other = IdentityId::from("other");
    let lines = BTreeSet::from([line]);
    let claim = Claim {
        identity: &other,
        lines: &lines,
        held: None,
    };
    assert_eq!(meter.ask(limits, at(NOW), &[claim])[0].held, []);
    meter
}
