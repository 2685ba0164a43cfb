//! A target in memory that breaks as real ones do, and that knows what must never be asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::change::AttrChange;
use domain::project::AttrPath;
use domain::{Account, AccountId, Change, EntitlementId, Group, Pii, Slot};
use ports::target::{Applied, Cursor, Found, Lookup, Page, TargetError};
use ports::{Apply, Fault, Observe};

use super::dice::Dice;

/// How often what goes wrong, in parts of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// The request fails before it has any effect.
    pub before: u64,
    /// The request takes effect and its answer is lost.
    pub after: u64,
    /// 429.
    pub throttle: u64,
    /// 401: leave the target alone.
    pub halt: u64,
    /// The request is answered as done and changes nothing (sign-in blocks and removals).
    pub ignore: u64,
    /// The request takes long, so that much happens meanwhile.
    pub slow: u64,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Our key, if it has one.
    pub key: Option<String>,
    /// Its user name.
    pub user_name: String,
    /// Whether it can sign in.
    pub active: bool,
    /// Its attributes.
    pub attrs: BTreeMap<AttrPath, Pii<Slot>>,
    /// Its memberships.
    pub grants: BTreeSet<EntitlementId>,
}

/// The target. Clones share it.
#[derive(Clone)]
pub struct SimTarget(Arc<Mutex<State>>);

struct State {
    dice: Dice,
    rates: Rates,
    accounts: BTreeMap<String, Held>,
    /// Accounts that are nobody's to touch.
    foreign: BTreeSet<String>,
    next: u64,
    /// Every user name ever given, with the key it was given under.
    names: BTreeMap<String, String>,
    violations: Vec<String>,
    writes: u64,
    fired: BTreeMap<&'static str, u64>,
    calls: BTreeMap<&'static str, u64>,
    /// What nobody may hold together, here or with another target.
    apart: Vec<Pair>,
}

/// Two entitlements that nobody may hold together, and the target that has the second.
#[derive(Clone)]
pub struct Pair {
    /// The one, of the target that watches.
    pub here: EntitlementId,
    /// The other.
    pub there: EntitlementId,
    /// Where the other is.
    pub target: SimTarget,
}

