//! What was read, for a while.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ports::secrets::Secret;
use ports::{Clock, Fault};
use tokio::sync::Mutex as Turn;

/// For how long after its time a value is used while the service does not answer. A rotation has
/// both versions live for longer than that.
const STALE: Duration = Duration::from_hours(1);

/// For how long a failure is taken for the answer, so that a service in trouble is not asked by
/// everybody who waits.
const FAILED: Duration = Duration::from_secs(5);

/// How long after a reading nobody is given another one, however refused. What a target refuses is
/// mostly a wrong secret, not a new one.
const FRESH: Duration = Duration::from_secs(10);

/// Values by name. Whoever finds one out of date reads it; whoever comes meanwhile waits for that
/// reading.
pub struct Cache {
    ttl: Duration,
    clock: Arc<dyn Clock>,
    slots: Mutex<BTreeMap<Box<str>, Arc<Turn<Slot>>>>,
}

/// What is known about one secret.
#[derive(Default)]
struct Slot {
    /// The value, and when it was asked for.
    value: Option<(Vec<Secret>, Timestamp)>,
    /// The last failure since, and when it came.
    failure: Option<(Fault, Timestamp)>,
}

impl Cache {
    pub fn new(ttl: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            ttl,
            clock,
            slots: Mutex::default(),
        }
    }

    /// The value, read with `fetch` if what is kept is out of date.
    pub async fn get<F>(&self, name: &str, fetch: impl FnOnce() -> F) -> Result<Vec<Secret>, Fault>
    where
        F: Future<Output = Result<Vec<Secret>, Fault>>,
    {
        self.younger_than(self.ttl, name, fetch).await
    }

    /// The value, read with `fetch` unless that has just been done.
    pub async fn renew<F>(
        &self,
        name: &str,
        fetch: impl FnOnce() -> F,
    ) -> Result<Vec<Secret>, Fault>
    where
        F: Future<Output = Result<Vec<Secret>, Fault>>,
    {
        self.younger_than(self.ttl.min(FRESH), name, fetch).await
    }

    async fn younger_than<F>(
        &self,
        age: Duration,
        name: &str,
        fetch: impl FnOnce() -> F,
    ) -> Result<Vec<Secret>, Fault>
    where
        F: Future<Output = Result<Vec<Secret>, Fault>>,
    {
        let slot = self.slot(name);
        let mut slot = slot.lock().await;
        let now = self.clock.now();
        if let Some((value, at)) = &slot.value
            && within(*at, age, now)
        {
            return Ok(value.clone());
        }
        let failed = slot.failure.clone();
        let failed = failed.filter(|(_, at)| within(*at, FAILED, now));
        let fault = match failed {
            Some((fault, _)) => fault,
            None => match fetch().await {
                Ok(value) => {
                    slot.value = Some((value.clone(), now));
                    slot.failure = None;
                    return Ok(value);
                }
                Err(fault) => {
                    slot.failure = Some((fault.clone(), now));
                    fault
                }
            },
        };
        slot.stale(&fault, self.ttl.saturating_add(STALE), now)
            .ok_or(fault)
    }

    fn slot(&self, name: &str) -> Arc<Turn<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(name) {
            return Arc::clone(slot);
        }
        Arc::clone(slots.entry(name.into()).or_default())
    }
}

impl Slot {
    /// The old value, where the service is only away. One that says no is believed.
    fn stale(&self, fault: &Fault, age: Duration, now: Timestamp) -> Option<Vec<Secret>> {
        match fault {
            Fault::Retry { .. } => {}
            Fault::Reject { .. } | Fault::Halt { .. } => return None,
        }
        let (value, at) = self.value.as_ref()?;
        if !within(*at, age, now) {
            return None;
        }
        tracing::warn!(
            error_type = fault.error_type(),
            error = %fault,
            "an old value of a secret is used"
        );
        Some(value.clone())
    }
}

/// Whether `now` is less than `time` after `at`.
fn within(at: Timestamp, time: Duration, now: Timestamp) -> bool {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    at.saturating_add(time).is_ok_and(|until| now < until)
}
