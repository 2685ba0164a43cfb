//! What is kept and who is told, and what happens when that fails.

use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::HeaderValue;
use contract::{Cause, Lane, PlanRequest};
use domain::SourceId;
use ports::Fault;
use telemetry::Metric;

use super::world::{NOW, Post, World, block_on, salt};
use crate::{Answer, Request, record_key};

const BODY: &str = include_str!("../../../../tests/fixtures/standard-webhooks/changed.json");
const SEVERAL: &str = include_str!("../../../../tests/fixtures/bamboohr/several.json");

#[test]
fn an_accepted_post_is_one_fact_and_one_message() {
    let world = World::new();
    let answer = world.send(&Post::standard("msg_1", BODY));
    assert_eq!(answer, Answer::accepted());
    let facts = world.facts();
    assert_eq!(facts.len(), 1);
    let key = record_key(&salt(), &SourceId::from("standard"), "E1001");
    assert_eq!(facts[0].record, key);
    assert_eq!(facts[0].received_at.as_second(), NOW);
    let sent = world.lanes.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, Lane::Facts);
    assert_eq!(sent[0].1.group, key.as_str());
    let request: PlanRequest = serde_json::from_str(&sent[0].1.body).expect("a request");
    assert_eq!(request, PlanRequest::new(key, Cause::Fact));
    assert_eq!(world.count(Metric::WebhookAccepted), 1);
}

#[test]
fn messages_logs_and_metrics_hold_nothing_personal() {
    let world = World::new();
    world.send(&Post::standard("msg_E1001", BODY));
    world.send(&Post::standard("msg_E1001", BODY));
    world.send(&Post::standard(
        "msg_E1001",
        &BODY.replace("Quill", "Other"),
    ));
    world.send(&Post::bamboohr(SEVERAL));
    world.send(&Post::bamboohr("{\"employees\":[{\"id\":[\"Quill\"]}]}"));
    world.send(&Post::standard("msg_2", &BODY.replace("title", "Quill")));
    let sent = world.lanes.sent();
    assert!(sent.len() >= 5);
    for (_, message) in sent {
        for text in [&message.group, &message.dedup, &message.body] {
            assert!(message.dedup.len() <= 128, "the queue's cap");
            for personal in ["E1001", "67890", "Quill", "Zo"] {
                assert!(!text.contains(personal), "{text}");
            }
        }
    }
    for line in world.lines.all() {
        for personal in ["E1001", "67890", "Quill", "Zo"] {
            assert!(!line.contains(personal), "{line}");
        }
    }
}

#[test]
fn a_duplicate_writes_nothing_and_tells_the_planner_again() {
    let world = World::new();
    for _ in 0..3 {
        let answer = world.send(&Post::standard("msg_1", BODY));
        assert_eq!(answer, Answer::accepted());
    }
    assert_eq!(world.facts().len(), 1);
    let sent = world.lanes.sent();
    assert_eq!(sent.len(), 3);
    assert!(
        sent.iter().all(|message| *message == sent[0]),
        "one dedup id"
    );
    assert_eq!(world.count(Metric::WebhookAccepted), 1);
    assert_eq!(world.count(Metric::WebhookDuplicate), 2);
}

#[test]
fn a_body_without_a_signed_id_is_its_own_id() {
    let world = World::new();
    for _ in 0..2 {
        assert_eq!(world.send(&Post::bamboohr(SEVERAL)).status, 202);
    }
    assert_eq!(world.facts().len(), 3);
    assert_eq!(world.count(Metric::WebhookDuplicate), 1);
    let other = SEVERAL.replace("Engineer", "Author");
    assert_eq!(world.send(&Post::bamboohr(&other)).status, 202);
    assert_eq!(world.facts().len(), 6);
}

