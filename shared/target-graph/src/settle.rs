//! Refusals that may mean several things: what is so decides what they meant, never their text.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::EntitlementId;
use jiff::{SignedDuration, Timestamp};
use ports::target::{Applied, TargetError};
use ports::{Fault, Secrets};
use serde_json::Value;
use target_http::Effect;

use crate::batch::{self, Part, Reply};
use crate::find::lost;
use crate::inside::{Inside, memberships};
use crate::licence;
use crate::permission::Action;
use crate::refusal::copy_of;
use crate::target::GraphTarget;
use crate::url::{self, ObjectId};

/// So long after its creation an account may be unknown to parts of Graph.
const YOUNG: SignedDuration = SignedDuration::from_mins(2);

/// What was refused.
#[derive(Clone)]
pub(crate) enum Want {
    /// Membership of a group, to be given.
    Member {
        entitlement: EntitlementId,
        group: ObjectId,
        roles: bool,
    },
    /// No membership of a group: the account is not in it, or there is no such group.
    Absent {
        entitlement: EntitlementId,
        group: ObjectId,
    },
    /// A licence, to be given or taken.
    Licence { sku: Box<str>, give: bool },
}

/// A refusal that state has to explain.
pub(crate) struct Doubt {
    pub(crate) account: ObjectId,
    pub(crate) want: Want,
    pub(crate) reply: Reply,
}

/// What is so.
#[derive(Default)]
struct State {
    users: BTreeMap<ObjectId, Reply>,
    /// Groups that do not exist.
    gone: BTreeSet<ObjectId>,
    inside: BTreeMap<ObjectId, Inside>,
}

impl State {
    /// Whether somebody was to be taken out of a group that does not exist.
    fn is_gone(&self, doubt: &Doubt) -> bool {
        match &doubt.want {
            Want::Absent { group, .. } => self.gone.contains(group),
            Want::Member { .. } | Want::Licence { .. } => false,
        }
    }
}

/// What a part of the look asks.
enum Question {
    User(ObjectId),
    Group(ObjectId),
    Inside(ObjectId),
}

impl<S: Secrets> GraphTarget<S> {
    /// One answer for each doubt, in their order.
    pub(crate) async fn settle(&self, doubts: &[Doubt]) -> Vec<Result<Applied, TargetError>> {
        if doubts.is_empty() {
            return Vec::new();
        }
        match self.state(doubts).await {
            Ok(state) => {
                let gone = |doubt: &&Doubt| state.is_gone(doubt);
                let lost: Vec<&Doubt> = doubts.iter().filter(gone).collect();
                let mut anew = self.remove_anew(&lost).await.into_iter();
                let answer = |doubt| {
                    let anew = gone(&doubt).then(|| anew.next()).flatten();
                    anew.unwrap_or_else(|| self.verdict(doubt, &state))
                };
                doubts.iter().map(answer).collect()
            }
            Err(error) => doubts.iter().map(|_| Err(copy_of(&error))).collect(),
        }
    }

    async fn state(&self, doubts: &[Doubt]) -> Result<State, TargetError> {
        let asked = questions(doubts);
        let mut state = State::default();
        for chunk in asked.chunks(batch::MOST) {
            let parts: Vec<Part> = chunk.iter().map(|(_, part)| part.clone()).collect();
            let replies = self.wire.batch(&parts, false, Effect::Read).await?;
            for ((question, part), reply) in chunk.iter().zip(replies) {
                let reply = reply.ok_or_else(|| lost("look back"))?;
                let there = reply.is_success();
                if !there && reply.status != 404 {
                    return Err(self.refused(&reply, part.action, Effect::Read));
                }
                match question {
                    Question::User(id) => {
                        state.users.insert(id.clone(), reply);
                    }
                    Question::Group(id) if !there => {
                        state.gone.insert(id.clone());
                    }
                    Question::Group(_) => {}
                    Question::Inside(id) => {
                        let groups = self.inside(reply).await?;
                        state.inside.insert(id.clone(), groups.unwrap_or_default());
                    }
                }
            }
        }
        Ok(state)
    }

