//! The table, as the access patterns of the product. One item per identity: the planner's part is
//! written on condition of its generation, each connector's part on condition of the generation
//! that it applied last.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use domain::budget::Gauge;
use domain::case::Decision;
use domain::limit::Meter;
use domain::{
    AccountRecord, EventId, Fact, Generation, Hash, IdentityId, IdentityRecord, RecordKey,
    SourceId, TargetId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Fault;

/// One post of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Who posted.
    pub source: SourceId,
    /// The sender's id of the post; the body's hash in hex where the sender has none.
    pub event: EventId,
    /// SHA-256 of the raw body.
    pub body: Hash,
    /// When. The row that remembers the id is garbage 30 days later.
    pub received_at: Timestamp,
}

/// What became of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Durable now.
    New,
    /// The same id with the same body was durable before.
    Duplicate,
    /// The same id came before with another body; nothing was written.
    Conflict,
}

/// Everything in the partition of one worker record, read consistently in one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Dossier {
    /// The record.
    pub key: RecordKey,
    /// Its facts, in no particular order.
    pub facts: Vec<Fact>,
    /// The identity that it founded, if it did.
    pub seat: Option<Seat>,
    /// The identity that it was linked to later, if it was.
    pub link: Option<IdentityId>,
    /// What operators decided about it, in no particular order.
    pub decisions: Vec<Decision>,
}

/// The identity item.
#[derive(Clone, Debug, PartialEq)]
pub struct Seat {
    /// The planner's part.
    pub record: IdentityRecord,
    /// The connectors' parts.
    pub accounts: BTreeMap<TargetId, AccountRecord>,
    /// Targets whose connector has not yet acknowledged, with the generation that is owed.
    pub owed: BTreeMap<TargetId, Generation>,
    /// When the clock looks at it next.
    pub wake_at: Option<Timestamp>,
}

/// What was found of each identity that was asked for, in that order.
pub type Seats = Vec<Result<Option<Seat>, Fault>>;

/// A value that an identity holds: a generated identifier (exclusive, for ever) or an attribute
/// value by which other records may find it (shared).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClaimKey {
    /// `user_name`, `email`, `work_email`, ...
    pub namespace: Box<str>,
    /// SHA-256 of the normalised value.
    pub value: Hash,
}

/// A claim to write with a decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// What.
    pub key: ClaimKey,
    /// Whether only one identity may ever hold it.
    pub exclusive: bool,
}

/// One decision about one identity, written whole or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// Whose.
    pub identity: IdentityId,
    /// The generation that the decision rests on; `None` where the identity must not exist.
    pub expect: Option<Generation>,
    /// The planner's part as it will be.
    pub record: IdentityRecord,
    /// Targets to be nudged, owed from now on at the record's generation.
    pub owe: BTreeSet<TargetId>,
    /// When the clock shall look again.
    pub wake_at: Option<Timestamp>,
    /// Worker records newly linked to the identity (not the founder).
    pub links: Vec<RecordKey>,
    /// Identifiers and correlation values to claim.
    pub claims: Vec<Claim>,
}

/// What became of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Written.
    Done,
    /// Somebody else decided first; read again.
    Stale,
    /// Somebody else holds these exclusive claims; nothing was written.
    Taken(Vec<ClaimKey>),
}

/// A connector's account of what it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Ack {
    /// Whose.
    pub identity: IdentityId,
    /// Where.
    pub target: TargetId,
    /// The generation applied last, as the connector read it before it began; `None` where there
    /// was no part for this target.
    pub expect: Option<Generation>,
    /// The connector's part as it will be.
    pub account: AccountRecord,
    /// Whether what was owed up to `account.applied` is settled. What is owed for a newer
    /// generation stays owed. When nothing is owed any more, the clock's next look is the
    /// record's `due_at`.
    pub settles: bool,
    /// When the clock shall look, unless this settles the last that was owed: soon, where what was
    /// done lets another target go on.
    pub wake: Option<Timestamp>,
}

