//! Whether a target may be called: pauses that it asked for, quarantine and its lifting.

use std::time::Duration;

use domain::TargetId;
use domain::budget::Tally;
use jiff::{SignedDuration, Timestamp};
use ports::store::Health;
use ports::{Apply, Cases, Clock, Fault, Observe, Store};
use telemetry::{Dimensions, Metric};

use crate::Connector;

/// The first rest of a target that has to be left alone; it doubles up to [`LONGEST_REST`].
pub const FIRST_REST: SignedDuration = SignedDuration::from_mins(1);
/// The longest rest.
pub const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);
/// The pause after a 429 that does not say how long.
pub const PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a target may ask for.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What the health of a target means to one message.
pub enum May {
    /// The target may be called.
    Call,
    /// It rests: the message is done, and what is owed stays owed.
    Defer,
    /// It asked for a pause: come back after it.
    Wait(Duration),
}

/// Whether a message may have its target called. One that ends somebody's access always may: it
/// waits for nobody, costs little, and finds out whether the target is well again.
pub fn may(health: &Health, urgent: bool, at: Timestamp) -> May {
    if urgent {
        return May::Call;
    }
    match health {
        Health::Paused(_) => May::Defer,
        Health::Quarantined { next_attempt, .. } if *next_attempt > at => May::Defer,
        Health::Throttled { until } if *until > at => {
            May::Wait(Duration::try_from(until.duration_since(at)).unwrap_or(PAUSE))
        }
        Health::Quarantined { .. } | Health::Throttled { .. } | Health::Healthy => May::Call,
    }
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// The target answered as one that is well: whatever kept others from it is over.
    pub(crate) async fn is_well(
        &self,
        name: &TargetId,
        health: &mut Health,
        at: Timestamp,
    ) -> Result<(), Fault> {
        match health {
            // A pause that an operator asked for ends by an operator.
            Health::Healthy | Health::Paused(_) => return Ok(()),
            // Others were told to wait for the rest of the pause; it ends by itself.
            Health::Throttled { until } if *until > at => return Ok(()),
            Health::Throttled { .. } | Health::Quarantined { .. } => {}
        }
        self.set_health(name, health, Health::Healthy).await
    }

    /// Leaves the target alone for a while that doubles from time to time.
    pub(crate) async fn quarantine(
        &self,
        name: &TargetId,
        health: &mut Health,
        at: Timestamp,
        why: &str,
    ) -> Result<(), Fault> {
        let (since, attempts) = match health {
            // Somebody whose access ends tried in between; the rest is as it was.
            Health::Quarantined { next_attempt, .. } if *next_attempt > at => return Ok(()),
            Health::Paused(_) => return Ok(()),
            Health::Quarantined {
                since, attempts, ..
            } => (*since, *attempts),
            Health::Healthy | Health::Throttled { .. } => (at, 0),
        };
        let rest = FIRST_REST
            .checked_mul(1 << attempts.min(10))
            .map_or(LONGEST_REST, |rest| rest.min(LONGEST_REST));
        tracing::error!(target = %name, reason = why, attempts, "target quarantined");
        telemetry::emit(Metric::TargetQuarantined, 1.0, Dimensions::target(name));
        let resting = Health::Quarantined {
            reason: why.into(),
            since,
            next_attempt: at.checked_add(rest).unwrap_or(Timestamp::MAX),
            attempts: attempts.saturating_add(1),
        };
        self.set_health(name, health, resting).await
    }

    /// The target asked for a pause. Returns how long it is.
    pub(crate) async fn pause(
        &self,
        name: &TargetId,
        health: &mut Health,
        at: Timestamp,
        after: Option<Duration>,
    ) -> Result<Duration, Fault> {
        let after = after.unwrap_or(PAUSE).min(LONGEST_PAUSE);
        let until = SignedDuration::try_from(after)
            .ok()
            .and_then(|after| at.checked_add(after).ok())
            .unwrap_or(at);
        let known = match health {
            Health::Throttled { until: known } => *known >= until,
            // Whoever rests stays at rest.
            Health::Quarantined { next_attempt, .. } => *next_attempt >= until,
            Health::Healthy => false,
            Health::Paused(_) => true,
        };
        if !known {
            self.set_health(name, health, Health::Throttled { until })
                .await?;
            self.exhaust(name, until).await?;
        }
        Ok(after)
    }

    /// Counts how the requests of a batch went, and quarantines a target of which half or more
    /// fail. Where nothing fails nothing is written.
    pub(crate) async fn count(
        &self,
        name: &TargetId,
        health: &mut Health,
        at: Timestamp,
        tally: Tally,
    ) -> Result<(), Fault> {
        if tally.ill == 0 {
            return Ok(());
        }
        let mut is_down = false;
        self.with_gauge(name, |gauge| is_down = gauge.window.count(at, tally))
            .await?;
        if is_down {
            let why = "half of the requests or more fail: time-outs, broken connections, 5xx";
            self.quarantine(name, health, at, why).await?;
        }
        Ok(())
    }

    async fn set_health(
        &self,
        name: &TargetId,
        known: &mut Health,
        health: Health,
    ) -> Result<(), Fault> {
        self.store.set_health(name, &health).await?;
        *known = health;
        Ok(())
    }
}
