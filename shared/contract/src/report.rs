//! Rows and manifest of the nightly report, version 1.

use std::collections::BTreeMap;

use domain::{Certificate, Hash, Incomplete, TargetId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// Orphan and drift classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Attribute drift.
    O8,
    /// Dormant.
    O9,
    /// Non-human or shared account without an owner.
    O10,
    /// Protected or exempt.
    O11,
}

/// One finding about one account. The report is read by administrators and holds personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    /// Stable across runs: SHA-256 over class, target, account or identity, and entitlement.
    pub finding: Hash,
    /// How bad.
    pub severity: Severity,
    /// Which class.
    pub class: Class,
    /// Where.
    pub target: TargetId,
    /// The account's id in the target; empty where it is missing.
    pub account_id: Box<str>,
    /// Its user name.
    pub user_name: Box<str>,
    /// `active`, `disabled` or `missing`.
    pub status: Box<str>,
    /// Whether it holds a privileged entitlement.
    pub privileged: bool,
    /// How many of the policy's groups it is a member of.
    pub entitlement_count: u32,
    /// The first five of them by name, separated by `; `.
    pub entitlements: Box<str>,
    /// When the account was created, if the target tells.
    pub created: Option<Timestamp>,
    /// Last sign-in, if the target tells.
    pub last_sign_in: Option<Timestamp>,
    /// The first run that saw this finding.
    pub first_seen: Date,
    /// Days since then.
    pub age_days: u32,
    /// Runs that saw it, this one included.
    pub runs_seen: u32,
    /// The identity, if one is linked.
    pub identity: Box<str>,
    /// Its state, if one is linked.
    pub identity_state: Box<str>,
    /// Its last working day, if known.
    pub end_date: Option<Date>,
    /// The identity that it might belong to.
    pub candidate: Box<str>,
    /// By which rule.
    pub candidate_rule: Box<str>,
    /// 0 to 100.
    pub candidate_confidence: Option<u8>,
    /// Who answers for it: an owner from policy, or the manager's identity.
    pub owner: Box<str>,
    /// In words: what is wrong.
    pub detail: Box<str>,
    /// Facts, plans and snapshots that it rests on, separated by `; `.
    pub evidence: Box<str>,
    /// In words: what will be done, or what somebody should do.
    pub proposed_action: Box<str>,
    /// `open`, `queued` (a repair was sent) or `held` (a limit stopped it).
    pub decision: Box<str>,
    /// Who decided.
    pub decided_by: Box<str>,
}

/// How the observation of one target ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetResult {
    /// Proof about its users, or why there is none.
    pub users: Result<Certificate, Incomplete>,
    /// Proof about its groups and memberships, or why there is none.
    pub groups: Result<Certificate, Incomplete>,
    /// Accounts that equal what policy says.
    pub matching: u64,
    /// Accounts that policy wants on it.
    pub wanted: u64,
    /// Repairs sent to the connectors.
    pub repairs: u64,
    /// Repairs that a limit stopped.
    pub held: u64,
    /// Findings by class name.
    pub findings: BTreeMap<Class, u64>,
}

/// What the whole run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Opaque, sortable.
    pub run: Box<str>,
    /// The company's day of the run.
    pub date: Date,
    /// Begin.
    pub started: Timestamp,
    /// End.
    pub finished: Timestamp,
    /// Policy version.
    pub policy: Hash,
    /// Code version.
    pub code: Box<str>,
    /// The run before, if there was one.
    pub previous: Option<Box<str>>,
    /// By target.
    pub targets: BTreeMap<TargetId, TargetResult>,
    /// Identities by state name.
    pub identities: BTreeMap<Box<str>, u64>,
    /// Worker records that wait for HR or a human.
    pub parked: u64,
    /// Findings of this run that the previous one did not have.
    pub new_findings: u64,
    /// Findings of the previous run that are gone.
    pub closed_findings: u64,
}

/// Written last: a run without a manifest did not finish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version, 1.
    pub v: u8,
    /// What the run came to, certificates included.
    pub summary: RunSummary,
    /// The other files by name.
    pub files: BTreeMap<Box<str>, FileEntry>,
}

/// One file of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Size.
    pub bytes: u64,
    /// SHA-256.
    pub sha256: Hash,
    /// Rows, for files that have rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}
