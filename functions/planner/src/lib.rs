//! The planner: fetch the facts of one worker record, decide with `domain::plan`, record the
//! decision in one conditional write, nudge the connectors. It never calls a target, and it holds
//! no opinion of its own: everything it writes is what the pure planner said.

mod commit;
mod correlate;
mod decided;
mod fetch;
mod handover;
mod identify;
pub mod operator;
mod preview;
mod send;

use std::sync::Arc;

use contract::{Cause, PlanRequest};
use domain::plan::{self, Compiled, Folding};
use domain::{IdentityId, IdentityState, RecordKey};
use jiff::SignedDuration;
use ports::lanes::{Batch, BatchAnswer, Incoming};
use ports::{Cases, Clock, Fault, Lanes, Store};
use telemetry::{Dimensions, Metric};

use crate::commit::Settled;
pub use crate::fetch::Person;
pub use crate::preview::{Preview, Previewed};
use crate::send::{Outbox, Post};

/// How long a connector may take to acknowledge before it is nudged again.
pub const RESEND_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// The same where all it waits for is a removal on another target, which wakes the clock itself.
pub const RESEND_WAITING: SignedDuration = SignedDuration::from_hours(1);

/// How many times a decision is made anew because somebody else holds a generated identifier.
/// Each round rules out at least one candidate.
const IDENTIFIER_ROUNDS: usize = 16;

/// The planner function.
pub struct Planner<S, L, C> {
    store: S,
    lanes: L,
    clock: C,
    policy: Arc<Compiled>,
}

/// What a look at one worker record came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// A decision was recorded.
    Decided,
    /// Nothing had changed; nothing was written.
    Unchanged,
    /// There are no facts about such a record.
    Nobody,
}

impl<S: Store + Cases, L: Lanes, C: Clock> Planner<S, L, C> {
    /// A planner under one policy version.
    pub const fn new(store: S, lanes: L, clock: C, policy: Arc<Compiled>) -> Self {
        Self {
            store,
            lanes,
            clock,
            policy,
        }
    }

    /// Works through a batch of [`PlanRequest`]s, and nudges the connectors when all are decided.
    pub async fn handle(&self, batch: Batch) -> BatchAnswer {
        let outbox = &Outbox::default();
        let look = |record: Incoming| async move {
            let request: PlanRequest = ports::batch::parse(&record)?;
            let post = outbox.of(&record.id);
            let looked = self.look_at(&request.record, request.cause, post).await;
            looked.map(|_| ()).map_err(come_back)
        };
        ports::batch::work_and_finish(batch, look, || self.deliver(outbox)).await
    }

    /// Looks at one worker record and brings its identity up to date.
    pub async fn look(&self, record: &RecordKey, cause: Cause) -> Result<Looked, Fault> {
        let outbox = Outbox::default();
        let looked = self.look_at(record, cause, outbox.of("")).await;
        // What was recorded is sent, even if something failed after it.
        let failed = self.deliver(&outbox).await;
        match (looked, failed.into_iter().next()) {
            (Ok(_), Some((_, fault))) => Err(fault),
            (looked, _) => looked,
        }
    }

    /// The same, with the nudges left for later.
    async fn look_at(
        &self,
        record: &RecordKey,
        cause: Cause,
        post: Post<'_>,
    ) -> Result<Looked, Fault> {
        let at = self.clock.now();
        // Boxed: what seldom happens is large, and would lie in every event's future.
        let Some(person) = Box::pin(self.follow(record, at, post)).await? else {
            return Ok(Looked::Nobody);
        };
        if self.nothing_new(&person, at) {
            self.rest(&person, at).await?;
            telemetry::emit(Metric::PlannerUnchanged, 1.0, Dimensions::default());
            return Ok(Looked::Unchanged);
        }
        let folding = plan::identity_at(&self.policy.policy, &person.records, at);
        let person = match Box::pin(self.place(person, &folding, at)).await? {
            correlate::Placed::Known(person) => *person,
            correlate::Placed::Disputed => return Ok(Looked::Decided),
        };
        // A record that is linked now joins those of another identity, which fold anew.
        let folded = person.links.is_empty().then_some(folding);
        self.decide(person, folded, at, cause, post).await
    }

