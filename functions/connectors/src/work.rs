//! One message's work: everything that was read, and the record as it grows.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::change::AttrChange;
use domain::converge::{Convergence, Elsewhere};
use domain::project::AttrPath;
use domain::{
    AccountId, AccountRecord, Change, EntitlementId, Finding, Generation, Hash, IdentityId,
    Outcome, Ownership, Pii, Projection, Slot, TargetId,
};
use jiff::Timestamp;
use ports::{Fault, Trace};

use crate::NOT_YET;
use crate::limits::Counted;
use crate::resolve::Sight;

/// What a message came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Converged {
    /// Nothing newer than what was applied; the target was not called.
    Current,
    /// The account is as wanted now.
    Done,
    /// The target will not have it; the reason is in the record.
    Parked,
    /// The target rests; it is still owed.
    Deferred,
    /// Decided under this version of policy, which is another one: nothing was done.
    Elsewhere(Hash),
}

/// Why a message is not done.
#[derive(Clone, Debug)]
pub enum Undone {
    Fault(Fault),
    /// Somebody decided about the account, or recorded it, while we were at it: what we know is
    /// old, and what we wrote may have undone what they wrote. These we may have given.
    Overtaken(BTreeSet<EntitlementId>),
}

impl Undone {
    /// With a time to come back at, where nobody named one: the queue would take six minutes (its
    /// visibility time-out), and what ends access may not wait so long.
    #[must_use]
    pub fn timed(self, urgent: bool, receives: u32) -> Self {
        match self {
            Self::Fault(Fault::Retry { after: None, why }) => Self::Fault(Fault::Retry {
                after: Some(comes_back(urgent, receives)),
                why,
            }),
            Self::Fault(_) | Self::Overtaken(_) => self,
        }
    }
}

/// When a message comes back whose target is not well, at this delivery: 5 + 15 + 45 + 120 s where
/// it ends access, 15 + 60 + 180 + 360 s otherwise. What is owed then, the clock asks for again.
pub fn comes_back(urgent: bool, receives: u32) -> Duration {
    let [first, second, third, last] = if urgent {
        [5, 15, 45, 120]
    } else {
        [15, 60, 180, 360]
    };
    Duration::from_secs(match receives {
        0 | 1 => first,
        2 => second,
        3 => third,
        _ => last,
    })
}

impl From<Fault> for Undone {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Undone> for Fault {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Fault(fault) => fault,
            Undone::Overtaken(_) => Self::Retry {
                after: Some(Duration::ZERO),
                why: "another worker wrote this account's record meanwhile".into(),
            },
        }
    }
}

/// One message's work.
pub struct Work {
    pub identity: IdentityId,
    pub name: TargetId,
    pub generation: Generation,
    /// The account that should be, its references resolved.
    pub projection: Projection,
    pub before: Option<AccountRecord>,
    pub record: AccountRecord,
    /// What may have been given without a record of it.
    pub unsettled: Option<BTreeSet<EntitlementId>>,
    /// Whether to look before deciding.
    pub look: bool,
    /// Whether it ends somebody's access.
    pub urgent: bool,
    /// Since when that access should be gone.
    pub ending_since: Option<Timestamp>,
    /// Whether a block of sign-in was seen in the target, after it was written.
    pub block_seen: bool,
    /// That the account is mastered elsewhere: a block here may be taken back.
    pub mastered: Option<Mastered>,
    pub at: Timestamp,
    /// When the event stops to take on work.
    pub until: Timestamp,
    /// When the clock shall ask for it again, where its message does not.
    pub wake: Option<Timestamp>,
    /// How often the message was delivered, this time included.
    pub receives: u32,
    pub trace: Option<Trace>,
    /// Memberships that the target refused to take away.
    pub kept: BTreeSet<EntitlementId>,
    /// What was answered as done and not read back yet.
    pub unseen: Unseen,
    /// What the target's meter said.
    pub counted: Counted,
    /// What the identity has on its other targets.
    pub elsewhere: Elsewhere,
}

/// What a target answered as done and nobody has read back: a target may answer so and do nothing.
#[derive(Clone, Debug, Default)]
pub struct Unseen {
    /// The block of sign-in.
    pub block: bool,
    /// Removals.
    pub revokes: BTreeSet<EntitlementId>,
}

/// That an account is mastered elsewhere.
#[derive(Clone, Debug)]
pub struct Mastered {
    /// In the words of the target's client.
    pub why: Box<str>,
    /// Whether this message has just blocked it.
    pub blocked_now: bool,
}

impl Work {
    /// What policy gives the identity, on all targets.
    pub fn wanted(&self) -> BTreeSet<&EntitlementId> {
        let here = self.projection.grants.keys();
        here.chain(&self.elsewhere.wanted).collect()
    }

    /// Whether some grant waits until something is gone from another target.
    pub fn waits(&self) -> bool {
        let mut until = self.record.waiting.values().flatten();
        until.any(|one| self.elsewhere.leaving.contains(one))
    }

    /// What may have been given, whether or not it was answered.
    pub fn given(&self) -> BTreeSet<EntitlementId> {
        let wanted = self.projection.grants.keys();
        wanted.chain(&self.record.grants).cloned().collect()
    }

    /// What was held, or maybe held, and is not any more.
    pub fn freed(&self) -> impl Iterator<Item = &EntitlementId> {
        let before = self.before.iter();
        let held = before.flat_map(|before| before.grants.iter().chain(before.waiting.keys()));
        held.chain(self.unsettled.iter().flatten())
            .filter(|one| !self.record.grants.contains(*one))
    }

