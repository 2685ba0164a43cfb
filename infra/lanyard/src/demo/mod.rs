//! A company's HR life, lived in a minute: signed webhooks over HTTP into the embedded stack, two
//! SCIM targets over HTTP behind it, virtual days, nightly runs, faults, and a hand in a target.
//! In the end an independent witness holds every account against what it should be.

mod canary;
mod closing;
mod compare;
mod drift;
mod life;
mod misfeed;
mod oracle;
mod rewrite;
mod sample;
mod verdict;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use domain::TargetId;
use jiff::Timestamp;
use ports::model::ManualClock;
use scim_target::ScimTarget;
use telemetry::Lines;

pub use compare::{Compared, Witness};
pub use drift::Planted;
pub use life::run;
pub use oracle::{Expected, Look, expected};
pub use rewrite::DIFF;
pub use sample::{FILES, SampleError, policy};
pub use verdict::{Check, Numbers, Outcome};

/// What to live through.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Humans.
    pub people: usize,
    /// Days.
    pub days: u16,
    /// Same seed, same story.
    pub seed: u64,
    /// Where the reports go.
    pub out: PathBuf,
    /// See [`crate::company::Settings::marker`].
    pub marker: Option<Box<str>>,
    /// The story's time; set by the story.
    pub clock: ManualClock,
    /// Where the process's telemetry writes, if it is to be searched for personal data.
    pub lines: Option<Lines>,
}

/// Told how far the story has come.
pub trait Progress: Send {
    /// A day begins.
    fn day(&mut self, day: u16, of: u16, words: &str);
    /// The story is over; the last checks begin.
    fn closing(&mut self, words: &str);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn day(&mut self, _: u16, _: u16, _: &str) {}
    fn closing(&mut self, _: &str) {}
}

/// The running targets.
pub struct Targets(BTreeMap<TargetId, ScimTarget>);

impl Targets {
    /// A target by name.
    pub fn get(&self, name: &str) -> anyhow::Result<(&TargetId, &ScimTarget)> {
        self.0
            .get_key_value(&TargetId::from(name))
            .with_context(|| format!("there is no target `{name}`"))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&TargetId, &ScimTarget)> {
        self.0.iter()
    }

    /// Requests that may have changed something, so far.
    pub fn writes(&self) -> u64 {
        self.0.values().map(|target| target.calls().writes()).sum()
    }

    /// Requests so far.
    pub fn calls(&self) -> u64 {
        self.0.values().map(|target| target.calls().total()).sum()
    }

    fn set_time(&self, now: Timestamp) {
        for target in self.0.values() {
            target.set_time(now);
        }
    }
}
