//! Random operations on an adapter and on its model: every answer has to be the same, and so has
//! everything that can be read in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::Lane;
use domain::budget::Gauge;
use domain::limit::Meter;
use domain::{Generation, IdentityId, TargetId};

use super::made::{ack, at, claim, claim_key, commit, delivery, fact, identity, record, target};
use super::{Random, ok};
use crate::model::{ManualClock, ModelLanes, ModelStore};
use crate::queue::Received;
use crate::store::{ClaimKey, Dossier, Health, Reading, Seat, Segment};
use crate::{Fault, Lanes, Outgoing, Queues, Store};

const PEOPLE: u64 = 3;
const TARGETS: u64 = 4;
const VALUES: u64 = 4;

/// One random sequence of `length` operations on an empty table.
pub async fn store<S: Store>(store: &S, seed: u64, length: usize) {
    let model = ModelStore::new();
    let mut random = Random(seed);
    for step in 0..length {
        let operation = Operation::any(&mut random, &model);
        let want = operation.run(&model).await;
        let have = operation.run(store).await;
        assert_eq!(have, want, "seed {seed}, step {step}: {operation:?}");
    }
    assert_eq!(
        everything(store, seed).await,
        everything(&model, seed).await,
        "seed {seed}, in the end"
    );
}

/// One request that changes something.
#[derive(Debug)]
enum Operation {
    Accept(crate::store::Delivery, Vec<domain::Fact>),
    Commit(Box<crate::store::Commit>),
    Rest(u64, u64, Option<jiff::Timestamp>),
    Ack(Box<crate::store::Ack>),
    SetHealth(TargetId, Health),
    Gauge(TargetId, u64),
    Meter(TargetId, u64),
    /// A read in between, as the handlers do, because an adapter may remember what it read.
    Seats(Vec<u64>, u64),
}

impl Operation {
    /// Mostly what a handler would do next, sometimes what a late or mistaken one would.
    fn any(random: &mut Random, model: &ModelStore) -> Self {
        let of = random.below(PEOPLE);
        let on = random.below(TARGETS);
        let seats = model.everybody();
        let seat = seats.get(&identity(of));
        let generation = seat.map(|seat| seat.record.generation.0);
        let mistaken = random.percent(15);
        let soon = |random: &mut Random| {
            let seconds = i64::try_from(random.below(20)).unwrap_or_default();
            (!random.percent(25)).then(|| at(seconds))
        };
        match random.below(100) {
            0..15 => {
                let post = random.below(6);
                let body = if mistaken { "forged" } else { "body" };
                let facts = (0..random.below(4)).map(|n| {
                    let event = format!("e{}", random.below(8));
                    fact(random.below(PEOPLE), &event, &format!("{post} {n}"))
                });
                let facts = facts.collect();
                Self::Accept(delivery("hr", &format!("p{post}"), body), facts)
            }
            15..50 => {
                let expect = if mistaken {
                    Some(random.below(9))
                } else {
                    generation
                };
                let next = expect.unwrap_or(0) + random.below(4);
                let mut one = commit(of, expect, next);
                one.owe = (0..TARGETS)
                    .filter(|_| random.percent(30))
                    .map(target)
                    .collect();
                one.wake_at = soon(random);
                one.record.due_at = soon(random);
                if random.percent(20) {
                    let links = (0..=random.below(2)).map(|_| record(100 + random.below(3)));
                    one.links = links.collect();
                }
                if random.percent(40) {
                    let claims = (0..=random.below(3))
                        .map(|_| claim(random.below(VALUES), random.percent(60)));
                    one.claims = claims.collect();
                }
                Self::Commit(Box::new(one))
            }
            50..60 => {
                let generation = generation.unwrap_or(1) + u64::from(mistaken);
                Self::Rest(of, generation, soon(random))
            }
            60..85 => {
                let part = seat.and_then(|seat| seat.accounts.get(&target(on)));
                let applied = part.map(|part| part.applied.0);
                let expect = if mistaken {
                    Some(random.below(9))
                } else {
                    applied
                };
                let owed = seat.and_then(|seat| seat.owed.get(&target(on)));
                let next = owed.copied().map_or(applied.unwrap_or(1), |owed| owed.0);
                let next = (next + random.below(3)).saturating_sub(random.below(2));
                let mut one = ack(of, on, expect, next);
                one.settles = random.percent(85);
                one.wake = random.percent(20).then(|| at(1)).or(one.wake);
                one.account.active = random.percent(50);
                Self::Ack(Box::new(one))
            }
            85..90 => {
                let health = Health::Quarantined {
                    reason: "401".into(),
                    since: at(0),
                    next_attempt: at(60),
                    attempts: 1,
                };
                let health = if mistaken { Health::Healthy } else { health };
                Self::SetHealth(target(on), health)
            }
            90..93 => Self::Gauge(target(on), random.below(4)),
            93..95 => Self::Meter(target(on), random.below(4)),
            _ => {
                let more = (0..random.below(3)).map(|_| random.below(PEOPLE));
                Self::Seats([of].into_iter().chain(more).collect(), on)
            }
        }
    }

