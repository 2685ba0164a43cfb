//! Reading and listing.

use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use ports::Fault;
use ports::objects::{Tag, check_key};

use crate::S3Objects;
use crate::fault::{Failure, cut_off};

/// What metadata says who wrote an object, so that a writer knows its own.
pub const WRITE: &str = "lanyard-write";

/// What can be told about an object without its body.
pub struct Look {
    pub tag: Option<Tag>,
    /// Which write it is of.
    pub write: Option<String>,
}

impl S3Objects {
    pub(crate) async fn read(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        check_key(key)?;
        let bucket = self.buckets.of(key);
        let got = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        let got = match got {
            Ok(got) => got,
            Err(error) => {
                let missing = error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key);
                if missing {
                    return Ok(None);
                }
                return Err(Failure::of(bucket, &error).fault);
            }
        };
        let tag = got.e_tag.ok_or_else(|| cut_off(bucket))?;
        let body = got.body.collect().await.map_err(|_| cut_off(bucket))?;
        Ok(Some((body.into_bytes(), Tag(tag.into()))))
    }

    /// What there is under a key; `None` for nothing.
    pub(crate) async fn look(&self, bucket: &str, key: &str) -> Result<Option<Look>, Fault> {
        let head = self.client.head_object().bucket(bucket).key(key);
        match head.send().await {
            Ok(mut head) => Ok(Some(Look {
                tag: head.e_tag.take().map(|tag| Tag(tag.into())),
                write: head.metadata.and_then(|mut all| all.remove(WRITE)),
            })),
            Err(error) => {
                let failure = Failure::of(bucket, &error);
                // An answer to `HEAD` has no body, so that its code cannot tell a missing bucket
                // from a missing key; the request before it could.
                if failure.status == 404 {
                    return Ok(None);
                }
                Err(failure.fault)
            }
        }
    }

    /// Every key of ours in a bucket with that prefix.
    pub(crate) async fn list_in(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        let mut keys = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self
                .client
                .list_objects_v2()
                .bucket(bucket)
                .prefix(prefix)
                .set_continuation_token(after.clone())
                .send()
                .await
                .map_err(|error| Failure::of(bucket, &error).fault)?;
            let found = page.contents.unwrap_or_default();
            let found = found.into_iter().filter_map(|object| object.key);
            keys.extend(found.filter(|key| self.buckets.holds(bucket, key)));
            if page.is_truncated != Some(true) {
                return Ok(keys);
            }
            // A list that is said to go on and does not say where would be taken for whole.
            let next = page.next_continuation_token;
            if next.is_none() || next == after {
                return Err(Fault::retry(format!(
                    "the bucket `{bucket}` listed a part of its keys and not the rest"
                )));
            }
            after = next;
        }
    }
}
