//! Why a stack cannot be found or asked.

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Why a stack cannot be found or asked.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// No region is configured.
    #[error(
        "no region is configured; set AWS_REGION, or choose a profile that has one with AWS_PROFILE"
    )]
    NoRegion,
    /// Nowhere to look for credentials.
    #[error("no credentials are configured; choose a profile that has some with AWS_PROFILE")]
    NoCredentials,
    /// No such function.
    #[error(
        "there is no function `{0}` in this region and account; is that the name the stack was deployed \
         under, and are AWS_REGION and AWS_PROFILE those of the stack?"
    )]
    NoFunction(String),
    /// A setting is missing.
    #[error(
        "the function `{function}` has no setting {variable}; deploy the stack with this version's template"
    )]
    NoSetting {
        /// Which function.
        function: String,
        /// Which variable.
        variable: String,
    },
    /// A service says no, or nothing.
    #[error("{service} did not answer {action}: {why}")]
    Service {
        /// Which.
        service: &'static str,
        /// What was asked.
        action: &'static str,
        /// The service's code, and what to do.
        why: String,
    },
}

impl StackError {
    /// What a service answered, by its code: messages of services may quote what was asked.
    pub(crate) fn of<E: ProvideErrorMetadata>(
        service: &'static str,
        action: &'static str,
        error: &E,
    ) -> Self {
        let why = match error.code() {
            Some(code @ ("AccessDenied" | "AccessDeniedException")) => format!(
                "{code}; the table of rights in docs/operating.md lists what these commands need"
            ),
            Some(code) => code.to_owned(),
            None => "no answer; are there credentials (`aws sts get-caller-identity`), and is the \
                     endpoint reachable?"
                .to_owned(),
        };
        Self::Service {
            service,
            action,
            why,
        }
    }
}
