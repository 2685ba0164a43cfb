//! Sends requests and batches, each with a name that Microsoft's support can look up.

use jiff::Timestamp;
use ports::target::TargetError;
use ports::{Fault, Secrets};
use serde_json::Value;
use target_http::{Answer, Body, Effect, Method, Request, Session, To};

use crate::batch::{self, Part, Reply};
use crate::password::guid;

const JSON: &str = "application/json";
pub(crate) const SCIM_JSON: &str = "application/scim+json";

/// What Graph calls an exchange, and how near its limits we are (shown above 0.8).
const KEPT: &[&str] = &["request-id", "x-ms-throttle-limit-percentage"];

/// One request.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) to: To<'a>,
    /// The path without anybody's data.
    pub(crate) template: &'static str,
    pub(crate) body: Option<&'a Value>,
    pub(crate) content_type: &'static str,
    pub(crate) effect: Effect,
    /// For listings, which may wait where Graph is short of room.
    pub(crate) patient: bool,
}

impl<'a> Call<'a> {
    pub(crate) const fn get(to: To<'a>, template: &'static str) -> Self {
        Self {
            method: Method::Get,
            to,
            template,
            body: None,
            content_type: JSON,
            effect: Effect::Read,
            patient: false,
        }
    }

    pub(crate) const fn write(to: To<'a>, template: &'static str, body: &'a Value) -> Self {
        Self {
            method: Method::Post,
            body: Some(body),
            effect: Effect::Write,
            ..Self::get(to, template)
        }
    }
}

pub(crate) struct Wire<S> {
    session: Session<S>,
}

impl<S: Secrets> Wire<S> {
    pub(crate) const fn new(session: Session<S>) -> Self {
        Self { session }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.session.now()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.session.calls()
    }

    /// Sends one request. Any status is a reply.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Reply, TargetError> {
        let id = guid().map_err(TargetError::Fault)?;
        let mut headers = vec![("client-request-id", &*id)];
        if call.patient {
            headers.push(("x-ms-throttle-priority", "Low"));
        }
        let request = Request {
            headers: &headers,
            keep: KEPT,
            body: call.body.map(|value| Body {
                content_type: call.content_type,
                bytes: value.to_string().into(),
            }),
            ..Request::new(call.method, call.to, call.template)
        };
        let answer = self.session.send(&request).await;
        let answer = answer.map_err(|error| error.into_target_error(call.effect))?;
        log(&answer, call, &id);
        if answer.status == 403 {
            // Rights that were granted meanwhile are in new tokens only.
            self.session.credentials().forget().await;
        }
        Ok(reply(answer))
    }

    /// Sends parts as one batch, no more than [`batch::MOST`]. A missing answer is `None`.
    pub(crate) async fn batch(
        &self,
        parts: &[Part],
        sequential: bool,
        effect: Effect,
    ) -> Result<Vec<Option<Reply>>, TargetError> {
        let Some(first) = parts.first() else {
            return Ok(Vec::new());
        };
        let body = batch::body(parts, sequential);
        let to = To::Path {
            path: "/$batch",
            query: None,
        };
        let call = Call {
            effect,
            ..Call::write(to, "/$batch", &body)
        };
        let reply = self.send(call).await?;
        if !reply.is_success() {
            return Err(reply.error(first.action, effect, self.now()));
        }
        let replies = batch::replies(reply.body, parts.len()).ok_or_else(|| match effect {
            Effect::Read => TargetError::Fault(Fault::retry("the answer to a batch is no JSON")),
            Effect::Write => TargetError::Unknown {
                why: "the answer to a batch is no JSON".into(),
            },
        })?;
        let has = |status: u16| replies.iter().flatten().any(|reply| reply.status == status);
        if has(401) || has(403) {
            self.session.credentials().forget().await;
        }
        Ok(replies)
    }
}

fn log(answer: &Answer, call: Call<'_>, id: &str) {
    let kept = |name| answer.kept.get(name).map_or("", |value| &**value);
    // Only what has the form of an id is logged: the header is the target's text.
    let request_id = Some(kept("request-id")).filter(|id| crate::url::ObjectId::is_guid(id));
    tracing::debug!(
        template = call.template,
        status = answer.status,
        client_request_id = id,
        request_id,
        "Microsoft Graph answered"
    );
    let used = kept("x-ms-throttle-limit-percentage").parse::<f64>();
    if let Ok(used) = used {
        tracing::info!(used, "Microsoft Graph comes near its limits");
    }
}

fn reply(answer: Answer) -> Reply {
    Reply {
        status: answer.status,
        body: serde_json::from_slice(&answer.body).unwrap_or_default(),
        retry_after: answer.retry_after,
    }
}
