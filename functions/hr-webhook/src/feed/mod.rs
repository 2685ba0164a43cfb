//! Full feeds: a file with all worker records of a source, read line by line.
//!
//! Every record goes through the validation and translation of a post and becomes facts only where
//! it says something new. Additions and changes count record by record, whatever the rest of the
//! file is like. That a record is *not* listed counts only with a certificate
//! (`domain::feed::Acceptor`), and only when it was missing before.
//!
//! It decides nothing about a person and calls no target.

mod csv;
mod json;
mod lines;
mod memory;
mod missing;
mod report;
mod write;

use std::io::{self, Read, Seek};
use std::sync::Arc;

use domain::feed::{
    Accepted, Acceptor, Concluded, Evidence, FeedFormat, FeedPolicy, Header, Incomplete, Unchanged,
    ahead, conclude, remember,
};
use domain::policy::Source;
use domain::standardise::standard;
use domain::{EventId, Fact, FactBody, Hash, Policy, SourceId};
use jiff::Timestamp;
use ports::{Clock, Fault, Lanes, Objects, Store};
use telemetry::{Dimensions, Metric, emit};

use crate::key::{Salt, record_key};
use lines::Lines;
use report::MOST_EXPLAINED;

pub use memory::key as memory_key;
pub use report::{InFull, Report};

/// Records whose facts are read, judged and written together. A record yields two facts at most,
/// and one delivery takes 90 in one piece.
const TOGETHER: usize = 40;

/// Event ids of deletions that were concluded begin so.
pub(crate) const CONCLUDED: &str = "feed-missing-";

/// What whoever delivers a feed says about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// The instant that it speaks about, where the file does not say.
    pub as_of: Option<Timestamp>,
    /// The number of its records, where the file does not say.
    pub total: Option<u64>,
    /// The number of records that a human has found right, whatever the limits say.
    pub population: Option<u64>,
    /// Read, judge and report; write nothing.
    pub dry_run: bool,
}

/// Why a feed could not be taken at all.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Policy has no such source.
    #[error("policy has no source `{0}`")]
    NoSource(SourceId),
    /// Policy says nothing about feeds of that source.
    #[error("the source `{0}` delivers no feeds: add `[sources.{0}.feed]` to the policy")]
    NoFeed(SourceId),
    /// The file cannot be read.
    #[error("the feed cannot be read")]
    Read(#[source] io::Error),
    /// It does not begin as a feed does.
    #[error("{0}")]
    Header(String),
    /// It is another source's.
    #[error("the header names another source")]
    OtherSource,
    /// Nobody says which instant it speaks about.
    #[error("the feed does not say which instant it speaks about: give --as-of")]
    NoTime,
    /// It speaks about an instant that is to come. What it states would hold against everything
    /// that is said until then.
    #[error("the feed speaks about {0}, which is to come: is that its time?")]
    Future(Timestamp),
    /// Table, queue or objects failed. What was written stays; the same feed can be taken again.
    #[error("the feed was not taken to its end; take it again")]
    Fault(#[source] Fault),
}

/// The intake of feeds.
#[derive(Debug)]
pub struct FeedIntake<S, L, O, C> {
    store: S,
    lanes: L,
    objects: O,
    clock: C,
    policy: Arc<Policy>,
    salt: Salt,
}

/// What every line of a feed shares.
struct Taking<'a> {
    source_id: &'a SourceId,
    source: &'a Source,
    feed: &'a FeedPolicy,
    policy: &'a Policy,
    salt: &'a Salt,
    now: Timestamp,
    asked: &'a Asked,
    /// The instant that the feed speaks about; now, until the header is read.
    as_of: Timestamp,
}

/// What a line says.
enum Item {
    Record(Box<Fact>),
    Unreadable(String),
    Page { page: u64, records: u64 },
    Trailer { total: Option<u64> },
}

/// The id under which a feed states something: the same feed read again states the same.
fn event_of(taking: &Taking<'_>, part: &[u8]) -> EventId {
    let as_of = taking.as_of.to_string();
    let source = taking.source_id.as_str().as_bytes();
    let hash = Hash::of_parts([source, as_of.as_bytes(), part]);
    EventId::new(format!("feed-{hash}"))
}

