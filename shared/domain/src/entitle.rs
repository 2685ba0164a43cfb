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
use crate::policy::{Entitlement, Policy, Rule, RuleState};
use crate::project::{Cause, Reason};
use crate::rollout::takes_in;
use crate::{Attr, EntitlementId, Finding, IdentityId, IdentityView, RoleId, TargetId};
use past::Past;

/// Entitlements that a person has.
pub(crate) type Grants<'p> = BTreeMap<&'p EntitlementId, Granted<'p>>;

/// Where somebody has an entitlement, and for which reasons.
pub(crate) struct Granted<'p> {
    pub(crate) target: Option<&'p TargetId>,
    pub(crate) reasons: BTreeSet<Reason>,
    /// Whether something else may keep it from being given, or it something else.
    entangled: bool,
}

/// Names of entitlements.
type Held<'p> = BTreeSet<&'p EntitlementId>;

/// What one rule gives through one role, whoever it is for: looked up once per policy version.
#[derive(Clone, Debug)]
pub(crate) struct Offered {
    entitlement: EntitlementId,
    /// Where it is; `None` where policy does not know the entitlement.
    target: Option<TargetId>,
    /// The role that lists the entitlement.
    role: RoleId,
    /// Days that it stays after a move.
    overlap: u16,
    /// See [`settle::entangled`].
    entangled: bool,
}

/// What one rule offers to a person through one role.
struct Offer<'p> {
    rule: &'p Rule,
    offered: &'p Offered,
    /// When the offer lapses by itself.
    until: Option<Timestamp>,
    /// Whether it is given, or only reported.
    acts: bool,
}

/// Entitlements with their reasons, separated where duties are.
pub(crate) fn entitlements<'p>(
    compiled: &'p Compiled,
    input: &Input<'_>,
    view: &IdentityView,
    clock: &mut Boundaries,
    findings: &mut Vec<Finding>,
) -> Grants<'p> {
    let policy = &*compiled.policy;
    let offers = offers(compiled, input.identity, view);
    let mut given = Vec::with_capacity(offers.len());
    for offer in &offers {
        if offer.until.is_some_and(|until| clock.reached(until)) {
            continue;
        }
        if !offer.acts {
            findings.push(Finding::WouldGrant {
                rule: offer.rule.id.clone(),
                entitlement: offer.offered.entitlement.clone(),
            });
            continue;
        }
        let cause = Cause::Rule {
            rule: offer.rule.id.clone(),
            role: offer.offered.role.clone(),
        };
        let until = offer.until;
        given.push((offer.offered, Reason { cause, until }));
    }
    let mut wanted = granted(given);
    let mut old = Grants::new();
    if compiled.lookback.is_some() {
        let acting = offers.iter().filter(|offer| offer.acts);
        let offered = acting.map(|offer| &offer.offered.entitlement).collect();
        let past = Past::of(compiled, input, view);
        lapse(policy, &past, &mut wanted, clock, findings);
        old = overlap(&past, &offered, clock);
    }
    settle::settle(policy, input, wanted, old, clock, findings)
}

/// Puts the reasons for each entitlement together.
fn granted(mut given: Vec<(&Offered, Reason)>) -> Grants<'_> {
    given.sort_by(|(one, _), (other, _)| one.entitlement.cmp(&other.entitlement));
    let mut grants: Vec<(&EntitlementId, Granted<'_>)> = Vec::with_capacity(given.len());
    for (offered, reason) in given {
        match grants.last_mut() {
            Some((last, granted)) if **last == offered.entitlement => {
                granted.reasons.insert(reason);
            }
            _ => {
                let granted = Granted {
                    target: offered.target.as_ref(),
                    reasons: BTreeSet::from([reason]),
                    entangled: offered.entangled,
                };
                grants.push((&offered.entitlement, granted));
            }
        }
    }
    grants.into_iter().collect()
}

/// What each rule gives, in the order of the rules.
pub(crate) fn offered(policy: &Policy) -> Vec<Vec<Offered>> {
    let entangled = settle::entangled(policy);
    let by = |role: &RoleId| -> Vec<Offered> {
        let Some(given) = policy.roles.get(role) else {
            return Vec::new();
        };
        let listed = given.entitlements.iter().map(|(entitlement, lister)| {
            let by_role = [Some(given), policy.roles.get(lister)]
                .into_iter()
                .flatten()
                .filter_map(|role| role.overlap_days)
                .max();
            let known = policy.entitlements.get(entitlement);
            Offered {
                entitlement: entitlement.clone(),
                target: known.map(|known| known.target.clone()),
                role: lister.clone(),
                overlap: known.map_or(0, |known| overlap_days(known, by_role)),
                entangled: entangled.contains(entitlement),
            }
        });
        listed.collect()
    };
    let rules = policy.rules.iter();
    rules
        .map(|rule| rule.roles.iter().flat_map(by).collect())
        .collect()
}

/// What the rules offer to a person who is as `view` says.
fn offers<'p>(
    compiled: &'p Compiled,
    identity: &IdentityId,
    view: &IdentityView,
) -> Vec<Offer<'p>> {
    let Some(speaker) = view.speaker() else {
        return Vec::new();
    };
    // What a contractor has ends with the contract, whatever else goes on.
    let contract = speaker
        .ends_at
        .filter(|_| speaker.attrs.text(Attr::EmploymentType) == Some("contractor"));
    let matching = compiled.matching(&speaker.attrs);
    // Most rules give one role, and most roles a few entitlements.
    let mut out = Vec::with_capacity(4 * matching.len());
    for index in matching {
        let (Some(rule), Some(offered)) = (
            compiled.policy.rules.get(index),
            compiled.offered.get(index),
        ) else {
            continue;
        };
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
        out.extend(offered.iter().map(|offered| Offer {
            rule,
            offered,
            until,
            acts,
        }));
    }
    out
}

/// Days that an entitlement stays after a move: as it says itself, else as the role does. What is
/// privileged or time-bound stays only if it says so itself.
fn overlap_days(known: &Entitlement, by_role: Option<u16>) -> u16 {
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
    wanted: &mut Grants<'_>,
    clock: &mut Boundaries,
    findings: &mut Vec<Finding>,
) {
    wanted.retain(|entitlement, granted| {
        let Some(most) = policy.holding(entitlement).and_then(|h| h.max_days) else {
            return true;
        };
        let Some(since) = past.since(entitlement) else {
            return true;
        };
        let end = shifted(since, days(most));
        if clock.reached(end) {
            findings.push(Finding::Lapsed {
                entitlement: (*entitlement).clone(),
            });
            return false;
        }
        let reasons = std::mem::take(&mut granted.reasons);
        granted.reasons = reasons
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
fn overlap<'p>(past: &Past<'p>, offered: &Held<'_>, clock: &mut Boundaries) -> Grants<'p> {
    let mut stays = Vec::new();
    for (offer, ended) in past.lost(offered) {
        let end = shifted(ended, days(offer.offered.overlap));
        let end = offer.until.map_or(end, |until| until.min(end));
        if offer.offered.overlap == 0 || clock.reached(end) {
            continue;
        }
        let cause = Cause::Overlap {
            rule: offer.rule.id.clone(),
            role: offer.offered.role.clone(),
        };
        let until = Some(end);
        stays.push((offer.offered, Reason { cause, until }));
    }
    granted(stays)
}
