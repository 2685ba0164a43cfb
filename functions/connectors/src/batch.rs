//! A batch of messages, step by step: everything is read, the budget is asked once, what concerns
//! one account alone is done, memberships that several share go together, and each account is
//! recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use contract::ConvergeRequest;
use domain::budget::Cost;
use domain::converge::{self, Convergence, Elsewhere, Seen, converge, postpone};
use domain::limit::is_ending;
use domain::policy::{Sod, TargetKind};
use domain::rollout;
use domain::{AccountRecord, Desired, EntitlementId, Hash, IdentityId, Outcome, TargetId};
use futures::future::join_all;
use jiff::Timestamp;
use ports::lanes::{Batch, BatchAnswer, Incoming};
use ports::store::{Health, Seat};
use ports::{Apply, Cases, Clock, Fault, Observe, Store, Trace, trace};

use crate::Connector;
use crate::carry_out::Stop;
use crate::course::{Course, ends};
use crate::health::{May, may};
use crate::limits::Counted;
use crate::pool;
use crate::resolve::Sight;
use crate::work::{Converged, Undone, Unseen, Work, refusal};

/// Messages whose decision was made under another version of policy, by the queue's id.
type OtherVersions = Mutex<BTreeMap<String, Hash>>;

/// How often a batch begins again with accounts that another worker was faster at, before their
/// messages come back.
const AGAIN: u32 = 2;

/// A message that was read.
#[derive(Clone)]
pub struct Asked {
    pub request: ConvergeRequest,
    /// How often it was delivered, this time included.
    pub receives: u32,
    pub trace: Option<Trace>,
    /// What another worker may have been in the way of: these may have been given to the account
    /// without a record of it, and it is looked at whatever the record says.
    pub doubt: Option<BTreeSet<EntitlementId>>,
}

impl Asked {
    /// Whether the account is looked at although everything is recorded as done: a worker that was
    /// late, or was lost, may have written since. A first delivery is taken at the record's word.
    fn in_doubt(&self, current: bool) -> bool {
        self.doubt.is_some() || (current && self.receives > 1)
    }
}

/// The identity that a message is about, and the health of its target.
type Read = (Option<Seat>, Health);

/// How far a message got before its target was called.
enum Opened {
    Finished(Converged),
    Work(Box<Work>, Health),
}

/// What is left of a message when everything was done that concerns its account alone.
pub enum Next {
    Done(Outcome),
    /// These memberships, which others of the batch share.
    Pool(Convergence, Outcome),
}

/// A message's place in its batch, and its work.
pub type Placed = (usize, Box<Work>);

/// The same with what is planned for it, before anybody looked.
pub struct Planned {
    pub place: usize,
    pub work: Box<Work>,
    pub plan: Convergence,
    /// What the budget granted.
    pub granted: Cost,
}

/// What became of a message.
pub struct Over {
    pub place: usize,
    pub work: Box<Work>,
    pub result: Result<Outcome, Stop>,
}

impl Over {
    pub const fn new(place: usize, work: Box<Work>, result: Result<Outcome, Stop>) -> Self {
        Self {
            place,
            work,
            result,
        }
    }
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Works through a batch of [`ConvergeRequest`]s, all of them under this connector's policy.
    pub async fn handle(&self, batch: Batch) -> BatchAnswer {
        self.handle_until(batch, ends(self.clock.now())).await
    }

    /// The same until [that instant](ends): whatever the batch is worked through in, rounds, targets
    /// and records one by one after a panic, has the same end.
    pub async fn handle_until(&self, batch: Batch, until: Timestamp) -> BatchAnswer {
        ports::batch::work_together(batch, |records| self.round(records, None, until)).await
    }

    /// Works on what was decided under this connector's policy. What was decided under another
    /// version and is still to be done is left alone and comes back by version, for the connector
    /// that has it.
    pub async fn handle_own(&self, batch: Batch) -> (BatchAnswer, BTreeMap<Hash, Batch>) {
        self.handle_own_until(batch, ends(self.clock.now())).await
    }

    /// The same until [that instant](ends).
    pub async fn handle_own_until(
        &self,
        batch: Batch,
        until: Timestamp,
    ) -> (BatchAnswer, BTreeMap<Hash, Batch>) {
        let records = batch.records.clone();
        let others = OtherVersions::default();
        let work = |records| self.round(records, Some(&others), until);
        let answer = ports::batch::work_together(batch, work).await;
        let versions = others.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut parts: BTreeMap<Hash, Batch> = BTreeMap::new();
        for record in records {
            if let Some(version) = versions.get(&record.id) {
                parts.entry(*version).or_default().records.push(record);
            }
        }
        (answer, parts)
    }

