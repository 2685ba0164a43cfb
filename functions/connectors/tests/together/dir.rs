//! A target of a few accounts that remembers every request, and how it misbehaves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use domain::{Account, AccountId, Change, EntitlementId, Group, Pii};
use ports::model::ManualClock;
use ports::target::{
    AccountChanges, Applied, Cursor, Found, Lookup, MemberChange, Page, TargetError,
};
use ports::{Apply, Observe};

use crate::company::{account, identity};

/// A target of a few accounts.
#[derive(Clone, Default)]
pub struct Dir(Arc<Mutex<State>>);

pub type Members = BTreeSet<(EntitlementId, AccountId)>;

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a way of its own to misbehave"
)]
pub struct State {
    /// Requests, in words.
    pub calls: Vec<String>,
    /// Answers to the next requests that change something; well when empty.
    pub answers: VecDeque<Result<(), TargetError>>,
    /// Accounts by id, with whether they can sign in.
    pub active: BTreeMap<AccountId, bool>,
    /// Members.
    pub members: Members,
    /// What looks show, where that is what was before.
    pub before: Option<(BTreeMap<AccountId, bool>, Members)>,
    /// Memberships that are answered with an error.
    pub refuses: BTreeMap<(EntitlementId, AccountId), TargetError>,
    /// Changes are answered with an error where they are these.
    pub refused: Option<(Change, TargetError)>,
    /// Accounts are made so that they can sign in, whatever is asked.
    pub ignores_active: bool,
    /// Accounts are mastered elsewhere.
    pub mastered: bool,
    /// Blocked accounts do not show.
    pub hides: bool,
    /// Removals are answered as done and not done.
    pub keeps: bool,
    /// Changes of several accounts go in one request.
    pub takes_many: bool,
    /// The request in these words is under way until this is taken back.
    pub holds: Option<String>,
    /// How long a request takes that changes something.
    pub takes: Option<(ManualClock, Duration)>,
}

impl Dir {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("a lock")
    }

    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }
}

impl State {
    /// Accounts and members, as looks show them.
    fn shown(&self) -> (&BTreeMap<AccountId, bool>, &Members) {
        let now = (&self.active, &self.members);
        self.before
            .as_ref()
            .map_or(now, |before| (&before.0, &before.1))
    }

    /// From now on looks show what is so now, whatever is changed.
    pub fn look_back(&mut self) {
        self.before = Some((self.active.clone(), self.members.clone()));
    }

    fn change(&mut self, change: &Change, id: &AccountId) -> Result<(), TargetError> {
        if let Some((refused, error)) = &self.refused
            && refused == change
        {
            return Err(error.clone());
        }
        match change {
            Change::Grant { entitlement } => self.membership(entitlement, id, true),
            Change::Revoke { entitlement } => self.membership(entitlement, id, false),
            Change::Create { active, .. } => {
                let active = *active || self.ignores_active;
                self.active.insert(id.clone(), active);
                Ok(())
            }
            Change::Enable => {
                self.active.insert(id.clone(), true);
                Ok(())
            }
            Change::Disable => {
                self.active.insert(id.clone(), false);
                Ok(())
            }
            Change::Adopt { .. }
            | Change::Restore
            | Change::Update { .. }
            | Change::Delete
            | Change::RevokeSessions => Ok(()),
        }
    }

    fn membership(
        &mut self,
        entitlement: &EntitlementId,
        id: &AccountId,
        give: bool,
    ) -> Result<(), TargetError> {
        let pair = (entitlement.clone(), id.clone());
        if let Some(error) = self.refuses.get(&pair) {
            return Err(error.clone());
        }
        if give {
            self.members.insert(pair);
        } else if !self.keeps {
            self.members.remove(&pair);
        }
        let holds = |name: &str| self.members.contains(&(name.into(), id.clone()));
        assert!(
            !(holds("payables") && holds("approvers")),
            "both sides are held"
        );
        Ok(())
    }
}