impl SimTarget {
    /// An empty target.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            dice: Dice::new(seed),
            rates: Rates::default(),
            accounts: BTreeMap::new(),
            foreign: BTreeSet::new(),
            next: 0,
            names: BTreeMap::new(),
            violations: Vec::new(),
            writes: 0,
            fired: BTreeMap::new(),
            calls: BTreeMap::new(),
            apart: Vec::new(),
        })))
    }

    /// Watches that nobody holds both of a pair, after every change.
    pub fn watch(&self, pair: Pair) {
        self.with(|state| state.apart.push(pair));
    }

    /// Law 7: after what was given to an account, nobody holds both of a pair.
    fn check_apart(&self, change: &Change, account: Option<&AccountId>) {
        let Change::Grant { entitlement } = change else {
            return;
        };
        let (key, pairs) = self.with(|state| {
            let held = account.and_then(|id| state.accounts.get(id.as_str()));
            let key = held.and_then(|held| held.key.clone());
            (key, state.apart.clone())
        });
        let Some(key) = key else { return };
        for pair in pairs.iter().filter(|pair| pair.here == *entitlement) {
            let theirs = pair.target.ours().remove(&key).unwrap_or_default();
            if theirs.iter().any(|held| held.grants.contains(&pair.there)) {
                let found = format!("law 7: `{}` beside `{}`", pair.here, pair.there);
                self.with(|state| state.violations.push(found));
            }
        }
    }

    /// Sets how often it breaks.
    pub fn set_rates(&self, rates: Rates) {
        self.with(|state| state.rates = rates);
    }

    /// Plants an account that is not ours.
    pub fn plant(&self, user_name: &str) {
        self.with(|state| {
            let id = state.id();
            state.foreign.insert(id.clone());
            let held = Held {
                key: None,
                user_name: user_name.to_owned(),
                active: true,
                attrs: BTreeMap::new(),
                grants: BTreeSet::new(),
            };
            state.accounts.insert(id, held);
        });
    }

    /// Deletes the account with that key, as an administrator may.
    pub fn delete_by_hand(&self, key: &str) {
        self.with(|state| {
            state
                .accounts
                .retain(|_, held| held.key.as_deref() != Some(key));
        });
    }

    /// Every account of ours, by key.
    pub fn ours(&self) -> BTreeMap<String, Vec<Held>> {
        self.with(|state| {
            let mut all: BTreeMap<String, Vec<Held>> = BTreeMap::new();
            for held in state.accounts.values() {
                if let Some(key) = &held.key {
                    all.entry(key.clone()).or_default().push(held.clone());
                }
            }
            all
        })
    }

    /// What must never have happened, and did.
    pub fn violations(&self) -> Vec<String> {
        self.with(|state| state.violations.clone())
    }

    /// Writes that took effect.
    pub fn writes(&self) -> u64 {
        self.with(|state| state.writes)
    }

    /// Requests since the last call, by name.
    pub fn take_calls(&self) -> BTreeMap<&'static str, u64> {
        self.with(|state| std::mem::take(&mut state.calls))
    }

    fn count(&self, name: &'static str) {
        self.with(|state| *state.calls.entry(name).or_default() += 1);
    }

    /// How often each kind of fault was met.
    pub fn fired(&self) -> BTreeMap<&'static str, u64> {
        self.with(|state| state.fired.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets others run, as a request on a network does.
    async fn wait(&self) {
        let turns = self.with(|state| {
            let slow = state.rates.slow;
            let most = if slow > 0 && state.dice.below(1000) < slow {
                40
            } else {
                3
            };
            state.dice.below(most)
        });
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

impl State {
    fn id(&mut self) -> String {
        self.next += 1;
        format!("a{}", self.next)
    }

    fn strikes(&mut self, kind: &'static str, rate: u64) -> bool {
        let strikes = self.dice.below(1000) < rate;
        if strikes {
            *self.fired.entry(kind).or_default() += 1;
        }
        strikes
    }

    fn breaks(&mut self) -> Result<(), TargetError> {
        if self.strikes("before", self.rates.before) {
            return Err(TargetError::Fault(Fault::retry("connection refused")));
        }
        if self.strikes("throttle", self.rates.throttle) {
            let after = Some(Duration::from_secs(self.dice.below(60)));
            return Err(TargetError::Fault(Fault::Retry {
                after,
                why: "429".into(),
            }));
        }
        if self.strikes("halt", self.rates.halt) {
            return Err(TargetError::Fault(Fault::halt("401")));
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        change: &Change,
        id: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        if let Change::Create { active, attrs } = change {
            return self.create(*active, attrs);
        }
        let id = id.expect("every other change names an account").clone();
        if self.foreign.contains(id.as_str()) {
            self.violations
                .push(format!("{} on an account that is not ours", change.name()));
        }
        let ignores = matches!(change, Change::Disable | Change::Revoke { .. })
            && self.strikes("ignore", self.rates.ignore);
        if !self.accounts.contains_key(id.as_str()) {
            if matches!(change, Change::Delete | Change::Revoke { .. }) {
                return Ok(Applied {
                    id,
                    unchanged: true,
                });
            }
            return Err(TargetError::NotFound);
        }
        self.writes += 1;
        if ignores {
            return Ok(Applied {
                id,
                unchanged: false,
            });
        }
        if matches!(change, Change::Delete) {
            self.accounts.remove(id.as_str());
        } else if let Some(held) = self.accounts.get_mut(id.as_str()) {
            match change {
                Change::Adopt { key } => held.key = key.want.reveal().text().map(str::to_owned),
                Change::Update { attrs } => {
                    held.attrs
                        .extend(attrs.iter().map(|(p, c)| (p.clone(), c.want.clone())));
                }
                Change::Enable => held.active = true,
                Change::Disable => held.active = false,
                Change::Grant { entitlement } => {
                    held.grants.insert(entitlement.clone());
                }
                Change::Revoke { entitlement } => {
                    held.grants.remove(entitlement);
                }
                Change::Create { .. }
                | Change::Delete
                | Change::RevokeSessions
                | Change::Restore => {}
            }
        }
        Ok(Applied {
            id,
            unchanged: false,
        })
    }

    fn create(
        &mut self,
        active: bool,
        attrs: &BTreeMap<AttrPath, AttrChange>,
    ) -> Result<Applied, TargetError> {
        let text = |path: &str| {
            attrs
                .get(path)
                .and_then(|change| change.want.reveal().text())
                .map(str::to_owned)
        };
        let (key, name) = (text("externalId"), text("userName").unwrap_or_default());
        if self
            .accounts
            .values()
            .any(|held| held.user_name.eq_ignore_ascii_case(&name))
        {
            return Err(TargetError::Conflict);
        }
        if let Some(key) = &key {
            if self
                .accounts
                .values()
                .any(|held| held.key.as_ref() == Some(key))
            {
                self.violations
                    .push("law 9: a second account for one identity".to_owned());
            }
            let holder = self
                .names
                .entry(name.clone())
                .or_insert_with(|| key.clone());
            if holder != key {
                self.violations
                    .push("law 12: a user name given to somebody else".to_owned());
            }
        }
        let id = self.id();
        self.writes += 1;
        let held = Held {
            key,
            user_name: name,
            active,
            attrs: attrs
                .iter()
                .map(|(p, c)| (p.clone(), c.want.clone()))
                .collect(),
            grants: BTreeSet::new(),
        };
        self.accounts.insert(id.clone(), held);
        Ok(Applied {
            id: AccountId::from(id),
            unchanged: false,
        })
    }
}

fn seen(id: &str, held: &Held) -> Account {
    Account {
        id: AccountId::from(id),
        key: held.key.as_deref().map(|key| Pii::new(key.into())),
        user_name: Pii::new(held.user_name.as_str().into()),
        active: held.active,
        attrs: held.attrs.clone(),
        created: None,
        last_sign_in: None,
        deleted: false,
        read_only: None,
    }
}

impl Apply for SimTarget {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        self.count(change.name());
        self.wait().await;
        let answer = self.with(|state| {
            state.breaks()?;
            let answer = state.carry_out(change, account);
            if state.strikes("after", state.rates.after) {
                return Err(TargetError::Unknown {
                    why: "the connection was reset".into(),
                });
            }
            answer
        });
        self.check_apart(change, account);
        self.wait().await;
        answer
    }
}

impl Observe for SimTarget {
    async fn users(&self, _after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        self.wait().await;
        self.with(|state| {
            state.breaks()?;
            let items: Vec<Account> = state
                .accounts
                .iter()
                .map(|(id, held)| seen(id, held))
                .collect();
            let declared = Some(items.len() as u64);
            Ok(Page {
                items,
                next: None,
                declared,
            })
        })
    }

    async fn groups(&self, _after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        Ok(Page {
            items: Vec::new(),
            next: None,
            declared: Some(0),
        })
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        self.count("find");
        self.wait().await;
        self.with(|state| {
            state.breaks()?;
            let hits: Vec<Account> = state
                .accounts
                .iter()
                .filter(|(id, held)| match lookup {
                    Lookup::Id(wanted) => wanted.as_str() == id.as_str(),
                    Lookup::Key(key) => held.key.as_deref() == Some(key),
                    Lookup::UserName(name) => held.user_name.eq_ignore_ascii_case(name),
                })
                .map(|(id, held)| seen(id, held))
                .collect();
            Ok(match hits.len() {
                0 => Found::None,
                1 => Found::One(Box::new(hits.into_iter().next().expect("one"))),
                many => Found::Many(many as u64),
            })
        })
    }

    async fn held(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        self.count("held");
        self.wait().await;
        self.with(|state| {
            state.breaks()?;
            let held = state.accounts.get(account.as_str());
            let grants = held.map(|held| held.grants.clone()).unwrap_or_default();
            Ok(Some(
                of.iter().filter(|e| grants.contains(*e)).cloned().collect(),
            ))
        })
    }
}
