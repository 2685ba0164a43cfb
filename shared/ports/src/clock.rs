//! The only source of time.

use jiff::Timestamp;

/// Tells the time. Tests and the demo set it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
