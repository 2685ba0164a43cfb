//! Requests of a made-up operation over a scripted connection: what is sent, what is sent again, and
//! when it is given up.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy sees only the test functions of this binary as tests"
)]

mod credentials;
mod network;
mod retries;
mod signatures;
mod skew;
mod time;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_client::{Client, Config, Credentials, Limits, Operation, Service};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::interceptors::context::{Error, Input, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer, Layer};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use ports::model::ManualClock;

/// A request for a path, on a bucket where one is named.
#[derive(Clone, Debug)]
struct Ask {
    path: &'static str,
    range: Option<&'static str>,
    bucket: Option<&'static str>,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            path: "/",
            range: None,
            bucket: None,
        }
    }
}

/// The body of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer(Vec<u8>);

/// What the service says: the body of an answer that is no success is the code.
#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused(ErrorMetadata);

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[derive(Debug)]
struct Codec;

impl SerializeRequest for Codec {
    fn serialize_input(&self, input: Input, _: &mut ConfigBag) -> Result<HttpRequest, BoxError> {
        let ask: Ask = input.downcast().unwrap();
        let mut request = HttpRequest::get(ask.path)?;
        if let Some(range) = ask.range {
            request.headers_mut().insert("range", range);
        }
        Ok(request)
    }
}

impl DeserializeResponse for Codec {
    fn deserialize_nonstreaming_with_config(
        &self,
        answer: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let body = answer.body().bytes().unwrap().to_vec();
        if answer.status().is_success() {
            return match body.as_slice() {
                b"nonsense" => Err(OrchestratorError::other("nonsense")),
                _ => Ok(Output::erase(Answer(body))),
            };
        }
        let code = String::from_utf8(body).unwrap();
        let meta = ErrorMetadata::builder().code(code).build();
        Err(OrchestratorError::operation(Error::erase(Refused(meta))))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "so the SDK has it")]
fn config() -> Option<FrozenLayer> {
    let mut layer = Layer::new("ask");
    layer.store_put(SharedRequestSerializer::new(Codec));
    layer.store_put(SharedResponseDeserializer::new(Codec));
    Some(layer.freeze())
}

static ASK: Operation<Ask, Answer, Refused> = Operation::new(config);
static ASK_MUCH: Operation<Ask, Answer, Refused> = Operation::new(config).streams();
static ASK_BUCKET: Operation<Ask, Answer, Refused> = Operation::new(config).on_bucket(bucket);

fn bucket(ask: &Ask) -> Option<&str> {
    ask.bucket
}

/// What comes of one attempt.
#[derive(Clone, Debug)]
enum Turn {
    Answers(u16, Vec<(&'static str, String)>, &'static str),
    /// The head, then these parts with so much time before each; then the end, or a lost connection.
    Drips(Vec<&'static str>, Duration, bool),
    IsNotReached,
    MakesNoConnectionInTime,
    CannotBeAsked,
    /// Nothing ever comes.
    Hangs,
}

impl Turn {
    const fn ok() -> Self {
        Self::Answers(200, Vec::new(), "ok")
    }

    const fn error(status: u16, code: &'static str) -> Self {
        Self::Answers(status, Vec::new(), code)
    }

    fn with(status: u16, code: &'static str, name: &'static str, value: &str) -> Self {
        Self::Answers(status, vec![(name, value.to_owned())], code)
    }
}

/// A request as it was sent.
#[derive(Clone, Debug)]
struct Seen {
    uri: String,
    headers: Vec<(String, String)>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(n, _)| n == name).map(|(_, value)| &**value)
    }
}