    async fn round(
        &self,
        records: Vec<Incoming>,
        others: Option<&OtherVersions>,
        until: Timestamp,
    ) -> Vec<Result<(), Fault>> {
        let mut answers: Vec<Result<(), Fault>> = Vec::with_capacity(records.len());
        let (mut places, mut requests) = (Vec::new(), Vec::new());
        for (at, record) in records.iter().enumerate() {
            match ports::batch::parse::<ConvergeRequest>(record) {
                Ok(request) => {
                    places.push(at);
                    requests.push(Asked {
                        request,
                        receives: record.receives,
                        trace: record.trace.clone(),
                        doubt: None,
                    });
                    answers.push(Ok(()));
                }
                Err(fault) => answers.push(Err(fault)),
            }
        }
        let worked = Box::pin(self.together(requests, others.is_some(), until)).await;
        for (at, answer) in places.into_iter().zip(worked) {
            if let (Ok(Converged::Elsewhere(version)), Some(others), Some(record)) =
                (&answer, others, records.get(at))
            {
                let mut versions = others.lock().unwrap_or_else(PoisonError::into_inner);
                versions.insert(record.id.clone(), *version);
            }
            if let Some(place) = answers.get_mut(at) {
                *place = answer.map(|_| ());
            }
        }
        answers
    }

    /// Works on requests of different accounts; answers in their order. `own` leaves alone what was
    /// decided under another version of policy. Where another worker was faster, what we wrote may
    /// have undone a newer block: the account is looked at again at once.
    pub(crate) async fn together(
        &self,
        requests: Vec<Asked>,
        own: bool,
        until: Timestamp,
    ) -> Vec<Result<Converged, Fault>> {
        let mut answers: Vec<Result<Converged, Fault>> = requests
            .iter()
            .map(|_| Err(Fault::retry("the request was not worked on")))
            .collect();
        let mut open: Vec<(usize, Asked)> = requests.into_iter().enumerate().collect();
        for left in (0..=AGAIN).rev() {
            let (places, round): (Vec<usize>, Vec<Asked>) =
                std::mem::take(&mut open).into_iter().unzip();
            if places.is_empty() {
                break;
            }
            let worked = self.once(&round, own, until).await;
            for ((place, asked), answer) in places.into_iter().zip(round).zip(worked) {
                match answer {
                    Err(Undone::Overtaken(given)) if left > 0 => {
                        let mut doubt = asked.doubt.clone().unwrap_or_default();
                        doubt.extend(given);
                        let doubt = Some(doubt);
                        open.push((place, Asked { doubt, ..asked }));
                    }
                    answer => {
                        if let Some(known) = answers.get_mut(place) {
                            *known = answer.map_err(Fault::from);
                        }
                    }
                }
            }
        }
        answers
    }

    /// One attempt at each request.
    async fn once(
        &self,
        requests: &[Asked],
        own: bool,
        until: Timestamp,
    ) -> Vec<Result<Converged, Undone>> {
        let mut answers = BTreeMap::new();
        let mut by_target: BTreeMap<TargetId, (Health, Vec<Placed>)> = BTreeMap::new();
        let found = self.read(requests).await;
        for (at, (asked, read)) in requests.iter().zip(found).enumerate() {
            let opened = async { self.open(asked, read?, own, until).await };
            match trace::within(asked.trace.clone(), opened).await {
                Ok(Opened::Finished(converged)) => {
                    answers.insert(at, Ok(converged));
                }
                Ok(Opened::Work(work, health)) => {
                    let (known, works) = by_target.entry(asked.request.target.clone()).or_default();
                    *known = health;
                    works.push((at, work));
                }
                Err(undone) => {
                    // Whether it ends access may not be known.
                    answers.insert(at, Err(undone.timed(false, asked.receives)));
                }
            }
        }
        // At once, so that a target that does not answer keeps nobody waiting who is elsewhere.
        let mut courses = Vec::new();
        for (name, (health, works)) in by_target {
            if let Some((name, target)) = self.targets.get_key_value(&name) {
                let course = Course::new(name, target, health, until);
                courses.push(Box::pin(self.on_target(course, works)));
            }
        }
        answers.extend(join_all(courses).await.into_iter().flatten());
        (0..requests.len())
            .map(|at| {
                let unknown = || Err(Fault::retry("the request was not worked on").into());
                answers.remove(&at).unwrap_or_else(unknown)
            })
            .collect()
    }

