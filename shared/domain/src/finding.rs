//! What the planner and the reconciler saw and did not act on.

use serde::{Deserialize, Serialize};

use crate::{Attr, EntitlementId, IdentityId, RecordKey, TargetId};

/// Bad HR data. The fact is accepted and parked with this reason; nobody else is blocked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "problem")]
pub enum Problem {
    /// A required attribute is absent, cleared or empty.
    Missing {
        /// Which.
        attr: Attr,
    },
    /// The value is not one that the policy's standardisation knows.
    Unknown {
        /// Of which attribute. The value itself is personal and not repeated.
        attr: Attr,
    },
    /// The value is not a date, a zone, or whatever the attribute wants.
    Malformed {
        /// Which.
        attr: Attr,
    },
    /// The value fails a test that policy puts to it, or is missing where policy needs it.
    Invalid {
        /// Which attribute. The value itself is personal and not repeated.
        attr: Attr,
        /// Which test (`max_length`, `required_when`).
        rule: crate::validate::Rule,
    },
    /// A contractor without a last day.
    NoEndDate,
    /// The last day lies before the first.
    EndBeforeStart,
    /// Correlation needs a human: see the case.
    Disputed {
        /// Who it could be.
        candidates: Vec<IdentityId>,
        /// Why a machine does not decide, in a few words.
        why: Box<str>,
    },
    /// No user name could be made from the names, or every candidate is taken.
    NoIdentifier,
}

/// Something that was seen and not acted on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "finding")]
pub enum Finding {
    /// A worker record waits for HR or for a human.
    Parked {
        /// The record.
        record: RecordKey,
        /// Why.
        problem: Problem,
    },
    /// Policy gives more than an SoD pair or set allows; the other side, or the last in the list,
    /// is withheld.
    SodConflict {
        /// The name of the pair or set in policy.
        pair: Box<str>,
        /// What is withheld.
        withheld: EntitlementId,
    },
    /// Policy gives more than a detective SoD pair or set allows.
    SodHeld {
        /// The name of the pair or set in policy.
        pair: Box<str>,
        /// What is held of it.
        held: Vec<EntitlementId>,
    },
    /// Policy gives more than an SoD pair or set allows, and an exception says so.
    SodExcepted {
        /// The name of the pair or set in policy.
        pair: Box<str>,
        /// When the exception lapses.
        until: jiff::Timestamp,
    },
    /// It was held as long as policy lets anybody hold it.
    Lapsed {
        /// Which.
        entitlement: EntitlementId,
    },
    /// The manager has no account on the target yet.
    MissingManager {
        /// Where.
        target: TargetId,
    },
    /// The account belongs to somebody else or cannot be told apart.
    Ambiguous {
        /// Where.
        target: TargetId,
        /// How many candidates.
        candidates: u32,
    },
    /// A foreign membership is held beside ours and left alone.
    Foreign {
        /// Which.
        entitlement: EntitlementId,
    },
    /// Cannot be applied, and why.
    CannotApply {
        /// Where.
        target: TargetId,
        /// Why, without personal data.
        why: Box<str>,
    },
    /// A removal was due but the evidence does not carry it.
    Withheld {
        /// Where.
        target: TargetId,
        /// Why, without personal data.
        why: Box<str>,
    },
    /// A rule in `record` state would give this.
    WouldGrant {
        /// The rule.
        rule: crate::RuleId,
        /// What it would give.
        entitlement: EntitlementId,
    },
}
