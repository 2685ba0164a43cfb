//! Why an entitlement is not given: each rule that would give it with each of its conditions, and
//! what else stands in the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Person, Side};
use crate::evaluate::holds;
use crate::plan::identity_at;
use crate::policy::{AccountFor, Condition, Policy, Rule, RuleState, Test};
use crate::project::Cause;
use crate::{
    Attr, Attrs, EntitlementId, Finding, IdentityState, Pii, Problem, Reason, RoleId, RuleId,
    TargetId,
};

/// One condition of a rule, held against a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The attribute.
    pub attr: Attr,
    /// What its value must be, in words.
    pub test: Box<str>,
    /// Its value.
    pub value: Option<Pii<Box<str>>>,
    /// Whether it is so.
    pub holds: bool,
}

/// The expression of a rule, held against a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// As people wrote it.
    pub expression: Box<str>,
    /// The values that it reads.
    pub values: BTreeMap<Attr, Option<Pii<Box<str>>>>,
    /// Whether it holds.
    pub holds: bool,
}

/// One rule that gives an entitlement, held against a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The rule.
    pub rule: RuleId,
    /// The role of it that lists the entitlement.
    pub role: RoleId,
    /// Whether it acts: `enforce`, `record` or `draft`.
    pub state: Box<str>,
    /// Its conditions.
    pub conditions: Vec<Held>,
    /// Its expression, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// When what it gives lapses.
    pub until: Option<Timestamp>,
    /// Whether that has come.
    pub lapsed: bool,
    /// Whether it gives the entitlement now.
    pub gives: bool,
}

/// Why a person does not get an entitlement, or that they do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// Which.
    pub entitlement: EntitlementId,
    /// Where it is; `None` where the policy has no such entitlement.
    pub target: Option<TargetId>,
    /// What the plan gives it for; empty where it does not.
    pub reasons: BTreeSet<Reason>,
    /// Every rule that could give it.
    pub rules: Vec<Trial>,
    /// What else stands in the way.
    pub obstacles: Vec<Obstacle>,
}

/// What stands between a person and an entitlement or an account. Names of policy only, no values
/// of the person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "obstacle")]
pub enum Obstacle {
    /// The policy has no such entitlement.
    NoEntitlement {
        /// Which.
        entitlement: EntitlementId,
    },
    /// The policy has no such rule.
    NoRule {
        /// Which.
        rule: RuleId,
    },
    /// No rule gives it.
    NoRuleGives,
    /// The rule does not give it.
    NotListed {
        /// The rule.
        rule: RuleId,
    },
    /// The rule does not act.
    State {
        /// The rule.
        rule: RuleId,
        /// `draft` or `record`.
        state: Box<str>,
    },
    /// A condition of the rule does not hold.
    Condition {
        /// The rule.
        rule: RuleId,
        /// The attribute.
        attr: Attr,
        /// What its value must be.
        test: Box<str>,
    },
    /// The expression of the rule does not hold.
    Filter {
        /// The rule.
        rule: RuleId,
        /// As people wrote it.
        expression: Box<str>,
    },
    /// What the rule gave has lapsed.
    Lapsed {
        /// The rule.
        rule: RuleId,
        /// When.
        at: Timestamp,
    },
    /// It is withheld, because policy gives the other side of the pair too.
    Sod {
        /// The pair.
        pair: Box<str>,
    },
    /// The policy has no such target.
    NoTarget {
        /// Which.
        target: TargetId,
    },
    /// The target is not written to.
    Mode {
        /// Which.
        target: TargetId,
        /// Its mode.
        mode: Box<str>,
    },
    /// The person is outside the target's scope.
    Scope {
        /// The target.
        target: TargetId,
        /// The attribute.
        attr: Attr,
        /// What its value must be.
        test: Box<str>,
    },
    /// The expression of the target's scope does not hold.
    ScopeFilter {
        /// The target.
        target: TargetId,
        /// As people wrote it.
        expression: Box<str>,
    },
    /// Only who holds an entitlement there has an account.
    NotEntitled {
        /// The target.
        target: TargetId,
    },
    /// Not everything is given in that state of the person.
    Person {
        /// The state.
        state: IdentityState,
    },
    /// The record waits for HR or for a human.
    Parked {
        /// Why.
        problem: Problem,
    },
    /// It cannot or must not be carried out at the target.
    Refused {
        /// The target.
        target: TargetId,
        /// Why.
        why: Box<str>,
    },
}

