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

/// What an object was when it was read, to write over exactly that (S3's `ETag`). Equal bodies may
/// have equal tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(pub Box<str>);

/// Whether a conditional write took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// Written.
    Written,
    /// The object is another one by now, or none; nothing was written.
    Moved,
}

/// Reads and writes whole objects. Keys are `/`-separated and hold no personal data.
pub trait Objects: Send + Sync {
    /// Writes an object unless the key exists (`If-None-Match: *`).
    fn put_new(&self, key: &str, body: Bytes) -> impl Future<Output = Result<Put, Fault>> + Send;

    /// Writes or overwrites an object.
    fn put(&self, key: &str, body: Bytes) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Writes over the object that had this tag, and over no other (`If-Match`). Of several
    /// writers with one tag and different bodies, one succeeds.
    fn swap(
        &self,
        key: &str,
        was: &Tag,
        body: Bytes,
    ) -> impl Future<Output = Result<Swap, Fault>> + Send;

    /// The object, or `None`.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Bytes>, Fault>> + Send;

    /// The object with its tag, or `None`.
    fn get_tagged(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<(Bytes, Tag)>, Fault>> + Send;

    /// Nobody needs the object any more. That is not a deletion: a store whose objects expire by
    /// their prefix does nothing, and the object can be read until then. So nothing may hang on its
    /// being gone, and only what lies under such a prefix (`runs/`) is discarded.
    fn discard(&self, key: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Every key with that prefix, in order.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, Fault>> + Send;
}

/// Says where a human can open an object: a path on this machine, or a link that works for a
/// quarter of an hour. A link lets its holder read: show it to who asked, and to nobody else.
pub trait Locate: Objects {
    /// The place. Whether there is such an object is not looked at.
    fn locate(&self, key: &str) -> impl Future<Output = Result<String, Fault>> + Send;
}

/// Refuses a key that is not a plain path: 1 to 512 bytes of ASCII letters, digits and `-_.=/`,
/// `/` between names only, and no name that begins with a full stop. Every adapter holds to it,
/// so that a key that one of them takes means the same object to all of them and never leaves a
/// folder.
pub fn check_key(key: &str) -> Result<(), Fault> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
    let fits = |name: &str| !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain);
    if key.len() <= 512 && key.split('/').all(fits) {
        return Ok(());
    }
    Err(Fault::reject("an object key is not a plain path"))
}
