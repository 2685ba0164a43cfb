//! Identifiers, one type each, so that the compiler keeps them apart. Clones share the text: a
//! decision repeats the names of policy many times over.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<&$name> for Arc<str> {
            fn from(id: &$name) -> Self {
                id.0.clone()
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

macro_rules! printable {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.0)
            }
        }
    )*};
}

macro_rules! redacted {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}([personal])", stringify!($name))
            }
        }
    )*};
}

text_id!(
    /// A system that states facts about people, as policy names it (`bamboohr`).
    SourceId
);
text_id!(
    /// The source's own id of a worker record. Personal: it is often the employee number.
    WorkerId
);
text_id!(
    /// The source's id of one event. Personal by default, because some senders build it from
    /// employee numbers.
    EventId
);
text_id!(
    /// The opaque name of one worker record of one source: 32 lower-case hex digits of
    /// HMAC-SHA-256 over source and worker id under the stack's salt. Safe in messages and logs.
    RecordKey
);
text_id!(
    /// The human we decided exists. Opaque and immutable: the key of the first record that was
    /// linked to the identity, so that two functions that see a new worker at once agree on it.
    IdentityId
);
text_id!(
    /// A connected system, as policy names it (`wiki`).
    TargetId
);
text_id!(
    /// A user object's id in its target, verbatim. Personal: some targets use the e-mail address.
    AccountId
);
text_id!(
    /// A grantable thing, as policy names it (`eng-wiki-editor`); its target is in the policy.
    EntitlementId
);
text_id!(
    /// A named bundle of entitlements in policy.
    RoleId
);
text_id!(
    /// A policy rule.
    RuleId
);
text_id!(
    /// A question put to a human. Opaque, and the same whenever the same question comes up.
    CaseId
);
text_id!(
    /// A piece of work for a human. Opaque, and the same whenever the same work comes up.
    TaskId
);
printable!(
    SourceId,
    RecordKey,
    IdentityId,
    TargetId,
    EntitlementId,
    RoleId,
    RuleId,
    CaseId,
    TaskId
);
redacted!(WorkerId, EventId, AccountId);

impl From<&RecordKey> for IdentityId {
    fn from(key: &RecordKey) -> Self {
        Self(key.0.clone())
    }
}

impl From<&IdentityId> for RecordKey {
    /// The record that founded the identity.
    fn from(id: &IdentityId) -> Self {
        Self(id.0.clone())
    }
}

/// Counts the decisions about one identity. It only grows; a connector never applies a smaller
/// one after a larger one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The following generation.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A SHA-256 digest; 64 lower-case hex digits in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of several parts, each preceded by its length, so that moving a byte from one
    /// part to the next changes the result.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Whether it is the digest of nothing, which no bytes have.
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 32]
    }

    fn digits<'d>(&self, digits: &'d mut [u8; 64]) -> Result<&'d str, fmt::Error> {
        hex::encode_to_slice(self.0, digits).map_err(|_| fmt::Error)?;
        std::str::from_utf8(digits).map_err(|_| fmt::Error)
    }

    /// The first 12 hex digits, for people.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

/// The text is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHash;

impl fmt::Display for NoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hash is 64 hex digits")
    }
}

impl std::error::Error for NoHash {}

impl std::str::FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NoHash)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits(&mut [0; 64])?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", self.short())
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut digits = [0; 64];
        let text = self.digits(&mut digits);
        serializer.serialize_str(text.map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
