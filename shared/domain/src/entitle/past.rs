//! The same rules over what the facts say of the days before: since when a person is entitled to
//! something, and until when they were.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Offer, offers};
use crate::plan::{Compiled, Input, days, identity_at, shifted};
use crate::{EntitlementId, IdentityState, IdentityView};

/// A stretch of time in which nothing about the person changed.
struct Stretch<'p> {
    /// When it began.
    from: Timestamp,
    /// When the next one began whose data is good: what a person had, they kept until then.
    to: Timestamp,
    offers: Vec<Offer<'p>>,
}

/// The stretches before the planned instant, the latest first, as far back as policy looks and the
/// person worked here without a break.
pub(super) struct Past<'p> {
    /// When the present one began.
    began: Option<Timestamp>,
    stretches: Vec<Stretch<'p>>,
}

impl<'p> Past<'p> {
    pub(super) fn of(compiled: &'p Compiled, input: &Input<'_>, view: &IdentityView) -> Self {
        let floor = compiled
            .lookback
            .map_or(input.at, |most| shifted(input.at, -days(most)));
        let facts: BTreeSet<Timestamp> = input
            .records
            .iter()
            .flat_map(|(_, facts)| facts.iter().map(crate::Fact::effective_at))
            .filter(|effective| *effective <= input.at)
            .collect();
        let began = match view.state {
            // The days of somebody who is expected begin on the first day.
            IdentityState::Prehire => view.speaker().and_then(|speaker| speaker.starts_at),
            IdentityState::Active
            | IdentityState::Suspended
            | IdentityState::Ended
            | IdentityState::Archived => boundary(&facts, view, input.at),
        };
        let mut past = Self {
            began,
            stretches: Vec::new(),
        };
        let (mut next, mut to) = (began, began);
        while let (Some(begins), Some(good)) = (next.filter(|begins| *begins > floor), to) {
            let Ok(before) = begins.checked_sub(SignedDuration::from_nanos(1)) else {
                break;
            };
            let folding = identity_at(&compiled.policy, input.records, before);
            if !matches!(
                folding.view.state,
                IdentityState::Active | IdentityState::Suspended
            ) {
                break;
            }
            next = boundary(&facts, &folding.view, before);
            let Some(from) = next else { break };
            if folding.blocked {
                continue;
            }
            past.stretches.push(Stretch {
                from,
                to: good,
                offers: offers(compiled, input.identity, &folding.view),
            });
            to = next;
        }
        past
    }

    /// Since when a person is entitled to what they are entitled to now.
    pub(super) fn since(&self, entitlement: &EntitlementId) -> Option<Timestamp> {
        let mut since = self.began?;
        for stretch in &self.stretches {
            let lasted = stretch.offers.iter().any(|offer| {
                offer.acts
                    && offer.offered.entitlement == *entitlement
                    && offer.until.is_none_or(|until| until >= stretch.to)
            });
            if !lasted {
                break;
            }
            since = stretch.from;
        }
        Some(since)
    }

    /// What was offered last before now, and is not any more, with when that ended.
    pub(super) fn lost(&self, offered: &BTreeSet<&EntitlementId>) -> Vec<(&Offer<'p>, Timestamp)> {
        let mut ended: BTreeMap<&EntitlementId, Timestamp> = BTreeMap::new();
        let mut lost = Vec::new();
        for stretch in &self.stretches {
            for offer in &stretch.offers {
                let entitlement = &offer.offered.entitlement;
                if !offer.acts || offered.contains(entitlement) {
                    continue;
                }
                let end = *ended.entry(entitlement).or_insert(stretch.to);
                if end == stretch.to {
                    lost.push((offer, end));
                }
            }
        }
        lost
    }
}

/// The last instant up to `at` at which a fact began to hold, or an engagement began or ended.
fn boundary(facts: &BTreeSet<Timestamp>, view: &IdentityView, at: Timestamp) -> Option<Timestamp> {
    let stated = facts.range(..=at).next_back().copied();
    let ends = view
        .engagements
        .iter()
        .flat_map(|engagement| [engagement.starts_at, engagement.ends_at]);
    ends.chain([stated])
        .flatten()
        .filter(|one| *one <= at)
        .max()
}
