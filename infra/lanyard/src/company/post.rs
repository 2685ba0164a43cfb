//! Posts of the HR system: the canonical worker payload under a Standard Webhooks signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{Attrs, Effective};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::Story;

/// One post to the webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// When it arrives.
    pub at: Timestamp,
    /// The sender's id of the event, the same in every repetition.
    pub id: String,
    /// The number of the person it is about.
    pub person: usize,
    /// Which story it belongs to.
    pub story: Story,
    /// Whether the same post came before.
    pub again: bool,
    /// Whether a newer one about the same person arrived before it.
    pub overtaken: bool,
    /// JSON.
    pub body: String,
}

/// What an event says.
pub(super) enum Says<'a> {
    Attributes {
        attrs: &'a Attrs,
        corrects: Option<&'a str>,
    },
    Rescinded(&'a str),
    Deleted,
}

/// The canonical payload of one event.
pub(super) fn body(
    worker_id: &str,
    version: Option<u64>,
    effective: Option<Effective>,
    recorded_at: Timestamp,
    zone: Option<&str>,
    says: &Says<'_>,
) -> String {
    let mut out = Map::new();
    let kind = match says {
        Says::Attributes { .. } => "worker.changed",
        Says::Rescinded(_) => "worker.rescinded",
        Says::Deleted => "worker.deleted",
    };
    out.insert("schema".into(), json!("lanyard.worker.v1"));
    out.insert("type".into(), json!(kind));
    out.insert("worker_id".into(), json!(worker_id));
    if let Some(version) = version {
        out.insert("version".into(), json!(version));
    }
    match effective {
        Some(Effective::Date(date)) => out.insert("effective".into(), json!(date.to_string())),
        Some(Effective::Instant(at)) => out.insert("effective".into(), json!(at.to_string())),
        None => None,
    };
    out.insert("recorded_at".into(), json!(recorded_at.to_string()));
    if let Some(zone) = zone {
        out.insert("time_zone".into(), json!(zone));
    }
    match says {
        Says::Attributes { attrs, corrects } => {
            if let Some(corrects) = corrects {
                out.insert("corrects".into(), json!(corrects));
            }
            out.insert("attributes".into(), json!(attrs));
        }
        Says::Rescinded(event) => {
            out.insert("rescinds".into(), json!(event));
        }
        Says::Deleted => {}
    }
    Value::Object(out).to_string()
}

/// The three headers of a Standard Webhooks post (specification 1.0.0) for an attempt at that
/// time. `None` where the secret is not `whsec_` and base64.
pub fn sign(
    secret: &str,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> Option<[(&'static str, String); 3]> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    let timestamp = at.as_second().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    Some([
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_published_vectors_say() {
        // The test of the reference library of Standard Webhooks.
        let signed = sign(
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            Timestamp::from_second(1_649_367_553).unwrap(),
            br#"{"email":"test@example.com","username":"test_user"}"#,
        )
        .unwrap();
        assert_eq!(
            signed[2].1,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
    }

    #[test]
    fn a_secret_without_its_prefix_signs_nothing() {
        assert!(
            sign(
                "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "m",
                Timestamp::UNIX_EPOCH,
                b""
            )
            .is_none()
        );
    }
}
