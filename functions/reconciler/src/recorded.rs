//! The recorded side, page by page from the store: once in fingerprints, and once more, whole, for
//! what differs.

use std::collections::BTreeMap;

use domain::compare::Recorded;
use domain::policy::{Target, TargetKind};
use domain::{Finding, IdentityId, IdentityState, Policy, Problem, RecordKey, TargetId, TaskId};
use jiff::{SignedDuration, Timestamp};
use ports::store::Seat;
use ports::{Fault, Store, Walk};

use crate::limits::Census;
use crate::managers::{self, Unresolved};
use crate::observe::Observed;

/// The clock looks every minute; an identity that still waits after this long was forgotten.
const OVERDUE: SignedDuration = SignedDuration::from_mins(15);

/// What is recorded.
pub(crate) struct Collected<'p> {
    /// One per target of the policy.
    pub(crate) sides: Vec<Recorded<'p>>,
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

/// First pass.
pub(crate) async fn collect<'p, S: Store>(
    store: &S,
    policy: &'p Policy,
    now: Timestamp,
) -> Result<Collected<'p>, Fault> {
    let mut collected = Collected {
        sides: policy
            .targets
            .iter()
            .filter(|(_, target)| !is_by_hand(target))
            .filter_map(|(name, _)| Recorded::new(policy, name))
            .collect(),
        identities: BTreeMap::new(),
        parked: Vec::new(),
        stale: Vec::new(),
        census: BTreeMap::new(),
        unresolved: Vec::new(),
        given: Vec::new(),
    };
    each(store, |identity, seat| {
        let record = &seat.record;
        for side in &mut collected.sides {
            let account = seat.accounts.get(side.name());
            side.seat(identity, record, account);
            if let Some(account) = account {
                let name = side.name().clone();
                collected.census.entry(name).or_default().count(account);
            }
        }
        let state = state_name(record.state);
        if let Some(count) = collected.identities.get_mut(state) {
            *count += 1;
        } else {
            collected.identities.insert(state.into(), 1);
        }
        for finding in &record.findings {
            if let Finding::Parked { record, problem } = finding {
                let row = (identity.clone(), record.clone(), problem.clone());
                collected.parked.push(row);
            }
        }
        collected
            .unresolved
            .extend(managers::unresolved(policy, identity, seat));
        for (target, account) in &seat.accounts {
            if let Some(task) = &account.task {
                let given = (identity.clone(), target.clone(), task.clone());
                collected.given.push(given);
            }
        }
        let forgotten = seat
            .wake_at
            .is_some_and(|wake_at| now.duration_since(wake_at) > OVERDUE);
        if forgotten || record.policy != policy.version {
            collected.stale.push(identity.clone());
        }
    })
    .await?;
    Ok(collected)
}

/// Second pass, for the targets that need it; none where everything matched.
pub(crate) async fn look<S: Store>(store: &S, targets: &mut [Observed<'_>]) -> Result<(), Fault> {
    if !targets.iter().any(|target| target.look.is_needed()) {
        return Ok(());
    }
    each(store, |identity, seat| {
        for target in &mut *targets {
            let account = seat.accounts.get(&target.name);
            let owed = seat.owed.contains_key(&target.name);
            target.look.seat(identity, &seat.record, account, owed);
        }
    })
    .await
}

/// Whether nothing can be looked at there.
pub(crate) const fn is_by_hand(target: &Target) -> bool {
    matches!(target.kind, TargetKind::Manual(_))
}

async fn each<S: Store>(
    store: &S,
    mut take: impl FnMut(&IdentityId, &Seat) + Send,
) -> Result<(), Fault> {
    let mut walk = Walk::over(store);
    while let Some(rows) = walk.page().await? {
        for (identity, seat) in &rows {
            take(identity, seat);
        }
    }
    Ok(())
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
