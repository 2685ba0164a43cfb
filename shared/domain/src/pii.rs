//! A wrapper for personal data that refuses to be printed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Personal data. `Debug` prints a placeholder and there is no `Display`, so that a log line
/// cannot contain the value by accident. Serialisation stays possible, because the store and the
/// targets need the value; queue messages, metrics and object keys never hold a `Pii`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Marks a value as personal.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for a wire format or a comparison. The name is meant to stand out in review.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// The value, consumed.
    pub fn into_revealed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}
