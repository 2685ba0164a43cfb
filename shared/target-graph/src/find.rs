//! Look-ups of one account, and what it holds.

use domain::policy::EntitlementKind;
use domain::{Account, AccountId, EntitlementId, Group};
use ports::target::{Check, Cursor, Found, Lookup, Page, Roster, TargetError};
use ports::{Fault, Observe, Secrets};
use serde_json::Value;
use target_http::{Effect, To};

use crate::batch::{self, Part, Reply};
use crate::inside::{Inside, memberships};
use crate::licence::{self, STATES};
use crate::permission::Action;
use crate::target::{GraphTarget, unreadable};
use crate::url::{self, ObjectId};
use crate::user;
use crate::wire::Call;

/// Hits of one search.
#[derive(Default)]
pub(crate) struct Hits {
    pub(crate) accounts: Vec<Account>,
    /// There are more than came.
    pub(crate) more: bool,
}

impl<S: Secrets> GraphTarget<S> {
    /// The accounts of an answer to a search.
    pub(crate) fn found_users(
        &self,
        reply: &Reply,
        deleted: bool,
    ) -> Result<Vec<Account>, TargetError> {
        if !reply.is_success() {
            return Err(self.refused(reply, Action::ReadUsers, Effect::Read));
        }
        let what = "look-up of a user";
        let all = reply.body.get("value").and_then(Value::as_array);
        let all = all.ok_or_else(|| unreadable(what))?;
        all.iter()
            .map(|one| user::account(&self.plan, one, deleted).ok_or_else(|| unreadable(what)))
            .collect()
    }

    async fn by_user_name(&self, name: &str) -> Result<Found, TargetError> {
        let filter = url::equals("userPrincipalName", name);
        let query = format!("$filter={filter}&{}", self.plan.query());
        let to = To::Path {
            path: "/users",
            query: Some(&query),
        };
        let reply = self.wire.send(Call::get(to, "/users")).await?;
        let accounts = self.found_users(&reply, false)?;
        let same =
            |account: &Account| account.user_name.reveal().to_lowercase() == name.to_lowercase();
        if !accounts.iter().all(same) {
            return Err(TargetError::Fault(Fault::halt(
                "look-up of a user: the target ignores the filter by `userPrincipalName`",
            )));
        }
        let more = reply.body.get("@odata.nextLink").is_some();
        found(Hits { accounts, more })
    }

    pub(crate) async fn by_id(&self, id: &ObjectId) -> Result<Found, TargetError> {
        let query = self.plan.query();
        let path = url::user(id);
        let to = To::Path {
            path: &path,
            query: Some(&query),
        };
        let reply = self.wire.send(Call::get(to, "/users/{id}")).await?;
        self.read_user(&reply, id)
    }

    /// A read of one user, for a batch.
    fn read(&self, id: &ObjectId, licences: bool) -> Part {
        let query = self.plan.query();
        // `$select` comes first in the query.
        let query = if licences {
            query.replacen("$select=", &format!("$select={STATES},"), 1)
        } else {
            query
        };
        Part::get(Action::ReadUsers, format!("{}?{query}", url::user(id)))
    }

    fn read_user(&self, reply: &Reply, id: &ObjectId) -> Result<Found, TargetError> {
        if reply.status == 404 {
            return Ok(Found::None);
        }
        if !reply.is_success() {
            return Err(self.refused(reply, Action::ReadUsers, Effect::Read));
        }
        let account = user::account(&self.plan, &reply.body, false);
        let account = account.ok_or_else(|| unreadable("read of a user"))?;
        if account.id != id.account() {
            return Err(TargetError::Fault(Fault::halt(
                "read of a user: asked for one id, the target answers with another",
            )));
        }
        Ok(Found::One(Box::new(account)))
    }

    /// The account and what it holds, in one request as far as a batch holds the questions.
    async fn look(&self, account: &AccountId, of: &[EntitlementId]) -> Result<Check, TargetError> {
        let id = ObjectId::of(account)?;
        let (licences, groups): (Vec<_>, Vec<_>) = of
            .iter()
            .partition(|one| self.kind(one) == Some(EntitlementKind::Licence));
        self.resolve(groups.iter().copied()).await?;
        let mut asked: Vec<(ObjectId, &EntitlementId)> = Vec::new();
        for entitlement in groups {
            asked.push((self.group(entitlement)?.id, entitlement));
        }
        let mut parts = vec![self.read(&id, !licences.is_empty())];
        if !asked.is_empty() {
            parts.push(memberships(&id));
        }
        let replies = self.wire.batch(&parts, false, Effect::Read).await?;
        let mut replies = replies.into_iter();
        let mut next = || replies.next().flatten().ok_or_else(|| lost("look back"));
        let user = next()?;
        let found = self.read_user(&user, &id)?;
        if found == Found::None {
            return Ok(Check {
                found,
                held: Some(Vec::new()),
            });
        }
        let inside = if asked.is_empty() {
            Inside::new()
        } else {
            self.inside(next()?).await?.unwrap_or_default()
        };
        let mut held: Vec<EntitlementId> = asked
            .into_iter()
            .filter(|(group, _)| inside.contains(group.as_str()))
            .map(|(_, entitlement)| entitlement.clone())
            .collect();
        let skus = licence::assigned(&user.body);
        held.extend(
            licences
                .into_iter()
                .filter(|one| {
                    let sku = self.entitlements.get(*one).map(|(_, sku)| &**sku);
                    sku.is_some_and(|sku| skus.iter().any(|has| has.eq_ignore_ascii_case(sku)))
                })
                .cloned(),
        );
        Ok(Check {
            found,
            held: Some(held),
        })
    }
}

