//! BambooHR's field-based posts: what is kept of them, and what does not stop the rest.

use domain::fact::FactBody;
use domain::{Attr, Attrs, Effective, Fact, Hash, Slot, SourceId};
use telemetry::Metric;

use super::world::{NOW, Post, World, salt};
use crate::record_key;
use crate::translate::LONGEST_VALUE;

const SEVERAL: &str = include_str!("../../../../tests/fixtures/bamboohr/several.json");
const BROKEN: &str = include_str!("../../../../tests/fixtures/bamboohr/broken-entry.json");
const EVENTS: &str = include_str!("../../../../tests/fixtures/bamboohr/event-based.json");

/// In the order of the post.
fn facts(world: &World) -> Vec<Fact> {
    let mut facts = world.facts();
    facts.sort_by(|a, b| a.event.as_str().cmp(b.event.as_str()));
    facts
}

fn attrs(fact: &Fact) -> &Attrs {
    match &fact.body {
        FactBody::Assert { attrs, .. } => attrs.reveal(),
        FactBody::Rescind { .. } | FactBody::Delete => panic!("{fact:?}"),
    }
}

#[test]
fn every_employee_of_a_post_is_a_fact() {
    let world = World::new();
    assert_eq!(world.send(&Post::bamboohr(SEVERAL)).status, 202);
    let facts = facts(&world);
    let delivery = Hash::of(SEVERAL.as_bytes()).to_string();
    let events: Vec<&str> = facts.iter().map(|fact| fact.event.as_str()).collect();
    assert_eq!(events, [0, 1, 2].map(|index| format!("{delivery}/{index}")));
    let workers: Vec<&str> = facts.iter().map(|fact| fact.worker.as_str()).collect();
    assert_eq!(workers, ["67890", "67891", "67892"]);
    assert_eq!(facts[2].body, FactBody::Delete);
    assert_eq!(world.lanes.sent().len(), 3);
}

#[test]
fn fields_are_named_by_policy_and_others_ignored() {
    let world = World::new();
    world.send(&Post::bamboohr(SEVERAL));
    let facts = facts(&world);
    let of_first = attrs(&facts[0]);
    assert_eq!(of_first.len(), 1);
    assert_eq!(of_first.text(Attr::Title), Some("Engineer"));
    let ignored = world.lines.all();
    assert!(ignored.iter().any(|line| line.contains("not mapped")));
}

#[test]
fn absent_null_empty_and_the_empty_date_stay_apart() {
    let world = World::new();
    world.send(&Post::bamboohr(SEVERAL));
    let facts = facts(&world);
    let attrs = attrs(&facts[1]);
    assert_eq!(attrs.get(Attr::EndDate), Some(&Slot::Null), "0000-00-00");
    assert_eq!(attrs.get(Attr::WorkEmail), Some(&Slot::Null));
    assert_eq!(attrs.get(Attr::PersonalEmail), Some(&Slot::from("")));
    assert_eq!(attrs.get(Attr::Department), None);
    assert_eq!(attrs.text(Attr::EmployeeNumber), Some("117"));
    let source = SourceId::from("bamboohr");
    let manager = record_key(&salt(), &source, "67800");
    assert_eq!(facts[1].manager, Some(manager));
}

#[test]
fn an_offset_without_a_colon_is_read() {
    let world = World::new();
    world.send(&Post::bamboohr(SEVERAL));
    let recorded: Vec<String> = facts(&world)
        .iter()
        .map(|fact| fact.recorded_at.to_string())
        .collect();
    assert_eq!(
        recorded,
        [
            "2026-01-31T18:42:00Z",
            "2026-01-31T17:42:01Z",
            "2026-01-31T18:42:02Z"
        ]
    );
    for fact in facts(&world) {
        assert_eq!(fact.effective, Effective::Instant(fact.recorded_at));
    }
}

