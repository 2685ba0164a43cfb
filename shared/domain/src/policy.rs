//! Policy in its validated form. Reading and checking files is the `policy` crate's job; here
//! every name resolves and every date is a date.

mod access;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::expr::{self, Computed};
use crate::feed::FeedPolicy;
use crate::project::{AttrPath, Strength};
use crate::validate::Validation;
use crate::{Attr, EntitlementId, Hash, RoleId, RuleId, SourceId, TargetId};

pub use access::{Apart, Cohort, Criticality, Holding, Sod, SodException, SodMode, Tier, What};
pub use target::{
    AccountFor, Adopt, Desk, EntraJob, GraphSettings, Limit, Limits, LostGrant, Mode, Target,
    TargetKind,
};

/// One published version of a company's policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// SHA-256 over the policy files; every decision records it.
    pub version: Hash,
    /// Sources by name.
    pub sources: BTreeMap<SourceId, Source>,
    /// Attribute standardisation.
    pub standards: BTreeMap<Attr, Standard>,
    /// Attributes that a worker needs before access is given.
    pub required: Vec<Attr>,
    /// What values must look like before access is given, in order of attribute and test.
    pub validations: Vec<Validation>,
    /// IANA zone by location, for workers whose record states no zone.
    pub zones: BTreeMap<Box<str>, Box<str>>,
    /// How worker records find their human, in order.
    pub correlation: Vec<CorrelationRule>,
    /// The same by weights of several keys together; there are no rules beside it.
    pub weights: Option<Weights>,
    /// Generated identifiers by namespace (`user_name`, `email`).
    pub identifiers: BTreeMap<Box<str>, IdentifierRule>,
    /// Roles by name.
    pub roles: BTreeMap<RoleId, Role>,
    /// Rules in order of their ids.
    pub rules: Vec<Rule>,
    /// Entitlements by name.
    pub entitlements: BTreeMap<EntitlementId, Entitlement>,
    /// Entitlements of which a person holds one at a time.
    pub tiers: Vec<Tier>,
    /// Separation of duties.
    pub sod: Vec<Sod>,
    /// Targets by name.
    pub targets: BTreeMap<TargetId, Target>,
    /// Who takes over what a leaver leaves behind, where policy says.
    pub handover: Option<Handover>,
}

/// An HR system.
#[derive(Clone, Debug)]
pub struct Source {
    /// The zone of its civil dates where neither record nor location states one.
    pub zone: Box<str>,
    /// How its payloads read.
    pub format: PayloadFormat,
    /// How its requests prove themselves.
    pub verify: Verify,
    /// The source's field names by attribute, for formats whose fields the company names
    /// (`bamboohr`); empty for the canonical payload.
    pub fields: BTreeMap<Box<str>, Attr>,
    /// Its full feeds, if it delivers any.
    pub feed: Option<FeedPolicy>,
}

/// How payloads read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadFormat {
    /// Our documented worker payload.
    Canonical,
    /// BambooHR's field-based webhook, several employees per post.
    BambooHrFields,
}

/// How requests prove themselves. Known vendors are presets of these knobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verify {
    /// Header that holds the signature, in lower case.
    pub header: Box<str>,
    /// Digest of the HMAC.
    pub algorithm: MacAlgorithm,
    /// How the signature is written.
    pub encoding: MacEncoding,
    /// Text before each signature (`v1,`), removed before decoding; entries without it are
    /// skipped.
    pub prefix: Option<Box<str>>,
    /// What separates several signatures in the header; `None` where there is only one.
    pub separator: Option<char>,
    /// What is signed.
    pub signed: SignedBytes,
    /// How a configured secret turns into key bytes.
    pub key: KeyDecoding,
    /// Header with the event id, in lower case.
    pub id_header: Option<Box<str>>,
    /// Header with the time of the attempt, in lower case.
    pub timestamp_header: Option<Box<str>>,
    /// Largest difference between that time and ours, in seconds, both ways.
    pub tolerance_s: u32,
    /// Names of the secrets in the secret store; any may verify.
    pub secrets: Vec<Box<str>>,
}

