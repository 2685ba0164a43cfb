//! The laws of the model as properties over random histories: 1 (purity), 2 (order, duplication,
//! delay), 3 (fixpoint), 5 (absent, null, empty), 6 (block first), 7 (separation after every
//! change), 13 (every grant explains itself).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use std::collections::BTreeMap;

use domain::plan::{Compiled, Input, next_record, plan};
use domain::project::Cause;
use domain::{AccountRecord, Attr, Attrs, FactBody, Pii, RecordKey, TargetId};
use jiff::SignedDuration;
use proptest::prelude::*;
use support::history::{history, instant};
use support::rich::rich;
use support::walk::{input, planned, policies, reach, shuffled};
use support::{Faithful, at, body_fact, policy};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn law_1_equal_inputs_give_byte_equal_plans(
        compiled in policies(),
        facts in history(),
        now in instant(),
    ) {
        let first = planned(compiled, facts.clone(), now);
        let anew = if compiled.policy.tiers.is_empty() { policy() } else { rich() };
        let second = planned(&Compiled::new(anew), facts, now);
        prop_assert_eq!(serde_json::to_vec(&first).unwrap(), serde_json::to_vec(&second).unwrap());
        prop_assert_eq!(first.digest(), second.digest());
    }

    #[test]
    fn law_2_order_and_duplication_do_not_matter(
        compiled in policies(),
        facts in history(),
        now in instant(),
        seed in any::<u64>(),
    ) {
        let expected = planned(compiled, facts.clone(), now);
        let more = facts.iter().chain(facts.iter().take(3)).cloned().collect();
        prop_assert_eq!(planned(compiled, shuffled(more, seed), now), expected);
    }

    #[test]
    fn law_3_applying_and_planning_again_changes_nothing(
        compiled in policies(),
        steps in proptest::collection::vec((history(), instant()), 1..4),
    ) {
        let mut targets: BTreeMap<TargetId, (Faithful, AccountRecord)> = BTreeMap::new();
        for (facts, now) in steps {
            let records = [(RecordKey::from("r1"), facts)];
            let plan = plan(compiled, &input(&records, &BTreeMap::new(), now));
            for (name, wanted) in &plan.targets {
                let (faithful, record) = targets.entry(name.clone()).or_default();
                reach(compiled, name, &wanted.projection, faithful, record);
                let again = reach(compiled, name, &wanted.projection, faithful, record);
                prop_assert!(again.is_empty(), "observed: {:?}", again);
            }
            let accounts = targets.iter().map(|(n, (_, r))| (n.clone(), r.clone())).collect();
            let again = domain::plan::plan(compiled, &input(&records, &accounts, now));
            for (name, target) in &again.targets {
                prop_assert!(target.changes.is_empty(), "{}: {:?}", name, target.changes);
            }
        }
    }

    #[test]
    fn law_5_absent_never_clears(
        compiled in policies(),
        facts in history(),
        now in instant(),
        which in 0_usize..7,
    ) {
        // A later fact that states nothing leaves every projection as it was.
        let before = planned(compiled, facts.clone(), now);
        let silent = body_fact(
            "silent",
            &now.to_string(),
            "2026-09-01T00:00:00Z",
            FactBody::Assert { attrs: Pii::new(Attrs::new()), corrects: None },
        );
        let deleted = facts.iter().any(|fact| matches!(fact.body, FactBody::Delete));
        prop_assume!(!deleted);
        let begun = facts.iter().any(|f| !matches!(f.body, FactBody::Rescind { .. }) && f.effective_at() <= now);
        prop_assume!(begun);
        let mut more = facts;
        let place = which.min(more.len());
        more.insert(place, silent);
        let after = planned(compiled, more, now);
        let live = before.state != domain::IdentityState::Ended;
        if live {
            for (name, target) in &before.targets {
                prop_assert_eq!(&target.projection, &after.targets[name].projection);
            }
        }
    }

    #[test]
    fn law_13_every_grant_names_a_rule_of_the_policy(
        compiled in policies(),
        facts in history(),
        now in instant(),
    ) {
        let plan = planned(compiled, facts, now);
        for target in plan.targets.values() {
            prop_assert_eq!(target.projection.policy, compiled.policy.version);
            for (entitlement, reasons) in &target.projection.grants {
                prop_assert!(!reasons.is_empty());
                for reason in reasons {
                    prop_assert!(reason.until.is_none_or(|until| until > now));
                    let (Cause::Rule { rule, role } | Cause::Overlap { rule, role }) = &reason.cause
                    else {
                        return Err(TestCaseError::fail("the planner adopts nothing"));
                    };
                    prop_assert!(compiled.policy.rules.iter().any(|r| r.id == *rule));
                    prop_assert!(compiled.policy.roles[role].entitlements.contains_key(entitlement));
                }
            }
        }
    }

    #[test]
    fn due_at_is_the_next_change_and_nothing_changes_before(
        compiled in policies(),
        facts in history(),
        now in instant(),
    ) {
        let plan = planned(compiled, facts.clone(), now);
        let Some(due) = plan.due_at else { return Ok(()) };
        prop_assert!(due > now);
        let eve = due.checked_sub(SignedDuration::from_secs(1)).unwrap();
        prop_assume!(eve > now);
        let later = planned(compiled, facts, eve);
        prop_assert_eq!(later.targets, plan.targets);
    }

    #[test]
    fn a_record_counts_one_generation_per_decision(
        compiled in policies(),
        facts in history(),
        now in instant(),
    ) {
        let records = [(RecordKey::from("r1"), facts)];
        let accounts = BTreeMap::new();
        let input = input(&records, &accounts, now);
        let first = next_record(None, &input, &plan(compiled, &input));
        let again = Input { recorded: Some(&first), ..input };
        let second = next_record(Some(&first), &again, &plan(compiled, &again));
        prop_assert_eq!(second.generation, first.generation.next());
        // Nothing changed, so that no connector is nudged a second time.
        prop_assert_eq!(second.changed, first.changed);
    }
}

