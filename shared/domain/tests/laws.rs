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

use domain::converge::{Input as Look, Seen, converge};
use domain::plan::{Compiled, Input, next_record, plan};
use domain::project::Cause;
use domain::{
    AccountId, AccountRecord, Attr, Attrs, Change, EventId, Fact, FactBody, Ownership, Pii, Plan,
    Projection, RecordKey, Slot, TargetId,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use support::{Faithful, ana, at, body_fact, policy};

const DEPARTMENTS: [&str; 5] = ["Engineering", "eng", "Finance", "Treasury", "Astrology"];

fn slot(values: &'static [&'static str]) -> impl Strategy<Value = Option<Slot>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(Slot::Null)),
        6 => proptest::sample::select(values).prop_map(|text| Some(Slot::from(text))),
    ]
}

fn stated() -> impl Strategy<Value = Attrs> {
    (
        slot(&["Ana", "Anna", ""]),
        slot(&["Silva", "Souza"]),
        slot(&DEPARTMENTS),
        slot(&["Engineer", "Lead", ""]),
        slot(&["active", "active", "leave", "terminated", "no_show"]),
        slot(&["2026-01-10", "2026-02-01", "2026-03-15", "gibberish"]),
        slot(&["2026-02-10", "2026-03-01", "2026-06-30"]),
        slot(&["manager", "individual"]),
        slot(&["employee", "contractor"]),
    )
        .prop_map(
            |(given, family, department, title, status, start, end, boss, kind)| {
                [
                    (Attr::GivenName, given),
                    (Attr::FamilyName, family),
                    (Attr::Department, department),
                    (Attr::Title, title),
                    (Attr::WorkerStatus, status),
                    (Attr::StartDate, start),
                    (Attr::EndDate, end),
                    (Attr::ManagerStatus, boss),
                    (Attr::EmploymentType, kind),
                ]
                .into_iter()
                .filter_map(|(attr, slot)| slot.map(|slot| (attr, slot)))
                .collect()
            },
        )
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (0_i64..150).prop_map(|days| {
        at("2026-01-01T12:00:00Z")
            .checked_add(SignedDuration::from_hours(24 * days))
            .expect("near")
    })
}

/// Facts with distinct event ids, some of which correct or rescind others.
fn history() -> impl Strategy<Value = Vec<Fact>> {
    let one = (stated(), instant(), instant(), 0_u8..12, 0_usize..8);
    proptest::collection::vec(one, 1..7).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(n, (attrs, effective, recorded, kind, other))| {
                let event = EventId::from(format!("e{other}"));
                let body = match kind {
                    0 => FactBody::Delete,
                    1 => FactBody::Rescind { event },
                    2 => FactBody::Assert {
                        attrs: Pii::new(attrs),
                        corrects: Some(event),
                    },
                    _ => FactBody::Assert {
                        attrs: Pii::new(attrs),
                        corrects: None,
                    },
                };
                body_fact(
                    &format!("e{n}"),
                    &effective.to_string(),
                    &recorded.to_string(),
                    body,
                )
            })
            .collect()
    })
}

fn planned(compiled: &Compiled, facts: Vec<Fact>, now: Timestamp) -> Plan {
    let records = [(RecordKey::from("r1"), facts)];
    plan(compiled, &input(&records, &BTreeMap::new(), now))
}

fn input<'a>(
    records: &'a [(RecordKey, Vec<Fact>)],
    accounts: &'a BTreeMap<TargetId, AccountRecord>,
    now: Timestamp,
) -> Input<'a> {
    static IDENTITY: std::sync::LazyLock<domain::IdentityId> = std::sync::LazyLock::new(ana);
    static NAMES: std::sync::LazyLock<BTreeMap<Box<str>, Pii<Box<str>>>> =
        std::sync::LazyLock::new(|| {
            BTreeMap::from([("user_name".into(), Pii::new("ana.silva".into()))])
        });
    Input {
        identity: &IDENTITY,
        records,
        recorded: None,
        accounts,
        identifiers: &NAMES,
        at: now,
    }
}

