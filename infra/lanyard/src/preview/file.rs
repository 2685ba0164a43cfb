//! Exported state, `lanyard.state.v1`: a line of JSON that says what the file is, then one line
//! per identity with its facts, the planner's part and the connectors' parts. It holds personal
//! data, like the table it comes from.
//!
//! Reading keeps an index in memory and the people on the disk.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail, ensure};
use domain::case::Decision;
use domain::limit::Meter;
use domain::{
    AccountRecord, Fact, Generation, Hash, IdentityId, IdentityRecord, RecordKey, TargetId,
};
use jiff::Timestamp;
use ports::store::{ClaimKey, Dossier, ScanPage, Seat};
use ports::{Fault, Store, Walk};
use serde::{Deserialize, Serialize};

/// What the first line says.
pub const FORMAT: &str = "lanyard.state.v1";

/// Identities of one page.
const PAGE: usize = 100;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: Box<str>,
    /// When the state was read.
    pub at: Timestamp,
    /// The policy version that was active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Hash>,
    /// The meters of targets by which limits count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub meters: BTreeMap<TargetId, Meter>,
}

/// One identity.
#[derive(Serialize, Deserialize)]
struct Line {
    identity: IdentityId,
    record: IdentityRecord,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    accounts: BTreeMap<TargetId, AccountRecord>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    owed: BTreeMap<TargetId, Generation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wake_at: Option<Timestamp>,
    /// Of every record of the identity.
    facts: Vec<Fact>,
    /// What operators decided, by the record that it is about.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    decisions: BTreeMap<RecordKey, Vec<Decision>>,
}

/// What the index keeps of a line.
#[derive(Deserialize)]
struct Indexed {
    identity: IdentityId,
    record: IndexedRecord,
    facts: Vec<IndexedFact>,
}

#[derive(Deserialize)]
struct IndexedRecord {
    records: Vec<IndexedLink>,
    #[serde(default)]
    claims: Vec<Box<str>>,
}

#[derive(Deserialize)]
struct IndexedLink {
    record: RecordKey,
}

#[derive(Deserialize)]
struct IndexedFact {
    source: Box<str>,
    worker: Box<str>,
}

/// Writes everybody; returns how many there are. Whoever has no facts and no record of its own
/// (a place that was given up) is left out.
pub async fn export<S: Store>(
    store: &S,
    header: &Header,
    out: &mut impl Write,
) -> anyhow::Result<u64> {
    let mut count = 0;
    serde_json::to_writer(&mut *out, header)?;
    out.write_all(b"\n")?;
    let mut walk = Walk::over(store);
    while let Some(rows) = walk.page().await? {
        for (identity, seat) in rows {
            let (mut facts, mut decisions) = (Vec::new(), BTreeMap::new());
            for correlation in &seat.record.records {
                let dossier = store.dossier(&correlation.record).await?;
                facts.extend(dossier.facts);
                if !dossier.decisions.is_empty() {
                    decisions.insert(dossier.key, dossier.decisions);
                }
            }
            if seat.record.records.is_empty() {
                continue;
            }
            let line = Line {
                identity,
                record: seat.record,
                accounts: seat.accounts,
                owed: seat.owed,
                wake_at: seat.wake_at,
                facts,
                decisions,
            };
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
            count += 1;
        }
    }
    Ok(count)
}

/// Makes the file of an export: nobody else may read it, and it appears whole or not at all.
pub async fn export_to<S: Store>(store: &S, header: &Header, path: &Path) -> anyhow::Result<u64> {
    let beside = path.with_extension("unfinished");
    let cannot = || format!("cannot write {}", path.display());
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .with_context(cannot)?;
    let mut out = std::io::BufWriter::new(file);
    let count = export(store, header, &mut out).await?;
    let file = out.into_inner().with_context(cannot)?;
    file.sync_all().with_context(cannot)?;
    std::fs::rename(&beside, path).with_context(cannot)?;
    Ok(count)
}

/// Where a line lies.
#[derive(Clone, Copy)]
struct Place {
    at: u64,
    length: usize,
}

/// An exported file, open for reading.
#[derive(Clone)]
pub struct StateFile(Arc<Inner>);

struct Inner {
    header: Header,
    file: Mutex<File>,
    lines: Vec<Place>,
    /// Whose line each is.
    order: Vec<IdentityId>,
    /// Line by identity.
    identities: BTreeMap<IdentityId, usize>,
    /// Identity by record that was linked to it later.
    links: BTreeMap<RecordKey, IdentityId>,
    /// Holders by claim, as identity items remember them.
    claims: BTreeMap<Box<str>, Vec<IdentityId>>,
    workers: BTreeMap<(Box<str>, Box<str>), Vec<IdentityId>>,
}

