//! The documented worker payload: what each part of it becomes, and what is refused.

use domain::fact::FactBody;
use domain::{Attr, Effective, EventId, Fact, Hash, Slot, SourceId};
use serde_json::{Value, json};

use super::world::{NOW, Post, World, salt};
use crate::record_key;
use crate::translate::LONGEST_VALUE;

const CHANGED: &str = include_str!("../../../../tests/fixtures/standard-webhooks/changed.json");
const NOW_ENDED: &str =
    include_str!("../../../../tests/fixtures/standard-webhooks/terminated-now.json");
const CORRECTED: &str = include_str!("../../../../tests/fixtures/standard-webhooks/corrected.json");
const RESCINDED: &str = include_str!("../../../../tests/fixtures/standard-webhooks/rescinded.json");
const DELETED: &str = include_str!("../../../../tests/fixtures/standard-webhooks/deleted.json");
const BAD_DATA: &str = include_str!("../../../../tests/fixtures/standard-webhooks/bad-data.json");
const SCHEMA: &str = include_str!("../../../../docs/worker.schema.json");

fn fact(body: &str) -> Fact {
    let world = World::new();
    let answer = world.send(&Post::standard("msg_1", body));
    assert_eq!(answer.status, 202, "{}", answer.body);
    world.facts().pop().expect("a fact")
}

/// The detail of a refusal.
fn refusal(body: &str) -> String {
    let world = World::new();
    let answer = world.send(&Post::standard("msg_1", body));
    assert_eq!(answer.status, 400, "{body}");
    assert!(world.is_untouched());
    let problem: Value = serde_json::from_str(&answer.body).expect("JSON");
    problem["detail"].as_str().expect("a detail").to_owned()
}

/// The smallest payload, changed.
fn payload(change: impl FnOnce(&mut Value)) -> String {
    let mut payload = json!({
        "schema": "lanyard.worker.v1",
        "type": "worker.changed",
        "worker_id": "E1",
        "recorded_at": "2026-02-10T09:30:00Z",
        "attributes": {},
    });
    change(&mut payload);
    payload.to_string()
}

#[test]
fn every_part_of_a_change_is_kept() {
    let fact = fact(CHANGED);
    let source = SourceId::from("standard");
    assert_eq!(fact.worker.as_str(), "E1001");
    assert_eq!(fact.event.as_str(), "msg_1");
    assert_eq!(fact.version, Some(12));
    assert_eq!(
        fact.effective,
        Effective::Date(jiff::civil::date(2026, 3, 1))
    );
    assert_eq!(&*fact.zone, "Europe/Berlin");
    assert_eq!(fact.recorded_at.to_string(), "2026-02-10T09:30:00Z");
    assert_eq!(fact.payload, Hash::of(CHANGED.as_bytes()));
    assert_eq!(fact.manager, Some(record_key(&salt(), &source, "E0007")));
    let FactBody::Assert { attrs, corrects } = &fact.body else {
        panic!("{fact:?}");
    };
    let attrs = attrs.reveal();
    assert_eq!(*corrects, None);
    assert_eq!(attrs.len(), 13);
    assert_eq!(attrs.text(Attr::EmployeeNumber), Some("001001"));
    assert_eq!(attrs.text(Attr::GivenName), Some("Zoë"));
    assert_eq!(attrs.text(Attr::Title), Some("Engineer \"II\""));
}

#[test]
fn absent_null_and_empty_stay_three_things() {
    let fact = fact(CHANGED);
    let FactBody::Assert { attrs, .. } = &fact.body else {
        panic!("{fact:?}");
    };
    let attrs = attrs.reveal();
    assert_eq!(attrs.get(Attr::WorkEmail), Some(&Slot::Null));
    assert_eq!(attrs.get(Attr::PersonalEmail), Some(&Slot::from("")));
    assert_eq!(attrs.get(Attr::MobilePhone), None);
}

#[test]
fn a_fact_holds_from_its_record_when_nothing_else_is_said() {
    let fact = fact(BAD_DATA);
    assert_eq!(fact.effective, Effective::Instant(fact.recorded_at));
}

#[test]
fn an_effective_instant_keeps_its_offset() {
    let fact = fact(NOW_ENDED);
    let instant = "2026-05-04T11:05:00Z".parse().expect("an instant");
    assert_eq!(fact.effective, Effective::Instant(instant));
}

#[test]
fn corrections_rescissions_and_deletions_are_what_they_are() {
    let FactBody::Assert { corrects, .. } = fact(CORRECTED).body else {
        panic!("a change");
    };
    assert_eq!(corrects, Some(EventId::from("msg_changed")));
    let event = EventId::from("msg_changed");
    assert_eq!(fact(RESCINDED).body, FactBody::Rescind { event });
    assert_eq!(fact(DELETED).body, FactBody::Delete);
}

