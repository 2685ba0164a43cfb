//! `lanyard local` as a stranger runs it: the real program, a SCIM server, a signed post; then a
//! `kill -9`, a nightly run, an orderly end.

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lanyard::client::Client;
use serde_json::{Value, json};
use support::{Folder, Service, lanyard, run, target, worker};

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_post_becomes_an_account_and_state_survives_kill_9() {
    let folder = Folder::new("local");
    let data = folder.join("data");
    let target = target(&folder).await;

    let service = Service::start(&folder);
    assert_eq!(
        service
            .post("msg_1", &worker("E1", "Quill", &json!({})))
            .await,
        202
    );
    let (code, status) = run(&["status", "--wait-idle", "20"], &data);
    assert_eq!((code, &status["idle"]), (Some(0), &json!(true)));
    let account = target.user_by_user_name("zoe.quill").expect("an account");
    assert!(account.active);
    assert_eq!(account.groups, ["staff", "Engineers"]);

    // Killed right after it said 202: what was accepted is done by the next start.
    assert_eq!(
        service
            .post("msg_2", &worker("E2", "Ferro", &json!({})))
            .await,
        202
    );
    service.kill();
    let service = Service::start(&folder);
    let (code, _) = run(&["status", "--wait-idle", "90"], &data);
    assert_eq!(code, Some(0));
    assert!(target.user_by_user_name("zoe.ferro").is_some());

    // The same event again, after the restart, is a duplicate and changes nothing.
    let writes = target.calls().writes();
    let leaver = worker("E1", "Quill", &json!({ "end_date": "2024-01-31" }));
    assert_eq!(service.post("msg_3", &leaver).await, 202);
    assert_eq!(service.post("msg_3", &leaver).await, 202);
    assert_eq!(
        service
            .post("msg_3", &worker("E1", "Other", &json!({})))
            .await,
        409
    );
    run(&["status", "--wait-idle", "20"], &data);
    assert!(
        !target
            .user_by_user_name("zoe.quill")
            .expect("an account")
            .active
    );
    assert!(target.calls().writes() > writes);

    assert_eq!(service.interrupt(), Some(0));

    // On a stack that does not run, the same commands work on its data folder.
    let id = target
        .user_by_user_name("zoe.ferro")
        .expect("an account")
        .id;
    target
        .update_user(&id, json!({ "active": false }))
        .expect("a change by hand");
    let (code, night) = run(&["reconcile"], &data);
    assert_eq!(code, Some(1), "drift was found");
    assert_eq!(
        night["summary"]["targets"]["directory"]["findings"]["O8"],
        1
    );
    assert!(target.user(&id).expect("an account").active, "and repaired");
    assert!(Path::new(night["report"].as_str().expect("a path")).exists());
    let writes = target.calls().writes();
    let (code, night) = run(&["reconcile"], &data);
    assert_eq!((code, &night["sent"]), (Some(0), &json!(0)));
    assert_eq!(
        target.calls().writes(),
        writes,
        "the second run writes nothing"
    );
    target.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_routes_want_the_token_of_the_data_folder() {
    let folder = Folder::new("control");
    let target = target(&folder).await;
    let service = Service::start(&folder);
    let mut client = Client::new(&service.url, Duration::from_secs(10)).expect("a client");
    for headers in [&[][..], &[("authorization", "Bearer no")][..]] {
        let answer = client
            .send("GET", "/control/status", headers, "")
            .await
            .expect("an answer");
        assert_eq!(answer.status.as_u16(), 401);
    }
    let by_url = |token: &str| {
        lanyard()
            .args(["status", "--json", "--url", &service.url])
            .env("LANYARD_CONTROL_TOKEN", token)
            .output()
            .expect("the program runs")
    };
    let control = std::fs::read(folder.join("data/control.json")).expect("control.json");
    let control: Value = serde_json::from_slice(&control).expect("JSON");
    let token = control["token"].as_str().expect("a token");
    assert_eq!(by_url(token).status.code(), Some(0));
    assert_eq!(by_url("wrong").status.code(), Some(3));
    assert_eq!(service.interrupt(), Some(0));
    target.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_says_why_and_exits_with_3() {
    let folder = Folder::new("cannot");
    let target = target(&folder).await;
    let mut without = Command::new(env!("CARGO_BIN_EXE_lanyard"));
    let output = without
        .args(["local", "--policy"])
        .arg(folder.join("policy"))
        .arg("--data")
        .arg(folder.join("data"))
        .env_remove("LANYARD_SECRET_HR_SIGNING")
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3));
    assert!(said.contains("LANYARD_SECRET_HR_SIGNING"), "{said}");
    assert!(said.contains("LANYARD_SECRET_DIRECTORY_TOKEN"), "{said}");

    let nowhere = lanyard()
        .args(["status", "--data", "/nonexistent"])
        .output()
        .expect("the program runs");
    assert_eq!(nowhere.status.code(), Some(3));
    let usage = lanyard()
        .args(["status"])
        .output()
        .expect("the program runs");
    assert_eq!(usage.status.code(), Some(2));
    target.stop().await.expect("it stops");
}

