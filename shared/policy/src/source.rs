//! `[sources.<name>]`: HR systems, how their payloads read and how their requests prove
//! themselves.

use std::collections::BTreeMap;

use domain::policy::{
    KeyDecoding, MacAlgorithm, MacEncoding, PayloadFormat, SignedBytes, Source, Verify,
};
use domain::{Attr, SourceId};

use crate::feed;
use crate::fields::{Fields, Node};
use crate::names;
use crate::preset::{self, PRESETS};
use crate::report::At;
use crate::secret;
use crate::sections::{Sections, values};
use crate::standard::check_zone;

/// Reads every source.
pub(crate) fn read(sections: &Sections<'_>, required: &[At<Attr>]) -> BTreeMap<SourceId, Source> {
    sections.must_have("sources", "[sources.hr]");
    values(sections.named("sources", "source", |fields| source(fields, required)))
}

fn source(fields: &Fields<'_>, required: &[At<Attr>]) -> Source {
    let zone = fields
        .need("zone", "\"Europe/Lisbon\"")
        .and_then(|node| node.text());
    if let Some(zone) = zone {
        check_zone(fields.report, zone);
    }
    let format = fields.need("format", "\"canonical\"").and_then(|node| {
        node.choice(&[
            ("canonical", PayloadFormat::Canonical),
            ("bamboohr", PayloadFormat::BambooHrFields),
        ])
    });
    let mut verify = fields
        .need("verify", "\"standard-webhooks\"")
        .map_or_else(|| preset::plain(""), |node| verify(&node));
    verify.secrets = secrets(fields);
    Source {
        zone: zone.map_or("", |zone| zone.value).into(),
        format: format.unwrap_or(PayloadFormat::Canonical),
        verify,
        fields: field_names(fields, format, required),
        feed: feed::read(fields, required),
    }
}

/// Names of secrets, at least one.
fn secrets(fields: &Fields<'_>) -> Vec<Box<str>> {
    let Some(node) = fields.need("secrets", "[\"hr-signing\"]") else {
        return Vec::new();
    };
    node.not_empty();
    let names = node.texts();
    for name in &names {
        secret_name(fields, *name);
    }
    names.iter().map(|name| name.value.into()).collect()
}

/// Reports a secret's name that is none, unless it is reported as a secret already.
pub(crate) fn secret_name(fields: &Fields<'_>, name: At<&str>) {
    if !secret::looks_like(name.value) {
        names::check(fields.report, name, "a secret", true);
    }
}

/// The company's names of the source's fields.
fn field_names(
    fields: &Fields<'_>,
    format: Option<PayloadFormat>,
    required: &[At<Attr>],
) -> BTreeMap<Box<str>, Attr> {
    let mut by_name = BTreeMap::new();
    let Some(node) = fields.get("fields") else {
        if format == Some(PayloadFormat::BambooHrFields) {
            fields.report.error(
                fields.at,
                "missing-key",
                format!("{} lacks `fields`", fields.name),
                "the company names BambooHR's fields: add for example \
                 `fields = { firstName = \"given_name\" }`",
            );
        }
        return by_name;
    };
    if format == Some(PayloadFormat::Canonical) {
        fields.report.error(
            node.at,
            "not-here",
            format!("{} has no meaning for the canonical payload", node.name),
            "remove it: the canonical payload names attributes directly",
        );
    }
    let mut mapped: BTreeMap<Attr, At<&str>> = BTreeMap::new();
    for (name, value) in node.entries() {
        let Some(attr) = value.attr() else {
            continue;
        };
        if attr == Attr::Lifecycle {
            fields.report.error(
                value.at,
                "bad-attribute",
                "`lifecycle` is derived and never stated",
                "map the field onto another attribute",
            );
        }
        if let Some(other) = mapped.insert(attr, name) {
            fields.report.error(
                name.at,
                "twice",
                format!(
                    "`{attr}` is read from `{}` and `{}`",
                    other.value, name.value
                ),
                "keep the field that holds it",
            );
        }
        by_name.insert(name.value.into(), attr);
    }
    for attr in required {
        if !mapped.contains_key(&attr.value) && !by_name.is_empty() {
            fields.report.warn(
                node.at,
                "required-never-stated",
                format!("{} has no `{}`, which is required", node.name, attr.value),
                "add the field, or every record of this source will be parked",
            );
        }
    }
    by_name
}

fn verify(node: &Node<'_>) -> Verify {
    if node.is_text() {
        return named(node);
    }
    let Some(fields) = node.fields() else {
        return preset::plain("");
    };
    let mut verify = if let Some(node) = fields.get("preset") {
        named(&node)
    } else {
        for (key, example) in [
            ("header", "\"x-signature\""),
            ("algorithm", "\"sha256\""),
            ("encoding", "\"hex\""),
            ("signed", "\"{body}\""),
            ("key", "\"utf8\""),
        ] {
            fields.need(key, example);
        }
        preset::plain("")
    };
    knobs(&fields, &mut verify);
    check(&fields, &verify);
    fields.finish();
    verify
}

