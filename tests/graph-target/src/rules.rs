//! For which requests a fault is on, how often it fires, and how often it has.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::faults::{Fault, FaultKind};
use crate::words::scramble;

impl Fault {
    /// On, until it is removed.
    pub fn always(self) -> Rule {
        Rule {
            fault: self,
            method: None,
            path: None,
            path_part: None,
            query: None,
            no_query: None,
            batched: None,
            skip: 0,
            left: None,
            chance: None,
        }
    }

    /// On for the next `n` requests that it would make a difference to.
    pub fn times(self, n: u64) -> Rule {
        self.always().times(n)
    }

    /// On for the next request that it would make a difference to.
    pub fn once(self) -> Rule {
        self.times(1)
    }
}

/// A fault and the requests that it is for. Conditions add up.
///
/// A rule without a path is for requests to Graph; the token endpoint is met by `path("/oauth2")` only.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    method: Option<String>,
    path: Option<String>,
    path_part: Option<String>,
    query: Option<String>,
    no_query: Option<String>,
    batched: Option<bool>,
    skip: u64,
    left: Option<u64>,
    chance: Option<Chance>,
}

#[derive(Debug, Clone, Copy)]
struct Chance {
    /// Fires when the next random number is not above.
    below: u64,
    state: u64,
}

impl Rule {
    /// Only requests with this method, such as `PATCH`.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Only paths that start like this, below the base: `/users`, `/groups/<id>/members`, `/$batch`, `/oauth2`.
    #[must_use]
    pub fn path(mut self, prefix: &str) -> Self {
        self.path = Some(prefix.to_owned());
        self
    }

    /// Only paths that hold this: `/members/`, `/assignLicense`.
    #[must_use]
    pub fn path_part(mut self, part: &str) -> Self {
        self.path_part = Some(part.to_owned());
        self
    }

    /// Only query strings that hold this, percent-encoded as clients send it: `employeeId`, `skiptoken`.
    #[must_use]
    pub fn query(mut self, part: &str) -> Self {
        self.query = Some(part.to_owned());
        self
    }

    /// Only query strings that do not hold this: `filter=` keeps a fault to whole lists.
    #[must_use]
    pub fn no_query(mut self, part: &str) -> Self {
        self.no_query = Some(part.to_owned());
        self
    }

    /// Only requests inside a batch.
    #[must_use]
    pub fn batched(mut self) -> Self {
        self.batched = Some(true);
        self
    }

    /// Only requests that are not inside a batch.
    #[must_use]
    pub fn not_batched(mut self) -> Self {
        self.batched = Some(false);
        self
    }

    /// Lets the first `n` occasions pass.
    #[must_use]
    pub fn after(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// Fires at most `n` times.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.left = Some(n);
        self
    }

    /// Fires on this many of 1,000 occasions; the same seed gives the same sequence.
    #[must_use]
    pub fn per_mille(mut self, rate: u16, seed: u64) -> Self {
        let below = (u64::MAX / 1000).saturating_mul(u64::from(rate.min(1000)));
        let below = if rate >= 1000 { u64::MAX } else { below };
        self.chance = Some(Chance {
            below,
            state: scramble(seed),
        });
        self
    }

    fn is_for(&self, kind: FaultKind, seen: Occasion<'_>) -> bool {
        let fits = |condition: &Option<String>, test: &dyn Fn(&str) -> bool| {
            condition.as_deref().is_none_or(test)
        };
        self.fault.kind() == kind
            && (self.path.is_some() || !seen.path.starts_with(TOKEN_PATH))
            && fits(&self.method, &|method| method == seen.method)
            && fits(&self.path, &|prefix| seen.path.starts_with(prefix))
            && fits(&self.path_part, &|part| seen.path.contains(part))
            && fits(&self.query, &|part| seen.query.contains(part))
            && fits(&self.no_query, &|part| !seen.query.contains(part))
            && self.batched.is_none_or(|batched| batched == seen.batched)
    }

    fn fires(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.left == Some(0) {
            return false;
        }
        if let Some(chance) = &mut self.chance {
            chance.state = scramble(chance.state);
            if chance.state > chance.below || chance.below == 0 {
                return false;
            }
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        true
    }
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        fault.always()
    }
}

/// The path of the token endpoint, without the tenant, as faults and the log see it.
pub(crate) const TOKEN_PATH: &str = "/oauth2/v2.0/token";

/// The request that a fault may be for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    pub(crate) method: &'a str,
    /// Below the base.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Whether it came inside a batch.
    pub(crate) batched: bool,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    fired: BTreeMap<FaultKind, u64>,
}

#[derive(Debug, Default)]
struct Inner {
    armed: AtomicBool,
    state: Mutex<State>,
}

/// The switches of a running target. Clones switch the same target.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Inner>);

impl Faults {
    /// Switches a fault on: a [`Fault`] for every request, or a [`Rule`] that narrows it. Where several rules of one
    /// kind fit a request, the oldest that fires wins.
    pub fn add(&self, rule: impl Into<Rule>) {
        self.state().rules.push(rule.into());
        self.0.armed.store(true, Ordering::Release);
    }

    /// Switches one kind off. Its count stays.
    pub fn remove(&self, kind: FaultKind) {
        self.state().rules.retain(|rule| rule.fault.kind() != kind);
    }

    /// Switches everything off. Counts stay.
    pub fn clear(&self) {
        self.state().rules.clear();
        self.0.armed.store(false, Ordering::Release);
    }

    /// How often the fault has made a difference.
    pub fn fired(&self, kind: FaultKind) -> u64 {
        self.state().fired.get(&kind).copied().unwrap_or(0)
    }

    /// The counts of all that fired.
    pub fn all_fired(&self) -> BTreeMap<FaultKind, u64> {
        self.state().fired.clone()
    }

    /// Sets every count to 0.
    pub fn reset_fired(&self) {
        self.state().fired.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault, when a rule of its kind fires now.
    fn fire(
        &self,
        kind: FaultKind,
        seen: Occasion<'_>,
        matters: &dyn Fn(&Fault) -> bool,
    ) -> Option<Fault> {
        if !self.0.armed.load(Ordering::Acquire) {
            return None;
        }
        let mut state = self.state();
        let state = &mut *state;
        let rule = state
            .rules
            .iter_mut()
            .filter(|rule| rule.is_for(kind, seen) && matters(&rule.fault))
            .find_map(|rule| rule.fires().then_some(rule))?;
        *state.fired.entry(kind).or_default() += 1;
        Some(rule.fault.clone())
    }
}

/// The faults, for one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quirks<'a> {
    pub(crate) faults: &'a Faults,
    pub(crate) seen: Occasion<'a>,
}

impl Quirks<'_> {
    pub(crate) fn fire(&self, kind: FaultKind) -> Option<Fault> {
        self.fire_if(kind, &|_| true)
    }

    /// Only where the parameters make it matter to this request.
    pub(crate) fn fire_if(
        &self,
        kind: FaultKind,
        matters: &dyn Fn(&Fault) -> bool,
    ) -> Option<Fault> {
        self.faults.fire(kind, self.seen, matters)
    }

    pub(crate) fn has(&self, kind: FaultKind) -> bool {
        self.fire(kind).is_some()
    }
}
