//! What operators decide: recorded with name and reason, then handed to whoever acts on it. It
//! writes to no identity and to no target: the planner and the connectors do, when they look.

use contract::{Cause, ConvergeRequest, Lane, PlanRequest};
use domain::case::{self, Candidate, Case, CaseState, Decision, Ruling, Subject, Verdict};
use domain::task::{Task, TaskState, Work};
use domain::{AccountId, CaseId, Desired, IdentityId, RecordKey, TargetId, TaskId};
use ports::store::{Dossier, Seat};
use ports::{Cases, Clock, Fault, Lanes, Outgoing, Store};
use serde::{Deserialize, Serialize};

use crate::fetch::{is_disputed, is_retired};
use crate::founder;
use crate::send::json;

/// Who decides, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The operator's name.
    pub by: Box<str>,
    /// In the operator's words. It is kept: no personal data belongs in it.
    pub reason: Box<str>,
}

/// An answer to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The record belongs to that identity, a candidate or not; the account that is one too many or
    /// several people's, to that candidate. An only candidate need not be named.
    Same(Option<IdentityId>),
    /// The record does not belong to that identity; to none of the candidates where none is named.
    Different(Option<IdentityId>),
    /// The account is taken over for that identity, a candidate or not; an only candidate need not
    /// be named.
    Adopt(Option<IdentityId>),
    /// The account stays as it is.
    LeaveAlone,
}

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It is done.
    Done,
    /// It will not be done.
    Cancelled,
}

/// Records what operators decide.
pub struct Operator<'a, S, L, C> {
    store: &'a S,
    lanes: &'a L,
    clock: &'a C,
}

impl<'a, S: Store + Cases, L: Lanes, C: Clock> Operator<'a, S, L, C> {
    /// Over these ports.
    pub const fn new(store: &'a S, lanes: &'a L, clock: &'a C) -> Self {
        Self {
            store,
            lanes,
            clock,
        }
    }

    /// Answers a case. Answering one anew is refused: links are repaired.
    pub async fn answer(&self, id: &CaseId, answer: Answer, said: &Said) -> Result<Case, Fault> {
        let Some(case) = self.store.case(id).await? else {
            return Err(Fault::reject(format!("there is no case `{id}`")));
        };
        if !case.is_open() {
            return Err(Fault::reject(format!(
                "case `{id}` is not open any more; `lanyard case show {id}` says why, and \
                 `lanyard link repair` changes what came of it"
            )));
        }
        match (&case.subject, answer) {
            (Subject::Record { record }, Answer::Same(whom)) => {
                let whom = named_or_only(&case, whom)?;
                self.alive(&whom).await?;
                let ruling = Ruling::Same {
                    identity: whom.clone(),
                };
                self.rule(record, ruling, said).await?;
                let verdict = Verdict::Same { identity: whom };
                let decided = self.decided(&case, verdict, said).await?;
                self.look_at(record).await?;
                Ok(decided)
            }
            (Subject::Record { record }, Answer::Different(whom)) => {
                self.apart(&case, record, whom, said).await
            }
            (Subject::Double { target, account }, Answer::Same(whom)) => {
                self.whose(&case, target, account, whom, said).await
            }
            (
                Subject::Account { target, account } | Subject::Double { target, account },
                Answer::Adopt(whom),
            ) => {
                let whom = named_or_only(&case, whom)?;
                self.takes_over(&whom, target).await?;
                let ruling = Ruling::Adopt {
                    target: target.clone(),
                    account: account.clone(),
                };
                self.rule(&founder(&whom), ruling, said).await?;
                let verdict = Verdict::Adopt {
                    identity: whom.clone(),
                };
                let decided = self.decided(&case, verdict, said).await?;
                self.look_at(&founder(&whom)).await?;
                Ok(decided)
            }
            (Subject::Account { .. } | Subject::Double { .. }, Answer::LeaveAlone) => {
                self.decided(&case, Verdict::LeaveAlone, said).await
            }
            (Subject::Double { .. }, Answer::Different(_)) => Err(Fault::reject(format!(
                "case `{id}` is about an account: answer `same`, `adopt` or `leave-alone`"
            ))),
            (Subject::Record { .. }, Answer::Adopt(_) | Answer::LeaveAlone) => Err(Fault::reject(
                format!("case `{id}` is about a worker record: answer `same` or `different`"),
            )),
            (Subject::Account { .. }, Answer::Same(_) | Answer::Different(_)) => {
                Err(Fault::reject(format!(
                    "case `{id}` is about an account: answer `adopt` or `leave-alone`"
                )))
            }
        }
    }

