//! A resource as the target showed it, changed and sent back: for PUT, and for lists that are
//! written as a whole.
//!
//! What the target alone sets is taken out, everything else stays as it came, whether we know it
//! or not. Names match in any case, as in reads.

use serde_json::{Map, Value, json};

use crate::body::{Lists, Unfit, Write, literal};
use crate::page::Unreadable;
use crate::path::{CORE_GROUP, CORE_USER, ENTERPRISE_USER, Path, Which};
use crate::target::{Kind, same_text};

/// Set by the target; a PUT leaves them out.
const OF_THE_TARGET: [&str; 3] = ["id", "meta", "groups"];

/// What a PUT sends back.
#[derive(Clone, PartialEq)]
pub(crate) struct Resource(Map<String, Value>);

impl Resource {
    /// Reads one user or group; an object without an id is none.
    pub(crate) fn read(kind: Kind, body: &[u8]) -> Result<Self, Unreadable> {
        let body = serde_json::from_slice(body).map_err(|_| Unreadable::Malformed)?;
        let Value::Object(mut map) = body else {
            return Err(Unreadable::Malformed);
        };
        let id = key(&map, "id").and_then(|key| map.get(&key));
        if id.is_none_or(|id| id.is_null() || id == "") {
            return Err(Unreadable::Malformed);
        }
        for name in OF_THE_TARGET {
            while let Some(key) = key(&map, name) {
                map.remove(&key);
            }
        }
        drop_nulls(&mut map);
        drop_manager_name(&mut map);
        let core = match kind {
            Kind::User => CORE_USER,
            Kind::Group => CORE_GROUP,
        };
        let mut resource = Self(map);
        resource.name_schema(core);
        Ok(resource)
    }

    /// Nothing yet.
    pub(crate) fn empty() -> Self {
        Self(Map::new())
    }

    pub(crate) fn into_value(self) -> Value {
        self.0.into()
    }

    /// `meta` is gone by now, so that versions are read before.
    pub(crate) fn version(body: &[u8]) -> Option<Box<str>> {
        #[derive(serde::Deserialize)]
        struct Versioned {
            meta: Option<Meta>,
        }
        #[derive(serde::Deserialize)]
        struct Meta {
            version: Option<Box<str>>,
        }
        let seen: Versioned = serde_json::from_slice(body).ok()?;
        seen.meta?.version
    }

    /// Adds a URN to `schemas`, which some targets show as one string.
    fn name_schema(&mut self, urn: &str) {
        let key = key(&self.0, "schemas").unwrap_or_else(|| "schemas".into());
        let schemas = self.0.entry(key).or_insert_with(|| json!([]));
        if !schemas.is_array() {
            *schemas = json!([schemas.take()]);
        }
        let Some(list) = schemas.as_array_mut() else {
            return;
        };
        let named = |one: &Value| one.as_str().is_some_and(|s| s.eq_ignore_ascii_case(urn));
        if !list.iter().any(named) {
            list.push(urn.into());
        }
    }

