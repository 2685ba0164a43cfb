//! The table as plain maps.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use domain::budget::Gauge;
use domain::case::{Case, Decision};
use domain::limit::Meter;
use domain::task::Task;
use domain::{
    AccountRecord, CaseId, EventId, Fact, Generation, Hash, IdentityId, RecordKey, SourceId,
    TargetId, TaskId,
};
use jiff::Timestamp;

use crate::cases::Which;
use crate::store::{
    Accepted, Ack, Acked, Claim, ClaimKey, Commit, Committed, Counters, Delivery, Dossier, Health,
    Pause, Reading, ScanPage, Seat, Seats, Segment, check_ack, check_commit,
};
use crate::{Cases, Fault, Store};

/// Rows of one page of a scan.
const PAGE: usize = 100;

/// The table in memory. Clones share it.
#[derive(Clone, Default)]
pub struct ModelStore(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    deliveries: BTreeMap<(SourceId, EventId), Hash>,
    /// By record and event: two facts with one event id are one fact, the first.
    facts: BTreeMap<RecordKey, BTreeMap<EventId, Fact>>,
    seats: BTreeMap<IdentityId, Seat>,
    links: BTreeMap<RecordKey, IdentityId>,
    exclusive: BTreeMap<ClaimKey, IdentityId>,
    shared: BTreeMap<ClaimKey, BTreeSet<IdentityId>>,
    health: BTreeMap<TargetId, Health>,
    pauses: BTreeMap<TargetId, Pause>,
    gauges: BTreeMap<TargetId, Gauge>,
    meters: BTreeMap<TargetId, Meter>,
    decisions: BTreeMap<RecordKey, Vec<Decision>>,
    cases: BTreeMap<CaseId, Case>,
    tasks: BTreeMap<TaskId, Task>,
    counters: Counters,
    faults: VecDeque<Injected>,
    lags: bool,
    /// Whom the last write was about, and what was there before.
    before: Option<(IdentityId, Option<Seat>)>,
}

impl State {
    fn health_of(&self, target: &TargetId) -> Health {
        match self.pauses.get(target) {
            Some(pause) => Health::Paused(pause.clone()),
            None => self.health.get(target).cloned().unwrap_or_default(),
        }
    }
}

/// A fault that somebody asked for.
enum Injected {
    /// The request does nothing and fails.
    Before(Fault),
    /// The request does everything and its answer is lost.
    After(Fault),
    /// Nothing happens to the request.
    Nothing,
}

impl ModelStore {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests so far.
    pub fn counters(&self) -> Counters {
        self.lock(|state| state.counters)
    }

    /// Makes the next request fail before it does anything. Calls add up.
    pub fn fail_next(&self, fault: Fault) {
        self.lock(|state| state.faults.push_back(Injected::Before(fault)));
    }

    /// Makes the next request do its work and lose the answer. Calls add up.
    pub fn lose_next(&self, fault: Fault) {
        self.lock(|state| state.faults.push_back(Injected::After(fault)));
    }

    /// Lets so many requests pass before the next fault that is asked for.
    pub fn let_pass(&self, requests: usize) {
        let pass = (0..requests).map(|_| Injected::Nothing);
        self.lock(|state| state.faults.extend(pass));
    }

    /// From now on a walk over what was there a moment ago does not see the last write.
    pub fn lag(&self) {
        self.lock(|state| state.lags = true);
    }

    /// How many injected faults have not been met yet; a fault test ends with zero.
    pub fn pending_faults(&self) -> usize {
        self.lock(|state| {
            let faults = state.faults.iter();
            faults
                .filter(|fault| !matches!(fault, Injected::Nothing))
                .count()
        })
    }

    /// Every identity, in order.
    pub fn everybody(&self) -> BTreeMap<IdentityId, Seat> {
        self.lock(|state| state.seats.clone())
    }

    /// Every fact, by record and event.
    pub fn facts(&self) -> Vec<Fact> {
        self.lock(|state| {
            let records = state.facts.values();
            records.flat_map(BTreeMap::values).cloned().collect()
        })
    }

    fn lock<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One request.
    fn request<T>(&self, act: impl FnOnce(&mut State) -> Result<T, Fault>) -> Result<T, Fault> {
        self.lock(|state| match state.faults.pop_front() {
            None | Some(Injected::Nothing) => act(state),
            Some(Injected::Before(fault)) => Err(fault),
            Some(Injected::After(fault)) => {
                let _lost = act(state);
                Err(fault)
            }
        })
    }

