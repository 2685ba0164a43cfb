//! Decisions of operators, interrupted at every request: the same message again ends in the state
//! that it would have ended in.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::Cause;
use domain::case::{CaseState, Subject};
use domain::plan::Compiled;
use domain::record::CorrelatedBy;
use domain::{
    Attr, Attrs, Desired, Effective, EventId, Fact, FactBody, Hash, IdentityId, IdentityState, Pii,
    RecordKey, SourceId, TargetId, WorkerId,
};
use jiff::Timestamp;
use planner::operator::{Answer, Operator, Said};
use planner::{Planner, Previewed};
use ports::cases::Which;
use ports::model::{ManualClock, ModelLanes, ModelStore};
use ports::store::Delivery;
use ports::{Cases as _, Fault, Store as _};

const POLICY: &str = include_str!("../../../infra/policy-minimal/policy.toml");
const PEOPLE: &str = r#"
[[correlation]]
name = "work-email"
on = "work_email"
ended = "link"
active = { employee = "case" }
confidence = 90

[handover]
who = "manager"
owner = "it-desk"
what = ["mail"]
due_days = 5
"#;

struct World {
    store: ModelStore,
    lanes: ModelLanes,
    clock: ManualClock,
    planner: Planner<ModelStore, ModelLanes, ManualClock>,
}

fn record(n: u8) -> RecordKey {
    RecordKey::from(format!("{n:032x}"))
}

fn identity(n: u8) -> IdentityId {
    IdentityId::from(&record(n))
}

fn said() -> Said {
    Said {
        by: "kim".into(),
        reason: "asked HR".into(),
    }
}

fn hire(n: u8, address: &str) -> Fact {
    let mut attrs = Attrs::new();
    for (attr, text) in [
        (Attr::GivenName, "Ana"),
        (Attr::FamilyName, "Silva"),
        (Attr::Department, "Engineering"),
        (Attr::EmploymentType, "employee"),
        (Attr::StartDate, "2026-03-01"),
        (Attr::WorkEmail, address),
    ] {
        attrs.set(attr, text);
    }
    let at: Timestamp = "2026-03-01T08:00:00Z".parse().expect("an instant");
    let event = format!("hire {n} {address}");
    Fact {
        source: SourceId::from("hr"),
        record: record(n),
        worker: WorkerId::from(n.to_string()),
        payload: Hash::of(event.as_bytes()),
        event: EventId::from(event),
        version: None,
        effective: Effective::Instant(at),
        zone: "UTC".into(),
        recorded_at: at,
        received_at: at,
        manager: None,
        body: FactBody::Assert {
            attrs: Pii::new(attrs),
            corrects: None,
        },
    }
}

impl World {
    /// Record 1 founded an identity; record 2 waits if it states the same address.
    async fn new(second: &str) -> Self {
        let files = [("policy.toml", POLICY), ("people.toml", PEOPLE)];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let loaded = policy::load_files(files).unwrap_or_else(|errors| panic!("{errors}"));
        let policy = Arc::new(Compiled::new(loaded.policy));
        let store = ModelStore::new();
        let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
        let lanes = ModelLanes::new(Arc::new(clock.clone()));
        let planner = Planner::new(store.clone(), lanes.clone(), clock.clone(), policy);
        let world = Self {
            store,
            lanes,
            clock,
            planner,
        };
        for (n, address) in [(1, "ana@example.com"), (2, second)] {
            world.hr(hire(n, address)).await;
            world.look(n).await.expect("decided");
        }
        world
    }

    async fn hr(&self, fact: Fact) {
        let delivery = Delivery {
            source: fact.source.clone(),
            event: fact.event.clone(),
            body: fact.payload,
            received_at: fact.received_at,
        };
        let accepted = self.store.accept(&delivery, &[fact]).await;
        accepted.expect("accepted");
    }

    async fn look(&self, n: u8) -> Result<(), Fault> {
        let record = record(n);
        Box::pin(self.planner.look(&record, Cause::Operator))
            .await
            .map(|_| ())
    }

