//! Targets that nothing can call. What would be carried out elsewhere becomes a task; what an
//! operator confirmed becomes the record. A task is the same as long as the decision and what it
//! has to change are, so that a message that comes twice gives no second one.

use domain::policy::{Desk, TargetKind};
use domain::task::{self, ByHand, Gap, Task, TaskState, Work as Kind};
use domain::{AccountId, AccountRecord, Change, Outcome, TargetId, TaskId};
use ports::{Apply, Cases, Clock, Fault, Observe, Store};

use crate::Connector;
use crate::resolve::Sight;
use crate::work::{Converged, Work};

/// How far a chain of replaced tasks is followed; one that was not recorded is one link of it.
const CHAIN: usize = 8;

/// What a human checks where an account was asked for and is not wanted any more.
const CHECK: &str = "make sure that no account was made; block the one that was";

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Who works on a target by hand, where that is how it is worked on.
    pub(crate) fn desk(&self, name: &TargetId) -> Option<&Desk> {
        match &self.policy.policy.targets.get(name)?.kind {
            TargetKind::Manual(desk) => Some(desk),
            TargetKind::Scim | TargetKind::Graph(_) | TargetKind::EntraBulk(_) => None,
        }
    }

    /// Gives a human what has to change, or takes over what a human did.
    pub(crate) async fn by_hand(&self, desk: &Desk, mut work: Work) -> Result<Converged, Fault> {
        let mut given = self.given(work.record.task.clone()).await?;
        if let Some(task) = &given
            && let (TaskState::Done { .. }, Kind::Account { leads_to, .. }) =
                (&task.state, &task.work)
        {
            work.record = AccountRecord {
                applied: work.record.applied,
                ..(**leads_to).clone()
            };
            // The last task covers whatever earlier ones had asked for.
            work.unsettled = None;
            given = None;
        }
        let compared = self.compare(&work, &Sight::default());
        let changes = compared.changes;
        work.record.waiting = compared.waiting;
        // What waits for another target stays owed.
        let settles = !work.waits();
        let Some(task) = self.task(desk, &work, given.as_ref(), &changes) else {
            self.replace(given, None, &work).await?;
            work.record.parked = None;
            work.record.task = None;
            if !settles {
                work.note(Outcome::Deferred);
                self.acknowledge(work, false).await?;
                return Ok(Converged::Deferred);
            }
            work.finish(Outcome::Unchanged);
            self.acknowledge(work, true).await?;
            return Ok(Converged::Done);
        };
        let known = self.store.task(&task.id).await?;
        if known.is_none() && !self.store.put_task(&task, None).await? {
            return Err(Fault::retry("somebody else gave the task first"));
        }
        self.replace(given, Some(&task), &work).await?;
        let state = known.as_ref().map_or(&task.state, |known| &known.state);
        work.record.parked =
            Some(format!("task `{}` of `{}` is {}", task.id, desk.owner, state.name()).into());
        work.record.task = Some(task.id);
        if settles {
            work.finish(Outcome::Deferred);
        } else {
            work.note(Outcome::Deferred);
        }
        self.acknowledge(work, settles).await?;
        Ok(Converged::Parked)
    }

    /// The task that a human was last given. Where it was replaced and nobody came to record by
    /// which, that one.
    async fn given(&self, mut id: Option<TaskId>) -> Result<Option<Task>, Fault> {
        for _ in 0..CHAIN {
            let Some(next) = id else { return Ok(None) };
            let task = self.store.task(&next).await?;
            id = match &task {
                Some(Task {
                    state: TaskState::Replaced { by: Some(by), .. },
                    ..
                }) => Some(by.clone()),
                Some(_) | None => return Ok(task),
            };
        }
        Ok(None)
    }

    /// The task that is left to do, if there is any.
    fn task(
        &self,
        desk: &Desk,
        work: &Work,
        given: Option<&Task>,
        changes: &[Change],
    ) -> Option<Task> {
        let by_hand = |changes: &[Change], leads_to: &AccountRecord| {
            task::by_hand(&ByHand {
                policy: &self.policy.policy,
                target: &work.name,
                desk,
                identity: &work.identity,
                generation: work.generation,
                changes,
                leads_to,
                at: work.at,
            })
        };
        if !changes.is_empty() {
            return Some(by_hand(changes, &after(work, changes)));
        }
        let open = given.filter(|task| task.is_open())?;
        let Kind::Account {
            generation,
            leads_to,
            ..
        } = &open.work
        else {
            return None;
        };
        if *generation == work.generation {
            return Some(open.clone());
        }
        // Somebody may have made the account and not have said so yet.
        let made = leads_to.id.is_some() && work.record.id.is_none();
        made.then(|| {
            let mut task = by_hand(&[Change::Disable], &after(work, &[]));
            if let Kind::Account { gap, .. } = &mut task.work {
                *gap = Gap::Access;
            }
            task.steps = vec![CHECK.into()];
            task
        })
    }

    /// An open task that is not what has to be done any more says so.
    async fn replace(
        &self,
        given: Option<Task>,
        by: Option<&Task>,
        work: &Work,
    ) -> Result<(), Fault> {
        let Some(given) = given.filter(Task::is_open) else {
            return Ok(());
        };
        if by.is_some_and(|by| by.id == given.id) {
            return Ok(());
        }
        let replaced = Task {
            state: TaskState::Replaced {
                by: by.map(|by| by.id.clone()),
                at: work.at,
            },
            ..given.clone()
        };
        if self.store.put_task(&replaced, Some(&given)).await? {
            return Ok(());
        }
        // Somebody confirmed it meanwhile; that is looked at first.
        Err(Fault::retry("the task was confirmed meanwhile"))
    }
}

/// The record once everything is done. An account that nothing can look up goes by the identity.
fn after(work: &Work, changes: &[Change]) -> AccountRecord {
    let mut done = Work {
        identity: work.identity.clone(),
        name: work.name.clone(),
        generation: work.generation,
        projection: work.projection.clone(),
        before: None,
        record: work.record.clone(),
        unsettled: None,
        look: false,
        urgent: work.urgent,
        ending_since: work.ending_since,
        block_seen: work.block_seen,
        mastered: None,
        at: work.at,
        until: work.until,
        wake: None,
        receives: work.receives,
        trace: None,
        kept: std::collections::BTreeSet::new(),
        unseen: crate::work::Unseen::default(),
        counted: crate::limits::Counted::default(),
        elsewhere: domain::converge::Elsewhere::default(),
    };
    for change in changes {
        done.remember(change, AccountId::from(work.identity.as_str()));
    }
    AccountRecord {
        outcome: Some(Outcome::Applied),
        at: Some(work.at),
        parked: None,
        task: None,
        ..done.record
    }
}
