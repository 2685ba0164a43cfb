//! What Rust callers see of the directory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::schema::Properties;
use crate::store::{Person, Store, Team};

/// A user, in the directory or in its recycle bin.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The object id.
    pub id: String,
    /// The user name; of a deleted user with the id in front.
    pub user_principal_name: String,
    /// Whether the user may sign in.
    pub account_enabled: bool,
    /// The employee id, which need not be unique.
    pub employee_id: Option<String>,
    /// Every property that is set, as Graph names them; never the password.
    pub properties: BTreeMap<String, Value>,
    /// The manager's id.
    pub manager: Option<String>,
    /// The groups that the user is in, directly.
    pub groups: BTreeSet<String>,
    /// Licences that are assigned directly, with their disabled plans.
    pub licenses: BTreeMap<String, BTreeSet<String>>,
    /// Whether the user holds an administrator's role.
    pub admin: bool,
    /// The password that was set last. No request tells it.
    pub password: Option<String>,
    /// How often sessions were revoked.
    pub sessions_revoked: u64,
    /// Whether the user is in the recycle bin.
    pub deleted: bool,
}

impl User {
    /// A property that holds text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(Value::as_str)
    }

    pub(crate) fn of(store: &Store, person: &Person) -> Self {
        Self {
            id: person.id.clone(),
            user_principal_name: text(&person.values, "userPrincipalName"),
            account_enabled: person.values.get("accountEnabled") == Some(&Value::Bool(true)),
            employee_id: person.text("employeeId").map(str::to_owned),
            properties: map(&person.values),
            manager: person.manager.clone(),
            groups: store.groups_of(&person.id),
            licenses: person.licenses.clone(),
            admin: person.admin,
            password: person.password.clone(),
            sessions_revoked: person.sessions_revoked,
            deleted: person.deleted.is_some(),
        }
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The object id.
    pub id: String,
    /// The name.
    pub display_name: String,
    /// Every property that is set, as Graph names them.
    pub properties: BTreeMap<String, Value>,
    /// The ids of its members.
    pub members: BTreeSet<String>,
    /// Licences that its members inherit.
    pub licenses: BTreeSet<String>,
}

impl Group {
    pub(crate) fn of(team: &Team) -> Self {
        Self {
            id: team.id.clone(),
            display_name: text(&team.values, "displayName"),
            properties: map(&team.values),
            members: team.members.clone(),
            licenses: team.licenses.clone(),
        }
    }
}

fn text(values: &Properties, name: &str) -> String {
    values
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn map(values: &Properties) -> BTreeMap<String, Value> {
    values
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
