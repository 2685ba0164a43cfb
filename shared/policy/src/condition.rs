//! `when` and `scope`: the columns of a decision table.

use std::collections::BTreeSet;

use domain::Attr;
use domain::policy::{Condition, Test};

use crate::fields::{self, Node};
use crate::report::At;
use crate::vocabulary::Vocabulary;

/// The word that stands for no condition at all, so that an empty table is never read as
/// "everybody" by accident.
const EVERYONE: &str = "everyone";

/// Reads conditions, all of which must hold, in order of the attributes' names.
pub(crate) fn read(node: &Node<'_>, vocabulary: &Vocabulary) -> Vec<Condition> {
    if node.is_text() {
        node.choice(&[(EVERYONE, ())]);
        return Vec::new();
    }
    let entries = node.entries();
    if node.is_table() && entries.is_empty() {
        node.report.error(
            node.at,
            "empty-condition",
            format!("{} has no condition", node.name),
            format!("state at least one, or write `\"{EVERYONE}\"` if everybody is meant"),
        );
    }
    entries
        .iter()
        .filter_map(|(name, value)| Some((fields::attr(node.report, *name)?, value)))
        .flat_map(|(attr, value)| {
            tests(attr, value, vocabulary)
                .into_iter()
                .map(move |test| Condition { attr, test })
        })
        .collect()
}

fn tests(attr: Attr, node: &Node<'_>, vocabulary: &Vocabulary) -> Vec<Test> {
    if !node.is_table() {
        return vec![Test::In(values(
            attr,
            &node.one_or_more(),
            node,
            vocabulary,
        ))];
    }
    let Some(fields) = node.fields() else {
        return Vec::new();
    };
    let mut tests = Vec::new();
    if let Some(list) = fields.get("in") {
        tests.push(Test::In(values(
            attr,
            &list.one_or_more(),
            &list,
            vocabulary,
        )));
    }
    if let Some(list) = fields.get("not_in") {
        tests.push(Test::NotIn(values(
            attr,
            &list.one_or_more(),
            &list,
            vocabulary,
        )));
    }
    if let Some(list) = fields.get("prefix") {
        let prefixes = list.one_or_more();
        for prefix in &prefixes {
            vocabulary.check_prefix(node.report, attr, *prefix);
        }
        tests.push(Test::Prefix(
            prefixes.iter().map(|prefix| prefix.value.into()).collect(),
        ));
    }
    for (key, other, test) in [
        ("present", "absent", Test::Present),
        ("absent", "present", Test::Absent),
    ] {
        let Some(flag) = fields.get(key) else {
            continue;
        };
        match flag.flag() {
            Some(true) => tests.push(test),
            Some(false) => node.report.error(
                flag.at,
                "bad-condition",
                format!("{} is false", flag.name),
                format!("write `{{ {other} = true }}`"),
            ),
            None => {}
        }
    }
    let listed = tests.iter().any(|test| matches!(test, Test::In(_)));
    let absent = tests.iter().any(|test| matches!(test, Test::Absent));
    if fields.is_empty() {
        node.report.error(
            node.at,
            "empty-condition",
            format!("{} tests nothing", node.name),
            "write a value, a list of values, or `in`, `not_in`, `prefix`, `present`, `absent`",
        );
    } else if absent && tests.len() > 1 {
        node.report.error(
            node.at,
            "bad-condition",
            format!("{} wants the attribute absent and something else", node.name),
            "keep `absent` alone, or remove it: an absent value fails every other test but `not_in`",
        );
    }
    if listed && tests.len() > 1 {
        node.report.error(
            node.at,
            "bad-condition",
            format!(
                "{} lists its values and tests something else too",
                node.name
            ),
            "keep `in` alone, with the values that are meant",
        );
    }
    fields.finish();
    tests
}

fn values(
    attr: Attr,
    texts: &[At<&str>],
    node: &Node<'_>,
    vocabulary: &Vocabulary,
) -> BTreeSet<Box<str>> {
    for text in texts {
        vocabulary.check(node.report, attr, *text);
    }
    texts.iter().map(|text| text.value.into()).collect()
}
