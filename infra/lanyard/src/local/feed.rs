//! Feeds as files on this machine.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context as _;
use domain::SourceId;
use hr_webhook::feed::{Asked, Report};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store_dynamodb::DynamoStore;

use crate::stack::Stack;

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
    /// Hands the file to a stack.
    pub async fn take(&self, stack: &Stack<DynamoStore>) -> anyhow::Result<Report> {
        let asked = Asked {
            as_of: self.as_of,
            total: self.total,
            population: self.population,
            dry_run: self.dry_run,
        };
        let file = File::open(&self.file)
            .with_context(|| format!("cannot open {}", self.file.display()))?;
        Ok(stack.feeds().take(&self.source, file, asked).await?)
    }
}
