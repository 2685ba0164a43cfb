//! What the server does otherwise than AWS, so that the list in `docs/aws-emulators.md` is true. A
//! version that does as AWS does fails here, and what is left out for it can be taken up.

use std::cell::RefCell;

use contract::Lane;
use jiff::Timestamp;
use ports::lanes::{Batch, BatchAnswer};
use ports::{Lanes, Outgoing, Trace};
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

/// One that is sent alone keeps it; so the adapter's receiving side is shown all the same.
#[tokio::test]
async fn messages_that_are_sent_together_lose_their_trace() {
    let server = Ministack::start().await;
    let platform = Platform::new(&server, "known", &[Lane::Facts]).await;
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let trace = Trace::parse(header);
    let message = Outgoing {
        group: "g".to_owned(),
        dedup: "together".to_owned(),
        body: "{}".to_owned(),
    };
    let sent = platform
        .lanes
        .send(&Lane::Facts, std::slice::from_ref(&message));
    ports::trace::within(trace.clone(), sent).await.unwrap();
    let alone = json!({
        "QueueUrl": platform.url(&Lane::Facts), "MessageBody": "{}",
        "MessageGroupId": "g", "MessageDeduplicationId": "alone",
        "MessageSystemAttributes": {
            "AWSTraceHeader": {"DataType": "String", "StringValue": header},
        },
    });
    server.call("AmazonSQS.SendMessage", &alone).await.unwrap();
    let seen = RefCell::new(Vec::new());
    let work = async |batch: Batch| {
        let traces = batch.records.into_iter().map(|one| one.trace);
        *seen.borrow_mut() = traces.collect();
        BatchAnswer::default()
    };
    platform.invoke(&Lane::Facts, 10, work).await;
    assert_eq!(seen.take(), [None, trace]);
}
