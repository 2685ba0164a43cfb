//! What the nightly run tells the meters by which limits count: how many there are, that a whole
//! run is over a limit, and that nothing waits in a hold any more.

use std::collections::{BTreeMap, BTreeSet};

use domain::limit::{Meter, Population, Scope};
use domain::policy::Limits;
use domain::{AccountRecord, TargetId};
use jiff::Timestamp;
use ports::{Clock, Fault, Lanes, Objects, Observe, Store};
use telemetry::{Dimensions, Metric};

use crate::Reconciler;

/// How often a lost race for a meter is run again before the run fails.
const RACES: u32 = 20;

/// What the records say of one target.
#[derive(Debug, Default)]
pub(crate) struct Census {
    population: Population,
    /// Where something waits that nobody said no to.
    waiting: BTreeSet<Scope>,
}

impl Census {
    pub(crate) fn count(&mut self, account: &AccountRecord) {
        if account.id.is_some() {
            self.population.accounts += 1;
        }
        for entitlement in &account.grants {
            self.population.grants += 1;
            let groups = &mut self.population.groups;
            if let Some(count) = groups.get_mut(entitlement) {
                *count += 1;
            } else {
                groups.insert(entitlement.clone(), 1);
            }
        }
        if let Some(held) = &account.held {
            let open = held.lines.iter();
            let open = open.filter(|line| !held.rejected.contains(&line.line));
            self.waiting.extend(open.map(|line| line.scope.clone()));
        }
    }
}

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Makes everything of a scope wait before anything of it is sent, where a run has more of it
    /// than passes: the first of them fit no better than the last.
    pub(crate) async fn hold(
        &self,
        over: &BTreeMap<TargetId, BTreeSet<Scope>>,
    ) -> Result<(), Fault> {
        for (name, scopes) in over {
            let Some(target) = self.policy.targets.get(name) else {
                continue;
            };
            let now = self.clock.now();
            let mut opened = Vec::new();
            self.with_meter(name, |meter| {
                opened = scopes
                    .iter()
                    .filter(|scope| meter.open(&target.limits, (*scope).clone(), now))
                    .collect();
            })
            .await?;
            for scope in opened {
                tracing::error!(target = %name, scope = %scope, "a run is over a limit: changes are held");
                telemetry::emit(Metric::HoldOpened, 1.0, Dimensions::target(name));
            }
        }
        Ok(())
    }

    /// Writes down how many there are, and ends the holds in which nothing waits.
    pub(crate) async fn count(
        &self,
        census: BTreeMap<TargetId, Census>,
        began: Timestamp,
    ) -> Result<(), Fault> {
        for (name, census) in census {
            self.with_meter(&name, |meter| {
                meter.population = Some(census.population.clone());
                let over = meter
                    .holds
                    .iter()
                    .filter(|(scope, hold)| hold.since < began && !census.waiting.contains(scope))
                    .map(|(scope, _)| scope.clone());
                for scope in over.collect::<Vec<_>>() {
                    meter.close(&scope);
                }
            })
            .await?;
        }
        Ok(())
    }

    async fn with_meter(
        &self,
        name: &TargetId,
        mut change: impl FnMut(&mut Meter),
    ) -> Result<(), Fault> {
        for _ in 0..RACES {
            let before = self.store.meter(name).await?;
            let mut meter = before.clone();
            change(&mut meter);
            if meter == before || self.store.set_meter(name, &meter).await? {
                return Ok(());
            }
        }
        Err(Fault::retry(
            "too many workers write the meter of a target at once",
        ))
    }
}

/// How many of a scope a run may change, as the records have it.
pub(crate) fn allowed(census: Option<&Census>, limits: &Limits, scope: &Scope) -> u64 {
    let population = census.map(|census| census.population.clone());
    Meter::of(population).allowed(limits, scope)
}