/// The preset of that name.
fn named(node: &Node<'_>) -> Verify {
    node.choice(PRESETS)
        .map_or_else(|| preset::plain(""), |preset| preset())
}

/// Lays the table's own settings over the preset's.
fn knobs(fields: &Fields<'_>, verify: &mut Verify) {
    if let Some(header) = fields.get("header").and_then(|node| header(&node)) {
        verify.header = header;
    }
    let algorithms = [
        ("sha256", MacAlgorithm::Sha256),
        ("sha512", MacAlgorithm::Sha512),
    ];
    if let Some(algorithm) = choice(fields, "algorithm", &algorithms) {
        verify.algorithm = algorithm;
    }
    let encodings = [
        ("hex", MacEncoding::Hex),
        ("base64", MacEncoding::Base64),
        ("base64url", MacEncoding::Base64Url),
    ];
    if let Some(encoding) = choice(fields, "encoding", &encodings) {
        verify.encoding = encoding;
    }
    let signed = [
        ("{body}", SignedBytes::Body),
        ("{body}{ts}", SignedBytes::BodyTimestamp),
        ("{method}{body}", SignedBytes::MethodBody),
        ("{id}.{ts}.{body}", SignedBytes::IdTimestampBody),
    ];
    if let Some(signed) = choice(fields, "signed", &signed) {
        verify.signed = signed;
    }
    let keys = [
        ("utf8", KeyDecoding::Utf8),
        ("base64", KeyDecoding::Base64),
        ("whsec", KeyDecoding::Whsec),
    ];
    if let Some(key) = choice(fields, "key", &keys) {
        verify.key = key;
    }
    // An empty text takes a preset's setting away.
    if let Some(prefix) = fields.get("prefix").and_then(|node| node.any_text()) {
        verify.prefix = (!prefix.value.is_empty()).then(|| prefix.value.into());
    }
    if let Some(node) = fields.get("separator") {
        verify.separator = separator(&node);
    }
    if let Some(node) = fields.get("id_header") {
        verify.id_header = header(&node);
    }
    if let Some(node) = fields.get("timestamp_header") {
        verify.timestamp_header = header(&node);
    }
    if let Some(tolerance_s) = fields.get("tolerance").and_then(|node| duration(&node)) {
        verify.tolerance_s = tolerance_s;
    }
}

fn choice<T: Copy>(fields: &Fields<'_>, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
    fields.get(key).and_then(|node| node.choice(choices))
}

/// A header's name in lower case; `None` where it is empty.
fn header(node: &Node<'_>) -> Option<Box<str>> {
    let text = node.any_text().filter(|text| !text.value.is_empty())?;
    let name = text.value.to_ascii_lowercase();
    let good = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !good {
        node.report.error(
            text.at,
            "bad-header",
            format!("`{}` is not the name of a header", text.value),
            "write for example `x-signature`",
        );
    }
    Some(name.into())
}

fn separator(node: &Node<'_>) -> Option<char> {
    let text = node.any_text()?;
    let mut chars = text.value.chars();
    let separator = chars.next();
    if chars.next().is_some() {
        node.report.error(
            text.at,
            "bad-separator",
            format!("{} is longer than one character", node.name),
            "write one character, or `\"\"` where the header holds one signature",
        );
    }
    separator
}

/// Longest window for a signed time. A wider one would only help a replay.
const LONGEST_TOLERANCE_S: u32 = 60 * 60;

/// Seconds, from `90s`, `5m` or `1h`.
fn duration(node: &Node<'_>) -> Option<u32> {
    let text = node.text()?;
    let seconds = [("s", 1), ("m", 60), ("h", 60 * 60)]
        .into_iter()
        .find_map(|(unit, seconds)| {
            let count: u32 = text.value.strip_suffix(unit)?.parse().ok()?;
            count.checked_mul(seconds)
        });
    match seconds {
        None => node.report.error(
            text.at,
            "bad-duration",
            format!("{} cannot be `{}`", node.name, text.value),
            "write a whole number and `s`, `m` or `h`, for example `5m`",
        ),
        Some(seconds) if seconds == 0 || seconds > LONGEST_TOLERANCE_S => node.report.error(
            text.at,
            "out-of-range",
            format!("{} is {}", node.name, text.value),
            "give from `1s` to `1h`: a wider window only helps a replay",
        ),
        Some(_) => return seconds,
    }
    None
}

/// What is signed must be there.
fn check(fields: &Fields<'_>, verify: &Verify) {
    let (id, timestamp) = match verify.signed {
        SignedBytes::Body | SignedBytes::MethodBody => (false, false),
        SignedBytes::BodyTimestamp => (false, true),
        SignedBytes::IdTimestampBody => (true, true),
    };
    for (needed, header, key) in [
        (id, &verify.id_header, "id_header"),
        (timestamp, &verify.timestamp_header, "timestamp_header"),
    ] {
        if needed && header.is_none() {
            fields.report.error(
                fields.at,
                "missing-key",
                format!(
                    "{} signs what `{key}` holds, and lacks `{key}`",
                    fields.name
                ),
                format!("add `{key}`, or change `signed`"),
            );
        }
    }
}
