//! What a person is entitled to: what rules give now, what a move lets stay for a while, without
//! what lapsed, what lower tiers and nested groups make needless, and what duties keep apart.
//!
//! Everything is reckoned from the facts, never from when somebody noticed: the days of an overlap
//! begin when the facts say that the person stopped to qualify, and the days of a time-bound
//! entitlement when they began to. So it is the same in whatever order, however often and however
//! late facts come, and planning again resets no clock.

mod past;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::plan::{Boundaries, Compiled, Input, days, shifted};
use crate::policy::{Policy, Rule, RuleState};
use crate::project::{Cause, Reason};
use crate::rollout::takes_in;
use crate::{Attr, EntitlementId, Finding, IdentityId, IdentityView, RoleId};
use past::Past;

/// Entitlements with the reasons for which a person has them.
pub(crate) type Grants = BTreeMap<EntitlementId, BTreeSet<Reason>>;

/// What one rule offers through one role.
struct Offer<'p> {
    rule: &'p Rule,
    /// The role that lists the entitlement.
    role: &'p RoleId,
    entitlement: &'p EntitlementId,
    /// When the offer lapses by itself.
    until: Option<Timestamp>,
    /// Whether it is given, or only reported.
    acts: bool,
    /// Days that it stays after a move.
    overlap: u16,
}

/// Entitlements with their reasons, separated where duties are.
pub(crate) fn entitlements(
    compiled: &Compiled,
    input: &Input<'_>,
    view: &IdentityView,
    clock: &mut Boundaries,
    findings: &mut Vec<Finding>,
) -> Grants {
    let policy = &*compiled.policy;
    let mut wanted = Grants::new();
    let mut offered: BTreeSet<&EntitlementId> = BTreeSet::new();
    for offer in offers(compiled, input.identity, view) {
        if offer.until.is_some_and(|until| clock.reached(until)) {
            if offer.acts {
                offered.insert(offer.entitlement);
            }
            continue;
        }
        if !offer.acts {
            findings.push(Finding::WouldGrant {
                rule: offer.rule.id.clone(),
                entitlement: offer.entitlement.clone(),
            });
            continue;
        }
        offered.insert(offer.entitlement);
        wanted
            .entry(offer.entitlement.clone())
            .or_default()
            .insert(Reason {
                cause: Cause::Rule {
                    rule: offer.rule.id.clone(),
                    role: offer.role.clone(),
                },
                until: offer.until,
            });
    }
    let mut old = Grants::new();
    if compiled.lookback.is_some() {
        let past = Past::of(compiled, input, view);
        lapse(policy, &past, &mut wanted, clock, findings);
        old = overlap(&past, &offered, clock);
    }
    settle::settle(policy, input, wanted, old, clock, findings)
}

/// What the rules offer to a person who is as `view` says.
fn offers<'p>(
    compiled: &'p Compiled,
    identity: &IdentityId,
    view: &IdentityView,
) -> Vec<Offer<'p>> {
    let policy = &*compiled.policy;
    let Some(speaker) = view.speaker() else {
        return Vec::new();
    };
    // What a contractor has ends with the contract, whatever else goes on.
    let contract = speaker
        .ends_at
        .filter(|_| speaker.attrs.text(Attr::EmploymentType) == Some("contractor"));
    let mut out = Vec::new();
    for rule in compiled
        .matching(&speaker.attrs)
        .into_iter()
        .filter_map(|index| policy.rules.get(index))
    {
        if rule.state == RuleState::Draft {
            continue;
        }
        let acts = rule.state == RuleState::Enforce
            && rule
                .percent
                .is_none_or(|percent| takes_in(percent, rule.id.as_str(), identity));
        let lapses = rule
            .for_days
            .and_then(|n| speaker.starts_at.map(|start| shifted(start, days(n))));
        let until = [rule.until, lapses, contract].into_iter().flatten().min();
        for given in rule.roles.iter().filter_map(|role| policy.roles.get(role)) {
            for (entitlement, lister) in &given.entitlements {
                let by_role = [Some(given), policy.roles.get(lister)]
                    .into_iter()
                    .flatten()
                    .filter_map(|role| role.overlap_days)
                    .max();
                out.push(Offer {
                    rule,
                    role: lister,
                    entitlement,
                    until,
                    acts,
                    overlap: overlap_days(policy, entitlement, by_role),
                });
            }
        }
    }
    out
}

/// Days that an entitlement stays after a move: as it says itself, else as the role does. What is
/// privileged or time-bound stays only if it says so itself.
fn overlap_days(policy: &Policy, entitlement: &EntitlementId, by_role: Option<u16>) -> u16 {
    let Some(known) = policy.entitlements.get(entitlement) else {
        return 0;
    };
    let holding = &known.holding;
    holding
        .overlap_days
        .or(by_role.filter(|_| !known.privileged && holding.max_days.is_none()))
        .unwrap_or(0)
}

/// The longest that a plan has to look back, for policies that ask for it.
pub(crate) fn lookback(policy: &Policy) -> Option<u16> {
    let holdings = policy.entitlements.values().map(|known| &known.holding);
    let of = holdings.flat_map(|holding| [holding.overlap_days, holding.max_days]);
    let roles = policy.roles.values().map(|role| role.overlap_days);
    of.chain(roles).flatten().max().filter(|days| *days > 0)
}

/// Takes out what was held as long as policy lets anybody hold it.
fn lapse(
    policy: &Policy,
    past: &Past<'_>,
    wanted: &mut Grants,
    clock: &mut Boundaries,
    findings: &mut Vec<Finding>,
) {
    wanted.retain(|entitlement, reasons| {
        let Some(most) = policy.holding(entitlement).and_then(|h| h.max_days) else {
            return true;
        };
        let Some(since) = past.since(entitlement) else {
            return true;
        };
        let end = shifted(since, days(most));
        if clock.reached(end) {
            findings.push(Finding::Lapsed {
                entitlement: entitlement.clone(),
            });
            return false;
        }
        *reasons = std::mem::take(reasons)
            .into_iter()
            .map(|reason| Reason {
                until: Some(reason.until.map_or(end, |until| until.min(end))),
                ..reason
            })
            .collect();
        true
    });
}

/// What moves took away and policy lets stay.
fn overlap(past: &Past<'_>, offered: &BTreeSet<&EntitlementId>, clock: &mut Boundaries) -> Grants {
    let mut old = Grants::new();
    for (offer, ended) in past.lost(offered) {
        let end = shifted(ended, days(offer.overlap));
        let end = offer.until.map_or(end, |until| until.min(end));
        if offer.overlap == 0 || clock.reached(end) {
            continue;
        }
        old.entry(offer.entitlement.clone())
            .or_default()
            .insert(Reason {
                cause: Cause::Overlap {
                    rule: offer.rule.id.clone(),
                    role: offer.role.clone(),
                },
                until: Some(end),
            });
    }
    old
}
