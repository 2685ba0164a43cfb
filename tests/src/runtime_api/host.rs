//! The Runtime API, version 2018-06-01, for one process.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use bytes::Bytes;
use jiff::Timestamp;
use lanyard::stack::SystemClock;
use ports::Clock as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::Invocation;

/// How far a process came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// Not far.
    No,
    /// It waits for its first event, or had it.
    Waiting,
    /// It said that it cannot start.
    Refused,
}

/// What a function says to an event.
#[derive(Debug)]
pub(super) enum Answer {
    Response(Value),
    Error(Value),
}

/// The API. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Host {
    address: SocketAddr,
    shared: Arc<Shared>,
    send: mpsc::UnboundedSender<(String, Invocation)>,
    begun: watch::Receiver<Begun>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    pending: tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, Invocation)>>,
    answers: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    begun: watch::Sender<Begun>,
    told: Mutex<Option<Value>>,
}

impl Host {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (send, receive) = mpsc::unbounded_channel();
        let (tell, begun) = watch::channel(Begun::No);
        let shared = Arc::new(Shared {
            pending: tokio::sync::Mutex::new(receive),
            answers: Mutex::default(),
            begun: tell,
            told: Mutex::default(),
        });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves");
        });
        Self {
            address,
            shared,
            send,
            begun,
            server,
        }
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// A log stream that no other process has.
    pub(super) fn stream(&self) -> String {
        format!("2026/11/30/[$LATEST]{:032x}", self.address.port())
    }

    /// Waits until the process begins to wait for events, or says that it does not.
    pub(super) async fn begun(&self) -> Begun {
        let mut begun = self.begun.clone();
        let begun = begun.wait_for(|begun| *begun != Begun::No).await;
        *begun.expect("the API is there")
    }

    /// What the process said about its start.
    pub(super) fn told(&self) -> Option<Value> {
        let told = self.shared.told.lock();
        told.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts an event where the process fetches it.
    pub(super) fn hand_over(&self, invocation: Invocation) -> oneshot::Receiver<Answer> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        let (answer, answered) = oneshot::channel();
        let answers = self.shared.answers.lock();
        let mut answers = answers.unwrap_or_else(PoisonError::into_inner);
        answers.insert(id.clone(), answer);
        self.send.send((id, invocation)).expect("the API is there");
        answered
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn answer(&self, id: &str, answer: Answer) -> StatusCode {
        let answers = self.answers.lock();
        let waiting = answers.unwrap_or_else(PoisonError::into_inner).remove(id);
        match waiting.map(|waiting| waiting.send(answer)) {
            Some(_) => StatusCode::ACCEPTED,
            None => StatusCode::FORBIDDEN,
        }
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.begun.send_if_modified(|begun| {
        let first = *begun == Begun::No;
        *begun = if first { Begun::Waiting } else { *begun };
        first
    });
    let Some((id, invocation)) = shared.pending.lock().await.recv().await else {
        return Err(StatusCode::GONE);
    };
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: String| {
        headers.insert(name, value.parse().expect("a header"));
    };
    set("lambda-runtime-aws-request-id", id);
    set("lambda-runtime-deadline-ms", deadline(invocation.time));
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:under-test";
    set("lambda-runtime-invoked-function-arn", arn.to_owned());
    if let Some(trace) = invocation.trace {
        set("lambda-runtime-trace-id", trace);
    }
    set(header::CONTENT_TYPE.as_str(), "application/json".to_owned());
    Ok((headers, invocation.event.to_string()))
}

fn deadline(time: Duration) -> String {
    let now: Timestamp = SystemClock.now();
    let since = std::time::SystemTime::from(now).duration_since(UNIX_EPOCH);
    let until = since.expect("a time after 1970") + time;
    until.as_millis().to_string()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    shared.answer(&id, Answer::Response(json(&body)))
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    shared.answer(&id, Answer::Error(json(&body)))
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> impl IntoResponse {
    *shared.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(json(&body));
    shared.begun.send_replace(Begun::Refused);
    (
        StatusCode::ACCEPTED,
        Json(serde_json::json!({"status": "OK"})),
    )
}

fn json(body: &Bytes) -> Value {
    serde_json::from_slice(body).expect("functions speak JSON")
}
