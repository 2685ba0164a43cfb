//! Law 15: personal data appears in no log line, metric, queue message, dead letter, URL that we
//! choose, or object key. Every personal value of a company carries a marker, HR and the targets
//! do their worst, and then the marker is looked for wherever it may not be. That it is found
//! where it was planted is shown too.

mod life;
mod people;

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use contract::{Cause, Lane, PlanRequest};
use domain::Profile;
use domain::TargetId;
use domain::profile::Search;
use ports::lanes::Outgoing;
use ports::queue::Queues as _;
use ports::store::Health;
use ports::{Lanes as _, Objects as _, Store as _};
use serde_json::Value;
use telemetry::{Lines, Metric, Sink, Telemetry};
use tests::world::Company;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use life::Life;
use people::{about, canary_policy, hire, user_name, worker};

/// In every personal value that is Latin; not hexadecimal, so that no digest holds it by chance.
const MARK: &str = "zqx";
/// In every personal value that is not.
const FOREIGN_MARK: &str = "ѯѱҩ";

/// Our crates that take part, as they appear in the targets of events.
const OURS: [&str; 13] = [
    "clock",
    "connectors",
    "contract",
    "domain",
    "hr_webhook",
    "lanyard",
    "planner",
    "policy",
    "ports",
    "reconciler",
    "store_dynamodb",
    "target_http",
    "target_scim",
];

