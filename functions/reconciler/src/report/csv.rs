//! Findings as CSV for a spreadsheet: UTF-8 with a byte order mark, CRLF, and no cell that a
//! spreadsheet would take for a formula.

use std::borrow::Cow;
use std::io;

use contract::report::FindingRow;
use csv::{Terminator, WriterBuilder};

use super::columns::{COLUMNS, Cell, cells};

/// Excel reads a file as UTF-8 only if it begins with this.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Writes findings as CSV. The header comes with the first row or at the end.
pub struct Writer<W: io::Write> {
    rows: csv::Writer<W>,
}

impl<W: io::Write> Writer<W> {
    /// Writes the byte order mark and the header.
    pub fn new(mut sink: W) -> io::Result<Self> {
        sink.write_all(BYTE_ORDER_MARK)?;
        let mut rows = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .from_writer(sink);
        rows.write_record(COLUMNS.iter().map(|(name, _)| name))?;
        Ok(Self { rows })
    }

    /// Writes one row.
    pub fn write(&mut self, row: &FindingRow) -> io::Result<()> {
        for cell in cells(row) {
            match cell {
                Cell::Digest(hash) => self.rows.write_field(hash.to_string()),
                Cell::Text(text) => self.rows.write_field(&*guarded(text)),
                Cell::Flag(flag) => self.rows.write_field(if flag { "true" } else { "false" }),
                Cell::Count(count) => self.rows.write_field(count.to_string()),
                Cell::Day(day) => self.rows.write_field(text(day)),
                Cell::Moment(moment) => self.rows.write_field(text(moment)),
                Cell::Percent(percent) => self.rows.write_field(text(percent)),
            }?;
        }
        // An empty record ends the fields written so far.
        self.rows.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// Flushes and hands the sink back.
    pub fn finish(self) -> io::Result<W> {
        self.rows
            .into_inner()
            .map_err(|failed| io::Error::from(failed.error().kind()))
    }
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The text with a `'` before it where a spreadsheet might take it for a formula (OWASP, "CSV
/// Injection"): it begins with `=`, `+`, `-`, `@`, their full-width forms, a tab or a line break,
/// or it does so after blanks and invisible characters, which some spreadsheets skip.
fn guarded(text: &str) -> Cow<'_, str> {
    let breaks = text.starts_with(['\t', '\r', '\n']);
    let visible = text.trim_start_matches(is_skipped);
    if breaks || visible.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Blanks, control characters and characters of no width.
fn is_skipped(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::sample;

    fn written(rows: &[FindingRow]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for row in rows {
            writer.write(row).unwrap();
        }
        writer.finish().unwrap()
    }

    fn parsed(bytes: &[u8]) -> Vec<Vec<String>> {
        csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap())
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn a_report_without_findings_has_its_header_and_nothing_else() {
        let bytes = written(&[]);
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.starts_with("\u{feff}finding,severity,class,target,"));
        assert!(text.ends_with(",decided_by\r\n"));
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_formula_in_a_name_is_text() {
        let mut row = sample::row(1);
        row.user_name = "=HYPERLINK(\"http://x\",\"pay\")".into();
        let records = parsed(&written(&[row]));
        assert_eq!(records[1][5], "'=HYPERLINK(\"http://x\",\"pay\")");
    }

    #[test]
    fn a_formula_behind_invisible_characters_is_text() {
        for hidden in [
            "\u{feff}=1",
            "\u{200b}+1",
            " \u{a0}@x",
            "\u{202e}-1",
            "\r\n=1",
            "\0=1",
        ] {
            assert_eq!(guarded(hidden), format!("'{hidden}"));
        }
    }

    #[test]
    fn ordinary_names_are_left_alone() {
        for name in ["a-b", "o'neil", "x=y", "名前", "", " x", "'=x"] {
            assert_eq!(guarded(name), name);
        }
    }

    /// Names as an attacker writes them, and as people have them.
    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[=+@\t\r\n＝＋－＠-][ -~]{0,12}",
            "[ -~]{0,20}",
            "[\\s\\u{200b}\\u{feff}]{0,2}[=+@-]?\\PC{0,12}",
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn no_cell_begins_a_formula_and_the_rest_comes_back(names in proptest::collection::vec(name(), 4)) {
            let mut row = sample::row(7);
            let [user_name, account_id, detail, owner] = <[String; 4]>::try_from(names).unwrap();
            row.user_name = user_name.into();
            row.account_id = account_id.into();
            row.detail = detail.into();
            row.owner = owner.into();
            let records = parsed(&written(std::slice::from_ref(&row)));
            prop_assert_eq!(records.len(), 2);
            for (cell, ((name, _), raw)) in records[1].iter().zip(COLUMNS.iter().zip(cells(&row))) {
                prop_assert!(
                    !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']),
                    "{}: {:?}", name, cell
                );
                if let Cell::Text(raw) = raw {
                    prop_assert!(cell == raw || cell.strip_prefix('\'') == Some(raw), "{}: {:?}", name, cell);
                }
            }
        }
    }
}
