//! Finding the account that is meant. By our record first, then by our key, and by user name only
//! after the target said that the name is taken.

use std::collections::BTreeSet;

use domain::profile::FindBy;
use domain::{
    Account, AccountId, Desired, EntitlementId, IdentityId, Pii, Projection, RecordKey, Slot,
    TargetId,
};
use ports::target::{Found, Lookup, TargetError};
use ports::{Apply, Cases, Clock, Fault, Observe, Store};

use crate::carry_out::Stop;
use crate::work::Work;
use crate::{Connector, NOT_YET};

/// What a look gave.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Whether somebody looked at all.
    pub looked: bool,
    /// The account that was found.
    pub account: Option<Box<Account>>,
    /// Which entitlements it holds, where that was asked and told.
    pub held: Option<BTreeSet<EntitlementId>>,
    /// The account on record does not show, and may be blocked: the target hides such. This is not
    /// [`looked`](Self::looked): what is recorded stays the best that is known.
    pub hidden: bool,
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Looks where the record does not suffice: there is no id yet, or a repair asked for it.
    pub(crate) async fn look(&self, target: &T, work: &Work) -> Result<Sight, Stop> {
        let ask = work.look;
        let mut sight = Sight::default();
        let hides = self.hides_blocked(&work.name);
        match (&work.record.id, ask) {
            (Some(_), false) => return Ok(sight),
            (Some(id), true) => {
                sight.account = one(target.find(Lookup::Id(id)).await)?;
                let blocked = hides && !work.record.active;
                if sight.account.is_none() && young(work) && !blocked {
                    return Err(Stop::not_yet(work));
                }
            }
            (None, _) => {
                // The account that an operator named comes before any that could be ours.
                if let Some(id) = &work.projection.ties.adopt {
                    sight.account = one(target.find(Lookup::Id(id)).await)?;
                }
            }
        }
        if sight.account.is_none() {
            let found = one(target.find(Lookup::Key(work.identity.as_str())).await)?;
            // One that an operator let go keeps our key, and is not ours for that.
            let released = &work.projection.ties.released;
            sight.account = found.filter(|account| !released.contains(&account.id));
        }
        if sight.account.is_none() && work.record.id.is_some() && hides {
            sight.hidden = true;
            return Ok(sight);
        }
        let name_matters = ask && work.projection.desired != Desired::None;
        if sight.account.is_none() && name_matters {
            return self.look_by_name(target, work).await;
        }
        sight.looked = true;
        if let (Some(account), true) = (&sight.account, ask) {
            let here: Vec<EntitlementId> = self.entitlements_of(&work.name);
            let held = match target.held(&account.id, &here).await {
                Ok(held) => held,
                // Whoever leaves is blocked now, and loses whatever may be ours, seen or not.
                Err(error) if work.urgent => {
                    tracing::warn!(target = %work.name, %error, "memberships not seen");
                    None
                }
                Err(error) => return Err(error.into()),
            };
            sight.held = held.map(|held| held.into_iter().collect());
        }
        Ok(sight)
    }

    /// Looks for an account under the user name that we would give.
    pub(crate) async fn look_by_name(&self, target: &T, work: &Work) -> Result<Sight, Stop> {
        let name = work
            .projection
            .attrs
            .get("userName")
            .filter(|_| self.finds_by_name(&work.name))
            .and_then(|m| m.value.reveal().text());
        let account = match name {
            Some(name) => one(target.find(Lookup::UserName(name)).await)?,
            None => None,
        };
        Ok(Sight {
            looked: true,
            account,
            ..Sight::default()
        })
    }

    /// Whether the target can be asked for a user name. Where it cannot, an account under a name
    /// that is taken stays unseen.
    fn finds_by_name(&self, target: &TargetId) -> bool {
        let targets = &self.policy.policy.targets;
        targets
            .get(target)
            .is_some_and(|target| target.profile.find_by.contains(&FindBy::UserName))
    }

    fn entitlements_of(&self, target: &TargetId) -> Vec<EntitlementId> {
        self.policy
            .policy
            .entitlements
            .iter()
            .filter(|(_, entitlement)| entitlement.target == *target)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Puts the manager's account id where a projection names the manager. A manager without an
    /// account there is left out; the account is made without one.
    pub(crate) async fn resolve_references(
        &self,
        mut projection: Projection,
        target: &TargetId,
    ) -> Result<Projection, Fault> {
        let refers: Vec<_> = projection
            .attrs
            .iter()
            .filter(|(_, mapped)| mapped.refers)
            .map(|(path, mapped)| (path.clone(), mapped.value.reveal().clone()))
            .collect();
        for (path, value) in refers {
            let Some(record) = value.text().map(RecordKey::from) else {
                continue;
            };
            match self.manager_account(&record, target).await? {
                Some(id) => {
                    if let Some(mapped) = projection.attrs.get_mut(&path) {
                        mapped.value = Pii::new(Slot::Text((&id).into()));
                    }
                }
                None => {
                    projection.attrs.remove(&path);
                }
            }
        }
        Ok(projection)
    }

    async fn manager_account(
        &self,
        record: &RecordKey,
        target: &TargetId,
    ) -> Result<Option<AccountId>, Fault> {
        let founder = IdentityId::from(record);
        let (mut seat, _) = self.store.seat(&founder, target).await?;
        if seat
            .as_ref()
            .is_none_or(|seat| seat.record.records.is_empty())
        {
            let Some(identity) = self.store.dossier(record).await?.link else {
                return Ok(None);
            };
            (seat, _) = self.store.seat(&identity, target).await?;
        }
        let account = seat.and_then(|mut seat| seat.accounts.remove(target));
        Ok(account.and_then(|account| account.id))
    }
}

/// Whether we created the account so lately that the target may not show it yet.
pub fn young(work: &Work) -> bool {
    work.record
        .created_at
        .is_some_and(|created| work.at.duration_since(created) < NOT_YET)
}

/// Exactly one account, or none; more are a case for a human.
fn one(found: Result<Found, TargetError>) -> Result<Option<Box<Account>>, Stop> {
    match found.map_err(Stop::from)? {
        Found::None => Ok(None),
        Found::One(account) => Ok(Some(account)),
        Found::Many(count) => Err(Stop::Park(
            format!("{count} accounts carry the same key or user name; keep one of them").into(),
        )),
    }
}
