//! How far the observation of one target has come: a chain of frames, each written once, each with
//! what came since the one before.
//!
//! A leg of the observation begins where the last frame ended and opens with a frame of its own.
//! Two things follow. A leg that was taken for dead and goes on all the same finds its next frame
//! taken and stops, so that no item counts twice. And a leg that was killed can be told from one
//! that ended: it opened, and did not say that it ends.

use std::collections::BTreeSet;
use std::time::Duration;

use contract::report::TargetResult;
use domain::certify::{self, Certifier};
use domain::compare::{self, Evidence, Fresh, Gathered, Part};
use domain::{Certificate, Incomplete, TargetId};
use jiff::{SignedDuration, Timestamp};
use ports::objects::Put;
use ports::{Fault, Objects};
use serde::{Deserialize, Serialize};

use crate::stash::Stash;

/// Pages between two frames while nothing goes wrong. With the two more that each leg writes, of
/// some 2,500 pages in fifteen minutes, that is less than a frame per fifty pages.
const SELDOM: u64 = 60;

/// What kills may cost all together: one page in so many.
const PER_PAGE_LOST: u64 = 100;

/// Where one leg was killed, others will be: so many at least are reckoned with.
const KILLS: u64 = 20;

/// How often a page that failed in a way that may pass is asked for again.
const TRIES: u32 = 5;

/// How often a target is left alone in one run: each time is a leg, and a run of the state machine
/// has 25,000 events, ten a leg.
const RESTS: u32 = 200;

/// For how long, the first time; it doubles from try to try.
const FIRST_REST: Duration = Duration::from_secs(30);

/// For how long at most, whatever the target asks for.
const LONGEST_REST: Duration = Duration::from_mins(10);

/// How many pages are read between two frames, of so many that are expected.
///
/// A kill costs the pages since the last frame. While no leg has been killed, only the end of a
/// leg's time ends it, which it sees coming and writes a frame before: frames are rare. Once one
/// was killed, frames come so often that twenty kills, or as many as there were, cost one page in
/// a hundred at most, but for what the first one cost.
pub(crate) fn interval(expected: u64, kills: u64) -> u64 {
    if kills == 0 {
        return SELDOM;
    }
    (expected / (PER_PAGE_LOST * kills.max(KILLS))).clamp(1, SELDOM)
}

/// What is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    #[default]
    Users,
    Groups,
    /// Nothing any more.
    Over,
}

/// One listing while it is read.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) certifier: Certifier,
    /// Hashes that the certifier has seen since the last frame.
    pub(crate) cursors: Vec<u64>,
    pub(crate) ids: Vec<u64>,
    /// The frame from which on what was taken out counts.
    pub(crate) from: u64,
    /// Whether it began anew already.
    pub(crate) anew: bool,
}

/// A listing in a frame.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Listed {
    certifier: certify::Kept,
    cursors: Vec<u64>,
    ids: Vec<u64>,
    pub(crate) from: u64,
    anew: bool,
}

impl Listing {
    /// For a frame; with everything that the certifier has seen, if it opens a leg.
    fn write(&mut self, opens: bool) -> Listed {
        let (mut cursors, mut ids) = (
            std::mem::take(&mut self.cursors),
            std::mem::take(&mut self.ids),
        );
        if opens {
            cursors = self.certifier.cursors().collect();
            ids = self.certifier.ids().collect();
        }
        Listed {
            certifier: self.certifier.keep(),
            cursors,
            ids,
            from: self.from,
            anew: self.anew,
        }
    }

    /// From the last frame of a leg, with what all of its frames have seen.
    fn take_up(listed: Listed, cursors: Vec<u64>, ids: Vec<u64>) -> Self {
        Self {
            certifier: Certifier::take_up(listed.certifier, cursors, ids),
            cursors: Vec::new(),
            ids: Vec::new(),
            from: listed.from,
            anew: listed.anew,
        }
    }
}

/// How far an observation is, apart from its comparison.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) stage: Stage,
    /// Where the next page begins.
    pub(crate) after: Option<String>,
    /// Pages asked for, as far as frames know.
    pub(crate) pages: u64,
    /// Legs that were killed, as far as frames know.
    pub(crate) kills: u64,
    /// How often the next page failed so far.
    pub(crate) tries: u32,
    /// How often the target was left alone for a while, over all pages.
    rests: u32,
    /// Until when it is now.
    rests_until: Option<Timestamp>,
    pub(crate) users: Listing,
    pub(crate) groups: Listing,
}