/// Digest of the HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacAlgorithm {
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacEncoding {
    /// Hex, either case.
    Hex,
    /// Standard base64 with padding.
    Base64,
    /// URL-safe base64, padding optional.
    Base64Url,
}

/// What is signed, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedBytes {
    /// The body.
    Body,
    /// The body, then the timestamp header.
    BodyTimestamp,
    /// The method's name, then the body.
    MethodBody,
    /// Id, full stop, timestamp, full stop, body.
    IdTimestampBody,
}

/// How a configured secret turns into key bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDecoding {
    /// Its UTF-8 bytes.
    Utf8,
    /// Base64.
    Base64,
    /// `whsec_` and base64.
    Whsec,
}

/// One spelling per value.
#[derive(Clone, Debug, Default)]
pub struct Standard {
    /// Canonical value by spelling; spellings are compared after trimming, case folding and
    /// collapsing white space.
    pub spellings: BTreeMap<Box<str>, Arc<str>>,
    /// Whether a value outside the table parks the record (true) or passes as it is (false).
    pub closed: bool,
}

/// How a new worker record finds its human.
#[derive(Clone, Debug)]
pub struct CorrelationRule {
    /// Name, for the recorded decision.
    pub name: Box<str>,
    /// The attribute whose equal value makes a candidate; compared trimmed and case folded.
    pub on: Attr,
    /// Attributes that must agree too, or a human decides (given and family name, say).
    pub confirm: Vec<Attr>,
    /// What to do with a candidate whose engagements have all ended.
    pub ended: MatchAction,
    /// What to do with a candidate who works here now, by the candidate's employment type.
    pub active: BTreeMap<Box<str>, MatchAction>,
    /// 0 to 100, recorded with the decision.
    pub confidence: u8,
}

/// How a new worker record finds its human by several keys, each with a weight. A candidate's
/// confidence is the sum of what agrees less the sum of what contradicts, 0 to 100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// The keys, in the order of [`Attr`].
    pub keys: Vec<WeightedKey>,
    /// The confidence from which a candidate is the same human.
    pub link: u8,
    /// The confidence from which a human decides; below, a candidate is ignored.
    pub case: u8,
    /// The most that is done with a candidate whose engagements have all ended.
    pub ended: MatchAction,
    /// The most that is done with a candidate who works here now, by the candidate's employment
    /// type; types that are not listed make a case.
    pub active: BTreeMap<Box<str>, MatchAction>,
}

/// One key of [`Weights`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightedKey {
    /// The attribute.
    pub attr: Attr,
    /// Whether an equal value makes somebody a candidate. The others only count for those who are.
    pub finds: bool,
    /// Added where both sides state the same.
    pub agree: u8,
    /// Taken off where both sides state it and differ.
    pub contradict: u8,
}

/// Who takes over what a leaver leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Whether the manager is asked first.
    pub manager: bool,
    /// Who is asked where there is no manager, or policy wants none.
    pub owner: Box<str>,
    /// What is handed over, in words.
    pub what: Vec<Box<str>>,
    /// Days until it has to be done.
    pub due_days: u16,
}

/// What to do with a correlation candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchAction {
    /// The same human: link the record.
    Link,
    /// Ask a human.
    Case,
    /// Not evidence: go on with the next rule.
    Ignore,
}

/// How an identifier is generated.
#[derive(Clone, Debug)]
pub struct IdentifierRule {
    /// Candidates in order; `{n}` counts from 2 and repeats the last template.
    pub ladder: Vec<Step>,
    /// Appended after the local part (`@example.com`), not counted in the length.
    pub suffix: Box<str>,
    /// Longest local part, in characters.
    pub max_len: usize,
    /// Attribute whose stated value is taken over the ladder (`work_email`), if stated.
    pub stated: Option<Attr>,
}

/// One step of an identifier's ladder.
#[derive(Clone, Debug)]
pub enum Step {
    /// A template, which may count.
    Template(Template),
    /// An expression, which gives one candidate.
    Computed(Arc<Computed<expr::Text>>),
}

