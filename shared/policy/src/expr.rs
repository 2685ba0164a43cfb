//! Mapping expressions: where an account's attribute comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Attr;
use domain::policy::{Expr, IdentifierRule, Mapping, Template};
use domain::project::Strength;

use crate::expression;
use crate::fields::{self, Fields, Node};
use crate::names;
use crate::report::At;
use crate::sections::Named;
use crate::template::{self, Counting};
use crate::vocabulary::Vocabulary;

const STRENGTHS: &[(&str, Strength)] = &[
    ("on_create", Strength::OnCreate),
    ("always", Strength::Always),
    ("fill_if_empty", Strength::FillIfEmpty),
];

/// The keys that say where a value comes from, of which a table has exactly one.
const KINDS: &[&str] = &[
    "template",
    "lookup",
    "expr",
    "first_of",
    "identifier",
    "manager",
    "key",
];

/// What expressions may name.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) identifiers: &'a Named<IdentifierRule>,
    pub(crate) vocabulary: &'a Vocabulary,
}

/// Reads `"path" = ...` of a target's attributes. `None` where the expression has no meaning.
pub(crate) fn mapping(path: &str, node: &Node<'_>, scope: Scope<'_>) -> Option<Mapping> {
    let mut strength = Strength::Always;
    let expr = if node.is_text() {
        text(node, scope)
    } else if !node.is_table() {
        node.wrong_type("a template or a table", "`\"{title}\"`");
        return None;
    } else {
        let fields = node.fields()?;
        if let Some(word) = fields.get("strength") {
            strength = word.choice(STRENGTHS).unwrap_or(strength);
        }
        let expr = table(&fields, scope);
        fields.finish();
        expr
    };
    Some(Mapping {
        path: path.into(),
        expr: expr?,
        strength,
    })
}

fn expr(node: &Node<'_>, scope: Scope<'_>) -> Option<Expr> {
    if node.is_text() {
        return text(node, scope);
    }
    if !node.is_table() {
        node.wrong_type("a template or a table", "`\"{title}\"`");
        return None;
    }
    let fields = node.fields()?;
    let expr = table(&fields, scope);
    fields.finish();
    expr
}

fn text(node: &Node<'_>, scope: Scope<'_>) -> Option<Expr> {
    Some(Expr::Template(read_template(node.text()?, node, scope)))
}

fn read_template(text: At<&str>, node: &Node<'_>, _scope: Scope<'_>) -> Template {
    let template = template::parse(node.report, text, Counting::Refused);
    if template::attrs(&template).any(|attr| attr == Attr::PersonalEmail) {
        private(node);
    }
    template
}

/// The source of a value, from a table with exactly one of the kinds.
fn table(fields: &Fields<'_>, scope: Scope<'_>) -> Option<Expr> {
    let given: Vec<(&'static str, Node<'_>)> = KINDS
        .iter()
        .filter_map(|kind| Some((*kind, fields.get(kind)?)))
        .collect();
    let [(kind, node)] = given.as_slice() else {
        let kinds: Vec<String> = KINDS.iter().map(|kind| format!("`{kind}`")).collect();
        fields.report.error(
            fields.at,
            "bad-expression",
            if given.is_empty() {
                format!("{} does not say where its value comes from", fields.name)
            } else {
                format!("{} says twice where its value comes from", fields.name)
            },
            format!("give exactly one of {}", kinds.join(", ")),
        );
        // Known, so that they are not reported a second time.
        fields.get("table");
        fields.get("default");
        return None;
    };
    match *kind {
        "lookup" => lookup(fields, node, scope),
        "expr" => {
            let expression = expression::text(node, scope.vocabulary)?;
            if expression.attrs.contains(&Attr::PersonalEmail) {
                private(node);
            }
            Some(Expr::Computed(expression))
        }
        "first_of" => {
            node.not_empty();
            let exprs: Vec<Expr> = node
                .list()
                .iter()
                .filter_map(|node| expr(node, scope))
                .collect();
            Some(Expr::FirstOf(exprs))
        }
        "identifier" => identifier(node, scope),
        "manager" => only_true(node).then_some(Expr::Manager),
        "key" => only_true(node).then_some(Expr::Key),
        _ => text(node, scope),
    }
}

fn lookup(fields: &Fields<'_>, node: &Node<'_>, scope: Scope<'_>) -> Option<Expr> {
    let table = fields.need("table", "{ PT = \"Portugal\" }");
    let default = fields.get("default").and_then(|node| node.any_text());
    let attr = node
        .text()
        .and_then(|name| fields::attr(node.report, name))?;
    if attr == Attr::PersonalEmail {
        private(node);
    }
    let mut values: BTreeMap<Box<str>, Arc<str>> = BTreeMap::new();
    for (from, to) in table.iter().flat_map(Node::entries) {
        scope.vocabulary.check(node.report, attr, from);
        if let Some(to) = to.any_text() {
            values.insert(from.value.into(), to.value.into());
        }
    }
    if let Some(table) = &table
        && table.is_table()
        && table.entries().is_empty()
    {
        node.report.error(
            table.at,
            "empty",
            format!("{} is empty", table.name),
            "give at least one value",
        );
    }
    Some(Expr::Lookup {
        attr,
        table: values,
        default: default.map(|text| text.value.into()),
    })
}

fn identifier(node: &Node<'_>, scope: Scope<'_>) -> Option<Expr> {
    let name = node.text()?;
    names::resolve(
        node.report,
        name,
        "identifier",
        scope.identifiers.keys().map(AsRef::as_ref),
        &format!("define it under `[identifiers.{}]`", name.value),
    );
    Some(Expr::Identifier(name.value.into()))
}

fn only_true(node: &Node<'_>) -> bool {
    let flag = node.flag();
    if flag == Some(false) {
        node.report.error(
            node.at,
            "bad-expression",
            format!("{} is false", node.name),
            "write `true`, or remove the mapping",
        );
    }
    flag == Some(true)
}

fn private(node: &Node<'_>) {
    node.report.error(
        node.at,
        "private-attribute",
        format!("{} would send the private address to a target", node.name),
        "map `work_email`: `personal_email` is for finding the person, and is never provisioned",
    );
}
