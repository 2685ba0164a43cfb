//! The stored forms, pinned: what version 1 wrote is read for ever, and read back it is written
//! the same.

#![allow(clippy::unwrap_used, reason = "tests stop at what does not hold")]

use domain::case::{Case, Decision};
use domain::record::AccountRecord;
use domain::task::Task;
use domain::{Fact, IdentityRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const FACT: &str = r#"{
  "source": "hr", "record": "0123456789abcdef0123456789abcdef", "worker": "E1001",
  "event": "msg_1", "version": 3, "effective": { "date": "2026-03-02" }, "zone": "Europe/Lisbon",
  "recorded_at": "2026-03-01T09:30:00Z", "received_at": "2026-03-01T09:30:01Z",
  "payload": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3",
  "manager": "fedcba9876543210fedcba9876543210",
  "body": { "assert": { "attrs": { "given_name": "Ana", "title": null, "team": "" }, "corrects": "msg_0" } }
}"#;

const RESCIND: &str = r#"{
  "source": "hr", "record": "0123456789abcdef0123456789abcdef", "worker": "E1001",
  "event": "msg_2", "effective": { "instant": "2026-03-02T08:00:00Z" }, "zone": "UTC",
  "recorded_at": "2026-03-02T08:00:00Z", "received_at": "2026-03-02T08:00:00Z",
  "payload": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3",
  "body": { "rescind": { "event": "msg_1" } }
}"#;

const IDENTITY: &str = r#"{
  "generation": 7,
  "records": [
    { "record": "0123456789abcdef0123456789abcdef", "by": "founder", "confidence": 100, "at": "2026-03-01T00:00:00Z" },
    { "record": "fedcba9876543210fedcba9876543210", "by": { "rule": "work-email" }, "confidence": 95, "at": "2026-03-05T00:00:00Z" }
  ],
  "state": "active", "was_active": true,
  "identifiers": { "user_name": "ana.silva" },
  "claims": ["user_name:99b90ef70359abb2"],
  "projections": { "wiki": {
    "desired": "active",
    "attrs": { "userName": { "value": "ana.silva", "strength": "always" },
               "manager.value": { "value": "fedcba9876543210fedcba9876543210", "strength": "always", "refers": true } },
    "grants": { "editors": [ { "cause": { "rule": { "rule": "eng", "role": "engineering" } }, "until": "2027-01-01T00:00:00Z" } ] },
    "policy": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3" } },
  "changed": { "wiki": 7 },
  "unsettled": { "wiki": ["readers"] },
  "findings": [ { "finding": "parked", "record": "0123456789abcdef0123456789abcdef", "problem": { "problem": "no_end_date" } } ],
  "due_at": "2026-03-31T22:00:00Z",
  "facts": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3",
  "policy": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3",
  "plan": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3"
}"#;

const ACCOUNT: &str = r#"{
  "id": "2819c223", "ownership": "created", "active": true,
  "attrs": { "userName": "ana.silva", "title": null }, "grants": ["editors"],
  "applied": 7, "at": "2026-03-02T08:00:00Z", "created_at": "2026-03-01T08:00:00Z",
  "outcome": "applied", "parked": "the group `editors` does not exist"
}"#;

