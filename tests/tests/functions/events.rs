//! One person through all five binaries: from a signed post over real queues to an account, a
//! report and a block, against a server that speaks AWS's protocols.

use std::collections::BTreeMap;

use domain::Hash;
use lanyard::stack::SystemClock;
use objects_s3::S3Objects;
use ports::{Clock as _, Objects as _};
use scim_target::ScimTarget;
use serde_json::{Value, json};
use tests::ministack::Ministack;
use tests::runtime_api::{Binary, EventSource, Function, Invocation, Outcome};
use tests::services;
use tests::world::Says;

const POLICY: &str = include_str!("../../../infra/policy-minimal/policy.toml");

/// The address of the target in that policy.
const ADDRESS: &str = "http://127.0.0.1:8088/scim/v2";

const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";

/// A stack on loopback: everything but the functions.
struct Stack {
    server: Ministack,
    target: ScimTarget,
    objects: S3Objects,
    facts: EventSource,
    lane: EventSource,
    terminations: EventSource,
}

impl Stack {
    async fn start() -> Self {
        let server = Ministack::start().await;
        server.set_time(SystemClock.now());
        let target = ScimTarget::start(scim_target::Options::default()).await;
        let target = target.expect("a target");
        for group in ["staff", "Engineers"] {
            target.add_group(group).expect("a group");
        }
        let token = ("directory-token", target.token());
        let objects = services::furnish(&server, &[token]).await;
        let queue = |name| EventSource::create(&server, name, 180);
        let facts = queue("lanyard-facts.fifo").await.traced(&header());
        let lane = queue("lanyard-lane-directory.fifo").await;
        let terminations = queue("lanyard-terminations.fifo").await;
        let stack = Self {
            server,
            target,
            objects,
            facts,
            lane,
            terminations,
        };
        stack.publish("Engineers").await;
        stack
    }

    /// Publishes the minimal policy with the target's address, and another name for a group.
    async fn publish(&self, engineers: &str) -> Hash {
        let text = POLICY.replace(ADDRESS, self.target.base_url());
        let text = text.replace(r#""Engineers""#, &format!("{engineers:?}"));
        services::publish(&self.objects, text).await
    }

    /// The environment of the connector, but for the network of its target, which is on loopback.
    fn environment_within(&self, network: &str) -> BTreeMap<&'static str, String> {
        let mut environment = services::environment(self.server.url(), Some("directory"));
        environment.insert("LANYARD_TARGET_NETWORK", network.to_owned());
        environment
    }

    async fn function(&self, binary: Binary, target: Option<&str>) -> Function {
        let started =
            Function::start(binary, &services::environment(self.server.url(), target)).await;
        started.unwrap_or_else(|refused| panic!("`{binary}`: {refused:?}"))
    }
}

/// The header of a trace, to which a sender added something.
fn header() -> String {
    format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Name=ana")
}

/// A signed post with a trace.
fn post(says: Says, count: u64) -> Invocation {
    let (_, request) = says.request(count, SystemClock.now());
    Invocation {
        trace: Some(header()),
        ..Invocation::from(serde_json::to_value(request).expect("JSON"))
    }
}

fn hired() -> Says {
    Says::hires("E1001", ("Ana", "Sousa"), "Engineering", "2020-01-01")
}

fn left() -> Says {
    let says = Says::about("E1001").that("worker_status", "terminated");
    says.that("end_date", "2026-01-01").that("end_mode", "now")
}

/// Drives a queue through its function until it is empty; every message has to be done.
async fn drain(stack: &Stack, queue: &EventSource, function: &mut Function) -> usize {
    let mut done = 0;
    while let Some((event, outcome)) = queue.drive(&stack.server, function).await {
        let Outcome::Answered(answer) = outcome else {
            panic!("{outcome:?}: {:?}", function.lines());
        };
        assert_eq!(
            answer,
            json!({"batchItemFailures": []}),
            "{:?}",
            function.lines()
        );
        done += event["Records"].as_array().expect("records").len();
    }
    done
}

fn field(lines: &[String], message: &str, name: &str) -> Vec<Value> {
    let lines = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["message"] == message)
        .map(|line| line[name].clone())
        .collect()
}

