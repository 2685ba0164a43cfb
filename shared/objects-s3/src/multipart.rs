//! Bodies that go in parts.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use crate::S3Objects;
use crate::fault::{Failure, cut_off};
use crate::read::WRITE;
use crate::write::{Attempts, Write, content_type};

/// Bytes of a part. The service takes 10,000 of them, which is 80 GB.
pub const PART: usize = 8 * 1024 * 1024;

impl S3Objects {
    /// Uploads a body in parts. The condition is checked when the upload is completed, and nothing
    /// is to be seen of it before. An upload that fails is aborted, so that its parts cost nothing.
    pub(crate) async fn put_parts(
        &self,
        write: &Write<'_>,
        body: Bytes,
        attempts: &Attempts,
    ) -> Result<(), Failure> {
        let created = self
            .client
            .create_multipart_upload()
            .bucket(write.bucket)
            .key(write.key)
            .metadata(WRITE, &write.name)
            .content_type(content_type(write.key))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .send()
            .await
            .map_err(|error| Failure::of(write.bucket, &error))?;
        let upload = created.upload_id.ok_or_else(|| incomplete(write))?;
        let mut written = self.parts(write, &upload, body).await;
        if let Ok(parts) = written {
            written = self
                .complete(write, &upload, parts, attempts)
                .await
                .map(|()| Vec::new());
        }
        if written.is_err() {
            self.abort(write, &upload).await;
        }
        written.map(|_| ())
    }

    async fn parts(
        &self,
        write: &Write<'_>,
        upload: &str,
        mut body: Bytes,
    ) -> Result<Vec<CompletedPart>, Failure> {
        let mut parts = Vec::new();
        for number in 1.. {
            if body.is_empty() {
                break;
            }
            let part = body.split_to(self.part.clamp(1, body.len()));
            let sent = self
                .client
                .upload_part()
                .bucket(write.bucket)
                .key(write.key)
                .upload_id(upload)
                .part_number(number)
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .body(ByteStream::from(part))
                .send()
                .await
                .map_err(|error| Failure::of(write.bucket, &error))?;
            let tag = sent.e_tag.ok_or_else(|| incomplete(write))?;
            parts.push(
                CompletedPart::builder()
                    .part_number(number)
                    .e_tag(tag)
                    .set_checksum_sha256(sent.checksum_sha256)
                    .build(),
            );
        }
        Ok(parts)
    }

    async fn complete(
        &self,
        write: &Write<'_>,
        upload: &str,
        parts: Vec<CompletedPart>,
        attempts: &Attempts,
    ) -> Result<(), Failure> {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        self.client
            .complete_multipart_upload()
            .bucket(write.bucket)
            .key(write.key)
            .upload_id(upload)
            .multipart_upload(parts)
            .set_if_none_match(write.condition.if_none_match())
            .set_if_match(write.condition.if_match())
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| Failure::of(write.bucket, &error))
    }

    async fn abort(&self, write: &Write<'_>, upload: &str) {
        let aborted = self
            .client
            .abort_multipart_upload()
            .bucket(write.bucket)
            .key(write.key)
            .upload_id(upload)
            .send()
            .await;
        if let Err(error) = aborted {
            let failure = Failure::of(write.bucket, &error);
            // One that was completed after all is gone.
            if &*failure.code != "NoSuchUpload" {
                tracing::warn!(
                    error_type = failure.fault.error_type(),
                    error = %failure.fault,
                    "an unfinished upload stays until the bucket's lifecycle removes it"
                );
            }
        }
    }
}

fn incomplete(write: &Write<'_>) -> Failure {
    Failure {
        status: 0,
        code: "".into(),
        fault: cut_off(write.bucket),
    }
}