    /// One write; `act` says what it came to and whether it took place.
    fn write<T>(
        &self,
        transaction: bool,
        act: impl FnOnce(&mut State) -> (T, bool),
    ) -> Result<T, Fault> {
        self.request(|state| {
            let (answer, written) = act(state);
            match (written, transaction) {
                (false, _) => state.counters.refused += 1,
                (true, false) => state.counters.writes += 1,
                (true, true) => state.counters.transactions += 1,
            }
            Ok(answer)
        })
    }
}

impl State {
    /// Claims of the commit that somebody else holds.
    fn taken(&self, commit: &Commit) -> Vec<ClaimKey> {
        let mut taken = Vec::new();
        for Claim { key, exclusive } in &commit.claims {
            let other = self.exclusive.get(key).filter(|by| **by != commit.identity);
            if *exclusive && other.is_some() && !taken.contains(key) {
                taken.push(key.clone());
            }
        }
        taken
    }

    /// Notes what is there before somebody is written.
    fn note(&mut self, identity: &IdentityId) {
        let seat = self.seats.get(identity).cloned();
        self.before = Some((identity.clone(), seat));
    }

    /// Everybody as a walk shows them.
    fn shown(&self, reading: Reading) -> Cow<'_, BTreeMap<IdentityId, Seat>> {
        let before = self.before.as_ref();
        match before.filter(|_| self.lags && reading == Reading::Recent) {
            None => Cow::Borrowed(&self.seats),
            Some((identity, seat)) => {
                let mut seats = self.seats.clone();
                seats.remove(identity);
                let seat = seat.clone().map(|seat| (identity.clone(), seat));
                seats.extend(seat);
                Cow::Owned(seats)
            }
        }
    }

    fn write_commit(&mut self, commit: &Commit) {
        self.note(&commit.identity);
        let old = self.seats.remove(&commit.identity);
        let (accounts, mut owed) = old
            .map(|seat| (seat.accounts, seat.owed))
            .unwrap_or_default();
        for target in &commit.owe {
            owed.insert(target.clone(), commit.record.generation);
        }
        let seat = Seat {
            record: commit.record.clone(),
            accounts,
            owed,
            wake_at: commit.wake_at,
        };
        self.seats.insert(commit.identity.clone(), seat);
        for link in &commit.links {
            self.links.insert(link.clone(), commit.identity.clone());
        }
        for Claim { key, exclusive } in &commit.claims {
            if *exclusive {
                self.exclusive.insert(key.clone(), commit.identity.clone());
            } else {
                let holders = self.shared.entry(key.clone()).or_default();
                holders.insert(commit.identity.clone());
            }
        }
    }
}

impl Store for ModelStore {
    async fn accept(&self, delivery: &Delivery, facts: &[Fact]) -> Result<Accepted, Fault> {
        self.write(true, |state| {
            let row = (delivery.source.clone(), delivery.event.clone());
            match state.deliveries.get(&row) {
                Some(body) if *body == delivery.body => return (Accepted::Duplicate, false),
                Some(_) => return (Accepted::Conflict, false),
                None => state.deliveries.insert(row, delivery.body),
            };
            for fact in facts {
                let record = state.facts.entry(fact.record.clone()).or_default();
                record
                    .entry(fact.event.clone())
                    .or_insert_with(|| fact.clone());
            }
            (Accepted::New, true)
        })
    }

