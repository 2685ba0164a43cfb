//! Looking back after a sign-in block or a removal: what a target answers and what it does are
//! two things.

use std::time::Duration;

use domain::converge::Convergence;
use domain::{Change, Desired, EntitlementId};
use jiff::{SignedDuration, Timestamp};
use ports::target::Found;
use ports::{Apply, Cases, Clock, Fault, Observe, Store};

use crate::Connector;
use crate::carry_out::{Done, Stop, revokes};
use crate::work::{Mastered, Work};

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Reads back what is relevant for security: an account that was disabled, or made so, is
    /// disabled, revoked memberships are gone. An ending only shortens the wait before the next look.
    /// A block that another directory may take back is not seen until it outlasted that.
    pub(crate) async fn verify(
        &self,
        target: &T,
        convergence: &Convergence,
        work: &mut Work,
    ) -> Result<(), Stop> {
        // A block that was refused is still active, which is no news.
        if !work.unseen.block {
            self.verify_revokes(target, convergence, work).await?;
            return mastered(work);
        }
        let Some(id) = work.record.id.clone() else {
            return Ok(());
        };
        let made = convergence.changes.iter().any(made_blocked);
        let revoked = open(convergence, work);
        let mut check = target.check(&id, &revoked).await.map_err(Stop::from)?;
        if made && is_active(&check.found) {
            // Targets take `active` for what they say of a new account, and not for what they are told.
            work.record.active = true;
            let mut done = Done::default();
            let block = std::slice::from_ref(&Change::Disable);
            work.unseen.block = false;
            self.apply_all(target, block, &id, work, &mut done).await?;
            done.into_result()?;
            check = target.check(&id, &revoked).await.map_err(Stop::from)?;
        }
        if made && matches!(check.found, Found::None) && self.shows_blocked(&work.name) {
            return Err(Stop::not_yet(work));
        }
        work.unseen.block = false;
        match check.found {
            Found::One(account) if account.active => {
                work.record.active = true;
                return Err(unverified(
                    wait(work),
                    "the target answered a sign-in block as done and the account is still active",
                ));
            }
            Found::One(account) => {
                let blocked_now = true;
                work.mastered = account.read_only.map(|why| Mastered { why, blocked_now });
                work.block_seen = work.mastered.is_none();
            }
            // A target that hides a disabled account has disabled it.
            Found::None | Found::Many(_) => work.block_seen = true,
        }
        gone(work, revoked, check.held.unwrap_or_default())?;
        mastered(work)
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

/// Most directories take over what another one says every 30 minutes (Entra Connect). A block that
/// is still there after twice that was made there, too.
const TAKEN_OVER: SignedDuration = SignedDuration::from_hours(1);

/// Parks an account that is blocked and mastered elsewhere: what we wrote lasts until its master
/// is next copied, and only a human can block it there.
fn mastered(work: &Work) -> Result<(), Stop> {
    let Some(Mastered { why, blocked_now }) = &work.mastered else {
        return Ok(());
    };
    let ends = work.projection.desired != Desired::Active;
    let lasts = !blocked_now
        && work.before.as_ref().is_none_or(|before| {
            let changed = before.at.unwrap_or(Timestamp::MIN);
            work.at.duration_since(changed) >= TAKEN_OVER
        });
    if !ends || work.record.active || lasts {
        return Ok(());
    }
    Err(Stop::Park(
        format!("block it in the directory that it is synced from, too: {why}").into(),
    ))
}

fn made_blocked(change: &Change) -> bool {
    matches!(change, Change::Create { active: false, .. })
}

fn is_active(found: &Found) -> bool {
    matches!(found, Found::One(account) if account.active)
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
