//! Which memberships an account holds, by the ways in which targets tell.

use std::collections::BTreeSet;
use std::slice;
use std::sync::atomic::Ordering;

use domain::profile::Membership;
use domain::{AccountId, EntitlementId};
use ports::target::{Roster, TargetError};
use ports::{Fault, Secrets};
use serde_json::json;
use target_http::Effect;

use crate::observe::Place;
use crate::page::{self, Holder, Refers};
use crate::path::eq_filter;
use crate::target::{Kind, ScimTarget, ignores_filters, unreadable};
use crate::wire::{Call, Got};

/// Most pages of one user's groups. More is a target that goes round in circles.
const MOST_PAGES: usize = 200;

/// An id that no target gives out, for asking what nothing meets.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

impl<S: Secrets> ScimTarget<S> {
    /// Which of these an account holds, as the profile says that the target tells.
    pub(crate) async fn holdings(
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
            Membership::GroupMembers => self.held_by_members(account, of).await,
            Membership::GroupFilter => {
                let groups = self.groups_with(account).await?;
                Ok(Some(self.among(&groups, of).await?))
            }
            Membership::PairFilter => {
                let mut held = Vec::new();
                for entitlement in of {
                    if self.is_pair(entitlement, account).await? {
                        held.push(entitlement.clone());
                    }
                }
                Ok(Some(held))
            }
        }
    }

    /// Which of these accounts hold an entitlement; `None` where the target does not tell.
    pub(crate) async fn those_inside(
        &self,
        entitlement: &EntitlementId,
        accounts: &[AccountId],
    ) -> Result<Option<Vec<AccountId>>, TargetError> {
        if self.profile.membership == Membership::GroupMembers && accounts.len() > 1 {
            match self.members(entitlement).await? {
                Members::Shown(members) => {
                    let members: BTreeSet<&str> = members.iter().map(|id| &**id).collect();
                    let inside = |account: &&AccountId| members.contains(account.as_str());
                    return Ok(Some(accounts.iter().filter(inside).cloned().collect()));
                }
                Members::NotShown if self.shows_members.load(Ordering::Relaxed) => {
                    return Ok(Some(Vec::new()));
                }
                // Each account has to tell for itself.
                Members::NotShown | Members::TooMany => {}
            }
        }
        let mut inside = Vec::new();
        for account in accounts {
            match self.holdings(account, slice::from_ref(entitlement)).await? {
                None => return Ok(None),
                Some(held) if held.is_empty() => {}
                Some(_) => inside.push(account.clone()),
            }
        }
        Ok(Some(inside))
    }

    /// Everybody who holds an entitlement.
    pub(crate) async fn everybody_inside(
        &self,
        entitlement: &EntitlementId,
    ) -> Result<Roster, TargetError> {
        Ok(match self.members(entitlement).await? {
            Members::TooMany => Roster::Many,
            Members::Shown(ids) if !ids.is_empty() => {
                Roster::These(ids.iter().map(|id| AccountId::from(&**id)).collect())
            }
            Members::Shown(_) if self.is_empty_where_none_shows(true) => Roster::These(Vec::new()),
            Members::NotShown if self.is_empty_where_none_shows(false) => Roster::These(Vec::new()),
            Members::Shown(_) | Members::NotShown => Roster::Hidden,
        })
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
        self.note_members(group.refers.as_ref().map(Vec::len));
        Ok(group.refers.map_or(Members::NotShown, Members::Shown))
    }

    /// Remembers that the target shows members. An empty list is no proof: some show one for
    /// every group.
    pub(crate) fn note_members(&self, members: Option<usize>) {
        if members.is_some_and(|count| count > 0) {
            self.shows_members.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a group that shows no member has none.
    pub(crate) fn is_empty_where_none_shows(&self, shows_list: bool) -> bool {
        match self.profile.membership {
            Membership::GroupMembers => shows_list || self.shows_members.load(Ordering::Relaxed),
            // They are told elsewhere, and what groups show may be a list that is always empty.
            Membership::UserGroups | Membership::GroupFilter | Membership::PairFilter => {
                self.shows_members.load(Ordering::Relaxed)
            }
            Membership::Hidden => false,
        }
    }

    /// The entitlements whose group is among a user's; `None` where the user shows none or does
    /// not exist.
    async fn held_by_user_groups(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        let Some(answer) = self.user(account).await? else {
            return Ok(None);
        };
        match groups_shown(&answer.body)? {
            Some(groups) => Ok(Some(self.among(&groups, of).await?)),
            None => Ok(None),
        }
    }

    /// The entitlements whose group is among these.
    pub(crate) async fn among(
        &self,
        groups: &[Box<str>],
        of: &[EntitlementId],
    ) -> Result<Vec<EntitlementId>, TargetError> {
        let mut held = Vec::new();
        for entitlement in of {
            let id = self.group_id(entitlement, false).await?;
            if groups.contains(&id) {
                held.push(entitlement.clone());
            }
        }
        Ok(held)
    }

    /// The groups that answer to `members.value eq`, over all pages.
    async fn groups_with(&self, account: &AccountId) -> Result<Vec<Box<str>>, TargetError> {
        let filter = eq_filter("members.value", account.as_str());
        let mut ids = Vec::new();
        let mut after = None;
        for _ in 0..MOST_PAGES {
            let count = self.page_size();
            let place = self.place(after.as_ref())?;
            let (query, start) = match place {
                Place::All => (vec![], 1),
                Place::Index(start) => (
                    vec![("startIndex", json!(start)), ("count", json!(count))],
                    start,
                ),
                Place::Cursor(at) => (vec![("cursor", json!(at)), ("count", json!(count))], 1),
            };
            let got = self
                .filter(Kind::Group, &filter, self.excluded(), &query)
                .await?;
            let answer = match got {
                Got::Success(answer) => answer,
                Got::Refused(refusal) if refusal.status == 404 => return Ok(ids),
                Got::Refused(refusal) => {
                    return Err(self.refused(refusal, BY_MEMBER, Effect::Read));
                }
            };
            let (groups, listing) =
                page::groups(&answer.body).map_err(|e| unreadable(&e, BY_MEMBER))?;
            self.recheck(&groups, account).await?;
            ids.extend(groups.into_iter().map(|group| group.id));
            let next = self.end(&listing, start).next;
            if next.is_none() {
                return Ok(ids);
            }
            if next == after {
                break;
            }
            after = next;
        }
        Err(TargetError::Fault(Fault::halt(format!(
            "{BY_MEMBER}: the pages of the answer do not come to an end"
        ))))
    }

    /// Whether `id eq "group" and members eq "user"` finds the group.
    async fn is_pair(
        &self,
        entitlement: &EntitlementId,
        account: &AccountId,
    ) -> Result<bool, TargetError> {
        let group = self.group_id(entitlement, false).await?;
        let found = self.pair(&group, account.as_str()).await?;
        let found = match found {
            // The group may have been made again under another id.
            None => {
                let fresh = self.group_id(entitlement, true).await?;
                if fresh == group {
                    None
                } else {
                    self.pair(&fresh, account.as_str()).await?
                }
            }
            found => found,
        };
        match found {
            None => Ok(false),
            Some(groups) => {
                self.recheck(&groups, account).await?;
                Ok(!groups.is_empty())
            }
        }
    }

    /// The groups that answer to a pair: one or none. `None` where the target answers 404.
    async fn pair(&self, group: &str, user: &str) -> Result<Option<Vec<Holder>>, TargetError> {
        let filter = format!(
            "{} and {}",
            eq_filter("id", group),
            eq_filter("members", user)
        );
        let got = self
            .filter(
                Kind::Group,
                &filter,
                self.excluded(),
                &[("count", json!(1))],
            )
            .await?;
        let answer = match got {
            Got::Success(answer) => answer,
            Got::Refused(refusal) if refusal.status == 404 => return Ok(None),
            Got::Refused(refusal) => return Err(self.refused(refusal, BY_MEMBER, Effect::Read)),
        };
        let (groups, _) = page::groups(&answer.body).map_err(|e| unreadable(&e, BY_MEMBER))?;
        if groups.iter().any(|one| *one.id != *group) {
            return Err(ignores_filters("id"));
        }
        Ok(Some(groups))
    }

    /// Checks that groups found by a member are the ones that were asked for: by the members that
    /// they show or, where they show none, by asking once for the groups of nobody.
    async fn recheck(&self, groups: &[Holder], account: &AccountId) -> Result<(), TargetError> {
        let mut silent = None;
        for group in groups {
            let shows =
                |members: &Vec<Box<str>>| members.iter().any(|id| **id == *account.as_str());
            // A list of members may be cut short, or empty where it is left out.
            if !group.refers.as_ref().is_some_and(shows) {
                silent = Some(group);
            }
        }
        let Some(group) = silent else {
            return Ok(());
        };
        if self.heeds_filters.load(Ordering::Relaxed) {
            return Ok(());
        }
        let nobody = if self.profile.membership == Membership::PairFilter {
            format!(
                "{} and {}",
                eq_filter("id", &group.id),
                eq_filter("members", NOBODY)
            )
        } else {
            eq_filter("members.value", NOBODY)
        };
        let place = [("count", json!(1))];
        match self
            .filter(Kind::Group, &nobody, self.excluded(), &place)
            .await?
        {
            Got::Success(answer) => {
                let (found, _) =
                    page::groups(&answer.body).map_err(|e| unreadable(&e, BY_MEMBER))?;
                if !found.is_empty() {
                    return Err(ignores_filters("members"));
                }
            }
            // It looks at the value, and does not like it.
            Got::Refused(refusal) if matches!(refusal.status, 400 | 404) => {}
            Got::Refused(refusal) => return Err(self.refused(refusal, BY_MEMBER, Effect::Read)),
        }
        self.heeds_filters.store(true, Ordering::Relaxed);
        Ok(())
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

const BY_MEMBER: &str = "look-up of a user's groups by member";

/// The ids of the groups that a user shows; `None` where it shows none.
pub(crate) fn groups_shown(body: &[u8]) -> Result<Option<Vec<Box<str>>>, TargetError> {
    let user = page::holder(Refers::Groups, body)
        .map_err(|e| unreadable(&e, "read of a user's groups"))?;
    Ok(user.refers)
}
