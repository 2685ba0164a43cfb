//! A webhook with in-memory ports, one source per known sender, and signers written apart from
//! the verifier.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::policy::{
    KeyDecoding, MacAlgorithm, MacEncoding, PayloadFormat, SignedBytes, Source, Verify,
};
use domain::{Attr, Fact, Hash, Policy, SourceId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use ports::model::{ManualClock, ModelLanes, ModelSecrets, ModelStore};
use sha2::Sha256;
use telemetry::{Lines, Sink, Telemetry};

use crate::{Answer, Request, Salt, Webhook};

/// When every test begins: 2026-09-21T14:13:20Z.
pub const NOW: i64 = 1_790_000_000;

/// The UTF-8 secret of the vectors.
pub const SECRET: &str = "unit-test-secret";

/// The base64 secret of the vectors.
pub const WHSEC: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub type Model = Webhook<ModelStore, ModelLanes, ModelSecrets, ManualClock>;

pub struct World {
    pub webhook: Model,
    pub store: ModelStore,
    pub lanes: ModelLanes,
    pub clock: ManualClock,
    pub lines: Lines,
}

/// A request in the making; tests change it before it is sent.
#[derive(Clone, Debug)]
pub struct Post {
    pub method: String,
    pub source: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl World {
    pub fn new() -> Self {
        Self::with_secrets(
            ModelSecrets::new()
                .with("utf8", SECRET)
                .with("whsec", WHSEC)
                .with("base64", WHSEC.trim_start_matches("whsec_")),
        )
    }

    pub fn with_secrets(secrets: ModelSecrets) -> Self {
        let clock = ManualClock::new(Timestamp::from_second(NOW).expect("an instant"));
        let store = ModelStore::new();
        let lanes = ModelLanes::new(Arc::new(clock.clone()));
        let webhook = Webhook::new(
            store.clone(),
            lanes.clone(),
            secrets,
            clock.clone(),
            Arc::new(policy()),
            salt(),
        );
        Self {
            webhook,
            store,
            lanes,
            clock,
            lines: Lines::new(),
        }
    }

    pub fn set_now(&self, second: i64) {
        self.clock
            .set(Timestamp::from_second(second).expect("an instant"));
    }

    /// Sends through an API Gateway event in JSON, as the platform does.
    pub fn send(&self, post: &Post) -> Answer {
        let event = post.event();
        let request = Request::from_json(&event).expect("an event");
        self.answer(&request)
    }

    pub fn answer(&self, request: &Request<'_>) -> Answer {
        let telemetry = Telemetry {
            service: "hr-webhook",
            level: tracing::level_filters::LevelFilter::TRACE,
            sink: Sink::Memory(self.lines.clone()),
            now: Box::new(|| Timestamp::UNIX_EPOCH),
            gathered: None,
        };
        let guard = telemetry.start_here();
        let answer = block_on(self.webhook.answer(request));
        drop(guard);
        answer
    }

    /// How often a metric was counted.
    pub fn count(&self, metric: telemetry::Metric) -> usize {
        let name = format!("\"{}\":", metric.name());
        let lines = self.lines.all();
        lines.iter().filter(|line| line.contains(&name)).count()
    }

    pub fn facts(&self) -> Vec<Fact> {
        self.store.facts()
    }

    /// Neither facts nor messages.
    pub fn is_untouched(&self) -> bool {
        self.facts().is_empty() && self.lanes.sent().is_empty()
    }
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(work)
}

pub fn salt() -> Salt {
    Salt::new(b"a salt of at least thirty-two bytes").expect("a salt")
}

impl Post {
    /// A Standard Webhooks request, signed with the vectors' secret.
    pub fn standard(id: &str, body: &str) -> Self {
        let text = format!("{id}.{NOW}.{body}");
        let key = STANDARD
            .decode(WHSEC.trim_start_matches("whsec_"))
            .expect("a key");
        let signature = STANDARD.encode(hmac_sha256(&key, text.as_bytes()));
        Self::unsigned("standard", body)
            .with("webhook-id", id)
            .with("webhook-timestamp", &NOW.to_string())
            .with("webhook-signature", &format!("v1,{signature}"))
    }

    /// A BambooHR request, signed with the vectors' secret.
    pub fn bamboohr(body: &str) -> Self {
        let text = format!("{body}{NOW}");
        let signature = hex::encode(hmac_sha256(SECRET.as_bytes(), text.as_bytes()));
        Self::unsigned("bamboohr", body)
            .with("x-bamboohr-timestamp", &NOW.to_string())
            .with("x-bamboohr-signature", &signature)
    }

    pub fn unsigned(source: &str, body: &str) -> Self {
        Self {
            method: "POST".into(),
            source: source.into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.into(),
        }
    }

    /// Sets a header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }

    /// The platform's event; a body that is not UTF-8 goes in base64.
    pub fn event(&self) -> String {
        match std::str::from_utf8(&self.body) {
            Ok(text) => self.event_with(Some(text), false),
            Err(_) => self.event_in_base64(),
        }
    }

    pub fn event_in_base64(&self) -> String {
        self.event_with(Some(&STANDARD.encode(&self.body)), true)
    }

    pub fn event_with(&self, body: Option<&str>, base64: bool) -> String {
        let headers: BTreeMap<&str, &str> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let path = format!("/hr/{}", self.source);
        let mut event = serde_json::json!({
            "version": "2.0",
            "routeKey": "POST /hr/{source}",
            "rawPath": path,
            "rawQueryString": "",
            "headers": headers,
            "pathParameters": { "source": self.source },
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "api",
                "http": {
                    "method": self.method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.9",
                    "userAgent": "test",
                },
                "requestId": "r-1",
                "stage": "$default",
                "timeEpoch": NOW * 1000,
            },
            "isBase64Encoded": base64,
        });
        if let Some(body) = body {
            event["body"] = body.into();
        }
        event.to_string()
    }
}

pub fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// The knobs of a sender that signs the body alone with the UTF-8 secret, in hex.
pub fn body_in_hex(header: &str) -> Verify {
    Verify {
        header: header.into(),
        algorithm: MacAlgorithm::Sha256,
        encoding: MacEncoding::Hex,
        prefix: None,
        separator: None,
        signed: SignedBytes::Body,
        key: KeyDecoding::Utf8,
        id_header: None,
        timestamp_header: None,
        tolerance_s: 300,
        secrets: vec!["utf8".into()],
    }
}

fn standard() -> Verify {
    Verify {
        header: "webhook-signature".into(),
        algorithm: MacAlgorithm::Sha256,
        encoding: MacEncoding::Base64,
        prefix: Some("v1,".into()),
        separator: Some(' '),
        signed: SignedBytes::IdTimestampBody,
        key: KeyDecoding::Whsec,
        id_header: Some("webhook-id".into()),
        timestamp_header: Some("webhook-timestamp".into()),
        tolerance_s: 300,
        secrets: vec!["whsec".into()],
    }
}

fn source(format: PayloadFormat, verify: Verify) -> Source {
    Source {
        zone: "America/New_York".into(),
        format,
        verify,
        fields: BTreeMap::new(),
        feed: None,
    }
}

pub fn policy() -> Policy {
    let canonical = |verify| source(PayloadFormat::Canonical, verify);
    let mut bamboohr = source(
        PayloadFormat::BambooHrFields,
        Verify {
            signed: SignedBytes::BodyTimestamp,
            timestamp_header: Some("x-bamboohr-timestamp".into()),
            ..body_in_hex("x-bamboohr-signature")
        },
    );
    bamboohr.fields = [
        ("firstName", Attr::GivenName),
        ("lastName", Attr::FamilyName),
        ("jobTitle", Attr::Title),
        ("department", Attr::Department),
        ("hireDate", Attr::StartDate),
        ("terminationDate", Attr::EndDate),
        ("workEmail", Attr::WorkEmail),
        ("homeEmail", Attr::PersonalEmail),
        ("employeeNumber", Attr::EmployeeNumber),
        ("supervisorEId", Attr::ManagerId),
    ]
    .map(|(name, attr)| (name.into(), attr))
    .into();
    let sources = [
        ("standard", canonical(standard())),
        ("bamboohr", bamboohr),
        (
            "hibob",
            canonical(Verify {
                algorithm: MacAlgorithm::Sha512,
                encoding: MacEncoding::Base64,
                ..body_in_hex("bob-signature")
            }),
        ),
        ("gusto", canonical(body_in_hex("x-gusto-signature"))),
        (
            "deel",
            canonical(Verify {
                signed: SignedBytes::MethodBody,
                ..body_in_hex("x-deel-signature")
            }),
        ),
        (
            "merge",
            canonical(Verify {
                encoding: MacEncoding::Base64Url,
                ..body_in_hex("x-merge-webhook-signature")
            }),
        ),
        (
            "finch",
            canonical(Verify {
                header: "finch-signature".into(),
                separator: None,
                key: KeyDecoding::Base64,
                id_header: Some("finch-event-id".into()),
                timestamp_header: Some("finch-timestamp".into()),
                secrets: vec!["base64".into()],
                ..standard()
            }),
        ),
        (
            "two-secrets",
            canonical(Verify {
                secrets: vec!["previous".into(), "whsec".into()],
                ..standard()
            }),
        ),
    ];
    Policy {
        version: Hash::default(),
        sources: sources
            .into_iter()
            .map(|(name, source)| (SourceId::from(name), source))
            .collect(),
        standards: BTreeMap::new(),
        required: Vec::new(),
        validations: Vec::new(),
        zones: [("Tokyo".into(), "Asia/Tokyo".into())].into(),
        weights: None,
        handover: None,
        correlation: Vec::new(),
        identifiers: BTreeMap::new(),
        roles: BTreeMap::new(),
        rules: Vec::new(),
        entitlements: BTreeMap::new(),
        tiers: Vec::new(),
        sod: Vec::new(),
        targets: BTreeMap::new(),
    }
}
