//! Changes of one account, and the requests that they come to.

use std::collections::BTreeMap;

use domain::budget::Cost;
use domain::change::AttrChange;
use domain::policy::EntitlementKind;
use domain::{AccountId, AttrPath, Change};
use ports::target::{Applied, MemberChange, TargetError};
use ports::{Apply, Fault, Secrets};
use serde_json::{Map, Value, json};
use target_http::{Effect, Method, To};

use crate::batch::{Part, Reply};
use crate::chain::entitlement;
use crate::listing::values;
use crate::password;
use crate::permission::Action;
use crate::property::Place;
use crate::target::{GraphTarget, unreadable};
use crate::url::{self, ObjectId};
use crate::wire::Call;

/// Characters of a user name before the `@`, beside letters and digits.
const SIGNS: &str = "'.-_!#^~";

/// The longest user name, its part before the `@`, and its part after it.
const LONGEST: (usize, usize, usize) = (113, 64, 48);

/// What becomes of a manager.
#[derive(Default)]
enum Manager {
    #[default]
    Kept,
    Cleared,
    Is(ObjectId),
}

/// What a write of attributes comes to.
#[derive(Default)]
struct Writes {
    user: Map<String, Value>,
    manager: Manager,
    leave_date: bool,
}

fn reject(why: impl Into<Box<str>>) -> TargetError {
    TargetError::Fault(Fault::reject(why))
}

impl<S: Secrets> GraphTarget<S> {
    fn writes(&self, attrs: &BTreeMap<AttrPath, AttrChange>) -> Result<Writes, TargetError> {
        let mut writes = Writes::default();
        for (path, change) in attrs {
            let place = Place::of(path, self.plan.key()).map_err(|e| reject(e.to_string()))?;
            let text = change.want.reveal().text();
            match place {
                Place::UserName => {
                    let name = text.ok_or_else(|| reject("`userName` cannot be cleared"))?;
                    check_user_name(name)?;
                    writes.user.insert("userPrincipalName".into(), name.into());
                }
                Place::Manager => {
                    writes.manager = match text {
                        None => Manager::Cleared,
                        Some(text) => Manager::Is(ObjectId::of(&AccountId::from(text))?),
                    };
                }
                Place::Property(property) => {
                    if text.is_none() && !property.clears() {
                        return Err(reject(format!(
                            "`{path}` cannot be cleared at Microsoft Graph; give its mapping a \
                             value for everybody"
                        )));
                    }
                    writes.leave_date |= property.is_leave_date();
                    property.put(&mut writes.user, text);
                }
            }
        }
        Ok(writes)
    }

    async fn create(
        &self,
        active: bool,
        attrs: &BTreeMap<AttrPath, AttrChange>,
    ) -> Result<Applied, TargetError> {
        let given = attrs
            .iter()
            .filter(|(_, change)| change.want.reveal().text().is_some());
        let given: BTreeMap<_, _> = given.map(|(p, c)| (p.clone(), c.clone())).collect();
        let mut writes = self.writes(&given)?;
        let user = &mut writes.user;
        let name = user.get("userPrincipalName").and_then(Value::as_str);
        let name = name.ok_or_else(|| reject("a user needs `userName`; map it"))?;
        if !user.contains_key("displayName") {
            return Err(reject("a user needs `displayName`; map it"));
        }
        if !user.contains_key("mailNickname") {
            let nickname = nickname(name);
            user.insert("mailNickname".into(), nickname.into());
        }
        user.insert("accountEnabled".into(), active.into());
        if let Manager::Is(manager) = &writes.manager {
            user.insert("manager@odata.bind".into(), self.reference(manager).into());
        }
        let password = password::random().map_err(TargetError::Fault)?;
        let profile = json!({"password": password, "forceChangePasswordNextSignIn": true});
        user.insert("passwordProfile".into(), profile);
        let body = Value::Object(writes.user);
        let to = To::Path {
            path: "/users",
            query: None,
        };
        let reply = self.wire.send(Call::write(to, "/users", &body)).await?;
        match reply.status {
            200..=299 => {
                let id = reply.body.get("id").and_then(Value::as_str);
                let id = id.and_then(ObjectId::parse).ok_or(TargetError::Unknown {
                    why: "the answer to a create shows no id".into(),
                })?;
                Ok(Applied {
                    id: id.account(),
                    unchanged: false,
                })
            }
            // Perhaps made: whoever comes back looks before it is made again.
            500 | 502 | 504 => Err(TargetError::Unknown {
                why: format!("{}: {}", Action::CreateUser.name(), reply.status).into(),
            }),
            // The manager that it refers to is not known (any more, or yet).
            404 => Err(TargetError::Fault(Fault::retry(
                "create of a user: 404, its manager is not known there",
            ))),
            _ => {
                let taken = if reply.is_bare() {
                    self.is_name_taken(&body, None).await?
                } else {
                    false
                };
                Err(if taken {
                    TargetError::Conflict
                } else {
                    self.refused(&reply, Action::CreateUser, Effect::Write)
                })
            }
        }
    }

