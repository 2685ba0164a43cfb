//! `[identifiers.<namespace>]`: user names and addresses that are generated and never reused.

use domain::policy::{Expr, IdentifierRule, Part, Target, Template};

use crate::fields::Fields;
use crate::report::{At, Report};
use crate::sections::{Named, Sections};
use crate::template::{self, Counting};

/// Reads every identifier.
pub(crate) fn read(sections: &Sections<'_>) -> Named<IdentifierRule> {
    sections.named("identifiers", "identifier", rule)
}

fn rule(fields: &Fields<'_>) -> IdentifierRule {
    let ladder = fields
        .need("ladder", "[\"{given_name:slug}.{family_name:slug}{n}\"]")
        .map_or_else(Vec::new, |node| {
            node.not_empty();
            node.texts()
        });
    let last = ladder.len().saturating_sub(1);
    let templates = ladder
        .iter()
        .enumerate()
        .map(|(index, text)| step(fields.report, *text, index == last))
        .collect();
    IdentifierRule {
        ladder: templates,
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

/// One template of the ladder.
fn step(report: &Report, text: At<&str>, last: bool) -> Template {
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
    template
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
