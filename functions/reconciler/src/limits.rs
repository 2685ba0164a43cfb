//! The fourth step, over the whole run: what exceeds a limit. And what the nightly run tells the
//! meters by which limits count: how many there are, and that a whole run is over a limit.

use std::collections::{BTreeMap, BTreeSet};

use contract::report::TargetResult;
use domain::compare::Numbers;
use domain::limit::{Held, Meter, Population, Scope};
use domain::policy::Limits;
use domain::{AccountRecord, TargetId};
use jiff::Timestamp;
use ports::objects::Put;
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};
use telemetry::{Dimensions, Metric};

use crate::Reconciler;
use crate::begin::Begun;
use crate::frames::{Chain, Over};

/// What the records say of one target.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Census {
    population: Population,
    /// Where something waits that nobody said no to.
    pub(crate) waiting: BTreeSet<Scope>,
}

impl Census {
    pub(crate) fn count(&mut self, account: &AccountRecord) {
        self.population.count(account);
        if let Some(held) = &account.held {
            self.waiting.extend(open(held).cloned());
        }
    }

    /// Adds others, none of whom was counted here.
    fn add(&mut self, others: Self) {
        self.population.add(others.population);
        self.waiting.extend(others.waiting);
    }
}

/// The scopes of what waits and nobody said no to.
pub(crate) fn open(held: &Held) -> impl Iterator<Item = &Scope> {
    let open = held.lines.iter();
    let open = open.filter(|line| !held.rejected.contains(&line.line));
    open.map(|line| &line.scope)
}

/// What a run came to under its limits.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Limited {
    pub(crate) targets: BTreeMap<TargetId, Stopped>,
    /// Identities by state name.
    pub(crate) identities: BTreeMap<Box<str>, u64>,
    pub(crate) census: BTreeMap<TargetId, Census>,
}

/// What one target came to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stopped {
    pub(crate) result: TargetResult,
    pub(crate) parts: u64,
    /// Of what there is more than passes.
    pub(crate) over: BTreeSet<Scope>,
}

/// Where it is written down.
const LIMITED: &str = "limited";

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Says what exceeds a limit, over all parts of all targets, and opens the holds. A target that
    /// was not observed and compared to the end counts as not observed.
    pub(crate) async fn limit(&self, begun: &Begun) -> Result<Limited, Fault> {
        let stash = self.stash(begun);
        if let Some(limited) = stash.get(LIMITED).await? {
            return Ok(limited);
        }
        let mut limited = Limited {
            targets: BTreeMap::new(),
            identities: BTreeMap::new(),
            census: BTreeMap::new(),
        };
        let mut at = 0;
        while let Some(collected) = self.collected(begun, at).await? {
            for (state, count) in collected.identities {
                *limited.identities.entry(state).or_default() += count;
            }
            for (name, census) in collected.census {
                limited.census.entry(name).or_default().add(census);
            }
            at += 1;
        }
        for name in &begun.targets {
            let census = limited.census.get(name);
            let stopped = self.stopped(begun, name, census).await?;
            limited.targets.insert(name.clone(), stopped);
        }
        self.hold(&limited, begun.run.at).await?;
        // Whoever came first is who the steps after go by.
        match stash.put_new(LIMITED, &limited).await? {
            Put::Written => Ok(limited),
            Put::Exists => stash.need(LIMITED).await,
        }
    }

    async fn stopped(
        &self,
        begun: &Begun,
        name: &TargetId,
        census: Option<&Census>,
    ) -> Result<Stopped, Fault> {
        let last = Chain::of(self.stash(begun), name).await?.last().await?;
        let over = last.and_then(|last| last.over);
        let mut numbers = Numbers::default();
        let mut takes: BTreeMap<Scope, u64> = BTreeMap::new();
        let mut complete = over.is_some();
        let parts = over.as_ref().map_or(0, |over| over.parts);
        for part in 0..parts {
            let Some(compared) = self.compared(begun, name, part).await? else {
                complete = false;
                break;
            };
            numbers.add(compared.numbers);
            for (scope, count) in compared.takes {
                *takes.entry(scope).or_default() += count;
            }
        }
        let Some(over) = over.filter(|_| complete) else {
            tracing::error!(
                run = &*begun.run.id,
                target = %name,
                "a target was not observed and compared to the end"
            );
            return Ok(Stopped {
                result: Over::missed().result(Numbers::default()),
                parts: 0,
                over: BTreeSet::new(),
            });
        };
        let limits = self.policy.targets.get(name).map(|target| &target.limits);
        let exceeds = |(scope, count): (Scope, u64)| {
            let allowed = allowed(census, limits?, &scope);
            (count > allowed).then_some(scope)
        };
        Ok(Stopped {
            result: over.result(numbers),
            parts,
            over: takes.into_iter().filter_map(exceeds).collect(),
        })
    }

    /// Makes everything of a scope wait before anything of it is sent, where a run has more of it
    /// than passes: the first of them fit no better than the last.
    async fn hold(&self, limited: &Limited, now: Timestamp) -> Result<(), Fault> {
        for (name, stopped) in &limited.targets {
            let scopes = &stopped.over;
            let target = self.policy.targets.get(name);
            let Some(target) = target.filter(|_| !scopes.is_empty()) else {
                continue;
            };
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

    /// Writes down how many there are.
    pub(crate) async fn count(&self, limited: &Limited) -> Result<(), Fault> {
        for (name, census) in &limited.census {
            ports::meter::change(self.store, name, |meter| {
                meter.population = Some(census.population.clone());
            })
            .await?;
        }
        Ok(())
    }
}

/// How many of a scope a run may change, as the records have it.
fn allowed(census: Option<&Census>, limits: &Limits, scope: &Scope) -> u64 {
    let population = census.map(|census| census.population.clone());
    Meter::of(population).allowed(limits, scope)
}
