//! A batch of messages, step by step: everything is read, the budget is asked once, what concerns
//! one account alone is done, memberships that several share go together, and each account is
//! recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contract::ConvergeRequest;
use domain::budget::{Cost, Tally};
use domain::converge::{self, Convergence, Elsewhere, Seen, converge, postpone};
use domain::limit::is_ending;
use domain::policy::{Sod, TargetKind};
use domain::rollout;
use domain::{AccountRecord, EntitlementId, Hash, IdentityId, Outcome, TargetId};
use jiff::Timestamp;
use ports::lanes::{Batch, BatchAnswer, Incoming};
use ports::store::{Health, Seat};
use ports::{Apply, Cases, Clock, Fault, Observe, Store, Trace, trace};

use crate::carry_out::Stop;
use crate::health::{May, may};
use crate::limits::Counted;
use crate::pool::{self, Member};
use crate::resolve::Sight;
use crate::work::{Converged, Unseen, Work, refusal};
use crate::{Connector, WORK_FOR};

/// After so many requests in a row that a target did not answer, the rest of a batch comes back:
/// each costs a time-out, and the batch has to end before its messages are visible again.
const ILL_IN_A_ROW: u32 = 3;

/// Messages whose decision was made under another version of policy, by the queue's id.
type OtherVersions = Mutex<BTreeMap<String, Hash>>;

/// A message that was read.
pub struct Asked {
    pub request: ConvergeRequest,
    /// How often it was delivered, this time included.
    pub receives: u32,
    pub trace: Option<Trace>,
}

/// The identity that a message is about, and the health of its target.
type Read = (Option<Seat>, Health);

/// How far a message got before its target was called.
enum Opened {
    Finished(Converged),
    Work(Box<Work>, Health),
}

/// What is left of a message when everything was done that concerns its account alone.
enum Next {
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
}

/// What became of a message.
pub struct Over {
    pub place: usize,
    pub work: Box<Work>,
    pub result: Result<Outcome, Stop>,
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Works through a batch of [`ConvergeRequest`]s, all of them under this connector's policy.
    pub async fn handle(&self, batch: Batch) -> BatchAnswer {
        ports::batch::work_together(batch, |records| self.round(records, None)).await
    }

