//! Changes of one account in their order, in as few batches as hold them.

use std::collections::VecDeque;

use domain::policy::EntitlementKind;
use domain::{AccountId, Change, EntitlementId};
use ports::Secrets;
use ports::target::{Applied, TargetError, is_refused_alone};
use target_http::Effect;

use crate::batch::{self, Part, Reply};
use crate::licence;
use crate::members::{is_doubtful, no_answer, removal};
use crate::settle::{Doubt, Want};
use crate::target::GraphTarget;
use crate::url::ObjectId;

/// What one or more changes come to on the wire.
struct Step {
    /// The changes, by position.
    of: Vec<usize>,
    /// At least one. One that may be absent is the last: Graph leaves out what waits for it, and
    /// what is left out goes again.
    parts: Vec<Part>,
    kind: Kind,
}

enum Kind {
    /// What rests on it failed if it fails: nothing after it is tried.
    Plain,
    /// A user name or nickname that may be taken.
    Rename,
    /// One membership that is given.
    Grant(Want),
    /// One that is taken.
    Revoke(Want),
    /// Licences, all or none, in the order of the positions.
    Licences(Vec<(Box<str>, bool)>),
}

impl Kind {
    const fn is_membership(&self) -> bool {
        match self {
            Self::Plain | Self::Rename => false,
            Self::Grant(_) | Self::Revoke(_) | Self::Licences(_) => true,
        }
    }
}

/// What became of a step.
enum Outcome {
    Done {
        unchanged: bool,
    },
    /// Not carried out, because something before it failed.
    Untried,
    /// A refusal that state has to explain.
    Doubtful(Reply),
    Failed(TargetError),
}

/// The answers so far, by position.
type Answers = Vec<Option<Result<Applied, TargetError>>>;

impl<S: Secrets> GraphTarget<S> {
    /// One answer for each change that was tried, in their order.
    pub(crate) async fn change_account(
        &self,
        changes: &[Change],
        account: &AccountId,
    ) -> Vec<Result<Applied, TargetError>> {
        let id = match ObjectId::of(account) {
            Ok(id) => id,
            Err(error) => return vec![Err(error)],
        };
        if let Err(error) = self.resolve(changes.iter().filter_map(entitlement)).await {
            return vec![Err(error)];
        }
        let mut answers: Answers = changes.iter().map(|_| None).collect();
        let mut todo = self.steps(changes, &id, &mut answers);
        let mut doubts: Vec<(usize, Doubt)> = Vec::new();
        // After the first batch what is left are steps behind one that was refused. Each round
        // ends with fewer of them.
        let mut first = true;
        while !todo.is_empty() {
            let chunk = next_chunk(&mut todo);
            let order = first || !chunk.iter().all(|step| step.kind.is_membership());
            first = false;
            let tried: Vec<usize> = chunk.iter().flat_map(|step| step.of.clone()).collect();
            let answered = self
                .round(chunk, order, &id, &mut todo, &mut answers, &mut doubts)
                .await;
            let mut failed = tried.into_iter().filter_map(|at| match answers.get(at)? {
                Some(Err(error)) => Some((changes.get(at)?, error)),
                Some(Ok(_)) | None => None,
            });
            if !answered || !failed.all(|(change, error)| is_refused_alone(change, error)) {
                break;
            }
        }
        let (places, doubts): (Vec<usize>, Vec<Doubt>) = doubts.into_iter().unzip();
        for (at, answer) in places.into_iter().zip(self.settle(&doubts).await) {
            set(&mut answers, at, answer);
        }
        answers.into_iter().map_while(|answer| answer).collect()
    }