#[test]
fn bad_data_is_accepted_for_the_planner_to_park() {
    let fact = fact(BAD_DATA);
    let FactBody::Assert { attrs, .. } = &fact.body else {
        panic!("{fact:?}");
    };
    assert_eq!(attrs.reveal().text(Attr::StartDate), Some("2026-02-31"));
    assert_eq!(attrs.reveal().text(Attr::TimeZone), Some("Mars/Olympus"));
    assert_eq!(&*fact.zone, "America/New_York", "the source's");
}

#[test]
fn the_nearest_zone_that_is_one_counts() {
    let zone = |attributes: Value, time_zone: Value| {
        fact(&payload(|payload| {
            payload["attributes"] = attributes;
            payload["time_zone"] = time_zone;
        }))
        .zone
        .into_string()
    };
    let tokyo = json!({ "location": "Tokyo" });
    let madrid = json!({ "location": "Tokyo", "time_zone": "Europe/Madrid" });
    let nowhere = json!({ "location": "Tokyo", "time_zone": "Mars/Olympus" });
    assert_eq!(zone(madrid, json!("Europe/Berlin")), "Europe/Madrid");
    assert_eq!(
        zone(nowhere.clone(), json!("Europe/Berlin")),
        "Europe/Berlin"
    );
    assert_eq!(zone(nowhere, json!("Mars/Olympus")), "Asia/Tokyo");
    assert_eq!(zone(tokyo, Value::Null), "Asia/Tokyo");
    assert_eq!(
        zone(json!({ "location": "Oz" }), Value::Null),
        "America/New_York"
    );
    assert_eq!(
        zone(json!({ "time_zone": "europe/paris" }), Value::Null),
        "Europe/Paris"
    );
}

#[test]
fn an_unknown_attribute_is_named_and_its_value_is_not() {
    let detail = refusal(&payload(|payload| {
        payload["attributes"] =
            json!({ "nickname": "canary", "shoe_size": {"deep": "canary"}, "title": "x" });
    }));
    assert_eq!(detail, "unknown attributes: `nickname`, `shoe_size`");
}

#[test]
fn a_derived_attribute_cannot_be_stated() {
    let detail = refusal(&payload(|payload| {
        payload["attributes"] = json!({ "lifecycle": "active" });
    }));
    assert_eq!(detail, "unknown attributes: `lifecycle`");
}

#[test]
fn every_complaint_comes_at_once() {
    let detail = refusal(
        r#"{"schema":"v2","type":"worker.hired","worker_id":7,"recorded_at":"today","effective":"2026-02-30","surprise":["canary"],"attributes":{"title":5,"team":"a","team":"b"}}"#,
    );
    for complaint in [
        "attributes that are neither text nor null: `title`",
        "attributes stated twice: `team`",
        "`type` must be `worker.changed`, `worker.rescinded` or `worker.deleted`",
        "`schema` must be `lanyard.worker.v1`",
        "`worker_id` must be text",
        "`recorded_at` must be an instant in RFC 3339",
        "`effective` must be `YYYY-MM-DD` or an instant in RFC 3339",
        "unknown fields: `surprise`",
    ] {
        assert!(detail.contains(complaint), "{complaint} in {detail}");
    }
    assert!(!detail.contains("canary") && !detail.contains("today"));
}

#[test]
fn what_is_required_is_required() {
    for (field, complaint) in [
        ("schema", "`schema` is missing"),
        ("type", "`type` is missing"),
        ("worker_id", "`worker_id` is missing"),
        ("recorded_at", "`recorded_at` is missing"),
        ("attributes", "`attributes` is missing"),
    ] {
        for absent in [false, true] {
            let detail = refusal(&payload(|payload| {
                if absent {
                    payload.as_object_mut().expect("an object").remove(field);
                } else {
                    payload[field] = Value::Null;
                }
            }));
            assert_eq!(detail, complaint);
        }
    }
    let detail = refusal(&payload(|payload| {
        payload["type"] = json!("worker.rescinded");
        payload["attributes"] = Value::Null;
    }));
    assert_eq!(detail, "`rescinds` is missing");
}

/// It would hold against everything that is said until then.
#[test]
fn what_is_recorded_in_the_future_is_refused() {
    let at = |seconds: i64| {
        let recorded = jiff::Timestamp::from_second(NOW + seconds).expect("an instant");
        payload(|payload| payload["recorded_at"] = recorded.to_string().into())
    };
    assert_eq!(fact(&at(300)).recorded_at.as_second(), NOW + 300);
    let told = refusal(&at(301));
    assert!(told.contains("`recorded_at` is in the future"), "{told}");
}

