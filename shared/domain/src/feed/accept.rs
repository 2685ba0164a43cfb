//! Whether a feed is everything.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_128;

use super::{Accepted, FeedPolicy, Incomplete, Unchanged, Usual, Why};
use crate::{Certificate, Hash, RecordKey};

/// How far the source's clock may be ahead of ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What a feed says about itself before its first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The instant that it speaks about.
    pub as_of: Timestamp,
    /// How many records it will list.
    pub total: Option<u64>,
    /// In how many pages.
    pub pages: Option<u64>,
}

/// What a verdict rests on besides the feed itself.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What policy asks for.
    pub policy: &'a FeedPolicy,
    /// The last accepted feed.
    pub last: Option<&'a Accepted>,
    /// SHA-256 of the bytes.
    pub bytes: Hash,
    /// When it was read.
    pub at: Timestamp,
    /// The policy's sentinels as records.
    pub sentinels: &'a [RecordKey],
    /// Records of the source that we know and that have not ended. They stand in where no feed was
    /// accepted yet.
    pub known: u64,
    /// Those of them that the feed should list and does not.
    pub missing: u64,
    /// The population that a human says is right.
    pub population: Option<u64>,
}

/// Watches one feed from its header to its trailer. Keeps 16 bytes of every record.
#[derive(Clone, Debug)]
pub struct Acceptor {
    header: Header,
    seen: BTreeSet<u128>,
    digest: Sha256,
    partitions: BTreeMap<Box<str>, u64>,
    received: u64,
    on_page: u64,
    pages: u64,
    closed: bool,
    closing_total: Option<u64>,
    repeated: Few,
    unreadable: Few,
    later: Few,
    reasons: Vec<Why>,
}

/// How many of something, and where the first is.
#[derive(Clone, Copy, Debug, Default)]
struct Few {
    line: u64,
    count: u64,
}

impl Few {
    const fn add(&mut self, line: u64) {
        if self.count == 0 {
            self.line = line;
        }
        self.count += 1;
    }

    fn some(self) -> Option<(u64, u64)> {
        (self.count > 0).then_some((self.line, self.count))
    }
}

impl Acceptor {
    /// At the header.
    pub fn new(header: Header) -> Self {
        Self {
            header,
            seen: BTreeSet::new(),
            digest: Sha256::new(),
            partitions: BTreeMap::new(),
            received: 0,
            on_page: 0,
            pages: 0,
            closed: false,
            closing_total: None,
            repeated: Few::default(),
            unreadable: Few::default(),
            later: Few::default(),
            reasons: Vec::new(),
        }
    }

    /// A worker record in that line, of that part of the population. Returns whether it is the
    /// first time.
    pub fn record(
        &mut self,
        line: u64,
        record: &RecordKey,
        partition: Option<&str>,
        recorded_at: Timestamp,
    ) -> bool {
        self.still_open(line);
        self.received += 1;
        self.on_page += 1;
        let first = self.seen.insert(short(record));
        if !first {
            self.repeated.add(line);
        }
        self.digest
            .update((record.as_str().len() as u64).to_be_bytes());
        self.digest.update(record.as_str());
        if let Some(partition) = partition {
            if let Some(count) = self.partitions.get_mut(partition) {
                *count += 1;
            } else {
                self.partitions.insert(partition.into(), 1);
            }
        }
        if recorded_at > ahead(self.header.as_of) {
            self.later.add(line);
        }
        first
    }

    /// A line that cannot be read. It counts as received, so that the total can still agree.
    pub fn unreadable(&mut self, line: u64) {
        self.still_open(line);
        self.received += 1;
        self.on_page += 1;
        self.unreadable.add(line);
    }

    /// A page closes.
    pub fn page(&mut self, line: u64, number: u64, records: u64) {
        self.still_open(line);
        let wanted = self.pages + 1;
        if number != wanted {
            self.reasons.push(Why::PageOutOfOrder {
                line,
                wanted,
                found: number,
            });
        }
        if records != self.on_page {
            self.reasons.push(Why::PageDiffers {
                page: number,
                stated: records,
                received: self.on_page,
            });
        }
        self.pages += 1;
        self.on_page = 0;
    }

