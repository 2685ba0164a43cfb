//! From an HTTP request of an HR system to a durable fact.
//!
//! The order of work is the security of this function: size, headers, time, signature over the
//! bytes as received, and only then the first look into the body. 202 is said only after the
//! facts are durable and the planner was told to look. What cannot be proved gets one and the
//! same 401, whatever the reason and whether or not the source exists.
//!
//! It judges no HR data and calls no target.

pub mod feed;
pub mod key;
pub mod mac_key;
pub mod problem;
pub mod request;
pub mod translate;
pub mod verify;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use contract::{Cause, Lane, PlanRequest};
use domain::policy::{Source, Verify};
use domain::{EventId, Fact, Hash, Policy, SourceId};
use jiff::Timestamp;
use ports::store::{Accepted, Delivery};
use ports::{Clock, Fault, Lanes, Outgoing, Secrets, Store};
use telemetry::{Dimensions, Metric, emit};

pub use key::{Salt, record_key};
pub use problem::{Answer, Problem};
pub use request::Request;

use mac_key::MacKeys;
use request::BodyError;
use translate::{Context, LONGEST_ID, Translated, translate};
use verify::Proof;

/// Largest body that is taken, in bytes: 256 KiB, a hundred times what an employee needs.
pub const LARGEST_BODY: usize = 256 * 1024;

/// Largest body that can be a vendor's connection test.
const LARGEST_PING: usize = 64;

/// The function, with everything that it needs from the world.
#[derive(Debug)]
pub struct Webhook<S, L, K, C> {
    store: S,
    lanes: L,
    secrets: K,
    clock: C,
    policy: Arc<Policy>,
    salt: Salt,
    keys: MacKeys,
}

/// A refusal, and what it means for the counters.
struct Refused {
    problem: Problem,
    metric: Metric,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let metric = match &problem {
            Problem::Unauthorized => Metric::WebhookUnauthorized,
            Problem::Conflict => Metric::WebhookConflict,
            Problem::Unavailable(_) => Metric::WebhookUnavailable,
            Problem::MethodNotAllowed
            | Problem::TooLarge
            | Problem::BadRequest
            | Problem::NotJson
            | Problem::Malformed(_)
            | Problem::Unsupported(_) => Metric::WebhookRejected,
        };
        Self { problem, metric }
    }
}

impl<S: Store, L: Lanes, K: Secrets, C: Clock> Webhook<S, L, K, C> {
    /// A webhook under one policy version.
    pub fn new(store: S, lanes: L, secrets: K, clock: C, policy: Arc<Policy>, salt: Salt) -> Self {
        Self {
            store,
            lanes,
            secrets,
            clock,
            policy,
            salt,
            keys: MacKeys::default(),
        }
    }

    /// Answers an API Gateway event.
    pub async fn handle(&self, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        self.answer(&Request::from(&event)).await.into()
    }

    /// Answers a request.
    pub async fn answer(&self, request: &Request<'_>) -> Answer {
        let source = request
            .source()
            .and_then(|name| self.policy.sources.get_key_value(name));
        let dimensions = source.map_or(Dimensions::NONE, |(id, _)| Dimensions::source(id));
        match self.accept(request, source).await {
            Ok(metric) => {
                emit(metric, 1.0, dimensions);
                Answer::accepted()
            }
            Err(problem) => {
                let Refused { problem, metric } = problem.into();
                emit(metric, 1.0, dimensions);
                problem.into()
            }
        }
    }

