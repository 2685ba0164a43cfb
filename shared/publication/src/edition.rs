//! The version that new decisions are made under, and those whose decisions are still carried out.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Hash;

/// What works under one version of policy.
pub trait Versioned {
    /// Which.
    fn version(&self) -> Hash;
}

/// The version that new decisions are made under, and those whose decisions are still carried out.
#[derive(Debug)]
pub struct Editions<E> {
    /// For new decisions.
    pub current: Arc<E>,
    /// The others, the one that came last at the end.
    others: Vec<Arc<E>>,
}

impl<E> Clone for Editions<E> {
    fn clone(&self) -> Self {
        Self {
            current: Arc::clone(&self.current),
            others: self.others.clone(),
        }
    }
}

impl<E: Versioned> Editions<E> {
    /// The only one.
    pub const fn new(current: Arc<E>) -> Self {
        Self {
            current,
            others: Vec::new(),
        }
    }

    /// Makes new decisions under another version from now on; the one before is kept.
    pub fn switch(&mut self, next: Arc<E>) {
        self.others
            .retain(|other| other.version() != next.version());
        let was = std::mem::replace(&mut self.current, next);
        self.keep(was);
    }

    /// Lets decisions of another version be carried out under it.
    pub fn keep(&mut self, other: Arc<E>) {
        if other.version() != self.current.version() {
            self.others
                .retain(|known| known.version() != other.version());
            self.others.push(other);
        }
    }

    /// Forgets the others but these.
    pub fn forget_but(&mut self, needed: &BTreeSet<Hash>) {
        self.others
            .retain(|other| needed.contains(&other.version()));
    }

    /// Forgets all but the `most` others that came last.
    pub fn keep_last(&mut self, most: usize) {
        let surplus = self.others.len().saturating_sub(most);
        self.others.drain(..surplus);
    }

    /// Whether there are others.
    pub const fn is_changing(&self) -> bool {
        !self.others.is_empty()
    }

    /// All of them, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<E>> {
        std::iter::once(&self.current).chain(&self.others)
    }

    /// A version, if it is there.
    pub fn get(&self, version: Hash) -> Option<&Arc<E>> {
        self.all().find(|edition| edition.version() == version)
    }

    /// Under which version a decision is carried out: its own while that is kept.
    pub fn of(&self, version: Hash) -> &Arc<E> {
        self.get(version).unwrap_or(&self.current)
    }
}
