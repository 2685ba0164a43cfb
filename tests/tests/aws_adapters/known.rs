//! What the server does otherwise than AWS, so that the list in `docs/aws-emulators.md` is true. A
//! version that does as AWS does fails here, and what is left out for it can be taken up.

use contract::Lane;
use jiff::Timestamp;
use ports::{Lanes, Outgoing};
use serde_json::json;
use tests::ministack::Ministack;

use crate::platform::{Platform, VISIBILITY};

#[tokio::test]
async fn a_receipt_counts_after_its_time_and_hides_a_message_for_more_than_twelve_hours() {
    let server = Ministack::start().await;
    let start = 1_767_225_600;
    let at = |second: u64| {
        let second = i64::try_from(second).unwrap();
        server.set_time(Timestamp::from_second(start + second).unwrap());
    };
    let platform = Platform::new(&server, "known", &[Lane::Facts]).await;
    let message = Outgoing {
        group: "g".to_owned(),
        dedup: "d".to_owned(),
        body: "{}".to_owned(),
    };
    platform.lanes.send(&Lane::Facts, &[message]).await.unwrap();
    let received = platform.receive(&Lane::Facts, 1).await;
    let url = platform.url(&Lane::Facts);
    let receipt = &received[0]["ReceiptHandle"];
    at(VISIBILITY - 1);
    let longer = json!({
        "QueueUrl": url, "ReceiptHandle": receipt, "VisibilityTimeout": 12 * 60 * 60,
    });
    let hidden = server
        .call("AmazonSQS.ChangeMessageVisibility", &longer)
        .await;
    hidden.unwrap();
    at(13 * 60 * 60);
    let gone = json!({"QueueUrl": url, "ReceiptHandle": receipt});
    server.call("AmazonSQS.DeleteMessage", &gone).await.unwrap();
}
