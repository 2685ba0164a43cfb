//! Bodies of requests.

use bytes::Bytes;
use domain::AttrPath;
use serde_json::{Map, Value, json};

use crate::path::{CORE_USER, Path, member_path};
use crate::resource::{self, Resource};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// A path and what to write there; `None` clears.
pub(crate) type Write<'a> = (&'a Path, Option<&'a str>);

/// Why a value cannot be written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Two paths that cannot both be set (`manager` and `manager.value`).
    #[error("`{path}` does not fit beside the other paths")]
    Clash {
        /// One of them.
        path: AttrPath,
    },
    /// Text where SCIM has a boolean.
    #[error("`{path}` is either `true` or `false`, and the mapping gives something else")]
    NotBoolean {
        /// The path.
        path: AttrPath,
    },
}

/// The lists that hold one element at a target, by name.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'a>(pub(crate) &'a [Box<str>]);

impl Lists<'_> {
    /// Whether a path leads into one of them.
    pub(crate) fn is_single(self, path: &Path) -> bool {
        self.0.iter().any(|list| path.is_in(list))
    }
}

/// The value of a path as JSON. Mappings give texts; `primary` is the one boolean among what they
/// may set (RFC 7643 section 2.4).
pub(crate) fn literal(path: &Path, text: &str) -> Result<Value, Unfit> {
    let name = path.sub.as_deref().unwrap_or_default();
    if !name.eq_ignore_ascii_case("primary") {
        return Ok(text.into());
    }
    match text.trim() {
        "true" => Ok(true.into()),
        "false" => Ok(false.into()),
        _ => Err(Unfit::NotBoolean {
            path: path.text.clone(),
        }),
    }
}

