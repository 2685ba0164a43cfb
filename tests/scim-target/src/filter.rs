//! Filters (RFC 7644 section 3.4.2.2): names resolved against the schema first, then evaluated. A filter on an
//! indexed attribute is answered from the index.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};
use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::schema::{Attr, Kind, Located, Type, locate};
use crate::store::Store;

/// A filter whose names exist.
#[derive(Debug)]
pub(crate) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Test(Located, Check),
    /// One element of the multi-valued attribute passes all of the inner expression.
    Element(Located, Box<Expr>),
}

#[derive(Debug)]
pub(crate) enum Check {
    Present,
    Compare(CompareOp, CompValue),
}

/// What an expression is evaluated on.
pub(crate) trait Subject {
    fn value(&self, extension: Option<&str>, name: &str) -> Option<Cow<'_, Value>>;

    /// A short cut for memberships: whether `list.value` has this id, where the subject can tell at once.
    fn lists(&self, _list: &str, _id: &str) -> Option<bool> {
        None
    }
}

impl Subject for Map<String, Value> {
    fn value(&self, _extension: Option<&str>, name: &str) -> Option<Cow<'_, Value>> {
        self.get(name).map(Cow::Borrowed)
    }
}

pub(crate) fn invalid(detail: impl Into<String>) -> ScimError {
    ScimError::bad("invalidFilter", detail)
}

/// `bare`: whether a name without a URN may be one of the extension.
pub(crate) fn parse(kind: Kind, text: &str, bare: bool) -> Result<Expr, ScimError> {
    let filter: Filter = text
        .parse()
        .map_err(|e| invalid(format!("`{text}`: {e}")))?;
    let find = |path: &AttrPath| {
        locate(kind, path).or_else(|| {
            let uri = kind.extension().filter(|_| bare && path.uri.is_none())?.urn;
            let uri = Some(uri.to_owned());
            locate(
                kind,
                &AttrPath {
                    uri,
                    ..path.clone()
                },
            )
        })
    };
    compile(&find, &filter)
}

fn compile(
    find: &dyn Fn(&AttrPath) -> Option<Located>,
    filter: &Filter,
) -> Result<Expr, ScimError> {
    let all = |items: &[Filter]| {
        items
            .iter()
            .map(|item| compile(find, item))
            .collect::<Result<_, _>>()
    };
    match filter {
        Filter::And(items) => Ok(Expr::And(all(items.as_slice())?)),
        Filter::Or(items) => Ok(Expr::Or(all(items.as_slice())?)),
        Filter::Not(inner) => Ok(Expr::Not(Box::new(compile(find, inner)?))),
        Filter::Attr(test) => compile_test(test, find),
        Filter::ValuePath(path) => {
            let at = find(&path.attr)
                .filter(|at| at.sub.is_none() && at.attr.ty == Type::Complex)
                .ok_or_else(|| invalid(format!("`{}` has no values to filter", path.attr)))?;
            let inner = compile_values(at.attr, &path.filter)?;
            Ok(match inner {
                // `members[value eq "x"]` says the same as `members.value eq "x"`, which has an index.
                Expr::Test(inner, check) if inner.attr.name == "value" => Expr::Test(
                    Located {
                        sub: Some(inner.attr),
                        ..at
                    },
                    check,
                ),
                inner @ (Expr::And(_)
                | Expr::Or(_)
                | Expr::Not(_)
                | Expr::Test(..)
                | Expr::Element(..)) => Expr::Element(at, Box::new(inner)),
            })
        }
    }
}

/// The filter inside the brackets of a value path on `attr`.
pub(crate) fn compile_values(attr: &'static Attr, filter: &ValFilter) -> Result<Expr, ScimError> {
    let all = |items: &[ValFilter]| {
        items
            .iter()
            .map(|item| compile_values(attr, item))
            .collect::<Result<_, _>>()
    };
    match filter {
        ValFilter::And(items) => Ok(Expr::And(all(items.as_slice())?)),
        ValFilter::Or(items) => Ok(Expr::Or(all(items.as_slice())?)),
        ValFilter::Not(inner) => Ok(Expr::Not(Box::new(compile_values(attr, inner)?))),
        ValFilter::Attr(test) => compile_test(test, &|path| {
            let plain = path.uri.is_none() && path.sub_attr.is_none();
            let found = attr.sub(&path.name).filter(|_| plain)?;
            Some(Located {
                extension: None,
                attr: found,
                sub: None,
            })
        }),
    }
}

fn compile_test(
    test: &AttrExp,
    find: &dyn Fn(&AttrPath) -> Option<Located>,
) -> Result<Expr, ScimError> {
    let known = |path: &AttrPath| {
        find(path).ok_or_else(|| invalid(format!("no attribute `{path}` to filter on")))
    };
    match test {
        AttrExp::Present(path) => Ok(Expr::Test(known(path)?, Check::Present)),
        AttrExp::Comparison(path, op, value) => {
            let mut at = known(path)?;
            if at.sub.is_none() && at.attr.ty == Type::Complex {
                // A complex attribute compares by its `value` (RFC 7643 section 2.4).
                at.sub = Some(
                    at.attr
                        .sub("value")
                        .ok_or_else(|| invalid(format!("`{path}` has no `value` to compare")))?,
                );
            }
            comparable(path, at.sub.unwrap_or(at.attr), op, value)?;
            Ok(Expr::Test(at, Check::Compare(op.clone(), value.clone())))
        }
    }
}

