//! Full HR feeds: what a feed states counts record by record; what it does not list counts only
//! with a certificate, and twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::Cause;
use domain::{IdentityState, RecordKey};
use hr_webhook::feed::{Asked, FeedError, Report};
use ports::model::{ManualClock, ModelLanes, ModelObjects, ModelStore};
use ports::store::Seat;
use serde_json::{Value, json};
use tests::world::feed::{Export, instant, listed, records};
use tests::world::{Client, Company, Parts, Says, World, compiled, policy_text};

const FEED: &str = r#"
[sources.hr.feed]
format = "jsonl"
sentinels = ["E0"]
partition = "country"
minimum = { PT = 1 }
"#;

fn with_feed() -> String {
    policy_text() + FEED
}

/// An employee of HR.
fn employee(worker: &str, names: (&str, &str), department: &str) -> Value {
    json!({
        "given_name": names.0,
        "family_name": names.1,
        "department": department,
        "employment_type": "employee",
        "worker_status": "active",
        "start_date": "2026-01-05",
        "country": "PT",
        "employee_number": worker,
    })
}

fn small() -> Vec<Value> {
    [
        ("E0", ("Olga", "Prime"), "Finance"),
        ("E1", ("Ana", "Silva"), "Engineering"),
        ("E2", ("Ben", "Okafor"), "Sales"),
        ("E3", ("Cy", "Young"), "Sales"),
    ]
    .map(|(worker, names, department)| {
        let attributes = employee(worker, names, department);
        listed(worker, "2026-01-02T09:00:00Z", &attributes)
    })
    .to_vec()
}

async fn delivers(company: &Company, records: &[Value], as_of: &str) -> Report {
    let text = Export::of(records, as_of, 2).text();
    let report = company.world.deliver(&text, Asked::default()).await;
    company.world.settle().await;
    report.expect("a feed")
}

/// A company whose four people came by a feed on 2 March.
async fn fed() -> Company {
    let company = Company::with_policy(&with_feed()).await;
    let report = delivers(&company, &small(), "2026-03-02T07:00:00Z").await;
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.new, records(["E0", "E1", "E2", "E3"]));
    company
}

fn without(worker: &str) -> Vec<Value> {
    let mut records = small();
    records.retain(|record| record["worker_id"] != worker);
    records
}

