//! The connectors' one loop, generic over a target: read what is wanted, look where needed,
//! converge, carry out, look back, record. The only place that writes to a target. It loads the
//! current state for every message and so never acts on an old one.

mod carry_out;
mod resolve;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use contract::ConvergeRequest;
use domain::converge::{self, Convergence, Seen, converge};
use domain::plan::Compiled;
use domain::policy::Mode;
use domain::{
    AccountRecord, EntitlementId, Finding, Generation, IdentityId, IdentityState, Outcome,
    Ownership, Projection, TargetId,
};
use jiff::{SignedDuration, Timestamp};
use ports::lanes::{Batch, BatchAnswer};
use ports::store::{Ack, Acked, Health, Seat};
use ports::{Apply, Clock, Fault, Observe, Store};
use telemetry::{Dimensions, Metric};

use crate::carry_out::Stop;
use crate::resolve::Sight;

/// How long "not found" after our own create means "not yet" (replication in the target).
pub const NOT_YET: SignedDuration = SignedDuration::from_mins(5);

/// At this delivery of a message, a user name that the target calls taken and does not show to
/// anybody's look-up is a case for a human. Before, it may be our own account whose creation was
/// never answered and does not show yet: the waits until then add up to more than [`NOT_YET`].
pub const LAST_LOOK: u32 = 4;
/// The wait before each look but the first: 3 x 2 min = 6 min.
const LOOK_AGAIN: Duration = Duration::from_mins(2);

/// The first rest of a target that has to be left alone; it doubles up to [`LONGEST_REST`].
pub const FIRST_REST: SignedDuration = SignedDuration::from_mins(1);
/// The longest rest.
pub const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);

/// The connector function over targets of one kind.
pub struct Connector<S, T, C> {
    store: S,
    targets: BTreeMap<TargetId, T>,
    clock: C,
    policy: Arc<Compiled>,
}

/// What a message came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Converged {
    /// Nothing newer than what was applied; the target was not called.
    Current,
    /// The account is as wanted now.
    Done,
    /// The target will not have it; the reason is in the record.
    Parked,
    /// The target rests; it is still owed.
    Deferred,
}

/// One message's work: everything that was read, and the record as it grows.
struct Work<'a> {
    identity: &'a IdentityId,
    name: &'a TargetId,
    generation: Generation,
    before: Option<AccountRecord>,
    record: AccountRecord,
    /// What may have been given without a record of it.
    unsettled: Option<&'a BTreeSet<EntitlementId>>,
    at: Timestamp,
    /// How often the message was delivered, this time included.
    receives: u32,
    /// Memberships that the target refused to take away.
    kept: BTreeSet<EntitlementId>,
    /// Revoked memberships that were read back as gone.
    gone: BTreeSet<EntitlementId>,
}

