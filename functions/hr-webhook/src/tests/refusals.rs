//! What an attacker learns: nothing.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ports::Fault;
use ports::model::{ManualClock, ModelLanes, ModelSecrets, ModelStore};
use ports::secrets::Secret;
use telemetry::Metric;

use super::world::{NOW, Post, WHSEC, World, block_on, hmac_sha256, policy, salt};
use crate::{Answer, LARGEST_BODY, Problem, Request, Webhook};

const BODY: &str = include_str!("../../../../tests/fixtures/standard-webhooks/changed.json");

fn unauthorized() -> Answer {
    Answer::from(Problem::Unauthorized)
}

#[test]
fn every_flipped_byte_gets_the_same_answer() {
    let body = r#"{"schema":"lanyard.worker.v1"}"#;
    let post = Post::standard("msg_1", body);
    for at in 0..body.len() {
        for bit in 0..8 {
            let mut other = post.clone();
            other.body[at] ^= 1 << bit;
            assert_refused(&other);
        }
    }
    for (name, value) in post.headers.clone() {
        if name == "content-type" {
            continue;
        }
        for at in 0..value.len() {
            let mut bytes = value.clone().into_bytes();
            bytes[at] ^= 1;
            let value = String::from_utf8(bytes).expect("ASCII stays ASCII");
            assert_refused(&post.clone().with(&name, &value));
        }
        assert_refused(&post.clone().without(&name));
        assert_refused(&post.clone().with(&name, ""));
    }
    for source in [
        "",
        "standarc",
        "STANDARD",
        "standard/",
        "../standard",
        "nobody",
    ] {
        let mut other = post.clone();
        other.source = source.into();
        assert_refused(&other);
    }
}

fn assert_refused(post: &Post) {
    let world = World::new();
    assert_eq!(world.send(post), unauthorized(), "{post:?}");
    assert!(world.is_untouched());
    assert_eq!(world.count(Metric::WebhookUnauthorized), 1);
}

#[test]
fn the_window_is_five_minutes_both_ways() {
    for (shift, status) in [(-301, 401), (-300, 202), (0, 202), (300, 202), (301, 401)] {
        let world = World::new();
        world.set_now(NOW + shift);
        let post = Post::standard("msg_1", BODY);
        assert_eq!(world.send(&post).status, status, "{shift}");
        assert_eq!(world.facts().len(), usize::from(status == 202));
    }
}

#[test]
fn bamboohr_may_write_its_time_in_rfc_3339_and_is_held_to_it() {
    let body = include_str!("../../../../tests/fixtures/bamboohr/several.json");
    for (time, status) in [
        ("2026-09-21T14:13:20Z", 202),
        ("2026-09-21T14:18:20+0000", 202),
        ("2026-09-21T14:18:21+00:00", 401),
        ("2026-09-21T14:08:19Z", 401),
        ("1790000300", 202),
        ("1790000301", 401),
        ("1790000000000", 401),
        ("yesterday", 401),
        ("-1", 401),
    ] {
        let text = format!("{body}{time}");
        let signature = hex::encode(hmac_sha256(b"unit-test-secret", text.as_bytes()));
        let post = Post::bamboohr(body)
            .with("x-bamboohr-timestamp", time)
            .with("x-bamboohr-signature", &signature);
        assert_eq!(World::new().send(&post).status, status, "{time}");
    }
}

#[test]
fn both_secrets_of_a_rotation_verify_and_a_third_does_not() {
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (versions, status) in [
        (vec![other, WHSEC], 202),
        (vec![WHSEC, other], 202),
        (vec![other], 401),
    ] {
        let secrets = ModelSecrets::new().with_versions("whsec", versions.clone());
        let world = World::with_secrets(secrets);
        let answer = world.send(&Post::standard("msg_1", BODY));
        assert_eq!(answer.status, status, "{versions:?}");
    }
}

/// The sender signs with a version that was put there after the last reading.
#[test]
fn a_secret_that_was_changed_a_moment_ago_verifies() {
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (now, status) in [(WHSEC, 202), (other, 401)] {
        let secrets = ModelSecrets::new().with("whsec", other);
        let world = World::with_secrets(secrets.with_change("whsec", now));
        let answer = world.send(&Post::standard("msg_1", BODY));
        assert_eq!(answer.status, status);
    }
}

