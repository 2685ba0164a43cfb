//! `[[correlation]]`: how worker records find their human, in order.

use std::collections::BTreeMap;

use domain::Attr;
use domain::policy::{CorrelationRule, MatchAction};

use crate::fields::{Fields, Node};
use crate::names;
use crate::sections::Sections;
use crate::vocabulary::Vocabulary;

const ACTIONS: &[(&str, MatchAction)] = &[
    ("link", MatchAction::Link),
    ("case", MatchAction::Case),
    ("ignore", MatchAction::Ignore),
];

/// Reads every rule, in the author's order.
pub(crate) fn read(sections: &Sections<'_>, vocabulary: &Vocabulary) -> Vec<CorrelationRule> {
    let Some(node) = sections.single("correlation", "the order of the rules counts") else {
        return Vec::new();
    };
    let mut rules: Vec<CorrelationRule> = Vec::new();
    for entry in node.list() {
        let Some(fields) = entry.called("the correlation rule".to_owned()).fields() else {
            continue;
        };
        let fields = match fields.peek("name") {
            Some(name) => fields.called(format!("correlation rule `{name}`")),
            None => fields,
        };
        let rule = rule(&fields, vocabulary);
        if rules
            .iter()
            .any(|earlier| earlier.name == rule.name && !rule.name.is_empty())
        {
            fields.report.error(
                fields.at,
                "defined-twice",
                format!("correlation rule `{}` is defined twice", rule.name),
                "rename or remove one of the two: decisions are recorded under the name",
            );
        }
        fields.finish();
        rules.push(rule);
    }
    rules
}

fn rule(fields: &Fields<'_>, vocabulary: &Vocabulary) -> CorrelationRule {
    let name = fields
        .need("name", "\"work-email\"")
        .and_then(|node| node.text());
    if let Some(name) = name {
        names::check(fields.report, name, "a correlation rule", false);
    }
    let on = fields.need("on", "\"work_email\"").and_then(|node| {
        let attr = node.attr()?;
        stated(&node, attr);
        Some(attr)
    });
    let confirm: Vec<Attr> = fields.get("confirm").map_or_else(Vec::new, |node| {
        let attrs = node.attrs();
        for attr in &attrs {
            if Some(attr.value) == on {
                fields.report.error(
                    attr.at,
                    "twice",
                    format!(
                        "`{}` finds the candidate and cannot confirm it too",
                        attr.value
                    ),
                    "remove it, or confirm by another attribute",
                );
            }
        }
        attrs.into_iter().map(|attr| attr.value).collect()
    });
    let ended = fields
        .need("ended", "\"link\"")
        .and_then(|node| node.choice(ACTIONS));
    CorrelationRule {
        name: name.map_or("", |name| name.value).into(),
        on: on.unwrap_or(Attr::PersonKey),
        confirm,
        ended: ended.unwrap_or(MatchAction::Case),
        active: active(fields, vocabulary),
        confidence: fields
            .need("confidence", "90")
            .and_then(|node| node.count(0..=100))
            .and_then(|count| u8::try_from(count).ok())
            .unwrap_or_default(),
    }
}

/// What to do with somebody who works here now, by employment type.
fn active(fields: &Fields<'_>, vocabulary: &Vocabulary) -> BTreeMap<Box<str>, MatchAction> {
    let Some(node) = fields.need("active", "{ contractor = \"link\", employee = \"case\" }") else {
        return BTreeMap::new();
    };
    node.entries()
        .into_iter()
        .filter_map(|(kind, action)| {
            vocabulary.check(fields.report, Attr::EmploymentType, kind);
            Some((kind.value.into(), action.choice(ACTIONS)?))
        })
        .collect()
}

fn stated(node: &Node<'_>, attr: Attr) {
    if attr == Attr::Lifecycle {
        node.report.error(
            node.at,
            "bad-attribute",
            "`lifecycle` is derived and never stated",
            "correlate on an attribute that tells people apart",
        );
    }
}