    /// Sends one batch; what was not tried goes back to the front. `false` where the batch was not
    /// answered.
    async fn round(
        &self,
        chunk: Vec<Step>,
        order: bool,
        id: &ObjectId,
        todo: &mut VecDeque<Step>,
        answers: &mut Answers,
        doubts: &mut Vec<(usize, Doubt)>,
    ) -> bool {
        let parts: Vec<Part> = chunk.iter().flat_map(|step| step.parts.clone()).collect();
        let replies = match self.wire.batch(&parts, order, Effect::Write).await {
            Ok(replies) => replies,
            Err(error) => {
                let of = chunk.first().and_then(|step| step.of.first());
                set(answers, of.copied().unwrap_or_default(), Err(error));
                return false;
            }
        };
        let mut replies = replies.into_iter();
        let mut left: Vec<Step> = Vec::new();
        let mut absent: Vec<(usize, Doubt)> = Vec::new();
        for step in chunk {
            let own: Vec<Option<Reply>> = replies.by_ref().take(step.parts.len()).collect();
            match self.outcome(&step, own, id).await {
                Outcome::Done { unchanged } => {
                    for at in &step.of {
                        let id = id.account();
                        set(answers, *at, Ok(Applied { id, unchanged }));
                    }
                }
                Outcome::Untried => left.push(step),
                Outcome::Doubtful(reply) => match &step.kind {
                    Kind::Licences(all) if all.len() > 1 => {
                        left.extend(
                            step.of
                                .iter()
                                .zip(all)
                                .map(|(at, one)| licence_step(id, vec![*at], vec![one.clone()])),
                        );
                    }
                    Kind::Licences(all) => {
                        doubts.extend(step.of.iter().zip(all).map(|(at, (sku, give))| {
                            let (sku, give) = (sku.clone(), *give);
                            doubt(*at, id, Want::Licence { sku, give }, &reply)
                        }));
                    }
                    Kind::Grant(want) => {
                        let of = step.of.iter();
                        doubts.extend(of.map(|at| doubt(*at, id, want.clone(), &reply)));
                    }
                    Kind::Revoke(want) => {
                        let of = step.of.iter();
                        absent.extend(of.map(|at| doubt(*at, id, want.clone(), &reply)));
                    }
                    Kind::Plain | Kind::Rename => {}
                },
                Outcome::Failed(error) => {
                    let rest = step.of.iter().skip(1);
                    let copies: Vec<usize> = rest.copied().collect();
                    for at in copies {
                        set(answers, at, Err(crate::refusal::copy_of(&error)));
                    }
                    let at = step.of.first().copied().unwrap_or_default();
                    set(answers, at, Err(error));
                }
            }
        }
        // Before anything is given that may not stand beside what is taken.
        let (places, absent): (Vec<usize>, Vec<Doubt>) = absent.into_iter().unzip();
        for (at, answer) in places.into_iter().zip(self.settle(&absent).await) {
            set(answers, at, answer);
        }
        for step in left.into_iter().rev() {
            todo.push_front(step);
        }
        true
    }

    async fn outcome(&self, step: &Step, replies: Vec<Option<Reply>>, id: &ObjectId) -> Outcome {
        let mut unchanged = true;
        for (part, reply) in step.parts.iter().zip(replies) {
            let Some(reply) = reply else {
                return Outcome::Failed(no_answer());
            };
            if reply.is_success() {
                unchanged = false;
            } else if reply.is_untried() {
                return Outcome::Untried;
            } else if !(part.absent_is_done && reply.status == 404) {
                let doubtful = match step.kind {
                    Kind::Grant(_) | Kind::Licences(_) => is_doubtful(&reply),
                    Kind::Revoke(_) => reply.status == 404,
                    Kind::Plain | Kind::Rename => false,
                };
                if doubtful {
                    return Outcome::Doubtful(reply);
                }
                let error = match step.kind {
                    Kind::Rename if reply.is_bare() => {
                        self.name_taken(part, &reply, Some(id)).await
                    }
                    Kind::Plain
                    | Kind::Rename
                    | Kind::Grant(_)
                    | Kind::Revoke(_)
                    | Kind::Licences(_) => None,
                };
                return Outcome::Failed(
                    error.unwrap_or_else(|| self.refused(&reply, part.action, Effect::Write)),
                );
            }
        }
        Outcome::Done { unchanged }
    }