/// A named bundle of entitlements.
#[derive(Clone, Debug)]
pub struct Role {
    /// Roles that it includes.
    pub includes: BTreeSet<RoleId>,
    /// Its own entitlements and those of every role it includes, resolved; with each the role
    /// that lists it.
    pub entitlements: BTreeMap<EntitlementId, RoleId>,
    /// Days that what it gives stays after a move took it away; nothing privileged does.
    pub overlap_days: Option<u16>,
    /// For people who read the policy.
    pub description: Box<str>,
}

/// A predicate over attributes that yields roles.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Name.
    pub id: RuleId,
    /// Every condition must hold.
    pub when: Vec<Condition>,
    /// An expression that must hold too (`where`).
    pub filter: Option<Arc<Computed<expr::Test>>>,
    /// What it gives.
    pub roles: Vec<RoleId>,
    /// Whether it acts.
    pub state: RuleState,
    /// Acts for so many percent of the people for whom it holds, and is reported for the others.
    pub percent: Option<u8>,
    /// Access lapses that many days after the first working day.
    pub for_days: Option<u32>,
    /// Access lapses at that instant.
    pub until: Option<Timestamp>,
}

/// Whether a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleState {
    /// Ignored.
    Draft,
    /// Reported as a finding.
    Record,
    /// Acts.
    Enforce,
}

/// One column of a decision table.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The attribute.
    pub attr: Attr,
    /// What its value must be.
    pub test: Test,
}

/// What a value must be. An absent, cleared or empty value fails every test but `Absent` and
/// `NotIn`.
#[derive(Clone, Debug)]
pub enum Test {
    /// One of these.
    In(BTreeSet<Box<str>>),
    /// None of these.
    NotIn(BTreeSet<Box<str>>),
    /// Begins with one of these.
    Prefix(Vec<Box<str>>),
    /// Stated and not empty.
    Present,
    /// Absent, cleared or empty.
    Absent,
}

/// A grantable thing.
#[derive(Clone, Debug)]
pub struct Entitlement {
    /// Where.
    pub target: TargetId,
    /// What it is there.
    pub kind: EntitlementKind,
    /// Its name there: a group's `displayName`, a licence's id.
    pub group: Box<str>,
    /// Whether it gives administrative or otherwise sensitive rights.
    pub privileged: bool,
    /// Whether members whom policy does not name are removed (true) or reported (false).
    pub authoritative: bool,
    /// What it asks of whoever holds it.
    pub holding: Holding,
}

/// What an entitlement is in its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntitlementKind {
    /// Membership of a group.
    #[default]
    Group,
    /// A licence that is assigned to the account itself (Microsoft Graph: the id of the SKU).
    Licence,
}

/// One attribute of the accounts of a target.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The account's attribute.
    pub path: AttrPath,
    /// Where the value comes from.
    pub expr: Expr,
    /// How strongly it is held.
    pub strength: Strength,
}

/// Where a mapped value comes from. An expression that touches an absent attribute yields
/// nothing; one whose only attribute is cleared yields null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// Text with attributes in it.
    Template(Template),
    /// A table from values of an attribute to values of the target.
    Lookup {
        /// The attribute.
        attr: Attr,
        /// The table.
        table: BTreeMap<Box<str>, Arc<str>>,
        /// For values that the table lacks; `None` yields nothing.
        default: Option<Arc<str>>,
    },
    /// The first that yields a value that is not empty.
    FirstOf(Vec<Expr>),
    /// An expression in CEL.
    Computed(Arc<Computed<expr::Text>>),
    /// A generated identifier, by namespace.
    Identifier(Box<str>),
    /// The account of the manager on the same target, by id; resolved by the connector.
    Manager,
    /// The immutable key of the identity.
    Key,
}

/// Text with attributes in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Literal text and attributes, in order.
    pub parts: Vec<Part>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(Box<str>),
    /// An attribute's value.
    Attr {
        /// Which; the first that is stated and not empty.
        any_of: Vec<Attr>,
        /// An absent value reads as empty instead of making the template yield nothing.
        optional: bool,
        /// What is done to the value.
        filter: Option<Filter>,
    },
    /// The collision counter of an identifier ladder.
    Counter,
}

/// What a template does to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// The first character.
    Initial,
    /// ASCII letters, digits, full stop, hyphen and underscore, transliterated, in lower case.
    Slug,
}