    /// The feed closes, maybe with the number of its records.
    pub fn trailer(&mut self, line: u64, total: Option<u64>) {
        self.still_open(line);
        self.closed = true;
        self.closing_total = total;
    }

    /// Reading broke off. The error holds no personal data.
    pub fn broke_off(&mut self, line: u64, error: impl Into<Box<str>>) {
        self.reasons.push(Why::BrokenOff {
            line,
            error: error.into(),
        });
    }

    /// Whether the feed has listed a record so far.
    pub fn lists(&self, record: &RecordKey) -> bool {
        self.seen.contains(&short(record))
    }

    /// What it said about itself.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Records so far, those that cannot be read among them.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Records so far by part of the population.
    pub const fn partitions(&self) -> &BTreeMap<Box<str>, u64> {
        &self.partitions
    }

    /// The verdict.
    pub fn finish(&self, evidence: &Evidence<'_>) -> Result<Certificate, Incomplete> {
        let mut reasons = self.reasons.clone();
        self.form(&mut reasons);
        self.time(evidence, &mut reasons);
        self.population(evidence, &mut reasons);
        self.parts(evidence, &mut reasons);
        self.usual(evidence, &mut reasons);
        if !reasons.is_empty() {
            return Err(Incomplete(reasons));
        }
        Ok(Certificate {
            pages: self.pages.max(1),
            received: self.received,
            declared: Some(self.received),
            previous: evidence.last.map(|last| last.received),
            ids: Hash(self.digest.clone().finalize().into()),
            at: evidence.at,
        })
    }

    /// Whether it is whole in itself.
    fn form(&self, reasons: &mut Vec<Why>) {
        if let Some((line, count)) = self.unreadable.some() {
            reasons.push(Why::Unreadable { line, count });
        }
        if let Some((line, count)) = self.repeated.some() {
            reasons.push(Why::Repeated { line, count });
        }
        if let Some(stated) = self.header.pages
            && stated != self.pages
        {
            reasons.push(Why::PagesMissing {
                stated,
                closed: self.pages,
            });
        }
        if self.header.pages.is_some() && self.on_page > 0 {
            reasons.push(Why::PageDiffers {
                page: self.pages + 1,
                stated: 0,
                received: self.on_page,
            });
        }
        if !self.closed {
            reasons.push(Why::NotClosed);
        }
        let stated = [self.header.total, self.closing_total];
        if stated.iter().all(Option::is_none) {
            reasons.push(Why::NoTotal);
        }
        for stated in stated.into_iter().flatten() {
            let differs = Why::TotalDiffers {
                stated,
                received: self.received,
            };
            if stated != self.received && !reasons.contains(&differs) {
                reasons.push(differs);
            }
        }
    }

    fn time(&self, evidence: &Evidence<'_>, reasons: &mut Vec<Why>) {
        let as_of = self.header.as_of;
        if as_of > ahead(evidence.at) {
            reasons.push(Why::InFuture { as_of });
        }
        let oldest = SignedDuration::from_hours(evidence.policy.max_age_hours.into());
        if evidence.at.duration_since(as_of) > oldest {
            reasons.push(Why::TooOld {
                as_of,
                max_age_hours: evidence.policy.max_age_hours,
            });
        }
        if let Some((line, count)) = self.later.some() {
            reasons.push(Why::RecordedLater { line, count });
        }
        let Some(last) = evidence.last else { return };
        if as_of <= last.as_of {
            reasons.push(Why::NotNewer {
                as_of,
                previous: last.as_of,
            });
        }
        if evidence.bytes == last.bytes && evidence.policy.unchanged == Unchanged::Refuse {
            reasons.push(Why::SameBytes);
        }
    }

