//! Findings as one JSON object a line, compressed: what the next run and machines read.

use std::io::{self, BufRead, Read, Write};

use contract::report::FindingRow;
use jiff::Error;
use jiff::fmt::temporal::DateTimePrinter;

use super::columns::{COLUMNS, Cell, cells};

const DATE_TIME: DateTimePrinter = DateTimePrinter::new();

/// Smaller and faster than the higher levels on rows like these (measured: BENCHMARKS.md, B9).
const LEVEL: i32 = 1;

/// Lines collected before the compressor is called.
const CHUNK: usize = 128 * 1024;

/// Writes findings as NDJSON + zstd. It holds one chunk, whatever the number of rows.
pub struct Writer<W: Write> {
    keys: Vec<Vec<u8>>,
    lines: Vec<u8>,
    frame: zstd::stream::write::Encoder<'static, W>,
}

impl<W: Write> Writer<W> {
    /// Begins a frame.
    pub fn new(sink: W) -> io::Result<Self> {
        Ok(Self {
            keys: keys(),
            lines: Vec::with_capacity(CHUNK + CHUNK / 8),
            frame: zstd::stream::write::Encoder::new(sink, LEVEL)?,
        })
    }

    /// Writes one row.
    pub fn write(&mut self, row: &FindingRow) -> io::Result<()> {
        line(row, &self.keys, &mut self.lines).map_err(io::Error::other)?;
        if self.lines.len() >= CHUNK {
            self.frame.write_all(&self.lines)?;
            self.lines.clear();
        }
        Ok(())
    }

    /// Ends the frame and hands the sink back.
    pub fn finish(mut self) -> io::Result<W> {
        self.frame.write_all(&self.lines)?;
        self.frame.finish()
    }
}

/// What stands before each value: a brace or comma, the name, a colon.
fn keys() -> Vec<Vec<u8>> {
    let opens = std::iter::once('{').chain(std::iter::repeat(','));
    opens
        .zip(COLUMNS)
        .map(|(open, (name, _))| format!("{open}\"{name}\":").into_bytes())
        .collect()
}

/// Appends a row as `serde_json` would write it, in half the time: the columns are known, so that
/// nothing goes through a formatter that need not.
fn line(row: &FindingRow, keys: &[Vec<u8>], out: &mut Vec<u8>) -> Result<(), Error> {
    for (key, cell) in keys.iter().zip(cells(row)) {
        out.extend_from_slice(key);
        match cell {
            Cell::Digest(hash) => {
                let mut digits = [0; 64];
                // Exactly two digits a byte: this cannot fail.
                if hex::encode_to_slice(hash.0, &mut digits).is_ok() {
                    quoted(&digits, out);
                }
            }
            Cell::Text(text) => string(text, out),
            Cell::Flag(true) => out.extend_from_slice(b"true"),
            Cell::Flag(false) => out.extend_from_slice(b"false"),
            Cell::Count(count) => number(count, out),
            Cell::Percent(Some(percent)) => number(u32::from(percent), out),
            Cell::Day(Some(day)) => {
                out.push(b'"');
                DATE_TIME.print_date(&day, &mut *out)?;
                out.push(b'"');
            }
            Cell::Moment(Some(moment)) => {
                out.push(b'"');
                DATE_TIME.print_timestamp(&moment, &mut *out)?;
                out.push(b'"');
            }
            Cell::Percent(None) | Cell::Day(None) | Cell::Moment(None) => {
                out.extend_from_slice(b"null");
            }
        }
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// A JSON string (RFC 8259 section 7).
fn string(text: &str, out: &mut Vec<u8>) {
    let special = |b: &u8| matches!(b, 0..=0x1f | b'"' | b'\\');
    // Counting has no early end, so that the compiler looks at many bytes at a time.
    if text.bytes().filter(special).count() > 0 {
        // Writing to memory cannot fail, and neither can a text.
        serde_json::to_writer(out, text).ok();
    } else {
        quoted(text.as_bytes(), out);
    }
}

fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

fn number(n: u32, out: &mut Vec<u8>) {
    let mut power = 1;
    while n / power >= 10 {
        power *= 10;
    }
    while power > 0 {
        // A digit is below ten.
        out.push(b'0' + u8::try_from(n / power % 10).unwrap_or(0));
        power /= 10;
    }
}

/// Reads what [`Writer`] wrote, row by row. It stops after the first error.
pub struct Reader<R: Read> {
    lines: io::BufReader<zstd::stream::read::Decoder<'static, io::BufReader<R>>>,
    line: Vec<u8>,
    failed: bool,
}

impl<R: Read> Reader<R> {
    /// Opens a frame.
    pub fn new(source: R) -> io::Result<Self> {
        Ok(Self {
            lines: io::BufReader::new(zstd::stream::read::Decoder::new(source)?),
            line: Vec::new(),
            failed: false,
        })
    }

    fn row(&mut self) -> io::Result<Option<FindingRow>> {
        self.line.clear();
        if self.lines.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&self.line)?))
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = io::Result<FindingRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.row();
        self.failed = row.is_err();
        row.transpose()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::sample;

    proptest! {
        #[test]
        fn a_line_is_what_serde_writes(
            texts in proptest::collection::vec(any::<String>(), 4),
            counts in any::<[u32; 3]>(),
            percent in any::<Option<u8>>(),
            second in proptest::option::of(-62_000_000_000_i64..250_000_000_000),
            nanosecond in 0..1_000_000_000_i32,
            flag: bool,
            hash: [u8; 32],
        ) {
            let mut row = sample::row(3);
            let [user_name, detail, owner, identity] = <[String; 4]>::try_from(texts).unwrap();
            row.finding = domain::Hash(hash);
            row.user_name = user_name.into();
            row.detail = detail.into();
            row.owner = owner.into();
            row.identity = identity.into();
            [row.entitlement_count, row.age_days, row.runs_seen] = counts;
            row.candidate_confidence = percent;
            row.privileged = flag;
            row.created = second.map(|second| jiff::Timestamp::new(second, nanosecond).unwrap());
            row.end_date = row.created.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
            let mut ours = Vec::new();
            line(&row, &keys(), &mut ours).unwrap();
            prop_assert_eq!(
                std::str::from_utf8(&ours).unwrap(),
                serde_json::to_string(&row).unwrap() + "\n"
            );
        }
    }

    fn written(rows: &[FindingRow]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for row in rows {
            writer.write(row).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let rows = sample::rows(2_000);
        let read: Vec<FindingRow> = Reader::new(&*written(&rows))
            .unwrap()
            .collect::<io::Result<_>>()
            .unwrap();
        assert_eq!(read, rows);
    }

    #[test]
    fn no_rows_are_read_back_as_none() {
        assert_eq!(Reader::new(&*written(&[])).unwrap().count(), 0);
    }

    #[test]
    fn equal_rows_give_equal_bytes() {
        let rows = sample::rows(500);
        assert_eq!(written(&rows), written(&rows));
    }

    #[test]
    fn a_file_cut_short_is_an_error_and_not_a_shorter_report() {
        let bytes = written(&sample::rows(2_000));
        let cut = &bytes[..bytes.len() - 40];
        let read: Vec<io::Result<FindingRow>> = Reader::new(cut).unwrap().collect();
        assert!(read.last().unwrap().is_err());
        assert_eq!(read.iter().filter(|row| row.is_err()).count(), 1);
    }
}
