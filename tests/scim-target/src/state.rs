//! What the HTTP side and the Rust side of a target share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::admission::Meters;
use crate::calls::Recorder;
use crate::faults::Faults;
use crate::list::Style;
use crate::store::Store;
use crate::truth::Truth;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) recorder: Recorder,
    pub(crate) style: Style,
    /// Resources that were created over HTTP and not read since, with the reads that a fault made miss.
    pub(crate) fresh: HashMap<String, u32>,
    /// The state before the last write, while a fault wants it.
    pub(crate) past: Option<Past>,
    pub(crate) meters: Meters,
    /// Names of the users that DELETE suspended for ever.
    pub(crate) suspended: Vec<String>,
}

/// The state before a write, and the reads that it has answered.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) store: Store,
    pub(crate) reads: u32,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) faults: Faults,
    pub(crate) truth: Truth,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
