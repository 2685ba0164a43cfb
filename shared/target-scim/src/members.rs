//! Memberships of many accounts, in as few requests as the dialect allows.
//!
//! All changes of one group in one direction go together, `member_chunk` of them in a request.
//! What is taken away goes before what is given. A request that is refused as a whole is sent
//! again in halves, down to single members, so that one bad member does not spoil the others.
//!
//! No request empties a group: a removal always names its members, and there is none without
//! members.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::profile::Operation;
use domain::{AccountId, EntitlementId};
use ports::target::{Applied, MemberChange, TargetError};
use ports::{Fault, Secrets};
use target_http::Effect;

use crate::member_form::{Form, Sent};
use crate::refusal::{Refusal, ScimType};
use crate::rules::check_proven;
use crate::target::ScimTarget;
use crate::wire::Got;

type Answer = Result<bool, TargetError>;

impl<S: Secrets> ScimTarget<S> {
    /// Gives and takes memberships; one answer for each, in their order.
    pub(crate) async fn change_memberships(
        &self,
        changes: &[MemberChange],
    ) -> Vec<Result<Applied, TargetError>> {
        let mut answers: Vec<Option<Answer>> = changes.iter().map(|_| None).collect();
        let mut batches: BTreeMap<(bool, &EntitlementId), BTreeMap<&AccountId, Vec<usize>>> =
            BTreeMap::new();
        for (at, change) in changes.iter().enumerate() {
            let batch = batches
                .entry((change.give, &change.entitlement))
                .or_default();
            batch.entry(&change.account).or_default().push(at);
        }
        let mut stop: Option<TargetError> = None;
        for ((give, entitlement), members) in &batches {
            let both_ways = |account: &AccountId| {
                batches
                    .get(&(!*give, *entitlement))
                    .is_some_and(|others| others.contains_key(account))
            };
            let (clear, odd): (Vec<_>, Vec<_>) = members.iter().partition(|(id, _)| !both_ways(id));
            let ids: Vec<&str> = clear.iter().map(|(id, _)| id.as_str()).collect();
            let results = match &stop {
                Some(error) => ids.iter().map(|_| Err(error.clone())).collect(),
                None => {
                    self.change_members(entitlement, *give, &ids, &mut stop)
                        .await
                }
            };
            let refused = odd.iter().map(|_| {
                Err(TargetError::Fault(Fault::reject(format!(
                    "`{entitlement}` is to be given and taken away at once; say which"
                ))))
            });
            let places = clear.iter().chain(&odd).map(|(_, places)| places);
            for (places, result) in places.zip(results.into_iter().chain(refused)) {
                for at in *places {
                    if let Some(answer) = answers.get_mut(*at) {
                        *answer = Some(match &result {
                            Ok(unchanged) => Ok(*unchanged),
                            Err(error) => Err(error.clone()),
                        });
                    }
                }
            }
        }
        let answers = answers.into_iter().zip(changes);
        answers
            .map(|(answer, change)| {
                // Every place is in a batch, and every batch was answered.
                let answer = answer.unwrap_or_else(|| Err(not_sent("the batch ended early")));
                answer.map(|unchanged| Applied {
                    id: change.account.clone(),
                    unchanged,
                })
            })
            .collect()
    }

    /// Changes members of one group; whether each was so already. `stop` is set where nothing
    /// more should be sent to the target for now.
    pub(crate) async fn change_members(
        &self,
        entitlement: &EntitlementId,
        give: bool,
        ids: &[&str],
        stop: &mut Option<TargetError>,
    ) -> Vec<Answer> {
        let mut run = Run {
            target: self,
            entitlement,
            form: if give {
                Form::adding(self.profile.member_add)
            } else {
                Form::removing(self.profile.member_remove)
            },
            group: None,
            looked_again: false,
            answers: ids.iter().map(|_| None).collect(),
        };
        let operation = if give {
            Operation::Grant
        } else {
            Operation::Revoke
        };
        if let Err(fault) = check_proven(&self.profile, &[operation]) {
            run.answer(0..ids.len(), &Err(TargetError::Fault(fault)));
        }
        let mut too_many: Option<usize> = None;
        let mut open = run.chunks(ids);
        while let Some(part) = open.pop_front() {
            if let Some(error) = &*stop {
                let answer = Err(error.clone());
                run.answer(part, &answer);
                continue;
            }
            let Some(members) = ids.get(part.clone()) else {
                continue;
            };
            match run.send(members).await {
                Ok(Sent::Unchanged) => run.answer(part, &Ok(true)),
                Ok(Sent::Got(Got::Success(_))) => {
                    // What was refused and now goes through in part was too much.
                    if too_many.is_some_and(|refused| part.len() < refused) {
                        self.most_members.fetch_min(part.len(), Ordering::Relaxed);
                        too_many = None;
                    }
                    run.answer(part, &Ok(false));
                }
                Ok(Sent::Got(Got::Refused(refusal))) => {
                    if part.len() > 1 && (refusal.is_too_much() || refusal.may_be_about_a_part()) {
                        let most = part.len().div_ceil(2);
                        if refusal.is_too_much() {
                            too_many = Some(part.len());
                        }
                        let middle = part.start + most;
                        open.push_front(middle..part.end);
                        open.push_front(part.start..middle);
                        continue;
                    }
                    let answer = run.settle(&refusal);
                    *stop = answer.as_ref().err().and_then(ends_the_batch);
                    run.answer(part, &answer);
                }
                Err(error) => {
                    *stop = ends_the_batch(&error);
                    // It is about the group, so that the other members fare no better.
                    let part = if stop.is_none() {
                        open.clear();
                        part.start..ids.len()
                    } else {
                        part
                    };
                    run.answer(part, &Err(error));
                }
            }
        }
        let answers = run.answers.into_iter();
        answers
            .map(|answer| answer.unwrap_or_else(|| Err(not_sent("the batch ended early"))))
            .collect()
    }
}