    fn verdict(&self, doubt: &Doubt, state: &State) -> Result<Applied, TargetError> {
        let unchanged = Ok(Applied {
            id: doubt.account.account(),
            unchanged: true,
        });
        let user = state.users.get(&doubt.account);
        let there = user.filter(|reply| reply.is_success());
        match &doubt.want {
            Want::Absent { .. } => unchanged,
            Want::Licence { give: false, .. } if there.is_none() => unchanged,
            Want::Member { .. } | Want::Licence { .. } if there.is_none() => {
                Err(TargetError::NotFound)
            }
            Want::Member {
                entitlement,
                group,
                roles,
            } => {
                let inside = state.inside.get(&doubt.account);
                if inside.is_some_and(|groups| groups.contains(group.as_str())) {
                    return unchanged;
                }
                if state.gone.contains(group) {
                    self.forget_group(entitlement);
                    return Err(TargetError::Fault(Fault::reject(format!(
                        "the group of `{entitlement}` is not there any more; make it again, or \
                         correct the entitlement"
                    ))));
                }
                let young = there.is_some_and(|reply| is_young(&reply.body, self.wire.now()));
                if doubt.reply.status == 404 || young {
                    return Err(TargetError::Fault(Fault::Retry {
                        after: Some(Duration::from_secs(5)),
                        why: "Microsoft Graph does not show the account to its groups yet".into(),
                    }));
                }
                // What it allows may have changed since it was looked at.
                self.forget_group(entitlement);
                let action = if *roles {
                    Action::WriteRoleMembers
                } else {
                    Action::WriteMembers
                };
                Err(self.refused(&doubt.reply, action, Effect::Write))
            }
            Want::Licence { sku, give } => {
                // The account is there: it showed in the look just now.
                if doubt.reply.status == 404 {
                    return Err(TargetError::Fault(Fault::Retry {
                        after: Some(Duration::from_secs(5)),
                        why: "Microsoft Graph does not show the account to its licences yet".into(),
                    }));
                }
                let body = there.map_or(&Value::Null, |reply| &reply.body);
                let skus = licence::assigned(body);
                let assigned = skus.iter().any(|one| one.eq_ignore_ascii_case(sku));
                let why = if *give == assigned {
                    return unchanged;
                } else if *give && !body.get("usageLocation").is_some_and(Value::is_string) {
                    "a licence needs `usageLocation`; map it"
                } else if *give {
                    "no seat of the licence is left, or the tenant does not have it"
                } else {
                    return Err(self.refused(&doubt.reply, Action::AssignLicence, Effect::Write));
                };
                let (what, status) = (Action::AssignLicence.name(), doubt.reply.status);
                Err(TargetError::Fault(Fault::reject(format!(
                    "{what}: {status}: {why}"
                ))))
            }
        }
    }
}

fn questions(doubts: &[Doubt]) -> Vec<(Question, Part)> {
    // Whether memberships are asked for, too.
    let mut users: BTreeMap<&ObjectId, bool> = BTreeMap::new();
    let mut groups: BTreeSet<&ObjectId> = BTreeSet::new();
    for doubt in doubts {
        match &doubt.want {
            Want::Absent { group, .. } => {
                groups.insert(group);
            }
            Want::Member { group, .. } => {
                users.insert(&doubt.account, true);
                if doubt.reply.status == 404 {
                    groups.insert(group);
                }
            }
            Want::Licence { .. } => {
                users.entry(&doubt.account).or_default();
            }
        }
    }
    let mut asked = Vec::new();
    for (id, asks) in users {
        let url = format!(
            "{}?$select=id,createdDateTime,{}",
            url::user(id),
            licence::STATE
        );
        asked.push((
            Question::User(id.clone()),
            Part::get(Action::ReadUsers, url),
        ));
        if asks {
            asked.push((Question::Inside(id.clone()), memberships(id)));
        }
    }
    for id in groups {
        let url = format!("{}?$select=id", url::group(id));
        asked.push((
            Question::Group(id.clone()),
            Part::get(Action::ReadGroups, url),
        ));
    }
    asked
}

fn is_young(user: &Value, now: Timestamp) -> bool {
    let created = user.get("createdDateTime").and_then(Value::as_str);
    let created = created.and_then(|at| at.parse::<Timestamp>().ok());
    created.is_some_and(|at| now.duration_since(at) < YOUNG)
}