    fn population(&self, evidence: &Evidence<'_>, reasons: &mut Vec<Why>) {
        let received = self.received;
        if received == 0 {
            reasons.push(Why::Empty);
        }
        if received > 0 && evidence.population == Some(received) {
            return;
        }
        let limits = evidence.policy.limits;
        let previous = evidence.last.map_or(evidence.known, |last| last.received);
        let allowed = limits.drop_of(previous);
        if previous.saturating_sub(received) > allowed {
            reasons.push(Why::Dropped {
                previous,
                received,
                allowed,
            });
        }
        let more = limits.growth_of(previous);
        if evidence.last.is_some() && received.saturating_sub(previous) > more {
            reasons.push(Why::Grew {
                previous,
                received,
                allowed: more,
            });
        }
        if evidence.missing > allowed {
            reasons.push(Why::TooManyMissing {
                missing: evidence.missing,
                allowed,
            });
        }
    }

    fn parts(&self, evidence: &Evidence<'_>, reasons: &mut Vec<Why>) {
        let listed = |part: &str| self.partitions.get(part).copied().unwrap_or_default();
        if let Some(partition) = &evidence.policy.partition {
            for (part, minimum) in &partition.minimum {
                let received = listed(part);
                if received < *minimum {
                    reasons.push(Why::PartitionShort {
                        partition: part.clone(),
                        minimum: *minimum,
                        received,
                    });
                }
            }
            let before = evidence.last.into_iter().flat_map(|last| &last.partitions);
            for (part, previous) in before {
                // The last person of a site may leave; a whole site does not.
                let small = *previous <= evidence.policy.limits.floor;
                if listed(part) == 0 && !small && evidence.population != Some(self.received) {
                    reasons.push(Why::PartitionGone {
                        partition: part.clone(),
                        previous: *previous,
                    });
                }
            }
        }
        let missing: Vec<u64> = (1..)
            .zip(evidence.sentinels)
            .filter(|(_, sentinel)| !self.lists(sentinel))
            .map(|(number, _)| number)
            .collect();
        if let Some(number) = missing.first() {
            reasons.push(Why::SentinelMissing {
                number: *number,
                count: missing.len() as u64,
            });
        }
    }

    /// Whether it is near what the last accepted feeds listed, in all and of each part that every
    /// one of them had.
    fn usual(&self, evidence: &Evidence<'_>, reasons: &mut Vec<Why>) {
        let (Some(last), limits) = (evidence.last, &evidence.policy.limits) else {
            return;
        };
        if self.received == 0 || evidence.population == Some(self.received) {
            return;
        }
        let received = last.past.iter().map(|one| one.received);
        let strays = |usual: &Usual, number| usual.is_strayed_from(number, limits);
        if let Some(Usual { least, most }) =
            Usual::of(received.chain([last.received])).filter(|usual| strays(usual, self.received))
        {
            reasons.push(Why::Unusual {
                received: self.received,
                least,
                most,
            });
        }
        if evidence.policy.partition.is_none() {
            return;
        }
        for (part, count) in &last.partitions {
            let before = last
                .past
                .iter()
                .map(|one| one.partitions.get(part).copied());
            let Some(before) = before.collect::<Option<Vec<u64>>>() else {
                continue;
            };
            let received = self.partitions.get(part).copied().unwrap_or_default();
            if let Some(Usual { least, most }) = Usual::of(before.into_iter().chain([*count]))
                .filter(|usual| strays(usual, received))
            {
                reasons.push(Why::PartitionUnusual {
                    partition: part.clone(),
                    received,
                    least,
                    most,
                });
            }
        }
    }

    fn still_open(&mut self, line: u64) {
        let known = |why: &Why| matches!(why, Why::AfterTrailer { .. });
        if self.closed && !self.reasons.iter().any(known) {
            self.reasons.push(Why::AfterTrailer { line });
        }
    }
}

/// The latest that the source's clock may show at an instant of ours.
pub fn ahead(at: Timestamp) -> Timestamp {
    at.checked_add(SKEW).unwrap_or(Timestamp::MAX)
}

fn short(record: &RecordKey) -> u128 {
    xxh3_128(record.as_str().as_bytes())
}