/// The changes of one group in one direction.
struct Run<'a, S> {
    target: &'a ScimTarget<S>,
    entitlement: &'a EntitlementId,
    /// The other one from the request on that made the target ask for it.
    form: Form,
    group: Option<Box<str>>,
    /// Whether the group was looked up after a 404, so that the next one is about a member.
    looked_again: bool,
    answers: Vec<Option<Answer>>,
}

impl<S: Secrets> Run<'_, S> {
    /// The members without an answer yet, cut into requests. One that cannot be named is refused
    /// here: an empty value in a list may mean anybody.
    fn chunks(&mut self, ids: &[&str]) -> VecDeque<Range<usize>> {
        for (at, id) in ids.iter().enumerate() {
            if id.trim().is_empty() {
                let why = "the account has an empty id; look it up again".to_owned();
                self.answer(at..at + 1, &Err(reject(why)));
            }
        }
        let most = usize::from(self.target.profile.member_chunk)
            .min(self.target.most_members.load(Ordering::Relaxed))
            .max(1);
        let mut chunks: VecDeque<Range<usize>> = VecDeque::new();
        for (at, answer) in self.answers.iter().enumerate() {
            match chunks.back_mut() {
                _ if answer.is_some() => {}
                Some(last) if last.end == at && last.len() < most => last.end = at + 1,
                Some(_) | None => chunks.push_back(at..at + 1),
            }
        }
        chunks
    }

    fn answer(&mut self, part: Range<usize>, answer: &Answer) {
        for place in self.answers.get_mut(part).into_iter().flatten() {
            if place.is_none() {
                *place = Some(match answer {
                    Ok(unchanged) => Ok(*unchanged),
                    Err(error) => Err(error.clone()),
                });
            }
        }
    }

    /// Sends one request; in the other form where the target asks for it, and once more where the
    /// group was made again under another id.
    async fn send(&mut self, members: &[&str]) -> Result<Sent, TargetError> {
        let known = match &self.group {
            Some(group) => group.clone(),
            None => self.target.group_id(self.entitlement, false).await?,
        };
        let mut sent = self.target.send_members(self.form, &known, members).await?;
        if is_refused(&sent, |refusal| {
            refusal.is_bad_request(ScimType::InvalidPath)
        }) && let Some(other) = self.form.other()
        {
            sent = self.target.send_members(other, &known, members).await?;
            if matches!(sent, Sent::Got(Got::Success(_))) {
                self.form = other;
            }
        }
        if self.looked_again || !is_refused(&sent, |refusal| refusal.status == 404) {
            self.group = Some(known);
            return Ok(sent);
        }
        self.looked_again = true;
        let fresh = self.target.group_id(self.entitlement, true).await?;
        self.group = Some(fresh.clone());
        if fresh == known {
            return Ok(sent);
        }
        self.target.send_members(self.form, &fresh, members).await
    }

    /// What a refusal means that cannot be narrowed down any more.
    fn settle(&self, refusal: &Refusal) -> Answer {
        if self.form.gives() {
            // There is one unique thing about a membership: that it exists.
            if refusal.is_taken() {
                return Ok(true);
            }
            // The group is there: it is the member that is not.
            if refusal.status == 404 {
                return Err(TargetError::NotFound);
            }
        } else if refusal.status == 404 || refusal.is_bad_request(ScimType::NoTarget) {
            // The group is there, and the member is not in it.
            return Ok(true);
        }
        let verb = if self.form.gives() { "grant" } else { "revoke" };
        let what = format!("{verb} of `{}`", self.entitlement);
        Err(self.target.refused(refusal.clone(), &what, Effect::Write))
    }
}

fn is_refused(sent: &Sent, how: impl Fn(&Refusal) -> bool) -> bool {
    match sent {
        Sent::Got(Got::Refused(refusal)) => how(refusal),
        Sent::Got(Got::Success(_)) | Sent::Unchanged => false,
    }
}

/// What the members that were not reached are told, where an error is about more than the request
/// that met it.
fn ends_the_batch(error: &TargetError) -> Option<TargetError> {
    match error {
        TargetError::Fault(Fault::Retry { .. } | Fault::Halt { .. })
        | TargetError::Throttled { .. }
        | TargetError::OutOfTime => Some(error.clone()),
        // Those were certainly not sent.
        TargetError::Unknown { .. } => Some(not_sent("the answer to an earlier request was lost")),
        TargetError::Fault(Fault::Reject { .. })
        | TargetError::NotFound
        | TargetError::Conflict
        | TargetError::Changed
        | TargetError::Expired { .. } => None,
    }
}

fn not_sent(why: &str) -> TargetError {
    TargetError::Fault(Fault::Retry {
        after: Some(Duration::from_secs(1)),
        why: format!("not sent: {why}").into(),
    })
}

fn reject(why: String) -> TargetError {
    TargetError::Fault(Fault::reject(why))
}
