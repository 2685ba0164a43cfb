//! Connected systems: what they are, what may happen there, and how much of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Cohort, Condition, Mapping};
use crate::AccountRecord;
use crate::expr::{self, Computed};
use crate::profile::{Auth, Profile};
use crate::project::AttrPath;
use crate::standardise::spelling;

/// A connected system.
#[derive(Clone, Debug)]
pub struct Target {
    /// What may happen there.
    pub mode: Mode,
    /// For whom it happens, in a pilot.
    pub pilot: Cohort,
    /// What it speaks.
    pub kind: TargetKind,
    /// Base URL of its SCIM endpoint, or of Microsoft Graph with its version.
    pub base_url: Box<str>,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// Its dialect and what it stands.
    pub profile: Profile,
    /// Nothing is taken from anybody there: no account is blocked or deleted, no membership
    /// revoked. What would have been is reported.
    pub upsert_only: bool,
    /// Who is in scope; empty is everybody.
    pub scope: Vec<Condition>,
    /// An expression that must hold too (`scope_where`).
    pub scope_filter: Option<Arc<Computed<expr::Test>>>,
    /// Attributes of the account.
    pub mappings: Vec<Mapping>,
    /// Days before the first working day at which the account is made, disabled.
    pub prehire_days: u16,
    /// Whether a person who merely has the account (and no entitlement there) gets one.
    pub account_for: AccountFor,
    /// Days after the end at which the account is deleted; `None` never deletes.
    pub delete_after_days: Option<u16>,
    /// Whether an existing account that matches may be taken over.
    pub adopt: Adopt,
    /// What to do about memberships that were removed by hand.
    pub lost: LostGrant,
    /// Accounts that are never touched, by the spelling of their user names.
    pub protected: BTreeSet<Box<str>>,
    /// Accounts of machines and teams, by the spelling of their user names, with their owner where one
    /// is named.
    pub service_accounts: BTreeMap<Box<str>, Option<Box<str>>>,
    /// Days without sign-in after which an account is dormant, where the target tells.
    pub dormant_days: Option<u16>,
    /// Limits on destructive changes.
    pub limits: Limits,
}

impl Target {
    /// Whether the account under a user name is never touched.
    pub fn protects(&self, user_name: &str) -> bool {
        !self.protected.is_empty() && self.protected.contains(&*spelling(user_name))
    }

    /// The owner of the machine's or team's account under a user name, where one is named; `None`
    /// where the name is none of these.
    pub fn service_account(&self, user_name: &str) -> Option<Option<&str>> {
        let known = &self.service_accounts;
        let owner = (!known.is_empty()).then(|| known.get(&*spelling(user_name)))?;
        owner.map(Option::as_deref)
    }

    /// Whether an account of ours looks as if it were not there, because it is blocked.
    pub fn hides(&self, record: &AccountRecord) -> bool {
        self.profile.hides_inactive && record.id.is_some() && !record.active
    }
}

/// What a target speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// SCIM 2.0.
    Scim,
    /// Microsoft Graph.
    Graph(GraphSettings),
    /// The inbound provisioning API of Microsoft Entra (`bulkUpload`), which does the mapping and
    /// the matching itself.
    EntraBulk(EntraJob),
    /// Nothing that a machine could call: whatever has to change there is a task for people.
    Manual(Desk),
}

/// Who works on a target by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// Whose tasks they are.
    pub owner: Box<str>,
    /// Days until one has to be done.
    pub due_days: u16,
    /// The same for the end of somebody's access.
    pub ending_days: u16,
}

/// What is particular about a Microsoft Graph target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphSettings {
    /// The property of a user that holds our key.
    pub key: AttrPath,
    /// Whether the application may write groups that roles can be assigned to.
    pub role_assignable: bool,
}

/// Which provisioning job takes the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraJob {
    /// Object id of the service principal of the provisioning application.
    pub service_principal: Box<str>,
    /// Its job.
    pub job: Box<str>,
}

/// Who gets an account on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountFor {
    /// Everybody in scope.
    Scope,
    /// Whoever holds an entitlement there.
    Entitled,
}

/// What may happen on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Read and report only.
    Observe,
    /// Plan, show and report; no write.
    Simulate,
    /// Write for those who take part; plan, show and report for everybody else.
    Pilot,
    /// Write.
    Enforce,
}

/// Whether a matching account that we did not make may be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopt {
    /// Never; it is reported.
    Never,
    /// When its key attribute is empty or ours and its user name is the one we would give.
    UserName,
}

/// What to do about a membership that we gave and somebody removed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostGrant {
    /// Give it again.
    Regrant,
    /// Report it.
    Report,
}

/// Limits on destructive changes on one target, over a window of hours and over each run. What
/// exceeds one is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sign-in blocks of people whose work ended or rests.
    pub block: Limit,
    /// Sign-in blocks of people who work here.
    pub disable: Limit,
    /// Accounts deleted.
    pub delete: Limit,
    /// Memberships revoked.
    pub revoke: Limit,
    /// Memberships revoked of one group.
    pub members: Limit,
    /// User names changed.
    pub rename: Limit,
    /// Managers changed or cleared.
    pub manager: Limit,
    /// The window, in hours.
    pub window_hours: u16,
    /// How many operators have to agree before what is held goes on.
    pub approvers: u8,
    /// How long an agreement holds, in hours.
    pub approval_hours: u16,
}

/// The largest count that passes is the floor or the percentage of the population, whichever is
/// more, and never above the ceiling; of a small population less than the floor
/// ([`allowance`](crate::limit::allowance)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many pass, unless they are a large part of a small population.
    pub floor: u32,
    /// Percent of the managed population.
    pub percent: u8,
    /// No more ever.
    pub ceiling: u32,
}

impl Limit {
    /// All three.
    pub const fn new(floor: u32, percent: u8, ceiling: u32) -> Self {
        Self {
            floor,
            percent,
            ceiling,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block: Limit::new(10, 5, 200),
            disable: Limit::new(5, 5, 50),
            delete: Limit::new(5, 5, 50),
            revoke: Limit::new(50, 10, 1_000),
            members: Limit::new(20, 50, 500),
            rename: Limit::new(10, 5, 100),
            manager: Limit::new(25, 20, 1_000),
            window_hours: 24,
            approvers: 1,
            approval_hours: 24,
        }
    }
}
