//! Who takes part: pilots of targets, and rules that act for a percentage of people.

use crate::evaluate::all_hold;
use crate::policy::{Mode, Policy, Target};
use crate::record::Ownership;
use crate::{AccountRecord, Attrs, Desired, Hash, IdentityId, Projection, TargetId};

/// Whether the first so many percent of people include this one. Each name (of a target, of a
/// rule) orders people differently and always alike, so that a growing percentage only adds people
/// and it is not the same people who try everything first.
pub fn takes_in(percent: u8, name: &str, identity: &IdentityId) -> bool {
    let hash = Hash::of_parts([name.as_bytes(), identity.as_str().as_bytes()]);
    let [a, b, c, d, ..] = hash.0;
    u32::from_be_bytes([a, b, c, d]) % 100 < u32::from(percent)
}

/// Whether what is planned for a person on a target is only simulated. Decided when the projection
/// is made, and kept in it, so that whoever carries it out need not know the person.
///
/// Whoever takes part in a pilot does so for good: their account is ours, and nobody else would
/// block it once they have left the cohort and then the company.
pub(crate) fn simulates(
    name: &TargetId,
    target: &Target,
    identity: &IdentityId,
    attrs: &Attrs,
    before: Option<&Projection>,
    account: &AccountRecord,
) -> bool {
    match target.mode {
        Mode::Enforce => false,
        Mode::Observe | Mode::Simulate => true,
        Mode::Pilot => {
            let owned = account.id.is_some()
                && matches!(
                    account.ownership,
                    Some(Ownership::Created | Ownership::Adopted)
                );
            let begun =
                before.is_some_and(|before| !before.simulated && before.desired != Desired::None);
            let taken = target
                .pilot
                .percent
                .is_none_or(|percent| takes_in(percent, name.as_str(), identity));
            !(owned || begun || (taken && all_hold(&target.pilot.when, attrs)))
        }
    }
}

/// Whether a projection is carried out under this policy: the one question that planner,
/// connectors and nightly run ask before anything is sent or written.
pub fn writes(policy: &Policy, target: &TargetId, projection: &Projection) -> bool {
    let Some(target) = policy.targets.get(target) else {
        return false;
    };
    match target.mode {
        Mode::Observe | Mode::Simulate => false,
        Mode::Enforce | Mode::Pilot => !projection.simulated,
    }
}
