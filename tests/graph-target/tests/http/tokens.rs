//! The token endpoint.

use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use graph_target::{Fault, FaultKind, Options, Refusal};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::harness::{Answer, Fixture, encoded};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn form(options: &Options) -> Vec<(&'static str, String)> {
    vec![
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", options.client_id.clone()),
        ("client_secret", options.client_secret.clone()),
        ("scope", "https://graph.microsoft.com/.default".to_owned()),
    ]
}

async fn ask(fixture: &Fixture, form: &[(&'static str, String)]) -> Answer {
    let body: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    let request = fixture
        .http
        .post(fixture.target.token_url())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.join("&"));
    fixture.send(request).await
}

async fn list(fixture: &Fixture, token: &str) -> u16 {
    let url = format!("{}/users", fixture.target.base_url());
    fixture
        .send(fixture.http.get(url).bearer_auth(token))
        .await
        .status
        .as_u16()
}

fn token(answer: &Answer) -> String {
    answer.json["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_secret_buys_a_token_that_expires() {
    let options = Options {
        token_lifetime: 5,
        ..Options::default()
    };
    let fixture = Fixture::with(options.clone()).await;
    let answer = ask(&fixture, &form(&options)).await.is(200);
    assert_eq!(answer.json["token_type"], "Bearer");
    assert_eq!(answer.json["expires_in"], 5);
    let first = token(&answer);
    assert_eq!(list(&fixture, &first).await, 200);
    fixture
        .target
        .set_time(fixture.target.time() + Duration::from_secs(5));
    assert_eq!(list(&fixture, &first).await, 401);
    let second = token(&ask(&fixture, &form(&options)).await);
    assert_ne!(first, second);
    assert_eq!(list(&fixture, &second).await, 200);
    fixture.target.void_tokens();
    assert_eq!(list(&fixture, &second).await, 401);
    assert_eq!(list(&fixture, fixture.target.token()).await, 200);
    assert_eq!(fixture.refused(Refusal::BadToken), 2);
    assert_eq!(fixture.target.calls().of("POST", "/oauth2/v2.0/token"), 2);
}

#[tokio::test]
async fn a_token_keeps_the_permissions_of_its_birth() {
    let options = Options::default();
    let fixture = Fixture::with(Options {
        permissions: [].into(),
        ..options.clone()
    })
    .await;
    let old = token(&ask(&fixture, &form(&options)).await);
    fixture.target.consent("User.Read.All");
    assert_eq!(list(&fixture, &old).await, 403);
    let new = token(&ask(&fixture, &form(&options)).await);
    assert_eq!(list(&fixture, &new).await, 200);
    fixture.target.withdraw("User.Read.All");
    assert_eq!(list(&fixture, &new).await, 200);
}

#[tokio::test]
async fn what_is_wrong_has_a_number() {
    let options = Options {
        expired_secrets: vec!["old".to_owned()],
        ..Options::default()
    };
    let fixture = Fixture::with(options.clone()).await;
    for (name, value, status, error, number) in [
        ("client_secret", "wrong", 401, "invalid_client", 7_000_215),
        ("client_secret", "old", 401, "invalid_client", 7_000_222),
        ("client_secret", "", 401, "invalid_client", 7_000_215),
        ("client_id", "other", 400, "unauthorized_client", 700_016),
        ("client_id", "", 400, "invalid_request", 900_144),
        (
            "grant_type",
            "password",
            400,
            "unsupported_grant_type",
            70_003,
        ),
        (
            "scope",
            "https://graph.microsoft.com/User.Read.All",
            400,
            "invalid_scope",
            1_002_012,
        ),
        (
            "scope",
            "https://graph.microsoft.com//.default",
            400,
            "invalid_resource",
            500_011,
        ),
        (
            "scope",
            "https://example.com/.default",
            400,
            "invalid_resource",
            500_011,
        ),
    ] {
        let mut form = form(&options);
        for field in &mut form {
            if field.0 == name {
                value.clone_into(&mut field.1);
            }
        }
        let refused = ask(&fixture, &form).await.is(status);
        assert_eq!(refused.json["error"], error, "{name}={value}");
        assert_eq!(refused.json["error_codes"], json!([number]));
        let text = refused.json["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{number}: ")), "{text}");
    }
    assert_eq!(fixture.refused(Refusal::TokenRefused), 9);
    let elsewhere = fixture.target.token_url().replace(&options.tenant, "other");
    let request = fixture.http.post(elsewhere);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let refused = fixture
        .send(request.body("grant_type=client_credentials"))
        .await
        .is(400);
    assert_eq!(refused.json["error_codes"], json!([90_002]));
    let request = fixture.http.post(fixture.target.token_url()).body("{}");
    fixture.send(request).await.is(400);
    let request = fixture.http.get(fixture.target.token_url());
    fixture.send(request).await.is(404);
}