#[tokio::test]
async fn a_feed_hires_and_says_nothing_twice() {
    let company = fed().await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    company.reset_calls();
    company.world.until("2026-03-03T08:00:00Z").await;
    let mut next = small();
    next[1]["attributes"]["title"] = "Lead".into();
    next[1]["recorded_at"] = "2026-03-03T06:00:00Z".into();
    let report = delivers(&company, &next, "2026-03-03T07:00:00Z").await;
    assert_eq!(report.changed, records(["E1"]));
    assert_eq!((report.unchanged, report.new.len()), (3, 0));
    assert_eq!(company.dir.calls().writes(), 1, "one title");
    company.world.until("2026-03-04T08:00:00Z").await;
    company.reset_calls();
    let report = delivers(&company, &next, "2026-03-04T07:00:00Z").await;
    assert_eq!(report.unchanged, 4);
    assert_eq!(company.target_calls(), 0);
    // The numbers of feeds are remembered, until a human says that another is right.
    let kept = async |company: &Company| {
        use ports::Objects as _;
        let key = "feeds/v1/hr/accepted.json";
        let body = company.world.objects.get(key).await.expect("a read");
        let memory: Value = serde_json::from_slice(&body.expect("a memory")).expect("JSON");
        memory["past"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(kept(&company).await, 2);
    company.world.until("2026-03-05T08:00:00Z").await;
    let text = Export::of(&next, "2026-03-05T07:00:00Z", 2).text();
    let asked = Asked {
        population: Some(4),
        ..Asked::default()
    };
    let report = company.world.deliver(&text, asked).await.expect("a feed");
    assert!(report.is_complete());
    assert_eq!(kept(&company).await, 0);
}

#[tokio::test]
async fn who_is_missing_from_two_certified_feeds_leaves_and_comes_back_when_listed() {
    let company = fed().await;
    company.world.until("2026-03-03T08:00:00Z").await;
    let report = delivers(&company, &without("E3"), "2026-03-03T07:00:00Z").await;
    assert!(report.is_complete(), "{report}");
    assert!(report.ended.is_empty());
    assert!(report.waiting.keys().eq(records(["E3"]).iter()));
    assert_eq!(company.active("E3"), (true, true), "once is not enough");
    company.world.until("2026-03-04T08:00:00Z").await;
    let report = delivers(&company, &without("E3"), "2026-03-04T07:00:00Z").await;
    assert_eq!(report.ended, records(["E3"]));
    assert_eq!(company.active("E3"), (false, false));
    assert_eq!(company.groups("E3"), [""; 0]);
    for worker in ["E0", "E1", "E2"] {
        assert_eq!(company.active(worker), (true, true), "{worker}");
    }
    // And once more: an ended record is not missing.
    company.world.until("2026-03-05T08:00:00Z").await;
    company.reset_calls();
    let report = delivers(&company, &without("E3"), "2026-03-05T07:00:00Z").await;
    assert!(report.ended.is_empty() && report.waiting.is_empty());
    assert_eq!(company.target_calls(), 0);
    // HR finds the record again, as it was.
    company.world.until("2026-03-06T08:00:00Z").await;
    let report = delivers(&company, &small(), "2026-03-06T07:00:00Z").await;
    assert_eq!(report.back, records(["E3"]));
    assert_eq!(company.active("E3"), (true, true));
    company.world.until("2026-03-07T08:00:00Z").await;
    let report = delivers(&company, &small(), "2026-03-07T07:00:00Z").await;
    assert_eq!(report.unchanged, 4);
}

#[tokio::test]
async fn an_incomplete_feed_changes_people_and_ends_nobody() {
    let company = fed().await;
    for day in 3..6 {
        company
            .world
            .until(&format!("2026-03-0{day}T08:00:00Z"))
            .await;
        let mut next = without("E3");
        next[2]["attributes"]["title"] = format!("Title {day}").into();
        next[2]["recorded_at"] = format!("2026-03-0{day}T06:00:00Z").into();
        let mut export = Export::of(&next, &format!("2026-03-0{day}T07:00:00Z"), 2);
        export.lines.pop();
        let report = company
            .world
            .deliver(&export.text(), Asked::default())
            .await;
        let report = report.expect("a feed");
        company.world.settle().await;
        assert!(!report.is_complete());
        assert_eq!(report.changed, records(["E2"]));
        assert_eq!(report.unproven, records(["E3"]));
        let title = company.on_dir("E2").expect("an account").json["title"].clone();
        assert_eq!(title, format!("Title {day}"));
    }
    assert_eq!(company.active("E3"), (true, true));
}

#[tokio::test]
async fn whoever_is_newer_than_the_feed_or_has_not_begun_is_not_missing() {
    let mut company = fed().await;
    // Hired after the export was made, and hired for the summer.
    company.world.until("2026-03-03T06:30:00Z").await;
    let ahead = Says::hires("E8", ("Ian", "Late"), "Sales", "2026-07-01");
    company.world.hr(ahead).await;
    company.world.until("2026-03-03T07:30:00Z").await;
    let hire = Says::hires("E9", ("Eve", "New"), "Sales", "2026-03-02");
    company.world.hr(hire).await;
    let report = delivers(&company, &small(), "2026-03-03T07:00:00Z").await;
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.newer, report.not_begun), (1, 1));
    assert!(report.waiting.is_empty());
    assert!(company.active("E9").0);
}

#[tokio::test]
async fn a_dry_run_reports_the_same_and_writes_nothing() {
    let company = Company::with_policy(&with_feed()).await;
    let text = Export::of(&small(), "2026-03-02T07:00:00Z", 2).text();
    let dry = Asked {
        dry_run: true,
        ..Asked::default()
    };
    let told = company.world.deliver(&text, dry).await.expect("a feed");
    assert_eq!((told.received, told.new.len()), (4, 4));
    assert!(told.is_complete());
    assert_eq!(company.world.lanes.sent().len(), 0);
    let wet = company
        .world
        .deliver(&text, Asked::default())
        .await
        .expect("a feed");
    assert_eq!(
        wet,
        Report {
            dry_run: false,
            ..told
        }
    );
}

