//! B1: from the start of a process to the end of its first event, in CPU time of the process, for each
//! binary as it is deployed, beside boto3 and Node under the same Runtime API and the same server
//! that stands for AWS, over TLS.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark says what it found, and stops at what does not hold"
)]

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use tests::bench::{ROUNDS, cpu_of, median, peak_memory_of};
use tests::metered::stack::Stack;
use tests::metered::subject::{Events, Subject};
use tests::runtime_api::{Binary, Invocation, Outcome, Profile};
use tests::world::Says;

const SUBJECTS: [Subject; 8] = [
    Subject::Ours(Binary::HrWebhook),
    Subject::Ours(Binary::Planner),
    Subject::Ours(Binary::Connector),
    Subject::Ours(Binary::Clock),
    Subject::Ours(Binary::Reconciler),
    Subject::Lean,
    Subject::Python,
    Subject::Node,
];

/// Which of them is compared with the peers, which do the same, and with the least that a function
/// can be.
const PLANNER: usize = 1;
const LEAN: usize = 5;
const PYTHON: usize = 6;
const NODE: usize = 7;

/// Megabytes of a binary. A larger one fails the run.
const WEBHOOK_MB: f64 = 8.0;
const BINARY_MB: f64 = 12.0;

/// One start.
#[derive(Clone, Copy, Debug)]
struct Start {
    init: f64,
    first: f64,
    memory: f64,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    if runtime.expect("a runtime").block_on(run()) {
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

fn event(subject: Subject, stack: &mut Stack, events: &Events) -> Option<Invocation> {
    Some(match subject {
        Subject::Ours(Binary::HrWebhook) => {
            stack.post(Says::about("E0001").that("title", "Principal"))
        }
        Subject::Ours(Binary::Planner) | Subject::Lean | Subject::Python | Subject::Node => {
            Events::one(&events.facts).into()
        }
        Subject::Ours(Binary::Connector) => Events::one(&events.decisions).into(),
        Subject::Ours(Binary::Clock) => json!({}).into(),
        // Its event is a night.
        Subject::Ours(Binary::Reconciler) => return None,
    })
}

async fn start(subject: Subject, stack: &mut Stack, events: &Events) -> Start {
    let mut function = subject.start(stack).await;
    let id = function.id().expect("it lives");
    let init = cpu_of(id);
    let mut first = Duration::ZERO;
    if let Some(event) = event(subject, stack, events) {
        let outcome = function.invoke(event).await;
        first = cpu_of(id).saturating_sub(init);
        let Outcome::Answered(answer) = &outcome else {
            panic!("`{subject}`: {outcome:?}: {:?}", function.lines());
        };
        let failures: &[Value] = answer["batchItemFailures"]
            .as_array()
            .map_or(&[], Vec::as_slice);
        assert!(
            failures.is_empty(),
            "`{subject}`: {answer}: {:?}",
            function.lines()
        );
    }
    let memory = peak_memory_of(id).expect("the kernel says");
    function.end().await;
    Start {
        init: init.as_secs_f64() * 1e3,
        first: first.as_secs_f64() * 1e3,
        memory: f64::from(u32::try_from(memory / 1024).expect("below 4 TiB")) / 1024.0,
    }
}

async fn run() -> bool {
    let mut stack = Stack::start(Profile::Dev, true).await;
    let events = Events::prepare(&mut stack).await;
    let mut starts: Vec<Vec<Start>> = vec![Vec::new(); SUBJECTS.len()];
    // The first round fills what the server remembers, and the page cache.
    for round in 0..=ROUNDS {
        for at in 0..SUBJECTS.len() {
            let at = if round % 2 == 0 {
                at
            } else {
                SUBJECTS.len() - 1 - at
            };
            let start = start(SUBJECTS[at], &mut stack, &events).await;
            if round > 0 {
                starts[at].push(start);
            }
        }
    }
    judge(&starts)
}

/// Prints all, and says whether the gate's goals are met.
fn judge(starts: &[Vec<Start>]) -> bool {
    println!("B1: CPU time of the process, {ROUNDS} rounds, median (min to max)");
    for (subject, starts) in SUBJECTS.iter().zip(starts) {
        let spread = |of: fn(&Start) -> f64| {
            let all: Vec<f64> = starts.iter().map(of).collect();
            let (min, max) = all.iter().fold((f64::MAX, 0.0_f64), |(min, max), one| {
                (min.min(*one), max.max(*one))
            });
            format!("{:.2} ({min:.2} to {max:.2})", median(&all))
        };
        println!(
            "{subject:<12} start {} ms, first event {} ms, memory {} MiB",
            spread(|start| start.init),
            spread(|start| start.first),
            spread(|start| start.memory),
        );
    }
    let sum = |start: &Start| start.init + start.first;
    let ratio = |peer: usize| {
        let pairs = starts[peer].iter().zip(&starts[PLANNER]);
        median(
            &pairs
                .map(|(peer, ours)| sum(peer) / sum(ours))
                .collect::<Vec<_>>(),
        )
    };
    let of =
        |at: usize, of: fn(&Start) -> f64| median(&starts[at].iter().map(of).collect::<Vec<_>>());
    let (lean, python, node) = (ratio(LEAN), ratio(PYTHON), ratio(NODE));
    let mut met = true;
    let mut goal = |what: String, is: f64, at_most: f64, gate: bool| {
        let verdict = if is <= at_most { "met" } else { "MISSED" };
        println!("  {what}: {is:.3}, goal {at_most:.3}: {verdict}");
        println!(
            "{}",
            json!({"bench": "B1", "what": what, "is": is, "goal": at_most})
        );
        met &= is <= at_most || !gate;
    };
    goal(
        "start and first event of the planner / boto3".to_owned(),
        1.0 / python,
        1.0 / 35.0,
        false,
    );
    goal(
        "start and first event of the planner / Node".to_owned(),
        1.0 / node,
        1.0 / 20.0,
        false,
    );
    goal(
        "start and first event of the planner / lean".to_owned(),
        1.0 / lean,
        3.0,
        false,
    );
    // AWS-LC's entropy from jitter is 24 ms: with it, a start is a tenth of boto3's.
    goal(
        "the same, if jitter entropy is not back".to_owned(),
        1.0 / python,
        1.0 / 14.0,
        true,
    );
    for (at, subject) in SUBJECTS.iter().enumerate() {
        if let Subject::Ours(binary) = subject {
            let size = std::fs::metadata(binary.path(Profile::Release))
                .expect("a binary")
                .len();
            let size = f64::from(u32::try_from(size).expect("below 4 GiB")) / 1e6;
            let most = match binary {
                Binary::HrWebhook => WEBHOOK_MB,
                Binary::Planner | Binary::Connector | Binary::Clock | Binary::Reconciler => {
                    BINARY_MB
                }
            };
            goal(format!("{binary}: MB of the binary"), size, most, true);
            goal(
                format!("{binary}: ms of the first event"),
                of(at, |one| one.first),
                0.6,
                false,
            );
            goal(
                format!("{binary}: MiB of memory"),
                of(at, |one| one.memory),
                10.0,
                false,
            );
        }
    }
    met
}
