//! Why a feed proves nothing about what it does not list.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Every reason why a feed is not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incomplete(pub Vec<Why>);

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Why {
    /// Reading broke off.
    BrokenOff {
        /// After that line.
        line: u64,
        /// What happened, without personal data.
        error: Box<str>,
    },
    /// Lines that are no worker record and nothing else that belongs into a feed.
    Unreadable {
        /// The first of them.
        line: u64,
        /// How many.
        count: u64,
    },
    /// Records that come more than once.
    Repeated {
        /// The line of the first that came before.
        line: u64,
        /// How many.
        count: u64,
    },
    /// A page closes with another number than the next one.
    PageOutOfOrder {
        /// In which line.
        line: u64,
        /// The number that follows.
        wanted: u64,
        /// The number that stands there.
        found: u64,
    },
    /// A page says that it holds another number of records than came.
    PageDiffers {
        /// Its number.
        page: u64,
        /// What it says.
        stated: u64,
        /// What came.
        received: u64,
    },
    /// Pages of the header that were not closed.
    PagesMissing {
        /// What the header says.
        stated: u64,
        /// How many were closed.
        closed: u64,
    },
    /// There is no trailer: the feed may have been cut off anywhere.
    NotClosed,
    /// Something follows the trailer.
    AfterTrailer {
        /// In which line.
        line: u64,
    },
    /// Neither header nor trailer nor whoever delivered it says how many records there are.
    NoTotal,
    /// The number of records that is stated is not the number that came.
    TotalDiffers {
        /// What is stated.
        stated: u64,
        /// What came.
        received: u64,
    },
    /// It lists nobody.
    Empty,
    /// Too many fewer than in the last accepted feed.
    Dropped {
        /// Then.
        previous: u64,
        /// Now.
        received: u64,
        /// How many fewer would be taken.
        allowed: u64,
    },
    /// Too many more than in the last accepted feed.
    Grew {
        /// Then.
        previous: u64,
        /// Now.
        received: u64,
        /// How many more would be taken.
        allowed: u64,
    },
    /// Far from what the last accepted feeds listed.
    Unusual {
        /// How many came.
        received: u64,
        /// The least that is usual.
        least: u64,
        /// The most that is usual.
        most: u64,
    },
    /// A part of the population is far from what the last accepted feeds listed of it.
    PartitionUnusual {
        /// Which.
        partition: Box<str>,
        /// How many came.
        received: u64,
        /// The least that is usual.
        least: u64,
        /// The most that is usual.
        most: u64,
    },
    /// Too many records that are known and not ended are not listed, whatever the total.
    TooManyMissing {
        /// How many.
        missing: u64,
        /// How many would be taken.
        allowed: u64,
    },
    /// A part of the population is smaller than policy says.
    PartitionShort {
        /// Which.
        partition: Box<str>,
        /// The least that policy asks for.
        minimum: u64,
        /// What came.
        received: u64,
    },
    /// A part of the population that the last accepted feed had is not there at all.
    PartitionGone {
        /// Which.
        partition: Box<str>,
        /// How many it had.
        previous: u64,
    },
    /// Records that every feed lists are not listed.
    SentinelMissing {
        /// The first of them, counted from 1 as policy lists them.
        number: u64,
        /// How many are missing.
        count: u64,
    },
    /// It speaks about an instant that is not after that of the last accepted feed.
    NotNewer {
        /// Its instant.
        as_of: Timestamp,
        /// That of the last accepted feed.
        previous: Timestamp,
    },
    /// It is byte for byte the last accepted feed.
    SameBytes,
    /// It speaks about an instant that is too long ago.
    TooOld {
        /// Its instant.
        as_of: Timestamp,
        /// How old it may be.
        max_age_hours: u32,
    },
    /// It speaks about an instant that is still to come.
    InFuture {
        /// Its instant.
        as_of: Timestamp,
    },
    /// Records that were recorded after the instant that the feed speaks about, or are still to
    /// be.
    RecordedLater {
        /// The line of the first.
        line: u64,
        /// How many.
        count: u64,
    },
}

