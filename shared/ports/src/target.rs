//! One target. A holder of [`Observe`] cannot change anything.

use std::future::Future;
use std::time::Duration;

use domain::budget::Cost;
use domain::{Account, AccountId, Change, EntitlementId, Group};

use crate::Fault;

/// An opaque place in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(pub String);

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What came.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
    /// How many the target says there are in all, if it does.
    pub declared: Option<u64>,
}

/// How to find one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// By the target's id.
    Id(&'a AccountId),
    /// By our immutable key (`externalId`).
    Key(&'a str),
    /// By user name.
    UserName(&'a str),
}

/// What a look-up found. More than one hit is never narrowed down by picking the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing; for a target that hides disabled accounts this is no proof of absence.
    None,
    /// Exactly one.
    One(Box<Account>),
    /// So many.
    Many(u64),
}

/// An error of a target, by what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TargetError {
    /// The request was answered, or was certainly not sent.
    #[error("target refused or was not reached")]
    Fault(#[source] Fault),
    /// The target said that it was too much (429); nothing was done.
    #[error("throttled")]
    Throttled {
        /// When it may be asked again, if it said so.
        after: Option<Duration>,
        /// What was asked, without personal data.
        why: Box<str>,
    },
    /// The request was sent and the answer lost: neither success nor failure. Look before
    /// writing again.
    #[error("answer lost")]
    Unknown {
        /// What happened, without personal data.
        why: Box<str>,
    },
    /// The caller's time was over before the request was sent: nothing was asked.
    #[error("no time left")]
    OutOfTime,
    /// The object does not exist there.
    #[error("not found")]
    NotFound,
    /// A unique value is taken there (409 `uniqueness`).
    #[error("already taken")]
    Conflict,
    /// The object changed under the request (412).
    #[error("changed meanwhile")]
    Changed,
    /// The target does not know the place in a listing any more (`expiredCursor`,
    /// `invalidCursor`, 410): the listing has to begin anew.
    #[error("place in the listing gone")]
    Expired {
        /// What was asked, without personal data.
        why: Box<str>,
    },
}

impl TargetError {
    /// What a handler does where it has no better idea. `NotFound` and `Conflict` reject;
    /// `Throttled`, `OutOfTime`, `Changed`, `Expired` and `Unknown` retry.
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Throttled { after, why } => Fault::Retry { after, why },
            Self::Unknown { why } => Fault::Retry {
                after: Some(Duration::from_secs(1)),
                why: format!("answer lost: {why}").into(),
            },
            Self::OutOfTime => Fault::Retry {
                after: Some(Duration::ZERO),
                why: "the time for it was over; it comes in another batch".into(),
            },
            Self::NotFound => Fault::reject("the target does not know the object"),
            Self::Conflict => Fault::reject("the target says a unique value is taken"),
            Self::Changed => Fault::retry("the object changed meanwhile"),
            Self::Expired { why } => Fault::retry(why),
        }
    }
}

/// Reads one target.
pub trait Observe: Send + Sync {
    /// One page of its users.
    fn users(
        &self,
        after: Option<&Cursor>,
    ) -> impl Future<Output = Result<Page<Account>, TargetError>> + Send;

    /// One page of its groups with their members.
    fn groups(
        &self,
        after: Option<&Cursor>,
    ) -> impl Future<Output = Result<Page<Group>, TargetError>> + Send;

    /// One account.
    fn find(&self, lookup: Lookup<'_>) -> impl Future<Output = Result<Found, TargetError>> + Send;

    /// Which of these entitlements the account holds; `None` where the target does not tell.
    fn held(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> impl Future<Output = Result<Option<Vec<EntitlementId>>, TargetError>> + Send;

    /// Both at once, for looking back after a write: the account, and which of these
    /// entitlements it holds. A target that can answer both in one request does.
    fn check(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> impl Future<Output = Result<Check, TargetError>> + Send {
        async move {
            let found = self.find(Lookup::Id(account)).await?;
            let held = if of.is_empty() {
                Some(Vec::new())
            } else {
                self.held(account, of).await?
            };
            Ok(Check { found, held })
        }
    }

    /// Which of these accounts hold an entitlement, for looking back after a write to many;
    /// `None` where the target does not tell.
    fn holders(
        &self,
        entitlement: &EntitlementId,
        accounts: &[AccountId],
    ) -> impl Future<Output = Result<Option<Vec<AccountId>>, TargetError>> + Send {
        async move {
            let mut holders = Vec::new();
            for account in accounts {
                let one = std::slice::from_ref(entitlement);
                match self.held(account, one).await? {
                    None => return Ok(None),
                    Some(held) if held.is_empty() => {}
                    Some(_) => holders.push(account.clone()),
                }
            }
            Ok(Some(holders))
        }
    }

    /// Everybody who holds an entitlement directly, ours or not: asked before one of the last of
    /// them is taken out.
    fn roster(
        &self,
        _entitlement: &EntitlementId,
    ) -> impl Future<Output = Result<Roster, TargetError>> + Send {
        async { Ok(Roster::Hidden) }
    }
}

/// Who holds an entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roster {
    /// The target does not tell.
    Hidden,
    /// More than are read at once.
    Many,
    /// These and nobody else.
    These(Vec<AccountId>),
}

/// What a look back at one account gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The account.
    pub found: Found,
    /// Which of the entitlements it holds; `None` where the target does not tell.
    pub held: Option<Vec<EntitlementId>>,
}

/// What a write came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The account's id; new after a create.
    pub id: AccountId,
    /// Whether the target said that it was so already.
    pub unchanged: bool,
}

