//! B12: 50,000 identities under two policies: time and memory of `lanyard diff` over an exported
//! file, with HTML and JSON written. The change takes a rule away and writes one attribute of
//! everybody anew, so that everybody is affected.
//!
//! It works on one core, so that on a machine of its own CPU time is the time it takes.
//!
//! `cargo bench -p lanyard --bench diff`. A process of its own makes the file, so that what that
//! takes is not counted. Every figure is printed; a missed goal fails the run.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark: what does not hold shall stop it, and it measures this machine's time"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::plan::Compiled;
use domain::policy::{Expr, Mode, Part, Template};
use domain::preview::{End, Standing};
use domain::{
    AccountId, AccountRecord, Attr, Attrs, Effective, EventId, Fact, FactBody, Hash, Ownership,
    Pii, Policy, RecordKey, SourceId, TargetId, WorkerId,
};
use jiff::Timestamp;
use lanyard::preview::{At, Desk, FORMAT, Header, State, StateFile, diff, export, report};
use planner::{Planner, Previewed};
use ports::Store as _;
use ports::model::ModelStore;
use ports::store::{Ack, Delivery};

const PEOPLE: u32 = 50_000;
/// People that are made at once; more would only take memory.
const CHUNK: u32 = 2_500;
const NOW: &str = "2026-03-02T08:00:00Z";
const TIME: Duration = Duration::from_mins(1);
const MEMORY: u64 = 1 << 30;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let file = std::env::temp_dir().join(format!("lanyard-diff-{}.jsonl", std::process::id()));
    if let Some(path) = std::env::var_os("LANYARD_BENCH_MAKE") {
        runtime.block_on(make(Path::new(&path)));
        return ExitCode::SUCCESS;
    }
    let made = Command::new(std::env::current_exe().expect("this program"))
        .env("LANYARD_BENCH_MAKE", &file)
        .status();
    assert!(made.expect("it runs").success(), "the file is made");
    let code = runtime.block_on(measure(&file));
    std::fs::remove_file(&file).expect("the file goes");
    code
}

async fn measure(file: &Path) -> ExitCode {
    let size = std::fs::metadata(file).expect("a file").len();
    let begun = Instant::now();
    let desk = Desk {
        state: State::File(StateFile::open(file).expect("exported state")),
        salt: None,
        at: now(),
    };
    let opened = begun.elapsed();
    let from = Arc::new(Compiled::new(policy()));
    let to = Arc::new(Compiled::new(changed()));
    let mut json = report::Json::new(std::io::sink()).expect("JSON");
    let found = diff(&desk, &from, &to, 200, |person| Ok(json.add(&person)?)).await;
    let found = found.expect("a comparison");
    json.finish(&found, None).expect("JSON");
    let page = report::html(&found).expect("a page");
    let took = begun.elapsed();
    let cpu = cpu_time();
    let peak = peak_memory();
    let tally = &found.tally;
    assert_eq!((tally.people, tally.affected), (50_000, 50_000));
    assert!(tally.losing > 1_000, "some lose a role");
    println!(
        "B12 50,000 identities under two policies, {} MiB of state",
        size >> 20
    );
    println!("  index           {:>7.1} s", opened.as_secs_f64());
    println!(
        "  CPU time        {:>7.1} s  (goal {} s)",
        cpu.as_secs_f64(),
        TIME.as_secs()
    );
    println!("  on the clock    {:>7.1} s", took.as_secs_f64());
    println!(
        "  peak memory     {:>7} MiB (goal {} MiB)",
        peak >> 20,
        MEMORY >> 20
    );
    println!("  HTML            {:>7} KiB", page.len() >> 10);
    println!("  who loses       {:>7}", tally.losing);
    if cpu <= TIME && peak <= MEMORY {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The largest resident size of this process so far.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib * 1024)
}

/// What this process has computed so far, in user and kernel mode.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15, after the name in parentheses; in ticks of 10 ms.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn now() -> Timestamp {
    NOW.parse().expect("an instant")
}

fn policy() -> Policy {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../policy");
    let loaded = policy::load(Path::new(folder));
    let mut policy = loaded.expect("the sample policy").policy;
    for target in policy.targets.values_mut() {
        target.mode = Mode::Enforce;
    }
    policy
}

fn changed() -> Policy {
    let mut policy = policy();
    policy.version = Hash::of(b"changed");
    policy
        .rules
        .retain(|rule| rule.id.as_str() != "engineering");
    let directory = policy.targets.get_mut("directory").expect("a target");
    let title = directory.mappings.iter_mut().find(|m| &*m.path == "title");
    title.expect("a mapping").expr = Expr::Template(Template {
        parts: vec![Part::Attr {
            any_of: vec![Attr::Department],
            optional: false,
            filter: None,
        }],
    });
    policy
}

