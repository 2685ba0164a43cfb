//! Writing, also on a condition.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use bytes::Bytes;
use ports::Fault;
use ports::objects::{Tag, check_key};

use crate::S3Objects;
use crate::fault::Failure;
use crate::read::WRITE;

/// What has to hold for a write to take place.
#[derive(Clone, Copy, Debug)]
pub enum Condition<'a> {
    /// Nothing.
    None,
    /// There is no such object.
    Absent,
    /// The object is the one that had this tag.
    Is(&'a Tag),
}

impl Condition<'_> {
    pub(crate) fn if_none_match(self) -> Option<String> {
        match self {
            Self::Absent => Some("*".to_owned()),
            Self::None | Self::Is(_) => None,
        }
    }

    pub(crate) fn if_match(self) -> Option<String> {
        match self {
            Self::Is(tag) => Some(tag.0.to_string()),
            Self::None | Self::Absent => None,
        }
    }
}

/// One write on its way.
pub struct Write<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    pub condition: Condition<'a>,
    /// Tells this write from all others, in the object's metadata.
    pub name: String,
}

impl S3Objects {
    /// Writes an object if the condition holds. Returns whether it did.
    pub(crate) async fn write(
        &self,
        key: &str,
        body: Bytes,
        condition: Condition<'_>,
    ) -> Result<bool, Fault> {
        check_key(key)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|_| Fault::retry("the system gave no random numbers"))?;
        let write = Write {
            bucket: self.buckets.of(key),
            key,
            condition,
            name: hex::encode(random),
        };
        let attempts = Attempts::default();
        let written = if body.len() <= self.part {
            self.put_whole(&write, body, &attempts).await
        } else {
            self.put_parts(&write, body, &attempts).await
        };
        match written {
            Ok(()) => Ok(true),
            Err(failure) => self.explain(&write, failure, attempts.count()).await,
        }
    }

    async fn put_whole(
        &self,
        write: &Write<'_>,
        body: Bytes,
        attempts: &Attempts,
    ) -> Result<(), Failure> {
        self.client
            .put_object()
            .bucket(write.bucket)
            .key(write.key)
            .set_if_none_match(write.condition.if_none_match())
            .set_if_match(write.condition.if_match())
            .metadata(WRITE, &write.name)
            .content_type(content_type(write.key))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(ByteStream::from(body))
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| Failure::of(write.bucket, &error))
    }

    /// What a write that was not answered as done came to.
    ///
    /// Where the answer to an attempt is lost, the SDK makes another, and that one meets what the
    /// first one wrote: its condition fails, or its upload is gone. Whether the object is ours is
    /// then read off the object.
    async fn explain(
        &self,
        write: &Write<'_>,
        failure: Failure,
        attempts: u32,
    ) -> Result<bool, Fault> {
        let refused = match (write.condition, failure.status, &*failure.code) {
            (Condition::Absent | Condition::Is(_), 412, _)
            | (Condition::Is(_), 404, "NoSuchKey") => true,
            // Somebody else is writing under the key, or there is no upload any more.
            (Condition::Absent | Condition::Is(_), 409, _)
            | (Condition::None | Condition::Absent | Condition::Is(_), 404, "NoSuchUpload") => {
                false
            }
            (Condition::None | Condition::Absent | Condition::Is(_), _, _) => {
                return Err(failure.fault);
            }
        };
        if refused && attempts <= 1 {
            return Ok(false);
        }
        let there = self.look(write.bucket, write.key).await?;
        let Some(there) = there else {
            let moved = refused || matches!(write.condition, Condition::Is(_));
            return if moved { Ok(false) } else { Err(failure.fault) };
        };
        if there.write.as_deref() == Some(&*write.name) {
            return Ok(true);
        }
        let moved = match write.condition {
            Condition::None => false,
            Condition::Absent => true,
            Condition::Is(tag) => there.tag.as_ref() != Some(tag),
        };
        if refused || moved {
            return Ok(false);
        }
        Err(failure.fault)
    }
}

/// What a browser is told to make of an object.
pub fn content_type(key: &str) -> &'static str {
    match key.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("jsonl") => "application/x-ndjson",
        Some("csv") => "text/csv; charset=utf-8",
        Some("toml" | "md" | "txt") => "text/plain; charset=utf-8",
        Some("parquet") => "application/vnd.apache.parquet",
        Some("zst") => "application/zstd",
        Some(_) | None => "application/octet-stream",
    }
}

/// Counts how often a request was sent.
#[derive(Clone, Debug, Default)]
pub struct Attempts(Arc<AtomicU32>);

impl Attempts {
    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
