//! Signatures that somebody else computed.

use super::world::{Post, World};
use crate::verify::{Proof, Refusal};
use crate::{Answer, Request};

/// 138 bytes, no newline; every vector below was computed over it.
const BODY: &str = r#"{"type":"employee.updated","timestamp":"2026-01-31T18:42:00+0000","data":{"companyId":"1","employeeId":"42","changedFields":["jobTitle"]}}"#;

/// Whether the signature holds: the vectors' body proves itself and is then refused as not
/// canonical, which a request that does not prove itself never learns.
fn proves_itself(answer: &Answer) -> bool {
    match answer.status {
        400 | 422 => true,
        401 => false,
        other => panic!("{other}: {}", answer.body),
    }
}

/// What the vectors are signed for: 2023-11-14T22:13:20Z.
const SIGNED_AT: i64 = 1_700_000_000;

/// At that time.
fn world() -> World {
    let world = World::new();
    world.set_now(SIGNED_AT);
    world
}

fn vectors() -> Vec<Post> {
    let now = SIGNED_AT.to_string();
    vec![
        Post::unsigned("bamboohr", BODY)
            .with("x-bamboohr-timestamp", &now)
            .with(
                "x-bamboohr-signature",
                "a515017464672b70535ceda7c1841cc53ce2e9fdfd93292a00d533722e9f5c4a",
            ),
        Post::unsigned("hibob", BODY).with(
            "bob-signature",
            "8ehR5dsDKs28ER27x0XxVN9aGxZotQrfJXkQK/MzlcMrPFvsDimBZxjibePDEWQH5GEIVfpTSjAwXtsMuWaXPA==",
        ),
        Post::unsigned("gusto", BODY).with(
            "x-gusto-signature",
            "bd2f5e75a6bd395134db17b193194ca7bc7db7236cfb766a4682c561c2140afd",
        ),
        Post::unsigned("deel", BODY).with(
            "x-deel-signature",
            "d26f7018236363dcc317c2e8f5b273e520ac9837fd6a4cb95782daf1d989a099",
        ),
        Post::unsigned("merge", BODY).with(
            "x-merge-webhook-signature",
            "vS9edaa9OVE02xexkxlMp7x9tyNs-3ZqRoLFYcIUCv0=",
        ),
        Post::unsigned("standard", BODY)
            .with("webhook-id", "msg_test")
            .with("webhook-timestamp", &now)
            .with(
                "webhook-signature",
                "v1,JN57x7gN+4QwCWPgBQP9MpQEE3fIBND7CKyCrqmgeTU=",
            ),
        Post::unsigned("finch", BODY)
            .with("finch-event-id", "evt_test")
            .with("finch-timestamp", &now)
            .with(
                "finch-signature",
                "v1,I0jUlDaGXsY0Oe4OuXbSe8vvK7SgKtEq9GzhTYpspAU=",
            ),
    ]
}

fn signature_header(post: &Post) -> &str {
    let mut names = post.headers.iter().map(|(name, _)| name);
    names.find(|name| name.ends_with("signature")).expect("one")
}

#[test]
fn the_body_is_the_one_that_was_signed() {
    assert_eq!(BODY.len(), 138);
    assert_eq!(
        domain::Hash::of(BODY.as_bytes()).to_string(),
        "99b90ef70359abb2607002827afffddc96463c66b832f28619835a73d7b45cf3"
    );
}

#[test]
fn every_sender_of_the_table_passes_its_vector() {
    for post in vectors() {
        assert!(proves_itself(&world().send(&post)), "{}", post.source);
    }
}

#[test]
fn every_vector_passes_as_an_event_in_base64() {
    for post in vectors() {
        let event = post.event_in_base64();
        let request = Request::from_json(&event).expect("an event");
        assert!(proves_itself(&world().answer(&request)), "{}", post.source);
    }
}

#[test]
fn no_vector_passes_for_another_body() {
    for post in vectors() {
        let spaced = BODY.replace(':', ": ");
        let flipped = BODY.replace("\"42\"", "\"43\"");
        for body in [spaced, flipped, format!("{BODY}\n"), String::new()] {
            let mut other = post.clone();
            other.body = body.into_bytes();
            assert!(!proves_itself(&world().send(&other)), "{}", post.source);
        }
    }
}

#[test]
fn no_vector_passes_at_another_source() {
    for post in vectors() {
        for source in [
            "standard", "bamboohr", "hibob", "gusto", "deel", "merge", "finch",
        ] {
            if source == post.source {
                continue;
            }
            let mut other = post.clone();
            other.source = source.into();
            assert!(!proves_itself(&world().send(&other)), "{source}");
        }
    }
}

#[test]
fn every_truncated_signature_is_refused() {
    for post in vectors() {
        let name = signature_header(&post).to_owned();
        let signature = post.header(&name).to_owned();
        let padding = signature.chars().rev().take_while(|c| *c == '=').count();
        let last = if post.source == "merge" {
            // Padding is optional there: a signature without it is whole.
            signature.len() - padding
        } else {
            signature.len()
        };
        for length in 0..last {
            let cut = post
                .clone()
                .with(&name, &signature.chars().take(length).collect::<String>());
            assert!(
                !proves_itself(&world().send(&cut)),
                "{} {length}",
                post.source
            );
        }
    }
}

