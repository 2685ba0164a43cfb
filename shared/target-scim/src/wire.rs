//! Sends requests and sorts the answers.

use jiff::Timestamp;
use ports::Secrets;
use ports::target::TargetError;
use serde_json::Value;
use target_http::{Answer, Body, Effect, HttpError, Method, Request, SendError, Session, To};

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

pub(crate) struct Wire<S> {
    pub(crate) http: Session<S>,
}

impl<S: Secrets> Wire<S> {
    pub(crate) const fn new(http: Session<S>) -> Self {
        Self { http }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.http.now()
    }

    /// Sends a request. A search by POST reads, whatever its verb.
    pub(crate) async fn send(
        &self,
        method: Method,
        effect: Effect,
        call: &Call<'_>,
    ) -> Result<Got, TargetError> {
        let sent = self.exchange(method, call).await;
        sent.map_err(|error| error.into_target_error(effect))
    }

    /// Reads what may be larger than we take; `None` where it is.
    pub(crate) async fn read_if_small(&self, call: &Call<'_>) -> Result<Option<Got>, TargetError> {
        match self.exchange(Method::Get, call).await {
            Ok(got) => Ok(Some(got)),
            Err(SendError::Http(HttpError::TooLarge { .. })) => Ok(None),
            Err(error) => Err(error.into_target_error(Effect::Read)),
        }
    }

    async fn exchange(&self, method: Method, call: &Call<'_>) -> Result<Got, SendError> {
        let answer = self.raw(method, call).await?;
        Ok(if answer.is_success() {
            Got::Success(answer)
        } else {
            Got::Refused(Refusal::of(&answer))
        })
    }

    /// The answer as it came, whatever its status.
    pub(crate) async fn raw(&self, method: Method, call: &Call<'_>) -> Result<Answer, SendError> {
        let to = To::Path {
            path: &call.path,
            query: call.query.as_deref(),
        };
        let request = Request {
            accept: ACCEPT,
            if_match: call.if_match.as_deref(),
            body: call.body.map(|value| Body {
                content_type: SCIM_JSON,
                bytes: body::bytes(value),
            }),
            ..Request::new(method, to, call.template)
        };
        self.http.send(&request).await
    }
}
