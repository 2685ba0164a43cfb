//! From what was counted to dollars. Prices and what is assumed are data: `fixtures/prices.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::stack::Work;

/// A processor for each so many megabytes of a function.
const MB_PER_CPU: f64 = 1769.0;

/// A price list, with what is assumed.
#[derive(Clone, Debug, Deserialize)]
pub struct Prices {
    /// Where the prices are from.
    pub source: String,
    /// When they were read.
    pub read: String,
    per_million: PerMillion,
    lambda_gb_second: f64,
    log_gib: f64,
    /// What is assumed.
    pub assumed: Assumed,
}

#[derive(Clone, Debug, Deserialize)]
struct PerMillion {
    http_api: f64,
    lambda_request: f64,
    queue_request: f64,
    write_unit: f64,
    read_unit: f64,
    object_write: f64,
    object_read: f64,
    secret_request: f64,
}

/// What a loopback cannot measure.
#[derive(Clone, Debug, Deserialize)]
pub struct Assumed {
    /// For which a function waits for one request to AWS.
    pub aws_request_ms: f64,
    /// For which a connector waits for its target, a batch.
    pub target_batch_ms: f64,
    /// For which the reconciler waits for a page.
    pub target_page_ms: f64,
    platform_log_bytes: f64,
    memory_mb: BTreeMap<String, f64>,
}

/// Dollars, by what they are for.
#[derive(Clone, Debug, Default)]
pub struct Bill(pub BTreeMap<&'static str, f64>);

impl Prices {
    /// The price list of the repository.
    pub fn listed() -> Self {
        serde_json::from_str(include_str!("../../fixtures/prices.json")).expect("a price list")
    }

    /// What a function's work costs; `waited` for targets.
    pub fn of(&self, function: &str, work: &Work, waited: Duration) -> Bill {
        let million = &self.per_million;
        let usage = &work.usage;
        let each = |count: u64, price: f64| number(count) * price / 1e6;
        let aws: u64 = usage.requests.values().sum();
        let waiting = number(aws) * self.assumed.aws_request_ms / 1e3 + waited.as_secs_f64();
        let memory = self.memory(function);
        let seconds = work.cpu.as_secs_f64() * (MB_PER_CPU / memory).max(1.0) + waiting;
        let logged =
            number(work.line_bytes) + number(work.invocations) * self.assumed.platform_log_bytes;
        let api = match function {
            "hr-webhook" => each(work.invocations, million.http_api),
            _ => 0.0,
        };
        let reads = each(usage.half_read_units, million.read_unit / 2.0);
        Bill(BTreeMap::from([
            ("HTTP API", api),
            (
                "Lambda requests",
                each(work.invocations, million.lambda_request),
            ),
            (
                "Lambda GB-s (estimate)",
                seconds * memory / 1024.0 * self.lambda_gb_second,
            ),
            ("queues", each(usage.queue_requests, million.queue_request)),
            ("table writes", each(usage.write_units, million.write_unit)),
            ("table reads", reads),
            (
                "objects",
                each(usage.object_writes, million.object_write)
                    + each(usage.object_reads, million.object_read),
            ),
            (
                "secrets",
                each(usage.secret_requests, million.secret_request),
            ),
            ("logs", logged / f64::from(1_u32 << 30) * self.log_gib),
        ]))
    }

    fn memory(&self, function: &str) -> f64 {
        let kind = match function {
            "hr-webhook" | "planner" | "reconciler" => function,
            _ => "connector",
        };
        self.assumed.memory_mb[kind]
    }
}

impl Bill {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.0.values().sum()
    }

    /// Adds `times` another one.
    pub fn add(&mut self, other: &Self, times: f64) {
        for (what, dollars) in &other.0 {
            *self.0.entry(what).or_default() += dollars * times;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metered::Usage;

    #[test]
    fn a_bill_is_what_was_counted_times_its_price() {
        let work = Work {
            usage: Usage {
                requests: BTreeMap::from([("dynamodb.Query".to_owned(), 10)]),
                write_units: 1_000_000,
                half_read_units: 2_000_000,
                queue_requests: 1_000_000,
                ..Usage::default()
            },
            invocations: 1_000_000,
            cpu: Duration::ZERO,
            lines: 0,
            line_bytes: 1 << 30,
        };
        let bill = Prices::listed().of("planner", &work, Duration::from_secs(2));
        let near = |what: &str, dollars: f64| {
            let is = bill.0[what];
            assert!(
                (is - dollars).abs() < 1e-9,
                "{what}: {is} and not {dollars}"
            );
        };
        near("HTTP API", 0.0);
        near("table writes", 0.625);
        near("table reads", 0.125);
        near("queues", 0.5);
        near("Lambda requests", 0.2);
        // 2 s for the target and 10 times 5 ms, of a quarter of a gigabyte.
        near("Lambda GB-s (estimate)", 2.05 * 0.25 * 0.000_013_333_4);
        near("logs", 0.5 + 300e6 / f64::from(1_u32 << 30) * 0.5);
    }
}