/// Brings a faithful target to a projection; checks laws 6 and 7 after every single change.
fn reach(
    compiled: &Compiled,
    name: &TargetId,
    projection: &Projection,
    faithful: &mut Faithful,
    record: &mut AccountRecord,
) -> Vec<Change> {
    let identity = ana();
    let held = faithful.held.clone();
    let account = faithful.account.clone();
    let look = Look {
        policy: &compiled.policy,
        target: name,
        identity: &identity,
        projection,
        record,
        unsettled: None,
        seen: Some(Seen {
            account: account.as_ref(),
            held: Some(&held),
        }),
    };
    let changes = converge(&look).changes;
    for (place, change) in changes.iter().enumerate() {
        if *change == Change::Disable {
            assert_eq!(place, 0, "law 6: the sign-in block comes first");
        }
        faithful.apply(change);
        for sod in &compiled.policy.sod {
            assert!(
                sod.broken_by(&compiled.policy.entitlements, &faithful.held)
                    .is_empty(),
                "law 7: a pair is held in passing"
            );
        }
    }
    *record = AccountRecord {
        id: faithful.account.as_ref().map(|_| AccountId::from("a1")),
        ownership: faithful.account.as_ref().map(|_| Ownership::Created),
        active: faithful
            .account
            .as_ref()
            .is_some_and(|account| account.active),
        attrs: faithful
            .account
            .as_ref()
            .map(|a| a.attrs.clone())
            .unwrap_or_default(),
        grants: faithful.held.clone(),
        ..AccountRecord::default()
    };
    changes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn law_1_equal_inputs_give_byte_equal_plans(facts in history(), now in instant()) {
        let compiled = Compiled::new(policy());
        let first = planned(&compiled, facts.clone(), now);
        let second = planned(&Compiled::new(policy()), facts, now);
        prop_assert_eq!(serde_json::to_vec(&first).unwrap(), serde_json::to_vec(&second).unwrap());
        prop_assert_eq!(first.digest(), second.digest());
    }

    #[test]
    fn law_2_order_and_duplication_do_not_matter(
        facts in history(),
        now in instant(),
        seed in any::<u64>(),
    ) {
        let compiled = Compiled::new(policy());
        let expected = planned(&compiled, facts.clone(), now);
        let mut shuffled: Vec<Fact> = facts.iter().chain(facts.iter().take(3)).cloned().collect();
        let mut state = seed | 1;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let j = usize::try_from(state >> 33).unwrap() % (i + 1);
            shuffled.swap(i, j);
        }
        prop_assert_eq!(planned(&compiled, shuffled, now), expected);
    }

    #[test]
    fn law_3_applying_and_planning_again_changes_nothing(
        steps in proptest::collection::vec((history(), instant()), 1..4),
    ) {
        let compiled = Compiled::new(policy());
        let mut targets: BTreeMap<TargetId, (Faithful, AccountRecord)> = BTreeMap::new();
        for (facts, now) in steps {
            let records = [(RecordKey::from("r1"), facts)];
            let plan = plan(&compiled, &input(&records, &BTreeMap::new(), now));
            for (name, wanted) in &plan.targets {
                let (faithful, record) = targets.entry(name.clone()).or_default();
                reach(&compiled, name, &wanted.projection, faithful, record);
                let again = reach(&compiled, name, &wanted.projection, faithful, record);
                prop_assert!(again.is_empty(), "observed: {:?}", again);
            }
            let accounts = targets.iter().map(|(n, (_, r))| (n.clone(), r.clone())).collect();
            let again = domain::plan::plan(&compiled, &input(&records, &accounts, now));
            for (name, target) in &again.targets {
                prop_assert!(target.changes.is_empty(), "{}: {:?}", name, target.changes);
            }
        }
    }

    #[test]
    fn law_5_absent_never_clears(facts in history(), now in instant(), which in 0_usize..7) {
        // A later fact that states nothing leaves every projection as it was.
        let compiled = Compiled::new(policy());
        let before = planned(&compiled, facts.clone(), now);
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
        let after = planned(&compiled, more, now);
        let live = before.state != domain::IdentityState::Ended;
        if live {
            for (name, target) in &before.targets {
                prop_assert_eq!(&target.projection, &after.targets[name].projection);
            }
        }
    }

    #[test]
    fn law_13_every_grant_names_a_rule_of_the_policy(facts in history(), now in instant()) {
        let compiled = Compiled::new(policy());
        let plan = planned(&compiled, facts, now);
        for target in plan.targets.values() {
            prop_assert_eq!(target.projection.policy, compiled.policy.version);
            for (entitlement, reasons) in &target.projection.grants {
                prop_assert!(!reasons.is_empty());
                for reason in reasons {
                    prop_assert!(reason.until.is_none_or(|until| until > now));
                    let Cause::Rule { rule, role } = &reason.cause else {
                        return Err(TestCaseError::fail("the planner adopts nothing"));
                    };
                    prop_assert!(compiled.policy.rules.iter().any(|r| r.id == *rule));
                    prop_assert!(compiled.policy.roles[role].entitlements.contains_key(entitlement));
                }
            }
        }
    }

    #[test]
    fn due_at_is_the_next_change_and_nothing_changes_before(facts in history(), now in instant()) {
        let compiled = Compiled::new(policy());
        let plan = planned(&compiled, facts.clone(), now);
        let Some(due) = plan.due_at else { return Ok(()) };
        prop_assert!(due > now);
        let eve = due.checked_sub(SignedDuration::from_secs(1)).unwrap();
        prop_assume!(eve > now);
        let later = planned(&compiled, facts, eve);
        prop_assert_eq!(later.targets, plan.targets);
    }

    #[test]
    fn a_record_counts_one_generation_per_decision(facts in history(), now in instant()) {
        let compiled = Compiled::new(policy());
        let records = [(RecordKey::from("r1"), facts)];
        let accounts = BTreeMap::new();
        let input = input(&records, &accounts, now);
        let first = next_record(None, &input, &plan(&compiled, &input));
        let again = Input { recorded: Some(&first), ..input };
        let second = next_record(Some(&first), &again, &plan(&compiled, &again));
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
