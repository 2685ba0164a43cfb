//! Memberships of many accounts: as many as possible in one write, as many writes as possible in
//! one request.

use std::collections::BTreeMap;

use domain::EntitlementId;
use domain::policy::EntitlementKind;
use ports::target::{Applied, MemberChange, TargetError};
use ports::{Fault, Secrets};
use serde_json::json;
use target_http::{Effect, Method};

use crate::batch::{self, Part, Reply};
use crate::groups::Known;
use crate::licence;
use crate::permission::Action;
use crate::refusal::copy_of;
use crate::settle::{Doubt, Want};
use crate::target::GraphTarget;
use crate::url::{self, ObjectId};

/// The most members that one write may bind.
const MOST_BOUND: usize = 20;

type Answers = Vec<Option<Result<Applied, TargetError>>>;

/// One write, for one or more of the changes.
struct Unit {
    part: Part,
    /// The changes, by position, with their accounts.
    of: Vec<(usize, ObjectId)>,
    kind: Kind,
}

enum Kind {
    /// Members that are put in, all or none.
    Bind(EntitlementId, Known),
    /// One member that is put in.
    Add(EntitlementId, Known),
    /// One member that is taken out.
    Remove(EntitlementId, Known),
    /// Licences of one account, all or none; the positions stand in the order of these.
    Licences(Vec<(Box<str>, bool)>),
}

impl<S: Secrets> GraphTarget<S> {
    /// One answer for each change, in their order.
    pub(crate) async fn change_members(
        &self,
        changes: &[MemberChange],
    ) -> Vec<Result<Applied, TargetError>> {
        if let Err(error) = self
            .resolve(changes.iter().map(|one| &one.entitlement))
            .await
        {
            return changes.iter().map(|_| Err(copy_of(&error))).collect();
        }
        let mut answers: Answers = changes.iter().map(|_| None).collect();
        let units = self.units(changes, &mut answers);
        let mut doubts: Vec<(usize, Doubt)> = Vec::new();
        let again = self.carry_out(&units, &mut answers, &mut doubts).await;
        self.carry_out(&again, &mut answers, &mut doubts).await;
        let (places, doubts): (Vec<usize>, Vec<Doubt>) = doubts.into_iter().unzip();
        for (at, answer) in places.into_iter().zip(self.settle(&doubts).await) {
            set(&mut answers, at, answer);
        }
        let untried = || {
            Err(TargetError::Fault(Fault::retry(
                "not tried, because a request before it failed",
            )))
        };
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(untried))
            .collect()
    }

    /// The writes; what is refused before anything is sent is answered.
    fn units(&self, changes: &[MemberChange], answers: &mut Answers) -> Vec<Unit> {
        let mut adds: BTreeMap<&EntitlementId, Vec<(usize, ObjectId)>> = BTreeMap::new();
        let mut licences: BTreeMap<ObjectId, Vec<(usize, Box<str>, bool)>> = BTreeMap::new();
        let mut units = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            let id = match ObjectId::of(&change.account) {
                Ok(id) => id,
                Err(error) => {
                    set(answers, at, Err(error));
                    continue;
                }
            };
            let entitlement = &change.entitlement;
            if let Some((EntitlementKind::Licence, sku)) = self.entitlements.get(entitlement) {
                let of = licences.entry(id).or_default();
                of.push((at, sku.clone(), change.give));
                continue;
            }
            match self.open_group(entitlement) {
                Err(error) => set(answers, at, Err(error)),
                Ok(_) if change.give => adds.entry(entitlement).or_default().push((at, id)),
                Ok(group) => units.push(Unit {
                    part: removal(&group, &id),
                    of: vec![(at, id)],
                    kind: Kind::Remove(entitlement.clone(), group),
                }),
            }
        }
        for (entitlement, all) in adds {
            // It was there a moment ago; what is gone meanwhile stays unanswered and comes again.
            let Ok(group) = self.open_group(entitlement) else {
                continue;
            };
            units.extend(all.chunks(MOST_BOUND).map(|chunk| match chunk {
                [one] => self.add_unit(entitlement, &group, one),
                many => self.bind_unit(entitlement, &group, many),
            }));
        }
        units.extend(
            licences
                .into_iter()
                .map(|(id, all)| licence_unit(&id, &all)),
        );
        units
    }

    fn add_unit(
        &self,
        entitlement: &EntitlementId,
        group: &Known,
        one: &(usize, ObjectId),
    ) -> Unit {
        Unit {
            part: self.addition(group, &one.1),
            of: vec![one.clone()],
            kind: Kind::Add(entitlement.clone(), group.clone()),
        }
    }

    fn bind_unit(
        &self,
        entitlement: &EntitlementId,
        group: &Known,
        many: &[(usize, ObjectId)],
    ) -> Unit {
        let links: Vec<String> = many.iter().map(|(_, id)| self.reference(id)).collect();
        let body = json!({"members@odata.bind": links});
        Unit {
            part: Part::new(
                action(group),
                Method::Patch,
                url::group(&group.id),
                Some(body),
            ),
            of: many.to_vec(),
            kind: Kind::Bind(entitlement.clone(), group.clone()),
        }
    }

    /// Puts one member into a group.
    pub(crate) fn addition(&self, group: &Known, account: &ObjectId) -> Part {
        let body = json!({"@odata.id": self.reference(account)});
        Part::new(
            action(group),
            Method::Post,
            url::members(&group.id),
            Some(body),
        )
    }

    /// Sends the writes, 20 in a request, in no order. Gives back what is worth trying apart.
    async fn carry_out(
        &self,
        units: &[Unit],
        answers: &mut Answers,
        doubts: &mut Vec<(usize, Doubt)>,
    ) -> Vec<Unit> {
        let mut again = Vec::new();
        for chunk in units.chunks(batch::MOST) {
            let parts: Vec<Part> = chunk.iter().map(|unit| unit.part.clone()).collect();
            let replies = match self.wire.batch(&parts, false, Effect::Write).await {
                Ok(replies) => replies,
                Err(error) => {
                    for (at, _) in chunk.iter().flat_map(|unit| &unit.of) {
                        set(answers, *at, Err(copy_of(&error)));
                    }
                    // Whatever it was, more requests would not make it better.
                    break;
                }
            };
            for (unit, reply) in chunk.iter().zip(replies) {
                again.extend(self.judge(unit, reply, answers, doubts));
            }
        }
        again
    }

    fn judge(
        &self,
        unit: &Unit,
        reply: Option<Reply>,
        answers: &mut Answers,
        doubts: &mut Vec<(usize, Doubt)>,
    ) -> Vec<Unit> {
        let Some(reply) = reply else {
            for (at, _) in &unit.of {
                set(answers, *at, Err(no_answer()));
            }
            return Vec::new();
        };
        if reply.is_success() {
            for (at, id) in &unit.of {
                let id = id.account();
                let unchanged = false;
                set(answers, *at, Ok(Applied { id, unchanged }));
            }
            return Vec::new();
        }
        let doubtful = is_doubtful(&reply);
        match &unit.kind {
            Kind::Bind(entitlement, group) if doubtful => {
                let apart = |one| self.add_unit(entitlement, group, one);
                return unit.of.iter().map(apart).collect();
            }
            Kind::Licences(all) if doubtful && all.len() > 1 => {
                let apart = |((sku, give), (at, id)): (&(Box<str>, bool), &(usize, ObjectId))| {
                    licence_unit(id, &[(*at, sku.clone(), *give)])
                };
                return all.iter().zip(&unit.of).map(apart).collect();
            }
            Kind::Add(entitlement, group) if doubtful => {
                let want = Want::Member {
                    entitlement: entitlement.clone(),
                    group: group.id.clone(),
                    roles: group.roles,
                };
                doubts.extend(unit.of.iter().map(|(at, id)| doubt(*at, id, &want, &reply)));
            }
            Kind::Remove(entitlement, group) if reply.status == 404 => {
                let want = Want::Absent {
                    entitlement: entitlement.clone(),
                    group: group.id.clone(),
                };
                doubts.extend(unit.of.iter().map(|(at, id)| doubt(*at, id, &want, &reply)));
            }
            Kind::Licences(all) if doubtful => {
                doubts.extend(all.iter().zip(&unit.of).map(|((sku, give), (at, id))| {
                    let (sku, give) = (sku.clone(), *give);
                    doubt(*at, id, &Want::Licence { sku, give }, &reply)
                }));
            }
            Kind::Bind(..) | Kind::Add(..) | Kind::Remove(..) | Kind::Licences(_) => {
                for (at, _) in &unit.of {
                    let error = self.refused(&reply, unit.part.action, Effect::Write);
                    set(answers, *at, Err(error));
                }
            }
        }
        Vec::new()
    }
}

