//! The operator's side as every queue has it.

use contract::Lane;
use ports::Fault;
use ports::backlog::{Backlog, Claimed, Dead};
use ports::queue::Stats;

use crate::SqsLanes;

impl Backlog for SqsLanes {
    async fn depth(&self, lane: &Lane) -> Result<Stats, Fault> {
        self.stats(lane).await
    }

    async fn dead(&self, lane: &Lane, most: usize) -> Result<Vec<Dead>, Fault> {
        self.dead_letters(lane, most).await
    }

    async fn claim(&self, lane: &Lane, most: usize) -> Result<Vec<Claimed>, Fault> {
        self.claim_dead(lane, most).await
    }

    async fn remove(&self, lane: &Lane, claimed: &Claimed) -> Result<(), Fault> {
        self.remove_dead(lane, claimed).await
    }
}
