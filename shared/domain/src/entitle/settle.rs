//! From what a person is entitled to, to what is given: the highest of each tier, nothing that a
//! nested group brings along already, and nothing that separation of duties keeps apart.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Grants, Held};
use crate::plan::{Boundaries, Input};
use crate::policy::{Apart, Policy, Sod};
use crate::sod::brings;
use crate::{EntitlementId, Finding};

/// `wanted` is what rules give now, `old` what a move took away and policy lets stay; where the two
/// cannot be held together, the old ends.
pub(super) fn settle<'p>(
    policy: &'p Policy,
    input: &Input<'_>,
    mut wanted: Grants<'p>,
    old: Grants<'p>,
    clock: &mut Boundaries,
    findings: &mut Vec<Finding>,
) -> Grants<'p> {
    let excepted: Vec<(&Sod, Option<Timestamp>)> = policy
        .sod
        .iter()
        .map(|sod| (sod, exception(sod, input, clock)))
        .collect();
    let is_old: Held<'_> = old.keys().copied().collect();
    let mut all = old;
    all.append(&mut wanted);
    if all.values().all(|granted| !granted.entangled) {
        return all;
    }
    // What is withheld frees what it displaced: each turn takes one out and looks again.
    let (kept, held) = loop {
        let kept = highest(policy, &all);
        let held = with_nested(policy, &kept);
        let conflict = excepted
            .iter()
            .filter(|(sod, until)| sod.prevents() && until.is_none())
            .filter(|(sod, _)| !sod.broken_among(&held).is_empty())
            .find_map(|(sod, _)| Some((sod, victim(policy, sod, &kept, &is_old)?)));
        let Some((sod, victim)) = conflict else {
            break (kept, held);
        };
        if !is_old.contains(victim) {
            findings.push(Finding::SodConflict {
                pair: sod.name.clone(),
                withheld: victim.clone(),
            });
        }
        all.remove(victim);
    };
    for (sod, until) in excepted {
        let held = sod.broken_among(&held);
        if held.is_empty() {
            continue;
        }
        let pair = sod.name.clone();
        findings.push(match until {
            Some(until) => Finding::SodExcepted { pair, until },
            None => Finding::SodHeld { pair, held },
        });
    }
    let brought: Held<'_> = kept
        .iter()
        .flat_map(|one| brings(&policy.entitlements, one).skip(1))
        .collect();
    all.retain(|one, _| kept.contains(one) && !brought.contains(one));
    all
}

/// Entitlements that choosing between concerns: those in a tier, kept apart from others, or with
/// others within them. Whoever holds none of them holds all they are given.
pub(super) fn entangled(policy: &Policy) -> BTreeSet<&EntitlementId> {
    let tiers = policy.tiers.iter().flat_map(|tier| &tier.entitlements);
    let apart = policy.sod.iter().flat_map(Sod::entitlements);
    let nested = policy
        .entitlements
        .iter()
        .filter(|(_, known)| !known.holding.within.is_empty());
    // Of what is kept apart, what brings it along is among the nested.
    tiers.chain(apart).chain(nested.map(|(id, _)| id)).collect()
}

/// When the exception of this person from a pair or set lapses, if there is one now.
fn exception(sod: &Sod, input: &Input<'_>, clock: &mut Boundaries) -> Option<Timestamp> {
    let mut last = None;
    for exception in &sod.exceptions {
        let is_meant = input.records.iter().any(|(_, facts)| {
            facts
                .iter()
                .any(|fact| fact.source == exception.source && fact.worker == exception.worker)
        });
        if is_meant && !clock.reached(exception.until) {
            last = last.max(Some(exception.until));
        }
    }
    last
}

/// Everything but the lower of each tier.
fn highest<'p>(policy: &'p Policy, all: &Grants<'p>) -> Held<'p> {
    let mut kept: Held<'p> = all.keys().copied().collect();
    for tier in &policy.tiers {
        let mut held = tier.entitlements.iter().rev();
        if held.find(|one| kept.contains(one)).is_some() {
            for lower in held {
                kept.remove(lower);
            }
        }
    }
    kept
}

fn with_nested<'p>(policy: &'p Policy, kept: &Held<'p>) -> Held<'p> {
    let all = kept.iter();
    all.flat_map(|one| brings(&policy.entitlements, one))
        .collect()
}

/// What has to go next for a pair or set to be kept that is broken.
fn victim<'p>(
    policy: &Policy,
    sod: &Sod,
    kept: &Held<'p>,
    is_old: &Held<'_>,
) -> Option<&'p EntitlementId> {
    // The old goes before the new, and among each what stands last.
    let rank = |one: &EntitlementId| -> Option<(bool, usize)> {
        let place = match &sod.apart {
            Apart::Pair { left, right } => {
                let on = |side: &BTreeSet<EntitlementId>| {
                    brings(&policy.entitlements, one).any(|brought| side.contains(brought))
                };
                match (on(left), on(right)) {
                    (_, true) => 1,
                    (true, false) => 0,
                    (false, false) => return None,
                }
            }
            Apart::Set { of, .. } => brings(&policy.entitlements, one)
                .filter_map(|brought| of.iter().position(|member| member == brought))
                .max()?,
        };
        Some((is_old.contains(one), place))
    };
    let ranked = kept.iter().filter_map(|one| Some((rank(one)?, *one)));
    ranked.max().map(|(_, one)| one)
}
