//! B6: makespan by quota, refused requests and table writes of ten thousand changes, in virtual
//! time, beside clients that back off exponentially. Everything here is counted, nothing is timed.

#![allow(clippy::print_stdout, reason = "a benchmark says what it found")]

use tests::quota::{CHANGES, Drained, ENDINGS, drain, drain_with_backoff, vendors, windows};

fn row(name: &str, what: &str, drained: &Drained) {
    println!(
        "{name:<28} {what:<14} {:>6.3}x  {:>7} requests  {:>6} refused  {:>5.2} table writes a change",
        drained.ratio(),
        drained.requests,
        drained.throttled,
        drained.table_writes,
    );
}

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for vendor in vendors() {
        for consumers in [1, 2, 4, 8] {
            let drained = runtime.block_on(drain(&vendor, CHANGES, ENDINGS, consumers));
            row(vendor.name, &format!("{consumers} workers"), &drained);
        }
        let drained = drain_with_backoff(&vendor, CHANGES + ENDINGS, 8);
        row(vendor.name, "8, backing off", &drained);
    }
    for vendor in windows() {
        let drained = runtime.block_on(drain(&vendor, CHANGES, ENDINGS, 8));
        row(
            &format!("{}, any window", vendor.name),
            "8 workers",
            &drained,
        );
    }
    Ok(())
}