impl Progress {
    /// How long the target is left alone before it is asked again for a page that failed; `None`
    /// where it was asked often enough.
    pub(crate) fn rest(&mut self, asked: Duration) -> Option<Duration> {
        if self.tries >= TRIES || self.rests >= RESTS {
            return None;
        }
        let rest = FIRST_REST * 2_u32.pow(self.tries);
        self.tries += 1;
        self.rests += 1;
        Some(rest.max(asked).min(LONGEST_REST))
    }

    /// Leaves the target alone from now on.
    pub(crate) fn rest_from(&mut self, now: Timestamp, rest: Duration) {
        let rest = SignedDuration::try_from(rest).ok();
        self.rests_until = rest.and_then(|rest| now.checked_add(rest).ok());
    }

    /// How many pages the observation is going to take, as far as can be told: the groups behind
    /// the users cannot.
    pub(crate) fn expected(&self, recorded: u64) -> u64 {
        let (certifier, recorded) = match self.stage {
            Stage::Users => (&self.users.certifier, recorded),
            Stage::Groups => (&self.groups.certifier, 0),
            Stage::Over => return self.pages,
        };
        let left = certifier.expected_pages(recorded) - certifier.pages();
        self.pages.saturating_add(left)
    }
}

/// One frame.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// The frame that opened the leg.
    opened: u64,
    /// Whether the leg ends here.
    ends: bool,
    stage: Stage,
    after: Option<String>,
    pages: u64,
    kills: u64,
    tries: u32,
    rests: u32,
    pub(crate) rests_until: Option<Timestamp>,
    pub(crate) users: Listed,
    pub(crate) groups: Listed,
    pub(crate) comparison: compare::Kept,
    /// Hashes of everything that was taken out before, if the frame opens a leg.
    known: Vec<u64>,
    pub(crate) fresh: Fresh,
    pub(crate) over: Option<Over>,
}

/// What an observation came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Over {
    pub(crate) users: Result<Certificate, Incomplete>,
    pub(crate) groups: Result<Certificate, Incomplete>,
    /// In how many parts what differs is looked at.
    pub(crate) parts: u64,
}

impl Over {
    /// A target whose observation did not end.
    pub(crate) fn missed() -> Self {
        let why = || Incomplete::PageFailed {
            page: 1,
            error: "the observation did not end".into(),
        };
        Self {
            users: Err(why()),
            groups: Err(why()),
            parts: 0,
        }
    }

    pub(crate) fn result(&self, numbers: compare::Numbers) -> TargetResult {
        TargetResult {
            users: self.users.clone(),
            groups: self.groups.clone(),
            matching: numbers.matching(),
            wanted: numbers.wanted,
            repairs: 0,
            held: 0,
            findings: std::collections::BTreeMap::new(),
        }
    }
}

/// The chain of one target, by whoever writes the next frame.
#[derive(Debug)]
pub(crate) struct Chain<'a, B> {
    stash: Stash<'a, B>,
    folder: String,
    /// The number of the next frame.
    pub(crate) next: u64,
    opened: u64,
}

/// How a frame stands in its leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The first of a leg, or of a listing that begins anew.
    Opens,
    /// One of many.
    Within,
    /// The last of a leg.
    Ends,
}

impl<'a, B: Objects> Chain<'a, B> {
    /// The chain of a target as it is.
    pub(crate) async fn of(stash: Stash<'a, B>, target: &TargetId) -> Result<Self, Fault> {
        let folder = folder(target);
        let frames = stash.names(&format!("{folder}observed-")).await?;
        Ok(Self {
            stash,
            folder,
            next: frames.len() as u64,
            opened: 0,
        })
    }

    /// A frame.
    pub(crate) async fn frame(&self, at: u64) -> Result<Frame, Fault> {
        self.stash.need(&self.name(at)).await
    }

    /// The last frame.
    pub(crate) async fn last(&self) -> Result<Option<Frame>, Fault> {
        match self.next.checked_sub(1) {
            Some(at) => self.frame(at).await.map(Some),
            None => Ok(None),
        }
    }

    /// What the observation came to. It has to have ended.
    pub(crate) async fn over(&self) -> Result<Over, Fault> {
        let last = self.last().await?;
        last.and_then(|last| last.over).ok_or_else(|| {
            Fault::reject("the target was not observed to the end; that has to come first")
        })
    }

