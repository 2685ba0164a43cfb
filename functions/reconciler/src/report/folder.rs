//! The files of a run before they are put: made in one pass over the findings.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use contract::report::{Evidence, EvidenceRow, FileEntry, FindingRow, Manifest, RunSummary};
use domain::Hash;

use super::tally::Tally;
use super::{
    EVIDENCE, FINDINGS_CSV, FINDINGS_NDJSON, FINDINGS_PARQUET, Report, SUMMARY, csv, ndjson, order,
    parquet, snapshot_id, summary,
};

/// Every file of a run, and the manifest that seals them.
pub(super) struct Folder {
    pub(super) manifest: Manifest,
    pub(super) files: BTreeMap<&'static str, Bytes>,
}

/// Why there are no files. Nothing here repeats a value of a row.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("findings are out of order or come twice")]
    OutOfOrder,
    #[error("a file format failed")]
    Format(#[from] io::Error),
    #[error("an evidence line failed")]
    Evidence(#[from] serde_json::Error),
    #[error("the summary page failed")]
    Page(#[from] askama::Error),
}

impl Folder {
    pub(super) fn new<I>(report: &Report<'_>, rows: I) -> Result<Self, Unwritable>
    where
        I: IntoIterator<Item: Borrow<FindingRow>>,
    {
        let mut tally = Tally::default();
        let mut sheet = csv::Writer::new(Vec::new())?;
        let mut table = parquet::Writer::new(Vec::new())?;
        let mut lines = ndjson::Writer::new(Vec::new())?;
        let mut last: Option<I::Item> = None;
        for item in rows {
            let row = item.borrow();
            if last.is_some_and(|last| order(last.borrow(), row) != Ordering::Less) {
                return Err(Unwritable::OutOfOrder);
            }
            sheet.write(row)?;
            table.write(row)?;
            lines.write(row)?;
            tally.add(row);
            last = Some(item);
        }
        let rows = Some(tally.total());
        let (evidence, evidence_rows) = evidence(report)?;
        let mut folder = Self {
            manifest: Manifest {
                v: 1,
                summary: counted(report.summary, &tally),
                files: BTreeMap::new(),
            },
            files: BTreeMap::new(),
        };
        folder.add(FINDINGS_CSV, sheet.finish()?, rows);
        folder.add(FINDINGS_PARQUET, table.finish()?, rows);
        folder.add(FINDINGS_NDJSON, lines.finish()?, rows);
        folder.add(EVIDENCE, evidence, Some(evidence_rows));
        let page = summary::render(
            &Report {
                summary: &folder.manifest.summary,
                ..*report
            },
            &tally,
            &folder.manifest.files,
        )?;
        folder.add(SUMMARY, page.into_bytes(), None);
        Ok(folder)
    }

    fn add(&mut self, name: &'static str, body: Vec<u8>, rows: Option<u64>) {
        let entry = FileEntry {
            bytes: body.len() as u64,
            sha256: Hash::of(&body),
            rows,
        };
        self.manifest.files.insert(name.into(), entry);
        self.files.insert(name, body.into());
    }
}

/// The summary with the findings of each target as they are in the files.
fn counted(summary: &RunSummary, tally: &Tally) -> RunSummary {
    let mut summary = summary.clone();
    for (name, target) in &mut summary.targets {
        target.findings = tally
            .classes()
            .iter()
            .filter_map(|(class, targets)| Some((*class, *targets.get(name)?)))
            .collect();
    }
    summary
}

/// `evidence.jsonl` and its number of lines: snapshots by target, then facts and plans as given,
/// then parked records.
fn evidence(report: &Report<'_>) -> Result<(Vec<u8>, u64), serde_json::Error> {
    let snapshots = report.summary.targets.iter().flat_map(|(target, result)| {
        [("users", &result.users), ("groups", &result.groups)].map(|(of, proof)| EvidenceRow {
            id: snapshot_id(target, of).into(),
            body: Evidence::Snapshot {
                target: target.clone(),
                of: of.into(),
                certificate: proof.as_ref().ok().cloned(),
                incomplete: proof.as_ref().err().cloned(),
            },
        })
    });
    let parked = report.parked.iter().map(|row| EvidenceRow {
        id: format!("record:{}", row.record).into(),
        body: Evidence::Parked { row: row.clone() },
    });
    let mut lines = Vec::new();
    let mut count = 0;
    for row in snapshots
        .chain(report.evidence.iter().cloned())
        .chain(parked)
    {
        serde_json::to_writer(&mut lines, &row)?;
        lines.push(b'\n');
        count += 1;
    }
    Ok((lines, count))
}
