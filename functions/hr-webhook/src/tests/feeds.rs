//! Feeds whose reading, storing or telling fails, and what they say about people.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

use domain::feed::{Confirm, FeedFormat, FeedPolicy, PopulationLimits, Unchanged, Why};
use domain::{Policy, SourceId};
use jiff::Timestamp;
use ports::model::{ManualClock, ModelLanes, ModelObjects, ModelStore};
use ports::{Fault, Objects as _};
use serde_json::json;
use telemetry::{Lines, Sink, Telemetry};

use super::world::{NOW, block_on, policy, salt};
use crate::feed::{Asked, FeedError, FeedIntake, Report, memory_key};

const PEOPLE: usize = 100;

struct World {
    store: ModelStore,
    lanes: ModelLanes,
    objects: ModelObjects,
    clock: ManualClock,
    policy: Arc<Policy>,
    source: SourceId,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_second(NOW).expect("an instant"));
        let mut policy = policy();
        let (name, source) = policy.sources.iter_mut().next().expect("a source");
        source.feed = Some(FeedPolicy {
            format: FeedFormat::JsonLines,
            sentinels: Vec::new(),
            partition: None,
            limits: PopulationLimits::default(),
            max_age_hours: 48,
            unchanged: Unchanged::Refuse,
            confirm: Confirm::default(),
        });
        Self {
            source: name.clone(),
            store: ModelStore::new(),
            lanes: ModelLanes::new(Arc::new(clock.clone())),
            objects: ModelObjects::new(),
            policy: Arc::new(policy),
            clock,
        }
    }

    fn take(&self, input: impl Read + Seek + Send) -> Result<Report, FeedError> {
        let intake = FeedIntake::new(
            self.store.clone(),
            self.lanes.clone(),
            self.objects.clone(),
            self.clock.clone(),
            Arc::clone(&self.policy),
            salt(),
        );
        block_on(intake.take(&self.source, input, Asked::default()))
    }

    fn remembers(&self) -> bool {
        let memory = block_on(self.objects.get(&memory_key(&self.source)));
        memory.expect("a read").is_some()
    }

    /// Messages to the planner, by record.
    fn told(&self) -> std::collections::BTreeSet<String> {
        let sent = self.lanes.take_sent();
        sent.into_iter().map(|(_, message)| message.group).collect()
    }
}

fn feed(mark: &str) -> String {
    let schema = "lanyard.feed.v1";
    let mut lines = vec![
        json!({"schema": schema, "type": "feed.header", "as_of": "2026-09-21T12:00:00Z",
               "total": PEOPLE})
        .to_string(),
    ];
    lines.extend((0..PEOPLE).map(|n| {
        json!({
            "schema": "lanyard.worker.v1", "type": "worker.changed",
            "worker_id": format!("{mark}{n}"), "recorded_at": "2023-11-01T00:00:00Z",
            "attributes": {
                "given_name": format!("{mark}-given"), "family_name": format!("{mark}-family"),
                "manager_id": format!("{mark}0"), "title": format!("{mark}-title"),
            },
        })
        .to_string()
    }));
    lines.push(json!({"schema": schema, "type": "feed.trailer", "total": PEOPLE}).to_string());
    lines.join("\n") + "\n"
}

/// Reads so much, then fails as a share on the network does.
struct Breaks<'a>(&'a [u8]);

impl Read for Breaks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::from(io::ErrorKind::ConnectionReset));
        }
        self.0.read(buffer)
    }
}

impl Seek for Breaks<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    }
}

#[test]
fn a_file_that_breaks_off_is_incomplete_and_what_came_counts() {
    let world = World::new();
    let text = feed("W");
    let report = world
        .take(Breaks(&text.as_bytes()[..text.len() / 2]))
        .expect("taken");
    assert!(!report.is_complete());
    let broke_off = |why: &Why| matches!(why, Why::BrokenOff { .. });
    assert!(report.reasons.iter().any(broke_off), "{report}");
    assert!((40..60).contains(&report.new.len()), "{report}");
    assert_eq!(world.store.facts().len(), report.new.len());
    assert!(!world.remembers());
    let nothing = world.take(Breaks(b"")).expect_err("no header");
    assert!(matches!(nothing, FeedError::Read(_)), "{nothing}");
}

