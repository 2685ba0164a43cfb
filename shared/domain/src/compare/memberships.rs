//! Memberships in eight bytes each: a hash of entitlement and account with two bits that say
//! whether policy wants it and whether the record has it.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::certify::hash;
use crate::{AccountRecord, Desired, EntitlementId, Projection};

const WANTED: u64 = 1;
const RECORDED: u64 = 2;
const FLAGS: u64 = WANTED | RECORDED;

/// The memberships of one target while they are collected.
#[derive(Clone, Debug, Default)]
pub(super) struct MembershipsBuilder(Vec<u64>);

impl MembershipsBuilder {
    pub(super) fn add(&mut self, projection: &Projection, record: &AccountRecord) {
        let Some(id) = &record.id else { return };
        let account = hash(id.as_str());
        let unrecorded = wanted(projection).filter(|e| !record.grants.contains(*e));
        for entitlement in record.grants.iter().chain(unrecorded) {
            let mut flags = 0;
            if record.grants.contains(entitlement) {
                flags |= RECORDED;
            }
            if wants(projection, entitlement) {
                flags |= WANTED;
            }
            self.0.push(key(entitlement, account) | flags);
        }
    }

    pub(super) fn into_keys(self) -> Vec<u64> {
        self.0
    }

    pub(super) fn add_keys(&mut self, keys: Vec<u64>) {
        self.0.extend(keys);
    }

    pub(super) fn build(mut self) -> Memberships {
        self.0.sort_unstable();
        Memberships {
            seen: vec![0; self.0.len().div_ceil(64)],
            entries: self.0,
        }
    }
}

/// The wanted and recorded memberships of one target, sorted, and which of them were seen.
#[derive(Clone, Debug)]
pub(super) struct Memberships {
    entries: Vec<u64>,
    seen: Vec<u64>,
}

impl Memberships {
    /// Looks an observed membership up and marks it as seen. Returns whether it is both wanted
    /// and recorded, so that nothing has to be said about it.
    pub(super) fn probe(&mut self, entitlement: &EntitlementId, account: u64) -> bool {
        let Some((at, entry)) = self.find(entitlement, account) else {
            return false;
        };
        if let Some(word) = self.seen.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
        entry & FLAGS == FLAGS
    }

    /// Whether a wanted or recorded membership was seen.
    pub(super) fn saw(&self, entitlement: &EntitlementId, account: u64) -> bool {
        self.find(entitlement, account).is_some_and(|(at, _)| {
            self.seen
                .get(at / 64)
                .is_some_and(|word| word & (1 << (at % 64)) != 0)
        })
    }

    /// How many wanted or recorded memberships were not seen.
    pub(super) fn unseen(&self) -> usize {
        let seen: u32 = self.seen.iter().map(|word| word.count_ones()).sum();
        self.entries.len().saturating_sub(seen as usize)
    }

    /// Which were seen, a bit each.
    pub(super) fn seen(&self) -> &[u64] {
        &self.seen
    }

    /// Takes up which were seen. They have to be the same memberships.
    pub(super) fn take_up(&mut self, seen: Vec<u64>) {
        self.seen = seen;
        self.seen.resize(self.entries.len().div_ceil(64), 0);
    }

    fn find(&self, entitlement: &EntitlementId, account: u64) -> Option<(usize, u64)> {
        let key = key(entitlement, account);
        let at = self.entries.partition_point(|entry| *entry < key);
        let entry = *self.entries.get(at)?;
        (entry & !FLAGS == key).then_some((at, entry))
    }
}

/// The entitlements that a projection gives: none unless the account can sign in, because grants
/// follow sign-in.
pub(super) fn wanted(projection: &Projection) -> impl Iterator<Item = &EntitlementId> {
    let active = projection.desired == Desired::Active;
    projection.grants.keys().filter(move |_| active)
}

/// Whether a projection gives an entitlement.
pub(super) fn wants(projection: &Projection, entitlement: &EntitlementId) -> bool {
    projection.desired == Desired::Active && projection.grants.contains_key(entitlement)
}

fn key(entitlement: &EntitlementId, account: u64) -> u64 {
    xxh3_64_with_seed(entitlement.as_str().as_bytes(), account) & !FLAGS
}
