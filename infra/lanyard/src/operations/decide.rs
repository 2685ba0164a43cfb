//! What operators ask of a stack and decide: cases, links, tasks. What is shown holds opaque ids,
//! worker ids and names of attributes; values of people are never shown.

use std::collections::BTreeMap;

use domain::case::{self, Case, Ruling};
use domain::record::CorrelatedBy;
use domain::task::{Task, Work};
use domain::{AccountRecord, CaseId, IdentityId, RecordKey, TargetId, TaskId};
use planner::operator::{Answer, End, Operator, Said};
use ports::cases::Which;
use ports::store::{Dossier, Seat};
use ports::{Cases, Clock, Fault, Lanes, Store, Walk};
use serde::{Deserialize, Serialize};

use super::Operations;

/// What an operator wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "see")]
pub enum See {
    /// Cases, the decided ones too if `all`.
    Cases {
        /// Whether those too that nobody waits for.
        all: bool,
    },
    /// One case.
    Case {
        /// Which.
        id: CaseId,
    },
    /// The links of every identity.
    Links,
    /// Everything about the links of one identity, or of the one a worker record belongs to.
    Link {
        /// The identity, or the record.
        of: RecordKey,
    },
    /// Tasks, the finished ones too if `all`.
    Tasks {
        /// Whether those too that nobody waits for.
        all: bool,
    },
    /// One task.
    Task {
        /// Which.
        id: TaskId,
    },
}

/// What an operator decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decide")]
pub enum Decide {
    /// An answer to a case.
    Case {
        /// To which.
        id: CaseId,
        /// What.
        answer: Answer,
        /// By whom, and why.
        said: Said,
    },
    /// A worker record moves.
    Move {
        /// Which.
        record: RecordKey,
        /// To that identity; `None` founds its own.
        to: Option<IdentityId>,
        /// By whom, and why.
        said: Said,
    },
    /// An account is somebody else's.
    Unlink {
        /// Whose it is not.
        identity: IdentityId,
        /// Where.
        target: TargetId,
        /// By whom, and why.
        said: Said,
    },
    /// A task ends.
    Task {
        /// Which.
        id: TaskId,
        /// How.
        end: End,
        /// By whom, and why.
        said: Said,
    },
}

/// What is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Cases.
    Cases(Vec<CaseView>),
    /// Links.
    Links(Vec<LinkView>),
    /// Tasks.
    Tasks(Vec<TaskView>),
}

/// A case as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseView {
    /// `record` or `account`.
    pub kind: String,
    /// The worker record, or the target.
    pub about: String,
    /// The source's id of the worker record, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The rest, without the account's id, which may be personal.
    pub id: CaseId,
    /// When it was first asked.
    pub since: jiff::Timestamp,
    /// Why a machine does not decide.
    pub why: String,
    /// To whom it may belong.
    pub candidates: Vec<case::Candidate>,
    /// Whether it is still asked.
    pub state: case::CaseState,
}

/// The links of one identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// Whose.
    pub identity: IdentityId,
    /// Where the human stands.
    pub state: String,
    /// Its worker records.
    pub records: Vec<RecordLink>,
    /// Its accounts by target.
    pub accounts: BTreeMap<TargetId, AccountLink>,
    /// What operators decided about any of them, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<DecisionView>,
}

/// A worker record's link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordLink {
    /// Which.
    pub record: RecordKey,
    /// The source's id of it, where one identity is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// By what or by whom.
    pub by: String,
    /// 0 to 100.
    pub confidence: u8,
    /// Since when.
    pub at: jiff::Timestamp,
}

/// An account's link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLink {
    /// `created`, `adopted`, `unmanaged`, or `none` where there is no account.
    pub ownership: String,
    /// Whether it can sign in.
    pub active: bool,
    /// Whether an operator named the account.
    pub named: bool,
    /// Why it waits for a human.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<String>,
}

