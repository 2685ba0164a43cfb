//! The other witness: what every account should be, worked out plainly from the generator's truth
//! and the policy's tables. It shares no code with the planner: no fold, no index, no projection.

mod expression;

use std::collections::{BTreeMap, BTreeSet};

use domain::policy::{
    AccountFor, Apart, Condition, Expr, Part, Policy, RuleState, Target, Template, Test,
};
use domain::project::Strength;
use domain::{Attr, AttrPath, Attrs, EntitlementId, RoleId, TargetId};
use jiff::{SignedDuration, Timestamp};

use crate::company::{Company, Contract, Person, Standing};

/// What a person's account on one target should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// None, or one that cannot sign in and holds nothing: whether there was ever one hangs on
    /// when the hire was taken back.
    NothingLive,
    /// None.
    Nothing,
    /// One that cannot sign in and holds nothing; its attributes are what they were.
    Blocked,
    /// One that looks like this.
    Account(Look),
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether it can sign in.
    pub active: bool,
    /// Its entitlements.
    pub grants: BTreeSet<EntitlementId>,
    /// Attributes whose value is known, by path.
    pub values: BTreeMap<AttrPath, String>,
    /// Attributes that must merely be there.
    pub present: BTreeSet<AttrPath>,
    /// The worker id of the manager, under the path that refers to their account.
    pub manager: Option<(AttrPath, Box<str>)>,
}

/// What the account of a person on a target should be at an instant.
pub fn expected(
    policy: &Policy,
    name: &TargetId,
    target: &Target,
    person: &Person,
    at: Timestamp,
) -> Expected {
    let Some(contract) = person.contract(at) else {
        let taken_back = person.contracts.iter().any(|contract| contract.never_began);
        return if taken_back {
            Expected::NothingLive
        } else {
            Expected::Nothing
        };
    };
    let attrs = contract.attrs(at);
    let standing = contract.standing(at);
    if standing == Standing::Ended {
        return after_the_end(policy, name, target, contract, at);
    }
    let filtered = target
        .scope_filter
        .as_ref()
        .is_some_and(|filter| expression::test(&filter.root, &attrs, &[]) != Some(true));
    let outside = |condition: &Condition| !holds(condition, &attrs);
    if filtered || target.scope.iter().any(outside) {
        return Expected::Nothing;
    }
    let grants = grants(policy, contract, &attrs, at);
    let grants: BTreeSet<_> = grants
        .into_iter()
        .filter(|id| {
            policy
                .entitlements
                .get(id)
                .is_some_and(|e| e.target == *name)
        })
        .collect();
    if target.account_for == AccountFor::Entitled && grants.is_empty() {
        return Expected::Nothing;
    }
    let ready = contract.starts_at() - days(target.prehire_days.into());
    if standing == Standing::Ahead && at < ready {
        return Expected::Nothing;
    }
    let active = standing == Standing::AtWork;
    let mut look = Look {
        active,
        grants: if active { grants } else { BTreeSet::new() },
        values: BTreeMap::new(),
        present: BTreeSet::new(),
        manager: None,
    };
    for mapping in &target.mappings {
        let path = mapping.path.clone();
        match (&mapping.expr, mapping.strength) {
            (Expr::Manager, _) => {
                look.manager = contract.manager(at).map(|manager| (path, manager));
            }
            // Who has which of several free names hangs on who came first.
            (Expr::Identifier(_), _) => {
                look.present.insert(path);
            }
            (Expr::Key, _) => {}
            (expr, Strength::Always) => {
                if let Some(value) = value(expr, &attrs) {
                    look.values.insert(path, value);
                }
            }
            (expr, Strength::OnCreate | Strength::FillIfEmpty) => {
                if value(expr, &attrs).is_some_and(|text| !text.is_empty()) {
                    look.present.insert(path);
                }
            }
        }
    }
    Expected::Account(look)
}

/// Everybody in our stories who has left had an account, if they were in scope.
fn after_the_end(
    policy: &Policy,
    name: &TargetId,
    target: &Target,
    contract: &Contract,
    at: Timestamp,
) -> Expected {
    let Some(ended) = contract.ends_at() else {
        return Expected::Blocked;
    };
    if target
        .delete_after_days
        .is_some_and(|after| ended + days(after.into()) <= at)
    {
        return Expected::Nothing;
    }
    let last_day = contract.attrs(ended - SignedDuration::from_secs(1));
    let in_scope = target
        .scope
        .iter()
        .all(|condition| holds(condition, &last_day));
    let entitled = grants(policy, contract, &last_day, ended).iter().any(|id| {
        policy
            .entitlements
            .get(id)
            .is_some_and(|e| e.target == *name)
    });
    if in_scope && (entitled || target.account_for == AccountFor::Scope) {
        Expected::Blocked
    } else {
        Expected::NothingLive
    }
}