    /// The answer as text; of a fault only the class, because its words are the adapter's own.
    async fn run<S: Store>(&self, store: &S) -> String {
        fn said<T: std::fmt::Debug>(answer: Result<T, Fault>) -> String {
            match answer {
                Ok(answer) => format!("{answer:?}"),
                Err(fault) => fault.error_type().to_owned(),
            }
        }
        match self {
            Self::Accept(delivery, facts) => said(store.accept(delivery, facts).await),
            Self::Commit(commit) => said(store.commit(commit).await),
            Self::Rest(of, generation, wake_at) => {
                let (identity, generation) = (identity(*of), Generation(*generation));
                said(store.rest(&identity, generation, *wake_at).await)
            }
            Self::Ack(ack) => said(store.ack(ack).await),
            Self::SetHealth(target, health) => said(store.set_health(target, health).await),
            Self::Gauge(target, version) => {
                let gauge = Gauge::default().at_version(*version);
                let written = said(store.set_gauge(target, &gauge).await);
                format!("{written} {}", said(store.gauge(target).await))
            }
            Self::Meter(target, version) => {
                let meter = Meter::default().at_version(*version);
                let written = said(store.set_meter(target, &meter).await);
                format!("{written} {}", said(store.meter(target).await))
            }
            Self::Seats(of, on) => {
                let everybody: Vec<_> = of.iter().copied().map(identity).collect();
                let read = store.seats(&everybody, &target(*on)).await;
                said(read.map(|(seats, health)| {
                    let seats = seats.into_iter().map(said).collect::<Vec<_>>();
                    (seats, health)
                }))
            }
        }
    }
}

/// Everything that can be read.
#[derive(Debug, PartialEq)]
struct Everything {
    dossiers: Vec<Dossier>,
    holders: Vec<(ClaimKey, IdentityId)>,
    healths: Vec<Health>,
    due: Vec<IdentityId>,
    rows: BTreeMap<IdentityId, Seat>,
}