    /// Whether somebody else has the user name or the nickname of a body.
    async fn is_name_taken(
        &self,
        body: &Value,
        own: Option<&ObjectId>,
    ) -> Result<bool, TargetError> {
        let filters: Vec<String> = ["userPrincipalName", "mailNickname"]
            .into_iter()
            .filter_map(|name| Some(url::equals(name, body.get(name)?.as_str()?)))
            .collect();
        if filters.is_empty() {
            return Ok(false);
        }
        let filter = filters.join(&url::encode(" or "));
        let query = format!("$filter={filter}&$select=id");
        let to = To::Path {
            path: "/users",
            query: Some(&query),
        };
        let reply = self.wire.send(Call::get(to, "/users")).await?;
        if !reply.is_success() {
            return Err(self.refused(&reply, Action::ReadUsers, Effect::Read));
        }
        let all = values(&reply).ok_or_else(|| unreadable("look-up of a name"))?;
        let ids = all.iter().filter_map(|one| one.get("id")?.as_str());
        Ok(ids
            .into_iter()
            .any(|id| own.is_none_or(|own| own.as_str() != id)))
    }

    /// [`TargetError::Conflict`] where a name in a refused part is somebody else's; why that could
    /// not be found out, where it could not.
    pub(crate) async fn name_taken(
        &self,
        part: &Part,
        reply: &Reply,
        own: Option<&ObjectId>,
    ) -> Option<TargetError> {
        let body = part.body.as_ref().filter(|_| reply.is_bare())?;
        match self.is_name_taken(body, own).await {
            Ok(true) => Some(TargetError::Conflict),
            Ok(false) => None,
            Err(error) => Some(error),
        }
    }

    /// The requests of a change that is neither a create nor a membership. `ends` says that the
    /// sessions are ended right after it by a change of their own.
    pub(crate) fn parts(
        &self,
        change: &Change,
        id: &ObjectId,
        ends: bool,
    ) -> Result<Vec<Part>, TargetError> {
        let patch = |action, body| Part::new(action, Method::Patch, url::user(id), Some(body));
        let revoke = || {
            let url = format!("{}/revokeSignInSessions", url::user(id));
            Part::new(Action::RevokeSessions, Method::Post, url, None)
        };
        Ok(match change {
            Change::Adopt { key } => {
                let attrs = [("externalId".into(), key.clone())].into();
                vec![patch(
                    Action::UpdateUser,
                    Value::Object(self.writes(&attrs)?.user),
                )]
            }
            Change::Update { attrs } => {
                let writes = self.writes(attrs)?;
                let mut parts = Vec::new();
                if !writes.user.is_empty() {
                    let action = if writes.leave_date {
                        Action::SetLeaveDate
                    } else {
                        Action::UpdateUser
                    };
                    parts.push(patch(action, Value::Object(writes.user)));
                }
                parts.extend(self.set_manager(id, &writes.manager));
                if parts.is_empty() {
                    return Err(reject("an update without attributes"));
                }
                parts
            }
            Change::Enable => vec![patch(Action::SetEnabled, json!({"accountEnabled": true}))],
            Change::Disable => {
                let mut parts = vec![patch(Action::SetEnabled, json!({"accountEnabled": false}))];
                if !ends {
                    parts.push(revoke());
                }
                parts
            }
            Change::RevokeSessions => vec![revoke()],
            Change::Delete => {
                vec![Part::new(Action::DeleteUser, Method::Delete, url::user(id), None).or_absent()]
            }
            Change::Restore => {
                let url = format!("/directory/deletedItems/{id}/restore");
                vec![Part::new(Action::RestoreUser, Method::Post, url, None)]
            }
            Change::Create { .. } | Change::Grant { .. } | Change::Revoke { .. } => {
                return Err(reject("a create is no change of an account that exists"));
            }
        })
    }

    fn set_manager(&self, id: &ObjectId, manager: &Manager) -> Option<Part> {
        let url = url::manager(id);
        match manager {
            Manager::Kept => None,
            Manager::Cleared => {
                Some(Part::new(Action::SetManager, Method::Delete, url, None).or_absent())
            }
            Manager::Is(manager) => {
                let body = json!({"@odata.id": self.reference(manager)});
                Some(Part::new(Action::SetManager, Method::Put, url, Some(body)))
            }
        }
    }
}