/// What became of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acked {
    /// Written.
    Done,
    /// Another worker wrote this part meanwhile; read again and converge again.
    Fenced,
}

/// Whether a target may be called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "health")]
pub enum Health {
    /// Yes.
    #[default]
    Healthy,
    /// It said that it was too much. Only terminations, until the given time.
    Throttled {
        /// Until when.
        until: Timestamp,
    },
    /// No, until the given time; then one attempt may find out.
    Quarantined {
        /// What is wrong, without personal data.
        reason: Box<str>,
        /// Since when.
        since: Timestamp,
        /// When to try again.
        next_attempt: Timestamp,
        /// Attempts so far.
        attempts: u32,
    },
    /// No, because an operator says so: for maintenance, say. Only terminations, until an
    /// operator resumes the target.
    Paused(Pause),
}

/// An operator's word that a target is to be left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who said so.
    pub by: Box<str>,
    /// Why, without personal data.
    pub reason: Box<str>,
    /// When.
    pub since: Timestamp,
}

impl Health {
    /// Whether work for the target has to wait, endings of access excepted: a pause that it asked
    /// for and the rest of a quarantine end by themselves, an operator's pause by an operator.
    pub fn waits(&self, at: Timestamp) -> bool {
        match self {
            Self::Healthy => false,
            Self::Throttled { until } => *until > at,
            // Then one attempt may find out, and somebody has to make it.
            Self::Quarantined { next_attempt, .. } => *next_attempt > at,
            Self::Paused(_) => true,
        }
    }
}

/// One page of a scan over identities.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanPage {
    /// In the store's own order.
    pub rows: Vec<(IdentityId, Seat)>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// One part of a parallel scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// From 0.
    pub index: u32,
    /// How many there are, at least 1.
    pub of: u32,
}

/// How old what is read may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Everything that was written before.
    Latest,
    /// What was written in the last second may be missing; half the price. For who is to be looked at, never
    /// for what is done about them.
    Recent,
}

/// Most links and claims of one commit: a transaction has at most 100 parts, one of which is the
/// identity item.
pub const MAX_COMMIT_PARTS: usize = 99;

/// Refuses a commit that no adapter can keep its promise about: one whose generation does not
/// grow, or one with too many parts.
pub fn check_commit(commit: &Commit) -> Result<(), Fault> {
    if commit
        .expect
        .is_some_and(|seen| commit.record.generation <= seen)
    {
        return Err(Fault::reject("a decision has to raise the generation"));
    }
    if commit.links.len() + commit.claims.len() > MAX_COMMIT_PARTS {
        return Err(Fault::reject(
            "a decision has more than 99 links and claims",
        ));
    }
    Ok(())
}

/// Refuses an acknowledgement by which the applied generation would decrease.
pub fn check_ack(ack: &Ack) -> Result<(), Fault> {
    if ack.expect.is_some_and(|seen| ack.account.applied < seen) {
        return Err(Fault::reject("the applied generation would decrease"));
    }
    Ok(())
}

/// Requests by kind, as the table's bill would list them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reads, in pages where there are several.
    pub reads: u64,
    /// Single writes that took place.
    pub writes: u64,
    /// Transactions that took place.
    pub transactions: u64,
    /// Writes and transactions that a condition refused.
    pub refused: u64,
}

impl Counters {
    /// Writes, transactions and refused ones together.
    pub const fn write_requests(&self) -> u64 {
        self.writes + self.transactions + self.refused
    }
}

/// The table.
pub trait Store: Send + Sync {
    /// Makes a post and its facts durable, all or none (more than 90 facts: the facts first, the
    /// post's own row last). A duplicate writes nothing. Of two facts of one record with one
    /// event id the first stays.
    fn accept(
        &self,
        delivery: &Delivery,
        facts: &[Fact],
    ) -> impl Future<Output = Result<Accepted, Fault>> + Send;

