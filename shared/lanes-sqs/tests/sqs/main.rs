//! The adapter over a scripted connection: every request that it makes and every answer that it
//! may get.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy sees only the test functions of this binary as tests"
)]

mod dead;
mod faults;
mod receive;
mod same;
#[path = "../../../aws-client/tests/support/sdk.rs"]
mod sdk;
mod send;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_client::{Config, Credentials, Limits};
use aws_lambda_events::sqs::SqsEvent;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use lanes_sqs::{QueueUrls, SqsLanes};
use serde_json::{Value, json};

/// What the service does with one request.
#[derive(Clone, Debug)]
enum Turn {
    Answers(u16, String),
    IsNotReached,
    DoesNotAnswerInTime,
}

impl Turn {
    fn ok(body: &Value) -> Self {
        Self::Answers(200, body.to_string())
    }

    fn error(status: u16, code: &str) -> Self {
        let body = json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": "MARKER"});
        Self::Answers(status, body.to_string())
    }
}

/// A connection that answers from a script, the last turn again and again, and remembers requests.
#[derive(Clone, Debug)]
struct Connection(Arc<Mutex<(VecDeque<Turn>, Vec<Request>)>>);

/// An operation and its input.
type Request = (String, Value);

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let mut state = self.0.lock().unwrap();
        state.1.push((operation, body));
        let turn = if state.0.len() > 1 {
            state.0.pop_front()
        } else {
            state.0.front().cloned()
        };
        HttpConnectorFuture::ready(match turn.unwrap() {
            Turn::Answers(status, body) => Ok(HttpResponse::new(
                status.try_into().unwrap(),
                SdkBody::from(body),
            )),
            Turn::IsNotReached => Err(ConnectorError::io("refused".into())),
            Turn::DoesNotAnswerInTime => Err(ConnectorError::timeout("slow".into())),
        })
    }
}

/// The lanes over a script.
struct World {
    lanes: SqsLanes,
    connection: Connection,
}

impl World {
    fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        let turns = turns.into_iter().collect();
        let connection = Connection(Arc::new(Mutex::new((turns, Vec::new()))));
        let credentials = Credentials::new("a", "b", None, None, "test");
        let limits = Limits {
            attempt: Duration::from_secs(1),
            request: Duration::from_secs(1),
            attempts: 1,
        };
        let endpoint = Some("http://sqs.test".to_owned());
        let aws = Config::new("local", credentials, connection.clone(), limits).at(endpoint);
        let urls = QueueUrls::new("http://sqs.test/1/x-");
        Self {
            lanes: SqsLanes::new(&aws, urls),
            connection,
        }
    }

    /// The requests so far, by operation.
    fn requests(&self) -> Vec<Request> {
        self.connection.0.lock().unwrap().1.clone()
    }

    fn operations(&self) -> Vec<String> {
        self.requests().into_iter().map(|(name, _)| name).collect()
    }
}

/// An event as the platform sends it, with messages `m0`, `m1` ... of those groups.
fn event(groups: &[&str]) -> SqsEvent {
    let records: Vec<Value> = groups
        .iter()
        .enumerate()
        .map(|(number, group)| {
            json!({
                "messageId": format!("m{number}"),
                "receiptHandle": format!("r{number}"),
                "body": number.to_string(),
                "attributes": {
                    "ApproximateReceiveCount": "2",
                    "SentTimestamp": "1767225600000",
                    "SenderId": "AIDA",
                    "MessageGroupId": group,
                    "MessageDeduplicationId": "d",
                    "SequenceNumber": "18849496460467696128",
                    "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793",
                },
                "messageAttributes": {},
                "md5OfBody": "0",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:local:1:x-lane-wiki.fifo",
                "awsRegion": "local",
            })
        })
        .collect();
    serde_json::from_value(json!({"Records": records})).unwrap()
}
