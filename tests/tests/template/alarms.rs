//! Alarms: each line of the checklist has some, each alarm has its entry in the runbook, each queue and function is watched,
//! and what is read from log lines is what functions print.

use std::collections::BTreeSet;

use serde_json::Value;
use telemetry::Metric;
use tests::aws::template::{line, root};

use crate::{number, templates};

const ALARM: &str = "AWS::CloudWatch::Alarm";

/// What the checklist wants to be told of, and by which alarms.
const WATCHED: &[(&str, &[&str])] = &[
    (
        "dead letters",
        &["FactsDead", "TerminationsDead", "Dead", "Undelivered"],
    ),
    ("oldest message", &["FactsAge", "TerminationsAge", "Age"]),
    ("outbox", &["ClockSilent", "ClockBacklog"]),
    ("breaker tripped", &["Held", "EndingHeld", "NightHeld"]),
    ("parked for 15 minutes", &["Parked"]),
    ("target not called", &["Quarantined", "EndingQuarantined"]),
    ("signatures that fail", &["WebhookUnauthorized"]),
    ("posts turned away", &["WebhookRefused"]),
    ("nightly run incomplete", &["NightIncomplete"]),
    (
        "nightly run not finished",
        &["NightMissing", "NightFailed", "NightTimedOut"],
    ),
    (
        "leavers too late",
        &["EndingLate", "EndingNotVerified", "TerminationsAge"],
    ),
    (
        "throttles",
        &[
            "HrWebhookThrottled",
            "PlannerThrottled",
            "EndingThrottled",
            "ReconcilerThrottled",
            "Throttled",
            "TableReadThrottled",
            "TableWriteThrottled",
        ],
    ),
    (
        "error budget",
        &[
            "WebhookServerErrors",
            "WebhookUnavailable",
            "WebhookLatency",
            "HrWebhookErrors",
            "PlannerErrors",
            "EndingErrors",
            "ClockErrors",
            "ReconcilerErrors",
            "Errors",
        ],
    ),
];

/// Every alarm with its logical name.
async fn alarms() -> Vec<(String, &'static Value)> {
    let found = templates().await.every(ALARM);
    let bare = |name: String| name.split(": ").last().unwrap_or_default().to_owned();
    found
        .into_iter()
        .map(|(name, alarm)| (bare(name), &alarm["Properties"]))
        .collect()
}

#[tokio::test]
async fn the_checklist_is_watched() {
    let names: BTreeSet<String> = alarms().await.into_iter().map(|(name, _)| name).collect();
    for (what, wanted) in WATCHED {
        for name in *wanted {
            assert!(names.contains(*name), "{what}: there is no alarm `{name}`");
        }
    }
}

/// Nothing reads the table's stream or the audit bucket yet. Whoever adds a reader adds the alarms of the checklist for
/// its age and for the verification of the audit.
#[tokio::test]
async fn no_stream_is_read_without_an_alarm_for_its_age() {
    for (name, mapping) in templates().await.every("AWS::Lambda::EventSourceMapping") {
        let source = line(&mapping["Properties"]["EventSourceArn"]);
        assert!(
            !source.contains("StreamArn"),
            "{name} reads a stream that no alarm watches"
        );
    }
}

/// Operators find a stack's alarms by the beginning of their names.
#[tokio::test]
async fn each_begins_with_the_stack_and_no_two_are_called_the_same() {
    let mut names = BTreeSet::new();
    for (name, alarm) in alarms().await {
        let called = line(&alarm["AlarmName"]).replace("AWS::StackName", "Stack");
        assert!(called.starts_with("{Stack}-"), "{name}: {called}");
        assert!(names.insert(called), "{name}");
    }
}

#[tokio::test]
async fn each_tells_somebody_and_is_over_when_it_is_over() {
    for (name, alarm) in alarms().await {
        for actions in ["AlarmActions", "OKActions"] {
            let actions = line(&alarm[actions]);
            assert!(
                actions == "[{Topic}]" || actions == "[{Alarms}]",
                "{name}: {actions}"
            );
        }
        let missing = alarm["TreatMissingData"].as_str().unwrap_or_default();
        // Silence is a finding only where something has to happen.
        let wanted = if alarm["ComparisonOperator"] == "LessThanThreshold" {
            "breaching"
        } else {
            "notBreaching"
        };
        assert_eq!(missing, wanted, "{name}");
    }
}

/// A heading as an anchor.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}

#[tokio::test]
async fn each_has_an_entry_in_the_runbook_and_no_entry_is_left_over() {
    let text = std::fs::read_to_string(root().join("docs/runbook.md")).expect("the runbook");
    let entries: Vec<&str> = text.split("\n## ").skip(1).collect();
    let headings: BTreeSet<String> = entries
        .iter()
        .map(|entry| anchor(entry.lines().next().unwrap_or_default()))
        .collect();
    let mut named = BTreeSet::new();
    for (name, alarm) in alarms().await {
        let description = line(&alarm["AlarmDescription"]);
        let (_, at) = description
            .split_once(" Runbook: docs/runbook.md#")
            .unwrap_or_else(|| panic!("{name} names no entry: {description}"));
        assert!(
            headings.contains(at),
            "{name} names `{at}`, which the runbook has not"
        );
        let entry = entries
            .iter()
            .find(|entry| anchor(entry.lines().next().unwrap_or_default()) == at);
        assert!(
            entry.is_some_and(|entry| entry.contains(&format!("`{name}`"))),
            "the entry `{at}` does not mention `{name}`"
        );
        named.insert(at.to_owned());
    }
    assert_eq!(headings, named, "an entry of the runbook has no alarm");
    for entry in entries {
        for part in ["**Means.**", "**Look.**", "**Do.**"] {
            assert!(
                entry.contains(part),
                "`{}` lacks {part}",
                entry.lines().next().unwrap_or_default()
            );
        }
        assert!(
            entry.contains("lanyard "),
            "`{}` names no command",
            entry.lines().next().unwrap_or_default()
        );
    }
}

