//! One target's part of a batch: who is begun, who comes back unbegun, and recording each account as
//! soon as nothing is left to do for it.

use std::time::Duration;

use domain::budget::{Cost, Tally};
use domain::{Outcome, TargetId};
use jiff::Timestamp;
use ports::store::Health;
use ports::{Apply, Cases, Clock, Observe, Store, trace};

use crate::Connector;
use crate::batch::{Next, Over, Placed, Planned};
use crate::carry_out::Stop;
use crate::pool::{self, Member};
use crate::work::{Converged, Undone, Work};

/// After so many requests in a row that a target did not answer, the rest of its messages comes
/// back, endings too: each costs a time-out.
const ILL_IN_A_ROW: u32 = 3;

/// How long an event takes on work, over all its targets. What was not begun by then comes back, endings
/// too, so that what was done is recorded before the function ends and messages are visible again.
/// After it come at least one request (10 s) and what is recorded (3 s): a function has 43 s or more.
/// Whoever lets a connector work sees to it that requests end with the function's time.
pub const WORK_FOR: Duration = Duration::from_secs(30);

/// When an event that began then stops to take on work.
pub fn ends(began: Timestamp) -> Timestamp {
    began.checked_add(WORK_FOR).unwrap_or(Timestamp::MAX)
}

/// The work on one target's messages.
pub struct Course<'a, T> {
    pub name: &'a TargetId,
    pub target: &'a T,
    pub until: Timestamp,
    health: Health,
    tally: Tally,
    /// Requests in a row that were not answered.
    ill: u32,
    /// Why nobody is begun any more whose access does not end.
    closed: Option<Stop>,
    /// What was granted and not used.
    pub unused: Cost,
    answers: Vec<(usize, Result<Converged, Undone>)>,
}

impl<'a, T> Course<'a, T> {
    pub const fn new(name: &'a TargetId, target: &'a T, health: Health, until: Timestamp) -> Self {
        Self {
            name,
            target,
            until,
            health,
            tally: Tally { well: 0, ill: 0 },
            ill: 0,
            closed: None,
            unused: Cost::reads(0),
            answers: Vec::new(),
        }
    }

    /// Takes note of how a request went.
    pub fn note(&mut self, stop: Option<&Stop>) {
        self.ill = match stop {
            Some(stop) if stop.is_ill() => self.ill + 1,
            Some(_) | None => 0,
        };
        if self.closed.is_none() {
            self.closed = stop.and_then(Stop::closes);
        }
    }

    /// Why work is not begun now, if it is not. An ending waits for time and for a target that does
    /// not answer, and for nothing else.
    pub fn refuses(&self, work: &Work, now: Timestamp) -> Option<Stop> {
        if now >= self.until {
            return Some(Stop::out_of_time(work));
        }
        if self.ill >= ILL_IN_A_ROW {
            return Some(Stop::silent(work));
        }
        self.closed.clone().filter(|_| !work.urgent)
    }
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Everything of a batch that concerns one target.
    pub(crate) async fn on_target(
        &self,
        mut course: Course<'_, T>,
        works: Vec<Placed>,
    ) -> Vec<(usize, Result<Converged, Undone>)> {
        let at = self.clock.now();
        if at >= course.until {
            for (place, work) in works {
                let result = Err(Stop::out_of_time(&work));
                self.over(&mut course, Over::new(place, work, result)).await;
            }
            return course.answers;
        }
        let (mut planned, later) = self.pace(course.name, course.target, at, works).await;
        if !planned.is_empty() {
            match self.count_batch(course.name, &mut planned, at).await {
                Ok(()) => Box::pin(self.carry_out_batch(&mut course, planned)).await,
                Err(fault) => {
                    for one in planned {
                        let stop = Stop::Again(fault.clone());
                        self.unbegun(&mut course, one, stop).await;
                    }
                }
            }
            self.close(&mut course, at).await;
        }
        for one in later {
            self.over(&mut course, one).await;
        }
        course.answers
    }

