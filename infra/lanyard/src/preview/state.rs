//! The state that a preview reads: the table of a stack, or an exported file. Both are a
//! [`Store`] whose writes are refused, so that whatever reads them for a preview cannot change
//! anything, and so that the planner's own code does the reading.

use domain::budget::Gauge;
use domain::case::{Case, Decision};
use domain::limit::Meter;
use domain::task::Task;
use domain::{AccountRecord, CaseId, Fact, Generation, IdentityId, RecordKey, TargetId, TaskId};
use jiff::Timestamp;
use ports::cases::Which;
use ports::store::{
    Accepted, Ack, Acked, ClaimKey, Commit, Committed, Delivery, Dossier, Health, Pause, Reading,
    ScanPage, Seats, Segment,
};
use ports::{Cases, Clock, Fault, Lanes, Outgoing, Store};
use store_dynamodb::DynamoStore;

use super::file::StateFile;

/// State that can be read and not written.
#[derive(Clone)]
pub enum State {
    /// The table of a stack, whether the stack runs or not.
    Live(DynamoStore),
    /// An exported file.
    File(StateFile),
}

impl State {
    /// Somebody by their source's own id, where the file knows them by it.
    pub fn by_worker(&self, source: Option<&str>, worker: &str) -> Vec<IdentityId> {
        match self {
            Self::Live(_) => Vec::new(),
            Self::File(file) => file.by_worker(source, worker),
        }
    }
}

fn refused<T>() -> Result<T, Fault> {
    Err(Fault::halt("a preview writes nothing"))
}

impl Store for State {
    async fn accept(&self, _: &Delivery, _: &[Fact]) -> Result<Accepted, Fault> {
        refused()
    }

    async fn dossier(&self, key: &RecordKey) -> Result<Dossier, Fault> {
        match self {
            Self::Live(store) => store.dossier(key).await,
            Self::File(file) => file.dossier(key),
        }
    }

    async fn seats(
        &self,
        identities: &[IdentityId],
        target: &TargetId,
    ) -> Result<(Seats, Health), Fault> {
        match self {
            Self::Live(store) => store.seats(identities, target).await,
            Self::File(file) => {
                let records = identities.iter().map(RecordKey::from);
                let seats = records.map(|record| Ok(file.dossier(&record)?.seat));
                Ok((seats.collect(), Health::Healthy))
            }
        }
    }

    async fn holders(&self, keys: &[ClaimKey]) -> Result<Vec<(ClaimKey, IdentityId)>, Fault> {
        match self {
            Self::Live(store) => store.holders(keys).await,
            Self::File(file) => Ok(file.holders(keys)),
        }
    }

    async fn commit(&self, _: &Commit) -> Result<Committed, Fault> {
        refused()
    }

    async fn rest(
        &self,
        _: &IdentityId,
        _: Generation,
        _: Option<Timestamp>,
    ) -> Result<bool, Fault> {
        refused()
    }

    async fn ack(&self, _: &Ack) -> Result<Acked, Fault> {
        refused()
    }

    async fn amend(
        &self,
        _: &IdentityId,
        _: &TargetId,
        _: &AccountRecord,
        _: &AccountRecord,
    ) -> Result<bool, Fault> {
        refused()
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<IdentityId>, Fault> {
        match self {
            Self::Live(store) => store.due(now, limit).await,
            Self::File(_) => Ok(Vec::new()),
        }
    }

    async fn scan(
        &self,
        segment: Segment,
        reading: Reading,
        after: Option<&str>,
    ) -> Result<ScanPage, Fault> {
        match self {
            Self::Live(store) => store.scan(segment, reading, after).await,
            Self::File(file) => file.page(after),
        }
    }

    async fn health(&self, target: &TargetId) -> Result<Health, Fault> {
        match self {
            Self::Live(store) => store.health(target).await,
            Self::File(_) => Ok(Health::Healthy),
        }
    }

    async fn set_pause(&self, _: &TargetId, _: Option<&Pause>) -> Result<(), Fault> {
        refused()
    }

    async fn set_health(&self, _: &TargetId, _: &Health) -> Result<(), Fault> {
        refused()
    }

    async fn gauge(&self, target: &TargetId) -> Result<Gauge, Fault> {
        match self {
            Self::Live(store) => store.gauge(target).await,
            Self::File(_) => Ok(Gauge::default()),
        }
    }

    async fn meter(&self, target: &TargetId) -> Result<Meter, Fault> {
        match self {
            Self::Live(store) => store.meter(target).await,
            Self::File(file) => Ok(file
                .header()
                .meters
                .get(target)
                .cloned()
                .unwrap_or_default()),
        }
    }

    async fn set_meter(&self, _: &TargetId, _: &Meter) -> Result<bool, Fault> {
        refused()
    }

    async fn set_gauge(&self, _: &TargetId, _: &Gauge) -> Result<bool, Fault> {
        refused()
    }
}

/// What people were asked is no part of an exported file; what they decided lies in it with the
/// records.
impl Cases for State {
    async fn decide(&self, _: &RecordKey, _: &Decision) -> Result<(), Fault> {
        refused()
    }

    async fn unlink(&self, _: &RecordKey, _: &IdentityId) -> Result<bool, Fault> {
        refused()
    }

    async fn case(&self, id: &CaseId) -> Result<Option<Case>, Fault> {
        match self {
            Self::Live(store) => store.case(id).await,
            Self::File(_) => Ok(None),
        }
    }

    async fn cases(&self, which: Which) -> Result<Vec<Case>, Fault> {
        match self {
            Self::Live(store) => store.cases(which).await,
            Self::File(_) => Ok(Vec::new()),
        }
    }

    async fn put_case(&self, _: &Case, _: Option<&Case>) -> Result<bool, Fault> {
        refused()
    }

    async fn task(&self, id: &TaskId) -> Result<Option<Task>, Fault> {
        match self {
            Self::Live(store) => store.task(id).await,
            Self::File(_) => Ok(None),
        }
    }

    async fn tasks(&self, which: Which) -> Result<Vec<Task>, Fault> {
        match self {
            Self::Live(store) => store.tasks(which).await,
            Self::File(_) => Ok(Vec::new()),
        }
    }

    async fn put_task(&self, _: &Task, _: Option<&Task>) -> Result<bool, Fault> {
        refused()
    }
}

/// Lanes that take nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoLanes;

impl Lanes for NoLanes {
    async fn send(&self, _: &contract::Lane, _: &[Outgoing]) -> Result<(), Fault> {
        refused()
    }
}

/// One instant, for as long as a preview takes.
#[derive(Clone, Copy, Debug)]
pub struct At(pub Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}
