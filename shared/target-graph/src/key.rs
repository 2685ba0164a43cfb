//! Look-ups by our key, among the living and the deleted.

use domain::Account;
use ports::target::{Found, TargetError};
use ports::{Fault, Secrets};
use target_http::Effect;

use crate::batch::{Part, Reply};
use crate::find::{Hits, found, lost};
use crate::permission::Action;
use crate::target::GraphTarget;
use crate::url::{self, ObjectId};

const DELETED: &str = "/directory/deletedItems/microsoft.graph.user";

impl<S: Secrets> GraphTarget<S> {
    /// The live account with our key, or else the deleted one, in one request; a hit in the index
    /// takes one more.
    pub(crate) async fn by_key(&self, key: &str) -> Result<Found, TargetError> {
        let mut indexed = self.plan.key_is_indexed();
        let (mut live, mut gone) = self.search(key, indexed).await?;
        if !indexed && (is_unsupported(&live) || is_unsupported(&gone)) {
            indexed = true;
            (live, gone) = self.search(key, indexed).await?;
        }
        let live = self.hits(&live, key, false)?;
        if live.accounts.is_empty() && !live.more {
            return found(self.hits(&gone, key, true)?);
        }
        match found(live)? {
            Found::One(hit) if indexed => self.as_it_is(&hit, key).await,
            other @ (Found::None | Found::One(_) | Found::Many(_)) => Ok(other),
        }
    }

    /// The answers about the living and about the deleted. Some properties are searched in an
    /// index only, which lags behind and takes no `$expand`
    /// (<https://learn.microsoft.com/graph/aad-advanced-queries>).
    async fn search(&self, key: &str, indexed: bool) -> Result<(Reply, Reply), TargetError> {
        let filter = url::equals(&self.plan.key_in_filters(), key);
        let select = format!("$select={}", self.plan.select());
        let (live, gone) = if indexed {
            let query = format!("{select}&$count=true");
            (query.clone(), query)
        } else {
            (self.plan.query(), select)
        };
        let parts = [("/users", live), (DELETED, gone)].map(|(path, query)| {
            let url = format!("{path}?$filter={filter}&{query}");
            let part = Part::get(Action::ReadUsers, url);
            if indexed { part.eventual() } else { part }
        });
        let replies = self.wire.batch(&parts, false, Effect::Read).await?;
        let mut replies = replies.into_iter();
        let mut next = || replies.next().flatten().ok_or_else(|| lost("look-up"));
        Ok((next()?, next()?))
    }

    /// An account that the index shows, as the directory has it.
    async fn as_it_is(&self, hit: &Account, key: &str) -> Result<Found, TargetError> {
        let id = ObjectId::of(&hit.id)?;
        match self.by_id(&id).await? {
            Found::One(account) if key_of(&account) == Some(key) => Ok(Found::One(account)),
            Found::None | Found::One(_) | Found::Many(_) => Err(TargetError::Fault(Fault::retry(
                "look-up of a user: the index of Microsoft Graph is behind the directory",
            ))),
        }
    }

    /// The accounts of an answer that really have the key: text compares in any case there, and
    /// a key is exact.
    fn hits(&self, reply: &Reply, key: &str, deleted: bool) -> Result<Hits, TargetError> {
        let all = self.found_users(reply, deleted)?;
        let mut hits = Hits {
            more: reply.body.get("@odata.nextLink").is_some(),
            ..Hits::default()
        };
        for account in all {
            match key_of(&account) {
                Some(own) if own == key => hits.accounts.push(account),
                Some(own) if own.to_lowercase() == key.to_lowercase() => {}
                Some(_) | None => {
                    return Err(TargetError::Fault(Fault::halt(format!(
                        "look-up of a user: the target ignores the filter by `{}`",
                        self.plan.key()
                    ))));
                }
            }
        }
        Ok(hits)
    }
}

fn key_of(account: &Account) -> Option<&str> {
    account.key.as_ref().map(|key| &**key.reveal())
}

fn is_unsupported(reply: &Reply) -> bool {
    reply.status == 400 && reply.code() == "Request_UnsupportedQuery"
}