#[test]
fn equal_bodies_under_two_ids_are_two_facts_and_two_messages() {
    let world = World::new();
    world.send(&Post::standard("msg_1", BODY));
    world.send(&Post::standard("msg_2", BODY));
    assert_eq!(world.facts().len(), 2);
    let sent = world.lanes.sent();
    assert_ne!(sent[0].1.dedup, sent[1].1.dedup);
}

#[test]
fn the_same_id_with_another_body_is_a_conflict_and_an_alarm() {
    let world = World::new();
    world.send(&Post::standard("msg_1", BODY));
    let before = world.facts();
    world.lanes.take_sent();
    let other = BODY.replace("Engineering", "Finance");
    let answer = world.send(&Post::standard("msg_1", &other));
    assert_eq!(answer.status, 409);
    assert_eq!(world.facts(), before);
    assert!(world.lanes.sent().is_empty());
    assert_eq!(world.count(Metric::WebhookConflict), 1);
    assert!(
        world
            .lines
            .all()
            .iter()
            .any(|line| line.contains("\"ERROR\""))
    );
}

#[test]
fn a_store_that_is_down_leaves_nothing_half_done() {
    for fault in [
        Fault::retry("throttled"),
        Fault::reject("refused"),
        Fault::halt("no permission"),
    ] {
        let world = World::new();
        world.store.fail_next(fault);
        let answer = world.send(&Post::standard("msg_1", BODY));
        assert_eq!(answer.status, 503);
        assert!(world.is_untouched());
        assert_eq!(world.store.pending_faults(), 0, "the fault fired");
        assert_eq!(world.count(Metric::WebhookUnavailable), 1);
        // The sender comes again.
        assert_eq!(world.send(&Post::standard("msg_1", BODY)).status, 202);
        assert_eq!(world.facts().len(), 1);
        assert_eq!(world.lanes.sent().len(), 1);
    }
}

#[test]
fn a_lost_answer_of_the_store_is_repaired_by_the_sender_s_next_attempt() {
    let world = World::new();
    world.store.lose_next(Fault::retry("timeout"));
    assert_eq!(world.send(&Post::standard("msg_1", BODY)).status, 503);
    assert_eq!(world.facts().len(), 1, "written, though nobody knew");
    assert!(world.lanes.sent().is_empty());
    assert_eq!(world.send(&Post::standard("msg_1", BODY)).status, 202);
    assert_eq!(world.facts().len(), 1);
    assert_eq!(world.lanes.sent().len(), 1);
}

#[test]
fn a_queue_that_is_down_is_told_by_the_sender_s_next_attempt() {
    let world = World::new();
    world.lanes.fail_next(Fault::retry("timeout"));
    assert_eq!(world.send(&Post::standard("msg_1", BODY)).status, 503);
    assert!(world.lanes.sent().is_empty());
    assert_eq!(world.send(&Post::standard("msg_1", BODY)).status, 202);
    assert_eq!(world.lanes.sent().len(), 1);
    assert_eq!(world.facts().len(), 1);
}

#[test]
fn the_sender_is_told_when_to_come_again() {
    let world = World::new();
    for (after, told) in [
        (None, "30"),
        (Some(Duration::from_secs(7)), "7"),
        (Some(Duration::from_millis(20)), "1"),
    ] {
        world.store.fail_next(Fault::Retry {
            after,
            why: "throttled".into(),
        });
        let answer = world.send(&Post::standard("msg_1", BODY));
        assert!(answer.headers.contains(&("retry-after", told.into())));
    }
}

#[test]
fn several_workers_of_a_post_are_each_told_once() {
    let world = World::new();
    let twice = SEVERAL.replace("67891,", "\"67890\",");
    assert_eq!(world.send(&Post::bamboohr(&twice)).status, 202);
    assert_eq!(world.facts().len(), 3);
    let sent = world.lanes.sent();
    assert_eq!(sent.len(), 2);
    assert_ne!(sent[0].1.group, sent[1].1.group);
    assert_ne!(sent[0].1.dedup, sent[1].1.dedup);
}