    /// Whether the account was changed so lately that a look may show what was before.
    pub fn is_new(&self) -> bool {
        let changed = self.before.as_ref().and_then(|before| before.at);
        changed.is_some_and(|changed| self.at.duration_since(changed) < NOT_YET)
    }

    /// Takes over what a look showed, before anything is changed.
    pub fn adopt(&mut self, convergence: &Convergence, sight: &Sight) {
        if !sight.looked {
            return;
        }
        // Somebody else's block, or one of ours whose answer was lost.
        let open = sight.account.as_ref().is_some_and(|account| account.active);
        let lags = self.is_new();
        let read_only = sight.account.as_ref().and_then(|one| one.read_only.clone());
        self.mastered = read_only.map(|why| Mastered {
            why,
            blocked_now: false,
        });
        self.block_seen |= self.record.active && !open && !lags && self.mastered.is_none();
        if let Some(account) = &sight.account {
            if lags && self.record.id.as_ref() == Some(&account.id) {
                // What one of both says otherwise is done, and recorded when it is.
                self.record.active |= account.active;
                let attrs = &account.attrs;
                self.record
                    .attrs
                    .retain(|path, was| attrs.get(path) == Some(was));
            } else {
                self.record.active = account.active;
                self.record.attrs.clone_from(&account.attrs);
            }
            self.record.id = Some(account.id.clone());
            // Our key in it means that we made it, even if its creation was never answered.
            let key = account.key.as_ref().map(|key| &**key.reveal());
            let ours = key == Some(self.identity.as_str());
            self.record.ownership.get_or_insert(if ours {
                Ownership::Created
            } else {
                Ownership::Adopted
            });
        } else {
            self.record = AccountRecord {
                applied: self.record.applied,
                ..AccountRecord::default()
            };
        }
        for entitlement in &convergence.gone {
            self.record.grants.remove(entitlement);
        }
        self.record
            .grants
            .extend(convergence.adopted.iter().cloned());
    }

    /// The record after a change.
    pub fn remember(&mut self, change: &Change, id: AccountId) {
        let record = &mut self.record;
        match change {
            Change::Create { active, attrs } => {
                record.id = Some(id);
                record.ownership = Some(Ownership::Created);
                record.active = *active;
                record.created_at = Some(self.at);
                record.grants.clear();
                record.attrs = wanted(attrs).collect();
                self.unseen.block = !*active;
            }
            Change::Adopt { key } => {
                record.ownership = Some(Ownership::Adopted);
                record
                    .attrs
                    .insert(domain::converge::KEY_PATH.into(), key.want.clone());
            }
            Change::Update { attrs } => record.attrs.extend(wanted(attrs)),
            Change::Enable => {
                record.active = true;
                self.unseen.block = false;
            }
            Change::Disable => {
                record.active = false;
                self.unseen.block = true;
            }
            Change::Delete => {
                *record = AccountRecord {
                    applied: record.applied,
                    ..AccountRecord::default()
                };
            }
            // What came back is looked at for some minutes like something new.
            Change::Restore => record.created_at = Some(self.at),
            Change::RevokeSessions => {}
            Change::Grant { entitlement } => {
                self.unseen.revokes.remove(entitlement);
                record.grants.insert(entitlement.clone());
            }
            Change::Revoke { entitlement } => {
                record.grants.remove(entitlement);
                self.unseen.revokes.insert(entitlement.clone());
            }
        }
    }

    /// Takes back whatever was answered as done and not read back, so that the next attempt does
    /// it again and looks. A removal that was forgotten here would be somebody else's membership
    /// for ever.
    pub fn doubt(&mut self) {
        let unseen = std::mem::take(&mut self.unseen);
        if self.record.id.is_none() {
            return;
        }
        self.record.active |= unseen.block;
        self.record.grants.extend(unseen.revokes);
    }

    /// Nothing of this generation is left to do.
    pub fn finish(&mut self, outcome: Outcome) {
        self.record.applied = self.record.applied.max(self.generation);
        self.note(outcome);
    }

    /// Notes what it came to, if the record says anything new.
    pub fn note(&mut self, outcome: Outcome) {
        let changed = self
            .before
            .as_ref()
            .is_none_or(|before| *before != self.record);
        if changed {
            self.record.outcome = Some(outcome);
            self.record.at = Some(self.at);
        }
    }
}

fn wanted(
    attrs: &std::collections::BTreeMap<AttrPath, AttrChange>,
) -> impl Iterator<Item = (AttrPath, Pii<Slot>)> {
    attrs
        .iter()
        .map(|(path, change)| (path.clone(), change.want.clone()))
}

/// Why a convergence cannot be carried out at all, if it cannot.
pub fn refusal(convergence: &Convergence) -> Option<Box<str>> {
    if !convergence.changes.is_empty() {
        return None;
    }
    if convergence.withheld.is_some() {
        return convergence.withheld.clone();
    }
    convergence
        .findings
        .iter()
        .find_map(|finding| match finding {
            Finding::CannotApply { why, .. } => Some(why.clone()),
            Finding::Ambiguous { .. } => Some("several accounts match".into()),
            Finding::Parked { .. }
            | Finding::SodConflict { .. }
            | Finding::SodHeld { .. }
            | Finding::SodExcepted { .. }
            | Finding::Lapsed { .. }
            | Finding::MissingManager { .. }
            | Finding::Foreign { .. }
            | Finding::Withheld { .. }
            | Finding::WouldGrant { .. } => None,
        })
}