/// Answers from a script, the last turn again and again, and remembers requests.
#[derive(Clone, Debug)]
struct Connection(Arc<Mutex<(VecDeque<Turn>, Vec<Seen>)>>);

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers().iter();
        let seen = Seen {
            uri: request.uri().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        let mut state = self.0.lock().unwrap();
        state.1.push(seen);
        let turn = if state.0.len() > 1 {
            state.0.pop_front()
        } else {
            state.0.front().cloned()
        };
        let (status, headers, body) = match turn.unwrap() {
            Turn::Answers(status, headers, body) => (status, headers, SdkBody::from(body)),
            Turn::Drips(parts, pause, whole) => (200, Vec::new(), drip(parts, pause, whole)),
            Turn::IsNotReached => {
                return HttpConnectorFuture::ready(Err(ConnectorError::io("reset".into())));
            }
            Turn::MakesNoConnectionInTime => {
                return HttpConnectorFuture::ready(Err(ConnectorError::timeout("slow".into())));
            }
            Turn::CannotBeAsked => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user("no".into())));
            }
            Turn::Hangs => return HttpConnectorFuture::new(std::future::pending()),
        };
        let mut answer = HttpResponse::new(status.try_into().unwrap(), body);
        for (name, value) in headers {
            answer.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(answer))
    }
}

/// A body that comes in parts.
#[expect(clippy::disallowed_methods, reason = "a server that takes its time")]
fn drip(parts: Vec<&'static str>, pause: Duration, whole: bool) -> SdkBody {
    let (into, out) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        for part in parts {
            tokio::time::sleep(pause).await;
            let sent = into.send(Ok(hyper::body::Frame::data(bytes::Bytes::from(part))));
            if sent.is_err() {
                return;
            }
        }
        if !whole {
            tokio::time::sleep(pause).await;
            let lost = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            into.send(Err(lost)).ok();
        }
    });
    SdkBody::from_body_1_x(Drip(out))
}

struct Drip(
    tokio::sync::mpsc::UnboundedReceiver<Result<hyper::body::Frame<bytes::Bytes>, std::io::Error>>,
);

impl hyper::body::Body for Drip {
    type Data = bytes::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, std::io::Error>>> {
        self.0.poll_recv(context)
    }
}

/// The limits of the functions.
const LIMITS: Limits = Limits {
    attempt: Duration::from_secs(4),
    request: Duration::from_secs(10),
    attempts: 3,
};

/// Limits for what is waited for to the end.
const HASTY: Limits = Limits {
    attempt: Duration::from_secs(1),
    request: Duration::from_millis(2_500),
    attempts: 3,
};

/// A client over a script, at an instant of its own.
struct World {
    client: Client,
    connection: Connection,
    clock: ManualClock,
}

impl World {
    fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        let credentials = Credentials::new("AKID", "the secret", None, None, "test");
        Self::made(Service::new("sky"), turns, |connection| {
            Config::new("eu-central-1", credentials, connection, LIMITS)
        })
    }

    fn made(
        service: Service,
        turns: impl IntoIterator<Item = Turn>,
        config: impl FnOnce(Connection) -> Config,
    ) -> Self {
        let turns = turns.into_iter().collect();
        let connection = Connection(Arc::new(Mutex::new((turns, Vec::new()))));
        let clock = ManualClock::new("2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap());
        let config = config(connection.clone()).on(Arc::new(clock.clone()));
        Self {
            client: Client::new(&config, service),
            connection,
            clock,
        }
    }

    /// With limits that a test can wait for.
    fn hasty(turns: impl IntoIterator<Item = Turn>) -> Self {
        let mut world = Self::new(turns);
        let config = world.client.config().clone().within(HASTY);
        world.client = Client::new(&config, Service::new("sky"));
        world
    }

    async fn ask(&self) -> Result<Answer, SdkError<Refused, HttpResponse>> {
        let ask = Ask {
            path: "/path?query",
            ..Ask::default()
        };
        self.client.send(&ASK, Ok(ask)).await
    }

    fn requests(&self) -> Vec<Seen> {
        self.connection.0.lock().unwrap().1.clone()
    }

    fn attempts(&self) -> usize {
        self.requests().len()
    }
}

fn ok() -> Answer {
    Answer(b"ok".to_vec())
}
