//! Rows and manifest of the nightly report, version 1.

use std::collections::BTreeMap;
use std::fmt;

use domain::case::Candidate;
use domain::{
    CaseId, Certificate, Hash, IdentityId, Incomplete, Problem, RecordKey, SourceId, TargetId,
    TaskId,
};
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

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Info,
    ];

    /// The name in files: `critical`, `high`, ...
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Class {
    /// Every class in order.
    pub const ALL: [Self; 11] = [
        Self::O1,
        Self::O2,
        Self::O3,
        Self::O4,
        Self::O5,
        Self::O6,
        Self::O7,
        Self::O8,
        Self::O9,
        Self::O10,
        Self::O11,
    ];

    /// The name in files: `O1`, `O2`, ...
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::O1 => "O1",
            Self::O2 => "O2",
            Self::O3 => "O3",
            Self::O4 => "O4",
            Self::O5 => "O5",
            Self::O6 => "O6",
            Self::O7 => "O7",
            Self::O8 => "O8",
            Self::O9 => "O9",
            Self::O10 => "O10",
            Self::O11 => "O11",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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
    /// `low`, `medium`, `high` or `critical`: what policy says of the entitlement that it is about,
    /// otherwise of the most critical one that the account holds. Empty where it holds none, and
    /// in reports from before the column.
    #[serde(default)]
    pub criticality: Box<str>,
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
    /// `open`, `queued` (a repair was sent), `held` (a limit stopped it), `decided` (an operator
    /// leaves it as it is) or `unseen` (found by an earlier run; this run could not observe the
    /// target in full, so nobody knows).
    pub decision: Box<str>,
    /// Who decided.
    pub decided_by: Box<str>,
}

/// One line of `evidence.jsonl`: something that findings rest on, by the id that they name it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRow {
    /// As in [`FindingRow::evidence`].
    pub id: Box<str>,
    /// What it is.
    pub body: Evidence,
}

/// What a piece of evidence is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Evidence {
    /// A listing of a target with its certificate, or why it has none.
    Snapshot {
        /// Where.
        target: TargetId,
        /// `users` or `groups`.
        of: Box<str>,
        /// The proof, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        certificate: Option<Certificate>,
        /// Why there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incomplete: Option<Incomplete>,
    },
    /// A statement of a source about one worker record.
    Fact {
        /// Who stated it.
        source: SourceId,
        /// The worker record.
        record: RecordKey,
        /// When it holds from.
        effective_at: Timestamp,
        /// When the source recorded it.
        recorded_at: Timestamp,
        /// SHA-256 of the bytes as received.
        payload: Hash,
    },
    /// What was decided about one identity, as the store recorded it.
    Plan {
        /// Whose.
        identity: IdentityId,
        /// Which decision about it.
        generation: u64,
        /// Under which policy.
        policy: Hash,
        /// SHA-256 over the plan.
        plan: Hash,
    },
    /// To whom an account that belongs to nobody may belong.
    Case {
        /// The case.
        case: CaseId,
        /// The candidates with their confidence, 0 to 100, and what agrees or contradicts.
        candidates: Vec<Candidate>,
    },
    /// Work for a human.
    Task {
        /// The task.
        task: TaskId,
        /// About whom.
        identity: IdentityId,
        /// Whose work it is.
        owner: Box<str>,
        /// When it has to be done.
        due: Timestamp,
    },
    /// A worker record that waits for HR or for a human.
    Parked {
        /// The record and what is wrong with it.
        #[serde(flatten)]
        row: ParkedRow,
    },
}

/// A worker record that waits for HR or for a human.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedRow {
    /// The record.
    pub record: RecordKey,
    /// Who stated it.
    pub source: SourceId,
    /// The source's own id of it, by which HR finds it; empty where it is not known. Personal.
    pub worker: Box<str>,
    /// What is wrong.
    pub why: Problem,
    /// Since when.
    pub since: Option<Timestamp>,
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

impl TargetResult {
    /// What could not be observed in full, `users` or `groups`, and why. Groups that a target never
    /// shows do not count.
    pub fn gap(&self) -> Option<(&'static str, &Incomplete)> {
        let users = self.users.as_ref().err().map(|why| ("users", why));
        let groups = self.groups.as_ref().err().map(|why| ("groups", why));
        users.or(groups.filter(|(_, why)| **why != Incomplete::NotShown))
    }
}

/// What the whole run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Opaque, sortable.
    pub run: Box<str>,
    /// The company's day of the run.
    pub date: Date,
    /// The instant of the run: it began then, and says everything as of then.
    pub started: Timestamp,
    /// When the report was made. Runs that can be interrupted do not say: their reports are the
    /// same however often they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
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
    /// What waits for people.
    #[serde(default, skip_serializing_if = "Waiting::is_nothing")]
    pub waiting: Waiting,
    /// Findings of this run that the previous one did not have.
    pub new_findings: u64,
    /// Findings of the previous run that are gone.
    pub closed_findings: u64,
}

/// What waits for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Cases that nobody has decided.
    pub cases: u64,
    /// Tasks that nobody has done.
    pub tasks: u64,
    /// Tasks that should have been done by now.
    pub overdue: u64,
}

impl Waiting {
    /// Whether nothing does.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
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
