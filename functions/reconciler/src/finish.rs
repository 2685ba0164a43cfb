//! The last steps: what is wanted is sent, and the report is written, its manifest last.

use std::collections::BTreeMap;

use contract::report::{Class, Manifest, RunSummary, Waiting};
use domain::TargetId;
use domain::task::Task;
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};
use telemetry::{Dimensions, Metric};

use crate::asked::{self, Asked};
use crate::begin::Begun;
use crate::enqueue::{self, Sending};
use crate::limits::Limited;
use crate::recorded::Collected;
use crate::report::{self, MANIFEST, Report, history};
use crate::rows::{self, Rows};
use crate::settle::{Round, Settled};
use crate::tasks::{self, Late};
use crate::{Finished, HISTORY, Leg, Reconciler, managers};

/// What was sent.
const SENT: &str = "sent";

/// How far what follows from the records alone was sent.
const REST: &str = "rest";

/// What a finished run leaves behind.
const FINISHED: &str = "finished.json";

/// What was sent, and what waits for people.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// Requests by target.
    repairs: BTreeMap<TargetId, u64>,
    /// Identities handed to the planner.
    replanned: u64,
    waiting: Waiting,
    late: Late,
}

/// What was sent of what follows from the records alone, and how far that is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Rest {
    /// Which of the stretches that were collected, and where in it.
    stretch: u64,
    place: usize,
    /// Requests by target.
    repairs: BTreeMap<TargetId, u64>,
    /// Identities handed to the planner.
    replanned: u64,
}

