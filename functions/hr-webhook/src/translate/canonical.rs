//! The documented worker payload, `lanyard.worker.v1`: one worker record per post.
//! docs/worker-payload.md describes it, docs/worker.schema.json is its JSON Schema.
//!
//! Strict about names, so that a misspelt attribute is not silently lost; lenient about values,
//! which are the planner's to judge. Its fixed shape bounds depth and number of fields: the
//! parser keeps nothing that is not in the schema.

use std::borrow::Cow;
use std::fmt;

use domain::feed::ahead;
use domain::{Attr, Attrs, EventId, FactBody, Pii, Slot};
use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Context, LONGEST_ID, LONGEST_VALUE, Statement, Translated, parse_effective};
use crate::problem::Problem;
use crate::request::Body;

/// The value of `schema`.
pub const SCHEMA: &str = "lanyard.worker.v1";

/// Attributes that a whole record usually states.
const USUAL_ATTRIBUTES: usize = 32;

/// Most unknown names that an answer repeats.
const MOST_NAMES: usize = 20;

/// Longest part of an unknown name that an answer repeats, in characters.
const LONGEST_NAME: usize = 64;

/// Reads one worker record.
pub fn translate(context: &Context<'_>, body: &Body<'_>) -> Result<Translated, Problem> {
    let mut payload: Payload<'_> = match body {
        Body::Text(text) => serde_json::from_str(text),
        Body::Bytes(bytes) => serde_json::from_slice(bytes),
    }
    .map_err(|error| Problem::Malformed(position(&error)))?;
    let statement = payload
        .statement(context.event, context.now)
        .map_err(Problem::Malformed)?;
    Ok(Translated {
        facts: vec![context.fact(statement)],
        ..Translated::default()
    })
}

/// Where a body stops being readable. The parser's own text would quote values.
pub(super) fn position(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "is not what the schema wants",
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => "is not JSON",
    };
    let (line, column) = (error.line(), error.column());
    format!("the body {what} at line {line}, column {column}")
}

macro_rules! fields {
    ($($variant:ident => $name:literal,)*) => {
        #[derive(Clone, Copy, PartialEq, Eq)]
        enum Field { $($variant,)* }

        impl Field {
            const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

fields! {
    Schema => "schema",
    Type => "type",
    WorkerId => "worker_id",
    Version => "version",
    Effective => "effective",
    RecordedAt => "recorded_at",
    TimeZone => "time_zone",
    Corrects => "corrects",
    Rescinds => "rescinds",
    Attributes => "attributes",
}

/// The payload as it was read, before anything is required of it.
#[derive(Default)]
struct Payload<'a> {
    schema: Stated<'a>,
    kind: Stated<'a>,
    worker_id: Stated<'a>,
    version: Option<u64>,
    effective: Stated<'a>,
    recorded_at: Stated<'a>,
    time_zone: Stated<'a>,
    corrects: Stated<'a>,
    rescinds: Stated<'a>,
    attributes: Option<Attributes>,
    unknown: Names,
    twice: Names,
}

/// A field that wants text.
#[derive(Default)]
enum Stated<'a> {
    /// Absent or null.
    #[default]
    No,
    Text(Cow<'a, str>),
    /// Something else.
    Wrong,
}

#[derive(Default)]
struct Attributes {
    attrs: Attrs,
    unknown: Names,
    /// Neither text nor null.
    wrong: Names,
    /// Longer than a value may be.
    long: Names,
    /// Stated twice, so that nobody knows which value holds.
    twice: Names,
}

/// Names to repeat to the sender, bounded.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn add(&mut self, name: &str) {
        if self.0.len() <= MOST_NAMES {
            self.0.push(name.chars().take(LONGEST_NAME).collect());
        }
    }
}

