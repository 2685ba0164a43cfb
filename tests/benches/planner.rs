//! B2: what one event costs the planner in CPU, over what reading the event costs.
//!
//! Subject, per event: the queue's envelope and the request in it, the event itself into a fact
//! (canonical translator), `domain::plan` over the recorded hire and the new fact (fold,
//! standardisation, 100 rules, roles with reasons, 12 mappings x 3 targets, difference to what is
//! recorded, changes with before and after), and the plan as bytes. No store, no queue.
//!
//! Floor: `serde_json` into a borrowed struct of the event's 44 fields.
//!
//! The event is a promotion: identity and accounts are there; title, team, cost centre and
//! telephone change, and with the title a few memberships.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::struct_field_names,
    clippy::wildcard_enum_match_arm,
    reason = "a benchmark: what does not hold shall stop it"
)]

#[path = "planner/company.rs"]
mod company;
#[path = "planner/floor.rs"]
mod floor;

use std::borrow::Cow;
use std::process::ExitCode;

use contract::PlanRequest;
use domain::plan::{next_record, plan};
use domain::{Change, Fact, RecordKey};
use serde::Deserialize;
use tests::bench::{Bench, Goal};

use crate::company::{Company, Shape};

const SMALL: Shape = Shape {
    targets: 3,
    mappings: 12,
};
const LARGE: Shape = Shape {
    targets: 5,
    mappings: 100,
};

const MISSED: &str = "the event becomes an owned fact, the plan is five times the event in JSON, \
     and it is made of maps whose every key and value counts who shares it. A fact that borrows \
     from the event and plans that hold only changes would take most of it.";

fn main() -> ExitCode {
    let small = Company::new(SMALL);
    let large = Company::new(LARGE);
    check(&small, SMALL);
    check(&large, LARGE);
    let (mut few, mut many) = (small.records(), large.records());
    let (mut planned, mut recorded) = (small.records(), small.records());
    planned[0].1.push(small.fact());
    recorded[0].1.push(small.fact());
    Bench::new("B2 planner core")
        .case("parse", || floor::parse(&small.event))
        .case("12 mappings x 3 targets", || subject(&small, &mut few))
        .case("100 mappings x 5 targets", || subject(&large, &mut many))
        // Where the time goes, without a goal.
        .case("envelope", || envelope(&small.envelope))
        .case("translate", || small.fact())
        .case("plan", || plan(&small.compiled, &small.input(&planned)))
        .case("plan, bytes, record", || {
            let input = small.input(&recorded);
            let plan = plan(&small.compiled, &input);
            next_record(input.recorded, &input, &plan)
        })
        .rounds(15)
        .run()
        .finish(&[
            Goal::new("12 mappings x 3 targets", "parse", 2.5).missed_because(MISSED),
            Goal::new("100 mappings x 5 targets", "parse", 9.0).missed_because(MISSED),
        ])
}

/// One event, from the queue to the bytes of the plan.
fn subject(company: &Company, records: &mut [(RecordKey, Vec<Fact>); 1]) -> Vec<u8> {
    let request = envelope(&company.envelope);
    let fact = company.fact();
    let [(record, facts)] = records;
    assert!(request.record == *record && fact.record == *record);
    facts.push(fact);
    let plan = plan(&company.compiled, &company.input(records));
    let bytes = serde_json::to_vec(&plan).expect("JSON");
    records[0].1.pop();
    bytes
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Queue<'a> {
    #[serde(borrow)]
    records: Vec<Message<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    message_id: &'a str,
    #[serde(borrow)]
    body: Cow<'a, str>,
    #[serde(borrow)]
    attributes: Attributes<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes<'a> {
    approximate_receive_count: &'a str,
    message_group_id: &'a str,
}

fn envelope(event: &str) -> PlanRequest {
    let mut queue: Queue<'_> = serde_json::from_str(event).expect("an event of the queue");
    let message = queue.records.pop().expect("one message");
    assert!(!message.message_id.is_empty() && !message.attributes.message_group_id.is_empty());
    assert_eq!(message.attributes.approximate_receive_count, "1");
    serde_json::from_str(&message.body).expect("a request")
}

/// A benchmark of the wrong answer would flatter.
fn check(company: &Company, shape: Shape) {
    assert!((1_000..1_300).contains(&company.event.len()));
    let mut records = company.records();
    records[0].1.push(company.fact());
    let plan = plan(&company.compiled, &company.input(&records));
    assert_eq!(plan.jml, domain::change::Jml::Mover);
    assert!(plan.findings.is_empty(), "{:?}", plan.findings);
    assert_eq!(plan.targets.len(), shape.targets);
    let grants = plan.targets.values().map(|t| t.projection.grants.len());
    assert!(grants.sum::<usize>() >= 10, "a worker has memberships");
    for target in plan.targets.values() {
        assert_eq!(target.projection.attrs.len(), shape.mappings);
        let updates = target.changes.iter().filter_map(|change| match change {
            Change::Update { attrs } => Some(attrs.len()),
            _ => None,
        });
        assert!(updates.sum::<usize>() >= 3, "title, cost centre, telephone");
    }
    let granted = |change: &&Change| matches!(change, Change::Grant { .. });
    let changes = plan.targets.values().flat_map(|target| &target.changes);
    assert!(changes.filter(granted).count() >= 1, "a title gives access");
}
