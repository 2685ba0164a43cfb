//! Checks what a client sends against the schema and gives it canonical names (RFC 7643 sections 2.1 and 2.5).

use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::schema::{Attr, COMMON, Kind, Mutability, Type};

/// A resource as a client may write it.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) attrs: Map<String, Value>,
    pub(crate) members: Vec<String>,
}

/// Reads the body of a POST or PUT. Attributes that only the server writes are dropped (RFC 7644 section 3.3).
pub(crate) fn resource(kind: Kind, body: &Value) -> Result<Accepted, ScimError> {
    let body = object(body, "the body")?;
    names_core_schema(kind, body)?;
    let mut accepted = Accepted {
        attrs: Map::new(),
        members: Vec::new(),
    };
    for (name, value) in body {
        if name.eq_ignore_ascii_case("schemas") {
            continue;
        }
        if let Some(extension) = kind
            .extension()
            .filter(|e| e.urn.eq_ignore_ascii_case(name))
        {
            let inner = attributes(extension.attrs, object(value, name)?)?;
            if !inner.is_empty() {
                accepted
                    .attrs
                    .insert(extension.urn.to_owned(), Value::Object(inner));
            }
            continue;
        }
        let attr = kind
            .core()
            .attr(name)
            .or_else(|| find(COMMON, name))
            .ok_or_else(|| ScimError::syntax(format!("{kind} has no attribute `{name}`")))?;
        if attr.read_only() {
            continue;
        }
        if kind == Kind::Group && attr.name == "members" {
            accepted.members = member_ids(value)?;
        } else if let Some(value) = coerce(attr, value)? {
            accepted.attrs.insert(attr.name.to_owned(), value);
        }
    }
    if kind == Kind::User {
        accepted.attrs.entry("active").or_insert(Value::Bool(true));
    }
    Ok(accepted)
}

fn names_core_schema(kind: Kind, body: &Map<String, Value>) -> Result<(), ScimError> {
    let listed = body
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("schemas"))
        .and_then(|(_, value)| value.as_array())
        .is_some_and(|urns| {
            urns.iter()
                .filter_map(Value::as_str)
                .any(|urn| urn.eq_ignore_ascii_case(kind.core().urn))
        });
    if listed {
        Ok(())
    } else {
        Err(ScimError::syntax(format!(
            "`schemas` must list `{}`",
            kind.core().urn
        )))
    }
}

pub(crate) fn object<'a>(
    value: &'a Value,
    what: &str,
) -> Result<&'a Map<String, Value>, ScimError> {
    value
        .as_object()
        .ok_or_else(|| ScimError::syntax(format!("{what} must be an object")))
}

fn find(attrs: &'static [Attr], name: &str) -> Option<&'static Attr> {
    attrs
        .iter()
        .find(|attr| attr.name.eq_ignore_ascii_case(name))
}

fn attributes(
    known: &'static [Attr],
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, ScimError> {
    let mut kept = Map::new();
    for (name, value) in given {
        let attr = find(known, name)
            .ok_or_else(|| ScimError::syntax(format!("no attribute `{name}` here")))?;
        if attr.read_only() {
            continue;
        }
        if let Some(value) = coerce(attr, value)? {
            kept.insert(attr.name.to_owned(), value);
        }
    }
    Ok(kept)
}

/// The value in canonical form, or `None` when it is unassigned: null, an empty list, an empty object.
pub(crate) fn coerce(attr: &'static Attr, value: &Value) -> Result<Option<Value>, ScimError> {
    if value.is_null() {
        return Ok(None);
    }
    if !attr.multi {
        return coerce_one(attr, value);
    }
    let Value::Array(given) = value else {
        return Err(ScimError::value(format!("`{}` must be a list", attr.name)));
    };
    let mut kept = Vec::with_capacity(given.len());
    for one in given {
        if let Some(one) = coerce_one(attr, one)?
            && !kept.contains(&one)
        {
            kept.push(one);
        }
    }
    if kept.iter().filter(|one| is_primary(one)).count() > 1 {
        return Err(ScimError::value(format!(
            "`{}` has more than one primary",
            attr.name
        )));
    }
    Ok((!kept.is_empty()).then_some(Value::Array(kept)))
}

pub(crate) fn is_primary(value: &Value) -> bool {
    value
        .get("primary")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// One value of the attribute, whether or not it may have several.
pub(crate) fn coerce_one(attr: &'static Attr, value: &Value) -> Result<Option<Value>, ScimError> {
    let wrong = |expected: &str| {
        Err(ScimError::value(format!(
            "`{}` must be {expected}, not `{value}`",
            attr.name
        )))
    };
    match attr.ty {
        Type::Complex => {
            let Value::Object(given) = value else {
                return wrong("an object");
            };
            let kept = attributes(attr.subs, given)?;
            Ok((!kept.is_empty()).then_some(Value::Object(kept)))
        }
        Type::Boolean if !value.is_boolean() => wrong("true or false"),
        Type::Text | Type::Reference | Type::Binary | Type::DateTime if !value.is_string() => {
            wrong("a string")
        }
        // Never stored, so never returned (RFC 7643 section 7, "returned": "never").
        _ if attr.mutability == Mutability::WriteOnly => Ok(None),
        Type::Boolean | Type::Text | Type::Reference | Type::Binary | Type::DateTime => {
            Ok(Some(value.clone()))
        }
    }
}

/// The ids in a `members` value: a list of objects, or one object.
pub(crate) fn member_ids(value: &Value) -> Result<Vec<String>, ScimError> {
    let one = |member: &Value| {
        object(member, "a member")?
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("value"))
            .and_then(|(_, id)| id.as_str())
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| ScimError::value("a member needs a `value`"))
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(members) => members.iter().map(one).collect(),
        Value::Object(_) => Ok(vec![one(value)?]),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(ScimError::value("`members` must be a list of objects"))
        }
    }
}
