//! Findings as Parquet for a query engine: raw values, typed columns.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use contract::report::FindingRow;
use jiff::civil::Date;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::columns::{COLUMNS, Cell, Kind, cells};

/// Rows that are collected before they are written: enough for dictionaries to pay, few enough
/// to be held.
const GROUP_ROWS: usize = 16 * 1024;

/// Text that is collected before rows are written, whatever their number.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// As for NDJSON: the first level is the fastest and on such rows no larger.
const LEVEL: i32 = 1;

/// Rows of `write_batch` that the crate looks at at a time.
const BATCH: usize = 1024;

/// Writes findings as Parquet. It holds one row group, whatever the number of rows.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    pub fn new(sink: W) -> io::Result<Self> {
        let schema = parse_message_type(&schema()).map_err(io_error)?;
        let properties = properties().map_err(io_error)?;
        Ok(Self {
            file: SerializedFileWriter::new(sink, Arc::new(schema), Arc::new(properties))
                .map_err(io_error)?,
            columns: COLUMNS.iter().map(|(_, kind)| Column::new(*kind)).collect(),
            rows: 0,
            bytes: 0,
        })
    }

    /// Writes one row.
    pub fn write(&mut self, row: &FindingRow) -> io::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells(row)) {
            self.bytes += column.push(cell);
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.flush().map_err(io_error)?;
        }
        Ok(())
    }

    /// Writes the last row group and the footer and hands the sink back.
    pub fn finish(mut self) -> io::Result<W> {
        if self.rows > 0 {
            self.flush().map_err(io_error)?;
        }
        self.file.into_inner().map_err(io_error)
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            column.write(&mut group)?;
        }
        group.close()?;
        self.rows = 0;
        self.bytes = 0;
        Ok(())
    }
}

fn io_error(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// The columns in Parquet's schema language. Counts are 64 bits wide, because common query
/// engines know no unsigned numbers.
fn schema() -> String {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(name, kind)| {
            let (repetition, physical, logical) = match kind {
                Kind::Text { .. } => ("required", "binary", " (STRING)"),
                Kind::Flag => ("required", "boolean", ""),
                Kind::Count => ("required", "int64", ""),
                Kind::Day => ("required", "int32", " (DATE)"),
                Kind::DayIfKnown => ("optional", "int32", " (DATE)"),
                Kind::MomentIfKnown => ("optional", "int64", " (TIMESTAMP(MICROS,true))"),
                Kind::PercentIfKnown => ("optional", "int32", ""),
            };
            format!("{repetition} {physical} {name}{logical};")
        })
        .collect();
    format!("message finding {{ {} }}", columns.join(" "))
}

fn properties() -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_created_by("lanyard".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_write_batch_size(BATCH)
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    for (name, kind) in COLUMNS {
        if kind == (Kind::Text { varied: true }) {
            // Neither a dictionary of values that do not repeat nor their range helps anybody.
            properties = properties
                .set_column_dictionary_enabled(ColumnPath::from(name), false)
                .set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::None);
        }
    }
    Ok(properties.build())
}

/// The values of one column that wait to be written.
enum Column {
    /// One text after the other, and where each ends.
    Text {
        text: Vec<u8>,
        ends: Vec<usize>,
    },
    Flag(Vec<bool>),
    /// Present values, and 1 or 0 for each row where a value may be missing.
    Narrow {
        values: Vec<i32>,
        present: Option<Vec<i16>>,
    },
    Wide {
        values: Vec<i64>,
        present: Option<Vec<i16>>,
    },
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text { .. } => Self::Text {
                text: Vec::new(),
                ends: Vec::new(),
            },
            Kind::Flag => Self::Flag(Vec::new()),
            Kind::Count => Self::Wide {
                values: Vec::new(),
                present: None,
            },
            Kind::Day => Self::Narrow {
                values: Vec::new(),
                present: None,
            },
            Kind::DayIfKnown | Kind::PercentIfKnown => Self::Narrow {
                values: Vec::new(),
                present: Some(Vec::new()),
            },
            Kind::MomentIfKnown => Self::Wide {
                values: Vec::new(),
                present: Some(Vec::new()),
            },
        }
    }

    /// Takes a value and returns how many bytes of text it holds.
    fn push(&mut self, cell: Cell<'_>) -> usize {
        match self {
            Self::Text { text, ends } => {
                let before = text.len();
                match cell {
                    Cell::Digest(hash) => {
                        let mut digits = [0; 64];
                        // Exactly two digits a byte: this cannot fail.
                        if hex::encode_to_slice(hash.0, &mut digits).is_ok() {
                            text.extend_from_slice(&digits);
                        }
                    }
                    Cell::Text(value) => text.extend_from_slice(value.as_bytes()),
                    Cell::Flag(_)
                    | Cell::Count(_)
                    | Cell::Day(_)
                    | Cell::Moment(_)
                    | Cell::Percent(_) => {}
                }
                ends.push(text.len());
                text.len() - before
            }
            Self::Flag(values) => {
                values.push(matches!(cell, Cell::Flag(true)));
                0
            }
            Self::Narrow { values, present } => {
                push_optional(values, present, narrow(cell));
                0
            }
            Self::Wide { values, present } => {
                push_optional(values, present, wide(cell));
                0
            }
        }
    }

    /// Writes the values as the next column of a row group and forgets them.
    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let Some(mut column) = group.next_column()? else {
            return Err(ParquetError::General("more columns than the schema".into()));
        };
        match (self, column.untyped()) {
            (Self::Text { text, ends }, ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let arena = Bytes::from(std::mem::take(text));
                let mut values = Vec::with_capacity(BATCH);
                let mut begin = 0;
                for chunk in ends.chunks(BATCH) {
                    values.clear();
                    for &end in chunk {
                        values.push(ByteArray::from(arena.slice(begin..end)));
                        begin = end;
                    }
                    writer.write_batch(&values, None, None)?;
                }
                ends.clear();
            }
            (Self::Flag(values), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(values, None, None)?;
                values.clear();
            }
            (Self::Narrow { values, present }, ColumnWriter::Int32ColumnWriter(writer)) => {
                writer.write_batch(values, present.as_deref(), None)?;
                clear(values, present);
            }
            (Self::Wide { values, present }, ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(values, present.as_deref(), None)?;
                clear(values, present);
            }
            (Self::Text { .. } | Self::Flag(_) | Self::Narrow { .. } | Self::Wide { .. }, _) => {
                return Err(ParquetError::General("column and schema differ".into()));
            }
        }
        column.close()
    }
}