#[tokio::test]
async fn figures_that_are_read_from_lines_are_printed_by_functions() {
    let templates = templates().await;
    let known: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    let mut published = BTreeSet::new();
    for (name, filter) in templates.every("AWS::Logs::MetricFilter") {
        let filter = &filter["Properties"];
        let transformation = &filter["MetricTransformations"][0];
        let value = transformation["MetricValue"].as_str().expect("a value");
        let metric = value.trim_start_matches("$.");
        assert!(
            known.contains(metric),
            "{name} reads `{metric}`, which nobody prints"
        );
        assert_eq!(
            filter["FilterPattern"],
            format!("{{ $.{metric} >= 0 }}"),
            "{name}"
        );
        let place = (
            line(&transformation["MetricNamespace"]),
            line(&transformation["MetricName"]),
        );
        assert!(
            published.insert(place.clone()),
            "{place:?} is written twice"
        );
    }
    // Each is asked for by an alarm, and each alarm of ours asks for one.
    let asked: BTreeSet<(String, String)> = alarms()
        .await
        .into_iter()
        .map(|(_, alarm)| (line(&alarm["Namespace"]), line(&alarm["MetricName"])))
        .filter(|(namespace, _)| namespace.starts_with("Lanyard/"))
        .collect();
    assert_eq!(asked, published);
}

#[tokio::test]
async fn every_queue_and_function_is_watched() {
    let templates = templates().await;
    let dimensions: Vec<String> = alarms()
        .await
        .into_iter()
        .map(|(_, alarm)| line(&alarm["Dimensions"]))
        .collect();
    // The alarms are told the stack's name where the template asks for it.
    let same = |name: &str| name.replace("AWS::StackName", "Stack");
    let watched = |name: &str| {
        let name = same(name);
        dimensions
            .iter()
            .any(|dimension| same(dimension).contains(&format!("Value: {name}}}")))
    };
    for (kind, key) in [
        ("AWS::SQS::Queue", "QueueName"),
        ("AWS::Lambda::Function", "FunctionName"),
    ] {
        for (name, resource) in templates.every(kind) {
            assert!(
                watched(&line(&resource["Properties"][key])),
                "{name} is not watched"
            );
        }
    }
}

#[tokio::test]
async fn a_backlog_is_more_than_one_tick_hands_over() {
    let alarms = alarms().await;
    let backlog = alarms.iter().find(|(name, _)| name == "ClockBacklog");
    let (_, backlog) = backlog.expect("the alarm");
    assert_eq!(
        number(&backlog["Threshold"]) + 1,
        clock::PER_TICK as u64,
        "the alarm is off by what a tick hands over"
    );
}

/// A night later than the one before, by everything that may make it so, is not missing.
#[tokio::test]
async fn a_night_is_missing_after_a_day_and_the_longest_run() {
    let alarms = alarms().await;
    let missing = alarms.iter().find(|(name, _)| name == "NightMissing");
    let (_, missing) = missing.expect("the alarm");
    // Told by the last step: executions of parts succeed, too, in a night that does not.
    assert_eq!(missing["MetricName"], Metric::ReconcileFinished.name());
    let periods = number(&missing["EvaluationPeriods"]);
    assert_eq!(number(&missing["DatapointsToAlarm"]), periods);
    let looks_back = periods * number(&missing["Period"]);

    let shared = &templates().await.shared;
    let run = number(&shared.properties("Reconcile")["Definition"]["TimeoutSeconds"]);
    let window = &shared.properties("Nightly")["FlexibleTimeWindow"]["MaximumWindowInMinutes"];
    // The day on which summer time ends has 25 hours.
    let longest = 25 * 3_600 + run + 60 * number(window);
    assert!(looks_back > longest, "{looks_back} s");
    assert!(looks_back < longest + 3_600, "{looks_back} s are too long");
    // CloudWatch looks back a day where periods are shorter than an hour.
    assert_eq!(number(&missing["Period"]), 3_600);
}

#[tokio::test]
async fn the_dashboard_goes_from_intake_to_reports() {
    let dashboard = templates().await.alarms.properties("Dashboard");
    let body = dashboard["DashboardBody"]["Fn::Sub"]
        .as_str()
        .expect("a body");
    let body: Value = serde_json::from_str(body).expect("the body is JSON");
    let titles: Vec<&str> = body["widgets"]
        .as_array()
        .expect("widgets")
        .iter()
        .filter_map(|widget| widget["properties"]["title"].as_str())
        .collect();
    for word in [
        "Intake", "Plan", "Apply", "Endings", "Held", "Drift", "Duration",
    ] {
        assert!(
            titles.iter().any(|title| title.starts_with(word)),
            "{word}: {titles:?}"
        );
    }
    // In quotes it would be a whole name, which no queue and no function has.
    let searches = body.to_string().matches("SEARCH(").count();
    let partial = body.to_string().matches("Name=${Stack}'").count();
    assert_eq!((searches, partial), (3, 3), "{body}");
}
