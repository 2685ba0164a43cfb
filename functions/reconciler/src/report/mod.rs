//! The nightly report: one folder of files per run, the manifest last. A folder without a
//! manifest is a run that did not finish, and nobody reads it.
//!
//! Everything here is a function of what it is given: equal input gives equal bytes. Nothing
//! here decides anything about an account.

mod columns;
pub mod csv;
mod folder;
pub mod history;
pub mod ndjson;
pub mod parquet;
#[cfg(test)]
mod sample;
mod summary;
mod tally;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Borrow;
use std::cmp::Ordering;

use bytes::Bytes;
use contract::report::{EvidenceRow, FindingRow, Manifest, ParkedRow, RunSummary};
use jiff::civil::Date;
use ports::objects::Put;
use ports::{Fault, Objects};

use self::folder::Folder;

/// For people: verdict, completeness, what changed, what to do.
pub const SUMMARY: &str = "summary.html";
/// For spreadsheets.
pub const FINDINGS_CSV: &str = "findings.csv";
/// For query engines.
pub const FINDINGS_PARQUET: &str = "findings.parquet";
/// For machines and the next run.
pub const FINDINGS_NDJSON: &str = "findings.jsonl.zst";
/// What the findings rest on.
pub const EVIDENCE: &str = "evidence.jsonl";
/// The mark of a finished run.
pub const MANIFEST: &str = "manifest.json";

/// Everything of a run but its findings.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What the run came to.
    pub summary: &'a RunSummary,
    /// Runs before this one, oldest first.
    pub history: &'a [RunSummary],
    /// Findings of the previous run that are gone; some of them, if there are many.
    pub closed: &'a [FindingRow],
    /// Worker records that wait for HR or a human.
    pub parked: &'a [ParkedRow],
    /// Facts and plans that the findings name. Snapshots are taken from the summary, parked
    /// records from `parked`.
    pub evidence: &'a [EvidenceRow],
}

/// Where the files of a run are: the part of their keys before the file name.
pub fn folder(date: Date, run: &str) -> String {
    format!("reports/v1/date={date}/run={run}/")
}

/// Puts findings in the order of a report: worst first, then by class, target, user name and
/// hash.
pub fn sort(rows: &mut [FindingRow]) {
    rows.sort_unstable_by(order);
}

fn order(a: &FindingRow, b: &FindingRow) -> Ordering {
    (a.severity, a.class, &a.target, &a.user_name, a.finding).cmp(&(
        b.severity,
        b.class,
        &b.target,
        &b.user_name,
        b.finding,
    ))
}

/// The id by which findings name a target's listing as their evidence; `of` is `users` or
/// `groups`.
pub fn snapshot_id(target: &domain::TargetId, of: &str) -> String {
    format!("snapshot:{target}:{of}")
}

/// Writes the files of a run, the manifest last. Rows come in the order of [`sort`], no finding
/// twice; the summary's findings by class are counted from them. Writing the same report again changes nothing; another report for a finished run is
/// refused.
pub async fn write<O, I>(objects: &O, report: &Report<'_>, rows: I) -> Result<Manifest, Fault>
where
    O: Objects,
    I: IntoIterator<Item: Borrow<FindingRow>> + Send,
{
    let summary = report.summary;
    if !is_opaque(&summary.run) {
        return Err(bad_id());
    }
    let Folder { manifest, files } = Folder::new(report, rows)
        .map_err(|error| Fault::reject(format!("the report cannot be written: {error}")))?;
    let seal = serde_json::to_vec_pretty(&manifest)
        .map(Bytes::from)
        .map_err(|_| Fault::reject("the manifest cannot be written"))?;

    let folder = folder(summary.date, &summary.run);
    let key = format!("{folder}{MANIFEST}");
    if let Some(finished) = objects.get(&key).await? {
        return settled(&finished, &seal, manifest);
    }
    for (name, body) in files {
        objects.put(&format!("{folder}{name}"), body).await?;
    }
    match objects.put_new(&key, seal.clone()).await? {
        Put::Written => Ok(manifest),
        Put::Exists => {
            let finished = objects.get(&key).await?.unwrap_or_default();
            settled(&finished, &seal, manifest)
        }
    }
}

fn settled(finished: &[u8], ours: &[u8], manifest: Manifest) -> Result<Manifest, Fault> {
    if finished == ours {
        Ok(manifest)
    } else {
        Err(Fault::reject(
            "the run is finished and its report differs; a new report needs a new run",
        ))
    }
}

pub(crate) fn bad_id() -> Fault {
    Fault::reject("a run id is 1 to 64 letters, digits, `-`, `_` and `.`")
}

pub(crate) fn is_opaque(run: &str) -> bool {
    (1..=64).contains(&run.len())
        && run
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !run.starts_with('.')
}