impl<S: Store, L: Lanes, O: Objects, C: Clock> FeedIntake<S, L, O, C> {
    /// An intake under one policy version.
    pub const fn new(
        store: S,
        lanes: L,
        objects: O,
        clock: C,
        policy: Arc<Policy>,
        salt: Salt,
    ) -> Self {
        Self {
            store,
            lanes,
            objects,
            clock,
            policy,
            salt,
        }
    }

    /// Takes a feed of a source, from its first byte to its last. The last accepted feed once more
    /// is reported as such and states nothing: a flat file says nothing about its age, and what was
    /// said since would be taken back by yesterday's.
    pub async fn take<R: Read + Seek + Send>(
        &self,
        source: &SourceId,
        mut input: R,
        mut asked: Asked,
    ) -> Result<Report, FeedError> {
        let Some((source_id, source)) = self.policy.sources.get_key_value(source) else {
            return Err(FeedError::NoSource(source.clone()));
        };
        let Some(feed) = &source.feed else {
            return Err(FeedError::NoFeed(source_id.clone()));
        };
        let last = memory::load(&self.objects, source_id).await;
        let last = last.map_err(FeedError::Fault)?;
        if feed.unchanged == Unchanged::Refuse && is_again(&mut input, last.as_ref())? {
            asked.dry_run = true;
        }
        let now = self.clock.now();
        let mut taking = Taking {
            source_id,
            source,
            feed,
            policy: &self.policy,
            salt: &self.salt,
            now,
            asked: &asked,
            as_of: now,
        };
        let mut lines = Lines::new(input);
        let (header, columns) = match &feed.format {
            FeedFormat::JsonLines => (json::header(&mut lines, &taking)?, None),
            FeedFormat::Csv(csv) => {
                let (header, columns) = csv::header(&mut lines, csv, &taking)?;
                (header, Some(columns))
            }
        };
        if header.as_of > ahead(now) {
            return Err(FeedError::Future(header.as_of));
        }
        taking.as_of = header.as_of;
        let mut read = Reading::new(source_id, header);
        read.report.dry_run = asked.dry_run;
        read.report.previous = last.as_ref().map(|last| last.received);
        read.report.columns_ignored = columns.as_ref().map_or(0, |columns| columns.ignored);
        self.read(&taking, &mut lines, columns.as_ref(), &mut read)
            .await
            .map_err(FeedError::Fault)?;
        let line = lines.number();
        match lines.digest() {
            Ok(bytes) => read.report.bytes = bytes,
            Err(error) => read.acceptor.broke_off(line, error.kind().to_string()),
        }
        self.judge(&taking, read, last.as_ref())
            .await
            .map_err(FeedError::Fault)
    }

    /// Reads to the end or to where reading fails, and writes what is new.
    async fn read<R: Read + Send>(
        &self,
        taking: &Taking<'_>,
        lines: &mut Lines<R>,
        columns: Option<&csv::Columns>,
        read: &mut Reading,
    ) -> Result<(), Fault> {
        let mut together = Vec::with_capacity(TOGETHER);
        loop {
            let (line, item) = match next(taking, lines, columns) {
                Ok(Some(next)) => next,
                Ok(None) => break,
                Err(error) => {
                    let line = lines.number();
                    read.acceptor.broke_off(line, error.kind().to_string());
                    break;
                }
            };
            if let Some(fact) = read.heard(taking, line, item) {
                together.push(*fact);
            }
            if together.len() == TOGETHER {
                self.write(taking, std::mem::take(&mut together), &mut read.report)
                    .await?;
            }
        }
        // A flat file without a trailer of its own ends where it ends; its total is stated apart.
        if let FeedFormat::Csv(csv) = &taking.feed.format
            && csv.trailer.is_none()
        {
            read.acceptor.trailer(lines.number(), None);
        }
        self.write(taking, together, &mut read.report).await
    }