#[test]
fn a_second_secret_name_verifies_too() {
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let secrets = ModelSecrets::new()
        .with("previous", other)
        .with("whsec", WHSEC);
    let mut post = Post::standard("msg_1", BODY);
    post.source = "two-secrets".into();
    assert_eq!(World::with_secrets(secrets).send(&post).status, 202);
}

#[test]
fn a_missing_or_unusable_secret_is_ours_to_repair() {
    for secrets in [
        ModelSecrets::new(),
        ModelSecrets::new().with("whsec", "whsec_"),
        ModelSecrets::new().with("whsec", "whsec_not base64"),
    ] {
        let world = World::with_secrets(secrets);
        let answer = world.send(&Post::standard("msg_1", BODY));
        assert_eq!(answer.status, 503);
        assert!(world.is_untouched());
        assert_eq!(world.count(Metric::WebhookUnavailable), 1);
        assert!(
            world
                .lines
                .all()
                .iter()
                .any(|line| line.contains("\"ERROR\""))
        );
    }
}

#[test]
fn a_name_without_a_secret_changes_no_answer_where_another_has_one() {
    let mut post = Post::standard("msg_1", BODY);
    post.source = "two-secrets".into();
    assert_eq!(World::new().send(&post).status, 202);
    assert_refused(&post.with("webhook-id", "msg_2"));
}

/// The first secret is there; the second is out of reach for now.
struct OutOfReach;

impl ports::Secrets for OutOfReach {
    async fn get(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        match name {
            "previous" => Ok(vec![Secret::new(WHSEC)]),
            _ => Err(Fault::retry("timeout")),
        }
    }
}

#[test]
fn a_secret_that_is_out_of_reach_for_now_loses_no_event() {
    let clock = ManualClock::new(jiff::Timestamp::from_second(NOW).expect("an instant"));
    let webhook = Webhook::new(
        ModelStore::new(),
        ModelLanes::new(Arc::new(clock.clone())),
        OutOfReach,
        clock,
        Arc::new(policy()),
        salt(),
    );
    let status = |post: &Post| {
        let event = post.event();
        let request = Request::from_json(&event).expect("an event");
        block_on(webhook.answer(&request)).status
    };
    let mut post = Post::standard("msg_1", BODY);
    post.source = "two-secrets".into();
    assert_eq!(status(&post), 202);
    assert_eq!(status(&post.with("webhook-id", "msg_2")), 503);
}

#[test]
fn a_body_over_the_cap_is_refused_before_anything_else() {
    let body = "x".repeat(LARGEST_BODY + 1);
    let unknown = Post::unsigned("nobody", &body);
    let known = Post::standard("msg_1", &body);
    let world = World::new();
    assert_eq!(world.send(&unknown), world.send(&known));
    assert_eq!(world.send(&known).status, 413);
    let event = known.event_in_base64();
    let request = Request::from_json(&event).expect("an event");
    assert_eq!(world.answer(&request).status, 413);
    let fits = Post::standard("msg_1", &"x".repeat(LARGEST_BODY));
    assert_eq!(world.send(&fits).status, 400);
    let event = fits.event_in_base64();
    let request = Request::from_json(&event).expect("an event");
    assert_eq!(world.answer(&request).status, 400);
}

#[test]
fn only_post_is_allowed() {
    for method in [
        "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "post", "",
    ] {
        for source in ["standard", "nobody"] {
            let mut post = Post::standard("msg_1", BODY);
            post.method = method.into();
            post.source = source.into();
            let answer = World::new().send(&post);
            assert_eq!(answer.status, 405, "{method}");
            assert!(answer.headers.contains(&("allow", "POST".into())));
        }
    }
}

#[test]
fn a_body_is_not_parsed_before_its_signature_holds() {
    for body in [
        "not json",
        "{\"schema\":",
        "\u{feff}{}",
        &"[".repeat(10_000),
    ] {
        assert_refused(&Post::standard("msg_1", body).with("webhook-signature", "v1,AAAA"));
        assert_eq!(
            World::new().send(&Post::standard("msg_1", body)).status,
            400
        );
    }
}

