//! Pausing a target and calling it again.

use contract::{Cause, ConvergeRequest, Lane};
use domain::TargetId;
use planner::operator::Said;
use ports::store::{Health, Pause};
use ports::{Cases, Clock, Fault, Lanes, Store, Walk};

use super::look::{self, Look};
use super::{Operated, Operations};

impl<S, L, B, C> Operations<'_, S, L, B, C>
where
    S: Store + Cases,
    L: Lanes,
    C: Clock,
{
    /// Nothing but endings reaches the target from now on. What is owed to it stays owed.
    pub(super) async fn pause(&self, target: &TargetId, said: &Said) -> Result<(), Fault> {
        self.known(target)?;
        if let Health::Paused(pause) = self.store.health(target).await? {
            return Err(Fault::reject(format!(
                "`{target}` is paused already, by {} since {}",
                pause.by, pause.since
            )));
        }
        let pause = Pause {
            by: said.by.clone(),
            reason: said.reason.clone(),
            since: self.clock.now(),
        };
        self.store.set_pause(target, Some(&pause)).await?;
        tracing::warn!(target = %target, by = &*said.by, "an operator paused the target");
        Ok(())
    }

    /// Hands over whoever is owed something there, so that nobody waits for the clock.
    pub(super) async fn resume(&self, target: &TargetId, said: &Said) -> Result<Operated, Fault> {
        self.known(target)?;
        if !matches!(self.store.health(target).await?, Health::Paused(_)) {
            return Err(Fault::reject(format!("`{target}` is not paused")));
        }
        self.store.set_pause(target, None).await?;
        tracing::warn!(target = %target, by = &*said.by, "an operator resumed the target");
        let mut owed = Vec::new();
        let mut walk = Walk::over(self.store);
        while let Some(rows) = walk.page().await? {
            let rows = rows.into_iter();
            let rows = rows.filter(|(_, seat)| seat.owed.contains_key(target));
            owed.extend(rows.map(|(identity, seat)| {
                let request = ConvergeRequest {
                    v: 1,
                    identity,
                    target: target.clone(),
                    generation: seat.record.generation,
                    look: false,
                    cause: Cause::Operator,
                };
                Look::Account(Lane::Target(target.clone()), request)
            }));
        }
        let count = owed.len();
        look::hand_over(self.lanes, self.clock, owed, "resume").await?;
        Ok(Operated::HandedOver { count, left: 0 })
    }

    fn known(&self, target: &TargetId) -> Result<(), Fault> {
        if self.policy.targets.contains_key(target) {
            return Ok(());
        }
        let known: Vec<&str> = self.policy.targets.keys().map(TargetId::as_str).collect();
        Err(Fault::reject(format!(
            "policy has no target `{target}`; it has {}",
            known.join(", ")
        )))
    }
}
