//! Nudging the connectors. What is owed is in the item; a nudge that gets lost is repeated when
//! the clock next looks.

use std::collections::BTreeSet;

use contract::{Cause, ConvergeRequest, Lane};
use domain::converge::is_waiting;
use domain::{Desired, Generation, IdentityId, Plan, TargetId};
use jiff::Timestamp;
use ports::store::{Commit, Seat};
use ports::{Cases, Clock, Fault, Lanes, Outgoing, Store};
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
    /// Nudges the connectors of everything that a decision owes.
    pub(crate) async fn send(
        &self,
        identity: &IdentityId,
        decision: &Commit,
        plan: &Plan,
    ) -> Result<(), Fault> {
        let urgent = plan
            .targets
            .iter()
            .filter(|(_, target)| target.urgent)
            .map(|(name, _)| name)
            .collect();
        let generation = decision.record.generation;
        self.nudge(identity, &decision.owe, &urgent, generation, "")
            .await
    }

    /// Nudges again whoever has not answered.
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
        self.nudge(identity, &owed, &urgent, seat.record.generation, &again)
            .await
    }

    async fn nudge(
        &self,
        identity: &IdentityId,
        targets: &BTreeSet<TargetId>,
        urgent: &BTreeSet<&TargetId>,
        generation: Generation,
        again: &str,
    ) -> Result<(), Fault> {
        // Endings first, so that a failure half-way leaves ordinary work behind, not a leaver.
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
        if !endings.is_empty() {
            let messages: Vec<Outgoing> = endings.into_iter().map(message).collect();
            self.lanes.send(&Lane::Terminations, &messages).await?;
        }
        for target in others {
            let lane = Lane::Target(target.clone());
            self.lanes.send(&lane, &[message(target)]).await?;
        }
        Ok(())
    }
}

/// A message's body. The types of `contract::message` always serialise; an empty body would be
/// refused by the receiver as not one of ours.
pub fn json(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}
