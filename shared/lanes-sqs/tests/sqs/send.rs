//! Sending.

use contract::Lane;
use ports::trace::within;
use ports::{Lanes, Outgoing, Trace};
use serde_json::{Value, json};

use crate::{Turn, World};

fn messages(count: usize) -> Vec<Outgoing> {
    (0..count)
        .map(|number| Outgoing {
            group: format!("g{}", number % 3),
            dedup: format!("d{number}"),
            body: number.to_string(),
        })
        .collect()
}

fn taken(ids: impl IntoIterator<Item = usize>) -> Vec<Value> {
    let taken = ids
        .into_iter()
        .map(|id| json!({"Id": id.to_string(), "MessageId": "m", "MD5OfMessageBody": "0"}));
    taken.collect()
}

fn all_taken(count: usize) -> Turn {
    Turn::ok(&json!({"Successful": taken(0..count), "Failed": []}))
}

#[tokio::test]
async fn messages_go_out_in_order_ten_to_a_request() {
    let world = World::new([all_taken(10), all_taken(10), all_taken(3)]);
    world.lanes.send(&Lane::Facts, &messages(23)).await.unwrap();
    let mut number = 0;
    for (operation, body) in world.requests() {
        assert_eq!(operation, "SendMessageBatch");
        assert_eq!(body["QueueUrl"], "http://sqs.test/1/x-facts.fifo");
        for (at, entry) in body["Entries"].as_array().unwrap().iter().enumerate() {
            let want = json!({
                "Id": at.to_string(),
                "MessageBody": number.to_string(),
                "MessageGroupId": format!("g{}", number % 3),
                "MessageDeduplicationId": format!("d{number}"),
            });
            assert_eq!(*entry, want);
            number += 1;
        }
    }
    assert_eq!(number, 23);
}

#[tokio::test]
async fn nothing_is_no_request() {
    let world = World::new([Turn::IsNotReached]);
    world.lanes.send(&Lane::Facts, &[]).await.unwrap();
    assert!(world.requests().is_empty());
}

#[tokio::test]
async fn a_message_that_no_queue_takes_is_rejected_before_anything_is_sent() {
    let world = World::new([all_taken(2)]);
    for size in [0, 256 * 1024 + 1] {
        let mut messages = messages(2);
        messages[1].body = "x".repeat(size);
        let sent = world.lanes.send(&Lane::Terminations, &messages).await;
        let want = format!(
            "reject: a message for `terminations.fifo` has {size} bytes; a queue takes 1 to 262144"
        );
        assert_eq!(sent.unwrap_err().to_string(), want);
    }
    assert!(world.requests().is_empty());
}

#[tokio::test]
async fn a_part_that_was_not_taken_says_how_much_and_whether_to_try_again() {
    let failed = |id: usize, code: &str, sender: bool| json!({"Id": id.to_string(), "Code": code, "SenderFault": sender, "Message": "MARKER"});
    let broken = failed(1, "InternalError", false);
    let mine = failed(2, "InvalidMessageContents", true);
    let forbidden = failed(3, "KMS.AccessDeniedException", true);
    let said = "the queue `x-facts.fifo` did not take";
    for (failures, want) in [
        (
            vec![broken.clone()],
            format!("retry: {said} 1 of 4 messages: `InternalError`; they can be sent again"),
        ),
        (
            vec![mine.clone()],
            format!(
                "reject: {said} 1 of 4 messages: `InvalidMessageContents`; \
                 sending them again does not help"
            ),
        ),
        (
            vec![mine.clone(), broken.clone()],
            format!("retry: {said} 2 of 4 messages: `InternalError`; they can be sent again"),
        ),
        (
            vec![broken, mine, forbidden],
            format!(
                "halt: {said} 3 of 4 messages: `KMS.AccessDeniedException`; \
                 check the key of the queues and the role's rights to it"
            ),
        ),
    ] {
        let taken = taken(0..4 - failures.len());
        let answer = json!({"Successful": taken, "Failed": failures});
        let world = World::new([Turn::ok(&answer)]);
        let sent = world.lanes.send(&Lane::Facts, &messages(4)).await;
        assert_eq!(sent.unwrap_err().to_string(), want);
    }
}

#[tokio::test]
async fn an_answer_that_forgets_messages_is_no_success() {
    let answer = json!({"Successful": taken([0, 1]), "Failed": []});
    let world = World::new([Turn::ok(&answer)]);
    let sent = world.lanes.send(&Lane::Facts, &messages(3)).await;
    let want = "retry: the queue `x-facts.fifo` did not take 1 of 3 messages: `no answer`; \
                they can be sent again";
    assert_eq!(sent.unwrap_err().to_string(), want);
}

#[tokio::test]
async fn after_a_failure_no_later_messages_are_sent() {
    let world = World::new([all_taken(10), Turn::error(500, "InternalError")]);
    world
        .lanes
        .send(&Lane::Facts, &messages(40))
        .await
        .unwrap_err();
    assert_eq!(world.requests().len(), 2);
}

#[tokio::test]
async fn the_trace_of_the_work_is_carried_on() {
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    for trace in [Trace::parse(header), None] {
        let world = World::new([all_taken(2)]);
        let sent = trace.as_ref().map(
            |trace| json!({"AWSTraceHeader": {"DataType": "String", "StringValue": trace.header()}}),
        );
        within(trace, world.lanes.send(&Lane::Facts, &messages(2)))
            .await
            .unwrap();
        let (_, body) = &world.requests()[0];
        for entry in body["Entries"].as_array().unwrap() {
            assert_eq!(entry.get("MessageSystemAttributes"), sent.as_ref());
        }
    }
}

#[tokio::test]
async fn messages_of_several_pieces_of_work_share_a_request_and_keep_their_traces() {
    let world = World::new([all_taken(2)]);
    let headers = ["Root=1-a;Parent=b;Sampled=1", ""];
    let traces = headers.map(Trace::parse);
    let messages: Vec<_> = traces.into_iter().zip(messages(2)).collect();
    let sent = world.lanes.send_traced(&Lane::Facts, &messages);
    // Not the trace of whoever sends them.
    within(Trace::parse("Root=1-f"), sent).await.unwrap();
    let requests = world.requests();
    assert_eq!(requests.len(), 1);
    let entries = requests[0].1["Entries"].as_array().unwrap();
    let carried = |entry: &Value| {
        entry
            .pointer("/MessageSystemAttributes/AWSTraceHeader/StringValue")
            .cloned()
    };
    let carried: Vec<_> = entries.iter().map(carried).collect();
    assert_eq!(carried, [Some(json!(headers[0])), None]);
}