    async fn accept(
        &self,
        request: &Request<'_>,
        source: Option<(&SourceId, &Source)>,
    ) -> Result<Metric, Problem> {
        if request.method() != "POST" {
            return Err(Problem::MethodNotAllowed);
        }
        let body = request.body(LARGEST_BODY).map_err(|error| match error {
            BodyError::TooLarge => Problem::TooLarge,
            BodyError::NotBase64 => Problem::BadRequest,
        })?;
        let Some((source_id, source)) = source else {
            tracing::warn!(reason = "the source is unknown", "request refused");
            return Err(Problem::Unauthorized);
        };
        let now = self.clock.now();
        let proof = Proof::gather(&source.verify, request, body.bytes(), now)
            .map_err(|refusal| refuse(source_id, refusal))?;
        self.prove(source_id, &source.verify, &proof).await?;

        if is_ping(body.bytes()) {
            return Ok(Metric::WebhookAccepted);
        }
        if !is_json(request.header("content-type")) {
            return Err(Problem::NotJson);
        }
        let payload = Hash::of(body.bytes());
        let event = match proof.signed_id() {
            Some(id) if id.len() > LONGEST_ID => {
                return Err(Problem::Malformed(format!(
                    "the event id has more than {LONGEST_ID} bytes"
                )));
            }
            Some(id) => EventId::from(id),
            None => EventId::from(payload.to_string()),
        };
        let translated = translate(
            &Context {
                source_id,
                source,
                policy: &self.policy,
                salt: &self.salt,
                event: &event,
                payload,
                now,
            },
            &body,
        )?;
        report_losses(source_id, &translated);
        self.keep(source_id, event, payload, now, &translated.facts)
            .await
    }

    /// Any live version of any of the source's secrets may have made any of the signatures, also one
    /// that was put there since they were read: not every sender comes again after a 401.
    async fn prove(
        &self,
        source: &SourceId,
        verify: &Verify,
        proof: &Proof<'_>,
    ) -> Result<(), Problem> {
        if self.holds(source, verify, proof, false).await?
            || self.holds(source, verify, proof, true).await?
        {
            return Ok(());
        }
        Err(refuse(source, verify::Refusal::Mismatch))
    }

    /// Whether one of the secrets, kept or read anew, made one of the signatures.
    async fn holds(
        &self,
        source: &SourceId,
        verify: &Verify,
        proof: &Proof<'_>,
        anew: bool,
    ) -> Result<bool, Problem> {
        let mut tried = false;
        let mut out_of_reach = false;
        let mut missing = None;
        for name in &verify.secrets {
            let secrets = if anew {
                self.secrets.renew(name).await
            } else {
                self.secrets.get(name).await
            };
            let secrets = match secrets {
                Ok(secrets) => secrets,
                Err(fault) => {
                    out_of_reach |= matches!(fault, Fault::Retry { .. });
                    missing = Some(fault);
                    continue;
                }
            };
            for secret in &secrets {
                match self.keys.get(verify, secret) {
                    Ok(key) if proof.holds_under(&key) => return Ok(true),
                    Ok(_) => tried = true,
                    Err(error) => {
                        let source = source.as_str();
                        tracing::error!(source, %error, "a secret cannot be used");
                    }
                }
            }
        }
        // The signature may be good under a secret that we could not see, and a 401 would lose
        // the event. A name without a secret beside one that has one is the previous secret of
        // a rotation that is over.
        if out_of_reach || !tried {
            if let Some(fault) = missing {
                log_fault(source, &fault, "a secret cannot be fetched");
            }
            return Err(Problem::Unavailable(None));
        }
        Ok(false)
    }

    /// Facts durable first, then the planner told; a duplicate tells the planner again, because
    /// the first attempt may have failed in between.
    async fn keep(
        &self,
        source: &SourceId,
        event: EventId,
        body: Hash,
        now: Timestamp,
        facts: &[Fact],
    ) -> Result<Metric, Problem> {
        let delivery = Delivery {
            source: source.clone(),
            event,
            body,
            received_at: now,
        };
        let accepted = self.store.accept(&delivery, facts).await;
        let metric = match accepted {
            Ok(Accepted::New) => Metric::WebhookAccepted,
            Ok(Accepted::Duplicate) => Metric::WebhookDuplicate,
            Ok(Accepted::Conflict) => {
                let (source, delivery) = (source.as_str(), body.short());
                tracing::error!(source, delivery, "an event id came with another body");
                return Err(Problem::Conflict);
            }
            Err(fault) => {
                log_fault(source, &fault, "the facts cannot be kept");
                return Err(come_again(&fault));
            }
        };
        let nudges = nudges(&delivery, facts).ok_or(Problem::Unavailable(None))?;
        if !nudges.is_empty() {
            self.lanes
                .send(&Lane::Facts, &nudges)
                .await
                .map_err(|fault| {
                    log_fault(source, &fault, "the planner cannot be told");
                    come_again(&fault)
                })?;
        }
        Ok(metric)
    }
}

