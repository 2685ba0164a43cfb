//! Whatever is sent, signed or not, gets one of the documented answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::world::{NOW, Post, SECRET, World, hmac_sha256};

/// Texts that readers of payloads trip over.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "lanyard.worker.v1",
            "worker.changed",
            "worker.rescinded",
            "worker.deleted",
            "E1",
            "2026-03-01",
            "0000-00-00",
            "2026-02-30",
            "2026-03-01T00:00:00Z",
            "2026-01-31T18:42:00+0000",
            "Europe/Berlin",
            "Updated",
            "",
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "schema",
            "type",
            "worker_id",
            "version",
            "effective",
            "recorded_at",
            "time_zone",
            "corrects",
            "rescinds",
            "attributes",
            "title",
            "start_date",
            "employees",
            "id",
            "action",
            "timestamp",
            "fields",
            "jobTitle",
            "hireDate",
            "value",
        ])
        .prop_map(str::to_owned),
        ".{0,8}",
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A payload that is right but for some fields.
fn nearly_canonical() -> impl Strategy<Value = Value> {
    prop::collection::vec((name(), json_value()), 0..4).prop_map(|changes| {
        let mut payload = json!({
            "schema": "lanyard.worker.v1",
            "type": "worker.changed",
            "worker_id": "E1",
            "recorded_at": "2026-02-10T09:30:00Z",
            "attributes": { "title": "x" },
        });
        for (name, value) in changes {
            payload[name] = value;
        }
        payload
    })
}

fn nearly_bamboohr() -> impl Strategy<Value = Value> {
    let entry = prop::collection::vec((name(), json_value()), 0..3).prop_map(|changes| {
        let mut entry = json!({
            "id": "1",
            "action": "Updated",
            "timestamp": "2026-01-31T18:42:00+0000",
            "fields": { "jobTitle": { "value": "x" } },
        });
        for (name, value) in changes {
            entry[name] = value;
        }
        entry
    });
    prop::collection::vec(prop_oneof![4 => entry, 1 => json_value()], 0..4)
        .prop_map(|employees| json!({ "employees": employees }))
}

/// Signed rightly: read or refused, and kept only if accepted.
fn answers_to_the_proved(source: &str, body: &[u8]) {
    let post = signed(source, body);
    let world = World::new();
    let answer = world.send(&post);
    match answer.status {
        202 => assert_eq!(world.facts().is_empty(), world.lanes.sent().is_empty()),
        400 | 415 | 422 => assert!(world.is_untouched()),
        other => panic!("{other}: {}", answer.body),
    }
    let again = world.send(&post);
    assert_eq!(again.status, answer.status);
}

fn signed(source: &str, body: &[u8]) -> Post {
    let mut post = Post::unsigned(source, "");
    post.body = body.to_vec();
    if source == "standard" {
        let text = [format!("msg_1.{NOW}.").as_bytes(), body].concat();
        let signature = STANDARD.encode(hmac_sha256(b"0123456789abcdef0123456789abcdef", &text));
        post.with("webhook-id", "msg_1")
            .with("webhook-timestamp", &NOW.to_string())
            .with("webhook-signature", &format!("v1,{signature}"))
    } else {
        let text = [body, NOW.to_string().as_bytes()].concat();
        let signature = hex::encode(hmac_sha256(SECRET.as_bytes(), &text));
        post.with("x-bamboohr-timestamp", &NOW.to_string())
            .with("x-bamboohr-signature", &signature)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..200)) {
        answers_to_the_proved("standard", &body);
        answers_to_the_proved("bamboohr", &body);
    }

    #[test]
    fn any_json(value in json_value()) {
        answers_to_the_proved("standard", value.to_string().as_bytes());
        answers_to_the_proved("bamboohr", value.to_string().as_bytes());
    }

    #[test]
    fn nearly_right_payloads(canonical in nearly_canonical(), bamboohr in nearly_bamboohr()) {
        answers_to_the_proved("standard", canonical.to_string().as_bytes());
        answers_to_the_proved("bamboohr", bamboohr.to_string().as_bytes());
    }

    #[test]
    fn a_cut_payload_is_refused(at in 0_usize..380) {
        let body = include_str!("../../../../tests/fixtures/standard-webhooks/changed.json");
        let world = World::new();
        let cut: Vec<u8> = body.bytes().take(at).collect();
        prop_assert_eq!(world.send(&signed("standard", &cut)).status, 400);
        prop_assert!(world.is_untouched());
    }

    #[test]
    fn any_signature_that_is_not_one(
        source in prop::sample::select(vec!["standard", "bamboohr", "hibob", "gusto", "deel", "merge", "finch"]),
        text in "(v1,|v1a,| |,|=|[a-zA-Z0-9+/_-]){0,60}|.{0,40}",
    ) {
        let mut post = Post::unsigned(source, "{}");
        for header in [
            "webhook-signature", "x-bamboohr-signature", "bob-signature", "x-gusto-signature",
            "x-deel-signature", "x-merge-webhook-signature", "finch-signature",
        ] {
            post = post.with(header, &text);
        }
        for header in ["webhook-timestamp", "x-bamboohr-timestamp", "finch-timestamp"] {
            post = post.with(header, &NOW.to_string());
        }
        let post = post.with("webhook-id", "msg_1").with("finch-event-id", "evt_1");
        let world = World::new();
        prop_assert_eq!(world.send(&post).status, 401);
        prop_assert!(world.is_untouched());
    }

    #[test]
    fn any_event_is_read_or_refused(text in ".{0,200}", value in json_value()) {
        let world = World::new();
        for event in [text, value.to_string()] {
            if let Ok(request) = crate::Request::from_json(&event) {
                prop_assert!(world.answer(&request).status >= 400);
            }
        }
        prop_assert!(world.is_untouched());
    }
}
