//! Writing, also on a condition.

use aws_sdk_s3::operation::put_object::PutObjectInput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ports::Fault;
use ports::objects::{Tag, check_key};
use sha2::{Digest as _, Sha256};

use crate::S3Objects;
use crate::fault::Failure;
use crate::operations::PUT_OBJECT;
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
        // Of the request that the condition is checked by.
        let mut attempts = 0;
        let written = if body.len() <= self.part {
            self.put_whole(&write, body, &mut attempts).await
        } else {
            self.put_parts(&write, body, &mut attempts).await
        };
        match written {
            Ok(()) => Ok(true),
            Err(failure) => self.explain(&write, failure, attempts).await,
        }
    }

    async fn put_whole(
        &self,
        write: &Write<'_>,
        body: Bytes,
        attempts: &mut u32,
    ) -> Result<(), Failure> {
        let input = PutObjectInput::builder()
            .bucket(write.bucket)
            .key(write.key)
            .set_if_none_match(write.condition.if_none_match())
            .set_if_match(write.condition.if_match())
            .metadata(WRITE, &write.name)
            .content_type(content_type(write.key))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(sha256(&body))
            .body(ByteStream::from(body))
            .build();
        let (sent, count) = self.client.send_counted(&PUT_OBJECT, input).await;
        *attempts = count;
        sent.map(|_| ())
            .map_err(|error| Failure::of(write.bucket, &error))
    }

    /// What a write that was not answered as done came to.
    ///
    /// Where the answer to an attempt is lost, the client makes another, and that one meets what the
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

/// The digest that the service checks and keeps, as its headers have it.
pub fn sha256(body: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(body))
}
