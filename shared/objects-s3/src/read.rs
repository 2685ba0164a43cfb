//! Reading and listing.

use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectInput};
use aws_sdk_s3::operation::head_object::HeadObjectInput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Input;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use ports::Fault;
use ports::objects::{Tag, check_key};

use crate::S3Objects;
use crate::fault::{Failure, cut_off};
use crate::operations::{GET_OBJECT, HEAD_OBJECT, LIST_OBJECTS_V2};
use crate::write::sha256;

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
        let input = GetObjectInput::builder()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .build();
        let got = match self.client.send(&GET_OBJECT, input).await {
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
        let body = body.into_bytes();
        // Of an object in parts it is a digest of digests, and says so.
        let whole = |sum: &&str| !sum.contains('-');
        let said = got.checksum_sha256.as_deref().filter(whole);
        if said.is_some_and(|said| said != sha256(&body)) {
            return Err(cut_off(bucket));
        }
        Ok(Some((body, Tag(tag.into()))))
    }

    /// What there is under a key; `None` for nothing.
    pub(crate) async fn look(&self, bucket: &str, key: &str) -> Result<Option<Look>, Fault> {
        let input = HeadObjectInput::builder().bucket(bucket).key(key);
        match self.client.send(&HEAD_OBJECT, input.build()).await {
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
            let input = ListObjectsV2Input::builder()
                .bucket(bucket)
                .prefix(prefix)
                .set_continuation_token(after.clone())
                .build();
            let page = self.client.send(&LIST_OBJECTS_V2, input).await;
            let page = page.map_err(|error| Failure::of(bucket, &error).fault)?;
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
