//! Objects in a map.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::objects::{Put, Swap, Tag, check_key};
use crate::{Fault, Objects};

/// Objects in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct ModelObjects(Arc<Mutex<BTreeMap<String, Bytes>>>);

impl ModelObjects {
    /// No objects.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Bytes>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The tag of a body.
fn tag(body: &Bytes) -> Tag {
    Tag(domain::Hash::of(body).to_string().into())
}

impl Objects for ModelObjects {
    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        check_key(key)?;
        Ok(self.with(|objects| {
            if objects.contains_key(key) {
                return Put::Exists;
            }
            objects.insert(key.to_owned(), body);
            Put::Written
        }))
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        check_key(key)?;
        self.with(|objects| objects.insert(key.to_owned(), body));
        Ok(())
    }

    async fn swap(&self, key: &str, was: &Tag, body: Bytes) -> Result<Swap, Fault> {
        check_key(key)?;
        Ok(self.with(|objects| match objects.get_mut(key) {
            Some(there) if tag(there) == *was => {
                *there = body;
                Swap::Written
            }
            Some(_) | None => Swap::Moved,
        }))
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        check_key(key)?;
        Ok(self.with(|objects| objects.get(key).cloned()))
    }

    async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        let body = self.get(key).await?;
        Ok(body.map(|body| {
            let tag = tag(&body);
            (body, tag)
        }))
    }

    async fn discard(&self, key: &str) -> Result<(), Fault> {
        check_key(key)?;
        self.with(|objects| objects.remove(key));
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        Ok(self.with(|objects| {
            let keys = objects.keys();
            keys.filter(|key| key.starts_with(prefix))
                .cloned()
                .collect()
        }))
    }
}
