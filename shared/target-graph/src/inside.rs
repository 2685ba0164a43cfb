//! The groups that an account is in itself. Whoever is in a group that is in another group is not
//! in that one here: no write could take them out of it, and listings of members do not show them.

use std::collections::BTreeSet;

use ports::Secrets;
use ports::target::TargetError;
use serde_json::Value;

use crate::batch::{Part, Reply};
use crate::listing::{PAGE, Pages};
use crate::permission::Action;
use crate::target::{GraphTarget, unreadable};
use crate::url::{self, ObjectId};

/// The ids of groups. Those of roles and administrative units, which are listed along with them,
/// are nobody's entitlement.
pub(crate) type Inside = BTreeSet<Box<str>>;

/// Asks what an account is a direct member of, for a batch. `checkMemberGroups` counts groups in
/// groups; a filter, or a cast to groups, is answered by the index that lags behind
/// (<https://learn.microsoft.com/graph/api/user-list-memberof>).
pub(crate) fn memberships(account: &ObjectId) -> Part {
    let path = url::user(account);
    Part::get(
        Action::ReadMemberships,
        format!("{path}/memberOf?$select=id&$top={PAGE}"),
    )
}

impl<S: Secrets> GraphTarget<S> {
    /// All of an answer to [`memberships`], with the pages after it; `None` where there is no such
    /// account.
    pub(crate) async fn inside(&self, first: Reply) -> Result<Option<Inside>, TargetError> {
        let pages = Pages {
            what: "page of memberships",
            template: "/users/{id}/memberOf",
            action: Action::ReadMemberships,
        };
        let id = |one: &Value| Some(Box::from(one.get("id")?.as_str()?));
        let Some(ids) = self.whole(first, &pages, |one| Some(id(one))).await? else {
            return Ok(None);
        };
        let ids: Option<Inside> = ids.into_iter().collect();
        ids.map(Some).ok_or_else(|| unreadable(pages.what))
    }
}
