//! Proof that a listing is everything. A [`Certifier`] is fed page by page and ends in a
//! [`Certificate`] or in the reason why there is none. It refuses to guess: one page that failed,
//! one cursor or id that came twice, a total that differs from what came, or a population that
//! jumped, and the listing proves nothing about what it does not contain.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Certificate, Hash, Incomplete};

/// How far a population may move between two accepted runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Never trips while the difference is at or below this count. An empty list where there was
    /// something trips always.
    pub floor: u64,
    /// Largest loss, in percent of the last accepted population.
    pub shrink_percent: u64,
    /// Largest growth, in percent of the last accepted population.
    pub grow_percent: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            floor: 20,
            shrink_percent: 20,
            grow_percent: 100,
        }
    }
}

/// What a population is measured against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Objects in the last accepted run, if there was one.
    pub previous: Option<u64>,
    /// Objects that our own records name. They stand in where no run was accepted yet, and only
    /// for losses: a target may hold any number of objects that we do not know.
    pub recorded: u64,
    /// Whether a human accepts this population as it is.
    pub accepted_by_hand: bool,
}

/// Watches one listing from its first page to its last.
#[derive(Clone, Debug, Default)]
pub struct Certifier {
    pages: u64,
    received: u64,
    declared: Option<u64>,
    most_declared: u64,
    shrank: bool,
    repeated: u64,
    cursors: HashSet64,
    ids: HashSet64,
    digest: Sha256,
    failure: Option<Incomplete>,
}

/// A certifier between two pages, written down: numbers and digests, nothing of what came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pages: u64,
    received: u64,
    declared: Option<u64>,
    most_declared: u64,
    shrank: bool,
    repeated: u64,
    /// The digest over the ids so far, in the middle.
    digest: Vec<u8>,
    failure: Option<Incomplete>,
}

impl Certifier {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to write down between two pages. The cursors and ids so far are not in it: whoever
    /// keeps a certifier keeps them beside it, those of a few pages at a time.
    pub fn keep(&self) -> Kept {
        Kept {
            pages: self.pages,
            received: self.received,
            declared: self.declared,
            most_declared: self.most_declared,
            shrank: self.shrank,
            repeated: self.repeated,
            digest: self.digest.serialize().to_vec(),
            failure: self.failure.clone(),
        }
    }

    /// Goes on where a certifier was written down, with the hashes of every cursor and every id
    /// that it had seen. One that cannot be read back proves nothing.
    pub fn take_up(
        kept: Kept,
        cursors: impl IntoIterator<Item = u64>,
        ids: impl IntoIterator<Item = u64>,
    ) -> Self {
        let digest = kept.digest.as_slice().try_into().ok();
        let digest = digest.and_then(|state| Sha256::deserialize(state).ok());
        let mut certifier = Self {
            pages: kept.pages,
            received: kept.received,
            declared: kept.declared,
            most_declared: kept.most_declared,
            shrank: kept.shrank,
            repeated: kept.repeated,
            cursors: HashSet64::of(cursors),
            ids: HashSet64::of(ids),
            failure: kept.failure,
            digest: Sha256::new(),
        };
        match digest {
            Some(digest) => certifier.digest = digest,
            None => certifier.page_failed("what was read before is not legible"),
        }
        certifier
    }

    /// The hashes of every cursor so far.
    pub fn cursors(&self) -> impl Iterator<Item = u64> {
        self.cursors.iter()
    }

