//! Secrets: the model, the embedded ones and Secrets Manager.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ports::embedded::StaticSecrets;
use ports::model::{ManualClock, ModelSecrets};
use ports::secrets::Secret;
use ports::{Fault, Secrets};
use secrets_manager::ManagedSecrets;
use serde_json::{Value, json};
use tests::ministack::Ministack;

use crate::{Random, sequences};

const TTL: Duration = Duration::from_mins(5);

/// What the service holds, and what was read of it last.
#[derive(Default)]
struct Told {
    /// Versions by secret, the current one first.
    live: BTreeMap<String, Vec<String>>,
    /// The same as it was when it was read, and when that was.
    read: BTreeMap<String, (Vec<String>, Timestamp)>,
}

impl Told {
    /// The versions that a caller has to be given.
    fn expect(&mut self, name: &str, age: Duration, now: Timestamp) -> Vec<String> {
        if let Some((versions, at)) = self.read.get(name)
            && now < *at + age
        {
            return versions.clone();
        }
        let versions = self.live.get(name).cloned().unwrap_or_default();
        if !versions.is_empty() {
            self.read.insert(name.to_owned(), (versions.clone(), now));
        }
        versions
    }
}

async fn manage(server: &Ministack, action: &str, input: Value) {
    let operation = format!("secretsmanager.{action}");
    server.call(&operation, &input).await.unwrap();
}

/// The answer in words that are the same for all.
fn said(answer: Result<Vec<Secret>, Fault>) -> Result<Vec<String>, &'static str> {
    match answer {
        Ok(versions) => Ok(versions.iter().map(|one| one.reveal().to_owned()).collect()),
        Err(fault) => Err(fault.error_type()),
    }
}

async fn sequence(server: &Ministack, seed: u64, length: usize) {
    let mut random = Random(seed);
    let prefix = format!("stack-{seed}/");
    let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
    let managed = ManagedSecrets::new(&server.aws(), &*prefix, TTL, Arc::new(clock.clone()));
    let mut told = Told::default();
    for step in 0..length {
        let name = ["wiki", "hr"][usize::from(random.percent(30))];
        let id = format!("{prefix}{name}");
        match random.below(100) {
            0..30 => {
                let value = format!("v{step}");
                if let Some(versions) = told.live.get_mut(name) {
                    let input = json!({"SecretId": id, "SecretString": value});
                    manage(server, "PutSecretValue", input).await;
                    versions.insert(0, value);
                    versions.truncate(2);
                } else {
                    let input = json!({"Name": id, "SecretString": value});
                    manage(server, "CreateSecret", input).await;
                    told.live.insert(name.to_owned(), vec![value]);
                }
            }
            30..35 => {
                if told.live.remove(name).is_some() {
                    let input = json!({"SecretId": id, "ForceDeleteWithoutRecovery": true});
                    manage(server, "DeleteSecret", input).await;
                }
            }
            35..55 => clock.advance(Duration::from_secs(5 + random.below(400))),
            _ => {
                let renews = random.percent(30);
                let age = if renews { Duration::from_secs(10) } else { TTL };
                let now = ports::Clock::now(&clock);
                let versions = told.expect(name, age, now);
                let model = ModelSecrets::new().with_versions(name, versions.clone());
                let live = versions.into_iter().map(Secret::new).collect();
                let embedded = StaticSecrets::from_iter([(name.to_owned(), live)]);
                let (want, fixed, have) = if renews {
                    let want = said(model.renew(name).await);
                    let fixed = said(embedded.renew(name).await);
                    (want, fixed, said(managed.renew(name).await))
                } else {
                    let want = said(model.get(name).await);
                    let fixed = said(embedded.get(name).await);
                    (want, fixed, said(managed.get(name).await))
                };
                assert_eq!(fixed, want, "seed {seed}, step {step}: embedded");
                assert_eq!(have, want, "seed {seed}, step {step}: Secrets Manager");
                // A failure is remembered for five seconds.
                if want.is_err() {
                    clock.advance(Duration::from_secs(5));
                }
            }
        }
    }
}

#[test]
fn a_thousand_sequences_give_the_answers_of_the_model_and_of_the_embedded_secrets() {
    sequences(async |server, seed| {
        let length = if seed % 40 < 2 { 40 } else { 8 };
        sequence(server, seed, length).await;
    });
}