const PEOPLE: &str = r#"
[[correlation]]
name = "work-email"
on = "work_email"
ended = "link"
active = { employee = "case" }
confidence = 90

[targets.doors]
mode = "enforce"
kind = "manual"
owner = "facilities"
due_days = 5
attributes = { userName = { identifier = "user_name" } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn operators_decide_on_a_stack_that_runs_and_on_one_that_does_not() {
    let folder = Folder::new("operate");
    let data = folder.join("data");
    let target = target(&folder).await;
    std::fs::write(folder.join("policy/people.toml"), PEOPLE).expect("a policy");
    let service = Service::start(&folder);
    for (id, family) in [("E1", "Quill"), ("E2", "Ferro")] {
        let address = json!({ "work_email": "zoe@example.com" });
        let post = worker(id, family, &address);
        assert_eq!(service.post(&format!("msg_{id}"), &post).await, 202);
        let (code, _) = run(&["status", "--wait-idle", "20"], &data);
        assert_eq!(code, Some(0));
    }
    assert_eq!(target.user_count(), 1, "the second one is a question");
    let (_, status) = run(&["status"], &data);
    assert_eq!((&status["cases"], &status["tasks"]), (&json!(1), &json!(1)));

    let (code, cases) = run(&["case", "list"], &data);
    assert_eq!(code, Some(0));
    let case = cases["cases"][0]["id"].as_str().expect("an id").to_owned();
    let (_, shown) = run(&["case", "show", &case], &data);
    let shown = &shown["cases"][0];
    assert_eq!(
        (&shown["worker"], &shown["candidates"][0]["confidence"]),
        (&json!("E2"), &json!(90))
    );
    let person = shown["candidates"][0]["identity"].as_str().expect("an id");
    let record = shown["about"].as_str().expect("a record");
    for private in ["Quill", "Ferro", "zoe@"] {
        assert!(!shown.to_string().contains(private), "{shown}");
    }
    let decide = ["case", "decide", &case, "same", "--reason", "HR confirms"];
    let (code, refused) = run(&decide, &data);
    assert_eq!(code, Some(3), "nobody said who decides");
    assert!(
        refused.to_string().contains("LANYARD_OPERATOR"),
        "{refused}"
    );
    let named = [&decide[..], &["--as", "kim"]].concat();
    assert_eq!(run(&named, &data), (Some(0), json!("recorded")));
    run(&["status", "--wait-idle", "20"], &data);
    let (_, links) = run(&["link", "show", record], &data);
    let link = &links["links"][0];
    assert_eq!(link["identity"], person);
    assert_eq!(link["records"][1]["by"], "operator `kim`");
    assert_eq!(link["records"][1]["worker"], "E2");
    let (code, refused) = run(&named, &data);
    assert_eq!(code, Some(3), "an answer is given once");
    assert!(
        refused.to_string().contains("lanyard link repair"),
        "{refused}"
    );
    assert_eq!(service.interrupt(), Some(0));

    // At rest: a decision is recorded, and carried out when somebody works.
    let repair = ["link", "repair", record, "--own", "--as", "kim"];
    let repair = [&repair[..], &["--reason", "a namesake"]].concat();
    assert_eq!(run(&repair, &data), (Some(0), json!("recorded")));
    let (_, tasks) = run(&["task", "list"], &data);
    let task = &tasks["tasks"][0];
    assert_eq!(
        (&task["of"], &task["owner"]),
        (&json!("doors"), &json!("facilities"))
    );
    let task = task["id"].as_str().expect("an id").to_owned();
    let done = ["task", "done", &task, "--as", "kim", "--reason", "badge 17"];
    assert_eq!(run(&done, &data), (Some(0), json!("recorded")));
    let (code, _) = run(&["status", "--wait-idle", "30"], &data);
    assert_eq!(code, Some(0));
    assert_eq!(target.user_count(), 2);
    let (_, links) = run(&["link", "show", record], &data);
    let link = &links["links"][0];
    assert_eq!(
        (&link["identity"], &link["records"][0]["worker"]),
        (&json!(record), &json!("E2"))
    );
    assert_eq!(link["decisions"].as_array().map(Vec::len), Some(3));
    let (_, first) = run(&["link", "show", person], &data);
    assert_eq!(
        first["links"][0]["accounts"]["doors"]["ownership"],
        "created"
    );
    let (_, shown) = run(&["task", "show", &task], &data);
    assert_eq!(shown["tasks"][0]["state"]["by"], "kim");
    target.stop().await.expect("it stops");
}