/// Holds every rule that could give an entitlement against a person.
pub fn why_not(person: &Person<'_>, side: &Side<'_>, entitlement: &EntitlementId) -> WhyNot {
    let policy = &*side.compiled.policy;
    let target = policy
        .entitlements
        .get(entitlement)
        .map(|known| known.target.clone());
    let reasons = target
        .as_ref()
        .map(|target| side.reasons(target, entitlement))
        .unwrap_or_default();
    let rules = trials(policy, person, entitlement);
    let mut obstacles = beside_rules(side, person, entitlement);
    if rules.is_empty() && target.is_some() {
        obstacles.push(Obstacle::NoRuleGives);
    }
    if !reasons.is_empty() {
        obstacles.retain(|obstacle| match obstacle {
            Obstacle::Mode { .. } | Obstacle::Refused { .. } => true,
            Obstacle::NoEntitlement { .. }
            | Obstacle::NoRule { .. }
            | Obstacle::NoRuleGives
            | Obstacle::NotListed { .. }
            | Obstacle::State { .. }
            | Obstacle::Condition { .. }
            | Obstacle::Filter { .. }
            | Obstacle::Lapsed { .. }
            | Obstacle::Sod { .. }
            | Obstacle::NoTarget { .. }
            | Obstacle::Scope { .. }
            | Obstacle::ScopeFilter { .. }
            | Obstacle::NotEntitled { .. }
            | Obstacle::Person { .. }
            | Obstacle::Parked { .. } => false,
        });
    }
    WhyNot {
        entitlement: entitlement.clone(),
        target,
        reasons,
        rules,
        obstacles,
    }
}

/// Why a person does not have what the other side gives for these reasons.
pub fn obstacles(
    side: &Side<'_>,
    person: &Person<'_>,
    entitlement: &EntitlementId,
    others: &BTreeSet<Reason>,
) -> Vec<Obstacle> {
    let policy = &*side.compiled.policy;
    let mut found = beside_rules(side, person, entitlement);
    let trials = trials(policy, person, entitlement);
    let named: BTreeSet<&RuleId> = others
        .iter()
        .filter_map(|reason| match &reason.cause {
            Cause::Rule { rule, .. } | Cause::Overlap { rule, .. } => Some(rule),
            Cause::Adopted => None,
        })
        .collect();
    if named.is_empty() && trials.is_empty() {
        found.push(Obstacle::NoRuleGives);
    }
    for rule in &named {
        match trials.iter().find(|trial| trial.rule == **rule) {
            Some(trial) => found.extend(trial.obstacles()),
            None if policy.rules.iter().any(|known| known.id == **rule) => {
                found.push(Obstacle::NotListed {
                    rule: (*rule).clone(),
                });
            }
            None => found.push(Obstacle::NoRule {
                rule: (*rule).clone(),
            }),
        }
    }
    // A grant that stood without a reason, or whose reasons are gone for another cause.
    if named.is_empty() {
        found.extend(trials.iter().flat_map(Trial::obstacles));
    }
    found.sort();
    found.dedup();
    found
}

/// Why a person has no account that can sign in on a target.
pub fn no_account(side: &Side<'_>, person: &Person<'_>, name: &TargetId) -> Vec<Obstacle> {
    let mut found = at_target(side, person, name);
    let holds_none = side
        .plan
        .targets
        .get(name)
        .is_some_and(|target| target.projection.grants.is_empty());
    let for_entitled = side
        .target(name)
        .is_some_and(|target| target.account_for == AccountFor::Entitled);
    if found.is_empty() && holds_none && for_entitled {
        found.push(Obstacle::NotEntitled {
            target: name.clone(),
        });
    }
    found
}

impl Trial {
    fn obstacles(&self) -> Vec<Obstacle> {
        let rule = || self.rule.clone();
        let mut found = Vec::new();
        if &*self.state != "enforce" {
            found.push(Obstacle::State {
                rule: rule(),
                state: self.state.clone(),
            });
        }
        let failing = self.conditions.iter().filter(|held| !held.holds);
        found.extend(failing.map(|held| Obstacle::Condition {
            rule: rule(),
            attr: held.attr,
            test: held.test.clone(),
        }));
        if let Some(filter) = self.filter.as_ref().filter(|filter| !filter.holds) {
            found.push(Obstacle::Filter {
                rule: rule(),
                expression: filter.expression.clone(),
            });
        }
        if let Some(at) = self.until.filter(|_| self.lapsed) {
            found.push(Obstacle::Lapsed { rule: rule(), at });
        }
        found
    }
}

