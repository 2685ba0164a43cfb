//! Lines: single destructive changes, as a list that somebody approves names them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::AttrChange;
use crate::converge::{Convergence, Elsewhere, postpone};
use crate::policy::{Policy, TargetKind};
use crate::{AttrPath, Change, Desired, EntitlementId, Hash, IdentityId, IdentityState, TargetId};

/// The kinds of destructive change, each with a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The block of somebody whose work ended, or who is on leave: the termination lane.
    Block,
    /// The block of somebody who works here: a scope, a rule, a record that went bad.
    Disable,
    /// An account deleted.
    Delete,
    /// A membership taken away.
    Revoke,
    /// A user name changed.
    Rename,
    /// A manager changed or cleared.
    Manager,
}

impl Class {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Block,
        Self::Disable,
        Self::Delete,
        Self::Revoke,
        Self::Rename,
        Self::Manager,
    ];

    /// As policy, reports and commands name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::Revoke => "revoke",
            Self::Rename => "rename",
            Self::Manager => "manager",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One destructive change of one account, without personal data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Line {
    /// Its kind.
    pub class: Class,
    /// What is taken away, of a revoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<EntitlementId>,
    /// The first 12 hex digits of the digest of what is wanted, of a rename or another manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<Box<str>>,
}

impl Line {
    const fn of(class: Class) -> Self {
        Self {
            class,
            entitlement: None,
            want: None,
        }
    }

    /// A name for the line of an identity, 12 hex digits: equal for the same change asked again.
    pub fn key(&self, identity: &IdentityId) -> Box<str> {
        let entitlement = self.entitlement.as_ref().map_or("", |one| one.as_str());
        let want = self.want.as_deref().unwrap_or_default();
        let parts = [self.class.name(), identity.as_str(), entitlement, want];
        Hash::of_parts(parts.map(str::as_bytes)).short().into()
    }

    fn changed(class: Class, change: &AttrChange) -> Self {
        let want = serde_json::to_vec(change.want.reveal()).unwrap_or_default();
        Self {
            want: Some(Hash::of(&want).short().into()),
            ..Self::of(class)
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entitlement {
            Some(entitlement) => write!(f, "{} of `{entitlement}`", self.class),
            None => write!(f, "{}", self.class),
        }
    }
}

/// The class of an attribute's change, where it has one: a user name that somebody has is
/// renamed, a manager that is known is replaced or cleared.
fn class_of(
    path: &AttrPath,
    change: &AttrChange,
    refers: &dyn Fn(&AttrPath) -> bool,
) -> Option<Class> {
    let had = change
        .was
        .as_ref()
        .and_then(|was| was.reveal().text())
        .is_some_and(|text| !text.is_empty());
    if !had {
        return None;
    }
    if &**path == "userName" {
        Some(Class::Rename)
    } else if refers(path) {
        Some(Class::Manager)
    } else {
        None
    }
}

/// The destructive ones among changes. `ends` says that somebody's work ended or rests, so
/// that a block is one of the termination lane.
pub fn lines(changes: &[Change], refers: &dyn Fn(&AttrPath) -> bool, ends: bool) -> BTreeSet<Line> {
    let mut found = BTreeSet::new();
    for change in changes {
        match change {
            Change::Disable => {
                found.insert(Line::of(block(ends)));
            }
            Change::Delete => {
                found.insert(Line::of(Class::Delete));
            }
            Change::Revoke { entitlement } => {
                found.insert(Line {
                    entitlement: Some(entitlement.clone()),
                    ..Line::of(Class::Revoke)
                });
            }
            Change::Update { attrs } => {
                let classed = attrs.iter().filter_map(|(path, change)| {
                    Some(Line::changed(class_of(path, change, refers)?, change))
                });
                found.extend(classed);
            }
            Change::Create { .. }
            | Change::Adopt { .. }
            | Change::Restore
            | Change::Enable
            | Change::RevokeSessions
            | Change::Grant { .. } => {}
        }
    }
    found
}

/// Whether somebody's access ends, because their work did or rests: a block of the termination
/// lane, which must not wait.
pub const fn is_ending(state: IdentityState, desired: Desired) -> bool {
    let gone = !matches!(state, IdentityState::Active | IdentityState::Prehire);
    gone && matches!(desired, Desired::Disabled | Desired::None)
}

const fn block(ends: bool) -> Class {
    if ends { Class::Block } else { Class::Disable }
}

/// What has to be known beside the changes of one account.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Where the account is.
    pub target: &'a TargetId,
    /// What policy gives the identity, on all targets.
    pub wanted: BTreeSet<&'a EntitlementId>,
    /// What the identity has on its other targets.
    pub elsewhere: &'a Elsewhere,
}

/// Takes out of a convergence what did not pass, and whatever depends on it: sessions end with
/// the block, and what is not taken away keeps its other side from being given. A target that is
/// told whole records is told nothing. Returns the entitlements that stay.
pub fn hold_back(
    convergence: &mut Convergence,
    held: &BTreeSet<Line>,
    refers: &dyn Fn(&AttrPath) -> bool,
    ends: bool,
    beside: &Beside<'_>,
) -> BTreeSet<EntitlementId> {
    if held.is_empty() {
        return BTreeSet::new();
    }
    let whole = beside
        .policy
        .targets
        .get(beside.target)
        .is_some_and(|target| matches!(target.kind, TargetKind::EntraBulk(_)));
    if whole {
        convergence.changes.clear();
        return BTreeSet::new();
    }
    let stays: BTreeSet<EntitlementId> = held
        .iter()
        .filter_map(|line| line.entitlement.clone())
        .collect();
    let blocked = held.contains(&Line::of(block(ends)));
    convergence.changes.retain_mut(|change| match change {
        Change::Disable | Change::RevokeSessions => !blocked,
        Change::Delete => !blocked && !held.contains(&Line::of(Class::Delete)),
        Change::Revoke { entitlement } => !stays.contains(entitlement),
        Change::Update { attrs } => {
            attrs.retain(|path, change| {
                class_of(path, change, refers)
                    .is_none_or(|class| !held.contains(&Line::changed(class, change)))
            });
            !attrs.is_empty()
        }
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Restore
        | Change::Enable
        | Change::Grant { .. } => true,
    });
    let all = stays.union(&beside.elsewhere.leaving).cloned().collect();
    postpone(beside.policy, &all, &beside.wanted, convergence);
    stays
}
