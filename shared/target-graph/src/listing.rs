//! Listings: every user, and the groups that entitlements name with all their members.

use std::collections::{BTreeMap, BTreeSet};

use domain::policy::EntitlementKind;
use domain::{Account, AccountId, Group};
use ports::target::{Cursor, Page, TargetError};
use ports::{Fault, Secrets};
use serde_json::Value;
use target_http::{Effect, To};

use crate::batch::{self, Part, Reply};
use crate::find::lost;
use crate::licence;
use crate::permission::Action;
use crate::target::{GraphTarget, unreadable};
use crate::url::{self, ObjectId};
use crate::user;
use crate::wire::Call;

/// The most objects that Graph puts into a page.
pub(crate) const PAGE: usize = 999;

/// The place behind the last group, where the holders of licences are listed.
const LICENCES: &str = "licences";

const MEMBERS: &str = "/groups/{id}/members";

/// What the pages of a list are.
pub(crate) struct Pages {
    pub(crate) what: &'static str,
    pub(crate) template: &'static str,
    pub(crate) action: Action,
}

impl<S: Secrets> GraphTarget<S> {
    pub(crate) async fn user_page(
        &self,
        after: Option<&Cursor>,
    ) -> Result<Page<Account>, TargetError> {
        let query = format!("{}&$top={PAGE}", self.plan.query());
        let to = match after {
            None => To::Path {
                path: "/users",
                query: Some(&query),
            },
            Some(Cursor(link)) => To::Link(link),
        };
        let reply = self.page(to, "/users", Action::ReadUsers).await?;
        let what = "page of users";
        let items = values(&reply).ok_or_else(|| unreadable(what))?.iter();
        let read = |one| user::account(&self.plan, one, false).ok_or_else(|| unreadable(what));
        Ok(Page {
            items: items.map(read).collect::<Result<_, _>>()?,
            next: next_link(&reply.body).map(|link| Cursor(link.to_owned())),
            declared: None,
        })
    }

    /// One page of a listing; `to` may be a link that the target gave, which is followed as it is
    /// and only within the origin.
    pub(crate) async fn page(
        &self,
        to: To<'_>,
        template: &'static str,
        action: Action,
    ) -> Result<Reply, TargetError> {
        let call = Call {
            patient: true,
            ..Call::get(to, template)
        };
        let reply = self.wire.send(call).await?;
        if reply.is_success() {
            return Ok(reply);
        }
        if reply.status == 404 {
            return Err(TargetError::Fault(Fault::halt(format!(
                "{}: 404, nothing is at `{template}` below the base URL; correct the base URL",
                action.name()
            ))));
        }
        Err(self.refused(&reply, action, Effect::Read))
    }

    /// Up to 20 of the named groups, each whole.
    pub(crate) async fn group_page(
        &self,
        after: Option<&Cursor>,
    ) -> Result<Page<Group>, TargetError> {
        let start = match after {
            None => 0,
            Some(Cursor(text)) if text == LICENCES => return self.licence_page().await,
            Some(Cursor(text)) => text.parse().map_err(|_| {
                TargetError::Fault(Fault::reject(
                    "the cursor is not from this target's paging; the listing starts again",
                ))
            })?,
        };
        let groups = self.entitlements.iter();
        let groups = groups.filter(|(_, (kind, _))| *kind == EntitlementKind::Group);
        self.resolve(groups.clone().map(|(id, _)| id)).await?;
        let names: BTreeSet<&str> = groups.map(|(_, (_, name))| &**name).collect();
        // A name that no group has is listed as no group; one that several have, as all of them.
        let all: Vec<(&str, ObjectId)> = names
            .into_iter()
            .flat_map(|name| self.named(name).into_iter().map(move |one| (name, one.id)))
            .collect();
        let here: Vec<&(&str, ObjectId)> = all.iter().skip(start).take(batch::MOST).collect();
        let parts: Vec<Part> = here.iter().map(|(_, id)| members_of(id)).collect();
        let replies = self.wire.batch(&parts, false, Effect::Read).await?;
        let mut items = Vec::with_capacity(here.len());
        for ((name, id), reply) in here.iter().zip(replies) {
            let reply = reply.ok_or_else(|| lost("page of members"))?;
            let Some(members) = self.members(reply).await? else {
                // The places of the groups after it would change under the cursor.
                self.forget_name(name);
                return Err(TargetError::Expired {
                    why: "a group is not there any more; the listing starts again".into(),
                });
            };
            items.push(Group {
                id: id.as_str().into(),
                name: (*name).into(),
                members: Some(members),
            });
        }
        let next = start + here.len();
        let kinds = self.entitlements.values().map(|(kind, _)| *kind);
        let licences = kinds.into_iter().any(|one| one == EntitlementKind::Licence);
        let next = if next < all.len() {
            Some(Cursor(next.to_string()))
        } else {
            licences.then(|| Cursor(LICENCES.to_owned()))
        };
        Ok(Page {
            items,
            next,
            declared: None,
        })
    }

