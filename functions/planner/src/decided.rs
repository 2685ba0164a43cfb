//! What operators decided about worker records: one that belongs elsewhere leaves the identity it
//! is with, and joins another one or founds its own. Each step is a write of its own; whoever is
//! interrupted in between comes back with the same message and goes on.

use std::collections::{BTreeMap, BTreeSet};

use contract::Cause;
use domain::case::{self, Standing};
use domain::policy::Mode;
use domain::rollout;
use domain::{Desired, IdentityId, IdentityRecord, IdentityState, Projection, RecordKey, TargetId};
use jiff::Timestamp;
use ports::store::{Commit, Committed, Dossier, Seat};
use ports::{Cases, Clock, Fault, Lanes, Store};

use crate::correlate::stale;
use crate::fetch::{Person, is_disputed, is_retired};
use crate::send::{self, Post};
use crate::{Planner, founder};

/// How far a chain of identities that were found to be one is followed.
const CHAIN: usize = 8;

impl Person {
    /// Whether the founding record's place is no question any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.recorded()
            .is_some_and(|record| !is_disputed(record) && !is_retired(record))
    }
}

impl<S: Store + Cases, L: Lanes, C: Clock> Planner<S, L, C> {
    /// The person behind a worker record, after everything that operators decided about it.
    pub(crate) async fn follow(
        &self,
        record: &RecordKey,
        at: Timestamp,
        post: Post<'_>,
    ) -> Result<Option<Person>, Fault> {
        let dossier = self.store.dossier(record).await?;
        let standing = case::standing(&dossier.decisions);
        let Some(identity) = dossier.link.clone() else {
            let person = self.person_of(dossier).await?;
            return match person {
                Some(person) => self.absorbed(person, at).await.map(Some),
                None => Ok(None),
            };
        };
        self.rest_behind(&dossier, at).await?;
        if !leaves(&standing, &identity) {
            return self.person_of(dossier).await;
        }
        let mut founding = self.store.dossier(&founder(&identity)).await?;
        if let Some(seat) = &mut founding.seat {
            let records = &mut seat.record.records;
            let held = records.len();
            records.retain(|one| one.record != *record);
            if records.len() < held {
                let rest = self.gather(identity.clone(), founding, None).await?;
                Box::pin(self.decide(rest, None, at, Cause::Operator, post)).await?;
            }
        }
        self.store.unlink(record, &identity).await?;
        tracing::info!(identity = %identity, record = %record, "record taken away by an operator");
        self.fetch(record).await
    }

    /// The person that [`Self::follow`] would come to; writes nothing.
    pub(crate) async fn foresee(
        &self,
        record: &RecordKey,
        at: Timestamp,
    ) -> Result<Option<Person>, Fault> {
        let mut dossier = self.store.dossier(record).await?;
        let standing = case::standing(&dossier.decisions);
        match &dossier.link {
            Some(identity) if !leaves(&standing, identity) => {
                return self.person_of(dossier).await;
            }
            Some(_) => dossier.link = None,
            None => {}
        }
        let Some(mut person) = self.person_of(dossier).await? else {
            return Ok(None);
        };
        if self.gives_up(&person).await?
            && let Some(seat) = person.seat.take()
        {
            let record = self.retirement(&person, &seat, at).record;
            person.seat = Some(Seat { record, ..seat });
        }
        Ok(Some(person))
    }

    /// Whether an operator found an identity to be another one that is somebody.
    async fn gives_up(&self, person: &Person) -> Result<bool, Fault> {
        let Some((identity, _)) = &person.standing.same else {
            return Ok(false);
        };
        if !person.is_settled() || person.records.len() != 1 {
            return Ok(false);
        }
        let living = self.living(identity, &person.identity).await?;
        Ok(living.is_some())
    }

    /// An identity that an operator found to be another one gives up its accounts; its founding
    /// record has a place no longer.
    async fn absorbed(&self, mut person: Person, at: Timestamp) -> Result<Person, Fault> {
        if !self.gives_up(&person).await? {
            return Ok(person);
        }
        let Some(seat) = person.seat.take() else {
            return Ok(person);
        };
        let commit = self.retirement(&person, &seat, at);
        match self.store.commit(&commit).await? {
            Committed::Done => {}
            Committed::Stale | Committed::Taken(_) => return Err(stale()),
        }
        let owed: BTreeMap<_, _> = commit
            .owe
            .iter()
            .map(|target| (target.clone(), commit.record.generation))
            .collect();
        let seat = Seat {
            record: commit.record,
            owed,
            ..seat
        };
        self.resend(&person.identity, &seat, at).await?;
        tracing::info!(identity = %person.identity, "identity turned out to be another one");
        person.seat = Some(seat);
        Ok(person)
    }