    async fn dossier(&self, key: &RecordKey) -> Result<Dossier, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            let facts = state.facts.get(key);
            Ok(Dossier {
                key: key.clone(),
                facts: facts
                    .map(|facts| facts.values().cloned().collect())
                    .unwrap_or_default(),
                seat: state.seats.get(&IdentityId::from(key)).cloned(),
                link: state.links.get(key).cloned(),
                decisions: state.decisions.get(key).cloned().unwrap_or_default(),
            })
        })
    }

    async fn seats(
        &self,
        identities: &[IdentityId],
        target: &TargetId,
    ) -> Result<(Seats, Health), Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            let health = state.health_of(target);
            let seats = identities.iter().map(|identity| state.seats.get(identity));
            Ok((seats.map(|seat| Ok(seat.cloned())).collect(), health))
        })
    }

    async fn holders(&self, keys: &[ClaimKey]) -> Result<Vec<(ClaimKey, IdentityId)>, Fault> {
        self.request(|state| {
            let mut holders = Vec::new();
            for key in keys {
                state.counters.reads += 1;
                let mut of_key = state.shared.get(key).cloned().unwrap_or_default();
                of_key.extend(state.exclusive.get(key).cloned());
                holders.extend(of_key.into_iter().map(|by| (key.clone(), by)));
            }
            Ok(holders)
        })
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Fault> {
        check_commit(commit)?;
        let transaction = !commit.links.is_empty() || !commit.claims.is_empty();
        self.write(transaction, |state| {
            let generation = state
                .seats
                .get(&commit.identity)
                .map(|s| s.record.generation);
            let linked_elsewhere = commit.links.iter().any(|link| {
                let to = state.links.get(link);
                to.is_some_and(|to| *to != commit.identity)
            });
            if generation != commit.expect || linked_elsewhere {
                let seat = state.seats.get(&commit.identity);
                let there = !transaction && seat.is_some_and(|seat| seat.record == commit.record);
                let answer = if there {
                    Committed::Done
                } else {
                    Committed::Stale
                };
                return (answer, false);
            }
            let taken = state.taken(commit);
            if !taken.is_empty() {
                return (Committed::Taken(taken), false);
            }
            state.write_commit(commit);
            (Committed::Done, true)
        })
    }

    async fn rest(
        &self,
        identity: &IdentityId,
        generation: Generation,
        wake_at: Option<Timestamp>,
    ) -> Result<bool, Fault> {
        self.write(false, |state| {
            let seat = state.seats.get(identity);
            if seat.is_none_or(|seat| seat.record.generation != generation) {
                return (false, false);
            }
            state.note(identity);
            if let Some(seat) = state.seats.get_mut(identity) {
                seat.wake_at = wake_at;
            }
            (true, true)
        })
    }

    async fn ack(&self, ack: &Ack) -> Result<Acked, Fault> {
        check_ack(ack)?;
        self.write(false, |state| {
            let Some(seat) = state.seats.get(&ack.identity) else {
                return (Acked::Fenced, false);
            };
            let applied = seat.accounts.get(&ack.target).map(|part| part.applied);
            if applied != ack.expect {
                return (Acked::Fenced, false);
            }
            state.note(&ack.identity);
            let Some(seat) = state.seats.get_mut(&ack.identity) else {
                return (Acked::Fenced, false);
            };
            seat.accounts
                .insert(ack.target.clone(), ack.account.clone());
            let newer = seat
                .owed
                .get(&ack.target)
                .is_some_and(|owed| *owed > ack.account.applied);
            if ack.settles && !newer {
                seat.owed.remove(&ack.target);
                if seat.owed.is_empty() {
                    seat.wake_at = seat.record.due_at;
                }
            }
            let rests = ack.settles && seat.owed.is_empty();
            if let Some(wake) = ack.wake.filter(|_| !rests) {
                seat.wake_at = Some(wake);
            }
            (Acked::Done, true)
        })
    }

    async fn amend(
        &self,
        identity: &IdentityId,
        target: &TargetId,
        was: &AccountRecord,
        now: &AccountRecord,
    ) -> Result<bool, Fault> {
        self.write(false, |state| {
            let seat = state.seats.get_mut(identity);
            match seat.and_then(|seat| seat.accounts.get_mut(target)) {
                Some(there) if there == was => {
                    *there = now.clone();
                    (true, true)
                }
                Some(_) | None => (false, false),
            }
        })
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<IdentityId>, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            let mut due: Vec<(Timestamp, IdentityId)> = state
                .seats
                .iter()
                .filter_map(|(id, seat)| Some((seat.wake_at?, id.clone())))
                .filter(|(at, _)| *at <= now)
                .collect();
            due.sort();
            Ok(due.into_iter().take(limit).map(|(_, id)| id).collect())
        })
    }

    async fn scan(
        &self,
        segment: Segment,
        reading: Reading,
        after: Option<&str>,
    ) -> Result<ScanPage, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            let of = segment.of.max(1);
            let in_segment = |id: &IdentityId| {
                let [a, b, c, d, ..] = Hash::of(id.as_str().as_bytes()).0;
                u32::from_be_bytes([a, b, c, d]) % of == segment.index
            };
            let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
            let seats = state.shown(reading);
            let mut rows = seats
                .range::<str, _>((begin, Bound::Unbounded))
                .filter(|(id, _)| of == 1 || in_segment(id));
            let page: Vec<_> = rows
                .by_ref()
                .take(PAGE)
                .map(|(id, seat)| (id.clone(), seat.clone()))
                .collect();
            let last = page.last().map(|(id, _)| id.as_str().to_owned());
            let next = rows.next().and(last);
            Ok(ScanPage { rows: page, next })
        })
    }

    async fn health(&self, target: &TargetId) -> Result<Health, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            Ok(state.health_of(target))
        })
    }

    async fn set_health(&self, target: &TargetId, health: &Health) -> Result<(), Fault> {
        self.write(false, |state| {
            state.health.insert(target.clone(), health.clone());
            ((), true)
        })
    }

    async fn set_pause(&self, target: &TargetId, pause: Option<&Pause>) -> Result<(), Fault> {
        self.write(false, |state| {
            match pause {
                Some(pause) => state.pauses.insert(target.clone(), pause.clone()),
                None => state.pauses.remove(target),
            };
            ((), true)
        })
    }

    async fn gauge(&self, target: &TargetId) -> Result<Gauge, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            Ok(state.gauges.get(target).cloned().unwrap_or_default())
        })
    }

    async fn set_gauge(&self, target: &TargetId, gauge: &Gauge) -> Result<bool, Fault> {
        self.write(false, |state| {
            let kept = state.gauges.entry(target.clone()).or_default();
            let current = kept.version == gauge.version;
            if current {
                *kept = gauge.at_version(gauge.version + 1);
            }
            (current, current)
        })
    }

    async fn meter(&self, target: &TargetId) -> Result<Meter, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            Ok(state.meters.get(target).cloned().unwrap_or_default())
        })
    }

    async fn set_meter(&self, target: &TargetId, meter: &Meter) -> Result<bool, Fault> {
        self.write(false, |state| {
            let kept = state.meters.entry(target.clone()).or_default();
            let current = kept.version == meter.version;
            if current {
                *kept = meter.at_version(meter.version + 1);
            }
            (current, current)
        })
    }
}

