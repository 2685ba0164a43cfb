//! Who asks: every form on the wire, secrets that are renewed, tokens that end.

mod fixed;
mod oauth;
mod refusals;
mod secrecy;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::profile::{Auth, ClientCredentials, ClientProof};
use ports::model::ManualClock;
use ports::secrets::Secret;
use ports::{Fault, Secrets};
use target_http::{Answer, Effect, Method, Request, SendError, Session, To};

use crate::support::Script;

/// A secret store whose versions change.
#[derive(Default)]
pub struct Rotating {
    versions: Mutex<Vec<String>>,
    /// What `get` answers from, where it remembers.
    kept: Mutex<Option<Vec<String>>>,
    fetched: AtomicUsize,
}

impl Rotating {
    pub fn new(versions: &[&str]) -> Arc<Self> {
        let rotating = Self::default();
        rotating.set(versions);
        Arc::new(rotating)
    }

    /// Secrets that were read before: they change when they are read anew only.
    pub fn remembering(versions: &[&str]) -> Arc<Self> {
        let rotating = Self::new(versions);
        *rotating.kept.lock().unwrap() = Some(rotating.versions.lock().unwrap().clone());
        rotating
    }

    pub fn set(&self, versions: &[&str]) {
        *self.versions.lock().unwrap() = versions.iter().map(ToString::to_string).collect();
    }

    pub fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}

impl Secrets for Rotating {
    async fn get(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        assert_eq!(name, "wiki-secret");
        self.fetched.fetch_add(1, Ordering::SeqCst);
        // Others come in between, as they do where secrets are a call away.
        tokio::task::yield_now().await;
        let kept = self.kept.lock().unwrap().clone();
        let versions = kept.unwrap_or_else(|| self.versions.lock().unwrap().clone());
        Ok(versions.iter().map(Secret::new).collect())
    }

    async fn renew(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        if let Some(kept) = self.kept.lock().unwrap().as_mut() {
            *kept = self.versions.lock().unwrap().clone();
        }
        self.get(name).await
    }
}

pub fn bearer() -> Auth {
    Auth::Bearer {
        secret: "wiki-secret".into(),
    }
}

/// A client that proves itself to the token endpoint of that script.
pub fn client(tokens: &Script, path: &str, proof: fn(Box<str>) -> ClientProof) -> Auth {
    Auth::Client(ClientCredentials {
        token_url: format!("{}{path}", tokens.base()).into(),
        client_id: "app 1".into(),
        scope: Some("https://wiki.example.com/.default".into()),
        proof: proof("wiki-secret".into()),
    })
}

pub fn by_form(secret: Box<str>) -> ClientProof {
    ClientProof::Form { secret }
}

pub fn clock() -> ManualClock {
    ManualClock::new("2026-03-01T00:00:00Z".parse().unwrap())
}

pub fn session(target: &Script, auth: &Auth, secrets: &Arc<Rotating>) -> Session<Rotating> {
    timed(target, auth, secrets, &clock())
}

pub fn timed(
    target: &Script,
    auth: &Auth,
    secrets: &Arc<Rotating>,
    clock: &ManualClock,
) -> Session<Rotating> {
    let config = crate::here(target.base());
    Session::new(&config, auth, secrets.clone(), Arc::new(clock.clone())).unwrap()
}

pub async fn ask(session: &Session<Rotating>) -> Result<Answer, SendError> {
    let to = To::Path {
        path: "/Users",
        query: None,
    };
    session.send(&Request::new(Method::Get, to, "/Users")).await
}

/// What an operator reads of a request that failed.
pub async fn failure(session: &Session<Rotating>) -> String {
    let error = ask(session).await.unwrap_err();
    error
        .into_target_error(Effect::Write)
        .into_fault()
        .to_string()
}

/// The `Authorization` headers that a server saw.
pub fn authorizations(script: &Script) -> Vec<String> {
    let value = |seen: &crate::support::Seen| seen.header("authorization").unwrap().to_owned();
    script.seen().iter().map(value).collect()
}
