//! Objects in a bucket or a folder.

use std::future::Future;

use bytes::Bytes;

use crate::Fault;

/// Whether a write-once put took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// Written.
    Written,
    /// The key was taken; nothing was written.
    Exists,
}

/// Reads and writes whole objects. Keys are `/`-separated and hold no personal data.
pub trait Objects: Send + Sync {
    /// Writes an object unless the key exists (`If-None-Match: *`).
    fn put_new(&self, key: &str, body: Bytes) -> impl Future<Output = Result<Put, Fault>> + Send;

    /// Writes or overwrites an object.
    fn put(&self, key: &str, body: Bytes) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The object, or `None`.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Bytes>, Fault>> + Send;

    /// Every key with that prefix, in order.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, Fault>> + Send;
}