impl Cases for ModelStore {
    async fn decide(&self, record: &RecordKey, decision: &Decision) -> Result<(), Fault> {
        self.write(false, |state| {
            let known = state.decisions.entry(record.clone()).or_default();
            if !known.contains(decision) {
                known.push(decision.clone());
            }
            ((), true)
        })
    }

    async fn unlink(&self, record: &RecordKey, from: &IdentityId) -> Result<bool, Fault> {
        self.write(false, |state| {
            let leads = state.links.get(record) == Some(from);
            if leads {
                state.links.remove(record);
            }
            (leads, leads)
        })
    }

    async fn case(&self, id: &CaseId) -> Result<Option<Case>, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            Ok(state.cases.get(id).cloned())
        })
    }

    async fn cases(&self, which: Which) -> Result<Vec<Case>, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            let cases = state.cases.values();
            let cases = cases.filter(|case| which == Which::All || case.is_open());
            Ok(cases.cloned().collect())
        })
    }

    async fn put_case(&self, case: &Case, was: Option<&Case>) -> Result<bool, Fault> {
        self.write(false, |state| {
            let same = state.cases.get(&case.id) == was;
            if same {
                state.cases.insert(case.id.clone(), case.clone());
            }
            (same, same)
        })
    }

    async fn task(&self, id: &TaskId) -> Result<Option<Task>, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            Ok(state.tasks.get(id).cloned())
        })
    }

    async fn tasks(&self, which: Which) -> Result<Vec<Task>, Fault> {
        self.request(|state| {
            state.counters.reads += 1;
            let tasks = state.tasks.values();
            let tasks = tasks.filter(|task| which == Which::All || task.is_open());
            Ok(tasks.cloned().collect())
        })
    }

    async fn put_task(&self, task: &Task, was: Option<&Task>) -> Result<bool, Fault> {
        self.write(false, |state| {
            let same = state.tasks.get(&task.id) == was;
            if same {
                state.tasks.insert(task.id.clone(), task.clone());
            }
            (same, same)
        })
    }
}
