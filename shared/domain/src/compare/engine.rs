//! The comparison of one target, its first two stages: what is recorded, and what the target
//! shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::classify;
use super::fingerprint::Spec;
use super::index::{Index, IndexBuilder, Probe};
use super::kept::{Counts, Fresh, Kept, Part, Stretch};
use super::look::{Evidence, Gathered, Look};
use super::memberships::{Memberships, MembershipsBuilder};
use crate::certify::hash;
use crate::policy::{Policy, Target};
use crate::{
    Account, AccountRecord, Desired, EntitlementId, Group, IdentityId, IdentityRecord, Ownership,
    Projection, TargetId,
};

/// How long a connector may work on an account after the instant that its record bears: as long as
/// the place of one among those who work at once is kept.
const LONGEST_WORK: SignedDuration = SignedDuration::from_mins(3);

/// One target under one policy.
#[derive(Clone, Debug)]
pub(super) struct Scope<'p> {
    pub(super) policy: &'p Policy,
    pub(super) name: &'p TargetId,
    pub(super) target: &'p Target,
    pub(super) spec: Spec,
    groups: BTreeMap<&'p str, &'p EntitlementId>,
}

/// First stage: the recorded side while it is collected.
#[derive(Clone, Debug)]
pub struct Recorded<'p> {
    scope: Scope<'p>,
    index: IndexBuilder,
    memberships: MembershipsBuilder,
    counts: Counts,
    /// From when on writes are noted.
    notes_from: Timestamp,
    /// Who was written to since, and when that work began.
    lately: Vec<(IdentityId, Timestamp)>,
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
            counts: Counts::default(),
            notes_from: Timestamp::MAX,
            lately: Vec::new(),
        })
    }

    /// The same for an observation that begins then: of work that began just before, it is noted
    /// that it was over when it was collected here.
    #[must_use]
    pub fn before(mut self, since: Timestamp) -> Self {
        self.notes_from = not_before(since);
        self
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
        self.counts.wanted += u64::from(wanted);
        self.counts.unplaced += u64::from(wanted && account.id.is_none());
        if account.id.is_some() {
            self.counts.managed += u64::from(is_owned(account));
            self.counts.grants += account.grants.len() as u64;
        }
        self.index
            .add(&self.scope.spec, identity, projection, account);
        self.memberships.add(projection, account);
        let at = account.at.filter(|at| *at >= self.notes_from);
        self.lately.extend(at.map(|at| (identity.clone(), at)));
    }

    /// Takes out what was collected, to be written down.
    pub fn take_stretch(&mut self) -> Stretch {
        let (entries, masks) = std::mem::take(&mut self.index).into_parts();
        Stretch {
            entries,
            masks,
            memberships: std::mem::take(&mut self.memberships).into_keys(),
            counts: std::mem::take(&mut self.counts),
            lately: std::mem::take(&mut self.lately),
        }
    }

    /// Adds what was written down.
    pub fn add(&mut self, stretch: Stretch) {
        self.index.add_parts(stretch.entries, stretch.masks);
        self.memberships.add_keys(stretch.memberships);
        self.counts.add(stretch.counts);
        self.lately.extend(stretch.lately);
    }

    /// Sorts, and is ready for what the target shows.
    pub fn observe(self) -> Comparison<'p> {
        Comparison {
            scope: self.scope,
            index: self.index.build(),
            memberships: self.memberships.build(),
            counts: self.counts,
            settled: self.lately.into_iter().collect(),
            same: 0,
            known: BTreeSet::new(),
            fresh: Fresh::default(),
        }
    }
}

/// Second stage: what the target shows streams past.
#[derive(Clone, Debug)]
pub struct Comparison<'p> {
    pub(super) scope: Scope<'p>,
    pub(super) index: Index,
    pub(super) memberships: Memberships,
    pub(super) counts: Counts,
    /// Work that was over before the observation, though it began just before.
    pub(super) settled: BTreeSet<(IdentityId, Timestamp)>,
    pub(super) same: u64,
    /// Hashes of the accounts that need a look.
    pub(super) known: BTreeSet<u64>,
    fresh: Fresh,
}

