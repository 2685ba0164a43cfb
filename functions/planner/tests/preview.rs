//! A preview is the decision that would be made: the same plan to the byte, the same identifier,
//! the same human, and nothing written, claimed or sent.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use std::sync::Arc;

use contract::Cause;
use domain::plan::Compiled;
use domain::preview::{Person, Side, obstacles, why_not};
use domain::{
    Attr, Attrs, Effective, EntitlementId, EventId, Fact, FactBody, Hash, Pii, RecordKey, SourceId,
    WorkerId,
};
use jiff::Timestamp;
use planner::{Planner, Preview, Previewed};
use ports::Store as _;
use ports::model::{ManualClock, ModelLanes, ModelStore};
use ports::store::Delivery;

const POLICY: &str = include_str!("../../../infra/policy-minimal/policy.toml");
const CORRELATION: &str = r#"
[[correlation]]
name = "work-email"
on = "work_email"
confirm = ["family_name"]
ended = "link"
active = { contractor = "link" }
confidence = 90
"#;

struct World {
    compiled: Arc<Compiled>,
    store: ModelStore,
    lanes: ModelLanes,
    clock: ManualClock,
    planner: Planner<ModelStore, ModelLanes, ManualClock>,
}

fn world() -> World {
    world_with(CORRELATION)
}

fn world_with(more: &str) -> World {
    let files = [("policy.toml".to_owned(), format!("{POLICY}{more}"))];
    let loaded = policy::load_files(files).unwrap_or_else(|errors| panic!("{errors}"));
    let compiled = Arc::new(Compiled::new(loaded.policy));
    let policy = Arc::clone(&compiled);
    let store = ModelStore::new();
    let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
    let lanes = ModelLanes::new(Arc::new(clock.clone()));
    World {
        planner: Planner::new(store.clone(), lanes.clone(), clock.clone(), policy),
        compiled,
        store,
        lanes,
        clock,
    }
}

fn key(n: u8) -> RecordKey {
    RecordKey::from(format!("{n:032x}"))
}

impl World {
    /// HR states something about worker `n`.
    async fn says(&self, n: u8, event: &str, more: &[(Attr, &str)]) {
        let mut attrs = Attrs::new();
        for (attr, text) in [
            (Attr::GivenName, "Ana"),
            (Attr::FamilyName, "Silva"),
            (Attr::Department, "Engineering"),
            (Attr::EmploymentType, "employee"),
            (Attr::WorkerStatus, "active"),
            (Attr::StartDate, "2026-03-01"),
        ]
        .iter()
        .chain(more)
        {
            attrs.set(*attr, *text);
        }
        let at: Timestamp = "2026-03-01T08:00:00Z".parse().expect("an instant");
        let fact = Fact {
            source: SourceId::from("hr"),
            record: key(n),
            worker: WorkerId::from(format!("E{n}")),
            event: EventId::from(event),
            version: None,
            effective: Effective::Instant(at),
            zone: "UTC".into(),
            recorded_at: at,
            received_at: at,
            payload: Hash::of(event.as_bytes()),
            manager: None,
            body: FactBody::Assert {
                attrs: Pii::new(attrs),
                corrects: None,
            },
        };
        let delivery = Delivery {
            source: fact.source.clone(),
            event: fact.event.clone(),
            body: fact.payload,
            received_at: fact.received_at,
        };
        self.store.accept(&delivery, &[fact]).await.expect("a fact");
    }

    /// What a look would decide; nothing changes by asking.
    async fn preview(&self, n: u8) -> Previewed {
        let writes = self.store.counters().write_requests();
        let sent = self.lanes.sent().len();
        let person = self.planner.person(&key(n)).await.expect("an answer");
        let person = person.expect("somebody");
        let previewed = self.planner.preview(person).await.expect("a preview");
        assert_eq!(self.store.counters().write_requests(), writes);
        assert_eq!(self.lanes.sent().len(), sent);
        previewed
    }

    async fn decided(&self, n: u8) -> Box<Preview> {
        match self.preview(n).await {
            Previewed::Decision(preview) => preview,
            Previewed::Disputed { .. } => panic!("it is decided"),
        }
    }

