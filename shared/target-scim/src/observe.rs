//! Reads: pages, look-ups, memberships.

use std::sync::atomic::Ordering;

use domain::{Account, AccountId, AttrPath, EntitlementId, Group};
use ports::target::{Cursor, Found, Lookup, Page, TargetError};
use ports::{Fault, Observe, Secrets};
use target_http::{Answer, Effect, Method};

use crate::page::{self, Holder, Listing, Refers};
use crate::path::encode;
use crate::read::SeenUser;
use crate::target::{Kind, ScimTarget, ignores_filters, same_text, unreadable};
use crate::wire::{Call, Got};
use domain::profile::{Membership, Paging};

const READ_USER: &str = "read of a user";

/// A page whose objects went to a closure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// Objects received.
    pub received: u64,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
    /// How many the target says there are in all, if it does.
    pub declared: Option<u64>,
}

impl<S: Secrets> ScimTarget<S> {
    /// One page of users without copying them: `each` sees every user while the page is in
    /// memory. For listings of millions; [`Observe::users`] is the same with copies.
    pub async fn users_with(
        &self,
        after: Option<&Cursor>,
        mut each: impl FnMut(&SeenUser<'_>) + Send,
    ) -> Result<PageEnd, TargetError> {
        let (body, start) = self.page(Kind::User, after).await?;
        let listing = page::users(&self.plan, &body, &mut each)
            .map_err(|e| unreadable(&e, "page of users"))?;
        Ok(self.end(listing, start))
    }

    /// The mapped paths in the order that [`SeenUser::mapped`] counts them.
    pub fn mapped_paths(&self) -> impl ExactSizeIterator<Item = &AttrPath> {
        self.plan.paths()
    }

    /// Fetches one page; with it, for index paging, its start.
    async fn page(
        &self,
        kind: Kind,
        after: Option<&Cursor>,
    ) -> Result<(Vec<u8>, u64), TargetError> {
        let count = self.profile.page_size.max(1);
        let (query, start) = match self.profile.paging {
            Paging::None => (None, 1),
            Paging::Index => {
                let start = match after {
                    None => 1,
                    Some(Cursor(text)) => text
                        .strip_prefix("i:")
                        .and_then(|text| text.parse().ok())
                        .ok_or_else(foreign_cursor)?,
                };
                (Some(format!("startIndex={start}&count={count}")), start)
            }
            Paging::Cursor => {
                let cursor = match after {
                    None => "",
                    Some(Cursor(text)) => text.strip_prefix("c:").ok_or_else(foreign_cursor)?,
                };
                let cursor = encode(cursor);
                (Some(format!("cursor={cursor}&count={count}")), 1)
            }
        };
        let call = Call {
            path: kind.path().to_owned(),
            query,
            template: kind.path(),
            ..Call::default()
        };
        let what = match kind {
            Kind::User => "page of users",
            Kind::Group => "page of groups",
        };
        match self.wire.send(Method::Get, Effect::Read, &call).await? {
            Got::Success(answer) => Ok((answer.body, start)),
            Got::Refused(refusal) if refusal.status == 404 => {
                Err(TargetError::Fault(Fault::halt(format!(
                    "{what}: 404, nothing is at `{}` below the base URL; correct the base URL",
                    kind.path()
                ))))
            }
            Got::Refused(refusal) => Err(self.refused(refusal, what, Effect::Read)),
        }
    }

    fn end(&self, listing: Listing, start: u64) -> PageEnd {
        let next = match self.profile.paging {
            Paging::None => None,
            // An empty page with a cursor is not the end (RFC 9865 section 2.2).
            Paging::Cursor => listing.next_cursor.map(|cursor| format!("c:{cursor}")),
            Paging::Index => {
                // What came counts, not what was asked for: pages may be short.
                let next = start.saturating_add(listing.received);
                let more = listing.received > 0 && listing.total.is_none_or(|total| next <= total);
                more.then(|| format!("i:{next}"))
            }
        };
        PageEnd {
            received: listing.received,
            next: next.map(Cursor),
            declared: listing.total,
        }
    }

    /// Fetches one user; `None` where there is none.
    async fn user(&self, id: &AccountId) -> Result<Option<Answer>, TargetError> {
        let call = Call {
            path: Kind::User.object(id.as_str())?,
            template: Kind::User.template(),
            ..Call::default()
        };
        match self.wire.send(Method::Get, Effect::Read, &call).await? {
            Got::Success(answer) => Ok(Some(answer)),
            Got::Refused(refusal) if refusal.status == 404 => Ok(None),
            Got::Refused(refusal) => Err(self.refused(refusal, READ_USER, Effect::Read)),
        }
    }

    /// The body of one user; `None` where there is none.
    pub(crate) async fn user_body(&self, id: &AccountId) -> Result<Option<Vec<u8>>, TargetError> {
        Ok(self.user(id).await?.map(|answer| answer.body))
    }

    async fn by_id(&self, id: &AccountId) -> Result<Found, TargetError> {
        let Some(answer) = self.user(id).await? else {
            return Ok(Found::None);
        };
        let (account, version) = page::user(&self.plan, &answer.body, |user| {
            (user.to_account(), user.version().map(Box::<str>::from))
        })
        .map_err(|e| unreadable(&e, READ_USER))?;
        if account.id != *id {
            return Err(TargetError::Fault(Fault::halt(format!(
                "{READ_USER}: asked for one id, the target answers with another"
            ))));
        }
        let version = answer.etag.or(version);
        self.keep_version(id, version.as_deref());
        Ok(Found::One(Box::new(account)))
    }

    async fn by_value(&self, attr: &'static str, value: &str) -> Result<Found, TargetError> {
        let Some(body) = self.search(Kind::User, attr, value, &[]).await? else {
            return Ok(Found::None);
        };
        let mut found = None;
        let mut others = false;
        let listing = page::users(&self.plan, &body, &mut |user| {
            let fits = match attr {
                "externalId" => user.key() == Some(value),
                _ => same_text(user.user_name(), value),
            };
            others |= !fits;
            if found.is_none() {
                found = Some((user.to_account(), user.version().map(Box::<str>::from)));
            }
        })
        .map_err(|e| unreadable(&e, "look-up of a user"))?;
        if others {
            return Err(ignores_filters(attr));
        }
        let count = listing.total.unwrap_or(0).max(listing.received);
        match (found, count) {
            (None, 0) => Ok(Found::None),
            (Some((account, version)), 1) => {
                self.keep_version(&account.id, version.as_deref());
                Ok(Found::One(Box::new(account)))
            }
            (Some(_), count) => Ok(Found::Many(count)),
            // A total without the objects proves neither presence nor absence.
            (None, _) => Err(TargetError::Fault(Fault::retry(
                "look-up of a user: the target counts hits and shows none",
            ))),
        }
    }

    /// The members of the group behind an entitlement.
    async fn members(&self, entitlement: &EntitlementId) -> Result<Members, TargetError> {
        const WHAT: &str = "read of a group";
        let read = async |id: &str| {
            let call = Call {
                path: Kind::Group.object(id)?,
                template: Kind::Group.template(),
                ..Call::default()
            };
            self.wire.read_if_small(&call).await
        };
        let id = self.group_id(entitlement, false).await?;
        let mut got = read(&id).await?;
        if matches!(&got, Some(Got::Refused(refusal)) if refusal.status == 404) {
            let id = self.group_id(entitlement, true).await?;
            got = read(&id).await?;
        }
        let answer = match got {
            None => return Ok(Members::TooMany),
            Some(Got::Success(answer)) => answer,
            Some(Got::Refused(refusal)) => return Err(self.refused(refusal, WHAT, Effect::Read)),
        };
        let group =
            page::holder(Refers::Members, &answer.body).map_err(|e| unreadable(&e, WHAT))?;
        self.note_members(&group);
        Ok(group.refers.map_or(Members::NotShown, Members::Shown))
    }

    fn note_members(&self, group: &Holder) {
        if group.refers.is_some() {
            self.shows_members.store(true, Ordering::Relaxed);
        }
    }

    /// The ids of the groups that a user shows; `None` where it shows none or does not exist.
    async fn groups_of(&self, account: &AccountId) -> Result<Option<Vec<Box<str>>>, TargetError> {
        let Some(body) = self.user_body(account).await? else {
            return Ok(None);
        };
        let user = page::holder(Refers::Groups, &body)
            .map_err(|e| unreadable(&e, "read of a user's groups"))?;
        Ok(user.refers)
    }

    /// The entitlements whose group is among a user's.
    async fn held_by_user_groups(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        let Some(groups) = self.groups_of(account).await? else {
            return Ok(None);
        };
        let mut held = Vec::new();
        for entitlement in of {
            let id = self.group_id(entitlement, false).await?;
            if groups.contains(&id) {
                held.push(entitlement.clone());
            }
        }
        Ok(Some(held))
    }

    async fn held_by_members(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        let mut held = Vec::new();
        let mut open = Vec::new();
        let mut silent = Vec::new();
        for entitlement in of {
            match self.members(entitlement).await? {
                Members::Shown(members) if members.iter().any(|id| **id == *account.as_str()) => {
                    held.push(entitlement.clone());
                }
                Members::Shown(_) => {}
                Members::NotShown => silent.push(entitlement.clone()),
                Members::TooMany => open.push(entitlement.clone()),
            }
        }
        // A group without `members` is empty, or the target never shows them. Once it has shown
        // some, it is empty; before that, the user's side decides, or nobody knows.
        if !self.shows_members.load(Ordering::Relaxed) {
            open.extend(silent);
        }
        if !open.is_empty() {
            let Some(more) = self.held_by_user_groups(account, &open).await? else {
                return Ok(None);
            };
            held.extend(more);
        }
        Ok(Some(held))
    }
}

/// What a group shows of its members.
enum Members {
    Shown(Vec<Box<str>>),
    NotShown,
    /// More than we read.
    TooMany,
}

fn foreign_cursor() -> TargetError {
    TargetError::Fault(Fault::reject(
        "the cursor is not from this target's paging; the listing starts again",
    ))
}

impl<S: Secrets> Observe for ScimTarget<S> {
    async fn users(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        let mut items = Vec::new();
        let end = self
            .users_with(after, |user| items.push(user.to_account()))
            .await?;
        Ok(Page {
            items,
            next: end.next,
            declared: end.declared,
        })
    }

    async fn groups(&self, after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        let (body, start) = self.page(Kind::Group, after).await?;
        let (groups, listing) =
            page::groups(&body).map_err(|e| unreadable(&e, "page of groups"))?;
        for group in &groups {
            self.note_members(group);
        }
        let shown = self.shows_members.load(Ordering::Relaxed)
            && self.profile.membership != Membership::Hidden;
        let groups = groups.into_iter().map(|mut group| {
            // An empty attribute may be left out (RFC 7643 section 2.5).
            if shown && group.refers.is_none() {
                group.refers = Some(Vec::new());
            }
            group.into_group()
        });
        let items = groups.collect();
        let end = self.end(listing, start);
        Ok(Page {
            items,
            next: end.next,
            declared: end.declared,
        })
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        match lookup {
            Lookup::Id(id) => self.by_id(id).await,
            Lookup::Key(key) => self.by_value("externalId", key).await,
            Lookup::UserName(name) => self.by_value("userName", name).await,
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
        match self.profile.membership {
            Membership::Hidden => Ok(None),
            Membership::UserGroups => self.held_by_user_groups(account, of).await,
            Membership::GroupMembers | Membership::GroupFilter | Membership::PairFilter => {
                self.held_by_members(account, of).await
            }
        }
    }
}
