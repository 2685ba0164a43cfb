//! Targets that take what is known of many people in one request. Every account's message is in
//! flight, as with shared memberships.

use domain::converge::Convergence;
use ports::target::AccountChanges;
use ports::{Apply, Cases, Clock, Fault, Observe, Store};

use crate::Connector;
use crate::batch::{Over, Planned, with_withheld};
use crate::carry_out::{Done, Stop, take};
use crate::course::Course;
use crate::work::Work;

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Carries out everything of a batch in as few requests as the target allows.
    pub(crate) async fn carry_out_each(&self, course: &mut Course<'_, T>, planned: Vec<Planned>) {
        let target = course.target;
        let mut going: Vec<(usize, Box<Work>, Convergence)> = Vec::new();
        let mut deciding = Vec::new();
        for one in planned {
            if let Some(stop) = course.refuses(&one.work, self.clock.now()) {
                self.unbegun(course, one, stop).await;
                continue;
            }
            let Planned {
                place, mut work, ..
            } = one;
            match self.decide(target, &mut work).await {
                Ok(convergence) => deciding.push((place, work, convergence)),
                Err(stop) => {
                    course.note(Some(&stop));
                    self.over(course, Over::new(place, work, Err(stop))).await;
                }
            }
        }
        let known: Vec<&Work> = deciding.iter().map(|(_, work, _)| &**work).collect();
        let stops = self.overtaken(course.name, &known).await;
        let mut works = Vec::new();
        for ((place, work, convergence), stop) in deciding.into_iter().zip(stops) {
            if let Some(stop) = stop {
                self.over(course, Over::new(place, work, Err(stop))).await;
                continue;
            }
            works.push(AccountChanges {
                account: work.record.id.clone(),
                changes: convergence.changes.clone(),
            });
            going.push((place, work, convergence));
        }
        let mut answers = target.apply_each(&works).await.into_iter();
        for (place, mut work, convergence) in going {
            let mut done = Done::default();
            let mut stopped = None;
            let given = answers.next().unwrap_or_default();
            let answered = given.len();
            for (change, answer) in convergence.changes.iter().zip(given) {
                if let Err(stop) = take(change, answer, &mut work, &mut done) {
                    stopped = Some(stop);
                    break;
                }
            }
            let result = match stopped {
                Some(stop) => Err(stop),
                None if answered < convergence.changes.len() => Err(Stop::Again(Fault::retry(
                    "the target's client left changes unanswered",
                ))),
                None => self
                    .verify(target, &convergence, &mut work)
                    .await
                    .and_then(|()| with_withheld(done.into_result(), &convergence)),
            };
            self.over(course, Over::new(place, work, result)).await;
        }
    }

    async fn decide(&self, target: &T, work: &mut Work) -> Result<Convergence, Stop> {
        let sight = self.look(target, work).await?;
        self.prepare(work, &sight).await
    }
}