    /// The steps up to the first change that cannot be sent and is no membership; that and
    /// refused memberships are answered.
    fn steps(&self, changes: &[Change], id: &ObjectId, answers: &mut Answers) -> VecDeque<Step> {
        let mut steps: VecDeque<Step> = VecDeque::new();
        let mut licences: Option<usize> = None;
        for (at, change) in changes.iter().enumerate() {
            let made = match change {
                Change::Grant { entitlement } | Change::Revoke { entitlement } => {
                    let give = matches!(change, Change::Grant { .. });
                    if let Some((EntitlementKind::Licence, sku)) =
                        self.entitlements.get(entitlement)
                    {
                        let one = (sku.clone(), give);
                        if let Some(step) = licences.and_then(|place| steps.get_mut(place)) {
                            join_licence(step, id, at, one);
                        } else {
                            licences = Some(steps.len());
                            steps.push_back(licence_step(id, vec![at], vec![one]));
                        }
                        continue;
                    }
                    match self.membership(entitlement, give, id, at) {
                        Ok(step) => Ok(vec![step]),
                        Err(error) => {
                            set(answers, at, Err(error));
                            continue;
                        }
                    }
                }
                Change::Create { .. }
                | Change::Adopt { .. }
                | Change::Restore
                | Change::Update { .. }
                | Change::Enable
                | Change::Disable
                | Change::Delete
                | Change::RevokeSessions => {
                    let ends = changes.get(at + 1) == Some(&Change::RevokeSessions);
                    self.parts(change, id, ends).map(|parts| {
                        let kind = if renames(change) {
                            Kind::Rename
                        } else {
                            Kind::Plain
                        };
                        vec![Step {
                            of: vec![at],
                            parts,
                            kind,
                        }]
                    })
                }
            };
            match made {
                Ok(made) => steps.extend(made),
                Err(error) => {
                    set(answers, at, Err(error));
                    break;
                }
            }
        }
        steps
    }

    fn membership(
        &self,
        entitlement: &EntitlementId,
        give: bool,
        id: &ObjectId,
        at: usize,
    ) -> Result<Step, TargetError> {
        let group = self.open_group(entitlement)?;
        let (part, kind) = if give {
            let want = Want::Member {
                entitlement: entitlement.clone(),
                group: group.id.clone(),
                roles: group.roles,
            };
            (self.addition(&group, id), Kind::Grant(want))
        } else {
            let want = Want::Absent {
                entitlement: entitlement.clone(),
                group: group.id.clone(),
            };
            (removal(&group, id), Kind::Revoke(want))
        };
        Ok(Step {
            of: vec![at],
            parts: vec![part],
            kind,
        })
    }
}

/// As many steps as a batch holds. The parts of one step stay together; no step has more than a
/// batch.
fn next_chunk(todo: &mut VecDeque<Step>) -> Vec<Step> {
    let mut chunk: Vec<Step> = Vec::new();
    let mut room = batch::MOST;
    while let Some(step) = todo.pop_front() {
        match room.checked_sub(step.parts.len()) {
            Some(left) => room = left,
            None if chunk.is_empty() => {}
            None => {
                todo.push_front(step);
                break;
            }
        }
        chunk.push(step);
    }
    chunk
}

fn renames(change: &Change) -> bool {
    match change {
        Change::Update { attrs } => {
            attrs.contains_key("userName") || attrs.contains_key("mailNickname")
        }
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Restore
        | Change::Enable
        | Change::Disable
        | Change::Delete
        | Change::RevokeSessions
        | Change::Grant { .. }
        | Change::Revoke { .. } => false,
    }
}

pub(crate) const fn entitlement(change: &Change) -> Option<&EntitlementId> {
    match change {
        Change::Grant { entitlement } | Change::Revoke { entitlement } => Some(entitlement),
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

fn licence_step(id: &ObjectId, of: Vec<usize>, all: Vec<(Box<str>, bool)>) -> Step {
    let skus = |wanted: bool| {
        let fits = all.iter().filter(move |(_, give)| *give == wanted);
        fits.map(|(sku, _)| &**sku).collect::<Vec<&str>>()
    };
    Step {
        of,
        parts: vec![licence::assign(id, &skus(true), &skus(false))],
        kind: Kind::Licences(all),
    }
}

/// Folds one more licence into the request that is there.
fn join_licence(step: &mut Step, id: &ObjectId, at: usize, one: (Box<str>, bool)) {
    let of = step.of.iter().copied().chain([at]).collect();
    let all = match &step.kind {
        Kind::Licences(all) => all.iter().cloned().chain([one]).collect(),
        Kind::Plain | Kind::Rename | Kind::Grant(_) | Kind::Revoke(_) => vec![one],
    };
    *step = licence_step(id, of, all);
}

fn doubt(at: usize, id: &ObjectId, want: Want, reply: &Reply) -> (usize, Doubt) {
    let doubt = Doubt {
        account: id.clone(),
        want,
        reply: reply.clone(),
    };
    (at, doubt)
}

fn set(answers: &mut Answers, at: usize, answer: Result<Applied, TargetError>) {
    if let Some(slot) = answers.get_mut(at) {
        *slot = Some(answer);
    }
}