fn trials(policy: &Policy, person: &Person<'_>, entitlement: &EntitlementId) -> Vec<Trial> {
    let folding = identity_at(policy, person.records, person.at);
    let speaker = folding.view.speaker();
    let none = Attrs::new();
    let attrs = speaker.map_or(&none, |speaker| &speaker.attrs);
    let starts_at = speaker.and_then(|speaker| speaker.starts_at);
    let listing = |rule: &Rule| {
        let mut roles = rule.roles.iter().filter_map(|role| policy.roles.get(role));
        roles
            .find_map(|role| role.entitlements.get(entitlement))
            .cloned()
    };
    policy
        .rules
        .iter()
        .filter_map(|rule| listing(rule).map(|role| trial(rule, role, attrs, starts_at, person.at)))
        .collect()
}

fn trial(
    rule: &Rule,
    through: RoleId,
    attrs: &Attrs,
    starts_at: Option<Timestamp>,
    at: Timestamp,
) -> Trial {
    let conditions: Vec<Held> = rule.when.iter().map(|one| held(one, attrs)).collect();
    let filter = rule.filter.as_ref().map(|filter| Filter {
        expression: filter.source.clone(),
        values: filter
            .attrs
            .iter()
            .map(|attr| (*attr, attrs.text(*attr).map(|text| Pii::new(text.into()))))
            .collect(),
        holds: filter.holds(attrs),
    });
    let by_days = rule.for_days.and_then(|days| {
        let span = SignedDuration::from_hours(24 * i64::from(days));
        starts_at.map(|start| start.checked_add(span).unwrap_or(Timestamp::MAX))
    });
    let until = [rule.until, by_days].into_iter().flatten().min();
    let lapsed = until.is_some_and(|until| until <= at);
    Trial {
        rule: rule.id.clone(),
        role: through,
        state: word(&rule.state),
        gives: rule.state == RuleState::Enforce
            && !lapsed
            && conditions.iter().all(|held| held.holds)
            && filter.as_ref().is_none_or(|filter| filter.holds),
        conditions,
        filter,
        until,
        lapsed,
    }
}

fn held(condition: &Condition, attrs: &Attrs) -> Held {
    let value = attrs.text(condition.attr);
    Held {
        attr: condition.attr,
        test: describe(&condition.test).into(),
        value: value.map(|value| Pii::new(value.into())),
        holds: holds(&condition.test, value),
    }
}

/// What stands in the way beside the rules: the record, the person's state, separation of duties,
/// the target.
fn beside_rules(
    side: &Side<'_>,
    person: &Person<'_>,
    entitlement: &EntitlementId,
) -> Vec<Obstacle> {
    let Some(known) = side.compiled.policy.entitlements.get(entitlement) else {
        return vec![Obstacle::NoEntitlement {
            entitlement: entitlement.clone(),
        }];
    };
    let mut found: Vec<Obstacle> = side
        .plan
        .findings
        .iter()
        .filter_map(|finding| {
            if let Finding::SodConflict { pair, withheld } = finding
                && withheld == entitlement
            {
                return Some(Obstacle::Sod { pair: pair.clone() });
            }
            None
        })
        .collect();
    found.extend(at_target(side, person, &known.target));
    found
}

