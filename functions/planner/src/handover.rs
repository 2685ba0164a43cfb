//! What a leaver leaves behind becomes a task when the ending is decided, and no task any more
//! when the ending turns out to be none.

use domain::plan::Folding;
use domain::task::{self, Task, TaskState};
use domain::{IdentityState, Plan, RecordKey};
use jiff::Timestamp;
use ports::cases::Which;
use ports::{Cases, Clock, Fault, Lanes, Store};

use crate::fetch::Person;
use crate::{Planner, founder};

/// When somebody left, and whom they worked for.
pub struct Left {
    at: Option<Timestamp>,
    manager: Option<RecordKey>,
}

impl Left {
    /// As the facts say.
    pub fn of(folding: &Folding) -> Self {
        Self {
            at: folding.view.ended_at(),
            manager: folding
                .view
                .speaker()
                .and_then(|speaker| speaker.manager.clone()),
        }
    }
}

impl<S: Store + Cases, L: Lanes, C: Clock> Planner<S, L, C> {
    /// Before a decision is written: whoever is interrupted in between comes back and finds the
    /// task there.
    pub(crate) async fn hand_over(
        &self,
        person: &Person,
        plan: &Plan,
        left: &Left,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let (Some(policy), Some(recorded)) = (&self.policy.policy.handover, person.recorded())
        else {
            return Ok(());
        };
        match (is_over(recorded.state), is_over(plan.state), left.at) {
            (false, true, Some(ended)) if recorded.was_active => {
                let manager = self.working(left.manager.as_ref(), at).await?;
                let task = task::handover(policy, &person.identity, ended, manager, at);
                self.give(task).await
            }
            (true, false, _) => self.take_back(person, at).await,
            (false | true, true, _) | (false, false, _) => Ok(()),
        }
    }

    /// The manager, if that is somebody who works here.
    async fn working<'a>(
        &self,
        manager: Option<&'a RecordKey>,
        at: Timestamp,
    ) -> Result<Option<&'a RecordKey>, Fault> {
        let Some(record) = manager else {
            return Ok(None);
        };
        let mut dossier = self.store.dossier(record).await?;
        if let Some(identity) = &dossier.link {
            dossier = self.store.dossier(&founder(identity)).await?;
        }
        let works = dossier.seat.is_some_and(|seat| {
            // What is due and not yet decided counts: both may leave in the same minute.
            let over = seat.record.due_at.is_some_and(|due| due <= at);
            seat.record.state == IdentityState::Active && !over
        });
        Ok(manager.filter(|_| works))
    }

    async fn give(&self, task: Task) -> Result<(), Fault> {
        let was = self.store.task(&task.id).await?;
        let given = match &was {
            None => true,
            Some(known) => matches!(known.state, TaskState::Replaced { .. }),
        };
        if given && !self.store.put_task(&task, was.as_ref()).await? {
            return Err(Fault::retry("somebody else wrote the task first"));
        }
        Ok(())
    }

    async fn take_back(&self, person: &Person, at: Timestamp) -> Result<(), Fault> {
        for task in self.store.tasks(Which::Open).await? {
            if task.identity != person.identity || task.target().is_some() {
                continue;
            }
            let gone = Task {
                state: TaskState::Replaced { by: None, at },
                ..task.clone()
            };
            if !self.store.put_task(&gone, Some(&task)).await? {
                return Err(Fault::retry("somebody else wrote the task first"));
            }
        }
        Ok(())
    }
}

const fn is_over(state: IdentityState) -> bool {
    matches!(state, IdentityState::Ended | IdentityState::Archived)
}
