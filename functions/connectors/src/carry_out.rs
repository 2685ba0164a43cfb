//! Carrying out changes in their order, each remembered as soon as it is answered.

use std::time::Duration;

use domain::converge::Convergence;
use domain::sod;
use domain::{AccountId, Change, EntitlementId, Outcome};
use ports::target::{Applied, TargetError, is_refused_alone};
use ports::{Apply, Cases, Clock, Fault, Observe, Store};
use telemetry::{Dimensions, Metric};

use crate::Connector;
use crate::work::Work;

/// Why work stopped before its end.
#[derive(Clone, Debug)]
pub enum Stop {
    /// The target will not have it: park with this reason.
    Park(Box<str>),
    /// The target must be left alone for a while.
    Rest(Box<str>),
    /// The target asked for a pause.
    Throttled {
        /// How long, if it said so.
        after: Option<Duration>,
        /// What was asked.
        why: Box<str>,
    },
    /// Come back, for a reason of ours.
    Again(Fault),
    /// Nothing failed: it is not its turn yet, or what it needs is not there yet.
    Wait {
        /// For how long.
        after: Duration,
        /// What for.
        why: Box<str>,
    },
    /// The target is not well. Come back.
    Ill(Fault),
    /// An answer was lost. Come back, and look before writing.
    Unknown(Fault),
    /// Somebody else was faster. From the beginning, with what is known now.
    Overtaken,
    /// It was answered as done and is not so.
    Unverified(Fault),
    /// The target says that the user name is taken.
    NameTaken,
}

impl Stop {
    /// How long until a write may show, at this delivery: 5 + 25 + 90 + 240 s = 6 min, longer than
    /// [`NOT_YET`](crate::NOT_YET).
    pub const fn shows_after(receives: u32) -> Duration {
        Duration::from_secs(match receives {
            0 | 1 => 5,
            2 => 25,
            3 => 90,
            _ => 240,
        })
    }

    /// An account that we made a moment ago does not show yet.
    pub fn not_yet(work: &Work) -> Self {
        Self::Wait {
            after: Self::shows_after(work.receives),
            why: "the target does not show the new account yet".into(),
        }
    }
}

