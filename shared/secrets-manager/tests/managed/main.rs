//! The adapter over a scripted service: both versions, how long they are kept, and every way in
//! which the service can fail.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy sees only the test functions of this binary as tests"
)]

mod cache;
mod faults;
mod same;
#[path = "../../../aws-client/tests/support/sdk.rs"]
mod sdk;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_client::{Config, Credentials, Limits};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use ports::model::ManualClock;
use ports::secrets::Secret;
use ports::{Fault, Secrets};
use secrets_manager::ManagedSecrets;

const TTL: Duration = Duration::from_mins(5);

/// What the service says to everything, if not what it holds.
#[derive(Clone, Debug)]
enum Trouble {
    Answers(u16, String),
    IsNotReached,
    DoesNotAnswerInTime,
}

/// A service that holds values by secret and label.
#[derive(Clone, Debug, Default)]
struct Service(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    values: BTreeMap<(String, String), String>,
    trouble: Option<Trouble>,
    /// Secret and label of each request.
    requests: Vec<(String, String)>,
}

impl Service {
    fn put(&self, id: &str, label: &str, value: &str) {
        let key = (id.to_owned(), label.to_owned());
        let body = format!(r#"{{"Name":"{id}","SecretString":"{value}"}}"#);
        self.0.lock().unwrap().values.insert(key, body);
    }

    fn be(&self, trouble: impl Into<Option<Trouble>>) {
        self.0.lock().unwrap().trouble = trouble.into();
    }

    /// How often a secret was read; each reading asks for both labels.
    fn readings(&self) -> usize {
        let requests = &self.0.lock().unwrap().requests;
        let of = |label: &str| requests.iter().filter(|(_, l)| l == label).count();
        assert_eq!(of("AWSCURRENT"), of("AWSPREVIOUS"));
        of("AWSCURRENT")
    }
}

impl HttpConnector for Service {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
        let body: BTreeMap<String, String> = serde_json::from_str(&body).unwrap();
        let key = (body["SecretId"].clone(), body["VersionStage"].clone());
        let mut state = self.0.lock().unwrap();
        state.requests.push(key.clone());
        let missing = r#"{"__type":"ResourceNotFoundException","Message":"MARKER"}"#;
        let (status, body) = match (&state.trouble, state.values.get(&key)) {
            (Some(Trouble::Answers(status, body)), _) => (*status, body.clone()),
            (Some(Trouble::IsNotReached), _) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::io("refused".into())));
            }
            (Some(Trouble::DoesNotAnswerInTime), _) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::timeout("slow".into())));
            }
            (None, Some(body)) => (200, body.clone()),
            (None, None) => (400, missing.to_owned()),
        };
        HttpConnectorFuture::new(async move {
            // Others come in between, as they do where a service is far away.
            tokio::task::yield_now().await;
            Ok(HttpResponse::new(
                status.try_into().unwrap(),
                SdkBody::from(body),
            ))
        })
    }
}

/// The secrets over that service, on a clock that stands still.
struct World {
    secrets: ManagedSecrets,
    service: Service,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let service = Service::default();
        let credentials = Credentials::new("a", "b", None, None, "test");
        let limits = Limits {
            attempt: Duration::from_secs(1),
            request: Duration::from_secs(1),
            attempts: 1,
        };
        let endpoint = Some("http://secrets.test".to_owned());
        let aws = Config::new("local", credentials, service.clone(), limits).at(endpoint);
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let on = Arc::new(clock.clone());
        Self {
            secrets: ManagedSecrets::new(&aws, "lanyard/", TTL, on),
            service,
            clock,
        }
    }

    async fn get(&self, name: &str) -> Result<Vec<String>, Fault> {
        let versions = self.secrets.get(name).await;
        versions.map(|all| all.iter().map(Secret::reveal).map(str::to_owned).collect())
    }

    async fn renew(&self, name: &str) -> Result<Vec<String>, Fault> {
        let versions = self.secrets.renew(name).await;
        versions.map(|all| all.iter().map(Secret::reveal).map(str::to_owned).collect())
    }
}
