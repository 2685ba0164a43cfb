//! One configuration for every client of the SDK, with one HTTP client under all of them.
//!
//! There is no chain of providers: Lambda puts region and credentials into the environment, and
//! replaces the process before they run out. Looking for them elsewhere would cost a function that
//! starts half a millisecond and a megabyte.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::http::Http;

/// For a connection to a service, TLS included.
const CONNECT: Duration = Duration::from_secs(2);

/// For one attempt. DynamoDB and SQS answer in milliseconds; what takes longer is lost.
const ATTEMPT: Duration = Duration::from_secs(4);

/// Attempts of one request, the first included.
const ATTEMPTS: u32 = 3;

/// For a whole request to a service, attempts and waits included; below every function's time-out.
pub const LONGEST_REQUEST: Duration = Duration::from_secs(10);

/// Where the services are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint(Option<String>);

impl Endpoint {
    /// At one URL, all of them: a server that stands for AWS.
    pub const fn at(url: String) -> Self {
        Self(Some(url))
    }

    /// Whether it is not AWS's own. S3 is then asked with the bucket in the path.
    pub const fn is_other(&self) -> bool {
        self.0.is_some()
    }
}

/// What the SDK is told.
#[derive(Clone, Debug)]
pub struct Aws {
    region: String,
    credentials: Credentials,
    /// Where the services are.
    pub endpoint: Endpoint,
}

impl Aws {
    /// Region, credentials as key id, key and token, and where the services are.
    pub fn new(
        region: String,
        (key_id, key, token): (String, String, Option<String>),
        endpoint: Endpoint,
    ) -> Self {
        Self {
            region,
            credentials: Credentials::new(key_id, key, token, None, "environment"),
            endpoint,
        }
    }
}

/// For every client. Clients that are made of one configuration share its connections.
pub fn configure(aws: &Aws) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(LONGEST_REQUEST);
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(aws.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(aws.credentials.clone()))
        .http_client(Http::new(CONNECT))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts.build())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()));
    builder.set_endpoint_url(aws.endpoint.0.clone());
    builder.build()
}
