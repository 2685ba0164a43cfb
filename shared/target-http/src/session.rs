//! Requests to one target, with proof of who sends them.

use std::fmt;
use std::sync::Arc;

use domain::profile::Auth;
use jiff::Timestamp;
use ports::target::TargetError;
use ports::{Clock, Fault, Secrets};

use crate::auth::Credentials;
use crate::client::{Answer, HttpClient, HttpConfig, Request};
use crate::{ConfigError, Effect, HttpError, Origin, Proof};

/// Why there is no answer to look at.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The exchange with the target failed.
    #[error(transparent)]
    Http(HttpError),
    /// There is no proof that works, or none to be had now. Nothing was changed at the target.
    #[error(transparent)]
    Auth(Fault),
}

impl SendError {
    /// What a target adapter tells its caller.
    pub fn into_target_error(self, effect: Effect) -> TargetError {
        match self {
            Self::Http(error) => error.into_target_error(effect),
            Self::Auth(fault) => TargetError::Fault(fault),
        }
    }
}

/// A client for one target and the credentials for it.
pub struct Session<S> {
    http: HttpClient,
    credentials: Credentials<S>,
    clock: Arc<dyn Clock>,
}

impl<S> fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.credentials)
    }
}

impl<S: Secrets> Session<S> {
    /// A session with the configured target. Nothing is read or sent yet.
    pub fn new(
        http: &HttpConfig,
        auth: &Auth,
        secrets: Arc<S>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            credentials: Credentials::new(auth, secrets, http.network, clock.clone())?,
            http: HttpClient::new(http)?,
            clock,
        })
    }

    /// Sends a request; its own `proof` is not used. Where the target refuses the proof (401),
    /// the request goes out once more with another one: a refused request changed nothing, so
    /// that this is safe for writes too.
    pub async fn send(&self, request: &Request<'_>) -> Result<Answer, SendError> {
        let proof = self.credentials.current().await.map_err(SendError::Auth)?;
        let answer = self.once(request, &proof).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let other = self.credentials.another(&proof).await;
        let other = other.map_err(SendError::Auth)?;
        let answer = self.once(request, &other).await?;
        if answer.status == 401 {
            return Err(SendError::Auth(self.credentials.refused()));
        }
        self.credentials.worked(other).await;
        Ok(answer)
    }

    async fn once(&self, request: &Request<'_>, proof: &Proof) -> Result<Answer, SendError> {
        let request = Request {
            proof: Some(proof),
            ..request.clone()
        };
        self.http.send(request).await.map_err(SendError::Http)
    }

    /// The origin that is called.
    pub const fn origin(&self) -> &Origin {
        self.http.origin()
    }

    /// The credentials.
    pub const fn credentials(&self) -> &Credentials<S> {
        &self.credentials
    }

    /// Requests sent to the target so far; those to a token endpoint are not among them.
    pub fn calls(&self) -> u64 {
        self.http.calls()
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
