//! The comparison of one target, its last stage: whole records of what differs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::classify;
use super::engine::{Comparison, is_wanted, not_before};
use super::fingerprint::USER_NAME_PATH;
use super::kept::{Fresh, Part};
use super::memberships::{self, Memberships};
use super::name::{self, Name};
use super::{Candidate, Deviation, Owner};
use crate::certify::hash;
use crate::{
    Account, AccountId, AccountRecord, Desired, EntitlementId, IdentityId, IdentityRecord,
    IdentityState, Pii, Projection, Slot, rollout,
};

/// What the observation is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Whether the listing of users has a certificate.
    pub users: bool,
    /// Whether the listing of groups and members has a certificate.
    pub groups: bool,
    /// When the observation began.
    pub since: Timestamp,
    /// The instant of the comparison.
    pub now: Timestamp,
}

/// An account that needs a look.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    /// As observed; `None` where it matched and was dropped, or is not there.
    pub(super) account: Option<Account>,
    /// Whether it is there.
    pub(super) present: bool,
    /// Which of the policy's entitlements it was seen to hold.
    pub(super) held: BTreeSet<EntitlementId>,
    /// Which wanted or recorded memberships were not seen, of an account that was dropped. One
    /// that was kept has all of its memberships in `held`.
    pub(super) lacking: BTreeSet<EntitlementId>,
    /// Identities on record for its id.
    pub(super) by_id: Vec<Link>,
    /// Identities whose key it carries without being on record for it.
    pub(super) by_key: Vec<Link>,
    /// Identities with one of its names.
    pub(super) candidates: BTreeMap<IdentityId, Candidate>,
}

/// An identity that claims an account.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) owner: Owner,
    pub(super) projection: Projection,
    pub(super) record: AccountRecord,
    /// Whether the account on record for the identity was observed.
    pub(super) record_seen: bool,
    /// How many accounts carry the identity's key without being on record for it.
    pub(super) key_accounts: usize,
    /// Whether a connector may have written after the observation began, so that it says nothing.
    moved: bool,
}

/// The accounts of one part that need a look, while they are gathered.
#[derive(Clone, Debug)]
pub struct Gathered<'p> {
    seen: Comparison<'p>,
    evidence: Evidence,
    part: Part,
    cases: Vec<Case>,
    by_id: BTreeMap<u64, usize>,
    /// Memberships that need a look, of accounts that otherwise do not.
    odd: BTreeMap<u64, BTreeSet<EntitlementId>>,
    /// Hashes of the accounts that carry a key, by its hash, of every part.
    keys: BTreeMap<u64, Vec<u64>>,
}

impl<'p> Gathered<'p> {
    pub(super) const fn new(seen: Comparison<'p>, evidence: Evidence, part: Part) -> Self {
        Self {
            seen,
            evidence,
            part,
            cases: Vec::new(),
            by_id: BTreeMap::new(),
            odd: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Adds what was taken out, in the order in which it was; accounts of other parts leave
    /// nothing but a hash.
    pub fn add(&mut self, fresh: Fresh) {
        for account in fresh.accounts {
            let id = hash(account.id.as_str());
            self.seen.known.insert(id);
            if let Some(key) = key_of(&account) {
                self.keys.entry(hash(key)).or_default().push(id);
            }
            if self.part.has(id) {
                self.by_id.insert(id, self.cases.len());
                self.cases.push(Case {
                    account: Some(account),
                    present: true,
                    ..Case::default()
                });
            }
        }
        for (entitlement, accounts) in fresh.members {
            for account in accounts {
                if !self.part.has(account) {
                    continue;
                }
                let at = self.by_id.get(&account);
                let held = match at.and_then(|at| self.cases.get_mut(*at)) {
                    Some(case) => &mut case.held,
                    None => self.odd.entry(account).or_default(),
                };
                held.insert(entitlement.clone());
            }
        }
    }

    /// Everything was gathered.
    pub fn look(self) -> Look<'p> {
        let mut by_key: BTreeMap<Box<str>, Vec<usize>> = BTreeMap::new();
        let mut by_name: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for (at, case) in self.cases.iter().enumerate() {
            let Some(account) = &case.account else {
                continue;
            };
            if let Some(key) = key_of(account) {
                by_key.entry(key.into()).or_default().push(at);
            }
            for name in name::of_account(account) {
                by_name.entry(name).or_default().push(at);
            }
        }
        Look {
            gathered: self,
            by_key,
            by_name,
            moved: 0,
            clean: 0,
            reopened: 0,
        }
    }
}

/// Third stage: whole records of what differs.
#[derive(Clone, Debug)]
pub struct Look<'p> {
    gathered: Gathered<'p>,
    by_key: BTreeMap<Box<str>, Vec<usize>>,
    by_name: BTreeMap<Name, Vec<usize>>,
    moved: u64,
    clean: u64,
    reopened: u64,
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// What differs in this part, in no particular order.
    pub deviations: Vec<Deviation>,
    /// What there is.
    pub numbers: Numbers,
}

