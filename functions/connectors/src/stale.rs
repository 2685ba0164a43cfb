//! Older work that meets newer: what was read a while ago is read again before the first write,
//! because a write that comes after somebody's block would undo it.

use domain::{IdentityId, TargetId};
use jiff::SignedDuration;
use ports::{Apply, Cases, Clock, Fault, Observe, Store};

use crate::Connector;
use crate::carry_out::Stop;
use crate::work::Work;

/// How long what was read is good enough to write by.
const FRESH: SignedDuration = SignedDuration::from_secs(5);

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Stops work on an account that was decided about, or recorded, since it was read, if that is
    /// a while ago.
    pub(crate) async fn still(&self, work: &Work) -> Result<(), Stop> {
        let stopped = self.overtaken(&work.name, &[work]).await;
        stopped.into_iter().flatten().next().map_or(Ok(()), Err)
    }

    /// The same for several on one target, in their order: why each has to stop. One read for all
    /// of them, and none where nothing is old.
    pub(crate) async fn overtaken(&self, name: &TargetId, works: &[&Work]) -> Vec<Option<Stop>> {
        let now = self.clock.now();
        let old = |work: &Work| now.duration_since(work.at) >= FRESH;
        let asked: Vec<IdentityId> = works
            .iter()
            .filter(|work| old(work))
            .map(|work| work.identity.clone())
            .collect();
        if asked.is_empty() {
            return works.iter().map(|_| None).collect();
        }
        let mut seats = match self.store.seats(&asked, name).await {
            Ok((seats, _)) => seats.into_iter(),
            Err(fault) => {
                let stop = |work: &&Work| old(work).then(|| Stop::Again(fault.clone()));
                return works.iter().map(stop).collect();
            }
        };
        let look = |work: &&Work| {
            if !old(work) {
                return None;
            }
            let seat = match seats.next() {
                Some(Ok(seat)) => seat?,
                Some(Err(fault)) => return Some(Stop::Again(fault)),
                None => {
                    let why = "the table did not answer for the identity";
                    return Some(Stop::Again(Fault::retry(why)));
                }
            };
            let generation = seat.record.changed.get(name).copied();
            let applied = seat.accounts.get(name).map(|record| record.applied);
            let before = work.before.as_ref().map(|record| record.applied);
            let same = generation.unwrap_or_default() == work.generation && applied == before;
            (!same).then_some(Stop::Overtaken)
        };
        works.iter().map(look).collect()
    }
}
