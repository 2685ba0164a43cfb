//! Instructions of the pure kernels, counted by callgrind: a gate that a busy machine cannot move.
//!
//! `kernels NAME ITERATIONS` runs one kernel that often and does nothing else that depends on the
//! number; two runs under callgrind with different numbers give instructions per iteration.
//! `kernels` alone lists the names. `scripts/bench kernels` does both.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a benchmark: what does not hold shall stop it"
)]

#[path = "planner/company.rs"]
mod company;

use std::hint::black_box;
use std::io::Write as _;
use std::process::ExitCode;

use domain::converge::{self, converge};
use domain::evaluate::Engine;
use domain::fold::fold;
use domain::plan::{next_record, plan};

use crate::company::{Company, Shape};

const SHAPE: Shape = Shape {
    targets: 3,
    mappings: 12,
};

type Kernel = fn(&Company, u64);

const KERNELS: [(&str, Kernel); 7] = [
    ("translate", translate),
    ("fold", folding),
    ("matching", matching),
    ("converge", converging),
    ("plan", planning),
    ("plan-bytes", bytes),
    ("next-record", record),
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let kernel = KERNELS.iter().find(|(known, _)| *known == name);
    let iterations = words.next().and_then(|count| count.parse().ok());
    match (kernel, iterations) {
        (Some((_, kernel)), Some(iterations)) => kernel(&Company::new(SHAPE), iterations),
        _ => {
            for (name, _) in KERNELS {
                writeln!(std::io::stdout(), "{name}").expect("somebody listens");
            }
        }
    }
    ExitCode::SUCCESS
}

fn repeat<T>(iterations: u64, mut work: impl FnMut() -> T) {
    for _ in 0..iterations {
        black_box(work());
    }
}

fn translate(company: &Company, iterations: u64) {
    repeat(iterations, || company.fact());
}

fn folding(company: &Company, iterations: u64) {
    let mut records = company.records();
    records[0].1.push(company.fact());
    let [(key, facts)] = &records;
    let at = company.input(&records).at;
    repeat(iterations, || {
        fold(&company.compiled.policy, key, facts, at)
    });
}

fn matching(company: &Company, iterations: u64) {
    let engine = Engine::new(&company.compiled.policy);
    let domain::FactBody::Assert { attrs, .. } = &company.hire.body else {
        panic!("a hire asserts");
    };
    repeat(iterations, || engine.matching(attrs.reveal()));
}

fn converging(company: &Company, iterations: u64) {
    let mut records = company.records();
    records[0].1.push(company.fact());
    let plan = plan(&company.compiled, &company.input(&records));
    let (name, target) = plan.targets.first_key_value().expect("a target");
    let input = converge::Input {
        policy: &company.compiled.policy,
        target: name,
        identity: &company.identity,
        projection: &target.projection,
        record: company.account(name),
        seen: None,
        unsettled: None,
    };
    repeat(iterations, || converge(&input));
}

fn planning(company: &Company, iterations: u64) {
    let mut records = company.records();
    records[0].1.push(company.fact());
    let input = company.input(&records);
    repeat(iterations, || plan(&company.compiled, &input));
}

fn bytes(company: &Company, iterations: u64) {
    let mut records = company.records();
    records[0].1.push(company.fact());
    let plan = plan(&company.compiled, &company.input(&records));
    repeat(iterations, || serde_json::to_vec(&plan).expect("JSON"));
}

fn record(company: &Company, iterations: u64) {
    let mut records = company.records();
    records[0].1.push(company.fact());
    let input = company.input(&records);
    let plan = plan(&company.compiled, &input);
    repeat(iterations, || next_record(input.recorded, &input, &plan));
}
