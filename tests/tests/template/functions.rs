//! Functions: Graviton, `provided.al2023`, a role each, logs of their own that end, versions behind an alias that an alarm
//! takes back, and an environment of names.

use std::collections::BTreeSet;

use runtime::BEFORE_FUNCTION;
use serde_json::json;
use target_http::{HttpConfig, Network, Origin};
use tests::aws::template::{line, root};
use tests::runtime_api::Binary;

use crate::{number, templates};

const FUNCTION: &str = "AWS::Lambda::Function";

#[tokio::test]
async fn they_run_on_graviton_and_the_newest_runtime() {
    let templates = templates().await;
    let functions = templates.every(FUNCTION);
    assert_eq!(functions.len(), 6);
    for (name, function) in functions {
        let function = &function["Properties"];
        assert_eq!(function["Runtime"], "provided.al2023", "{name}");
        assert_eq!(function["Handler"], "bootstrap", "{name}");
        assert_eq!(
            line(&function["Architectures"]),
            "[{Architecture}]",
            "{name}"
        );
    }
    for template in [&templates.shared, &templates.target] {
        let parameter = &template.document["Parameters"]["Architecture"];
        assert_eq!(parameter["Default"], "arm64");
    }
}

#[tokio::test]
async fn each_has_a_role_of_its_own() {
    let functions = templates().await.every(FUNCTION);
    let roles: BTreeSet<String> = functions
        .iter()
        .map(|(name, function)| {
            let file = name.split(':').next().unwrap_or_default();
            format!("{file}: {}", line(&function["Properties"]["Role"]))
        })
        .collect();
    assert_eq!(roles.len(), functions.len(), "{roles:?}");
}

#[tokio::test]
async fn each_logs_json_to_a_group_that_forgets_and_is_encrypted() {
    let templates = templates().await;
    let mut seen = BTreeSet::new();
    for template in templates.all() {
        for (name, function) in template.all(FUNCTION) {
            let logging = &function["Properties"]["LoggingConfig"];
            assert_eq!(logging["LogFormat"], "JSON", "{name}");
            let group = logging["LogGroup"]["Ref"].as_str().expect("a log group");
            assert!(seen.insert(group), "{group} has two writers");
            let group = template.properties(group);
            let wanted = format!(
                "/aws/lambda/{}",
                line(&function["Properties"]["FunctionName"])
            );
            assert_eq!(line(&group["LogGroupName"]), wanted);
        }
    }
    for (name, group) in templates.every("AWS::Logs::LogGroup") {
        let group = &group["Properties"];
        let retention = line(&group["RetentionInDays"]);
        assert_eq!(
            retention, "{Fn::FindInMap: [Profiles, {Profile}, LogDays]}",
            "{name}"
        );
        assert!(
            ["{Key.Arn}", "{KeyArn}"].contains(&line(&group["KmsKeyId"]).as_str()),
            "{name}"
        );
    }
    // The same days in both files, and a year at least where it is hardened.
    let days = |template: &tests::aws::template::Template, profile: &str| {
        number(&template.document["Mappings"]["Profiles"][profile]["LogDays"])
    };
    for profile in ["cheap", "hardened"] {
        assert_eq!(
            days(&templates.shared, profile),
            days(&templates.target, profile)
        );
    }
    assert!(days(&templates.shared, "hardened") >= 365);
}

#[tokio::test]
async fn only_hardened_stacks_trace_and_the_clock_alone_may_reserve() {
    for (name, function) in templates().await.every(FUNCTION) {
        let function = &function["Properties"];
        let tracing = line(&function["TracingConfig"]["Mode"]);
        assert_eq!(tracing, "if(Hardened, Active, PassThrough)", "{name}");
        let reserve = line(&function["ReservedConcurrentExecutions"]);
        let clock = name.ends_with("Clock");
        let wanted = if clock {
            "if(ClockReserved, {ClockReserve}, {AWS::NoValue})"
        } else {
            "null"
        };
        assert_eq!(reserve, wanted, "{name}");
    }
    // A new account has too little to reserve any.
    let shared = &templates().await.shared.document;
    assert_eq!(number(&shared["Parameters"]["ClockReserve"]["Default"]), 0);
    let reserved = line(&shared["Conditions"]["ClockReserved"]);
    assert_eq!(reserved, "{Fn::Not: [{Fn::Equals: [{ClockReserve}, 0]}]}");
}

