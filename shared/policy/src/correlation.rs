//! How worker records find their human: `[[correlation]]`, rules in order, or `[correlation]`,
//! several keys with weights.

use std::collections::BTreeMap;

use domain::Attr;
use domain::policy::{CorrelationRule, MatchAction, WeightedKey, Weights};

use crate::fields::{self, Fields, Node};
use crate::names;
use crate::report::{At, Report, Span};
use crate::sections::Sections;
use crate::vocabulary::Vocabulary;

const ACTIONS: &[(&str, MatchAction)] = &[
    ("link", MatchAction::Link),
    ("case", MatchAction::Case),
    ("ignore", MatchAction::Ignore),
];

/// Either of the two.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) rules: Vec<CorrelationRule>,
    pub(crate) weights: Option<Weights>,
}

/// Reads whichever the author wrote.
pub(crate) fn read(sections: &Sections<'_>, vocabulary: &Vocabulary) -> Read {
    match sections.single("correlation", "the order of the rules counts") {
        None => Read::default(),
        Some(node) if node.is_table() => Read {
            weights: weights(node, vocabulary),
            ..Read::default()
        },
        Some(node) => Read {
            rules: rules(node, vocabulary),
            ..Read::default()
        },
    }
}

fn weights(node: &Node<'_>, vocabulary: &Vocabulary) -> Option<Weights> {
    let fields = node.clone().called("`correlation`".to_owned()).fields()?;
    let percent = |key, example| {
        let count = fields.need(key, example)?.count(1..=100)?;
        u8::try_from(count).ok()
    };
    let (link, case) = (percent("link", "80"), percent("case", "40"));
    if let (Some(link), Some(case)) = (link, case)
        && case > link
    {
        fields.report.error(
            fields.at,
            "bad-threshold",
            format!("`case` is {case} and `link` is {link}"),
            "make `case` the smaller: from there on a human is asked, from `link` on nobody is",
        );
    }
    let ended = fields
        .need("ended", "\"link\"")
        .and_then(|node| node.choice(ACTIONS));
    let active = active(&fields, vocabulary);
    let example = "{ work_email = { finds = true, agree = 70 } }";
    let mut keys: Vec<WeightedKey> = fields.need("keys", example).map_or_else(Vec::new, |node| {
        let entries = node.entries().into_iter();
        entries
            .filter_map(|(name, value)| key(&fields, name, &value))
            .collect()
    });
    keys.sort_by_key(|key| key.attr);
    let weights = Weights {
        keys,
        link: link.unwrap_or(100),
        case: case.unwrap_or(100),
        ended: ended.unwrap_or(MatchAction::Case),
        active,
    };
    reachable(&fields, &weights);
    fields.finish();
    Some(weights)
}

/// Reports weights by which nobody would ever be found or linked.
fn reachable(fields: &Fields<'_>, weights: &Weights) {
    if weights.keys.is_empty() {
        return;
    }
    if !weights.keys.iter().any(|key| key.finds) {
        fields.report.error(
            fields.at,
            "nobody-found",
            "no key of `correlation` finds anybody",
            "add `finds = true` to keys whose value is one person's: an address, an id",
        );
    }
    let most: u32 = weights.keys.iter().map(|key| u32::from(key.agree)).sum();
    if most < u32::from(weights.case) {
        fields.report.error(
            fields.at,
            "nobody-found",
            format!(
                "all keys of `correlation` together come to {most}, and `case` begins at {}",
                weights.case
            ),
            "raise the weights, or lower `case` and `link`",
        );
    }
}

fn key(all: &Fields<'_>, name: At<&str>, value: &Node<'_>) -> Option<WeightedKey> {
    let attr = fields::attr(all.report, name)?;
    if attr == Attr::Lifecycle {
        never_stated(all.report, name.at);
    }
    let fields = value.fields()?;
    let percent = |node: Node<'_>| u8::try_from(node.count(0..=100)?).ok();
    let key = WeightedKey {
        attr,
        finds: fields.flag("finds"),
        agree: fields.need("agree", "30").and_then(percent).unwrap_or(0),
        contradict: fields.get("contradict").and_then(percent).unwrap_or(0),
    };
    fields.finish();
    Some(key)
}

/// Reads every rule, in the author's order.
fn rules(node: &Node<'_>, vocabulary: &Vocabulary) -> Vec<CorrelationRule> {
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
        never_stated(node.report, node.at);
    }
}

fn never_stated(report: &Report, at: Span) {
    report.error(
        at,
        "bad-attribute",
        "`lifecycle` is derived and never stated",
        "correlate on an attribute that tells people apart",
    );
}
