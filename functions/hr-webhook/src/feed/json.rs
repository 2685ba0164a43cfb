//! Feeds of JSON lines: `lanyard.feed.v1` around worker payloads. docs/feeds.md describes them.

use std::io::Read;

use domain::feed::Header;
use domain::{FactBody, Hash};
use jiff::Timestamp;
use serde::Deserialize;

use super::lines::{Line, Lines};
use super::{FeedError, Item, Taking, event_of};
use crate::problem::Problem;
use crate::request::Body;
use crate::translate::{Context, canonical};

/// The value of `schema` of lines that are not worker payloads.
const SCHEMA: &str = "lanyard.feed.v1";

/// What tells the kinds of lines apart.
#[derive(Deserialize)]
struct Schema<'a> {
    #[serde(borrow, default)]
    schema: Option<std::borrow::Cow<'a, str>>,
}

/// A line of the feed itself.
#[derive(Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
enum Control {
    #[serde(rename = "feed.header")]
    Header {
        #[serde(rename = "schema")]
        _schema: String,
        #[serde(default)]
        source: Option<String>,
        #[serde(default)]
        as_of: Option<Timestamp>,
        #[serde(default)]
        total: Option<u64>,
        #[serde(default)]
        pages: Option<u64>,
    },
    #[serde(rename = "feed.page")]
    Page {
        #[serde(rename = "schema")]
        _schema: String,
        page: u64,
        records: u64,
    },
    #[serde(rename = "feed.trailer")]
    Trailer {
        #[serde(rename = "schema")]
        _schema: String,
        #[serde(default)]
        total: Option<u64>,
    },
}

const NO_HEADER: &str = "the first line has to be a header: {\"schema\":\"lanyard.feed.v1\",\
                         \"type\":\"feed.header\",\"as_of\":\"2026-03-02T05:00:00Z\",\"total\":...}";

/// Reads the first line.
pub(super) fn header<R: Read>(
    lines: &mut Lines<R>,
    taking: &Taking<'_>,
) -> Result<Header, FeedError> {
    let line = lines.next().map_err(FeedError::Read)?;
    let bytes = line.and_then(|line| line.bytes).unwrap_or_default();
    let Ok(Control::Header {
        source,
        as_of,
        total,
        pages,
        ..
    }) = control(&bytes)
    else {
        return Err(FeedError::Header(NO_HEADER.to_owned()));
    };
    if source.is_some_and(|source| source != taking.source_id.as_str()) {
        return Err(FeedError::OtherSource);
    }
    let asked = &taking.asked;
    if as_of
        .zip(asked.as_of)
        .is_some_and(|(has, asked)| has != asked)
    {
        return Err(FeedError::Header(
            "the header has another as_of than --as-of: leave the option out".to_owned(),
        ));
    }
    if total
        .zip(asked.total)
        .is_some_and(|(has, asked)| has != asked)
    {
        return Err(FeedError::Header(
            "the header has another total than --total: leave the option out".to_owned(),
        ));
    }
    Ok(Header {
        as_of: as_of.or(asked.as_of).ok_or(FeedError::NoTime)?,
        total: total.or(asked.total),
        pages,
    })
}

fn control(bytes: &[u8]) -> Result<Control, ()> {
    let named: Schema<'_> = serde_json::from_slice(bytes).map_err(drop)?;
    if named.schema.as_deref() != Some(SCHEMA) {
        return Err(());
    }
    serde_json::from_slice(bytes).map_err(drop)
}

/// What a line after the header says.
pub(super) fn item(line: &Line, taking: &Taking<'_>) -> Item {
    let Some(bytes) = &line.bytes else {
        return Item::Unreadable("the line is longer than 256 KiB".to_owned());
    };
    let mentions = std::str::from_utf8(bytes).is_ok_and(|text| text.contains(SCHEMA));
    let named = || serde_json::from_slice::<Schema<'_>>(bytes);
    let is_control = mentions && named().is_ok_and(|named| named.schema.as_deref() == Some(SCHEMA));
    if is_control {
        return match control(bytes) {
            Ok(Control::Page { page, records, .. }) => Item::Page { page, records },
            Ok(Control::Trailer { total, .. }) => Item::Trailer { total },
            Ok(Control::Header { .. }) => Item::Unreadable("a second header".to_owned()),
            Err(()) => Item::Unreadable("neither a page nor a trailer of a feed".to_owned()),
        };
    }
    record(bytes, taking)
}

fn record(bytes: &[u8], taking: &Taking<'_>) -> Item {
    let payload = Hash::of(bytes);
    let event = event_of(taking, &payload.0);
    let context = Context {
        source_id: taking.source_id,
        source: taking.source,
        policy: taking.policy,
        salt: taking.salt,
        event: &event,
        payload,
        now: taking.now,
    };
    match canonical::translate(&context, &Body::Bytes(bytes.into())) {
        Ok(translated) => {
            let Some(fact) = translated.facts.into_iter().next() else {
                return Item::Unreadable("it states nothing".to_owned());
            };
            match fact.body {
                FactBody::Assert { corrects: None, .. } => Item::Record(Box::new(fact)),
                FactBody::Assert { .. } | FactBody::Rescind { .. } | FactBody::Delete => {
                    Item::Unreadable(
                        "a feed lists what records are: what corrects, rescinds or deletes is \
                         posted"
                            .to_owned(),
                    )
                }
            }
        }
        Err(Problem::Malformed(why)) => Item::Unreadable(why),
        Err(
            Problem::MethodNotAllowed
            | Problem::TooLarge
            | Problem::BadRequest
            | Problem::Unauthorized
            | Problem::NotJson
            | Problem::Unsupported(_)
            | Problem::Conflict
            | Problem::Unavailable(_),
        ) => Item::Unreadable("no worker payload".to_owned()),
    }
}
