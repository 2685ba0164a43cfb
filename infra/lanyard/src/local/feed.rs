//! Feeds as files on this machine.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context as _;
use domain::SourceId;
use hr_webhook::feed::{Asked, FeedIntake, Report};
use jiff::Timestamp;
use ports::{Cases, Clock, Lanes, Objects, Store};
use serde::{Deserialize, Serialize};

/// A file with a full feed, and what is said about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivered {
    /// Whose.
    pub source: SourceId,
    /// Where it lies; a running stack reads it itself.
    pub file: PathBuf,
    /// The instant that it speaks about, where it does not say.
    pub as_of: Option<Timestamp>,
    /// The number of its records, where it does not say.
    pub total: Option<u64>,
    /// The number of records that a human has found right.
    pub population: Option<u64>,
    /// Whether nothing shall be written.
    pub dry_run: bool,
}

impl Delivered {
    /// Hands the file to an intake.
    pub async fn take<S, L, B, C>(&self, intake: &FeedIntake<S, L, B, C>) -> anyhow::Result<Report>
    where
        S: Store + Cases,
        L: Lanes,
        B: Objects,
        C: Clock,
    {
        let asked = Asked {
            as_of: self.as_of,
            total: self.total,
            population: self.population,
            dry_run: self.dry_run,
        };
        let file = File::open(&self.file)
            .with_context(|| format!("cannot open {}", self.file.display()))?;
        Ok(intake.take(&self.source, file, asked).await?)
    }
}