    /// Everything about one worker record: one consistent read.
    fn dossier(&self, key: &RecordKey) -> impl Future<Output = Result<Dossier, Fault>> + Send;

    /// The identity items, in the order of the identities, and the target's health: one consistent
    /// read for up to 99 of them. An item that does not read back is a fault of its own.
    fn seats(
        &self,
        identities: &[IdentityId],
        target: &TargetId,
    ) -> impl Future<Output = Result<(Seats, Health), Fault>> + Send;

    /// The same for one identity.
    fn seat(
        &self,
        identity: &IdentityId,
        target: &TargetId,
    ) -> impl Future<Output = Result<(Option<Seat>, Health), Fault>> + Send {
        async move {
            let one = std::slice::from_ref(identity);
            let (mut seats, health) = self.seats(one, target).await?;
            Ok((seats.pop().transpose()?.flatten(), health))
        }
    }

    /// Who holds these claims: pairs in the order of the keys, the holders of one key in their
    /// own order, none for keys that nobody holds.
    fn holders(
        &self,
        keys: &[ClaimKey],
    ) -> impl Future<Output = Result<Vec<(ClaimKey, IdentityId)>, Fault>> + Send;

    /// Writes a decision: one conditional write; a transaction where links or claims go with it.
    /// What was owed to other targets stays owed. A link that leads to another identity makes the
    /// decision stale. One that is there already is done, because an answer may have been lost on its
    /// way and the request repeated below. [`Fault::Reject`] as [`check_commit`] says.
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<Committed, Fault>> + Send;

    /// Moves the clock's next look, if the generation is still the given one: one conditional
    /// write. Returns whether it was.
    fn rest(
        &self,
        identity: &IdentityId,
        generation: Generation,
        wake_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Writes a connector's part: one conditional write. An identity that does not exist fences.
    /// [`Fault::Reject`] as [`check_ack`] says.
    fn ack(&self, ack: &Ack) -> impl Future<Output = Result<Acked, Fault>> + Send;

    /// Puts one record of an account into the place of another, if that is still what is there, and settles
    /// nothing: for operators, who are not the only writer of an account. Returns whether it was.
    fn amend(
        &self,
        identity: &IdentityId,
        target: &TargetId,
        was: &AccountRecord,
        now: &AccountRecord,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Identities whose next look is at or before `now`, earliest first, at most `limit`.
    fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<IdentityId>, Fault>> + Send;

    /// One page of every identity of a segment, consistent per item. Pages are bounded by bytes;
    /// one may be empty and not the last.
    fn scan(
        &self,
        segment: Segment,
        reading: Reading,
        after: Option<&str>,
    ) -> impl Future<Output = Result<ScanPage, Fault>> + Send;

    /// Whether a target may be called.
    fn health(&self, target: &TargetId) -> impl Future<Output = Result<Health, Fault>> + Send;

    /// Records how a target is. An operator's pause outlasts it: [`set_pause`](Self::set_pause).
    fn set_health(
        &self,
        target: &TargetId,
        health: &Health,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Records an operator's pause, or its end. While there is one, it is the target's health,
    /// whatever connectors record beneath it.
    fn set_pause(
        &self,
        target: &TargetId,
        pause: Option<&Pause>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The gauge of a target: one consistent read.
    fn gauge(&self, target: &TargetId) -> impl Future<Output = Result<Gauge, Fault>> + Send;

    /// Writes the gauge of a target, if its version is still the one that was read: one
    /// conditional write, which raises the version. Returns whether it was.
    fn set_gauge(
        &self,
        target: &TargetId,
        gauge: &Gauge,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// The meter of a target, by which limits count: one consistent read.
    fn meter(&self, target: &TargetId) -> impl Future<Output = Result<Meter, Fault>> + Send;

    /// Writes the meter of a target as [`set_gauge`](Self::set_gauge) writes its gauge.
    fn set_meter(
        &self,
        target: &TargetId,
        meter: &Meter,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
}