#[tokio::test]
async fn a_person_comes_and_goes_through_the_real_binaries() {
    let stack = Stack::start().await;
    let mut webhook = stack.function(Binary::HrWebhook, None).await;
    let mut planner = stack.function(Binary::Planner, None).await;
    let mut connector = stack.function(Binary::Connector, Some("directory")).await;

    let answer = webhook.invoke(post(hired(), 1)).await.answer();
    assert_eq!(answer["statusCode"], 202, "{:?}", webhook.lines());
    // Nobody's signature, and the same event again.
    let mut forged = post(hired(), 2);
    forged.event["headers"]["webhook-signature"] = "v1,AAAA".into();
    let answer = webhook.invoke(forged).await.answer();
    assert_eq!(answer["statusCode"], 401);
    let lines = webhook.lines();
    assert_eq!(
        field(&lines, "request refused", "trace"),
        [json!(ROOT)],
        "{lines:?}"
    );

    assert_eq!(drain(&stack, &stack.facts, &mut planner).await, 1);
    let lines = planner.lines();
    assert_eq!(
        field(&lines, "decided", "trace"),
        [json!(ROOT)],
        "{lines:?}"
    );
    assert_eq!(drain(&stack, &stack.lane, &mut connector).await, 1);
    let ana = stack.target.users().into_iter().find(|user| user.active);
    let ana = ana.expect("an account");
    assert_eq!(ana.groups, ["staff", "Engineers"]);

    let mut clock = stack.function(Binary::Clock, None).await;
    let event = json!({"source": "aws.scheduler", "detail": {}});
    assert_eq!(clock.invoke(event).await.answer(), json!({"woken": 0}));

    let mut reconciler = stack.function(Binary::Reconciler, None).await;
    let ran = services::night(async |step| reconciler.invoke(step).await.answer()).await;
    let ran = ran["report"].clone();
    assert_eq!(
        (&ran["new"], &ran["complete"]),
        (&json!(0), &json!(true)),
        "{ran}"
    );
    let reports = stack.objects.list("reports/").await.expect("a list");
    assert!(
        reports.iter().any(|key| key.ends_with("manifest.json")),
        "{reports:?}"
    );
    let refused = json!({"step": "begin", "date": "tomorrow"});
    let refused = reconciler.invoke(refused).await;
    assert!(matches!(refused, Outcome::Failed(_)), "{refused:?}");

    // The end of it travels in the lane of terminations, which knows every target.
    let mut terminator = stack.function(Binary::Connector, None).await;
    let answer = webhook.invoke(post(left(), 3)).await.answer();
    assert_eq!(answer["statusCode"], 202, "{:?}", webhook.lines());
    assert_eq!(drain(&stack, &stack.facts, &mut planner).await, 1);
    assert_eq!(drain(&stack, &stack.terminations, &mut terminator).await, 1);
    let active = stack.target.users().into_iter().any(|user| user.active);
    assert!(!active, "sign-in is blocked");

    for function in [webhook, planner, connector, clock, reconciler, terminator] {
        for line in function.end().await {
            let read: Value = serde_json::from_str(&line).expect("a line is JSON");
            assert!(read["service"].is_string(), "{line}");
            for personal in ["Ana", "Sousa", "ana@", "E1001"] {
                assert!(!line.contains(personal), "{line}");
            }
        }
    }
}

#[tokio::test]
async fn a_target_on_the_functions_own_machine_is_not_called() {
    let stack = Stack::start().await;
    for binary in [Binary::Connector, Binary::Reconciler] {
        for network in ["public", "private"] {
            let started = Function::start(binary, &stack.environment_within(network)).await;
            let refused = started.map(|_| ()).expect_err("it starts");
            let told = refused.told.as_ref().expect("Lambda was told");
            let told = told["errorMessage"].as_str().expect("a text");
            assert!(told.contains("machine"), "{told}");
        }
    }
    assert_eq!(stack.target.log().len(), 0);
}

#[tokio::test]
async fn a_decision_is_carried_out_under_the_policy_that_made_it() {
    let stack = Stack::start().await;
    let mut webhook = stack.function(Binary::HrWebhook, None).await;
    let mut planner = stack.function(Binary::Planner, None).await;
    let answer = webhook.invoke(post(hired(), 1)).await.answer();
    assert_eq!(answer["statusCode"], 202, "{:?}", webhook.lines());
    assert_eq!(drain(&stack, &stack.facts, &mut planner).await, 1);

    // Under the next version the group has another name, which the target does not know.
    let next = stack.publish("Elsewhere").await;
    let mut connector = stack.function(Binary::Connector, Some("directory")).await;
    assert_eq!(drain(&stack, &stack.lane, &mut connector).await, 1);
    let ana = stack.target.users().into_iter().find(|user| user.active);
    let groups = ana.expect("an account").groups;
    assert_eq!(groups, ["staff", "Engineers"], "{:?}", connector.lines());

    // Whoever starts under a damaged version starts under the one before, and says so.
    let key = format!("policy/{next}/policy.toml");
    let damaged = stack.objects.put(&key, "no policy".into()).await;
    damaged.expect("a put");
    let planner = stack.function(Binary::Planner, None).await;
    let lines = planner.end().await;
    let metric = |line: &&String| line.contains(r#""PolicyNotTaken":1"#);
    assert_eq!(lines.iter().filter(metric).count(), 1, "{lines:?}");
}
