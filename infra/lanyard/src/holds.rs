//! What limits hold, shown to operators and released by them: exactly the list that they saw,
//! under its hash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{Cause, ConvergeRequest, Lane};
use domain::limit::{Answered, Approval, Line, Meter, Scope, Vote, Voted, list_hash};
use domain::policy::Target;
use domain::{AccountRecord, Hash, IdentityId, Policy, TargetId};
use jiff::Timestamp;
use ports::{Clock, Fault, Lanes, Store, Walk};
use serde::{Deserialize, Serialize};
use telemetry::{Dimensions, Metric};

use crate::operations::look::{self, Look};

/// How often a lost race for a record is run again.
const RACES: u32 = 20;

/// Something to do with holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Request {
    /// Every hold.
    List,
    /// Everything that waits in one.
    Show(Chosen),
    /// Let a list through.
    Approve {
        /// What.
        chosen: Chosen,
        /// The hash of the list, as it was shown.
        list: Hash,
        /// Who says so.
        by: Box<str>,
    },
    /// Leave a list undone until nobody wants it any more.
    Reject {
        /// What.
        chosen: Chosen,
        /// The hash of the list, as it was shown.
        list: Hash,
        /// Who says so.
        by: Box<str>,
    },
    /// Make everything of some limits wait from now on, because more is coming than passes.
    Open {
        /// Which.
        holds: Vec<Opening>,
    },
}

/// A hold to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Where.
    pub target: TargetId,
    /// Of which limit.
    pub scope: Scope,
    /// How many changes pass within the window.
    pub allowed: u64,
}

/// Which part of which hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// Where.
    pub target: TargetId,
    /// Of which limit.
    pub scope: Scope,
    /// Only these people; everybody if empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub only: BTreeSet<IdentityId>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// Every hold.
    Holds {
        /// In the order of targets and scopes.
        holds: Vec<HoldView>,
        /// What operators said to earlier ones, by target, the latest last.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        answered: Vec<(TargetId, Answered)>,
    },
    /// Everything that waits in one.
    List(List),
    /// So many others have to agree.
    Waiting {
        /// How many.
        more: usize,
    },
    /// This operator agreed before; somebody else has to.
    Already,
    /// The list goes on.
    Released {
        /// How many changes.
        lines: u64,
        /// Of how many people.
        people: u64,
        /// Who agreed.
        by: Vec<Box<str>>,
        /// Until when it may be carried out.
        until: Timestamp,
    },
    /// The list stays undone.
    Rejected {
        /// Of how many people.
        people: u64,
    },
    /// The list is not the one that was shown; nothing was done.
    Changed {
        /// What it is now.
        now: Hash,
    },
    /// Nothing waits there.
    NoHold,
    /// They are open.
    Opened {
        /// How many were not open before.
        new: usize,
    },
}

/// Makes everything of some limits wait from now on; returns how many did not wait before.
/// Opening a hold twice is harmless; one in which nothing comes to wait ends with a nightly run.
pub async fn open<S: Store>(store: &S, holds: &[Opening], now: Timestamp) -> Result<usize, Fault> {
    let mut new = 0;
    for hold in holds {
        let opened = ports::meter::change(store, &hold.target, |meter| {
            meter.open(hold.scope.clone(), hold.allowed, now)
        })
        .await?;
        if opened {
            tracing::error!(
                target = %hold.target,
                scope = %hold.scope,
                "a policy change is over a limit: changes are held"
            );
            telemetry::emit(Metric::HoldOpened, 1.0, Dimensions::target(&hold.target));
            new += 1;
        }
    }
    Ok(new)
}

/// One hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldView {
    /// Where.
    pub target: TargetId,
    /// Of which limit.
    pub scope: Scope,
    /// Since when.
    pub since: Timestamp,
    /// How many pass in a window.
    pub allowed: u64,
    /// How many changes wait.
    pub lines: u64,
    /// Of how many people.
    pub people: u64,
    /// The hash of the whole list.
    pub list: Hash,
    /// Who agreed so far.
    pub agreed: Vec<Box<str>>,
    /// How many have to.
    pub needed: u8,
}

/// Everything that waits in a hold, or the chosen part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Where.
    pub target: TargetId,
    /// Of which limit.
    pub scope: Scope,
    /// Its hash, which an approval names.
    pub hash: Hash,
    /// Whether it is everything that waits there.
    pub whole: bool,
    /// By identity.
    pub entries: BTreeMap<IdentityId, BTreeSet<Line>>,
}

impl List {
    /// How many changes.
    pub fn lines(&self) -> u64 {
        self.entries.values().map(BTreeSet::len).sum::<usize>() as u64
    }

