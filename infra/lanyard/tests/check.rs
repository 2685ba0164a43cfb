//! `lanyard check` as a stranger runs it: examples, warnings, and when each of them counts.

#![expect(
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs the check over the minimal policy with one more file.
fn check(name: &str, more: &str, arguments: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a folder");
    let minimal = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-minimal/policy.toml");
    std::fs::copy(minimal, folder.join("policy.toml")).expect("the minimal policy");
    std::fs::write(folder.join("more.toml"), more).expect("a file");
    Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .args(["check", "--policy"])
        .arg(folder)
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const LEADS: &str = r#"
[given]
given_name = "Zoë"
family_name = "Quill"
employment_type = "employee"
start_date = "2026-03-02"

[[rules]]
id = "leads"
when = { department = "Sales" }
where = "title.startsWith('Lead ')"
roles = ["engineering"]
"#;

#[test]
fn an_example_that_fails_is_an_error() {
    let wrong = format!(
        "{LEADS}\n[[examples]]\nname = \"lead\"\ngiven = {{ department = \"Sales\", title = \"Lead\" }}\n\
         rules = [\"leads\"]\n"
    );
    let output = check("check-fails", &wrong, &[]);
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    assert!(told.contains("error[example-failed]"), "{told}");
    assert!(told.contains("rules = [\"leads\"]"), "{told}");
    assert!(told.contains("expected rule `leads`"), "{told}");
}

#[test]
fn a_default_role_that_grows_is_told_against_an_earlier_version() {
    let minimal = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-minimal");
    let minimal = minimal.display().to_string();
    let more = "[roles.more]\nentitlements = [\"engineers\"]\n[[rules]]\nid = \"more\"\nwhen = \
                \"everyone\"\nroles = [\"more\"]\n";
    let output = check("check-alone", more, &["--json"]);
    assert!(!told(&output).contains("default-role-grows"));
    let output = check("check-against", more, &["--against", &minimal, "--strict"]);
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    assert!(told.contains("error[default-role-grows]"), "{told}");
    let says = "role `more`, which everybody gets by rule `more`, gives `engineers` now";
    assert!(told.contains(says), "{told}");
}

#[test]
fn an_expression_without_an_example_counts_only_if_asked_for() {
    let output = check("check-untested", LEADS, &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(told(&output).contains("warning[untested]"));

    let output = check("check-strict", LEADS, &["--strict", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["ok"], false);
    assert_eq!(result["diagnostics"][0]["code"], "untested");
    assert_eq!(result["diagnostics"][0]["severity"], "error");
}

#[test]
fn examples_that_hold_leave_nothing_to_say() {
    let right = format!(
        "{LEADS}\n[[examples]]\nname = \"lead\"\ngiven = {{ department = \"Sales\", title = \"Lead \
         Engineer\" }}\nrules = [\"leads\"]\n"
    );
    let output = check("check-holds", &right, &["--strict", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["ok"], true);
    assert_eq!(result["examples"], 1);
    assert_eq!(result["diagnostics"], serde_json::json!([]));
}
