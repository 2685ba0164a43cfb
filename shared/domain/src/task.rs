//! Work that a machine cannot do: changes on targets that nothing can call, and what a leaver
//! leaves behind. A task names attributes and entitlements, never their values.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::case::short_id;
use crate::policy::{Desk, Handover};
use crate::{
    AccountRecord, Change, Generation, Hash, IdentityId, Policy, RecordKey, TargetId, TaskId,
};

/// A piece of work for a human.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its name.
    pub id: TaskId,
    /// About whom.
    pub identity: IdentityId,
    /// What kind of work.
    pub work: Work,
    /// Who does it.
    pub owner: Owner,
    /// What to do, in order, in words and without values.
    pub steps: Vec<Box<str>>,
    /// When it was given.
    pub since: Timestamp,
    /// When it has to be done.
    pub due: Timestamp,
    /// How far it is.
    pub state: TaskState,
}

/// What kind of work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "work")]
pub enum Work {
    /// An account of a target that nothing can call.
    Account {
        /// Where.
        target: TargetId,
        /// The decision that it carries out.
        generation: Generation,
        /// What the end of it is for the report.
        gap: Gap,
        /// The account's record once it is done.
        leads_to: Box<AccountRecord>,
    },
    /// What a leaver leaves behind.
    Handover,
}

/// What is wrong as long as a task is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// Somebody keeps access.
    Access,
    /// Somebody lacks an account.
    Missing,
    /// An account is not as policy says.
    Drift,
}

/// Who does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Somebody whom policy names.
    Named(Box<str>),
    /// The manager, by worker record.
    Manager(RecordKey),
}

impl Owner {
    /// In one word.
    pub fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Manager(record) => record.as_str(),
        }
    }
}

/// How far a task is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum TaskState {
    /// Somebody has to do it.
    Open,
    /// An operator confirmed that it is done.
    Done {
        /// The operator's name.
        by: Box<str>,
        /// In the operator's words.
        note: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// An operator decided that it will not be done.
    Cancelled {
        /// The operator's name.
        by: Box<str>,
        /// In the operator's words.
        note: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// What is wanted changed meanwhile.
    Replaced {
        /// By another task, where there still is work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<TaskId>,
        /// When.
        at: Timestamp,
    },
}

impl TaskState {
    /// In one word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done { .. } => "done",
            Self::Cancelled { .. } => "cancelled",
            Self::Replaced { .. } => "replaced",
        }
    }
}

impl Task {
    /// Whether somebody has to do it.
    pub fn is_open(&self) -> bool {
        self.state == TaskState::Open
    }

    /// Whether it should have been done by an instant.
    pub fn is_overdue(&self, at: Timestamp) -> bool {
        self.is_open() && self.due < at
    }

    /// Where it is done, if that is a target.
    pub const fn target(&self) -> Option<&TargetId> {
        match &self.work {
            Work::Account { target, .. } => Some(target),
            Work::Handover => None,
        }
    }
}

fn after(at: Timestamp, days: u16) -> Timestamp {
    let by = SignedDuration::from_hours(24 * i64::from(days));
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// What has to change on a target that nothing can call.
#[derive(Clone, Copy, Debug)]
pub struct ByHand<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Where.
    pub target: &'a TargetId,
    /// Who works there.
    pub desk: &'a Desk,
    /// Whose account.
    pub identity: &'a IdentityId,
    /// The decision that wants it.
    pub generation: Generation,
    /// What has to change, in order.
    pub changes: &'a [Change],
    /// The record once that is done.
    pub leads_to: &'a AccountRecord,
    /// When.
    pub at: Timestamp,
}

/// The task that carries changes out. The same changes for the same decision are one task.
pub fn by_hand(work: &ByHand<'_>) -> Task {
    let changes = serde_json::to_vec(work.changes).unwrap_or_default();
    let digest = Hash::of(&changes).to_string();
    let generation = work.generation.to_string();
    let takes = |change: &Change| {
        matches!(
            change,
            Change::Disable | Change::Delete | Change::Revoke { .. }
        )
    };
    let gap = if work.changes.iter().any(takes) {
        Gap::Access
    } else if work
        .changes
        .iter()
        .any(|change| matches!(change, Change::Create { .. }))
    {
        Gap::Missing
    } else {
        Gap::Drift
    };
    let days = match gap {
        Gap::Access => work.desk.ending_days.min(work.desk.due_days),
        Gap::Missing | Gap::Drift => work.desk.due_days,
    };
    Task {
        id: short_id(
            't',
            [
                "account",
                work.target.as_str(),
                work.identity.as_str(),
                &generation,
                &digest,
            ],
        ),
        identity: work.identity.clone(),
        work: Work::Account {
            target: work.target.clone(),
            generation: work.generation,
            gap,
            leads_to: Box::new(work.leads_to.clone()),
        },
        owner: Owner::Named(work.desk.owner.clone()),
        steps: work
            .changes
            .iter()
            .map(|change| step(work.policy, change))
            .collect(),
        since: work.at,
        due: after(work.at, days),
        state: TaskState::Open,
    }
}

/// A change in words.
fn step(policy: &Policy, change: &Change) -> Box<str> {
    let group = |entitlement: &crate::EntitlementId| {
        let known = policy.entitlements.get(entitlement);
        known.map_or_else(|| entitlement.to_string(), |known| known.group.to_string())
    };
    let names = |attrs: &std::collections::BTreeMap<_, _>| {
        let names: Vec<&str> = attrs.keys().map(|path: &crate::AttrPath| &**path).collect();
        names.join(", ")
    };
    match change {
        Change::Create { active, attrs } => {
            let how = if *active { "" } else { ", blocked for now" };
            format!("make an account{how}, with {}", names(attrs)).into()
        }
        Change::Adopt { .. } => "take the account over".into(),
        Change::Restore => "bring the deleted account back".into(),
        Change::Update { attrs } => format!("change {}", names(attrs)).into(),
        Change::Enable => "let the account sign in".into(),
        Change::Disable => "block the account's sign-in".into(),
        Change::Delete => "delete the account".into(),
        Change::RevokeSessions => "end the account's sessions".into(),
        Change::Grant { entitlement } => format!("give `{}`", group(entitlement)).into(),
        Change::Revoke { entitlement } => format!("take away `{}`", group(entitlement)).into(),
    }
}

/// The id of the task about what somebody leaves behind who left at that instant.
pub fn handover_id(identity: &IdentityId, ended: Timestamp) -> TaskId {
    let at = ended.as_second().to_string();
    short_id('t', ["handover", identity.as_str(), &at])
}

/// The task about what somebody leaves behind. `manager` is the manager's worker record, where
/// there is one who works here.
pub fn handover(
    policy: &Handover,
    identity: &IdentityId,
    ended: Timestamp,
    manager: Option<&RecordKey>,
    at: Timestamp,
) -> Task {
    let manager = manager.filter(|_| policy.manager);
    let owner = manager.map_or_else(
        || Owner::Named(policy.owner.clone()),
        |record| Owner::Manager(record.clone()),
    );
    Task {
        id: handover_id(identity, ended),
        identity: identity.clone(),
        work: Work::Handover,
        owner,
        steps: policy
            .what
            .iter()
            .map(|what| format!("take over {what}").into())
            .collect(),
        since: at,
        due: after(at, policy.due_days),
        state: TaskState::Open,
    }
}