    /// What somebody said to it.
    fn answered(&self, vote: Vote, yes: bool) -> Answered {
        Answered {
            scope: self.scope.clone(),
            vote,
            lines: self.lines(),
            yes,
        }
    }
}

/// Holds over these ports.
pub struct Holds<'a, S, L, C> {
    store: &'a S,
    lanes: &'a L,
    clock: &'a C,
    policy: Arc<Policy>,
}

/// What waits, by target and scope.
type Waiting = BTreeMap<(TargetId, Scope), BTreeMap<IdentityId, BTreeSet<Line>>>;

impl<'a, S: Store, L: Lanes, C: Clock> Holds<'a, S, L, C> {
    /// Over these.
    pub const fn new(store: &'a S, lanes: &'a L, clock: &'a C, policy: Arc<Policy>) -> Self {
        Self {
            store,
            lanes,
            clock,
            policy,
        }
    }

    /// Does what was asked.
    pub async fn answer(&self, request: &Request) -> Result<Answer, Fault> {
        match request {
            Request::List => {
                let meters = self.meters().await?;
                let holds = self.views(&meters).await?;
                let answered = meters.into_iter().flat_map(|(name, _, meter)| {
                    let of_target = meter.answered.into_iter();
                    of_target.map(|answered| (name.clone(), answered))
                });
                Ok(Answer::Holds {
                    holds,
                    answered: answered.collect(),
                })
            }
            Request::Show(chosen) => Ok(Answer::List(self.show(chosen).await?)),
            Request::Approve { chosen, list, by } => self.approve(chosen, *list, by).await,
            Request::Reject { chosen, list, by } => self.reject(chosen, *list, by).await,
            Request::Open { holds } => Ok(Answer::Opened {
                new: open(self.store, holds, self.clock.now()).await?,
            }),
        }
    }

    /// Walks over everybody.
    async fn waiting(&self) -> Result<Waiting, Fault> {
        let mut waiting = Waiting::new();
        let mut walk = Walk::over(self.store);
        while let Some(rows) = walk.page().await? {
            for (identity, seat) in rows {
                for (target, account) in seat.accounts {
                    let Some(held) = account.held else { continue };
                    let open = held.lines.iter();
                    for one in open.filter(|one| !held.rejected.contains(&one.line)) {
                        waiting
                            .entry((target.clone(), one.scope.clone()))
                            .or_default()
                            .entry(identity.clone())
                            .or_default()
                            .insert(one.line.clone());
                    }
                }
            }
        }
        Ok(waiting)
    }

    /// The meter of every target.
    async fn meters(&self) -> Result<Vec<(&TargetId, &Target, Meter)>, Fault> {
        let mut meters = Vec::new();
        for (name, target) in &self.policy.targets {
            meters.push((name, target, self.store.meter(name).await?));
        }
        Ok(meters)
    }

    /// Every hold.
    pub async fn list(&self) -> Result<Vec<HoldView>, Fault> {
        self.views(&self.meters().await?).await
    }

    async fn views(&self, meters: &[(&TargetId, &Target, Meter)]) -> Result<Vec<HoldView>, Fault> {
        let waiting = self.waiting().await?;
        let mut views = Vec::new();
        for (name, target, meter) in meters {
            for (scope, hold) in &meter.holds {
                let nobody = BTreeMap::new();
                let entries = waiting.get(&((*name).clone(), scope.clone()));
                let entries = entries.unwrap_or(&nobody);
                views.push(HoldView {
                    target: (*name).clone(),
                    scope: scope.clone(),
                    since: hold.since,
                    allowed: hold.allowed,
                    lines: entries.values().map(BTreeSet::len).sum::<usize>() as u64,
                    people: entries.len() as u64,
                    list: hash(scope, entries),
                    agreed: hold.votes.iter().map(|vote| vote.by.clone()).collect(),
                    needed: target.limits.approvers,
                });
            }
        }
        Ok(views)
    }

    /// Everything that waits in a hold, or the chosen part of it.
    pub async fn show(&self, chosen: &Chosen) -> Result<List, Fault> {
        let key = (chosen.target.clone(), chosen.scope.clone());
        let mut entries = self.waiting().await?.remove(&key).unwrap_or_default();
        let all = entries.len();
        if !chosen.only.is_empty() {
            entries.retain(|identity, _| chosen.only.contains(identity));
        }
        Ok(List {
            target: chosen.target.clone(),
            scope: chosen.scope.clone(),
            hash: hash(&chosen.scope, &entries),
            whole: entries.len() == all,
            entries,
        })
    }

