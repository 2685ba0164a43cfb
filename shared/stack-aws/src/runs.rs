//! The nightly run: a state machine.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::{Deployed, StackError};

/// A run that was started by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    arn: String,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It is under way.
    Running,
    /// It ended well; what it said.
    Succeeded(serde_json::Value),
    /// It did not; the state's name and what it said of it.
    Failed {
        /// The state, as the service names it.
        state: String,
        /// The error's name.
        error: String,
    },
}

impl Deployed {
    /// The ARN of the state machine: its name is fixed, region and account are those of the queues.
    fn machine(&self) -> Result<String, StackError> {
        let prefix = self.setting("LANYARD_QUEUE_PREFIX")?;
        let account = prefix.rsplit('/').nth(1).unwrap_or_default();
        let region = self.aws.region();
        let partition = match region.split('-').next() {
            Some("cn") => "aws-cn",
            _ if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        Ok(format!(
            "arn:{partition}:states:{region}:{account}:stateMachine:{}-reconcile",
            self.name
        ))
    }

    /// Starts a run for the company's day.
    pub async fn start(&self, date: Date, at: Timestamp) -> Result<Started, StackError> {
        let input = serde_json::json!({ "date": date.to_string() });
        let asked = self
            .states
            .start_execution()
            .state_machine_arn(self.machine()?)
            .name(format!("by-hand-{}", at.as_millisecond()))
            .input(input.to_string());
        let answer = asked.send().await;
        let answer =
            answer.map_err(|error| StackError::of("Step Functions", "StartExecution", &error))?;
        Ok(Started {
            arn: answer.execution_arn().to_owned(),
        })
    }

    /// How far a run is.
    pub async fn execution(&self, started: &Started) -> Result<Execution, StackError> {
        let asked = self.states.describe_execution().execution_arn(&started.arn);
        let answer = asked.send().await;
        let answer = answer
            .map_err(|error| StackError::of("Step Functions", "DescribeExecution", &error))?;
        Ok(match answer.status().as_str() {
            "RUNNING" | "PENDING_REDRIVE" => Execution::Running,
            "SUCCEEDED" => {
                let output = answer.output().unwrap_or("null");
                Execution::Succeeded(serde_json::from_str(output).unwrap_or_default())
            }
            state => Execution::Failed {
                state: state.to_owned(),
                error: answer.error().unwrap_or_default().to_owned(),
            },
        })
    }
}
