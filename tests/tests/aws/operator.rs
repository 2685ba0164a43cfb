//! The command line against a deployed stack, as its operator runs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tests::aws::{REGION, Stack};
use tests::runtime_api::operators_program;
use tokio::process::Command;

use crate::NAME;

/// Somebody at a terminal.
pub struct Operator {
    program: PathBuf,
    endpoint: String,
}

impl Operator {
    pub async fn of(stack: &Stack) -> Self {
        let program = tokio::task::spawn_blocking(operators_program).await;
        Self {
            program: program.expect("the program is built"),
            endpoint: stack.endpoint().to_owned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command that takes `--stack` at its end; gives its exit code and its JSON.
    pub async fn run(&self, args: &[&str]) -> (Option<i32>, Value) {
        let mut command = self.command();
        command.args(args).args(["--stack", NAME, "--json"]);
        let output = command.output().await.expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let said = serde_json::from_str(&text).unwrap_or_else(|_| {
            let error = String::from_utf8_lossy(&output.stderr);
            panic!("{args:?} said no JSON: {text} {error}")
        });
        (output.status.code(), said)
    }

    /// The same, where it has to succeed.
    pub async fn does(&self, args: &[&str]) -> Value {
        let (code, said) = self.run(args).await;
        assert_eq!(code, Some(0), "{args:?}: {said}");
        said
    }

    /// Publishes the first policy.
    pub async fn publish(&self, folder: &Path) {
        let folder = folder.display().to_string();
        let said = self.does(&["publish", "--policy", &folder]).await;
        assert_eq!(said["outcome"], "published", "{said}");
    }
}
