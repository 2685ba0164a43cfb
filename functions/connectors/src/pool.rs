//! Memberships of many people in one group, in one request. Every account's message is still in
//! flight, so that there is one writer per account; only what goes over the wire is shared.

use std::collections::{BTreeMap, BTreeSet};

use domain::converge::Convergence;
use domain::{Change, EntitlementId, Outcome};
use jiff::Timestamp;
use ports::target::MemberChange;
use ports::{Apply, Cases, Clock, Observe, Store};

use crate::Connector;
use crate::batch::{Over, with_withheld};
use crate::carry_out::{Done, Stop, take};
use crate::course::Course;
use crate::hand_over::waiting;
use crate::verify::gone;
use crate::work::Work;

/// A membership to change, and whose it is.
type Ask = (usize, MemberChange);

/// One account's part in a pool.
pub struct Member {
    place: usize,
    work: Work,
    /// Memberships only: whatever else there was to do is done.
    convergence: Convergence,
    done: Done,
    /// Whether something was written before: the account was made.
    began: bool,
    stop: Option<Stop>,
}

impl Member {
    pub fn new(place: usize, work: Work, convergence: Convergence, outcome: Outcome) -> Self {
        Self {
            place,
            work,
            convergence,
            began: outcome == Outcome::Applied,
            done: Done::after(outcome),
            stop: None,
        }
    }

    /// Whether it is still worked on; not where the course takes on no more work.
    fn goes_on<T>(&mut self, course: &Course<'_, T>, now: Timestamp) -> bool {
        let refused = || course.refuses(&self.work, now);
        self.stop = self.stop.take().or_else(refused);
        self.stop.is_none()
    }

    /// What became of it.
    pub fn finish(self) -> Over {
        let result = match self.stop {
            Some(stop) => Err(stop),
            None => with_withheld(self.done.into_result(), &self.convergence),
        };
        Over::new(self.place, Box::new(self.work), result)
    }
}

/// The creation, and the memberships that follow it.
pub fn split(convergence: &Convergence) -> (Convergence, Convergence) {
    let (first, rest): (Vec<Change>, Vec<Change>) = convergence
        .changes
        .iter()
        .cloned()
        .partition(|change| matches!(change, Change::Create { .. }));
    let with = |changes| Convergence {
        changes,
        ..convergence.clone()
    };
    (with(first), with(rest))
}

/// Whether nothing but memberships is to be changed, after making the account where there is none,
/// and everything that is taken goes first.
pub fn is_poolable(convergence: &Convergence) -> bool {
    let rest = match convergence.changes.split_first() {
        Some((Change::Create { .. }, rest)) => rest,
        Some(_) | None => convergence.changes.as_slice(),
    };
    !rest.is_empty()
        && waiting(convergence) == 0
        && rest
            .iter()
            .all(|change| matches!(change, Change::Grant { .. } | Change::Revoke { .. }))
}

