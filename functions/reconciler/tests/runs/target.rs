//! A target in memory that misbehaves on request. Every fault that was asked for must fire.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Account, AccountId, EntitlementId, Group};
use ports::model::ManualClock;
use ports::target::{Cursor, Found, Lookup, Page, TargetError};
use ports::{Fault, Observe};

/// What one listing does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Answers 503 from that page on, counted from 1.
    Fails { page: usize },
    /// Answers with success and an empty list.
    Empty,
    /// Ends after that page, as if it were the last, and still declares the whole total.
    LosesCursor { page: usize },
    /// The same, and declares nothing.
    LosesCursorSilently { page: usize },
    /// Leaves out every object but the first so many, with success and a total that agrees.
    Partial { keeps: usize },
    /// Hands out the cursor of that page again and again.
    RepeatsCursor { page: usize },
    /// Repeats the last object of a page as the first of the next.
    Shifts { page: usize },
    /// Answers 503 to that page so many times, or 429 with the seconds that it asks for.
    Stumbles {
        page: usize,
        times: usize,
        asks: Option<u64>,
    },
    /// Answers 503 to every page once.
    Limps,
    /// Does not show members.
    HidesMembers,
    /// Does not know the place of that page any more, so many times; and says so, or does not.
    Expires {
        page: usize,
        times: usize,
        says: bool,
    },
}

#[derive(Debug)]
struct State {
    accounts: BTreeMap<AccountId, Account>,
    members: BTreeMap<String, BTreeSet<AccountId>>,
    page_size: usize,
    users: Option<Misbehaviour>,
    groups: Option<Misbehaviour>,
    fired: usize,
    finds: usize,
    pages: usize,
    find_faults: VecDeque<()>,
    find_takes: Option<(ManualClock, Duration)>,
    page_takes: Option<(ManualClock, Duration)>,
    hook: Option<Hook>,
}

