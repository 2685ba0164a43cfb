//! The meter of one target: destructive changes of the last hours, what is held, what was
//! approved. All workers share it through the table; whoever writes it read it before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::allowance;
use super::line::{Class, Line};
use crate::policy::{Limit, Limits};
use crate::standardise::spelling;
use crate::{AccountRecord, EntitlementId, Hash, IdentityId};

/// What a limit is about: a class of changes, or the removals from one group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Scope {
    /// The class.
    pub class: Class,
    /// The group, of revokes.
    pub group: Option<EntitlementId>,
}

impl Scope {
    /// A whole class.
    pub const fn class(class: Class) -> Self {
        Self { class, group: None }
    }

    /// The scopes in which a line counts.
    pub fn of(line: &Line) -> Vec<Self> {
        let mut scopes = vec![Self::class(line.class)];
        if let Some(entitlement) = &line.entitlement {
            scopes.push(Self {
                class: line.class,
                group: Some(entitlement.clone()),
            });
        }
        scopes
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(f, "{}:{group}", self.class),
            None => write!(f, "{}", self.class),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = NoScope;

    fn try_from(text: String) -> Result<Self, NoScope> {
        text.parse()
    }
}

/// The text names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoScope;

impl fmt::Display for NoScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Class::ALL.map(Class::name).join("`, `");
        write!(
            f,
            "a scope is one of `{names}`, or `revoke:` and an entitlement"
        )
    }
}

impl std::error::Error for NoScope {}

impl FromStr for Scope {
    type Err = NoScope;

    fn from_str(text: &str) -> Result<Self, NoScope> {
        let (name, group) = match text.split_once(':') {
            Some((name, group)) => (name, Some(group)),
            None => (text, None),
        };
        let class = Class::ALL.into_iter().find(|class| class.name() == name);
        let class = class.ok_or(NoScope)?;
        let fits = match group {
            Some(group) => class == Class::Revoke && !group.is_empty(),
            None => true,
        };
        fits.then(|| Self {
            class,
            group: group.map(EntitlementId::from),
        })
        .ok_or(NoScope)
    }
}

/// How many there are, as the last certified observation found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Population {
    /// Accounts that we manage.
    pub accounts: u64,
    /// Memberships that we gave.
    pub grants: u64,
    /// The same by entitlement.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<EntitlementId, u64>,
}

impl Population {
    /// Counts an account, as its record has it.
    pub fn count(&mut self, account: &AccountRecord) {
        if account.id.is_some() {
            self.accounts += 1;
        }
        for entitlement in &account.grants {
            self.grants += 1;
            if let Some(count) = self.groups.get_mut(entitlement) {
                *count += 1;
            } else {
                self.groups.insert(entitlement.clone(), 1);
            }
        }
    }

    /// Adds others, none of whom was counted here.
    pub fn add(&mut self, others: Self) {
        self.accounts += others.accounts;
        self.grants += others.grants;
        for (entitlement, count) in others.groups {
            *self.groups.entry(entitlement).or_default() += count;
        }
    }
}

/// The most lines that are kept one by one: an item of the table holds 400 KB. Older ones are
/// only counted, by the hour; one of them that is asked for again counts again.
const MOST_LINES: usize = 1_500;

/// A destructive change that passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Done {
    /// When, in seconds of Unix time.
    at: i64,
    /// Where it counts; nowhere if it was approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<Scope>,
}

/// Changes of a scope wait for a human.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// How many would have passed.
    pub allowed: u64,
    /// Who agreed so far, where several have to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
}

/// One human's yes to one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who, by an opaque operator name.
    pub by: Box<str>,
    /// When.
    pub at: Timestamp,
    /// The list.
    pub list: Hash,
}

/// What an operator said to a list, kept to be looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Of which scope.
    pub scope: Scope,
    /// Who, when and to which list.
    #[serde(flatten)]
    pub vote: Vote,
    /// How many changes the list had.
    pub lines: u64,
    /// Whether it was a yes.
    pub yes: bool,
}