    /// Plans and records, with another identifier candidate whenever one turns out to be taken.
    /// `folded` is the identity as the first round finds it.
    pub(crate) async fn decide(
        &self,
        person: Person,
        mut folded: Option<Folding>,
        at: jiff::Timestamp,
        cause: Cause,
        post: Post<'_>,
    ) -> Result<Looked, Fault> {
        let mut taken = std::collections::BTreeSet::new();
        for _ in 0..IDENTIFIER_ROUNDS {
            let mut folding = match folded.take() {
                Some(folding) => folding,
                None => plan::identity_at(&self.policy.policy, &person.records, at),
            };
            let names = self.identify(&person, &mut folding, &taken).await?;
            let input = plan::Input {
                identity: &person.identity,
                records: &person.records,
                recorded: person.recorded(),
                accounts: &person.accounts,
                identifiers: &names.identifiers,
                at,
            };
            let left = handover::Left::of(&folding);
            let plan = plan::plan_folded(&self.policy, &input, folding);
            Box::pin(self.hand_over(&person, &plan, &left, at)).await?;
            match self.commit(&person, &input, &plan, &names).await? {
                Settled::Written(decision) => {
                    tracing::info!(
                        identity = %person.identity,
                        jml = ?plan.jml,
                        generation = decision.record.generation.0,
                        changes = plan.targets.values().map(|t| t.changes.len()).sum::<usize>(),
                        findings = plan.findings.len(),
                        cause = ?cause,
                        "decided"
                    );
                    telemetry::emit(Metric::PlannerDecisions, 1.0, Dimensions::default());
                    if !plan.findings.is_empty() {
                        telemetry::emit(Metric::Parked, 1.0, Dimensions::default());
                    }
                    Self::send(&person.identity, &decision, &plan, post);
                    self.reopen_disputes(&person, &plan).await?;
                    return Ok(Looked::Decided);
                }
                Settled::Same => {
                    self.rest(&person, at).await?;
                    return Ok(Looked::Unchanged);
                }
                Settled::Taken(keys) => taken.extend(keys),
            }
        }
        Err(Fault::retry(
            "every identifier candidate was taken meanwhile",
        ))
    }

    /// Whether planning would give what is recorded: the same facts, the same policy, and no
    /// boundary crossed.
    fn nothing_new(&self, person: &Person, at: jiff::Timestamp) -> bool {
        let Some(seat) = &person.seat else {
            return false;
        };
        let record = &seat.record;
        person.links.is_empty()
            && !person.disputed()
            && !fetch::is_retired(record)
            && record.policy == self.policy.policy.version
            && record.due_at.is_none_or(|due| due > at)
            && record.decisions == person.decisions
            && record.facts == plan::facts_digest(&person.records)
    }

    /// Puts the clock's next look where it belongs and repeats nudges that were not answered.
    async fn rest(&self, person: &Person, at: jiff::Timestamp) -> Result<(), Fault> {
        let Some(seat) = &person.seat else {
            return Ok(());
        };
        if seat.wake_at.is_none_or(|wake| wake > at) {
            return Ok(());
        }
        let resent = if seat.owed.is_empty() {
            Ok(())
        } else {
            self.resend(&person.identity, seat, at).await
        };
        // Whatever became of it: who is due for ever would be asked for every minute, before others.
        let wake_at = send::wake_again(seat, at);
        self.store
            .rest(&person.identity, seat.record.generation, wake_at)
            .await?;
        resent
    }
}

/// Nobody else remembers a fact that was not decided on: whatever kept it from that, a right that is
/// missing or an item that does not read, its message comes back, and in the end lies with the dead
/// letters, where an alarm says so and it can be asked for again.
fn come_back(fault: Fault) -> Fault {
    match fault {
        Fault::Reject { why } | Fault::Halt { why } => Fault::Retry { after: None, why },
        Fault::Retry { .. } => fault,
    }
}

/// Whether a state wants generated identifiers.
const fn has_accounts(state: IdentityState) -> bool {
    matches!(
        state,
        IdentityState::Prehire | IdentityState::Active | IdentityState::Suspended
    )
}

/// The founding record's key is the identity's.
fn founder(identity: &IdentityId) -> RecordKey {
    RecordKey::from(identity)
}
