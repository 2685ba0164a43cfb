//! What is measured under the Runtime API: our functions, and peers in other languages.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use tokio::process::Command;

use super::stack::{Stack, TARGETS};
use crate::ministack::REGION;
use crate::runtime_api::{Binary, Function, Profile, lean_function};
use crate::third_party::ThirdParty;
use crate::world::Says;

/// A process that takes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One of ours, as it is deployed.
    Ours(Binary),
    /// The least that a function can be: one write to the table and one request to a queue an event,
    /// without the SDK.
    Lean,
    /// The planner's shape in boto3, under AWS's runtime client.
    Python,
    /// The planner's shape in the AWS SDK for JavaScript.
    Node,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(binary) => binary.fmt(f),
            Self::Lean => f.write_str("lean"),
            Self::Python => f.write_str("boto3"),
            Self::Node => f.write_str("Node"),
        }
    }
}

impl Subject {
    /// Starts it in a stack, with the same server behind it as all others.
    pub async fn start(self, stack: &Stack) -> Function {
        let target = match self {
            Self::Ours(Binary::Connector) => Some(TARGETS[0]),
            Self::Ours(_) | Self::Lean | Self::Python | Self::Node => None,
        };
        let environment = stack.environment(target);
        let started = match self {
            Self::Ours(binary) => {
                Function::start_built(binary, Profile::Release, &environment).await
            }
            Self::Lean => {
                Function::start_command(Command::new(lean_function()), &environment).await
            }
            Self::Python => peer(ThirdParty::LambdaPython, environment).await,
            Self::Node => peer(ThirdParty::LambdaNode, environment).await,
        };
        started.unwrap_or_else(|refused| panic!("`{self}`: {refused:?}"))
    }
}

async fn peer(
    of: ThirdParty,
    mut environment: BTreeMap<&str, String>,
) -> Result<Function, Box<crate::runtime_api::Refused>> {
    let (folder, words) = of.peer().await.unwrap_or_else(|error| panic!("{error}"));
    if let Some(certificate) = environment.get("SSL_CERT_FILE").cloned() {
        environment.insert("AWS_CA_BUNDLE", certificate.clone());
        environment.insert("NODE_EXTRA_CA_CERTS", certificate);
    }
    // Lambda sets both.
    environment.insert("AWS_DEFAULT_REGION", REGION.to_owned());
    environment.insert("TARGETS", TARGETS.join(","));
    environment.insert("LAMBDA_TASK_ROOT", folder.display().to_string());
    environment.insert("PYTHONPATH", folder.display().to_string());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(&folder);
    Function::start_command(command, &environment).await
}

/// Events that every round can be handed again, because nothing that they lead to is kept.
#[derive(Clone, Debug)]
pub struct Events {
    /// Ten people whose title changed, for the planner.
    pub facts: Value,
    /// Ten decisions, for a connector.
    pub decisions: Value,
}

impl Events {
    /// Twenty people, of whom ten wait for a decision and ten for their accounts; then nothing in
    /// the stack changes any more.
    pub async fn prepare(stack: &mut Stack) -> Self {
        let hire = |n: u32| {
            let names = (format!("Ana{n}"), format!("Sousa{n}"));
            let names = (names.0.as_str(), names.1.as_str());
            let hire = Says::hires(&format!("E{n:04}"), names, "Engineering", "2020-01-01");
            hire.that("title", "Engineer")
        };
        let lead = |n: u32| Says::about(&format!("E{n:04}")).that("title", "Lead");
        stack.hear((0..20).map(hire).collect()).await;
        for n in 10..20 {
            let post = stack.post(lead(n));
            stack.call("hr-webhook", post).await;
        }
        stack.drain("facts").await;
        let lane = format!("lane-{}", TARGETS[0]);
        let decisions = stack.receive(&lane).await.expect("decisions");
        for n in 0..10 {
            let post = stack.post(lead(n));
            stack.call("hr-webhook", post).await;
        }
        let facts = stack.receive("facts").await.expect("facts");
        stack.front().freeze();
        Self { facts, decisions }
    }

    /// The first message of an event alone.
    pub fn one(event: &Value) -> Value {
        json!({"Records": [event["Records"][0]]})
    }
}
