//! What each role can do, tried: every function makes every call of a list with its own role, and what is denied is
//! compared with a table.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::aws::Stack;

use crate::{NAME, deployed};

/// What each function may do of what is tried, by name.
const MAY: &[(&str, &str)] = &[
    (
        "hr-webhook",
        "get, put, update, transact, send facts, read policy, list policy, salt, secret of hr",
    ),
    (
        "planner",
        "get, put, update, delete, query, transact, send facts, send terminations, send directory, \
         send wiki, send badges, receive facts, read policy, list policy",
    ),
    (
        "terminations",
        "get, update, query, batch, receive terminations, read policy, list policy, \
         secret of directory, secret of wiki",
    ),
    (
        "connector-directory",
        "get, update, query, batch, receive directory, read policy, list policy, secret of directory",
    ),
    (
        "connector-wiki",
        "get, update, query, batch, receive wiki, read policy, list policy, secret of wiki",
    ),
    (
        "connector-badges",
        "get, update, query, batch, receive badges, read policy, list policy",
    ),
    ("clock", "index, send facts"),
    (
        "reconciler",
        "get, update, query, scan, batch, send facts, send terminations, send directory, \
         send wiki, send badges, read policy, list policy, read reports, write reports, \
         list reports, secret of directory, secret of wiki",
    ),
];

/// A call that a function makes with its own role.
struct Verb {
    /// As the table names it.
    name: String,
    call: Value,
}

fn verb(name: impl Into<String>, service: &str, method: &str, arguments: &Value) -> Verb {
    Verb {
        name: name.into(),
        call: json!({ "service": service, "method": method, "arguments": arguments }),
    }
}

fn of_table(stack: &Stack) -> Vec<Verb> {
    let table = stack.output("Table");
    let key = json!({ "pk": { "S": "R#1" }, "sk": { "S": "A" } });
    let one = json!({ "TableName": table, "Key": key });
    let put = json!({ "TableName": table, "Item": key });
    let values = json!({ ":v": { "S": "1" } });
    let query = json!({
        "TableName": table,
        "KeyConditionExpression": "pk = :v",
        "ExpressionAttributeValues": values,
    });
    let index = json!({
        "TableName": table,
        "IndexName": "wake",
        "KeyConditionExpression": "wake_shard = :v",
        "ExpressionAttributeValues": values,
    });
    let batch = json!({ "RequestItems": { table: { "Keys": [key] } } });
    let transact = json!({ "TransactItems": [{ "Put": put }] });
    let all = json!({ "TableName": table });
    let calls = [
        ("get", "get_item", &one),
        ("put", "put_item", &put),
        ("update", "update_item", &one),
        ("delete", "delete_item", &one),
        ("query", "query", &query),
        ("index", "query", &index),
        ("scan", "scan", &all),
        ("batch", "batch_get_item", &batch),
        ("transact", "transact_write_items", &transact),
        ("drop", "delete_table", &all),
    ];
    let verbs = calls.map(|(name, method, arguments)| verb(name, "dynamodb", method, arguments));
    verbs.into()
}

fn of_queues(stack: &Stack) -> Vec<Verb> {
    // As functions form it: AWS's own address, whatever the endpoint is.
    let url = |lane: &str| format!("{}{lane}.fifo", stack.output("QueuePrefix"));
    let lanes = [
        ("facts", "facts"),
        ("terminations", "terminations"),
        ("directory", "lane-directory"),
        ("wiki", "lane-wiki"),
        ("badges", "lane-badges"),
        ("dead facts", "dead-facts"),
        ("dead wiki", "dead-lane-wiki"),
    ];
    let send = lanes.map(|(name, lane)| {
        let message = json!({
            "QueueUrl": url(lane),
            "MessageBody": "{}",
            "MessageGroupId": "g",
            "MessageDeduplicationId": "d",
        });
        verb(format!("send {name}"), "sqs", "send_message", &message)
    });
    let receive = lanes.map(|(name, lane)| {
        let wanted = json!({ "QueueUrl": url(lane), "VisibilityTimeout": 0 });
        verb(format!("receive {name}"), "sqs", "receive_message", &wanted)
    });
    send.into_iter().chain(receive).collect()
}

fn of_objects(stack: &Stack) -> Vec<Verb> {
    let buckets = [
        ("policy", "PolicyBucket", "policy/active.json"),
        ("the rest", "PolicyBucket", "other"),
        ("reports", "ReportsBucket", "reports/v1/x"),
        ("audit", "AuditBucket", "x"),
    ];
    let calls = [
        ("read", "get_object"),
        ("write", "put_object"),
        ("delete", "delete_object"),
    ];
    let mut verbs = Vec::new();
    for (name, bucket, key) in buckets {
        let bucket = stack.output(bucket);
        for (does, method) in calls {
            let object = json!({ "Bucket": bucket, "Key": key });
            verbs.push(verb(format!("{does} {name}"), "s3", method, &object));
        }
        if name != "the rest" {
            let all = json!({ "Bucket": bucket });
            verbs.push(verb(format!("list {name}"), "s3", "list_objects_v2", &all));
        }
    }
    verbs
}

fn of_secrets() -> Vec<Verb> {
    let secrets = [
        ("salt", "source/salt"),
        ("secret of hr", "source/hr-signing"),
        ("secret of directory", "target/directory-token"),
        ("secret of wiki", "target/wiki-token"),
    ];
    let read = secrets.map(|(name, secret)| {
        let wanted = json!({ "SecretId": format!("{NAME}/{secret}") });
        verb(name, "secretsmanager", "get_secret_value", &wanted)
    });
    read.into()
}

#[tokio::test]
async fn each_role_can_do_its_verbs_and_nothing_else() {
    let stack = deployed("roles").await;
    for name in [
        "source/hr-signing",
        "target/directory-token",
        "target/wiki-token",
    ] {
        stack.put_secret(name, "secret").await.expect("a secret");
    }
    let verbs: Vec<Verb> = [
        of_table(&stack),
        of_queues(&stack),
        of_objects(&stack),
        of_secrets(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let known: BTreeSet<&str> = verbs.iter().map(|verb| verb.name.as_str()).collect();
    for (function, may) in MAY {
        let may: BTreeSet<&str> = may.split(", ").collect();
        assert!(may.is_subset(&known), "{function}: {may:?}");
        let mut outcomes = Vec::new();
        // Few at a time, because the function's time-out is a real one.
        for some in verbs.chunks(8) {
            let calls: Vec<&Value> = some.iter().map(|verb| &verb.call).collect();
            let answer = stack.invoke(function, &json!({ "calls": calls })).await;
            let answer = answer.expect("an answer");
            let came = answer.as_array();
            outcomes.extend_from_slice(came.unwrap_or_else(|| panic!("{function}: {answer}")));
        }
        assert_eq!(outcomes.len(), verbs.len());
        for (verb, outcome) in verbs.iter().zip(&outcomes) {
            let (name, outcome) = (verb.name.as_str(), outcome.as_str().unwrap_or_default());
            let denied = outcome.starts_with("AccessDenied");
            // What is allowed may find nothing there.
            let allowed = ["ok", "NoSuchKey"].contains(&outcome);
            assert!(denied != allowed, "{function}: {name}: {outcome}");
            assert_eq!(allowed, may.contains(name), "{function}: {name}: {outcome}");
        }
    }
}
