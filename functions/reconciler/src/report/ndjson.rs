//! Findings as one JSON object a line, compressed: what the next run and machines read.

use std::io::{self, BufRead, Read, Write};

use contract::report::FindingRow;

/// Smaller and faster than the higher levels on rows like these (measured: BENCHMARKS.md, B9).
const LEVEL: i32 = 1;

/// Lines collected before the compressor is called.
const CHUNK: usize = 128 * 1024;

/// Writes findings as NDJSON + zstd. It holds one chunk, whatever the number of rows.
pub struct Writer<W: Write> {
    lines: Vec<u8>,
    frame: zstd::stream::write::Encoder<'static, W>,
}

impl<W: Write> Writer<W> {
    /// Begins a frame.
    pub fn new(sink: W) -> io::Result<Self> {
        Ok(Self {
            lines: Vec::with_capacity(CHUNK + CHUNK / 8),
            frame: zstd::stream::write::Encoder::new(sink, LEVEL)?,
        })
    }

    /// Writes one row.
    pub fn write(&mut self, row: &FindingRow) -> io::Result<()> {
        serde_json::to_writer(&mut self.lines, row)?;
        self.lines.push(b'\n');
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
    use super::*;
    use crate::report::sample;

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
