//! What people are asked, what they answered, and what they have to do: cases, decisions, tasks.
//! Implemented by whoever implements [`Store`](crate::Store), over the same table.
//!
//! A decision lies with the worker record that it is about and comes with its
//! [`Dossier`](crate::store::Dossier), so that who decides about a person reads it without asking.
//! Cases and tasks are few; each kind is listed as a whole.

use std::future::Future;

use domain::case::{Case, Decision};
use domain::task::Task;
use domain::{CaseId, IdentityId, RecordKey, TaskId};

use crate::Fault;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that wait for a human.
    Open,
    /// All that there ever were.
    All,
}

/// Cases, decisions and tasks.
pub trait Cases: Send + Sync {
    /// Adds a decision to a worker record's. One that is there already is left as it is.
    fn decide(
        &self,
        record: &RecordKey,
        decision: &Decision,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Takes the link of a worker record away, if it leads to that identity: one conditional
    /// write. Returns whether it did.
    fn unlink(
        &self,
        record: &RecordKey,
        from: &IdentityId,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// One case.
    fn case(&self, id: &CaseId) -> impl Future<Output = Result<Option<Case>, Fault>> + Send;

    /// Cases by id.
    fn cases(&self, which: Which) -> impl Future<Output = Result<Vec<Case>, Fault>> + Send;

    /// Writes a case, if it still is as it was read (`None`: if there is none): one conditional
    /// write. Returns whether it was.
    fn put_case(
        &self,
        case: &Case,
        was: Option<&Case>,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// One task.
    fn task(&self, id: &TaskId) -> impl Future<Output = Result<Option<Task>, Fault>> + Send;

    /// Tasks by id.
    fn tasks(&self, which: Which) -> impl Future<Output = Result<Vec<Task>, Fault>> + Send;

    /// Writes a task, if it still is as it was read (`None`: if there is none): one conditional
    /// write. Returns whether it was.
    fn put_task(
        &self,
        task: &Task,
        was: Option<&Task>,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
}

/// Asks, or asks differently, unless that is what is asked already. What a human answered about an
/// account is never asked again; the answered case is given back. About a worker record answers
/// are kept pair by pair with the record, and whoever asks has left those pairs out.
pub async fn ask<S: Cases>(store: &S, case: Case) -> Result<Case, Fault> {
    let was = store.case(&case.id).await?;
    let next = match &was {
        Some(known) if known.answers(&case) => return Ok(known.clone()),
        Some(known) if known.is_open() => Case {
            since: known.since,
            ..case
        },
        Some(_) | None => case,
    };
    if was.as_ref() == Some(&next) || store.put_case(&next, was.as_ref()).await? {
        return Ok(next);
    }
    Err(Fault::retry("somebody else wrote the case first"))
}

/// Closes a case that went away by itself, if it is open.
pub async fn close<S: Cases>(store: &S, id: &CaseId, at: jiff::Timestamp) -> Result<(), Fault> {
    let Some(case) = store.case(id).await? else {
        return Ok(());
    };
    if !case.is_open() {
        return Ok(());
    }
    let closed = Case {
        state: domain::case::CaseState::Closed { at },
        ..case.clone()
    };
    if store.put_case(&closed, Some(&case)).await? {
        return Ok(());
    }
    Err(Fault::retry("somebody else wrote the case first"))
}
