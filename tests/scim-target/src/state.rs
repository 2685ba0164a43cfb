//! What the HTTP side and the Rust side of a target share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::calls::Recorder;
use crate::faults::{Faults, PatchAnswer};
use crate::list::Style;
use crate::store::Store;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) recorder: Recorder,
    pub(crate) style: Style,
    pub(crate) user_patch: PatchAnswer,
    pub(crate) group_patch: PatchAnswer,
    /// Resources that were created over HTTP and not read since, with the reads that a fault made miss.
    pub(crate) fresh: HashMap<String, u32>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) faults: Faults,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