#[tokio::test]
async fn what_is_no_feed_is_refused_loudly() {
    let company = Company::with_policy(&with_feed()).await;
    let refused = async |text: &str| {
        let taken = company.world.deliver(text, Asked::default()).await;
        taken.expect_err("no feed").to_string()
    };
    assert!(
        refused("")
            .await
            .contains("the first line has to be a header")
    );
    assert!(refused("<html>503</html>").await.contains("header"));
    let other = Export::of(&small(), "2026-03-02T07:00:00Z", 2).text();
    let other = other.replacen("\"source\":\"hr\"", "\"source\":\"payroll\"", 1);
    assert_eq!(refused(&other).await, "the header names another source");
    let unfed = Company::new().await;
    let taken = unfed.world.deliver("", Asked::default()).await;
    assert!(matches!(taken, Err(FeedError::NoFeed(_))));
}

/// People in ten countries and twenty pages, without targets.
struct Crowd {
    world: World<ModelStore, Client>,
    people: Vec<Value>,
    page: usize,
}

const COUNTRIES: [&str; 10] = ["AT", "BE", "CH", "DE", "ES", "FR", "IT", "NL", "PL", "PT"];

fn person(n: usize) -> Value {
    let mut attributes = employee(&format!("E{n}"), ("Ana", "Silva"), "Sales");
    attributes["given_name"] = format!("Ana{n}").into();
    attributes["country"] = COUNTRIES[n % 10].into();
    listed(&format!("E{n}"), "2026-01-02T09:00:00Z", &attributes)
}

impl Crowd {
    async fn of(people: usize) -> Self {
        let page = people / 20;
        let clock = ManualClock::new(instant("2026-03-02T08:00:00Z"));
        let (store, objects) = (ModelStore::new(), ModelObjects::new());
        let world = || {
            World::of(Parts {
                store: store.clone(),
                lanes: ModelLanes::new(Arc::new(clock.clone())),
                objects: objects.clone(),
                policy: compiled(&with_feed(), &BTreeMap::new()),
                writers: BTreeMap::new(),
                readers: BTreeMap::new(),
                clock: clock.clone(),
            })
        };
        let people: Vec<Value> = (0..people).map(person).collect();
        let first = Self {
            world: world(),
            people,
            page,
        };
        let report = first
            .take(&first.export(&first.people, "2026-03-02T07:00:00Z"))
            .await;
        assert!(report.is_complete(), "{report}");
        assert_eq!(report.new.len(), first.people.len());
        for record in &report.new {
            let looked = first.world.planner.look(record, Cause::Fact).await;
            assert_eq!(looked.expect("a look"), planner::Looked::Decided);
        }
        // With queues of its own: ten thousand answered messages would only slow it down.
        Self {
            world: world(),
            people: first.people,
            page,
        }
    }

    async fn take(&self, export: &Export) -> Report {
        let report = self.world.deliver(&export.text(), Asked::default()).await;
        report.expect("a feed")
    }

    fn export(&self, people: &[Value], as_of: &str) -> Export {
        Export::of(people, as_of, self.page)
    }

    /// Tomorrow's feed of everybody.
    fn tomorrow(&self) -> Export {
        self.export(&self.people, "2026-03-03T07:00:00Z")
    }

    /// The same with its fourth page twice.
    fn with_a_page_twice(&self) -> Export {
        let mut export = self.tomorrow();
        let lines = self.page + 1;
        let (begin, end) = (1 + 3 * lines, 1 + 4 * lines);
        let page: Vec<String> = export.lines[begin..end].to_vec();
        export.lines.splice(end..end, page);
        export
    }

    /// The same without one country, counted right.
    fn without(&self, country: &str) -> Export {
        let mut others = self.people.clone();
        others.retain(|person| person["attributes"]["country"] != country);
        self.export(&others, "2026-03-03T07:00:00Z")
    }

    /// The feed that was accepted.
    fn yesterday(&self) -> Export {
        self.export(&self.people, "2026-03-02T07:00:00Z")
    }