fn at_target(side: &Side<'_>, person: &Person<'_>, name: &TargetId) -> Vec<Obstacle> {
    let mut found = Vec::new();
    if side.plan.state != IdentityState::Active {
        found.push(Obstacle::Person {
            state: side.plan.state,
        });
    }
    let Some(target) = side.target(name) else {
        found.push(Obstacle::NoTarget {
            target: name.clone(),
        });
        return found;
    };
    if !side.writes(name) {
        found.push(Obstacle::Mode {
            target: name.clone(),
            mode: word(&target.mode),
        });
    }
    let folding = identity_at(&side.compiled.policy, person.records, person.at);
    let none = Attrs::new();
    let attrs = folding
        .view
        .speaker()
        .map_or(&none, |speaker| &speaker.attrs);
    let outside = target
        .scope
        .iter()
        .map(|one| held(one, attrs))
        .filter(|held| !held.holds);
    found.extend(outside.map(|held| Obstacle::Scope {
        target: name.clone(),
        attr: held.attr,
        test: held.test,
    }));
    let filter = target.scope_filter.as_ref();
    if let Some(filter) = filter.filter(|filter| !filter.holds(attrs)) {
        found.push(Obstacle::ScopeFilter {
            target: name.clone(),
            expression: filter.source.clone(),
        });
    }
    for finding in &side.plan.findings {
        if let Finding::Parked { problem, .. } = finding {
            found.push(Obstacle::Parked {
                problem: problem.clone(),
            });
        }
        if let Finding::CannotApply { target, why } | Finding::Withheld { target, why } = finding
            && target == name
        {
            found.push(Obstacle::Refused {
                target: target.clone(),
                why: why.clone(),
            });
        }
    }
    if let Some(why) = person
        .accounts
        .get(name)
        .and_then(|account| account.parked.clone())
    {
        found.push(Obstacle::Refused {
            target: name.clone(),
            why,
        });
    }
    found
}

/// The name of a variant, as policy files write it.
fn word(variant: &impl fmt::Debug) -> Box<str> {
    format!("{variant:?}").to_lowercase().into()
}

/// What a value must be, in words.
pub fn describe(test: &Test) -> String {
    fn list<'a>(values: impl Iterator<Item = &'a Box<str>>) -> String {
        values
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ")
    }
    match test {
        Test::In(values) => format!("is one of {}", list(values.iter())),
        Test::NotIn(values) => format!("is none of {}", list(values.iter())),
        Test::Prefix(values) => format!("begins with {}", list(values.iter())),
        Test::Present => "is stated".to_owned(),
        Test::Absent => "is absent".to_owned(),
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEntitlement { entitlement } => {
                write!(f, "the policy has no entitlement `{entitlement}`")
            }
            Self::NoRule { rule } => write!(f, "the policy has no rule `{rule}`"),
            Self::NoRuleGives => f.write_str("no rule gives it"),
            Self::NotListed { rule } => write!(f, "rule `{rule}` does not give it"),
            Self::State { rule, state } => write!(f, "rule `{rule}` is in state `{state}`"),
            Self::Condition { rule, attr, test } => {
                write!(f, "rule `{rule}` wants that `{attr}` {test}")
            }
            Self::Filter { rule, expression } => {
                write!(f, "rule `{rule}` wants that {expression}")
            }
            Self::Lapsed { rule, at } => write!(f, "what rule `{rule}` gave lapsed at {at}"),
            Self::Sod { pair } => write!(f, "separation of duties `{pair}` withholds it"),
            Self::NoTarget { target } => write!(f, "the policy has no target `{target}`"),
            Self::Mode { target, mode } => write!(f, "target `{target}` is in mode `{mode}`"),
            Self::Scope { target, attr, test } => {
                write!(
                    f,
                    "the scope of target `{target}` wants that `{attr}` {test}"
                )
            }
            Self::ScopeFilter { target, expression } => write!(
                f,
                "the scope of target `{target}` wants that `{}` holds",
                expression.trim()
            ),
            Self::NotEntitled { target } => {
                write!(
                    f,
                    "no entitlement on target `{target}` justifies an account"
                )
            }
            Self::Person { state } => write!(f, "the person is in state `{}`", word(state)),
            Self::Parked { problem } => {
                write!(f, "the record is parked: {}", self::problem(problem))
            }
            Self::Refused { target, why } => write!(f, "target `{target}`: {why}"),
        }
    }
}

/// What is wrong with a record, in words.
pub fn problem(problem: &Problem) -> String {
    match problem {
        Problem::Missing { attr } => format!("`{attr}` is missing"),
        Problem::Unknown { attr } => format!("`{attr}` has a value that policy does not know"),
        Problem::Malformed { attr } => format!("`{attr}` is malformed"),
        Problem::Invalid { attr, rule } => format!("`{attr}` fails `{}`", rule.name()),
        Problem::NoEndDate => "a contractor without a last day".to_owned(),
        Problem::EndBeforeStart => "the last day lies before the first".to_owned(),
        Problem::Disputed { why, .. } => format!("it is not clear whose it is: {why}"),
        Problem::NoIdentifier => "no identifier is free or can be made".to_owned(),
    }
}