    /// Counts the vote; with the last one that is needed, marks every account of the list and
    /// nudges its connector. Said again after a crash, it goes on where it stopped.
    async fn approve(&self, chosen: &Chosen, said: Hash, by: &str) -> Result<Answer, Fault> {
        let Some(target) = self.policy.targets.get(&chosen.target) else {
            return Ok(Answer::NoHold);
        };
        let list = self.show(chosen).await?;
        if list.entries.is_empty() {
            return Ok(Answer::NoHold);
        }
        if list.hash != said {
            return Ok(Answer::Changed { now: list.hash });
        }
        let now = self.clock.now();
        let voted = ports::meter::change(self.store, &chosen.target, |meter| {
            let agreed = |one: &&Approval| {
                one.scope == chosen.scope && one.list == said && !one.void && one.until > now
            };
            if let Some(approval) = meter.approvals.iter().find(agreed) {
                return Voted::Approved(approval.clone());
            }
            let vote = Vote {
                by: by.into(),
                at: now,
                list: said,
            };
            let voted = meter.approve(&target.limits, &chosen.scope, vote.clone(), list.whole);
            if matches!(voted, Voted::Waiting(_) | Voted::Approved(_)) {
                meter.note(list.answered(vote, true));
            }
            voted
        })
        .await?;
        let approval = match voted {
            Voted::NoHold => return Ok(Answer::NoHold),
            Voted::Already => return Ok(Answer::Already),
            Voted::Waiting(more) => return Ok(Answer::Waiting { more }),
            Voted::Approved(approval) => approval,
        };
        tracing::warn!(
            target = %chosen.target,
            scope = %chosen.scope,
            changes = list.lines(),
            plan = said.short(),
            "a held list was approved"
        );
        let released = self.mark(&list, |held| {
            held.released.insert(chosen.scope.clone(), said);
        });
        let nudged = released.await?;
        look::hand_over(self.lanes, self.clock, nudged, "release").await?;
        Ok(Answer::Released {
            lines: list.lines(),
            people: list.entries.len() as u64,
            by: approval.by,
            until: approval.until,
        })
    }

    async fn reject(&self, chosen: &Chosen, said: Hash, by: &str) -> Result<Answer, Fault> {
        let list = self.show(chosen).await?;
        if list.entries.is_empty() {
            return Ok(Answer::NoHold);
        }
        if list.hash != said {
            return Ok(Answer::Changed { now: list.hash });
        }
        tracing::warn!(
            target = %chosen.target,
            scope = %chosen.scope,
            changes = list.lines(),
            plan = said.short(),
            "a held list was rejected"
        );
        // Who says no is known before anything stays undone for it.
        let vote = Vote {
            by: by.into(),
            at: self.clock.now(),
            list: said,
        };
        ports::meter::change(self.store, &chosen.target, |meter| {
            meter.note(list.answered(vote.clone(), false));
        })
        .await?;
        self.mark(&list, |held| {
            let lines: Vec<Line> = held.open(&chosen.scope).cloned().collect();
            held.rejected.extend(lines);
        })
        .await?;
        if list.whole {
            ports::meter::change(self.store, &chosen.target, |meter| {
                meter.close(&chosen.scope)
            })
            .await?;
        }
        Ok(Answer::Rejected {
            people: list.entries.len() as u64,
        })
    }

    /// Changes what is held in the record of every account of a list that still holds exactly
    /// its lines. Returns whose.
    async fn mark(
        &self,
        list: &List,
        change: impl Fn(&mut domain::limit::Held),
    ) -> Result<Vec<Look>, Fault> {
        let mut marked = Vec::new();
        for (identity, lines) in &list.entries {
            for _ in 0..RACES {
                let (seat, _) = self.store.seat(identity, &list.target).await?;
                let Some(seat) = seat else { break };
                let Some(account) = seat.accounts.get(&list.target) else {
                    break;
                };
                let mut after: AccountRecord = account.clone();
                let Some(held) = &mut after.held else { break };
                let open: BTreeSet<Line> = held.open(&list.scope).cloned().collect();
                if open != *lines {
                    break;
                }
                change(held);
                let amended = self
                    .store
                    .amend(identity, &list.target, account, &after)
                    .await?;
                if amended {
                    let request = ConvergeRequest::look(
                        identity.clone(),
                        list.target.clone(),
                        seat.record.generation,
                        Cause::Operator,
                    );
                    marked.push(Look::Account(Lane::Target(list.target.clone()), request));
                    break;
                }
            }
        }
        Ok(marked)
    }
}

fn hash(scope: &Scope, entries: &BTreeMap<IdentityId, BTreeSet<Line>>) -> Hash {
    let entries = entries.iter();
    list_hash(
        scope,
        entries.map(|(identity, lines)| (identity, lines.iter().collect())),
    )
}
