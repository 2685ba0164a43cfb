//! B7: a million SCIM accounts, served as pages over loopback HTTP, against a million records.
//!
//! Subject: pages fetched and read by `target-scim`, each account hashed where it lies in the
//! page, looked up, certified and dropped; nothing is kept but what differs. The recorded side is
//! a file of 60 bytes a record (id, mask, fingerprint), as the first pass over the store leaves
//! it. Ordered: both sides ascend by id, a merge join. Shuffled: 16 bytes a record are kept,
//! sorted and probed.
//!
//! Floor: the same pages fetched by the same HTTP library and read by `serde_json` into a borrowed
//! struct of the same attributes.
//!
//! The pages are made by another process, whose CPU time is not counted. CPU first for pages of
//! 1,000, then of 100; memory is the peak of a fresh process per mode. `--quick` takes a tenth of
//! the accounts and judges no memory.
//!
//! `cargo bench -p tests --bench reconcile`. Every figure is printed; a missed goal fails the run.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark: what does not hold shall stop it"
)]

#[path = "reconcile/floor.rs"]
mod floor;
#[path = "reconcile/people.rs"]
mod people;
#[path = "reconcile/server.rs"]
mod server;
#[path = "reconcile/subject.rs"]
mod subject;

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use tests::bench::{Bench, Goal, peak_memory};

use crate::people::Order;
use crate::subject::Counts;

const PEOPLE: u64 = 1_000_000;
const MIB: u64 = 1 << 20;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match &*words {
        ["--serve"] => server::serve(),
        ["--records", people, file] => people::write_records(number(people), Path::new(file)),
        ["--memory", order, people, base, file] => {
            let order = Order::named(order).expect("an order");
            let counts = subject::compare(base, order, number(people), 1000, Path::new(file));
            let peak = peak_memory().expect("the kernel tells");
            say(&format!("{peak} {}", counts.to_line()));
        }
        _ => return run(words.contains(&"--quick")),
    }
    ExitCode::SUCCESS
}

fn run(quick: bool) -> ExitCode {
    let people = if quick { PEOPLE / 10 } else { PEOPLE };
    let server = Server::start();
    let files = Files::new(people);
    let judged = quick || memory(&server, &files, people);
    let mut codes = Vec::new();
    for page in [1000, 100] {
        let base = &*server.base;
        let compare = |order: Order| {
            let counts = subject::compare(base, order, people, page, &files.all);
            assert_eq!(counts, Counts::expected(people), "classification is exact");
        };
        codes.push(
            Bench::new(format!("B7 {people} accounts in pages of {page}"))
                .process_time()
                .case_once("parse", || floor::read(base, people, page))
                .case_once("read", || subject::read(base, people, page))
                .case_once("ordered", || compare(Order::Ascending))
                .case_once("shuffled", || compare(Order::Shuffled))
                .case_once("copies", || subject::copy(base, people, page, &files.all))
                .run()
                .finish(&[
                    Goal::new("ordered", "parse", 1.4),
                    Goal::new("shuffled", "parse", 1.4),
                ]),
        );
    }
    if judged && codes.iter().all(|code| *code == ExitCode::SUCCESS) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Peak memory of a fresh process, by mode and population.
fn memory(server: &Server, files: &Files, people: u64) -> bool {
    let mut met = true;
    for (order, goal) in [(Order::Ascending, 24), (Order::Shuffled, 48)] {
        let measure = |people: u64, file: &Path| {
            let answer = output(
                Command::new(std::env::current_exe().expect("this file"))
                    .args(["--memory", order.name(), &people.to_string(), &server.base])
                    .arg(file),
            );
            let (peak, counts) = answer.trim().split_once(' ').expect("two parts");
            assert_eq!(counts, Counts::expected(people).to_line());
            number(peak)
        };
        let small = measure(people / 10, &files.tenth);
        let large = measure(people, &files.all);
        let growth = large.saturating_sub(small);
        let fits = large <= goal * MIB && growth <= 16 * MIB;
        met &= fits;
        say(&format!(
            "B7 memory {}: peak {:.1} MiB (goal {goal}), {:.1} MiB more than for a tenth (goal 16): {}",
            order.name(),
            mebibytes(large),
            mebibytes(growth),
            if fits { "met" } else { "MISSED" },
        ));
        say(&format!(
            r#"{{"bench":"B7","memory":"{}","peak":{large},"goal":{},"growth":{growth},"met":{fits}}}"#,
            order.name(),
            goal * MIB,
        ));
    }
    met
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn say(line: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").expect("somebody listens");
    out.flush().expect("somebody listens");
}

fn output(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().expect("started");
    assert!(output.status.success(), "a child failed");
    String::from_utf8(output.stdout).expect("text")
}

/// The process that makes the pages.
struct Server {
    child: Child,
    base: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this file"))
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut port)
            .expect("a port");
        Self {
            base: format!("http://127.0.0.1:{}", port.trim()),
            child,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The recorded side, whole and for a tenth of the people.
struct Files {
    all: PathBuf,
    tenth: PathBuf,
}

impl Files {
    fn new(people: u64) -> Self {
        let make = |people: u64| {
            let name = format!("lanyard-b7-{}-{people}", std::process::id());
            let file = std::env::temp_dir().join(name);
            output(
                Command::new(std::env::current_exe().expect("this file"))
                    .args(["--records", &people.to_string()])
                    .arg(&file),
            );
            file
        };
        Self {
            all: make(people),
            tenth: make(people / 10),
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for file in [&self.all, &self.tenth] {
            drop(std::fs::remove_file(file));
        }
    }
}
