//! The adapter sends what the SDK's own client sends, byte by byte, signature included.

use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Region};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use jiff::Timestamp;
use ports::Secrets;
use ports::model::ManualClock;
use secrets_manager::ManagedSecrets;

use crate::TTL;
use crate::sdk::{Captured, REGION, WithoutAgent, credentials};

const ANSWER: &str = r#"{"SecretString": "x"}"#;

#[tokio::test]
async fn readings_are_those_that_the_sdk_sends() {
    let ours = Captured::answering(ANSWER);
    let sdk = in_one_second().await;
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let aws = ours.at_the_time_of(&sdk);
    let secrets = ManagedSecrets::new(&aws, "lanyard/", TTL, clock);
    secrets.get("salt").await.unwrap();
    assert_eq!(ours.sent(), sdk.sent());
}

/// Both readings, sent within a second.
async fn in_one_second() -> Captured {
    loop {
        let sdk = Captured::answering(ANSWER);
        let connector = SharedHttpConnector::new(sdk.clone());
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(credentials())
            .interceptor(WithoutAgent)
            .http_client(http_client_fn(move |_, _| connector.clone()));
        let client = Client::from_conf(config.build());
        for stage in ["AWSCURRENT", "AWSPREVIOUS"] {
            let request = client.get_secret_value().secret_id("lanyard/salt");
            request.version_stage(stage).send().await.unwrap();
        }
        let sent = sdk.sent();
        if sent[0].headers["x-amz-date"] == sent[1].headers["x-amz-date"] {
            return sdk;
        }
    }
}
