//! One request: written, signed and sent, again where that helps, and its answer read.

use std::error::Error as StdError;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::error::operation::BuildError;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use crate::operation::{Codec, Failure, Operation, OtherType};
use crate::retry::{Budget, Reason, asked, may_be_skewed};
use crate::service::{address, named};
use crate::sign::{NotInMemory, Scope};
use crate::{Config, Service};

/// Who asks.
const AGENT: &str = concat!("lanyard/", env!("CARGO_PKG_VERSION"));

/// How far clocks may differ before a refusal is put down to that. AWS takes five minutes, and
/// fifteen in S3.
const SKEW: Duration = Duration::from_mins(4);

/// A service as one stack asks it. Clones share what is known about it.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    config: Config,
    service: Service,
    endpoint: String,
    budget: Budget,
    /// Milliseconds by which the service's clock is ahead of ours.
    ahead: AtomicI64,
}

impl Client {
    /// Of a service, under a configuration. Nothing is sent.
    pub fn new(config: &Config, service: Service) -> Self {
        let endpoint = config.endpoint.clone();
        let endpoint = endpoint.unwrap_or_else(|| service.endpoint(&config.region));
        Self(Arc::new(Inner {
            config: config.clone(),
            service,
            endpoint,
            budget: Budget::default(),
            ahead: AtomicI64::new(0),
        }))
    }

    /// What it was made of.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Sends a request and reads the answer.
    pub async fn send<I, O, E>(
        &self,
        operation: &Operation<I, O, E>,
        input: Result<I, BuildError>,
    ) -> Result<O, SdkError<E, HttpResponse>>
    where
        I: Debug + Send + Sync + 'static,
        O: Debug + Send + Sync + 'static,
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        self.send_counted(operation, input).await.0
    }

    /// Sends a request and reads the answer; says as well how often it was sent.
    pub async fn send_counted<I, O, E>(
        &self,
        operation: &Operation<I, O, E>,
        input: Result<I, BuildError>,
    ) -> (Result<O, SdkError<E, HttpResponse>>, u32)
    where
        I: Debug + Send + Sync + 'static,
        O: Debug + Send + Sync + 'static,
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let (codec, request) = match self.written(operation, input) {
            Ok(written) => written,
            Err(failure) => return (Err(failure.typed()), 0),
        };
        let mut course = Course {
            inner: &self.0,
            codec,
            request: &request,
            streams: operation.streams,
            code: code::<E>,
            attempts: 0,
        };
        let answered = course.run().await;
        let typed = match answered {
            Ok(output) => output
                .downcast::<O>()
                .map_err(|_| SdkError::construction_failure(OtherType)),
            Err(failure) => Err(failure.typed()),
        };
        (typed, course.attempts)
    }

    /// The URL of a request that whoever has it may send for so long, and no longer than the
    /// credentials live that it is signed with.
    pub async fn presign<I, O, E>(
        &self,
        operation: &Operation<I, O, E>,
        input: Result<I, BuildError>,
        valid: Duration,
    ) -> Result<String, SdkError<E, HttpResponse>>
    where
        I: Debug + Send + Sync + 'static,
        E: StdError + Send + Sync + 'static,
    {
        let (_, request) = self.written(operation, input).map_err(Failure::typed)?;
        let now = SystemTime::from(self.0.config.clock.now());
        let identity = self.0.config.identities.get(now).await;
        let identity = identity.map_err(|error| {
            SdkError::dispatch_failure(ConnectorError::other(error.into(), None))
        })?;
        let scope = self.0.scope(&identity, now);
        let url = scope.presign(&request, valid);
        url.map_err(SdkError::construction_failure)
    }

    /// A request with an address and without a signature.
    fn written<'a, I, O, E>(
        &self,
        operation: &'a Operation<I, O, E>,
        input: Result<I, BuildError>,
    ) -> Result<(&'a Codec, HttpRequest), Failure>
    where
        I: Debug + Send + Sync + 'static,
    {
        let refused = |why: BuildError| Failure::Request(why.into());
        let input = input.map_err(refused)?;
        let codec = operation.codec();
        let codec = codec.map_err(|why| Failure::Request(why.into()))?;
        let bucket = operation.bucket.map(|of| named(of(&input))).transpose();
        let bucket = bucket.map_err(|why| Failure::Request(why.into()))?;
        let mut request = codec.write(input).map_err(Failure::Request)?;
        address(&mut request, &self.0.endpoint, bucket.as_deref()).map_err(Failure::Request)?;
        request.headers_mut().insert("user-agent", AGENT);
        Ok((codec, request))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("service", &self.0.service.name)
            .field("endpoint", &self.0.endpoint)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn scope<'a>(&'a self, identity: &'a Identity, time: SystemTime) -> Scope<'a> {
        Scope {
            service: self.service,
            region: &self.config.region,
            identity,
            time,
        }
    }
}

/// One request on its way.
struct Course<'a> {
    inner: &'a Inner,
    codec: &'a Codec,
    request: &'a HttpRequest,
    streams: bool,
    code: fn(&Error) -> Option<&str>,
    attempts: u32,
}

