//! Published policy: versions named by what is in them, one pointer that says which of them is
//! active, and what works under them.
//!
//! | object | holds |
//! |---|---|
//! | `policy/<version>/<file>` | a policy file, written once |
//! | `policy/<version>/manifest.json` | its files; written last, so that a version is whole or not there |
//! | `policy/active.json` | the pointer, written over by comparison only |
//! | `policy/diffs/<hash>.json` | a saved comparison, named by its content |
//!
//! A version is taken whole or not at all: its files have to hold together and to have the hash
//! that names them. [`Published`] follows the pointer for a function; [`Editions`] keeps the
//! versions whose decisions are still carried out. Neither decides what is published.

mod edition;
mod published;
mod versions;

#[cfg(test)]
mod tests;

pub use edition::{Editions, Versioned};
pub use published::{Edition, KEPT, LOOK_EVERY, Published};
pub use versions::{
    Active, Earlier, Manifest, PublicationError, active, earlier, files, flip, load, load_whole,
    resolve, save_diff, saved_diff, store, versions,
};
