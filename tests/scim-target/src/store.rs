//! What the target holds: users, groups and who is in which group, with an index for every lookup that a
//! provisioning client makes. Refuses what breaks uniqueness or names a member that does not exist.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::members::{Edit, Members};
use crate::schema::Kind;

/// One user or group. `attrs` has canonical names and none of the computed attributes.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) attrs: Map<String, Value>,
    pub(crate) members: Members,
    pub(crate) version: u64,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

impl Record {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.attrs.get(name).and_then(Value::as_str)
    }

    pub(crate) fn label(&self) -> &str {
        self.text(self.kind.label()).unwrap_or_default()
    }

    pub(crate) fn active(&self) -> bool {
        self.attrs
            .get("active")
            .and_then(Value::as_bool)
            .unwrap_or(true)
    }

    pub(crate) fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }
}

type Index = HashMap<String, BTreeSet<u64>>;

/// All resources of one kind. The key is the order of creation.
#[derive(Debug, Default, Clone)]
struct Table {
    /// Ascending.
    order: Vec<u64>,
    records: HashMap<u64, Record>,
    by_id: HashMap<String, u64>,
    /// By `userName` or `displayName`, in lower case.
    by_label: Index,
    by_external_id: Index,
}

impl Table {
    fn link(&mut self, key: u64) {
        let Some(record) = self.records.get(&key) else {
            return;
        };
        self.by_label
            .entry(record.label().to_lowercase())
            .or_default()
            .insert(key);
        if let Some(external) = record.text("externalId") {
            self.by_external_id
                .entry(external.to_owned())
                .or_default()
                .insert(key);
        }
    }

    fn unlink(&mut self, key: u64) {
        let Some(record) = self.records.get(&key) else {
            return;
        };
        let label = record.label().to_lowercase();
        let external = record.text("externalId").map(str::to_owned);
        forget(&mut self.by_label, &label, key);
        if let Some(external) = external {
            forget(&mut self.by_external_id, &external, key);
        }
    }
}

fn forget(index: &mut Index, value: &str, key: u64) {
    if let Some(keys) = index.get_mut(value) {
        keys.remove(&key);
        if keys.is_empty() {
            index.remove(value);
        }
    }
}

/// Every resource of the target.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    users: Table,
    groups: Table,
    /// Groups (by key) that a user or group (by id) is a direct member of.
    member_of: HashMap<String, BTreeSet<u64>>,
    created: u64,
    seed: u64,
    now: Timestamp,
    pub(crate) group_names_unique: bool,
    pub(crate) unknown_members_refused: bool,
    pub(crate) external_ids_unique: bool,
}

