//! What the event source mappings do in the cloud: hand the messages of each lane to its function.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use contract::Lane;
use domain::TargetId;
use jiff::Timestamp;
use ports::lanes::{Batch, BatchAnswer};
use ports::queue::{BATCH, Queues as _, run_up_to};
use ports::{Cases, Clock as _, Store};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Stack;

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
        let editions = self.editions();
        let targets = editions
            .all()
            .flat_map(|edition| edition.policy.policy.targets.keys());
        let targets: BTreeSet<TargetId> = targets.cloned().collect();
        [Lane::Facts, Lane::Terminations]
            .into_iter()
            .chain(targets.into_iter().map(Lane::Target))
            .collect()
    }

    async fn work(&self, lane: &Lane, batch: Batch) -> BatchAnswer {
        let editions = self.editions();
        match lane {
            Lane::Facts => editions.current.planner.handle(batch).await,
            Lane::Target(_) | Lane::Terminations => {
                let until = connectors::ends(self.clock().now());
                let connector = &editions.current.connector;
                let (mut answer, elsewhere) = connector.handle_own_until(batch, until).await;
                for (version, part) in elsewhere {
                    let connector = &editions.of(version).connector;
                    let done = connector.handle_until(part, until).await;
                    answer.failed.extend(done.failed);
                }
                answer
            }
        }
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
