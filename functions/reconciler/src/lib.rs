//! The nightly proof that reality agrees: observe every target, compare, limit, enqueue, report.
//!
//! It never writes to a target and never to what is recorded about an identity. What it wants
//! mended it puts on a lane, as a request to look at one identity; the connector looks for itself
//! and decides. What it could not see in full it only reports: nothing is missing, and nothing is
//! taken away, without a certificate.
//!
//! Every step is a function of its own, so that a state machine can run them apart.

mod asked;
mod enqueue;
mod limits;
mod managers;
mod observe;
mod pages;
mod propose;
mod recorded;
pub mod report;
mod rows;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use contract::report::{Manifest, RunSummary, TargetResult, Waiting};
use domain::certify::Bounds;
use domain::{Hash, IdentityId, Policy, TargetId};
use jiff::Timestamp;
use jiff::civil::Date;
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};

use crate::propose::Proposal;
use crate::report::{Report, history};

/// How many earlier runs the report's trend shows, and how far back an accepted population is
/// looked for.
const HISTORY: usize = 30;

/// One nightly run over every target of a policy.
pub struct Reconciler<'a, S, L, B, C, O> {
    store: &'a S,
    lanes: &'a L,
    objects: &'a B,
    clock: &'a C,
    targets: &'a BTreeMap<TargetId, O>,
    policy: &'a Policy,
}

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Run {
    /// Opaque, sortable, 1 to 64 letters, digits, `-`, `_` and `.`; see [`run_id`].
    pub id: Box<str>,
    /// The company's day.
    pub date: Date,
    /// Code version.
    pub code: Box<str>,
    /// Targets whose population a human accepts as it is, however far it jumped.
    pub accept: BTreeSet<TargetId>,
    /// How far populations may move between runs.
    pub bounds: Bounds,
}

/// What a run did.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What was written, the summary inside.
    pub manifest: Manifest,
    /// Identities handed to the planner.
    pub replanned: u64,
    /// Findings that a limit stopped, with those of every other decision left out.
    pub held: u64,
}

impl Finished {
    /// Requests sent to connectors and planner together. A run right after a clean one sends none.
    pub fn sent(&self) -> u64 {
        let targets = self.manifest.summary.targets.values();
        self.replanned + targets.map(|target| target.repairs).sum::<u64>()
    }
}

impl Run {
    /// A run of that instant with the usual bounds.
    pub fn new(now: Timestamp, date: Date, policy: &Policy, code: &str) -> Self {
        Self {
            id: run_id(now, &policy.version),
            date,
            code: code.into(),
            accept: BTreeSet::new(),
            bounds: Bounds::default(),
        }
    }
}

/// An id for a run: sorts by time, and says nothing about anybody.
pub fn run_id(now: Timestamp, policy: &Hash) -> Box<str> {
    format!("{}-{}", now.strftime("%Y%m%dT%H%M%S%6fZ"), policy.short()).into()
}

impl<'a, S, L, B, C, O> Reconciler<'a, S, L, B, C, O>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Over these ports. `targets` holds a reader for each target of the policy; one without a
    /// reader is reported as unobserved.
    pub const fn new(
        store: &'a S,
        lanes: &'a L,
        objects: &'a B,
        clock: &'a C,
        targets: &'a BTreeMap<TargetId, O>,
        policy: &'a Policy,
    ) -> Self {
        Self {
            store,
            lanes,
            objects,
            clock,
            targets,
            policy,
        }
    }

    /// Observes, compares, limits, enqueues and reports. The manifest is written last: a run that
    /// fails has none, and another one may follow at once.
    pub async fn run(&self, run: &Run) -> Result<Finished, Fault> {
        let started = self.clock.now();
        let earlier = history::load(self.objects, run.date, &run.id, HISTORY).await?;
        let mut recorded = recorded::collect(self.store, self.policy, started).await?;

        let mut targets = Vec::new();
        for side in std::mem::take(&mut recorded.sides) {
            let accepted = observe::accepted(&earlier, side.name());
            targets.push(self.observe(run, side, accepted).await?);
        }
        recorded::look(self.store, &mut targets).await?;

        let mut asked = asked::Asked::load(self.store).await?;
        let mut proposals = Vec::new();
        let mut results = BTreeMap::new();
        let mut over = BTreeMap::new();
        for observed in targets {
            let census = recorded.census.get(&observed.name);
            let compared = self.compare(observed, census, &asked);
            proposals.extend(compared.proposals);
            over.insert(compared.name.clone(), compared.over);
            results.insert(compared.name, compared.result);
        }
        self.hold(&over).await?;
        asked::ask(self, &mut asked, &mut proposals, &results).await?;
        let late = tasks::late(self, run, &recorded.given).await?;
        let mut sent = enqueue::proposals(self, run, &mut proposals).await?;
        for (target, count) in managers::fill_in(self, run, &recorded.unresolved).await? {
            *sent.entry(target).or_default() += count;
        }
        self.count(std::mem::take(&mut recorded.census), started)
            .await?;
        let replanned = enqueue::replans(self, run, &recorded.stale).await?;

        let finished = Outcome {
            started,
            targets: results,
            identities: recorded.identities,
            parked: recorded.parked,
            sent,
            waiting: Waiting {
                cases: asked.open(),
                ..late.waiting
            },
            late,
        };
        let held = proposals.iter().filter(|p| p.is_held()).count() as u64;
        let manifest = self.report(run, &earlier, finished, proposals).await?;
        tracing::info!(
            run = &*run.id,
            new = manifest.summary.new_findings,
            closed = manifest.summary.closed_findings,
            held,
            replanned,
            "reconciled"
        );
        Ok(Finished {
            manifest,
            replanned,
            held,
        })
    }

    async fn report(
        &self,
        run: &Run,
        earlier: &history::Earlier,
        finished: Outcome,
        proposals: Vec<Proposal>,
    ) -> Result<Manifest, Fault> {
        let mut targets = finished.targets;
        for (target, sent) in finished.sent {
            if let Some(result) = targets.get_mut(&target) {
                result.repairs = sent;
            }
        }
        let rows::Written {
            findings: mut rows,
            evidence,
            parked,
        } = rows::write(self, run, &proposals, &finished.parked, finished.late).await?;
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
            started: finished.started,
            finished: self.clock.now(),
            policy: self.policy.version,
            code: run.code.clone(),
            previous: previous.map(|manifest| manifest.summary.run.clone()),
            targets,
            identities: finished.identities,
            parked: parked.len() as u64,
            waiting: finished.waiting,
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
}

/// Everything of a run but its findings.
struct Outcome {
    started: Timestamp,
    targets: BTreeMap<TargetId, TargetResult>,
    identities: BTreeMap<Box<str>, u64>,
    parked: Vec<(IdentityId, domain::RecordKey, domain::Problem)>,
    sent: BTreeMap<TargetId, u64>,
    waiting: Waiting,
    late: tasks::Late,
}
