//! Secrets and tokens are in no log, error or `Debug`.

use std::error::Error;

use domain::profile::{Auth, ClientProof};
use serde_json::json;

use super::{Rotating, ask, bearer, by_form, client, session};
use crate::log::Log;
use crate::support::{Script, Turn};

/// Two requests of which the second fails, and everything that anybody could read of them.
async fn trace(auth: &Auth, target: &Script, secret: &str) -> String {
    let log = Log::of_all();
    let session = session(target, auth, &Rotating::new(&[secret]));
    let answer = ask(&session).await;
    let error = ask(&session).await.unwrap_err();
    let proof = session.credentials().current().await;
    let mut text = format!(
        "{answer:?} {session:?} {:?} {proof:?}",
        session.credentials()
    );
    let mut cause: Option<&dyn Error> = Some(&error);
    while let Some(error) = cause {
        text.extend([error.to_string(), format!("{error:?}")]);
        cause = error.source();
    }
    text + &log.text()
}

#[tokio::test]
async fn nothing_prints_a_secret_or_a_token() {
    let issued = json!({"access_token": "canary-token", "expires_in": 3600}).to_string();
    let refused = json!({"error": "invalid_client", "error_description": "canary-quote"});
    for proof in [by_form, |secret| ClientProof::Basic { secret }] {
        let tokens = Script::start([
            Turn::body(200, issued.clone()),
            Turn::body(401, refused.to_string()),
        ])
        .await;
        let target = Script::start([204, 401].map(Turn::status)).await;
        let auth = client(&tokens, "/token", proof);
        let text = trace(&auth, &target, "canary-secret").await;
        assert_eq!((tokens.left(), target.left()), (0, 0));
        assert!(text.contains("invalid_client"), "{text}");
        assert!(text.contains("{token_url}"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
    for auth in [
        bearer(),
        Auth::Basic {
            user: "svc".into(),
            secret: "wiki-secret".into(),
        },
        Auth::Header {
            header: "x-api-key".into(),
            secret: "wiki-secret".into(),
        },
    ] {
        let target = Script::start([204, 401].map(Turn::status)).await;
        let text = trace(&auth, &target, "canary-secret").await;
        assert!(text.contains("renew the secret"), "{text}");
        // Base64 of `svc:canary-secret` begins like this, too.
        for word in ["canary", "c3ZjOmNhbmFye"] {
            assert!(!text.contains(word), "{text}");
        }
    }
}
