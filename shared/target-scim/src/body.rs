//! Bodies of requests.

use bytes::Bytes;
use domain::AttrPath;
use serde_json::{Map, Value, json};

use crate::path::{CORE_USER, Path, member_path};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// A path and what to write there; `None` clears.
pub(crate) type Write<'a> = (&'a Path, Option<&'a str>);

/// Two paths that cannot both be set (`manager` and `manager.value`).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` does not fit beside the other paths")]
pub(crate) struct Clash {
    pub(crate) path: AttrPath,
}

/// A new user. Absent and cleared values are left out; the only work e-mail is the primary one.
pub(crate) fn create(active: bool, writes: &[Write<'_>]) -> Result<Value, Clash> {
    let mut user = Map::new();
    let mut schemas = vec![Value::from(CORE_USER)];
    for (path, value) in writes {
        let Some(value) = value else { continue };
        put(&mut user, path, Value::from(*value))?;
        let urn = path.schema.as_deref().map(Value::from);
        schemas.extend(urn.filter(|urn| !schemas.contains(urn)));
    }
    mark_primary(&mut user);
    user.insert("schemas".into(), schemas.into());
    user.insert("active".into(), active.into());
    Ok(user.into())
}

/// A single e-mail is the primary one.
fn mark_primary(user: &mut Map<String, Value>) {
    if let Some(Value::Array(emails)) = user.get_mut("emails")
        && let [Value::Object(email)] = emails.as_mut_slice()
    {
        email.entry("primary").or_insert(true.into());
    }
}

fn put(user: &mut Map<String, Value>, path: &Path, value: Value) -> Result<(), Clash> {
    let clash = || Clash {
        path: path.text.clone(),
    };
    let holder = match &path.schema {
        None => user,
        Some(urn) => object(user, urn).ok_or_else(clash)?,
    };
    let place = match (&path.which, path.sub.as_deref()) {
        (None, None) => (holder, &*path.attr),
        (None, Some(sub)) => (object(holder, &path.attr).ok_or_else(clash)?, sub),
        (Some(which), sub) => {
            let list = holder.entry(&*path.attr).or_insert_with(|| json!([]));
            let list = list.as_array_mut().ok_or_else(clash)?;
            let equals = which.equals.to_json();
            let at = list.iter().position(|e| e.get(&*which.by) == Some(&equals));
            let at = at.unwrap_or_else(|| {
                list.push(json!({ &*which.by: equals }));
                list.len() - 1
            });
            let element = list.get_mut(at).and_then(Value::as_object_mut);
            (element.ok_or_else(clash)?, sub.unwrap_or("value"))
        }
    };
    let (object, name) = place;
    match object.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(clash()),
    }
}

fn object<'m>(map: &'m mut Map<String, Value>, name: &str) -> Option<&'m mut Map<String, Value>> {
    map.entry(name).or_insert_with(|| json!({})).as_object_mut()
}

/// Whether the paths can all be set on one user.
pub(crate) fn check_fit<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<(), Clash> {
    let mut user = Map::new();
    for path in paths {
        put(&mut user, path, Value::from(""))?;
    }
    Ok(())
}

/// One operation per attribute.
pub(crate) fn path_operations(writes: &[Write<'_>]) -> Vec<Value> {
    let operation = |(path, value): &Write<'_>| match value {
        Some(value) => json!({"op": "replace", "path": path.text, "value": value}),
        None => json!({"op": "remove", "path": path.text}),
    };
    writes.iter().map(operation).collect()
}

