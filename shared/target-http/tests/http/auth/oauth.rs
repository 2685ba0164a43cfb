//! Tokens of OAuth client credentials.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::profile::ClientProof;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Rotating, ask, authorizations, by_form, client, clock, failure, session, timed};
use crate::support::{Script, Seen, Turn};

fn issued(token: &str, expires_in: &Value) -> Turn {
    let body = json!({"token_type": "Bearer", "expires_in": expires_in, "access_token": token});
    Turn::body(200, body.to_string())
}

/// An endpoint that issues `t1`, `t2` and so on.
async fn counting(expires_in: Value) -> Script {
    let count = AtomicU64::new(0);
    Script::answering(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        issued(&format!("t{number}"), &expires_in)
    })
    .await
}

async fn always(status: u16) -> Script {
    Script::answering(move |_| Turn::status(status)).await
}

fn form(seen: &Seen) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(seen.body.as_bytes())
        .into_owned()
        .collect()
}

const ANSWERS: &str = "Bearer t1";

#[tokio::test]
async fn a_secret_goes_into_the_form() {
    let (tokens, target) = (counting(json!(3599)).await, always(204).await);
    let auth = client(&tokens, "/t/oauth2/v2.0/token", by_form);
    let session = session(&target, &auth, &Rotating::new(&["s&c=r%t "]));
    ask(&session).await.unwrap();
    assert_eq!(authorizations(&target), [ANSWERS]);
    let seen = &tokens.seen()[0];
    assert_eq!(seen.target, "/t/oauth2/v2.0/token");
    assert_eq!(
        seen.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(seen.header("authorization"), None);
    let want = [
        ("grant_type", "client_credentials"),
        ("scope", "https://wiki.example.com/.default"),
        ("client_id", "app 1"),
        ("client_secret", "s&c=r%t "),
    ];
    let want = want.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form(seen), want.into());
}

#[tokio::test]
async fn a_secret_goes_into_http_basic() {
    let (tokens, target) = (counting(json!(3599)).await, always(204).await);
    let auth = client(&tokens, "/token/", |secret| ClientProof::Basic { secret });
    let session = session(&target, &auth, &Rotating::new(&["p:w é"]));
    ask(&session).await.unwrap();
    let seen = &tokens.seen()[0];
    assert_eq!(seen.target, "/token/");
    let basic = format!("Basic {}", STANDARD.encode("app+1:p%3Aw+%C3%A9"));
    assert_eq!(seen.header("authorization"), Some(&*basic));
    assert_eq!(
        form(seen).keys().collect::<Vec<_>>(),
        ["grant_type", "scope"]
    );
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines: Vec<_> = lines.collect();
    format!(
        "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
        lines.join("\n")
    )
}

const CERTIFICATE: &[u8] = b"a certificate, of which only the digest matters";