impl<S: Secrets> GraphTarget<S> {
    /// Which of these accounts hold an entitlement. One that is not there holds nothing.
    async fn those_inside(
        &self,
        entitlement: &EntitlementId,
        accounts: &[AccountId],
    ) -> Result<Vec<AccountId>, TargetError> {
        const WHAT: &str = "look back at memberships";
        let licence = self.kind(entitlement) == Some(EntitlementKind::Licence);
        let wanted: Box<str> = if licence {
            let sku = self.entitlements.get(entitlement).map(|(_, sku)| &**sku);
            sku.unwrap_or_default().into()
        } else {
            self.resolve(std::iter::once(entitlement)).await?;
            self.group(entitlement)?.id.as_str().into()
        };
        let mut parts = Vec::with_capacity(accounts.len());
        for account in accounts {
            let id = ObjectId::of(account)?;
            parts.push(if licence {
                let url = format!("{}?$select=id,{STATES}", url::user(&id));
                Part::get(Action::ReadUsers, url)
            } else {
                memberships(&id)
            });
        }
        let mut inside = Vec::new();
        for (parts, accounts) in parts.chunks(batch::MOST).zip(accounts.chunks(batch::MOST)) {
            let replies = self.wire.batch(parts, false, Effect::Read).await?;
            for (reply, account) in replies.into_iter().zip(accounts) {
                let reply = reply.ok_or_else(|| lost(WHAT))?;
                let has = if reply.status == 404 {
                    false
                } else if !licence {
                    let groups = self.inside(reply).await?;
                    groups.is_some_and(|groups| groups.contains(&wanted))
                } else if reply.is_success() {
                    let skus = licence::assigned(&reply.body);
                    skus.iter().any(|sku| sku.eq_ignore_ascii_case(&wanted))
                } else {
                    return Err(self.refused(&reply, Action::ReadUsers, Effect::Read));
                };
                if has {
                    inside.push(account.clone());
                }
            }
        }
        Ok(inside)
    }
}

pub(crate) fn found(hits: Hits) -> Result<Found, TargetError> {
    let count = u64::try_from(hits.accounts.len()).unwrap_or(u64::MAX);
    let mut accounts = hits.accounts.into_iter();
    match (accounts.next(), count, hits.more) {
        (None, _, false) => Ok(Found::None),
        (Some(account), 1, false) => Ok(Found::One(Box::new(account))),
        (Some(_), _, more) => Ok(Found::Many(count + u64::from(more))),
        // A page without a hit that has a next page proves neither presence nor absence.
        (None, _, true) => Err(TargetError::Fault(Fault::retry(
            "look-up of a user: the target shows an empty page and more after it",
        ))),
    }
}

pub(crate) fn lost(what: &str) -> TargetError {
    TargetError::Fault(Fault::retry(format!(
        "{what}: a part of the batch has no answer"
    )))
}

impl<S: Secrets> Observe for GraphTarget<S> {
    async fn users(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        self.user_page(after).await
    }

    async fn groups(&self, after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        self.group_page(after).await
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        match lookup {
            Lookup::Key(key) => self.by_key(key).await,
            Lookup::UserName(name) => self.by_user_name(name).await,
            Lookup::Id(account) => {
                let id = ObjectId::of(account)?;
                self.by_id(&id).await
            }
        }
    }

    async fn held(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        if of.is_empty() {
            return Ok(Some(Vec::new()));
        }
        Ok(self.look(account, of).await?.held)
    }

    async fn check(&self, account: &AccountId, of: &[EntitlementId]) -> Result<Check, TargetError> {
        self.look(account, of).await
    }

    /// A batch for every 20 accounts.
    async fn holders(
        &self,
        entitlement: &EntitlementId,
        accounts: &[AccountId],
    ) -> Result<Option<Vec<AccountId>>, TargetError> {
        self.those_inside(entitlement, accounts).await.map(Some)
    }

    /// Licences have no roster.
    async fn roster(&self, entitlement: &EntitlementId) -> Result<Roster, TargetError> {
        if self.kind(entitlement) == Some(EntitlementKind::Licence) {
            return Ok(Roster::Hidden);
        }
        self.resolve(std::iter::once(entitlement)).await?;
        let group = self.group(entitlement)?.id;
        match self.members_from_the_first(&group).await? {
            Some(members) => Ok(Roster::These(members)),
            None => Err(self.group_is_gone(entitlement)),
        }
    }
}
