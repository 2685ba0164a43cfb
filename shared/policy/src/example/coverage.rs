//! Which expressions an example has seen at work. What nobody has seen is probably not what
//! somebody meant.

use std::collections::BTreeSet;

use domain::policy::{Expr, Policy, RuleState};
use domain::{RuleId, TargetId};

use crate::fields::Node;
use crate::report::Span;
use crate::sections::Sections;

/// What the examples touched.
#[derive(Default)]
pub(super) struct Coverage {
    /// Rules that gave something to somebody.
    pub(super) rules: BTreeSet<RuleId>,
    /// Targets on which somebody has, or would have, an account; on which somebody has none.
    pub(super) inside: BTreeSet<TargetId>,
    pub(super) outside: BTreeSet<TargetId>,
    /// Attributes of accounts of which a value was expected.
    pub(super) mappings: BTreeSet<(TargetId, Box<str>)>,
}

/// Warns of expressions that no example exercises.
pub(super) fn report(sections: &Sections<'_>, policy: &Policy, coverage: &Coverage) {
    for rule in &policy.rules {
        let tested = rule.filter.is_none()
            || rule.state == RuleState::Draft
            || coverage.rules.contains(&rule.id);
        if let (false, Some(at)) = (tested, place_of_rule(sections, &rule.id)) {
            sections.report.warn(
                at,
                "untested",
                format!("no example gets anything by rule `{}`", rule.id),
                format!(
                    "add to `[[examples]]` somebody for whom its `where` holds, with `rules = \
                     [\"{}\"]`, and somebody for whom it does not",
                    rule.id
                ),
            );
        }
    }
    for (name, target) in &policy.targets {
        let both = coverage.inside.contains(name) && coverage.outside.contains(name);
        if let (Some(_), false, Some(at)) =
            (&target.scope_filter, both, place_of_scope(sections, name))
        {
            sections.report.warn(
                at,
                "untested",
                format!("no two examples lie on both sides of the scope of `{name}`"),
                "add to `[[examples]]` somebody for whom `scope_where` holds, and somebody for whom it \
                 does not",
            );
        }
        for mapping in target.mappings.iter().filter(|one| computes(&one.expr)) {
            if coverage
                .mappings
                .contains(&(name.clone(), (&*mapping.path).into()))
            {
                continue;
            }
            if let Some(at) = place_of_mapping(sections, name, &mapping.path) {
                sections.report.warn(
                    at,
                    "untested",
                    format!(
                        "no example expects a value of `{}` at `{name}`",
                        mapping.path
                    ),
                    format!(
                        "add to `[[examples]]` somebody with `attributes.{name} = {{ '{}' = \
                         \"...\" }}`",
                        mapping.path
                    ),
                );
            }
        }
    }
}

fn computes(expr: &Expr) -> bool {
    match expr {
        Expr::Computed(_) => true,
        Expr::FirstOf(options) => options.iter().any(computes),
        Expr::Template(_)
        | Expr::Lookup { .. }
        | Expr::Identifier(_)
        | Expr::Manager
        | Expr::Key => false,
    }
}

fn place_of_rule(sections: &Sections<'_>, id: &RuleId) -> Option<Span> {
    let rules = sections.nodes("rules").iter().flat_map(Node::list);
    let rule = rules
        .into_iter()
        .find(|node| node.peek("id") == Some(id.as_str()))?;
    place(&rule, "where").map(|(at, _)| at)
}

fn place_of_scope(sections: &Sections<'_>, target: &TargetId) -> Option<Span> {
    let targets = sections.nodes("targets").iter();
    targets
        .filter_map(|node| place(node, target.as_str()))
        .find_map(|(_, node)| place(&node, "scope_where"))
        .map(|(at, _)| at)
}

fn place_of_mapping(sections: &Sections<'_>, target: &TargetId, path: &str) -> Option<Span> {
    let targets = sections.nodes("targets").iter();
    targets
        .filter_map(|node| place(node, target.as_str()))
        .filter_map(|(_, node)| place(&node, "attributes"))
        .find_map(|(_, node)| place(&node, path))
        .map(|(at, _)| at)
}

/// The place of a key of a table, and its value.
fn place<'a>(table: &Node<'a>, key: &str) -> Option<(Span, Node<'a>)> {
    let mut entries = table.entries().into_iter();
    entries
        .find(|(name, _)| name.value == key)
        .map(|(name, node)| (name.at, node))
}
