//! The recorded side of a target in 16 bytes an account, for targets whose order is not the
//! store's: sorted once, then probed by every account that streams past.

use super::fingerprint::{Mask, Shown, Spec, Wanted};
use crate::certify::hash;
use crate::{AccountRecord, IdentityId, Projection};

/// One recorded account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// Of the account's id.
    id: u64,
    /// Upper 8 bits: number of the mask; the rest: fingerprint.
    print: u64,
}

/// Marks an entry that a fingerprint cannot answer for.
const LOOK: u8 = u8::MAX;

/// What an account looks like against the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// On record, and as wanted.
    Same,
    /// On record, and different or in need of a closer look.
    Differs,
    /// Not on record.
    Unknown,
}

/// The recorded accounts of one target while they are collected.
#[derive(Clone, Debug, Default)]
pub struct IndexBuilder {
    entries: Vec<Entry>,
    masks: Vec<Mask>,
    scratch: Vec<u8>,
}

impl IndexBuilder {
    /// Adds a recorded account; one without an id in the target is not indexed.
    pub fn add(
        &mut self,
        spec: &Spec,
        identity: &IdentityId,
        projection: &Projection,
        record: &AccountRecord,
    ) {
        let Some(id) = &record.id else { return };
        let wanted = spec.wanted(identity, projection, record, &mut self.scratch);
        self.add_wanted(id.as_str(), wanted);
    }

    /// Adds a recorded account of which it is known what it should look like.
    pub fn add_wanted(&mut self, id: &str, wanted: Option<Wanted>) {
        let print = match wanted {
            Some(wanted) => (u64::from(self.number(wanted.mask)) << 56) | wanted.print,
            None => u64::from(LOOK) << 56,
        };
        self.entries.push(Entry {
            id: hash(id),
            print,
        });
    }

    /// Hands over what was collected: pairs of hash and print, and the masks that the prints
    /// number.
    pub(super) fn into_parts(self) -> (Vec<(u64, u64)>, Vec<Mask>) {
        let entries = self.entries.into_iter();
        (entries.map(|e| (e.id, e.print)).collect(), self.masks)
    }

    /// Adds what another one collected.
    pub(super) fn add_parts(&mut self, entries: Vec<(u64, u64)>, masks: Vec<Mask>) {
        let numbers: Vec<u8> = masks.into_iter().map(|mask| self.number(mask)).collect();
        self.entries.extend(entries.into_iter().map(|(id, print)| {
            let [number, ..] = print.to_be_bytes();
            let number = numbers.get(usize::from(number)).copied().unwrap_or(LOOK);
            Entry {
                id,
                print: (u64::from(number) << 56) | (print & (u64::MAX >> 8)),
            }
        }));
    }

    /// Sorts.
    pub fn build(mut self) -> Index {
        self.entries.sort_unstable();
        Index {
            seen: vec![0; self.entries.len().div_ceil(64)],
            entries: self.entries,
            masks: self.masks,
            scratch: self.scratch,
        }
    }

    fn number(&mut self, mask: Mask) -> u8 {
        let at = self.masks.iter().position(|known| *known == mask);
        let at = at.unwrap_or_else(|| {
            if self.masks.len() < usize::from(LOOK) {
                self.masks.push(mask);
                self.masks.len() - 1
            } else {
                usize::from(LOOK)
            }
        });
        u8::try_from(at).unwrap_or(LOOK)
    }
}

/// The recorded accounts of one target, sorted, and which of them were seen.
#[derive(Clone, Debug)]
pub struct Index {
    entries: Vec<Entry>,
    masks: Vec<Mask>,
    seen: Vec<u64>,
    scratch: Vec<u8>,
}

impl Index {
    /// How many accounts are on record.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no account is on record.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Looks an observed account up and marks it as seen. Says too whether it came for the first
    /// time; an account that is not on record is always a first time here.
    pub fn probe(&mut self, spec: &Spec, account: &impl Shown) -> (Probe, bool) {
        let id = hash(account.id());
        let at = self.first(id);
        let Some(entry) = self.entries.get(at).filter(|entry| entry.id == id) else {
            return (Probe::Unknown, true);
        };
        let print = entry.print;
        let first = !self.is_seen(at);
        let mut several = false;
        for twin in at..self.entries.len() {
            if self.entries.get(twin).is_none_or(|entry| entry.id != id) {
                break;
            }
            several |= twin > at;
            self.mark(twin);
        }
        // The number of an entry that needs a look has no mask.
        let [number, ..] = print.to_be_bytes();
        let mask = self.masks.get(usize::from(number)).copied();
        let same = !several
            && mask.is_some_and(|mask| {
                spec.observed(account, mask, &mut self.scratch) == print & (u64::MAX >> 8)
            });
        (if same { Probe::Same } else { Probe::Differs }, first)
    }

    /// Whether the recorded account whose id has that hash was seen.
    pub fn saw(&self, id: u64) -> bool {
        let at = self.first(id);
        self.entries.get(at).is_some_and(|entry| entry.id == id) && self.is_seen(at)
    }

    /// How many recorded accounts were not seen.
    pub fn unseen(&self) -> usize {
        let seen: u32 = self.seen.iter().map(|word| word.count_ones()).sum();
        self.entries.len().saturating_sub(seen as usize)
    }

    /// The first entry whose id is not smaller. Hashes are evenly spread, so that the guess is
    /// off by the square root of the length and the search stays within a few pages of memory.
    fn first(&self, id: u64) -> usize {
        let len = self.entries.len();
        // The product of a fraction below one and a length is a valid index.
        #[expect(clippy::cast_possible_truncation, reason = "less than a usize")]
        let guess = ((u128::from(id) * len as u128) >> 64) as usize;
        let smaller = |at: usize| self.entries.get(at).is_some_and(|entry| entry.id < id);
        let mut step = 16;
        let (mut low, mut high) = (guess, guess);
        while low > 0 && !smaller(low) {
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 16;
        while high < len && smaller(high) {
            high = (high + step).min(len);
            step *= 2;
        }
        let range = self.entries.get(low..high).unwrap_or_default();
        low + range.partition_point(|entry| entry.id < id)
    }

    /// Which were seen, a bit each.
    pub(super) fn seen(&self) -> &[u64] {
        &self.seen
    }

    /// Takes up which were seen. The index has to be of the same accounts.
    pub(super) fn take_up(&mut self, seen: Vec<u64>) {
        self.seen = seen;
        self.seen.resize(self.entries.len().div_ceil(64), 0);
    }

    fn is_seen(&self, at: usize) -> bool {
        self.seen
            .get(at / 64)
            .is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    fn mark(&mut self, at: usize) {
        if let Some(word) = self.seen.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
}
