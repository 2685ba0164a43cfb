//! What the token endpoint's refusals mean.

use std::sync::Arc;

use domain::profile::{Auth, ClientCredentials};
use serde_json::json;
use target_http::Session;

use super::{Rotating, by_form, client, clock, failure, session};
use crate::support::{Script, Turn};

/// What an operator reads where the endpoint answers like this.
async fn says(turn: Turn) -> String {
    let (tokens, target) = (Script::start([turn]).await, Script::start([]).await);
    let auth = client(&tokens, "/token", by_form);
    let session = session(&target, &auth, &Rotating::new(&["s"]));
    let text = failure(&session).await;
    assert!(target.seen().is_empty(), "the target was asked: {text}");
    text
}

#[tokio::test]
async fn microsoft_s_codes_say_what_to_renew() {
    for (code, error, status, want) in [
        (
            7_000_215,
            "invalid_client",
            401,
            "halt: the token endpoint says that the secret of the client `app 1` is wrong \
             (AADSTS7000215); put the secret's value, not its id, into `wiki-secret`",
        ),
        (
            7_000_222,
            "invalid_client",
            401,
            "halt: the token endpoint says that the secret of the client `app 1` has expired \
             (AADSTS7000222); make a new one and put it into `wiki-secret`",
        ),
        (
            700_027,
            "invalid_client",
            401,
            "halt: the token endpoint does not know the certificate of the client `app 1`, or it \
             has expired (AADSTS700027); upload the certificate of `wiki-secret` to the app \
             registration",
        ),
        (
            700_016,
            "unauthorized_client",
            400,
            "halt: the token endpoint does not know the client `app 1` in this tenant \
             (AADSTS700016); correct `client_id`, or the tenant in `token_url`",
        ),
        (
            90_002,
            "invalid_request",
            400,
            "halt: the token endpoint does not know the tenant (AADSTS90002); correct the tenant \
             in `token_url`",
        ),
        (
            53_003,
            "access_denied",
            400,
            "halt: the token endpoint refuses the client `app 1` (AADSTS53003); look the code up \
             and correct the app registration",
        ),
    ] {
        let text = format!("AADSTS{code}: canary. Trace ID: x");
        let with_codes = json!({"error": error, "error_description": text, "error_codes": [code]});
        let without = json!({"error": error, "error_description": text});
        for body in [with_codes, without] {
            assert_eq!(says(Turn::body(status, body.to_string())).await, want);
        }
    }
}

#[tokio::test]
async fn standard_errors_halt_and_say_what_to_correct() {
    for (error, status, want) in [
        ("invalid_client", 401, "renew the secret `wiki-secret`"),
        ("invalid_client", 400, "renew the secret `wiki-secret`"),
        ("invalid_scope", 400, "correct `scope`"),
        ("unauthorized_client", 400, "allow the client `app 1`"),
        ("unsupported_grant_type", 400, "credentials grant"),
        ("invalid_request", 400, "400 invalid_request"),
        ("canary", 400, "answers 400; check `token_url`"),
        ("canary", 401, "renew the secret `wiki-secret`"),
        ("canary", 403, "answers 403"),
        ("canary", 404, "answers 404"),
    ] {
        let body = json!({"error": error, "error_description": "canary"});
        let text = says(Turn::body(status, body.to_string())).await;
        assert!(text.starts_with("halt: "), "{text}");
        assert!(text.contains(want), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
    let text = says(Turn::body(401, "<html>canary</html>")).await;
    assert!(text.contains("renew the secret"), "{text}");
    let redirect = Turn::status(302).header("location", "https://evil.example/");
    assert_eq!(
        says(redirect).await,
        "halt: the token endpoint redirects (302); correct `token_url`"
    );
}

#[tokio::test]
async fn what_passes_is_tried_again_later() {
    for (turn, want) in [
        (
            Turn::status(429).header("retry-after", "7"),
            "retry: the token endpoint is throttling (429)",
        ),
        (
            Turn::status(503),
            "retry: the token endpoint is out of order (503)",
        ),
        (
            Turn::body(400, r#"{"error":"temporarily_unavailable"}"#),
            "retry: the token endpoint is out of order for now",
        ),
        (
            Turn::Drop,
            "retry: the token endpoint: answer lost: the connection broke",
        ),
    ] {
        assert_eq!(says(turn).await, want);
    }
}

#[tokio::test]
async fn the_wait_that_the_endpoint_names_is_passed_on() {
    let turn = Turn::status(429).header("retry-after", "7");
    let (tokens, target) = (Script::start([turn]).await, Script::start([]).await);
    let auth = client(&tokens, "/token", by_form);
    let session = session(&target, &auth, &Rotating::new(&["s"]));
    let error = super::ask(&session).await.unwrap_err();
    let fault = error
        .into_target_error(target_http::Effect::Read)
        .into_fault();
    let after = Some(std::time::Duration::from_secs(7));
    assert!(matches!(fault, ports::Fault::Retry { after: a, .. } if a == after));
}

#[tokio::test]
async fn an_answer_that_is_no_token_halts() {
    for (body, want) in [
        ("{}".to_owned(), "holds no `access_token`"),
        ("<html>".to_owned(), "holds no `access_token`"),
        (
            r#"{"access_token":"t","token_type":"mac"}"#.to_owned(),
            "not of the type Bearer",
        ),
        (
            format!(r#"{{"access_token":"{}"}}"#, "x".repeat(70_000)),
            "larger than 65536 bytes; check `token_url`",
        ),
        (
            r#"{"access_token":"a\nb"}"#.to_owned(),
            "has characters that no header can carry",
        ),
    ] {
        let text = says(Turn::body(200, body)).await;
        assert!(text.starts_with("halt: ") && text.contains(want), "{text}");
    }
}

#[tokio::test]
async fn a_token_url_has_the_guard_of_every_target() {
    let target = Script::start([]).await;
    for url in [
        "http://login.example.com/token",
        "https://169.254.169.254/token",
        "https://user:pw@login.example.com/token",
        "nonsense",
    ] {
        let auth = Auth::Client(ClientCredentials {
            token_url: url.into(),
            client_id: "app 1".into(),
            scope: None,
            proof: by_form("wiki-secret".into()),
        });
        let config = crate::here(target.base());
        let made = Session::new(&config, &auth, Rotating::new(&["s"]), Arc::new(clock()));
        let text = made.unwrap_err().to_string();
        assert!(text.starts_with("`token_url`: "), "{text}");
    }
}