    fn retirement(&self, person: &Person, seat: &Seat, at: Timestamp) -> Commit {
        let before = &seat.record;
        let generation = before.generation.next();
        let is_held = |target: &TargetId| {
            let wanted = before.projections.get(target);
            let account = seat.accounts.get(target);
            wanted.is_some_and(|wanted| wanted.desired != Desired::None)
                || account.is_some_and(|account| account.id.is_some())
        };
        let policy = &self.policy.policy;
        // Where nothing of theirs was written, nothing is to be taken back.
        let simulated = |target: &TargetId| {
            let mode = policy.targets.get(target).map(|target| target.mode);
            let wanted = before.projections.get(target);
            mode != Some(Mode::Enforce) && wanted.is_some_and(|wanted| wanted.simulated)
        };
        let nothing = |target: &TargetId| Projection {
            policy: policy.version,
            simulated: simulated(target),
            ties: before.ties.get(target).cloned().unwrap_or_default(),
            ..Projection::default()
        };
        let owe: BTreeSet<TargetId> = policy
            .targets
            .keys()
            .filter(|name| is_held(name) && rollout::writes(policy, name, &nothing(name)))
            .cloned()
            .collect();
        let projections = before
            .projections
            .keys()
            .map(|target| (target.clone(), nothing(target)));
        let mut changed = before.changed.clone();
        changed.extend(owe.iter().map(|target| (target.clone(), generation)));
        let record = IdentityRecord {
            generation,
            records: Vec::new(),
            state: IdentityState::Archived,
            projections: projections.collect(),
            changed,
            findings: Vec::new(),
            due_at: None,
            decisions: person.decisions,
            policy: self.policy.policy.version,
            ..before.clone()
        };
        Commit {
            identity: person.identity.clone(),
            expect: Some(before.generation),
            record,
            wake_at: send::wake_at(None, !owe.is_empty(), at),
            owe,
            links: Vec::new(),
            claims: Vec::new(),
        }
    }

    /// The item of somebody who turned out to be another one is looked at by nobody else: what it
    /// still owes is asked for again when the record is looked at, and one that held the place of
    /// a question gives it up, where that was interrupted.
    async fn rest_behind(&self, dossier: &Dossier, at: Timestamp) -> Result<(), Fault> {
        let Some(seat) = &dossier.seat else {
            return Ok(());
        };
        if is_disputed(&seat.record) {
            return self.retire_placeholder(&dossier.key, seat).await;
        }
        if seat.wake_at.is_none_or(|wake| wake > at) {
            return Ok(());
        }
        let identity = IdentityId::from(&dossier.key);
        if !seat.owed.is_empty() {
            self.resend(&identity, seat, at).await?;
        }
        let wake_at = send::wake_at(None, !seat.owed.is_empty(), at);
        self.store
            .rest(&identity, seat.record.generation, wake_at)
            .await?;
        Ok(())
    }

    /// The person that an identity is by now; `None` where that is nobody, or `but`.
    pub(crate) async fn living(
        &self,
        identity: &IdentityId,
        but: &IdentityId,
    ) -> Result<Option<Person>, Fault> {
        let mut identity = identity.clone();
        for _ in 0..CHAIN {
            if identity == *but {
                return Ok(None);
            }
            let founding = self.store.dossier(&founder(&identity)).await?;
            if let Some(next) = founding.link {
                identity = next;
                continue;
            }
            let lives = founding
                .seat
                .as_ref()
                .is_some_and(|seat| !is_disputed(&seat.record) && !is_retired(&seat.record));
            if !lives {
                return Ok(None);
            }
            return self.gather(identity, founding, None).await.map(Some);
        }
        Ok(None)
    }
}

/// Whether a record that is linked to an identity does not belong there.
fn leaves(standing: &Standing, identity: &IdentityId) -> bool {
    let elsewhere = standing
        .same
        .as_ref()
        .is_some_and(|(same, _)| same != identity);
    standing.own || elsewhere || standing.different.contains(identity)
}