/// A decision as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionView {
    /// About which record.
    pub record: RecordKey,
    /// What, without ids of accounts.
    pub what: String,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: jiff::Timestamp,
}

/// A task as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// Its name.
    pub id: TaskId,
    /// About whom.
    pub identity: IdentityId,
    /// The source's id of the person's first worker record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The target, or `handover`.
    pub of: String,
    /// Who does it.
    pub owner: String,
    /// What to do.
    pub steps: Vec<String>,
    /// When it was given.
    pub since: jiff::Timestamp,
    /// When it has to be done.
    pub due: jiff::Timestamp,
    /// How far it is.
    pub state: domain::task::TaskState,
}

impl<S, L, B, C> Operations<'_, S, L, B, C>
where
    S: Store + Cases,
    L: Lanes,
    C: Clock,
{
    pub(super) async fn see(&self, asked: See) -> Result<Seen, Fault> {
        match asked {
            See::Cases { all } => {
                let mut views = Vec::new();
                for case in self.store.cases(which(all)).await? {
                    views.push(self.case_view(case, false).await?);
                }
                Ok(Seen::Cases(views))
            }
            See::Case { id } => {
                let case = self.store.case(&id).await?;
                let case = case.ok_or_else(|| Fault::reject(format!("there is no case `{id}`")))?;
                Ok(Seen::Cases(vec![self.case_view(case, true).await?]))
            }
            See::Links => self.links().await.map(Seen::Links),
            See::Link { of } => Ok(Seen::Links(vec![self.link(&of).await?])),
            See::Tasks { all } => {
                let tasks = self.store.tasks(which(all)).await?.into_iter();
                Ok(Seen::Tasks(tasks.map(|task| view(task, None)).collect()))
            }
            See::Task { id } => {
                let task = self.store.task(&id).await?;
                let task = task.ok_or_else(|| Fault::reject(format!("there is no task `{id}`")))?;
                let worker = self.worker(&RecordKey::from(&task.identity)).await?;
                Ok(Seen::Tasks(vec![view(task, worker)]))
            }
        }
    }

    pub(super) async fn decide(&self, decided: Decide) -> Result<(), Fault> {
        let operator = Operator::new(self.store, self.lanes, self.clock);
        match decided {
            Decide::Case { id, answer, said } => {
                operator.answer(&id, answer, &said).await?;
            }
            Decide::Move { record, to, said } => {
                operator.move_record(&record, to.as_ref(), &said).await?;
            }
            Decide::Unlink {
                identity,
                target,
                said,
            } => {
                operator.unlink_account(&identity, &target, &said).await?;
            }
            Decide::Task { id, end, said } => {
                operator.end_task(&id, end, &said).await?;
            }
        }
        Ok(())
    }

    async fn case_view(&self, case: Case, whole: bool) -> Result<CaseView, Fault> {
        let (about, worker) = match &case.subject {
            case::Subject::Record { record } if whole => {
                (record.to_string(), self.worker(record).await?)
            }
            case::Subject::Record { record } => (record.to_string(), None),
            case::Subject::Account { target, .. } | case::Subject::Double { target, .. } => {
                (target.to_string(), None)
            }
        };
        Ok(CaseView {
            kind: case.subject.kind().to_owned(),
            about,
            worker,
            id: case.id,
            since: case.since,
            why: case.why.into(),
            candidates: case.candidates,
            state: case.state,
        })
    }

    /// The source's id of a worker record.
    async fn worker(&self, record: &RecordKey) -> Result<Option<String>, Fault> {
        Ok(worker_of(&self.store.dossier(record).await?))
    }

    async fn links(&self) -> Result<Vec<LinkView>, Fault> {
        let mut views = Vec::new();
        let mut walk = Walk::over(self.store);
        while let Some(rows) = walk.page().await? {
            let rows = rows.into_iter();
            views.extend(rows.map(|(identity, seat)| links_of(identity, &seat)));
        }
        views.sort_by(|a, b| a.identity.cmp(&b.identity));
        Ok(views)
    }

    async fn link(&self, of: &RecordKey) -> Result<LinkView, Fault> {
        let asked = self.store.dossier(of).await?;
        let founding = match &asked.link {
            Some(identity) => self.store.dossier(&RecordKey::from(identity)).await?,
            None => asked,
        };
        let Some(seat) = &founding.seat else {
            return Err(Fault::reject(format!(
                "there is no identity or worker record `{of}`"
            )));
        };
        let mut view = links_of(IdentityId::from(&founding.key), seat);
        let mut decisions = Vec::new();
        for link in &mut view.records {
            let dossier = if link.record == founding.key {
                founding.clone()
            } else {
                self.store.dossier(&link.record).await?
            };
            link.worker = worker_of(&dossier);
            let record = &dossier.key;
            decisions.extend(dossier.decisions.iter().map(|one| decided(record, one)));
        }
        decisions.sort_by_key(|one| one.at);
        view.decisions = decisions;
        Ok(view)
    }
}

