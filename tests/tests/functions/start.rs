//! Starts that fail: they say why, to Lambda and in the log, and no event is taken.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::metered::{Authority, Front};
use tests::runtime_api::{Binary, Function, Refused};

/// What each function asks its environment for, besides what Lambda puts there.
fn wants(binary: Binary) -> BTreeMap<&'static str, String> {
    let names: &[&str] = match binary {
        Binary::HrWebhook => &["LANYARD_POLICY_BUCKET", "LANYARD_SECRET_PREFIX"],
        Binary::Planner => &["LANYARD_POLICY_BUCKET", "LANYARD_VISIBILITY_TIMEOUT_S"],
        Binary::Connector => &[
            "LANYARD_POLICY_BUCKET",
            "LANYARD_SECRET_PREFIX",
            "LANYARD_VISIBILITY_TIMEOUT_S",
        ],
        Binary::Clock => &[],
        Binary::Reconciler => &[
            "LANYARD_POLICY_BUCKET",
            "LANYARD_REPORTS_BUCKET",
            "LANYARD_SECRET_PREFIX",
        ],
    };
    let all = [
        "LANYARD_TABLE",
        "LANYARD_QUEUE_PREFIX",
        "LANYARD_FUNCTION_TIMEOUT_S",
    ];
    let value = |name: &str| {
        let value = match name {
            "LANYARD_QUEUE_PREFIX" => "http://127.0.0.1:9/000000000000/lanyard-",
            "LANYARD_FUNCTION_TIMEOUT_S" => "60",
            "LANYARD_VISIBILITY_TIMEOUT_S" => "180",
            _ => "lanyard",
        };
        value.to_owned()
    };
    let names = names.iter().chain(&all);
    names.map(|name| (*name, value(name))).collect()
}

async fn refused(binary: Binary, environment: &BTreeMap<&str, String>) -> Refused {
    match Function::start(binary, environment).await {
        Ok(_) => panic!("`{binary}` starts with {environment:?}"),
        Err(refused) => *refused,
    }
}

/// The text that Lambda was told, with the checks that hold for each.
fn told(binary: Binary, refused: &Refused) -> String {
    let status = refused.status.expect("it ended by itself");
    assert_eq!(status.code(), Some(1), "`{binary}`: {refused:?}");
    let told = refused.told.as_ref().expect("Lambda was told");
    assert_eq!(told["stackTrace"], Value::Array(Vec::new()));
    for line in &refused.lines {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        assert_eq!(line["service"], binary.to_string());
    }
    told["errorMessage"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_start_without_settings_names_every_one_that_is_missing() {
    for binary in Binary::ALL {
        let refused = refused(binary, &BTreeMap::new()).await;
        let told = told(binary, &refused);
        let wants = wants(binary);
        for name in wants.keys() {
            assert!(told.contains(&format!("`{name}` is not set")), "{told}");
        }
        assert!(told.starts_with(&format!("{} of ", wants.len())), "{told}");
        // One line for each, so that none is cut.
        assert_eq!(refused.lines.len(), wants.len(), "{refused:?}");
        for name in wants.keys() {
            let about = |line: &&String| line.contains(name) && line.contains(r#""ERROR""#);
            assert_eq!(refused.lines.iter().filter(about).count(), 1, "{name}");
        }
    }
}

#[tokio::test]
async fn time_outs_in_the_wrong_order_are_refused() {
    for binary in Binary::ALL {
        let mut environment = wants(binary);
        environment.insert("LANYARD_FUNCTION_TIMEOUT_S", "9".to_owned());
        let mut named = vec!["LANYARD_FUNCTION_TIMEOUT_S"];
        if environment.contains_key("LANYARD_VISIBILITY_TIMEOUT_S") {
            environment.insert("LANYARD_VISIBILITY_TIMEOUT_S", "9".to_owned());
            named.push("LANYARD_VISIBILITY_TIMEOUT_S");
        }
        let refused = refused(binary, &environment).await;
        let told = told(binary, &refused);
        for name in &named {
            assert!(told.contains(&format!("`{name}` is 9 s")), "{told}");
        }
        assert_eq!(refused.lines.len(), named.len(), "{refused:?}");
    }
}

/// A connector begins work for half a minute: its last request and what is recorded come after it.
#[tokio::test]
async fn a_connector_has_time_for_what_it_begins() {
    let mut environment = wants(Binary::Connector);
    environment.insert("LANYARD_FUNCTION_TIMEOUT_S", "42".to_owned());
    let refused = refused(Binary::Connector, &environment).await;
    let told = told(Binary::Connector, &refused);
    assert!(told.contains("give the function 43 s at least"), "{told}");
}

/// Nothing listens where the services should be.
#[tokio::test]
async fn a_start_without_services_fails_and_says_which() {
    for binary in [Binary::HrWebhook, Binary::Planner, Binary::Connector] {
        let mut environment = wants(binary);
        environment.insert("AWS_ENDPOINT_URL", "http://127.0.0.1:9".to_owned());
        let refused = refused(binary, &environment).await;
        let told = told(binary, &refused);
        let missing = match binary {
            Binary::HrWebhook => "secret",
            Binary::Planner | Binary::Connector | Binary::Clock | Binary::Reconciler => "polic",
        };
        assert!(told.contains(missing), "`{binary}`: {told}");
        assert!(told.contains("not reached"), "`{binary}`: {told}");
    }
}

#[tokio::test]
async fn services_that_nobody_vouches_for_are_told_nothing() {
    let authority = Authority::new();
    let services = Front::open("http://127.0.0.1:9", Some(&authority)).await;
    let mut environment = wants(Binary::Clock);
    environment.insert("AWS_ENDPOINT_URL", services.url().to_owned());
    for vouched in [false, true] {
        if vouched {
            let certificate = authority.certificate().display().to_string();
            environment.insert("SSL_CERT_FILE", certificate);
        }
        // The clock starts without an answer; what it asks for its connections gets through or not.
        let function = Function::start(Binary::Clock, &environment).await;
        function.expect("it starts").end().await;
        let asked = !services.usage().requests.is_empty();
        assert_eq!(asked, vouched, "{:?}", services.usage());
    }
}
