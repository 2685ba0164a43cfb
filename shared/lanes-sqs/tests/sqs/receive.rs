//! What the platform hands over, what is received besides, and the answer.

use std::time::Duration;

use lanes_sqs::{Delivery, EventError};
use ports::Trace;
use ports::lanes::{Batch, BatchAnswer, Failed};
use serde_json::{Value, json};

use crate::{Turn, World, event};

fn failed(id: &str, after: Option<u64>) -> Failed {
    Failed {
        id: id.to_owned(),
        after: after.map(Duration::from_secs),
    }
}

/// An answer to `ReceiveMessage`.
fn received(numbers: std::ops::Range<usize>) -> Turn {
    let messages: Vec<Value> = numbers
        .map(|number| {
            json!({
                "MessageId": format!("m{number}"), "ReceiptHandle": format!("r{number}"),
                "Body": number.to_string(), "MD5OfBody": "0",
                "Attributes": {"MessageGroupId": format!("g{number}"), "ApproximateReceiveCount": "1"},
            })
        })
        .collect();
    Turn::ok(&json!({"Messages": messages}))
}

fn nothing() -> Turn {
    Turn::ok(&json!({"Successful": [], "Failed": []}))
}

/// Works on an event and gives the answer as the platform reads it.
async fn answer(world: &World, groups: &[&str], failed: Vec<Failed>) -> String {
    let answered = world
        .lanes
        .handle(event(groups), 10, async |_| BatchAnswer { failed })
        .await;
    serde_json::to_string(&answered.unwrap()).unwrap()
}

#[tokio::test]
async fn an_event_becomes_a_batch() {
    let batch = Delivery::new(event(&["a", "b"])).unwrap().batch();
    assert_eq!(batch.records.len(), 2);
    let second = &batch.records[1];
    assert_eq!(
        (&*second.id, &*second.group, &*second.body, second.receives),
        ("m1", "b", "1", 2)
    );
    let trace = second.trace.as_ref().map(Trace::header);
    assert_eq!(trace, Some("Root=1-5759e988-bd862e3fe1be46a994272793"));
}

