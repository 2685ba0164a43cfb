//! Carrying out changes in their order, each remembered as soon as it is answered.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::change::AttrChange;
use domain::converge::Convergence;
use domain::project::AttrPath;
use domain::{Change, EntitlementId, Outcome, Ownership, Pii, Slot};
use ports::target::TargetError;
use ports::{Apply, Clock, Fault, Observe, Store};
use telemetry::{Dimensions, Metric};

use crate::{Connector, Work};

/// Why work stopped before its end.
#[derive(Debug)]
pub enum Stop {
    /// The target will not have it: park with this reason.
    Park(Box<str>),
    /// The target must be left alone for a while.
    Rest(Box<str>),
    /// Come back.
    Again(Fault),
    /// An answer was lost. Come back, and look before writing.
    Unknown(Fault),
    /// It was answered as done and is not so.
    Unverified(Fault),
    /// The target says that the user name is taken.
    NameTaken,
}

impl Stop {
    /// An account that we made a moment ago does not show yet.
    pub fn not_yet() -> Self {
        Self::Again(Fault::Retry {
            after: Some(Duration::from_secs(5)),
            why: "the target does not show the new account yet".into(),
        })
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Fault(Fault::Halt { why }) => Self::Rest(why),
            TargetError::Fault(Fault::Reject { why }) => Self::Park(why),
            TargetError::Fault(fault @ Fault::Retry { .. }) => Self::Again(fault),
            error @ TargetError::Unknown { .. } => Self::Unknown(error.into_fault()),
            error @ (TargetError::NotFound | TargetError::Conflict | TargetError::Changed) => {
                match error.into_fault() {
                    Fault::Reject { why } => Self::Park(why),
                    fault @ (Fault::Retry { .. } | Fault::Halt { .. }) => Self::Again(fault),
                }
            }
        }
    }
}

impl<S: Store, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Carries out every change. A membership that the target refuses does not keep the others
    /// from being given or taken, unless both together would be an SoD pair; the first refusal is
    /// reported at the end.
    pub(crate) async fn carry_out(
        &self,
        target: &T,
        convergence: &Convergence,
        urgent: bool,
        work: &mut Work<'_>,
    ) -> Result<Outcome, Stop> {
        let mut refused: Option<Box<str>> = None;
        let mut outcome = Outcome::Unchanged;
        for change in &convergence.changes {
            if let Change::Grant { entitlement } = change
                && self.swaps(entitlement, convergence)
            {
                self.verify_revokes(target, convergence, urgent, work)
                    .await?;
                if self.conflicts(entitlement, &work.kept) {
                    continue;
                }
            }
            let account = match change {
                Change::Create { .. } => None,
                Change::Adopt { .. }
                | Change::Update { .. }
                | Change::Enable
                | Change::Disable
                | Change::Delete
                | Change::RevokeSessions
                | Change::Restore
                | Change::Grant { .. }
                | Change::Revoke { .. } => work.record.id.clone(),
            };
            match target.apply(change, account.as_ref()).await {
                Ok(applied) => {
                    if !applied.unchanged {
                        outcome = Outcome::Applied;
                        telemetry::emit(
                            Metric::ConnectorChanges,
                            1.0,
                            Dimensions::target(work.name),
                        );
                    }
                    work.remember(change, applied.id);
                }
                Err(TargetError::Conflict) if matches!(change, Change::Create { .. }) => {
                    return Err(Stop::NameTaken);
                }
                Err(TargetError::NotFound) => return Err(lost(work)),
                Err(TargetError::Fault(Fault::Reject { why })) if is_membership(change) => {
                    refused.get_or_insert(why);
                    if let Change::Revoke { entitlement } = change {
                        work.kept.insert(entitlement.clone());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        refused.map_or(Ok(outcome), |why| Err(Stop::Park(why)))
    }

    /// Whether something that is taken away and this entitlement are an SoD pair.
    fn swaps(&self, entitlement: &EntitlementId, convergence: &Convergence) -> bool {
        let revoked: BTreeSet<EntitlementId> = revokes(convergence).cloned().collect();
        self.conflicts(entitlement, &revoked)
    }

    fn conflicts(&self, entitlement: &EntitlementId, others: &BTreeSet<EntitlementId>) -> bool {
        self.policy.policy.sod.iter().any(|pair| {
            let against = |one: &BTreeSet<EntitlementId>, other: &BTreeSet<EntitlementId>| {
                one.contains(entitlement) && !other.is_disjoint(others)
            };
            against(&pair.left, &pair.right) || against(&pair.right, &pair.left)
        })
    }
}

/// What is taken away.
pub fn revokes(convergence: &Convergence) -> impl Iterator<Item = &EntitlementId> {
    convergence
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Revoke { entitlement } => Some(entitlement),
            Change::Create { .. }
            | Change::Adopt { .. }
            | Change::Update { .. }
            | Change::Enable
            | Change::Disable
            | Change::Delete
            | Change::RevokeSessions
            | Change::Restore
            | Change::Grant { .. } => None,
        })
}

const fn is_membership(change: &Change) -> bool {
    matches!(change, Change::Grant { .. } | Change::Revoke { .. })
}

/// The account is not there any more, or not yet.
fn lost(work: &mut Work<'_>) -> Stop {
    if crate::resolve::young(work) {
        return Stop::not_yet();
    }
    // The next attempt looks by key, and creates only what is still wanted.
    work.record.id = None;
    work.record.grants.clear();
    work.record.active = false;
    Stop::Again(Fault::Retry {
        after: Some(Duration::ZERO),
        why: "the account is gone from the target".into(),
    })
}

impl Work<'_> {
    /// The record after a change.
    fn remember(&mut self, change: &Change, id: domain::AccountId) {
        let record = &mut self.record;
        match change {
            Change::Create { active, attrs } => {
                record.id = Some(id);
                record.ownership = Some(Ownership::Created);
                record.active = *active;
                record.created_at = Some(self.at);
                record.grants.clear();
                record.attrs = wanted(attrs).collect();
            }
            Change::Adopt { key } => {
                record.ownership = Some(Ownership::Adopted);
                record
                    .attrs
                    .insert(domain::converge::KEY_PATH.into(), key.want.clone());
            }
            Change::Update { attrs } => record.attrs.extend(wanted(attrs)),
            Change::Enable => record.active = true,
            Change::Disable => record.active = false,
            Change::Delete => {
                *record = domain::AccountRecord {
                    applied: record.applied,
                    ..domain::AccountRecord::default()
                };
            }
            Change::RevokeSessions | Change::Restore => {}
            Change::Grant { entitlement } => {
                record.grants.insert(entitlement.clone());
            }
            Change::Revoke { entitlement } => {
                record.grants.remove(entitlement);
            }
        }
    }
}

fn wanted(
    attrs: &std::collections::BTreeMap<AttrPath, AttrChange>,
) -> impl Iterator<Item = (AttrPath, Pii<Slot>)> {
    attrs
        .iter()
        .map(|(path, change)| (path.clone(), change.want.clone()))
}