impl Store {
    pub(crate) fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            users: Table::default(),
            groups: Table::default(),
            member_of: HashMap::new(),
            created: 0,
            seed,
            now,
            group_names_unique: true,
            unknown_members_refused: true,
            external_ids_unique: false,
        }
    }

    fn table(&self, kind: Kind) -> &Table {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }

    fn table_mut(&mut self, kind: Kind) -> &mut Table {
        match kind {
            Kind::User => &mut self.users,
            Kind::Group => &mut self.groups,
        }
    }

    /// Keys in order of creation.
    pub(crate) fn order(&self, kind: Kind) -> &[u64] {
        &self.table(kind).order
    }

    pub(crate) fn at(&self, kind: Kind, key: u64) -> Option<&Record> {
        self.table(kind).records.get(&key)
    }

    pub(crate) fn key(&self, kind: Kind, id: &str) -> Option<u64> {
        self.table(kind).by_id.get(id).copied()
    }

    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&Record> {
        self.at(kind, self.key(kind, id)?)
    }

    /// A user or a group.
    pub(crate) fn any(&self, id: &str) -> Option<&Record> {
        self.get(Kind::User, id)
            .or_else(|| self.get(Kind::Group, id))
    }

    pub(crate) fn by_label(&self, kind: Kind, label: &str) -> Vec<u64> {
        keys(self.table(kind).by_label.get(&label.to_lowercase()))
    }

    pub(crate) fn by_external_id(&self, kind: Kind, external: &str) -> Vec<u64> {
        keys(self.table(kind).by_external_id.get(external))
    }

    /// Keys of the groups that list `id`.
    pub(crate) fn groups_of(&self, id: &str) -> Vec<u64> {
        keys(self.member_of.get(id))
    }

    pub(crate) fn is_member(&self, group: u64, id: &str) -> bool {
        self.member_of
            .get(id)
            .is_some_and(|groups| groups.contains(&group))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn set_time(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Every write is a millisecond after the one before, so that `meta` has an order and no clock.
    fn tick(&mut self) -> Timestamp {
        self.now = self
            .now
            .saturating_add(SignedDuration::from_millis(1))
            .unwrap_or(self.now);
        self.now
    }

    pub(crate) fn insert(
        &mut self,
        kind: Kind,
        attrs: Map<String, Value>,
        members: &[String],
    ) -> Result<String, ScimError> {
        self.refuse_taken(kind, None, &attrs)?;
        for member in members {
            self.refuse_unknown(member)?;
        }
        self.created += 1;
        let key = self.created;
        let id = identifier(self.seed, key);
        let now = self.tick();
        let record = Record {
            id: id.clone(),
            kind,
            attrs,
            members: Members::default(),
            version: 1,
            created: now,
            modified: now,
        };
        let table = self.table_mut(kind);
        table.order.push(key);
        table.by_id.insert(id.clone(), key);
        table.records.insert(key, record);
        table.link(key);
        let edits: Vec<Edit> = members.iter().cloned().map(Edit::Put).collect();
        self.edit_members(key, &edits);
        Ok(id)
    }

    /// Sets the attributes and edits the members; both or neither. Answers whether anything changed.
    pub(crate) fn update(
        &mut self,
        kind: Kind,
        key: u64,
        attrs: Map<String, Value>,
        edits: &[Edit],
    ) -> Result<bool, ScimError> {
        self.refuse_taken(kind, Some(key), &attrs)?;
        for edit in edits {
            if let Edit::Put(member) = edit {
                self.refuse_unknown(member)?;
            }
        }
        let mut changed = self.edit_members(key, edits);
        let table = self.table_mut(kind);
        if table
            .records
            .get(&key)
            .is_some_and(|record| record.attrs != attrs)
        {
            table.unlink(key);
            if let Some(record) = table.records.get_mut(&key) {
                record.attrs = attrs;
            }
            table.link(key);
            changed = true;
        }
        if changed {
            self.touch(kind, key);
        }
        Ok(changed)
    }

    /// A new version and time of change.
    pub(crate) fn touch(&mut self, kind: Kind, key: u64) {
        let now = self.tick();
        if let Some(record) = self.table_mut(kind).records.get_mut(&key) {
            record.version += 1;
            record.modified = now;
        }
    }

    /// Deletes the resource and takes it out of every group.
    pub(crate) fn remove(&mut self, kind: Kind, id: &str) -> Option<Record> {
        let key = self.key(kind, id)?;
        for group in self.groups_of(id) {
            self.edit_members(group, &[Edit::Drop(id.to_owned())]);
            self.touch(Kind::Group, group);
        }
        self.edit_members(key, &[Edit::Clear]);
        let table = self.table_mut(kind);
        table.unlink(key);
        table.by_id.remove(id);
        if let Ok(position) = table.order.binary_search(&key) {
            table.order.remove(position);
        }
        table.records.remove(&key)
    }

    fn edit_members(&mut self, group: u64, edits: &[Edit]) -> bool {
        let Some(record) = self.groups.records.get_mut(&group) else {
            return false;
        };
        let before = record.members.fingerprint();
        for edit in edits {
            match edit {
                Edit::Clear => {
                    for id in record.members.iter() {
                        leave(&mut self.member_of, id, group);
                    }
                    record.members = Members::default();
                }
                Edit::Put(id) => {
                    record.members.put(id);
                    self.member_of.entry(id.clone()).or_default().insert(group);
                }
                Edit::Drop(id) => {
                    record.members.drop(id);
                    leave(&mut self.member_of, id, group);
                }
            }
        }
        record.members.fingerprint() != before
    }

    fn refuse_taken(
        &self,
        kind: Kind,
        own: Option<u64>,
        attrs: &Map<String, Value>,
    ) -> Result<(), ScimError> {
        let name = kind.label();
        let label = attrs
            .get(name)
            .and_then(Value::as_str)
            .filter(|label| !label.trim().is_empty())
            .ok_or_else(|| ScimError::value(format!("`{name}` is required")))?;
        let unique = kind == Kind::User || self.group_names_unique;
        if unique
            && self
                .by_label(kind, label)
                .iter()
                .any(|key| Some(*key) != own)
        {
            return Err(ScimError::taken(name, label));
        }
        if let Some(external) = attrs.get("externalId").and_then(Value::as_str)
            && kind == Kind::User
            && self.external_ids_unique
            && self
                .by_external_id(kind, external)
                .iter()
                .any(|key| Some(*key) != own)
        {
            return Err(ScimError::taken("externalId", external));
        }
        Ok(())
    }

    fn refuse_unknown(&self, member: &str) -> Result<(), ScimError> {
        if self.unknown_members_refused && self.any(member).is_none() {
            return Err(ScimError::value(format!(
                "member `{member}` does not exist"
            )));
        }
        Ok(())
    }
}

fn keys(found: Option<&BTreeSet<u64>>) -> Vec<u64> {
    found
        .map(|keys| keys.iter().copied().collect())
        .unwrap_or_default()
}

fn leave(member_of: &mut HashMap<String, BTreeSet<u64>>, id: &str, group: u64) {
    forget(member_of, id, group);
}

/// The same seed and order of creation give the same ids, in the form of a version 4 UUID.
fn identifier(seed: u64, key: u64) -> String {
    let high = scramble(seed ^ key);
    let low = scramble(high ^ seed.rotate_left(32));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff,
    )
}

/// The finisher of SplitMix64: a bijection, so distinct keys never collide in `high`.
pub(crate) fn scramble(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