const fn which(all: bool) -> Which {
    if all { Which::All } else { Which::Open }
}

fn worker_of(dossier: &Dossier) -> Option<String> {
    let first = dossier.facts.iter().min_by_key(|fact| fact.received_at)?;
    Some(first.worker.as_str().to_owned())
}

fn links_of(identity: IdentityId, seat: &Seat) -> LinkView {
    let by = |by: &CorrelatedBy| match by {
        CorrelatedBy::Founder => "founder".to_owned(),
        CorrelatedBy::Rule(rule) => format!("rule `{rule}`"),
        CorrelatedBy::Operator(name) => format!("operator `{name}`"),
    };
    let records = seat.record.records.iter().map(|link| RecordLink {
        record: link.record.clone(),
        worker: None,
        by: by(&link.by),
        confidence: link.confidence,
        at: link.at,
    });
    let accounts = seat.accounts.iter().map(|(target, account)| {
        let ties = seat.record.ties.get(target);
        let named = ties.is_some_and(|ties| ties.adopt.is_some() && ties.adopt == account.id);
        (target.clone(), account_link(account, named))
    });
    LinkView {
        state: format!("{:?}", seat.record.state).to_lowercase(),
        records: records.collect(),
        accounts: accounts.collect(),
        decisions: Vec::new(),
        identity,
    }
}

fn account_link(account: &AccountRecord, named: bool) -> AccountLink {
    let ownership = account.ownership.filter(|_| account.id.is_some());
    AccountLink {
        ownership: ownership.map_or_else(
            || "none".to_owned(),
            |ownership| format!("{ownership:?}").to_lowercase(),
        ),
        active: account.active,
        named,
        parked: account.parked.as_deref().map(str::to_owned),
    }
}

fn decided(record: &RecordKey, decision: &case::Decision) -> DecisionView {
    DecisionView {
        record: record.clone(),
        what: match &decision.rules {
            Ruling::Same { identity } => format!("belongs to {identity}"),
            Ruling::Different { identity } => format!("does not belong to {identity}"),
            Ruling::Own => "has an identity of its own".to_owned(),
            Ruling::Adopt { target, .. } => format!("an account on `{target}` is taken over"),
            Ruling::Release { target, .. } => format!("an account on `{target}` is let go"),
        },
        by: decision.by.to_string(),
        reason: decision.reason.to_string(),
        at: decision.at,
    }
}

fn view(task: Task, worker: Option<String>) -> TaskView {
    TaskView {
        of: match &task.work {
            Work::Account { target, .. } => target.to_string(),
            Work::Handover => "handover".to_owned(),
        },
        owner: task.owner.name().to_owned(),
        steps: task.steps.iter().map(ToString::to_string).collect(),
        id: task.id,
        identity: task.identity,
        worker,
        since: task.since,
        due: task.due,
        state: task.state,
    }
}
