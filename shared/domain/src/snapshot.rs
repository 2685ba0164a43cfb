//! What was observed on a target, and the proof that it is everything.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::project::AttrPath;
use crate::{AccountId, Hash, Pii, Slot};

/// One user object as a target shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The target's id, verbatim.
    pub id: AccountId,
    /// Our key in it (SCIM `externalId`), if it has one.
    pub key: Option<Pii<Box<str>>>,
    /// Its user name.
    pub user_name: Pii<Box<str>>,
    /// Whether it can sign in. A target that does not say is taken as active.
    pub active: bool,
    /// Every attribute that was read, by path, without the ones above.
    pub attrs: BTreeMap<AttrPath, Pii<Slot>>,
    /// Created, where the target tells.
    pub created: Option<Timestamp>,
    /// Last sign-in, where the target tells.
    pub last_sign_in: Option<Timestamp>,
    /// Deleted, and can be brought back with the same id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Why nothing can be changed in it through this target, if nothing can (it is mastered
    /// somewhere else).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<Box<str>>,
}

/// One group as a target shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The target's id, verbatim.
    pub id: Box<str>,
    /// Its `displayName`.
    pub name: Box<str>,
    /// Its members; `None` where the target does not show them.
    pub members: Option<Vec<AccountId>>,
}

/// Proof that a snapshot is complete. It exists only where every check held; what failed is in
/// [`Incomplete`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Pages fetched, all well formed.
    pub pages: u64,
    /// Objects received, no id twice.
    pub received: u64,
    /// What the target declared, if it did; equal to `received`.
    pub declared: Option<u64>,
    /// Objects in the last accepted run, if there was one.
    pub previous: Option<u64>,
    /// SHA-256 over the ids in the order received.
    pub ids: Hash,
    /// As of when: nothing older is missing. What happened later may be in it or not.
    pub at: Timestamp,
}

/// Why a snapshot proves nothing about what it does not contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Incomplete {
    /// A page could not be fetched or read.
    PageFailed {
        /// Its number, from 1.
        page: u64,
        /// What happened, without personal data.
        error: Box<str>,
    },
    /// A cursor came twice.
    RepeatedCursor {
        /// On which page.
        page: u64,
    },
    /// Declared and received totals differ.
    ShortOfTotal {
        /// What the target declared.
        declared: u64,
        /// What came.
        received: u64,
    },
    /// An id came twice, so that pages shifted under the reader.
    RepeatedId {
        /// How many.
        count: u64,
    },
    /// The population differs from the last accepted run by more than policy allows.
    PopulationJump {
        /// Then.
        previous: u64,
        /// Now.
        received: u64,
    },
    /// The target does not show what is asked for (group members, say).
    NotShown,
}
