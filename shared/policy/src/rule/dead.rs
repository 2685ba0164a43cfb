//! Rules that do nothing: those that are never true, and those whose roles another rule gives to
//! the same people anyway.

use std::collections::BTreeSet;

use domain::evaluate::all_hold;
use domain::policy::{Condition, Role, Rule, RuleState, Test};
use domain::{Attr, Attrs, EntitlementId, Slot};

use crate::report::{At, Report};
use crate::sections::Named;
use crate::vocabulary::Vocabulary;

/// Most people that are made up to find one for whom a rule holds.
const MOST_PEOPLE: usize = 4096;

/// Warns of rules that are never true.
pub(crate) fn report_never(
    report: &Report,
    table: &Named<Rule>,
    required: &[At<Attr>],
    vocabulary: &Vocabulary,
) {
    for rule in table.values() {
        if never(&rule.value, required, vocabulary) {
            report.warn(
                rule.at,
                "never-true",
                format!("rule `{}` holds for nobody", rule.value.id),
                "its conditions rule each other out, or leave no value that the attribute can \
                 have: correct or remove it",
            );
        }
    }
}

/// Whether nobody can be made up for whom the rule holds. Attributes whose values are not limited
/// are left out, unless conditions on the same attribute contradict each other.
fn never(rule: &Rule, required: &[At<Attr>], vocabulary: &Vocabulary) -> bool {
    let mut attrs: BTreeSet<Attr> = rule.when.iter().map(|condition| condition.attr).collect();
    let mut people = vec![Attrs::new()];
    let read = rule.filter.iter().flat_map(|filter| &filter.attrs);
    let all_limited = read.clone().all(|attr| vocabulary.known(*attr).is_some());
    if all_limited {
        attrs.extend(read);
    }
    for attr in attrs {
        let here: Vec<Condition> = rule
            .when
            .iter()
            .filter(|condition| condition.attr == attr)
            .cloned()
            .collect();
        let mut values = values(attr, &here, required, vocabulary);
        values.retain(|value| all_hold(&here, &one(attr, value.as_deref())));
        if values.is_empty() {
            return true;
        }
        let filtered = all_limited
            && rule
                .filter
                .as_ref()
                .is_some_and(|filter| filter.attrs.contains(&attr));
        if !filtered {
            continue;
        }
        if people.len().saturating_mul(values.len()) > MOST_PEOPLE {
            return false;
        }
        people = people
            .iter()
            .flat_map(|person| {
                values.iter().map(|value| {
                    let mut person = person.clone();
                    person.overlay(&one(attr, value.as_deref()));
                    person
                })
            })
            .collect();
    }
    match &rule.filter {
        Some(filter) if all_limited => !people.iter().any(|person| filter.holds(person)),
        Some(_) | None => false,
    }
}

fn one(attr: Attr, value: Option<&str>) -> Attrs {
    value
        .map(|value| (attr, Slot::from(value)))
        .into_iter()
        .collect()
}

/// Values that tell the conditions apart: all that the attribute can have, or those that are
/// named, something else, and nothing.
fn values(
    attr: Attr,
    conditions: &[Condition],
    required: &[At<Attr>],
    vocabulary: &Vocabulary,
) -> Vec<Option<String>> {
    let mut values: Vec<Option<String>> = Vec::new();
    // A record without a required attribute is parked before any rule is asked.
    if !required.iter().any(|required| required.value == attr) && attr != Attr::Lifecycle {
        values.push(None);
    }
    if let Some(known) = vocabulary.known(attr) {
        values.extend(known.iter().map(|value| Some(value.to_string())));
        return values;
    }
    // Longer than anything that is named, so that no test names it.
    let other = |start: &str| Some(format!("{start}\u{10ffff}"));
    values.push(other(""));
    for condition in conditions {
        let (named, prefixes): (Vec<&Box<str>>, &[Box<str>]) = match &condition.test {
            Test::In(values) | Test::NotIn(values) => (values.iter().collect(), &[]),
            Test::Prefix(prefixes) => (Vec::new(), prefixes),
            Test::Present | Test::Absent => (Vec::new(), &[]),
        };
        values.extend(named.iter().map(|value| Some(value.to_string())));
        values.extend(prefixes.iter().map(|start| other(start)));
    }
    values
}