impl<S: Store, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// A connector for these targets.
    pub const fn new(
        store: S,
        targets: BTreeMap<TargetId, T>,
        clock: C,
        policy: Arc<Compiled>,
    ) -> Self {
        Self {
            store,
            targets,
            clock,
            policy,
        }
    }

    /// Works through a batch of [`ConvergeRequest`]s.
    pub async fn handle(&self, batch: Batch) -> BatchAnswer {
        ports::batch::work(batch, |record| async move {
            let request: ConvergeRequest = ports::batch::parse(&record)?;
            self.converge(&request, record.receives).await.map(|_| ())
        })
        .await
    }

    /// Brings one account to what is recorded as wanted. `receives` is how often the request was
    /// delivered, this time included.
    pub async fn converge(
        &self,
        request: &ConvergeRequest,
        receives: u32,
    ) -> Result<Converged, Fault> {
        let name = &request.target;
        let Some(target) = self.targets.get(name) else {
            return Err(Fault::reject("the target is not in the policy"));
        };
        let enforced = |policy: &domain::Policy| {
            policy
                .targets
                .get(name)
                .is_some_and(|known| known.mode == Mode::Enforce)
        };
        if !enforced(&self.policy.policy) {
            return Ok(Converged::Current);
        }
        let (seat, health) = self.store.seat(&request.identity, name).await?;
        let Some(seat) = seat else {
            return Ok(Converged::Current);
        };
        let at = self.clock.now();
        if rests(&health, at) {
            return Ok(Converged::Deferred);
        }
        let before = seat.accounts.get(name).cloned();
        let generation = seat.record.changed.get(name).copied().unwrap_or_default();
        let record = before.clone().unwrap_or_default();
        if record.applied >= generation && !request.look {
            return Ok(Converged::Current);
        }
        let mut work = Work {
            identity: &request.identity,
            name,
            generation,
            before,
            record,
            unsettled: seat.record.unsettled.get(name),
            at,
            receives,
            kept: BTreeSet::new(),
            gone: BTreeSet::new(),
        };
        // Where an older generation was never acknowledged, the record may be behind the target.
        let look = request.look || work.unsettled.is_some();
        let result = self.work(target, &seat, look, &mut work).await;
        self.settle(result, work, &health).await
    }

    /// Looks, converges, carries out and looks back.
    async fn work(
        &self,
        target: &T,
        seat: &Seat,
        look: bool,
        work: &mut Work<'_>,
    ) -> Result<Outcome, Stop> {
        let wanted = seat
            .record
            .projections
            .get(work.name)
            .cloned()
            .unwrap_or_default();
        let projection = self.resolve_references(wanted, work.name).await?;
        let urgent = seat.record.state != IdentityState::Active;
        let sight = self.look(target, &projection, look, work).await?;
        let mut convergence = self.prepare(work, &projection, &sight)?;
        let mut done = self.carry_out(target, &convergence, urgent, work).await;
        if matches!(done, Err(Stop::NameTaken)) {
            // Somebody's account, or our own whose creation was never answered, holds the name.
            let sight = self.look_by_name(target, &projection).await?;
            convergence = self.prepare(work, &projection, &sight)?;
            done = self.carry_out(target, &convergence, urgent, work).await;
        }
        // What was done beside a refusal is looked back at all the same.
        if matches!(done, Ok(_) | Err(Stop::Park(_))) {
            self.verify(target, &convergence, urgent, work).await?;
        }
        done
    }

    /// What has to change, from what a look showed; the record takes over what it showed.
    fn prepare(
        &self,
        work: &mut Work<'_>,
        projection: &Projection,
        sight: &Sight,
    ) -> Result<Convergence, Stop> {
        let convergence = self.compare(work, projection, sight);
        if let Some(why) = refusal(&convergence) {
            return Err(Stop::Park(why));
        }
        work.adopt(&convergence, sight);
        Ok(convergence)
    }

    fn compare(&self, work: &Work<'_>, projection: &Projection, sight: &Sight) -> Convergence {
        converge(&converge::Input {
            policy: &self.policy.policy,
            target: work.name,
            identity: work.identity,
            projection,
            record: &work.record,
            unsettled: work.unsettled,
            seen: sight.looked.then_some(Seen {
                account: sight.account.as_deref(),
                held: sight.held.as_ref(),
            }),
        })
    }

    /// Records what the work came to, whatever it came to.
    async fn settle(
        &self,
        result: Result<Outcome, Stop>,
        mut work: Work<'_>,
        health: &Health,
    ) -> Result<Converged, Fault> {
        let name = work.name.clone();
        let counted = Dimensions::target(&name);
        match result {
            Ok(outcome) => {
                if *health != Health::Healthy {
                    self.store.set_health(&name, &Health::Healthy).await?;
                }
                work.record.parked = None;
                work.finish(outcome);
                self.acknowledge(work, true).await?;
                Ok(Converged::Done)
            }
            Err(Stop::Park(why)) => self.park(work, why).await,
            Err(Stop::NameTaken) if work.receives >= LAST_LOOK => {
                let why = "the user name is taken by an account that the target does not show; \
                           rename or delete that account";
                self.park(work, why.into()).await
            }
            Err(Stop::NameTaken) => Err(Fault::Retry {
                after: Some(LOOK_AGAIN),
                why: "the user name is taken by somebody unseen".into(),
            }),
            Err(Stop::Rest(why)) => {
                self.quarantine(&name, health, &why, work.at).await?;
                self.keep_progress(work, Outcome::Deferred).await?;
                Ok(Converged::Deferred)
            }
            Err(Stop::Unverified(fault)) => {
                telemetry::emit(Metric::NotVerified, 1.0, counted);
                self.keep_progress(work, Outcome::NotVerified).await?;
                Err(fault)
            }
            Err(Stop::Unknown(fault)) => {
                telemetry::emit(Metric::ConnectorUnknown, 1.0, counted);
                self.keep_progress(work, Outcome::Unknown).await?;
                Err(fault)
            }
            Err(Stop::Again(fault)) => {
                self.keep_progress(work, Outcome::Deferred).await?;
                Err(fault)
            }
        }
    }

    /// A human has to see to it; the queue has nothing more to do.
    async fn park(&self, mut work: Work<'_>, why: Box<str>) -> Result<Converged, Fault> {
        tracing::warn!(
            target = %work.name,
            identity = %work.identity,
            reason = &*why,
            "parked"
        );
        let counted = Dimensions::target(work.name);
        telemetry::emit(Metric::ConnectorRejected, 1.0, counted);
        work.record.parked = Some(why);
        work.finish(Outcome::Rejected);
        self.acknowledge(work, true).await?;
        Ok(Converged::Parked)
    }

    /// Writes the record if it says anything new.
    async fn acknowledge(&self, work: Work<'_>, settles: bool) -> Result<(), Fault> {
        if work.before.as_ref() == Some(&work.record) {
            return Ok(());
        }
        let ack = Ack {
            identity: work.identity.clone(),
            target: work.name.clone(),
            expect: work.before.map(|before| before.applied),
            account: work.record,
            settles,
        };
        match self.store.ack(&ack).await? {
            Acked::Done => Ok(()),
            Acked::Fenced => Err(Fault::Retry {
                after: Some(Duration::ZERO),
                why: "another worker wrote this account's record meanwhile".into(),
            }),
        }
    }

    /// What was done before the work stopped is remembered; what is owed stays owed.
    async fn keep_progress(&self, mut work: Work<'_>, outcome: Outcome) -> Result<(), Fault> {
        let unchanged = |before: &AccountRecord, after: &AccountRecord| {
            before.id == after.id
                && before.active == after.active
                && before.attrs == after.attrs
                && before.grants == after.grants
        };
        let nothing = work
            .before
            .as_ref()
            .map_or(work.record.id.is_none(), |before| {
                unchanged(before, &work.record)
            });
        if nothing {
            return Ok(());
        }
        work.record.outcome = Some(outcome);
        work.record.at = Some(work.at);
        self.acknowledge(work, false).await
    }

    async fn quarantine(
        &self,
        name: &TargetId,
        health: &Health,
        why: &str,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let (since, attempts) = match health {
            Health::Healthy | Health::Throttled { .. } => (at, 0),
            Health::Quarantined {
                since, attempts, ..
            } => (*since, *attempts),
        };
        let rest = FIRST_REST
            .checked_mul(1 << attempts.min(10))
            .map_or(LONGEST_REST, |rest| rest.min(LONGEST_REST));
        tracing::error!(target = %name, reason = why, attempts, "target quarantined");
        telemetry::emit(Metric::TargetQuarantined, 1.0, Dimensions::target(name));
        let health = Health::Quarantined {
            reason: why.into(),
            since,
            next_attempt: at.checked_add(rest).unwrap_or(Timestamp::MAX),
            attempts: attempts.saturating_add(1),
        };
        self.store.set_health(name, &health).await
    }
}

