//! Settings from the environment: every variable is looked at before anything is said, and what is
//! said names the variable, what is wrong with it, and what to do.

use std::fmt;
use std::time::Duration;

use domain::TargetId;
use tracing::level_filters::LevelFilter;

use crate::aws::{Aws, Endpoint};
use crate::timeouts;

/// What is wrong with one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its name.
    pub variable: &'static str,
    /// What is wrong. Never its value: somebody may have put a secret there.
    pub what: Box<str>,
    /// What to do.
    pub fix: Box<str>,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}; {}", self.variable, self.what, self.fix)
    }
}

/// A function cannot be set up from its environment. Everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.0))]
pub struct SettingsError(pub Vec<Wrong>);

fn list(wrong: &[Wrong]) -> String {
    let all: Vec<String> = wrong.iter().map(Wrong::to_string).collect();
    format!(
        "{} of the function's settings cannot be used: {}",
        wrong.len(),
        all.join("; ")
    )
}

/// The environment of a function. Each question answers `None` where the variable is missing or
/// wrong, and remembers that for [`Environment::finish`]. A variable without text is missing.
#[derive(Debug)]
pub struct Environment<R> {
    read: R,
    wrong: Vec<Wrong>,
}

impl Environment<fn(&str) -> Option<String>> {
    /// The environment of this process. Nothing else of a function reads it.
    pub const fn of_process() -> Self {
        Self::new(variable)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the only place of a function that reads the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl<R: Fn(&str) -> Option<String>> Environment<R> {
    /// Over what reads a variable.
    pub const fn new(read: R) -> Self {
        Self {
            read,
            wrong: Vec::new(),
        }
    }

    /// The settings, or everything that was wrong.
    pub fn finish<T>(self, settings: Option<T>) -> Result<T, SettingsError> {
        settings
            .filter(|_| self.wrong.is_empty())
            .ok_or(SettingsError(self.wrong))
    }

    /// The table's name.
    pub fn table(&mut self) -> Option<String> {
        let fix = "give the name of the stack's DynamoDB table";
        self.plain("LANYARD_TABLE", fix)
    }

    /// What the URLs of the stack's queues begin with.
    pub fn queue_prefix(&mut self) -> Option<String> {
        let fix = "give what the URLs of the stack's queues begin with, \
                   `https://sqs.<region>.amazonaws.com/<account>/<stack>-`";
        self.url("LANYARD_QUEUE_PREFIX", fix)
    }

    /// The bucket of published policy.
    pub fn policy_bucket(&mut self) -> Option<String> {
        let fix = "give the name of the stack's policy bucket";
        self.plain("LANYARD_POLICY_BUCKET", fix)
    }

    /// The bucket of reports.
    pub fn reports_bucket(&mut self) -> Option<String> {
        let fix = "give the name of the stack's reports bucket";
        self.plain("LANYARD_REPORTS_BUCKET", fix)
    }

    /// What the names of the stack's secrets begin with.
    pub fn secret_prefix(&mut self) -> Option<String> {
        let fix = "give what the names of the stack's secrets begin with, `lanyard/`";
        self.plain("LANYARD_SECRET_PREFIX", fix)
    }

    /// The target of a connector; inside, `None` where the variable is not set.
    pub fn target(&mut self) -> Option<Option<TargetId>> {
        const NAME: &str = "LANYARD_TARGET";
        let Some(name) = self.read(NAME) else {
            return Some(None);
        };
        // Policy takes `_` as well, and so does the name of a queue.
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if name.bytes().all(plain) {
            return Some(Some(name.into()));
        }
        let fix = "give a target's name as in policy, or remove it for the termination lane";
        self.refuse(NAME, "is no target's name", fix)
    }

    /// Which addresses targets may have, by what `named` knows of. Without the variable public ones
    /// alone: a policy file then reaches nothing inside.
    pub fn target_network<N>(&mut self, named: impl Fn(&str) -> Option<N>) -> Option<N> {
        const NAME: &str = "LANYARD_TARGET_NETWORK";
        let name = self.read(NAME);
        let network = named(name.as_deref().unwrap_or("public"));
        let fix = "give `public`, or `private` where targets have private addresses";
        network.or_else(|| self.refuse(NAME, "is no network", fix))
    }

    /// Whether the function's time-out leaves time for the longest that it begins, and, for functions behind a queue, whether messages stay hidden for longer than it. Gives
    /// the function's time-out.
    pub fn timeouts(&mut self, longest: Duration, behind_a_queue: bool) -> Option<Duration> {
        let function = self.seconds(
            timeouts::FUNCTION,
            "give the function's time-out in seconds, as the template sets it",
        );
        let visibility = if behind_a_queue {
            let fix = "give the visibility time-out of the function's queue in seconds";
            Some(self.seconds(timeouts::VISIBILITY, fix)?)
        } else {
            None
        };
        let function = function?;
        let wrong = timeouts::wrong(longest, function, visibility);
        let fits = wrong.is_empty();
        self.wrong.extend(wrong);
        fits.then_some(function)
    }

    /// Region, credentials and endpoint. The platform sets the first two.
    pub fn aws(&mut self) -> Option<Aws> {
        let fix = "Lambda sets it; outside, set it yourself";
        let region = self.plain("AWS_REGION", fix);
        let key_id = self.secret("AWS_ACCESS_KEY_ID", fix);
        let key = self.secret("AWS_SECRET_ACCESS_KEY", fix);
        let token = self.read("AWS_SESSION_TOKEN");
        let endpoint = match self.read("AWS_ENDPOINT_URL") {
            None => Endpoint::default(),
            Some(url) if is_url(&url) => Endpoint::at(url),
            Some(_) => {
                let fix = "give the URL of another endpoint than AWS's, or remove it";
                return self.refuse("AWS_ENDPOINT_URL", "is no URL", fix);
            }
        };
        Some(Aws::new(region?, (key_id?, key?, token), endpoint))
    }

    /// From which level on log lines are written: Lambda's own setting, `INFO` without it.
    pub fn log_level(&self) -> LevelFilter {
        let level = self.read("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default();
        match level.to_ascii_uppercase().as_str() {
            "TRACE" => LevelFilter::TRACE,
            "DEBUG" => LevelFilter::DEBUG,
            "WARN" => LevelFilter::WARN,
            "ERROR" | "FATAL" => LevelFilter::ERROR,
            _ => LevelFilter::INFO,
        }
    }

    /// A name for this process that no other one at work has: the platform's log stream.
    pub fn worker(&self) -> String {
        let stream = self.read("AWS_LAMBDA_LOG_STREAM_NAME");
        let stream = stream.as_deref().unwrap_or("one");
        let name = stream.rsplit(']').next().unwrap_or(stream);
        name.chars().take(64).collect()
    }

    /// Where the platform listens, if this is it.
    pub(crate) fn runtime_api(&self) -> Option<String> {
        self.read("AWS_LAMBDA_RUNTIME_API")
    }

    fn read(&self, variable: &'static str) -> Option<String> {
        (self.read)(variable).filter(|value| !value.is_empty())
    }

    fn secret(&mut self, variable: &'static str, fix: &str) -> Option<String> {
        let value = self.read(variable);
        value.or_else(|| self.refuse(variable, "is not set", fix))
    }

    fn plain(&mut self, variable: &'static str, fix: &str) -> Option<String> {
        let value = self.secret(variable, fix)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
        if value.bytes().all(plain) {
            return Some(value);
        }
        self.refuse(variable, "has characters that no such name has", fix)
    }

    fn url(&mut self, variable: &'static str, fix: &str) -> Option<String> {
        let value = self.secret(variable, fix)?;
        if is_url(&value) {
            return Some(value);
        }
        self.refuse(variable, "does not begin with `https://`", fix)
    }

    fn seconds(&mut self, variable: &'static str, fix: &str) -> Option<Duration> {
        let value = self.secret(variable, fix)?;
        match value.parse() {
            Ok(seconds @ 1..=43_200) => Some(Duration::from_secs(seconds)),
            Ok(_) | Err(_) => self.refuse(variable, "is no number of seconds", fix),
        }
    }

    fn refuse<T>(&mut self, variable: &'static str, what: &str, fix: &str) -> Option<T> {
        self.wrong.push(Wrong {
            variable,
            what: what.into(),
            fix: fix.into(),
        });
        None
    }
}

/// Plain `http` is for servers on the same machine, in tests; AWS's own endpoints refuse it.
fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()))
}
