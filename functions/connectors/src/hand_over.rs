//! Tiers and nested groups: the new membership is given and seen before the old one is taken.

use std::time::Duration;

use domain::converge::{Convergence, replaced_by};
use domain::{Change, EntitlementId};
use ports::{Apply, Cases, Clock, Fault, Observe, Store};

use crate::Connector;
use crate::carry_out::Stop;
use crate::work::Work;

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Whether a change takes what something that is given now keeps up.
    pub(crate) fn hands_over(&self, change: &Change, convergence: &Convergence) -> bool {
        let Change::Revoke { entitlement } = change else {
            return false;
        };
        let changes = &convergence.changes;
        replaced_by(&self.policy.policy, changes, entitlement)
            .next()
            .is_some()
    }

    /// Whether everything that keeps up what is to be taken is held. What the target refused to
    /// give leaves the old where it is; what it does not show yet is asked for again.
    pub(crate) async fn took_over(
        &self,
        target: &T,
        taken: &EntitlementId,
        convergence: &Convergence,
        work: &mut Work,
    ) -> Result<bool, Stop> {
        let given: Vec<EntitlementId> =
            replaced_by(&self.policy.policy, &convergence.changes, taken)
                .cloned()
                .collect();
        let Some(id) = work.record.id.clone().filter(|_| !given.is_empty()) else {
            return Ok(true);
        };
        if given.iter().any(|one| !work.record.grants.contains(one)) {
            return Ok(false);
        }
        // A target that does not tell is taken at its word.
        let Some(held) = target.held(&id, &given).await.map_err(Stop::from)? else {
            return Ok(true);
        };
        let missing: Vec<&EntitlementId> = given.iter().filter(|one| !held.contains(one)).collect();
        if missing.is_empty() {
            return Ok(true);
        }
        for one in missing {
            work.record.grants.remove(one);
        }
        Err(Stop::Unverified(Fault::Retry {
            after: Some(Duration::from_secs(30)),
            why: "the target does not show the new membership yet; the old one stays until it does"
                .into(),
        }))
    }
}

/// How many removals wait for a grant.
pub fn waiting(convergence: &Convergence) -> u32 {
    let changes = &convergence.changes;
    let first = changes
        .iter()
        .position(|change| matches!(change, Change::Grant { .. }));
    let after = first.and_then(|first| changes.get(first..));
    let late = after
        .into_iter()
        .flatten()
        .filter(|change| matches!(change, Change::Revoke { .. }));
    u32::try_from(late.count()).unwrap_or(u32::MAX)
}
