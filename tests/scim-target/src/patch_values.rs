//! PATCH operations with a value filter, such as `emails[type eq "work"].value`.

use scim_v2::filter::{AttrExp, CompValue, CompareOp, ValFilter};
use serde_json::{Map, Value};

use crate::accept::{coerce_one, is_primary};
use crate::error::ScimError;
use crate::filter::{Expr, matches};
use crate::patch::{Verb, append};
use crate::schema::Located;

pub(crate) struct Target<'a> {
    pub(crate) at: &'a Located,
    pub(crate) filter: &'a Expr,
    pub(crate) text: &'a ValFilter,
    pub(crate) path: &'a str,
}

pub(crate) fn apply(
    holder: &mut Map<String, Value>,
    verb: Verb,
    target: &Target<'_>,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    let attr = target.at.attr;
    let mut values = match holder.remove(attr.name) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };
    let hit: Vec<bool> = values
        .iter()
        .map(|one| {
            one.as_object()
                .is_some_and(|object| matches(target.filter, object))
        })
        .collect();
    let any = hit.contains(&true);
    let change = change(verb, target, value)?;
    let outcome = match change {
        Change::Drop => {
            let mut keep = hit.iter().map(|hit| !hit);
            values.retain(|_| keep.next().unwrap_or(true));
            Ok(())
        }
        Change::Edit(_) if !any && verb == Verb::Replace => Err(ScimError::no_target(target.path)),
        Change::Edit(given) if !any => {
            if let Some(mut seed) = seed(target.text) {
                seed.extend(given);
                if let Some(one) = coerce_one(attr, &Value::Object(seed))? {
                    holder.insert(
                        attr.name.to_owned(),
                        Value::Array(std::mem::take(&mut values)),
                    );
                    append(holder, attr, one);
                }
                return Ok(());
            }
            Err(ScimError::no_target(target.path))
        }
        Change::Edit(given) => {
            if given.get("primary") == Some(&Value::Bool(true)) {
                demote(&mut values);
            }
            for object in values
                .iter_mut()
                .zip(&hit)
                .filter(|(_, hit)| **hit)
                .filter_map(|(one, _)| one.as_object_mut())
            {
                object.extend(given.clone());
            }
            Ok(())
        }
        Change::Unset(name) => {
            for object in values
                .iter_mut()
                .zip(&hit)
                .filter(|(_, hit)| **hit)
                .filter_map(|(one, _)| one.as_object_mut())
            {
                object.remove(name);
            }
            values.retain(|one| one.as_object().is_none_or(|object| !object.is_empty()));
            Ok(())
        }
    };
    if !values.is_empty() {
        holder.insert(attr.name.to_owned(), Value::Array(values));
    }
    outcome
}

enum Change {
    /// The elements go.
    Drop,
    /// The elements get these sub-attributes.
    Edit(Map<String, Value>),
    /// The elements lose this sub-attribute.
    Unset(&'static str),
}

fn change(verb: Verb, target: &Target<'_>, value: Option<&Value>) -> Result<Change, ScimError> {
    let given = value.filter(|value| verb != Verb::Remove && !value.is_null());
    match (target.at.sub, given) {
        (None, None) => Ok(Change::Drop),
        (Some(sub), None) => Ok(Change::Unset(sub.name)),
        (Some(sub), Some(given)) => Ok(match coerce_one(sub, given)? {
            Some(value) => Change::Edit(Map::from_iter([(sub.name.to_owned(), value)])),
            None => Change::Unset(sub.name),
        }),
        (None, Some(given)) => {
            // Clients send the element alone or in a list of one.
            let one = match given.as_array().map(Vec::as_slice) {
                Some([one]) => one,
                Some(_) => {
                    return Err(ScimError::value(format!(
                        "`{}` takes one value",
                        target.path
                    )));
                }
                None => given,
            };
            match coerce_one(target.at.attr, one)? {
                Some(Value::Object(object)) => Ok(Change::Edit(object)),
                _ => Err(ScimError::value(format!(
                    "`{}` takes an object",
                    target.path
                ))),
            }
        }
    }
}

fn demote(values: &mut [Value]) {
    for object in values
        .iter_mut()
        .filter(|one| is_primary(one))
        .filter_map(Value::as_object_mut)
    {
        object.insert("primary".to_owned(), Value::Bool(false));
    }
}

/// The element that a filter of equalities describes: `[type eq "work"]` is `{"type": "work"}`.
fn seed(filter: &ValFilter) -> Option<Map<String, Value>> {
    match filter {
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, value)) => {
            let value = match value {
                CompValue::Str(text) => Value::String(text.clone()),
                CompValue::True => Value::Bool(true),
                CompValue::False => Value::Bool(false),
                CompValue::Null | CompValue::Number(_) => return None,
            };
            Some(Map::from_iter([(path.name.clone(), value)]))
        }
        ValFilter::And(items) => {
            let mut all = Map::new();
            for item in items.as_slice() {
                all.extend(seed(item)?);
            }
            Some(all)
        }
        ValFilter::Attr(AttrExp::Comparison(..) | AttrExp::Present(_))
        | ValFilter::Or(_)
        | ValFilter::Not(_) => None,
    }
}
