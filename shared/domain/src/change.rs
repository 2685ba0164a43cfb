//! Changes and plans. Each change carries what was and what is wanted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identity::IdentityState;
use crate::project::AttrPath;
use crate::{EntitlementId, Finding, IdentityId, Pii, Projection, Slot, TargetId};

/// An attribute before and after. `was` is `None` where the target had nothing or we do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttrChange {
    /// Before.
    pub was: Option<Pii<Slot>>,
    /// After.
    pub want: Pii<Slot>,
}

/// The smallest planned unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op")]
pub enum Change {
    /// Make the account.
    Create {
        /// Whether it can sign in from the start.
        active: bool,
        /// Its attributes.
        attrs: BTreeMap<AttrPath, AttrChange>,
    },
    /// Take over an account that we did not make: write our key into it.
    Adopt {
        /// The key attribute before and after.
        key: AttrChange,
    },
    /// Bring a deleted account back, blocked or not as it was before.
    Restore,
    /// Change attributes, all in one request.
    Update {
        /// The attributes that differ.
        attrs: BTreeMap<AttrPath, AttrChange>,
    },
    /// Let it sign in.
    Enable,
    /// Block sign-in.
    Disable,
    /// Delete it.
    Delete,
    /// End its sessions.
    RevokeSessions,
    /// Give an entitlement.
    Grant {
        /// The entitlement.
        entitlement: EntitlementId,
    },
    /// Take an entitlement away.
    Revoke {
        /// The entitlement.
        entitlement: EntitlementId,
    },
}

impl Change {
    /// A stable name for logs, metrics and reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Adopt { .. } => "adopt",
            Self::Restore => "restore",
            Self::Update { .. } => "update",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::RevokeSessions => "revoke_sessions",
            Self::Grant { .. } => "grant",
            Self::Revoke { .. } => "revoke",
        }
    }

    /// Whether it takes something away from a person.
    pub const fn is_destructive(&self) -> bool {
        matches!(
            self,
            Self::Disable | Self::Delete | Self::Revoke { .. } | Self::RevokeSessions
        )
    }
}

/// What one target needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetPlan {
    /// The account that should exist.
    pub projection: Projection,
    /// The changes that lead from the recorded account to it, in their order.
    pub changes: Vec<Change>,
    /// Whether the changes end somebody's access and travel in the termination lane.
    pub urgent: bool,
}

/// What happened to a human, derived from before and after; never trusted from the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jml {
    /// First access.
    Joiner,
    /// Attributes or access changed.
    Mover,
    /// Access ended.
    Leaver,
    /// Access after an ending.
    Rehire,
    /// Leave began.
    Suspended,
    /// Leave ended.
    Returned,
    /// Nothing changed.
    None,
}

/// What should be, what has to change, and what was seen on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// For whom.
    pub identity: IdentityId,
    /// The state of the identity at the planned instant.
    pub state: IdentityState,
    /// The classification.
    pub jml: Jml,
    /// One entry per target of the policy.
    pub targets: BTreeMap<TargetId, TargetPlan>,
    /// What the planner saw and did not act on.
    pub findings: Vec<Finding>,
    /// The next instant at which planning again would give something else, if one is known.
    pub due_at: Option<jiff::Timestamp>,
}
