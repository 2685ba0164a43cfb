//! The adapter sends what the SDK's own client sends, byte by byte, signature included.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use ports::Store;
use store_dynamodb::DynamoStore;

use crate::record;
use crate::sdk::{Captured, REGION, WithoutAgent, credentials};

#[tokio::test]
async fn a_query_is_the_one_that_the_sdk_sends() {
    let (sdk, ours) = (Captured::answering("{}"), Captured::answering("{}"));
    let connector = SharedHttpConnector::new(sdk.clone());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials())
        .interceptor(WithoutAgent)
        .http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
        .query()
        .table_name("t")
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(format!("R#{}", record(1))))
        .consistent_read(true)
        .send()
        .await
        .unwrap();
    let store = DynamoStore::new(&ours.at_the_time_of(&sdk), "t");
    store.dossier(&record(1)).await.unwrap();
    assert_eq!(ours.sent(), sdk.sent());
    assert_eq!(
        ours.sent()[0].uri,
        "https://dynamodb.eu-central-1.amazonaws.com/"
    );
}