    /// The hashes of every id so far, but for those that the caller knows.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.ids.iter()
    }

    /// Pages so far.
    pub const fn pages(&self) -> u64 {
        self.pages
    }

    /// A page came, well formed, with the total that it declares.
    pub fn page(&mut self, declared: Option<u64>) {
        self.pages += 1;
        if let Some(total) = declared {
            // A total that shrinks between two pages means that something left while we read, and
            // what stood behind it slid over the page border unread. Growth is harmless: what
            // slides the other way comes twice and is caught as a repeated id.
            self.shrank |= total < self.most_declared;
            self.most_declared = self.most_declared.max(total);
            self.declared = Some(total);
        }
    }

    /// An object of the current page. Keeps 64 bits of its id.
    pub fn item(&mut self, id: &str) {
        let first = self.ids.insert(hash(id));
        self.item_known(id, first);
    }

    /// An object of the current page whose novelty the caller knows, so that its id is not kept
    /// twice.
    pub fn item_known(&mut self, id: &str, first: bool) {
        self.received += 1;
        if !first {
            self.repeated += 1;
        }
        self.digest.update((id.len() as u64).to_be_bytes());
        self.digest.update(id.as_bytes());
    }

    /// Where the next page begins, if there is one. Returns whether to fetch it: not where the
    /// cursor came before (it would never end), and not after a failure.
    pub fn goes_on(&mut self, next: Option<&str>) -> bool {
        let Some(next) = next else { return false };
        if !self.cursors.insert(hash(next)) {
            self.fail(Incomplete::RepeatedCursor { page: self.pages });
        }
        // A target that serves the same objects for ever under ever new cursors.
        if self.repeated > REPEATS_BEFORE_GIVING_UP {
            self.fail(Incomplete::RepeatedId {
                count: self.repeated,
            });
        }
        self.failure.is_none()
    }

    /// The next page could not be fetched or read. The error holds no personal data.
    pub fn page_failed(&mut self, error: impl Into<Box<str>>) {
        self.fail(Incomplete::PageFailed {
            page: self.pages + 1,
            error: error.into(),
        });
    }

    /// The target does not show what is asked for.
    pub fn not_shown(&mut self) {
        self.fail(Incomplete::NotShown);
    }

    /// How many pages the listing is going to have, by what the target declares or, where that is
    /// more or it does not, by what is recorded; at least those that came.
    pub fn expected_pages(&self, recorded: u64) -> u64 {
        let total = u128::from(self.most_declared.max(recorded));
        let pages = total * u128::from(self.pages) / u128::from(self.received.max(1));
        u64::try_from(pages).unwrap_or(u64::MAX).max(self.pages)
    }

    /// The largest total that a page declared so far.
    pub const fn most_declared(&self) -> u64 {
        self.most_declared
    }

    /// Objects so far.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// The verdict. `at` is when the last page arrived.
    pub fn finish(
        self,
        baseline: Baseline,
        bounds: Bounds,
        at: Timestamp,
    ) -> Result<Certificate, Incomplete> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.repeated > 0 {
            return Err(Incomplete::RepeatedId {
                count: self.repeated,
            });
        }
        if self.shrank {
            return Err(Incomplete::ShortOfTotal {
                declared: self.most_declared,
                received: self.received,
            });
        }
        if let Some(declared) = self.declared
            && declared != self.received
        {
            return Err(Incomplete::ShortOfTotal {
                declared,
                received: self.received,
            });
        }
        if !baseline.accepted_by_hand
            && let Some(previous) = jump(self.received, baseline, bounds)
        {
            return Err(Incomplete::PopulationJump {
                previous,
                received: self.received,
            });
        }
        Ok(Certificate {
            pages: self.pages,
            received: self.received,
            declared: self.declared,
            previous: baseline.previous,
            ids: Hash(self.digest.finalize().into()),
            at,
        })
    }

    fn fail(&mut self, why: Incomplete) {
        // The first failure is the cause, later ones its consequences.
        self.failure.get_or_insert(why);
    }
}

/// A few shifted objects are worth reading on for the report's sake; this many are a loop.
const REPEATS_BEFORE_GIVING_UP: u64 = 10_000;

/// The population that this one is too far from, if it is.
fn jump(received: u64, baseline: Baseline, bounds: Bounds) -> Option<u64> {
    let previous = baseline.previous.unwrap_or(baseline.recorded);
    let lost = previous.saturating_sub(received);
    let gained = received.saturating_sub(previous);
    let beyond = |moved: u64, percent: u64| {
        moved > bounds.floor && u128::from(moved) * 100 > u128::from(previous) * u128::from(percent)
    };
    let emptied = received == 0 && previous > 0;
    let shrank = beyond(lost, bounds.shrink_percent);
    // Nothing is known to have grown where no run was accepted before. One that was accepted
    // empty (a new target) may be filled.
    let grew = baseline.previous.is_some_and(|was| was > 0) && beyond(gained, bounds.grow_percent);
    (emptied || shrank || grew).then_some(previous)
}

/// 64 bits of an id, as comparisons and certificates keep it.
pub fn hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// A set of 64-bit hashes in 11 to 22 bytes each: open addressing, linear probing.
#[derive(Clone, Debug, Default)]
pub(crate) struct HashSet64 {
    slots: Vec<u64>,
    len: usize,
}

impl HashSet64 {
    fn of(hashes: impl IntoIterator<Item = u64>) -> Self {
        let mut set = Self::default();
        for hash in hashes {
            set.insert(hash);
        }
        set
    }

    fn iter(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().copied().filter(|slot| *slot != 0)
    }

    /// Adds a hash. Returns whether it was new.
    pub(crate) fn insert(&mut self, hash: u64) -> bool {
        // Zero marks a free slot.
        let hash = hash.max(1);
        if self.len * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let fresh = place(&mut self.slots, hash);
        self.len += usize::from(fresh);
        fresh
    }

    fn grow(&mut self) {
        let mut slots = vec![0; (self.slots.len() * 2).max(16)];
        for hash in self.slots.iter().filter(|hash| **hash != 0) {
            place(&mut slots, *hash);
        }
        self.slots = slots;
    }
}

fn place(slots: &mut [u64], hash: u64) -> bool {
    let len = slots.len() as u64;
    // The remainder is smaller than a length, which is a usize.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a remainder of a usize fits one"
    )]
    let start = (hash % len.max(1)) as usize;
    let (before, after) = slots.split_at_mut(start);
    for slot in after.iter_mut().chain(before) {
        if *slot == hash {
            return false;
        }
        if *slot == 0 {
            *slot = hash;
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