fn doubt(at: usize, id: &ObjectId, want: &Want, reply: &Reply) -> (usize, Doubt) {
    let doubt = Doubt {
        account: id.clone(),
        want: want.clone(),
        reply: reply.clone(),
    };
    (at, doubt)
}

/// Whether a refusal may mean "it is so already", or "I do not know one of the two yet".
pub(crate) fn is_doubtful(reply: &Reply) -> bool {
    let concurrent = reply.code() == "Directory_ConcurrencyViolation";
    matches!(reply.status, 400 | 404 | 409) && !concurrent
}

pub(crate) fn no_answer() -> TargetError {
    TargetError::Unknown {
        why: "a part of the batch has no answer".into(),
    }
}

const fn action(group: &Known) -> Action {
    if group.roles {
        Action::WriteRoleMembers
    } else {
        Action::WriteMembers
    }
}

/// Takes one member out of a group. Graph answers 404 where the account is not in it, and where
/// there is no such group (any more).
pub(crate) fn removal(group: &Known, account: &ObjectId) -> Part {
    let url = url::membership(&group.id, account);
    Part::new(action(group), Method::Delete, url, None)
}

fn licence_unit(id: &ObjectId, all: &[(usize, Box<str>, bool)]) -> Unit {
    let of = |wanted: bool| {
        let fits = all.iter().filter(move |(_, _, give)| *give == wanted);
        fits.map(|(_, sku, _)| &**sku).collect::<Vec<&str>>()
    };
    Unit {
        part: licence::assign(id, &of(true), &of(false)),
        of: all.iter().map(|(at, _, _)| (*at, id.clone())).collect(),
        kind: Kind::Licences(
            all.iter()
                .map(|(_, sku, give)| (sku.clone(), *give))
                .collect(),
        ),
    }
}

fn set(answers: &mut Answers, at: usize, answer: Result<Applied, TargetError>) {
    if let Some(slot) = answers.get_mut(at) {
        *slot = Some(answer);
    }
}
