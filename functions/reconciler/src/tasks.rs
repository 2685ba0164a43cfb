//! Work of people: what is not done in time is a finding, and what was confirmed without anybody
//! having heard of it is sent on.

use contract::report::{Class, Evidence, EvidenceRow, FindingRow, Severity, Waiting};
use contract::{Cause, ConvergeRequest, Lane};
use domain::task::{Gap, Task, TaskState, Work};
use domain::{Hash, IdentityId, TargetId, TaskId};
use ports::cases::Which;
use ports::lanes::Outgoing;
use ports::{Cases, Fault, Lanes, Store};
use serde::{Deserialize, Serialize};

use crate::enqueue::body;
use crate::{Reconciler, Run};

/// Where a hand-over is reported, which belongs to no target.
const HANDOVER: &str = "handover";

/// Tasks that should have been done.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Late {
    pub(crate) findings: Vec<FindingRow>,
    pub(crate) evidence: Vec<EvidenceRow>,
    pub(crate) waiting: Waiting,
}

/// Looks at every open task. They are few.
pub(crate) async fn late<S: Cases>(store: &S, run: &Run) -> Result<(Late, Vec<Task>), Fault> {
    let open = store.tasks(Which::Open).await?;
    let mut late = Late::default();
    late.waiting.tasks = open.len() as u64;
    for task in open.iter().filter(|task| task.is_overdue(run.at)) {
        late.waiting.overdue += 1;
        late.findings.push(finding(run, task));
        late.evidence.push(evidence(task));
    }
    Ok((late, open))
}

/// Looks at the tasks that accounts wait for and that are not open any more.
pub(crate) async fn confirmed<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    run: &Run,
    open: &[Task],
    given: &[(IdentityId, TargetId, TaskId)],
) -> Result<(), Fault>
where
    S: Store + Cases,
    L: Lanes,
{
    for (identity, target, id) in given {
        if open.iter().any(|task| task.id == *id) {
            continue;
        }
        let task = reconciler.store.task(id).await?;
        if task.is_some_and(|task| matches!(task.state, TaskState::Done { .. })) {
            send_on(reconciler, run, identity, target).await?;
        }
    }
    Ok(())
}

/// A confirmation whose message got lost.
async fn send_on<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    run: &Run,
    identity: &IdentityId,
    target: &TargetId,
) -> Result<(), Fault>
where
    S: Store,
    L: Lanes,
{
    let Some(seat) = reconciler.store.seat(identity, target).await?.0 else {
        return Ok(());
    };
    let request = ConvergeRequest::look(
        identity.clone(),
        target.clone(),
        seat.record.generation,
        Cause::Reconcile,
    );
    let message = Outgoing {
        group: request.group(),
        dedup: format!("{}#{target}#{identity}#task", run.id),
        body: body(&request)?,
    };
    let lane = Lane::Target(target.clone());
    reconciler.lanes.send(&lane, &[message]).await
}

fn finding(run: &Run, task: &Task) -> FindingRow {
    let (class, severity, status) = match &task.work {
        Work::Account { gap, .. } => match gap {
            Gap::Access => (Class::O1, Severity::Critical, "active"),
            Gap::Missing => (Class::O7, Severity::Medium, "missing"),
            Gap::Drift => (Class::O8, Severity::Low, "active"),
        },
        Work::Handover => (Class::O10, Severity::Medium, "active"),
    };
    let target = task
        .target()
        .cloned()
        .unwrap_or_else(|| TargetId::from(HANDOVER));
    let parts = [class.as_str(), target.as_str(), task.id.as_str()];
    FindingRow {
        finding: Hash::of_parts(parts.map(str::as_bytes)),
        severity,
        class,
        target,
        account_id: "".into(),
        user_name: "".into(),
        status: status.into(),
        privileged: false,
        criticality: "".into(),
        entitlement_count: 0,
        entitlements: "".into(),
        created: None,
        last_sign_in: None,
        first_seen: run.date,
        age_days: 0,
        runs_seen: 1,
        identity: task.identity.as_str().into(),
        identity_state: "".into(),
        end_date: None,
        candidate: "".into(),
        candidate_rule: "".into(),
        candidate_confidence: None,
        owner: task.owner.name().into(),
        detail: format!(
            "task `{}` was due on {} and is not done: {}",
            task.id,
            task.due.strftime("%Y-%m-%d"),
            task.steps.join(", ")
        )
        .into(),
        evidence: evidence(task).id,
        proposed_action: format!("do it, then run `lanyard task done {}`", task.id).into(),
        decision: "open".into(),
        decided_by: "".into(),
    }
}

fn evidence(task: &Task) -> EvidenceRow {
    EvidenceRow {
        id: format!("task:{}", task.id).into(),
        body: Evidence::Task {
            task: task.id.clone(),
            identity: task.identity.clone(),
            owner: task.owner.name().into(),
            due: task.due,
        },
    }
}