    /// The licences that entitlements name, as groups of those who hold them.
    async fn licence_page(&self) -> Result<Page<Group>, TargetError> {
        const WHAT: &str = "page of licences";
        let named = self.entitlements.values();
        let named = named.filter(|(kind, _)| *kind == EntitlementKind::Licence);
        let mut holders: BTreeMap<&str, Vec<AccountId>> =
            named.map(|(_, sku)| (&**sku, Vec::new())).collect();
        let query = format!("$select=id,{}&$top={PAGE}", licence::STATES);
        let to = To::Path {
            path: "/users",
            query: Some(&query),
        };
        let mut page = self.page(to, "/users", Action::ReadUsers).await?;
        let mut links: BTreeSet<String> = BTreeSet::new();
        loop {
            for user in values(&page).ok_or_else(|| unreadable(WHAT))? {
                let id = user.get("id").and_then(Value::as_str);
                let id = id.and_then(ObjectId::parse);
                let id = id.ok_or_else(|| unreadable(WHAT))?;
                let skus = licence::assigned(user);
                for (sku, accounts) in &mut holders {
                    if skus.iter().any(|has| has.eq_ignore_ascii_case(sku)) {
                        accounts.push(id.account());
                    }
                }
            }
            let Some(link) = fresh_link(&page, &mut links, WHAT)? else {
                break;
            };
            page = self
                .page(To::Link(&link), "/users", Action::ReadUsers)
                .await?;
        }
        let group = |(sku, members): (&str, Vec<AccountId>)| Group {
            id: sku.into(),
            name: sku.into(),
            members: Some(members),
        };
        Ok(Page {
            items: holders.into_iter().map(group).collect(),
            next: None,
            declared: None,
        })
    }

    /// All members of a group; `None` where there is no such group.
    pub(crate) async fn members_from_the_first(
        &self,
        group: &ObjectId,
    ) -> Result<Option<Vec<AccountId>>, TargetError> {
        let parts = [members_of(group)];
        let replies = self.wire.batch(&parts, false, Effect::Read).await?;
        let first = replies.into_iter().flatten().next();
        self.members(first.ok_or_else(|| lost("page of members"))?)
            .await
    }

    /// The members of a group from the first page on; `None` where there is no such group (any
    /// more).
    async fn members(&self, first: Reply) -> Result<Option<Vec<AccountId>>, TargetError> {
        let members = Pages {
            what: "page of members",
            template: MEMBERS,
            action: Action::ReadGroups,
        };
        self.whole(first, &members, member).await
    }

    /// What a list holds from the first page on; `None` where what it hangs on is not there (any
    /// more).
    pub(crate) async fn whole<T>(
        &self,
        first: Reply,
        of: &Pages,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, TargetError> {
        if first.status == 404 {
            return Ok(None);
        }
        if !first.is_success() {
            return Err(self.refused(&first, of.action, Effect::Read));
        }
        let mut found = Vec::new();
        let mut links: BTreeSet<String> = BTreeSet::new();
        let mut page = first;
        loop {
            let all = values(&page).ok_or_else(|| unreadable(of.what))?;
            found.extend(all.iter().filter_map(&read));
            let Some(link) = fresh_link(&page, &mut links, of.what)? else {
                return Ok(Some(found));
            };
            page = self.page(To::Link(&link), of.template, of.action).await?;
        }
    }
}

/// The link to the next page, which may not be one that was followed before.
fn fresh_link(
    page: &Reply,
    links: &mut BTreeSet<String>,
    what: &str,
) -> Result<Option<String>, TargetError> {
    let Some(link) = next_link(&page.body).map(str::to_owned) else {
        return Ok(None);
    };
    if links.insert(link.clone()) {
        return Ok(Some(link));
    }
    Err(TargetError::Fault(Fault::retry(format!(
        "{what}: the target's links lead in a circle"
    ))))
}

fn members_of(group: &ObjectId) -> Part {
    let path = url::group(group);
    Part::get(
        Action::ReadGroups,
        format!("{path}/members?$select=id&$top={PAGE}"),
    )
}

/// A member that is an account; groups, devices and applications are members, too.
fn member(one: &Value) -> Option<AccountId> {
    let kind = one.get("@odata.type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind != "#microsoft.graph.user") {
        return None;
    }
    Some(ObjectId::parse(one.get("id")?.as_str()?)?.account())
}

pub(crate) fn values(reply: &Reply) -> Option<&Vec<Value>> {
    reply.body.get("value")?.as_array()
}

pub(crate) fn next_link(body: &Value) -> Option<&str> {
    body.get("@odata.nextLink")?.as_str()
}