    /// Counts how it went, leaves the place, and gives back what was not used: nothing where the
    /// target asked for a pause, because nothing is left until it is over.
    async fn close(&self, course: &mut Course<'_, T>, at: Timestamp) {
        let name = course.name;
        if let Err(fault) = self.count(name, &mut course.health, at, course.tally).await {
            tracing::warn!(target = %name, error = %fault, "failures not counted");
        }
        let unused = if matches!(course.closed, Some(Stop::Throttled { .. })) {
            Cost::default()
        } else {
            course.unused
        };
        if let Err(fault) = self.leave(name, unused).await {
            // The place runs out by itself, and the budget fills again.
            tracing::warn!(target = %name, error = %fault, "place not left");
        }
    }

    /// Sends back what was not begun; what it was granted goes back as well.
    pub(crate) async fn unbegun(&self, course: &mut Course<'_, T>, one: Planned, stop: Stop) {
        course.unused = course.unused.plus(one.granted);
        self.over(course, one.back(stop)).await;
    }

    /// Records what became of a message.
    pub(crate) async fn over(&self, course: &mut Course<'_, T>, one: Over) {
        count(&mut course.tally, &one.result);
        let trace = one.work.trace.clone();
        let (urgent, receives) = (one.work.urgent, one.work.receives);
        let settled = self.settle(one.result, *one.work, &mut course.health);
        let answer = trace::within(trace, settled).await;
        let answer = answer.map_err(|undone| undone.timed(urgent, receives));
        course.answers.push((one.place, answer));
    }

    /// Carries out everything, first what concerns one account alone, then what is shared.
    async fn carry_out_batch(&self, course: &mut Course<'_, T>, planned: Vec<Planned>) {
        if course.target.takes_many() {
            return self.carry_out_each(course, planned).await;
        }
        let poolable = planned
            .iter()
            .filter(|one| !one.work.urgent && self.pools(&one.plan));
        let shared = pool::shared(poolable.map(|one| &one.plan));
        let mut members = Vec::new();
        for one in planned {
            if let Some(stop) = course.refuses(&one.work, self.clock.now()) {
                self.unbegun(course, one, stop).await;
                continue;
            }
            let Planned {
                place, mut work, ..
            } = one;
            // Boxed: the future of a target's client is large, and lives in every one around it.
            let result = match Box::pin(self.advance(course.target, &mut work, &shared)).await {
                Ok(Next::Pool(convergence, outcome)) => {
                    course.note(None);
                    members.push(Member::new(place, *work, convergence, outcome));
                    continue;
                }
                Ok(Next::Done(outcome)) => Ok(outcome),
                Err(stop) => Err(stop),
            };
            course.note(result.as_ref().err());
            self.over(course, Over::new(place, work, result)).await;
        }
        Box::pin(self.carry_out_together(course, &mut members)).await;
        for member in members {
            self.over(course, member.finish()).await;
        }
    }
}

impl Stop {
    /// The event has to end. Whoever comes back for the second time waits a little longer.
    pub fn out_of_time(work: &Work) -> Self {
        let before = work.receives.saturating_sub(1);
        let after = Duration::from_secs(15) * before;
        Self::Wait {
            after: if work.urgent { Duration::ZERO } else { after },
            why: "the batch took long; the rest of it comes in another".into(),
        }
    }

    fn silent(work: &Work) -> Self {
        let seconds = if work.urgent { 5 } else { 30 };
        Self::Wait {
            after: Duration::from_secs(seconds) * work.receives,
            why: "the target did not answer the messages before".into(),
        }
    }

    /// What it means to the rest of a batch that was not begun: the target rests, or asked for a
    /// pause.
    fn closes(&self) -> Option<Self> {
        matches!(self, Self::Rest(_) | Self::Throttled { .. }).then(|| self.clone())
    }
}

/// Counts a result as that of a target that is well, or that is not. What never got there says
/// nothing.
fn count(tally: &mut Tally, result: &Result<Outcome, Stop>) {
    match result {
        Err(stop) if stop.is_ill() => tally.ill += 1,
        Ok(_) | Err(Stop::Park(_) | Stop::NameTaken | Stop::Unverified(_)) => tally.well += 1,
        Err(
            Stop::Rest(_)
            | Stop::Throttled { .. }
            | Stop::Again(_)
            | Stop::Wait { .. }
            | Stop::Overtaken
            | Stop::Ill(_)
            | Stop::Unknown(_),
        ) => {}
    }
}