/// A list that may be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Of which scope.
    pub scope: Scope,
    /// The list.
    pub list: Hash,
    /// Who agreed.
    pub by: Vec<Box<str>>,
    /// Not after that.
    pub until: Timestamp,
    /// A line of the list changed, so that nothing of it counts as agreed to any more.
    #[serde(default)]
    pub void: bool,
}

/// What an account asks to have done.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whose.
    pub identity: &'a IdentityId,
    /// What.
    pub lines: &'a BTreeSet<Line>,
    /// What waited so far, and was agreed to or refused.
    pub held: Option<&'a Held>,
}

/// What waits of one account; kept in its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Since when.
    pub since: Timestamp,
    /// What.
    pub lines: Vec<HeldLine>,
    /// The approved lists in which these lines are, by scope.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub released: BTreeMap<Scope, Hash>,
    /// Lines to which a human said no: they wait until policy or HR no longer want them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub rejected: BTreeSet<Line>,
}

/// A line that waits, and for which limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeldLine {
    /// The line.
    #[serde(flatten)]
    pub line: Line,
    /// Whose limit.
    pub scope: Scope,
}

impl Held {
    /// The lines of a scope that nobody said no to.
    pub fn open<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a Line> {
        self.lines
            .iter()
            .filter(move |held| held.scope == *scope && !self.rejected.contains(&held.line))
            .map(|held| &held.line)
    }
}

/// The answer to a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What has to wait.
    pub held: Vec<HeldLine>,
    /// Scopes whose hold began with this claim.
    pub opened: Vec<Scope>,
}

/// The answer to a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voted {
    /// There is no such hold.
    NoHold,
    /// This operator agreed to this list before.
    Already,
    /// So many more have to agree.
    Waiting(usize),
    /// The list may be carried out.
    Approved(Approval),
}

/// What operators said is kept this often, for each target.
const MOST_ANSWERED: usize = 100;

/// The meter of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meter {
    /// How often it was written; whoever writes it names the version that was read.
    pub version: u64,
    /// How many there are; unknown before the first night.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<Population>,
    /// What passed in the window, by the keys of lines.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    done: BTreeMap<Box<str>, Done>,
    /// How many passed before those, by scope and by hour of Unix time.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    older: BTreeMap<Scope, BTreeMap<i64, u64>>,
    /// What waits.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub holds: BTreeMap<Scope, Hold>,
    /// What was agreed to and has not run out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// What operators said lately, the latest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Answered>,
}

impl Meter {
    /// Of so many, where nothing was taken from anybody yet.
    pub fn of(population: Option<Population>) -> Self {
        Self {
            population,
            ..Self::default()
        }
    }

    /// The same under another version, as a store keeps it.
    #[must_use]
    pub fn at_version(&self, version: u64) -> Self {
        let mut meter = self.clone();
        meter.version = version;
        meter
    }

    /// Forgets what is older than the window, and approvals that ran out.
    fn prune(&mut self, limits: &Limits, now: Timestamp) {
        let oldest = oldest(limits, now);
        self.done.retain(|_, done| done.at > oldest);
        for hours in self.older.values_mut() {
            hours.retain(|hour, _| is_within(*hour, oldest));
        }
        self.older.retain(|_, hours| !hours.is_empty());
        self.approvals.retain(|approval| approval.until > now);
    }

    /// How many of a scope pass in a window.
    pub fn allowed(&self, limits: &Limits, scope: &Scope) -> u64 {
        let population = self.population.as_ref();
        let (limit, of) = match &scope.group {
            Some(group) => (
                limits.members,
                population.and_then(|population| population.groups.get(group).copied()),
            ),
            None => (
                limit_of(limits, scope.class),
                population.map(|population| match scope.class {
                    Class::Revoke => population.grants,
                    Class::Block
                    | Class::Disable
                    | Class::Delete
                    | Class::Rename
                    | Class::Manager => population.accounts,
                }),
            ),
        };
        allowance(limit, of)
    }

