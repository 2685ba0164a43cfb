//! The administrator who changes things by hand, past every rule but the keys.

use serde_json::{Map, Value, json};

use crate::error::{GraphError, Refusal};
use crate::schema::{self, Holds, Properties, USER};
use crate::store::{License, Person, Team};
use crate::target::GraphTarget;
use crate::views::{Group, User};

fn object(value: Value) -> Result<Map<String, Value>, GraphError> {
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(GraphError::bad("An object is wanted."))
        }
    }
}

/// Read-only properties can be set by hand: that is how a user comes to be mastered on premises.
fn set(values: &mut Properties, given: Map<String, Value>) -> Result<(), GraphError> {
    for (name, value) in given {
        let property = schema::find(USER, &name)
            .ok_or_else(|| GraphError::bad(format!("Property '{name}' does not exist.")))?;
        match (property.holds, &value) {
            (Holds::Password, _) => {}
            (Holds::Service | Holds::ServiceList, _) => {
                values.insert(name, value);
            }
            _ => schema::set(USER, values, &name, &value)?,
        }
    }
    Ok(())
}

impl GraphTarget {
    /// Creates a user. `userPrincipalName` is required; the rest has defaults.
    pub fn insert_user(&self, properties: Value) -> Result<User, GraphError> {
        let given = object(properties)?;
        let name = given
            .get("userPrincipalName")
            .and_then(Value::as_str)
            .ok_or_else(|| GraphError::bad("A user needs a userPrincipalName."))?
            .to_owned();
        let local = name.split('@').next().unwrap_or_default().to_owned();
        let mut state = self.shared.lock();
        let at = state.store.tick();
        let mut values = Properties::new();
        for (key, value) in [
            ("accountEnabled", json!(true)),
            ("displayName", json!(local)),
            ("mailNickname", json!(local)),
            ("userType", json!("Member")),
            ("createdDateTime", json!(at.to_string())),
        ] {
            values.insert(key.to_owned(), value);
        }
        set(&mut values, given)?;
        let id = state.store.fresh_id();
        state.store.put(Person::new(id.clone(), values))?;
        let store = &state.store;
        Ok(User::of(store, store.user(&id)?))
    }

    /// Changes properties of a user; null clears.
    pub fn update_user(&self, id: &str, properties: Value) -> Result<User, GraphError> {
        let given = object(properties)?;
        self.change(id, |person| set(&mut person.values, given))
    }

    fn change(
        &self,
        id: &str,
        edit: impl FnOnce(&mut Person) -> Result<(), GraphError>,
    ) -> Result<User, GraphError> {
        let mut state = self.shared.lock();
        let mut person = state.store.user(id)?.clone();
        edit(&mut person)?;
        state.store.tick();
        let id = person.id.clone();
        state.store.put(person)?;
        let store = &state.store;
        Ok(User::of(store, store.user(&id)?))
    }

    /// Moves a user to the recycle bin.
    pub fn delete_user(&self, id: &str) -> Result<(), GraphError> {
        self.shared.lock().store.delete(id)
    }

    /// Brings a user back from the recycle bin.
    pub fn restore_user(&self, id: &str) -> Result<(), GraphError> {
        self.shared.lock().store.restore(id)
    }

    /// Deletes a user of the recycle bin for good.
    pub fn purge_user(&self, id: &str) -> Result<(), GraphError> {
        if self.shared.lock().store.purge(id) {
            Ok(())
        } else {
            Err(GraphError::not_found(id))
        }
    }

    /// Sets or removes a user's manager.
    pub fn set_manager(&self, id: &str, manager: Option<&str>) -> Result<User, GraphError> {
        self.change(id, |person| {
            person.manager = manager.map(str::to_owned);
            Ok(())
        })
    }

    /// Gives a user an administrator's role, or takes it: sensitive writes of the application are then refused.
    pub fn set_admin(&self, id: &str, admin: bool) -> Result<User, GraphError> {
        self.change(id, |person| {
            person.admin = admin;
            Ok(())
        })
    }

    /// Creates a security group.
    pub fn add_group(&self, display_name: &str) -> Result<Group, GraphError> {
        self.insert_group(json!({ "displayName": display_name }))
    }

    /// Creates a group. `displayName` is required; without more it is a security group.
    pub fn insert_group(&self, properties: Value) -> Result<Group, GraphError> {
        let given = object(properties)?;
        let name = given
            .get("displayName")
            .and_then(Value::as_str)
            .ok_or_else(|| GraphError::bad("A group needs a displayName."))?
            .to_owned();
        let nickname: String = name.chars().filter(|c| !c.is_whitespace()).collect();
        let mut state = self.shared.lock();
        let at = state.store.tick();
        let mut values = Properties::new();
        for (key, value) in [
            ("mailEnabled", json!(false)),
            ("securityEnabled", json!(true)),
            ("groupTypes", json!([])),
            ("mailNickname", json!(nickname)),
            ("createdDateTime", json!(at.to_string())),
        ] {
            values.insert(key.to_owned(), value);
        }
        set_group(&mut values, given)?;
        let team = Team {
            id: state.store.fresh_id(),
            values,
            members: std::collections::BTreeSet::new(),
            licenses: std::collections::BTreeSet::new(),
        };
        state.store.put_group(team.clone());
        Ok(Group::of(&team))
    }

