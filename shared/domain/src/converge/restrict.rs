//! What has to change and may not be done there: the profile does not prove it, the target takes
//! nothing from anybody, or the account is mastered somewhere else. It leaves the plan with a
//! reason, and the rest goes on. A block of sign-in stays in it wherever the account is mastered:
//! half an hour without access is worth more than none.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use super::{Convergence, Input};
use crate::policy::Target;
use crate::profile::Operation;
use crate::sod::{completes, continues};
use crate::{Change, EntitlementId, Finding};

/// Takes such changes out.
pub(super) fn restrict(input: &Input<'_>, target: &Target, out: &mut Convergence) {
    let read_only = input
        .seen
        .and_then(|seen| seen.account)
        .and_then(|account| account.read_only.as_deref());
    let why = |change: &Change| -> Option<String> {
        let unproven = operations(change)
            .iter()
            .find(|operation| !target.profile.proves(**operation));
        if let Some(operation) = unproven {
            return Some(unproven_because(*operation));
        }
        if target.upsert_only && change.is_destructive() {
            return Some(format!(
                "`{}` is left to a human: the target is upsert-only",
                change.name()
            ));
        }
        let elsewhere = read_only.filter(|_| *change != Change::Disable)?;
        changes_account(change).then(|| format!("`{}`: {elsewhere}", change.name()))
    };
    // Nothing is given to, or taken from, an account that is not made, not there or not ours.
    let stranger = out
        .changes
        .iter()
        .any(|change| matches!(change, Change::Adopt { .. }) && why(change).is_some());
    let mut exists = !stranger;
    let mut kept: BTreeSet<EntitlementId> = BTreeSet::new();
    let wanted = LazyCell::new(|| input.projection.grants.keys().collect());
    let mut ungiven: BTreeSet<EntitlementId> = BTreeSet::new();
    let mut pairs: Vec<Finding> = Vec::new();
    let mut withheld: Option<Box<str>> = None;
    out.changes.retain_mut(|change| {
        if let Some(why) = rename(target, change) {
            withheld.get_or_insert(why);
        }
        if matches!(change, Change::Update { attrs } if attrs.is_empty()) {
            return false;
        }
        if let Some(why) = why(change) {
            withheld.get_or_insert_with(|| why.into());
            match change {
                Change::Create { .. } | Change::Restore => exists = false,
                Change::Revoke { entitlement } => {
                    kept.insert(entitlement.clone());
                }
                Change::Grant { entitlement } => {
                    ungiven.insert(entitlement.clone());
                }
                Change::Adopt { .. }
                | Change::Update { .. }
                | Change::Enable
                | Change::Disable
                | Change::Delete
                | Change::RevokeSessions => {}
            }
            return false;
        }
        // What waits for its replacement stays where that is not given.
        if let Change::Revoke { entitlement } = change
            && ungiven
                .iter()
                .any(|given| continues(input.policy, given, entitlement))
        {
            return false;
        }
        // What is not taken away is still held: its other side is not given.
        if let Change::Grant { entitlement } = change
            && !kept.is_empty()
            && let Some(pair) = completes(input.policy, entitlement, &kept, &wanted)
        {
            pairs.push(Finding::SodConflict {
                pair: pair.into(),
                withheld: entitlement.clone(),
            });
            ungiven.insert(entitlement.clone());
            return false;
        }
        exists
    });
    out.findings.extend(pairs);
    if let Some(why) = withheld {
        out.findings.push(Finding::Withheld {
            target: input.target.clone(),
            why: why.clone(),
        });
        out.withheld = Some(why);
    }
}

/// Takes a user name that may not be changed out of an update, so that the rest of it goes on.
fn rename(target: &Target, change: &mut Change) -> Option<Box<str>> {
    let Change::Update { attrs } = change else {
        return None;
    };
    let may = target.profile.proves(Operation::Rename);
    let proven = target.profile.proves(Operation::Update);
    if may || !proven || attrs.remove("userName").is_none() {
        return None;
    }
    Some(unproven_because(Operation::Rename).into())
}

fn unproven_because(operation: Operation) -> String {
    format!(
        "the profile does not prove `{}`; run `lanyard probe`, or say in the profile that it works",
        operation.name()
    )
}

/// What a change needs a profile to prove.
pub fn operations(change: &Change) -> &'static [Operation] {
    match change {
        Change::Create { active: true, .. } => &[Operation::Create],
        // An account that is made blocked is only as good as the block.
        Change::Create { active: false, .. } => &[Operation::Create, Operation::Disable],
        Change::Update { attrs } if attrs.contains_key("userName") => {
            &[Operation::Update, Operation::Rename]
        }
        Change::Adopt { .. } | Change::Update { .. } => &[Operation::Update],
        Change::Enable => &[Operation::Enable],
        Change::Disable => &[Operation::Disable],
        Change::Delete => &[Operation::Delete],
        Change::Grant { .. } => &[Operation::Grant],
        Change::Revoke { .. } => &[Operation::Revoke],
        // Restoring has no form of its own in SCIM, and sessions none at all.
        Change::Restore | Change::RevokeSessions => &[],
    }
}

/// Whether a change writes to the user object itself, and not beside it.
const fn changes_account(change: &Change) -> bool {
    match change {
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Restore
        | Change::Update { .. }
        | Change::Enable
        | Change::Disable
        | Change::Delete => true,
        Change::RevokeSessions | Change::Grant { .. } | Change::Revoke { .. } => false,
    }
}