/// What the report does not say of a finished run.
#[derive(Debug, Serialize, Deserialize)]
struct Left {
    replanned: u64,
    held: u64,
}

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Sends what is wanted. `None` where time was up before everything was sent.
    pub(crate) async fn enqueue(&self, begun: &Begun, leg: Leg) -> Result<Option<Sent>, Fault> {
        let stash = self.stash(begun);
        if let Some(sent) = stash.get(SENT).await? {
            return Ok(Some(sent));
        }
        let limited = self.limit(begun).await?;
        // Before anything is sent, which would be on its way to a hold.
        if !self.end_holds(begun, &limited, leg).await? {
            return Ok(None);
        }
        self.count(&limited).await?;
        let run = &begun.run;
        let mut sending = Sending {
            asked: Asked::load(self.store, run.at).await?,
            leg,
            silent: BTreeMap::new(),
        };
        let mut sent = Sent::default();
        for round in [Round::Endings, Round::Others] {
            for (target, stopped) in &limited.targets {
                for part in 0..stopped.parts {
                    let (place, about) = ((target, part), (round, &mut sending));
                    let mends = enqueue::part(self, begun, place, &stopped.over, about).await?;
                    let Some(mends) = mends else {
                        return Ok(None);
                    };
                    *sent.repairs.entry(target.clone()).or_default() += mends;
                }
            }
        }
        let mut asked = sending.asked;
        let certified = |target: &TargetId| {
            let stopped = limited.targets.get(target);
            stopped.is_some_and(|stopped| stopped.result.users.is_ok())
        };
        asked::close(self.store, &mut asked, certified).await?;
        let (late, open) = tasks::late(self.store, run).await?;
        let Some(rest) = self.send_the_rest(begun, &open, leg).await? else {
            return Ok(None);
        };
        for (target, count) in rest.repairs {
            *sent.repairs.entry(target).or_default() += count;
        }
        sent.replanned = rest.replanned;
        sent.waiting = Waiting {
            cases: asked.open(),
            ..late.waiting
        };
        sent.late = late;
        stash.put(SENT, &sent).await?;
        Ok(Some(sent))
    }

    /// Sends what follows from the records alone. `None` where time was up before all of it was.
    async fn send_the_rest(
        &self,
        begun: &Begun,
        open: &[Task],
        leg: Leg,
    ) -> Result<Option<Rest>, Fault> {
        let (stash, run) = (self.stash(begun), &begun.run);
        let mut rest: Rest = stash.get(REST).await?.unwrap_or_default();
        while let Some(collected) = self.collected(begun, rest.stretch).await? {
            let Collected {
                given,
                unresolved,
                stale,
                ..
            } = collected;
            let lengths = [given.len(), unresolved.len(), stale.len()];
            let most = lengths.into_iter().max().unwrap_or_default();
            while rest.place < most {
                let from = rest.place;
                let to = from + enqueue::CHUNK;
                tasks::confirmed(self, run, open, slice(&given, from, to)).await?;
                let some = slice(&unresolved, from, to);
                for (target, count) in managers::fill_in(self, run, some).await? {
                    *rest.repairs.entry(target).or_default() += count;
                }
                rest.replanned += enqueue::replans(self, run, slice(&stale, from, to)).await?;
                rest.place = to;
                stash.put(REST, &rest).await?;
                if leg.is_over(self.clock.now()) {
                    return Ok(None);
                }
            }
            (rest.stretch, rest.place) = (rest.stretch + 1, 0);
        }
        Ok(Some(rest))
    }

    /// Writes the report, and lets go of what the steps left to each other.
    /// `None` where time was up before everything was sent.
    pub(crate) async fn finish(&self, begun: &Begun, leg: Leg) -> Result<Option<Finished>, Fault> {
        let stash = self.stash(begun);
        let written = self.manifest(begun).await?;
        let manifest = if let Some(manifest) = written {
            manifest
        } else {
            let Some(sent) = self.enqueue(begun, leg).await? else {
                return Ok(None);
            };
            let limited = self.limit(begun).await?;
            let left = Left {
                replanned: sent.replanned,
                held: self.held(begun, &limited).await?,
            };
            stash.put(FINISHED, &left).await?;
            self.report(begun, limited, sent).await?
        };
        let left: Left = stash.need(FINISHED).await?;
        tracing::info!(
            run = &*begun.run.id,
            new = manifest.summary.new_findings,
            closed = manifest.summary.closed_findings,
            held = left.held,
            replanned = left.replanned,
            "reconciled"
        );
        tell(&manifest.summary);
        stash.clear().await?;
        Ok(Some(Finished {
            manifest,
            replanned: left.replanned,
            held: left.held,
        }))
    }

    /// Whether the report of a run is written.
    pub(crate) async fn is_finished(&self, begun: &Begun) -> Result<bool, Fault> {
        Ok(self.manifest(begun).await?.is_some())
    }

    async fn manifest(&self, begun: &Begun) -> Result<Option<Manifest>, Fault> {
        let key = format!(
            "{}{MANIFEST}",
            report::folder(begun.run.date, &begun.run.id)
        );
        let Some(body) = self.objects.get(&key).await? else {
            return Ok(None);
        };
        let manifest = serde_json::from_slice(&body);
        manifest
            .map(Some)
            .map_err(|_| Fault::reject(format!("`{key}` is not a manifest of version 1")))
    }

    async fn report(&self, begun: &Begun, limited: Limited, sent: Sent) -> Result<Manifest, Fault> {
        let run = &begun.run;
        let earlier = history::load(self.objects, run.date, &run.id, HISTORY).await?;
        let mut rows = Rows::default();
        for (target, stopped) in &limited.targets {
            for part in 0..stopped.parts {
                self.rows(begun, &limited, (target, part), &mut rows)
                    .await?;
            }
        }
        let (mut rows, evidence) = rows.finish(sent.late);
        let mut parked = Vec::new();
        let mut at = 0;
        while let Some(collected) = self.collected(begun, at).await? {
            for (_, record, problem) in &collected.parked {
                parked.push(rows::parked_row(self, run.at, (record, problem)).await?);
            }
            at += 1;
        }
        let results = limited.targets.into_iter();
        let mut targets: BTreeMap<_, _> = results.map(|(name, it)| (name, it.result)).collect();
        for (target, repairs) in sent.repairs {
            if let Some(result) = targets.get_mut(&target) {
                result.repairs = repairs;
            }
        }
        for row in &rows {
            if let Some(result) = targets.get_mut(&row.target) {
                *result.findings.entry(row.class).or_default() += 1;
                result.held += u64::from(&*row.decision == rows::HELD);
            }
        }
        let previous = earlier.previous();
        let carried = history::carry(self.objects, previous, &targets, run.date, &mut rows).await?;
        let summary = RunSummary {
            run: run.id.clone(),
            date: run.date,
            started: run.at,
            finished: None,
            policy: self.policy.version,
            code: run.code.clone(),
            previous: previous.map(|manifest| manifest.summary.run.clone()),
            targets,
            identities: limited.identities,
            parked: parked.len() as u64,
            waiting: sent.waiting,
            new_findings: carried.new,
            closed_findings: carried.closed,
        };
        let report = Report {
            summary: &summary,
            history: &earlier.summaries(),
            closed: &carried.closed_rows,
            parked: &parked,
            evidence: &evidence,
        };
        report::write(self.objects, &report, rows).await
    }

    /// The rows of one part, with what was decided.
    async fn rows(
        &self,
        begun: &Begun,
        limited: &Limited,
        (target, part): (&TargetId, u64),
        rows: &mut Rows,
    ) -> Result<(), Fault> {
        for proposal in self.proposals(begun, limited, (target, part)).await? {
            rows.add(self, &begun.run, &proposal).await?;
        }
        Ok(())
    }

    async fn proposals(
        &self,
        begun: &Begun,
        limited: &Limited,
        (target, part): (&TargetId, u64),
    ) -> Result<Vec<crate::propose::Proposal>, Fault> {
        let stash = self.stash(begun);
        let compared = self.compared(begun, target, part).await?;
        let (Some(compared), Some(stopped)) = (compared, limited.targets.get(target)) else {
            return Ok(Vec::new());
        };
        let mut proposals: Vec<_> = compared.proposals(target, &stopped.over).collect();
        for round in [Round::Endings, Round::Others] {
            let mut place = Some(0);
            while let Some(at) = place {
                let settled: Settled = stash.need(&round.name(target, part, at)).await?;
                settled.apply(&mut proposals);
                place = settled.next;
            }
        }
        Ok(proposals)
    }

    /// Findings that a limit stopped.
    async fn held(&self, begun: &Begun, limited: &Limited) -> Result<u64, Fault> {
        let mut held = 0;
        for (target, stopped) in &limited.targets {
            if stopped.over.is_empty() {
                continue;
            }
            for part in 0..stopped.parts {
                let proposals = self.proposals(begun, limited, (target, part)).await?;
                held += proposals.iter().filter(|one| one.is_held()).count() as u64;
            }
        }
        Ok(held)
    }
}

/// What there is of a list between two places.
fn slice<T>(all: &[T], from: usize, to: usize) -> &[T] {
    let to = to.min(all.len());
    all.get(from.min(to)..to).unwrap_or_default()
}

/// That a night came to its report, and what it came to, by target, for alarms and trends.
fn tell(summary: &RunSummary) {
    telemetry::emit(Metric::ReconcileFinished, 1.0, Dimensions::NONE);
    for (name, target) in &summary.targets {
        let orphans = [Class::O1, Class::O2, Class::O3, Class::O4, Class::O5];
        let orphans = orphans
            .iter()
            .filter_map(|class| target.findings.get(class));
        let seen = target.users.as_ref().map_or(0, |proof| proof.received);
        for (metric, value) in [
            (Metric::ReconcileObserved, seen),
            (Metric::ReconcileDrift, target.repairs),
            (Metric::ReconcileOrphans, orphans.sum()),
            (
                Metric::ReconcileIncomplete,
                u64::from(target.gap().is_some()),
            ),
        ] {
            let value = u32::try_from(value).unwrap_or(u32::MAX);
            telemetry::emit(metric, f64::from(value), Dimensions::target(name));
        }
    }
}
