//! The last holders of what must not be without: nobody is taken out before everybody else was
//! counted at the target, by one worker at a time.

use std::time::Duration;

use domain::budget::Cost;
use domain::converge::Convergence;
use domain::{Change, EntitlementId};
use jiff::SignedDuration;
use ports::target::{Found, Lookup, Roster};
use ports::{Apply, Cases, Clock, Observe, Store};

use crate::Connector;
use crate::carry_out::{Done, Stop, revokes};
use crate::pool;
use crate::work::Work;

/// How long a removal keeps others of the same entitlement waiting if its worker is lost: the
/// longest that a function works on a batch.
const TURN: SignedDuration = SignedDuration::from_mins(3);

/// Most holders that are looked at one by one.
const MOST: usize = 200;

/// Who else holds an entitlement and can sign in.
enum Others {
    /// As many as are required.
    Enough,
    /// So many, which is too few.
    Only(u32),
    /// More members than are read or looked at, so that nobody knows who of them can sign in.
    TooMany,
    /// The target does not tell.
    Untold,
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// How many others must hold an entitlement before it is taken from somebody.
    fn required(&self, entitlement: &EntitlementId) -> Option<u32> {
        self.policy.policy.holding(entitlement)?.required_holders
    }

    /// Whether a change takes what must not be without holders.
    pub(crate) fn is_counted(&self, change: &Change) -> bool {
        matches!(change, Change::Revoke { entitlement } if self.required(entitlement).is_some())
    }

    /// What counting the others costs, where enough of those who are looked at first can sign in.
    pub(crate) fn counting(&self, convergence: &Convergence) -> Cost {
        let counted = revokes(convergence).filter_map(|taken| self.required(taken));
        counted.fold(Cost::default(), |cost, required| {
            cost.plus(Cost::reads(required.saturating_add(1)))
        })
    }

    /// Whether what changes may go with that of other accounts.
    pub(crate) fn pools(&self, convergence: &Convergence) -> bool {
        let mut changes = convergence.changes.iter();
        pool::is_poolable(convergence) && !changes.any(|change| self.is_counted(change))
    }

    /// Takes the membership if enough others who can sign in hold it, and reads back that it is
    /// gone before the next may be taken; refuses otherwise.
    pub(crate) async fn take_if_not_last(
        &self,
        target: &T,
        entitlement: &EntitlementId,
        convergence: &Convergence,
        work: &mut Work,
        done: &mut Done,
    ) -> Result<(), Stop> {
        let (Some(required), Some(account)) = (self.required(entitlement), work.record.id.clone())
        else {
            return Ok(());
        };
        self.take_turn(entitlement, work).await?;
        let others = self.others(target, entitlement, work, required).await?;
        let refusal = match others {
            Others::Enough => None,
            Others::Only(others) => Some(format!("{others} would be left")),
            Others::TooMany => {
                Some("the group is too large to find out who of its members can sign in".to_owned())
            }
            Others::Untold => Some("the target does not tell how many there are".to_owned()),
        };
        if let Some(why) = refusal {
            work.kept.insert(entitlement.clone());
            done.refuse(format!(
                "`{entitlement}` needs {required} holders who can sign in, and {why}: give it to \
                 somebody else, or take it away by hand"
            ));
        } else {
            let change = Change::Revoke {
                entitlement: entitlement.clone(),
            };
            let one = std::slice::from_ref(&change);
            self.apply_all(target, one, &account, work, done).await?;
            self.verify_revokes(target, convergence, work).await?;
        }
        self.end_turn(entitlement, work).await
    }

    /// How many others who can sign in hold it, counted up to what is required.
    async fn others(
        &self,
        target: &T,
        entitlement: &EntitlementId,
        work: &Work,
        required: u32,
    ) -> Result<Others, Stop> {
        let members = match target.roster(entitlement).await.map_err(Stop::from)? {
            Roster::These(members) => members,
            Roster::Many => return Ok(Others::TooMany),
            Roster::Hidden => return Ok(Others::Untold),
        };
        let own = work.record.id.as_ref();
        // Where it is gone already, nobody is taken out.
        if !members.iter().any(|member| Some(member) == own) {
            return Ok(Others::Enough);
        }
        let mut others = 0;
        for (at, member) in members.iter().filter(|one| Some(*one) != own).enumerate() {
            if others >= required {
                break;
            }
            if at == MOST {
                return Ok(Others::TooMany);
            }
            match target.find(Lookup::Id(member)).await.map_err(Stop::from)? {
                Found::One(account) if account.active && !account.deleted => others += 1,
                Found::One(_) | Found::None | Found::Many(_) => {}
            }
        }
        Ok(if others >= required {
            Others::Enough
        } else {
            Others::Only(others)
        })
    }

    async fn take_turn(&self, entitlement: &EntitlementId, work: &Work) -> Result<(), Stop> {
        let at = self.clock.now();
        let until = at.checked_add(TURN).unwrap_or(jiff::Timestamp::MAX);
        let mut taken = false;
        self.with_gauge(&work.name, |gauge| {
            taken = gauge.take_turn(entitlement, &work.identity, at, until);
        })
        .await
        .map_err(Stop::Again)?;
        if taken {
            return Ok(());
        }
        // 30 + 60 + 90 + 120 s: longer than a turn that nobody ends.
        Err(Stop::Wait {
            after: Duration::from_secs(30) * work.receives.min(4),
            why: format!("somebody else is being taken out of `{entitlement}`").into(),
        })
    }

    async fn end_turn(&self, entitlement: &EntitlementId, work: &Work) -> Result<(), Stop> {
        self.with_gauge(&work.name, |gauge| {
            gauge.end_turn(entitlement, &work.identity);
        })
        .await
        .map_err(Stop::Again)
    }
}
