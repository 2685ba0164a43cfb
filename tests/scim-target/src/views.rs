//! Resources as Rust callers read them.

use serde_json::{Map, Value};

/// A user as the target would show it now.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Assigned by the target.
    pub id: String,
    /// Unique in any case.
    pub user_name: String,
    /// Assigned by the client.
    pub external_id: Option<String>,
    /// Whether the user may sign in.
    pub active: bool,
    /// Display names of the groups that list the user, in order of the groups' creation.
    pub groups: Vec<String>,
    /// The whole resource.
    pub json: Value,
}

/// A group as the target would show it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Assigned by the target.
    pub id: String,
    /// What people call it.
    pub display_name: String,
    /// Assigned by the client.
    pub external_id: Option<String>,
    /// Ids of its members, in the order in which they joined.
    pub members: Vec<String>,
    /// The whole resource.
    pub json: Value,
}

impl From<Map<String, Value>> for User {
    fn from(resource: Map<String, Value>) -> Self {
        Self {
            id: text(&resource, "id").unwrap_or_default(),
            user_name: text(&resource, "userName").unwrap_or_default(),
            external_id: text(&resource, "externalId"),
            active: resource
                .get("active")
                .and_then(Value::as_bool)
                .unwrap_or(true),
            groups: texts(&resource, "groups", "display"),
            json: Value::Object(resource),
        }
    }
}

impl From<Map<String, Value>> for Group {
    fn from(resource: Map<String, Value>) -> Self {
        Self {
            id: text(&resource, "id").unwrap_or_default(),
            display_name: text(&resource, "displayName").unwrap_or_default(),
            external_id: text(&resource, "externalId"),
            members: texts(&resource, "members", "value"),
            json: Value::Object(resource),
        }
    }
}

fn text(resource: &Map<String, Value>, name: &str) -> Option<String> {
    resource
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn texts(resource: &Map<String, Value>, list: &str, name: &str) -> Vec<String> {
    resource
        .get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|one| one.get(name)?.as_str())
        .map(str::to_owned)
        .collect()
}
