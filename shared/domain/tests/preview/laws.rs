//! What is shown is what happens.

use std::collections::{BTreeMap, BTreeSet};

use domain::plan::Compiled;
use domain::policy::{AccountFor, Condition, Mode, RuleState, Test};
use domain::preview::{Effect, Obstacle, Side, Standing, why_not};
use domain::{Attr, EntitlementId, Fact, Policy, TargetId};
use proptest::prelude::*;

use crate::support::{at, hire, policy};
use crate::{NOW, Settled, changed};

fn mutated() -> impl Strategy<Value = Policy> {
    (0_usize..6, 0_u8..8).prop_map(|(index, how)| {
        changed(|policy| {
            let index = index % policy.rules.len();
            let wiki = TargetId::from("wiki");
            match how {
                0 => {
                    policy.rules.remove(index);
                }
                1 => policy.rules[index].when.clear(),
                2 => policy.rules[index].state = RuleState::Record,
                3 => {
                    policy.rules[index].until = Some(at("2026-02-20T00:00:00Z"));
                }
                4 => policy.rules[index].when.push(Condition {
                    attr: Attr::Department,
                    test: Test::NotIn(["Engineering".into()].into()),
                }),
                5 => {
                    policy.targets.get_mut(&wiki).unwrap().account_for = AccountFor::Entitled;
                }
                6 => {
                    policy.targets.get_mut(&wiki).unwrap().mode = Mode::Observe;
                }
                _ => {
                    policy.sod.clear();
                }
            }
        })
    })
}

fn anybody() -> impl Strategy<Value = Vec<Fact>> {
    (0_usize..3, any::<bool>(), 0_usize..4).prop_map(|(department, boss, end)| {
        let mut more = vec![(
            Attr::Department,
            ["Engineering", "Finance", "Treasury"][department],
        )];
        if boss {
            more.push((Attr::ManagerStatus, "manager"));
        }
        match end {
            0 => more.push((Attr::EndDate, "2026-02-01")),
            1 => more.push((Attr::WorkerStatus, "leave")),
            _ => {}
        }
        vec![hire("e1", "2026-01-10", &more)]
    })
}

proptest! {
    /// What is shown is what living under the new policy does, seen from the accounts alone.
    #[test]
    fn what_is_shown_is_what_happens(to in mutated(), facts in anybody()) {
        let mut settled = Settled::new(&policy(), facts, NOW);
        let deltas = settled.deltas(&policy(), &to);
        let before = settled.accounts.clone();
        settled.live(&to);
        let mut shown: BTreeSet<(TargetId, EntitlementId, bool)> = BTreeSet::new();
        let mut stands: BTreeMap<TargetId, bool> = BTreeMap::new();
        for delta in deltas {
            match delta.effect {
                Effect::Gain { entitlement, .. } => { shown.insert((delta.target, entitlement, true)); }
                Effect::Lose { entitlement, .. } => { shown.insert((delta.target, entitlement, false)); }
                Effect::Account { want, .. } => { stands.insert(delta.target, want == Standing::Active); }
                Effect::Reasons { .. } | Effect::Attribute { .. } | Effect::Unmanaged { .. } => {}
            }
        }
        let mut real = BTreeSet::new();
        let mut moved = BTreeMap::new();
        for (name, account) in &settled.accounts {
            let was = before.get(name).cloned().unwrap_or_default();
            for gained in account.grants.difference(&was.grants) {
                real.insert((name.clone(), gained.clone(), true));
            }
            for lost in was.grants.difference(&account.grants) {
                real.insert((name.clone(), lost.clone(), false));
            }
            if (was.id.is_some(), was.active) != (account.id.is_some(), account.active) {
                moved.insert(name.clone(), account.active);
            }
        }
        prop_assert_eq!(shown, real);
        prop_assert_eq!(stands, moved);
    }

    /// A policy that is taken back leaves no trace in what is wanted.
    #[test]
    fn there_and_back_is_where_it_was(to in mutated(), facts in anybody()) {
        let from = policy();
        let mut settled = Settled::new(&from, facts, NOW);
        let wanted = settled.recorded.clone().unwrap().projections;
        let accounts = settled.accounts.clone();
        settled.live(&to);
        settled.live(&from);
        prop_assert_eq!(settled.recorded.clone().unwrap().projections, wanted);
        prop_assert_eq!(settled.deltas(&from, &from), Vec::new());
        for (name, account) in &settled.accounts {
            prop_assert_eq!(&account.grants, &accounts[name].grants);
            prop_assert_eq!(account.active, accounts[name].active);
        }
    }

    /// The explanation and the planner agree: something is given exactly if a rule gives it and
    /// nothing else stands in the way.
    #[test]
    fn why_not_agrees_with_the_plan(to in mutated(), facts in anybody()) {
        let settled = Settled::new(&policy(), facts, NOW);
        let compiled = Compiled::new(to);
        let decided = settled.plan(&compiled);
        let side = Side { compiled: &compiled, plan: &decided };
        for entitlement in compiled.policy.entitlements.keys() {
            let answer = why_not(&settled.person(), &side, entitlement);
            let by_rule = answer.rules.iter().any(|trial| trial.gives);
            let stops = answer.obstacles.iter().any(|obstacle| !matches!(
                obstacle,
                Obstacle::Mode { .. }
            ));
            prop_assert_eq!(!answer.reasons.is_empty(), by_rule && !stops, "{:?}", answer);
        }
    }
}