/// Whether a text holds personal data, as it stands, percent-encoded or escaped as JSON does.
fn is_marked(text: &str) -> bool {
    let marked = |text: &str| text.to_lowercase().contains(MARK) || text.contains(FOREIGN_MARK);
    let escaped: String = FOREIGN_MARK
        .chars()
        .fold(String::new(), |mut text, letter| {
            write!(text, "\\u{:04x}", u32::from(letter)).expect("a string");
            text
        });
    marked(text) || marked(&percent_decoded(text)) || text.to_lowercase().contains(&escaped)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            Some(_) | None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Texts by the place where they were found.
#[derive(Default)]
struct Places(Vec<(&'static str, String)>);

impl Places {
    fn add(&mut self, place: &'static str, texts: impl IntoIterator<Item = String>) {
        self.0.extend(texts.into_iter().map(|text| (place, text)));
    }

    fn count(&self, place: &str) -> usize {
        self.0.iter().filter(|(other, _)| *other == place).count()
    }

    fn marked(&self) -> Vec<&(&'static str, String)> {
        self.0.iter().filter(|(_, text)| is_marked(text)).collect()
    }

    fn assert_clean(&self) {
        let leaks = self.marked();
        assert!(
            leaks.is_empty(),
            "personal data leaked, {} times: {leaks:#?}",
            leaks.len()
        );
    }
}

/// Everything that leaves the product for somewhere other than a target or a report.
async fn places(company: &Company) -> Places {
    let world = &company.world;
    let mut places = Places::default();
    for (lane, message) in world.lanes.sent() {
        places.add("queue message", [format!("{lane} {message:?}")]);
    }
    for lane in world.all_lanes() {
        let letters = world.lanes.dead_letters(&lane);
        let letters = letters.iter().map(|letter| format!("{letter:?}"));
        places.add("dead letter", letters);
    }
    let keys = world.objects.list("").await.expect("a list");
    places.add("object key", keys);
    for (identity, seat) in world.seats().await {
        places.add("identity id", [identity.to_string()]);
        // What a log line would print of it, and what is shown to an operator as it is.
        places.add("seat", [format!("{seat:?}")]);
        let parked = seat.accounts.values().filter_map(|a| a.parked.clone());
        places.add("parked", parked.map(String::from));
        let findings = seat.record.findings.iter();
        places.add("finding", findings.map(|f| format!("{f:?}")));
    }
    for target in ["dir", "wiki"].map(TargetId::from) {
        let health = world.store.health(&target).await.expect("a read");
        if let Health::Quarantined { .. } = health {
            places.add("health", [format!("{health:?}")]);
        }
    }
    places
}

/// The URLs that the targets were asked, but for look-ups by user name.
fn urls(company: &Company) -> (Vec<String>, Vec<String>) {
    let requests = company.dir.log().into_iter().chain(company.wiki.log());
    requests
        .map(|request| format!("{} {}?{}", request.method, request.path, request.query))
        .partition(|url| !url.starts_with("GET /Users?filter=userName%20eq%20"))
}

/// With every line in memory, our own from TRACE up.
fn captured() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::new();
    let telemetry = Telemetry {
        service: "pipeline",
        level: LevelFilter::TRACE,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(|| jiff::Timestamp::UNIX_EPOCH),
        gathered: None,
    };
    let guard = telemetry.start_here();
    (lines, guard)
}

#[tokio::test]
async fn no_personal_data_leaves_but_to_targets_and_reports() {
    let mut company = Company::with_policy(&canary_policy()).await;
    let (lines, guard) = captured();
    let life = Life::lived(&mut company).await;
    drop(guard);

    let lines = lines.take();
    let mut places = places(&company).await;
    places.add("line", lines.clone());
    places.add("answer", life.answers.iter().map(|(_, body)| body.clone()));
    let (urls, by_name) = urls(&company);
    places.add("URL", urls);
    places.add("health", life.healths.clone());
    places.assert_clean();

    // There was something to leak, and something to leak it through.
    life.assert_lived(&company);
    for place in [
        "line",
        "queue message",
        "dead letter",
        "object key",
        "identity id",
        "seat",
        "parked",
        "finding",
        "health",
        "answer",
        "URL",
    ] {
        assert!(places.count(place) > 0, "no {place} at all");
    }
    let reports = reports(&company).await;
    assert!(is_marked(&reports), "reports say who is meant");
    assert!(by_name.iter().all(|url| is_marked(url)), "{by_name:?}");
    assert!(!by_name.is_empty(), "the only URLs that name anybody");
    assert_said(&lines);
}

/// The texts of all reports.
async fn reports(company: &Company) -> String {
    let mut all = String::new();
    for key in company.world.objects.list("").await.expect("a list") {
        let body = company.world.objects.get(&key).await.expect("a read");
        all.push_str(&String::from_utf8_lossy(&body.expect("an object")));
    }
    all
}

/// Every line is one of ours, nothing on it was withheld, and everything that could have been said
/// was said.
fn assert_said(lines: &[String]) {
    let parsed: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    let withheld: BTreeSet<String> = parsed
        .iter()
        .filter(|line| line.get("withheld").is_some() && line.get("foreign").is_none())
        .map(|line| format!("{} {}", line["from"], line["message"]))
        .collect();
    assert!(
        withheld.is_empty(),
        "fields that nobody listed: {withheld:?}"
    );
    let messages: BTreeSet<&str> = parsed
        .iter()
        .filter_map(|line| line["message"].as_str())
        .collect();
    for message in [
        "a target was not observed in full",
        "an event id came with another body",
        "decided",
        "entries of a post could not be read",
        "fields of a post are not mapped",
        "handed over who is due",
        "mapped fields of a post could not be read",
        "parked",
        "post not taken",
        "reconciled",
        "record comes back",
        "record parked",
        "request refused",
        "target answered",
        "target did not answer",
        "target quarantined",
    ] {
        assert!(messages.contains(message), "nobody said `{message}`");
    }
    let metrics: BTreeSet<&str> = parsed
        .iter()
        .filter_map(|line| line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"].as_str())
        .collect();
    for metric in [
        Metric::WebhookAccepted,
        Metric::WebhookConflict,
        Metric::WebhookDuplicate,
        Metric::WebhookEntriesSkipped,
        Metric::WebhookRejected,
        Metric::WebhookUnauthorized,
        Metric::WebhookUnavailable,
        Metric::PlannerDecisions,
        Metric::Parked,
        Metric::ConnectorChanges,
        Metric::ConnectorRejected,
        Metric::ConnectorUnknown,
        Metric::TargetQuarantined,
        Metric::ClockWoken,
    ] {
        assert!(
            metrics.contains(metric.name()),
            "nobody counted {}",
            metric.name()
        );
    }
}

/// The sink prints only listed fields. The rest of what our crates say must be clean as well:
/// a field that is listed one day must not turn into a leak that day.
#[tokio::test]
async fn no_personal_data_is_said_even_in_fields_that_are_not_printed() {
    let mut company = Company::with_policy(&canary_policy()).await;
    let everything = Everything::default();
    let guard = tracing::subscriber::set_default(everything.clone());
    let life = Life::lived(&mut company).await;
    drop(guard);
    life.assert_lived(&company);
    let said = everything.0.lock().expect("a lock").clone();
    assert!(said.iter().any(|text| text.contains("target answered")));
    let mut places = Places::default();
    places.add("event", said);
    places.assert_clean();
}

/// The one exception: whose name it is that is taken can only be asked by name.
#[tokio::test]
async fn only_a_name_that_is_taken_is_looked_up_by_name() {
    let mut company = Company::with_policy(&canary_policy()).await;
    for n in 0..3 {
        company.world.hr(hire(n)).await;
    }
    let mover = about(1).that("title", &format!("{MARK} lead"));
    company.world.hr(mover).await;
    company
        .world
        .hr(tests::world::Says::deletes(&worker(2)))
        .await;
    company.world.night().await;
    assert!(company.dir.log().len() > 10);
    assert_eq!(urls(&company).1, [""; 0], "nobody is asked for by name");

    let taken = user_name(3);
    let theirs = serde_json::json!({ "userName": taken, "externalId": "x", "active": true });
    company.dir.insert_user(theirs).expect("inserted");
    company.reset_calls();
    company.world.hr(hire(3)).await;
    let by_name = urls(&company).1;
    assert_eq!(by_name.len(), 1);
    assert!(percent_decoded(&by_name[0]).contains(&taken));
    let log = company.dir.log();
    let statuses: Vec<Option<u16>> = log.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(200), Some(409), Some(200)], "by key first");
    assert!(log[2].query.contains("userName"), "{log:?}");
}

/// RFC 7644 section 3.4.3: a target that is searched by POST sees no personal data in any URL.
#[tokio::test]
async fn no_url_names_anybody_where_a_target_is_searched_by_post() {
    let profile = Profile {
        search: Search::Post,
        ..Profile::rfc()
    };
    let mut company = Company::with_profile(&canary_policy(), profile).await;
    let life = Life::lived(&mut company).await;
    life.assert_lived(&company);
    let (urls, by_name) = urls(&company);
    assert_eq!(by_name, [""; 0]);
    assert!(urls.iter().any(|url| url.contains("/.search")));
    let mut places = Places::default();
    places.add("URL", urls);
    places.assert_clean();
}

#[tokio::test]
async fn what_is_planted_is_found_everywhere() {
    let company = Company::with_policy(&canary_policy()).await;
    let planted = "ana.zqx-silva@example.com";
    let (lines, guard) = captured();
    tracing::info!(target: "planner", reason = planted, "decided");
    tracing::info!(target: "planner", "decided about {planted}");
    let value = domain::Pii::new(planted);
    tracing::info!(target: "planner", reason = ?value, "wrapped, and so not printed");
    let source = domain::SourceId::from(planted);
    telemetry::emit(
        Metric::WebhookAccepted,
        1.0,
        telemetry::Dimensions::source(&source),
    );
    drop(guard);
    let world = &company.world;
    let record = domain::RecordKey::from(planted);
    let message = |group: &str, dedup: &str, body: String| Outgoing {
        group: group.to_owned(),
        dedup: dedup.to_owned(),
        body,
    };
    let body = serde_json::to_string(&PlanRequest::new(record, Cause::Fact)).expect("JSON");
    let messages = [
        message(planted, "1", String::new()),
        message("2", planted, String::new()),
        message("3", "3", body),
    ];
    world
        .lanes
        .send(&Lane::Facts, &messages)
        .await
        .expect("a send");
    // Nobody works them, so that they end as dead letters.
    for _ in 0..=ports::queue::MAX_RECEIVES {
        let hidden = std::time::Duration::from_secs(1);
        world.lanes.receive(&Lane::Facts, 10, hidden);
        world.clock.advance(std::time::Duration::from_secs(2));
    }
    let key = format!("reports/{MARK}/summary.html");
    world
        .objects
        .put(&key, bytes::Bytes::new())
        .await
        .expect("a put");
    let mut places = places(&company).await;
    places.add("line", lines.take());
    places.add(
        "URL",
        [
            "GET /Users?filter=userName%20eq%20%22ana.%7Aqx%22".to_owned(),
            "GET /Users?filter=title%20eq%20%22%D1%AF%D1%B1%D2%A9%22".to_owned(),
            r#"{"title":"\u046f\u0471\u04A9"}"#.to_owned(),
        ],
    );
    let found: Vec<&str> = places.marked().iter().map(|(place, _)| *place).collect();
    let expected = [
        "queue message",
        "queue message",
        "queue message",
        "dead letter",
        "dead letter",
        "object key",
        "line",
        "line",
        "line",
        "URL",
        "URL",
        "URL",
    ];
    assert_eq!(found, expected);
}

/// Every field of every event and span of our crates, printed or not.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a string");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).expect("a string");
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut cause = Some(value);
        while let Some(error) = cause {
            write!(self.0, " {}={error} {error:?}", field.name()).expect("a string");
            cause = error.source();
        }
    }
}

impl Everything {
    fn keep(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut Text)) {
        let mut text = Text(metadata.target().to_owned());
        record(&mut text);
        self.0.lock().expect("a lock").push(text.0);
    }
}

impl Subscriber for Everything {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let name = metadata.target().split("::").next().unwrap_or_default();
        OURS.contains(&name)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.keep(span.metadata(), |text| span.record(text));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut text = Text(String::new());
        values.record(&mut text);
        self.0.lock().expect("a lock").push(text.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.keep(event.metadata(), |text| event.record(text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
