//! What a policy would do to people: the differences of two plans, their reasons, their sum.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod laws;
mod reasons;
#[path = "../support/mod.rs"]
mod support;
mod tally;

use std::collections::BTreeMap;

use domain::plan::{Compiled, Input, next_record, plan};
use domain::policy::Mode;
use domain::preview::{Delta, Effect, End, Ground, Person, Side, Standing, compare};
use domain::{
    AccountId, AccountRecord, Attr, Fact, Hash, IdentityId, IdentityRecord, Ownership, Pii, Plan,
    Policy, RecordKey, TargetId,
};
use jiff::Timestamp;
use support::{ana, at, hire, policy};

/// A person whose accounts are as the first policy wants them.
struct Settled {
    records: Vec<(RecordKey, Vec<Fact>)>,
    recorded: Option<IdentityRecord>,
    accounts: BTreeMap<TargetId, AccountRecord>,
    identity: IdentityId,
    now: Timestamp,
}

impl Settled {
    fn new(policy: &Policy, facts: Vec<Fact>, now: &str) -> Self {
        let mut one = Self {
            records: vec![(RecordKey::from("r1"), facts)],
            recorded: None,
            accounts: BTreeMap::new(),
            identity: ana(),
            now: at(now),
        };
        one.live(policy);
        one
    }

    fn plan(&self, compiled: &Compiled) -> Plan {
        let identifiers = names();
        plan(compiled, &self.input(&identifiers))
    }

    fn input<'a>(&'a self, identifiers: &'a BTreeMap<Box<str>, Pii<Box<str>>>) -> Input<'a> {
        Input {
            identity: &self.identity,
            records: &self.records,
            recorded: self.recorded.as_ref(),
            accounts: &self.accounts,
            identifiers,
            at: self.now,
        }
    }

    /// Decides under a policy and carries everything out.
    fn live(&mut self, policy: &Policy) {
        let compiled = Compiled::new(policy.clone());
        let decided = self.plan(&compiled);
        let identifiers = names();
        let record = next_record(self.recorded.as_ref(), &self.input(&identifiers), &decided);
        for (name, target) in &decided.targets {
            if policy.targets[name].mode != Mode::Enforce {
                continue;
            }
            let before = self.accounts.entry(name.clone()).or_default();
            let end = End::after(before, &target.changes);
            let exists = end.standing != Standing::None;
            *before = AccountRecord {
                id: exists.then(|| AccountId::from("a1")),
                ownership: exists.then_some(Ownership::Created),
                active: end.standing == Standing::Active,
                attrs: end.attrs,
                grants: end.grants,
                ..AccountRecord::default()
            };
        }
        self.recorded = Some(record);
    }

    fn deltas(&self, from: &Policy, to: &Policy) -> Vec<Delta> {
        let (from, to) = (Compiled::new(from.clone()), Compiled::new(to.clone()));
        let (was, want) = (self.plan(&from), self.plan(&to));
        compare(
            &self.person(),
            &Side {
                compiled: &from,
                plan: &was,
            },
            &Side {
                compiled: &to,
                plan: &want,
            },
        )
    }

    fn person(&self) -> Person<'_> {
        Person {
            identity: &self.identity,
            records: &self.records,
            accounts: &self.accounts,
            at: self.now,
        }
    }
}

fn names() -> BTreeMap<Box<str>, Pii<Box<str>>> {
    BTreeMap::from([("user_name".into(), Pii::new("ana".into()))])
}

fn engineer() -> Vec<Fact> {
    vec![hire("e1", "2026-01-10", &[(Attr::Title, "Engineer")])]
}

const NOW: &str = "2026-02-10T12:00:00Z";

fn changed(change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = policy();
    policy.version = Hash::of(b"policy-2");
    change(&mut policy);
    policy
}

fn rule<'a>(policy: &'a mut Policy, id: &str) -> &'a mut domain::policy::Rule {
    policy
        .rules
        .iter_mut()
        .find(|rule| rule.id.as_str() == id)
        .expect("a rule")
}

/// The one difference, as `effect what | why before | why after`.
fn check(to: &Policy, want: &[&str]) {
    let settled = Settled::new(&policy(), engineer(), NOW);
    let lines: Vec<String> = settled.deltas(&policy(), to).iter().map(line).collect();
    assert_eq!(lines, want);
}

fn line(delta: &Delta) -> String {
    let effect = match &delta.effect {
        Effect::Account { was, want } => format!("{was:?} -> {want:?}"),
        Effect::Gain { entitlement, .. } => format!("gain {entitlement}"),
        Effect::Lose { entitlement, .. } => format!("lose {entitlement}"),
        Effect::Reasons { entitlement, .. } => format!("reasons {entitlement}"),
        Effect::Attribute { path, was, want } => {
            let text = |slot: &Option<Pii<domain::Slot>>| {
                let slot = slot.as_ref().and_then(|slot| slot.reveal().text());
                slot.unwrap_or("-").to_owned()
            };
            format!("{path} {} -> {}", text(was), text(want))
        }
        Effect::Unmanaged { entitlement } => match entitlement {
            None => "unmanaged".to_owned(),
            Some(id) => format!("cannot take {id}"),
        },
    };
    let simulated = if delta.simulated { " (simulated)" } else { "" };
    let ground = |ground: &Ground| match ground {
        Ground::Target => String::new(),
        Ground::Given(reasons) => format!(
            " | {}",
            reasons
                .iter()
                .map(|reason| match &reason.cause {
                    domain::project::Cause::Rule { rule, role } => format!("{rule} by {role}"),
                    domain::project::Cause::Overlap { rule, role } => {
                        format!("{rule} by {role} before")
                    }
                    domain::project::Cause::Adopted => "adopted".to_owned(),
                })
                .collect::<Vec<_>>()
                .join(", ")
        ),
        Ground::NotGiven(obstacles) => format!(
            " | {}",
            obstacles
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        ),
    };
    format!(
        "{}: {effect}{simulated}{}{}",
        delta.target,
        ground(&delta.was_because),
        ground(&delta.now_because)
    )
}
