//! Requests to AWS: signed, sent, sent again where that helps.
//!
//! The SDK's crates say what an operation takes, gives and fails with, and how that is written and
//! read; between the two they go through an orchestrator for every service and every need, which is
//! most of what a request costs. This is the part of it that one stack needs: one region, one kind
//! of signature, bodies in memory, one way to try again. It knows no service's rules; what S3 wants
//! otherwise is in [`Service::s3`].
//!
//! It refuses dual-stack and FIPS endpoints, proxies, and whatever needs a body that is not in
//! memory. Nothing here prints a credential.

mod credentials;
mod http;
mod operation;
mod retry;
mod send;
mod service;
mod sign;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
#[doc(hidden)]
pub use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use ports::Clock;
use ports::clock::SystemClock;

use crate::credentials::Identities;
pub use crate::http::Http;
pub use crate::operation::Operation;
pub use crate::send::Client;
pub use crate::service::Service;

/// How long a request may take, and how often it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For one attempt, its answer read. Of an operation that streams: for the head of the answer,
    /// and for each part of its body.
    pub attempt: Duration,
    /// For all attempts and the waits between them; not for reading a body that streams.
    pub request: Duration,
    /// Attempts, the first included.
    pub attempts: u32,
}

/// Where requests go, as whom, and on which connections. Clones share connections and credentials.
#[derive(Clone)]
pub struct Config {
    region: String,
    identities: Arc<Identities>,
    endpoint: Option<String>,
    connector: SharedHttpConnector,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl Config {
    /// AWS's own endpoints in a region. The provider is asked when the first request is signed, and
    /// again before what it gave expires.
    pub fn new(
        region: impl Into<String>,
        credentials: impl ProvideCredentials + 'static,
        connector: impl HttpConnector + 'static,
        limits: Limits,
    ) -> Self {
        Self {
            region: region.into(),
            identities: Arc::new(Identities::new(SharedCredentialsProvider::new(credentials))),
            endpoint: None,
            connector: SharedHttpConnector::new(connector),
            limits,
            clock: Arc::new(SystemClock),
        }
    }

    /// With all services at one URL, if there is one: a server that stands for AWS.
    #[must_use]
    pub fn at(mut self, endpoint: Option<String>) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// By that clock, for the time of signatures and the expiry of credentials.
    #[must_use]
    pub fn on(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With other limits.
    #[must_use]
    pub const fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// What requests are sent on.
    pub fn connector(&self) -> SharedHttpConnector {
        self.connector.clone()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
