//! From events to lines.

use std::fmt::{Debug, Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field as TracingField, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::gathered::{self, By};
use crate::metric::METRIC;
use crate::{Field, Metric, Telemetry};

/// Longest value on a line, in characters; what is longer is cut.
const LONGEST: usize = 256;

/// Our crates, as they appear in the targets of events.
const OURS: &[&str] = &[
    "clock",
    "connector",
    "connectors",
    "contract",
    "domain",
    "hr_webhook",
    "lanes_sqs",
    "lanyard",
    "ledger",
    "objects_s3",
    "planner",
    "policy",
    "ports",
    "publication",
    "reconciler",
    "runtime",
    "secrets_manager",
    "store_dynamodb",
    "target_graph",
    "target_http",
    "target_scim",
    "telemetry",
];

fn is_ours(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let crate_name = target.split_once("::").map_or(target, |(name, _)| name);
    OURS.contains(&crate_name)
}

/// Lets metrics pass, our events by level, and foreign events from `WARN` up.
pub(crate) struct Wanted(pub(crate) LevelFilter);

impl<S> Filter<S> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        if metadata.target() == METRIC {
            return true;
        }
        let level = if is_ours(metadata) || metadata.is_span() {
            self.0
        } else {
            self.0.min(LevelFilter::WARN)
        };
        *metadata.level() <= level
    }
}

/// Writes a line per event.
pub(crate) struct LineLayer {
    telemetry: Telemetry,
}

impl LineLayer {
    pub(crate) const fn new(telemetry: Telemetry) -> Self {
        Self { telemetry }
    }

    /// What an event of a metric leads to: a line now, or none until what is gathered is written.
    fn metric(&self, event: &Event<'_>, at: Timestamp) -> Option<Value> {
        let mut read = MetricVisitor::default();
        event.record(&mut read);
        let MetricVisitor { metric, value, by } = read;
        let metric = metric?;
        if let Some(gathered) = self.telemetry.gathered.as_ref().filter(|_| metric.waits()) {
            gathered.add(by, metric, value);
            return None;
        }
        let of = [(metric, value)].into();
        Some(gathered::line(self.telemetry.service, &by, &of, at))
    }

    fn log<S>(&self, event: &Event<'_>, at: Timestamp, context: &Context<'_, S>) -> Value
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let metadata = event.metadata();
        let mut line = Map::new();
        line.insert("at".into(), at.to_string().into());
        line.insert("level".into(), metadata.level().as_str().into());
        line.insert("service".into(), self.telemetry.service.into());
        line.insert("from".into(), metadata.target().into());
        let mut fields = Listed::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Listed>() {
                fields.inherit(of_span);
            }
        }
        let ours = is_ours(metadata);
        event.record(&mut FieldVisitor {
            fields: &mut fields,
            ours,
        });
        line.append(&mut fields.values);
        if !ours {
            line.insert("foreign".into(), true.into());
        }
        if fields.withheld > 0 {
            line.insert("withheld".into(), fields.withheld.into());
        }
        Value::Object(line)
    }
}

impl<S> Layer<S> for LineLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Listed::default();
        attributes.record(&mut FieldVisitor {
            fields: &mut fields,
            ours: is_ours(attributes.metadata()),
        });
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let ours = is_ours(span.metadata());
        if let Some(fields) = span.extensions_mut().get_mut::<Listed>() {
            values.record(&mut FieldVisitor { fields, ours });
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let at = (self.telemetry.now)();
        let line = if event.metadata().target() == METRIC {
            self.metric(event, at)
        } else {
            Some(self.log(event, at, &context))
        };
        if let Some(line) = line {
            self.telemetry.sink.write(line.to_string());
        }
    }
}

/// The listed fields of an event or span, and how many others there were.
#[derive(Default)]
struct Listed {
    values: Map<String, Value>,
    withheld: u64,
}

impl Listed {
    /// Takes what an enclosing span states and an inner one does not.
    fn inherit(&mut self, outer: &Self) {
        for (name, value) in &outer.values {
            if !self.values.contains_key(name) {
                self.values.insert(name.clone(), value.clone());
            }
        }
    }
}

struct FieldVisitor<'a> {
    fields: &'a mut Listed,
    ours: bool,
}

impl FieldVisitor<'_> {
    fn take(&mut self, field: &TracingField, value: impl FnOnce() -> Value) {
        let name = field.name();
        let listed = name == "message" || Field::from_name(name).is_some();
        if self.ours && listed {
            self.fields.values.insert(name.to_owned(), value());
        } else {
            self.fields.withheld += 1;
        }
    }
}

impl Visit for FieldVisitor<'_> {
    fn record_f64(&mut self, field: &TracingField, value: f64) {
        self.take(field, || value.into());
    }

    fn record_i64(&mut self, field: &TracingField, value: i64) {
        self.take(field, || value.into());
    }

    fn record_u64(&mut self, field: &TracingField, value: u64) {
        self.take(field, || value.into());
    }

    fn record_bool(&mut self, field: &TracingField, value: bool) {
        self.take(field, || value.into());
    }

    fn record_str(&mut self, field: &TracingField, value: &str) {
        self.take(field, || cut(value).into());
    }

    fn record_error(&mut self, field: &TracingField, value: &(dyn std::error::Error + 'static)) {
        self.take(field, || cut(&chain(value)).into());
    }

    fn record_debug(&mut self, field: &TracingField, value: &dyn Debug) {
        self.take(field, || cut(&format!("{value:?}")).into());
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        write!(text, ": {error}").ok();
        cause = error.source();
    }
    text
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[derive(Default)]
struct MetricVisitor {
    metric: Option<Metric>,
    value: f64,
    by: By,
}

impl Visit for MetricVisitor {
    fn record_f64(&mut self, field: &TracingField, value: f64) {
        if field.name() == "value" {
            self.value = value;
        }
    }

    fn record_str(&mut self, field: &TracingField, value: &str) {
        match field.name() {
            "metric" => self.metric = Metric::from_name(value),
            "source" => self.by.source = Some(value.to_owned()),
            "target" => self.by.target = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &TracingField, _: &dyn Debug) {}
}
