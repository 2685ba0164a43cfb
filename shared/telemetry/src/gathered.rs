//! Metrics of one event on few lines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::Metric;

/// CloudWatch namespace of every metric.
const NAMESPACE: &str = "Lanyard";

/// What a metric is counted by, besides the service: a source or a target, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct By {
    pub(crate) source: Option<String>,
    pub(crate) target: Option<String>,
}

/// Metrics that wait for the end of an event. Clones share them.
///
/// A batch of ten messages emits the same count ten times, and a line of the embedded format is a quarter of
/// a kilobyte. Only counts that nobody waits for are kept, and added up.
#[derive(Clone, Debug, Default)]
pub struct Gathered(Arc<Mutex<Kept>>);

type Kept = BTreeMap<By, Of>;

/// Values of metrics that are counted by the same.
pub(crate) type Of = BTreeMap<Metric, f64>;

impl Gathered {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds to what there is.
    pub(crate) fn add(&self, by: By, metric: Metric, value: f64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept.entry(by).or_default().entry(metric).or_default() += value;
    }

    /// All of them, which are forgotten here.
    pub(crate) fn take(&self) -> BTreeMap<By, Of> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A line in CloudWatch's embedded metric format.
pub(crate) fn line(service: &str, by: &By, metrics: &Of, at: Timestamp) -> Value {
    let mut dimensions = vec!["service"];
    let mut line = Map::new();
    line.insert("service".into(), service.into());
    for (name, value) in [("source", &by.source), ("target", &by.target)] {
        if let Some(value) = value {
            dimensions.push(name);
            line.insert(name.into(), value.as_str().into());
        }
    }
    let mut named = Vec::with_capacity(metrics.len());
    for (metric, value) in metrics {
        named.push(json!({ "Name": metric.name(), "Unit": metric.unit() }));
        line.insert(metric.name().into(), (*value).into());
    }
    line.insert(
        "_aws".into(),
        json!({
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [dimensions],
                "Metrics": named,
            }],
        }),
    );
    Value::Object(line)
}