#[test]
fn upper_case_hex_is_the_same_signature() {
    for source in ["bamboohr", "gusto", "deel"] {
        let mut posts = vectors().into_iter();
        let post = posts.find(|post| post.source == source).expect("a vector");
        let name = signature_header(&post).to_owned();
        let upper = post.header(&name).to_uppercase();
        assert!(proves_itself(&world().send(&post.with(&name, &upper))));
    }
}

#[test]
fn merge_may_leave_out_the_padding() {
    let post = Post::unsigned("merge", BODY).with(
        "x-merge-webhook-signature",
        "vS9edaa9OVE02xexkxlMp7x9tyNs-3ZqRoLFYcIUCv0",
    );
    assert!(proves_itself(&world().send(&post)));
}

#[test]
fn one_good_signature_of_several_is_enough() {
    let good = "v1,JN57x7gN+4QwCWPgBQP9MpQEE3fIBND7CKyCrqmgeTU=";
    let bad = "v1,AAAAx7gN+4QwCWPgBQP9MpQEE3fIBND7CKyCrqmgeTU=";
    let standard = |signatures: &str| {
        Post::unsigned("standard", BODY)
            .with("webhook-id", "msg_test")
            .with("webhook-timestamp", &SIGNED_AT.to_string())
            .with("webhook-signature", signatures)
    };
    for signatures in [
        format!("{bad} {good}"),
        format!("{good} {bad}"),
        format!("v1a,c2lnbmF0dXJl {good}"),
        // A header that came twice, joined by the platform.
        format!("{bad},{good}"),
    ] {
        let answer = world().send(&standard(&signatures));
        assert!(proves_itself(&answer), "{signatures}");
    }
    let unversioned = good.trim_start_matches("v1,");
    for signatures in [
        "v1,".to_owned(),
        "v1".to_owned(),
        ",".to_owned(),
        bad.to_owned(),
        format!("{bad} {bad}"),
        format!("v1a,{unversioned}"),
        format!("v2,{unversioned}"),
        unversioned.to_owned(),
    ] {
        let answer = world().send(&standard(&signatures));
        assert!(!proves_itself(&answer), "{signatures}");
    }
}

#[test]
fn a_finch_header_that_came_twice_is_split_with_care() {
    let good = "v1,I0jUlDaGXsY0Oe4OuXbSe8vvK7SgKtEq9GzhTYpspAU=";
    let bad = "v1,AAAUlDaGXsY0Oe4OuXbSe8vvK7SgKtEq9GzhTYpspAU=";
    for (signatures, holds) in [
        (format!("{bad},{good}"), true),
        (format!("{good},{bad}"), true),
        (format!("{bad}, {good}"), true),
        (format!("{bad},{bad}"), false),
    ] {
        let post = Post::unsigned("finch", BODY)
            .with("finch-event-id", "evt_test")
            .with("finch-timestamp", &SIGNED_AT.to_string())
            .with("finch-signature", &signatures);
        assert_eq!(proves_itself(&world().send(&post)), holds, "{signatures}");
    }
}

#[test]
fn passes_the_reference_library_s_own_vector() {
    let secrets =
        ports::model::ModelSecrets::new().with("whsec", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let world = World::with_secrets(secrets);
    let body = r#"{"email":"test@example.com","username":"test_user"}"#;
    let post = Post::unsigned("standard", body)
        .with("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk")
        .with("webhook-timestamp", "1649367553")
        .with(
            "webhook-signature",
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        );
    assert!(!proves_itself(&world.send(&post)));
    world.set_now(1_649_367_553);
    assert!(proves_itself(&world.send(&post)));
}

#[test]
fn what_the_reference_library_signs_proves_itself() {
    let webhook = standardwebhooks::Webhook::new(super::world::WHSEC).expect("a key");
    for body in ["", "{}", BODY, "Zoë \u{1F600}", &"x".repeat(100_000)] {
        let signature = webhook
            .sign("msg_1", SIGNED_AT, body.as_bytes())
            .expect("a signature");
        let post = Post::unsigned("standard", body)
            .with("webhook-id", "msg_1")
            .with("webhook-timestamp", &SIGNED_AT.to_string())
            .with("webhook-signature", &signature);
        assert!(proves_itself(&world().send(&post)), "{}", body.len());
    }
}

#[test]
fn an_id_or_a_time_with_a_full_stop_is_refused_though_it_is_signed() {
    // The same text could be cut into another id, time and body.
    let post = Post::standard("msg.1", "{}");
    assert!(!proves_itself(&World::new().send(&post)));
}

#[test]
fn an_id_that_is_not_signed_is_not_used() {
    let verify = domain::policy::Verify {
        id_header: Some("x-id".into()),
        ..super::world::body_in_hex("x-gusto-signature")
    };
    let post = Post::unsigned("gusto", BODY)
        .with("x-id", "swapped")
        .with("x-gusto-signature", "aa");
    let event = post.event();
    let request = Request::from_json(&event).expect("an event");
    let now = jiff::Timestamp::UNIX_EPOCH;
    let proof = Proof::gather(&verify, &request, BODY.as_bytes(), now).expect("a proof");
    assert_eq!(proof.signed_id(), None);
    let missing = post.without("x-id").event();
    let request = Request::from_json(&missing).expect("an event");
    let refused = Proof::gather(&verify, &request, BODY.as_bytes(), now);
    assert_eq!(refused.err(), Some(Refusal::HeaderMissing));
}