    /// Reads whom requests are about, those of one target together; in the order of the requests.
    async fn read(&self, requests: &[Asked]) -> Vec<Result<Read, Fault>> {
        let mut by_target: BTreeMap<&TargetId, Vec<IdentityId>> = BTreeMap::new();
        for Asked { request, .. } in requests {
            let identities = by_target.entry(&request.target).or_default();
            identities.push(request.identity.clone());
        }
        let mut found = BTreeMap::new();
        for (name, identities) in by_target {
            let read = self.store.seats(&identities, name).await;
            found.insert(
                name,
                read.map(|(seats, health)| (seats.into_iter(), health)),
            );
        }
        let read = requests.iter().map(|asked| {
            let nobody = || Fault::retry("the table did not answer for the identity");
            let read = found.get_mut(&asked.request.target).ok_or_else(nobody)?;
            let (seats, health) = read.as_mut().map_err(|fault| fault.clone())?;
            let seat = seats.next().ok_or_else(nobody)??;
            Ok((seat, health.clone()))
        });
        read.collect()
    }

    /// Finds out what a request asks for.
    async fn open(
        &self,
        asked: &Asked,
        read: Read,
        own: bool,
        until: Timestamp,
    ) -> Result<Opened, Undone> {
        let request = &asked.request;
        let name = &request.target;
        let desk = self.desk(name);
        let (seat, health) = read;
        if let (true, Some(seat)) = (own, &seat)
            && let Some(version) = self.decided_under(seat, asked)
        {
            if asked.doubt.is_some() {
                // Received again, it is looked at by the connector that has the version.
                return Err(Undone::Overtaken(BTreeSet::new()));
            }
            return Ok(Opened::Finished(Converged::Elsewhere(version)));
        }
        if desk.is_none() && !self.targets.contains_key(name) {
            return Err(Fault::reject("the target is not in the policy").into());
        }
        let Some(mut seat) = seat else {
            return Ok(Opened::Finished(Converged::Current));
        };
        let at = self.clock.now();
        let before = seat.accounts.remove(name);
        let generation = seat.record.changed.get(name).copied().unwrap_or_default();
        let mut record = before.clone().unwrap_or_default();
        let wanted = seat.record.projections.remove(name).unwrap_or_default();
        if !rollout::writes(&self.policy.policy, name, &wanted) {
            return Ok(Opened::Finished(Converged::Current));
        }
        let released = record
            .id
            .as_ref()
            .is_some_and(|id| wanted.ties.released.contains(id));
        if released {
            // It is nobody's from now on, and nothing about it is done any more.
            record = AccountRecord {
                applied: record.applied,
                ..AccountRecord::default()
            };
        }
        let adopts = record.id.is_none() && wanted.ties.adopt.is_some();
        let urgent = is_ending(seat.record.state, wanted.desired);
        // A target that rests is left alone before anything else is found out.
        let may = may(&health, urgent, at);
        if matches!(may, May::Defer) {
            return Ok(Opened::Finished(Converged::Deferred));
        }
        let current = record.applied >= generation;
        let doubted = desk.is_none() && asked.in_doubt(current);
        if current && !request.look && !doubted {
            return Ok(Opened::Finished(Converged::Current));
        }
        let elsewhere = self.elsewhere(&seat, name);
        let mut unsettled = seat.record.unsettled.remove(name);
        if doubted {
            let maybe = unsettled.get_or_insert_default();
            maybe.extend(asked.doubt.iter().flatten().cloned());
        }
        let parked = record.parked.is_some();
        let projection = self.resolve_references(wanted, name).await?;
        let work = Work {
            identity: request.identity.clone(),
            name: name.clone(),
            generation,
            projection,
            before,
            record,
            // Where an older generation was never acknowledged, the record may be behind the
            // target. What was refused may be so for a reason that only a look shows.
            look: (request.look || unsettled.is_some() || parked || released || adopts)
                && self.shows_accounts(name),
            unsettled,
            urgent,
            ending_since: seat.record.ending_since.filter(|_| urgent),
            block_seen: false,
            mastered: None,
            at,
            until,
            wake: None,
            receives: asked.receives,
            trace: asked.trace.clone(),
            kept: BTreeSet::new(),
            unseen: Unseen::default(),
            counted: Counted::default(),
            elsewhere,
        };
        if let May::Wait(after) = may {
            let why = "the target asked for a pause".into();
            return self.put_off(work, after, why).await.map(Opened::Finished);
        }
        if let Some(desk) = desk {
            return Ok(Opened::Finished(self.by_hand(desk, work).await?));
        }
        Ok(Opened::Work(Box::new(work), health))
    }

    /// What the identity has on its other targets, where policy keeps anything apart.
    fn elsewhere(&self, seat: &Seat, name: &TargetId) -> Elsewhere {
        if self.policy.policy.sod.iter().any(Sod::prevents) {
            Elsewhere::of(&seat.record, &seat.accounts, name)
        } else {
            Elsewhere::default()
        }
    }

