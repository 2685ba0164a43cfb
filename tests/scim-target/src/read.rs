//! Reads that a fault answers from the past.

use crate::error::ScimError;
use crate::faults::{Fault, FaultKind, Faults, Quirks};
use crate::reply::Reply;
use crate::state::{Past, State};
use crate::store::Store;

/// Answers from the state before the last write while [`Fault::StaleReads`] wants it and it makes a difference.
pub(crate) fn read(
    state: &mut State,
    quirks: Quirks<'_>,
    look: &dyn Fn(&Store, Quirks<'_>) -> Result<Reply, ScimError>,
) -> Result<Reply, ScimError> {
    if let Some(past) = &mut state.past
        && quirks.armed(FaultKind::StaleReads)
    {
        // The comparison must not use up other faults.
        let none = Faults::default();
        let calm = Quirks {
            faults: &none,
            ..quirks
        };
        let used = past.reads;
        if look(&past.store, calm) != look(&state.store, calm)
            && quirks
                .fire_if(
                    FaultKind::StaleReads,
                    &|fault| matches!(fault, Fault::StaleReads { reads } if used < *reads),
                )
                .is_some()
        {
            past.reads += 1;
            return look(&past.store, quirks);
        }
    }
    look(&state.store, quirks)
}

/// The state that later reads may be answered from, taken before a write.
pub(crate) fn before(state: &State, quirks: Quirks<'_>) -> Option<Past> {
    quirks.set(FaultKind::StaleReads).then(|| Past {
        store: state.store.clone(),
        reads: 0,
    })
}