#[test]
fn law_2_every_order_of_five_facts_ends_in_one_state() {
    let compiled = Compiled::new(policy());
    let now = at("2026-04-01T00:00:00Z");
    let said = |event: &str, effective: &str, recorded: &str, attr, text: Option<&str>| {
        support::fact(event, effective, recorded, support::attrs([(attr, text)]))
    };
    let facts = [
        support::hire("hire", "2026-01-10", &[]),
        said(
            "move",
            "2026-02-01",
            "2026-02-01T09:00:00Z",
            Attr::Department,
            Some("Finance"),
        ),
        said(
            "same-time",
            "2026-02-01",
            "2026-02-01T09:00:00Z",
            Attr::Department,
            Some("eng"),
        ),
        said(
            "backdated",
            "2026-01-20",
            "2026-03-01T09:00:00Z",
            Attr::Title,
            Some("Lead"),
        ),
        said(
            "cleared",
            "2026-03-01",
            "2026-02-20T09:00:00Z",
            Attr::Title,
            None,
        ),
    ];
    let expected = planned(&compiled, facts.to_vec(), now);
    let mut order = [0, 1, 2, 3, 4];
    let mut seen = 0;
    permute(&mut order, 0, &mut |order| {
        let shuffled = order.iter().map(|i| facts[*i].clone()).collect();
        assert_eq!(
            planned(&compiled, shuffled, now),
            expected,
            "order {order:?}"
        );
        seen += 1;
    });
    assert_eq!(seen, 120);
}

fn permute(order: &mut [usize; 5], from: usize, visit: &mut impl FnMut(&[usize; 5])) {
    if from == order.len() {
        visit(order);
    }
    for i in from..order.len() {
        order.swap(from, i);
        permute(order, from + 1, visit);
        order.swap(from, i);
    }
}
