//! How the functions of a stack are configured.

use std::collections::BTreeMap;

use crate::{Deployed, StackError};

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its whole name.
    pub name: String,
    /// After how many seconds it is ended.
    pub timeout: i64,
    /// Whether it can be called; the state's name where it cannot.
    pub inactive: Option<String>,
    /// Its environment.
    pub settings: BTreeMap<String, String>,
}

/// A queue that calls a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The queue's ARN.
    pub queue: String,
    /// Whether it does.
    pub enabled: bool,
    /// Most messages of one batch.
    pub batch: i64,
    /// Whether a batch may fail in part.
    pub partial: bool,
}

impl Deployed {
    /// One of the stack's functions, named without the stack.
    pub async fn function(&self, function: &str) -> Result<Function, StackError> {
        let name = self.full(function);
        let asked = self
            .lambda
            .get_function_configuration()
            .function_name(&name);
        let answer = asked.send().await.map_err(|error| {
            let missing = error
                .as_service_error()
                .is_some_and(aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationError::is_resource_not_found_exception);
            if missing {
                StackError::NoFunction(name.clone())
            } else {
                StackError::of("Lambda", "GetFunctionConfiguration", &error)
            }
        })?;
        let variables = answer.environment().and_then(|known| known.variables());
        let settings = variables.into_iter().flatten();
        let state = answer.state().filter(|state| state.as_str() != "Active");
        Ok(Function {
            name,
            timeout: answer.timeout().unwrap_or_default().into(),
            inactive: state.map(|state| state.as_str().to_owned()),
            settings: settings
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        })
    }

    /// The queues that call one of the stack's functions. They call its live version.
    pub async fn mappings(&self, function: &str) -> Result<Vec<Mapping>, StackError> {
        let name = self.full(function);
        let mut found = Vec::new();
        for name in [format!("{name}:live"), name] {
            let asked = self.lambda.list_event_source_mappings().function_name(name);
            let answer = match asked.send().await {
                Ok(answer) => answer,
                Err(error) => {
                    let code =
                        aws_smithy_types::error::metadata::ProvideErrorMetadata::code(&error);
                    if code == Some("ResourceNotFoundException") {
                        continue;
                    }
                    return Err(StackError::of("Lambda", "ListEventSourceMappings", &error));
                }
            };
            found.extend(answer.event_source_mappings().iter().map(|mapping| {
                Mapping {
                    queue: mapping.event_source_arn().unwrap_or_default().to_owned(),
                    enabled: mapping.state() == Some("Enabled"),
                    batch: mapping.batch_size().unwrap_or_default().into(),
                    partial: mapping
                        .function_response_types()
                        .iter()
                        .any(|kind| kind.as_str() == "ReportBatchItemFailures"),
                }
            }));
        }
        found.sort_by(|a, b| a.queue.cmp(&b.queue));
        found.dedup();
        Ok(found)
    }
}
