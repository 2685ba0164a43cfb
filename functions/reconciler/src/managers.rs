//! Accounts that were made before their manager's: the reference is filled in once there is
//! something to refer to.

use std::collections::BTreeMap;

use contract::{Cause, ConvergeRequest, Lane};
use domain::{IdentityId, Policy, RecordKey, TargetId, rollout};
use ports::lanes::Outgoing;
use ports::store::Seat;
use ports::{Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};

use crate::enqueue::body;
use crate::recorded::is_by_hand;
use crate::{Reconciler, Run};

/// A reference that was wanted and could not be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unresolved {
    identity: IdentityId,
    target: TargetId,
    manager: RecordKey,
}

/// The references of one identity that its accounts lack, where they are written at all.
pub(crate) fn unresolved<'a>(
    policy: &'a Policy,
    identity: &'a IdentityId,
    seat: &'a Seat,
) -> impl Iterator<Item = Unresolved> + 'a {
    seat.record
        .projections
        .iter()
        .filter(move |(target, projection)| {
            let by_hand = policy.targets.get(*target).is_some_and(is_by_hand);
            !by_hand && rollout::writes(policy, target, projection)
        })
        .filter_map(move |(target, projection)| {
            let account = seat
                .accounts
                .get(target)
                .filter(|account| account.id.is_some())?;
            let (path, mapped) = projection.attrs.iter().find(|(_, mapped)| mapped.refers)?;
            let written = account
                .attrs
                .get(path)
                .and_then(|slot| slot.reveal().text());
            if written.is_some_and(|text| !text.is_empty()) {
                return None;
            }
            Some(Unresolved {
                identity: identity.clone(),
                target: target.clone(),
                manager: mapped.value.reveal().text()?.into(),
            })
        })
}

/// Asks the connectors to write the references whose manager has an account by now. Returns how
/// many by target.
pub(crate) async fn fill_in<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    run: &Run,
    unresolved: &[Unresolved],
) -> Result<BTreeMap<TargetId, u64>, Fault>
where
    S: Store,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    let mut sent = BTreeMap::new();
    let mut known: BTreeMap<(&RecordKey, &TargetId), bool> = BTreeMap::new();
    for one in unresolved {
        let key = (&one.manager, &one.target);
        let there = match known.get(&key) {
            Some(there) => *there,
            None => has_account(reconciler.store, &one.manager, &one.target).await?,
        };
        known.insert(key, there);
        if !there {
            continue;
        }
        let item = reconciler.store.seat(&one.identity, &one.target).await?.0;
        let request = ConvergeRequest::look(
            one.identity.clone(),
            one.target.clone(),
            item.map(|item| item.record.generation).unwrap_or_default(),
            Cause::Reconcile,
        );
        let message = Outgoing {
            group: request.group(),
            dedup: format!("{}#{}#{}#manager", run.id, one.target, one.identity),
            body: body(&request)?,
        };
        let lane = Lane::Target(one.target.clone());
        reconciler.lanes.send(&lane, &[message]).await?;
        *sent.entry(one.target.clone()).or_default() += 1;
    }
    Ok(sent)
}

/// Whether the human behind a worker record has an account on a target.
async fn has_account<S: Store>(
    store: &S,
    record: &RecordKey,
    target: &TargetId,
) -> Result<bool, Fault> {
    let has = |seat: Option<Seat>| {
        seat.is_some_and(|seat| {
            seat.accounts
                .get(target)
                .is_some_and(|account| account.id.is_some())
        })
    };
    if has(store.seat(&IdentityId::from(record), target).await?.0) {
        return Ok(true);
    }
    match store.dossier(record).await?.link {
        Some(identity) => Ok(has(store.seat(&identity, target).await?.0)),
        None => Ok(false),
    }
}
