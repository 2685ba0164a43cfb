//! `[identifiers.<namespace>]`: user names and addresses that are generated and never reused.

use domain::Attr;
use domain::policy::{Expr, IdentifierRule, Part, Step, Target};

use crate::expression;
use crate::fields::{Fields, Node};
use crate::report::{At, Report};
use crate::sections::{Named, Sections};
use crate::template::{self, Counting};
use crate::vocabulary::Vocabulary;

/// Reads every identifier.
pub(crate) fn read(sections: &Sections<'_>, vocabulary: &Vocabulary) -> Named<IdentifierRule> {
    sections.named("identifiers", "identifier", |fields| {
        rule(fields, vocabulary)
    })
}

fn rule(fields: &Fields<'_>, vocabulary: &Vocabulary) -> IdentifierRule {
    let steps = fields
        .need("ladder", "[\"{given_name:slug}.{family_name:slug}{n}\"]")
        .map_or_else(Vec::new, |node| {
            node.not_empty();
            steps(&node, vocabulary)
        });
    IdentifierRule {
        ladder: steps,
        suffix: fields
            .get("suffix")
            .and_then(|node| node.any_text())
            .map_or("", |text| text.value)
            .into(),
        max_len: fields
            .get("max_length")
            .and_then(|node| node.count(8..=256))
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(64),
        stated: fields.get("stated").and_then(|node| node.attr()),
    }
}

/// Templates and expressions, in their order.
fn steps(node: &Node<'_>, vocabulary: &Vocabulary) -> Vec<Step> {
    let entries = node.list();
    let last = entries.len().saturating_sub(1);
    let mut seen: Vec<&str> = Vec::new();
    let mut steps = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if entry.is_table() {
            steps.extend(computed(entry, vocabulary, index == last));
            continue;
        }
        let Some(text) = entry.text() else { continue };
        if seen.contains(&text.value) {
            node.report.error(
                text.at,
                "twice",
                format!("`{}` stands twice in {}", text.value, node.name),
                "remove one of the two",
            );
            continue;
        }
        seen.push(text.value);
        steps.push(step(node.report, text, index == last));
    }
    steps
}

/// `{ expr = "..." }`.
fn computed(entry: &Node<'_>, vocabulary: &Vocabulary, last: bool) -> Option<Step> {
    let fields = entry.fields()?;
    let node = fields.need("expr", "\"Left(given_name, 1) + family_name\"");
    fields.finish();
    let node = node?;
    let expression = expression::text(&node, vocabulary)?;
    if expression.attrs.is_empty() {
        node.report.error(
            node.at,
            "bad-ladder",
            "the expression reads no attribute, so that everybody would get the same",
            "name at least one, as in `Left(given_name, 1) + family_name`",
        );
    } else if expression.attrs.contains(&Attr::PersonalEmail) {
        node.report.error(
            node.at,
            "bad-ladder",
            "`personal_email` is never sent to a target, in a generated name neither",
            "read names instead",
        );
    }
    if last {
        node.report.warn(
            node.at,
            "ladder-ends",
            "the last step is an expression, which cannot count",
            "end with a template with `{n}`, or a person whose every candidate is taken gets a name \
             without meaning",
        );
    }
    Some(Step::Computed(expression))
}

/// One template of the ladder.
fn step(report: &Report, text: At<&str>, last: bool) -> Step {
    let template = template::parse(report, text, Counting::Allowed);
    let counts = template.parts.contains(&Part::Counter);
    if template::attrs(&template).next().is_none() && !template.parts.is_empty() {
        report.error(
            text.at,
            "bad-ladder",
            "the template names no attribute, so that everybody would get the same",
            "name at least one, as in `{given_name:slug}`",
        );
    }
    if counts && !last {
        report.error(
            text.at,
            "bad-ladder",
            "`{n}` stands in a template that is not the last",
            "the counter repeats the last template: move this one to the end",
        );
    } else if last && !counts {
        report.warn(
            text.at,
            "ladder-ends",
            "the last template has no `{n}`",
            "add it, or a person whose every candidate is taken gets a name without meaning",
        );
    }
    Step::Template(template)
}

/// Warns of identifiers that no target maps.
pub(crate) fn check_uses(
    report: &Report,
    identifiers: &Named<IdentifierRule>,
    targets: &Named<Target>,
) {
    let used = |name: &str| {
        targets
            .values()
            .flat_map(|target| &target.value.mappings)
            .any(|mapping| uses(&mapping.expr, name))
    };
    for (name, rule) in identifiers {
        if !used(name) {
            report.warn(
                rule.at,
                "unused",
                format!("no target maps identifier `{name}`"),
                format!("map it with `{{ identifier = \"{name}\" }}`, or remove it"),
            );
        }
    }
}

fn uses(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Identifier(namespace) => namespace.as_ref() == name,
        Expr::FirstOf(exprs) => exprs.iter().any(|expr| uses(expr, name)),
        Expr::Template(_) | Expr::Lookup { .. } | Expr::Computed(_) | Expr::Manager | Expr::Key => {
            false
        }
    }
}
