//! Reads: pages, look-ups, memberships.

use domain::{Account, AccountId, AttrPath, EntitlementId, Group};
use ports::target::{Check, Cursor, Found, Lookup, Page, Roster, TargetError};
use ports::{Fault, Observe, Secrets};
use target_http::{Answer, Effect, Method};

use crate::held::groups_shown;
use crate::page::{self, Listing};
use crate::path::encode;
use crate::read::SeenUser;
use crate::rules::check_proven;
use crate::target::{Kind, ScimTarget, ignores_filters, same_text, unreadable};
use crate::wire::{Call, Got};
use domain::profile::{FindBy, Membership, Operation, Paging};

const READ_USER: &str = "read of a user";

/// Most objects that one page is asked for, whatever the profile says: a page is held in memory
/// as a whole.
const MOST_PER_PAGE: u16 = 1_000;

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

/// A place in a listing, as the target counts.
#[derive(Clone, Copy)]
pub(crate) enum Place<'c> {
    /// There are no pages.
    All,
    /// The first object is 1.
    Index(u64),
    /// Empty at the start.
    Cursor(&'c str),
}

impl<S: Secrets> ScimTarget<S> {
    /// One page of users without copying them: `each` sees every user while the page is in
    /// memory. For listings of millions; [`Observe::users`] is the same with copies.
    pub async fn users_with(
        &self,
        after: Option<&Cursor>,
        mut each: impl FnMut(&SeenUser<'_>) + Send,
    ) -> Result<PageEnd, TargetError> {
        check_proven(&self.profile, &[Operation::List]).map_err(TargetError::Fault)?;
        let (body, start) = self.page(Kind::User, after).await?;
        let listing = page::users(&self.plan, &body, &mut each)
            .map_err(|e| unreadable(&e, "page of users"))?;
        Ok(self.end(&listing, start))
    }

    /// The mapped paths in the order that [`SeenUser::mapped`] counts them.
    pub fn mapped_paths(&self) -> impl ExactSizeIterator<Item = &AttrPath> {
        self.plan.paths()
    }

    /// Objects asked for per page.
    pub(crate) fn page_size(&self) -> u16 {
        self.profile.page_size.clamp(1, MOST_PER_PAGE)
    }

    /// Fetches one page; with it, for index paging, its start.
    async fn page(
        &self,
        kind: Kind,
        after: Option<&Cursor>,
    ) -> Result<(Vec<u8>, u64), TargetError> {
        let count = self.page_size();
        let (query, start) = match self.place(after)? {
            Place::All => (None, 1),
            Place::Index(start) => (Some(format!("startIndex={start}&count={count}")), start),
            Place::Cursor(cursor) => {
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
        match self.send(Method::Get, Effect::Read, &call).await? {
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

    /// What a cursor of ours means to the target.
    pub(crate) fn place<'c>(&self, after: Option<&'c Cursor>) -> Result<Place<'c>, TargetError> {
        let text = after.map(|Cursor(text)| text.as_str());
        match (self.profile.paging, text) {
            (Paging::None, _) => Ok(Place::All),
            (Paging::Index, None) => Ok(Place::Index(1)),
            (Paging::Index, Some(text)) => text
                .strip_prefix("i:")
                .and_then(|text| text.parse().ok())
                .map(Place::Index)
                .ok_or_else(foreign_cursor),
            (Paging::Cursor, None) => Ok(Place::Cursor("")),
            (Paging::Cursor, Some(text)) => text
                .strip_prefix("c:")
                .map(Place::Cursor)
                .ok_or_else(foreign_cursor),
        }
    }

    pub(crate) fn end(&self, listing: &Listing, start: u64) -> PageEnd {
        let next = match self.profile.paging {
            Paging::None => None,
            // An empty page with a cursor is not the end (RFC 9865 section 2.2).
            Paging::Cursor => listing
                .next_cursor
                .as_ref()
                .map(|cursor| format!("c:{cursor}")),
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

    /// Whether accounts can be found so.
    pub(crate) fn finds_by(&self, what: FindBy) -> bool {
        self.profile.find_by.contains(&what)
    }

    /// Fetches one user; `None` where there is none.
    pub(crate) async fn user(&self, id: &AccountId) -> Result<Option<Answer>, TargetError> {
        let call = Call {
            path: Kind::User.object(id.as_str())?,
            template: Kind::User.template(),
            ..Call::default()
        };
        match self.send(Method::Get, Effect::Read, &call).await? {
            Got::Success(answer) => Ok(Some(answer)),
            Got::Refused(refusal) if refusal.status == 404 => Ok(None),
            Got::Refused(refusal) => Err(self.refused(refusal, READ_USER, Effect::Read)),
        }
    }

    async fn by_id(&self, id: &AccountId) -> Result<Found, TargetError> {
        match self.user(id).await? {
            Some(answer) => self.seen(id, &answer),
            None => Ok(Found::None),
        }
    }

    /// The account in an answer.
    fn seen(&self, id: &AccountId, answer: &Answer) -> Result<Found, TargetError> {
        let (account, version) = page::user(&self.plan, &answer.body, |user| {
            (user.to_account(), user.version().map(Box::<str>::from))
        })
        .map_err(|e| unreadable(&e, READ_USER))?;
        if account.id != *id {
            return Err(TargetError::Fault(Fault::halt(format!(
                "{READ_USER}: asked for one id, the target answers with another"
            ))));
        }
        let version = answer.etag.as_deref().or(version.as_deref());
        self.keep_version(id, version);
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
            self.note_members(group.refers.as_ref().map(Vec::len));
        }
        let groups = groups.into_iter().map(|mut group| {
            if group.refers.as_ref().is_none_or(Vec::is_empty) {
                // An empty attribute may be left out (RFC 7643 section 2.5).
                let empty = self.is_empty_where_none_shows(group.refers.is_some());
                group.refers = empty.then(Vec::new);
            }
            group.into_group()
        });
        let items = groups.collect();
        let end = self.end(&listing, start);
        Ok(Page {
            items,
            next: end.next,
            declared: end.declared,
        })
    }

    /// Looks up one account. Where `find_by` of the profile lacks `external_id`, a look-up by key
    /// is [`Found::None`] without a request, which proves nothing: a create then asks for the user
    /// name before it makes an account, and says [`TargetError::Conflict`] where it is there. Where
    /// it lacks `user_name`, a look-up by name is refused, because an answer would be a guess.
    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        match lookup {
            Lookup::Id(id) => self.by_id(id).await,
            Lookup::Key(_) if !self.finds_by(FindBy::ExternalId) => Ok(Found::None),
            Lookup::Key(key) => self.by_value("externalId", key).await,
            Lookup::UserName(_) if !self.finds_by(FindBy::UserName) => {
                Err(TargetError::Fault(Fault::reject(
                    "accounts cannot be found by user name there: `find_by` of the target's \
                     profile lacks `user_name`; find the account by hand and link it",
                )))
            }
            Lookup::UserName(name) => self.by_value("userName", name).await,
        }
    }

    async fn held(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        self.holdings(account, of).await
    }

    /// One read of the group answers for everybody where groups show their members.
    async fn holders(
        &self,
        entitlement: &EntitlementId,
        accounts: &[AccountId],
    ) -> Result<Option<Vec<AccountId>>, TargetError> {
        self.those_inside(entitlement, accounts).await
    }

    async fn roster(&self, entitlement: &EntitlementId) -> Result<Roster, TargetError> {
        self.everybody_inside(entitlement).await
    }

    /// One request for both where the user shows its groups.
    async fn check(&self, account: &AccountId, of: &[EntitlementId]) -> Result<Check, TargetError> {
        if of.is_empty() || self.profile.membership != Membership::UserGroups {
            let found = self.by_id(account).await?;
            let held = self.holdings(account, of).await?;
            return Ok(Check { found, held });
        }
        let Some(answer) = self.user(account).await? else {
            return Ok(Check {
                found: Found::None,
                held: None,
            });
        };
        let found = self.seen(account, &answer)?;
        let held = match groups_shown(&answer.body)? {
            Some(groups) => Some(self.among(&groups, of).await?),
            None => None,
        };
        Ok(Check { found, held })
    }
}