impl Course<'_> {
    /// Sends it until it is answered for good, its limits are reached, or the service's budget is
    /// used up. A connection on which something was lost is not used again.
    async fn run(&mut self) -> Result<Output, Failure> {
        let Config { limits, clock, .. } = &self.inner.config;
        let deadline = Instant::now() + limits.request;
        let mut taken = None;
        loop {
            self.attempts += 1;
            let connection = CaptureSmithyConnection::new();
            let (sent, ahead) = (clock.now(), self.inner.ahead.load(Ordering::Relaxed));
            let attempt = self.attempt(&connection, sent.into(), ahead, deadline);
            let failure = match attempt.await {
                Ok(output) => {
                    self.inner.budget.put_back(taken);
                    return Ok(output);
                }
                Err(failure) => failure,
            };
            let Some(reason) = self.reason(&failure, sent.into(), ahead) else {
                return Err(failure);
            };
            if reason == Reason::Lost
                && let Some(connection) = connection.get()
            {
                connection.poison();
            }
            let wait = reason.wait(self.attempts, failure.answer().and_then(asked), chance());
            if self.attempts >= limits.attempts || Instant::now() + wait >= deadline {
                return Err(failure);
            }
            taken = self.inner.budget.take(reason);
            if taken.is_none() {
                return Err(failure);
            }
            pause(wait).await;
        }
    }

    async fn attempt(
        &self,
        connection: &CaptureSmithyConnection,
        now: SystemTime,
        ahead: i64,
        deadline: Instant,
    ) -> Result<Output, Failure> {
        let config = &self.inner.config;
        let identity = timeout_at(deadline, config.identities.get(now)).await;
        let identity = identity
            .map_err(|_| late())?
            .map_err(|error| Failure::Connection(ConnectorError::other(error.into(), None)))?;
        let request = self.request.try_clone();
        let mut request = request.ok_or_else(|| Failure::Request(NotInMemory.into()))?;
        let scope = self.inner.scope(&identity, shifted(now, ahead));
        scope.sign(&mut request).map_err(Failure::Request)?;
        request.add_extension(connection.clone());
        let until = deadline.min(Instant::now() + config.limits.attempt);
        let answer = timeout_at(until, config.connector.call(request)).await;
        let answer = answer.map_err(|_| late())?.map_err(Failure::Connection)?;
        let answer = self.load(answer, until).await?;
        self.codec.read(answer)
    }

    /// The answer with its body in memory.
    async fn load(
        &self,
        mut answer: HttpResponse,
        until: Instant,
    ) -> Result<HttpResponse, Failure> {
        if answer.body().bytes().is_some() {
            return Ok(answer);
        }
        let streams = self.streams && answer.status().is_success();
        let mut body = answer.take_body();
        let mut parts: Vec<Bytes> = Vec::new();
        loop {
            let until = if streams {
                Instant::now() + self.inner.config.limits.attempt
            } else {
                until
            };
            match timeout_at(until, body.frame()).await {
                Ok(Some(Ok(frame))) => parts.extend(frame.into_data().ok()),
                Ok(Some(Err(error))) => return Err(Failure::CutOff(error, answer.into())),
                Ok(None) => break,
                Err(_) => return Err(late()),
            }
        }
        let whole = match parts.len() {
            1 => parts.pop().unwrap_or_default(),
            _ => parts.concat().into(),
        };
        *answer.body_mut() = SdkBody::from(whole);
        Ok(answer)
    }

    /// Why to send it again, if it is to be; sets the clock right where that is the reason.
    fn reason(&self, failure: &Failure, sent: SystemTime, ahead: i64) -> Option<Reason> {
        match failure {
            Failure::Request(_) | Failure::Unread(..) => None,
            Failure::Time(_) | Failure::CutOff(..) => Some(Reason::Lost),
            Failure::Connection(error) => Reason::of_connection(error),
            Failure::Service(error, answer) => {
                let code = (self.code)(error);
                let reason = Reason::of_answer(code, answer.status().as_u16());
                if reason.is_some() || !may_be_skewed(code) {
                    return reason;
                }
                let received = SystemTime::from(self.inner.config.clock.now());
                let really = ahead_of(answer, sent, received)?;
                if really.abs_diff(ahead) <= u64::try_from(SKEW.as_millis()).unwrap_or(u64::MAX) {
                    return None;
                }
                self.inner.ahead.store(really, Ordering::Relaxed);
                Some(Reason::Skewed)
            }
        }
    }
}

/// The service's code in an error of an operation.
fn code<E: StdError + ProvideErrorMetadata + Send + Sync + 'static>(error: &Error) -> Option<&str> {
    error.downcast_ref::<E>().and_then(E::code)
}

/// Milliseconds by which the clock of whoever answered is ahead of ours.
fn ahead_of(answer: &HttpResponse, sent: SystemTime, received: SystemTime) -> Option<i64> {
    let date = answer.headers().get("date")?;
    let there = DateTime::from_str(date, Format::HttpDate).ok()?;
    let there = there.to_millis().ok()?;
    let taken = received.duration_since(sent).unwrap_or_default();
    let here = DateTime::from(sent + taken / 2).to_millis().ok()?;
    there.checked_sub(here)
}

fn shifted(time: SystemTime, ahead: i64) -> SystemTime {
    let by = Duration::from_millis(ahead.unsigned_abs());
    let shifted = if ahead < 0 {
        time.checked_sub(by)
    } else {
        time.checked_add(by)
    };
    shifted.unwrap_or(time)
}

#[derive(Debug, thiserror::Error)]
#[error("nothing came in time")]
struct Late;

fn late() -> Failure {
    Failure::Time(Late.into())
}

/// A number from 0 to 1, so that those who failed together do not come back together.
fn chance() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[expect(
    clippy::disallowed_methods,
    reason = "queues wait for minutes; a lost connection is worth some milliseconds within a request's limit"
)]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