const TIES: &str = r#"{
  "generation": 7,
  "records": [
    { "record": "0123456789abcdef0123456789abcdef", "by": { "operator": "kim" }, "confidence": 100, "at": "2026-03-01T00:00:00Z" }
  ],
  "state": "active", "was_active": true, "identifiers": {}, "claims": [],
  "projections": { "wiki": { "desired": "active", "ties": { "adopt": "7", "released": ["8"] },
    "policy": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3" } },
  "changed": {}, "findings": [],
  "ties": { "wiki": { "adopt": "7", "released": ["8"] } },
  "decisions": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3",
  "facts": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3",
  "policy": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3",
  "plan": "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3"
}"#;

const DECISIONS: &[&str] = &[
    r#"{ "rules": { "ruling": "same", "identity": "a" }, "by": "kim", "reason": "HR", "at": "2026-03-02T08:00:00Z" }"#,
    r#"{ "rules": { "ruling": "different", "identity": "a" }, "by": "kim", "reason": "HR", "at": "2026-03-02T08:00:00Z" }"#,
    r#"{ "rules": { "ruling": "own" }, "by": "kim", "reason": "HR", "at": "2026-03-02T08:00:00Z" }"#,
    r#"{ "rules": { "ruling": "adopt", "target": "wiki", "account": "7" }, "by": "kim", "reason": "HR", "at": "2026-03-02T08:00:00Z" }"#,
    r#"{ "rules": { "ruling": "release", "target": "wiki", "account": "7" }, "by": "kim", "reason": "HR", "at": "2026-03-02T08:00:00Z" }"#,
];

const CASES: &[&str] = &[
    r#"{ "id": "c-1", "subject": { "about": "record", "record": "r" }, "since": "2026-03-02T08:00:00Z", "why": "so",
         "candidates": [ { "identity": "a", "confidence": 55, "clues": [
           { "attr": "work_email", "agrees": false, "subject": "99b90ef70359", "candidate": "99b90ef70350" } ] } ],
         "state": { "state": "open" } }"#,
    r#"{ "id": "c-2", "subject": { "about": "account", "target": "wiki", "account": "7" }, "since": "2026-03-02T08:00:00Z", "why": "so",
         "candidates": [],
         "state": { "state": "decided", "verdict": { "verdict": "adopt", "identity": "a" }, "by": "kim", "reason": "HR", "at": "2026-03-02T08:00:00Z" } }"#,
    r#"{ "id": "c-3", "subject": { "about": "record", "record": "r" }, "since": "2026-03-02T08:00:00Z", "why": "so",
         "candidates": [], "state": { "state": "closed", "at": "2026-03-02T08:00:00Z" } }"#,
];

const TASKS: &[&str] = &[
    r#"{ "id": "t-1", "identity": "a", "work": { "work": "handover" }, "owner": { "manager": "r" }, "steps": ["take over mail"],
         "since": "2026-03-02T08:00:00Z", "due": "2026-03-12T08:00:00Z", "state": { "state": "open" } }"#,
    r#"{ "id": "t-2", "identity": "a", "work": { "work": "account", "target": "doors", "generation": 3, "gap": "missing",
           "leads_to": { "active": true, "applied": 0 } },
         "owner": { "named": "it-desk" }, "steps": [],
         "since": "2026-03-02T08:00:00Z", "due": "2026-03-12T08:00:00Z",
         "state": { "state": "done", "by": "kim", "note": "made", "at": "2026-03-03T08:00:00Z" } }"#,
    r#"{ "id": "t-3", "identity": "a", "work": { "work": "handover" }, "owner": { "named": "it-desk" }, "steps": [],
         "since": "2026-03-02T08:00:00Z", "due": "2026-03-12T08:00:00Z",
         "state": { "state": "replaced", "by": "t-4", "at": "2026-03-03T08:00:00Z" } }"#,
];

fn round_trips<T: DeserializeOwned + Serialize>(text: &str) {
    let written: Value = serde_json::from_str(text).unwrap();
    let read: T = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), written);
}

#[test]
fn facts_are_read_and_written_as_version_1_did() {
    round_trips::<Fact>(FACT);
    round_trips::<Fact>(RESCIND);
}

#[test]
fn identity_items_are_read_and_written_as_version_1_did() {
    round_trips::<IdentityRecord>(IDENTITY);
}

#[test]
fn connectors_parts_are_read_and_written_as_version_1_did() {
    round_trips::<AccountRecord>(ACCOUNT);
}

/// A case and a task are replaced on condition that their text is what was read: a form that does
/// not come back as it was written could never be replaced.
#[test]
fn decisions_cases_and_tasks_are_read_and_written_as_version_1_did() {
    round_trips::<IdentityRecord>(TIES);
    DECISIONS.iter().copied().for_each(round_trips::<Decision>);
    CASES.iter().copied().for_each(round_trips::<Case>);
    TASKS.iter().copied().for_each(round_trips::<Task>);
}
