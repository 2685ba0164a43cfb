//! What changed since the last look, without listing everything.

use domain::{Account, AccountId};
use ports::Secrets;
use ports::target::TargetError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use target_http::{Effect, To};

use crate::listing::{next_link, values};
use crate::permission::Action;
use crate::target::{GraphTarget, unreadable};
use crate::url::ObjectId;
use crate::user;
use crate::wire::Call;

const PATH: &str = "/users/delta";

/// A place in the changes, to be stored. Opaque; Graph forgets it after seven days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at", content = "link")]
pub enum DeltaCursor {
    /// More of this look follows.
    More(Box<str>),
    /// The look is over; the next one begins here.
    Done(Box<str>),
}

/// One page of changes. An account may come more than once, in any order and again later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaPage {
    /// What changed.
    pub items: Vec<Changed>,
    /// Where the next page begins.
    pub next: DeltaCursor,
    /// The stored place was lost, and this is the first page of everything: what does not come up
    /// to the end is gone.
    pub restarted: bool,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The account as it is now.
    Account(Box<Account>),
    /// The account changed, and what came does not show all of it: it has to be read.
    Part(AccountId),
    /// The account was removed.
    Removed(AccountId, Removed),
}

/// How an account was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It can be restored.
    Deleted,
    /// It is gone for good.
    Purged,
}

impl<S: Secrets> GraphTarget<S> {
    /// Changes of users from a stored place on, or from nothing: then every user comes. Where
    /// Graph has lost the place, the listing starts from nothing and says so. Managers do not
    /// come here.
    pub async fn users_delta(&self, from: Option<&DeltaCursor>) -> Result<DeltaPage, TargetError> {
        let first = format!("$select={}", self.plan.select());
        let from_nothing = To::Path {
            path: PATH,
            query: Some(&first),
        };
        let to = match from {
            None => from_nothing,
            Some(DeltaCursor::More(link) | DeltaCursor::Done(link)) => To::Link(link),
        };
        let call = |to| Call {
            patient: true,
            ..Call::get(to, PATH)
        };
        let mut reply = self.wire.send(call(to)).await?;
        let restarted = from.is_some() && reply.is_resync();
        if restarted {
            reply = self.wire.send(call(from_nothing)).await?;
        }
        if !reply.is_success() {
            return Err(self.refused(&reply, Action::ReadUsers, Effect::Read));
        }
        let what = "page of changes";
        let all = values(&reply).ok_or_else(|| unreadable(what))?.iter();
        let read = |one| self.changed(one).ok_or_else(|| unreadable(what));
        let done = reply.body.get("@odata.deltaLink").and_then(Value::as_str);
        let next = match (next_link(&reply.body), done) {
            (Some(link), _) => DeltaCursor::More(link.into()),
            (None, Some(link)) => DeltaCursor::Done(link.into()),
            (None, None) => return Err(unreadable(what)),
        };
        Ok(DeltaPage {
            items: all.map(read).collect::<Result<_, _>>()?,
            next,
            restarted,
        })
    }

    fn changed(&self, one: &Value) -> Option<Changed> {
        let id = ObjectId::parse(one.get("id")?.as_str()?)?.account();
        if let Some(removed) = one.get("@removed") {
            let reason = removed.get("reason").and_then(Value::as_str);
            let how = match reason {
                Some("deleted") => Removed::Purged,
                Some(_) | None => Removed::Deleted,
            };
            return Some(Changed::Removed(id, how));
        }
        // An entry may hold only what changed; an account without its state would pass as active.
        let whole = one.get("accountEnabled").is_some_and(Value::is_boolean);
        let account = user::account(&self.plan, one, false).filter(|_| whole);
        Some(account.map_or(Changed::Part(id), |account| {
            Changed::Account(Box::new(account))
        }))
    }
}
