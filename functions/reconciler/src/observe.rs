//! The second step, once per target and leg: users page by page, then groups, as long as there is
//! time. The one loop over pages; nothing else in the product walks a listing.

use std::time::Duration;

use contract::report::TargetResult;
use domain::certify::Baseline;
use domain::compare::{Comparison, Evidence};
use domain::{Certificate, Incomplete, TargetId};
use jiff::Timestamp;
use ports::store::Health;
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};

use crate::begin::Begun;
use crate::frames::{Chain, Listing, Mark, Over, Progress, Stage};
use crate::reading::{Read, Reading};
use crate::report::history::Earlier;
use crate::{Leg, Reconciler};

/// What is looked at in one part: a whole record or two each, some fifty megabytes together.
const PART: u64 = 10_000;

/// What came of a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observed {
    /// Everything was read.
    Over(Over),
    /// There is more, to be asked for after so long.
    Again { after: Option<Duration> },
}

/// Populations that the last run with a certificate found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) users: Option<u64>,
    pub(crate) groups: Option<u64>,
}

/// The last accepted populations of a target.
pub(crate) fn accepted(earlier: &Earlier, target: &TargetId) -> Accepted {
    let last = |of: fn(&TargetResult) -> &Result<Certificate, Incomplete>| {
        earlier.manifests.iter().rev().find_map(|manifest| {
            let result = manifest.summary.targets.get(target)?;
            of(result).as_ref().ok().map(|proof| proof.received)
        })
    };
    Accepted {
        users: last(|result| &result.users),
        groups: last(|result| &result.groups),
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
    /// Observes a target for one leg. An error of the target is not an error of the run.
    pub(crate) async fn observe(
        &self,
        begun: &Begun,
        target: &TargetId,
        leg: Leg,
    ) -> Result<Observed, Fault> {
        let mut chain = Chain::of(self.stash(begun), target).await?;
        let last = chain.last().await?;
        if let Some(over) = last.as_ref().and_then(|last| last.over.clone()) {
            return Ok(Observed::Over(over));
        }
        let now = self.clock.now();
        let rests = last.as_ref().and_then(|last| last.rests_until);
        if let Some(until) = rests.filter(|until| *until > now) {
            let rest = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            return Ok(Observed::Again { after: Some(rest) });
        }
        let mut comparison = self.recorded(begun, target).await?.observe();
        let mut progress = match last {
            None => Progress::default(),
            Some(last) => chain.take_up(last, &mut comparison).await?,
        };
        let opens = Mark::Opens;
        chain
            .write(opens, &mut progress, &mut comparison, None)
            .await?;
        let mut reading = Reading {
            begun,
            target,
            progress: &mut progress,
            comparison: &mut comparison,
        };
        let again = match self.reader(target).await? {
            Ok(reader) => self.leg(reader, &mut reading, &mut chain, leg).await?,
            Err(away) => reading.keep_away(&away, now),
        };
        if let Some(again) = again {
            reading.write(&mut chain, Mark::Ends).await?;
            return Ok(again);
        }
        let over = conclude(begun, target, &mut progress, &comparison);
        progress.stage = Stage::Over;
        let ends = Mark::Ends;
        chain
            .write(ends, &mut progress, &mut comparison, Some(over.clone()))
            .await?;
        Ok(Observed::Over(over))
    }

    /// Reads on. `None` once everything was read.
    async fn leg(
        &self,
        reader: &O,
        reading: &mut Reading<'_, '_>,
        chain: &mut Chain<'_, B>,
        leg: Leg,
    ) -> Result<Option<Observed>, Fault> {
        let mut pages = 0;
        let mut unwritten = 0;
        while reading.progress.stage != Stage::Over {
            let now = self.clock.now();
            if let Some(why) = reading.is_too_much(now) {
                reading.give_up(why);
                break;
            }
            // A leg without time for a single page would never end.
            if pages > 0 && (pages >= leg.pages || leg.is_over(now)) {
                return Ok(Some(Observed::Again { after: None }));
            }
            let resumed = pages == 0 && reading.progress.after.is_some();
            let read = reading.page(reader, resumed).await;
            pages += 1;
            unwritten += 1;
            reading.progress.pages += 1;
            match read {
                Read::Later(rest) => {
                    reading.progress.rest_from(self.clock.now(), rest);
                    return Ok(Some(Observed::Again { after: Some(rest) }));
                }
                Read::Anew => {
                    reading.begin_anew(chain.next);
                    reading.write(chain, Mark::Opens).await?;
                    unwritten = 0;
                }
                Read::On => {}
            }
            if unwritten >= reading.interval() && reading.progress.stage != Stage::Over {
                reading.write(chain, Mark::Within).await?;
                unwritten = 0;
            }
        }
        Ok(None)
    }

    /// The target's reader, or why it is not asked.
    async fn reader(&self, name: &TargetId) -> Result<Result<&O, Away>, Fault> {
        let away = |why, until| Ok(Err(Away { why, until }));
        let Some(target) = self.targets.get(name) else {
            return away("no reader is configured for the target", None);
        };
        let now = self.clock.now();
        match self.store.health(name).await? {
            Health::Quarantined { next_attempt, .. } if next_attempt > now => {
                away("the target is quarantined", Some(next_attempt))
            }
            Health::Paused(_) => away("an operator paused the target", None),
            Health::Quarantined { .. } | Health::Throttled { .. } | Health::Healthy => {
                Ok(Ok(target))
            }
        }
    }
}

/// Why a target is not asked, and until when, if that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Away {
    pub(crate) why: &'static str,
    pub(crate) until: Option<Timestamp>,
}

/// What an observation is worth by its verdict.
pub(crate) fn evidence(begun: &Begun, over: &Over) -> Evidence {
    Evidence {
        users: over.users.is_ok(),
        groups: over.groups.is_ok(),
        since: begun.run.at,
        now: begun.run.at,
    }
}

/// The verdict over both listings.
fn conclude(
    begun: &Begun,
    target: &TargetId,
    progress: &mut Progress,
    comparison: &Comparison<'_>,
) -> Over {
    let run = &begun.run;
    let accepted = begun.accepted(target);
    let by_hand = run.accept.contains(target);
    let verdict = |listing: &Listing, previous, recorded| {
        let baseline = Baseline {
            previous,
            recorded,
            accepted_by_hand: by_hand,
        };
        listing
            .certifier
            .clone()
            .finish(baseline, run.bounds, run.at)
    };
    let mut over = Over {
        users: verdict(&progress.users, accepted.users, comparison.recorded()),
        groups: verdict(&progress.groups, accepted.groups, 0),
        parts: 1,
    };
    if over.users.is_err() || over.groups.is_err() {
        tracing::warn!(
            run = &*run.id,
            target = %target,
            users = over.users.is_ok(),
            groups = over.groups.is_ok(),
            "a target was not observed in full"
        );
    }
    let looks = comparison.to_look_at(evidence(begun, &over));
    over.parts = looks.div_ceil(PART).max(1);
    over
}
