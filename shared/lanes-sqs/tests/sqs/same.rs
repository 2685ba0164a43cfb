//! The adapter sends what the SDK's own client sends, byte by byte, signature included.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Config, Region};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use contract::Lane;
use lanes_sqs::{QueueUrls, SqsLanes};
use ports::{Lanes, Outgoing};

use crate::sdk::{Captured, REGION, WithoutAgent, credentials};

const ANSWER: &str =
    r#"{"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "0"}], "Failed": []}"#;

#[tokio::test]
async fn a_batch_is_the_one_that_the_sdk_sends() {
    let (sdk, ours) = (Captured::answering(ANSWER), Captured::answering(ANSWER));
    let connector = SharedHttpConnector::new(sdk.clone());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials())
        .interceptor(WithoutAgent)
        .http_client(http_client_fn(move |_, _| connector.clone()));
    let entry = SendMessageBatchRequestEntry::builder()
        .id("0")
        .message_group_id("g")
        .message_deduplication_id("d")
        .message_body(r#"{"ä": "\u0000"}"#);
    Client::from_conf(config.build())
        .send_message_batch()
        .queue_url("https://sqs.eu-central-1.amazonaws.com/1/x-facts.fifo")
        .entries(entry.build().unwrap())
        .send()
        .await
        .unwrap();
    let urls = QueueUrls::new("https://sqs.eu-central-1.amazonaws.com/1/x-");
    let lanes = SqsLanes::new(&ours.at_the_time_of(&sdk), urls);
    let message = Outgoing {
        group: "g".to_owned(),
        dedup: "d".to_owned(),
        body: r#"{"ä": "\u0000"}"#.to_owned(),
    };
    lanes.send(&Lane::Facts, &[message]).await.unwrap();
    assert_eq!(ours.sent(), sdk.sent());
}
