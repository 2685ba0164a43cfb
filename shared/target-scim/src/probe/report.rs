//! What a probe found out.

use std::fmt;

use domain::profile::Operation;
use domain::{AttrPath, Profile, TargetId};
use serde::Serialize;

/// Why settings for a probe are not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The marker has another length or other characters.
    #[error("`{0}` is no marker: six lower-case hexadecimal digits")]
    Marker(Box<str>),
    /// The domain could not stand in an address.
    #[error("`{0}` is no mail domain: letters, digits, hyphens and full stops")]
    Domain(Box<str>),
    /// An attribute that sandbox users should have cannot be set.
    #[error(transparent)]
    Attribute(#[from] crate::PathError),
}

/// How a probe goes about it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Six hexadecimal digits; every object of this run is called `lanyard-probe-<marker>...`.
    pub marker: Box<str>,
    /// The mail domain of sandbox users; `example.com` unless the target wants one of its own.
    pub domain: Box<str>,
    /// An existing, empty group to use where none can be made.
    pub group: Option<Box<str>>,
    /// Attributes that no user can go without and nobody can guess, such as a licence.
    pub attributes: Vec<(AttrPath, Box<str>)>,
    /// Most requests that experiments may send; clearing up comes on top.
    pub most_requests: u32,
}

impl Settings {
    /// `example.com`, no group, no attributes, 120 requests.
    pub fn new(marker: impl Into<Box<str>>) -> Self {
        Self {
            marker: marker.into(),
            domain: "example.com".into(),
            group: None,
            attributes: Vec::new(),
            most_requests: 120,
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if self.marker.len() != 6 || !self.marker.chars().all(hex) {
            return Err(SettingsError::Marker(self.marker.clone()));
        }
        let host = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if !self.domain.contains('.') || !self.domain.chars().all(host) {
            return Err(SettingsError::Domain(self.domain.clone()));
        }
        for (path, _) in &self.attributes {
            crate::path::Path::parse(path)?;
        }
        Ok(())
    }
}

/// How a value came to be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "by", content = "of")]
pub enum How {
    /// An experiment showed it.
    Seen,
    /// A discovery document says so, and no experiment could tell.
    Claimed(&'static str),
    /// Nothing showed it, for this reason; the value of the base profile stands.
    Assumed(Box<str>),
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seen => f.write_str("seen"),
            Self::Claimed(document) => write!(f, "claimed by {document}"),
            Self::Assumed(why) => write!(f, "assumed: {why}"),
        }
    }
}

/// One thing that was found out, or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A key of the profile, or a name with a full stop for what the profile has no key for.
    pub key: &'static str,
    /// Its value, as profiles write it.
    pub value: String,
    /// How it came to be known.
    pub how: How,
    /// The evidence: what was sent and what came back, without anybody's data.
    pub note: String,
}

/// A sandbox object that is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// `user`, `group` or `membership`.
    pub kind: &'static str,
    /// The target's id, where it is known.
    pub id: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
    /// Why it could not be removed.
    pub why: Box<str>,
    /// What to do by hand.
    pub by_hand: Box<str>,
}

/// What a probe found out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The target.
    pub target: TargetId,
    /// What the names of this run begin with.
    pub marker: Box<str>,
    /// Why the experiments ended early, if they did.
    pub stopped: Option<Box<str>>,
    /// What was found out, and what was not.
    pub findings: Vec<Finding>,
    /// The dialect that follows.
    pub profile: Profile,
    /// What is still there.
    pub left: Vec<Left>,
    /// Requests sent, clearing up included.
    pub requests: u64,
}

impl Report {
    /// What is known about a key.
    pub fn finding(&self, key: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.key == key)
    }

    /// What could not be found out.
    pub fn not_found_out(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| matches!(finding.how, How::Assumed(_)))
    }

    /// Whether every experiment ran and nothing is left behind.
    pub fn is_complete(&self) -> bool {
        self.stopped.is_none() && self.left.is_empty()
    }
}

/// The keys of a profile, and why the value of the base stands where nothing else is said.
pub(super) const KEYS: [(&str, &str); 20] = [
    ("patch", NOT_REACHED),
    ("member_add", NOT_REACHED),
    ("member_remove", NOT_REACHED),
    ("member_chunk", NOT_REACHED),
    ("membership", NOT_REACHED),
    ("exclude_members", NOT_REACHED),
    ("find_by", NOT_REACHED),
    ("search", NOT_REACHED),
    ("paging", NOT_REACHED),
    ("page_size", NOT_REACHED),
    ("etag", NOT_REACHED),
    ("hides_inactive", NOT_REACHED),
    ("inactive_edits", NOT_REACHED),
    ("delete", NOT_REACHED),
    ("manager", NOT_REACHED),
    ("user_name", NOT_REACHED),
    ("required", NOT_REACHED),
    ("single_valued", NOT_REACHED),
    ("conflicts", "no 409 came that meant something else"),
    ("budget", "rates, reserves and workers show in no answer"),
];

const NOT_REACHED: &str = "no experiment came that far";

/// The key's value as profiles write it.
pub(super) fn value_of(profile: &Profile, key: &str) -> String {
    let Ok(serde_json::Value::Object(keys)) = serde_json::to_value(profile) else {
        return String::new();
    };
    match keys.get(key) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// The operations in a list, for people.
pub(super) fn names(operations: impl IntoIterator<Item = Operation>) -> String {
    let names: Vec<&str> = operations.into_iter().map(Operation::name).collect();
    names.join(", ")
}
