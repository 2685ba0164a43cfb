//! Reads answers as trees: sandbox objects are small, and an experiment looks at any part of them.

use serde_json::{Map, Value};

use crate::path::Path;

/// A member of an object, in any case.
pub(super) fn get<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    let found = object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

pub(super) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    get(value, name)?.as_str().filter(|text| !text.is_empty())
}

/// A boolean, also one that is written as text.
pub(super) fn flag(value: &Value, name: &str) -> Option<bool> {
    match get(value, name)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::String(_) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    get(value, name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The ids of the objects in a list answer.
pub(super) fn ids(answer: &Value) -> Vec<&str> {
    let ids = list(answer, "Resources").iter();
    ids.filter_map(|item| text(item, "id")).collect()
}

/// Whether an answer is a list at all.
pub(super) fn is_list(answer: &Value) -> bool {
    get(answer, "Resources").is_some() || total(answer).is_some()
}

pub(super) fn total(answer: &Value) -> Option<u64> {
    get(answer, "totalResults")?.as_u64()
}

/// Whether a list of references holds an id.
pub(super) fn refers(value: &Value, name: &str, id: &str) -> bool {
    list(value, name)
        .iter()
        .any(|item| text(item, "value") == Some(id))
}

/// The text at a mapping's path.
pub(super) fn at<'v>(user: &'v Value, path: &Path) -> Option<&'v str> {
    let value = match &path.schema {
        None => get(user, &path.attr)?,
        Some(urn) => match get(user, urn) {
            Some(extension) => get(extension, &path.attr)?,
            None => get(user, &path.list_path())?,
        },
    };
    let value = match &path.which {
        None => value,
        Some(which) => value.as_array()?.iter().find(|element| {
            text(element, &which.by)
                .is_some_and(|by| by.eq_ignore_ascii_case(which.equals.as_text()))
        })?,
    };
    match (&path.which, &path.sub) {
        (None, None) => value.as_str(),
        (_, Some(sub)) => text(value, sub),
        (Some(_), None) => text(value, "value"),
    }
}

/// Writes a value at a mapping's path of a resource that has nothing there.
pub(super) fn put(user: &mut Map<String, Value>, path: &Path, value: Value) {
    let holder = match &path.schema {
        None => Some(&mut *user),
        Some(urn) => object(user, urn),
    };
    let Some(holder) = holder else { return };
    match (&path.which, &path.sub) {
        (None, None) => {
            holder.insert(path.attr.to_string(), value);
        }
        (None, Some(sub)) => {
            if let Some(inner) = object(holder, &path.attr) {
                inner.insert(sub.to_string(), value);
            }
        }
        (Some(which), sub) => {
            let sub = sub.as_deref().unwrap_or("value");
            let mut element = Map::from_iter([(which.by.to_string(), which.equals.to_json())]);
            element.insert(sub.to_owned(), value);
            let list = holder
                .entry(&*path.attr)
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Some(list) = list.as_array_mut() {
                list.push(element.into());
            }
        }
    }
    if let Some(urn) = &path.schema
        && let Some(Value::Array(schemas)) = user.get_mut("schemas")
    {
        let urn = Value::from(&**urn);
        if !schemas.contains(&urn) {
            schemas.push(urn);
        }
    }
}

fn object<'m>(map: &'m mut Map<String, Value>, name: &str) -> Option<&'m mut Map<String, Value>> {
    map.entry(name)
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
}

/// Takes out what only the target sets.
pub(super) fn writable(resource: &Value) -> Map<String, Value> {
    const OF_THE_TARGET: [&str; 3] = ["id", "meta", "groups"];
    let Some(object) = resource.as_object() else {
        return Map::new();
    };
    let ours = |key: &str| {
        !OF_THE_TARGET
            .iter()
            .any(|name| name.eq_ignore_ascii_case(key))
    };
    let kept = object.iter().filter(|(key, _)| ours(key));
    kept.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Takes out the value at a path, and what becomes empty by it.
pub(super) fn drop(user: &mut Map<String, Value>, path: &Path) {
    let Some(urn) = &path.schema else {
        user.retain(|key, _| !key.eq_ignore_ascii_case(&path.attr));
        return;
    };
    for (key, value) in user.iter_mut() {
        if key.eq_ignore_ascii_case(urn)
            && let Some(extension) = value.as_object_mut()
        {
            extension.retain(|key, _| !key.eq_ignore_ascii_case(&path.attr));
        }
    }
}
