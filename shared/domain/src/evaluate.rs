//! Decision tables: which rules hold for a set of attributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expr::{self, Computed};
use crate::policy::{Condition, Policy, Test};
use crate::{Attr, Attrs};

/// The rules of a policy as an index: for each attribute, which rules each of its values leaves
/// standing. Evaluating a hundred rules is then a handful of look-ups.
#[derive(Clone, Debug)]
pub struct Engine {
    columns: Vec<Column>,
    /// The expression of each rule that has one. The table narrows, the expression decides: only
    /// those of rules that are still standing are evaluated.
    filters: Vec<Option<Arc<Computed<expr::Test>>>>,
}

#[derive(Clone, Debug)]
struct Column {
    attr: Attr,
    /// Rules that stand for a value that no rule names, if their prefixes agree.
    other: Bits,
    /// Rules that stand for an absent, cleared or empty value.
    absent: Bits,
    by_value: BTreeMap<Box<str>, Bits>,
    /// Every prefix test, with its rule.
    prefixes: Vec<(usize, Vec<Box<str>>)>,
}

type Bits = Vec<u64>;

impl Engine {
    /// Indexes the rules of a policy.
    pub fn new(policy: &Policy) -> Self {
        let mut attrs: Vec<Attr> = policy
            .rules
            .iter()
            .flat_map(|rule| rule.when.iter().map(|condition| condition.attr))
            .collect();
        attrs.sort_unstable();
        attrs.dedup();
        let columns = attrs
            .into_iter()
            .map(|attr| Column::new(policy, attr))
            .collect();
        Self {
            columns,
            filters: policy
                .rules
                .iter()
                .map(|rule| rule.filter.clone())
                .collect(),
        }
    }

    /// Indices of the rules that hold, ascending.
    pub fn matching(&self, attrs: &Attrs) -> Vec<usize> {
        let mut standing: Bits = vec![u64::MAX; self.filters.len().div_ceil(64)];
        for column in &self.columns {
            column.keep(attrs.text(column.attr), &mut standing);
        }
        let mut found = Vec::new();
        for (word, bits) in standing.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                let index = word * 64 + bits.trailing_zeros() as usize;
                if let Some(filter) = self.filters.get(index)
                    && filter.as_ref().is_none_or(|filter| filter.holds(attrs))
                {
                    found.push(index);
                }
                bits &= bits - 1;
            }
        }
        found
    }
}

impl Column {
    fn new(policy: &Policy, attr: Attr) -> Self {
        let conditions: Vec<(usize, &Test)> = policy
            .rules
            .iter()
            .enumerate()
            .flat_map(|(index, rule)| {
                let on_attr = rule.when.iter().filter(move |c| c.attr == attr);
                on_attr.map(move |c| (index, &c.test))
            })
            .collect();
        let leaving = |fails: &dyn Fn(&Test) -> bool| {
            let mut bits: Bits = vec![u64::MAX; policy.rules.len().div_ceil(64)];
            for (index, test) in &conditions {
                if fails(test) {
                    clear(&mut bits, *index);
                }
            }
            bits
        };
        let values = conditions.iter().flat_map(|(_, test)| match test {
            Test::In(values) | Test::NotIn(values) => values.iter().collect::<Vec<_>>(),
            Test::Prefix(_) | Test::Present | Test::Absent => Vec::new(),
        });
        Self {
            attr,
            other: leaving(&|test| matches!(test, Test::In(_) | Test::Absent)),
            absent: leaving(&|test| !holds(test, None)),
            by_value: values
                .map(|value| (value.clone(), leaving(&|test| !holds(test, Some(value)))))
                .collect(),
            prefixes: conditions
                .iter()
                .filter_map(|(index, test)| match test {
                    Test::Prefix(prefixes) => Some((*index, prefixes.clone())),
                    Test::In(_) | Test::NotIn(_) | Test::Present | Test::Absent => None,
                })
                .collect(),
        }
    }

    fn keep(&self, value: Option<&str>, standing: &mut Bits) {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return and(standing, &self.absent);
        };
        if let Some(bits) = self.by_value.get(value) {
            return and(standing, bits);
        }
        and(standing, &self.other);
        for (rule, prefixes) in &self.prefixes {
            if !begins(value, prefixes) {
                clear(standing, *rule);
            }
        }
    }
}

fn begins(value: &str, prefixes: &[Box<str>]) -> bool {
    prefixes.iter().any(|prefix| value.starts_with(&**prefix))
}

fn and(standing: &mut Bits, bits: &Bits) {
    for (word, mask) in standing.iter_mut().zip(bits) {
        *word &= mask;
    }
}

fn clear(bits: &mut Bits, index: usize) {
    if let Some(word) = bits.get_mut(index / 64) {
        *word &= !(1 << (index % 64));
    }
}

/// Whether a value passes a test; empty counts as absent.
pub fn holds(test: &Test, value: Option<&str>) -> bool {
    match (test, value.filter(|value| !value.is_empty())) {
        (Test::In(values), Some(value)) => values.contains(value),
        (Test::NotIn(values), Some(value)) => !values.contains(value),
        (Test::Prefix(prefixes), Some(value)) => begins(value, prefixes),
        (Test::Present, value) => value.is_some(),
        (Test::Absent, value) => value.is_none(),
        (Test::NotIn(_), None) => true,
        (Test::In(_) | Test::Prefix(_), None) => false,
    }
}

/// Whether every condition holds. For the few conditions outside the rule table (scopes).
pub fn all_hold(conditions: &[Condition], attrs: &Attrs) -> bool {
    conditions
        .iter()
        .all(|condition| holds(&condition.test, attrs.text(condition.attr)))
}
