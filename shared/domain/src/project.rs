//! The account that should exist on one target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccountId, EntitlementId, Hash, Pii, RoleId, RuleId, Slot};

/// The name of an attribute of an account: a SCIM path (`name.givenName`,
/// `emails[type eq "work"].value`, an extension URN with its attribute).
pub type AttrPath = Arc<str>;

/// The state that an account should be in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// No account is wanted, and none is made; one that we own and that exists is disabled.
    #[default]
    None,
    /// The account exists with its attributes but cannot sign in (before day one, after the
    /// last day, on leave).
    Disabled,
    /// The account can sign in.
    Active,
    /// The account is deleted (retention is over).
    Deleted,
}

/// How strongly policy holds an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Written when the account is created, and left alone afterwards.
    OnCreate,
    /// Written whenever it differs.
    Always,
    /// Written only where the target has nothing.
    FillIfEmpty,
}

/// One attribute of a projection. An attribute whose mapping yields nothing is not listed, and so
/// never clears anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapped {
    /// The value; null clears.
    pub value: Pii<Slot>,
    /// How strongly it is held.
    pub strength: Strength,
    /// The value is the worker record key of the manager; the connector writes the id of the
    /// manager's account on the same target instead, once there is one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refers: bool,
}

/// Why a grant stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reason {
    /// What justifies it.
    pub cause: Cause,
    /// When the justification lapses by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What justifies a grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A rule gave a role that holds the entitlement. The policy version is the projection's.
    Rule {
        /// The rule.
        rule: RuleId,
        /// The role that lists the entitlement (nested roles are resolved).
        role: RoleId,
    },
    /// A rule gave it until the person moved, and policy lets it stay for a while.
    Overlap {
        /// The rule.
        rule: RuleId,
        /// The role that lists the entitlement.
        role: RoleId,
    },
    /// It was there before us and policy adopted it.
    Adopted,
}

/// The account that should exist on one target, computed from identity and policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projection {
    /// The state it should be in.
    pub desired: Desired,
    /// Its attributes by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attrs: BTreeMap<AttrPath, Mapped>,
    /// Its grants, each with at least one reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<EntitlementId, BTreeSet<Reason>>,
    /// Planned, shown and reported, and not written: the target is only simulated, or the person
    /// does not take part in its pilot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// What an operator decided about whose account it is.
    #[serde(default, skip_serializing_if = "Ties::is_empty")]
    pub ties: Ties,
    /// The policy version that computed it.
    pub policy: Hash,
}

/// What operators decided about the accounts of an identity on one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ties {
    /// The account to take over, whatever policy says about adoption and whosever key it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<AccountId>,
    /// Accounts that are not the identity's, whatever key they carry.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub released: BTreeSet<AccountId>,
}

impl Ties {
    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        self.adopt.is_none() && self.released.is_empty()
    }
}
