//! The directory: users, deleted users, groups, memberships, licences, and the changes that delta queries tell.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::error::{GraphError, Refusal};
use crate::schema::Properties;
use crate::words::guid;

/// How long a deleted user can be restored.
const RECYCLE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Properties that find users without a scan.
pub(crate) const INDEXED: &[&str] = &[
    "userPrincipalName",
    "employeeId",
    "onPremisesImmutableId",
    "mailNickname",
    "mail",
    "displayName",
];

#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) values: Properties,
    pub(crate) manager: Option<String>,
    /// The disabled plans by licence.
    pub(crate) licenses: BTreeMap<String, BTreeSet<String>>,
    /// Sensitive writes by an application are refused.
    pub(crate) admin: bool,
    pub(crate) password: Option<String>,
    pub(crate) sessions_revoked: u64,
    pub(crate) deleted: Option<Timestamp>,
    /// The user name before deletion.
    pub(crate) former_name: Option<String>,
    /// The groups that it was in when it was deleted.
    pub(crate) former_groups: BTreeSet<String>,
}

impl Person {
    pub(crate) fn new(id: String, values: Properties) -> Self {
        Self {
            id,
            values,
            manager: None,
            licenses: BTreeMap::new(),
            admin: false,
            password: None,
            sessions_revoked: 0,
            deleted: None,
            former_name: None,
            former_groups: BTreeSet::new(),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    pub(crate) fn on_premises(&self) -> bool {
        self.values.get("onPremisesSyncEnabled") == Some(&Value::Bool(true))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) id: String,
    pub(crate) values: Properties,
    pub(crate) members: BTreeSet<String>,
    pub(crate) licenses: BTreeSet<String>,
}

impl Team {
    pub(crate) fn has_type(&self, name: &str) -> bool {
        self.values
            .get("groupTypes")
            .and_then(Value::as_array)
            .is_some_and(|types| types.iter().any(|one| one == name))
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.values.get(name) == Some(&Value::Bool(true))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct License {
    pub(crate) sku_id: String,
    pub(crate) part_number: String,
    pub(crate) seats: u64,
}

/// What changed, for delta queries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    User(String),
    Group(String),
    Member(String, String),
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) users: BTreeMap<String, Person>,
    pub(crate) deleted: BTreeMap<String, Person>,
    pub(crate) groups: BTreeMap<String, Team>,
    pub(crate) licenses: Vec<License>,
    pub(crate) changes: Vec<Change>,
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
    pub(crate) unique_nicknames: bool,
    created: u64,
    index: BTreeMap<(&'static str, String), BTreeSet<String>>,
    groups_of: BTreeMap<String, BTreeSet<String>>,
    /// Who holds a licence directly.
    holders: BTreeMap<String, BTreeSet<String>>,
}

impl Store {
    pub(crate) fn new(seed: u64, now: Timestamp, unique_nicknames: bool) -> Self {
        Self {
            users: BTreeMap::new(),
            deleted: BTreeMap::new(),
            groups: BTreeMap::new(),
            licenses: Vec::new(),
            changes: Vec::new(),
            now,
            seed,
            unique_nicknames,
            created: 0,
            index: BTreeMap::new(),
            groups_of: BTreeMap::new(),
            holders: BTreeMap::new(),
        }
    }

    pub(crate) fn fresh_id(&mut self) -> String {
        self.created += 1;
        guid(self.seed, self.created)
    }

    /// The time of a write.
    pub(crate) fn tick(&mut self) -> Timestamp {
        self.now = self
            .now
            .checked_add(SignedDuration::from_millis(1))
            .unwrap_or(self.now);
        self.now
    }

    pub(crate) fn set_time(&mut self, now: Timestamp) {
        self.now = now;
        let expired: Vec<String> = self
            .deleted
            .values()
            .filter(|person| {
                person
                    .deleted
                    .is_some_and(|at| now.duration_since(at) > RECYCLE)
            })
            .map(|person| person.id.clone())
            .collect();
        for id in expired {
            self.purge(&id);
        }
    }

    /// By id, or by user name in any case.
    pub(crate) fn user_id(&self, key: &str) -> Option<String> {
        if self.users.contains_key(key) {
            return Some(key.to_owned());
        }
        self.found("userPrincipalName", key)
            .and_then(|ids| ids.iter().next().cloned())
    }

    pub(crate) fn user(&self, key: &str) -> Result<&Person, GraphError> {
        self.user_id(key)
            .and_then(|id| self.users.get(&id))
            .ok_or_else(|| GraphError::not_found(key))
    }

    pub(crate) fn group(&self, id: &str) -> Result<&Team, GraphError> {
        self.groups.get(id).ok_or_else(|| GraphError::not_found(id))
    }

    /// The users with this value of an indexed property, in any case.
    pub(crate) fn found(&self, name: &'static str, value: &str) -> Option<&BTreeSet<String>> {
        self.index.get(&(name, value.to_lowercase()))
    }

    pub(crate) fn groups_of(&self, id: &str) -> BTreeSet<String> {
        self.groups_of.get(id).cloned().unwrap_or_default()
    }

    /// The first key that another user has already.
    fn taken(&self, id: &str, values: &Properties) -> Option<&'static str> {
        let mut keys = vec!["userPrincipalName", "onPremisesImmutableId"];
        if self.unique_nicknames {
            keys.push("mailNickname");
        }
        let other = |name: &'static str, value: &str| {
            self.found(name, value)
                .is_some_and(|ids| ids.iter().any(|other| other != id))
        };
        for key in keys {
            let value = values.get(key).and_then(Value::as_str);
            if value.is_some_and(|value| other(key, value)) {
                return Some(key);
            }
        }
        // Addresses share one name space.
        let mail = values.get("mail").and_then(Value::as_str);
        mail.is_some_and(|mail| other("mail", mail))
            .then_some("proxyAddresses")
    }

    /// Puts a user in its place, new or changed.
    pub(crate) fn put(&mut self, person: Person) -> Result<(), GraphError> {
        if let Some(key) = self.taken(&person.id, &person.values) {
            return Err(GraphError {
                details: vec![("ObjectConflict", key.to_owned())],
                ..GraphError::refused(
                    Refusal::Duplicate,
                    format!(
                        "Another object with the same value for property {key} already exists."
                    ),
                )
            });
        }
        self.unindex(&person.id);
        for &name in INDEXED {
            if let Some(value) = person.text(name) {
                let key = (name, value.to_lowercase());
                self.index.entry(key).or_default().insert(person.id.clone());
            }
        }
        for sku in person.licenses.keys() {
            let holders = self.holders.entry(sku.clone()).or_default();
            holders.insert(person.id.clone());
        }
        self.changes.push(Change::User(person.id.clone()));
        self.users.insert(person.id.clone(), person);
        Ok(())
    }

    fn unindex(&mut self, id: &str) {
        let Some(old) = self.users.get(id) else {
            return;
        };
        for sku in old.licenses.keys() {
            if let Some(holders) = self.holders.get_mut(sku) {
                holders.remove(id);
            }
        }
        for &name in INDEXED {
            let Some(value) = old.text(name) else {
                continue;
            };
            let key = (name, value.to_lowercase());
            if let Some(ids) = self.index.get_mut(&key) {
                ids.remove(id);
                if ids.is_empty() {
                    self.index.remove(&key);
                }
            }
        }
    }

    /// Soft delete: the user name gets the id in front and is free for others.
    pub(crate) fn delete(&mut self, id: &str) -> Result<(), GraphError> {
        let at = self.tick();
        self.unindex(id);
        let mut person = self
            .users
            .remove(id)
            .ok_or_else(|| GraphError::not_found(id))?;
        let name = person
            .text("userPrincipalName")
            .unwrap_or_default()
            .to_owned();
        let renamed = format!("{}{name}", id.replace('-', ""));
        person
            .values
            .insert("userPrincipalName".to_owned(), json!(renamed));
        person
            .values
            .insert("deletedDateTime".to_owned(), json!(at.to_string()));
        person.former_name = Some(name);
        person.deleted = Some(at);
        person.former_groups = self.groups_of(id);
        for group in person.former_groups.clone() {
            self.remove_member(&group, id);
        }
        self.changes.push(Change::User(id.to_owned()));
        self.deleted.insert(id.to_owned(), person);
        Ok(())
    }

    /// Brings a deleted user back with its id, name and memberships.
    pub(crate) fn restore(&mut self, id: &str) -> Result<(), GraphError> {
        let mut person = self
            .deleted
            .get(id)
            .cloned()
            .ok_or_else(|| GraphError::not_found(id))?;
        let name = person.former_name.take().unwrap_or_default();
        person
            .values
            .insert("userPrincipalName".to_owned(), json!(name));
        person.values.remove("deletedDateTime");
        person.deleted = None;
        let groups = std::mem::take(&mut person.former_groups);
        self.tick();
        self.put(person).map_err(|error| GraphError {
            refusal: Refusal::RestoreConflict,
            status: 409,
            code: "Request_MultipleObjectsWithSameKeyValue",
            ..error
        })?;
        self.deleted.remove(id);
        for group in groups {
            self.add_member(&group, id);
        }
        Ok(())
    }

    pub(crate) fn purge(&mut self, id: &str) -> bool {
        let found = self.deleted.remove(id).is_some();
        if found {
            self.changes.push(Change::User(id.to_owned()));
        }
        found
    }

    /// Whether it was no member before.
    pub(crate) fn add_member(&mut self, group: &str, member: &str) -> bool {
        let Some(team) = self.groups.get_mut(group) else {
            return false;
        };
        let added = team.members.insert(member.to_owned());
        if added {
            self.groups_of
                .entry(member.to_owned())
                .or_default()
                .insert(group.to_owned());
            self.changes
                .push(Change::Member(group.to_owned(), member.to_owned()));
        }
        added
    }

    /// Whether it was a member before.
    pub(crate) fn remove_member(&mut self, group: &str, member: &str) -> bool {
        let Some(team) = self.groups.get_mut(group) else {
            return false;
        };
        let removed = team.members.remove(member);
        if removed {
            if let Some(groups) = self.groups_of.get_mut(member) {
                groups.remove(group);
            }
            self.changes
                .push(Change::Member(group.to_owned(), member.to_owned()));
        }
        removed
    }

    pub(crate) fn put_group(&mut self, team: Team) {
        self.changes.push(Change::Group(team.id.clone()));
        self.groups.insert(team.id.clone(), team);
    }

    pub(crate) fn drop_group(&mut self, id: &str) {
        for outer in self.groups_of(id) {
            self.remove_member(&outer, id);
        }
        if self.groups.remove(id).is_some() {
            self.changes.push(Change::Group(id.to_owned()));
        }
    }

    /// Licences that come from groups, with the groups.
    pub(crate) fn inherited(&self, id: &str) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for group in self.groups_of.get(id).into_iter().flatten() {
            for sku in self.groups.get(group).into_iter().flat_map(|g| &g.licenses) {
                all.insert(sku.clone(), group.clone());
            }
        }
        all
    }

    /// Seats that are taken, each user once.
    pub(crate) fn consumed(&self, sku: &str) -> u64 {
        let direct = self.holders.get(sku);
        let teams = self.groups.values().filter(|t| t.licenses.contains(sku));
        let inherited: BTreeSet<&String> = teams
            .flat_map(|team| &team.members)
            .filter(|id| direct.is_none_or(|holders| !holders.contains(*id)))
            .collect();
        let taken = direct.map_or(0, BTreeSet::len) + inherited.len();
        u64::try_from(taken).unwrap_or(u64::MAX)
    }
}