impl Stop {
    /// Whether it shows a target that is not well.
    pub const fn is_ill(&self) -> bool {
        matches!(self, Self::Ill(_) | Self::Unknown(_))
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Fault(Fault::Halt { why }) => Self::Rest(why),
            TargetError::Fault(Fault::Reject { why }) => Self::Park(why),
            TargetError::Fault(fault @ Fault::Retry { .. }) => Self::Ill(fault),
            TargetError::Throttled { after, why } => Self::Throttled { after, why },
            error @ TargetError::Unknown { .. } => Self::Unknown(error.into_fault()),
            error @ (TargetError::OutOfTime
            | TargetError::NotFound
            | TargetError::Conflict
            | TargetError::Changed
            | TargetError::Expired { .. }) => match error.into_fault() {
                Fault::Reject { why } => Self::Park(why),
                fault @ (Fault::Retry { .. } | Fault::Halt { .. }) => Self::Again(fault),
            },
        }
    }
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Carries out every change, as many in one request as the target allows. A membership that
    /// the target refuses does not keep the others from being given or taken, unless both
    /// together would be an SoD pair, and a block that it refuses keeps nothing from being taken;
    /// the first refusal is reported at the end.
    pub(crate) async fn carry_out(
        &self,
        target: &T,
        convergence: &Convergence,
        work: &mut Work,
    ) -> Result<Outcome, Stop> {
        let mut done = Done::default();
        let mut rest = convergence.changes.as_slice();
        while let Some((change, others)) = rest.split_first() {
            // One step at least, however late it is, so that every delivery gets on.
            if rest.len() < convergence.changes.len() && self.clock.now() >= work.until {
                return Err(Stop::out_of_time(work));
            }
            if self.swaps(change, convergence) {
                self.verify_revokes(target, convergence, work).await?;
            }
            if let Change::Grant { entitlement } = change
                && self.conflicts(entitlement, work)
            {
                rest = others;
                continue;
            }
            if let Change::Revoke { entitlement } = change
                && !self
                    .took_over(target, entitlement, convergence, work)
                    .await?
            {
                rest = others;
                continue;
            }
            if let Change::Create { .. } = change {
                let answer = target.apply(change, None).await;
                take(change, answer, work, &mut done)?;
                rest = others;
                continue;
            }
            let Some(account) = work.record.id.clone() else {
                return Err(Stop::Park(
                    format!("{} without an account", change.name()).into(),
                ));
            };
            if let Change::Revoke { entitlement } = change
                && self.is_counted(change)
            {
                self.take_if_not_last(target, entitlement, convergence, work, &mut done)
                    .await?;
                rest = others;
                continue;
            }
            // Up to whatever must be looked back at first.
            let more = others.iter().take_while(|next| {
                !self.swaps(next, convergence)
                    && !self.hands_over(next, convergence)
                    && !self.is_counted(next)
            });
            let (now, later) = rest.split_at(1 + more.count());
            self.apply_all(target, now, &account, work, &mut done)
                .await?;
            rest = later;
        }
        done.into_result()
    }

    pub(crate) async fn apply_all(
        &self,
        target: &T,
        changes: &[Change],
        account: &AccountId,
        work: &mut Work,
        done: &mut Done,
    ) -> Result<(), Stop> {
        let answers = target.apply_all(changes, account).await;
        let answered = answers.len();
        for (change, answer) in changes.iter().zip(answers) {
            take(change, answer, work, done)?;
        }
        if answered < changes.len() {
            return Err(Stop::Again(Fault::retry(
                "the target's client left changes unanswered",
            )));
        }
        Ok(())
    }

    /// Whether a change gives what must not be held beside something that is taken away.
    pub(crate) fn swaps(&self, change: &Change, convergence: &Convergence) -> bool {
        let Change::Grant { entitlement } = change else {
            return false;
        };
        let policy = &self.policy.policy;
        revokes(convergence).any(|taken| sod::apart(policy, entitlement, taken))
    }

    /// Whether a grant would break separation of duties with what the target refused to take.
    pub(crate) fn conflicts(&self, entitlement: &EntitlementId, work: &Work) -> bool {
        let held = work.kept.union(&work.elsewhere.leaving).cloned().collect();
        sod::completes(&self.policy.policy, entitlement, &held, &work.wanted()).is_some()
    }
}

/// Takes over one answer.
pub fn take(
    change: &Change,
    answer: Result<Applied, TargetError>,
    work: &mut Work,
    done: &mut Done,
) -> Result<(), Stop> {
    match answer {
        Ok(applied) => {
            if !applied.unchanged {
                done.changed = true;
                telemetry::emit(
                    Metric::ConnectorChanges,
                    1.0,
                    Dimensions::target(&work.name),
                );
            }
            work.remember(change, applied.id);
            Ok(())
        }
        Err(TargetError::Conflict) if matches!(change, Change::Create { .. }) => {
            Err(Stop::NameTaken)
        }
        Err(TargetError::NotFound) => Err(lost(work)),
        Err(error) if is_refused_alone(change, &error) => {
            if let Fault::Reject { why } = error.into_fault() {
                done.refused.get_or_insert(why);
            }
            if let Change::Revoke { entitlement } = change {
                work.kept.insert(entitlement.clone());
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// What was done of the changes so far.
#[derive(Debug, Default)]
pub struct Done {
    /// Whether the target changed anything.
    changed: bool,
    /// Why it refused a change that nothing rests on, the first time.
    refused: Option<Box<str>>,
}

impl Done {
    /// Something was done before.
    pub fn after(outcome: Outcome) -> Self {
        Self {
            changed: outcome == Outcome::Applied,
            refused: None,
        }
    }

    /// Notes a membership that stays as it is, unless another was noted before.
    pub fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(why.into());
    }

    pub fn into_result(self) -> Result<Outcome, Stop> {
        match self.refused {
            Some(why) => Err(Stop::Park(why)),
            None if self.changed => Ok(Outcome::Applied),
            None => Ok(Outcome::Unchanged),
        }
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
            | Change::Restore
            | Change::Update { .. }
            | Change::Enable
            | Change::Disable
            | Change::Delete
            | Change::RevokeSessions
            | Change::Grant { .. } => None,
        })
}

/// The account is not there any more, or not yet.
fn lost(work: &mut Work) -> Stop {
    if crate::resolve::young(work) {
        return Stop::not_yet(work);
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
