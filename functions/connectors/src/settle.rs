//! Recording what the work came to, whatever it came to.

use std::time::Duration;

use domain::{AccountRecord, Outcome, TargetId, sod};
use jiff::{SignedDuration, Timestamp};
use ports::queue::MAX_RECEIVES;
use ports::store::{Ack, Acked, Health};
use ports::{Apply, Cases, Clock, Fault, Observe, Store};
use telemetry::{Dimensions, Metric};

use crate::carry_out::Stop;
use crate::work::{Converged, Undone, Work, comes_back};
use crate::{Connector, LAST_LOOK, LOOK_AGAIN};

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Records what the work came to; `health` is the target's, as known so far.
    pub(crate) async fn settle(
        &self,
        result: Result<Outcome, Stop>,
        mut work: Work,
        health: &mut Health,
    ) -> Result<Converged, Undone> {
        let name = work.name.clone();
        let counted = Dimensions::target(&name);
        match result {
            // Everything else is done. What waits for another target stays owed, so that it is
            // asked for again: when that target's connector has recorded the removal, and now and
            // then.
            Ok(_) if work.waits() => {
                self.is_well(&work.name, health, work.at).await?;
                work.record.parked = None;
                work.note(Outcome::Deferred);
                self.acknowledge(work, false).await?;
                Ok(Converged::Deferred)
            }
            Ok(outcome) => {
                self.is_well(&work.name, health, work.at).await?;
                work.record.parked = None;
                work.finish(outcome);
                let ended = work.ending_since.filter(|_| work.block_seen);
                self.acknowledge(work, true).await?;
                if let Some(since) = ended {
                    self.measure(&name, since);
                }
                Ok(Converged::Done)
            }
            Err(Stop::Park(why)) => self.park(work, why).await,
            Err(Stop::NameTaken) if work.receives >= LAST_LOOK => {
                let why = "the user name is taken by an account that the target does not show; \
                           rename or delete that account";
                self.park(work, why.into()).await
            }
            Err(Stop::NameTaken) => Err(Undone::from(Fault::Retry {
                after: Some(LOOK_AGAIN),
                why: "the user name is taken by somebody unseen".into(),
            })),
            Err(Stop::Overtaken) => Err(Undone::Overtaken(work.given())),
            Err(Stop::Rest(why)) => {
                self.quarantine(&work.name, health, work.at, &why).await?;
                self.keep_progress(work, Outcome::Deferred).await?;
                Ok(Converged::Deferred)
            }
            Err(Stop::Throttled { after, why }) => {
                let after = self.pause(&work.name, health, work.at, after).await?;
                self.put_off(work, after, why).await
            }
            Err(Stop::Wait { after, why }) => self.put_off(work, after, why).await,
            Err(Stop::Unverified(fault)) => {
                telemetry::emit(Metric::NotVerified, 1.0, counted);
                self.keep_progress(work, Outcome::NotVerified).await?;
                Err(fault.into())
            }
            Err(Stop::Unknown(fault)) => {
                telemetry::emit(Metric::ConnectorUnknown, 1.0, counted);
                let (urgent, receives) = (work.urgent, work.receives);
                self.keep_progress(work, Outcome::Unknown).await?;
                Err(later(fault, urgent, receives).into())
            }
            Err(Stop::Again(fault) | Stop::Ill(fault)) => {
                self.keep_progress(work, Outcome::Deferred).await?;
                Err(fault.into())
            }
        }
    }

    /// Nothing failed and it has to wait. Its message comes back then, as long as it may: the last
    /// time it is done, and what is owed is asked for again by the clock. What owes nothing is a
    /// repair, which the next night asks for again; only of an ending nobody lets go.
    pub(crate) async fn put_off(
        &self,
        mut work: Work,
        after: Duration,
        why: Box<str>,
    ) -> Result<Converged, Undone> {
        let owes = work.record.applied < work.generation;
        if work.receives < MAX_RECEIVES || (work.urgent && !owes) {
            self.keep_progress(work, Outcome::Deferred).await?;
            let after = Some(after);
            return Err(Fault::Retry { after, why }.into());
        }
        tracing::info!(
            target = %work.name,
            identity = %work.identity,
            reason = &*why,
            "waits for the clock"
        );
        let now = self.clock.now();
        let wake = SignedDuration::try_from(after)
            .ok()
            .and_then(|after| now.checked_add(after).ok());
        work.wake = wake.filter(|_| owes);
        self.keep_progress(work, Outcome::Deferred).await?;
        Ok(Converged::Deferred)
    }

    /// Tells how long an ending took from the fact to the block that was seen.
    fn measure(&self, target: &TargetId, since: Timestamp) {
        let took = self.clock.now().duration_since(since);
        let millis = u32::try_from(took.as_millis().max(0)).unwrap_or(u32::MAX);
        let counted = Dimensions::target(target);
        telemetry::emit(Metric::EndingLatency, millis.into(), counted);
    }

    /// A human has to see to it; the queue has nothing more to do.
    async fn park(&self, mut work: Work, why: Box<str>) -> Result<Converged, Undone> {
        tracing::warn!(
            target = %work.name,
            identity = %work.identity,
            reason = &*why,
            "parked"
        );
        work.doubt();
        let counted = Dimensions::target(&work.name);
        telemetry::emit(Metric::ConnectorRejected, 1.0, counted);
        work.record.parked = Some(why);
        work.finish(Outcome::Rejected);
        self.acknowledge(work, true).await?;
        Ok(Converged::Parked)
    }

    /// Writes the record if it says anything new.
    pub(crate) async fn acknowledge(&self, work: Work, settles: bool) -> Result<(), Undone> {
        if work.before.as_ref() == Some(&work.record) && work.wake.is_none() {
            return Ok(());
        }
        let given = work.given();
        let ack = Ack {
            wake: if self.frees_others(&work) {
                Some(soon(work.at))
            } else {
                work.wake
            },
            identity: work.identity,
            target: work.name,
            expect: work.before.map(|before| before.applied),
            account: work.record,
            settles,
        };
        match self.store.ack(&ack).await? {
            Acked::Done => Ok(()),
            Acked::Fenced => Err(Undone::Overtaken(given)),
        }
    }

    /// Whether something is gone here that another target may wait for.
    fn frees_others(&self, work: &Work) -> bool {
        let policy = &self.policy.policy;
        let wanted = &work.elsewhere.wanted;
        work.freed()
            .any(|gone| wanted.iter().any(|given| sod::apart(policy, given, gone)))
    }

    /// What was done before the work stopped is remembered, as far as it was read back where that
    /// is due; what is owed stays owed.
    async fn keep_progress(&self, mut work: Work, outcome: Outcome) -> Result<(), Undone> {
        work.doubt();
        let unchanged = |before: &AccountRecord, after: &AccountRecord| {
            before.id == after.id
                && before.active == after.active
                && before.attrs == after.attrs
                && before.grants == after.grants
                && before.waiting == after.waiting
        };
        let nothing = work
            .before
            .as_ref()
            .map_or(work.record.id.is_none(), |before| {
                unchanged(before, &work.record)
            });
        // That a target answers what is not so is worth knowing even where nothing else is new.
        let news = outcome == Outcome::NotVerified
            && work.before.as_ref().and_then(|before| before.outcome) != Some(outcome);
        if nothing && !news && work.wake.is_none() {
            return Ok(());
        }
        work.record.outcome = Some(outcome);
        work.record.at = Some(work.at);
        self.acknowledge(work, false).await
    }
}

/// An answer that was lost once is asked for soon; one that is lost again, like a target that is not
/// well.
fn later(fault: Fault, urgent: bool, receives: u32) -> Fault {
    match fault {
        Fault::Retry { after, why } if receives > 1 => Fault::Retry {
            after: after.max(Some(comes_back(urgent, receives))),
            why,
        },
        Fault::Retry { .. } | Fault::Reject { .. } | Fault::Halt { .. } => fault,
    }
}

/// The next second: looks of one second are one message.
fn soon(at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at)
}
