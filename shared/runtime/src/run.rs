//! From the start of a process to its end.

use std::fmt;
use std::process::ExitCode;

use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use ports::clock::SystemClock;
use ports::{Clock as _, Fault, Trace, trace};
use serde::Serialize;
use serde::de::DeserializeOwned;
use telemetry::{Gathered, Sink, Telemetry, write_gathered};
use tracing::Instrument as _;

use crate::environment::Environment;
use crate::start::{StartError, tell};

/// An event that a function failed on. The platform tries it again, or tells whoever waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    error_type: &'static str,
    message: String,
}

impl Failure {
    /// By the stable name for operators, and what happened, without personal data.
    pub fn new(error_type: &'static str, message: impl fmt::Display) -> Self {
        Self {
            error_type,
            message: message.to_string(),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::new(fault.error_type(), fault)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: failure.error_type.to_owned(),
            error_message: failure.message,
        }
    }
}

/// Starts a function and hands it one event after the other, each as part of its trace. `start`
/// does everything that an event would otherwise wait for: connections, secrets, policy.
///
/// Returns when the platform ends the process, or with a failure when the function did not start.
pub async fn run<E, A, S, H>(service: &'static str, start: S) -> ExitCode
where
    E: DeserializeOwned,
    A: Serialize,
    S: AsyncFnOnce() -> Result<H, StartError>,
    H: AsyncFn(E) -> Result<A, Failure>,
{
    let environment = Environment::of_process();
    let gathered = Gathered::new();
    let telemetry = Telemetry {
        service,
        level: environment.log_level(),
        sink: Sink::Stdout,
        now: Box::new(|| SystemClock.now()),
        gathered: Some(gathered.clone()),
    };
    let write_metrics = || write_gathered(&gathered, service, &Sink::Stdout, SystemClock.now());
    let started = match telemetry.start() {
        // Boxed, here and below: both are large, and would lie in every future around them.
        Ok(()) => Box::pin(start()).await,
        Err(error) => Err(error.into()),
    };
    write_metrics();
    let handler = match started {
        Ok(handler) => handler,
        Err(error) => {
            error.log();
            if let Some(api) = environment.runtime_api()
                && let Err(error) = tell(&api, &error).await
            {
                tracing::error!(%error, "Lambda was not told");
            }
            return ExitCode::FAILURE;
        }
    };
    let runtime = Runtime::new(service_fn(async |event: LambdaEvent<E>| {
        let answer = handle(&handler, event).await;
        write_metrics();
        answer
    }));
    match runtime.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the platform was not reached");
            ExitCode::FAILURE
        }
    }
}

/// Sends a request for the sake of its connection, so that the first event does not wait for one.
/// Whatever it is answered: a role that may not ask has its connection all the same.
pub async fn prime<T, E: fmt::Display>(
    service: &'static str,
    request: impl Future<Output = Result<T, E>>,
) {
    if let Err(error) = request.await {
        tracing::debug!(op = service, %error, "primed without an answer");
    }
}

async fn handle<E, A, H>(handler: &H, event: LambdaEvent<E>) -> Result<A, Failure>
where
    H: AsyncFn(E) -> Result<A, Failure>,
{
    let LambdaEvent { payload, context } = event;
    let trace = context.xray_trace_id.as_deref().and_then(Trace::parse);
    // The span is opened inside the trace's own: a line has the fields of both.
    trace::within(trace, async {
        let span = tracing::info_span!("event", request_id = context.request_id);
        answer(handler, payload).instrument(span).await
    })
    .await
}

async fn answer<E, A, H>(handler: &H, payload: E) -> Result<A, Failure>
where
    H: AsyncFn(E) -> Result<A, Failure>,
{
    let answer = Box::pin(handler(payload)).await;
    if let Err(failure) = &answer {
        let (error_type, error) = (failure.error_type, failure.message.as_str());
        tracing::error!(error_type, error, "event failed");
    }
    answer
}