/// Warns of rules that give nothing which another rule does not give to the same people.
pub(crate) fn report_subsumed(report: &Report, table: &Named<Rule>, roles: &Named<Role>) {
    for (index, rule) in table.values().enumerate() {
        let wider = table.values().enumerate().find(|(other_index, other)| {
            *other_index != index
                && lasts(&other.value)
                && covers(&other.value, &rule.value)
                && gives(&other.value, &rule.value, roles)
                // Of two that say the same the later one is too many.
                && (*other_index < index || !covers(&rule.value, &other.value) || !lasts(&rule.value))
        });
        if let Some((_, wider)) = wider {
            report.warn(
                rule.at,
                "subsumed",
                format!(
                    "rule `{}` gives nothing that rule `{}` does not give to the same people",
                    rule.value.id, wider.value.id
                ),
                "remove it, or narrow the other one",
            );
        }
    }
}

/// Whether a rule acts, and goes on acting.
fn lasts(rule: &Rule) -> bool {
    rule.state == RuleState::Enforce && rule.for_days.is_none() && rule.until.is_none()
}

/// Whether the wider rule holds wherever the narrower one does.
fn covers(wider: &Rule, narrower: &Rule) -> bool {
    let same_filter = match (&wider.filter, &narrower.filter) {
        (None, _) => true,
        (Some(wider), Some(narrower)) => wider.root == narrower.root,
        (Some(_), None) => false,
    };
    same_filter
        && wider.when.iter().all(|condition| {
            let mut here = narrower.when.iter();
            here.any(|other| other.attr == condition.attr && implies(&other.test, &condition.test))
        })
}

/// Whether every value that passes the first test passes the second.
fn implies(first: &Test, second: &Test) -> bool {
    match (first, second) {
        (Test::In(values), _) => values
            .iter()
            .filter(|value| !value.is_empty())
            .all(|value| match second {
                Test::In(wider) => wider.contains(value),
                Test::NotIn(out) => !out.contains(value),
                Test::Prefix(prefixes) => prefixes.iter().any(|start| value.starts_with(&**start)),
                Test::Present => true,
                Test::Absent => false,
            }),
        (Test::NotIn(out), Test::NotIn(fewer)) => fewer.is_subset(out),
        (Test::Prefix(starts), Test::Prefix(shorter)) => starts.iter().all(|start| {
            let mut shorter = shorter.iter();
            shorter.any(|shorter| start.starts_with(&**shorter))
        }),
        // An absent value passes `not_in` too.
        (Test::Prefix(_) | Test::Present, Test::Present)
        | (Test::Absent, Test::Absent | Test::NotIn(_)) => true,
        (Test::NotIn(_), Test::In(_) | Test::Prefix(_) | Test::Present | Test::Absent)
        | (Test::Prefix(_), Test::In(_) | Test::NotIn(_) | Test::Absent)
        | (Test::Present, Test::In(_) | Test::NotIn(_) | Test::Prefix(_) | Test::Absent)
        | (Test::Absent, Test::In(_) | Test::Prefix(_) | Test::Present) => false,
    }
}

/// Whether the first rule gives everything that the second one gives.
fn gives(first: &Rule, second: &Rule, roles: &Named<Role>) -> bool {
    let held = |rule: &Rule| -> BTreeSet<EntitlementId> {
        let roles = rule.roles.iter().filter_map(|id| roles.get(id.as_str()));
        roles
            .flat_map(|role| role.value.entitlements.keys().cloned())
            .collect()
    };
    let second = held(second);
    !second.is_empty() && second.is_subset(&held(first))
}