    /// How many of a scope passed in the window and count there.
    pub fn count(&self, limits: &Limits, scope: &Scope, now: Timestamp) -> u64 {
        let oldest = oldest(limits, now);
        let counts = |done: &&Done| done.at > oldest && done.counts.contains(scope);
        let kept = self.done.values().filter(counts).count() as u64;
        let hours = self.older.get(scope).into_iter().flatten();
        let hours = hours.filter(|(hour, _)| is_within(**hour, oldest));
        kept + hours.map(|(_, count)| count).sum::<u64>()
    }

    /// Adds what passed, and counts the oldest by the hour where there are too many.
    fn pass(&mut self, key: Box<str>, done: Done) {
        self.done.insert(key, done);
        if self.done.len() <= MOST_LINES {
            return;
        }
        let oldest = self.done.iter().min_by_key(|(_, done)| done.at);
        let Some(done) = oldest
            .map(|(key, _)| key.clone())
            .and_then(|key| self.done.remove(&key))
        else {
            return;
        };
        for scope in done.counts {
            let hours = self.older.entry(scope).or_default();
            *hours.entry(done.at.div_euclid(3_600)).or_default() += 1;
        }
    }

    /// Answers claims in their order; later ones as if what passed before had been done. A line
    /// that passed once passes again within the window and counts once.
    pub fn ask(&mut self, limits: &Limits, now: Timestamp, claims: &[Claim<'_>]) -> Vec<Verdict> {
        self.prune(limits, now);
        claims
            .iter()
            .map(|claim| self.answer(limits, now, claim))
            .collect()
    }

    fn answer(&mut self, limits: &Limits, now: Timestamp, claim: &Claim<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        self.void_changed(claim);
        // A block comes before everything else that is taken from a person: where it waits, all
        // of it waits, and for the same yes.
        let mut blocked: Option<Scope> = None;
        for line in claim.lines {
            let key = line.key(claim.identity);
            if self.done.contains_key(&key) {
                continue;
            }
            let mut counts = Vec::new();
            let waits_for = if self.is_approved(claim, line) {
                None
            } else if let Some(scope) = &blocked {
                Some(scope.clone())
            } else {
                counts = Scope::of(line);
                self.first_over(limits, now, claim, line, &mut verdict)
            };
            let Some(scope) = waits_for else {
                let at = now.as_second();
                self.pass(key, Done { at, counts });
                continue;
            };
            if matches!(line.class, Class::Block | Class::Disable) {
                blocked = Some(scope.clone());
            }
            verdict.held.push(HeldLine {
                line: line.clone(),
                scope,
            });
        }
        verdict
    }

    /// The first scope of a line in which it has to wait. One that is full begins to hold.
    fn first_over(
        &mut self,
        limits: &Limits,
        now: Timestamp,
        claim: &Claim<'_>,
        line: &Line,
        verdict: &mut Verdict,
    ) -> Option<Scope> {
        let refused = claim.held.is_some_and(|held| held.rejected.contains(line));
        for scope in Scope::of(line) {
            if refused || self.holds.contains_key(&scope) {
                return Some(scope);
            }
            let allowed = self.allowed(limits, &scope);
            if self.count(limits, &scope, now) >= allowed {
                self.open(scope.clone(), allowed, now);
                verdict.opened.push(scope.clone());
                return Some(scope);
            }
        }
        None
    }

    fn approval<'a>(&'a self, claim: &Claim<'_>, scope: &Scope) -> Option<&'a Approval> {
        let list = claim.held?.released.get(scope)?;
        self.approvals
            .iter()
            .find(|one| one.scope == *scope && one.list == *list && !one.void)
    }

    /// Whether a line is on a list that was agreed to.
    fn is_approved(&self, claim: &Claim<'_>, line: &Line) -> bool {
        let held = claim.held.into_iter().flat_map(|held| &held.lines);
        let mut listed = held.filter(|held| held.line == *line);
        listed.any(|held| self.approval(claim, &held.scope).is_some())
    }

    /// An approval dies with the first line that is not one of those that were agreed to.
    fn void_changed(&mut self, claim: &Claim<'_>) {
        let Some(held) = claim.held else { return };
        let new = claim.lines.iter().any(|line| {
            !held.lines.iter().any(|held| held.line == *line)
                && !self.done.contains_key(&line.key(claim.identity))
        });
        if !new {
            return;
        }
        for approval in &mut self.approvals {
            if held.released.get(&approval.scope) == Some(&approval.list) {
                approval.void = true;
            }
        }
    }

    /// Makes everything of a scope wait from now on, of which no more than `allowed` pass: more is
    /// known than that the first changes fit. Returns whether it did not wait before.
    pub fn open(&mut self, scope: Scope, allowed: u64, now: Timestamp) -> bool {
        if self.holds.contains_key(&scope) {
            return false;
        }
        let hold = Hold {
            since: now,
            allowed,
            votes: Vec::new(),
        };
        self.holds.insert(scope, hold);
        true
    }

    /// Keeps what an operator said, as one of the last that were said.
    pub fn note(&mut self, answered: Answered) {
        if self.answered.len() >= MOST_ANSWERED {
            self.answered.remove(0);
        }
        self.answered.push(answered);
    }

    /// Counts an operator's yes to a list. `whole` says that nothing else waits in the scope, so
    /// that the hold ends with the approval.
    pub fn approve(&mut self, limits: &Limits, scope: &Scope, vote: Vote, whole: bool) -> Voted {
        self.prune(limits, vote.at);
        let Some(hold) = self.holds.get_mut(scope) else {
            return Voted::NoHold;
        };
        // One person under two spellings is one person.
        let is_theirs = |one: &Vote| spelling(&one.by) == spelling(&vote.by);
        let same = |one: &Vote| one.list == vote.list && is_theirs(one);
        let needed = usize::from(limits.approvers.max(1));
        if hold.votes.iter().any(same) && needed > 1 {
            return Voted::Already;
        }
        let (list, at) = (vote.list, vote.at);
        hold.votes.retain(|one| one.list == list && !is_theirs(one));
        hold.votes.push(vote);
        if hold.votes.len() < needed {
            return Voted::Waiting(needed - hold.votes.len());
        }
        let hours = SignedDuration::from_hours(i64::from(limits.approval_hours.max(1)));
        let approval = Approval {
            scope: scope.clone(),
            list,
            by: hold.votes.iter().map(|one| one.by.clone()).collect(),
            until: at.checked_add(hours).unwrap_or(Timestamp::MAX),
            void: false,
        };
        hold.votes.clear();
        if whole {
            self.holds.remove(scope);
        }
        self.approvals
            .retain(|one| one.scope != *scope || one.list != list);
        self.approvals.push(approval.clone());
        Voted::Approved(approval)
    }

    /// Ends a hold: nothing waits there, or a human said no to what does. Returns whether there
    /// was one.
    pub fn close(&mut self, scope: &Scope) -> bool {
        self.holds.remove(scope).is_some()
    }
}

/// Whether a part of an hour lies within the window.
const fn is_within(hour: i64, oldest: i64) -> bool {
    hour.saturating_add(1).saturating_mul(3_600) > oldest
}

/// The last second before the window.
fn oldest(limits: &Limits, now: Timestamp) -> i64 {
    let window = i64::from(limits.window_hours).saturating_mul(3_600);
    now.as_second().saturating_sub(window)
}

const fn limit_of(limits: &Limits, class: Class) -> Limit {
    match class {
        Class::Block => limits.block,
        Class::Disable => limits.disable,
        Class::Delete => limits.delete,
        Class::Revoke => limits.revoke,
        Class::Rename => limits.rename,
        Class::Manager => limits.manager,
    }
}

/// The hash of a list: every identity with every line that waits, in order. What an approval
/// names.
pub fn list_hash<'a>(
    scope: &Scope,
    entries: impl IntoIterator<Item = (&'a IdentityId, BTreeSet<&'a Line>)>,
) -> Hash {
    let mut sorted: BTreeMap<&IdentityId, BTreeSet<&Line>> = BTreeMap::new();
    for (identity, lines) in entries {
        sorted.entry(identity).or_default().extend(lines);
    }
    serde_json::to_vec(&(scope, sorted.iter().collect::<Vec<_>>()))
        .map_or_else(|_| Hash::default(), |bytes| Hash::of(&bytes))
}