/// The entitlements that two or more of these change.
pub fn shared<'a>(all: impl Iterator<Item = &'a Convergence>) -> BTreeSet<EntitlementId> {
    let mut counts: BTreeMap<&EntitlementId, u32> = BTreeMap::new();
    for convergence in all {
        for change in &convergence.changes {
            if let Some((entitlement, _)) = membership(change) {
                *counts.entry(entitlement).or_default() += 1;
            }
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(entitlement, _)| entitlement.clone())
        .collect()
}

/// Whether one of the changes is about one of these.
pub fn touches(convergence: &Convergence, shared: &BTreeSet<EntitlementId>) -> bool {
    convergence
        .changes
        .iter()
        .filter_map(membership)
        .any(|(entitlement, _)| shared.contains(entitlement))
}

/// The entitlements that are given or taken.
pub fn memberships(convergence: &Convergence) -> impl Iterator<Item = &EntitlementId> {
    let changes = convergence.changes.iter();
    changes.filter_map(|change| Some(membership(change)?.0))
}

const fn membership(change: &Change) -> Option<(&EntitlementId, bool)> {
    match change {
        Change::Grant { entitlement } => Some((entitlement, true)),
        Change::Revoke { entitlement } => Some((entitlement, false)),
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Restore
        | Change::Update { .. }
        | Change::Enable
        | Change::Disable
        | Change::Delete
        | Change::RevokeSessions => None,
    }
}

/// What goes to a target in one question: everything where a request takes several groups, one
/// group otherwise, so that there is time to stop in between.
fn parts(mut asked: Vec<Ask>, joined: bool) -> Vec<Vec<Ask>> {
    if joined || asked.is_empty() {
        return Vec::from_iter((!asked.is_empty()).then_some(asked));
    }
    asked.sort_by(|(_, one), (_, other)| one.entitlement.cmp(&other.entitlement));
    asked
        .chunk_by(|(_, one), (_, other)| one.entitlement == other.entitlement)
        .map(<[Ask]>::to_vec)
        .collect()
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Takes what is to be taken, looks back, and gives what is to be given. What is taken is
    /// gone before anything is given, so that no SoD pair is held in between.
    pub(crate) async fn carry_out_together(
        &self,
        course: &mut Course<'_, T>,
        members: &mut [Member],
    ) {
        let first = members.iter_mut().filter(|member| !member.began);
        let mut first: Vec<&mut Member> = first.collect();
        let works: Vec<&Work> = first.iter().map(|member| &member.work).collect();
        let stops = self.overtaken(course.name, &works).await;
        for (member, stop) in first.iter_mut().zip(stops) {
            member.stop = stop;
        }
        self.pass(course, members, false).await;
        self.look_back(course, members).await;
        self.pass(course, members, true).await;
    }

    /// One direction of everybody's changes, in as few requests as the target allows.
    async fn pass(&self, course: &mut Course<'_, T>, members: &mut [Member], give: bool) {
        let mut asked: Vec<Ask> = Vec::new();
        for (at, member) in members.iter().enumerate() {
            let (None, Some(account)) = (&member.stop, &member.work.record.id) else {
                continue;
            };
            for change in &member.convergence.changes {
                let Some((entitlement, gives)) = membership(change) else {
                    continue;
                };
                if gives != give || (give && self.conflicts(entitlement, &member.work)) {
                    continue;
                }
                asked.push((
                    at,
                    MemberChange {
                        entitlement: entitlement.clone(),
                        account: account.clone(),
                        give,
                    },
                ));
            }
        }
        for part in parts(asked, course.target.joins_groups()) {
            self.pass_part(course, members, give, part).await;
        }
    }

    async fn pass_part(
        &self,
        course: &mut Course<'_, T>,
        members: &mut [Member],
        give: bool,
        mut asked: Vec<Ask>,
    ) {
        let now = self.clock.now();
        asked.retain(|(at, _)| {
            let member = members.get_mut(*at);
            member.is_some_and(|member| member.goes_on(course, now))
        });
        if asked.is_empty() {
            return;
        }
        let changes: Vec<MemberChange> = asked.iter().map(|(_, change)| change.clone()).collect();
        let mut answers = course.target.memberships(&changes).await.into_iter();
        let mut last = None;
        for (at, change) in asked {
            let Some(member) = members.get_mut(at) else {
                continue;
            };
            let answer = answers.next().unwrap_or_else(|| {
                Err(ports::target::TargetError::Fault(ports::Fault::retry(
                    "the target's client left a membership unanswered",
                )))
            });
            if member.stop.is_some() {
                continue;
            }
            let entitlement = change.entitlement;
            let change = if give {
                Change::Grant { entitlement }
            } else {
                Change::Revoke { entitlement }
            };
            let taken = take(&change, answer, &mut member.work, &mut member.done);
            member.stop = taken.err();
            last.clone_from(&member.stop);
        }
        course.note(last.as_ref());
    }

    /// Reads back, group by group, that nobody is still in what was taken.
    async fn look_back(&self, course: &mut Course<'_, T>, members: &mut [Member]) {
        let mut taken: BTreeMap<EntitlementId, Vec<usize>> = BTreeMap::new();
        for (at, member) in members.iter().enumerate() {
            if member.stop.is_some() {
                continue;
            }
            for change in &member.convergence.changes {
                if let Change::Revoke { entitlement } = change
                    && !member.work.kept.contains(entitlement)
                {
                    taken.entry(entitlement.clone()).or_default().push(at);
                }
            }
        }
        for (entitlement, mut whose) in taken {
            let now = self.clock.now();
            whose.retain(|at| {
                let member = members.get_mut(*at);
                member.is_some_and(|member| member.goes_on(course, now))
            });
            if whose.is_empty() {
                continue;
            }
            let accounts: Vec<_> = whose
                .iter()
                .filter_map(|at| members.get(*at)?.work.record.id.clone())
                .collect();
            let seen = course.target.holders(&entitlement, &accounts).await;
            let seen = match seen {
                Ok(seen) => seen.unwrap_or_default(),
                Err(error) => {
                    // Nobody knows: each of them comes back and looks again.
                    let stop = Stop::from(error);
                    course.note(Some(&stop));
                    for at in whose {
                        if let Some(member) = members.get_mut(at) {
                            member.stop.get_or_insert_with(|| stop.clone());
                        }
                    }
                    continue;
                }
            };
            for at in whose {
                let Some(member) = members.get_mut(at) else {
                    continue;
                };
                let id = member.work.record.id.as_ref();
                let still = id.is_some_and(|id| seen.contains(id));
                let still = if still {
                    vec![entitlement.clone()]
                } else {
                    Vec::new()
                };
                let looked = gone(&mut member.work, vec![entitlement.clone()], still);
                if let Err(stop) = looked {
                    member.stop.get_or_insert(stop);
                }
            }
        }
    }
}
