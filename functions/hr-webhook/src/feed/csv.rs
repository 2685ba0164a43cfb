//! Feeds of flat files. Every mapped column has to be there; an empty cell clears, because a full
//! feed states the whole record. A row counts as stated at the instant that the feed speaks about.

use std::io::{self, Read};

use ::csv::{ReaderBuilder, StringRecord};
use domain::feed::{Csv, Header};
use domain::{Attr, Attrs, Effective, FactBody, Hash, Pii, Slot};

use super::lines::Lines;
use super::{FeedError, Item, Taking, event_of};
use crate::LARGEST_BODY;
use crate::translate::{Context, LONGEST_ID, LONGEST_VALUE, Statement};

/// Where what is mapped stands in a row.
pub(super) struct Columns {
    width: usize,
    worker_id: usize,
    attrs: Vec<(usize, Attr)>,
    /// Columns that policy does not map.
    pub(super) ignored: u64,
}

/// Reads the header row; the rest of the header is what whoever delivers the file says.
pub(super) fn header<R: Read>(
    lines: &mut Lines<R>,
    csv: &Csv,
    taking: &Taking<'_>,
) -> Result<(Header, Columns), FeedError> {
    let as_of = taking.asked.as_of.ok_or(FeedError::NoTime)?;
    let row = row(lines, csv.delimiter).map_err(FeedError::Read)?;
    let cells = row.and_then(|row| row.cells.ok()).unwrap_or_default();
    let place = |name: &str| cells.iter().position(|cell| cell.trim() == name);
    let mut missing: Vec<String> = Vec::new();
    let mut find = |name: &str| {
        let place = place(name);
        if place.is_none() {
            missing.push(format!("`{name}`"));
        }
        place.unwrap_or_default()
    };
    let worker_id = find(&csv.worker_id);
    let mut attrs: Vec<(usize, Attr)> = csv
        .columns
        .iter()
        .map(|(name, attr)| (find(name), *attr))
        .collect();
    attrs.sort_unstable_by_key(|(_, attr)| *attr);
    if !missing.is_empty() {
        return Err(FeedError::Header(format!(
            "the header row lacks {}: without the column every record would lose the value",
            missing.join(", ")
        )));
    }
    let mapped = |at: &usize| *at == worker_id || attrs.iter().any(|(place, _)| place == at);
    let ignored = (0..cells.len()).filter(|at| !mapped(at)).count();
    let columns = Columns {
        width: cells.len(),
        worker_id,
        ignored: ignored as u64,
        attrs,
    };
    let header = Header {
        as_of,
        total: taking.asked.total,
        pages: None,
    };
    Ok((header, columns))
}

/// A row that may span lines.
pub(super) struct Row {
    /// Of its last line.
    pub(super) line: u64,
    /// Its cells, or why it has none.
    cells: Result<StringRecord, &'static str>,
    bytes: Vec<u8>,
    ended: bool,
}

/// The next row.
pub(super) fn row<R: Read>(lines: &mut Lines<R>, delimiter: u8) -> io::Result<Option<Row>> {
    let mut row = Row {
        line: 0,
        cells: Err("the row is longer than 256 KiB"),
        bytes: Vec::new(),
        ended: false,
    };
    // A quote that is never closed would take the whole file for one cell.
    while let Some(line) = lines.next()? {
        row.line = line.number;
        row.ended = line.ended;
        let Some(bytes) = line.bytes else {
            return Ok(Some(row));
        };
        if !row.bytes.is_empty() {
            row.bytes.push(b'\n');
        }
        row.bytes.extend(bytes);
        if row.bytes.len() > LARGEST_BODY {
            return Ok(Some(row));
        }
        let open = row
            .bytes
            .iter()
            .fold(false, |open, byte| open != (*byte == b'"'));
        if !open {
            row.cells = cells(&row.bytes, delimiter);
            return Ok(Some(row));
        }
        row.cells = Err("a quote is not closed");
    }
    Ok((row.line > 0).then_some(row))
}

fn cells(bytes: &[u8], delimiter: u8) -> Result<StringRecord, &'static str> {
    let mut record = StringRecord::new();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(bytes.len() + 1)
        .from_reader(bytes);
    match reader.read_record(&mut record) {
        Ok(_) => Ok(record),
        Err(_) => Err("the row is not UTF-8"),
    }
}

/// What a row says.
pub(super) fn item(row: &Row, csv: &Csv, columns: &Columns, taking: &Taking<'_>) -> Item {
    let cells = match &row.cells {
        Ok(cells) => cells,
        Err(why) => return Item::Unreadable((*why).to_owned()),
    };
    let cell = |at: usize| cells.get(at).map(str::trim).unwrap_or_default();
    if csv.trailer.is_some() && Some(cell(0)) == csv.trailer.as_deref() {
        return match cell(1).parse() {
            Ok(total) => Item::Trailer { total: Some(total) },
            Err(_) => Item::Unreadable("the second cell of the trailer is not a number".to_owned()),
        };
    }
    if cells.len() != columns.width {
        return Item::Unreadable(format!(
            "the row has {} cells and the header row {}",
            cells.len(),
            columns.width
        ));
    }
    if csv.trailer.is_none() && !row.ended {
        return Item::Unreadable("the last row has no end, it may have been cut off".to_owned());
    }
    let worker = cell(columns.worker_id);
    if worker.is_empty() || worker.len() > LONGEST_ID {
        return Item::Unreadable(format!(
            "`{}` must have 1 to {LONGEST_ID} bytes",
            csv.worker_id
        ));
    }
    let mut attrs = Attrs::with_capacity(columns.attrs.len());
    for (at, attr) in &columns.attrs {
        let slot = match cell(*at) {
            "" => Slot::Null,
            text if text.len() > LONGEST_VALUE => {
                let name = attr.name();
                return Item::Unreadable(format!("`{name}` has more than {LONGEST_VALUE} bytes"));
            }
            text => Slot::from(text),
        };
        attrs.set(*attr, slot);
    }
    let payload = Hash::of(&row.bytes);
    let event = event_of(taking, &payload.0);
    let as_of = taking.as_of;
    let context = Context {
        source_id: taking.source_id,
        source: taking.source,
        policy: taking.policy,
        salt: taking.salt,
        event: &event,
        payload,
        now: taking.now,
    };
    Item::Record(Box::new(context.fact(Statement {
        worker,
        event: event.clone(),
        version: None,
        effective: Some(Effective::Instant(as_of)),
        time_zone: None,
        recorded_at: as_of,
        body: FactBody::Assert {
            attrs: Pii::new(attrs),
            corrects: None,
        },
    })))
}