    /// Whether the account can sign in, where it says so.
    pub(crate) fn stated_active(&self) -> Option<bool> {
        match self.0.get(&key(&self.0, "active")?)? {
            Value::Bool(active) => Some(*active),
            Value::String(text) => Some(!matches!(&*text.trim().to_lowercase(), "false" | "0")),
            Value::Number(number) => Some(number.as_u64() != Some(0)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Says `active` as a boolean. A user that does not say so can sign in, as everywhere in this
    /// crate.
    pub(crate) fn state_active(&mut self, active: bool) {
        let key = key(&self.0, "active").unwrap_or_else(|| "active".into());
        self.0.insert(key, active.into());
    }

    /// Writes attributes. What is cleared becomes null or an empty list, because a target may
    /// take what is absent for unchanged (RFC 7644 section 3.5.1).
    pub(crate) fn write(
        &mut self,
        writes: &[Write<'_>],
        lists: Lists<'_>,
        folded: bool,
    ) -> Result<(), Unfit> {
        for (path, value) in writes {
            let value = match value {
                Some(text) => Some(literal(path, text)?),
                None => None,
            };
            let spelled_otherwise = folded
                && path.is_core("userName")
                && matches!(
                    (self.at("userName"), &value),
                    (Some(Value::String(have)), Some(Value::String(want))) if same_text(have, want)
                );
            if !spelled_otherwise {
                self.put(path, value, lists).ok_or_else(|| Unfit::Clash {
                    path: path.text.clone(),
                })?;
            }
        }
        Ok(())
    }

    fn at(&self, name: &str) -> Option<&Value> {
        self.0.get(&key(&self.0, name)?)
    }

    /// The attribute that a path leads into, as it is now and as a whole.
    pub(crate) fn root(&self, path: &Path) -> Option<&Value> {
        let holder = match path.schema.as_deref() {
            None => &self.0,
            Some(urn) => self.at(urn)?.as_object()?,
        };
        holder.get(&key(holder, &path.attr)?)
    }

    fn put(&mut self, path: &Path, value: Option<Value>, lists: Lists<'_>) -> Option<()> {
        let holder = match path.schema.as_deref() {
            None => &mut self.0,
            Some(urn) => {
                if key(&self.0, urn).is_none() && value.is_none() {
                    return Some(());
                }
                // A bare resource that collects lists has no schemas to name.
                if key(&self.0, "schemas").is_some() {
                    self.name_schema(urn);
                }
                object(&mut self.0, urn)?
            }
        };
        match (&path.which, path.sub.as_deref()) {
            (None, None) => set(holder, &path.attr, value),
            (None, Some(sub)) => {
                if key(holder, &path.attr).is_none() && value.is_none() {
                    return Some(());
                }
                let object = object(holder, &path.attr)?;
                if path.attr.eq_ignore_ascii_case("manager") {
                    // It is about the manager that was.
                    object.remove("$ref");
                }
                set(object, sub, value);
            }
            (Some(which), sub) => {
                let key = key(holder, &path.attr);
                if key.is_none() && value.is_none() {
                    return Some(());
                }
                let list = holder
                    .entry(key.unwrap_or_else(|| path.attr.to_string()))
                    .or_insert_with(|| json!([]));
                if list.is_object() {
                    *list = json!([list.take()]);
                }
                if list.is_null() {
                    *list = json!([]);
                }
                let list = list.as_array_mut()?;
                let primary = if lists.is_single(path) {
                    Primary::Alone
                } else if list.is_empty() && path.is_in("emails") {
                    Primary::First
                } else {
                    Primary::Theirs
                };
                element(list, which, sub.unwrap_or("value"), value, primary);
            }
        }
        Some(())
    }

    /// The ids in `members`; `None` where the group does not show the attribute.
    pub(crate) fn members(&self) -> Option<Vec<&str>> {
        let members = self.at("members")?.as_array()?;
        Some(members.iter().filter_map(member_id).collect())
    }

    /// Puts members in or takes them out; what else is known of the others stays.
    pub(crate) fn change_members(&mut self, give: bool, ids: &[&str]) {
        let key = key(&self.0, "members").unwrap_or_else(|| "members".into());
        let members = self.0.entry(key).or_insert_with(|| json!([]));
        let Some(list) = members.as_array_mut() else {
            return;
        };
        if give {
            for id in ids {
                if !list.iter().any(|one| member_id(one) == Some(id)) {
                    list.push(json!({"value": id}));
                }
            }
        } else {
            list.retain(|one| member_id(one).is_none_or(|id| !ids.contains(&id)));
        }
    }
}

fn member_id(member: &Value) -> Option<&str> {
    match member {
        Value::String(id) => Some(id),
        Value::Object(map) => map.get(&key(map, "value")?)?.as_str(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// Which element of a list is the primary one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Primary {
    /// The one that is written, for the target holds no other.
    Alone,
    /// The one that is written, unless it says otherwise, for there was none before.
    First,
    /// Not our business.
    Theirs,
}

/// Writes into one element of a list. A value that is cleared takes its element along: an e-mail
/// without an address is none.
fn element(
    list: &mut Vec<Value>,
    which: &Which,
    sub: &str,
    value: Option<Value>,
    primary: Primary,
) {
    let at = list.iter().position(|one| fits(one, which));
    let Some(value) = value else {
        match at.and_then(|at| list.get_mut(at)?.as_object_mut()) {
            Some(found) if !sub.eq_ignore_ascii_case("value") => {
                if let Some(key) = key(found, sub) {
                    found.remove(&key);
                }
            }
            Some(_) => list.retain(|one| !fits(one, which)),
            None => {}
        }
        return;
    };
    let at = at.unwrap_or_else(|| {
        list.push(json!({ &*which.by: which.equals.to_json() }));
        list.len() - 1
    });
    let Some(Value::Object(found)) = list.get_mut(at) else {
        return;
    };
    set(found, sub, Some(value));
    match primary {
        Primary::Alone => {
            set(found, "primary", Some(true.into()));
            let only = found.clone();
            *list = vec![only.into()];
        }
        Primary::First => {
            found.entry("primary").or_insert(true.into());
        }
        Primary::Theirs => {}
    }
}

/// Whether it is the element that a path means.
pub(crate) fn fits(element: &Value, which: &Which) -> bool {
    member(element, &which.by).is_some_and(|by| match by.as_str() {
        Some(by) => by.eq_ignore_ascii_case(which.equals.as_text()),
        None => *by == which.equals.to_json(),
    })
}

/// A member of an object, in any case.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let map = value.as_object()?;
    map.get(&key(map, name)?)
}

fn set(map: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match (key(map, name), value) {
        (Some(key), value) => {
            map.insert(key, value.unwrap_or_default());
        }
        (None, Some(value)) => {
            map.insert(name.to_owned(), value);
        }
        (None, None) => {}
    }
}

/// An object below another; a bare value where an object is due gives way to one.
fn object<'m>(map: &'m mut Map<String, Value>, name: &str) -> Option<&'m mut Map<String, Value>> {
    let key = key(map, name).unwrap_or_else(|| name.to_owned());
    let inner = map.entry(key).or_insert_with(|| json!({}));
    if !inner.is_object() && !inner.is_array() {
        *inner = json!({});
    }
    inner.as_object_mut()
}

/// The name under which an attribute is there, in whatever case.
fn key(map: &Map<String, Value>, name: &str) -> Option<String> {
    if map.contains_key(name) {
        return Some(name.to_owned());
    }
    map.keys().find(|k| k.eq_ignore_ascii_case(name)).cloned()
}

/// `displayName` of a manager is the target's to set (RFC 7643 section 4.3).
fn drop_manager_name(map: &mut Map<String, Value>) {
    let manager = key(map, ENTERPRISE_USER).and_then(|key| {
        let extension = map.get_mut(&key)?.as_object_mut()?;
        let manager = self::key(extension, "manager")?;
        extension.get_mut(&manager)?.as_object_mut()
    });
    if let Some(manager) = manager
        && let Some(name) = key(manager, "displayName")
    {
        manager.remove(&name);
    }
}

fn drop_nulls(map: &mut Map<String, Value>) {
    map.retain(|_, value| !value.is_null());
    for value in map.values_mut() {
        if let Some(inner) = value.as_object_mut() {
            drop_nulls(inner);
        }
    }
}

#[cfg(test)]
mod tests;
