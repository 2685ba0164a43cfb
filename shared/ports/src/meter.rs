//! Writing a meter that others write too.

use std::time::Duration;

use domain::TargetId;
use domain::limit::Meter;

use crate::{Fault, Store};

/// How often a lost race is run again.
const RACES: u32 = 20;

/// Reads the meter of a target, changes it, and writes it where that made a difference; again
/// where somebody else was faster. [`Fault::Retry`] after 20 lost races.
pub async fn change<S: Store, T>(
    store: &S,
    target: &TargetId,
    mut change: impl FnMut(&mut Meter) -> T,
) -> Result<T, Fault> {
    for _ in 0..RACES {
        let before = store.meter(target).await?;
        let mut meter = before.clone();
        let made = change(&mut meter);
        if meter == before || store.set_meter(target, &meter).await? {
            return Ok(made);
        }
    }
    Err(Fault::Retry {
        after: Some(Duration::from_secs(1)),
        why: "too many workers write the meter of the target at once".into(),
    })
}
