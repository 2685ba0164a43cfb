//! Nudging the connectors. What is owed is in the item; a nudge that gets lost is repeated when
//! the clock next looks.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use contract::{Cause, ConvergeRequest, Lane};
use domain::converge::is_waiting;
use domain::{Desired, Generation, IdentityId, Plan, TargetId};
use jiff::Timestamp;
use ports::store::{Commit, Seat};
use ports::{Cases, Clock, Fault, Lanes, Outgoing, Store, Trace, trace};
use serde::Serialize;

use crate::{Planner, RESEND_AFTER, RESEND_WAITING};

/// When the clock shall look again: at the next boundary, sooner where somebody owes an answer.
pub fn wake_at(due_at: Option<Timestamp>, owing: bool, at: Timestamp) -> Option<Timestamp> {
    let resend = owing.then(|| at.checked_add(RESEND_AFTER).unwrap_or(Timestamp::MAX));
    [due_at, resend].into_iter().flatten().min()
}

/// The same for what was owed before, and is asked for again now. Where everything that is owed
/// waits for a removal on another target, that one's acknowledgement brings the look forward.
pub fn wake_again(seat: &Seat, at: Timestamp) -> Option<Timestamp> {
    let record = &seat.record;
    let mut owed = seat.owed.keys();
    if seat.owed.is_empty() || !owed.all(|one| is_waiting(record, &seat.accounts, one)) {
        return wake_at(record.due_at, !seat.owed.is_empty(), at);
    }
    let resend = at.checked_add(RESEND_WAITING).unwrap_or(Timestamp::MAX);
    Some(record.due_at.map_or(resend, |due| due.min(resend)))
}

impl<S: Store + Cases, L: Lanes, C: Clock> Planner<S, L, C> {
    /// Leaves nudges for the connectors of everything that a decision owes.
    pub(crate) fn send(identity: &IdentityId, decision: &Commit, plan: &Plan, post: Post<'_>) {
        let urgent = plan
            .targets
            .iter()
            .filter(|(_, target)| target.urgent)
            .map(|(name, _)| name)
            .collect();
        let generation = decision.record.generation;
        for (lane, message) in nudges(identity, &decision.owe, &urgent, generation, "") {
            post.leave(lane, message);
        }
    }

    /// Sends what was left, one request for the messages of a lane as far as it takes them. Returns
    /// for whom it failed, and why; after a failure the other lanes still get theirs.
    pub(crate) async fn deliver(&self, outbox: &Outbox) -> Vec<(String, Fault)> {
        let mut failed = Vec::new();
        for (lane, left) in outbox.take() {
            let (senders, messages): (Vec<String>, Vec<_>) = left
                .into_iter()
                .map(|Left { by, trace, message }| (by, (trace, message)))
                .unzip();
            if let Err(fault) = self.lanes.send_traced(&lane, &messages).await {
                failed.extend(senders.into_iter().map(|by| (by, fault.clone())));
            }
        }
        failed
    }

    /// Nudges again whoever has not answered. Where a lane fails, the others still get theirs.
    pub(crate) async fn resend(
        &self,
        identity: &IdentityId,
        seat: &Seat,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let owed: BTreeSet<TargetId> = seat.owed.keys().cloned().collect();
        let urgent = owed
            .iter()
            .filter(|name| {
                let wanted = seat.record.projections.get(*name).map(|p| p.desired);
                let active = seat
                    .accounts
                    .get(*name)
                    .is_some_and(|account| account.active);
                active && wanted.is_none_or(|desired| desired != Desired::Active)
            })
            .collect();
        let again = format!("#again{}", at.as_second());
        let generation = seat.record.generation;
        let mut failed = Ok(());
        for (lane, message) in nudges(identity, &owed, &urgent, generation, &again) {
            let answer = self.lanes.send(&lane, &[message]).await;
            failed = failed.and(answer);
        }
        failed
    }
}

/// A message for each target, endings first, so that a failure half-way leaves ordinary work behind,
/// not a leaver.
fn nudges(
    identity: &IdentityId,
    targets: &BTreeSet<TargetId>,
    urgent: &BTreeSet<&TargetId>,
    generation: Generation,
    again: &str,
) -> Vec<(Lane, Outgoing)> {
    let (endings, others): (Vec<&TargetId>, Vec<&TargetId>) =
        targets.iter().partition(|target| urgent.contains(*target));
    let message = |target: &TargetId| {
        let request = ConvergeRequest {
            v: 1,
            identity: identity.clone(),
            target: target.clone(),
            generation,
            look: false,
            cause: Cause::Plan,
        };
        Outgoing {
            group: request.group(),
            dedup: format!("{target}#{identity}#{generation}{again}"),
            body: json(&request),
        }
    };
    let ending = |target| (Lane::Terminations, message(target));
    let other = |target: &TargetId| (Lane::Target(target.clone()), message(target));
    let endings = endings.into_iter().map(ending);
    endings.chain(others.into_iter().map(other)).collect()
}

/// Nudges of a batch's decisions, kept until the last one is recorded: a queue takes ten messages in
/// one request. What gets lost with the process is repeated when the clock next looks.
#[derive(Debug, Default)]
pub struct Outbox(Mutex<Vec<(Lane, Left)>>);

/// A nudge that was left.
#[derive(Debug)]
struct Left {
    /// Id of the message whose record decided.
    by: String,
    trace: Option<Trace>,
    message: Outgoing,
}

impl Outbox {
    /// For what the record of that message leaves.
    pub const fn of<'a>(&'a self, message: &'a str) -> Post<'a> {
        Post {
            outbox: self,
            by: message,
        }
    }

    /// What was left, by lane and in its order; endings first.
    fn take(&self) -> Vec<(Lane, Vec<Left>)> {
        let left = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lanes: Vec<(Lane, Vec<Left>)> = vec![(Lane::Terminations, Vec::new())];
        for (lane, one) in left {
            match lanes.iter_mut().find(|(other, _)| *other == lane) {
                Some((_, of)) => of.push(one),
                None => lanes.push((lane, vec![one])),
            }
        }
        lanes.retain(|(_, left)| !left.is_empty());
        lanes
    }
}

/// Where one record's decisions leave nudges.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    outbox: &'a Outbox,
    by: &'a str,
}

impl Post<'_> {
    fn leave(&self, lane: Lane, message: Outgoing) {
        let left = Left {
            by: self.by.to_owned(),
            trace: trace::current(),
            message,
        };
        let outbox = self.outbox.0.lock();
        outbox
            .unwrap_or_else(PoisonError::into_inner)
            .push((lane, left));
    }
}

/// A message's body. The types of `contract::message` always serialise; an empty body would be
/// refused by the receiver as not one of ours.
pub fn json(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}