/// A comparison in numbers. Those of several parts [add up](Numbers::add).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Accounts that policy wants, in all parts.
    pub wanted: u64,
    /// Accounts on record that we made or adopted, in all parts.
    pub managed: u64,
    /// Memberships on record, in all parts.
    pub grants: u64,
    /// Accounts that equalled what policy says when they streamed past, in all parts.
    same: u64,
    /// Some of those whose memberships do not.
    reopened: u64,
    /// Accounts that needed a look and equal it all the same.
    clean: u64,
    /// Accounts about which nothing is said, because a connector wrote to them meanwhile.
    pub moved: u64,
}

impl Numbers {
    /// Accounts that equal what policy says.
    pub const fn matching(&self) -> u64 {
        (self.same + self.clean).saturating_sub(self.reopened)
    }

    /// Adds those of another part.
    pub const fn add(&mut self, other: Self) {
        *self = Self {
            reopened: self.reopened + other.reopened,
            clean: self.clean + other.clean,
            moved: self.moved + other.moved,
            ..other
        };
    }
}

impl Look<'_> {
    /// Whether the second pass over the recorded side is worth making.
    pub fn is_needed(&self) -> bool {
        let Gathered { seen, evidence, .. } = &self.gathered;
        !self.gathered.cases.is_empty()
            || !self.gathered.odd.is_empty()
            || seen.counts.unplaced > 0
            || seen.index.unseen() > 0
            || (evidence.groups && seen.memberships.unseen() > 0)
    }

    /// Looks at one identity as it is recorded now.
    pub fn seat(
        &mut self,
        identity: &IdentityId,
        record: &IdentityRecord,
        account: Option<&AccountRecord>,
        owed: bool,
    ) {
        let scope = &self.gathered.seen.scope;
        let nothing = (Projection::default(), AccountRecord::default());
        let projection = record.projections.get(scope.name).unwrap_or(&nothing.0);
        let account = account.unwrap_or(&nothing.1);
        let ties = &projection.ties;
        let released = |at: usize, gathered: &Gathered<'_>| {
            let account = gathered
                .cases
                .get(at)
                .and_then(|case| case.account.as_ref());
            account.is_some_and(|account| ties.released.contains(&account.id))
        };
        self.names(identity, record, &released);
        let seen = &self.gathered.seen;
        let recorded = account.id.as_ref().map(|id| hash(id.as_str()));
        let by_id = recorded
            .and_then(|id| self.gathered.by_id.get(&id))
            .copied();
        let by_key: Vec<usize> = self
            .by_key
            .get(identity.as_str())
            .into_iter()
            .flatten()
            .copied()
            .filter(|at| Some(*at) != by_id && !released(*at, &self.gathered))
            .collect();
        let key_accounts = self.carriers(identity, recorded, &ties.released);
        let is_known = recorded.is_some_and(|id| seen.known.contains(&id));
        let record_seen = is_known || recorded.is_some_and(|id| seen.index.saw(id));
        let link = || Link {
            owner: Owner {
                identity: identity.clone(),
                state: record.state,
                generation: record.generation,
                applied: account.applied,
                owed,
                writes: rollout::writes(seen.scope.policy, seen.scope.name, projection),
                policy: record.policy,
                plan: record.plan,
            },
            projection: projection.clone(),
            record: account.clone(),
            record_seen,
            key_accounts,
            moved: account.at.is_some_and(|at| {
                let since = self.gathered.evidence.since;
                // The record says when the work began. What was recorded before the observation
                // began was over by then.
                at >= not_before(since)
                    && (at >= since || !seen.settled.contains(&(identity.clone(), at)))
            }),
        };
        for at in &by_key {
            if let Some(case) = self.gathered.cases.get_mut(*at) {
                case.by_key.push(link());
            }
        }
        if let Some(case) = by_id.and_then(|at| self.gathered.cases.get_mut(at)) {
            case.by_id.push(link());
        } else if let Some(id) = recorded.filter(|_| record_seen) {
            // One that is known and not of this part is looked at there.
            if !is_known && let Some((held, lacking)) = self.memberships(projection, account, id) {
                let by_id = vec![link()];
                self.reopened += 1;
                self.gathered.cases.push(Case {
                    present: true,
                    held,
                    lacking,
                    by_id,
                    ..Case::default()
                });
            }
        } else if key_accounts == 0
            && is_wanted(projection)
            && !matches!(record.state, IdentityState::Ended | IdentityState::Archived)
            && self.gathered.part.has(hash(identity.as_str()))
        {
            let by_id = vec![link()];
            self.gathered.cases.push(Case {
                by_id,
                ..Case::default()
            });
        }
    }

    /// What was found.
    pub fn finish(mut self) -> Compared {
        let mut deviations = Vec::new();
        let Gathered { seen, evidence, .. } = &self.gathered;
        for case in &self.gathered.cases {
            if case.by_id.iter().chain(&case.by_key).any(|link| link.moved) {
                self.moved += 1;
                continue;
            }
            let found = classify::case(&seen.scope, *evidence, case);
            let linked = case.present && !case.by_id.is_empty();
            self.clean += u64::from(linked && found.is_empty());
            deviations.extend(found);
        }
        Compared {
            deviations,
            numbers: Numbers {
                wanted: seen.counts.wanted,
                managed: seen.counts.managed,
                grants: seen.counts.grants,
                same: seen.same,
                reopened: self.reopened,
                clean: self.clean,
                moved: self.moved,
            },
        }
    }

    /// How many accounts of any part carry an identity's key, but the one on record for it and
    /// those that an operator let go.
    fn carriers(
        &self,
        identity: &IdentityId,
        recorded: Option<u64>,
        released: &BTreeSet<AccountId>,
    ) -> usize {
        let carriers = self.gathered.keys.get(&hash(identity.as_str()));
        let let_go = |id: u64| released.iter().any(|one| hash(one.as_str()) == id);
        carriers
            .into_iter()
            .flatten()
            .filter(|id| Some(**id) != recorded && !let_go(**id))
            .count()
    }

    /// What an account of this part holds and lacks that matched, if its memberships do not.
    fn memberships(
        &self,
        projection: &Projection,
        account: &AccountRecord,
        id: u64,
    ) -> Option<(BTreeSet<EntitlementId>, BTreeSet<EntitlementId>)> {
        let Gathered { seen, evidence, .. } = &self.gathered;
        if !self.gathered.part.has(id) {
            return None;
        }
        let odd = self.gathered.odd.get(&id);
        let mut lacking = if evidence.groups {
            lacking(&seen.memberships, projection, account, id)
        } else {
            BTreeSet::new()
        };
        // One that was not on record yet when it was seen counts as odd, and was seen.
        lacking.retain(|entitlement| odd.is_none_or(|odd| !odd.contains(entitlement)));
        if odd.is_none() && lacking.is_empty() {
            return None;
        }
        let mut held = odd.cloned().unwrap_or_default();
        let steady = account
            .grants
            .iter()
            .filter(|e| memberships::wants(projection, e) && !lacking.contains(*e));
        held.extend(steady.cloned());
        Some((held, lacking))
    }

    fn names(
        &mut self,
        identity: &IdentityId,
        record: &IdentityRecord,
        released: &impl Fn(usize, &Gathered<'_>) -> bool,
    ) {
        if self.by_name.is_empty() {
            return;
        }
        for name in name::of_identity(record, self.gathered.seen.scope.name) {
            for at in self.by_name.get(&name).into_iter().flatten() {
                if released(*at, &self.gathered) {
                    continue;
                }
                let Some(case) = self.gathered.cases.get_mut(*at) else {
                    continue;
                };
                let candidate =
                    case.candidates
                        .entry(identity.clone())
                        .or_insert_with(|| Candidate {
                            identity: identity.clone(),
                            email: false,
                            user_name: false,
                        });
                match name {
                    Name::User(_) => candidate.user_name = true,
                    Name::Email(_) => candidate.email = true,
                }
            }
        }
    }
}