    /// Changes properties of a group.
    pub fn update_group(&self, id: &str, properties: Value) -> Result<Group, GraphError> {
        let given = object(properties)?;
        let mut state = self.shared.lock();
        let mut team = state.store.group(id)?.clone();
        set_group(&mut team.values, given)?;
        state.store.tick();
        state.store.put_group(team.clone());
        Ok(Group::of(&team))
    }

    /// Deletes a group and its memberships.
    pub fn delete_group(&self, id: &str) -> Result<(), GraphError> {
        let mut state = self.shared.lock();
        let members = state.store.group(id)?.members.clone();
        state.store.tick();
        for member in members {
            state.store.remove_member(id, &member);
        }
        state.store.drop_group(id);
        Ok(())
    }

    /// Puts a user or a group into a group.
    pub fn add_member(&self, group: &str, member: &str) -> Result<(), GraphError> {
        let mut state = self.shared.lock();
        state.store.group(group)?;
        if !state.store.users.contains_key(member) && !state.store.groups.contains_key(member) {
            return Err(GraphError::not_found(member));
        }
        state.store.tick();
        state.store.add_member(group, member);
        Ok(())
    }

    /// Takes a member out of a group.
    pub fn remove_member(&self, group: &str, member: &str) -> Result<(), GraphError> {
        let mut state = self.shared.lock();
        state.store.group(group)?;
        state.store.tick();
        if state.store.remove_member(group, member) {
            Ok(())
        } else {
            Err(GraphError::missing(Refusal::NotAMember, "No such member."))
        }
    }

    /// Buys a licence with so many seats. Answers its id.
    pub fn add_license(&self, part_number: &str, seats: u64) -> String {
        let mut state = self.shared.lock();
        let sku_id = state.store.fresh_id();
        state.store.licenses.push(License {
            sku_id: sku_id.clone(),
            part_number: part_number.to_owned(),
            seats,
        });
        sku_id
    }

    /// Assigns a licence to a user directly.
    pub fn give_license(&self, id: &str, sku_id: &str) -> Result<User, GraphError> {
        self.change(id, |person| {
            person.licenses.entry(sku_id.to_owned()).or_default();
            Ok(())
        })
    }

    /// Assigns a licence to a group: its members inherit it.
    pub fn give_group_license(&self, group: &str, sku_id: &str) -> Result<(), GraphError> {
        let mut state = self.shared.lock();
        let mut team = state.store.group(group)?.clone();
        team.licenses.insert(sku_id.to_owned());
        state.store.put_group(team);
        Ok(())
    }

    /// The users, by id.
    pub fn users(&self) -> Vec<User> {
        let state = self.shared.lock();
        let store = &state.store;
        store.users.values().map(|p| User::of(store, p)).collect()
    }

    /// A user, by id or user name.
    pub fn user(&self, key: &str) -> Option<User> {
        let state = self.shared.lock();
        let store = &state.store;
        store.user(key).ok().map(|person| User::of(store, person))
    }

    /// The users with this employee id.
    pub fn users_by_employee_id(&self, employee_id: &str) -> Vec<User> {
        let state = self.shared.lock();
        let store = &state.store;
        let ids = store.found("employeeId", employee_id).into_iter().flatten();
        ids.filter_map(|id| store.users.get(id))
            .map(|person| User::of(store, person))
            .collect()
    }

    /// How many users there are.
    pub fn user_count(&self) -> usize {
        self.shared.lock().store.users.len()
    }

    /// The users in the recycle bin.
    pub fn deleted_users(&self) -> Vec<User> {
        let state = self.shared.lock();
        let store = &state.store;
        store.deleted.values().map(|p| User::of(store, p)).collect()
    }

    /// The groups, by id.
    pub fn groups(&self) -> Vec<Group> {
        let state = self.shared.lock();
        state.store.groups.values().map(Group::of).collect()
    }

    /// A group, by id.
    pub fn group(&self, id: &str) -> Option<Group> {
        self.shared.lock().store.groups.get(id).map(Group::of)
    }

    /// The first group with this name.
    pub fn group_by_display_name(&self, name: &str) -> Option<Group> {
        let state = self.shared.lock();
        let mut groups = state.store.groups.values().map(Group::of);
        groups.find(|group| group.display_name == name)
    }
}

fn set_group(values: &mut Properties, given: Map<String, Value>) -> Result<(), GraphError> {
    for (name, value) in given {
        if schema::find(schema::GROUP, &name).is_none() {
            return Err(GraphError::bad(format!(
                "Property '{name}' does not exist."
            )));
        }
        values.insert(name, value);
    }
    Ok(())
}