#[test]
fn a_broken_entry_does_not_block_the_others() {
    let world = World::new();
    assert_eq!(world.send(&Post::bamboohr(BROKEN)).status, 202);
    let facts = world.facts();
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].worker.as_str(), "67890");
    assert!(
        facts[0].event.as_str().ends_with("/1"),
        "its place in the post"
    );
    assert_eq!(attrs(&facts[0]).len(), 1, "the list is not a department");
    assert_eq!(world.lanes.sent().len(), 1);
    assert_eq!(world.count(Metric::WebhookEntriesSkipped), 1);
    let lines = world.lines.all();
    assert!(lines.iter().any(|line| line.contains("\"skipped\":4")));
    assert!(lines.iter().any(|line| line.contains("mapped fields")));
}

#[test]
fn a_post_without_any_good_entry_is_refused() {
    for body in [
        r#"{"employees":[{"action":"Updated","fields":{}}]}"#,
        r#"{"employees":[{"id":null,"action":"Updated"}]}"#,
        r#"{"employees":[7]}"#,
        r#"{"employees":{"id":"1"}}"#,
        r#"{"workers":[]}"#,
        "[]",
        "{",
    ] {
        let world = World::new();
        assert_eq!(world.send(&Post::bamboohr(body)).status, 400, "{body}");
        assert!(world.is_untouched());
    }
}

#[test]
fn a_post_without_employees_states_nothing() {
    let world = World::new();
    let answer = world.send(&Post::bamboohr(r#"{"employees":[]}"#));
    assert_eq!(answer.status, 202);
    assert!(world.is_untouched());
}

#[test]
fn the_event_based_family_is_told_what_to_choose() {
    let world = World::new();
    let answer = world.send(&Post::bamboohr(EVENTS));
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("field-based"));
    assert!(world.is_untouched());
}

#[test]
fn an_entry_without_a_time_is_as_late_as_its_delivery() {
    let world = World::new();
    let body = r#"{"employees":[{"id":"1","action":"updated","timestamp":"soon"}]}"#;
    assert_eq!(world.send(&Post::bamboohr(body)).status, 202);
    assert_eq!(world.facts()[0].recorded_at.as_second(), NOW);
}

/// It would hold against everything that is said until then.
#[test]
fn no_entry_is_later_than_its_delivery() {
    let world = World::new();
    let body =
        r#"{"employees":[{"id":"1","action":"deleted","timestamp":"2062-01-01T00:00:00Z"}]}"#;
    assert_eq!(world.send(&Post::bamboohr(body)).status, 202);
    let facts = world.facts();
    assert_eq!(facts[0].recorded_at.as_second(), NOW);
    assert_eq!(facts[0].effective, Effective::Instant(facts[0].recorded_at));
}

#[test]
fn a_value_longer_than_targets_take_is_not_kept() {
    for (length, kept) in [(LONGEST_VALUE, 1), (LONGEST_VALUE + 1, 0)] {
        let world = World::new();
        let value = "x".repeat(length);
        let body = format!(
            r#"{{"employees":[{{"id":"1","action":"updated","fields":{{"jobTitle":{{"value":"{value}"}}}}}}]}}"#
        );
        assert_eq!(world.send(&Post::bamboohr(&body)).status, 202);
        assert_eq!(attrs(&world.facts()[0]).len(), kept, "{length}");
    }
}

#[test]
fn depth_and_number_of_fields_are_capped() {
    let field = |value: &str| {
        format!(
            r#"{{"employees":[{{"id":"1","action":"Updated","fields":{{"shoeSize":{value}}}}}]}}"#
        )
    };
    let nested = |depth: usize| field(&("[".repeat(depth) + &"]".repeat(depth)));
    // Three brackets and braces are the post's own, and one is the entry's `fields`.
    assert_eq!(World::new().send(&Post::bamboohr(&nested(28))).status, 202);
    let answer = World::new().send(&Post::bamboohr(&nested(29)));
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("32 levels"));
    let many: Vec<String> = (0..2_001).map(|n| format!("\"f{n}\":0")).collect();
    let answer = World::new().send(&Post::bamboohr(&field(&format!("{{{}}}", many.join(",")))));
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("2,000 fields"));
}