    /// A feed that proves nothing: nobody is removed, nothing is written, nothing remembered.
    async fn proves_nothing(&self, export: &Export, what: &str) {
        let facts = self.world.store.counters().writes + self.world.store.counters().transactions;
        let memory = self.memory().await;
        let report = self.take(export).await;
        assert!(!report.is_complete(), "{what}");
        assert!(
            report.ended.is_empty() && report.waiting.is_empty(),
            "{what}"
        );
        assert_eq!(report.changed.len() + report.new.len(), 0, "{what}");
        let after = self.world.store.counters().writes + self.world.store.counters().transactions;
        assert_eq!(after, facts, "{what}: something was written");
        assert_eq!(self.memory().await, memory, "{what}: it counts as accepted");
    }

    async fn memory(&self) -> Vec<u8> {
        use ports::Objects as _;
        let key = hr_webhook::feed::memory_key(&"hr".into());
        let memory = self.world.objects.get(&key).await.expect("a read");
        memory.expect("a memory").to_vec()
    }
}

#[tokio::test]
async fn a_feed_that_is_not_whole_removes_nobody() {
    // `domain::feed` tells the same of ten thousand.
    let crowd = Crowd::of(2_000).await;
    crowd.world.clock.set(instant("2026-03-03T08:00:00Z"));
    let whole = crowd.tomorrow();
    let cut = |at: usize| Export {
        lines: whole.lines[..at].to_vec(),
    };
    for percent in 1..100 {
        let at = whole.lines.len() * percent / 100;
        let what = format!("cut at {percent} %");
        crowd.proves_nothing(&cut(at), &what).await;
    }
    for page in 1..=20 {
        let border = 1 + page * (crowd.page + 1);
        let what = format!("cut at the end of page {page}");
        crowd.proves_nothing(&cut(border - 1), &what).await;
        crowd.proves_nothing(&cut(border), &what).await;
    }
    for country in COUNTRIES {
        let export = crowd.without(country);
        crowd.proves_nothing(&export, country).await;
    }
    let mut others = crowd.people.clone();
    others.remove(0);
    let export = crowd.export(&others, "2026-03-03T07:00:00Z");
    crowd.proves_nothing(&export, "without the sentinel").await;
    // After all of this the whole one is still the next.
    let report = crowd.take(&whole).await;
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.unchanged, 2_000);
}

#[tokio::test]
async fn of_ten_thousand_a_whole_feed_with_thirty_fewer_removes_exactly_these() {
    let crowd = Crowd::of(10_000).await;
    crowd.world.clock.set(instant("2026-03-03T08:00:00Z"));
    let mut half = crowd.tomorrow();
    half.lines.truncate(half.lines.len() / 2);
    for (export, what) in [
        (half, "half of it"),
        (crowd.with_a_page_twice(), "a page twice"),
        (crowd.without("PL"), "a country less"),
        (crowd.yesterday(), "yesterday's file"),
    ] {
        crowd.proves_nothing(&export, what).await;
    }
    let gone: Vec<String> = (1..=30).map(|n| format!("E{}", n * 311)).collect();
    let mut rest = crowd.people.clone();
    rest.retain(|person| {
        let is = |worker: &String| person["worker_id"] == worker.as_str();
        !gone.iter().any(is)
    });
    let gone = records(gone.iter().map(String::as_str));
    assert_eq!((rest.len(), gone.len()), (9_970, 30));
    let first = crowd
        .take(&crowd.export(&rest, "2026-03-03T07:00:00Z"))
        .await;
    assert!(first.is_complete(), "{first}");
    assert!(first.ended.is_empty());
    assert!(first.waiting.keys().eq(&gone));
    crowd.world.clock.set(instant("2026-03-04T08:00:00Z"));
    let second = crowd
        .take(&crowd.export(&rest, "2026-03-04T07:00:00Z"))
        .await;
    assert_eq!(second.ended, gone);
    crowd.world.settle().await;
    let seats = crowd.world.store.everybody();
    let works = |seat: &Seat| seat.record.state == IdentityState::Active;
    let ended = seats.into_iter().filter(|(_, seat)| !works(seat));
    let ended: Vec<_> = ended
        .map(|(identity, _)| RecordKey::from(&identity))
        .collect();
    assert!(ended.iter().eq(&gone));
}
