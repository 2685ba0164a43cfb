//! One page of a target after the other, and what becomes of those that fail.

use std::time::Duration;

use domain::TargetId;
use domain::certify;
use domain::compare::Comparison;
use jiff::{SignedDuration, Timestamp};
use ports::target::{Cursor, TargetError};
use ports::{Fault, Objects, Observe};

use crate::begin::Begun;
use crate::frames::{Chain, Listing, Mark, Progress, Stage, interval};
use crate::observe::{Away, Observed};

/// So long after the run began no target is read any more. The state machine ends a run after six
/// hours; what comes after the observation needs the rest.
pub const LONGEST_OBSERVATION: SignedDuration = SignedDuration::from_hours(4);

/// A listing that has more than so many objects, and so many times what the target declares, the
/// records name and the last run found, has no end.
const MANY: u64 = 10_000_000;
const TIMES: u64 = 10;

/// What came of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// The listing goes on, or is over.
    On,
    /// The listing has to begin anew.
    Anew,
    /// The page is asked for again after so long.
    Later(Duration),
}

/// One target while it is read.
pub(crate) struct Reading<'a, 'p> {
    pub(crate) begun: &'a Begun,
    pub(crate) target: &'a TargetId,
    pub(crate) progress: &'a mut Progress,
    pub(crate) comparison: &'a mut Comparison<'p>,
}

impl Reading<'_, '_> {
    /// Asks for the next page. `resumed` says that it is the first of its leg.
    pub(crate) async fn page<O: Observe>(&mut self, target: &O, resumed: bool) -> Read {
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
            Ok(next) => {
                self.progress.tries = 0;
                self.goes_on(next);
            }
            Err(error) => {
                let asked = asks_for_a_rest(&error);
                let Some(listing) = self.listing() else {
                    return Read::On;
                };
                if is_lost(&error, resumed) && !listing.anew {
                    return Read::Anew;
                }
                if let Some(asked) = asked
                    && let Some(rest) = self.progress.rest(asked)
                {
                    self.progress.after = after.map(|cursor| cursor.0);
                    return Read::Later(rest);
                }
                let Some(listing) = self.listing() else {
                    return Read::On;
                };
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
    pub(crate) fn begin_anew(&mut self, from: u64) {
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

    /// Reads nothing more, because of what the report says.
    pub(crate) fn give_up(&mut self, why: &str) {
        self.progress.after = None;
        if let Some(listing) = self.listing() {
            listing.certifier.page_failed(why);
        }
        self.progress.groups.certifier.page_failed(why);
        self.progress.stage = Stage::Over;
    }

    /// The target may not be asked: an observation that was under way goes on once it may.
    pub(crate) fn keep_away(&mut self, away: &Away, now: Timestamp) -> Option<Observed> {
        let rest = away.until.map(|until| until.duration_since(now));
        let rest = rest.and_then(|rest| Duration::try_from(rest).ok());
        if let Some(rest) = rest.filter(|_| self.progress.pages > 0)
            && self.is_too_much(now).is_none()
            && let Some(rest) = self.progress.rest(rest)
        {
            self.progress.rest_from(now, rest);
            return Some(Observed::Again { after: Some(rest) });
        }
        self.give_up(away.why);
        None
    }

    /// Why nothing more is read, if it is too much: too late, or more than there can be.
    pub(crate) fn is_too_much(&self, now: Timestamp) -> Option<&'static str> {
        if now.duration_since(self.begun.run.at) >= LONGEST_OBSERVATION {
            return Some("four hours after the run began the target was not read to the end");
        }
        let accepted = self.begun.accepted(self.target);
        let (certifier, known) = match self.progress.stage {
            Stage::Users => (
                &self.progress.users.certifier,
                accepted.users.max(Some(self.comparison.recorded())),
            ),
            Stage::Groups => (&self.progress.groups.certifier, accepted.groups),
            Stage::Over => return None,
        };
        let known = certifier.most_declared().max(known.unwrap_or_default());
        let is_endless = certifier.received() > longest_listing(known);
        is_endless.then_some("the listing is far longer than there can be accounts")
    }

    /// Pages between two frames.
    pub(crate) fn interval(&self) -> u64 {
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

    /// Writes a frame.
    pub(crate) async fn write<B: Objects>(
        &mut self,
        chain: &mut Chain<'_, B>,
        mark: Mark,
    ) -> Result<(), Fault> {
        chain
            .write(mark, self.progress, self.comparison, None)
            .await
    }
}

/// Beyond how many objects a listing has no end, where so many are known.
fn longest_listing(known: u64) -> u64 {
    known.saturating_mul(TIMES).max(MANY)
}

/// After how long the target wants to be asked again, where a page failed in a way that may pass;
/// at once, if it does not say so.
fn asks_for_a_rest(error: &TargetError) -> Option<Duration> {
    if matches!(error, TargetError::Expired { .. }) {
        return None;
    }
    match error.clone().into_fault() {
        Fault::Retry { after, .. } => Some(after.unwrap_or_default()),
        Fault::Reject { .. } | Fault::Halt { .. } => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_may_be_ten_times_what_is_known_and_ten_million_at_least() {
        assert_eq!(longest_listing(0), 10_000_000);
        assert_eq!(longest_listing(1_000_000), 10_000_000);
        assert_eq!(longest_listing(1_000_001), 10_000_010);
        assert_eq!(longest_listing(u64::MAX), u64::MAX);
    }
}