#[tokio::test]
async fn the_answer_is_what_the_platform_reads() {
    for (failures, want) in [
        (vec![], r#"{"batchItemFailures":[]}"#),
        (
            vec![failed("m1", None)],
            r#"{"batchItemFailures":[{"itemIdentifier":"m1"}]}"#,
        ),
        (
            vec![failed("m2", None), failed("m0", None), failed("m2", None)],
            r#"{"batchItemFailures":[{"itemIdentifier":"m0"},{"itemIdentifier":"m2"}]}"#,
        ),
        // Naming an unknown message would bring back the whole batch without a word.
        (
            vec![failed("m9", None), failed("m0", None)],
            r#"{"batchItemFailures":[{"itemIdentifier":"m0"},{"itemIdentifier":"m1"},{"itemIdentifier":"m2"}]}"#,
        ),
        (
            vec![failed("", None)],
            r#"{"batchItemFailures":[{"itemIdentifier":"m0"},{"itemIdentifier":"m1"},{"itemIdentifier":"m2"}]}"#,
        ),
    ] {
        let world = World::new([Turn::IsNotReached]);
        assert_eq!(answer(&world, &["a", "b", "c"], failures).await, want);
        assert!(world.requests().is_empty(), "the platform deletes");
    }
}

/// Every mask of failures of a batch, put off or not.
#[tokio::test]
async fn every_mask_is_answered_exactly() {
    for mask in 0_u32..1 << 6 {
        let fails = |number: usize| mask & (1 << number) != 0;
        let failures: Vec<Failed> = (0..6)
            .filter(|number| fails(*number))
            .map(|number| failed(&format!("m{number}"), Some(30)))
            .collect();
        let world = World::new([nothing()]);
        let answered = answer(&world, &["a", "b", "c", "d", "e", "f"], failures.clone()).await;
        let want: Vec<Value> = failures
            .iter()
            .map(|failed| json!({"itemIdentifier": failed.id}))
            .collect();
        let answered: Value = serde_json::from_str(&answered).unwrap();
        assert_eq!(answered, json!({"batchItemFailures": want}));
        assert_eq!(world.requests().len(), usize::from(mask != 0));
    }
}

#[tokio::test]
async fn what_failed_is_put_off_for_so_long_and_never_past_what_the_service_takes() {
    let world = World::new([nothing()]);
    let mut failures = vec![
        failed("m0", Some(0)),
        failed("m1", Some(90)),
        failed("m2", Some(100_000)),
        failed("m3", None),
        failed("m4", None),
    ];
    failures[4].after = Some(Duration::from_millis(1_500));
    answer(&world, &["a", "b", "c", "d", "e", "f"], failures).await;
    let requests = world.requests();
    assert_eq!(requests.len(), 1);
    let (operation, body) = &requests[0];
    assert_eq!(operation, "ChangeMessageVisibilityBatch");
    let entry = |id: &str, receipt: &str, seconds: u64| json!({"Id": id, "ReceiptHandle": receipt, "VisibilityTimeout": seconds});
    let want = json!({
        "QueueUrl": "http://sqs.test/1/x-lane-wiki.fifo",
        "Entries": [
            entry("0", "r0", 0),
            entry("1", "r1", 90),
            // Twelve hours from the receive, less what a function may have had it for.
            entry("2", "r2", 42_000),
            entry("3", "r4", 2),
        ],
    });
    assert_eq!(*body, want);
}

#[tokio::test]
async fn a_message_that_cannot_be_put_off_is_answered_all_the_same() {
    for turn in [
        Turn::IsNotReached,
        Turn::error(400, "QueueDoesNotExist"),
        Turn::ok(&json!({"Successful": [], "Failed": [
            {"Id": "0", "Code": "ReceiptHandleIsInvalid", "SenderFault": true}]})),
    ] {
        let world = World::new([turn]);
        let answered = answer(&world, &["a"], vec![failed("m0", Some(5))]).await;
        assert_eq!(
            answered,
            r#"{"batchItemFailures":[{"itemIdentifier":"m0"}]}"#
        );
        assert_eq!(world.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_message_without_group_or_body_comes_back_and_is_not_worked_on() {
    for missing in ["group", "body"] {
        let world = World::new([Turn::IsNotReached]);
        let mut event = event(&["a", "b", "c"]);
        match missing {
            "group" => {
                event.records[1].attributes.remove("MessageGroupId");
            }
            _ => event.records[1].body = None,
        }
        let work = async |batch: Batch| {
            let ids: Vec<&str> = batch.records.iter().map(|one| &*one.id).collect();
            assert_eq!(ids, ["m0", "m2"], "{missing}");
            BatchAnswer {
                failed: vec![failed("m2", None)],
            }
        };
        let answered = world.lanes.handle(event, 10, work).await.unwrap();
        let ids: Vec<&str> = answered
            .batch_item_failures
            .iter()
            .map(|one| &*one.item_identifier)
            .collect();
        assert_eq!(ids, ["m1", "m2"]);
    }
}

#[tokio::test]
async fn nothing_to_work_on_is_not_worked_on() {
    let mut refused = event(&["a"]);
    refused.records[0].attributes.clear();
    for (event, want) in [(event(&[]), 0), (refused, 1)] {
        let world = World::new([Turn::IsNotReached]);
        let answered = world
            .lanes
            .handle(event, 100, async |_| panic!("nothing to do"))
            .await
            .unwrap();
        assert_eq!(answered.batch_item_failures.len(), want);
    }
}

#[tokio::test]
async fn a_message_without_id_fails_the_batch() {
    for id in [None, Some(String::new())] {
        let world = World::new([Turn::IsNotReached]);
        let mut event = event(&["a", "b"]);
        event.records[1].message_id = id;
        let answered = world
            .lanes
            .handle(event, 10, async |_| panic!("not handed over"))
            .await;
        assert_eq!(answered, Err(EventError::NoId { at: 1 }));
    }
}

#[tokio::test]
async fn more_is_received_while_batches_are_full() {
    let ten = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    for (groups, most, turns, want) in [
        (&ten[..], 100, vec![received(10..20), received(20..23)], 23),
        (&ten[..], 100, vec![received(10..20), received(0..0)], 20),
        (&ten[..], 25, vec![received(10..20), received(20..25)], 25),
        (&ten[..], 10, vec![Turn::IsNotReached], 10),
        (&ten[..9], 100, vec![Turn::IsNotReached], 9),
        (&ten[..], 100, vec![Turn::IsNotReached], 10),
        (
            &ten[..],
            100,
            vec![received(10..20), Turn::IsNotReached],
            20,
        ),
        // One that comes a second time is left alone.
        (&ten[..], 100, vec![received(8..12)], 12),
    ] {
        let world = World::new(turns);
        let mut delivery = Delivery::new(event(groups)).unwrap();
        world.lanes.more(&mut delivery, most).await;
        assert_eq!(delivery.len(), want, "{most}");
        for (number, record) in delivery.batch().records.iter().enumerate() {
            assert_eq!(record.id, format!("m{number}"));
        }
        for (operation, body) in world.requests() {
            assert_eq!(operation, "ReceiveMessage");
            assert_eq!(body["QueueUrl"], "http://sqs.test/1/x-lane-wiki.fifo");
            assert_eq!(body["WaitTimeSeconds"], 0);
            assert_eq!(body.get("VisibilityTimeout"), None, "the queue's own");
        }
    }
    let world = World::new([received(10..15)]);
    let mut delivery = Delivery::new(event(&ten)).unwrap();
    world.lanes.more(&mut delivery, 15).await;
    assert_eq!(world.requests()[0].1["MaxNumberOfMessages"], 5);
}

#[tokio::test]
async fn the_function_deletes_what_it_received_itself_and_the_platform_the_rest() {
    let ten = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let world = World::new([received(10..14), nothing()]);
    let work = async |batch: Batch| {
        assert_eq!(batch.records.len(), 14);
        BatchAnswer {
            failed: vec![
                failed("m3", None),
                failed("m11", Some(7)),
                failed("m12", None),
            ],
        }
    };
    let answered = world.lanes.handle(event(&ten), 100, work).await.unwrap();
    let answered = serde_json::to_value(&answered).unwrap();
    assert_eq!(
        answered,
        json!({"batchItemFailures": [{"itemIdentifier": "m3"}]}),
        "the platform knows nothing of the others"
    );
    let requests = world.requests();
    let [_, (hide, hidden), (delete, deleted)] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert_eq!(hide, "ChangeMessageVisibilityBatch");
    let entry = json!([{"Id": "0", "ReceiptHandle": "r11", "VisibilityTimeout": 7}]);
    assert_eq!(hidden["Entries"], entry);
    assert_eq!(delete, "DeleteMessageBatch");
    let entries = json!([
        {"Id": "0", "ReceiptHandle": "r10"},
        {"Id": "1", "ReceiptHandle": "r13"},
    ]);
    assert_eq!(deleted["Entries"], entries);
}

#[tokio::test]
async fn a_stranger_in_the_answer_deletes_nothing() {
    let ten = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let world = World::new([received(10..12)]);
    let answered = world
        .lanes
        .handle(event(&ten), 100, async |_| BatchAnswer {
            failed: vec![failed("m99", Some(3))],
        })
        .await
        .unwrap();
    assert_eq!(answered.batch_item_failures.len(), 10);
    assert_eq!(world.operations(), ["ReceiveMessage"]);
}

#[tokio::test]
async fn what_was_not_deleted_does_not_change_the_answer() {
    let ten = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let world = World::new([received(10..12), Turn::DoesNotAnswerInTime]);
    let answered = world
        .lanes
        .handle(event(&ten), 100, async |_| BatchAnswer::default())
        .await
        .unwrap();
    assert!(answered.batch_item_failures.is_empty());
    assert_eq!(world.operations(), ["ReceiveMessage", "DeleteMessageBatch"]);
}