fn days(n: i64) -> SignedDuration {
    SignedDuration::from_hours(24_i64.saturating_mul(n))
}

/// Rule by rule, role by role.
fn grants(
    policy: &Policy,
    contract: &Contract,
    attrs: &Attrs,
    at: Timestamp,
) -> BTreeSet<EntitlementId> {
    let mut roles: BTreeSet<RoleId> = BTreeSet::new();
    for rule in &policy.rules {
        let lapsed = rule.until.is_some_and(|until| until <= at)
            || rule
                .for_days
                .is_some_and(|n| contract.starts_at() + days(n.into()) <= at);
        let filtered = rule
            .filter
            .as_ref()
            .is_some_and(|filter| expression::test(&filter.root, attrs, &[]) != Some(true));
        if rule.state == RuleState::Enforce
            && !lapsed
            && !filtered
            && rule.when.iter().all(|condition| holds(condition, attrs))
        {
            roles.extend(rule.roles.iter().cloned());
        }
    }
    // Roles within roles, until there are no more.
    loop {
        let nested: BTreeSet<RoleId> = roles
            .iter()
            .filter_map(|role| policy.roles.get(role))
            .flat_map(|role| role.includes.iter().cloned())
            .collect();
        let before = roles.len();
        roles.extend(nested);
        if roles.len() == before {
            break;
        }
    }
    let mut grants: BTreeSet<EntitlementId> = BTreeSet::new();
    for id in &roles {
        if let Some(role) = policy.roles.get(id) {
            let own = role
                .entitlements
                .iter()
                .filter(|(_, listed_by)| *listed_by == id);
            grants.extend(own.map(|(entitlement, _)| entitlement.clone()));
        }
    }
    for pair in &policy.sod {
        // The sample policy has pairs only.
        if let Apart::Pair { left, right } = &pair.apart
            && left.iter().any(|left| grants.contains(left))
        {
            grants.retain(|grant| !right.contains(grant));
        }
    }
    // The sample policy keeps no tiers apart, so that what is withheld frees none.
    for tier in &policy.tiers {
        let highest = tier
            .entitlements
            .iter()
            .rev()
            .find(|one| grants.contains(*one))
            .cloned();
        grants.retain(|one| highest.as_ref() == Some(one) || !tier.entitlements.contains(one));
    }
    grants
}

fn holds(condition: &Condition, attrs: &Attrs) -> bool {
    let value = attrs.text(condition.attr).unwrap_or_default();
    match &condition.test {
        Test::In(values) => !value.is_empty() && values.contains(value),
        Test::NotIn(values) => !values.contains(value),
        Test::Prefix(prefixes) => prefixes.iter().any(|prefix| value.starts_with(&**prefix)),
        Test::Present => !value.is_empty(),
        Test::Absent => value.is_empty(),
    }
}

/// `None` where the mapping yields nothing; nobody in our stories has an attribute cleared. Filters
/// that transliterate are left to the identifiers, which are judged otherwise.
fn value(expr: &Expr, attrs: &Attrs) -> Option<String> {
    match expr {
        Expr::Template(template) => text(template, attrs),
        Expr::Lookup {
            attr,
            table,
            default,
        } => {
            let key = attrs.text(*attr)?;
            let found = table.get(key).or(default.as_ref())?;
            Some(found.to_string())
        }
        Expr::FirstOf(options) => options
            .iter()
            .filter_map(|option| value(option, attrs))
            .find(|value| !value.is_empty()),
        Expr::Computed(computed) => expression::text(&computed.root, attrs, &[]),
        Expr::Identifier(_) | Expr::Manager | Expr::Key => None,
    }
}

fn text(template: &Template, attrs: &Attrs) -> Option<String> {
    let mut out = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Attr {
                any_of,
                optional,
                filter: None,
            } => {
                let stated = |attr: &Attr| attrs.text(*attr).filter(|text| !text.is_empty());
                match any_of.iter().find_map(stated) {
                    Some(text) => out.push_str(text),
                    None if *optional => {}
                    None => return None,
                }
            }
            Part::Attr {
                filter: Some(_), ..
            }
            | Part::Counter => return None,
        }
    }
    Some(out)
}

/// The person who speaks for a worker record.
pub fn whose<'a>(company: &'a Company, worker_id: &str) -> Option<&'a Person> {
    let is = |contract: &Contract| contract.worker_id == worker_id;
    company
        .people
        .iter()
        .find(|person| person.contracts.iter().any(is))
}
