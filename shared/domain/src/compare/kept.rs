//! A comparison written down between two steps: hashes and numbers, and the accounts that differ.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint::Mask;
use crate::{Account, EntitlementId, IdentityId};

/// The recorded side of one target, or a stretch of it: hashes and numbers, and who was written to
/// just before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    pub(super) entries: Vec<(u64, u64)>,
    pub(super) masks: Vec<Mask>,
    pub(super) memberships: Vec<u64>,
    pub(super) counts: Counts,
    pub(super) lately: Vec<(IdentityId, Timestamp)>,
}

/// What the recorded side comes to in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) wanted: u64,
    pub(super) unplaced: u64,
    pub(super) managed: u64,
    pub(super) grants: u64,
}

impl Counts {
    pub(super) fn add(&mut self, others: Self) {
        self.wanted += others.wanted;
        self.unplaced += others.unplaced;
        self.managed += others.managed;
        self.grants += others.grants;
    }
}

/// What a comparison has seen so far: a bit for each recorded account and membership.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub(super) same: u64,
    pub(super) accounts: Vec<u64>,
    pub(super) memberships: Vec<u64>,
}

/// What needs a look, as a target showed it; the accounts are whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh {
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Memberships, by the hashes of the accounts that hold them.
    pub members: Vec<(EntitlementId, Vec<u64>)>,
}

impl Fresh {
    /// Whether nothing does.
    pub const fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.members.is_empty()
    }
}

/// One of so many parts of the accounts of a target, so that nobody has to hold all that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// From 0.
    pub index: u64,
    /// How many there are.
    pub of: u64,
}

impl Part {
    /// All of them at once.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether an account or identity with this hash is of this part.
    pub(super) const fn has(self, hash: u64) -> bool {
        self.of < 2 || hash % self.of == self.index
    }
}
