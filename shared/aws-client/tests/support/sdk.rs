//! What the SDK's own client sends, for the suites of the adapters to hold beside what they send.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_client::{Config, Credentials, Limits};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use ports::model::ManualClock;

/// The region of both.
pub const REGION: &str = "eu-central-1";

/// Headers in which the SDK tells about itself.
const OF_THE_SDK: [&str; 4] = [
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "user-agent",
    "x-amz-user-agent",
];

/// The credentials of both.
pub fn credentials() -> Credentials {
    Credentials::new("AKID", "the secret", Some("the token".into()), None, "test")
}

/// A request as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub method: String,
    pub uri: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// Answers everything in one way and remembers it.
#[derive(Clone, Debug)]
pub struct Captured {
    answer: &'static str,
    requests: Arc<Mutex<Vec<Sent>>>,
}

impl Captured {
    /// With the body of each answer.
    pub fn answering(answer: &'static str) -> Self {
        Self {
            answer,
            requests: Arc::default(),
        }
    }

    /// The requests, without what the SDK tells about itself; the first by their bodies first.
    pub fn sent(&self) -> Vec<Sent> {
        let mut sent = self.requests.lock().unwrap().clone();
        for one in &mut sent {
            assert!(one.headers.contains_key("authorization"), "{one:?}");
            one.headers.retain(|name, _| !OF_THE_SDK.contains(&&**name));
        }
        sent.sort_by(|a, b| a.body.cmp(&b.body));
        sent
    }

    /// A configuration for an adapter over this connection, at the time at which the SDK sent.
    pub fn at_the_time_of(&self, sdk: &Self) -> Config {
        let date = sdk.sent()[0].headers["x-amz-date"].clone();
        let now = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", &date).unwrap();
        let now = now.to_datetime().unwrap();
        let now = now.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        let limits = Limits {
            attempt: Duration::from_secs(1),
            request: Duration::from_secs(1),
            attempts: 1,
        };
        Config::new(REGION, credentials(), self.clone(), limits).on(Arc::new(ManualClock::new(now)))
    }
}

impl HttpConnector for Captured {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers().iter();
        let body = request.body().bytes().unwrap().to_vec();
        self.requests.lock().unwrap().push(Sent {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: String::from_utf8(body).unwrap(),
        });
        let body = SdkBody::from(self.answer);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), body)))
    }
}

/// Leaves out of the SDK's signature the one header about itself that would be in it.
#[derive(Debug)]
pub struct WithoutAgent;

#[dyn_dispatch_hint]
impl Intercept for WithoutAgent {
    fn name(&self) -> &'static str {
        "WithoutAgent"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context
            .request_mut()
            .headers_mut()
            .remove("x-amz-user-agent");
        Ok(())
    }
}
