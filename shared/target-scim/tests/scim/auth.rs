//! Tokens that change while the target is used.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::Change;
use ports::secrets::Secret;
use ports::{Apply, Fault, Secrets};
use target_scim::ScimTarget;

use crate::fixture::{Midnight, config, id, line};
use crate::script::{Script, Turn};

/// A secret store whose versions change.
#[derive(Default)]
struct Rotating {
    versions: Mutex<Vec<&'static str>>,
    fetched: AtomicUsize,
}

impl Rotating {
    fn set(&self, versions: &[&'static str]) {
        *self.versions.lock().unwrap() = versions.to_vec();
    }
}

impl Secrets for Rotating {
    async fn get(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        assert_eq!(name, "wiki-token");
        self.fetched.fetch_add(1, Ordering::SeqCst);
        let versions = self.versions.lock().unwrap();
        if versions.is_empty() {
            return Err(Fault::halt("there is no secret `wiki-token`"));
        }
        Ok(versions.iter().map(|text| Secret::new(*text)).collect())
    }
}

struct Fixture {
    secrets: Arc<Rotating>,
    script: Script,
    target: ScimTarget<Rotating>,
}

async fn fixture(versions: &[&'static str], answers: &[u16]) -> Fixture {
    let secrets = Arc::new(Rotating::default());
    secrets.set(versions);
    let script = Script::start(answers.iter().map(|status| Turn::status(*status))).await;
    let config = config(script.base());
    let target = ScimTarget::new(config, secrets.clone(), Arc::new(Midnight)).unwrap();
    Fixture {
        secrets,
        script,
        target,
    }
}

impl Fixture {
    async fn disable(&self) -> Result<(), String> {
        let applied = self.target.apply(&Change::Disable, Some(&id("u"))).await;
        applied.map(drop).map_err(|error| line(&error))
    }

    fn used(&self) -> Vec<String> {
        let bearer = |seen: &crate::script::Seen| {
            let value = seen.header("authorization").unwrap();
            value.strip_prefix("Bearer ").unwrap().to_owned()
        };
        self.script.seen().iter().map(bearer).collect()
    }
}

const REFUSED: &str = "halt: the target refuses the token (401); renew the secret `wiki-token`";

#[tokio::test]
async fn a_token_is_fetched_once_while_it_works() {
    let fixture = fixture(&["new"], &[204, 204]).await;
    fixture.disable().await.unwrap();
    fixture.disable().await.unwrap();
    assert_eq!(fixture.used(), ["new", "new"]);
    assert_eq!(fixture.secrets.fetched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_renewed_token_is_taken_up_without_a_fault() {
    let fixture = fixture(&["old"], &[204, 401, 204, 204]).await;
    fixture.disable().await.unwrap();
    fixture.secrets.set(&["new", "old"]);
    fixture.disable().await.unwrap();
    fixture.disable().await.unwrap();
    assert_eq!(fixture.used(), ["old", "old", "new", "new"]);
    assert_eq!(fixture.script.left(), 0);
}

#[tokio::test]
async fn the_previous_token_serves_while_the_target_does_not_know_the_new_one() {
    let fixture = fixture(&["new", "old"], &[401, 204, 204]).await;
    fixture.disable().await.unwrap();
    fixture.disable().await.unwrap();
    assert_eq!(fixture.used(), ["new", "old", "old"]);
}

#[tokio::test]
async fn two_refused_tokens_halt_the_target() {
    let fixture = fixture(&["new", "old"], &[401, 401]).await;
    assert_eq!(fixture.disable().await.unwrap_err(), REFUSED);
    assert_eq!(fixture.used(), ["new", "old"]);
}

#[tokio::test]
async fn the_same_token_is_not_tried_twice() {
    let fixture = fixture(&["only"], &[401]).await;
    assert_eq!(fixture.disable().await.unwrap_err(), REFUSED);
    assert_eq!(fixture.used(), ["only"]);
    assert_eq!(fixture.secrets.fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_missing_secret_halts_before_anything_is_sent() {
    let fixture = fixture(&[], &[]).await;
    assert_eq!(
        fixture.disable().await.unwrap_err(),
        "halt: there is no secret `wiki-token`"
    );
    assert!(fixture.used().is_empty());
}