    /// An account is one candidate's: all others let it go.
    async fn whose(
        &self,
        case: &Case,
        target: &TargetId,
        account: &AccountId,
        whom: Option<IdentityId>,
        said: &Said,
    ) -> Result<Case, Fault> {
        let whom = named_or_only(case, whom)?;
        let (own, others): (Vec<&Candidate>, Vec<&Candidate>) =
            case.candidates.iter().partition(|one| one.identity == whom);
        if own.is_empty() {
            return Err(Fault::reject(format!(
                "identity `{whom}` does not claim the account of case `{}`: unlink it from whoever \
                 does, and adopt it then",
                case.id
            )));
        }
        for other in &others {
            let ruling = Ruling::Release {
                target: target.clone(),
                account: account.clone(),
            };
            self.rule(&founder(&other.identity), ruling, said).await?;
        }
        let verdict = Verdict::Same { identity: whom };
        let decided = self.decided(case, verdict, said).await?;
        for other in others {
            self.look_at(&founder(&other.identity)).await?;
        }
        Ok(decided)
    }

    /// A record is none of one or of all candidates.
    async fn apart(
        &self,
        case: &Case,
        record: &RecordKey,
        whom: Option<IdentityId>,
        said: &Said,
    ) -> Result<Case, Fault> {
        if let Some(whom) = &whom
            && !case.candidates.iter().any(|one| one.identity == *whom)
        {
            return Err(Fault::reject(format!(
                "identity `{whom}` is no candidate of case `{}`",
                case.id
            )));
        }
        let is_told_apart = |identity: &IdentityId| whom.as_ref().is_none_or(|one| one == identity);
        let (apart, left): (Vec<_>, Vec<_>) = case
            .candidates
            .iter()
            .cloned()
            .partition(|candidate| is_told_apart(&candidate.identity));
        for candidate in apart {
            let ruling = Ruling::Different {
                identity: candidate.identity,
            };
            self.rule(record, ruling, said).await?;
        }
        let decided = if left.is_empty() {
            self.decided(case, Verdict::Different, said).await?
        } else {
            let fewer = Case {
                candidates: left,
                ..case.clone()
            };
            self.write(case, fewer).await?
        };
        self.look_at(record).await?;
        Ok(decided)
    }

    /// Moves a worker record to another identity, or lets it found its own (`None`).
    pub async fn move_record(
        &self,
        record: &RecordKey,
        to: Option<&IdentityId>,
        said: &Said,
    ) -> Result<(), Fault> {
        let dossier = self.store.dossier(record).await?;
        let now = belongs_to(&dossier);
        if now.is_none() && dossier.facts.is_empty() {
            return Err(Fault::reject(format!(
                "there is no worker record `{record}`"
            )));
        }
        if now.as_ref() == to && to.is_some() {
            return Err(Fault::reject(format!(
                "record `{record}` belongs to that identity already"
            )));
        }
        let founds = now.as_ref() == Some(&IdentityId::from(record));
        let others = dossier
            .seat
            .as_ref()
            .is_some_and(|seat| founds && seat.record.records.len() > 1);
        if others {
            return Err(Fault::reject(format!(
                "record `{record}` founded an identity that has other records: move those first"
            )));
        }
        match to {
            Some(to) => {
                self.alive(to).await?;
                let ruling = Ruling::Same {
                    identity: to.clone(),
                };
                self.rule(record, ruling, said).await?;
            }
            None if founds => {
                return Err(Fault::reject(format!(
                    "record `{record}` has an identity of its own already"
                )));
            }
            None => {
                if let Some(now) = now {
                    let ruling = Ruling::Different { identity: now };
                    self.rule(record, ruling, said).await?;
                }
                self.rule(record, Ruling::Own, said).await?;
            }
        }
        self.look_at(record).await
    }

    /// Says that an identity's account on a target is not its own. The account is not touched.
    pub async fn unlink_account(
        &self,
        identity: &IdentityId,
        target: &TargetId,
        said: &Said,
    ) -> Result<(), Fault> {
        let seat = self.alive(identity).await?;
        let Some(account) = account_of(&seat, target) else {
            return Err(Fault::reject(format!(
                "identity `{identity}` has no account on `{target}`"
            )));
        };
        let subject = Subject::Account {
            target: target.clone(),
            account: account.clone(),
        };
        let ruling = Ruling::Release {
            target: target.clone(),
            account,
        };
        self.rule(&founder(identity), ruling, said).await?;
        // Whose it is, is a question from now on; to take the decision back is one answer.
        let before = Candidate {
            identity: identity.clone(),
            confidence: 0,
            clues: Vec::new(),
        };
        let why = "an operator let the account go, and nobody has it";
        let asked = Case::open(subject, self.clock.now(), why, vec![before]);
        let was = self.store.case(&asked.id).await?;
        if !self.store.put_case(&asked, was.as_ref()).await? {
            return Err(Fault::retry(
                "somebody else wrote the case first; try again",
            ));
        }
        self.look_at(&founder(identity)).await
    }