impl StateFile {
    /// Reads the index.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("cannot read {}", path.display());
        let file = File::open(path).with_context(named)?;
        let mut reader = BufReader::new(file.try_clone().with_context(named)?);
        let mut text = Vec::new();
        let mut at = reader.read_until(b'\n', &mut text).with_context(named)? as u64;
        let header: Header = serde_json::from_slice(&text)
            .with_context(|| format!("{} does not begin like exported state", path.display()))?;
        ensure!(
            &*header.format == FORMAT,
            "{} is `{}`; this program reads `{FORMAT}`",
            path.display(),
            header.format
        );
        let mut inner = Inner {
            header,
            file: Mutex::new(file),
            lines: Vec::new(),
            order: Vec::new(),
            identities: BTreeMap::new(),
            links: BTreeMap::new(),
            claims: BTreeMap::new(),
            workers: BTreeMap::new(),
        };
        loop {
            text.clear();
            let length = reader.read_until(b'\n', &mut text).with_context(named)?;
            if length == 0 {
                return Ok(Self(Arc::new(inner)));
            }
            let number = inner.lines.len() + 2;
            if text.last() != Some(&b'\n') {
                bail!("{} ends in the middle of line {number}", path.display());
            }
            let line: Indexed = serde_json::from_slice(&text)
                .map_err(|error| anyhow::anyhow!("column {}", error.column()))
                .with_context(|| {
                    format!("line {number} of {} does not read back", path.display())
                })?;
            inner.index(line, Place { at, length });
            at += length as u64;
        }
    }

    /// What the first line says.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// Everybody, in the order of the lines, so that reading one after the other reads on.
    pub fn everybody(&self) -> impl Iterator<Item = &IdentityId> {
        self.0.order.iter()
    }

    /// Identities with a record of that name in its source.
    pub fn by_worker(&self, source: Option<&str>, worker: &str) -> Vec<IdentityId> {
        let found = self.0.workers.iter().filter(|((from, id), _)| {
            &**id == worker && source.is_none_or(|source| source == &**from)
        });
        found.flat_map(|(_, holders)| holders).cloned().collect()
    }

    /// One page of everybody.
    pub fn page(&self, after: Option<&str>) -> Result<ScanPage, Fault> {
        let from: usize = after
            .map_or(Ok(0), str::parse)
            .map_err(|_| Fault::reject("a cursor is not one of ours"))?;
        let rows = (from..self.0.lines.len())
            .take(PAGE)
            .map(|index| {
                let line = self.line(index)?;
                Ok((line.identity.clone(), line.seat()))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let next = from + rows.len();
        Ok(ScanPage {
            next: (next < self.0.lines.len()).then(|| next.to_string()),
            rows,
        })
    }

    /// Everything about one worker record.
    pub fn dossier(&self, key: &RecordKey) -> Result<Dossier, Fault> {
        let mut dossier = Dossier {
            key: key.clone(),
            facts: Vec::new(),
            decisions: Vec::new(),
            seat: None,
            link: None,
        };
        let linked = self.0.links.get(key);
        let identity = linked.cloned().unwrap_or_else(|| IdentityId::from(key));
        let Some(index) = self.0.identities.get(&identity) else {
            return Ok(dossier);
        };
        let mut line = self.line(*index)?;
        dossier.facts = std::mem::take(&mut line.facts);
        dossier.facts.retain(|fact| fact.record == *key);
        dossier.decisions = line.decisions.remove(key).unwrap_or_default();
        dossier.link = linked.cloned();
        dossier.seat = linked.is_none().then(|| line.seat());
        Ok(dossier)
    }

    /// Who holds these claims.
    pub fn holders(&self, keys: &[ClaimKey]) -> Vec<(ClaimKey, IdentityId)> {
        keys.iter()
            .flat_map(|key| {
                let value = key.value.to_string();
                let name = format!("{}:{}", key.namespace, value.get(..16).unwrap_or(&value));
                let holders = self.0.claims.get(name.as_str()).into_iter().flatten();
                holders.map(|holder| (key.clone(), holder.clone()))
            })
            .collect()
    }

    fn line(&self, index: usize) -> Result<Line, Fault> {
        let place = self.0.lines.get(index).copied();
        let place = place.ok_or_else(|| Fault::reject("a line is not in the file"))?;
        let mut text = vec![0; place.length];
        let read = {
            let mut file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(place.at))
                .and_then(|_| file.read_exact(&mut text))
        };
        read.map_err(|error| Fault::retry(format!("the state was not read: {error}")))?;
        serde_json::from_slice(&text).map_err(|error| {
            let (line, column) = (index + 2, error.column());
            Fault::reject(format!(
                "line {line}, column {column} of the state does not read back"
            ))
        })
    }
}

impl Inner {
    fn index(&mut self, line: Indexed, place: Place) {
        for linked in line.record.records.iter().skip(1) {
            self.links
                .insert(linked.record.clone(), line.identity.clone());
        }
        for claim in line.record.claims {
            let holders = self.claims.entry(claim).or_default();
            holders.push(line.identity.clone());
            holders.sort();
        }
        let mut workers: Vec<(Box<str>, Box<str>)> = line
            .facts
            .into_iter()
            .map(|fact| (fact.source, fact.worker))
            .collect();
        workers.sort();
        workers.dedup();
        for worker in workers {
            let holders = self.workers.entry(worker).or_default();
            holders.push(line.identity.clone());
        }
        self.order.push(line.identity.clone());
        self.identities.insert(line.identity, self.lines.len());
        self.lines.push(place);
    }
}

impl Line {
    fn seat(self) -> Seat {
        Seat {
            record: self.record,
            accounts: self.accounts,
            owed: self.owed,
            wake_at: self.wake_at,
        }
    }
}