#[tokio::test]
async fn faults_meet_the_endpoint_only_when_named() {
    let fixture = Fixture::new().await;
    let options = Options::default();
    fixture.fault(Fault::Status { code: 503 });
    ask(&fixture, &form(&options)).await.is(200);
    assert_eq!(fixture.fired(FaultKind::Status), 0);
    fixture.target.faults().clear();
    fixture.fault(Fault::Status { code: 503 }.once().path("/oauth2"));
    ask(&fixture, &form(&options)).await.is(503);
    fixture.fault(
        Fault::Throttled {
            retry_after: Some(7),
        }
        .once()
        .path("/oauth2"),
    );
    let throttled = ask(&fixture, &form(&options)).await.is(429);
    assert_eq!(throttled.header("retry-after"), "7");
    fixture.fault(
        Fault::TokenRefused { number: 7_000_222 }
            .once()
            .path("/oauth2"),
    );
    let refused = ask(&fixture, &form(&options)).await.is(401);
    assert_eq!(refused.json["error_codes"], json!([7_000_222]));
    fixture.fault(Fault::TokenLifetime { seconds: 5 }.once().path("/oauth2"));
    let short = ask(&fixture, &form(&options)).await.is(200);
    assert_eq!(short.json["expires_in"], 5);
    for kind in [
        FaultKind::Status,
        FaultKind::Throttled,
        FaultKind::TokenRefused,
        FaultKind::TokenLifetime,
    ] {
        assert_eq!(fixture.fired(kind), 1, "{kind:?}");
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<String> = text
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// A private key for signing, and the public one in PEM.
fn keys() -> (EncodingKey, String) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private = pem("PRIVATE KEY", pair.as_der().unwrap().as_ref());
    let public = pem("RSA PUBLIC KEY", pair.public_key().as_ref());
    (
        EncodingKey::from_rsa_pem(private.as_bytes()).unwrap(),
        public,
    )
}

#[tokio::test]
async fn an_assertion_is_checked_in_every_part() {
    let (key, certificate) = keys();
    let (other_key, _) = keys();
    let options = Options {
        certificate: Some(certificate),
        thumbprint: Some("print".to_owned()),
        ..Options::default()
    };
    let fixture = Fixture::with(options.clone()).await;
    let now = fixture.target.time().as_second();
    let claims = |change: (&str, Value)| {
        let mut claims = json!({
            "aud": fixture.target.token_url(), "iss": options.client_id, "sub": options.client_id,
            "exp": now + 600, "nbf": now, "jti": "1",
        });
        claims[change.0] = change.1;
        claims
    };
    let good = ("jti", json!("1"));
    let header = |algorithm, print: Option<&str>| {
        let mut header = Header::new(algorithm);
        header.x5t_s256 = print.map(str::to_owned);
        header
    };
    let rs = || header(Algorithm::RS256, Some("print"));
    let hs = EncodingKey::from_secret(b"secret");
    let public = format!(
        "https://login.microsoftonline.com/{}/oauth2/v2.0/token",
        options.tenant
    );
    for (header, key, change, number) in [
        (rs(), &key, good.clone(), 0),
        (
            header(Algorithm::PS256, Some("print")),
            &key,
            good.clone(),
            0,
        ),
        (rs(), &key, ("aud", json!(public)), 0),
        (rs(), &other_key, good.clone(), 700_027),
        (
            header(Algorithm::HS256, Some("print")),
            &hs,
            good.clone(),
            700_027,
        ),
        (header(Algorithm::RS256, None), &key, good.clone(), 700_027),
        (
            header(Algorithm::RS256, Some("other")),
            &key,
            good.clone(),
            700_027,
        ),
        (rs(), &key, ("aud", json!("https://example.com")), 700_023),
        (rs(), &key, ("iss", json!("other")), 700_021),
        (rs(), &key, ("sub", Value::Null), 700_021),
        (rs(), &key, ("exp", json!(now - 301)), 700_024),
        (rs(), &key, ("exp", json!(now + 25 * 3600)), 700_024),
        (rs(), &key, ("exp", Value::Null), 700_024),
        (rs(), &key, ("nbf", json!(now + 301)), 700_024),
        (rs(), &key, ("jti", Value::Null), 50_027),
    ] {
        let claims = claims(change);
        let assertion = encode(&header, &claims, key).unwrap();
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", options.client_id.clone()),
            ("client_assertion_type", ASSERTION.to_owned()),
            ("client_assertion", assertion),
            ("scope", "https://graph.microsoft.com/.default".to_owned()),
        ];
        let answer = ask(&fixture, &form).await;
        if number == 0 {
            assert_eq!(list(&fixture, &token(&answer)).await, 200, "{claims}");
        } else {
            assert_eq!(
                answer.json["error_codes"],
                json!([number]),
                "{header:?} {claims}"
            );
        }
    }
}
