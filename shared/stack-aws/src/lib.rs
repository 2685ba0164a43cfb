//! A deployed stack as its operator finds it, by name: what its parts are called, how its functions
//! are configured, which alarms are up, and its nightly run.
//!
//! Nothing is kept on the operator's machine. The functions of a stack have fixed names, and the
//! reconciler's own settings name everything else, so that there is no second list to go stale.

mod alarms;
mod error;
mod functions;
mod runs;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_client::{Config, Http, Limits};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_types::retry::RetryConfig;

pub use alarms::Alarm;
pub use error::StackError;
pub use functions::{Function, Mapping};
pub use runs::{Execution, Started};

/// The function whose settings name every part of a stack.
const RECONCILER: &str = "reconciler";

/// For a connection to a service, TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// An operator's line may be slow, and somebody waits.
const LIMITS: Limits = Limits {
    attempt: Duration::from_secs(30),
    request: Duration::from_mins(1),
    attempts: 3,
};

/// A deployed stack.
#[derive(Clone, Debug)]
pub struct Deployed {
    name: String,
    aws: Config,
    lambda: aws_sdk_lambda::Client,
    states: aws_sdk_sfn::Client,
    watch: aws_sdk_cloudwatch::Client,
    settings: BTreeMap<String, String>,
}

impl Deployed {
    /// Finds a stack by the name that it was deployed under, with the credentials and the region
    /// of the operator's environment: variables, profile, single sign-on.
    pub async fn find(name: &str) -> Result<Self, StackError> {
        let client = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .build_https();
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .http_client(client)
            .retry_config(RetryConfig::standard())
            .load()
            .await;
        let Some(region) = config.region() else {
            return Err(StackError::NoRegion);
        };
        let Some(credentials) = config.credentials_provider() else {
            return Err(StackError::NoCredentials);
        };
        let endpoint = config.endpoint_url().map(str::to_owned);
        let aws = Config::new(region.as_ref(), credentials, Http::new(CONNECT), LIMITS);
        let mut deployed = Self {
            name: name.to_owned(),
            lambda: aws_sdk_lambda::Client::new(&config),
            states: aws_sdk_sfn::Client::new(&config),
            watch: aws_sdk_cloudwatch::Client::new(&config),
            settings: BTreeMap::new(),
            aws: aws.at(endpoint),
        };
        let reconciler = deployed.function(RECONCILER).await?;
        deployed.settings = reconciler.settings;
        Ok(deployed)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For the clients of its parts.
    pub const fn aws(&self) -> &Config {
        &self.aws
    }

    /// A setting of its reconciler.
    pub fn setting(&self, variable: &str) -> Result<&str, StackError> {
        let setting = self.settings.get(variable);
        setting
            .map(String::as_str)
            .ok_or_else(|| StackError::NoSetting {
                function: self.full(RECONCILER),
                variable: variable.to_owned(),
            })
    }

    /// The name of one of its functions, as it was deployed.
    fn full(&self, function: &str) -> String {
        format!("{}-{function}", self.name)
    }
}
