//! Secrets by name.

use std::fmt;
use std::future::Future;

use crate::Fault;

/// A secret value. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for a header or a key.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Fetches secrets.
pub trait Secrets: Send + Sync {
    /// The live versions of a secret, the current one first and the previous one after it during
    /// a rotation. [`Fault::Halt`] where there is none.
    fn get(&self, name: &str) -> impl Future<Output = Result<Vec<Secret>, Fault>> + Send;

    /// The same, read anew where [`Secrets::get`] may answer from memory: for whoever was refused
    /// with all that `get` gave, because the secret may have been changed meanwhile.
    fn renew(&self, name: &str) -> impl Future<Output = Result<Vec<Secret>, Fault>> + Send {
        self.get(name)
    }
}
