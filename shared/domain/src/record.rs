//! What the store remembers about one identity: one item, written on condition of its
//! generation.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identity::IdentityState;
use crate::limit::Held;
use crate::project::{AttrPath, Ties};
use crate::{
    AccountId, EntitlementId, Finding, Generation, Hash, Pii, Projection, RecordKey, Slot,
    TargetId, TaskId,
};

/// How a worker record came to belong to an identity. Pinned once made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correlation {
    /// The worker record.
    pub record: RecordKey,
    /// By which rule or by whom.
    pub by: CorrelatedBy,
    /// 0 to 100.
    pub confidence: u8,
    /// When.
    pub at: Timestamp,
}

/// By which rule or by whom a correlation was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrelatedBy {
    /// The record founded the identity: nobody matched.
    Founder,
    /// A correlation rule of the policy.
    Rule(Box<str>),
    /// A human, by an opaque operator name.
    Operator(Box<str>),
}

/// The planner's part of the identity item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityRecord {
    /// Counts decisions.
    pub generation: Generation,
    /// The worker records, the founder first.
    pub records: Vec<Correlation>,
    /// The state at the last decision.
    pub state: IdentityState,
    /// Whether the identity has ever been active, which tells a rehire from a joiner.
    #[serde(default)]
    pub was_active: bool,
    /// Since when access should be gone, while the identity is suspended or has ended: when its
    /// last day was over, or when the fact came that ended it at once. What a block took is
    /// measured from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending_since: Option<Timestamp>,
    /// User names, e-mail addresses and whatever else was generated and reserved, by namespace.
    #[serde(default)]
    pub identifiers: BTreeMap<Box<str>, Pii<Box<str>>>,
    /// Claims that were written, as `namespace:first 16 hex digits of the value's digest`.
    #[serde(default)]
    pub claims: BTreeSet<Box<str>>,
    /// The account that should exist on each target.
    #[serde(default)]
    pub projections: BTreeMap<TargetId, Projection>,
    /// The generation that last changed each projection.
    #[serde(default)]
    pub changed: BTreeMap<TargetId, Generation>,
    /// Targets whose projection changed while an older one was not yet acknowledged, or parked,
    /// with the entitlements that the older ones wanted. What a connector did there may be in no
    /// record: it looks before it trusts the record, and takes these memberships for ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unsettled: BTreeMap<TargetId, BTreeSet<EntitlementId>>,
    /// What was seen and not acted on at the last decision.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The next instant at which planning again gives something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// What operators decided about its accounts, by target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ties: BTreeMap<TargetId, Ties>,
    /// Digest over the decisions of operators that were followed; zero where there are none.
    #[serde(default, skip_serializing_if = "Hash::is_zero")]
    pub decisions: Hash,
    /// Digest over the events that were folded.
    pub facts: Hash,
    /// The policy version of the last decision.
    pub policy: Hash,
    /// Hash of the last plan.
    pub plan: Hash,
}

/// Who made an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// We did.
    Created,
    /// It was there, and policy let us take it over.
    Adopted,
    /// It was there, and it is not ours to touch.
    Unmanaged,
}

/// What the last attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Written.
    Applied,
    /// Nothing to do.
    Unchanged,
    /// Taken over.
    Adopted,
    /// Later, because the target rests.
    Deferred,
    /// The target will not have it.
    Rejected,
    /// The answer was lost.
    Unknown,
    /// Written, and seen in the target.
    Verified,
    /// Answered as done, and not seen in the target.
    NotVerified,
}

/// The connector's part of the identity item, one per target: what we did there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The user object's id in the target; `None` before there is one and after it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<AccountId>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership: Option<Ownership>,
    /// Whether it can sign in, as last written or seen.
    #[serde(default)]
    pub active: bool,
    /// The attributes as last written or seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attrs: BTreeMap<AttrPath, Pii<Slot>>,
    /// The entitlements that we gave or adopted and have not taken back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<EntitlementId>,
    /// The generation that was applied last.
    pub applied: Generation,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When we created the account; for some minutes after that "not found" means "not yet".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// What it came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why this account waits for a human, without personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Box<str>>,
    /// Destructive changes that a limit stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Grants that wait, and what has to be gone before each: here, where a limit holds it, or on
    /// another target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting: BTreeMap<EntitlementId, BTreeSet<EntitlementId>>,
    /// The task that a human was last given about this account, where nothing can be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
}