/// One message per worker record of the delivery.
pub(crate) fn nudges(delivery: &Delivery, facts: &[Fact]) -> Option<Vec<Outgoing>> {
    // Not the body's hash alone: two events with equal bodies are two reasons to look.
    let hash = Hash::of_parts([
        delivery.source.as_str().as_bytes(),
        delivery.event.as_str().as_bytes(),
        delivery.body.0.as_slice(),
    ]);
    let mut nudges: Vec<Outgoing> = Vec::with_capacity(facts.len());
    for fact in facts {
        let group = fact.record.as_str();
        if nudges.iter().any(|nudge| nudge.group == group) {
            continue;
        }
        let request = PlanRequest::new(fact.record.clone(), Cause::Fact);
        nudges.push(Outgoing {
            group: group.to_owned(),
            dedup: format!("{hash}-{group}"),
            body: serde_json::to_string(&request).ok()?,
        });
    }
    Some(nudges)
}

fn refuse(source: &SourceId, refusal: verify::Refusal) -> Problem {
    let source = source.as_str();
    tracing::warn!(source, reason = %refusal, "request refused");
    Problem::Unauthorized
}

fn log_fault(source: &SourceId, fault: &Fault, message: &'static str) {
    let (source, error_type) = (source.as_str(), fault.error_type());
    tracing::error!(source, error_type, error = %fault, reason = message, "post not taken");
}

fn come_again(fault: &Fault) -> Problem {
    let after: Option<Duration> = match fault {
        Fault::Retry { after, .. } => *after,
        Fault::Reject { .. } | Fault::Halt { .. } => None,
    };
    Problem::Unavailable(after)
}

fn report_losses(source: &SourceId, translated: &Translated) {
    let skipped = translated.entries_skipped;
    let unreadable = translated.fields_unreadable;
    let source_name = source.as_str();
    if skipped > 0 {
        tracing::warn!(
            source = source_name,
            skipped,
            "entries of a post could not be read"
        );
        let count = u32::try_from(skipped).unwrap_or(u32::MAX);
        emit(
            Metric::WebhookEntriesSkipped,
            count.into(),
            Dimensions::source(source),
        );
    }
    if unreadable > 0 {
        tracing::warn!(
            source = source_name,
            count = unreadable,
            "mapped fields of a post could not be read"
        );
    }
    if translated.fields_ignored > 0 {
        tracing::debug!(
            source = source_name,
            count = translated.fields_ignored,
            "fields of a post are not mapped"
        );
    }
}

/// `application/json` or anything `+json`, whatever its parameters.
fn is_json(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|text| text.split(';').next());
    let essence = essence.map(str::trim).unwrap_or_default();
    let suffix = essence.rsplit_once('+').map(|(_, suffix)| suffix);
    essence.eq_ignore_ascii_case("application/json")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("json"))
}

/// HiBob's connection test: a bare text first, and JSON if that fails.
fn is_ping(body: &[u8]) -> bool {
    if body.len() > LARGEST_PING {
        return false;
    }
    let text = std::str::from_utf8(body).unwrap_or_default();
    let mut compact = text.to_owned();
    compact.retain(|c| !c.is_whitespace());
    matches!(
        compact.as_str(),
        "Pingtest" | r#""Pingtest""# | r#"{"text":"Pingtest"}"#
    )
}

#[cfg(test)]
mod tests;
