//! The recorded side, page by page from the store: once in fingerprints, and once more, whole, for
//! what differs.

use std::collections::BTreeMap;

use domain::compare::{Look, Recorded};
use domain::policy::{Target, TargetKind};
use domain::{Finding, IdentityId, IdentityState, Policy, Problem, RecordKey, TargetId, TaskId};
use jiff::{SignedDuration, Timestamp};
use ports::store::Seat;
use ports::{Fault, Store, Walk};
use serde::{Deserialize, Serialize};

use crate::limits::Census;
use crate::managers::{self, Unresolved};

/// Identities of one stretch: some megabytes of fingerprints and ids.
const STRETCH: usize = 50_000;

/// The clock looks every minute; an identity that still waits after this long was forgotten.
const OVERDUE: SignedDuration = SignedDuration::from_mins(15);

/// A stretch of what is recorded, but for the targets' own sides.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Collected {
    /// Where the next stretch begins; `None` after the last.
    pub(crate) after: Option<String>,
    /// Identities by state name.
    pub(crate) identities: BTreeMap<Box<str>, u64>,
    /// Worker records that wait, with the identity that tells of them.
    pub(crate) parked: Vec<(IdentityId, RecordKey, Problem)>,
    /// Identities that the planner should have looked at.
    pub(crate) stale: Vec<IdentityId>,
    /// How many there are on each target, and what waits there.
    pub(crate) census: BTreeMap<TargetId, Census>,
    /// Accounts that lack the reference to their manager's.
    pub(crate) unresolved: Vec<Unresolved>,
    /// Tasks that accounts wait for.
    pub(crate) given: Vec<(IdentityId, TargetId, TaskId)>,
}

impl Collected {
    /// Counts one identity.
    fn seat(&mut self, policy: &Policy, identity: &IdentityId, seat: &Seat, now: Timestamp) {
        let record = &seat.record;
        for (target, account) in &seat.accounts {
            if policy.targets.get(target).is_some_and(|t| !is_by_hand(t)) {
                self.census
                    .entry(target.clone())
                    .or_default()
                    .count(account);
            }
        }
        let state = state_name(record.state);
        if let Some(count) = self.identities.get_mut(state) {
            *count += 1;
        } else {
            self.identities.insert(state.into(), 1);
        }
        for finding in &record.findings {
            if let Finding::Parked { record, problem } = finding {
                let row = (identity.clone(), record.clone(), problem.clone());
                self.parked.push(row);
            }
        }
        self.unresolved
            .extend(managers::unresolved(policy, identity, seat));
        for (target, account) in &seat.accounts {
            if let Some(task) = &account.task {
                let given = (identity.clone(), target.clone(), task.clone());
                self.given.push(given);
            }
        }
        if is_stale(policy, seat, now) {
            self.stale.push(identity.clone());
        }
    }
}

/// Whether the planner should have looked at an identity: it was forgotten, or decided about under
/// another policy.
pub(crate) fn is_stale(policy: &Policy, seat: &Seat, now: Timestamp) -> bool {
    let forgotten = seat
        .wake_at
        .is_some_and(|wake_at| now.duration_since(wake_at) > OVERDUE);
    forgotten || seat.record.policy != policy.version
}

/// First pass: one stretch from a place on, as long as there is time. The sides are those of the
/// targets that can be looked at.
pub(crate) async fn stretch<'p, S: Store>(
    store: &S,
    policy: &'p Policy,
    after: Option<String>,
    now: Timestamp,
    goes_on: impl Fn() -> bool,
) -> Result<(Collected, Vec<Recorded<'p>>), Fault> {
    let mut collected = Collected::default();
    let mut sides = sides(policy, now);
    let mut count = 0;
    // What is found is looked at again, and then as it is.
    let mut walk = Walk::recent(store, after);
    while let Some(rows) = walk.page().await? {
        count += rows.len();
        for (identity, seat) in &rows {
            for side in &mut sides {
                let account = seat.accounts.get(side.name());
                side.seat(identity, &seat.record, account);
            }
            collected.seat(policy, identity, seat, now);
        }
        if count >= STRETCH || !goes_on() {
            break;
        }
    }
    collected.after = walk.place().map(str::to_owned);
    Ok((collected, sides))
}

fn sides(policy: &Policy, since: Timestamp) -> Vec<Recorded<'_>> {
    let targets = policy.targets.iter();
    targets
        .filter(|(_, target)| !is_by_hand(target))
        .filter_map(|(name, _)| Some(Recorded::new(policy, name)?.before(since)))
        .collect()
}

/// Second pass, where it is needed.
pub(crate) async fn look<S: Store>(
    store: &S,
    target: &TargetId,
    look: &mut Look<'_>,
) -> Result<(), Fault> {
    if !look.is_needed() {
        return Ok(());
    }
    let mut walk = Walk::over(store);
    while let Some(rows) = walk.page().await? {
        for (identity, seat) in &rows {
            let account = seat.accounts.get(target);
            let owed = seat.owed.contains_key(target);
            look.seat(identity, &seat.record, account, owed);
        }
    }
    Ok(())
}

/// Whether nothing can be looked at there.
pub(crate) const fn is_by_hand(target: &Target) -> bool {
    matches!(target.kind, TargetKind::Manual(_))
}

/// The name of a state in reports.
pub(crate) const fn state_name(state: IdentityState) -> &'static str {
    match state {
        IdentityState::Prehire => "prehire",
        IdentityState::Active => "active",
        IdentityState::Suspended => "suspended",
        IdentityState::Ended => "ended",
        IdentityState::Archived => "archived",
    }
}