    /// One part of everything that was taken out.
    pub(crate) async fn gather<'p>(
        &self,
        mut comparison: compare::Comparison<'p>,
        evidence: Evidence,
        part: Part,
    ) -> Result<Gathered<'p>, Fault> {
        let Some(last) = self.last().await? else {
            return Ok(comparison.gather(evidence, part));
        };
        let (users, groups) = (last.users.from, last.groups.from);
        comparison.take_up(last.comparison, []);
        let mut gathered = comparison.gather(evidence, part);
        for at in users.min(groups)..self.next {
            let fresh = self.frame(at).await?.fresh;
            gathered.add(Fresh {
                accounts: if at < users {
                    Vec::new()
                } else {
                    fresh.accounts
                },
                members: if at < groups {
                    Vec::new()
                } else {
                    fresh.members
                },
            });
        }
        Ok(gathered)
    }

    /// Goes on where the last frame ended.
    pub(crate) async fn take_up(
        &self,
        last: Frame,
        comparison: &mut compare::Comparison<'_>,
    ) -> Result<Progress, Fault> {
        let mut known: BTreeSet<u64> = BTreeSet::new();
        let (mut users, mut groups) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        let mut frames = Vec::new();
        for at in last.opened..self.next.saturating_sub(1) {
            frames.push(self.frame(at).await?.seen());
        }
        let end = last.seen();
        for seen in frames.iter().chain([&end]) {
            known.extend(&seen.known);
            users.0.extend(&seen.users.0);
            users.1.extend(&seen.users.1);
            groups.0.extend(&seen.groups.0);
            groups.1.extend(&seen.groups.1);
        }
        comparison.take_up(last.comparison, known);
        Ok(Progress {
            stage: last.stage,
            after: last.after,
            pages: last.pages,
            kills: last.kills + u64::from(!last.ends),
            tries: last.tries,
            rests: last.rests,
            rests_until: None,
            users: Listing::take_up(last.users, users.0, users.1),
            groups: Listing::take_up(last.groups, groups.0, groups.1),
        })
    }

    /// Writes the next frame.
    pub(crate) async fn write(
        &mut self,
        mark: Mark,
        progress: &mut Progress,
        comparison: &mut compare::Comparison<'_>,
        over: Option<Over>,
    ) -> Result<(), Fault> {
        let opens = mark == Mark::Opens;
        if opens {
            self.opened = self.next;
        }
        let known = if opens {
            comparison.known().collect()
        } else {
            Vec::new()
        };
        let frame = Frame {
            opened: self.opened,
            ends: mark == Mark::Ends,
            stage: progress.stage,
            after: progress.after.clone(),
            pages: progress.pages,
            kills: progress.kills,
            tries: progress.tries,
            rests: progress.rests,
            rests_until: progress.rests_until,
            users: progress.users.write(opens),
            groups: progress.groups.write(opens),
            comparison: comparison.keep(),
            known,
            fresh: comparison.take_fresh(),
            over,
        };
        match self.stash.put_new(&self.name(self.next), &frame).await? {
            Put::Written => {
                self.next += 1;
                Ok(())
            }
            Put::Exists => Err(Fault::retry(
                "another leg observes the target; this one leaves it to that",
            )),
        }
    }

    fn name(&self, at: u64) -> String {
        format!("{}observed-{at:08}", self.folder)
    }
}

/// What a frame adds to what a leg has seen.
struct Seen {
    known: Vec<u64>,
    users: (Vec<u64>, Vec<u64>),
    groups: (Vec<u64>, Vec<u64>),
}

impl Frame {
    fn seen(&self) -> Seen {
        let fresh = self.fresh.accounts.iter();
        let fresh = fresh.map(|account| certify::hash(account.id.as_str()));
        Seen {
            known: self.known.iter().copied().chain(fresh).collect(),
            users: (self.users.cursors.clone(), self.users.ids.clone()),
            groups: (self.groups.cursors.clone(), self.groups.ids.clone()),
        }
    }
}

/// Where the objects of a target lie. Policy may give it any name, an object key may not have any.
pub(crate) fn folder(target: &TargetId) -> String {
    let name = target.as_str();
    let key = format!("target={name}");
    if !name.contains('/') && ports::objects::check_key(&key).is_ok() && name.len() <= 128 {
        format!("{key}/")
    } else {
        format!("target={}/", domain::Hash::of(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_rare_until_legs_are_killed() {
        assert_eq!(interval(0, 0), 60);
        assert_eq!(interval(1_000_000, 0), 60);
        assert_eq!(interval(0, 1), 1);
        assert_eq!(interval(10_000, 1), 5);
        assert_eq!(interval(10_000, 20), 5);
        assert_eq!(interval(10_000, 50), 2);
        assert_eq!(interval(100_000, 20), 50);
        assert_eq!(interval(1_000_000, 20), 60);
    }

    #[test]
    fn any_name_of_a_target_is_a_place() {
        let long = "x".repeat(600);
        let names = ["wiki", "a b", "a/b", "..", "", &long];
        let folders: BTreeSet<String> = names.map(|name| folder(&name.into())).into();
        assert_eq!(folders.len(), names.len());
        for folder in folders {
            ports::objects::check_key(&format!("runs/r/{folder}observed-1")).unwrap();
        }
    }
}
