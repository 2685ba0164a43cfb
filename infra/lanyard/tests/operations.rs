//! What operators do beside decisions, as they do it: pause a target and resume it, look at what
//! is parked, open a report.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Folder, Service, run, target, worker};

/// Waits until nobody works on anything, whatever is owed.
async fn at_rest(data: &Path) -> Value {
    let mut look = tokio::time::interval(Duration::from_millis(200));
    let asked = tokio::time::timeout(Duration::from_mins(1), async {
        loop {
            look.tick().await;
            let (_, status) = run(&["status"], data);
            let lanes = status["lanes"].as_object().expect("queues");
            let quiet = |lane: &Value| lane["visible"] == 0 && lane["in_flight"] == 0;
            if lanes.values().all(quiet) && status["due"] == 0 {
                return status;
            }
        }
    });
    asked.await.expect("it rests in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_target_gets_endings_only_and_the_rest_when_it_is_resumed() {
    let folder = Folder::new("pause");
    let data = folder.join("data");
    let target = target(&folder).await;
    let service = Service::start(&folder);
    let first = worker("E1", "Quill", &json!({}));
    assert_eq!(service.post("msg_1", &first).await, 202);
    run(&["status", "--wait-idle", "20"], &data);

    let said = ["directory", "--as", "kim", "--reason", "it moves"];
    let pause = |what| run(&[&["target", what][..], &said].concat(), &data);
    assert_eq!(pause("resume").0, Some(3), "it is not paused");
    assert_eq!(pause("pause"), (Some(0), json!("recorded")));
    assert_eq!(pause("pause").0, Some(3), "it is paused already");
    let (code, unknown) = run(
        &["target", "pause", "wikki", "--as", "kim", "--reason", "-"],
        &data,
    );
    let told = unknown["error"][0].as_str().unwrap_or_default();
    assert_eq!(code, Some(3));
    assert!(told.contains("it has directory"), "{unknown}");

    let second = worker("E2", "Ferro", &json!({}));
    assert_eq!(service.post("msg_2", &second).await, 202);
    let status = at_rest(&data).await;
    assert_eq!(status["owed"], 1);
    let paused = status["targets"]["directory"]["paused"].as_str();
    let paused = paused.expect("it is shown");
    assert!(paused.starts_with("paused by kim since "), "{paused}");
    assert!(target.user_by_user_name("zoe.ferro").is_none());

    let leaver = worker("E1", "Quill", &json!({ "end_date": "2024-01-31" }));
    assert_eq!(service.post("msg_3", &leaver).await, 202);
    at_rest(&data).await;
    let account = target.user_by_user_name("zoe.quill").expect("an account");
    assert!(!account.active, "an ending waits for nobody");
    assert_eq!(run(&["status"], &data).1["owed"], 1, "still paused");

    assert_eq!(pause("resume").0, Some(0));
    let (code, _) = run(&["status", "--wait-idle", "30"], &data);
    assert_eq!(code, Some(0));
    assert!(target.user_by_user_name("zoe.ferro").is_some());
    assert_eq!(service.interrupt(), Some(0));
    target.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_listed_with_its_reason_and_a_report_can_be_opened() {
    let folder = Folder::new("parked");
    let data = folder.join("data");
    let target = target(&folder).await;
    let service = Service::start(&folder);
    assert_eq!(run(&["parked", "list"], &data).1, json!({ "parked": [] }));
    let nameless = worker("E1", "Quill", &json!({ "given_name": null }));
    assert_eq!(service.post("msg_1", &nameless).await, 202);
    run(&["status", "--wait-idle", "20"], &data);

    let (code, parked) = run(&["parked", "list"], &data);
    let parked = parked["parked"].as_array().expect("a list");
    assert_eq!((code, parked.len()), (Some(0), 1));
    let why = parked[0]["why"].as_str().expect("a reason");
    assert!(why.contains("given_name"), "{why}");
    assert!(!why.contains("Quill"), "{why}");
    let record = parked[0]["record"].as_str().expect("a record");
    for args in [
        &["parked", "retry", record][..],
        &["parked", "retry", "--all"],
    ] {
        let (code, handed) = run(args, &data);
        assert_eq!(
            (code, &handed["handed_over"]["count"]),
            (Some(0), &json!(1))
        );
    }
    assert_eq!(run(&["parked", "retry", "nobody"], &data).0, Some(3));

    let (code, none) = run(&["report", "open"], &data);
    assert_eq!(code, Some(3), "{none}");
    run(&["reconcile"], &data);
    let (_, reports) = run(&["report", "list"], &data);
    let reports = reports["reports"].as_array().expect("a list");
    assert_eq!(reports.len(), 1);
    let name = reports[0]["run"].as_str().expect("a name");
    let (day, _) = name
        .split_once('T')
        .expect("a name that begins with its day");
    for args in [
        &["report", "open"][..],
        &["report", "open", day, "--file", "findings.csv"],
    ] {
        let (code, place) = run(args, &data);
        let path = place["place"].as_str().expect("a path");
        assert_eq!(code, Some(0));
        assert!(Path::new(path).is_file(), "{path}");
    }
    let (code, _) = run(&["report", "open", "--file", "../../../secrets"], &data);
    assert_eq!(code, Some(3));

    // Everything is seen alike where the stack rests.
    assert_eq!(service.interrupt(), Some(0));
    let (_, resting) = run(&["parked", "list"], &data);
    assert_eq!(resting["parked"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        run(&["dead-letter", "list"], &data).1,
        json!({ "dead": [] })
    );
    target.stop().await.expect("it stops");
}