/// Writes the state of a company whose accounts are as its policy wants them.
async fn make(path: &Path) {
    let compiled = Arc::new(Compiled::new(policy()));
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    let header = Header {
        format: FORMAT.into(),
        at: now(),
        policy: Some(compiled.policy.version),
        meters: BTreeMap::new(),
    };
    let mut begins = 0;
    for from in (0..PEOPLE).step_by(CHUNK as usize) {
        let store = ModelStore::new();
        for n in from..from + CHUNK {
            settle(&store, &compiled, n).await;
        }
        let mut chunk = std::io::Cursor::new(Vec::new());
        export(&store, &header, &mut chunk)
            .await
            .expect("an export");
        // The first line is that of the whole file.
        chunk.seek(SeekFrom::Start(begins)).expect("a place");
        std::io::copy(&mut chunk, &mut out).expect("a write");
        begins = serde_json::to_vec(&header).expect("JSON").len() as u64 + 1;
    }
    out.flush().expect("a write");
}

async fn settle(store: &ModelStore, compiled: &Arc<Compiled>, n: u32) {
    let record = RecordKey::from(format!("{n:032x}"));
    let fact = hired(&record, n);
    let delivery = Delivery {
        source: fact.source.clone(),
        event: fact.event.clone(),
        body: fact.payload,
        received_at: fact.received_at,
    };
    store.accept(&delivery, &[fact]).await.expect("a fact");
    let planner = Planner::new(store.clone(), Quiet, At(now()), Arc::clone(compiled));
    let looked = planner.look(&record, contract::Cause::Fact).await;
    looked.expect("a decision");
    let person = planner.person(&record).await.expect("a person");
    let person = person.expect("somebody");
    let Previewed::Decision(decided) = planner.preview(person).await.expect("a preview") else {
        panic!("nobody is disputed");
    };
    let seat = decided.person.seat.as_ref().expect("an item");
    let none: BTreeMap<TargetId, AccountRecord> = BTreeMap::new();
    assert_eq!(decided.person.accounts, none);
    for (target, plan) in &decided.plan.targets {
        let end = End::after(&AccountRecord::default(), &plan.changes);
        if end.standing == Standing::None {
            continue;
        }
        let ack = Ack {
            identity: decided.person.identity.clone(),
            target: target.clone(),
            expect: None,
            account: AccountRecord {
                id: Some(AccountId::from(format!("{target}-{n}"))),
                ownership: Some(Ownership::Created),
                active: end.standing == Standing::Active,
                attrs: end.attrs,
                grants: end.grants,
                applied: seat.record.generation,
                at: Some(now()),
                ..AccountRecord::default()
            },
            settles: true,
            wake: None,
        };
        store.ack(&ack).await.expect("an acknowledgement");
    }
}

/// Lanes whose messages nobody works on.
struct Quiet;

impl ports::Lanes for Quiet {
    async fn send(&self, _: &contract::Lane, _: &[ports::Outgoing]) -> Result<(), ports::Fault> {
        Ok(())
    }
}

fn hired(record: &RecordKey, n: u32) -> Fact {
    let pick = |texts: &[&'static str], by: u32| texts[((n / by) as usize) % texts.len()];
    let departments = ["Engineering", "Finance", "IT", "Legal", "Sales", "Support"];
    let mut attrs = Attrs::new();
    for (attr, text) in [
        (Attr::GivenName, format!("Given{n}")),
        (Attr::FamilyName, format!("Family{n}")),
        (Attr::WorkEmail, format!("person{n}@meridian.example")),
        (Attr::EmployeeNumber, format!("{n}")),
        (Attr::WorkerStatus, "active".to_owned()),
        (Attr::StartDate, "2026-01-12".to_owned()),
        (Attr::Department, pick(&departments, 1).to_owned()),
        (
            Attr::EmploymentType,
            pick(&["employee", "intern", "acquired"], 7).to_owned(),
        ),
        (
            Attr::Title,
            pick(&["Engineer", "Senior Engineer", "Analyst"], 3).to_owned(),
        ),
        (Attr::Country, pick(&["PT", "DE", "BR"], 5).to_owned()),
        (Attr::Location, pick(&["Lisbon", "Berlin"], 5).to_owned()),
        (
            Attr::ManagerStatus,
            pick(&["manager", "individual"], 11).to_owned(),
        ),
    ] {
        attrs.set(attr, text.as_str());
    }
    let at: Timestamp = "2026-01-05T08:00:00Z".parse().expect("an instant");
    Fact {
        source: SourceId::from("hr"),
        record: record.clone(),
        worker: WorkerId::from(format!("W{n}")),
        event: EventId::from(format!("hired-{n}")),
        version: None,
        effective: Effective::Instant(at),
        zone: "Europe/Lisbon".into(),
        recorded_at: at,
        received_at: at,
        payload: Hash::of(&n.to_be_bytes()),
        manager: None,
        body: FactBody::Assert {
            attrs: Pii::new(attrs),
            corrects: None,
        },
    }
}
