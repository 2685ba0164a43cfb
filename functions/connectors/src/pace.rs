//! The budget of a target: what everybody who works on it may send, shared through the table. One
//! read and one write for a batch; none for a target without limits.

use std::collections::BTreeMap;
use std::iter;
use std::time::Duration;

use domain::budget::{Asked, Cost, Gauge, Granted, Slot};
use domain::{Change, EntitlementId, TargetId};
use jiff::{SignedDuration, Timestamp};
use ports::{Apply, Cases, Clock, Fault, Observe, Store};

use crate::Connector;
use crate::batch::{Over, Placed, Planned};
use crate::carry_out::{Stop, revokes};
use crate::hand_over::waiting;
use crate::pool;
use crate::resolve::Sight;

/// How often a lost race for the gauge is run again before the batch comes back.
const RACES: u32 = 20;

/// How long a place among those who work at once is kept for a worker that was lost: the longest
/// that a function works on a batch.
const PLACE: SignedDuration = SignedDuration::from_mins(3);

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Asks the budget for everybody at once, those whose access ends first. What is not granted
    /// comes back when its turn is.
    pub(crate) async fn pace(
        &self,
        name: &TargetId,
        target: &T,
        at: Timestamp,
        mut works: Vec<Placed>,
    ) -> (Vec<Planned>, Vec<Over>) {
        works.sort_by_key(|(place, work)| (!work.urgent, *place));
        let mut planned: Vec<Planned> = works
            .into_iter()
            .map(|(place, work)| {
                let plan = self.compare(&work, &Sight::default());
                Planned {
                    place,
                    work,
                    plan,
                    granted: Cost::default(),
                }
            })
            .collect();
        let mut wishes: Vec<Asked> = planned
            .iter()
            .map(|one| {
                let wish = one.wish(target);
                let cost = wish.cost.plus(self.counting(&one.plan));
                Asked { cost, ..wish }
            })
            .collect();
        self.share(name, &planned, &mut wishes);
        for (one, wish) in planned.iter_mut().zip(&wishes) {
            one.granted = wish.cost;
        }
        let companies = self.companies(name, &planned, &wishes);
        let joint: Vec<Asked> = companies.iter().map(|(joint, _)| *joint).collect();
        let granted = match self.ask(name, at, &joint).await {
            Ok(granted) => granted,
            Err(fault) => {
                let stop = match fault {
                    Fault::Retry {
                        after: Some(after),
                        why,
                    } => Stop::Wait { after, why },
                    fault @ (Fault::Retry { .. } | Fault::Reject { .. } | Fault::Halt { .. }) => {
                        Stop::Again(fault)
                    }
                };
                let back = planned.into_iter().map(|one| one.back(stop.clone()));
                return (Vec::new(), back.collect());
            }
        };
        let granted = companies
            .into_iter()
            .zip(granted)
            .flat_map(|((_, size), granted)| iter::repeat_n(granted, size));
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for (one, granted) in planned.into_iter().zip(granted) {
            match granted {
                Granted::Now => now.push(one),
                Granted::Later(after) => {
                    let why = "the budget of the target is used up".into();
                    later.push(one.back(Stop::Wait { after, why }));
                }
            }
        }
        (now, later)
    }

    /// Who goes together or waits together, in the order of the batch: as many as share a request
    /// for memberships, so that it goes out full, and as fit into two thirds of what everybody may use of each burst: the rest is what comes in while
    /// they wait for the full second. Each with
    /// what all of it asks for, and its size.
    fn companies(
        &self,
        name: &TargetId,
        planned: &[Planned],
        wishes: &[Asked],
    ) -> Vec<(Asked, usize)> {
        let profile = self.policy.policy.targets.get(name).map(|one| &one.profile);
        let chunk = profile.map_or(1, |profile| usize::from(profile.member_chunk.max(1)));
        let fits = |cost: Cost| {
            profile.is_none_or(|profile| {
                let percent = 100 - u32::from(profile.budget.reserve_percent.min(90));
                let mut rates = profile.budget.rates.iter();
                rates.all(|rate| cost.counted(rate.of) <= rate.burst.saturating_mul(percent) / 150)
            })
        };
        let poolable = |one: &Planned| !one.work.urgent && self.pools(&one.plan);
        let members = planned.iter().filter(|one| poolable(one));
        let shared = pool::shared(members.map(|one| &one.plan));
        let mut companies: Vec<(Asked, usize)> = Vec::new();
        let mut open = false;
        for (one, wish) in planned.iter().zip(wishes) {
            let joins = poolable(one) && pool::touches(&one.plan, &shared);
            match companies.last_mut() {
                Some((sum, size))
                    if open
                        && joins
                        && *size < chunk
                        && sum.returning == wish.returning
                        && fits(sum.cost.plus(wish.cost)) =>
                {
                    sum.cost = sum.cost.plus(wish.cost);
                    *size += 1;
                }
                Some(_) | None => companies.push((*wish, 1)),
            }
            open = joins;
        }
        companies
    }

    /// Asks for one request where several members share it: the first of each request pays.
    fn share(&self, name: &TargetId, planned: &[Planned], wishes: &mut [Asked]) {
        let target = self.policy.policy.targets.get(name);
        let chunk = target.map_or(1, |target| u32::from(target.profile.member_chunk.max(1)));
        let mut seen: BTreeMap<&EntitlementId, u32> = BTreeMap::new();
        for (one, wish) in planned.iter().zip(wishes) {
            if one.work.urgent || !self.pools(&one.plan) {
                continue;
            }
            for entitlement in pool::memberships(&one.plan) {
                let count = seen.entry(entitlement).or_default();
                if !count.is_multiple_of(chunk) {
                    wish.cost.groups = wish.cost.groups.saturating_sub(1);
                }
                *count += 1;
            }
        }
    }

    /// Asks for a batch of wishes. Without limits everything is granted.
    async fn ask(
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

impl Planned {
    /// It comes back without having been begun.
    pub fn back(self, stop: Stop) -> Over {
        Over::new(self.place, self.work, Err(stop))
    }

    /// What it asks of the budget: its changes, the looks before, and the looks back.
    pub fn wish<T: Apply>(&self, target: &T) -> Asked {
        let work = &self.work;
        let looks = u32::from(work.look || work.record.id.is_none()) + u32::from(work.look);
        let blocks = |change: &Change| {
            matches!(
                change,
                Change::Disable | Change::Create { active: false, .. }
            )
        };
        let back = u32::from(self.plan.changes.iter().any(blocks));
        let removals = u32::try_from(revokes(&self.plan).count()).unwrap_or(u32::MAX);
        Asked {
            cost: target
                .cost(&self.plan.changes)
                .plus(Cost::reads(looks + back + waiting(&self.plan)))
                .plus(Cost::reads(removals)),
            urgent: work.urgent,
            returning: work.receives > 1,
        }
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