impl fmt::Display for Why {
    #[expect(clippy::too_many_lines, reason = "one sentence for each reason")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenOff { line, error } => {
                write!(f, "it breaks off after line {line}: {error}")
            }
            Self::Unreadable { line, count } => write!(
                f,
                "lines that cannot be read: {count}, the first is line {line}; correct them at the source"
            ),
            Self::Repeated { line, count } => write!(
                f,
                "records that come more than once: {count}, the first again in line {line}: pages moved \
                 under the reader, or one came twice"
            ),
            Self::PageOutOfOrder {
                line,
                wanted,
                found,
            } => write!(
                f,
                "line {line} closes page {found} where page {wanted} follows"
            ),
            Self::PageDiffers {
                page,
                stated,
                received,
            } => write!(f, "page {page} states {stated} records and has {received}"),
            Self::PagesMissing { stated, closed } => write!(
                f,
                "{closed} of {stated} pages are closed: the others did not come"
            ),
            Self::NotClosed => f.write_str("it has no trailer: it may have been cut off anywhere"),
            Self::AfterTrailer { line } => write!(f, "line {line} follows the trailer"),
            Self::NoTotal => f.write_str(
                "nothing states how many records there are: let the exporter write a trailer, or \
                 give --total",
            ),
            Self::TotalDiffers { stated, received } => {
                write!(f, "{stated} records are stated and {received} came")
            }
            Self::Empty => f.write_str("it lists nobody"),
            Self::Dropped {
                previous,
                received,
                allowed,
            } => write!(
                f,
                "it lists {received} records and the last one listed {previous}: at most {allowed} \
                 may be fewer; if that is right, give --population {received}"
            ),
            Self::Grew {
                previous,
                received,
                allowed,
            } => write!(
                f,
                "it lists {received} records and the last one listed {previous}: at most {allowed} \
                 may be more; if that is right, give --population {received}"
            ),
            Self::Unusual {
                received,
                least,
                most,
            } => write!(
                f,
                "it lists {received} records and the last ones listed {least} to {most} (mean and three \
                 standard deviations); if that is right, give --population {received}"
            ),
            Self::PartitionUnusual {
                partition,
                received,
                least,
                most,
            } => write!(
                f,
                "`{partition}` has {received} records and had {least} to {most} (mean and three standard \
                 deviations); if that is right, confirm the whole number with --population"
            ),
            Self::TooManyMissing { missing, allowed } => write!(
                f,
                "known records that are not listed: {missing}, at most {allowed} may be; were worker ids \
                 renumbered?"
            ),
            Self::PartitionShort {
                partition,
                minimum,
                received,
            } => write!(
                f,
                "`{partition}` has {received} records and should have {minimum} at least"
            ),
            Self::PartitionGone {
                partition,
                previous,
            } => write!(f, "`{partition}` had {previous} records and has none"),
            Self::SentinelMissing { number, count } => write!(
                f,
                "records that every feed lists and this one does not: {count}, the first is number {number} of \
                 `sentinels`"
            ),
            Self::NotNewer { as_of, previous } => write!(
                f,
                "it speaks about {as_of} and the last accepted one about {previous}"
            ),
            Self::SameBytes => f.write_str("it is the last accepted feed once more"),
            Self::TooOld {
                as_of,
                max_age_hours,
            } => write!(
                f,
                "it speaks about {as_of}, more than {max_age_hours} hours ago"
            ),
            Self::InFuture { as_of } => write!(f, "it speaks about {as_of}, which is to come"),
            Self::RecordedLater { line, count } => write!(
                f,
                "records that were recorded after the instant that it speaks about: {count}, the first \
                 in line {line}"
            ),
        }
    }
}
