//! What the event source mappings do in the cloud: hand the messages of each lane to its function.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contract::{ConvergeRequest, Lane};
use domain::Hash;
use jiff::Timestamp;
use ports::lanes::{Batch, BatchAnswer};
use ports::queue::{BATCH, Queues as _, run_up_to};
use ports::store::Health;
use ports::{Cases, Clock as _, Store};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Stack;
use super::edition::Editions;

/// How long a message stays hidden from other workers: six times the longest request to a
/// target (10 s), as AWS advises for a function of that timeout.
const VISIBILITY: Duration = Duration::from_mins(1);

/// Workers per lane: what a target's concurrency limit is in the cloud.
const WORKERS: usize = 4;

/// How long a worker of an idle lane waits at most before it looks again.
const IDLE: Duration = Duration::from_secs(1);

impl<S: Store + Cases + Clone + 'static> Stack<S> {
    /// Every lane of the policy, and of those whose decisions are still carried out.
    pub fn all_lanes(&self) -> Vec<Lane> {
        let targets = self.editions().targets();
        [Lane::Facts, Lane::Terminations]
            .into_iter()
            .chain(targets.into_iter().map(Lane::Target))
            .collect()
    }

    async fn work(&self, lane: &Lane, batch: Batch) -> BatchAnswer {
        let editions = self.editions();
        match lane {
            Lane::Facts => editions.current.planner.handle(batch).await,
            Lane::Target(_) | Lane::Terminations if editions.is_changing() => {
                self.carry_out(&editions, batch).await
            }
            Lane::Target(_) | Lane::Terminations => editions.current.connector.handle(batch).await,
        }
    }

    /// While policy changes: each decision is carried out under the version that it was made
    /// under, as far as that is known when the work begins.
    async fn carry_out(&self, editions: &Editions<S>, batch: Batch) -> BatchAnswer {
        let mut parts: BTreeMap<Hash, Batch> = BTreeMap::new();
        for record in batch.records {
            let request = ports::batch::parse::<ConvergeRequest>(&record).ok();
            let seat = match request {
                Some(request) => self.store.seat(&request.identity, &request.target).await,
                None => Ok((None, Health::Healthy)),
            };
            // Whatever cannot be read here cannot be read there either, and is answered there.
            let decided = seat.ok().and_then(|(seat, _)| seat);
            let decided = decided.map_or(editions.current.version(), |seat| seat.record.policy);
            let version = editions.of(decided).version();
            parts.entry(version).or_default().records.push(record);
        }
        let mut answer = BatchAnswer::default();
        for (version, part) in parts {
            let done = editions.of(version).connector.handle(part).await;
            answer.failed.extend(done.failed);
        }
        answer
    }

    async fn take(&self, lane: &Lane) -> usize {
        let most = match lane {
            Lane::Facts => BATCH,
            Lane::Target(_) | Lane::Terminations => connectors::TOGETHER,
        };
        run_up_to(&self.lanes, lane, most, VISIBILITY, |batch| {
            self.work(lane, batch)
        })
        .await
    }

    /// Works until every lane is empty, or holds only messages that are put off. For a clock that
    /// somebody sets; returns how many messages were worked on.
    pub async fn drain(self: &Arc<Self>) -> usize {
        let mut total = 0_usize;
        loop {
            let mut workers = JoinSet::new();
            for lane in self.all_lanes() {
                for _ in 0..WORKERS {
                    let (stack, lane) = (Arc::clone(self), lane.clone());
                    workers.spawn(async move {
                        let mut done = 0_usize;
                        loop {
                            match stack.take(&lane).await {
                                0 => break done,
                                n => done = done.saturating_add(n),
                            }
                        }
                    });
                }
            }
            let mut done = 0_usize;
            while let Some(worked) = workers.join_next().await {
                done = done.saturating_add(worked.unwrap_or(0));
            }
            if done == 0 {
                return total;
            }
            total = total.saturating_add(done);
        }
    }

    /// When the next message that was put off comes back.
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        self.lanes.next_visible_at()
    }

    /// Works for as long as `stop` says false. Every worker finishes the batch that it holds.
    pub fn serve(self: &Arc<Self>, stop: &watch::Receiver<bool>) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        self.serve_lanes(self.all_lanes(), &mut workers, stop);
        workers
    }

    /// Works some lanes beside those that are worked already.
    pub fn serve_lanes(
        self: &Arc<Self>,
        lanes: impl IntoIterator<Item = Lane>,
        workers: &mut JoinSet<()>,
        stop: &watch::Receiver<bool>,
    ) {
        for lane in lanes {
            for _ in 0..WORKERS {
                let (stack, lane, stop) = (Arc::clone(self), lane.clone(), stop.clone());
                workers.spawn(async move { stack.serve_lane(&lane, stop).await });
            }
        }
    }

    async fn serve_lane(&self, lane: &Lane, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let changed = self.lanes.notified();
            if self.take(lane).await > 0 {
                continue;
            }
            let wait = self.next_visible_at().map_or(IDLE, |at| {
                let until = at.duration_since(self.clock.now());
                Duration::try_from(until)
                    .unwrap_or(Duration::ZERO)
                    .clamp(Duration::from_millis(1), IDLE)
            });
            tokio::select! {
                () = changed => {}
                // A message that was put off comes back, or somebody restarts a lane.
                _ = tokio::time::timeout(wait, std::future::pending::<()>()) => {}
                stopped = stop.changed() => {
                    if stopped.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