    const fn operator(&self) -> Operator<'_, ModelStore, ModelLanes, ManualClock> {
        Operator::new(&self.store, &self.lanes, &self.clock)
    }

    async fn answer(&self, answer: Answer) {
        let case = Subject::Record { record: record(2) }.case();
        let (operator, said) = (self.operator(), said());
        operator.answer(&case, answer, &said).await.expect("taken");
    }

    async fn moves(&self, n: u8, to: Option<u8>) {
        let to = to.map(identity);
        let (operator, record, said) = (self.operator(), record(n), said());
        let moved = operator.move_record(&record, to.as_ref(), &said);
        moved.await.expect("taken");
    }

    /// Everything that counts, without the number of decisions that it took.
    async fn state(&self) -> State {
        let mut people = BTreeMap::new();
        for (identity, seat) in self.store.everybody() {
            let records = seat.record.records.into_iter();
            let wanted = seat.record.projections.into_iter();
            people.insert(
                identity,
                (
                    seat.record.state,
                    records.map(|one| (one.record, one.by)).collect(),
                    wanted
                        .map(|(target, projection)| (target, projection.desired))
                        .collect(),
                ),
            );
        }
        let mut links = Vec::new();
        for n in 1..=2 {
            links.push(self.store.dossier(&record(n)).await.expect("a read").link);
        }
        let cases = self.store.cases(Which::All).await.expect("cases");
        let tasks = self.store.tasks(Which::All).await.expect("tasks");
        State {
            people,
            links,
            cases: cases.into_iter().map(|case| case.state).collect(),
            tasks: tasks.len(),
        }
    }
}

type Person = (
    IdentityState,
    Vec<(RecordKey, CorrelatedBy)>,
    BTreeMap<TargetId, Desired>,
);

#[derive(Debug, PartialEq)]
struct State {
    people: BTreeMap<IdentityId, Person>,
    links: Vec<Option<IdentityId>>,
    cases: Vec<CaseState>,
    tasks: usize,
}

/// What an operator decides about record 2, and what follows is interrupted.
#[derive(Clone, Copy, Debug)]
enum Story {
    Same,
    Different,
    Own,
    Absorbed,
    Resurrected,
}

/// The world right before record 2 is looked at.
async fn told(story: Story) -> World {
    let address = match story {
        Story::Same | Story::Different | Story::Own => "ana@example.com",
        Story::Absorbed | Story::Resurrected => "other@example.com",
    };
    let world = World::new(address).await;
    match story {
        Story::Same => world.answer(Answer::Same(None)).await,
        Story::Different => world.answer(Answer::Different(None)).await,
        Story::Own => {
            world.answer(Answer::Same(None)).await;
            world.look(2).await.expect("linked");
            world.clock.advance(std::time::Duration::from_secs(1));
            world.moves(2, None).await;
        }
        Story::Absorbed => world.moves(2, Some(1)).await,
        Story::Resurrected => {
            world.moves(2, Some(1)).await;
            world.look(2).await.expect("absorbed");
            world.clock.advance(std::time::Duration::from_secs(1));
            world.moves(2, None).await;
        }
    }
    world
}

async fn interrupted_anywhere(story: Story) -> State {
    let whole = told(story).await;
    whole.look(2).await.expect("decided");
    let want = whole.state().await;
    for lost in [false, true] {
        for request in 0.. {
            let world = told(story).await;
            world.store.let_pass(request);
            let fault = Fault::retry("the process is gone");
            if lost {
                world.store.lose_next(fault);
            } else {
                world.store.fail_next(fault);
            }
            let first = world.look(2).await;
            if world.store.pending_faults() > 0 {
                assert!(request > 3, "{story:?}: too few requests to prove anything");
                break;
            }
            assert!(
                first.is_err(),
                "{story:?} at {request}: the fault went unseen"
            );
            world.look(2).await.expect("decided at last");
            let told = format!("{story:?} at request {request}, lost: {lost}");
            assert_eq!(world.state().await, want, "{told}");
        }
    }
    want
}