#[tokio::test]
async fn a_new_version_takes_over_behind_an_alias_and_an_alarm_takes_it_back() {
    let templates = templates().await;
    for template in [&templates.shared, &templates.target] {
        for (name, function) in template.all(FUNCTION) {
            let signing = line(&function["Properties"]["CodeSigningConfigArn"]);
            assert_eq!(
                signing,
                "if(SignedCode, {CodeSigningConfigArn}, {AWS::NoValue})"
            );
            let alias = &template.resources()[&format!("{name}Aliaslive")];
            assert_eq!(
                line(&alias["Properties"]["FunctionName"]),
                format!("{{{name}}}")
            );
            let group = format!("{name}DeploymentGroup");
            assert_eq!(
                line(&alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]),
                format!("{{{group}}}")
            );
            let group = template.properties(&group);
            // An alarm that is up would stop its own cure, so that there is a way past it.
            let watched = group["AlarmConfiguration"]["Fn::If"].as_array();
            let [condition, watched, ignored] = &watched.expect("a choice")[..] else {
                panic!("{name}: {group}");
            };
            assert_eq!(condition, "RolloutWatched", "{name}");
            assert_eq!(ignored, &json!({}), "{name}");
            assert_eq!(watched["Enabled"], true, "{name}");
            let alarm = watched["Alarms"][0]["Name"]["Ref"].as_str();
            let alarm = template.properties(alarm.expect("an alarm"));
            assert_eq!(alarm["MetricName"], "Errors");
            assert_eq!(
                line(&alarm["Dimensions"][0]["Value"]),
                line(&function["Properties"]["FunctionName"])
            );
            let rollback = group["AutoRollbackConfiguration"]["Events"].to_string();
            assert!(rollback.contains("DEPLOYMENT_STOP_ON_ALARM"), "{rollback}");
        }
        let parameter = &template.document["Parameters"]["RolloutAlarms"];
        assert_eq!(parameter["Default"], "watch");
        let condition = line(&template.document["Conditions"]["RolloutWatched"]);
        assert_eq!(condition, "{Fn::Equals: [{RolloutAlarms}, watch]}");
    }
}

/// What each function is told, by the end of its name.
const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "hr-webhook",
        "TABLE QUEUE_PREFIX POLICY_BUCKET SECRET_PREFIX FUNCTION_TIMEOUT_S",
    ),
    (
        "planner",
        "TABLE QUEUE_PREFIX POLICY_BUCKET FUNCTION_TIMEOUT_S VISIBILITY_TIMEOUT_S",
    ),
    (
        "terminations",
        "TABLE QUEUE_PREFIX POLICY_BUCKET SECRET_PREFIX TARGET_NETWORK FUNCTION_TIMEOUT_S VISIBILITY_TIMEOUT_S",
    ),
    (
        "connector-{Target}",
        "TARGET TABLE QUEUE_PREFIX POLICY_BUCKET SECRET_PREFIX TARGET_NETWORK FUNCTION_TIMEOUT_S VISIBILITY_TIMEOUT_S",
    ),
    ("clock", "TABLE QUEUE_PREFIX FUNCTION_TIMEOUT_S"),
    (
        "reconciler",
        "TABLE QUEUE_PREFIX POLICY_BUCKET REPORTS_BUCKET SECRET_PREFIX TARGET_NETWORK FUNCTION_TIMEOUT_S",
    ),
];

#[tokio::test]
async fn their_environment_is_names_and_numbers() {
    for (name, function) in templates().await.every(FUNCTION) {
        let function = &function["Properties"];
        let called = line(&function["FunctionName"]);
        let (_, wanted) = ENVIRONMENT
            .iter()
            .find(|(end, _)| called.ends_with(end))
            .unwrap_or_else(|| panic!("{called} has no environment here"));
        let variables = function["Environment"]["Variables"].as_object();
        let variables = variables.expect("an environment");
        let wanted: BTreeSet<String> = wanted
            .split(' ')
            .map(|end| format!("LANYARD_{end}"))
            .collect();
        assert_eq!(
            variables.keys().cloned().collect::<BTreeSet<_>>(),
            wanted,
            "{name}"
        );
        for (key, value) in variables {
            let value = line(value);
            let named = match key.as_str() {
                "LANYARD_TARGET" => value == "{Target}",
                "LANYARD_TARGET_NETWORK" => value == "{TargetNetwork}",
                "LANYARD_TABLE" => value == "{Table}",
                "LANYARD_QUEUE_PREFIX" => {
                    value.starts_with(
                        "https://sqs.{AWS::Region}.{AWS::URLSuffix}/{AWS::AccountId}/{",
                    ) && value.ends_with("}-")
                }
                "LANYARD_POLICY_BUCKET" => value == "{PolicyBucket}",
                "LANYARD_REPORTS_BUCKET" => value == "{ReportsBucket}",
                "LANYARD_SECRET_PREFIX" => {
                    let of = if called.ends_with("hr-webhook") {
                        "source"
                    } else {
                        "target"
                    };
                    value.ends_with(&format!("}}/{of}/"))
                }
                _ => value.parse::<u64>().is_ok(),
            };
            assert!(named, "{name}: {key} is `{value}`");
        }
    }
}

