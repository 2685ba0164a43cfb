//! Desired, recorded and actual, compared: pure, and never more certain than its evidence.
//!
//! A comparison of one target has two passes over the recorded side. The first
//! ([`Recorded::seat`]) keeps 16 bytes an account and 8 bytes a membership; the observed accounts
//! and groups then stream past ([`Comparison::account`], [`Comparison::group`]) and are dropped
//! unless something about them differs. Only then, and only for what differs, the second pass
//! ([`Look::seat`]) looks at whole records, and [`Look::finish`] says what was found.
//!
//! It never says "missing" without a [`Certificate`](crate::Certificate), and it never proposes to
//! take something away without one.

mod classify;
mod engine;
pub mod fingerprint;
pub mod index;
mod memberships;
pub mod merge;
mod name;
mod table;
#[cfg(test)]
mod tests;

pub use engine::{Compared, Comparison, Evidence, Look, Recorded};
pub use fingerprint::Spec;

use crate::{Account, EntitlementId, Generation, Hash, IdentityId, IdentityState};

/// Orphan and drift classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Leaver residual.
    O1,
    /// Privileged orphan.
    O2,
    /// Ghost, no match.
    O3,
    /// Ghost with a candidate match.
    O4,
    /// Duplicate accounts of one identity.
    O5,
    /// Out-of-band entitlement.
    O6,
    /// Expected account missing.
    O7,
    /// Drift of attributes, of the sign-in state, or of memberships that are ours.
    O8,
    /// Dormant.
    O9,
    /// Non-human or shared account without an owner.
    O10,
    /// Protected or exempt.
    O11,
}

/// How bad, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Access that must be taken away today.
    Critical,
    /// This week.
    High,
    /// Worth a look.
    Medium,
    /// For the record.
    Low,
    /// Nothing to do.
    Info,
}

/// How an account relates to identities (the situations of midPoint).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Situation {
    /// It belongs to one identity.
    Linked,
    /// It belongs to nobody, and one identity matches.
    Unlinked,
    /// It belongs to nobody, and nobody matches.
    Unmatched,
    /// It belongs to nobody, and several identities match alike.
    Disputed,
    /// Two identities claim it.
    Collision,
    /// An identity's account that is not there.
    Deleted,
}

/// What a repair would do. The connector looks again and decides for itself; this is what limits
/// count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Repair {
    /// Gives or corrects something; takes nothing away.
    Converge,
    /// Makes an account that is not there.
    Create,
    /// Blocks sign-in.
    Disable,
    /// Deletes an account.
    Delete,
    /// Takes a membership away.
    Revoke,
}

impl Repair {
    /// Whether it takes something away.
    pub const fn is_destructive(self) -> bool {
        matches!(self, Self::Disable | Self::Delete | Self::Revoke)
    }
}

/// An identity that an account might belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub identity: IdentityId,
    /// Whether the e-mail address is the same.
    pub email: bool,
    /// Whether the user name is the same.
    pub user_name: bool,
}

impl Candidate {
    /// What matched.
    pub const fn rule(&self) -> &'static str {
        match (self.email, self.user_name) {
            (true, true) => "same e-mail address and user name",
            (true, false) => "same e-mail address",
            (false, _) => "same user name",
        }
    }

    /// 0 to 100. User names are short and meet by chance; addresses rarely do.
    pub const fn confidence(&self) -> u8 {
        match (self.email, self.user_name) {
            (true, true) => 95,
            (true, false) => 90,
            (false, _) => 70,
        }
    }
}

/// The identity that an account is linked to, as far as the report wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Who.
    pub identity: IdentityId,
    /// Where the human stands.
    pub state: IdentityState,
    /// The generation that the comparison saw.
    pub generation: Generation,
    /// The generation that was applied here, as the comparison saw it.
    pub applied: Generation,
    /// Whether a change for this target is on its way already.
    pub owed: bool,
    /// Whether what is planned here is carried out.
    pub writes: bool,
    /// The policy version of the last decision.
    pub policy: Hash,
    /// Hash of the last plan.
    pub plan: Hash,
}

/// One difference between what is and what should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Which class.
    pub class: Class,
    /// How bad.
    pub severity: Severity,
    /// How the account relates to identities.
    pub situation: Situation,
    /// The account: as observed; as recorded where it matched or is not there.
    pub account: Account,
    /// Whether the account is there.
    pub present: bool,
    /// The policy's entitlements that it holds, as far as observed.
    pub held: Vec<EntitlementId>,
    /// Whether one of them is privileged.
    pub privileged: bool,
    /// The identity, where one is linked.
    pub owner: Option<Owner>,
    /// The entitlement that it is about, where it is about one.
    pub entitlement: Option<EntitlementId>,
    /// The identity that it might belong to, where it belongs to nobody.
    pub candidate: Option<Candidate>,
    /// Everybody that it might belong to, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// Whose record or key names it, where it is one too many or several people's.
    pub claims: Vec<IdentityId>,
    /// Who answers for it by policy: the owner of a service account.
    pub answers: Option<Box<str>>,
    /// What is wrong, in words, without values.
    pub detail: Box<str>,
    /// What will be done, or what somebody should do.
    pub proposed: Box<str>,
    /// What a repair would do, where policy and evidence allow one.
    pub repair: Option<Repair>,
}
