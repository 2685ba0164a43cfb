//! The comparison of one target, stage by stage: recorded, observed, looked at, compared.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::classify;
use super::fingerprint::{Spec, USER_NAME_PATH};
use super::index::{Index, IndexBuilder, Probe};
use super::memberships::{self, Memberships, MembershipsBuilder};
use super::name::{self, Name};
use super::{Candidate, Deviation, Owner};
use crate::certify::hash;
use crate::policy::{Policy, Target};
use crate::{
    Account, AccountId, AccountRecord, Desired, EntitlementId, Group, IdentityId, IdentityRecord,
    IdentityState, Ownership, Pii, Projection, Slot, TargetId, rollout,
};

/// One target under one policy.
#[derive(Clone, Debug)]
pub(super) struct Scope<'p> {
    pub(super) policy: &'p Policy,
    pub(super) name: &'p TargetId,
    pub(super) target: &'p Target,
    pub(super) spec: Spec,
    groups: BTreeMap<&'p str, &'p EntitlementId>,
}

/// First pass: the recorded side while it is collected.
#[derive(Clone, Debug)]
pub struct Recorded<'p> {
    scope: Scope<'p>,
    index: IndexBuilder,
    memberships: MembershipsBuilder,
    wanted: u64,
    unplaced: u64,
    managed: u64,
    grants: u64,
}

impl<'p> Recorded<'p> {
    /// Begins with nothing on record; `None` where the policy does not know the target.
    pub fn new(policy: &'p Policy, target: &TargetId) -> Option<Self> {
        let (name, target) = policy.targets.get_key_value(target)?;
        let groups = policy
            .entitlements
            .iter()
            .filter(|(_, entitlement)| entitlement.target == *name)
            .map(|(id, entitlement)| (&*entitlement.group, id))
            .collect();
        Some(Self {
            scope: Scope {
                policy,
                name,
                target,
                spec: Spec::of(target),
                groups,
            },
            index: IndexBuilder::default(),
            memberships: MembershipsBuilder::default(),
            wanted: 0,
            unplaced: 0,
            managed: 0,
            grants: 0,
        })
    }

    /// Which target.
    pub const fn name(&self) -> &'p TargetId {
        self.scope.name
    }

    /// Adds what is recorded about one identity on this target.
    pub fn seat(
        &mut self,
        identity: &IdentityId,
        record: &IdentityRecord,
        account: Option<&AccountRecord>,
    ) {
        let nothing = (Projection::default(), AccountRecord::default());
        let projection = record
            .projections
            .get(self.scope.name)
            .unwrap_or(&nothing.0);
        let account = account.unwrap_or(&nothing.1);
        let wanted = is_wanted(projection);
        self.wanted += u64::from(wanted);
        self.unplaced += u64::from(wanted && account.id.is_none());
        if account.id.is_some() {
            self.managed += u64::from(is_owned(account));
            self.grants += account.grants.len() as u64;
        }
        self.index
            .add(&self.scope.spec, identity, projection, account);
        self.memberships.add(projection, account);
    }

    /// Sorts, and is ready for what the target shows.
    pub fn observe(self) -> Comparison<'p> {
        Comparison {
            scope: self.scope,
            index: self.index.build(),
            memberships: self.memberships.build(),
            wanted: self.wanted,
            unplaced: self.unplaced,
            managed: self.managed,
            grants: self.grants,
            same: 0,
            cases: Vec::new(),
            by_id: BTreeMap::new(),
            odd: BTreeMap::new(),
        }
    }
}

/// Second stage: what the target shows streams past.
#[derive(Clone, Debug)]
pub struct Comparison<'p> {
    scope: Scope<'p>,
    index: Index,
    memberships: Memberships,
    wanted: u64,
    unplaced: u64,
    managed: u64,
    grants: u64,
    same: u64,
    cases: Vec<Case>,
    by_id: BTreeMap<u64, usize>,
    /// Memberships that need a look, of accounts that otherwise do not.
    odd: BTreeMap<u64, BTreeSet<EntitlementId>>,
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
    /// Whether a connector wrote after the observation began, so that it says nothing.
    moved: bool,
}

impl<'p> Comparison<'p> {
    /// Accounts that are on record with an id: what a first run is measured against.
    pub fn recorded(&self) -> u64 {
        self.index.len() as u64
    }

