//! The templates on an emulator of AWS that enforces IAM, with stand-ins for the functions: everything is created, a post,
//! a message and a nightly run reach their functions, and each role can do its verbs and nothing else.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a suite stops at what does not hold"
)]

mod operator;
mod pipeline;
mod verbs;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::aws::template::root;
use tests::aws::{Functions, MoreTarget, Stack};
use tests::third_party::ThirdParty;

const NAME: &str = "lanyard";

/// A stack with a target of the template's own and two beside it, one of them for work by hand.
async fn deployed(test: &str) -> Stack {
    let python = ThirdParty::aws_python().await;
    let python = python.unwrap_or_else(|e| panic!("{e}"));
    let program = stand_in(&python, test);
    let target = |name: &str, secrets: &str| MoreTarget {
        name: name.to_owned(),
        secrets: secrets.to_owned(),
    };
    let more = [target("wiki", "wiki-*"), target("badges", "")];
    let stack = Stack::deploy(NAME, &Functions::all(&program), &more).await;
    stack.unwrap_or_else(|e| panic!("{e}"))
}

/// A program that runs the stand-in.
fn stand_in(python: &Path, test: &str) -> PathBuf {
    let script = root().join("tests/third-party/aws/stand_in.py");
    let path = root().join(format!("target/third-party/run/{test}-stand-in"));
    let folder = path.parent().expect("a folder");
    std::fs::create_dir_all(folder).expect("a folder");
    let script = format!(
        "#!/bin/sh\nexec '{}' '{}'\n",
        python.display(),
        script.display()
    );
    std::fs::write(&path, script).expect("a program");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, executable).expect("a program");
    path
}

/// Lines that a function's stand-in wrote, parsed.
async fn events(stack: &Stack, function: &str) -> Vec<Value> {
    let group = format!("/aws/lambda/{NAME}-{function}");
    let arguments = json!({ "logGroupName": group, "limit": 10_000 });
    let found = stack.call("logs", "filter_log_events", arguments).await;
    let found = found.unwrap_or_else(|e| panic!("{e}"));
    let messages = found["events"].as_array().cloned().unwrap_or_default();
    messages
        .iter()
        .filter_map(|event| serde_json::from_str::<Value>(event["message"].as_str()?).ok())
        .filter_map(|line| line.get("stand_in").cloned())
        .collect()
}

/// Waits for something that other processes do, two minutes at most.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = look().await {
            return found;
        }
        pause().await;
    }
    panic!("{what} did not come");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the emulator is another process and has no other sign"
)]
async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
}

#[tokio::test]
async fn posts_messages_and_nights_reach_their_functions() {
    let stack = deployed("reach").await;

    let (url, host) = stack.webhook("hr");
    let posted = reqwest::Client::new()
        .post(&url)
        .header("host", &host)
        .body("{}");
    let answer = posted.send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.text().await.expect("a body"), r#"{"source": "hr"}"#);
    // No other route is there.
    let other = reqwest::Client::new().get(&url).header("host", &host);
    assert_eq!(other.send().await.expect("an answer").status(), 404);

    for (lane, function) in [
        ("facts.fifo", "planner"),
        ("terminations.fifo", "terminations"),
        ("lane-directory.fifo", "connector-directory"),
        ("lane-wiki.fifo", "connector-wiki"),
        ("lane-badges.fifo", "connector-badges"),
    ] {
        let message = json!({
            "QueueUrl": format!("{}{lane}", stack.output("QueuePrefix")),
            "MessageBody": format!("{{\"to\":\"{lane}\"}}"),
            "MessageGroupId": "g",
            "MessageDeduplicationId": "d",
        });
        stack
            .call("sqs", "send_message", message)
            .await
            .expect("sent");
        let batch = eventually(lane, async || events(&stack, function).await.pop()).await;
        let record = &batch["Records"][0];
        assert_eq!(record["body"], format!("{{\"to\":\"{lane}\"}}"));
        assert_eq!(record["attributes"]["MessageGroupId"], "g");
    }

    let machine = stack.output("StateMachine");
    let input = json!({ "zone": "Europe/Lisbon", "accept": ["wiki"] }).to_string();
    let start = json!({ "stateMachineArn": machine, "input": input });
    let started = stack.call("stepfunctions", "start_execution", start).await;
    let execution = json!({ "executionArn": started.expect("it starts")["executionArn"] });
    let ended = eventually("the end of the night", async || {
        let found = stack
            .call("stepfunctions", "describe_execution", execution.clone())
            .await;
        let found = found.unwrap_or_else(|e| panic!("{e}"));
        (found["status"] != "RUNNING").then_some(found)
    })
    .await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let output: Value = serde_json::from_str(ended["output"].as_str().expect("an output"))
        .expect("the output is JSON");
    assert_eq!(output["report"]["folder"], "reports/v1/");

    let steps = events(&stack, "reconciler").await;
    let of = |step: &str| -> Vec<&Value> {
        steps.iter().filter(|event| event["step"] == step).collect()
    };
    // Each of these was asked again once; the broken target failed at its second leg and kept nobody else.
    for (step, times) in [
        ("begin", 2),
        ("observe", 6),
        ("compare", 4),
        ("limit", 1),
        ("enqueue", 2),
        ("finish", 2),
    ] {
        assert_eq!(of(step).len(), times, "{step}: {steps:?}");
    }
    for begin in of("begin") {
        assert_eq!(begin["zone"], "Europe/Lisbon");
        assert_eq!(begin["accept"], json!(["wiki"]));
        assert_eq!(begin["at"], of("begin")[0]["at"]);
    }
    let parts: BTreeSet<String> = of("compare")
        .iter()
        .map(|event| format!("{} {}", event["target"], event["part"]))
        .collect();
    assert_eq!(parts.len(), 4, "{parts:?}");

    let tick = eventually("a minute", async || events(&stack, "clock").await.pop()).await;
    assert_eq!(tick, json!({}));

    let endpoint = stack.endpoint().to_owned();
    drop(stack);
    assert!(
        reqwest::get(endpoint).await.is_err(),
        "the emulator is left"
    );
}