async fn everything<S: Store>(store: &S, seed: u64) -> Everything {
    let mut dossiers = Vec::new();
    for number in (0..PEOPLE).chain(100..103) {
        let mut dossier = ok(store.dossier(&record(number)).await);
        dossier.facts.sort_by(|a, b| a.event.cmp(&b.event));
        dossiers.push(dossier);
    }
    let keys: Vec<_> = (0..VALUES).map(claim_key).collect();
    let holders = ok(store.holders(&keys).await);
    let mut healths = Vec::new();
    let mut due = Vec::new();
    // These take many requests and change little: every tenth time finds what drifts.
    if seed.is_multiple_of(10) {
        for number in 0..TARGETS {
            healths.push(ok(store.health(&target(number)).await));
        }
        due = ok(store.due(at(10), usize::MAX).await);
    }
    let mut rows = BTreeMap::new();
    let mut after = None;
    loop {
        let segment = Segment { index: 0, of: 1 };
        let page = ok(store.scan(segment, Reading::Latest, after.as_deref()).await);
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Everything {
        dossiers,
        holders,
        healths,
        due,
        rows,
    }
}

/// One random sequence of `length` operations on empty lanes on that clock. `restart` gives the
/// lanes as they are after the process ended, or `None` where nothing outlives it.
pub async fn lanes<Q: Queues + Lanes>(
    mut lanes: Q,
    clock: &ManualClock,
    restart: impl Fn(Q) -> Result<Q, Q>,
    seed: u64,
    length: usize,
) {
    let model = ModelLanes::new(std::sync::Arc::new(clock.clone()));
    let mut random = Random(seed);
    let all = [
        Lane::Facts,
        Lane::Terminations,
        Lane::Target(TargetId::from("wiki")),
    ];
    // Receipts, also of messages that are long gone.
    let mut receipts: Vec<(Lane, Received)> = Vec::new();
    for step in 0..length {
        let lane = match random.below(6) {
            0 => Lane::Terminations,
            1 => Lane::Target(TargetId::from("wiki")),
            _ => Lane::Facts,
        };
        let told = format!("seed {seed}, step {step}");
        let pick = usize::try_from(random.below(receipts.len() as u64)).unwrap_or_default();
        let receipt = receipts.get(pick).cloned();
        match (random.below(100), receipt) {
            (0..30, _) => {
                let messages: Vec<Outgoing> = (0..random.below(5))
                    .map(|_| Outgoing {
                        group: format!("g{}", random.below(4)),
                        dedup: format!("d{}", random.below(60)),
                        body: format!("{{\"n\":{}}}", random.below(1000)),
                    })
                    .collect();
                ok(lanes.send(&lane, &messages).await);
                ok(model.send(&lane, &messages).await);
            }
            (30..50, _) => {
                let max = usize::try_from(1 + random.below(10)).unwrap_or(1);
                let visibility = Duration::from_secs(random.below(40));
                let want = model.receive(&lane, max, visibility);
                let have = lanes.receive(&lane, max, visibility);
                assert_eq!(have, want, "{told}: receive");
                receipts.extend(want.into_iter().map(|one| (lane.clone(), one)));
            }
            (50..65, Some((lane, one))) => {
                let want = model.delete(&lane, one.receipt);
                assert_eq!(lanes.delete(&lane, one.receipt), want, "{told}: delete");
            }
            (65..78, Some((lane, one))) => {
                let after = Duration::from_secs(random.below(90));
                let want = model.set_visibility(&lane, one.receipt, after);
                let have = lanes.set_visibility(&lane, one.receipt, after);
                assert_eq!(have, want, "{told}: set visibility");
            }
            (78..80, _) => {
                let dead = model.dead_letters(&lane);
                let first = dead.first().map_or(7, |letter| letter.sequence);
                let want = model.discard(&lane, first);
                assert_eq!(lanes.discard(&lane, first), want, "{told}: discard");
            }
            (80..82, _) => {
                assert_eq!(
                    lanes.redrive(&lane),
                    model.redrive(&lane),
                    "{told}: redrive"
                );
            }
            (82..86, _) => match restart(lanes) {
                Ok(restarted) => {
                    lanes = restarted;
                    model.restart();
                }
                Err(same) => lanes = same,
            },
            _ => clock.advance(Duration::from_millis(random.below(40_000))),
        }
        for lane in &all {
            assert_eq!(lanes.stats(lane), model.stats(lane), "{told}: {lane}");
            let want = model.dead_letters(lane);
            assert_eq!(lanes.dead_letters(lane), want, "{told}: {lane}");
        }
        assert_eq!(lanes.is_idle(), model.is_idle(), "{told}");
        assert_eq!(lanes.next_visible_at(), model.next_visible_at(), "{told}");
    }
}
