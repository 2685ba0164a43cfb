//! One configuration for the clients of all services, with one set of connections under them.
//!
//! There is no chain of providers: Lambda puts region and credentials into the environment, and
//! replaces the process before they run out. Looking for them elsewhere would cost a function that
//! starts half a millisecond and a megabyte.

use std::time::Duration;

use aws_client::{Config, Credentials, Http, Limits};

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
}

/// What clients are told.
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
pub fn configure(aws: &Aws) -> Config {
    let limits = Limits {
        attempt: ATTEMPT,
        request: LONGEST_REQUEST,
        attempts: ATTEMPTS,
    };
    let http = Http::new(CONNECT);
    Config::new(&aws.region, aws.credentials.clone(), http, limits).at(aws.endpoint.0.clone())
}