#[test]
fn a_content_type_is_looked_at_after_the_signature() {
    for (content_type, status) in [
        ("application/json; charset=utf-8", 202),
        ("Application/JSON", 202),
        ("application/cloudevents+json", 202),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        ("json", 415),
        ("", 415),
    ] {
        let post = Post::standard("msg_1", BODY).with("content-type", content_type);
        assert_eq!(World::new().send(&post).status, status, "{content_type}");
        let forged = post.with("webhook-id", "msg_2");
        assert_eq!(World::new().send(&forged), unauthorized());
    }
    let post = Post::standard("msg_1", BODY).without("content-type");
    assert_eq!(World::new().send(&post).status, 415);
}

#[test]
fn a_missing_body_is_an_empty_one() {
    let signed = Post::standard("msg_1", "").event_with(None, false);
    let request = Request::from_json(&signed).expect("an event");
    assert_eq!(World::new().answer(&request).status, 400);
    let unsigned = Post::standard("msg_1", BODY).event_with(None, false);
    let request = Request::from_json(&unsigned).expect("an event");
    assert_eq!(World::new().answer(&request), unauthorized());
}

#[test]
fn a_body_that_is_not_utf_8_is_signed_as_bytes_and_is_not_json() {
    let mut post = Post::standard("msg_1", "");
    post.body = b"{\"schema\":\"\xff\xfe\"}".to_vec();
    assert_eq!(World::new().send(&post), unauthorized());
    let text = [format!("msg_1.{NOW}.").as_bytes(), &post.body].concat();
    let key = b"0123456789abcdef0123456789abcdef";
    let signature = STANDARD.encode(hmac_sha256(key, &text));
    let post = post.with("webhook-signature", &format!("v1,{signature}"));
    let answer = World::new().send(&post);
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[test]
fn a_body_that_claims_to_be_base64_and_is_not_is_refused_for_every_source() {
    for source in ["standard", "nobody"] {
        let mut post = Post::standard("msg_1", BODY);
        post.source = source.into();
        let event = post.event_with(Some("not base64!"), true);
        let request = Request::from_json(&event).expect("an event");
        assert_eq!(World::new().answer(&request).status, 400);
    }
}

#[test]
fn header_names_are_found_in_any_case() {
    let mut post = Post::standard("msg_1", BODY);
    for (name, _) in &mut post.headers {
        *name = name.to_uppercase();
    }
    assert_eq!(World::new().send(&post).status, 202);
}

#[test]
fn no_answer_redirects_or_tells_the_sender_to_stop() {
    let problems = [
        Problem::MethodNotAllowed,
        Problem::TooLarge,
        Problem::BadRequest,
        Problem::Unauthorized,
        Problem::NotJson,
        Problem::Malformed("x".into()),
        Problem::Unsupported("x"),
        Problem::Conflict,
        Problem::Unavailable(None),
    ];
    for problem in problems {
        let answer = Answer::from(problem);
        assert!(!(300..400).contains(&answer.status) && answer.status != 410);
        assert!(
            answer
                .headers
                .contains(&("content-type", "application/problem+json".into()))
        );
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(body["status"], answer.status);
        assert_eq!(body["type"], "about:blank");
        assert!(body["title"].is_string());
    }
    assert_eq!(
        unauthorized().body,
        r#"{"type":"about:blank","title":"Unauthorized","status":401}"#
    );
}

#[test]
fn a_refusal_s_log_names_neither_what_was_sent_nor_an_unknown_source() {
    let world = World::new();
    let mut post = Post::standard("canary-id", BODY).with("webhook-signature", "v1,canary");
    assert_eq!(world.send(&post).status, 401);
    post.source = "canary-source".into();
    assert_eq!(world.send(&post).status, 401);
    for line in world.lines.all() {
        for secret in ["canary", "Quill", "E1001", "203.0.113.9"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
    assert_eq!(
        world.lines.all().len(),
        4,
        "a log line and a metric for each"
    );
}
