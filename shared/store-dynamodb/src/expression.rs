//! Builds update and condition expressions with placeholders for every name and value, so that no
//! target's name can collide with a reserved word.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::IdentityId;
use jiff::Timestamp;

use crate::item::{instant, text, wake_shard};

/// An update with its condition, or a condition alone.
#[derive(Debug, Default)]
pub struct Expression {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
}

impl Expression {
    /// The placeholder of an attribute's name.
    pub fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    /// The placeholder of a value.
    pub fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Sets an attribute.
    pub fn set(&mut self, attribute: &str, value: AttributeValue) {
        let path = self.name(attribute);
        self.set_path(&path, value);
    }

    /// Sets what a path of placeholders leads to.
    pub fn set_path(&mut self, path: &str, value: AttributeValue) {
        let value = self.value(value);
        self.sets.push(format!("{path} = {value}"));
    }

    /// Sets an attribute to what another one holds.
    pub fn copy(&mut self, attribute: &str, from: &str) {
        let (to, from) = (self.name(attribute), self.name(from));
        self.sets.push(format!("{to} = {from}"));
    }

    /// Sets an attribute unless it is there.
    pub fn set_once(&mut self, attribute: &str, value: AttributeValue) {
        let (path, value) = (self.name(attribute), self.value(value));
        self.sets
            .push(format!("{path} = if_not_exists({path}, {value})"));
    }

    /// Removes an attribute.
    pub fn remove(&mut self, attribute: &str) {
        let path = self.name(attribute);
        self.remove_path(path);
    }

    /// Removes what a path of placeholders leads to.
    pub fn remove_path(&mut self, path: String) {
        self.removes.push(path);
    }

    /// Sets or removes an attribute.
    pub fn set_or_remove(&mut self, attribute: &str, value: Option<AttributeValue>) {
        match value {
            Some(value) => self.set(attribute, value),
            None => self.remove(attribute),
        }
    }

    /// Puts the identity into the index of those that the clock looks at, or takes it out.
    pub fn wake(&mut self, identity: &IdentityId, at: Option<Timestamp>) {
        self.set_or_remove("wake_shard", at.map(|_| text(wake_shard(identity))));
        self.set_or_remove("wake_at", at.map(|at| text(instant(at))));
    }

    /// Demands that an attribute has that value.
    pub fn require_equal(&mut self, attribute: &str, value: AttributeValue) {
        let (path, value) = (self.name(attribute), self.value(value));
        self.require(format!("{path} = {value}"));
    }

    /// Demands that an attribute is there.
    pub fn require_present(&mut self, attribute: &str) {
        let path = self.name(attribute);
        self.require(format!("attribute_exists({path})"));
    }

    /// Demands that an attribute is not there.
    pub fn require_absent(&mut self, attribute: &str) {
        let path = self.name(attribute);
        self.require(format!("attribute_not_exists({path})"));
    }

    /// Demands a condition over placeholders.
    pub fn require(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// The update expression.
    pub fn update(&self) -> String {
        let mut update = String::new();
        if !self.sets.is_empty() {
            update = format!("SET {}", self.sets.join(", "));
        }
        if !self.removes.is_empty() {
            let space = if update.is_empty() { "" } else { " " };
            update = format!("{update}{space}REMOVE {}", self.removes.join(", "));
        }
        update
    }

    /// The condition expression, if anything is demanded.
    pub fn condition(&self) -> Option<String> {
        let conditions = &self.conditions;
        (!conditions.is_empty()).then(|| format!("({})", conditions.join(") AND (")))
    }

    /// The names by placeholder, if there are any.
    pub fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    /// The values by placeholder, if there are any.
    pub fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}
