//! Secrets that go to the target as they are.

use domain::profile::Auth;
use proptest::prelude::*;
use target_http::Session;

use super::{Rotating, ask, authorizations, bearer, clock, failure, session};
use crate::support::{Script, Turn};
use std::sync::{Arc, Mutex};

fn basic(user: &str) -> Auth {
    Auth::Basic {
        user: user.into(),
        secret: "wiki-secret".into(),
    }
}

fn header(name: &str) -> Auth {
    Auth::Header {
        header: name.into(),
        secret: "wiki-secret".into(),
    }
}

#[tokio::test]
async fn every_form_has_its_header() {
    for (auth, secret, name, value) in [
        (bearer(), "t0ken", "authorization", "Bearer t0ken"),
        // The example of RFC 7617 section 2.
        (
            basic("Aladdin"),
            "open sesame",
            "authorization",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        (header("x-api-key"), "k3y", "x-api-key", "k3y"),
        (
            header("authorization"),
            "SSWS k3y",
            "authorization",
            "SSWS k3y",
        ),
    ] {
        let script = Script::start([Turn::status(204)]).await;
        let session = session(&script, &auth, &Rotating::new(&[secret]));
        ask(&session).await.unwrap();
        let seen = script.seen();
        assert_eq!(seen[0].header(name), Some(value));
        let all: Vec<_> = seen[0].headers.iter().filter(|(_, v)| v == value).collect();
        assert_eq!(all.len(), 1);
    }
}

#[tokio::test]
async fn what_cannot_be_a_header_is_refused_when_it_is_configured() {
    let script = Script::start([]).await;
    for auth in [
        basic(""),
        basic("a:b"),
        basic("a\nb"),
        header(""),
        header("x api key"),
        header("host"),
        header("Content-Type"),
    ] {
        let config = crate::here(script.base());
        let made = Session::new(&config, &auth, Rotating::new(&["x"]), Arc::new(clock()));
        assert!(made.is_err(), "{auth:?}");
    }
}

#[tokio::test]
async fn a_secret_that_no_header_can_carry_halts_before_anything_is_sent() {
    let script = Script::start([]).await;
    let session = session(&script, &bearer(), &Rotating::new(&["t0ken\r\nx-evil: 1"]));
    let text = failure(&session).await;
    assert_eq!(
        text,
        "halt: the secret `wiki-secret` has characters that no header can carry; store it \
         without line breaks"
    );
    assert!(script.seen().is_empty());
}

#[tokio::test]
async fn two_refused_versions_halt_and_say_what_to_renew() {
    for (auth, says) in [
        (
            bearer(),
            "halt: the target refuses the token (401); renew the secret `wiki-secret`",
        ),
        (
            basic("svc"),
            "halt: the target refuses the user `svc` with its password (401); renew the secret \
             `wiki-secret`",
        ),
        (
            header("x-api-key"),
            "halt: the target refuses the key in the header `x-api-key` (401); renew the secret \
             `wiki-secret`",
        ),
    ] {
        let script = Script::start([401, 401].map(Turn::status)).await;
        let session = session(&script, &auth, &Rotating::new(&["new", "old"]));
        assert_eq!(failure(&session).await, says);
        assert_eq!((script.seen().len(), script.left()), (2, 0));
    }
}

#[tokio::test]
async fn one_refused_version_is_not_tried_twice() {
    let script = Script::start([401].map(Turn::status)).await;
    let session = session(&script, &bearer(), &Rotating::new(&["only"]));
    failure(&session).await;
    assert_eq!(script.seen().len(), 1);
}

/// A target that takes some tokens, and who asks it.
struct Run {
    takes: Arc<Mutex<Vec<&'static str>>>,
    secrets: Arc<Rotating>,
    script: Script,
    session: Session<Rotating>,
}

impl Run {
    async fn new() -> Self {
        let takes = Arc::new(Mutex::new(vec!["old"]));
        let script = Script::answering({
            let takes = takes.clone();
            move |seen| {
                let token = seen.header("authorization").unwrap();
                let token = token.strip_prefix("Bearer ").unwrap();
                Turn::status(if takes.lock().unwrap().contains(&token) {
                    204
                } else {
                    401
                })
            }
        })
        .await;
        let secrets = Rotating::new(&["old"]);
        let session = session(&script, &bearer(), &secrets);
        Self {
            takes,
            secrets,
            script,
            session,
        }
    }
}

/// A rotation has four events: the store gets the new version beside the old one, the target
/// takes both, the target takes the new one only, the store drops the old one.
const STEPS: usize = 6;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_rotation_at_any_step_of_a_run_costs_no_request(
        stored in 0..STEPS, both in 0..STEPS, only in 0..STEPS, dropped in 0..STEPS,
        overlap in any::<bool>(),
    ) {
        // The order that rotations have: the new version is stored before the old one dies, and
        // the old one is dropped after that.
        prop_assume!(stored <= only && only <= dropped && both <= only);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let run = Run::new().await;
            for step in 0..=STEPS {
                if step == stored {
                    run.secrets.set(&["new", "old"]);
                }
                if step == both && overlap {
                    *run.takes.lock().unwrap() = vec!["old", "new"];
                }
                if step == only {
                    *run.takes.lock().unwrap() = vec!["new"];
                }
                if step == dropped {
                    run.secrets.set(&["new"]);
                }
                let answer = ask(&run.session).await.unwrap();
                assert_eq!(answer.status, 204, "step {step}");
            }
            // Two refusals at most: the new version too early, the old one too late.
            let sent = run.script.seen().len();
            assert!(sent <= STEPS + 1 + 2, "{sent} requests");
            assert_eq!(authorizations(&run.script).last().unwrap(), "Bearer new");
        });
    }
}

#[tokio::test]
async fn a_secret_is_fetched_once_by_many_at_once() {
    let run = Run::new().await;
    let answers = futures::future::join_all((0..20).map(|_| ask(&run.session))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(run.secrets.fetched(), 1);
}

/// Both versions that are remembered are out of date by now.
#[tokio::test]
async fn a_secret_that_is_remembered_is_read_anew_after_a_refusal() {
    let target = Script::answering(|seen| {
        let new = seen.header("authorization") == Some("Bearer new");
        Turn::status(if new { 204 } else { 401 })
    })
    .await;
    let secrets = Rotating::remembering(&["old", "oldest"]);
    let session = session(&target, &bearer(), &secrets);
    secrets.set(&["new", "old"]);
    assert_eq!(ask(&session).await.unwrap().status, 204);
    assert_eq!(authorizations(&target), ["Bearer old", "Bearer new"]);
}
