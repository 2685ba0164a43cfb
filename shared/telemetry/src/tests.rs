//! What leaves through the sink, and what does not.

use domain::{SourceId, TargetId};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::{
    Dimensions, Field, Gathered, Lines, Metric, Pii, Sink, Telemetry, emit, write_gathered,
};

fn captured(work: impl FnOnce()) -> Vec<Value> {
    let lines = Lines::new();
    let telemetry = Telemetry {
        service: "planner",
        level: LevelFilter::INFO,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(|| Timestamp::UNIX_EPOCH),
        gathered: None,
    };
    let guard = telemetry.start_here();
    work();
    drop(guard);
    lines
        .take()
        .iter()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

#[test]
fn an_event_is_one_line_with_its_listed_fields() {
    let lines = captured(|| tracing::info!(source = "acme", count = 3_u64, "facts accepted"));
    assert_eq!(
        lines,
        [json!({
            "at": "1970-01-01T00:00:00Z",
            "level": "INFO",
            "service": "planner",
            "from": "telemetry::tests",
            "message": "facts accepted",
            "source": "acme",
            "count": 3,
        })]
    );
}

#[test]
fn does_not_print_a_field_that_nobody_listed() {
    let lines = captured(|| {
        tracing::info!(email = "ada@example.com", name = ?"Ada", status = 202, "accepted");
    });
    let text = lines.first().map(Value::to_string).unwrap_or_default();
    assert!(!text.contains("ada") && !text.contains("Ada"), "{text}");
    assert_eq!(
        lines.first().and_then(|line| line.get("withheld")),
        Some(&json!(2))
    );
    assert_eq!(
        lines.first().and_then(|line| line.get("status")),
        Some(&json!(202))
    );
}

#[test]
fn does_not_print_personal_data_in_a_listed_field() {
    let reason = Pii::new("Ada");
    let lines = captured(|| tracing::warn!(?reason, "parked"));
    assert_eq!(
        lines.first().and_then(|line| line.get("reason")),
        Some(&json!("[personal]"))
    );
}

#[test]
fn a_foreign_warning_leaves_without_its_text() {
    let lines = captured(|| {
        tracing::warn!(target: "hyper::client", source = "ada@example.com", "GET /Users?filter=ada");
        tracing::info!(target: "hyper::client", "connected");
    });
    assert_eq!(lines.len(), 1);
    let line = lines.first().cloned().unwrap_or_default();
    assert!(!line.to_string().contains("ada"), "{line}");
    assert_eq!(line.get("foreign"), Some(&json!(true)));
}

#[test]
fn fields_of_a_span_are_on_the_lines_inside_it() {
    let lines = captured(|| {
        let span = tracing::info_span!("batch", request_id = "r-1", secret = "s");
        span.in_scope(|| tracing::info!("decided"));
    });
    assert_eq!(
        lines.first().and_then(|line| line.get("request_id")),
        Some(&json!("r-1"))
    );
    assert!(
        !lines
            .first()
            .map(Value::to_string)
            .unwrap_or_default()
            .contains("secret")
    );
}

#[test]
fn a_long_value_is_cut() {
    let lines = captured(|| tracing::info!(reason = "x".repeat(5_000), "long"));
    let length = lines
        .first()
        .and_then(|line| line["reason"].as_str())
        .map_or(0, str::len);
    assert_eq!(length, 256);
}

#[test]
fn a_level_below_the_wanted_one_is_silent() {
    assert_eq!(captured(|| tracing::debug!("detail")), [] as [Value; 0]);
}

#[test]
fn a_metric_is_one_line_in_the_embedded_format() {
    let target = TargetId::from("wiki");
    let lines = captured(|| emit(Metric::ConnectorChanges, 2.0, Dimensions::target(&target)));
    assert_eq!(
        lines,
        [json!({
            "_aws": {
                "Timestamp": 0,
                "CloudWatchMetrics": [{
                    "Namespace": "Lanyard",
                    "Dimensions": [["service", "target"]],
                    "Metrics": [{ "Name": "ConnectorChanges", "Unit": "Count" }],
                }],
            },
            "service": "planner",
            "target": "wiki",
            "ConnectorChanges": 2.0,
        })]
    );
}

#[test]
fn a_metric_by_source_names_it_as_a_dimension() {
    let source = SourceId::from("acme");
    let lines = captured(|| emit(Metric::WebhookAccepted, 1.0, Dimensions::source(&source)));
    let line = lines.first().cloned().unwrap_or_default();
    assert_eq!(
        line["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
        json!([["service", "source"]])
    );
    assert_eq!(line["source"], json!("acme"));
}

#[test]
fn names_lead_back_to_their_fields_and_metrics() {
    for field in Field::ALL {
        assert_eq!(Field::from_name(field.name()), Some(*field));
    }
    for metric in Metric::ALL {
        assert_eq!(Metric::from_name(metric.name()), Some(*metric));
    }
    assert_eq!(Field::from_name("email"), None);
}

#[test]
fn counts_of_an_event_are_added_up_by_source_and_target() {
    let (lines, gathered) = (Lines::new(), Gathered::new());
    let telemetry = Telemetry {
        service: "connector",
        level: LevelFilter::INFO,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(|| Timestamp::UNIX_EPOCH),
        gathered: Some(gathered.clone()),
    };
    let (wiki, chat) = (TargetId::from("wiki"), TargetId::from("chat"));
    let read = |lines: &Lines| {
        let read = |line: &String| serde_json::from_str::<Value>(line).unwrap();
        lines.take().iter().map(read).collect::<Vec<_>>()
    };
    tracing::subscriber::with_default(telemetry.subscriber(), || {
        for _ in 0..10 {
            emit(Metric::ConnectorChanges, 3.0, Dimensions::target(&wiki));
        }
        emit(Metric::MessagesRetried, 1.0, Dimensions::target(&wiki));
        emit(Metric::ConnectorChanges, 1.0, Dimensions::target(&chat));
        assert_eq!(lines.all(), [] as [String; 0], "the event goes on");
        // What somebody waits for does not, and times are numbers.
        emit(Metric::HoldOpened, 1.0, Dimensions::target(&chat));
        for latency in [20.0, 30.0] {
            emit(Metric::EndingLatency, latency, Dimensions::target(&chat));
        }
    });
    let at_once = read(&lines);
    assert_eq!(at_once.len(), 3);
    assert_eq!(at_once[0]["HoldOpened"], json!(1.0));
    assert_eq!(at_once[1]["EndingLatency"], json!(20.0));
    assert_eq!(at_once[2]["EndingLatency"], json!(30.0));

    let write = || {
        let sink = Sink::Memory(lines.clone());
        write_gathered(&gathered, "connector", &sink, Timestamp::UNIX_EPOCH);
        read(&lines)
    };
    let written = write();
    let [chat, wiki] = written.as_slice() else {
        panic!("{written:?}");
    };
    assert_eq!(chat["target"], json!("chat"));
    assert_eq!(chat["ConnectorChanges"], json!(1.0));
    assert_eq!(wiki["ConnectorChanges"], json!(30.0));
    assert_eq!(
        wiki["_aws"]["CloudWatchMetrics"][0]["Metrics"],
        json!([
            { "Name": "ConnectorChanges", "Unit": "Count" },
            { "Name": "MessagesRetried", "Unit": "Count" },
        ])
    );
    assert_eq!(write(), [] as [Value; 0], "written once");
}
