//! The second step, once per target and leg: users page by page, then groups, as long as there is
//! time. The one loop over pages; nothing else in the product walks a listing.

use contract::report::TargetResult;
use domain::certify::{self, Baseline};
use domain::compare::{Comparison, Evidence};
use domain::{Certificate, Incomplete, TargetId};
use ports::store::Health;
use ports::target::{Cursor, TargetError};
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};

use crate::begin::Begun;
use crate::frames::{Chain, Listing, Mark, Over, Progress, Stage, interval};
use crate::report::history::Earlier;
use crate::{Leg, Reconciler};

/// What is looked at in one part: a whole record or two each, some fifty megabytes together.
const PART: u64 = 10_000;

/// Populations that the last run with a certificate found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    users: Option<u64>,
    groups: Option<u64>,
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
    /// Observes a target for one leg. `None` where its time was up before everything was read. An
    /// error of the target is not an error of the run.
    pub(crate) async fn observe(
        &self,
        begun: &Begun,
        target: &TargetId,
        leg: Leg,
    ) -> Result<Option<Over>, Fault> {
        let mut chain = Chain::of(self.stash(begun), target).await?;
        let last = chain.last().await?;
        if let Some(over) = last.as_ref().and_then(|last| last.over.clone()) {
            return Ok(Some(over));
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
        match self.reader(target).await? {
            Err(why) => {
                progress.users.certifier.page_failed(why);
                progress.groups.certifier.page_failed(why);
            }
            Ok(reader) => {
                let mut reading = Reading {
                    begun,
                    target,
                    progress: &mut progress,
                    comparison: &mut comparison,
                };
                if !self.leg(reader, &mut reading, &mut chain, leg).await? {
                    return Ok(None);
                }
            }
        }
        let over = conclude(begun, target, &mut progress, &comparison);
        progress.stage = Stage::Over;
        let ends = Mark::Ends;
        chain
            .write(ends, &mut progress, &mut comparison, Some(over.clone()))
            .await?;
        Ok(Some(over))
    }

    /// Reads on. Returns whether everything was read before time was up.
    async fn leg(
        &self,
        reader: &O,
        reading: &mut Reading<'_, '_>,
        chain: &mut Chain<'_, B>,
        leg: Leg,
    ) -> Result<bool, Fault> {
        let mut pages = 0;
        let mut unwritten = 0;
        while reading.progress.stage != Stage::Over {
            // A leg without time for a single page would never end.
            if pages > 0 && (pages >= leg.pages || leg.is_over(self.clock.now())) {
                reading.write(chain, Mark::Ends).await?;
                return Ok(false);
            }
            let resumed = pages == 0 && reading.progress.after.is_some();
            let read = reading.page(reader, resumed).await;
            pages += 1;
            unwritten += 1;
            reading.progress.pages += 1;
            if read == Read::Anew {
                reading.begin_anew(chain.next);
                reading.write(chain, Mark::Opens).await?;
                unwritten = 0;
            } else if unwritten >= reading.interval() && reading.progress.stage != Stage::Over {
                reading.write(chain, Mark::Within).await?;
                unwritten = 0;
            }
        }
        Ok(true)
    }

    /// The target's reader, or why it is not asked.
    async fn reader(&self, name: &TargetId) -> Result<Result<&O, &'static str>, Fault> {
        let Some(target) = self.targets.get(name) else {
            return Ok(Err("no reader is configured for the target"));
        };
        let now = self.clock.now();
        Ok(match self.store.health(name).await? {
            Health::Quarantined { next_attempt, .. } if next_attempt > now => {
                Err("the target is quarantined")
            }
            Health::Paused(_) => Err("an operator paused the target"),
            Health::Quarantined { .. } | Health::Throttled { .. } | Health::Healthy => Ok(target),
        })
    }
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

/// What came of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// The listing goes on, or is over.
    On,
    /// The listing has to begin anew.
    Anew,
}

/// One target while it is read.
struct Reading<'a, 'p> {
    begun: &'a Begun,
    target: &'a TargetId,
    progress: &'a mut Progress,
    comparison: &'a mut Comparison<'p>,
}

