//! The client of a target as the functions use it, with mistakes that the suite has to find.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::budget::Cost;
use domain::{Account, AccountId, Change, EntitlementId, Group, Pii, Slot};
use ports::target::{
    Applied, Check, Cursor, Found, Lookup, MemberChange, Page, Roster, TargetError,
};
use ports::{Apply, Observe};

use crate::world::Client;

/// A mistake that is made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nobody looks before creating; where a name is taken another one is given.
    CreatesBlindly,
    /// Members that a list of users lacks are taken out of their groups.
    TrustsLists,
}

/// A client, with a mistake or without.
#[derive(Clone)]
pub struct Wired(Arc<Inner>);

struct Inner {
    client: Client,
    flaw: Option<Flaw>,
    listed: Mutex<BTreeSet<AccountId>>,
}

impl Wired {
    /// Around the real client.
    pub fn new(client: Client, flaw: Option<Flaw>) -> Self {
        Self(Arc::new(Inner {
            client,
            flaw,
            listed: Mutex::default(),
        }))
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.0.flaw == Some(flaw)
    }

    fn note(&self, page: &Page<Account>, first: bool) {
        let mut listed = self.0.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if first {
            listed.clear();
        }
        listed.extend(page.items.iter().map(|account| account.id.clone()));
    }

    /// Whoever was not listed cannot be a member, somebody thought.
    async fn clean_up(&self, page: &Page<Group>) {
        let listed = self
            .0
            .listed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let missing = page.items.iter().flat_map(|group| {
            let members = group.members.iter().flatten();
            members
                .filter(|member| !listed.contains(*member))
                .map(|member| MemberChange {
                    entitlement: EntitlementId::from(&*group.name),
                    account: member.clone(),
                    give: false,
                })
        });
        let missing: Vec<MemberChange> = missing.collect();
        if !missing.is_empty() {
            self.0.client.memberships(&missing).await;
        }
    }
}

impl Observe for Wired {
    async fn users(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        let page = self.0.client.users(after).await?;
        self.note(&page, after.is_none());
        Ok(page)
    }

    async fn groups(&self, after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        let page = self.0.client.groups(after).await?;
        if self.has(Flaw::TrustsLists) {
            self.clean_up(&page).await;
        }
        Ok(page)
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        match lookup {
            Lookup::Key(_) | Lookup::UserName(_) if self.has(Flaw::CreatesBlindly) => {
                Ok(Found::None)
            }
            Lookup::Key(_) | Lookup::UserName(_) | Lookup::Id(_) => {
                self.0.client.find(lookup).await
            }
        }
    }

    async fn held(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        self.0.client.held(account, of).await
    }

    async fn check(&self, account: &AccountId, of: &[EntitlementId]) -> Result<Check, TargetError> {
        self.0.client.check(account, of).await
    }

    async fn holders(
        &self,
        entitlement: &EntitlementId,
        accounts: &[AccountId],
    ) -> Result<Option<Vec<AccountId>>, TargetError> {
        self.0.client.holders(entitlement, accounts).await
    }

    async fn roster(&self, entitlement: &EntitlementId) -> Result<Roster, TargetError> {
        self.0.client.roster(entitlement).await
    }
}

impl Apply for Wired {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        let answer = self.0.client.apply(change, account).await;
        let taken = matches!(answer, Err(TargetError::Conflict));
        if let Change::Create { active, mut attrs } = change.clone()
            && taken
            && self.has(Flaw::CreatesBlindly)
        {
            if let Some(name) = attrs.get_mut("userName") {
                let calls = self.0.client.calls();
                let another = format!("another{calls}@example.com");
                name.want = Pii::new(Slot::Text(another.into()));
            }
            let create = Change::Create { active, attrs };
            return self.0.client.apply(&create, None).await;
        }
        answer
    }

    async fn apply_all(
        &self,
        changes: &[Change],
        account: &AccountId,
    ) -> Vec<Result<Applied, TargetError>> {
        self.0.client.apply_all(changes, account).await
    }

    async fn memberships(&self, changes: &[MemberChange]) -> Vec<Result<Applied, TargetError>> {
        self.0.client.memberships(changes).await
    }

    fn cost(&self, changes: &[Change]) -> Cost {
        self.0.client.cost(changes)
    }
}