struct Hook(Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

/// A target in memory. Clones share it.
#[derive(Clone, Debug)]
pub struct Scripted(Arc<Mutex<State>>);

impl Scripted {
    /// An empty target with small pages.
    pub fn new(page_size: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            accounts: BTreeMap::new(),
            members: BTreeMap::new(),
            page_size,
            users: None,
            groups: None,
            fired: 0,
            finds: 0,
            pages: 0,
            find_faults: VecDeque::new(),
            find_takes: None,
            page_takes: None,
            hook: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds or replaces an account.
    pub fn put(&self, account: Account) {
        self.state().accounts.insert(account.id.clone(), account);
    }

    /// Changes an account by hand.
    pub fn edit(&self, id: &str, edit: impl FnOnce(&mut Account)) {
        let mut state = self.state();
        edit(
            state
                .accounts
                .get_mut(&AccountId::from(id))
                .expect("an account"),
        );
    }

    /// Deletes an account by hand.
    pub fn delete(&self, id: &str) {
        let id = AccountId::from(id);
        let mut state = self.state();
        state.accounts.remove(&id);
        for members in state.members.values_mut() {
            members.remove(&id);
        }
    }

    /// Makes the members of a group what they should be for one account.
    pub fn member(&self, group: &str, id: &str, is: bool) {
        let mut state = self.state();
        let members = state.members.entry(group.to_owned()).or_default();
        if is {
            members.insert(AccountId::from(id));
        } else {
            members.remove(&AccountId::from(id));
        }
    }

    /// Everything in it.
    pub fn contents(&self) -> (Vec<Account>, BTreeMap<String, BTreeSet<AccountId>>) {
        let state = self.state();
        (
            state.accounts.values().cloned().collect(),
            state.members.clone(),
        )
    }

    /// Scripts the listing of users from now on.
    pub fn users_do(&self, what: Option<Misbehaviour>) {
        self.state().users = what;
    }

    /// Scripts the listing of groups from now on.
    pub fn groups_do(&self, what: Option<Misbehaviour>) {
        self.state().groups = what;
    }

    /// Makes the next point read fail.
    pub fn fail_find(&self) {
        self.state().find_faults.push_back(());
    }

    /// Makes every point read take so long.
    pub fn finds_take(&self, clock: &ManualClock, each: Duration) {
        self.state().find_takes = Some((clock.clone(), each));
    }

    /// Makes every page take so long.
    pub fn pages_take(&self, clock: &ManualClock, each: Duration) {
        self.state().page_takes = Some((clock.clone(), each));
    }

    /// Runs something after the next page of groups was fetched: a live event during the run.
    pub fn meanwhile(&self, act: impl FnOnce() + Send + 'static) {
        self.state().hook = Some(Hook(Box::new(act)));
    }

    /// How often a fault fired.
    pub fn fired(&self) -> usize {
        self.state().fired
    }

    /// How many pages were asked for.
    pub fn pages(&self) -> usize {
        self.state().pages
    }

    /// How many point reads were made.
    pub fn finds(&self) -> usize {
        self.state().finds
    }
}

impl State {
    /// Counts a page, and says whether its place is gone.
    fn asks(
        &mut self,
        after: Option<&Cursor>,
        script: Option<Misbehaviour>,
    ) -> Result<(), TargetError> {
        self.pages += 1;
        if let Some((clock, each)) = &self.page_takes {
            clock.advance(*each);
        }
        let start: usize = after.map_or(0, |cursor| cursor.0.parse().expect("our cursor"));
        match script {
            Some(Misbehaviour::Stumbles { page, times, asks })
                if start / self.page_size + 1 == page && self.fired < times =>
            {
                self.fired += 1;
                Err(match asks {
                    Some(seconds) => TargetError::Throttled {
                        after: Some(Duration::from_secs(seconds)),
                        why: "429".into(),
                    },
                    None => unavailable(),
                })
            }
            Some(Misbehaviour::Limps) if self.fired * self.page_size <= start => {
                self.fired += 1;
                Err(unavailable())
            }
            Some(Misbehaviour::Expires { page, times, says })
                if start / self.page_size + 1 == page && self.fired < times =>
            {
                self.fired += 1;
                Err(if says {
                    TargetError::Expired {
                        why: "expiredCursor".into(),
                    }
                } else {
                    TargetError::Fault(Fault::reject("400"))
                })
            }
            _ => Ok(()),
        }
    }
}

fn unavailable() -> TargetError {
    TargetError::Fault(Fault::retry("503"))
}

/// One page of a listing under a script. Says whether the script fired.
fn page<T: Clone>(
    all: &[T],
    size: usize,
    after: Option<&Cursor>,
    script: Option<Misbehaviour>,
) -> (Result<Page<T>, TargetError>, bool) {
    let start: usize = after.map_or(0, |cursor| cursor.0.parse().expect("our cursor"));
    let number = start / size + 1;
    let whole = all.len();
    let mut all = all.to_vec();
    let mut fired = false;
    match script {
        Some(Misbehaviour::Empty) => {
            fired = !all.is_empty();
            all.clear();
        }
        Some(Misbehaviour::Partial { keeps }) => {
            fired = all.len() > keeps;
            all.truncate(keeps);
        }
        _ => {}
    }
    let end = (start + size).min(all.len());
    let mut page = Page {
        items: all[start.min(end)..end].to_vec(),
        next: (end < all.len()).then(|| Cursor(end.to_string())),
        declared: Some(all.len() as u64),
    };
    match script {
        Some(Misbehaviour::Fails { page: at }) if number >= at => {
            return (Err(unavailable()), true);
        }
        Some(Misbehaviour::LosesCursor { page: at }) if number == at => {
            fired = page.next.take().is_some();
        }
        Some(Misbehaviour::LosesCursorSilently { page: at }) => {
            page.declared = None;
            if number == at {
                fired = page.next.take().is_some();
            }
        }
        Some(Misbehaviour::RepeatsCursor { page: at }) if number == at && page.next.is_some() => {
            page.next = Some(Cursor(start.to_string()));
            fired = true;
        }
        Some(Misbehaviour::Shifts { page: at }) if number == at + 1 => {
            if let (Some(last), false) = (page.items.last_mut(), start == 0) {
                *last = all[start - 1].clone();
                fired = true;
            }
        }
        _ => {}
    }
    assert!(page.declared.is_none_or(|total| total <= whole as u64));
    (Ok(page), fired)
}

impl Observe for Scripted {
    async fn users(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        let mut state = self.state();
        let script = state.users;
        state.asks(after, script)?;
        let all: Vec<Account> = state.accounts.values().cloned().collect();
        let (page, fired) = page(&all, state.page_size, after, state.users);
        state.fired += usize::from(fired);
        page
    }

    async fn groups(&self, after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        let (page, hook) = {
            let mut state = self.state();
            let script = state.groups;
            state.asks(after, script)?;
            let hides = state.groups == Some(Misbehaviour::HidesMembers);
            let all: Vec<Group> = state
                .members
                .iter()
                .map(|(name, members)| Group {
                    id: format!("group-{name}").into(),
                    name: name.as_str().into(),
                    members: (!hides).then(|| members.iter().cloned().collect()),
                })
                .collect();
            let (page, fired) = page(&all, state.page_size, after, state.groups);
            state.fired += usize::from(fired || hides);
            (page, state.hook.take())
        };
        if let Some(Hook(act)) = hook {
            act();
        }
        page
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        let mut state = self.state();
        state.finds += 1;
        if let Some((clock, each)) = &state.find_takes {
            clock.advance(*each);
        }
        if state.find_faults.pop_front().is_some() {
            state.fired += 1;
            return Err(unavailable());
        }
        let mut hits = state.accounts.values().filter(|account| match lookup {
            Lookup::Id(id) => account.id == *id,
            Lookup::Key(key) => account.key.as_ref().is_some_and(|k| &**k.reveal() == key),
            Lookup::UserName(name) => &**account.user_name.reveal() == name,
        });
        Ok(match (hits.next(), hits.count()) {
            (None, _) => Found::None,
            (Some(account), 0) => Found::One(Box::new(account.clone())),
            (Some(_), more) => Found::Many(more as u64 + 1),
        })
    }

    async fn held(
        &self,
        _account: &AccountId,
        _of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        Ok(None)
    }
}
