//! The nightly proof that reality agrees: observe every target, compare, limit, enqueue, report.
//!
//! It never writes to a target and never to what is recorded about an identity. What it wants
//! mended it puts on a lane, as a request to look at one identity; the connector looks for itself
//! and decides. What it could not see in full it only reports: nothing is missing, and nothing is
//! taken away, without a certificate.
//!
//! Every step is a function of its own, so that a state machine can run them apart ([`step`]): what
//! one leaves to the next lies in objects, a step that is run twice or goes on after a crash does
//! nothing twice, and the report is the same, byte for byte, however often a run was interrupted.
//! [`Reconciler::run`] is the same steps in a loop.

mod asked;
mod begin;
mod enqueue;
mod finish;
mod frames;
mod holds;
mod limits;
mod managers;
mod observe;
mod propose;
mod reading;
mod recorded;
pub mod report;
mod rows;
mod settle;
mod stash;
pub mod step;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::report::Manifest;
use domain::certify::Bounds;
use domain::{Hash, Policy, TargetId};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};

pub use begin::Begun;
use observe::Observed;
pub use reading::LONGEST_OBSERVATION;
pub use stash::RUNS;

/// How many earlier runs the report's trend shows, and how far back an accepted population is
/// looked for.
const HISTORY: usize = 30;

/// How long one target is read, in a run that is one call, before the others have their turn.
const TURN: SignedDuration = SignedDuration::from_mins(15);

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Opaque, sortable, 1 to 64 letters, digits, `-`, `_` and `.`; see [`run_id`].
    pub id: Box<str>,
    /// The one instant of the run: it begins then, and says everything as of then. What connectors
    /// wrote later it does not judge.
    pub at: Timestamp,
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

/// How long a step may go on before it has to say that it is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    /// No page is asked for from then on.
    pub(crate) until: Option<Timestamp>,
    /// So many pages at most, and one at least.
    pub(crate) pages: u64,
}

impl Leg {
    /// As long as it takes.
    pub(crate) const ENDLESS: Self = Self {
        until: None,
        pages: u64::MAX,
    };

    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}

impl Run {
    /// A run of that instant with the usual bounds.
    pub fn new(now: Timestamp, date: Date, policy: &Policy, code: &str) -> Self {
        Self {
            id: run_id(now, &policy.version),
            at: now,
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

    /// Observes, compares, limits, enqueues and reports: every step of the run, one after the
    /// other. The manifest is written last: a run that fails has none, and another one may follow
    /// at once, or the same one go on.
    pub async fn run(&self, run: &Run) -> Result<Finished, Fault> {
        self.sweep(run.at).await?;
        let begun = loop {
            let (begun, complete) = self.begin(run, Leg::ENDLESS).await?;
            if complete {
                break begun;
            }
        };
        // Each target in turn, so that one that is slow, or left alone for a while, keeps no other
        // from being observed.
        let mut turns: BTreeSet<_> = begun.targets.iter().map(|name| (run.at, name)).collect();
        while let Some((from, target)) = turns.pop_first() {
            if let Ok(rest) = Duration::try_from(from.duration_since(self.clock.now())) {
                self.clock.wait(rest).await;
            }
            let leg = Leg {
                until: self.clock.now().checked_add(TURN).ok(),
                ..Leg::ENDLESS
            };
            match self.observe(&begun, target, leg).await? {
                Observed::Over(over) => {
                    for part in 0..over.parts {
                        self.compare(&begun, target, part).await?;
                    }
                }
                Observed::Again { after } => {
                    let after = SignedDuration::try_from(after.unwrap_or_default());
                    let from = self.clock.now().checked_add(after.unwrap_or_default());
                    turns.insert((from.unwrap_or(Timestamp::MAX), target));
                }
            }
        }
        self.limit(&begun).await?;
        loop {
            if let Some(finished) = self.finish(&begun, Leg::ENDLESS).await? {
                return Ok(finished);
            }
        }
    }
}