#[test]
fn a_table_that_fails_under_way_is_no_checkpoint() {
    let world = World::new();
    let text = feed("W");
    let ok = world.store.counters();
    assert_eq!(ok.writes, 0);
    world.store.fail_next(Fault::retry("throttled"));
    let failed = world
        .take(Cursor::new(&text))
        .expect_err("the table failed");
    assert!(matches!(failed, FeedError::Fault(_)), "{failed}");
    assert_eq!(world.store.pending_faults(), 0);
    assert!(!world.remembers());
    let report = world.take(Cursor::new(&text)).expect("taken");
    assert!(report.is_complete(), "{report}");
    assert_eq!(world.store.facts().len(), PEOPLE);
    assert!(world.remembers());
}

#[test]
fn a_planner_that_was_not_told_is_told_when_the_feed_is_taken_again() {
    let world = World::new();
    let text = feed("W");
    world.lanes.fail_next(Fault::retry("the queue is away"));
    let failed = world
        .take(Cursor::new(&text))
        .expect_err("the queue failed");
    assert!(matches!(failed, FeedError::Fault(_)), "{failed}");
    let durable = world.store.facts();
    assert_eq!(durable.len(), 40, "facts first");
    assert!(world.told().is_empty());
    let report = world.take(Cursor::new(&text)).expect("taken");
    assert_eq!((report.new.len(), report.unchanged), (60, 40));
    assert_eq!(world.store.facts().len(), PEOPLE);
    let told = world.told();
    assert_eq!(told.len(), PEOPLE);
    for fact in durable {
        assert!(told.contains(fact.record.as_str()));
    }
}

#[test]
fn a_feed_from_the_future_is_refused_before_it_states_anything() {
    let world = World::new();
    let ahead = feed("W").replacen("2026-09-21T12:00:00Z", "2032-11-14T20:00:00Z", 1);
    let refused = world.take(Cursor::new(&ahead)).expect_err("to come");
    assert!(matches!(refused, FeedError::Future(_)), "{refused}");
    assert!(world.store.facts().is_empty());
}

#[test]
fn neither_report_nor_logs_nor_messages_nor_memory_name_anybody() {
    const MARK: &str = "canary0xyz";
    let world = World::new();
    let lines = Lines::new();
    let telemetry = Telemetry {
        service: "hr-feed",
        level: tracing::level_filters::LevelFilter::TRACE,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(|| Timestamp::UNIX_EPOCH),
        gathered: None,
    };
    let guard = telemetry.start_here();
    let whole = feed(MARK);
    // One cut within a record, one with a wrong value, one whole.
    let cut = whole.get(..whole.len() - 200).expect("ASCII");
    let wrong = whole.replacen("\"manager_id\":", "\"start_date\":7,\"manager_id\":", 1);
    let mut said = Vec::new();
    for text in [cut, &wrong, &whole] {
        let report = world.take(Cursor::new(&text)).expect("taken");
        said.push(serde_json::to_string(&report).expect("JSON"));
        said.push(report.in_full().to_string());
    }
    assert!(
        said[0].contains("not_closed") && said[2].contains("unreadable"),
        "{said:?}"
    );
    assert!(said[5].contains("complete: certified"), "{}", said[5]);
    drop(guard);
    said.extend(lines.all());
    assert!(world.remembers());
    let memory = block_on(world.objects.get(&memory_key(&world.source)));
    let memory = memory.expect("a read").expect("a memory");
    said.push(String::from_utf8(memory.to_vec()).expect("text"));
    said.extend(
        world
            .lanes
            .sent()
            .into_iter()
            .map(|(_, message)| format!("{message:?}")),
    );
    assert!(said.len() > 100, "{}", said.len());
    for text in said {
        assert!(!text.contains(MARK), "{text}");
    }
}
