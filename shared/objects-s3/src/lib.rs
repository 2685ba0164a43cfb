//! Objects in Amazon S3: published policy in one bucket, reports in another. The only crate that
//! imports the SDK of S3. It retries nothing beyond what the client does by itself.
//!
//! Conditions are the service's own (`If-None-Match`, `If-Match`), so that they hold among all
//! writers. Every body goes with its SHA-256, which the service checks and keeps, and is checked
//! again when it is read.

mod buckets;
mod fault;
mod multipart;
mod operations;
mod presign;
mod read;
mod write;

use aws_client::{Client, Config, Service};
use bytes::Bytes;
use ports::objects::{Put, Swap, Tag, check_key};
use ports::{Fault, Objects};

pub use crate::buckets::Buckets;
use crate::multipart::PART;
pub use crate::presign::LINK;
use crate::write::Condition;

/// The buckets. Clones share connections.
#[derive(Clone, Debug)]
pub struct S3Objects {
    client: Client,
    buckets: Buckets,
    /// Bytes of a part, and of the largest body that goes whole.
    part: usize,
}

impl S3Objects {
    /// By the buckets' names. Nothing is sent.
    pub fn new(aws: &Config, buckets: Buckets) -> Self {
        Self {
            client: Client::new(aws, Service::s3()),
            buckets,
            part: PART,
        }
    }

    /// Sends bodies that are larger than this in parts of this many bytes. The service takes no
    /// parts below 5 MiB, the last one excepted.
    #[must_use]
    pub const fn in_parts_of(mut self, bytes: usize) -> Self {
        self.part = bytes;
        self
    }
}

impl Objects for S3Objects {
    /// Sends nothing: a rule of the bucket lets `runs/` expire, and no function may delete.
    async fn discard(&self, key: &str) -> Result<(), Fault> {
        check_key(key)
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        let written = self.write(key, body, Condition::Absent).await?;
        Ok(if written { Put::Written } else { Put::Exists })
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        self.write(key, body, Condition::None).await?;
        Ok(())
    }

    async fn swap(&self, key: &str, was: &Tag, body: Bytes) -> Result<Swap, Fault> {
        let written = self.write(key, body, Condition::Is(was)).await?;
        Ok(if written { Swap::Written } else { Swap::Moved })
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        Ok(self.read(key).await?.map(|(body, _)| body))
    }

    async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        self.read(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        let mut keys = Vec::new();
        for (bucket, prefix) in self.buckets.of_prefix(prefix) {
            keys.extend(self.list_in(bucket, prefix).await?);
        }
        keys.sort_unstable();
        Ok(keys)
    }
}