#[test]
fn a_value_longer_than_targets_take_is_refused_by_name() {
    let long = |bytes: usize| {
        payload(|payload| payload["attributes"] = json!({ "title": "é".repeat(bytes / 2) }))
    };
    fact(&long(LONGEST_VALUE));
    let told = refusal(&long(LONGEST_VALUE + 2));
    assert_eq!(told, "attributes of more than 4096 bytes: `title`");
}

#[test]
fn what_belongs_elsewhere_is_refused() {
    for (kind, field, value) in [
        ("worker.deleted", "attributes", json!({ "title": "x" })),
        ("worker.deleted", "corrects", json!("msg_0")),
        ("worker.deleted", "rescinds", json!("msg_0")),
        ("worker.changed", "rescinds", json!("msg_0")),
    ] {
        let detail = refusal(&payload(|payload| {
            payload["type"] = json!(kind);
            payload[field] = value;
        }));
        assert!(detail.contains(&format!("`{field}` belong")), "{detail}");
    }
}

#[test]
fn ids_have_a_length() {
    for id in [String::new(), " ".into(), "x".repeat(257)] {
        let detail = refusal(&payload(|payload| payload["worker_id"] = json!(id)));
        assert_eq!(detail, "`worker_id` must have 1 to 256 bytes");
    }
    fact(&payload(|payload| {
        payload["worker_id"] = json!("x".repeat(256));
    }));
    let long = Post::standard(&"m".repeat(257), &payload(|_| {}));
    assert_eq!(World::new().send(&long).status, 400);
}

#[test]
fn what_cannot_be_read_is_refused_by_position_without_its_text() {
    for (body, detail) in [
        ("", "the body is not JSON at line 1, column 0"),
        ("canary", "the body is not JSON at line 1, column 1"),
        (
            "{\"schema\":\"canary",
            "the body is not JSON at line 1, column 17",
        ),
        (
            "[\"canary\"]",
            "the body is not what the schema wants at line 1, column 0",
        ),
        (
            "\"canary\"",
            "the body is not what the schema wants at line 1, column 8",
        ),
        ("{} canary", "the body is not JSON at line 1, column 4"),
        (
            "{\"version\":\"canary\"}",
            "the body is not what the schema wants at line 1, column 19",
        ),
        (
            "{\"attributes\":[\"canary\"]}",
            "the body is not what the schema wants at line 1, column 14",
        ),
    ] {
        assert_eq!(refusal(body), detail);
    }
}

#[test]
fn a_dirty_shape_costs_no_more_than_its_bytes() {
    let deep = format!(
        "{{\"worker_id\":{}1{},\"x\":{}1{}}}",
        "[".repeat(50_000),
        "]".repeat(50_000),
        "{\"a\":".repeat(20_000),
        "}".repeat(20_000),
    );
    let detail = refusal(&deep);
    assert!(detail.contains("`worker_id` must be text"), "{detail}");
    let many: Vec<String> = (0..20_000).map(|n| format!("\"f{n}\":0")).collect();
    let detail = refusal(&format!("{{{}}}", many.join(",")));
    assert!(detail.ends_with("`f19` and more"), "{detail}");
    let long = format!("{{\"{}\":0}}", "n".repeat(100_000));
    assert!(refusal(&long).len() < 300);
}

#[test]
fn the_published_schema_names_what_the_code_reads() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let names = |value: &Value| {
        let names = value.as_object().expect("properties").keys();
        names.cloned().collect::<Vec<_>>()
    };
    let mut attributes = names(&schema["properties"]["attributes"]["properties"]);
    attributes.sort();
    let mut known: Vec<String> = Attr::ALL
        .iter()
        .filter(|attr| **attr != Attr::Lifecycle)
        .map(|attr| attr.name().to_owned())
        .collect();
    known.sort();
    assert_eq!(attributes, known);
    assert_eq!(
        schema["properties"]["attributes"]["additionalProperties"],
        json!(false)
    );
    assert_eq!(schema["additionalProperties"], json!(false));
    // Each property is known to the code: stated as null or wrong, it is never "unknown".
    for name in names(&schema["properties"]) {
        let body = payload(|payload| payload[&name] = json!(null));
        let world = World::new();
        let answer = world.send(&Post::standard("msg_1", &body));
        assert!(!answer.body.contains("unknown"), "{name}: {}", answer.body);
    }
    assert_eq!(
        schema["required"],
        json!(["schema", "type", "worker_id", "recorded_at"])
    );
}
