//! Settings: all that is wrong is said at once, and what is said helps.

#![allow(clippy::expect_used, reason = "tests stop at what does not hold")]

use std::collections::BTreeMap;
use std::time::Duration;

use runtime::{BEFORE_FUNCTION, BEFORE_VISIBLE, Environment, SettingsError};
use tracing::level_filters::LevelFilter;

const REQUEST: Duration = Duration::from_secs(10);

fn good() -> BTreeMap<&'static str, String> {
    [
        ("LANYARD_TABLE", "lanyard-table"),
        (
            "LANYARD_QUEUE_PREFIX",
            "https://sqs.eu-central-1.amazonaws.com/123456789012/lanyard-",
        ),
        ("LANYARD_POLICY_BUCKET", "lanyard-policy"),
        ("LANYARD_REPORTS_BUCKET", "lanyard-reports"),
        ("LANYARD_SECRET_PREFIX", "lanyard/"),
        ("LANYARD_FUNCTION_TIMEOUT_S", "30"),
        ("LANYARD_VISIBILITY_TIMEOUT_S", "180"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "key-id"),
        ("AWS_SECRET_ACCESS_KEY", "the/secret+key="),
        ("AWS_SESSION_TOKEN", "the token"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn known(network: &str) -> Option<()> {
    ["public", "private"].contains(&network).then_some(())
}

/// Asks for everything.
fn ask(variables: &BTreeMap<&'static str, String>) -> Result<(), SettingsError> {
    let mut environment = Environment::new(|name: &str| variables.get(name).cloned());
    let all = [
        environment.table().is_some(),
        environment.queue_prefix().is_some(),
        environment.policy_bucket().is_some(),
        environment.reports_bucket().is_some(),
        environment.secret_prefix().is_some(),
        environment.target().is_some(),
        environment.target_network(known).is_some(),
        environment.timeouts(REQUEST, true).is_some(),
        environment.aws().is_some(),
    ];
    environment.finish(all.iter().all(|one| *one).then_some(()))
}

fn wrong(change: impl FnOnce(&mut BTreeMap<&'static str, String>)) -> Vec<String> {
    let mut variables = good();
    change(&mut variables);
    match ask(&variables) {
        Ok(()) => Vec::new(),
        Err(SettingsError(wrong)) => wrong.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_whole_environment_is_taken() {
    assert_eq!(ask(&good()), Ok(()));
    for (name, value) in [
        ("LANYARD_TARGET", "wiki-eu-1"),
        ("LANYARD_TARGET", ""),
        ("LANYARD_TARGET_NETWORK", "private"),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        (
            "LANYARD_TABLE",
            "arn:aws:dynamodb:eu-central-1:123456789012:table/lanyard",
        ),
    ] {
        let found = wrong(|variables| {
            variables.insert(name, value.to_owned());
        });
        assert_eq!(found, [""; 0], "{name}={value}");
    }
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let refused = ask(&BTreeMap::new()).expect_err("nothing is set");
    let SettingsError(wrong) = &refused;
    let named: Vec<&str> = wrong.iter().map(|one| one.variable).collect();
    let wanted: Vec<&str> = good().into_keys().collect();
    let optional = ["AWS_SESSION_TOKEN"];
    for name in wanted.iter().filter(|name| !optional.contains(name)) {
        assert!(named.contains(name), "{name} is not named in {named:?}");
    }
    assert_eq!(named.len(), wanted.len() - optional.len());
    let text = refused.to_string();
    for name in named {
        assert!(text.contains(name), "{text}");
    }
    insta::assert_snapshot!(wrong[0], @"`LANYARD_TABLE` is not set; give the name of the stack's DynamoDB table");
}

#[test]
fn what_cannot_be_right_is_refused_without_repeating_it() {
    for (name, value) in [
        ("LANYARD_TABLE", "la table"),
        ("LANYARD_QUEUE_PREFIX", "queues.example/lanyard-"),
        ("LANYARD_QUEUE_PREFIX", "https://queues example/"),
        ("LANYARD_POLICY_BUCKET", "pol\u{ef}cy"),
        ("LANYARD_REPORTS_BUCKET", "s3 bucket"),
        ("LANYARD_SECRET_PREFIX", "lan yard/"),
        ("LANYARD_TARGET", "Wiki_1"),
        ("LANYARD_TARGET_NETWORK", "both"),
        ("LANYARD_FUNCTION_TIMEOUT_S", "half a minute"),
        ("LANYARD_FUNCTION_TIMEOUT_S", "0"),
        ("LANYARD_VISIBILITY_TIMEOUT_S", "-1"),
        ("AWS_ENDPOINT_URL", "127.0.0.1:4566"),
    ] {
        let found = wrong(|variables| {
            variables.insert(name, value.to_owned());
        });
        assert_eq!(found.len(), 1, "{name}={value}: {found:?}");
        assert!(found[0].starts_with(&format!("`{name}` ")), "{found:?}");
        assert!(!found[0].contains(&format!(" {value}")), "{found:?}");
    }
}

#[test]
fn a_request_ends_before_the_function_and_that_before_its_messages_come_back() {
    let times = |function: Duration, visibility: Duration| {
        wrong(|variables| {
            let (function, visibility) = (function.as_secs(), visibility.as_secs());
            variables.insert("LANYARD_FUNCTION_TIMEOUT_S", function.to_string());
            variables.insert("LANYARD_VISIBILITY_TIMEOUT_S", visibility.to_string());
        })
    };
    let second = Duration::from_secs(1);
    let function = REQUEST + BEFORE_FUNCTION;
    let visibility = function + BEFORE_VISIBLE;
    assert_eq!(times(function, visibility), [""; 0]);
    insta::assert_snapshot!(
        times(function.saturating_sub(second), visibility).join("\n"),
        @"`LANYARD_FUNCTION_TIMEOUT_S` is 12 s, and what it begins may take 10 s; give the function 13 s at least"
    );
    insta::assert_snapshot!(
        times(function, visibility.saturating_sub(second)).join("\n"),
        @"`LANYARD_VISIBILITY_TIMEOUT_S` is 17 s, and the function may run for 13 s; hide messages for 18 s at least, or for six times the function's time-out as AWS advises"
    );
    assert_eq!(times(second, second).len(), 2, "both are said");
}

#[test]
fn a_function_without_a_queue_needs_no_visibility() {
    let mut variables = good();
    variables.remove("LANYARD_VISIBILITY_TIMEOUT_S");
    let mut environment = Environment::new(|name: &str| variables.get(name).cloned());
    assert_eq!(
        environment.timeouts(REQUEST, false),
        Some(Duration::from_secs(30))
    );
}

#[test]
fn credentials_are_never_printed() {
    let variables = good();
    let mut environment = Environment::new(|name: &str| variables.get(name).cloned());
    let aws = environment.aws().expect("credentials");
    let printed = format!("{aws:?} {:?}", runtime::configure(&aws));
    for secret in ["the/secret+key=", "the token"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn the_platform_says_how_much_is_logged_and_who_this_is() {
    let with = |name: &'static str, value: &'static str| {
        Environment::new(move |asked: &str| (asked == name).then(|| value.to_owned()))
    };
    for (text, level) in [
        ("", LevelFilter::INFO),
        ("DEBUG", LevelFilter::DEBUG),
        ("warn", LevelFilter::WARN),
        ("FATAL", LevelFilter::ERROR),
        ("loud", LevelFilter::INFO),
    ] {
        assert_eq!(with("AWS_LAMBDA_LOG_LEVEL", text).log_level(), level);
    }
    let stream = "2026/11/30/[$LATEST]0123456789abcdef0123456789abcdef";
    let worker = with("AWS_LAMBDA_LOG_STREAM_NAME", stream).worker();
    assert_eq!(worker, "0123456789abcdef0123456789abcdef");
    assert_eq!(with("NOTHING", "").worker(), "one");
}
