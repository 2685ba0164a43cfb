//! Requests as a lenient target reads them: booleans as text, attributes that the schema does not have.

use scim_v2::filter::PatchPath;
use serde_json::Value;

use crate::patch::Operation;
use crate::schema::{Attr, COMMON, Kind, Located, locate};
use crate::truth::{Door, UnknownNames};

/// The body of a POST or PUT.
pub(crate) fn resource(kind: Kind, body: &Value, door: Door) -> Value {
    let mut body = body.clone();
    if door.text_booleans {
        read_booleans(&mut body);
    }
    if door.unknown == UnknownNames::Dropped
        && let Some(object) = body.as_object_mut()
    {
        object.retain(|name, value| keep(kind, name, value));
    }
    body
}

/// The operations of a PATCH, fewer when some name nothing that the target has.
pub(crate) fn operations(kind: Kind, mut given: Vec<Operation>, door: Door) -> Vec<Operation> {
    if door.text_booleans {
        for operation in &mut given {
            let flag = operation.path.as_deref().is_some_and(names_flag);
            if let Some(value) = &mut operation.value {
                if flag {
                    read_boolean(value);
                } else {
                    read_booleans(value);
                }
            }
        }
    }
    if door.unknown == UnknownNames::Dropped {
        given.retain_mut(|operation| match (&operation.path, &mut operation.value) {
            (Some(path), Some(value)) => keep(kind, path, value),
            (Some(path), None) => keep(kind, path, &mut Value::Null),
            (None, Some(Value::Object(object))) => {
                object.retain(|name, value| keep(kind, name, value));
                !object.is_empty()
            }
            (None, _) => true,
        });
    }
    given
}

/// Whether the schema has the name, which may be a path. What it does not have below the name leaves `value`.
fn keep(kind: Kind, name: &str, value: &mut Value) -> bool {
    if name.eq_ignore_ascii_case("schemas") || name.eq_ignore_ascii_case(kind.core().urn) {
        return true;
    }
    let extension = kind.extension();
    if let Some(extension) = extension.filter(|e| e.urn.eq_ignore_ascii_case(name)) {
        if let Some(object) = value.as_object_mut() {
            object.retain(|name, value| keep(kind, &format!("{}:{name}", extension.urn), value));
        }
        return true;
    }
    let (named, located) = match name.parse::<PatchPath>() {
        Ok(PatchPath::Attr(path)) => (path.name.clone(), locate(kind, &path)),
        Ok(PatchPath::Value(path)) => (path.attr.name.clone(), locate(kind, &path.attr)),
        // A URN that no schema has is a name that is not known; anything else is a mistake, which PATCH reports.
        Err(_) => return !name.to_ascii_lowercase().starts_with("urn:"),
    };
    let Some(Located { attr, sub, .. }) = located else {
        return COMMON
            .iter()
            .any(|attr| attr.name.eq_ignore_ascii_case(&named));
    };
    if sub.is_none() {
        prune(attr, value);
    }
    true
}

fn prune(attr: &'static Attr, value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|one| prune(attr, one)),
        Value::Object(object) if !attr.subs.is_empty() => {
            object.retain(|name, _| attr.sub(name).is_some());
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn names_flag(path: &str) -> bool {
    let last = path.rsplit(['.', ':']).next().unwrap_or_default();
    last.eq_ignore_ascii_case("active") || last.eq_ignore_ascii_case("primary")
}

fn read_booleans(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(read_booleans),
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                if names_flag(name) {
                    read_boolean(value);
                } else {
                    read_booleans(value);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn read_boolean(value: &mut Value) {
    let read = match value.as_str() {
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        Some(_) | None => return,
    };
    *value = Value::Bool(read);
}
