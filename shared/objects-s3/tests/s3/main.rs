//! The adapter over a scripted connection: what it asks for, what it makes of every answer, and
//! answers that are lost.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy sees only the test functions of this binary as tests"
)]

mod faults;
mod links;
mod lists;
mod lost;
mod parts;
mod same;
#[path = "../../../aws-client/tests/support/sdk.rs"]
mod sdk;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_client::{Config, Credentials, Limits};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use objects_s3::{Buckets, S3Objects};

/// Bytes of a part here; the default is too large for many tests.
const PART: usize = 800;

/// What the service does with one request.
#[derive(Clone, Debug)]
enum Turn {
    Answers {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Says that the object there is what the first write of this script wrote.
    HasTheFirstWrite,
    IsNotReached,
    DoesNotAnswerInTime,
}

impl Turn {
    fn ok(body: &str) -> Self {
        Self::Answers {
            status: 200,
            headers: vec![("etag", "\"1\"".to_owned())],
            body: body.to_owned(),
        }
    }

    fn error(status: u16, code: &str) -> Self {
        Self::Answers {
            status,
            headers: Vec::new(),
            body: format!("<Error><Code>{code}</Code><Message>MARKER</Message></Error>"),
        }
    }

    fn status(status: u16) -> Self {
        Self::Answers {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// An answer to `HEAD` about somebody else's object.
    fn has(tag: &str) -> Self {
        Self::Answers {
            status: 200,
            headers: vec![
                ("etag", tag.to_owned()),
                ("x-amz-meta-lanyard-write", "somebody else".to_owned()),
            ],
            body: String::new(),
        }
    }
}

/// A request as it was sent.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(n, _)| n == name).map(|(_, value)| &**value)
    }
}

/// A connection that answers from a script, the last turn again and again, and remembers requests.
#[derive(Clone, Debug)]
struct Connection(Arc<Mutex<(VecDeque<Turn>, Vec<Seen>)>>);

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers().iter();
        let seen = Seen {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        };
        let mut state = self.0.lock().unwrap();
        state.1.push(seen);
        let turn = if state.0.len() > 1 {
            state.0.pop_front()
        } else {
            state.0.front().cloned()
        };
        let (status, headers, body) = match turn.unwrap() {
            Turn::Answers {
                status,
                headers,
                body,
            } => (status, headers, body),
            Turn::HasTheFirstWrite => {
                let name = "x-amz-meta-lanyard-write";
                let first = state.1.iter().find_map(|seen| seen.header(name)).unwrap();
                let headers = vec![("etag", "\"2\"".to_owned()), (name, first.to_owned())];
                (200, headers, String::new())
            }
            Turn::IsNotReached => {
                return HttpConnectorFuture::ready(Err(ConnectorError::io("reset".into())));
            }
            Turn::DoesNotAnswerInTime => {
                return HttpConnectorFuture::ready(Err(ConnectorError::timeout("slow".into())));
            }
        };
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

/// The objects over a script.
struct World {
    objects: S3Objects,
    connection: Connection,
}

impl World {
    /// Every request is sent once.
    fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::trying(1, turns)
    }

    /// Every request is sent so often at most.
    fn trying(attempts: u32, turns: impl IntoIterator<Item = Turn>) -> Self {
        let turns = turns.into_iter().collect();
        let connection = Connection(Arc::new(Mutex::new((turns, Vec::new()))));
        let credentials = Credentials::new("a", "b", None, None, "test");
        let limits = Limits {
            attempt: Duration::from_secs(10),
            request: Duration::from_secs(10),
            attempts,
        };
        let endpoint = Some("http://127.0.0.1:1".to_owned());
        let connector = connection.clone();
        let aws = Config::new("eu-central-1", credentials, connector, limits).at(endpoint);
        let buckets = Buckets {
            policy: "the-policy".to_owned(),
            reports: "the-reports".to_owned(),
        };
        Self {
            objects: S3Objects::new(&aws, buckets).in_parts_of(PART),
            connection,
        }
    }

    /// The requests so far.
    fn requests(&self) -> Vec<Seen> {
        self.connection.0.lock().unwrap().1.clone()
    }

    fn methods(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|seen| seen.method)
            .collect()
    }
}
