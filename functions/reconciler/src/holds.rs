//! When a hold ends by itself: nothing waits in it, and nobody is on the way to it. What was
//! collected when the run began is too old to say so, and a hold that ends too early lets through
//! what somebody was to see first.

use std::collections::{BTreeMap, BTreeSet};

use domain::limit::{Hold, Scope};
use domain::{Policy, TargetId};
use jiff::{SignedDuration, Timestamp};
use ports::store::Seat;
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store, Walk};
use serde::{Deserialize, Serialize};

use crate::begin::Begun;
use crate::limits::{self, Limited};
use crate::recorded::is_stale;
use crate::{Leg, Reconciler};

/// A hold stays open until a second night has seen it, or for so long.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);

/// How far the walk is.
const HOLDS: &str = "holds";

/// Holds in which nothing waits, as far as is known.
#[derive(Debug, Serialize, Deserialize)]
struct Idle {
    /// Where the walk over everybody goes on.
    after: Option<String>,
    scopes: BTreeMap<TargetId, BTreeSet<Scope>>,
}

impl Idle {
    /// Leaves out what waits for somebody, and everything that somebody may be on the way to.
    fn rule_out(&mut self, policy: &Policy, seat: &Seat, now: Timestamp) {
        let stale = is_stale(policy, seat, now);
        for (target, account) in &seat.accounts {
            let Some(scopes) = self.scopes.get_mut(target) else {
                continue;
            };
            if stale || seat.owed.contains_key(target) {
                scopes.clear();
            }
            for scope in account.held.iter().flat_map(limits::open) {
                scopes.remove(scope);
            }
        }
        self.scopes.retain(|_, scopes| !scopes.is_empty());
    }
}

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Ends the holds that are over. `false` where time was up before everybody was looked at.
    pub(crate) async fn end_holds(
        &self,
        begun: &Begun,
        limited: &Limited,
        leg: Leg,
    ) -> Result<bool, Fault> {
        let stash = self.stash(begun);
        let mut idle = match stash.get(HOLDS).await? {
            Some(idle) => idle,
            None => Idle {
                after: None,
                scopes: self.old_holds(begun, limited).await?,
            },
        };
        if idle.scopes.is_empty() {
            return Ok(true);
        }
        let mut walk = Walk::from(self.store, idle.after.take());
        while !idle.scopes.is_empty()
            && let Some(rows) = walk.page().await?
        {
            for (_, seat) in &rows {
                idle.rule_out(self.policy, seat, self.clock.now());
            }
            if leg.is_over(self.clock.now()) && !walk.is_over() {
                idle.after = walk.place().map(str::to_owned);
                stash.put(HOLDS, &idle).await?;
                return Ok(false);
            }
        }
        for (name, scopes) in &idle.scopes {
            ports::meter::change(self.store, name, |meter| {
                for scope in scopes {
                    if meter.holds.get(scope).is_some_and(|it| is_old(begun, it)) {
                        meter.close(scope);
                    }
                }
            })
            .await?;
        }
        idle.scopes.clear();
        stash.put(HOLDS, &idle).await?;
        Ok(true)
    }

    /// Holds that may be over: old ones of which this run neither has more than passes nor saw
    /// anything wait when it began.
    async fn old_holds(
        &self,
        begun: &Begun,
        limited: &Limited,
    ) -> Result<BTreeMap<TargetId, BTreeSet<Scope>>, Fault> {
        let mut old = BTreeMap::new();
        for (name, stopped) in &limited.targets {
            let waits = |scope: &Scope| {
                let census = limited.census.get(name);
                stopped.over.contains(scope) || census.is_some_and(|it| it.waiting.contains(scope))
            };
            let meter = self.store.meter(name).await?;
            let holds = meter.holds.into_iter();
            let holds = holds.filter(|(scope, hold)| is_old(begun, hold) && !waits(scope));
            let scopes: BTreeSet<Scope> = holds.map(|(scope, _)| scope).collect();
            if !scopes.is_empty() {
                old.insert(name.clone(), scopes);
            }
        }
        Ok(old)
    }
}

fn is_old(begun: &Begun, hold: &Hold) -> bool {
    begun.previous.is_some_and(|last| hold.since < last)
        || begun.run.at.duration_since(hold.since) >= YOUNG
}
