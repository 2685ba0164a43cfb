//! The budget of a target: what everybody who works on it may send, shared through the table. One
//! read and one write for a batch; none for a target without limits.

use std::time::Duration;

use domain::TargetId;
use domain::budget::{Asked, Cost, Gauge, Granted, Slot};
use jiff::{SignedDuration, Timestamp};
use ports::{Apply, Clock, Fault, Observe, Store};

use crate::Connector;

/// How often a lost race for the gauge is run again before the batch comes back.
const RACES: u32 = 20;

/// How long a place among those who work at once is kept for a worker that was lost: the longest
/// that a function works on a batch.
const PLACE: SignedDuration = SignedDuration::from_mins(3);

impl<S: Store, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Asks for a batch of wishes. Without limits everything is granted.
    pub(crate) async fn ask(
        &self,
        name: &TargetId,
        at: Timestamp,
        wishes: &[Asked],
    ) -> Result<Vec<Granted>, Fault> {
        let Some(target) = self.policy.policy.targets.get(name) else {
            return Ok(vec![Granted::Now; wishes.len()]);
        };
        let budget = &target.profile.budget;
        if !budget.limits() || wishes.is_empty() {
            return Ok(vec![Granted::Now; wishes.len()]);
        }
        let until = at.checked_add(PLACE).unwrap_or(Timestamp::MAX);
        let urgent = wishes.iter().any(|wish| wish.urgent);
        let mut granted = Vec::new();
        self.with_gauge(name, |gauge| {
            granted = match gauge.enter(budget, &self.worker, at, until, urgent) {
                Slot::Taken => gauge.ask(budget, at, wishes),
                Slot::Full(wait) => {
                    vec![Granted::Later(wait.min(Duration::from_secs(30))); wishes.len()]
                }
            };
            if granted.iter().all(|one| *one != Granted::Now) {
                gauge.leave(&self.worker);
            }
        })
        .await?;
        Ok(granted
            .into_iter()
            .map(|one| on_the_second(one, at))
            .collect())
    }

    /// Leaves the place and gives back what was granted and not used.
    pub(crate) async fn leave(&self, name: &TargetId, unused: Cost) -> Result<(), Fault> {
        let Some(target) = self.policy.policy.targets.get(name) else {
            return Ok(());
        };
        let budget = &target.profile.budget;
        if !budget.limits() || (budget.workers.is_none() && unused.is_none()) {
            return Ok(());
        }
        self.with_gauge(name, |gauge| {
            gauge.give_back(budget, unused);
            gauge.leave(&self.worker);
        })
        .await
    }

    /// Nothing is left until then.
    pub(crate) async fn exhaust(&self, name: &TargetId, until: Timestamp) -> Result<(), Fault> {
        let Some(target) = self.policy.policy.targets.get(name) else {
            return Ok(());
        };
        let budget = &target.profile.budget;
        if budget.rates.is_empty() {
            return Ok(());
        }
        self.with_gauge(name, |gauge| gauge.exhaust(budget, until))
            .await
    }

    /// Reads the gauge, changes it, writes it; again where another worker was faster.
    pub(crate) async fn with_gauge(
        &self,
        name: &TargetId,
        mut change: impl FnMut(&mut Gauge),
    ) -> Result<(), Fault> {
        for _ in 0..RACES {
            let mut gauge = self.store.gauge(name).await?;
            change(&mut gauge);
            if self.store.set_gauge(name, &gauge).await? {
                return Ok(());
            }
        }
        Err(Fault::Retry {
            after: Some(Duration::from_secs(1)),
            why: "too many workers write the gauge of the target at once".into(),
        })
    }
}

/// Whoever waits comes back on a full second, so that those whose turn is in the same second share
/// one question to the budget.
fn on_the_second(granted: Granted, at: Timestamp) -> Granted {
    match granted {
        Granted::Now => Granted::Now,
        Granted::Later(after) => {
            let past = u64::try_from(at.as_microsecond().rem_euclid(1_000_000)).unwrap_or(0);
            let past = Duration::from_micros(past);
            let whole = (past + after).as_micros().div_ceil(1_000_000);
            let whole = Duration::from_secs(u64::try_from(whole).unwrap_or(u64::MAX));
            Granted::Later(whole.saturating_sub(past))
        }
    }
}
