//! Lambda's Runtime API on loopback, and the real binaries of the functions under it: what starts
//! a process, hands it one event after the other, and ends it when its time is over.
//!
//! It stands for the platform's side of one execution environment. It does not limit memory or
//! CPU, freezes nobody between events, and knows no event source.

mod binaries;
mod host;
mod source;

use std::collections::BTreeMap;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use binaries::{Binary, Profile, lean_function, operators_program};
use host::{Answer, Begun, Host};
pub use source::EventSource;

/// How long a start may take: Lambda's limit.
const INIT: Duration = Duration::from_secs(10);

/// What a function is told besides what a test tells it: what Lambda itself puts there.
const PLATFORM: [(&str, &str); 8] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "under-test"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/under-test"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_SESSION_TOKEN", "test"),
];

/// A process that waits for events. It ends when this is dropped.
#[derive(Debug)]
pub struct Function {
    process: Child,
    host: Host,
    lines: Lines,
    readers: Vec<JoinHandle<()>>,
}

/// A process that did not come to wait for events.
#[derive(Debug)]
pub struct Refused {
    /// What it told the Runtime API, if it did.
    pub told: Option<Value>,
    /// How it ended; `None` where it had to be ended.
    pub status: Option<ExitStatus>,
    /// What it printed.
    pub lines: Vec<String>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function's answer.
    Answered(Value),
    /// The function failed on it: what it said.
    Failed(Value),
    /// The function was ended because its time was over, or ended by itself.
    Ended,
}

impl Outcome {
    /// The answer of a function that has to have one.
    pub fn answer(self) -> Value {
        match self {
            Self::Answered(value) => value,
            Self::Failed(_) | Self::Ended => panic!("the function did not answer: {self:?}"),
        }
    }
}

/// An event for a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The event.
    pub event: Value,
    /// For how long the function may work on it.
    pub time: Duration,
    /// The header of its trace.
    pub trace: Option<String>,
}

impl From<Value> for Invocation {
    fn from(event: Value) -> Self {
        Self {
            event,
            time: Duration::from_secs(30),
            trace: None,
        }
    }
}

impl Function {
    /// Starts a binary with this environment and Lambda's own, and nothing else, and waits until it
    /// asks for its first event.
    pub async fn start(
        binary: Binary,
        environment: &BTreeMap<&str, String>,
    ) -> Result<Self, Box<Refused>> {
        Self::start_built(binary, Profile::Dev, environment).await
    }

    /// The same for a binary of another profile.
    pub async fn start_built(
        binary: Binary,
        profile: Profile,
        environment: &BTreeMap<&str, String>,
    ) -> Result<Self, Box<Refused>> {
        Self::start_command(Command::new(binary.path(profile)), environment).await
    }

    /// The same for any command that speaks to the Runtime API.
    pub async fn start_command(
        mut command: Command,
        environment: &BTreeMap<&str, String>,
    ) -> Result<Self, Box<Refused>> {
        let host = Host::start().await;
        let mut process = command
            .env_clear()
            .envs(PLATFORM)
            .env("AWS_LAMBDA_LOG_STREAM_NAME", host.stream())
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", host.address())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let lines = Lines::default();
        let readers = vec![
            lines.read(process.stdout.take().expect("a pipe")),
            lines.read(process.stderr.take().expect("a pipe")),
        ];
        let mut function = Self {
            process,
            host,
            lines,
            readers,
        };
        let begun = tokio::select! {
            begun = timeout(INIT, function.host.begun()) => begun.ok(),
            _ = function.process.wait() => None,
        };
        if begun == Some(Begun::Waiting) {
            return Ok(function);
        }
        let ended = timeout(INIT, function.process.wait()).await;
        let status = ended.ok().map(|status| status.expect("a status"));
        let told = function.host.told();
        let lines = function.end().await;
        Err(Box::new(Refused {
            told,
            status,
            lines,
        }))
    }

    /// Hands it an event and waits for what becomes of it. A function that takes longer than it may
    /// is ended, as Lambda does.
    pub async fn invoke(&mut self, invocation: impl Into<Invocation>) -> Outcome {
        let invocation = invocation.into();
        let time = invocation.time;
        let answered = self.host.hand_over(invocation);
        let answer = tokio::select! {
            answer = timeout(time, answered) => answer.ok().and_then(Result::ok),
            _ = self.process.wait() => None,
        };
        match answer {
            Some(Answer::Response(value)) => Outcome::Answered(value),
            Some(Answer::Error(value)) => Outcome::Failed(value),
            None => {
                self.process.kill().await.ok();
                Outcome::Ended
            }
        }
    }

    /// What it printed so far, log lines and metrics.
    pub fn lines(&self) -> Vec<String> {
        self.lines.all()
    }

    /// Its process id, for whoever measures it.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Ends it at once, as when an environment is lost, and returns all that it printed.
    pub async fn end(mut self) -> Vec<String> {
        self.process.kill().await.ok();
        for reader in self.readers.drain(..) {
            reader.await.expect("the pipe is read to its end");
        }
        self.lines.all()
    }
}

/// What a process prints.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn read(&self, pipe: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<()> {
        let into = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut all = into.0.lock().unwrap_or_else(PoisonError::into_inner);
                all.push(line);
            }
        })
    }

    fn all(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }
}