impl Reading<'_, '_> {
    async fn page<O: Observe>(&mut self, target: &O, resumed: bool) -> Read {
        let after = self.progress.after.take().map(Cursor);
        let next = match self.progress.stage {
            Stage::Users => {
                let page = target.users(after.as_ref()).await;
                page.map(|page| {
                    self.progress.users.certifier.page(page.declared);
                    for account in page.items {
                        let first = self.comparison.account(&account, self.begun.run.at);
                        let certifier = &mut self.progress.users.certifier;
                        certifier.item_known(account.id.as_str(), first);
                    }
                    page.next
                })
            }
            Stage::Groups => {
                let page = target.groups(after.as_ref()).await;
                page.map(|page| {
                    let Listing { certifier, ids, .. } = &mut self.progress.groups;
                    certifier.page(page.declared);
                    for group in page.items {
                        certifier.item(&group.id);
                        ids.push(certify::hash(&group.id));
                        if !self.comparison.group(&group) {
                            certifier.not_shown();
                        }
                    }
                    page.next
                })
            }
            Stage::Over => return Read::On,
        };
        match next {
            Ok(next) => self.goes_on(next),
            Err(error) => {
                let Some(listing) = self.listing() else {
                    return Read::On;
                };
                if is_lost(&error, resumed) && !listing.anew {
                    return Read::Anew;
                }
                let why = error.into_fault().to_string();
                listing.certifier.page_failed(why);
                self.goes_on(None);
            }
        }
        Read::On
    }

    fn goes_on(&mut self, next: Option<Cursor>) {
        let next = next.map(|cursor| cursor.0);
        if let Some(listing) = self.listing()
            && let Some(place) = &next
            && listing.certifier.goes_on(Some(place))
        {
            listing.cursors.push(certify::hash(place));
            self.progress.after = next;
            return;
        }
        self.progress.after = None;
        self.progress.stage = match self.progress.stage {
            Stage::Users => Stage::Groups,
            Stage::Groups | Stage::Over => Stage::Over,
        };
    }

    /// Forgets what was read of the listing: once, because one that expires again would never end.
    fn begin_anew(&mut self, from: u64) {
        tracing::error!(
            run = &*self.begun.run.id,
            target = %self.target,
            "the place in a listing is gone: the listing begins anew"
        );
        match self.progress.stage {
            Stage::Users => self.comparison.forget_accounts(),
            Stage::Groups => self.comparison.forget_memberships(),
            Stage::Over => {}
        }
        self.progress.after = None;
        if let Some(listing) = self.listing() {
            *listing = Listing {
                from,
                anew: true,
                ..Listing::default()
            };
        }
    }

    /// Pages between two frames.
    fn interval(&self) -> u64 {
        let expected = self.progress.expected(self.comparison.recorded());
        interval(expected, self.progress.kills)
    }

    fn listing(&mut self) -> Option<&mut Listing> {
        match self.progress.stage {
            Stage::Users => Some(&mut self.progress.users),
            Stage::Groups => Some(&mut self.progress.groups),
            Stage::Over => None,
        }
    }

    async fn write<B: Objects>(
        &mut self,
        chain: &mut Chain<'_, B>,
        mark: Mark,
    ) -> Result<(), Fault> {
        chain
            .write(mark, self.progress, self.comparison, None)
            .await
    }
}

/// Whether a page failed because the place in the listing is gone. Some targets say so. Of the
/// others, one that refuses the very place at which an earlier leg stopped means the same.
fn is_lost(error: &TargetError, resumed: bool) -> bool {
    match error {
        TargetError::Expired { .. } => true,
        TargetError::Fault(Fault::Reject { .. }) | TargetError::NotFound => resumed,
        TargetError::Fault(Fault::Retry { .. } | Fault::Halt { .. })
        | TargetError::Throttled { .. }
        | TargetError::OutOfTime
        | TargetError::Unknown { .. }
        | TargetError::Conflict
        | TargetError::Changed => false,
    }
}