impl Apply for Dir {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        let id = match (account, change) {
            (Some(id), _) => id.clone(),
            (None, Change::Create { attrs, .. }) => {
                let name = attrs["userName"].want.reveal().text().expect("a name");
                AccountId::new(format!("a-{name}"))
            }
            (None, _) => panic!("{} without an account", change.name()),
        };
        let words = format!("{} {}", change.name(), id.as_str());
        if *change != Change::RevokeSessions {
            self.state().calls.push(words.clone());
        }
        while self.state().holds.as_ref() == Some(&words) {
            tokio::task::yield_now().await;
        }
        let mut state = self.state();
        if let Some((clock, takes)) = &state.takes {
            clock.advance(*takes);
        }
        if *change != Change::RevokeSessions {
            state.answers.pop_front().unwrap_or(Ok(()))?;
        }
        state.change(change, &id)?;
        Ok(Applied {
            id,
            unchanged: false,
        })
    }

    fn takes_many(&self) -> bool {
        self.state().takes_many
    }

    async fn apply_each(&self, works: &[AccountChanges]) -> Vec<Vec<Result<Applied, TargetError>>> {
        let mut state = self.state();
        state.calls.push(format!("{} records", works.len()));
        let answer = state.answers.pop_front().unwrap_or(Ok(()));
        let mut answers = Vec::new();
        for work in works {
            let id = work
                .account
                .clone()
                .unwrap_or_else(|| AccountId::from("a-new"));
            let one = |change: &Change| {
                answer.clone()?;
                state.change(change, &id)?;
                Ok(Applied {
                    id: id.clone(),
                    unchanged: false,
                })
            };
            answers.push(work.changes.iter().map(one).collect());
        }
        answers
    }

    async fn memberships(&self, changes: &[MemberChange]) -> Vec<Result<Applied, TargetError>> {
        let mut state = self.state();
        let give = changes.iter().filter(|change| change.give).count();
        let words = format!("memberships +{give} -{}", changes.len() - give);
        state.calls.push(words);
        let answer = state.answers.pop_front().unwrap_or(Ok(()));
        changes
            .iter()
            .map(|one| {
                answer.clone()?;
                state.membership(&one.entitlement, &one.account, one.give)?;
                Ok(Applied {
                    id: one.account.clone(),
                    unchanged: false,
                })
            })
            .collect()
    }
}

impl Observe for Dir {
    async fn users(&self, _after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        panic!("a connector lists nobody")
    }

    async fn groups(&self, _after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        panic!("a connector lists nothing")
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        let mut state = self.state();
        let id = match lookup {
            Lookup::Id(id) => {
                state.calls.push(format!("read {}", id.as_str()));
                id.clone()
            }
            Lookup::Key(key) => {
                state.calls.push("find".to_owned());
                account(key.strip_prefix("identity-").expect("a key of ours"))
            }
            Lookup::UserName(_) => {
                state.calls.push("find".to_owned());
                return Ok(Found::None);
            }
        };
        let active = state.shown().0.get(&id).copied();
        let active = active.filter(|active| *active || !state.hides);
        let read_only = state.mastered.then(|| "mastered on premises".into());
        Ok(active.map_or(Found::None, |active| {
            Found::One(Box::new(Account {
                key: id
                    .as_str()
                    .strip_prefix("a-")
                    .map(|name| Pii::new(identity(name).as_str().into())),
                id,
                user_name: Pii::new("x".into()),
                active,
                attrs: BTreeMap::new(),
                created: None,
                last_sign_in: None,
                deleted: false,
                read_only,
            }))
        }))
    }

    async fn held(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        let mut state = self.state();
        state.calls.push(format!("held {}", account.as_str()));
        let held = of
            .iter()
            .filter(|one| state.shown().1.contains(&((*one).clone(), account.clone())));
        Ok(Some(held.cloned().collect()))
    }

    async fn holders(
        &self,
        entitlement: &EntitlementId,
        accounts: &[AccountId],
    ) -> Result<Option<Vec<AccountId>>, TargetError> {
        let mut state = self.state();
        state.calls.push(format!("holders of {entitlement}"));
        let holds = |id: &&AccountId| {
            let members = state.shown().1;
            members.contains(&(entitlement.clone(), (*id).clone()))
        };
        Ok(Some(accounts.iter().filter(holds).cloned().collect()))
    }
}
