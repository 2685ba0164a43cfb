//! The real functions behind the template: signed posts through the emulated HTTP API, accounts in a SCIM server of
//! somebody else, every call with the function's own role.

use std::path::PathBuf;
use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::aws::template::root;
use tests::aws::{Functions, Stack};
use tests::third_party::ThirdParty;
use tests::world::{Address, HR_SECRET, Raw, Says};

use crate::operator::Operator;
use crate::{NAME, eventually};

const WORKERS: [(&str, &str, &str); 4] = [
    ("E1", "Ana", "Engineering"),
    ("E2", "Ben", "Engineering"),
    ("E3", "Cleo", "Finance"),
    ("E4", "Dan", "Engineering"),
];

#[expect(
    clippy::disallowed_methods,
    reason = "the functions go by the machine's clock"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A folder with a policy.
fn folder(name: &str, text: &str) -> PathBuf {
    let folder = root().join("target/third-party/run").join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("policy.toml"), text).expect("a policy");
    folder
}

/// Posts what HR says, over HTTP; answers the status.
async fn send(stack: &Stack, request: &ApiGatewayV2httpRequest) -> u16 {
    let (url, host) = stack.webhook("hr");
    let body = request.body.clone().unwrap_or_default();
    let answer = reqwest::Client::new()
        .post(url)
        .headers(request.headers.clone())
        .header("host", host)
        .timeout(Duration::from_secs(30))
        .body(body)
        .send()
        .await;
    answer.expect("an answer").status().as_u16()
}

fn hire(worker: (&str, &str, &str)) -> Says {
    let (id, given, department) = worker;
    Says::hires(id, (given, "Silva"), department, "2026-02-01")
        .that("work_email", &format!("{given}@example.com"))
}

/// Whether each user can sign in, by user name.
async fn users(scim: &Raw) -> Vec<(String, bool)> {
    let mut users: Vec<(String, bool)> = scim
        .users()
        .await
        .iter()
        .map(|user| {
            let name = user["userName"].as_str().unwrap_or_default();
            (name.to_owned(), user["active"] == true)
        })
        .collect();
    users.sort();
    users
}

#[tokio::test]
async fn a_signed_post_becomes_an_account_and_an_ending_takes_it_back() {
    let server = ThirdParty::scim2_server().await;
    let server = server.unwrap_or_else(|e| panic!("{e}"));
    let scim = Raw::new(Address::new(server.base_url(), server.token()));
    for group in ["staff", "Engineers"] {
        scim.add_group(group).await;
    }
    let functions = Functions::built().await;
    let functions = functions.unwrap_or_else(|e| panic!("{e}"));
    let stack = Stack::deploy(NAME, &functions, &[]).await;
    let stack = stack.unwrap_or_else(|e| panic!("{e}"));
    for (name, value) in [
        ("source/hr-signing", HR_SECRET),
        ("target/directory-token", server.token()),
    ] {
        stack.put_secret(name, value).await.expect("a secret");
    }
    let policy = root().join("infra/policy-minimal/policy.toml");
    let policy = std::fs::read_to_string(policy).expect("the minimal policy");
    let shipped = "http://127.0.0.1:8088/scim/v2";
    assert!(policy.contains(shipped));
    let policy = policy.replace(shipped, server.base_url());
    let operator = Operator::of(&stack).await;
    operator.publish(&folder("policy", &policy)).await;

    for (count, worker) in (1..).zip(WORKERS) {
        let (_, request) = hire(worker).request(count, now());
        // Twice, as senders do.
        for _ in 0..2 {
            assert_eq!(send(&stack, &request).await, 202);
        }
    }
    let (_, mut forged) = hire(WORKERS[0]).request(99, now());
    forged.body = forged.body.map(|body| body.replace("Ana", "Eve"));
    assert_eq!(send(&stack, &forged).await, 401);

    let all: Vec<(String, bool)> = ["ana", "ben", "cleo", "dan"]
        .map(|given| (format!("{given}.silva"), true))
        .into();
    eventually("everybody's account", async || {
        let complete = users(&scim).await == all
            && scim.members("staff").await.len() == 4
            && scim.members("Engineers").await.len() == 3;
        complete.then_some(())
    })
    .await;

    let ends = hire(WORKERS[1]).that("end_date", "2026-03-31");
    let (_, ends) = ends.request(10, now());
    assert_eq!(send(&stack, &ends).await, 202);
    eventually("the ending", async || {
        let gone = users(&scim).await == with(&all, "ben.silva", false)
            && scim.members("staff").await.len() == 3
            && scim.members("Engineers").await.len() == 2;
        gone.then_some(())
    })
    .await;

    nothing_is_left(&stack).await;
    operated(&operator, &scim, &policy).await;
    for function in [
        "hr-webhook",
        "planner",
        "terminations",
        "connector-directory",
    ] {
        for line in lines(&stack, function).await {
            assert!(
                !line.contains("AccessDenied") && !line.contains("\"level\":\"ERROR\""),
                "{function}: {line}"
            );
            for personal in ["Ana", "Silva", "silva", "example.com"] {
                assert!(!line.contains(personal), "{function}: {line}");
            }
        }
    }
}