fn push_optional<T>(values: &mut Vec<T>, present: &mut Option<Vec<i16>>, value: Option<T>) {
    if let Some(present) = present {
        present.push(i16::from(value.is_some()));
    }
    values.extend(value);
}

fn clear<T>(values: &mut Vec<T>, present: &mut Option<Vec<i16>>) {
    values.clear();
    if let Some(present) = present {
        present.clear();
    }
}

/// A day as days since 1970-01-01, a confidence as itself.
fn narrow(cell: Cell<'_>) -> Option<i32> {
    match cell {
        Cell::Day(day) => day.map(days),
        Cell::Percent(percent) => percent.map(i32::from),
        Cell::Digest(_) | Cell::Text(_) | Cell::Flag(_) | Cell::Count(_) | Cell::Moment(_) => None,
    }
}

/// An instant as microseconds since 1970-01-01T00:00:00Z, a count as itself.
fn wide(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Moment(moment) => moment.map(jiff::Timestamp::as_microsecond),
        Cell::Count(count) => Some(i64::from(count)),
        Cell::Digest(_) | Cell::Text(_) | Cell::Flag(_) | Cell::Day(_) | Cell::Percent(_) => None,
    }
}

fn days(date: Date) -> i32 {
    const EPOCH: Date = jiff::civil::date(1970, 1, 1);
    // Every civil date is within 5 million days of the epoch.
    i32::try_from(date.duration_since(EPOCH).as_hours() / 24).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;
    use crate::report::sample;

    fn written(rows: &[FindingRow]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for row in rows {
            writer.write(row).unwrap();
        }
        writer.finish().unwrap()
    }

    /// The rows again, by the crate's own reader.
    fn read(bytes: Vec<u8>) -> Vec<FindingRow> {
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| {
                let json: serde_json::Map<String, serde_json::Value> = row
                    .unwrap()
                    .into_columns()
                    .into_iter()
                    .map(|(name, field)| (name, json(field)))
                    .collect();
                serde_json::from_value(json.into()).unwrap()
            })
            .collect()
    }

    fn json(field: Field) -> serde_json::Value {
        match field {
            Field::Null => serde_json::Value::Null,
            Field::Bool(flag) => flag.into(),
            Field::Int(number) => number.into(),
            Field::Long(number) => number.into(),
            Field::Str(text) => text.into(),
            Field::Date(days) => {
                let date = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(days);
                date.to_string().into()
            }
            Field::TimestampMicros(micros) => jiff::Timestamp::from_microsecond(micros)
                .unwrap()
                .to_string()
                .into(),
            other @ (Field::Byte(_)
            | Field::Short(_)
            | Field::UByte(_)
            | Field::UShort(_)
            | Field::UInt(_)
            | Field::ULong(_)
            | Field::Float16(_)
            | Field::Float(_)
            | Field::Double(_)
            | Field::Decimal(_)
            | Field::Bytes(_)
            | Field::TimeMillis(_)
            | Field::TimeMicros(_)
            | Field::TimestampMillis(_)
            | Field::Group(_)
            | Field::ListInternal(_)
            | Field::MapInternal(_)) => panic!("unexpected {other:?}"),
        }
    }

    #[test]
    fn what_is_written_is_read_back_over_several_row_groups() {
        let rows = sample::rows(GROUP_ROWS + 500);
        let bytes = written(&rows);
        let groups = SerializedFileReader::new(Bytes::from(bytes.clone()))
            .unwrap()
            .num_row_groups();
        assert_eq!(groups, 2);
        assert!(read(bytes) == rows);
    }

    #[test]
    fn values_are_raw() {
        let mut row = sample::row(1);
        row.user_name = "=1+1".into();
        row.account_id = "\u{202e}\0\n\"".into();
        assert_eq!(read(written(std::slice::from_ref(&row))), [row]);
    }

    #[test]
    fn long_texts_end_a_row_group_early() {
        let rows: Vec<FindingRow> = (0..20)
            .map(|n| FindingRow {
                detail: "x".repeat(GROUP_BYTES / 8).into(),
                ..sample::row(n)
            })
            .collect();
        let bytes = written(&rows);
        let groups = SerializedFileReader::new(Bytes::from(bytes.clone()))
            .unwrap()
            .num_row_groups();
        assert_eq!(groups, 3);
        assert!(read(bytes) == rows);
    }

    #[test]
    fn no_rows_are_a_valid_file() {
        assert_eq!(read(written(&[])), []);
    }

    #[test]
    fn equal_rows_give_equal_bytes() {
        let rows = sample::rows(500);
        assert_eq!(written(&rows), written(&rows));
    }
}