/// What Graph takes as `userPrincipalName`; whether the domain is verified, it knows alone.
fn check_user_name(name: &str) -> Result<(), TargetError> {
    let (all, local_most, domain_most) = LONGEST;
    let (local, domain) = name.split_once('@').unwrap_or((name, ""));
    let fits = |c: char| c.is_ascii_alphanumeric() || SIGNS.contains(c);
    let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let good = !local.is_empty()
        && !local.starts_with('.')
        && !local.ends_with('.')
        && local.len() <= local_most
        && local.chars().all(fits)
        && !domain.is_empty()
        && domain.len() <= domain_most
        && domain.chars().all(host)
        && name.len() <= all;
    if good {
        return Ok(());
    }
    Err(reject(format!(
        "`userName` is no user principal name: letters without accents, digits and {SIGNS} (no \
         full stop at either end), at most {local_most} of them, then `@` and a domain; correct \
         the rule of the identifier"
    )))
}

/// A nickname from the part of a user name before the `@`.
fn nickname(name: &str) -> String {
    let local = name.split('@').next().unwrap_or_default();
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    local.chars().filter(fits).collect()
}

impl<S: Secrets> Apply for GraphTarget<S> {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        match (change, account) {
            (Change::Create { active, attrs }, None) => self.create(*active, attrs).await,
            (_, None) => Err(reject("the change names no account")),
            (_, Some(account)) => {
                let answers = self
                    .change_account(std::slice::from_ref(change), account)
                    .await;
                let answer = answers.into_iter().next();
                answer.unwrap_or_else(|| Err(reject("the change is none")))
            }
        }
    }

    async fn apply_all(
        &self,
        changes: &[Change],
        account: &AccountId,
    ) -> Vec<Result<Applied, TargetError>> {
        self.change_account(changes, account).await
    }

    async fn memberships(&self, changes: &[MemberChange]) -> Vec<Result<Applied, TargetError>> {
        self.change_members(changes).await
    }

    fn joins_groups(&self) -> bool {
        true
    }

    /// Every part of a batch counts as a write of its own; licences go in one.
    fn cost(&self, changes: &[Change]) -> Cost {
        let mut cost = Cost::default();
        let mut licences = false;
        for (at, change) in changes.iter().enumerate() {
            let one = match change {
                Change::Grant { .. } | Change::Revoke { .. } => {
                    let kind = entitlement(change).and_then(|one| self.kind(one));
                    let licence = kind == Some(EntitlementKind::Licence);
                    let folded = licence && licences;
                    licences |= licence;
                    Cost {
                        users: u32::from(licence && !folded),
                        groups: u32::from(!licence),
                        ..Cost::default()
                    }
                }
                Change::Update { attrs } => {
                    let manager = attrs.contains_key("manager");
                    let others = attrs.len() > usize::from(manager);
                    Cost {
                        users: u32::from(manager) + u32::from(others),
                        ..Cost::default()
                    }
                }
                Change::Disable => {
                    let ends = changes.get(at + 1) == Some(&Change::RevokeSessions);
                    Cost {
                        users: if ends { 1 } else { 2 },
                        ..Cost::default()
                    }
                }
                Change::Create { .. }
                | Change::Adopt { .. }
                | Change::Restore
                | Change::Enable
                | Change::Delete
                | Change::RevokeSessions => Cost {
                    users: 1,
                    ..Cost::default()
                },
            };
            cost = cost.plus(one);
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_that_graph_refuses_are_not_sent() {
        for good in [
            "ana.silva@contoso.com",
            "o'neil_x-1@a-b.example",
            "a#ext#@x.com",
        ] {
            check_user_name(good).unwrap();
        }
        let long = format!("{}@contoso.com", "a".repeat(65));
        for bad in [
            "",
            "ana",
            "@contoso.com",
            "ana@",
            "josé@contoso.com",
            "a b@contoso.com",
            "a+b@contoso.com",
            ".a@contoso.com",
            "a.@contoso.com",
            "a@b@contoso.com",
            &long,
        ] {
            let error = check_user_name(bad).unwrap_err().into_fault().to_string();
            assert!(error.contains("letters without accents"), "{error}");
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
    }

    #[test]
    fn a_nickname_comes_from_the_user_name() {
        assert_eq!(nickname("ana.silva@contoso.com"), "ana.silva");
        assert_eq!(nickname("o'neil#x@contoso.com"), "oneilx");
    }
}
