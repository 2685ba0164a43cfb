//! The control routes of a running stack, and whoever calls them: `lanyard status`, `lanyard
//! reconcile`, `lanyard feed`, and the commands by which operators decide. A bearer token from the
//! data folder guards them, because they listen where the webhooks do.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use contract::report::{Class, RunSummary};
use hr_webhook::feed::Report;
use ports::Fault;
use reconciler::Finished;
use serde::{Deserialize, Serialize};
use store_dynamodb::DynamoStore;
use subtle::ConstantTimeEq as _;

use super::data::Control;
use super::feed::Delivered;
use super::follow::Follower;
use super::night::Nightly;
use crate::client::Client;
use crate::holds;
use crate::operations::{Operate, Operated, Status};
use crate::stack::Stack;

/// How long a nightly run may take before the command line gives up waiting.
const LONGEST_NIGHT: Duration = Duration::from_hours(4);

/// What a nightly run came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Night {
    /// The run.
    pub summary: RunSummary,
    /// Requests sent to connectors and planner.
    pub sent: u64,
    /// Findings that a limit stopped.
    pub held: u64,
    /// The report, on the machine of the stack.
    pub report: String,
}

impl Night {
    /// What a run came to.
    pub fn new(stack: &Stack<DynamoStore>, finished: &Finished) -> Result<Self, Fault> {
        let report = stack.report_file(finished, reconciler::report::SUMMARY)?;
        Ok(Self {
            summary: finished.manifest.summary.clone(),
            sent: finished.sent(),
            held: finished.held,
            report: report.display().to_string(),
        })
    }

    /// Whether every target was observed in full.
    pub fn is_complete(&self) -> bool {
        let mut targets = self.summary.targets.values();
        targets.all(|target| target.gap().is_none())
    }

    /// Findings that somebody or something has to do with.
    pub fn findings(&self) -> u64 {
        let late = self.summary.waiting.overdue;
        let targets = self.summary.targets.values();
        let findings = targets.flat_map(|target| &target.findings);
        findings
            .filter(|(class, _)| **class != Class::O11)
            .map(|(_, n)| n)
            .sum::<u64>()
            + late
    }
}

#[derive(Clone)]
struct Controlled {
    stack: Arc<Stack<DynamoStore>>,
    nightly: Arc<Nightly>,
    /// One run at a time.
    running: Arc<tokio::sync::Mutex<()>>,
    follower: Arc<Follower>,
    token: Arc<str>,
}

/// The routes.
pub(super) fn routes(
    stack: Arc<Stack<DynamoStore>>,
    nightly: Arc<Nightly>,
    running: Arc<tokio::sync::Mutex<()>>,
    follower: Arc<Follower>,
    token: &str,
) -> Router {
    let controlled = Controlled {
        stack,
        nightly,
        running,
        follower,
        token: token.into(),
    };
    Router::new()
        .route("/control/status", get(status))
        .route("/control/reconcile", post(reconcile))
        .route("/control/hold", post(hold))
        .route("/control/feed", post(feed))
        .route("/control/operate", post(operate))
        .layer(middleware::from_fn_with_state(controlled.clone(), guard))
        .with_state(controlled)
}

async fn guard(State(controlled): State<Controlled>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .unwrap_or_default();
    if bool::from(given.ct_eq(controlled.token.as_bytes())) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

async fn status(State(controlled): State<Controlled>) -> Response {
    // Asked first: who is handed over while the lanes are looked at may be in none of them yet.
    let version = controlled.stack.policy().version;
    let handed_over = controlled.follower.has_handed_over(version);
    match controlled.stack.operations().status().await {
        Ok(mut status) => {
            status.not_followed = controlled.follower.stuck();
            status.idle &= handed_over;
            Json(status).into_response()
        }
        Err(fault) => failed(&fault),
    }
}

async fn reconcile(State(controlled): State<Controlled>) -> Response {
    let Ok(_running) = controlled.running.try_lock() else {
        return (StatusCode::CONFLICT, "a nightly run is under way").into_response();
    };
    let date = controlled
        .nightly
        .day(ports::Clock::now(controlled.stack.clock()));
    let night = controlled
        .stack
        .reconcile(date)
        .await
        .and_then(|finished| Night::new(&controlled.stack, &finished));
    match night {
        Ok(night) => Json(night).into_response(),
        Err(fault) => failed(&fault),
    }
}

async fn hold(
    State(controlled): State<Controlled>,
    Json(request): Json<holds::Request>,
) -> Response {
    match controlled.stack.operations().holds().answer(&request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(fault) => failed(&fault),
    }
}

/// One feed at a time, and none while a nightly run is under way: both go through everybody.
async fn feed(State(controlled): State<Controlled>, Json(delivered): Json<Delivered>) -> Response {
    let Ok(_running) = controlled.running.try_lock() else {
        return (StatusCode::CONFLICT, "a feed or a nightly run is under way").into_response();
    };
    match delivered.take(&controlled.stack.feeds()).await {
        Ok(report) => Json(report).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error:#}")).into_response(),
    }
}

async fn operate(State(controlled): State<Controlled>, Json(asked): Json<Operate>) -> Response {
    match controlled.stack.operations().operate(asked).await {
        Ok(operated) => Json(operated).into_response(),
        Err(fault @ Fault::Reject { .. }) => {
            (StatusCode::UNPROCESSABLE_ENTITY, fault.to_string()).into_response()
        }
        Err(fault @ (Fault::Retry { .. } | Fault::Halt { .. })) => failed(&fault),
    }
}

fn failed(fault: &Fault) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, fault.to_string()).into_response()
}

/// A connection to the control routes of a running stack.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    token: String,
}

impl Connection {
    /// To a stack by what it says about itself.
    pub fn new(control: &Control) -> anyhow::Result<Self> {
        Ok(Self {
            client: Client::new(&control.url, LONGEST_NIGHT)?,
            token: control.token.clone(),
        })
    }

    /// What is in flight there.
    pub async fn status(&mut self) -> anyhow::Result<Status> {
        self.call("GET", "/control/status").await
    }

    /// Runs the nightly job there.
    pub async fn reconcile(&mut self) -> anyhow::Result<Night> {
        self.call("POST", "/control/reconcile").await
    }

    /// Asks there about holds.
    pub async fn hold(&mut self, request: &holds::Request) -> anyhow::Result<holds::Answer> {
        let body = serde_json::to_string(request)?;
        self.send("POST", "/control/hold", body.into_bytes()).await
    }

    /// Hands a file over there.
    pub async fn feed(&mut self, delivered: &Delivered) -> anyhow::Result<Report> {
        let body = serde_json::to_vec(delivered)?;
        self.send("POST", "/control/feed", body).await
    }

    /// Asks or decides something there.
    pub async fn operate(&mut self, asked: &Operate) -> anyhow::Result<Operated> {
        let body = serde_json::to_vec(asked)?;
        self.send("POST", "/control/operate", body).await
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
    ) -> anyhow::Result<T> {
        self.send(method, path, Vec::new()).await
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<T> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = self.client.send(method, path, &headers, body).await?;
        match answer.status {
            StatusCode::OK => serde_json::from_slice(&answer.body).context("not our answer"),
            StatusCode::UNAUTHORIZED => bail!("the control token is not that of the stack"),
            StatusCode::UNPROCESSABLE_ENTITY => {
                bail!("{}", String::from_utf8_lossy(&answer.body))
            }
            status => bail!("{status}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }
}