/// What tests say for their targets on loopback, no stack can be told.
#[tokio::test]
async fn none_is_told_to_call_its_own_machine() {
    let templates = templates().await;
    for template in [&templates.shared, &templates.target] {
        let allowed = &template.document["Parameters"]["TargetNetwork"]["AllowedValues"];
        assert_eq!(allowed, &json!(["public", "private"]));
    }
    for network in ["public", "private"].map(Network::named) {
        let network = network.expect("a network");
        assert!(Origin::new("http://127.0.0.1:9001", network).is_err());
    }
}

#[tokio::test]
async fn they_end_after_their_requests_and_say_so() {
    let request = HttpConfig::new("https://example.com").timeout;
    let mut connectors = 0;
    for (name, function) in templates().await.every(FUNCTION) {
        let function = &function["Properties"];
        let timeout = number(&function["Timeout"]);
        let mut longest = request;
        // What works on lanes begins requests for a while.
        if name.ends_with("Ending") || name.ends_with("Connector") {
            longest += connectors::WORK_FOR;
            connectors += 1;
        }
        let least = (longest + BEFORE_FUNCTION).as_secs();
        assert!(least <= timeout && timeout <= 900, "{name}: {timeout} s");
        let told = &function["Environment"]["Variables"]["LANYARD_FUNCTION_TIMEOUT_S"];
        assert_eq!(told, &json!(timeout.to_string()), "{name}");
    }
    assert_eq!(connectors, 2);
}

/// What `sam build` makes of each, which expanding replaces by an address.
#[test]
fn each_is_built_from_its_package() {
    let built = |file: &str| {
        let text = std::fs::read_to_string(root().join("infra").join(file)).expect("a template");
        let functions = text.split("Type: AWS::Serverless::Function").skip(1);
        let pairs = functions.map(|function| {
            let after = |word: &str| {
                let (_, rest) = function.split_once(word).expect(word);
                let word = rest.split_whitespace().next();
                word.expect("a word").to_owned()
            };
            (after("CodeUri: "), after("Binary: "))
        });
        pairs.collect::<Vec<_>>()
    };
    let built = [built("template.yaml"), built("target.yaml")].concat();
    assert_eq!(built.len(), 6);
    // cargo-lambda sets what the workspace leaves open, `panic = "abort"` among it.
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).expect("a workspace");
    let (_, release) = workspace.split_once("\n[profile.release]\n").expect("it");
    let release = release.split("\n[").next().expect("a section");
    for key in [
        "lto = ",
        "codegen-units = ",
        "strip = ",
        "panic = \"unwind\"",
    ] {
        assert!(release.lines().any(|line| line.starts_with(key)), "{key}");
    }
    for (folder, binary) in built {
        let package = root().join("infra").join(&folder);
        let manifest = package.join("Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).expect("a package");
        let (_, told) = manifest
            .split_once("[package.metadata.lambda.build]\n")
            .unwrap_or_else(|| panic!("{folder}"));
        let settings = "config = [\"../../infra/functions.toml\"]\nfeatures = [\"lambda\"]\n";
        assert!(told.starts_with(settings), "{folder}");
        assert!(package.join("../../infra/functions.toml").is_file());
        // So that they share what was compiled.
        let packages = Binary::ALL.map(Binary::package);
        let mut packages = packages.map(|package| format!("{package:?}"));
        packages.sort();
        let packages = format!("packages = [{}]", packages.join(", "));
        assert!(told.contains(&packages), "{folder}: {packages}");
        let wanted = match folder.as_str() {
            "../functions/connectors" => "connector",
            other => other.trim_start_matches("../functions/"),
        };
        assert_eq!(binary, wanted, "{folder}");
    }
}
