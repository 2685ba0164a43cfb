//! Looking back after a sign-in block or a removal: what a target answers and what it does are
//! two things.

use std::time::Duration;

use domain::converge::Convergence;
use domain::{Change, EntitlementId};
use ports::target::Found;
use ports::{Apply, Cases, Clock, Fault, Observe, Store};

use crate::Connector;
use crate::carry_out::{Stop, revokes};
use crate::work::Work;

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Reads back what is relevant for security: a disabled account is disabled, revoked
    /// memberships are gone. An ending only shortens the wait before the next look.
    pub(crate) async fn verify(
        &self,
        target: &T,
        convergence: &Convergence,
        work: &mut Work,
    ) -> Result<(), Stop> {
        // A block that was refused is still active, which is no news.
        if !convergence.changes.contains(&Change::Disable) || work.record.active {
            return self.verify_revokes(target, convergence, work).await;
        }
        let Some(id) = work.record.id.clone() else {
            return Ok(());
        };
        let revoked = open(convergence, work);
        let check = target.check(&id, &revoked).await.map_err(Stop::from)?;
        work.unseen.block = false;
        match check.found {
            Found::One(account) if account.active => {
                work.record.active = true;
                return Err(unverified(
                    wait(work),
                    "the target answered a sign-in block as done and the account is still active",
                ));
            }
            // A target that hides a disabled account has disabled it.
            Found::One(_) | Found::None | Found::Many(_) => work.block_seen = true,
        }
        gone(work, revoked, check.held.unwrap_or_default())
    }

    /// Reads back that revoked memberships are gone, once; those that the target refused to take
    /// away are known to be there.
    pub(crate) async fn verify_revokes(
        &self,
        target: &T,
        convergence: &Convergence,
        work: &mut Work,
    ) -> Result<(), Stop> {
        let Some(id) = work.record.id.clone() else {
            return Ok(());
        };
        let revoked = open(convergence, work);
        if revoked.is_empty() {
            return Ok(());
        }
        let held = target.held(&id, &revoked).await.map_err(Stop::from)?;
        gone(work, revoked, held.unwrap_or_default())
    }
}

/// Removals that were answered as done and not looked back at yet.
fn open(convergence: &Convergence, work: &Work) -> Vec<EntitlementId> {
    revokes(convergence)
        .filter(|one| work.unseen.revokes.contains(*one))
        .cloned()
        .collect()
}

/// Takes over what a look back showed of removals.
pub fn gone(
    work: &mut Work,
    revoked: Vec<EntitlementId>,
    still: Vec<EntitlementId>,
) -> Result<(), Stop> {
    for one in revoked {
        work.unseen.revokes.remove(&one);
    }
    if still.is_empty() {
        return Ok(());
    }
    work.record.grants.extend(still);
    Err(unverified(
        wait(work),
        "the target answered a removal as done and the membership is still there",
    ))
}

/// How long until the next look: a replica may lag as long as it does with a new account.
fn wait(work: &Work) -> Duration {
    let after = Stop::shows_after(work.receives);
    if work.urgent {
        after
    } else {
        after.max(Duration::from_secs(30))
    }
}

fn unverified(after: Duration, why: &str) -> Stop {
    Stop::Unverified(Fault::Retry {
        after: Some(after),
        why: why.into(),
    })
}
