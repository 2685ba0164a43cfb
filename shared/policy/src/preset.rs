//! How known senders prove themselves, as settings of one verifier.

use domain::policy::{KeyDecoding, MacAlgorithm, MacEncoding, SignedBytes, Verify};

/// Five minutes both ways, as the Standard Webhooks libraries have it.
pub(crate) const TOLERANCE_S: u32 = 5 * 60;

/// Makes settings without secrets.
pub(crate) type Preset = fn() -> Verify;

/// Every preset by name.
pub(crate) const PRESETS: &[(&str, Preset)] = &[
    ("standard-webhooks", standard_webhooks),
    ("bamboohr", bamboohr),
    ("hibob", hibob),
    ("gusto", gusto),
    ("deel", deel),
    ("merge", merge),
    ("finch", finch),
];

/// A hex HMAC-SHA-256 of the body under a text key: the commonest shape, and what a table without
/// a preset begins with.
pub(crate) fn plain(header: &str) -> Verify {
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
        tolerance_s: TOLERANCE_S,
        secrets: Vec::new(),
    }
}

fn standard_webhooks() -> Verify {
    Verify {
        encoding: MacEncoding::Base64,
        prefix: Some("v1,".into()),
        separator: Some(' '),
        signed: SignedBytes::IdTimestampBody,
        key: KeyDecoding::Whsec,
        id_header: Some("webhook-id".into()),
        timestamp_header: Some("webhook-timestamp".into()),
        ..plain("webhook-signature")
    }
}

fn bamboohr() -> Verify {
    Verify {
        signed: SignedBytes::BodyTimestamp,
        timestamp_header: Some("x-bamboohr-timestamp".into()),
        ..plain("x-bamboohr-signature")
    }
}

fn hibob() -> Verify {
    Verify {
        algorithm: MacAlgorithm::Sha512,
        encoding: MacEncoding::Base64,
        ..plain("bob-signature")
    }
}

fn gusto() -> Verify {
    plain("x-gusto-signature")
}

fn deel() -> Verify {
    Verify {
        signed: SignedBytes::MethodBody,
        ..plain("x-deel-signature")
    }
}

fn merge() -> Verify {
    Verify {
        encoding: MacEncoding::Base64Url,
        ..plain("x-merge-webhook-signature")
    }
}

fn finch() -> Verify {
    Verify {
        encoding: MacEncoding::Base64,
        prefix: Some("v1,".into()),
        separator: Some(' '),
        signed: SignedBytes::IdTimestampBody,
        key: KeyDecoding::Base64,
        id_header: Some("finch-event-id".into()),
        timestamp_header: Some("finch-timestamp".into()),
        ..plain("finch-signature")
    }
}