/// A membership to give or to take away. Several of them may go to a target in one request,
/// whosever they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberChange {
    /// Of what.
    pub entitlement: EntitlementId,
    /// Whose.
    pub account: AccountId,
    /// Whether it is given.
    pub give: bool,
}

/// What has to change in one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountChanges {
    /// Whose; `None` where it is to be made.
    pub account: Option<AccountId>,
    /// In their order.
    pub changes: Vec<Change>,
}

/// Changes one target. Safe to call again; never retries in a loop, never sleeps.
pub trait Apply: Send + Sync {
    /// Carries out one change. `account` is `None` for a create. "Not found" on delete and
    /// "already a member" on grant are answers, not errors.
    fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> impl Future<Output = Result<Applied, TargetError>> + Send;

    /// Carries out changes of one account in their order, in as few requests as the target
    /// allows. One answer for each change that was tried, in their order; a change that is
    /// [refused alone](is_refused_alone) does not keep the later ones from being tried, any other
    /// error does.
    fn apply_all(
        &self,
        changes: &[Change],
        account: &AccountId,
    ) -> impl Future<Output = Vec<Result<Applied, TargetError>>> + Send {
        async move {
            let mut answers = Vec::with_capacity(changes.len());
            for change in changes {
                let answer = self.apply(change, Some(account)).await;
                let go_on = answer
                    .as_ref()
                    .map_or_else(|error| is_refused_alone(change, error), |_| true);
                answers.push(answer);
                if !go_on {
                    break;
                }
            }
            answers
        }
    }

    /// Gives and takes memberships of many accounts, in as few requests as the target allows and
    /// in no particular order. One answer for each, in the order of `changes`; one that is
    /// refused does not keep the others from being tried.
    fn memberships(
        &self,
        changes: &[MemberChange],
    ) -> impl Future<Output = Vec<Result<Applied, TargetError>>> + Send {
        async move {
            let mut answers = Vec::with_capacity(changes.len());
            for one in changes {
                let entitlement = one.entitlement.clone();
                let change = if one.give {
                    Change::Grant { entitlement }
                } else {
                    Change::Revoke { entitlement }
                };
                answers.push(self.apply(&change, Some(&one.account)).await);
            }
            answers
        }
    }

    /// Whether a request of [`memberships`](Self::memberships) takes several groups. Where it takes one,
    /// whoever has little time asks group by group, and stops in between.
    fn joins_groups(&self) -> bool {
        false
    }

    /// Whether changes of several accounts go in one request, so that [`apply_each`] is worth it.
    ///
    /// [`apply_each`]: Self::apply_each
    fn takes_many(&self) -> bool {
        false
    }

    /// Carries out changes of several accounts, each in its order, in as few requests as the
    /// target allows; `account` is `None` where the first change creates it. For each account the
    /// answers that [`apply_all`](Self::apply_all) would give.
    fn apply_each(
        &self,
        works: &[AccountChanges],
    ) -> impl Future<Output = Vec<Vec<Result<Applied, TargetError>>>> + Send {
        async move {
            let mut answers = Vec::with_capacity(works.len());
            for work in works {
                answers.push(match (&work.account, work.changes.first()) {
                    (Some(account), _) => self.apply_all(&work.changes, account).await,
                    (None, Some(first)) => vec![self.apply(first, None).await],
                    (None, None) => Vec::new(),
                });
            }
            answers
        }
    }

    /// What changes cost the target at most, for its budget; the looks before and after them not
    /// counted.
    fn cost(&self, changes: &[Change]) -> Cost {
        changes
            .iter()
            .map(cost_of)
            .fold(Cost::default(), Cost::plus)
    }
}

/// Bytes of the longest id of an account that is taken from a target. It goes into URLs and into the
/// table.
pub const LONGEST_ID: usize = 1024;

/// Bytes of the longest value of an attribute that is taken from a target. What an account shows is kept
/// in an item of the table, which holds 400 KB of all accounts of a person, and no target may fill it.
pub const LONGEST_VALUE: usize = 4 * 1024;

/// Whether the answer to a change is that this one is refused, and nothing rests on it: a membership,
/// or the block of sign-in or the end of sessions, without which the rest of an ending is worth no
/// less. Services refuse to block owners and administrators.
pub fn is_refused_alone(change: &Change, error: &TargetError) -> bool {
    match change {
        Change::Grant { .. } | Change::Revoke { .. } => {
            matches!(error, TargetError::Fault(Fault::Reject { .. }))
        }
        Change::Disable | Change::RevokeSessions => matches!(
            error,
            TargetError::Fault(Fault::Reject { .. }) | TargetError::Conflict
        ),
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Restore
        | Change::Update { .. }
        | Change::Enable
        | Change::Delete => false,
    }
}

/// One request for each change, by what it changes.
pub const fn cost_of(change: &Change) -> Cost {
    let none = Cost::reads(0);
    match change {
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Restore
        | Change::Update { .. }
        | Change::Enable
        | Change::Disable
        | Change::Delete => Cost { users: 1, ..none },
        Change::RevokeSessions => none,
        Change::Grant { .. } | Change::Revoke { .. } => Cost { groups: 1, ..none },
    }
}