    /// Ends a task. To say so again sends the message again.
    pub async fn end_task(&self, id: &TaskId, end: End, said: &Said) -> Result<Task, Fault> {
        let Some(task) = self.store.task(id).await? else {
            return Err(Fault::reject(format!("there is no task `{id}`")));
        };
        let (by, note, at) = (said.by.clone(), said.reason.clone(), self.clock.now());
        let state = match end {
            End::Done => TaskState::Done { by, note, at },
            End::Cancelled => TaskState::Cancelled { by, note, at },
        };
        let again = task.state.name() == state.name();
        if !task.is_open() && !again {
            return Err(Fault::reject(format!(
                "task `{id}` is {} already; `lanyard task show {id}` says why",
                task.state.name()
            )));
        }
        let ended = if again {
            task
        } else {
            let ended = Task {
                state,
                ..task.clone()
            };
            if !self.store.put_task(&ended, Some(&task)).await? {
                return Err(Fault::retry(
                    "somebody else wrote the task first; try again",
                ));
            }
            ended
        };
        if let Work::Account {
            target, generation, ..
        } = &ended.work
        {
            let request = ConvergeRequest::look(
                ended.identity.clone(),
                target.clone(),
                *generation,
                Cause::Operator,
            );
            let message = Outgoing {
                group: request.group(),
                dedup: format!("{id}#{}#{}", ended.state.name(), at.as_millisecond()),
                body: json(&request),
            };
            let lane = Lane::Target(target.clone());
            self.lanes.send(&lane, &[message]).await?;
        }
        Ok(ended)
    }

    async fn rule(&self, record: &RecordKey, rules: Ruling, said: &Said) -> Result<(), Fault> {
        let decision = Decision {
            rules,
            by: said.by.clone(),
            reason: said.reason.clone(),
            at: self.clock.now(),
        };
        self.store.decide(record, &decision).await
    }

    async fn decided(&self, case: &Case, verdict: Verdict, said: &Said) -> Result<Case, Fault> {
        let decided = Case {
            state: CaseState::Decided {
                verdict,
                by: said.by.clone(),
                reason: said.reason.clone(),
                at: self.clock.now(),
            },
            ..case.clone()
        };
        self.write(case, decided).await
    }

    async fn write(&self, was: &Case, next: Case) -> Result<Case, Fault> {
        if self.store.put_case(&next, Some(was)).await? {
            return Ok(next);
        }
        Err(Fault::retry(
            "somebody else wrote the case first; try again",
        ))
    }

    /// The identity's item, if somebody lives behind it.
    async fn alive(&self, identity: &IdentityId) -> Result<Seat, Fault> {
        let dossier = self.store.dossier(&founder(identity)).await?;
        let seat = dossier.seat.filter(|seat| {
            let record = &seat.record;
            dossier.link.is_none() && !is_disputed(record) && !is_retired(record)
        });
        seat.ok_or_else(|| Fault::reject(format!("there is no identity `{identity}`")))
    }

    /// Refuses an adoption that would come to nothing.
    async fn takes_over(&self, identity: &IdentityId, target: &TargetId) -> Result<(), Fault> {
        let seat = self.alive(identity).await?;
        if account_of(&seat, target).is_some() {
            return Err(Fault::reject(format!(
                "identity `{identity}` has an account on `{target}`: unlink that one first, or \
                 leave this one alone"
            )));
        }
        let wanted = seat.record.projections.get(target);
        if wanted.is_none_or(|wanted| wanted.desired == Desired::None) {
            return Err(Fault::reject(format!(
                "policy wants no account of identity `{identity}` on `{target}`: leave this one \
                 alone, or change the policy first"
            )));
        }
        Ok(())
    }

    /// Hands a record to the planner, once after each set of decisions about it.
    async fn look_at(&self, record: &RecordKey) -> Result<(), Fault> {
        let decisions = self.store.dossier(record).await?.decisions;
        let request = PlanRequest::new(record.clone(), Cause::Operator);
        let message = Outgoing {
            group: record.as_str().to_owned(),
            dedup: format!("{record}#operator{}", case::digest(&decisions).short()),
            body: json(&request),
        };
        self.lanes.send(&Lane::Facts, &[message]).await
    }
}

/// Whoever the operator names, who may know more than the evidence; otherwise the only candidate.
fn named_or_only(case: &Case, whom: Option<IdentityId>) -> Result<IdentityId, Fault> {
    if let Some(whom) = whom {
        return Ok(whom);
    }
    match case.candidates.as_slice() {
        [only] => Ok(only.identity.clone()),
        _ => Err(Fault::reject(format!(
            "case `{}` has several candidates: name one with `--identity`",
            case.id
        ))),
    }
}

/// To whom a record belongs now.
fn belongs_to(dossier: &Dossier) -> Option<IdentityId> {
    let founded = dossier.seat.as_ref().filter(|seat| {
        let record = &seat.record;
        !is_disputed(record) && !is_retired(record)
    });
    dossier
        .link
        .clone()
        .or_else(|| founded.map(|_| IdentityId::from(&dossier.key)))
}

fn account_of(seat: &Seat, target: &TargetId) -> Option<AccountId> {
    seat.accounts.get(target)?.id.clone()
}
