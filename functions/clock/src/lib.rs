//! The clock: every minute it asks who is due and hands them to the planner. It decides nothing.
//! What is due is a start, an end, a lapse, or an answer that a connector still owes.

use contract::{Cause, Lane, PlanRequest};
use domain::RecordKey;
use ports::{Clock, Fault, Lanes, Outgoing, Store};
use telemetry::{Dimensions, Metric};

/// How many identities one tick hands over. What is left is still due at the next tick.
pub const PER_TICK: usize = 5_000;

/// How many messages go into one send.
const PER_SEND: usize = 10;

/// The clock function.
pub struct Ticker<S, L, C> {
    store: S,
    lanes: L,
    clock: C,
}

impl<S: Store, L: Lanes, C: Clock> Ticker<S, L, C> {
    /// A clock over a store.
    pub const fn new(store: S, lanes: L, clock: C) -> Self {
        Self {
            store,
            lanes,
            clock,
        }
    }

    /// Hands everybody who is due to the planner; returns how many those are. Running twice is
    /// harmless: whoever was looked at is due no longer.
    pub async fn tick(&self) -> Result<usize, Fault> {
        let now = self.clock.now();
        let due = self.store.due(now, PER_TICK).await?;
        for some in due.chunks(PER_SEND) {
            let messages: Vec<Outgoing> = some
                .iter()
                .filter_map(|identity| {
                    let record = RecordKey::from(identity);
                    let request = PlanRequest::new(record.clone(), Cause::Due);
                    Some(Outgoing {
                        group: record.as_str().to_owned(),
                        dedup: format!("{record}#due{}", now.as_second()),
                        body: serde_json::to_string(&request).ok()?,
                    })
                })
                .collect();
            self.lanes.send(&Lane::Facts, &messages).await?;
        }
        if !due.is_empty() {
            tracing::info!(count = due.len(), "handed over who is due");
        }
        #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
        telemetry::emit(Metric::ClockWoken, due.len() as f64, Dimensions::default());
        Ok(due.len())
    }
}
