//! The templates of `infra/`: expanded as the service would, and put up on an emulator of AWS with IAM enforced.
//!
//! The emulator is `ThirdParty::Aws`; Python scripts beside its pinned versions speak to it, so that no SDK of
//! CloudFormation has to be built. What is taken out of the templates for it, and what it cannot do, is in `docs/aws.md`.
//!
//! ```no_run
//! # async fn example(functions: tests::aws::Functions) -> Result<(), tests::aws::AwsError> {
//! let stack = tests::aws::Stack::deploy("lanyard", &functions, &[]).await?;
//! let (url, host) = stack.webhook("hr");
//! # Ok(())
//! # }
//! ```

pub mod template;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::runtime_api::{Binary, Profile};
use crate::third_party::{Running, ThirdParty, ThirdPartyError};

/// Where every stack is.
pub const REGION: &str = "eu-central-1";

/// A call or a deployment takes seconds; minutes are for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(2);

/// Why the templates could not be expanded, put up, or asked.
#[derive(Debug, Error)]
pub enum AwsError {
    /// The emulator is not there.
    #[error("the emulator is not there")]
    Emulator(#[from] ThirdPartyError),
    /// A script failed.
    #[error("`{script}` says: {output}")]
    Script {
        /// Which.
        script: String,
        /// The end of what it printed.
        output: String,
    },
}

/// The functions' binaries, each to be called `bootstrap` in a package of its own.
#[derive(Clone, Debug)]
pub struct Functions {
    /// `hr-webhook`.
    pub hr_webhook: PathBuf,
    /// `planner`.
    pub planner: PathBuf,
    /// `connector`, for every target and for the lane of terminations.
    pub connector: PathBuf,
    /// `clock`.
    pub clock: PathBuf,
    /// `reconciler`.
    pub reconciler: PathBuf,
}

impl Functions {
    /// The real ones, built as the tests are. The first time takes minutes.
    pub async fn built() -> Result<Self, AwsError> {
        let build = || {
            let path = |binary: Binary| binary.path(Profile::Dev);
            Self {
                hr_webhook: path(Binary::HrWebhook),
                planner: path(Binary::Planner),
                connector: path(Binary::Connector),
                clock: path(Binary::Clock),
                reconciler: path(Binary::Reconciler),
            }
        };
        let functions = tokio::task::spawn_blocking(build).await;
        functions.map_err(|e| failed("cargo build", &e))
    }

    /// The same program for all, to see what their roles may do.
    pub fn all(program: &Path) -> Self {
        Self {
            hr_webhook: program.to_owned(),
            planner: program.to_owned(),
            connector: program.to_owned(),
            clock: program.to_owned(),
            reconciler: program.to_owned(),
        }
    }
}

/// A target that is deployed beside the template's own, as `docs/aws.md` says.
#[derive(Clone, Debug)]
pub struct MoreTarget {
    /// Its name in policy.
    pub name: String,
    /// The name of its secret in policy, or a pattern; empty where people do the work by hand.
    pub secrets: String,
}

/// A deployed stack. Dropping it ends the emulator and every function.
#[derive(Debug)]
pub struct Stack {
    emulator: Running,
    caller: Mutex<Caller>,
    name: String,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Starts an emulator and deploys the template, with the target `directory` that it has, and more targets.
    pub async fn deploy(
        name: &str,
        functions: &Functions,
        more: &[MoreTarget],
    ) -> Result<Self, AwsError> {
        let python = ThirdParty::aws_python().await?;
        let emulator = ThirdParty::aws().await?;
        let targets: Vec<Value> = more
            .iter()
            .map(|target| json!({ "Target": target.name, "Secrets": target.secrets }))
            .collect();
        // The binaries are those of this machine; in the cloud they are built for Graviton.
        let architecture = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            other => other,
        };
        let wanted = json!({
            "endpoint": emulator.base_url(),
            "region": REGION,
            "stack": name,
            "expand": template::root().join("scripts/expand-template"),
            "infra": template::root().join("infra"),
            "functions": {
                "HrWebhook": functions.hr_webhook,
                "Planner": functions.planner,
                "Ending": functions.connector,
                "Connector": functions.connector,
                "Clock": functions.clock,
                "Reconciler": functions.reconciler,
            },
            "parameters": { "Architecture": architecture },
            "targets": targets,
        });
        let answer = run(&python, "deploy.py", &wanted).await?;
        let outputs = serde_json::from_value(answer).map_err(|e| failed("deploy.py", &e))?;
        let caller = Mutex::new(Caller::start(&python, emulator.base_url())?);
        Ok(Self {
            emulator,
            caller,
            name: name.to_owned(),
            outputs,
        })
    }

