//! Earlier runs: their summaries for the trend, and the findings of the last one, from which a
//! finding gets its age.

use std::collections::{BTreeMap, BTreeSet};

use contract::report::{FindingRow, Manifest, RunSummary, TargetResult};
use domain::{Hash, TargetId};
use jiff::civil::Date;
use jiff::{Span, Unit};
use ports::{Fault, Objects};

use super::{FINDINGS_NDJSON, MANIFEST, folder, ndjson, snapshot_id, sort};

/// How far back [`load`] looks. A finding that was last reported before that counts as new.
const MONTHS: i64 = 13;

/// How many closed findings [`Carried`] keeps, for the summary.
const CLOSED_ROWS: usize = 200;

/// Finished runs before a given one.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// Their manifests, oldest first.
    pub manifests: Vec<Manifest>,
}

impl Earlier {
    /// The last of them.
    pub fn previous(&self) -> Option<&Manifest> {
        self.manifests.last()
    }

    /// What they came to, oldest first.
    pub fn summaries(&self) -> Vec<RunSummary> {
        self.manifests
            .iter()
            .map(|manifest| manifest.summary.clone())
            .collect()
    }
}

/// What the findings of the previous run say about those of this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Findings that the previous run did not have.
    pub new: u64,
    /// Findings of the previous run that are gone.
    pub closed: u64,
    /// Findings of the previous run that this one could neither see nor rule out. They were
    /// added to the rows, undecided.
    pub unseen: u64,
    /// The first of the closed ones in the order of a report.
    pub closed_rows: Vec<FindingRow>,
}

/// Loads the last `keep` finished runs before the given one.
pub async fn load<O: Objects>(
    objects: &O,
    date: Date,
    run: &str,
    keep: usize,
) -> Result<Earlier, Fault> {
    let this = folder(date, run);
    let mut manifests = Vec::new();
    for back in 0..MONTHS {
        if manifests.len() >= keep {
            break;
        }
        let Ok(month) = date.first_of_month().checked_sub(Span::new().months(back)) else {
            break;
        };
        let prefix = format!("reports/v1/date={:04}-{:02}-", month.year(), month.month());
        let mut keys = objects.list(&prefix).await?;
        keys.retain(|key| {
            key.strip_suffix(MANIFEST)
                .is_some_and(|folder| folder < this.as_str())
        });
        keys.sort_unstable();
        for key in keys.iter().rev().take(keep - manifests.len()) {
            let Some(body) = objects.get(key).await? else {
                continue;
            };
            let manifest = serde_json::from_slice(&body)
                .map_err(|_| Fault::reject(format!("`{key}` is not a manifest of version 1")))?;
            manifests.push(manifest);
        }
    }
    manifests.reverse();
    Ok(Earlier { manifests })
}

/// Gives the findings of this run their first day, age and number of runs, from the previous
/// run's. A previous finding that is missing now is closed only where its target was observed in
/// full; elsewhere it is added to the rows again, as `unseen`. Leaves the rows sorted.
pub async fn carry<O: Objects>(
    objects: &O,
    previous: Option<&Manifest>,
    targets: &BTreeMap<TargetId, TargetResult>,
    date: Date,
    rows: &mut Vec<FindingRow>,
) -> Result<Carried, Fault> {
    let mut carried = Carried::default();
    let mut fresh: BTreeMap<Hash, usize> = BTreeMap::new();
    for (at, row) in rows.iter_mut().enumerate() {
        row.first_seen = date;
        row.age_days = 0;
        row.runs_seen = 1;
        fresh.insert(row.finding, at);
    }
    if let Some(manifest) = previous {
        let unproven = unproven(targets);
        let body = findings_of(objects, manifest).await?;
        let unreadable = |error: std::io::Error| {
            Fault::reject(format!(
                "the findings of run `{}` cannot be read: {}",
                manifest.summary.run,
                error.kind()
            ))
        };
        for old in ndjson::Reader::new(&*body).map_err(unreadable)? {
            let old = old.map_err(unreadable)?;
            if let Some(row) = fresh.remove(&old.finding).and_then(|at| rows.get_mut(at)) {
                row.first_seen = old.first_seen;
                row.age_days = days(old.first_seen, date);
                row.runs_seen = old.runs_seen.saturating_add(1);
            } else if is_unproven(&unproven, &old) {
                carried.unseen += 1;
                rows.push(FindingRow {
                    age_days: days(old.first_seen, date),
                    decision: "unseen".into(),
                    decided_by: "".into(),
                    ..old
                });
            } else {
                carried.closed += 1;
                if carried.closed_rows.len() < CLOSED_ROWS {
                    carried.closed_rows.push(old);
                }
            }
        }
    }
    carried.new = fresh.len() as u64;
    sort(rows);
    Ok(carried)
}

/// The findings of a finished run, checked against its manifest.
async fn findings_of<O: Objects>(objects: &O, manifest: &Manifest) -> Result<bytes::Bytes, Fault> {
    let run = &manifest.summary.run;
    let key = format!("{}{FINDINGS_NDJSON}", folder(manifest.summary.date, run));
    let body = objects.get(&key).await?.ok_or_else(|| {
        Fault::reject(format!(
            "the findings of run `{run}` are gone; restore them or delete its manifest"
        ))
    })?;
    let sealed = manifest.files.get(FINDINGS_NDJSON).map(|file| file.sha256);
    if sealed == Some(Hash::of(&body)) {
        Ok(body)
    } else {
        Err(Fault::reject(format!(
            "the findings of run `{run}` are not those of its manifest; restore them or delete \
             its manifest"
        )))
    }
}

/// The listings without a certificate, by the ids under which findings name them.
fn unproven(targets: &BTreeMap<TargetId, TargetResult>) -> BTreeSet<String> {
    targets
        .iter()
        .flat_map(|(target, result)| {
            [("users", &result.users), ("groups", &result.groups)]
                .into_iter()
                .filter(|(_, proof)| proof.is_err())
                .map(|(of, _)| snapshot_id(target, of))
        })
        .collect()
}

/// Whether this run cannot know if an earlier finding still holds: it rests on a listing without
/// a certificate. Every finding rests on the users.
fn is_unproven(unproven: &BTreeSet<String>, old: &FindingRow) -> bool {
    unproven.contains(&snapshot_id(&old.target, "users"))
        || old.evidence.split("; ").any(|id| unproven.contains(id))
}

fn days(from: Date, to: Date) -> u32 {
    from.until((Unit::Day, to))
        .map_or(0, |span| u32::try_from(span.get_days()).unwrap_or(0))
}