/// What is wrong with a payload, all of it, for the sender: names, never values.
#[derive(Default)]
struct Complaints(Vec<Cow<'static, str>>);

impl Complaints {
    fn add(&mut self, complaint: impl Into<Cow<'static, str>>) {
        self.0.push(complaint.into());
    }

    fn names(&mut self, what: &str, names: &Names) {
        if names.0.is_empty() {
            return;
        }
        let shown: Vec<String> = names
            .0
            .iter()
            .take(MOST_NAMES)
            .map(|name| format!("`{name}`"))
            .collect();
        let more = if names.0.len() > MOST_NAMES {
            " and more"
        } else {
            ""
        };
        self.add(format!("{what}: {}{more}", shown.join(", ")));
    }

    fn text<'a>(&mut self, name: &str, stated: &'a Stated<'_>) -> Option<&'a str> {
        match stated {
            Stated::No => None,
            Stated::Text(text) => Some(text),
            Stated::Wrong => {
                self.add(format!("`{name}` must be text"));
                None
            }
        }
    }

    /// Text that serves as a key.
    fn id<'a>(&mut self, name: &str, stated: &'a Stated<'_>) -> Option<&'a str> {
        let id = self.text(name, stated)?;
        if id.trim().is_empty() || id.len() > LONGEST_ID {
            self.add(format!("`{name}` must have 1 to {LONGEST_ID} bytes"));
            return None;
        }
        Some(id)
    }

    /// Text that must be there and mean something.
    fn read<'a, T>(
        &mut self,
        name: &str,
        stated: &'a Stated<'_>,
        wanted: &str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Option<T> {
        let value = read(self.text(name, stated)?);
        if value.is_none() {
            self.add(format!("`{name}` must be {wanted}"));
        }
        value
    }

    fn missing(&mut self, name: &str, stated: &Stated<'_>) {
        if matches!(stated, Stated::No) {
            self.add(format!("`{name}` is missing"));
        }
    }
}

impl Payload<'_> {
    /// What the payload states, or every complaint about it.
    fn statement(&mut self, event: &EventId, now: Timestamp) -> Result<Statement<'_>, String> {
        let mut complaints = Complaints::default();
        let body = self.body(&mut complaints);
        complaints.missing("schema", &self.schema);
        complaints.read("schema", &self.schema, "`lanyard.worker.v1`", |text| {
            (text == SCHEMA).then_some(())
        });
        complaints.missing("worker_id", &self.worker_id);
        let worker = complaints.id("worker_id", &self.worker_id);
        complaints.missing("recorded_at", &self.recorded_at);
        let recorded_at = complaints.read(
            "recorded_at",
            &self.recorded_at,
            "an instant in RFC 3339",
            |text| text.parse::<Timestamp>().ok(),
        );
        // What is recorded in the future would hold against everything that is said until then.
        if recorded_at.is_some_and(|recorded| recorded > ahead(now)) {
            complaints.add("`recorded_at` is in the future; set the sender's clock");
        }
        let effective = complaints.read(
            "effective",
            &self.effective,
            "`YYYY-MM-DD` or an instant in RFC 3339",
            parse_effective,
        );
        let time_zone = complaints.text("time_zone", &self.time_zone);
        complaints.names("unknown fields", &self.unknown);
        complaints.names("fields stated twice", &self.twice);
        match (worker, recorded_at, body) {
            (Some(worker), Some(recorded_at), Some(body)) if complaints.0.is_empty() => {
                Ok(Statement {
                    worker,
                    event: event.clone(),
                    version: self.version,
                    effective,
                    time_zone,
                    recorded_at,
                    body,
                })
            }
            _ => Err(complaints.0.join("; ")),
        }
    }

    fn body(&mut self, complaints: &mut Complaints) -> Option<FactBody> {
        complaints.missing("type", &self.kind);
        let corrects = complaints.id("corrects", &self.corrects).map(EventId::from);
        let rescinds = complaints.id("rescinds", &self.rescinds).map(EventId::from);
        let attributes = self.attributes.take();
        if let Some(attributes) = &attributes {
            complaints.names("unknown attributes", &attributes.unknown);
            complaints.names(
                "attributes that are neither text nor null",
                &attributes.wrong,
            );
            complaints.names(
                &format!("attributes of more than {LONGEST_VALUE} bytes"),
                &attributes.long,
            );
            complaints.names("attributes stated twice", &attributes.twice);
        }
        let attrs = attributes.map(|attributes| attributes.attrs);
        let kind = complaints.text("type", &self.kind)?;
        if kind != "worker.changed" {
            if attrs.as_ref().is_some_and(|attrs| !attrs.is_empty()) {
                complaints.add("`attributes` belong to `worker.changed` only");
            }
            if corrects.is_some() {
                complaints.add("`corrects` belongs to `worker.changed` only");
            }
        }
        if kind != "worker.rescinded" && rescinds.is_some() {
            complaints.add("`rescinds` belongs to `worker.rescinded` only");
        }
        match kind {
            "worker.changed" => {
                if attrs.is_none() {
                    complaints.add("`attributes` is missing");
                }
                attrs.map(|attrs| FactBody::Assert {
                    attrs: Pii::new(attrs),
                    corrects,
                })
            }
            "worker.rescinded" => {
                complaints.missing("rescinds", &self.rescinds);
                rescinds.map(|event| FactBody::Rescind { event })
            }
            "worker.deleted" => Some(FactBody::Delete),
            _ => {
                complaints
                    .add("`type` must be `worker.changed`, `worker.rescinded` or `worker.deleted`");
                None
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PayloadVisitor)
    }
}