/// What an operator does in a week: looks, pauses, compares, publishes, runs the night, reads the report.
async fn operated(operator: &Operator, scim: &Raw, policy: &str) {
    let status = operator.does(&["status", "--wait-idle", "60"]).await;
    assert_eq!(
        (&status["identities"], &status["idle"]),
        (&json!(4), &json!(true)),
        "{status}"
    );
    let explained = operator.does(&["explain", "E1", "engineers"]).await;
    assert!(explained.to_string().contains("engineering"), "{explained}");
    assert_eq!(
        operator.does(&["parked", "list"]).await,
        json!({ "parked": [] })
    );
    assert_eq!(
        operator.does(&["dead-letter", "list"]).await,
        json!({ "dead": [] })
    );

    let said = ["directory", "--as", "kim", "--reason", "it moves"];
    operator
        .does(&[&["target", "pause"][..], &said].concat())
        .await;
    let paused = operator.does(&["status"]).await;
    assert!(
        paused["targets"]["directory"]["paused"].is_string(),
        "{paused}"
    );
    operator
        .does(&[&["target", "resume"][..], &said].concat())
        .await;

    let narrow = policy.replace("roles = [\"engineering\"]", "roles = [\"base\"]");
    let narrow = folder("policy-narrow", &narrow).display().to_string();
    let (_, diff) = operator.run(&["diff", "--to", &narrow, "--save"]).await;
    assert_eq!(diff["summary"]["affected"], 2, "{diff}");
    let saved = diff["saved"].as_str().expect("a hash").to_owned();
    let published = operator
        .does(&["publish", "--policy", &narrow, "--diff", &saved])
        .await;
    assert_eq!(published["outcome"], "published");
    let back = operator.does(&["publish", "--rollback"]).await;
    assert_eq!(back["outcome"], "published", "{back}");

    operator.does(&["status", "--wait-idle", "60"]).await;

    // Something is changed by hand, and the night finds it.
    let users = scim.users().await;
    let ana = users.iter().find(|user| user["userName"] == "ana.silva");
    let id = ana.expect("an account")["id"].as_str().expect("an id");
    scim.change_user(id, "active", json!(false)).await;
    let (code, night) = operator
        .run(&["reconcile", "--zone", "Europe/Lisbon"])
        .await;
    assert_eq!(code, Some(1), "drift was found: {night}");
    let target = &night["summary"]["targets"]["directory"];
    assert_eq!(target["wanted"], 3, "{night}");
    let reports = operator.does(&["report", "list"]).await;
    assert_eq!(reports["reports"].as_array().map(Vec::len), Some(1));
    let place = operator.does(&["report", "open"]).await;
    let link = place["place"].as_str().expect("a link");
    let page = reqwest::get(link).await.expect("an answer");
    assert_eq!(page.status(), 200);
    let page = page.text().await.expect("a page");
    assert!(page.contains("ana.silva"), "the report names the account");

    let (_, examined) = operator.run(&["doctor"]).await;
    let findings = examined.as_array().expect("findings");
    for function in [
        "hr-webhook",
        "planner",
        "terminations",
        "clock",
        "reconciler",
        "connector-directory",
    ] {
        let what = json!(format!("function {function}"));
        let found = findings.iter().find(|finding| finding["what"] == what);
        let found = found.unwrap_or_else(|| panic!("{function} was looked at: {examined}"));
        assert_eq!(found["fine"], true, "{found}");
    }
    // What the emulator does not tell, as `docs/aws.md` says, and nothing else.
    let untold = |finding: &&Value| {
        let (what, how) = (finding["what"].as_str(), finding["how"].as_str());
        let (what, how) = (what.unwrap_or_default(), how.unwrap_or_default());
        (what == "alarms" && how.contains("DescribeAlarms"))
            || (what == "table" && how.contains("recovery"))
    };
    let wrong: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["fine"] == false && !untold(finding))
        .collect();
    assert_eq!(wrong, Vec::<&Value>::new());
}

fn with(all: &[(String, bool)], name: &str, active: bool) -> Vec<(String, bool)> {
    let changed = |(user, was): &(String, bool)| {
        let is = if user == name { active } else { *was };
        (user.clone(), is)
    };
    all.iter().map(changed).collect()
}

/// No queue holds a message, dead letters included.
async fn nothing_is_left(stack: &Stack) {
    let lanes = ["facts", "lane-directory", "terminations"];
    for lane in lanes
        .map(|lane| [lane.to_owned(), format!("dead-{lane}")])
        .concat()
    {
        let asked = json!({
            "QueueUrl": format!("{}{lane}.fifo", stack.output("QueuePrefix")),
            "AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        });
        eventually(&format!("the end of {lane}"), async || {
            let found = stack
                .call("sqs", "get_queue_attributes", asked.clone())
                .await;
            let found = found.unwrap_or_else(|e| panic!("{e}"));
            let counts = found["Attributes"].as_object().expect("counts").values();
            let mut counts = counts.map(Value::as_str);
            counts.all(|count| count == Some("0")).then_some(())
        })
        .await;
    }
}

/// Every line of a function's log.
async fn lines(stack: &Stack, function: &str) -> Vec<String> {
    let group = format!("/aws/lambda/{NAME}-{function}");
    let asked = json!({ "logGroupName": group, "limit": 10_000 });
    let found = stack.call("logs", "filter_log_events", asked).await;
    let found = found.unwrap_or_else(|e| panic!("{e}"));
    let events = found["events"].as_array().cloned().unwrap_or_default();
    let lines: Vec<String> = events
        .iter()
        .filter_map(|event| event["message"].as_str().map(str::to_owned))
        .collect();
    assert!(!lines.is_empty(), "{function} was not called");
    lines
}