    /// Works on what was decided under this connector's policy. What was decided under another
    /// version and is still to be done is left alone and comes back by version, for the connector
    /// that has it.
    pub async fn handle_own(&self, batch: Batch) -> (BatchAnswer, BTreeMap<Hash, Batch>) {
        let records = batch.records.clone();
        let others = OtherVersions::default();
        let work = |records| self.round(records, Some(&others));
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
                    });
                    answers.push(Ok(()));
                }
                Err(fault) => answers.push(Err(fault)),
            }
        }
        let worked = self.together(requests, others.is_some()).await;
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
    /// decided under another version of policy.
    pub(crate) async fn together(
        &self,
        requests: Vec<Asked>,
        own: bool,
    ) -> Vec<Result<Converged, Fault>> {
        let began = self.clock.now();
        let mut answers = BTreeMap::new();
        let mut by_target: BTreeMap<TargetId, (Health, Vec<Placed>)> = BTreeMap::new();
        let count = requests.len();
        for (at, (asked, read)) in self.read(requests).await.into_iter().enumerate() {
            let opened = async { self.open(&asked, read?, own).await };
            match trace::within(asked.trace.clone(), opened).await {
                Ok(Opened::Finished(converged)) => {
                    answers.insert(at, Ok(converged));
                }
                Ok(Opened::Work(work, health)) => {
                    let (known, works) = by_target.entry(asked.request.target).or_default();
                    *known = health;
                    works.push((at, work));
                }
                Err(fault) => {
                    answers.insert(at, Err(fault));
                }
            }
        }
        // What one target leaves of its share is for those after it; a slow one keeps its own.
        let share = WORK_FOR / u32::try_from(by_target.len()).unwrap_or(1).max(1);
        for (nth, (name, (health, works))) in (1_u32..).zip(by_target) {
            let until = began.saturating_add(share * nth).unwrap_or(Timestamp::MAX);
            if let Some(target) = self.targets.get(&name) {
                let worked = self.on_target(&name, target, health, works, until);
                answers.extend(Box::pin(worked).await);
            }
        }
        (0..count)
            .map(|at| {
                answers
                    .remove(&at)
                    .unwrap_or_else(|| Err(Fault::retry("the request was not worked on")))
            })
            .collect()
    }

    /// Reads whom requests are about, those of one target together. The requests come back in
    /// their order.
    async fn read(&self, requests: Vec<Asked>) -> Vec<(Asked, Result<Read, Fault>)> {
        let mut by_target: BTreeMap<TargetId, Vec<IdentityId>> = BTreeMap::new();
        for Asked { request, .. } in &requests {
            let identities = by_target.entry(request.target.clone()).or_default();
            identities.push(request.identity.clone());
        }
        let mut found = BTreeMap::new();
        for (name, identities) in by_target {
            let read = match self.store.seats(&identities, &name).await {
                Ok((seats, health)) => Ok((seats.into_iter(), health)),
                Err(fault) => Err(fault),
            };
            found.insert(name, read);
        }
        let read = requests.into_iter().map(|asked| {
            let read = match found.get_mut(&asked.request.target) {
                Some(Ok((seats, health))) => seats
                    .next()
                    .map(|seat| seat.map(|seat| (seat, health.clone()))),
                Some(Err(fault)) => Some(Err(fault.clone())),
                None => None,
            };
            let nobody = || Err(Fault::retry("the table did not answer for the identity"));
            (asked, read.unwrap_or_else(nobody))
        });
        read.collect()
    }

    /// Finds out what a request asks for.
    async fn open(&self, asked: &Asked, read: Read, own: bool) -> Result<Opened, Fault> {
        let request = &asked.request;
        let name = &request.target;
        let desk = self.desk(name);
        let (seat, health) = read;
        if let (true, Some(seat)) = (own, &seat)
            && let Some(version) = self.decided_under(seat, request)
        {
            return Ok(Opened::Finished(Converged::Elsewhere(version)));
        }
        if desk.is_none() && !self.targets.contains_key(name) {
            return Err(Fault::reject("the target is not in the policy"));
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
        if record.applied >= generation && !request.look {
            return Ok(Opened::Finished(Converged::Current));
        }
        if let May::Wait(after) = may {
            return Err(Fault::Retry {
                after: Some(after),
                why: "the target asked for a pause".into(),
            });
        }
        let elsewhere = self.elsewhere(&seat, name);
        let unsettled = seat.record.unsettled.remove(name);
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
            at,
            receives: asked.receives,
            trace: asked.trace.clone(),
            kept: BTreeSet::new(),
            unseen: Unseen::default(),
            counted: Counted::default(),
            elsewhere,
        };
        if let Some(desk) = desk {
            return self.by_hand(desk, work).await.map(Opened::Finished);
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
    fn decided_under(&self, seat: &Seat, request: &ConvergeRequest) -> Option<Hash> {
        let decided = seat.record.policy;
        let generation = seat.record.changed.get(&request.target).copied();
        let applied = seat
            .accounts
            .get(&request.target)
            .map(|record| record.applied);
        let open = request.look || applied < generation;
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

    /// Everything of a batch that concerns one target; nothing is begun after `until`.
    async fn on_target(
        &self,
        name: &TargetId,
        target: &T,
        mut health: Health,
        works: Vec<Placed>,
        until: Timestamp,
    ) -> Vec<(usize, Result<Converged, Fault>)> {
        let at = self.clock.now();
        let (mut planned, mut answers) = self.pace(name, target, at, works).await;
        if planned.is_empty() {
            return answers;
        }
        if let Err(fault) = self.count_batch(name, &mut planned, at).await {
            let unused = unused(target, &planned);
            answers.extend(planned.iter().map(|one| (one.place, Err(fault.clone()))));
            if let Err(fault) = self.leave(name, unused).await {
                tracing::warn!(target = %name, error = %fault, "place not left");
            }
            return answers;
        }
        let (over, unused) = self.carry_out_batch(target, planned, until).await;
        let mut tally = Tally::default();
        for one in over {
            count(&mut tally, &one.result);
            let trace = one.work.trace.clone();
            let settled = self.settle(one.result, *one.work, &mut health);
            let answer = trace::within(trace, settled).await;
            answers.push((one.place, answer));
        }
        if let Err(fault) = self.count(name, &mut health, at, tally).await {
            tracing::warn!(target = %name, error = %fault, "failures not counted");
        }
        if let Err(fault) = self.leave(name, unused).await {
            // The place runs out by itself, and the budget fills again.
            tracing::warn!(target = %name, error = %fault, "place not left");
        }
        answers
    }

    /// Carries out everything, first what concerns one account alone, then what is shared. Also
    /// answers with what was granted and not used.
    async fn carry_out_batch(
        &self,
        target: &T,
        planned: Vec<Planned>,
        until: Timestamp,
    ) -> (Vec<Over>, Cost) {
        if target.takes_many() {
            let over = Box::pin(self.carry_out_each(target, planned)).await;
            return (over, Cost::default());
        }
        let poolable = planned
            .iter()
            .filter(|one| !one.work.urgent && self.pools(&one.plan));
        let shared = pool::shared(poolable.map(|one| &one.plan));
        let mut closed: Option<Stop> = None;
        let (mut in_a_row, mut unused) = (0, Cost::default());
        let mut over: Vec<Over> = Vec::new();
        let (mut places, mut members) = (Vec::new(), Vec::new());
        for one in planned {
            let cost = one.wish(target).cost;
            let Planned {
                place, mut work, ..
            } = one;
            let stop = match &closed {
                Some(stop) if !work.urgent => Some(stop.clone()),
                // An ending is tried at any target, while there is time.
                Some(_) | None => (self.clock.now() >= until).then(out_of_time),
            };
            if let Some(stop) = stop {
                unused = unused.plus(cost);
                let result = Err(stop);
                over.push(Over {
                    place,
                    work,
                    result,
                });
                continue;
            }
            // Boxed: the future of a target's client is large, and lives in every one around it.
            match Box::pin(self.advance(target, &mut work, &shared)).await {
                Ok(Next::Pool(convergence, outcome)) => {
                    in_a_row = 0;
                    places.push(place);
                    members.push(Member::new(*work, convergence, outcome));
                }
                Ok(Next::Done(outcome)) => {
                    in_a_row = 0;
                    let result = Ok(outcome);
                    over.push(Over {
                        place,
                        work,
                        result,
                    });
                }
                Err(stop) => {
                    in_a_row = if stop.is_ill() { in_a_row + 1 } else { 0 };
                    closed = closed.or_else(|| stop.closes(in_a_row >= ILL_IN_A_ROW));
                    let result = Err(stop);
                    over.push(Over {
                        place,
                        work,
                        result,
                    });
                }
            }
        }
        Box::pin(self.carry_out_together(target, &mut members)).await;
        for (place, member) in places.into_iter().zip(members) {
            let (work, result) = member.finish();
            over.push(Over {
                place,
                work: Box::new(work),
                result,
            });
        }
        (over, unused)
    }

    /// Looks, decides, and carries out whatever concerns the account alone.
    async fn advance(
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

/// What was granted to a batch that is not begun.
fn unused<T: Apply>(target: &T, planned: &[Planned]) -> Cost {
    planned
        .iter()
        .fold(Cost::default(), |sum, one| sum.plus(one.wish(target).cost))
}

/// The batch has to end.
fn out_of_time() -> Stop {
    Stop::Again(Fault::Retry {
        after: Some(Duration::ZERO),
        why: "the batch took long; the rest of it comes in another".into(),
    })
}

/// Counts a result as that of a target that is well, or that is not. What never got there says
/// nothing.
fn count(tally: &mut Tally, result: &Result<Outcome, Stop>) {
    match result {
        Err(stop) if stop.is_ill() => tally.ill += 1,
        Ok(_) | Err(Stop::Park(_) | Stop::NameTaken | Stop::Unverified(_)) => tally.well += 1,
        Err(
            Stop::Rest(_)
            | Stop::Throttled { .. }
            | Stop::Again(_)
            | Stop::Ill(_)
            | Stop::Unknown(_),
        ) => {}
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
