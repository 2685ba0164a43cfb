//! Separation of duties: what may not be held together, through nested groups too.

use std::collections::{BTreeMap, BTreeSet};

use crate::EntitlementId;
use crate::policy::{Apart, Entitlement, Policy, Sod, SodMode};

/// The entitlements of a policy by name.
pub type Entitlements = BTreeMap<EntitlementId, Entitlement>;

/// An entitlement and everything that it brings along.
pub fn brings<'p>(
    known: &'p Entitlements,
    entitlement: &'p EntitlementId,
) -> impl Iterator<Item = &'p EntitlementId> {
    let within = known
        .get(entitlement)
        .into_iter()
        .flat_map(|known| &known.holding.within);
    std::iter::once(entitlement).chain(within)
}

impl Sod {
    /// Whether it keeps something from being given.
    pub fn prevents(&self) -> bool {
        self.mode == SodMode::Preventive
    }

    /// What it keeps apart.
    pub(crate) fn entitlements(&self) -> impl Iterator<Item = &EntitlementId> {
        let (sides, set) = match &self.apart {
            Apart::Pair { left, right } => (Some([left, right]), None),
            Apart::Set { of, .. } => (None, Some(of)),
        };
        let sides = sides.into_iter().flatten().flatten();
        sides.chain(set.into_iter().flatten())
    }

    /// What of it is held, if that is more than it allows.
    pub fn broken_by(
        &self,
        known: &Entitlements,
        held: &BTreeSet<EntitlementId>,
    ) -> Vec<EntitlementId> {
        self.broken_among(&held.iter().flat_map(|one| brings(known, one)).collect())
    }

    /// The same, where what is brought along is among what is held.
    pub(crate) fn broken_among(&self, all: &BTreeSet<&EntitlementId>) -> Vec<EntitlementId> {
        let of = |side: &BTreeSet<EntitlementId>| -> Vec<EntitlementId> {
            let found = side.iter().filter(|one| all.contains(one));
            found.cloned().collect()
        };
        match &self.apart {
            Apart::Pair { left, right } => match (of(left), of(right)) {
                (left, right) if left.is_empty() || right.is_empty() => Vec::new(),
                (mut left, right) => {
                    left.extend(right);
                    left
                }
            },
            Apart::Set { of, at_most } => {
                let found: Vec<_> = of.iter().filter(|one| all.contains(one)).cloned().collect();
                if found.len() > *at_most as usize {
                    found
                } else {
                    Vec::new()
                }
            }
        }
    }
}

/// The name of the preventive pair or set that a grant would break beside `extra`, which is held
/// without being wanted. What is `wanted` together was judged when it was planned.
pub fn completes<'p>(
    policy: &'p Policy,
    grant: &EntitlementId,
    extra: &BTreeSet<EntitlementId>,
    wanted: &BTreeSet<&EntitlementId>,
) -> Option<&'p str> {
    if extra.is_empty() {
        return None;
    }
    let granted: BTreeSet<&EntitlementId> = brings_of(policy, [grant]);
    let beside: BTreeSet<&EntitlementId> = brings_of(policy, extra);
    let breaks = |sod: &&Sod| match &sod.apart {
        Apart::Pair { left, right } => {
            let meets = |one: &BTreeSet<EntitlementId>, other: &BTreeSet<EntitlementId>| {
                one.iter().any(|e| granted.contains(e)) && other.iter().any(|e| beside.contains(e))
            };
            meets(left, right) || meets(right, left)
        }
        Apart::Set { of, at_most } => {
            let touches =
                of.iter().any(|e| granted.contains(e)) && of.iter().any(|e| beside.contains(e));
            touches && {
                let all = brings_of(policy, wanted.iter().copied().chain(extra).chain([grant]));
                of.iter().filter(|e| all.contains(e)).count() > *at_most as usize
            }
        }
    };
    let found = policy
        .sod
        .iter()
        .filter(|sod| sod.prevents())
        .find(breaks)?;
    Some(&found.name)
}

/// Whether two entitlements stand in one preventive pair or set, so that the one must be gone
/// before the other comes.
pub fn apart(policy: &Policy, one: &EntitlementId, other: &EntitlementId) -> bool {
    let (one, other) = (brings_of(policy, [one]), brings_of(policy, [other]));
    policy.sod.iter().filter(|sod| sod.prevents()).any(|sod| {
        let meets = |a: &BTreeSet<EntitlementId>, b: &BTreeSet<EntitlementId>| {
            a.iter().any(|e| one.contains(e)) && b.iter().any(|e| other.contains(e))
        };
        match &sod.apart {
            Apart::Pair { left, right } => meets(left, right) || meets(right, left),
            Apart::Set { of, .. } => {
                of.iter().any(|e| one.contains(e)) && of.iter().any(|e| other.contains(e))
            }
        }
    })
}

/// Whether giving the one keeps up what taking the other would interrupt: they are tiers of one
/// thing, or bring the same access along.
pub fn continues(policy: &Policy, given: &EntitlementId, taken: &EntitlementId) -> bool {
    let same_tier = policy
        .tiers
        .iter()
        .any(|tier| tier.entitlements.contains(given) && tier.entitlements.contains(taken));
    same_tier || !brings_of(policy, [given]).is_disjoint(&brings_of(policy, [taken]))
}

fn brings_of<'e>(
    policy: &'e Policy,
    entitlements: impl IntoIterator<Item = &'e EntitlementId>,
) -> BTreeSet<&'e EntitlementId> {
    entitlements
        .into_iter()
        .flat_map(|one| brings(&policy.entitlements, one))
        .collect()
}
