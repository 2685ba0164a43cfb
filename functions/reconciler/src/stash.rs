//! Where the steps of a run leave what the next ones need: objects under `runs/<run>/`.
//!
//! They hold fingerprints, opaque ids and, of accounts that differ, what the report will say of
//! them; so they lie where reports lie, and go when the report is written.

use std::collections::BTreeSet;

use bytes::Bytes;
use ports::objects::Put;
use ports::{Fault, Objects};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where everything of every run lies, for a week on AWS: a rule of the bucket says so. Nothing else is
/// ever let go.
pub const RUNS: &str = "runs/";

/// The cheapest level: hashes do not compress, names do at any.
const LEVEL: i32 = 1;

/// The objects of one run. A name that ends in `.json` is an object that people may read, any
/// other is compressed.
#[derive(Debug)]
pub(crate) struct Stash<'a, B> {
    objects: &'a B,
    run: &'a str,
}

// By hand, because a derived one asks the same of `B`.
impl<B> Clone for Stash<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Stash<'_, B> {}

impl<'a, B: Objects> Stash<'a, B> {
    pub(crate) const fn new(objects: &'a B, run: &'a str) -> Self {
        Self { objects, run }
    }

    fn key(&self, name: &str) -> String {
        format!("{RUNS}{}/{name}", self.run)
    }

    /// Writes an object, or writes over it.
    pub(crate) async fn put(&self, name: &str, value: &impl Serialize) -> Result<(), Fault> {
        let body = self.encode(name, value)?;
        self.objects.put(&self.key(name), body).await
    }

    /// Writes an object unless somebody has.
    pub(crate) async fn put_new(&self, name: &str, value: &impl Serialize) -> Result<Put, Fault> {
        let body = self.encode(name, value)?;
        self.objects.put_new(&self.key(name), body).await
    }

    /// An object, if it was written.
    pub(crate) async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        let key = self.key(name);
        let Some(body) = self.objects.get(&key).await? else {
            return Ok(None);
        };
        let plain = if is_plain(name) {
            Ok(body.to_vec())
        } else {
            zstd::decode_all(&*body)
        };
        let value = plain
            .ok()
            .and_then(|plain| serde_json::from_slice(&plain).ok());
        value.map(Some).ok_or_else(|| {
            Fault::reject(format!(
                "`{key}` is not legible; leave the run and begin another one"
            ))
        })
    }

    /// An object that an earlier step has to have written.
    pub(crate) async fn need<T: DeserializeOwned>(&self, name: &str) -> Result<T, Fault> {
        self.get(name).await?.ok_or_else(|| {
            Fault::reject(format!(
                "`{}` is not there; the steps before this one have to come first",
                self.key(name)
            ))
        })
    }

    /// The names of the objects that begin so, in order.
    pub(crate) async fn names(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        let folder = self.key("");
        let keys = self.objects.list(&self.key(prefix)).await?;
        let names = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&folder).map(str::to_owned));
        Ok(names.collect())
    }

    /// Lets go of everything but what people may read.
    pub(crate) async fn clear(&self) -> Result<(), Fault> {
        for name in self.names("").await? {
            if !is_plain(&name) {
                self.objects.discard(&self.key(&name)).await?;
            }
        }
        Ok(())
    }

    /// Runs that left more than what people may read: they did not finish.
    pub(crate) async fn unfinished(objects: &B) -> Result<BTreeSet<String>, Fault> {
        let keys = objects.list(RUNS).await?;
        let runs = keys.iter().filter_map(|key| {
            let (run, name) = key.strip_prefix(RUNS)?.split_once('/')?;
            (!is_plain(name)).then(|| run.to_owned())
        });
        Ok(runs.collect())
    }

    fn encode(&self, name: &str, value: &impl Serialize) -> Result<Bytes, Fault> {
        let body = if is_plain(name) {
            serde_json::to_vec_pretty(value).map_err(std::io::Error::from)
        } else {
            zstd::Encoder::new(Vec::new(), LEVEL).and_then(|mut encoder| {
                serde_json::to_writer(&mut encoder, value)?;
                encoder.finish()
            })
        };
        let body = body.map_err(|error| {
            let key = self.key(name);
            Fault::reject(format!("`{key}` cannot be written: {}", error.kind()))
        })?;
        Ok(body.into())
    }
}

fn is_plain(name: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "json")
}

#[cfg(test)]
mod tests {
    use ports::model::ModelObjects;

    use super::*;

    #[tokio::test]
    async fn what_is_not_legible_is_refused() {
        let objects = ModelObjects::new();
        let stash = Stash::new(&objects, "r");
        for name in ["a.json", "a"] {
            let key = format!("runs/r/{name}");
            objects.put(&key, Bytes::from("?")).await.unwrap();
            let read = stash.get::<u64>(name).await;
            assert!(matches!(read, Err(Fault::Reject { .. })), "{read:?}");
        }
        let needed = stash.need::<u64>("b").await;
        assert!(matches!(needed, Err(Fault::Reject { .. })), "{needed:?}");
    }

    #[tokio::test]
    async fn what_people_may_read_stays() {
        let objects = ModelObjects::new();
        let stash = Stash::new(&objects, "r");
        for name in ["run.json", "part-1"] {
            stash.put(name, &7).await.unwrap();
            assert_eq!(stash.get(name).await.unwrap(), Some(7));
        }
        stash.clear().await.unwrap();
        assert_eq!(stash.names("").await.unwrap(), ["run.json"]);
    }
}