fn comparable(
    path: &AttrPath,
    attr: &Attr,
    op: &CompareOp,
    value: &CompValue,
) -> Result<(), ScimError> {
    let equality = matches!(op, CompareOp::Eq | CompareOp::Ne);
    let fits = match value {
        CompValue::Null => equality,
        CompValue::True | CompValue::False => equality && attr.ty == Type::Boolean,
        CompValue::Str(_) => attr.ty != Type::Boolean,
        CompValue::Number(_) => false,
    };
    if fits {
        Ok(())
    } else {
        Err(invalid(format!(
            "`{path} {op} {value}` compares unlike things"
        )))
    }
}

pub(crate) fn matches(expr: &Expr, subject: &dyn Subject) -> bool {
    match expr {
        Expr::And(items) => items.iter().all(|item| matches(item, subject)),
        Expr::Or(items) => items.iter().any(|item| matches(item, subject)),
        Expr::Not(inner) => !matches(inner, subject),
        Expr::Element(at, inner) => {
            subject
                .value(at.extension, at.attr.name)
                .is_some_and(|value| {
                    elements(&value)
                        .iter()
                        .any(|one| one.as_object().is_some_and(|object| matches(inner, object)))
                })
        }
        Expr::Test(at, check) => test(at, check, subject),
    }
}

fn test(at: &Located, check: &Check, subject: &dyn Subject) -> bool {
    if let Check::Compare(CompareOp::Eq, CompValue::Str(id)) = check
        && at.sub.is_some_and(|sub| sub.name == "value")
        && let Some(answer) = subject.lists(at.attr.name, id)
    {
        return answer;
    }
    let found = subject.value(at.extension, at.attr.name);
    let values: Vec<&Value> = found
        .as_deref()
        .map(elements)
        .unwrap_or_default()
        .iter()
        .filter_map(|one| match at.sub {
            None => Some(one),
            Some(sub) => one.get(sub.name),
        })
        .filter(|one| !one.is_null())
        .collect();
    let leaf = at.sub.unwrap_or(at.attr);
    match check {
        Check::Present => values.iter().any(|one| one.as_str() != Some("")),
        Check::Compare(CompareOp::Eq, CompValue::Null) => values.is_empty(),
        Check::Compare(CompareOp::Ne, CompValue::Null) => !values.is_empty(),
        Check::Compare(CompareOp::Ne, wanted) => !values
            .iter()
            .any(|one| compare(leaf, one, &CompareOp::Eq, wanted)),
        Check::Compare(op, wanted) => values.iter().any(|one| compare(leaf, one, op, wanted)),
    }
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            std::slice::from_ref(value)
        }
    }
}

fn compare(attr: &Attr, have: &Value, op: &CompareOp, wanted: &CompValue) -> bool {
    match (have, wanted) {
        (Value::Bool(have), CompValue::True) => *have,
        (Value::Bool(have), CompValue::False) => !*have,
        (Value::String(have), CompValue::Str(wanted)) => {
            if attr.ty == Type::DateTime
                && let (Ok(have), Ok(wanted)) =
                    (have.parse::<Timestamp>(), wanted.parse::<Timestamp>())
            {
                return in_order(&have, op, &wanted);
            }
            if attr.case_exact {
                compare_text(have, op, wanted)
            } else {
                compare_text(&have.to_lowercase(), op, &wanted.to_lowercase())
            }
        }
        _ => false,
    }
}

fn compare_text(have: &str, op: &CompareOp, wanted: &str) -> bool {
    match op {
        CompareOp::Co => have.contains(wanted),
        CompareOp::Sw => have.starts_with(wanted),
        CompareOp::Ew => have.ends_with(wanted),
        CompareOp::Eq
        | CompareOp::Ne
        | CompareOp::Gt
        | CompareOp::Lt
        | CompareOp::Ge
        | CompareOp::Le => in_order(have, op, wanted),
    }
}

fn in_order<T: PartialOrd + ?Sized>(have: &T, op: &CompareOp, wanted: &T) -> bool {
    match op {
        CompareOp::Eq => have == wanted,
        CompareOp::Ne => have != wanted,
        CompareOp::Gt => have > wanted,
        CompareOp::Lt => have < wanted,
        CompareOp::Ge => have >= wanted,
        CompareOp::Le => have <= wanted,
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}

/// Keys among which all matches are, from an index; `None` when every resource has to be looked at.
pub(crate) fn candidates(expr: &Expr, kind: Kind, store: &Store) -> Option<BTreeSet<u64>> {
    match expr {
        Expr::And(items) => items.iter().find_map(|item| candidates(item, kind, store)),
        Expr::Or(items) => {
            let mut union = BTreeSet::new();
            for item in items {
                union.extend(candidates(item, kind, store)?);
            }
            Some(union)
        }
        Expr::Test(at, Check::Compare(CompareOp::Eq, CompValue::Str(wanted))) => {
            let keys = match (kind, at.attr.name) {
                _ if at.extension.is_some() => return None,
                (_, "id") => store.key(kind, wanted).into_iter().collect(),
                (_, "externalId") => store.by_external_id(kind, wanted),
                (Kind::User, "userName") | (Kind::Group, "displayName") => {
                    store.by_label(kind, wanted)
                }
                (Kind::Group, "members") if is_value(at) => store.groups_of(wanted),
                (Kind::User, "groups") if is_value(at) => store
                    .get(Kind::Group, wanted)
                    .map(|group| group.members.iter())
                    .into_iter()
                    .flatten()
                    .filter_map(|member| store.key(Kind::User, member))
                    .collect(),
                _ => return None,
            };
            Some(keys.into_iter().collect())
        }
        Expr::Test(..) | Expr::Not(_) | Expr::Element(..) => None,
    }
}

fn is_value(at: &Located) -> bool {
    at.sub.is_some_and(|sub| sub.name == "value")
}
