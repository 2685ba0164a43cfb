//! What a handler does with an error.

use std::time::Duration;

/// An error by what to do about it. `Display` names the class and the reason, never personal
/// data and never its source.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// Passing: timeout, 429, 5xx, a throttled table, a lost optimistic lock. The item is
    /// reported and comes back after the given time.
    #[error("retry: {why}")]
    Retry {
        /// When to come back; `None` leaves it to the queue.
        after: Option<Duration>,
        /// What happened.
        why: Box<str>,
    },
    /// Lasting, for this item alone: it is parked with the reason and acknowledged.
    #[error("reject: {why}")]
    Reject {
        /// What is wrong and what to do about it.
        why: Box<str>,
    },
    /// Lasting, for the whole target: stop calling it.
    #[error("halt: {why}")]
    Halt {
        /// What is wrong and what to do about it.
        why: Box<str>,
    },
}

impl Fault {
    /// The stable name for operators.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Retry { .. } => "Retry",
            Self::Reject { .. } => "Reject",
            Self::Halt { .. } => "Halt",
        }
    }

    /// Passing, at the queue's pace.
    pub fn retry(why: impl Into<Box<str>>) -> Self {
        Self::Retry {
            after: None,
            why: why.into(),
        }
    }

    /// Lasting, for this item.
    pub fn reject(why: impl Into<Box<str>>) -> Self {
        Self::Reject { why: why.into() }
    }

    /// Lasting, for the target.
    pub fn halt(why: impl Into<Box<str>>) -> Self {
        Self::Halt { why: why.into() }
    }
}
