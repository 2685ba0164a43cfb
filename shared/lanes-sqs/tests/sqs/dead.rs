//! Counts and dead letters.

use contract::Lane;
use ports::Backlog as _;
use ports::queue::Stats;
use serde_json::{Value, json};

use crate::{Turn, World};

const LANE: Lane = Lane::Facts;

fn attributes(visible: u32, hidden: u32, dead: Option<&str>) -> Turn {
    let mut attributes = json!({
        "ApproximateNumberOfMessages": visible.to_string(),
        "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
    });
    if let Some(dead) = dead {
        let policy = json!({"deadLetterTargetArn": dead, "maxReceiveCount": 5});
        attributes["RedrivePolicy"] = Value::String(policy.to_string());
    }
    Turn::ok(&json!({"Attributes": attributes}))
}

fn source() -> Turn {
    attributes(3, 2, Some("arn:aws:sqs:local:1:x-facts-dead.fifo"))
}

fn received(ids: &[&str]) -> Turn {
    let messages: Vec<Value> = ids
        .iter()
        .map(|id| {
            json!({
                "MessageId": id, "ReceiptHandle": format!("r-{id}"), "Body": format!("body {id}"),
                "Attributes": {"MessageGroupId": "g", "ApproximateReceiveCount": "6"},
            })
        })
        .collect();
    Turn::ok(&json!({"Messages": messages}))
}

fn done() -> Turn {
    Turn::ok(&json!({"Successful": [], "Failed": []}))
}

#[tokio::test]
async fn a_lane_is_counted_with_its_dead_letters() {
    let world = World::new([source(), attributes(4, 1, None)]);
    let stats = world.lanes.depth(&LANE).await.unwrap();
    let want = Stats {
        visible: 3,
        in_flight: 2,
        dead: 5,
    };
    assert_eq!(stats, want);
    let urls: Vec<Value> = world
        .requests()
        .into_iter()
        .map(|(_, body)| body["QueueUrl"].clone())
        .collect();
    let prefix = "http://sqs.test/1/x-";
    assert_eq!(
        urls,
        [
            format!("{prefix}facts.fifo"),
            format!("{prefix}facts-dead.fifo")
        ]
    );
}

#[tokio::test]
async fn a_lane_without_dead_letter_queue_has_no_dead_letters() {
    let world = World::new([attributes(1, 0, None)]);
    assert_eq!(world.lanes.depth(&LANE).await.unwrap().dead, 0);
    assert_eq!(world.lanes.dead(&LANE, 50).await.unwrap(), []);
    assert_eq!(world.lanes.claim(&LANE, 50).await.unwrap(), []);
    assert_eq!(world.operations(), ["GetQueueAttributes"; 3]);
}

#[tokio::test]
async fn a_look_at_dead_letters_gives_them_back() {
    let world = World::new([source(), received(&["1", "2"]), received(&[]), done()]);
    let letters = world.lanes.dead(&LANE, 50).await.unwrap();
    let said: Vec<_> = letters
        .iter()
        .map(|one| (&*one.id, &*one.group, &*one.body, one.receives))
        .collect();
    assert_eq!(said, [("1", "g", "body 1", 6), ("2", "g", "body 2", 6)]);
    let requests = world.requests();
    assert_eq!(requests[1].1["VisibilityTimeout"], 30);
    assert_eq!(requests[1].1["MaxNumberOfMessages"], 10);
    let (operation, body) = &requests[3];
    assert_eq!(operation, "ChangeMessageVisibilityBatch");
    let entry = |id: &str, receipt: &str| json!({"Id": id, "ReceiptHandle": receipt, "VisibilityTimeout": 0});
    assert_eq!(
        body["Entries"],
        json!([entry("0", "r-1"), entry("1", "r-2")])
    );
    assert_eq!(requests.len(), 4);
}

#[tokio::test]
async fn a_look_that_fails_gives_them_back_as_well() {
    let world = World::new([source(), received(&["1"]), Turn::IsNotReached, done()]);
    let fault = world.lanes.dead(&LANE, 50).await.unwrap_err();
    assert_eq!(fault.error_type(), "Retry");
    assert_eq!(world.operations()[3], "ChangeMessageVisibilityBatch");
    let world = World::new([source(), received(&["1", "2"]), done()]);
    assert_eq!(world.lanes.dead(&LANE, 2).await.unwrap().len(), 2);
    assert_eq!(world.requests()[1].1["MaxNumberOfMessages"], 2);
    assert_eq!(world.requests().len(), 3, "no more than asked for");
}

#[tokio::test]
async fn a_claimed_dead_letter_is_hidden_and_goes_by_its_receipt() {
    let turns = [
        source(),
        received(&["1", "2", "3"]),
        received(&["4"]),
        received(&[]),
        source(),
        done(),
    ];
    let world = World::new(turns);
    let claimed = world.lanes.claim(&LANE, 50).await.unwrap();
    let ids: Vec<&str> = claimed.iter().map(|one| &*one.dead.id).collect();
    assert_eq!(ids, ["1", "2", "3", "4"]);
    world.lanes.remove(&LANE, &claimed[2]).await.unwrap();
    let requests = world.requests();
    assert_eq!(requests[1].1["VisibilityTimeout"], 300);
    let (operation, body) = &requests[5];
    assert_eq!(operation, "DeleteMessageBatch");
    let entries = body["Entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["ReceiptHandle"], "r-3");
    assert_eq!(requests.len(), 6, "the others come back by themselves");
}

#[tokio::test]
async fn a_dead_letter_that_is_not_deleted_is_no_success() {
    let turns = [
        source(),
        received(&["1"]),
        received(&[]),
        source(),
        Turn::error(500, "InternalError"),
    ];
    let world = World::new(turns);
    let claimed = world.lanes.claim(&LANE, 50).await.unwrap();
    let removed = world.lanes.remove(&LANE, &claimed[0]).await;
    assert_eq!(removed.unwrap_err().error_type(), "Retry");
}
