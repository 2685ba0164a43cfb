//! Default roles that grow between two versions of a policy. What everybody gets, or everybody of a
//! kind of employment, is reviewed by nobody in particular: it is where access collects.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::policy::{Policy, Rule, RuleState, Test};
use crate::{Attr, EntitlementId, RoleId, RuleId};

/// The kinds of employment.
const KINDS: [&str; 4] = ["acquired", "contractor", "employee", "intern"];

/// What a default role gives that no default role of the version before gave to the same people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Growth {
    /// The role.
    pub role: RoleId,
    /// The rule that gives it.
    pub rule: RuleId,
    /// The kinds of employment of those who get it.
    pub kinds: BTreeSet<Box<str>>,
    /// What is new.
    pub entitlements: BTreeSet<EntitlementId>,
}

impl Growth {
    /// Who gets the role, in words.
    pub fn whom(&self) -> Whom<'_> {
        Whom(&self.kinds)
    }
}

/// Who gets a default role, in words.
#[derive(Clone, Copy, Debug)]
pub struct Whom<'a>(&'a BTreeSet<Box<str>>);

impl fmt::Display for Whom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() == KINDS.len() {
            return f.write_str("everybody");
        }
        let kinds: Vec<&str> = self.0.iter().map(AsRef::as_ref).collect();
        write!(f, "everybody of kind {}", kinds.join(" or "))
    }
}

/// Which default roles give more under `to` than under `from`, by role and rule.
pub fn growth(from: &Policy, to: &Policy) -> Vec<Growth> {
    let before = given(from);
    let mut grown = Vec::new();
    for (rule, kinds) in defaults(to) {
        for role in &rule.roles {
            let Some(known) = to.roles.get(role) else {
                continue;
            };
            let gave = |one: &EntitlementId| {
                before
                    .get(one)
                    .is_some_and(|earlier| kinds.is_subset(earlier))
            };
            let entitlements: BTreeSet<EntitlementId> = known
                .entitlements
                .keys()
                .filter(|one| !gave(one))
                .cloned()
                .collect();
            if !entitlements.is_empty() {
                grown.push(Growth {
                    role: role.clone(),
                    rule: rule.id.clone(),
                    kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
                    entitlements,
                });
            }
        }
    }
    grown.sort();
    grown
}

/// What default rules give, and to which kinds of employment.
fn given(policy: &Policy) -> BTreeMap<&EntitlementId, BTreeSet<&'static str>> {
    let mut all: BTreeMap<&EntitlementId, BTreeSet<&'static str>> = BTreeMap::new();
    for (rule, kinds) in defaults(policy) {
        let roles = rule.roles.iter().filter_map(|role| policy.roles.get(role));
        for entitlement in roles.flat_map(|role| role.entitlements.keys()) {
            all.entry(entitlement).or_default().extend(&kinds);
        }
    }
    all
}

/// The rules that ask for nothing but the kind of employment, and whom they mean.
fn defaults(policy: &Policy) -> impl Iterator<Item = (&Rule, BTreeSet<&'static str>)> {
    policy.rules.iter().filter_map(|rule| {
        let whole = rule.percent.is_none_or(|percent| percent >= 100);
        if rule.state != RuleState::Enforce || rule.filter.is_some() || !whole {
            return None;
        }
        let mut kinds = BTreeSet::from(KINDS);
        for condition in &rule.when {
            if condition.attr == Attr::EmploymentType {
                kinds.retain(|kind| holds(&condition.test, kind));
            } else if ![Attr::WorkerStatus, Attr::Lifecycle].contains(&condition.attr) {
                // What somebody does, and not only that they work here.
                return None;
            }
        }
        (!kinds.is_empty()).then_some((rule, kinds))
    })
}

fn holds(test: &Test, kind: &str) -> bool {
    match test {
        Test::In(values) => values.contains(kind),
        Test::NotIn(values) => !values.contains(kind),
        Test::Prefix(starts) => starts.iter().any(|start| kind.starts_with(&**start)),
        Test::Present => true,
        Test::Absent => false,
    }
}
