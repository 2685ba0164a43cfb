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

/// What the records say of one target.
#[derive(Debug, Default)]
pub(crate) struct Census {
    population: Population,
    /// Where something waits that nobody said no to.
    waiting: BTreeSet<Scope>,
}

impl Census {
    pub(crate) fn count(&mut self, account: &AccountRecord) {
        self.population.count(account);
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
            let opened: Vec<&Scope> = ports::meter::change(self.store, name, |meter| {
                let scopes = scopes.iter();
                scopes
                    .filter(|scope| {
                        let allowed = meter.allowed(&target.limits, scope);
                        meter.open((*scope).clone(), allowed, now)
                    })
                    .collect()
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
            ports::meter::change(self.store, &name, |meter| {
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
}

/// How many of a scope a run may change, as the records have it.
pub(crate) fn allowed(census: Option<&Census>, limits: &Limits, scope: &Scope) -> u64 {
    let population = census.map(|census| census.population.clone());
    Meter::of(population).allowed(limits, scope)
}