#[tokio::test]
async fn a_certificate_signs_a_statement_that_holds_ten_minutes() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let key = pair.as_der().unwrap();
    let both = pem("CERTIFICATE", CERTIFICATE) + &pem("PRIVATE KEY", key.as_ref());
    let rs256: &'static RsaParameters = &RSA_PKCS1_2048_8192_SHA256;
    for (path, name, verifier) in [
        ("/t/oauth2/v2.0/token", "PS256", &RSA_PSS_2048_8192_SHA256),
        ("/oauth2/v1/token", "RS256", rs256),
    ] {
        let (tokens, target) = (counting(json!(60)).await, always(204).await);
        let auth = client(&tokens, path, |secret| ClientProof::Certificate { secret });
        let clock = clock();
        let session = timed(&target, &auth, &Rotating::new(&[&both]), &clock);
        ask(&session).await.unwrap();
        clock.advance(Duration::from_secs(30));
        ask(&session).await.unwrap();
        let mut ids = Vec::new();
        for (at, seen) in tokens.seen().iter().enumerate() {
            let form = form(seen);
            assert_eq!(form["client_id"], "app 1");
            assert_eq!(
                form["client_assertion_type"],
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            assert!(!form.contains_key("client_secret"));
            let assertion = &form["client_assertion"];
            let (signed, signature) = assertion.rsplit_once('.').unwrap();
            UnparsedPublicKey::new(verifier, pair.public_key().as_ref())
                .verify(
                    signed.as_bytes(),
                    &URL_SAFE_NO_PAD.decode(signature).unwrap(),
                )
                .unwrap();
            let part = |text: &str| -> Value {
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
            };
            let (header, claims) = signed.split_once('.').unwrap();
            let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(CERTIFICATE));
            assert_eq!(
                part(header),
                json!({"alg": name, "typ": "JWT", "x5t#S256": thumbprint})
            );
            let now = 1_772_323_200 + 30 * i64::try_from(at).unwrap();
            let mut claims = part(claims);
            ids.push(claims["jti"].take());
            let id = "app 1";
            let url = format!("{}{path}", tokens.base());
            assert_eq!(
                claims,
                json!({"aud": url, "iss": id, "sub": id, "jti": null,
                    "iat": now, "nbf": now, "exp": now + 600})
            );
        }
        assert_eq!(ids.len(), 2);
        assert_ne!(ids[0], ids[1]);
        assert!(ids[0].as_str().unwrap().len() >= 22);
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_sign_halts_and_says_why() {
    let (tokens, target) = (counting(json!(60)).await, always(204).await);
    let certificate = pem("CERTIFICATE", CERTIFICATE);
    for (secret, says) in [
        ("none of it".to_owned(), "holds no certificate in PEM"),
        (certificate.clone(), "holds no private key in PEM"),
        (
            certificate.clone() + &pem("ENCRYPTED PRIVATE KEY", b"x"),
            "or an encrypted one",
        ),
        (
            certificate.clone() + &pem("PRIVATE KEY", b"x"),
            "that is not RSA of 2048 bits or more",
        ),
        (
            certificate.clone() + &pem("EC PRIVATE KEY", b"x"),
            "that is not RSA of 2048 bits or more",
        ),
    ] {
        let auth = client(&tokens, "/token", |secret| ClientProof::Certificate {
            secret,
        });
        let session = session(&target, &auth, &Rotating::new(&[&secret]));
        let text = failure(&session).await;
        assert!(text.starts_with("halt: the secret `wiki-secret`"), "{text}");
        assert!(text.contains(says), "{text}");
    }
    assert!(tokens.seen().is_empty() && target.seen().is_empty());
}

#[tokio::test]
async fn a_token_serves_until_five_minutes_before_its_end_or_half_its_life() {
    for (expires_in, serves) in [
        (json!(3600), 3300),
        (json!("3600"), 3300),
        (json!(600), 300),
        (json!(60), 30),
        (json!(5), 3),
        (json!(null), 300),
        (json!("soon"), 300),
        (json!(9_000_000_000_i64), 86_100),
    ] {
        let (tokens, target) = (counting(expires_in.clone()).await, always(204).await);
        let clock = clock();
        let auth = client(&tokens, "/token", by_form);
        let session = timed(&target, &auth, &Rotating::new(&["s"]), &clock);
        ask(&session).await.unwrap();
        clock.advance(Duration::from_secs(serves - 1));
        ask(&session).await.unwrap();
        clock.advance(Duration::from_secs(1));
        ask(&session).await.unwrap();
        let used = authorizations(&target);
        assert_eq!(
            used,
            ["Bearer t1", "Bearer t1", "Bearer t2"],
            "{expires_in}"
        );
        assert_eq!(session.credentials().token_calls(), 2);
        assert_eq!(session.calls(), 3);
    }
}

#[tokio::test]
async fn a_token_without_life_is_not_kept() {
    for expires_in in [json!(0), json!(-5)] {
        let (tokens, target) = (counting(expires_in).await, always(204).await);
        let auth = client(&tokens, "/token", by_form);
        let session = session(&target, &auth, &Rotating::new(&["s"]));
        ask(&session).await.unwrap();
        ask(&session).await.unwrap();
        assert_eq!(authorizations(&target), ["Bearer t1", "Bearer t2"]);
    }
}

#[tokio::test]
async fn many_at_once_wait_for_one_token() {
    let (tokens, target) = (counting(json!(3600)).await, always(204).await);
    let secrets = Rotating::new(&["s"]);
    let auth = client(&tokens, "/token", by_form);
    let session = session(&target, &auth, &secrets);
    let answers = futures::future::join_all((0..20).map(|_| ask(&session))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((tokens.seen().len(), target.seen().len()), (1, 20));
    assert_eq!(secrets.fetched(), 1);
}

#[tokio::test]
async fn many_refused_at_once_renew_one_token() {
    let tokens = counting(json!(3600)).await;
    let target = Script::answering(|seen| {
        Turn::status(if seen.header("authorization") == Some("Bearer t2") {
            204
        } else {
            401
        })
    })
    .await;
    let auth = client(&tokens, "/token", by_form);
    let session = Arc::new(session(&target, &auth, &Rotating::new(&["s"])));
    let answers = futures::future::join_all((0..20).map(|_| ask(&session))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(tokens.seen().len(), 2);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_halts() {
    let (tokens, target) = (counting(json!(3600)).await, always(401).await);
    let auth = client(&tokens, "/token", by_form);
    let session = session(&target, &auth, &Rotating::new(&["s"]));
    assert_eq!(
        failure(&session).await,
        "halt: the target refuses a fresh token of the client `app 1` (401); check that its \
         `scope` and `token_url` are those of the target"
    );
    assert_eq!(authorizations(&target), ["Bearer t1", "Bearer t2"]);
}

#[tokio::test]
async fn the_previous_secret_serves_while_the_endpoint_does_not_know_the_current_one() {
    let tokens = Script::answering(|seen| {
        if form(seen)["client_secret"] == "old" {
            issued("t1", &json!(3600))
        } else {
            Turn::body(401, r#"{"error":"invalid_client"}"#)
        }
    })
    .await;
    let target = always(204).await;
    let auth = client(&tokens, "/token", by_form);
    let session = session(&target, &auth, &Rotating::new(&["new", "old", "older"]));
    ask(&session).await.unwrap();
    let used: Vec<_> = tokens
        .seen()
        .iter()
        .map(|s| form(s)["client_secret"].clone())
        .collect();
    assert_eq!(used, ["new", "old"]);
}

#[tokio::test]
async fn a_secret_that_is_renewed_meanwhile_is_taken_up() {
    // The old secret's tokens die with it: the target refuses them, and the endpoint the secret.
    let tokens = Script::answering(|seen| {
        let secret = form(seen)["client_secret"].clone();
        issued(&format!("of-{secret}"), &json!(3600))
    })
    .await;
    let target = Script::answering(|seen| {
        let fresh = seen.header("authorization") == Some("Bearer of-new");
        Turn::status(if fresh { 204 } else { 401 })
    })
    .await;
    let secrets = Rotating::new(&["old"]);
    let auth = client(&tokens, "/token", by_form);
    let session = session(&target, &auth, &secrets);
    failure(&session).await;
    secrets.set(&["new", "old"]);
    ask(&session).await.unwrap();
    assert_eq!(authorizations(&target).last().unwrap(), "Bearer of-new");
}

#[tokio::test]
async fn a_forgotten_token_is_asked_for_again() {
    let (tokens, target) = (counting(json!(3600)).await, always(204).await);
    let auth = client(&tokens, "/token", by_form);
    let session = session(&target, &auth, &Rotating::new(&["s"]));
    ask(&session).await.unwrap();
    session.credentials().forget().await;
    ask(&session).await.unwrap();
    assert_eq!(authorizations(&target), ["Bearer t1", "Bearer t2"]);
}

#[tokio::test]
async fn a_secret_that_is_remembered_is_read_anew_once_the_endpoint_takes_neither_version() {
    let tokens = Script::answering(|seen| match form(seen)["client_secret"].as_str() {
        "new" => issued("t1", &json!(3600)),
        _ => Turn::body(401, r#"{"error":"invalid_client"}"#),
    })
    .await;
    let target = always(204).await;
    let auth = client(&tokens, "/token", by_form);
    let secrets = Rotating::remembering(&["old", "oldest"]);
    let session = session(&target, &auth, &secrets);
    secrets.set(&["new", "old"]);
    assert_eq!(ask(&session).await.unwrap().status, 204);
    let asked: Vec<String> = tokens
        .seen()
        .iter()
        .map(|seen| form(seen)["client_secret"].clone())
        .collect();
    assert_eq!(asked, ["old", "oldest", "new"], "none twice");
    secrets.set(&["newest"]);
    session.credentials().forget().await;
    assert_eq!(
        ask(&session).await.unwrap().status,
        204,
        "it is still taken"
    );
}
