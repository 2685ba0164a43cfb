//! Queues by name.

use std::fmt;

use domain::TargetId;

/// A FIFO queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// To the planner; group: worker record.
    Facts,
    /// To a connector; group: target and identity.
    Target(TargetId),
    /// To the connectors, for endings of access only; group: target and identity.
    Terminations,
}

impl fmt::Display for Lane {
    /// The queue's name, `.fifo` included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Facts => f.write_str("facts.fifo"),
            Self::Target(target) => write!(f, "lane-{target}.fifo"),
            Self::Terminations => f.write_str("terminations.fifo"),
        }
    }
}