/// One operation for all attributes. A cleared attribute is null.
pub(crate) fn pathless_operations(writes: &[Write<'_>]) -> Result<Vec<Value>, Clash> {
    let mut user = Map::new();
    for (path, value) in writes {
        put(&mut user, path, value.map_or(Value::Null, Value::from))?;
    }
    mark_primary(&mut user);
    Ok(vec![json!({"op": "replace", "value": user})])
}

/// Whether the pathless form says the same: a list would be replaced as a whole, and not every
/// target takes null for "clear".
pub(crate) fn fits_pathless(writes: &[Write<'_>]) -> bool {
    writes
        .iter()
        .all(|(path, value)| path.which.is_none() && value.is_some())
}

/// The operations for a user whose lists are known: an element that exists is changed, one that
/// does not is added whole, and nothing is removed that is not there.
pub(crate) fn operations_on(user: &Value, writes: &[Write<'_>]) -> Result<Vec<Value>, Clash> {
    let mut operations = Vec::new();
    let mut added: Vec<(&Path, Map<String, Value>)> = Vec::new();
    for write in writes {
        let (path, value) = write;
        match (value, exists(user, path)) {
            (None, false) => {}
            (Some(value), false) if path.which.is_some() => {
                let list = path.list_path();
                let at = added.iter().position(|(p, _)| p.list_path() == list);
                let at = at.unwrap_or_else(|| {
                    added.push((path, Map::new()));
                    added.len() - 1
                });
                if let Some((_, map)) = added.get_mut(at) {
                    let bare = Path {
                        schema: None,
                        ..(*path).clone()
                    };
                    put(map, &bare, Value::from(*value))?;
                }
            }
            (Some(_), _) | (None, true) => {
                operations.extend(path_operations(std::slice::from_ref(write)));
            }
        }
    }
    for (path, mut map) in added {
        if member(user, path.schema.as_deref(), &path.attr)
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
        {
            mark_primary(&mut map);
        }
        let elements = map.remove(&*path.attr);
        operations.push(json!({"op": "add", "path": path.list_path(), "value": elements}));
    }
    Ok(operations)
}

fn exists(user: &Value, path: &Path) -> bool {
    let Some(value) = member(user, path.schema.as_deref(), &path.attr) else {
        return false;
    };
    match (&path.which, &path.sub) {
        (None, None) => !value.is_null(),
        (None, Some(sub)) => get(value, sub).is_some_and(|v| !v.is_null()),
        (Some(which), _) => value.as_array().is_some_and(|list| {
            list.iter().any(|element| {
                get(element, &which.by).is_some_and(|by| match by.as_str() {
                    Some(by) => by.eq_ignore_ascii_case(which.equals.as_text()),
                    None => *by == which.equals.to_json(),
                })
            })
        }),
    }
}

fn member<'v>(user: &'v Value, schema: Option<&str>, attr: &str) -> Option<&'v Value> {
    match schema {
        None => get(user, attr),
        Some(urn) => get(get(user, urn)?, attr),
    }
}

/// A member of an object, in any case.
fn get<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    let found = object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

pub(crate) fn set_active_by_path(active: bool) -> Vec<Value> {
    vec![json!({"op": "replace", "path": "active", "value": active})]
}

pub(crate) fn set_active_pathless(active: bool) -> Vec<Value> {
    vec![json!({"op": "replace", "value": {"active": active}})]
}

pub(crate) fn add_member_by_path(id: &str) -> Vec<Value> {
    vec![json!({"op": "add", "path": "members", "value": [{"value": id}]})]
}

pub(crate) fn add_member_pathless(id: &str) -> Vec<Value> {
    vec![json!({"op": "add", "value": {"members": [{"value": id}]}})]
}

/// Always with a filter: without one the operation empties the group (RFC 7644 section 3.5.2.2).
pub(crate) fn remove_member(id: &str) -> Vec<Value> {
    vec![json!({"op": "remove", "path": member_path(id)})]
}

pub(crate) fn patch(operations: &[Value]) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

pub(crate) fn search(filter: &str, excluded: &[&str]) -> Value {
    let mut search = json!({"schemas": [SEARCH_REQUEST], "filter": filter});
    if let (Some(search), false) = (search.as_object_mut(), excluded.is_empty()) {
        search.insert("excludedAttributes".into(), excluded.into());
    }
    search
}

pub(crate) fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

#[cfg(test)]
mod tests;
