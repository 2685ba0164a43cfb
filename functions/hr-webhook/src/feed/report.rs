//! What a feed came to, for people and for programs. Records are named by their opaque keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::feed::{Absence, Why};
use domain::{Hash, RecordKey, SourceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Most unreadable lines that a report explains.
pub(super) const MOST_EXPLAINED: usize = 50;

/// What a feed came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whose.
    pub source: SourceId,
    /// The instant that it speaks about.
    pub as_of: Timestamp,
    /// SHA-256 of its bytes.
    pub bytes: Hash,
    /// Whether nothing was written: as it was asked, or because it is the last accepted feed again.
    pub dry_run: bool,
    /// Records that came, those that cannot be read among them.
    pub received: u64,
    /// Records of the last accepted feed, if there was one.
    pub previous: Option<u64>,
    /// Records by part of the population.
    pub partitions: BTreeMap<Box<str>, u64>,
    /// Why it is not complete; empty where it is.
    pub reasons: Vec<Why>,
    /// Columns that policy does not map.
    pub columns_ignored: u64,
    /// Lines that cannot be read, and why; the first of them.
    pub unreadable: BTreeMap<u64, String>,
    /// Records that nothing was known about.
    pub new: BTreeSet<RecordKey>,
    /// Records about which it says something new.
    pub changed: BTreeSet<RecordKey>,
    /// Records that are back after their absence had counted as an ending.
    pub back: BTreeSet<RecordKey>,
    /// How many records are as they are known.
    pub unchanged: u64,
    /// Records that are not listed and whose work counts as ended now.
    pub ended: BTreeSet<RecordKey>,
    /// Records that are not listed and have to be missing from more feeds.
    pub waiting: BTreeMap<RecordKey, Absence>,
    /// Records that are not listed, where the feed proves nothing.
    pub unproven: BTreeSet<RecordKey>,
    /// How many records are not listed because the source stated something later.
    pub newer: u64,
    /// How many records are not listed whose work has not begun.
    pub not_begun: u64,
}

impl Report {
    /// Of a feed that speaks about that instant.
    pub(super) fn new(source: SourceId, as_of: Timestamp) -> Self {
        Self {
            source,
            as_of,
            bytes: Hash::default(),
            dry_run: false,
            received: 0,
            previous: None,
            partitions: BTreeMap::new(),
            reasons: Vec::new(),
            columns_ignored: 0,
            unreadable: BTreeMap::new(),
            new: BTreeSet::new(),
            changed: BTreeSet::new(),
            back: BTreeSet::new(),
            unchanged: 0,
            ended: BTreeSet::new(),
            waiting: BTreeMap::new(),
            unproven: BTreeSet::new(),
            newer: 0,
            not_begun: 0,
        }
    }

    /// Whether the feed counts as complete.
    pub fn is_complete(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The same with every record and every unreadable line.
    pub const fn in_full(&self) -> InFull<'_> {
        InFull(self)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let previous = self.previous.map_or_else(
            || "the first feed".to_owned(),
            |previous| format!("{previous} in the last accepted feed"),
        );
        writeln!(
            f,
            "{} records came from `{}` as of {} ({previous})",
            self.received, self.source, self.as_of
        )?;
        if self.dry_run {
            writeln!(f, "nothing of it is written")?;
        }
        writeln!(
            f,
            "listed: {} new, {} changed, {} back, {} that say nothing new",
            self.new.len(),
            self.changed.len(),
            self.back.len(),
            self.unchanged
        )?;
        if self.columns_ignored > 0 {
            writeln!(f, "{} columns are not mapped", self.columns_ignored)?;
        }
        if self.is_complete() {
            writeln!(f, "complete: certified")?;
            writeln!(
                f,
                "not listed: {} ended, {} that have to be missing again first",
                self.ended.len(),
                self.waiting.len()
            )?;
        } else {
            writeln!(
                f,
                "INCOMPLETE: nothing is concluded from what is not listed"
            )?;
            for why in &self.reasons {
                writeln!(f, "  - {why}")?;
            }
            writeln!(
                f,
                "not listed: {}, all left as they are",
                self.unproven.len()
            )?;
        }
        if self.newer + self.not_begun > 0 {
            writeln!(
                f,
                "not listed and not expected: {} stated later, {} not begun yet",
                self.newer, self.not_begun
            )?;
        }
        Ok(())
    }
}

/// A report with every record and every unreadable line.
#[derive(Clone, Copy, Debug)]
pub struct InFull<'a>(&'a Report);

impl fmt::Display for InFull<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        write!(f, "{report}")?;
        for (partition, count) in &report.partitions {
            writeln!(f, "part {partition}: {count}")?;
        }
        for (line, why) in &report.unreadable {
            writeln!(f, "line {line}: {why}")?;
        }
        for (what, records) in [
            ("new", &report.new),
            ("changed", &report.changed),
            ("back", &report.back),
            ("ended", &report.ended),
            ("not listed", &report.unproven),
        ] {
            for record in records {
                writeln!(f, "{what} {record}")?;
            }
        }
        for (record, absence) in &report.waiting {
            writeln!(
                f,
                "waits {record}: missing from {} feeds since {}",
                absence.feeds, absence.since
            )?;
        }
        Ok(())
    }
}
