//! The first step: what a run is told is written down once, and the recorded side is collected,
//! stretch by stretch, so that every target is compared with what was recorded when the run began.

use std::collections::BTreeMap;

use domain::compare::Stretch;
use domain::{Hash, TargetId};
use jiff::{SignedDuration, Timestamp};
use ports::objects::Put;
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};

use crate::observe::{self, Accepted};
use crate::recorded::{self, Collected};
use crate::report::{self, history};
use crate::stash::Stash;
use crate::{HISTORY, Leg, Reconciler, Run, frames};

/// What people may read of a run while it is under way.
const RUN: &str = "run.json";

/// The version of everything that steps leave to each other.
const VERSION: u32 = 2;

/// What a run that nobody finishes leaves is let go after so long; on AWS by a rule of the bucket.
const ABANDONED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A run that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    v: u32,
    /// What it was told.
    pub run: Run,
    /// The policy under which it began, and ends.
    pub policy: Hash,
    /// What is observed.
    pub targets: Vec<TargetId>,
    accepted: BTreeMap<TargetId, Accepted>,
    /// The instant of the last run that finished.
    #[serde(default)]
    pub(crate) previous: Option<Timestamp>,
}

impl Begun {
    /// A run that began, if there is one of that id: for whoever has to fetch its policy first.
    pub async fn load<B: Objects>(objects: &B, run: &str) -> Result<Option<Self>, Fault> {
        if !report::is_opaque(run) {
            return Err(report::bad_id());
        }
        let begun: Option<Self> = Stash::new(objects, run).get(RUN).await?;
        match begun {
            Some(begun) if begun.v != VERSION => Err(Fault::reject(format!(
                "run `{run}` was begun by other code (version {} of what steps leave to each \
                 other, not {VERSION}); leave it and begin another one",
                begun.v
            ))),
            other => Ok(other),
        }
    }