    /// The version of policy that a decision was made under, where it is another one and something
    /// is still to be done.
    fn decided_under(&self, seat: &Seat, asked: &Asked) -> Option<Hash> {
        let request = &asked.request;
        let decided = seat.record.policy;
        let generation = seat.record.changed.get(&request.target).copied();
        let applied = seat
            .accounts
            .get(&request.target)
            .map(|record| record.applied);
        let current = applied >= generation;
        let open = request.look || !current || asked.in_doubt(current);
        (open && decided != self.policy.policy.version).then_some(decided)
    }

    /// Whether looking at the target tells anything. One that takes records and shows nothing would
    /// look as if nobody were there.
    fn shows_accounts(&self, name: &TargetId) -> bool {
        let target = self.policy.policy.targets.get(name);
        target.is_some_and(|target| {
            !matches!(
                target.kind,
                TargetKind::EntraBulk(_) | TargetKind::Manual(_)
            )
        })
    }

    /// Whether a look shows an account that is blocked.
    pub(crate) fn shows_blocked(&self, name: &TargetId) -> bool {
        self.shows_accounts(name) && !self.hides_blocked(name)
    }

    /// Whether a blocked account looks as if it were not there.
    pub(crate) fn hides_blocked(&self, name: &TargetId) -> bool {
        let target = self.policy.policy.targets.get(name);
        target.is_some_and(|target| target.profile.hides_inactive)
    }

    /// Looks, decides, and carries out whatever concerns the account alone.
    pub(crate) async fn advance(
        &self,
        target: &T,
        work: &mut Work,
        shared: &BTreeSet<EntitlementId>,
    ) -> Result<Next, Stop> {
        let sight = self.look(target, work).await?;
        let mut convergence = self.prepare(work, &sight).await?;
        let pools = !work.urgent && self.pools(&convergence) && pool::touches(&convergence, shared);
        let (first, rest) = if pools {
            pool::split(&convergence)
        } else {
            (convergence.clone(), Convergence::default())
        };
        if !first.changes.is_empty() {
            self.still(work).await?;
        }
        let mut done = self.carry_out(target, &first, work).await;
        if matches!(done, Err(Stop::NameTaken)) {
            // Somebody's account, or our own whose creation was never answered, holds the name.
            let sight = self.look_by_name(target, work).await?;
            convergence = self.prepare(work, &sight).await?;
            done = self.carry_out(target, &convergence, work).await;
        } else if pools {
            return done.map(|outcome| Next::Pool(rest, outcome));
        }
        // What was done beside a refusal is looked back at all the same.
        if matches!(done, Ok(_) | Err(Stop::Park(_))) {
            self.verify(target, &convergence, work).await?;
        }
        with_withheld(done, &convergence).map(Next::Done)
    }

    /// What has to change, from what a look showed; the record takes over what it showed.
    pub(crate) async fn prepare(
        &self,
        work: &mut Work,
        sight: &Sight,
    ) -> Result<Convergence, Stop> {
        if sight.hidden && work.projection.desired == Desired::Active {
            // Enabled again, or found out to be gone.
            work.record.active = false;
        }
        let mut convergence = self.compare(work, sight);
        if let Some(why) = refusal(&convergence) {
            work.record.waiting = convergence.waiting;
            return Err(Stop::Park(why));
        }
        work.adopt(&convergence, sight);
        self.keep_within_limits(work, &mut convergence)
            .await
            .map_err(Stop::Again)?;
        work.record.waiting.clone_from(&convergence.waiting);
        Ok(convergence)
    }

    /// What has to change and may be changed now: nothing is given while another target still
    /// holds what must not be held beside it.
    pub(crate) fn compare(&self, work: &Work, sight: &Sight) -> Convergence {
        let mut convergence = converge(&converge::Input {
            policy: &self.policy.policy,
            target: &work.name,
            identity: &work.identity,
            projection: &work.projection,
            record: &work.record,
            unsettled: work.unsettled.as_ref(),
            seen: sight.looked.then_some(Seen {
                account: sight.account.as_deref(),
                held: sight.held.as_ref(),
                lags: work.is_new(),
            }),
        });
        postpone(
            &self.policy.policy,
            &work.elsewhere.leaving,
            &work.wanted(),
            &mut convergence,
        );
        convergence
    }
}

/// Something that has to change and may not be done is for a human to see to.
pub fn with_withheld(
    done: Result<Outcome, Stop>,
    convergence: &Convergence,
) -> Result<Outcome, Stop> {
    match (&convergence.withheld, done) {
        (Some(why), Ok(_)) => Err(Stop::Park(why.clone())),
        (_, done) => done,
    }
}