impl Work<'_> {
    /// Takes over what a look showed, before anything is changed.
    fn adopt(&mut self, convergence: &Convergence, sight: &Sight) {
        if !sight.looked {
            return;
        }
        if let Some(account) = &sight.account {
            self.record.id = Some(account.id.clone());
            self.record.active = account.active;
            self.record.attrs.clone_from(&account.attrs);
            // Our key in it means that we made it, even if its creation was never answered.
            let key = account.key.as_ref().map(|key| &**key.reveal());
            let ours = key == Some(self.identity.as_str());
            self.record.ownership.get_or_insert(if ours {
                Ownership::Created
            } else {
                Ownership::Adopted
            });
        } else {
            self.record = AccountRecord {
                applied: self.record.applied,
                ..AccountRecord::default()
            };
        }
        for entitlement in &convergence.gone {
            self.record.grants.remove(entitlement);
        }
        self.record
            .grants
            .extend(convergence.adopted.iter().cloned());
    }

    fn finish(&mut self, outcome: Outcome) {
        self.record.applied = self.record.applied.max(self.generation);
        let changed = self
            .before
            .as_ref()
            .is_none_or(|before| *before != self.record);
        if changed {
            self.record.outcome = Some(outcome);
            self.record.at = Some(self.at);
        }
    }
}

/// Why a convergence cannot be carried out, if it cannot.
fn refusal(convergence: &Convergence) -> Option<Box<str>> {
    if !convergence.changes.is_empty() {
        return None;
    }
    convergence
        .findings
        .iter()
        .find_map(|finding| match finding {
            Finding::CannotApply { why, .. } => Some(why.clone()),
            Finding::Ambiguous { .. } => Some("several accounts match".into()),
            Finding::Parked { .. }
            | Finding::SodConflict { .. }
            | Finding::MissingManager { .. }
            | Finding::Foreign { .. }
            | Finding::Withheld { .. }
            | Finding::WouldGrant { .. } => None,
        })
}

fn rests(health: &Health, at: Timestamp) -> bool {
    match health {
        Health::Healthy | Health::Throttled { .. } => false,
        Health::Quarantined { next_attempt, .. } => *next_attempt > at,
    }
}