    pub(crate) fn accepted(&self, target: &TargetId) -> Accepted {
        self.accepted.get(target).copied().unwrap_or_default()
    }
}

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Begins a run, or goes on with beginning it. `false` where time was up before everything
    /// that is recorded was collected.
    pub(crate) async fn begin(&self, run: &Run, leg: Leg) -> Result<(Begun, bool), Fault> {
        let begun = match Begun::load(self.objects, &run.id).await? {
            Some(begun) => begun,
            None => self.write_down(run).await?,
        };
        self.under_its_policy(&begun)?;
        let stash = self.stash(&begun);
        if self.is_finished(&begun).await? {
            return Err(Fault::reject(format!(
                "run `{}` is finished; a new run needs a new id",
                run.id
            )));
        }
        let mut taken = stretches(&stash).await?;
        loop {
            let after = match taken.checked_sub(1) {
                None => None,
                Some(last) => {
                    let last = collected(&stash, last).await?;
                    if last.after.is_none() {
                        return Ok((begun, true));
                    }
                    last.after
                }
            };
            if taken > 0 && leg.is_over(self.clock.now()) {
                return Ok((begun, false));
            }
            let goes_on = || !leg.is_over(self.clock.now());
            let (stretch, sides) =
                recorded::stretch(self.store, self.policy, after, begun.run.at, goes_on).await?;
            let end = end(stretch.after.as_deref());
            for mut side in sides {
                let name = recorded_name(side.name(), taken, &end);
                stash.put_new(&name, &side.take_stretch()).await?;
            }
            stash
                .put_new(&collected_name(taken, &end), &stretch)
                .await?;
            // Last, and once, whoever comes late: legs that go on have to find the same accounts.
            // One that was killed before it came here may have ended its stretch elsewhere.
            stash.put_new(&stretch_name(taken), &end).await?;
            taken += 1;
        }
    }

    /// Lets go of what runs left that nobody finished, where no rule of a bucket does.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<(), Fault> {
        for run in Stash::unfinished(self.objects).await? {
            let stash = Stash::new(self.objects, &run);
            let began: Option<Begun> = match stash.get(RUN).await {
                Err(Fault::Reject { .. }) => None,
                other => other?,
            };
            if began.is_none_or(|it| now.duration_since(it.run.at) > ABANDONED) {
                stash.clear().await?;
            }
        }
        Ok(())
    }

    async fn write_down(&self, run: &Run) -> Result<Begun, Fault> {
        let earlier = history::load(self.objects, run.date, &run.id, HISTORY).await?;
        let targets: Vec<TargetId> = self
            .policy
            .targets
            .iter()
            .filter(|(_, target)| !recorded::is_by_hand(target))
            .map(|(name, _)| name.clone())
            .collect();
        let accepted = targets
            .iter()
            .map(|name| (name.clone(), observe::accepted(&earlier, name)))
            .collect();
        let begun = Begun {
            v: VERSION,
            run: run.clone(),
            policy: self.policy.version,
            targets,
            accepted,
            previous: earlier.previous().map(|last| last.summary.started),
        };
        let stash = self.stash(&begun);
        match stash.put_new(RUN, &begun).await? {
            Put::Written => Ok(begun),
            Put::Exists => stash.need(RUN).await,
        }
    }

    /// A run that began, by its id, for a step that comes later.
    pub(crate) async fn begun(&self, run: &str) -> Result<Begun, Fault> {
        let begun = Begun::load(self.objects, run).await?;
        let begun = begun.ok_or_else(|| {
            Fault::reject(format!(
                "there is no run `{run}`; it has to begin before its other steps"
            ))
        })?;
        self.under_its_policy(&begun)?;
        Ok(begun)
    }

    /// A plan runs under one version of policy. Whoever runs the steps under another one than the
    /// run's either takes the run's or leaves the run.
    fn under_its_policy(&self, begun: &Begun) -> Result<(), Fault> {
        if begun.policy == self.policy.version {
            return Ok(());
        }
        tracing::error!(
            run = &*begun.run.id,
            policy = %begun.policy,
            "a run is abandoned: the policy changed under it"
        );
        Err(Fault::reject(format!(
            "run `{}` began under policy `{}` and does not go on under `{}`; begin another one",
            begun.run.id,
            begun.policy.short(),
            self.policy.version.short()
        )))
    }

    pub(crate) fn stash<'r>(&'r self, begun: &'r Begun) -> Stash<'r, B> {
        Stash::new(self.objects, &begun.run.id)
    }

    /// What was recorded of a target when the run began.
    pub(crate) async fn recorded(
        &self,
        begun: &Begun,
        target: &TargetId,
    ) -> Result<domain::compare::Recorded<'_>, Fault> {
        let recorded = domain::compare::Recorded::new(self.policy, target);
        let mut recorded = recorded.filter(|_| begun.targets.contains(target));
        let Some(side) = &mut recorded else {
            return Err(Fault::reject(format!(
                "run `{}` does not observe a target `{target}`",
                begun.run.id
            )));
        };
        let stash = self.stash(begun);
        for at in 0..stretches(&stash).await? {
            let end: Box<str> = stash.need(&stretch_name(at)).await?;
            let stretch: Stretch = stash.need(&recorded_name(target, at, &end)).await?;
            side.add(stretch);
        }
        recorded.ok_or_else(|| Fault::reject("a target without a recorded side"))
    }

    /// What was collected beside the targets' sides, one stretch after the other.
    pub(crate) async fn collected(
        &self,
        begun: &Begun,
        at: u64,
    ) -> Result<Option<Collected>, Fault> {
        let stash = self.stash(begun);
        if at >= stretches(&stash).await? {
            return Ok(None);
        }
        collected(&stash, at).await.map(Some)
    }
}

/// How many stretches were collected.
async fn stretches<B: Objects>(stash: &Stash<'_, B>) -> Result<u64, Fault> {
    Ok(stash.names("stretch-").await?.len() as u64)
}

async fn collected<B: Objects>(stash: &Stash<'_, B>, at: u64) -> Result<Collected, Fault> {
    let end: Box<str> = stash.need(&stretch_name(at)).await?;
    stash.need(&collected_name(at, &end)).await
}

/// Where a stretch ends, for the names of what it is made of.
fn end(after: Option<&str>) -> Box<str> {
    Hash::of(after.unwrap_or_default().as_bytes())
        .short()
        .into()
}

fn stretch_name(at: u64) -> String {
    format!("stretch-{at:06}")
}

fn collected_name(at: u64, end: &str) -> String {
    format!("collected-{at:06}-{end}")
}

fn recorded_name(target: &TargetId, at: u64, end: &str) -> String {
    format!("{}recorded-{at:06}-{end}", frames::folder(target))
}