    /// Takes an observed account, and copies it only where it needs a look. Returns whether its id
    /// came for the first time.
    pub fn account(&mut self, account: &Account, now: Timestamp) -> bool {
        let id = hash(account.id.as_str());
        let (probe, first) = self.index.probe(&self.scope.spec, account);
        let needs_look = probe != Probe::Same || classify::is_remarkable(&self.scope, account, now);
        if !needs_look {
            self.same += u64::from(first);
            return first;
        }
        if self.by_id.contains_key(&id) {
            return false;
        }
        self.by_id.insert(id, self.cases.len());
        self.cases.push(Case {
            account: Some(account.clone()),
            present: true,
            ..Case::default()
        });
        first
    }

    /// Takes an observed group. Returns whether its members are shown, or do not matter because
    /// policy does not name the group.
    pub fn group(&mut self, group: &Group) -> bool {
        let Some(entitlement) = self.scope.groups.get(&*group.name).copied() else {
            return true;
        };
        let Some(members) = &group.members else {
            return false;
        };
        for member in members {
            let account = hash(member.as_str());
            let steady = self.memberships.probe(entitlement, account);
            let case = self
                .by_id
                .get(&account)
                .and_then(|at| self.cases.get_mut(*at));
            if let Some(case) = case {
                case.held.insert(entitlement.clone());
            } else if !steady {
                self.odd
                    .entry(account)
                    .or_default()
                    .insert(entitlement.clone());
            }
        }
        true
    }

    /// Everything that could be observed was.
    pub fn look(self, evidence: Evidence) -> Look<'p> {
        let mut by_key: BTreeMap<Box<str>, Vec<usize>> = BTreeMap::new();
        let mut by_name: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for (at, case) in self.cases.iter().enumerate() {
            let Some(account) = &case.account else {
                continue;
            };
            if let Some(key) = &account.key
                && !key.reveal().is_empty()
            {
                by_key.entry(key.reveal().clone()).or_default().push(at);
            }
            for name in name::of_account(account) {
                by_name.entry(name).or_default().push(at);
            }
        }
        Look {
            seen: self,
            evidence,
            by_key,
            by_name,
            moved: 0,
            clean: 0,
        }
    }
}

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

/// Third stage: whole records of what differs.
#[derive(Clone, Debug)]
pub struct Look<'p> {
    seen: Comparison<'p>,
    evidence: Evidence,
    by_key: BTreeMap<Box<str>, Vec<usize>>,
    by_name: BTreeMap<Name, Vec<usize>>,
    moved: u64,
    clean: u64,
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// What differs, in no particular order.
    pub deviations: Vec<Deviation>,
    /// Accounts that equal what policy says.
    pub matching: u64,
    /// Accounts that policy wants.
    pub wanted: u64,
    /// Accounts on record that we made or adopted.
    pub managed: u64,
    /// Memberships on record.
    pub grants: u64,
    /// Accounts about which nothing is said, because a connector wrote to them meanwhile.
    pub moved: u64,
}

