//! The members of a group, sized for groups of tens of thousands: every edit is constant time.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Ids in the order in which they joined.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    by_position: BTreeMap<u64, String>,
    position: HashMap<String, u64>,
    joined: u64,
    /// Exclusive or of the hashes of the ids.
    fingerprint: u64,
}

/// One change to the members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Everyone leaves.
    Clear,
    /// This id joins, or stays.
    Put(String),
    /// This id leaves, or was not there.
    Drop(String),
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.position.len()
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.position.contains_key(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.by_position.values().map(String::as_str)
    }

    pub(crate) fn put(&mut self, id: &str) {
        if !self.contains(id) {
            self.joined += 1;
            self.position.insert(id.to_owned(), self.joined);
            self.by_position.insert(self.joined, id.to_owned());
            self.fingerprint ^= hash(id);
        }
    }

    pub(crate) fn drop(&mut self, id: &str) {
        if let Some(position) = self.position.remove(id) {
            self.by_position.remove(&position);
            self.fingerprint ^= hash(id);
        }
    }

    /// Whether edits, in this order, would leave other members than there are.
    pub(crate) fn changed_by(&self, edits: &[Edit]) -> bool {
        let mut after = self.clone();
        for edit in edits {
            match edit {
                Edit::Clear => after = Self::default(),
                Edit::Put(id) => after.put(id),
                Edit::Drop(id) => after.drop(id),
            }
        }
        after.fingerprint() != self.fingerprint()
    }

    /// Equal for equal sets of ids, whatever the order; the count rules out the empty coincidence.
    pub(crate) fn fingerprint(&self) -> (usize, u64) {
        (self.len(), self.fingerprint)
    }
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// A group's members as they will be after edits that are not committed yet.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    base: &'a Members,
    cleared: bool,
    overlay: HashMap<String, bool>,
    pub(crate) edits: Vec<Edit>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(base: &'a Members) -> Self {
        Self {
            base,
            cleared: false,
            overlay: HashMap::new(),
            edits: Vec::new(),
        }
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        match self.overlay.get(id) {
            Some(inside) => *inside,
            None => !self.cleared && self.base.contains(id),
        }
    }

    pub(crate) fn put(&mut self, id: &str) {
        self.overlay.insert(id.to_owned(), true);
        self.edits.push(Edit::Put(id.to_owned()));
    }

    pub(crate) fn drop(&mut self, id: &str) {
        self.overlay.insert(id.to_owned(), false);
        self.edits.push(Edit::Drop(id.to_owned()));
    }

    pub(crate) fn clear(&mut self) {
        self.cleared = true;
        self.overlay.clear();
        self.edits.push(Edit::Clear);
    }

    /// In no particular order of joining; for filters that are not on `value`.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .base
            .iter()
            .filter(|id| self.contains(id))
            .map(str::to_owned)
            .collect();
        for edit in &self.edits {
            if let Edit::Put(id) = edit
                && self.contains(id)
                && !ids.contains(id)
            {
                ids.push(id.clone());
            }
        }
        ids
    }
}