#[tokio::test]
async fn a_record_that_is_somebody_s_joins_them() {
    let state = interrupted_anywhere(Story::Same).await;
    assert_eq!(state.links, [None, Some(identity(1))]);
    let (_, records, _) = &state.people[&identity(1)];
    let by = CorrelatedBy::Operator("kim".into());
    assert_eq!(records.last(), Some(&(record(2), by)));
}

#[tokio::test]
async fn a_record_that_is_nobody_s_founds_its_own() {
    let state = interrupted_anywhere(Story::Different).await;
    assert_eq!(state.links, [None, None]);
    let (standing, records, _) = &state.people[&identity(2)];
    assert_eq!(*standing, IdentityState::Active);
    assert_eq!(records.len(), 1);
}

#[tokio::test]
async fn a_linked_record_leaves() {
    let state = interrupted_anywhere(Story::Own).await;
    assert_eq!(state.links, [None, None]);
    for n in 1..=2 {
        let (standing, records, _) = &state.people[&identity(n)];
        assert_eq!((*standing, records.len()), (IdentityState::Active, 1));
    }
}

#[tokio::test]
async fn an_identity_is_absorbed_and_gives_up_its_accounts() {
    let state = interrupted_anywhere(Story::Absorbed).await;
    assert_eq!(state.links, [None, Some(identity(1))]);
    let (standing, records, wanted) = &state.people[&identity(2)];
    assert_eq!((*standing, records.len()), (IdentityState::Archived, 0));
    assert!(wanted.values().all(|desired| *desired == Desired::None));
    assert_eq!(state.people[&identity(1)].1.len(), 2);
}

#[tokio::test]
async fn an_absorbed_identity_comes_back() {
    let state = interrupted_anywhere(Story::Resurrected).await;
    assert_eq!(state.links, [None, None]);
    let (standing, records, wanted) = &state.people[&identity(2)];
    assert_eq!((*standing, records.len()), (IdentityState::Active, 1));
    assert!(wanted.values().any(|desired| *desired == Desired::Active));
    assert_eq!(state.people[&identity(1)].1.len(), 1);
}

/// What a preview of record 2 comes to is what a look comes to after it, and nothing is
/// written for it.
async fn foreseen(story: Story) {
    let world = told(story).await;
    let before = world.state().await;
    let seats = world.store.everybody();
    let person = world.planner.person(&record(2)).await.expect("a read");
    let preview = world.planner.preview(person.expect("somebody")).await;
    let Previewed::Decision(preview) = preview.expect("a preview") else {
        panic!("{story:?}: it is asked again");
    };
    assert_eq!(world.state().await, before, "{story:?}");
    assert_eq!(world.store.everybody(), seats, "{story:?}");
    world.look(2).await.expect("decided");
    let seats = world.store.everybody();
    let decided = seats
        .iter()
        .find(|(identity, _)| **identity == preview.person.identity);
    let (_, seat) = decided.expect("the identity that was foreseen");
    assert_eq!(seat.record.state, preview.plan.state, "{story:?}");
    for (target, planned) in &preview.plan.targets {
        let wanted = seat.record.projections.get(target);
        assert_eq!(
            wanted.map_or(Desired::None, |wanted| wanted.desired),
            planned.projection.desired,
            "{story:?} on {target}"
        );
    }
    let links = world.store.dossier(&record(2)).await.expect("a read").link;
    let linked = links.unwrap_or_else(|| identity(2));
    assert_eq!(linked, preview.person.identity, "{story:?}");
}

#[tokio::test]
async fn a_preview_follows_what_was_decided_and_writes_nothing() {
    for story in [
        Story::Same,
        Story::Different,
        Story::Own,
        Story::Absorbed,
        Story::Resurrected,
    ] {
        foreseen(story).await;
    }
}