impl Look<'_> {
    /// Whether the second pass over the recorded side is worth making.
    pub fn is_needed(&self) -> bool {
        let seen = &self.seen;
        !seen.cases.is_empty()
            || !seen.odd.is_empty()
            || seen.unplaced > 0
            || seen.index.unseen() > 0
            || (self.evidence.groups && seen.memberships.unseen() > 0)
    }

    /// Looks at one identity as it is recorded now.
    pub fn seat(
        &mut self,
        identity: &IdentityId,
        record: &IdentityRecord,
        account: Option<&AccountRecord>,
        owed: bool,
    ) {
        let nothing = (Projection::default(), AccountRecord::default());
        let projection = record
            .projections
            .get(self.seen.scope.name)
            .unwrap_or(&nothing.0);
        let account = account.unwrap_or(&nothing.1);
        let released = |at: usize, seen: &Comparison<'_>| {
            let account = seen.cases.get(at).and_then(|case| case.account.as_ref());
            account.is_some_and(|account| projection.ties.released.contains(&account.id))
        };
        self.names(identity, record, &released);
        let recorded = account.id.as_ref();
        let by_id = recorded
            .and_then(|id| self.seen.by_id.get(&hash(id.as_str())))
            .copied();
        let by_key: Vec<usize> = self
            .by_key
            .get(identity.as_str())
            .into_iter()
            .flatten()
            .copied()
            .filter(|at| Some(*at) != by_id && !released(*at, &self.seen))
            .collect();
        let record_seen =
            by_id.is_some() || recorded.is_some_and(|id| self.seen.index.saw(id.as_str()));
        let link = |key_accounts| Link {
            owner: Owner {
                identity: identity.clone(),
                state: record.state,
                generation: record.generation,
                applied: account.applied,
                owed,
                writes: rollout::writes(self.seen.scope.policy, self.seen.scope.name, projection),
                policy: record.policy,
                plan: record.plan,
            },
            projection: projection.clone(),
            record: account.clone(),
            record_seen,
            key_accounts,
            moved: account.at.is_some_and(|at| at >= self.evidence.since),
        };
        for at in &by_key {
            if let Some(case) = self.seen.cases.get_mut(*at) {
                case.by_key.push(link(by_key.len()));
            }
        }
        if let Some(case) = by_id.and_then(|at| self.seen.cases.get_mut(at)) {
            case.by_id.push(link(by_key.len()));
        } else if record_seen {
            self.memberships(projection, account, link(by_key.len()));
        } else if by_key.is_empty()
            && is_wanted(projection)
            && !matches!(record.state, IdentityState::Ended | IdentityState::Archived)
        {
            self.seen.cases.push(Case {
                by_id: vec![link(0)],
                ..Case::default()
            });
        }
    }

    /// What was found.
    pub fn finish(mut self) -> Compared {
        let mut deviations = Vec::new();
        for case in std::mem::take(&mut self.seen.cases) {
            if case.by_id.iter().chain(&case.by_key).any(|link| link.moved) {
                self.moved += 1;
                continue;
            }
            let found = classify::case(&self.seen.scope, self.evidence, &case);
            let linked = case.present && !case.by_id.is_empty();
            self.clean += u64::from(linked && found.is_empty());
            deviations.extend(found);
        }
        Compared {
            deviations,
            matching: self.seen.same + self.clean,
            wanted: self.seen.wanted,
            managed: self.seen.managed,
            grants: self.seen.grants,
            moved: self.moved,
        }
    }

    /// An account that matched, if its memberships do not.
    fn memberships(&mut self, projection: &Projection, account: &AccountRecord, link: Link) {
        let Some(id) = &account.id else { return };
        let odd = self.seen.odd.get(&hash(id.as_str()));
        let lacking = if self.evidence.groups {
            lacking(&self.seen.memberships, projection, account)
        } else {
            BTreeSet::new()
        };
        if odd.is_none() && lacking.is_empty() {
            return;
        }
        let mut held = odd.cloned().unwrap_or_default();
        let steady = account
            .grants
            .iter()
            .filter(|e| memberships::wants(projection, e) && !lacking.contains(*e));
        held.extend(steady.cloned());
        self.seen.same = self.seen.same.saturating_sub(1);
        self.seen.cases.push(Case {
            present: true,
            held,
            lacking,
            by_id: vec![link],
            ..Case::default()
        });
    }

    fn names(
        &mut self,
        identity: &IdentityId,
        record: &IdentityRecord,
        released: &impl Fn(usize, &Comparison<'_>) -> bool,
    ) {
        if self.by_name.is_empty() {
            return;
        }
        for name in name::of_identity(record, self.seen.scope.name) {
            for at in self.by_name.get(&name).into_iter().flatten() {
                if released(*at, &self.seen) {
                    continue;
                }
                let Some(case) = self.seen.cases.get_mut(*at) else {
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

/// Whether policy wants an account.
fn is_wanted(projection: &Projection) -> bool {
    matches!(projection.desired, Desired::Active | Desired::Disabled)
}

/// Whether we made or adopted an account.
pub(super) fn is_owned(record: &AccountRecord) -> bool {
    matches!(
        record.ownership,
        Some(Ownership::Created | Ownership::Adopted)
    )
}

/// Wanted or recorded memberships that were not seen.
fn lacking(
    seen: &Memberships,
    projection: &Projection,
    record: &AccountRecord,
) -> BTreeSet<EntitlementId> {
    let Some(id) = &record.id else {
        return BTreeSet::new();
    };
    let account = hash(id.as_str());
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