    /// A look decides what the preview said.
    async fn look(&self, n: u8, said: &Preview) {
        let looked = self.planner.look(&key(n), Cause::Fact).await;
        looked.expect("a decision");
        let seats = self.store.everybody();
        let seat = seats.get(&said.person.identity).expect("an item");
        assert_eq!(seat.record.plan, said.plan.digest());
        assert_eq!(seat.record.identifiers, said.identifiers);
        assert_eq!(seat.record.due_at, said.plan.due_at);
        assert_eq!(seat.record.findings, said.plan.findings);
    }
}

fn user_name(preview: &Preview) -> &str {
    let name = preview.identifiers.get("user_name");
    name.map_or("none", |name| name.reveal())
}

#[tokio::test]
async fn a_look_decides_what_the_preview_said() {
    let world = world();
    world.says(1, "e1", &[]).await;
    world.says(2, "e2", &[]).await;
    // Both would get the name that is free; whoever comes second gets the next one.
    let (first, second) = (world.decided(1).await, world.decided(2).await);
    assert_eq!(user_name(&first), user_name(&second));
    world.look(1, &first).await;
    let again = world.decided(2).await;
    assert_ne!(user_name(&again), user_name(&first));
    world.look(2, &again).await;

    // A move, and a time that has come.
    world.says(1, "e3", &[(Attr::Department, "Sales")]).await;
    let moved = world.decided(1).await;
    assert_ne!(moved.plan, first.plan);
    world.look(1, &moved).await;
    world.says(1, "e4", &[(Attr::EndDate, "2026-03-05")]).await;
    let ending = world.decided(1).await;
    world.look(1, &ending).await;
    world
        .clock
        .set("2026-03-06T00:00:00Z".parse().expect("an instant"));
    let ended = world.decided(1).await;
    assert_ne!(ended.plan.state, ending.plan.state);
    world.look(1, &ended).await;
}

#[tokio::test]
async fn a_preview_finds_the_same_human_and_the_same_dispute() {
    let world = world();
    let mail = (Attr::WorkEmail, "ana@example.com");
    world.says(1, "e1", &[mail]).await;
    let first = world.decided(1).await;
    world.look(1, &first).await;
    world
        .says(1, "e1-end", &[mail, (Attr::EndDate, "2026-03-01")])
        .await;
    let over = world.decided(1).await;
    world.look(1, &over).await;
    // A rehire under another worker id is the same human; with another name a human decides.
    world.says(2, "e2", &[mail]).await;
    let back = world.decided(2).await;
    assert_eq!(back.person.identity, first.person.identity);
    world
        .says(3, "e3", &[mail, (Attr::FamilyName, "Souza")])
        .await;
    let Previewed::Disputed { candidates, .. } = world.preview(3).await else {
        panic!("a human decides");
    };
    assert_eq!(
        candidates.as_slice(),
        std::slice::from_ref(&first.person.identity)
    );
    world.look(2, &back).await;
}

#[tokio::test]
async fn an_expression_that_does_not_hold_is_named_with_what_it_reads() {
    let world = world_with(
        r#"
[entitlements.leads]
target = "directory"

[roles.lead]
entitlements = ["leads"]

[[rules]]
id = "leads"
when = { department = "Engineering" }
where = "title.startsWith('Head of ')"
roles = ["lead"]
"#,
    );
    let why = async |n: u8| {
        let preview = world.decided(n).await;
        let person = Person {
            identity: &preview.person.identity,
            records: &preview.person.records,
            accounts: &preview.person.accounts,
            at: preview.at,
        };
        let side = Side {
            compiled: &world.compiled,
            plan: &preview.plan,
        };
        let leads = EntitlementId::from("leads");
        let none = std::collections::BTreeSet::new();
        let found = obstacles(&side, &person, &leads, &none);
        (why_not(&person, &side, &leads), found)
    };
    world.says(1, "e1", &[(Attr::Title, "Engineer")]).await;
    let (answer, found) = why(1).await;
    let trial = answer.rules.first().expect("a rule");
    assert!(!trial.gives && answer.reasons.is_empty());
    let filter = trial.filter.as_ref().expect("an expression");
    assert!(!filter.holds);
    let value = filter.values.get(&Attr::Title).and_then(Option::as_ref);
    assert_eq!(value.map(|value| &**value.reveal()), Some("Engineer"));
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        ["rule `leads` wants that title.startsWith('Head of ')"]
    );

    world
        .says(2, "e2", &[(Attr::Title, "Head of Things")])
        .await;
    let (answer, _) = why(2).await;
    assert!(answer.rules.iter().any(|trial| trial.gives));
    assert_eq!(answer.reasons.len(), 1);
}
