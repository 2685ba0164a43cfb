//! What lies between a process and the servers that it calls: it counts requests, and at the one
//! that was drawn it lets the process hang, until somebody kills it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Largest body that passes.
const MOST: usize = 16 * 1024 * 1024;

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot {
    /// At which of its requests, from 1.
    pub request: u64,
    /// Whether the server still did what it was asked for, and only the answer is lost.
    pub done: bool,
    /// Of what requests alone, by the end of their names, if not of all.
    pub of: Option<&'static str>,
}

/// What a process was killed at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Met {
    /// What it asked for: an operation of AWS, or a method and a path without ids.
    pub request: String,
    /// Whether that was done.
    pub done: bool,
}

/// Gates to several servers with one count for all of them, because one process works at a time.
#[derive(Debug)]
pub struct Gates {
    shared: Arc<Shared>,
    servers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    shot: Mutex<Option<Shot>>,
    met: Mutex<Option<Met>>,
    /// Whether somebody hangs. Until the shot is reloaded nothing passes.
    fired: watch::Sender<bool>,
}

#[derive(Clone)]
struct Gate {
    shared: Arc<Shared>,
    upstream: Arc<str>,
}

impl Gates {
    pub fn new() -> Self {
        let client = Client::builder().no_gzip().build();
        let shared = Shared {
            client: client.expect("a client"),
            shot: Mutex::default(),
            met: Mutex::default(),
            fired: watch::Sender::new(false),
        };
        Self {
            shared: Arc::new(shared),
            servers: Vec::new(),
        }
    }

    /// Opens a gate to the server at this origin; returns the gate's own.
    pub async fn open(&mut self, upstream: &str) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let gate = Gate {
            shared: Arc::clone(&self.shared),
            upstream: upstream.into(),
        };
        let routes = Router::new().fallback(pass).with_state(gate);
        self.servers.push(tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves");
        }));
        format!("http://{address}")
    }

    /// Says when the process that works next is killed. Everything passes again.
    pub fn load(&self, shot: Option<Shot>) {
        *self.shared.shot() = shot;
        self.shared.fired.send_replace(false);
    }

    /// What is left of the shot: `request` counts from here.
    pub fn unload(&self) -> Option<Shot> {
        self.shared.shot().take()
    }

    /// What the process hangs at.
    pub fn met(&self) -> Option<Met> {
        self.shared.met().take()
    }

    /// Waits until a process hangs.
    pub async fn fired(&self) {
        let mut fired = self.shared.fired.subscribe();
        fired.wait_for(|fired| *fired).await.expect("gates");
    }
}

impl Drop for Gates {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

impl Shared {
    fn shot(&self) -> MutexGuard<'_, Option<Shot>> {
        self.shot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn met(&self) -> MutexGuard<'_, Option<Met>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request. The shot, if it is this one that it is for.
    fn count(&self, name: &str) -> Option<Shot> {
        let mut loaded = self.shot();
        let shot = loaded.as_mut()?;
        if shot.of.is_some_and(|of| !name.ends_with(of)) {
            return None;
        }
        if shot.request > 1 {
            shot.request -= 1;
            return None;
        }
        loaded.take()
    }

    /// For ever: the process at the other end is dead before anything more is said to it.
    async fn hang(&self) -> Response {
        self.fired.send_replace(true);
        std::future::pending().await
    }
}

async fn pass(State(gate): State<Gate>, request: Request) -> Response {
    let shared = &gate.shared;
    if *shared.fired.borrow() {
        return shared.hang().await;
    }
    let name = name(&request);
    match shared.count(&name) {
        None => forward(&gate, request).await,
        Some(shot) => {
            *shared.met() = Some(Met {
                request: name,
                done: shot.done,
            });
            if shot.done {
                forward(&gate, request).await;
            }
            shared.hang().await
        }
    }
}

async fn forward(gate: &Gate, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    // Whoever is killed while it speaks says nothing.
    let Ok(body) = to_bytes(body, MOST).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut sent = gate
        .shared
        .client
        .request(parts.method, format!("{}{path}", gate.upstream))
        .body(body);
    for (name, value) in parts.headers.iter().filter(travels) {
        sent = sent.header(name, value);
    }
    let Ok(answer) = sent.send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let Ok(body) = answer.bytes().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in headers.iter().filter(travels) {
        response.headers_mut().append(name, value.clone());
    }
    response
}

/// What a request asks for, without ids: `DynamoDB_20120810.Query`, `PATCH /scim/v2/Groups`.
fn name(request: &Request) -> String {
    let operation = request.headers().get("x-amz-target");
    let operation = operation.and_then(|name| name.to_str().ok());
    if let Some(operation) = operation {
        return operation.to_owned();
    }
    let path = request.uri().path();
    let parts = if path.starts_with("/scim/") { 4 } else { 3 };
    let path: Vec<&str> = path.split('/').take(parts).collect();
    format!("{} {}", request.method(), path.join("/"))
}

/// Whether a header is about the message, and not about the connection.
fn travels((name, _): &(&HeaderName, &HeaderValue)) -> bool {
    ![
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ]
    .contains(name)
}
