//! Sends requests with a token that may be renewed while they run.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use ports::secrets::Secret;
use ports::target::TargetError;
use ports::{Clock, Fault, Secrets};
use serde_json::Value;
use target_http::{Answer, Body, Effect, HttpClient, HttpError, Method, Request, To};

use crate::body;
use crate::refusal::Refusal;

const SCIM_JSON: &str = "application/scim+json";
const ACCEPT: &str = "application/scim+json, application/json;q=0.9";

/// One request.
#[derive(Default)]
pub(crate) struct Call<'a> {
    /// Percent-encoded, below the base URL.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// The path without anybody's data.
    pub(crate) template: &'static str,
    pub(crate) body: Option<&'a Value>,
    pub(crate) if_match: Option<Box<str>>,
}

/// What came back: a success, or a refusal that the caller may have a better idea about.
pub(crate) enum Got {
    Success(Answer),
    Refused(Refusal),
}

/// Why there is no answer to look at.
pub(crate) enum Stop {
    Http(HttpError),
    Fault(Fault),
}

impl Stop {
    fn into_error(self, effect: Effect) -> TargetError {
        match self {
            Self::Http(error) => error.into_target_error(effect),
            Self::Fault(fault) => TargetError::Fault(fault),
        }
    }
}

pub(crate) struct Wire<S> {
    pub(crate) http: HttpClient,
    secrets: Arc<S>,
    token_name: Box<str>,
    /// The version that worked last.
    token: Mutex<Option<Secret>>,
    clock: Arc<dyn Clock>,
}

impl<S: Secrets> Wire<S> {
    pub(crate) fn new(
        http: HttpClient,
        secrets: Arc<S>,
        token_name: Box<str>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            http,
            secrets,
            token_name,
            token: Mutex::new(None),
            clock,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sends a request. A search by POST reads, whatever its verb.
    pub(crate) async fn send(
        &self,
        method: Method,
        effect: Effect,
        call: &Call<'_>,
    ) -> Result<Got, TargetError> {
        let sent = self.exchange(method, call).await;
        sent.map_err(|stop| stop.into_error(effect))
    }

    /// Reads what may be larger than we take; `None` where it is.
    pub(crate) async fn read_if_small(&self, call: &Call<'_>) -> Result<Option<Got>, TargetError> {
        match self.exchange(Method::Get, call).await {
            Ok(got) => Ok(Some(got)),
            Err(Stop::Http(HttpError::TooLarge { .. })) => Ok(None),
            Err(stop) => Err(stop.into_error(Effect::Read)),
        }
    }

    async fn exchange(&self, method: Method, call: &Call<'_>) -> Result<Got, Stop> {
        let answer = self.raw(method, call).await?;
        if answer.is_success() {
            Ok(Got::Success(answer))
        } else {
            Ok(Got::Refused(Refusal::of(&answer)))
        }
    }

    /// The answer as it came, whatever its status.
    pub(crate) async fn raw(&self, method: Method, call: &Call<'_>) -> Result<Answer, Stop> {
        let body = call.body.map(|value| Body {
            content_type: SCIM_JSON,
            bytes: body::bytes(value),
        });
        let once = async |token: &Secret| {
            let to = To::Path {
                path: &call.path,
                query: call.query.as_deref(),
            };
            let request = Request {
                method,
                to,
                template: call.template,
                accept: ACCEPT,
                token: Some(token),
                if_match: call.if_match.as_deref(),
                body: body.clone(),
            };
            self.http.send(request).await.map_err(Stop::Http)
        };
        let token = self.current().await.map_err(Stop::Fault)?;
        let mut answer = once(&token).await?;
        if answer.status == 401 {
            // The request was refused, so that sending it again is safe, writes included.
            let token = self.another(&token).await.map_err(Stop::Fault)?;
            answer = once(&token).await?;
            if answer.status == 401 {
                return Err(Stop::Fault(self.no_token_works()));
            }
            self.remember(token);
        }
        Ok(answer)
    }

    async fn current(&self) -> Result<Secret, Fault> {
        let kept = self
            .token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(token) = kept {
            return Ok(token);
        }
        let versions = self.secrets.get(&self.token_name).await?;
        let token = versions.into_iter().next().ok_or_else(|| {
            Fault::halt(format!("the secret `{}` has no version", self.token_name))
        })?;
        self.remember(token.clone());
        Ok(token)
    }

    /// The newest version that is not the refused one.
    async fn another(&self, refused: &Secret) -> Result<Secret, Fault> {
        let versions = self.secrets.get(&self.token_name).await?;
        let other = versions.into_iter().find(|version| version != refused);
        other.ok_or_else(|| self.no_token_works())
    }

    fn remember(&self, token: Secret) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    fn no_token_works(&self) -> Fault {
        Fault::halt(format!(
            "the target refuses the token (401); renew the secret `{}`",
            self.token_name
        ))
    }
}
