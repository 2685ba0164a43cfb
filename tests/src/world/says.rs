//! What HR says, as a signed webhook.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::HR_SECRET;

/// One statement of HR about one worker.
#[derive(Clone, Debug)]
pub struct Says {
    worker: String,
    kind: &'static str,
    event: Option<String>,
    attributes: Map<String, Value>,
    more: Map<String, Value>,
}

impl Says {
    /// Something about a worker.
    pub fn about(worker: &str) -> Self {
        Self {
            worker: worker.to_owned(),
            kind: "worker.changed",
            event: None,
            attributes: Map::new(),
            more: Map::new(),
        }
    }

    /// A hire with everything that policy requires, effective on the first day.
    pub fn hires(worker: &str, names: (&str, &str), department: &str, start: &str) -> Self {
        Self::about(worker)
            .that("given_name", names.0)
            .that("family_name", names.1)
            .that("department", department)
            .that("employment_type", "employee")
            .that("worker_status", "active")
            .that("start_date", start)
            .from(start)
    }

    /// A contractor's contract.
    pub fn contracts(worker: &str, names: (&str, &str), start: &str, end: Option<&str>) -> Self {
        let says =
            Self::hires(worker, names, "Engineering", start).that("employment_type", "contractor");
        match end {
            Some(end) => says.that("end_date", end),
            None => says,
        }
    }

    /// The record is deleted.
    pub fn deletes(worker: &str) -> Self {
        Self {
            kind: "worker.deleted",
            ..Self::about(worker)
        }
    }

    /// An event never happened.
    pub fn rescinds(worker: &str, event: &str) -> Self {
        let mut says = Self {
            kind: "worker.rescinded",
            ..Self::about(worker)
        };
        says.more.insert("rescinds".into(), event.into());
        says
    }

    /// States an attribute.
    #[must_use]
    pub fn that(mut self, attribute: &str, value: &str) -> Self {
        self.attributes.insert(attribute.into(), value.into());
        self
    }

    /// Clears an attribute.
    #[must_use]
    pub fn not(mut self, attribute: &str) -> Self {
        self.attributes.insert(attribute.into(), Value::Null);
        self
    }

    /// Effective from a day or an instant.
    #[must_use]
    pub fn from(mut self, effective: &str) -> Self {
        self.more.insert("effective".into(), effective.into());
        self
    }

    /// Recorded at another time than now.
    #[must_use]
    pub fn recorded(mut self, at: &str) -> Self {
        self.more.insert("recorded_at".into(), at.into());
        self
    }

    /// In place of an earlier event.
    #[must_use]
    pub fn corrects(mut self, event: &str) -> Self {
        self.more.insert("corrects".into(), event.into());
        self
    }

    /// Under that event id.
    #[must_use]
    pub fn as_event(mut self, event: &str) -> Self {
        self.event = Some(event.to_owned());
        self
    }

    /// The event id and the API Gateway event of a signed post.
    pub fn request(self, count: u64, now: Timestamp) -> (String, ApiGatewayV2httpRequest) {
        let event = self.event.unwrap_or_else(|| format!("msg_{count:06}"));
        let mut body = Map::new();
        body.insert("schema".into(), "lanyard.worker.v1".into());
        body.insert("type".into(), self.kind.into());
        body.insert("worker_id".into(), self.worker.into());
        body.insert("recorded_at".into(), now.to_string().into());
        if self.kind == "worker.changed" {
            body.insert("attributes".into(), Value::Object(self.attributes));
        }
        body.extend(self.more);
        let body = Value::Object(body).to_string();
        let request = signed("hr", &event, now, &body);
        (event, request)
    }
}

/// An API Gateway event with a Standard Webhooks signature.
pub fn signed(source: &str, event: &str, now: Timestamp, body: &str) -> ApiGatewayV2httpRequest {
    let seconds = now.as_second().to_string();
    let secret = HR_SECRET.strip_prefix("whsec_").expect("a prefix");
    let key = BASE64_STANDARD.decode(secret).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    mac.update(format!("{event}.{seconds}.{body}").as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let event = json!({
        "version": "2.0",
        "routeKey": "POST /hr/{source}",
        "rawPath": format!("/hr/{source}"),
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "webhook-id": event,
            "webhook-timestamp": seconds,
            "webhook-signature": format!("v1,{signature}"),
        },
        "pathParameters": { "source": source },
        "requestContext": {
            "http": { "method": "POST", "path": format!("/hr/{source}"), "sourceIp": "203.0.113.9" },
            "requestId": "request",
            "stage": "$default",
            "timeEpoch": now.as_millisecond(),
        },
        "body": body,
        "isBase64Encoded": false,
    });
    serde_json::from_value(event).expect("an event of API Gateway")
}
