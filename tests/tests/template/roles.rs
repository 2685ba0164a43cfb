//! The exact verbs of every role, as one table: a role can do nothing else, and nobody else has a role.

use std::fmt::Write as _;

use serde_json::Value;
use tests::aws::template::{Template, line};

use crate::templates;

const SHARED: &str = include_str!("roles/shared.txt");
const TARGET: &str = include_str!("roles/target.txt");

/// Every role with who takes it on and what it may do, one line for each verb.
fn verbs(template: &Template) -> String {
    let mut table = String::new();
    for (name, role) in template.all("AWS::IAM::Role") {
        let role = &role["Properties"];
        let trust = &role["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust.as_array().map(Vec::len), Some(1), "{name}");
        let trust = &trust[0];
        assert_eq!(
            (&trust["Effect"], &trust["Action"]),
            (&"Allow".into(), &"sts:AssumeRole".into())
        );
        writeln!(table, "{name} ({})", line(&trust["Principal"]["Service"])).expect("text");
        for policy in list(&role["ManagedPolicyArns"]) {
            writeln!(table, "  {}", line(policy)).expect("text");
        }
        for policy in list(&role["Policies"]) {
            for statement in list(&policy["PolicyDocument"]["Statement"]) {
                write_statement(&mut table, statement);
            }
        }
    }
    table
}

fn write_statement(table: &mut String, statement: &Value) {
    // `!If [Condition, statement, nothing]`
    if let Some(parts) = statement["Fn::If"].as_array() {
        assert_eq!(line(&parts[2]), "{AWS::NoValue}");
        writeln!(table, "  if {}:", line(&parts[0])).expect("text");
        return write_statement(table, &parts[1]);
    }
    assert_eq!(statement["Effect"], "Allow");
    for key in statement.as_object().expect("a statement").keys() {
        assert!(
            ["Sid", "Effect", "Action", "Resource"].contains(&key.as_str()),
            "{key}"
        );
    }
    for action in list(&statement["Action"]) {
        for resource in list(&statement["Resource"]) {
            writeln!(table, "  {} {}", line(action), short(resource)).expect("text");
        }
    }
}

/// A resource without what all have in common.
fn short(resource: &Value) -> String {
    line(resource)
        .replace("{AWS::Region}:{AWS::AccountId}:", "")
        .replace("arn:{AWS::Partition}:", "")
}

/// A value that may be a list, or one element, or absent.
fn list(value: &Value) -> Vec<&Value> {
    match value.as_array() {
        Some(items) => items.iter().collect(),
        None if value.is_null() => Vec::new(),
        None => vec![value],
    }
}

#[tokio::test]
async fn every_role_has_exactly_its_verbs() {
    let templates = templates().await;
    assert_eq!(verbs(&templates.shared), SHARED);
    assert_eq!(verbs(&templates.target), TARGET);
    assert_eq!(verbs(&templates.alarms), "");
}

/// A policy beside a role may come after what needs it: Lambda refuses a function that traces while its role may not.
#[tokio::test]
async fn whoever_has_a_role_has_its_verbs_at_once() {
    for kind in ["AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"] {
        let beside = templates().await.every(kind);
        assert!(beside.is_empty(), "{kind}: {beside:?}");
    }
}

#[tokio::test]
async fn nothing_may_do_everything() {
    for template in templates().await.all() {
        for verb in verbs(template)
            .lines()
            .filter(|line| line.starts_with("  "))
        {
            let (action, resource) = verb.trim().split_once(' ').unwrap_or((verb, ""));
            assert!(!action.contains('*'), "{verb}");
            // Traces and the delivery of logs have no resources to name.
            let nameless = action.starts_with("xray:") || action.starts_with("logs:");
            assert!(nameless || resource != "*", "{verb}");
        }
    }
}

#[tokio::test]
async fn what_may_be_called_says_by_whom() {
    for (name, permission) in templates().await.every("AWS::Lambda::Permission") {
        assert!(!permission["Properties"]["SourceArn"].is_null(), "{name}");
    }
}
