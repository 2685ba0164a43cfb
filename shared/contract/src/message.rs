//! Queue messages, version 1. A message says who to look at, never what to do, and holds no
//! attribute of a person. Lost, doubled and reordered messages are harmless.

use domain::{Generation, IdentityId, RecordKey, TargetId};
use serde::{Deserialize, Serialize};

/// Why somebody is looked at. A hint for logs and metrics; it steers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A fact arrived.
    Fact,
    /// A boundary in time was reached, or something is still owed.
    Due,
    /// Reconciliation saw a difference.
    Reconcile,
    /// An operator asked.
    Operator,
    /// The planner decided.
    Plan,
}

/// To the planner: look at this worker record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// Format version, 1.
    pub v: u8,
    /// The worker record (an identity's founding record stands for the identity).
    pub record: RecordKey,
    /// Why.
    pub cause: Cause,
}

/// To a connector: bring this identity's account on this target to what is recorded as wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvergeRequest {
    /// Format version, 1.
    pub v: u8,
    /// Whose account.
    pub identity: IdentityId,
    /// Where.
    pub target: TargetId,
    /// The generation that the sender saw.
    pub generation: Generation,
    /// Whether to read the account before deciding instead of trusting the record (repairs).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub look: bool,
    /// Why.
    pub cause: Cause,
}

impl PlanRequest {
    /// A request of the current version.
    pub const fn new(record: RecordKey, cause: Cause) -> Self {
        Self {
            v: 1,
            record,
            cause,
        }
    }
}

impl ConvergeRequest {
    /// Look at an account, whatever its record says.
    pub const fn look(
        identity: IdentityId,
        target: TargetId,
        generation: Generation,
        cause: Cause,
    ) -> Self {
        Self {
            v: 1,
            identity,
            target,
            generation,
            look: true,
            cause,
        }
    }

    /// The FIFO group: one writer per target and identity.
    pub fn group(&self) -> String {
        format!("{}#{}", self.target, self.identity)
    }
}
