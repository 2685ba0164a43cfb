//! What the functions' real binaries find on a server that speaks AWS's protocols: the table, the
//! buckets, the secrets, a published policy, and the environment that tells them so.

use std::collections::BTreeMap;

use domain::Hash;
use jiff::Timestamp;
use objects_s3::{Buckets, S3Objects};
use ports::Clock as _;
use ports::clock::SystemClock;
use serde_json::{Value, json};
use store_dynamodb::DynamoStore;

use crate::ministack::{ACCOUNT, Ministack};
use crate::world::HR_SECRET;

/// The table's name.
pub const TABLE: &str = "lanyard";

/// From which worker records get their opaque names.
pub const SALT: &str = "6d61727a69706f6e2d6d617274697a61";

/// Seconds for which a message is hidden from others.
pub const VISIBILITY: u32 = 180;

/// Makes the table, the buckets, HR's secret, the salt and more secrets by name; answers the
/// buckets.
pub async fn furnish(server: &Ministack, more: &[(&str, &str)]) -> S3Objects {
    let aws = server.aws();
    let table = DynamoStore::new(&aws, TABLE);
    let created = store_dynamodb::create_table(&table, false).await;
    created.expect("a table");
    let buckets = Buckets {
        policy: "lanyard-policy".to_owned(),
        reports: "lanyard-reports".to_owned(),
    };
    for bucket in [&buckets.policy, &buckets.reports] {
        server.create_bucket(bucket).await;
    }
    let own = [("salt", SALT), ("hr-signing", HR_SECRET)];
    for (number, (name, value)) in own.iter().chain(more).enumerate() {
        let input = json!({"Name": format!("lanyard/{name}"), "SecretString": value,
            "ClientRequestToken": format!("00000000-0000-4000-8000-{number:012x}")});
        let created = server.call("secretsmanager.CreateSecret", &input).await;
        created.expect("a secret");
    }
    S3Objects::new(&aws, buckets)
}

/// Makes a policy the active one.
pub async fn publish(objects: &S3Objects, text: String) -> Hash {
    let files = vec![("policy.toml".to_owned(), text)];
    let loaded = policy::load_files(files.clone()).unwrap_or_else(|errors| panic!("{errors}"));
    let version = loaded.policy.version;
    let now: Timestamp = SystemClock.now();
    let stored = publication::store(objects, version, &files, now).await;
    stored.expect("a version");
    let was = publication::active(objects).await.expect("a pointer");
    let flipped = publication::flip(objects, was.as_ref(), version, None, now).await;
    flipped.expect("a flip");
    version
}

/// The environment of a function that finds AWS at an endpoint; of the connector of one target
/// where one is named.
pub fn environment(endpoint: &str, target: Option<&str>) -> BTreeMap<&'static str, String> {
    let mut environment = BTreeMap::from([
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("LANYARD_TABLE", TABLE.to_owned()),
        (
            "LANYARD_QUEUE_PREFIX",
            format!("{endpoint}/{ACCOUNT}/lanyard-"),
        ),
        ("LANYARD_POLICY_BUCKET", "lanyard-policy".to_owned()),
        ("LANYARD_REPORTS_BUCKET", "lanyard-reports".to_owned()),
        ("LANYARD_SECRET_PREFIX", "lanyard/".to_owned()),
        ("LANYARD_TARGET_NETWORK", "this-machine".to_owned()),
        ("LANYARD_FUNCTION_TIMEOUT_S", "60".to_owned()),
        ("LANYARD_VISIBILITY_TIMEOUT_S", VISIBILITY.to_string()),
    ]);
    if let Some(target) = target {
        environment.insert("LANYARD_TARGET", target.to_owned());
    }
    environment
}

/// The steps of a night, as the state machine takes them, each called until it is done; gives what the
/// last one answers.
pub async fn night(mut call: impl AsyncFnMut(Value) -> Value) -> Value {
    let mut step = async |event: Value| {
        loop {
            let answer = call(event.clone()).await;
            if answer["status"] == "done" {
                return answer;
            }
            assert_eq!(answer["status"], "again", "{event} {answer}");
        }
    };
    let begun = step(json!({"step": "begin", "zone": "Europe/Lisbon"})).await;
    let run = &begun["run"];
    for target in begun["targets"].as_array().expect("targets") {
        let seen = step(json!({"step": "observe", "run": run, "target": target})).await;
        for part in seen["parts"].as_array().expect("parts") {
            step(json!({"step": "compare", "run": run, "target": target, "part": part})).await;
        }
    }
    step(json!({"step": "limit", "run": run})).await;
    step(json!({"step": "enqueue", "run": run})).await;
    step(json!({"step": "finish", "run": run})).await
}
