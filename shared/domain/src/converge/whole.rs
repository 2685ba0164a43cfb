//! Records instead of changes: a target that takes what is known of a person as one record may
//! read what is left out of it as cleared. Whatever changes, the whole record is said.

use std::collections::BTreeMap;

use super::{Convergence, Input};
use crate::change::AttrChange;
use crate::project::Strength;
use crate::{Change, Desired};

/// Puts every attribute of the projection, and whether the person can sign in, into changes of an
/// account that exists. What is written on creation only is said again as it was written.
///
/// What was sent and never answered cannot be looked at: where an older projection may have been
/// applied, the record is said again although it seems to be so already.
pub(super) fn whole(input: &Input<'_>, out: &mut Convergence) {
    let in_doubt = input.unsettled.is_some();
    let says_something = in_doubt || out.changes.iter().any(is_in_record);
    let makes_or_ends = |change: &Change| matches!(change, Change::Create { .. } | Change::Delete);
    if !says_something || out.changes.iter().any(makes_or_ends) {
        return;
    }
    if input.record.id.is_none() {
        // Maybe made by a record that was never answered, and not wanted any more.
        if in_doubt && input.projection.attrs.contains_key(super::KEY_PATH) {
            out.changes.push(Change::Create {
                active: false,
                attrs: record(input),
            });
        }
        return;
    }
    let state = match input.projection.desired {
        Desired::Active => Change::Enable,
        Desired::Disabled | Desired::None | Desired::Deleted => Change::Disable,
    };
    out.changes.retain(|change| !is_in_record(change));
    // Before everything else, as a block has to be.
    out.changes.insert(0, state);
    out.changes.push(Change::Update {
        attrs: record(input),
    });
}

/// Whether a change is said by the record.
const fn is_in_record(change: &Change) -> bool {
    match change {
        Change::Enable | Change::Disable | Change::Update { .. } => true,
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Restore
        | Change::Delete
        | Change::RevokeSessions
        | Change::Grant { .. }
        | Change::Revoke { .. } => false,
    }
}

fn record(input: &Input<'_>) -> BTreeMap<crate::AttrPath, AttrChange> {
    input
        .projection
        .attrs
        .iter()
        .map(|(path, mapped)| {
            let was = input.record.attrs.get(path).cloned();
            let want = match mapped.strength {
                Strength::Always => mapped.value.clone(),
                Strength::OnCreate | Strength::FillIfEmpty => {
                    was.clone().unwrap_or_else(|| mapped.value.clone())
                }
            };
            (path.clone(), AttrChange { was, want })
        })
        .collect()
}