    /// Where AWS's services are, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        self.emulator.base_url()
    }

    /// The stack's name, with which the names of queues, functions and secrets begin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An output of the stack. Panics where there is none of that name.
    pub fn output(&self, key: &str) -> &str {
        self.outputs
            .get(key)
            .unwrap_or_else(|| panic!("the stack has no output `{key}`"))
    }

    /// Where posts of a source go: the address to connect to, and the `Host` by which the emulator knows the API.
    pub fn webhook(&self, source: &str) -> (String, String) {
        let url = self.output("WebhookUrl");
        let host = url.trim_start_matches("http://").split('/').next();
        (
            format!("{}/hr/{source}", self.endpoint()),
            host.unwrap_or_default().to_owned(),
        )
    }

    /// One call to a service as the account's root, named as in AWS's SDK for Python: `("sqs", "send_message", {...})`.
    pub async fn call(
        &self,
        service: &str,
        method: &str,
        arguments: Value,
    ) -> Result<Value, AwsError> {
        let wanted = json!({ "service": service, "method": method, "arguments": arguments });
        self.caller.lock().await.call(&wanted).await
    }

    /// Stores a secret as an operator would: `source/hr-signing`, `target/directory-token`.
    pub async fn put_secret(&self, name: &str, value: &str) -> Result<(), AwsError> {
        let name = format!("{}/{name}", self.name);
        let arguments = json!({ "Name": name, "SecretString": value });
        self.call("secretsmanager", "create_secret", arguments)
            .await?;
        Ok(())
    }

    /// Calls a function by the end of its name, such as `planner`, and answers what it answers.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, AwsError> {
        let arguments = json!({
            "FunctionName": format!("{}-{function}", self.name),
            "Payload": event.to_string(),
        });
        let answer = self.call("lambda", "invoke", arguments).await?;
        let payload = answer["Payload"].as_str().unwrap_or_default();
        Ok(serde_json::from_str(payload).unwrap_or(Value::Null))
    }
}

/// A process that makes one call after the other.
#[derive(Debug)]
struct Caller {
    /// Dropping it ends it.
    _process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Caller {
    fn start(python: &Path, endpoint: &str) -> Result<Self, AwsError> {
        let mut process = command(python, "call.py")
            .args([endpoint, REGION])
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|e| failed("call.py", &e))?;
        match (process.stdin.take(), process.stdout.take()) {
            (Some(input), Some(output)) => Ok(Self {
                _process: process,
                input,
                output: BufReader::new(output).lines(),
            }),
            _ => Err(failed("call.py", &"it has no input or output")),
        }
    }

    async fn call(&mut self, wanted: &Value) -> Result<Value, AwsError> {
        let line = format!("{wanted}\n");
        let sent = self.input.write_all(line.as_bytes()).await;
        sent.map_err(|e| failed("call.py", &e))?;
        let line = tokio::time::timeout(PATIENCE, self.output.next_line())
            .await
            .map_err(|_| failed("call.py", &"it did not answer in time"))?
            .map_err(|e| failed("call.py", &e))?;
        let said = line.ok_or_else(|| failed("call.py", &"it ended"))?;
        let mut said: Value = serde_json::from_str(&said).map_err(|e| failed("call.py", &e))?;
        match said.get("error") {
            Some(error) => Err(failed(&wanted["method"].to_string(), error)),
            None => Ok(said["answer"].take()),
        }
    }
}

/// Runs a script to its end, with JSON in and JSON out.
async fn run(python: &Path, script: &str, wanted: &Value) -> Result<Value, AwsError> {
    let mut child = command(python, script)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(script, &e))?;
    if let Some(mut input) = child.stdin.take() {
        let sent = input.write_all(wanted.to_string().as_bytes()).await;
        sent.map_err(|e| failed(script, &e))?;
    }
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .map_err(|_| failed(script, &"it did not end in time"))?
        .map_err(|e| failed(script, &e))?;
    if !output.status.success() {
        return Err(failed(
            script,
            &String::from_utf8_lossy(&output.stderr).trim(),
        ));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| failed(script, &e))
}

/// A script that lies beside the emulator's pinned versions.
fn command(python: &Path, script: &str) -> Command {
    let folder = template::root().join("tests/third-party/aws");
    let mut command = Command::new(python);
    command
        .arg(folder.join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn failed(script: &str, why: &dyn std::fmt::Display) -> AwsError {
    AwsError::Script {
        script: script.to_owned(),
        output: why.to_string(),
    }
}