struct PayloadVisitor;

impl<'de> Visitor<'de> for PayloadVisitor {
    type Value = Payload<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a worker payload")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload<'de>, A::Error> {
        let mut payload = Payload::default();
        let mut seen = 0_u16;
        while let Some(key) = map.next_key::<Key<Field>>()? {
            let field = match key {
                Key::Known(field) => field,
                Key::Unknown(name) => {
                    payload.unknown.add(&name);
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if seen & (1 << field as u16) != 0 {
                payload.twice.add(field.name());
            }
            seen |= 1 << field as u16;
            match field {
                Field::Schema => payload.schema = map.next_value()?,
                Field::Type => payload.kind = map.next_value()?,
                Field::WorkerId => payload.worker_id = map.next_value()?,
                Field::Version => payload.version = map.next_value()?,
                Field::Effective => payload.effective = map.next_value()?,
                Field::RecordedAt => payload.recorded_at = map.next_value()?,
                Field::TimeZone => payload.time_zone = map.next_value()?,
                Field::Corrects => payload.corrects = map.next_value()?,
                Field::Rescinds => payload.rescinds = map.next_value()?,
                Field::Attributes => payload.attributes = map.next_value()?,
            }
        }
        Ok(payload)
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
        let mut attributes = Attributes {
            attrs: Attrs::with_capacity(USUAL_ATTRIBUTES),
            ..Attributes::default()
        };
        let mut seen = 0_u128;
        while let Some(key) = map.next_key::<Key<Attr>>()? {
            let attr = match key {
                Key::Known(attr) => attr,
                Key::Unknown(name) => {
                    attributes.unknown.add(&name);
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if seen & (1 << attr as u8) != 0 {
                attributes.twice.add(attr.name());
            }
            seen |= 1 << attr as u8;
            match map.next_value()? {
                Stated::No => attributes.attrs.set(attr, Slot::Null),
                Stated::Text(text) if text.len() > LONGEST_VALUE => {
                    attributes.long.add(attr.name());
                }
                Stated::Text(text) => attributes.attrs.set(attr, Slot::from(&*text)),
                Stated::Wrong => attributes.wrong.add(attr.name()),
            }
        }
        Ok(attributes)
    }
}

/// A name of a closed set, or one outside it.
enum Key<T> {
    Known(T),
    Unknown(String),
}

trait Named: Sized {
    fn named(name: &str) -> Option<Self>;
}

impl Named for Field {
    fn named(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

impl Named for Attr {
    /// Without `lifecycle`, which is derived and never stated.
    fn named(name: &str) -> Option<Self> {
        Self::from_name(name).filter(|attr| *attr != Self::Lifecycle)
    }
}

impl<'de, T: Named> Deserialize<'de> for Key<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor<T>(std::marker::PhantomData<T>);
        impl<T: Named> Visitor<'_> for KeyVisitor<T> {
            type Value = Key<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key<T>, E> {
                Ok(T::named(name).map_or_else(|| Key::Unknown(name.to_owned()), Key::Known))
            }
        }
        deserializer.deserialize_str(KeyVisitor(std::marker::PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Stated<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatedVisitor)
    }
}

struct StatedVisitor;

impl<'de> Visitor<'de> for StatedVisitor {
    type Value = Stated<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or null")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Stated<'de>, E> {
        Ok(Stated::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Stated<'de>, E> {
        Ok(Stated::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Stated<'de>, E> {
        Ok(Stated::No)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Stated<'de>, E> {
        Ok(Stated::Wrong)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Stated<'de>, E> {
        Ok(Stated::Wrong)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Stated<'de>, E> {
        Ok(Stated::Wrong)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Stated<'de>, E> {
        Ok(Stated::Wrong)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Stated<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Stated::Wrong)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Stated<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Stated::Wrong)
    }
}
