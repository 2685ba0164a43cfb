//! The stack as a whole: profiles, tags, outputs, and settings for deployment.

use serde_json::Value;
use tests::aws::template::{line, root};

use crate::{number, templates};

#[tokio::test]
async fn it_has_two_profiles() {
    let templates = templates().await;
    for template in [&templates.shared, &templates.target] {
        let profile = &template.document["Parameters"]["Profile"];
        assert_eq!(line(&profile["AllowedValues"]), "[cheap, hardened]");
        assert_eq!(profile["Default"], "cheap");
    }
}

/// Types whose resources cost money or keep data.
const TAGGED: &[&str] = &[
    "AWS::ApiGatewayV2::Api",
    "AWS::CloudFormation::Stack",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
];

#[tokio::test]
async fn what_costs_or_keeps_data_has_owner_cost_and_class() {
    let shared = &templates().await.shared;
    for kind in TAGGED {
        let found = shared.all(kind);
        assert!(!found.is_empty(), "{kind}");
        for (name, resource) in found {
            // Those of a target come from its nested stack, which hands them down.
            let tags = line(&resource["Properties"]["Tags"]);
            for (key, parameter) in [
                ("owner", "Owner"),
                ("cost", "CostCenter"),
                ("data-class", "DataClass"),
            ] {
                let listed = tags.contains(&format!("Key: {key}, Value: {{{parameter}}}"))
                    || tags.contains(&format!("{key}: {{{parameter}}}"))
                    || tags.contains(&format!("Value: {{{parameter}}}, Key: {key}"));
                assert!(listed, "{name} has no tag `{key}`: {tags}");
            }
        }
    }
}

#[tokio::test]
async fn a_target_is_handed_everything_that_it_asks_for() {
    let templates = templates().await;
    let stacks = templates.shared.all("AWS::CloudFormation::Stack");
    let mut targets = 0;
    for (name, stack) in stacks {
        let url = line(&stack["Properties"]["TemplateURL"]);
        let of = if url.ends_with("target.yaml") {
            targets += 1;
            &templates.target
        } else {
            &templates.alarms
        };
        let wanted = of.document["Parameters"].as_object().expect("parameters");
        let given = stack["Properties"]["Parameters"].as_object();
        let given = given.expect("parameters");
        for parameter in wanted.keys() {
            assert!(
                given.contains_key(parameter),
                "{name} is not told `{parameter}`"
            );
        }
        assert_eq!(
            given.len(),
            wanted.len(),
            "{name} is told what it does not ask for"
        );
    }
    assert!(targets >= 1);
}

#[tokio::test]
async fn outputs_are_what_a_target_beside_it_is_told() {
    let templates = templates().await;
    let outputs = &templates.shared.document["Outputs"];
    for name in [
        "Table",
        "PolicyBucket",
        "KeyArn",
        "AlarmTopic",
        "RolloutRole",
    ] {
        assert!(!outputs[name]["Value"].is_null(), "{name}");
    }
    for name in [
        "WebhookUrl",
        "QueuePrefix",
        "ReportsBucket",
        "AuditBucket",
        "SourceSecretPrefix",
        "TargetSecretPrefix",
        "StateMachine",
    ] {
        assert!(!outputs[name]["Value"].is_null(), "{name}");
    }
}

