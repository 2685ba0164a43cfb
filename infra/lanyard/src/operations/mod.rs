//! The operator's side: what is seen and decided, over any table, queues and bucket, on this
//! machine or in the cloud.

mod backlog;
mod decide;
mod findings;
pub(crate) mod look;
mod reports;
mod status;
mod targets;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use contract::Lane;
use domain::{Policy, TargetId};
use planner::operator::Said;
use ports::objects::Locate;
use ports::{Backlog, Cases, Clock, Fault, Lanes, Objects, Store};
use serde::{Deserialize, Serialize};

pub use backlog::{DeadView, ParkedView, Subject};
pub use decide::{
    AccountLink, CaseView, Decide, DecisionView, LinkView, RecordLink, See, Seen, TaskView,
};
pub use findings::{Finding, of as findings};
pub use reports::ReportView;
pub use status::{LaneStatus, Status, TargetStatus};

use crate::holds::Holds;

/// An operator's view of a stack.
pub struct Operations<'a, S, L, B, C> {
    /// The table.
    pub store: &'a S,
    /// The queues.
    pub lanes: &'a L,
    /// The bucket.
    pub objects: &'a B,
    /// The time.
    pub clock: &'a C,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// Every queue there is.
    pub queues: Vec<Lane>,
}

/// What an operator asks or decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "operate", content = "with")]
pub enum Operate {
    /// Cases, links, tasks.
    See(See),
    /// An answer to one of them.
    Decide(Decide),
    /// What waits for HR, for a target or for a human, and why.
    Parked,
    /// Look again at what is parked: one identity or worker record, or all of it.
    Retry {
        /// Which; all where none is named.
        of: Option<Subject>,
    },
    /// Messages that were given up.
    Dead,
    /// Plan the subjects of what was given up again, and take the messages away.
    Replan,
    /// Leave a target alone.
    Pause {
        /// Which.
        target: TargetId,
        /// By whom, and why.
        said: Said,
    },
    /// Call a target again.
    Resume {
        /// Which.
        target: TargetId,
        /// By whom, and why.
        said: Said,
    },
    /// Reports, the latest first.
    Reports {
        /// How many.
        most: usize,
    },
    /// Where a file of a report can be opened.
    Report {
        /// The run, or the beginning of its name; the latest where none is named.
        run: Option<String>,
        /// The file.
        file: String,
    },
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operated {
    /// It is recorded, and will be carried out.
    Recorded,
    /// What is parked.
    Parked(Vec<ParkedView>),
    /// What was given up.
    Dead(Vec<DeadView>),
    /// So many were handed over to be looked at again.
    HandedOver {
        /// How many.
        count: usize,
        /// How many could not be.
        left: usize,
    },
    /// Reports.
    Reports(Vec<ReportView>),
    /// Where a file is.
    Place(String),
    /// What was asked for.
    #[serde(untagged)]
    Seen(Seen),
}

impl Operate {
    /// Whether something is decided or handed over, which somebody has to carry out.
    pub const fn decides(&self) -> bool {
        match self {
            Self::Decide(_) | Self::Retry { .. } | Self::Replan | Self::Resume { .. } => true,
            Self::See(_)
            | Self::Parked
            | Self::Dead
            | Self::Pause { .. }
            | Self::Reports { .. }
            | Self::Report { .. } => false,
        }
    }
}

impl<'a, S, L, B, C> Operations<'a, S, L, B, C>
where
    S: Store + Cases,
    L: Lanes + Backlog,
    B: Objects + Locate,
    C: Clock,
{
    /// What limits hold.
    pub fn holds(&self) -> Holds<'a, S, L, C> {
        Holds::new(self.store, self.lanes, self.clock, Arc::clone(&self.policy))
    }

    /// Answers an operator. [`Fault::Reject`] says what cannot be done.
    pub async fn operate(&self, asked: Operate) -> Result<Operated, Fault> {
        match asked {
            Operate::See(see) => self.see(see).await.map(Operated::Seen),
            Operate::Decide(decide) => {
                self.decide(decide).await?;
                Ok(Operated::Recorded)
            }
            Operate::Parked => self.parked().await.map(Operated::Parked),
            Operate::Retry { of } => self.retry(of.as_ref()).await,
            Operate::Dead => self.dead().await.map(Operated::Dead),
            Operate::Replan => self.replan().await,
            Operate::Pause { target, said } => {
                self.pause(&target, &said).await?;
                Ok(Operated::Recorded)
            }
            Operate::Resume { target, said } => self.resume(&target, &said).await,
            Operate::Reports { most } => self.reports(most).await.map(Operated::Reports),
            Operate::Report { run, file } => {
                let place = self.report(run.as_deref(), &file).await?;
                Ok(Operated::Place(place))
            }
        }
    }
}