/// Our key in an account, if it carries one.
fn key_of(account: &Account) -> Option<&str> {
    let key = account.key.as_ref().map(|key| &**key.reveal());
    key.filter(|key| !key.is_empty())
}

/// Wanted or recorded memberships that were not seen.
fn lacking(
    seen: &Memberships,
    projection: &Projection,
    record: &AccountRecord,
    account: u64,
) -> BTreeSet<EntitlementId> {
    record
        .grants
        .iter()
        .chain(memberships::wanted(projection))
        .filter(|entitlement| !seen.saw(entitlement, account))
        .cloned()
        .collect()
}

/// An account as the record has it, for one that was dropped or is not there.
pub(super) fn from_record(link: &Link, present: bool) -> Account {
    let text = |path: &str| {
        let recorded = link.record.attrs.get(path).map(Pii::reveal);
        let wanted = link.projection.attrs.get(path).map(|m| m.value.reveal());
        recorded.or(wanted).and_then(Slot::text).unwrap_or_default()
    };
    Account {
        id: link
            .record
            .id
            .clone()
            .unwrap_or_else(|| AccountId::from("")),
        key: None,
        user_name: Pii::new(text(USER_NAME_PATH).into()),
        // It matched, so that it is as wanted.
        active: present && link.projection.desired == Desired::Active,
        attrs: BTreeMap::new(),
        created: None,
        deleted: false,
        read_only: None,
        last_sign_in: None,
    }
}
