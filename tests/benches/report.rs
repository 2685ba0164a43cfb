//! B9: a report of a million findings. Size against the same rows as plain NDJSON, memory of the
//! whole process, the same bytes for the same rows, and CPU against formatting alone.
//!
//! `cargo bench -p tests --bench report`. Every figure is printed; a missed goal fails the run.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]

#[path = "report/findings.rs"]
mod findings;

use std::borrow::Borrow;
use std::io::{self, Write};
use std::process::ExitCode;

use contract::report::FindingRow;
use reconciler::report::{csv, ndjson, parquet};
use sha2::{Digest, Sha256};
use tests::bench::{Bench, Goal, forget_peak_memory, peak_memory};

const ROWS: u64 = 1_000_000;
const SEED: u64 = 1;

/// Rows that are written again and again while CPU is measured, so that making them is not. They
/// are of every class and target, and far more than a compressor looks back.
const HELD: u64 = 20_000;

/// What of the raw size NDJSON + zstd may take, in percent.
const PERCENT: u64 = 15;

/// As much as the NDJSON writer collects before it compresses.
const BUFFER: usize = 128 * 1024;

const MIB: u64 = 1 << 20;

fn main() -> io::Result<ExitCode> {
    // Memory first: what the CPU rounds hold must not be in the way.
    let raw = format(made(), Counted::default())?.bytes;
    let met = [
        check("NDJSON + zstd", raw, Some(PERCENT), 16 * MIB, || {
            write_ndjson(made(), Counted::default())
        })?,
        check("Parquet", raw, None, 32 * MIB, || {
            write_parquet(made(), Counted::default())
        })?,
    ];
    let rows: Vec<FindingRow> = findings::findings(HELD, SEED).collect();
    let million = || (0..ROWS).zip(rows.iter().cycle()).map(|(_, row)| row);
    let code = Bench::new("B9 report of 1,000,000 findings")
        .case_once("formatting", || format(million(), io::sink()))
        .case_once("NDJSON + zstd", || write_ndjson(million(), io::sink()))
        .case_once("Parquet", || write_parquet(million(), io::sink()))
        .case_once("CSV", || write_csv(million(), io::sink()))
        .run()
        .finish(&[
            Goal::new("NDJSON + zstd", "formatting", 2.3),
            Goal::new("Parquet", "formatting", 2.3),
        ]);
    Ok(if met == [true; 2] {
        code
    } else {
        ExitCode::FAILURE
    })
}

/// The million, each row made when it is asked for.
fn made() -> impl Iterator<Item = FindingRow> {
    findings::findings(ROWS, SEED)
}

/// Writes twice, and prints size, memory and whether the bytes were the same.
fn check(
    name: &str,
    raw: u64,
    percent: Option<u64>,
    memory: u64,
    write: impl Fn() -> io::Result<Counted>,
) -> io::Result<bool> {
    let reset = forget_peak_memory();
    let first = write()?;
    let peak = peak_memory().filter(|_| reset).unwrap_or(u64::MAX);
    let second = write()?;

    let small = percent.is_none_or(|percent| first.bytes * 100 <= raw * percent);
    let lean = peak <= memory;
    let (first_hash, second_hash) = (first.hash(), second.hash());
    let same = first_hash == second_hash;
    println!(
        "B9 {name}: {} of {raw} bytes raw, {} % (goal {}); peak memory {} MiB (goal {} MiB); \
         bytes of two runs {}",
        first.bytes,
        tenths(first.bytes * 100, raw),
        percent.map_or("none".to_owned(), |percent| format!("{percent} %")),
        tenths(peak, MIB),
        memory / MIB,
        if same { "equal" } else { "DIFFER" },
    );
    println!(
        "{}",
        serde_json::json!({
            "bench": "B9 size and memory",
            "subject": name,
            "bytes": first.bytes,
            "raw_bytes": raw,
            "peak_bytes": peak,
            "peak_goal": memory,
            "sha256": first_hash,
            "met": small && lean && same,
        })
    );
    Ok(small && lean && same)
}

/// A quotient with one digit after the point.
fn tenths(of: u64, by: u64) -> String {
    let tenths = of.saturating_mul(10) / by;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Counts and hashes what it is given and keeps nothing.
#[derive(Default)]
struct Counted {
    bytes: u64,
    hasher: Sha256,
}

impl Counted {
    fn hash(&self) -> String {
        domain::Hash(self.hasher.clone().finalize().into()).to_string()
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The floor: the same rows as lines of JSON, through the same kind of buffer, and no more.
fn format<W: Write>(rows: impl Iterator<Item: Borrow<FindingRow>>, mut sink: W) -> io::Result<W> {
    let mut lines = Vec::with_capacity(BUFFER + BUFFER / 8);
    for row in rows {
        serde_json::to_writer(&mut lines, row.borrow())?;
        lines.push(b'\n');
        if lines.len() >= BUFFER {
            sink.write_all(&lines)?;
            lines.clear();
        }
    }
    sink.write_all(&lines)?;
    Ok(sink)
}

fn write_ndjson<W: Write>(rows: impl Iterator<Item: Borrow<FindingRow>>, sink: W) -> io::Result<W> {
    let mut writer = ndjson::Writer::new(sink)?;
    for row in rows {
        writer.write(row.borrow())?;
    }
    writer.finish()
}

fn write_parquet<W: Write + Send>(
    rows: impl Iterator<Item: Borrow<FindingRow>>,
    sink: W,
) -> io::Result<W> {
    let mut writer = parquet::Writer::new(sink)?;
    for row in rows {
        writer.write(row.borrow())?;
    }
    writer.finish()
}

fn write_csv<W: Write>(rows: impl Iterator<Item: Borrow<FindingRow>>, sink: W) -> io::Result<W> {
    let mut writer = csv::Writer::new(sink)?;
    for row in rows {
        writer.write(row.borrow())?;
    }
    writer.finish()
}