/// A deleted stack leaves what cannot be made again. A first deployment that fails leaves what could not be deleted, and
/// nothing whose name would be in the way of the next.
#[tokio::test]
async fn what_is_kept_is_kept_once_it_was_in_use() {
    let templates = templates().await;
    let mut kept = Vec::new();
    for template in templates.all() {
        // Versions of functions go with their function.
        let versions = |resource: &Value| resource["Type"] == "AWS::Lambda::Version";
        let resources = template.resources().iter();
        for (name, resource) in resources.filter(|(_, resource)| !versions(resource)) {
            let (deleted, replaced) = (
                resource["DeletionPolicy"].as_str(),
                resource["UpdateReplacePolicy"].as_str(),
            );
            assert_eq!(deleted.is_some(), replaced.is_some(), "{name}");
            if let Some(deleted) = deleted {
                assert_eq!(replaced, Some("Retain"), "{name}");
                kept.push((name.as_str(), deleted));
            }
        }
    }
    kept.sort_unstable();
    let wanted = [
        ("AccessLogBucket", "Retain"),
        ("AuditBucket", "RetainExceptOnCreate"),
        ("Key", "RetainExceptOnCreate"),
        ("PolicyBucket", "RetainExceptOnCreate"),
        ("ReportsBucket", "RetainExceptOnCreate"),
        ("Salt", "RetainExceptOnCreate"),
        ("Table", "Retain"),
    ];
    assert_eq!(kept, wanted);
}

/// Longer ones are refused before anything is made. What they may have together, no template can count.
#[tokio::test]
async fn names_of_functions_fit() {
    let target = &templates().await.target;
    let function = line(&target.properties("Connector")["FunctionName"]);
    let own = function.replace("{Stack}", "").replace("{Target}", "");
    let longest = &target.document["Parameters"]["Stack"]["MaxLength"];
    let shortest_target = 1;
    assert_eq!(
        own.len() as u64 + number(longest) + shortest_target,
        64,
        "{function}"
    );
}

#[test]
fn deployment_settings_name_no_account() {
    let text = std::fs::read_to_string(root().join("samconfig.toml")).expect("samconfig.toml");
    let section = |name: &str| {
        let (_, after) = text
            .split_once(&format!("[{name}.parameters]\n"))
            .unwrap_or_else(|| panic!("samconfig.toml has no `{name}`"));
        after.split("\n[").next().unwrap_or_default().to_owned()
    };
    for (environment, stack) in [
        ("default", "lanyard"),
        ("dev", "lanyard-dev"),
        ("prod", "lanyard"),
    ] {
        let global = section(&format!("{environment}.global"));
        assert!(global.contains(&format!("stack_name = \"{stack}\"")));
        let deploy = section(&format!("{environment}.deploy"));
        // `scripts/check-template` asks SAM itself. It would deploy source code.
        for everywhere in [&global, &deploy] {
            let mut keys = everywhere.lines();
            assert!(
                !keys.any(|key| key.starts_with("template")),
                "{environment}"
            );
        }
        let build = section(&format!("{environment}.build"));
        for command in [&build, &section(&format!("{environment}.validate"))] {
            assert!(command.contains("template_file = \"infra/template.yaml\""));
        }
        // It would deploy what was built before a change in `shared/`.
        assert!(build.contains("cached = false"), "{environment}");
        assert!(deploy.contains("resolve_s3 = true"));
        assert!(deploy.contains("CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"));
    }
    assert!(section("dev.deploy").contains("Profile=cheap"));
    assert!(section("prod.deploy").contains("Profile=hardened"));
    for environment in ["dev", "prod"] {
        let deploy = section(&format!("{environment}.deploy"));
        assert!(deploy.contains("RolloutAlarms=watch"), "{environment}");
    }
    // `sam deploy --guided` writes the answers of its user under `default`.
    let (ours, others) = text.split_once("\n[dev.").expect("settings for dev");
    let ours = ours.split("\n[").next().unwrap_or_default();
    for word in ["s3_bucket", "profile =", "role_arn", "arn:", "region"] {
        let named = [ours, others].iter().any(|part| part.contains(word));
        assert!(!named, "samconfig.toml says `{word}`");
    }
}

/// CloudFormation takes no template that has one, not even where the States Language does.
#[tokio::test]
async fn nothing_is_null() {
    fn nulls(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Null => found.push(at.to_owned()),
            Value::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    nulls(item, &format!("{at}/{n}"), found);
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    nulls(field, &format!("{at}/{name}"), found);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for template in templates().await.all() {
        let mut found = Vec::new();
        nulls(&template.document, "", &mut found);
        assert_eq!(found, [""; 0], "{}", template.file);
    }
}