/// A new user. Absent and cleared values are left out; the only e-mail is the primary one, and so
/// is the only element of a list that holds one.
pub(crate) fn create(active: bool, writes: &[Write<'_>], lists: Lists<'_>) -> Result<Value, Unfit> {
    let mut user = Map::new();
    let mut schemas = vec![Value::from(CORE_USER)];
    for (path, value) in writes {
        let Some(value) = value else { continue };
        put(&mut user, path, literal(path, value)?)?;
        let urn = path.schema.as_deref().map(Value::from);
        schemas.extend(urn.filter(|urn| !schemas.contains(urn)));
    }
    mark_primary(&mut user, "emails");
    for (path, _) in writes.iter().filter(|(path, _)| lists.is_single(path)) {
        match &path.schema {
            None => mark_primary(&mut user, &path.attr),
            Some(urn) => {
                if let Some(holder) = user.get_mut(&**urn).and_then(Value::as_object_mut) {
                    mark_primary(holder, &path.attr);
                }
            }
        }
    }
    user.insert("schemas".into(), schemas.into());
    user.insert("active".into(), active.into());
    Ok(user.into())
}

/// The only element of a list is the primary one.
fn mark_primary(holder: &mut Map<String, Value>, list: &str) {
    if let Some(Value::Array(list)) = holder.get_mut(list)
        && let [Value::Object(only)] = list.as_mut_slice()
    {
        only.entry("primary").or_insert(true.into());
    }
}

fn put(user: &mut Map<String, Value>, path: &Path, value: Value) -> Result<(), Unfit> {
    let clash = || Unfit::Clash {
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
pub(crate) fn check_fit<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<(), Unfit> {
    let mut user = Map::new();
    for path in paths {
        put(&mut user, path, Value::from(""))?;
    }
    Ok(())
}

/// One operation per attribute, each with its path; a list that holds one element is written as
/// a whole. `user` is the user as it is, where somebody looked.
pub(crate) fn path_operations(
    user: Option<&Resource>,
    writes: &[Write<'_>],
    lists: Lists<'_>,
) -> Result<Vec<Value>, Unfit> {
    let mut operations = Vec::with_capacity(writes.len());
    for write in writes.iter().filter(|(path, _)| !lists.is_single(path)) {
        operations.push(path_operation(*write)?);
    }
    for (path, list) in whole_lists(user, writes, |path| lists.is_single(path), lists)? {
        let path = path.list_path();
        operations.push(match list.as_array() {
            Some(list) if !list.is_empty() => {
                json!({"op": "replace", "path": path, "value": list})
            }
            Some(_) | None => json!({"op": "remove", "path": path}),
        });
    }
    Ok(operations)
}

fn path_operation((path, value): Write<'_>) -> Result<Value, Unfit> {
    Ok(match value {
        Some(text) => {
            json!({"op": "replace", "path": path.text, "value": literal(path, text)?})
        }
        None => json!({"op": "remove", "path": path.text}),
    })
}

/// The lists that writes lead into, as they are afterwards; those that stay as they are left out.
fn whole_lists<'p>(
    user: Option<&Resource>,
    writes: &[Write<'p>],
    which: impl Fn(&Path) -> bool,
    lists: Lists<'_>,
) -> Result<Vec<(&'p Path, Value)>, Unfit> {
    let writes: Vec<Write<'p>> = writes.iter().copied().filter(|(p, _)| which(p)).collect();
    let mut after = user.map_or_else(Resource::empty, Resource::clone);
    after.write(&writes, lists, false)?;
    let mut whole: Vec<(&Path, Value)> = Vec::new();
    for (path, _) in writes {
        let (was, is) = (user.and_then(|user| user.root(path)), after.root(path));
        let known = whole
            .iter()
            .any(|(other, _)| other.list_path().eq_ignore_ascii_case(&path.list_path()));
        if !known && (user.is_none() || was != is) {
            whole.push((path, is.cloned().unwrap_or_else(|| json!([]))));
        }
    }
    Ok(whole)
}

/// One operation for all attributes. A cleared attribute is null, and lists are whole, because
/// that is how a target without paths reads them. So is a manager without an id, because objects
/// are merged into what is there and a null inside them is ignored at some. None where nothing
/// changes.
pub(crate) fn pathless_operations(
    user: Option<&Resource>,
    writes: &[Write<'_>],
    lists: Lists<'_>,
) -> Result<Vec<Value>, Unfit> {
    let mut value = Map::new();
    for (path, text) in writes.iter().filter(|(path, _)| path.which.is_none()) {
        match text {
            Some(text) => put(&mut value, path, literal(path, text)?)?,
            None if is_manager(path) && is_alone(path, writes) => {
                put(&mut value, &whole(path), Value::Null)?;
            }
            None => put(&mut value, path, Value::Null)?,
        }
    }
    for (path, list) in whole_lists(user, writes, |path| path.which.is_some(), lists)? {
        put(&mut value, &whole(path), list)?;
    }
    if value.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![json!({"op": "replace", "value": value})])
}

/// The attribute that a path leads into.
fn whole(path: &Path) -> Path {
    Path {
        which: None,
        sub: None,
        ..path.clone()
    }
}

/// Whether it is the id of a manager, without which there is none (RFC 7643 section 4.3).
fn is_manager(path: &Path) -> bool {
    let named = |sub: &str| sub.eq_ignore_ascii_case("value");
    path.schema.is_some()
        && path.attr.eq_ignore_ascii_case("manager")
        && path.sub.as_deref().is_some_and(named)
}

/// Whether no other write leads into the same attribute.
fn is_alone(path: &Path, writes: &[Write<'_>]) -> bool {
    let same = |(other, _): &&Write<'_>| other.list_path().eq_ignore_ascii_case(&path.list_path());
    writes.iter().filter(same).count() == 1
}

/// Whether the pathless form says the same without a look: a list would be replaced as a whole,
/// and not every target takes null for "clear".
pub(crate) fn fits_pathless(writes: &[Write<'_>]) -> bool {
    writes
        .iter()
        .all(|(path, value)| path.which.is_none() && value.is_some())
}

/// The operations for a user whose lists are known: an element that exists is changed, one that
/// does not is added whole, and nothing is removed that is not there.
pub(crate) fn operations_on(
    user: &Resource,
    writes: &[Write<'_>],
    lists: Lists<'_>,
) -> Result<Vec<Value>, Unfit> {
    let mut plain: Vec<Write<'_>> = Vec::new();
    let mut added: Vec<(&Path, Map<String, Value>)> = Vec::new();
    for write in writes {
        let (path, value) = write;
        match (value, exists(user, path)) {
            _ if lists.is_single(path) => plain.push(*write),
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
                    put(map, &bare, literal(path, value)?)?;
                }
            }
            (Some(_), _) | (None, true) => plain.push(*write),
        }
    }
    let mut operations = path_operations(Some(user), &plain, lists)?;
    for (path, mut map) in added {
        if user
            .root(path)
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
        {
            mark_primary(&mut map, "emails");
        }
        let elements = map.remove(&*path.attr);
        operations.push(json!({"op": "add", "path": path.list_path(), "value": elements}));
    }
    Ok(operations)
}

fn exists(user: &Resource, path: &Path) -> bool {
    let Some(value) = user.root(path) else {
        return false;
    };
    match (&path.which, &path.sub) {
        (None, None) => !value.is_null(),
        (None, Some(sub)) => resource::member(value, sub).is_some_and(|v| !v.is_null()),
        (Some(which), _) => value
            .as_array()
            .is_some_and(|list| list.iter().any(|one| resource::fits(one, which))),
    }
}

pub(crate) fn set_active_by_path(active: bool) -> Vec<Value> {
    vec![json!({"op": "replace", "path": "active", "value": active})]
}

pub(crate) fn set_active_pathless(active: bool) -> Vec<Value> {
    vec![json!({"op": "replace", "value": {"active": active}})]
}

/// One operation that adds members, by the path of the list.
pub(crate) fn add_members_by_path(ids: &[&str]) -> Vec<Value> {
    vec![json!({"op": "add", "path": "members", "value": values(ids)})]
}

/// The same without a path.
pub(crate) fn add_members_pathless(ids: &[&str]) -> Vec<Value> {
    vec![json!({"op": "add", "value": {"members": values(ids)}})]
}

/// One operation for each member, always with a filter: without one the operation empties the
/// group (RFC 7644 section 3.5.2.2).
pub(crate) fn remove_members_by_filter(ids: &[&str]) -> Vec<Value> {
    let remove = |id: &&str| json!({"op": "remove", "path": member_path(id)});
    ids.iter().map(remove).collect()
}

/// One operation that lists the members; none at all where the list would be empty, which empties
/// the group.
pub(crate) fn remove_members_by_value(ids: &[&str]) -> Vec<Value> {
    if ids.is_empty() {
        return Vec::new();
    }
    vec![json!({"op": "remove", "path": "members", "value": values(ids)})]
}

fn values(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| json!({"value": id})).collect()
}

pub(crate) fn patch(operations: &[Value]) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

/// A search by POST (RFC 7644 section 3.4.3), with what a query would say beside the filter.
pub(crate) fn search(filter: &str, excluded: &[&str], place: &[(&str, Value)]) -> Value {
    let mut search = Map::new();
    search.insert("schemas".into(), json!([SEARCH_REQUEST]));
    search.insert("filter".into(), filter.into());
    if !excluded.is_empty() {
        search.insert("excludedAttributes".into(), excluded.into());
    }
    search.extend(place.iter().map(|(name, at)| ((*name).into(), at.clone())));
    search.into()
}

pub(crate) fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

#[cfg(test)]
mod tests;
