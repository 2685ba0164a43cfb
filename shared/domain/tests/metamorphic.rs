//! Histories told in another way end in the same state: doubled, in another order, late and one by
//! one, statement by statement.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use std::collections::BTreeMap;

use domain::plan::{Compiled, Input, identity_at, next_record, plan};
use domain::{AccountRecord, Attrs, EventId, Fact, FactBody, Hash, Pii, RecordKey, TargetId};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use support::Faithful;
use support::history::{career, history, instant};
use support::walk::{input, planned, policies, reach, shuffled};

fn histories() -> impl Strategy<Value = Vec<Fact>> {
    prop_oneof![career(), history()]
}

/// The same statement, delivered again some days later.
fn again(fact: &Fact, days: i64) -> Fact {
    Fact {
        received_at: fact
            .received_at
            .checked_add(SignedDuration::from_hours(24 * days))
            .expect("near"),
        ..fact.clone()
    }
}

/// Each attribute in a statement of its own. Events that others speak of stay whole: to take one
/// of them back is to take back all of it.
fn split(facts: &[Fact]) -> Vec<Fact> {
    let spoken_of = |event: &EventId| {
        facts.iter().any(|fact| match &fact.body {
            FactBody::Rescind { event: other }
            | FactBody::Assert {
                corrects: Some(other),
                ..
            } => other == event,
            FactBody::Assert { corrects: None, .. } | FactBody::Delete => false,
        })
    };
    let mut pieces = Vec::new();
    for fact in facts {
        let FactBody::Assert {
            attrs,
            corrects: None,
        } = &fact.body
        else {
            pieces.push(fact.clone());
            continue;
        };
        if spoken_of(&fact.event) || attrs.reveal().is_empty() {
            pieces.push(fact.clone());
            continue;
        }
        for (n, (attr, slot)) in attrs.reveal().iter().enumerate() {
            let one: Attrs = [(attr, slot.clone())].into_iter().collect();
            let event = format!("{}.{n:02}", fact.event.as_str());
            pieces.push(Fact {
                payload: Hash::of(event.as_bytes()),
                event: EventId::from(event),
                body: FactBody::Assert {
                    attrs: Pii::new(one),
                    corrects: None,
                },
                ..fact.clone()
            });
        }
    }
    pieces
}

/// What is left on the targets after each fact arrived by itself, one a day, and everything that
/// was due in between was done.
fn one_by_one(
    compiled: &Compiled,
    facts: &[Fact],
    until: Timestamp,
) -> BTreeMap<TargetId, Faithful> {
    let mut targets: BTreeMap<TargetId, (Faithful, AccountRecord)> = BTreeMap::new();
    let mut recorded = None;
    let mut arrived = Vec::new();
    for (place, fact) in facts.iter().enumerate() {
        arrived.push(fact.clone());
        let late = i64::try_from(facts.len() - 1 - place).expect("few");
        let now = until
            .checked_sub(SignedDuration::from_hours(24 * late))
            .expect("near");
        let records = [(RecordKey::from("r1"), arrived.clone())];
        let accounts: BTreeMap<TargetId, AccountRecord> = targets
            .iter()
            .map(|(name, (_, record))| (name.clone(), record.clone()))
            .collect();
        let input = Input {
            recorded: recorded.as_ref(),
            ..input(&records, &accounts, now)
        };
        let plan = plan(compiled, &input);
        for (name, wanted) in &plan.targets {
            let (faithful, record) = targets.entry(name.clone()).or_default();
            reach(compiled, name, &wanted.projection, faithful, record);
        }
        recorded = Some(next_record(recorded.as_ref(), &input, &plan));
    }
    targets
        .into_iter()
        .map(|(name, (faithful, _))| (name, faithful))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn facts_that_come_twice_change_nothing(
        compiled in policies(),
        facts in histories(),
        now in instant(),
        which in any::<u8>(),
        days in 0_i64..60,
    ) {
        let doubled = facts
            .iter()
            .enumerate()
            .filter(|(n, _)| which & (1 << n) != 0)
            .map(|(_, fact)| again(fact, days));
        let more = facts.iter().cloned().chain(doubled).collect();
        prop_assert_eq!(planned(compiled, more, now), planned(compiled, facts, now));
    }

    #[test]
    fn facts_in_another_order_change_nothing(
        compiled in policies(),
        facts in histories(),
        now in instant(),
        seed in any::<u64>(),
    ) {
        let other = shuffled(facts.clone(), seed);
        prop_assert_eq!(planned(compiled, other, now), planned(compiled, facts, now));
    }

    #[test]
    fn facts_that_come_late_and_one_by_one_leave_the_same_access(
        compiled in policies(),
        facts in career(),
        now in instant(),
        seed in any::<u64>(),
    ) {
        // Whoever's data is bad keeps what there was, which is another matter.
        let records = [(RecordKey::from("r1"), facts.clone())];
        prop_assume!(!identity_at(&compiled.policy, &records, now).blocked);
        let left = one_by_one(compiled, &shuffled(facts.clone(), seed), now);
        let plan = planned(compiled, facts, now);
        for (name, wanted) in &plan.targets {
            let faithful = left.get(name).cloned().unwrap_or_default();
            let grants: Vec<_> = wanted.projection.grants.keys().collect();
            prop_assert_eq!(faithful.held.iter().collect::<Vec<_>>(), grants);
            let active = faithful.account.is_some_and(|account| account.active);
            prop_assert_eq!(active, wanted.projection.desired == domain::Desired::Active);
        }
    }

    #[test]
    fn statements_said_one_by_one_change_nothing(
        compiled in policies(),
        facts in histories(),
        now in instant(),
        seed in any::<u64>(),
    ) {
        let pieces = shuffled(split(&facts), seed);
        prop_assert_eq!(planned(compiled, pieces, now), planned(compiled, facts, now));
    }
}