#[test]
fn a_connection_test_is_answered_after_its_signature_holds() {
    let signatures = [
        ("Ping test", true),
        ("\"Ping test\"", true),
        (r#"{"text":"Ping test"}"#, true),
        (r#"{ "text" : "Ping test" }"#, true),
        ("Ping test!", false),
    ];
    for (body, is_ping) in signatures {
        let world = World::new();
        let post = Post::standard("msg_1", body).with("content-type", "text/plain");
        let status = if is_ping { 202 } else { 415 };
        assert_eq!(world.send(&post).status, status, "{body}");
        assert!(world.is_untouched());
        let forged = post.with("webhook-signature", "v1,AAAA");
        assert_eq!(world.send(&forged).status, 401);
    }
}

#[test]
fn an_event_of_the_platform_s_own_type_is_answered_alike() {
    for post in [
        Post::standard("msg_1", BODY),
        Post::standard("msg_1", "{}"),
        Post::standard("msg_1", BODY).with("webhook-signature", "v1,AAAA"),
        Post::bamboohr(SEVERAL),
    ] {
        for json in [post.event(), post.event_in_base64()] {
            let event: ApiGatewayV2httpRequest = serde_json::from_str(&json).expect("an event");
            let typed = block_on(World::new().webhook.handle(event));
            let world = World::new();
            let request = Request::from_json(&json).expect("an event");
            let plain = world.answer(&request);
            assert_eq!(typed.status_code, i64::from(plain.status));
            assert_eq!(typed.body, Some(Body::Text(plain.body.to_string())));
            for (name, value) in plain.headers.iter() {
                assert_eq!(
                    typed.headers.get(*name).map(HeaderValue::as_bytes),
                    Some(value.as_bytes())
                );
            }
            assert_eq!(typed.headers.len(), plain.headers.len());
            assert!(!typed.is_base64_encoded);
            // As API Gateway reads both of them.
            let json = serde_json::to_value(&plain).expect("JSON");
            let typed = serde_json::to_value(&typed).expect("JSON");
            for field in ["statusCode", "headers", "body", "isBase64Encoded"] {
                assert_eq!(json[field], typed[field]);
            }
            let rendered = plain.to_json().expect("JSON");
            assert_eq!(rendered, serde_json::to_string(&plain).expect("JSON"));
        }
    }
}

#[test]
fn a_request_that_came_without_the_platform_is_answered_alike() {
    let post = Post::standard("msg_1", BODY);
    let headers = || {
        let headers = post.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_bytes()))
    };
    let request = Request::new("POST", "/hr/standard", headers(), &post.body);
    assert_eq!(World::new().answer(&request), Answer::accepted());
    let twice = headers().chain([("Webhook-Signature", &b"v1,AAAA"[..])]);
    let request = Request::new("POST", "/hr/standard", twice, &post.body);
    assert_eq!(
        World::new().answer(&request),
        Answer::accepted(),
        "joined by a comma"
    );
    let staged = Request::new("POST", "/stage/hr/standard", headers(), &post.body);
    assert_eq!(World::new().answer(&staged), Answer::accepted());
    for path in [
        "/hr/nobody",
        "/standard",
        "/hr/standard/x",
        "/",
        "/HR/standard",
    ] {
        let request = Request::new("POST", path, headers(), &post.body);
        assert_eq!(World::new().answer(&request).status, 401, "{path}");
    }
    let large = vec![b' '; crate::LARGEST_BODY + 1];
    let request = Request::new("POST", "/hr/standard", headers(), &large);
    assert_eq!(World::new().answer(&request).status, 413);
}

#[test]
fn debug_shows_neither_headers_nor_body() {
    let post = Post::standard("canary", "canary");
    let event = post.event();
    let request = Request::from_json(&event).expect("an event");
    let shown = format!("{request:?} {:?} {:?}", request.body(99), salt());
    assert!(!shown.contains("canary"), "{shown}");
}
