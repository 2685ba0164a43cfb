//! Grants that have to wait: separation of duties and tiers keep them from being held beside
//! something that is still held. A connector sees one target alone; what it must know of the others
//! lies in the same item.

use std::collections::{BTreeMap, BTreeSet};

use super::Convergence;
use crate::policy::Policy;
use crate::sod::{apart, completes, continues};
use crate::{AccountRecord, Change, EntitlementId, IdentityRecord, TargetId};

/// What an identity has on its other targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Held, or maybe held, and not wanted: to be taken away there.
    pub leaving: BTreeSet<EntitlementId>,
    /// Wanted there.
    pub wanted: BTreeSet<EntitlementId>,
}

impl Elsewhere {
    /// Everywhere but on one target. What is not wanted any more counts as held until its own
    /// connector has recorded that it is gone: what a decision wants that was never answered, and
    /// what waits to be given, may be given at any time before that.
    pub fn of(
        record: &IdentityRecord,
        accounts: &BTreeMap<TargetId, AccountRecord>,
        here: &TargetId,
    ) -> Self {
        let mut all = Self::default();
        let places: BTreeSet<&TargetId> =
            record.projections.keys().chain(accounts.keys()).collect();
        for place in places.into_iter().filter(|place| *place != here) {
            let wanted = record.projections.get(place).map(|there| &there.grants);
            all.wanted
                .extend(wanted.into_iter().flat_map(|there| there.keys().cloned()));
            let account = accounts.get(place);
            let decided = record.changed.get(place).copied().unwrap_or_default();
            let settled = account
                .is_some_and(|account| account.applied >= decided && account.parked.is_none());
            let unsettled = record.unsettled.get(place).filter(|_| !settled);
            let written = record
                .projections
                .get(place)
                .is_some_and(|there| !there.simulated);
            let given = account.into_iter().flat_map(|account| &account.grants);
            let waiting = account.filter(|_| written).map(|account| &account.waiting);
            let maybe = given
                .chain(waiting.into_iter().flat_map(BTreeMap::keys))
                .chain(unsettled.into_iter().flatten());
            all.leaving.extend(
                maybe
                    .filter(|one| wanted.is_none_or(|wanted| !wanted.contains_key(*one)))
                    .cloned(),
            );
        }
        all
    }
}

/// Whether what an account waits for is still held on another target, so that asking again gives
/// nothing new.
pub fn is_waiting(
    record: &IdentityRecord,
    accounts: &BTreeMap<TargetId, AccountRecord>,
    target: &TargetId,
) -> bool {
    let Some(account) = accounts.get(target).filter(|one| !one.waiting.is_empty()) else {
        return false;
    };
    let leaving = Elsewhere::of(record, accounts, target).leaving;
    account
        .waiting
        .values()
        .flatten()
        .any(|one| leaving.contains(one))
}

/// Takes out of the changes what may not be given while `held` is: what would break a preventive
/// pair or set beside it, and another tier of the same thing. What a grant that waits would have
/// kept up is not taken away either, unless separation of duties wants it gone. `wanted` is what
/// policy gives on all targets.
pub fn postpone(
    policy: &Policy,
    held: &BTreeSet<EntitlementId>,
    wanted: &BTreeSet<&EntitlementId>,
    out: &mut Convergence,
) {
    if held.is_empty() {
        return;
    }
    let mut late: BTreeMap<EntitlementId, BTreeSet<EntitlementId>> = BTreeMap::new();
    for change in &out.changes {
        if let Change::Grant { entitlement } = change {
            let until = before(policy, entitlement, held, wanted);
            if !until.is_empty() {
                late.insert(entitlement.clone(), until);
            }
        }
    }
    if late.is_empty() {
        return;
    }
    let first = |taken: &EntitlementId| wanted.iter().any(|given| apart(policy, given, taken));
    out.changes.retain(|change| match change {
        Change::Grant { entitlement } => !late.contains_key(entitlement),
        Change::Revoke { entitlement } => {
            first(entitlement)
                || !late
                    .keys()
                    .any(|given| continues(policy, given, entitlement))
        }
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Restore
        | Change::Update { .. }
        | Change::Enable
        | Change::Disable
        | Change::Delete
        | Change::RevokeSessions => true,
    });
    out.waiting.extend(late);
}

/// What of `held` has to be gone before a grant comes.
fn before(
    policy: &Policy,
    grant: &EntitlementId,
    held: &BTreeSet<EntitlementId>,
    wanted: &BTreeSet<&EntitlementId>,
) -> BTreeSet<EntitlementId> {
    let breaks = completes(policy, grant, held, wanted).is_some();
    let keeps = |one: &&EntitlementId| {
        let same_tier = policy.tiers.iter().any(|tier| {
            tier.entitlements.contains(one) && tier.entitlements.contains(grant) && *one != grant
        });
        same_tier || (breaks && apart(policy, grant, one))
    };
    held.iter().filter(keeps).cloned().collect()
}
