//! `lanyard feed` as an administrator runs it, on a stack that does not run: exit codes, JSON, and
//! what is remembered from one call to the next.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use lanyard::local::{DataFolder, Described};
use ports::Clock as _;
use serde_json::{Value, json};

/// A stack's folder with a policy that writes to no target.
fn stack(folder: &Path, format: &str) -> PathBuf {
    std::fs::remove_dir_all(folder).ok();
    let policy = folder.join("policy");
    std::fs::create_dir_all(&policy).expect("a folder");
    let minimal = include_str!("../../policy-minimal/policy.toml");
    let simulated = minimal.replace("mode = \"enforce\"", "mode = \"simulate\"");
    assert_ne!(simulated, minimal);
    let feed = format!("{simulated}\n[sources.hr.feed]\nsentinels = [\"E0\"]\n{format}\n");
    std::fs::write(policy.join("policy.toml"), feed).expect("a policy");
    let data = folder.join("data");
    let described = Described {
        policy: Some(policy),
        version: None,
        secrets: None,
        private_network: false,
    };
    let created = DataFolder::create(&data).expect("a data folder");
    created.describe(&described).expect("described");
    data
}

/// Runs `lanyard feed`; gives the exit code and what it said.
fn feed(data: &Path, file: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .env(
            "LANYARD_SECRET_HR_SIGNING",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        )
        .env("LANYARD_SECRET_DIRECTORY_TOKEN", "a-token-of-this-test")
        .args(["feed", "--source", "hr", "--json", "--data"])
        .arg(data)
        .arg("--file")
        .arg(file)
        .args(more)
        .output()
        .expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    (output.status.code(), value)
}

fn ago(hours: i64) -> Timestamp {
    lanyard::stack::SystemClock.now() - SignedDuration::from_hours(hours)
}

/// An export of the first so many people.
fn export(people: usize, as_of: Timestamp) -> String {
    let schema = "lanyard.feed.v1";
    let header = json!({"schema": schema, "type": "feed.header", "as_of": as_of, "total": people});
    let records = (0..people).map(|n| {
        json!({
            "schema": "lanyard.worker.v1", "type": "worker.changed", "worker_id": format!("E{n}"),
            "recorded_at": "2026-01-02T09:00:00Z",
            "attributes": {
                "given_name": format!("Ana{n}"), "family_name": "Silva", "department": "Sales",
                "employment_type": "employee", "start_date": "2026-01-05",
            },
        })
    });
    let trailer = json!({"schema": schema, "type": "feed.trailer", "total": people});
    let lines = [header].into_iter().chain(records).chain([trailer]);
    let lines: Vec<String> = lines.map(|line| line.to_string()).collect();
    lines.join("\n") + "\n"
}

#[test]
fn feeds_are_tested_taken_refused_and_remembered() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("feed");
    let data = stack(&folder, "format = \"jsonl\"");
    let file = folder.join("workers.jsonl");
    let write = |text: String| std::fs::write(&file, text).expect("a file");
    // Nothing there yet, and nothing that is a feed.
    let (code, said) = feed(&data, &file, &[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said["error"][0]
            .as_str()
            .is_some_and(|text| text.contains("cannot open"))
    );
    write("<html></html>".to_owned());
    assert_eq!(feed(&data, &file, &[]).0, Some(3));
    // The connection is tested, then the feed is taken.
    write(export(3, ago(30)));
    for (more, dry) in [(vec!["--dry-run"], true), (vec![], false)] {
        let (code, said) = feed(&data, &file, &more);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(
            (&said["received"], &said["dry_run"]),
            (&json!(3), &json!(dry))
        );
        assert_eq!(said["new"].as_array().map(Vec::len), Some(3));
    }
    // The same once more is not the next one.
    let (code, said) = feed(&data, &file, &[]);
    assert_eq!(code, Some(1));
    assert_eq!(said["reasons"][0]["why"], "not_newer");
    assert_eq!(said["reasons"][1]["why"], "same_bytes");
    // Somebody is missing: first noted, then, a day later, ended.
    write(export(2, ago(25)));
    let (code, said) = feed(&data, &file, &[]);
    assert_eq!(code, Some(0), "{said}");
    let waiting = said["waiting"].as_object().expect("an object").clone();
    assert_eq!(waiting.len(), 1);
    write(export(2, ago(1)));
    let (code, said) = feed(&data, &file, &[]);
    assert_eq!(code, Some(0), "{said}");
    let ended: Vec<&str> = said["ended"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    assert!(waiting.keys().eq(ended), "{said}");
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_flat_file_needs_its_time_and_its_total() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flat-feed");
    let data = stack(
        &folder,
        "format = \"csv\"\nworker_id = \"No\"\ncolumns = { No = \"employee_number\", Given = \"given_name\", \
         Family = \"family_name\", Type = \"employment_type\", Since = \"start_date\" }",
    );
    let file = folder.join("workers.csv");
    let text = "No,Given,Family,Type,Since\nE0,Ana,Silva,employee,2026-01-05\n";
    std::fs::write(&file, text).expect("a file");
    let (code, said) = feed(&data, &file, &[]);
    assert_eq!(code, Some(3));
    assert!(
        said["error"][0]
            .as_str()
            .is_some_and(|text| text.contains("--as-of")),
        "{said}"
    );
    let as_of = ago(1).to_string();
    let (code, said) = feed(&data, &file, &["--as-of", &as_of]);
    assert_eq!(code, Some(1));
    assert_eq!(said["reasons"], json!([{ "why": "no_total" }]));
    let (code, said) = feed(&data, &file, &["--as-of", &as_of, "--total", "2"]);
    assert_eq!(code, Some(1));
    assert_eq!(said["reasons"][0]["why"], "total_differs");
    let (code, said) = feed(&data, &file, &["--as-of", &as_of, "--total", "1"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        said["unchanged"], 1,
        "what the incomplete ones stated counts"
    );
    std::fs::remove_dir_all(&folder).expect("removed");
}