impl<'p> Comparison<'p> {
    /// Accounts that are on record with an id: what a first run is measured against.
    pub fn recorded(&self) -> u64 {
        self.index.len() as u64
    }

    /// Takes an observed account, and copies it only where it needs a look. Returns whether its id
    /// came for the first time.
    pub fn account(&mut self, account: &Account, now: Timestamp) -> bool {
        let (probe, first) = self.index.probe(&self.scope.spec, account);
        let needs_look = probe != Probe::Same || classify::is_remarkable(&self.scope, account, now);
        if !needs_look {
            self.same += u64::from(first);
            return first;
        }
        if !self.known.insert(hash(account.id.as_str())) {
            return false;
        }
        self.fresh.accounts.push(account.clone());
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
        let mut odd = Vec::new();
        for member in members {
            let account = hash(member.as_str());
            let steady = self.memberships.probe(entitlement, account);
            if !steady || self.known.contains(&account) {
                odd.push(account);
            }
        }
        if !odd.is_empty() {
            self.fresh.members.push((entitlement.clone(), odd));
        }
        true
    }

    /// Takes out what needs a look and was not taken out before, to be written down beside
    /// [`keep`](Self::keep).
    pub fn take_fresh(&mut self) -> Fresh {
        std::mem::take(&mut self.fresh)
    }

    /// What was seen so far.
    pub fn keep(&self) -> Kept {
        Kept {
            same: self.same,
            accounts: self.index.seen().to_vec(),
            memberships: self.memberships.seen().to_vec(),
        }
    }

    /// Hashes of every account that needs a look.
    pub fn known(&self) -> impl Iterator<Item = u64> {
        self.known.iter().copied()
    }

    /// Goes on where a comparison of the same recorded side was written down; `known` are the
    /// hashes of every account that was taken out.
    pub fn take_up(&mut self, kept: Kept, known: impl IntoIterator<Item = u64>) {
        self.same = kept.same;
        self.index.take_up(kept.accounts);
        self.memberships.take_up(kept.memberships);
        self.known = known.into_iter().collect();
        self.fresh = Fresh::default();
    }

    /// Forgets every account that was observed: their listing begins anew. Those that were taken
    /// out do not count any more.
    pub fn forget_accounts(&mut self) {
        self.same = 0;
        self.index.take_up(Vec::new());
        self.known.clear();
        self.fresh.accounts.clear();
    }

    /// Forgets every membership that was observed: their listing begins anew. Those that were
    /// taken out do not count any more.
    pub fn forget_memberships(&mut self) {
        self.memberships.take_up(Vec::new());
        self.fresh.members.clear();
    }

    /// How many may need a look at most, with those that were not seen: what parts are cut by.
    pub fn to_look_at(&self, evidence: Evidence) -> u64 {
        let unseen = self.index.unseen() as u64;
        let grants = if evidence.groups {
            self.memberships.unseen() as u64
        } else {
            0
        };
        self.known.len() as u64 + self.counts.unplaced + unseen + grants
    }

    /// Everything that could be observed was, and nothing was taken out.
    pub fn look(mut self, evidence: Evidence) -> Look<'p> {
        let fresh = self.take_fresh();
        let mut gathered = self.gather(evidence, Part::WHOLE);
        gathered.add(fresh);
        gathered.look()
    }

    /// Everything that could be observed was: of what was taken out, one part is gathered.
    pub fn gather(self, evidence: Evidence, part: Part) -> Gathered<'p> {
        Gathered::new(self, evidence, part)
    }
}

/// When work that is over begins to say something about an observation that begins at `since`.
pub(super) fn not_before(since: Timestamp) -> Timestamp {
    since.checked_sub(LONGEST_WORK).unwrap_or(Timestamp::MIN)
}

/// Whether policy wants an account.
pub(super) fn is_wanted(projection: &Projection) -> bool {
    matches!(projection.desired, Desired::Active | Desired::Disabled)
}

/// Whether we made or adopted an account.
pub(super) fn is_owned(record: &AccountRecord) -> bool {
    matches!(
        record.ownership,
        Some(Ownership::Created | Ownership::Adopted)
    )
}
