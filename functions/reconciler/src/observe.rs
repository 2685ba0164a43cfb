//! One target, observed: users page by page, then groups, each with a certificate or the reason
//! why there is none.

use contract::report::TargetResult;
use domain::certify::{Baseline, Certifier};
use domain::compare::{Evidence, Look, Recorded};
use domain::{Certificate, Incomplete, TargetId};
use ports::store::Health;
use ports::{Clock, Fault, Lanes, Objects, Observe, Store};

use crate::pages::{self, Groups, Users};
use crate::report::history::Earlier;
use crate::{Reconciler, Run};

/// A target after its observation.
pub(crate) struct Observed<'p> {
    pub(crate) name: TargetId,
    pub(crate) users: Result<Certificate, Incomplete>,
    pub(crate) groups: Result<Certificate, Incomplete>,
    pub(crate) look: Look<'p>,
}

/// Populations that the last run with a certificate found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Accepted {
    users: Option<u64>,
    groups: Option<u64>,
}

/// The last accepted populations of a target.
pub(crate) fn accepted(earlier: &Earlier, target: &TargetId) -> Accepted {
    let last = |of: fn(&TargetResult) -> &Result<Certificate, Incomplete>| {
        earlier.manifests.iter().rev().find_map(|manifest| {
            let result = manifest.summary.targets.get(target)?;
            of(result).as_ref().ok().map(|proof| proof.received)
        })
    };
    Accepted {
        users: last(|result| &result.users),
        groups: last(|result| &result.groups),
    }
}

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Observes one target. An error of the target is not an error of the run.
    pub(crate) async fn observe<'p>(
        &self,
        run: &Run,
        recorded: Recorded<'p>,
        accepted: Accepted,
    ) -> Result<Observed<'p>, Fault> {
        let name = recorded.name().clone();
        let since = self.clock.now();
        let mut comparison = recorded.observe();
        let mut users = Certifier::new();
        let mut groups = Certifier::new();
        match self.reader(&name, since).await? {
            Err(why) => {
                users.page_failed(why);
                groups.page_failed(why);
            }
            Ok(target) => {
                pages::read(&Users(target), &mut users, |account, users| {
                    let first = comparison.account(&account, since);
                    users.item_known(account.id.as_str(), first);
                })
                .await;
                pages::read(&Groups(target), &mut groups, |group, groups| {
                    groups.item(&group.id);
                    if !comparison.group(&group) {
                        groups.not_shown();
                    }
                })
                .await;
            }
        }
        let by_hand = run.accept.contains(&name);
        let now = self.clock.now();
        let users = users.finish(
            Baseline {
                previous: accepted.users,
                recorded: comparison.recorded(),
                accepted_by_hand: by_hand,
            },
            run.bounds,
            now,
        );
        let groups = groups.finish(
            Baseline {
                previous: accepted.groups,
                recorded: 0,
                accepted_by_hand: by_hand,
            },
            run.bounds,
            now,
        );
        if users.is_err() || groups.is_err() {
            tracing::warn!(
                run = &*run.id,
                target = %name,
                users = users.is_ok(),
                groups = groups.is_ok(),
                "a target was not observed in full"
            );
        }
        let look = comparison.look(Evidence {
            users: users.is_ok(),
            groups: groups.is_ok(),
            since,
            now,
        });
        Ok(Observed {
            name,
            users,
            groups,
            look,
        })
    }

    /// The target's reader, or why it is not asked.
    async fn reader(
        &self,
        name: &TargetId,
        now: jiff::Timestamp,
    ) -> Result<Result<&O, &'static str>, Fault> {
        let Some(target) = self.targets.get(name) else {
            return Ok(Err("no reader is configured for the target"));
        };
        Ok(match self.store.health(name).await? {
            Health::Quarantined { next_attempt, .. } if next_attempt > now => {
                Err("the target is quarantined")
            }
            Health::Paused(_) => Err("an operator paused the target"),
            Health::Quarantined { .. } | Health::Throttled { .. } | Health::Healthy => Ok(target),
        })
    }
}