    /// Whether it is everything, and what follows for records that it does not list.
    async fn judge(
        &self,
        taking: &Taking<'_>,
        mut read: Reading,
        last: Option<&Accepted>,
    ) -> Result<Report, Fault> {
        let found = self.missing(taking, &read.acceptor).await?;
        let report = &mut read.report;
        report.received = read.acceptor.received();
        report.partitions.clone_from(read.acceptor.partitions());
        report.newer = found.newer;
        report.not_begun = found.not_begun;
        let sentinels: Vec<_> = taking
            .feed
            .sentinels
            .iter()
            .map(|worker| record_key(taking.salt, taking.source_id, worker.as_str()))
            .collect();
        let verdict = read.acceptor.finish(&Evidence {
            policy: taking.feed,
            last,
            bytes: report.bytes,
            at: taking.now,
            sentinels: &sentinels,
            known: found.known,
            missing: found.missing.len() as u64,
            population: taking.asked.population,
        });
        let counted = Dimensions::source(taking.source_id);
        let proof = match verdict {
            Ok(proof) => proof,
            Err(Incomplete(reasons)) => {
                let count = reasons.len();
                let source = taking.source_id.as_str();
                tracing::warn!(source, count, "a feed is incomplete");
                emit(Metric::FeedIncomplete, 1.0, counted);
                report.reasons = reasons;
                report.unproven = found.missing;
                return Ok(read.report);
            }
        };
        let Concluded { ended, waiting } = conclude(
            &proof,
            last,
            &found.missing,
            taking.as_of,
            taking.feed.confirm,
        );
        report.ended = ended;
        report.waiting = waiting;
        if taking.asked.dry_run {
            return Ok(read.report);
        }
        self.end(taking, &report.ended).await?;
        // Last of all: a feed that was not taken to its end is taken again.
        let accepted = Accepted {
            as_of: taking.as_of,
            at: taking.now,
            bytes: report.bytes,
            received: proof.received,
            partitions: report.partitions.clone(),
            missing: report.waiting.clone(),
            past: last.map_or_else(Vec::new, |last| {
                remember(last, taking.asked.population == Some(proof.received))
            }),
        };
        memory::save(&self.objects, taking.source_id, &accepted).await?;
        emit(Metric::FeedAccepted, 1.0, counted);
        Ok(read.report)
    }
}

/// Whether a file is the last accepted feed, byte for byte. Reads it once, and stands at its begin
/// again. Whether it can be read to its end is found out by whoever reads it next.
fn is_again<R: Read + Seek>(input: &mut R, last: Option<&Accepted>) -> Result<bool, FeedError> {
    let Some(last) = last else { return Ok(false) };
    let again = Lines::new(&mut *input)
        .digest()
        .is_ok_and(|bytes| bytes == last.bytes);
    input.rewind().map_err(FeedError::Read)?;
    Ok(again)
}

fn next<R: Read>(
    taking: &Taking<'_>,
    lines: &mut Lines<R>,
    columns: Option<&csv::Columns>,
) -> io::Result<Option<(u64, Item)>> {
    match (&taking.feed.format, columns) {
        (FeedFormat::Csv(csv), Some(columns)) => Ok(csv::row(lines, csv.delimiter)?
            .map(|row| (row.line, csv::item(&row, csv, columns, taking)))),
        (FeedFormat::Csv(_) | FeedFormat::JsonLines, _) => Ok(lines
            .next()?
            .map(|line| (line.number, json::item(&line, taking)))),
    }
}

/// A feed that is being read.
struct Reading {
    acceptor: Acceptor,
    report: Report,
}

impl Reading {
    fn new(source: &SourceId, header: Header) -> Self {
        Self {
            acceptor: Acceptor::new(header),
            report: Report::new(source.clone(), header.as_of),
        }
    }

    /// Takes in a line. Returns the statement of a record that is listed for the first time.
    fn heard(&mut self, taking: &Taking<'_>, line: u64, item: Item) -> Option<Box<Fact>> {
        match item {
            Item::Record(fact) => {
                let part = partition(taking, &fact);
                let part = part.as_deref();
                self.acceptor
                    .record(line, &fact.record, part, fact.recorded_at)
                    .then_some(fact)
            }
            Item::Unreadable(why) => {
                self.acceptor.unreadable(line);
                if self.report.unreadable.len() < MOST_EXPLAINED {
                    self.report.unreadable.insert(line, why);
                }
                None
            }
            Item::Page { page, records } => {
                self.acceptor.page(line, page, records);
                None
            }
            Item::Trailer { total } => {
                self.acceptor.trailer(line, total);
                None
            }
        }
    }
}

/// The part of the population that a record belongs to, as standardised.
fn partition(taking: &Taking<'_>, fact: &Fact) -> Option<String> {
    let by = taking.feed.partition.as_ref()?.by;
    match &fact.body {
        FactBody::Assert { attrs, .. } => {
            let text = attrs.reveal().text(by)?.trim();
            Some(standard(taking.policy, by, text).to_owned()).filter(|text| !text.is_empty())
        }
        FactBody::Rescind { .. } | FactBody::Delete => None,
    }
}
