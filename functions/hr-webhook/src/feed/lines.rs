//! Lines of a file, one at a time and never longer than a post may be, with the digest of
//! everything that was read.

use std::io::{self, BufRead, BufReader, Read};

use domain::Hash;
use sha2::{Digest as _, Sha256};

use crate::LARGEST_BODY;

/// Reads lines.
pub(super) struct Lines<R> {
    inner: BufReader<Hashing<R>>,
    line: u64,
}

/// One line, without its end.
#[derive(Debug)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    /// Its bytes; `None` where it is too long.
    pub(super) bytes: Option<Vec<u8>>,
    /// Whether it has an end.
    pub(super) ended: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner: BufReader::new(Hashing {
                inner,
                digest: Sha256::new(),
            }),
            line: 0,
        }
    }

    /// The number of the last line that was read.
    pub(super) const fn number(&self) -> u64 {
        self.line
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            let cap = LARGEST_BODY as u64 + 2;
            let read = self
                .inner
                .by_ref()
                .take(cap)
                .read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            let mut ended = bytes.last() == Some(&b'\n');
            if !ended && read as u64 == cap {
                ended = self.skip_rest()?;
                return Ok(Some(Line {
                    number: self.line,
                    bytes: None,
                    ended,
                }));
            }
            if self.line == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
                bytes.drain(..BYTE_ORDER_MARK.len());
            }
            while matches!(bytes.last(), Some(b'\n' | b'\r')) {
                bytes.pop();
            }
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return Ok(Some(Line {
                number: self.line,
                bytes: Some(bytes),
                ended,
            }));
        }
    }

    fn skip_rest(&mut self) -> io::Result<bool> {
        loop {
            let buffer = self.inner.fill_buf()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            self.inner.consume(taken);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// SHA-256 of the file, read to its end.
    pub(super) fn digest(mut self) -> io::Result<Hash> {
        io::copy(&mut self.inner, &mut io::sink())?;
        Ok(Hash(self.inner.into_inner().digest.finalize().into()))
    }
}

/// Editors and exporters on Windows put it first.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

struct Hashing<R> {
    inner: R,
    digest: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_counted_and_hashed() {
        let long = "x".repeat(LARGEST_BODY + 50_000);
        let text = format!("\u{feff}one\r\n\n  \ntwo\n{long}\nlast");
        let mut lines = Lines::new(text.as_bytes());
        let mut seen = Vec::new();
        while let Some(line) = lines.next().expect("memory does not fail") {
            let text = line
                .bytes
                .map(|bytes| String::from_utf8(bytes).expect("text"));
            seen.push((line.number, text, line.ended));
        }
        assert_eq!(
            seen,
            [
                (1, Some("one".to_owned()), true),
                (4, Some("two".to_owned()), true),
                (5, None, true),
                (6, Some("last".to_owned()), false),
            ]
        );
        assert_eq!(lines.digest().expect("read"), Hash::of(text.as_bytes()));
    }
}
