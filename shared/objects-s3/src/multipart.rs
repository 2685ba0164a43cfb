//! Bodies that go in parts.

use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadInput;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadInput;
use aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadInput;
use aws_sdk_s3::operation::upload_part::UploadPartInput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use crate::S3Objects;
use crate::fault::{Failure, cut_off};
use crate::operations::{
    ABORT_MULTIPART_UPLOAD, COMPLETE_MULTIPART_UPLOAD, CREATE_MULTIPART_UPLOAD, UPLOAD_PART,
};
use crate::read::WRITE;
use crate::write::{Write, content_type, sha256};

/// Bytes of a part. The service takes 10,000 of them, which is 80 GB.
pub const PART: usize = 8 * 1024 * 1024;

impl S3Objects {
    /// Uploads a body in parts. The condition is checked when the upload is completed, and nothing
    /// is to be seen of it before. An upload that fails is aborted, so that its parts cost nothing.
    pub(crate) async fn put_parts(
        &self,
        write: &Write<'_>,
        body: Bytes,
        attempts: &mut u32,
    ) -> Result<(), Failure> {
        let input = CreateMultipartUploadInput::builder()
            .bucket(write.bucket)
            .key(write.key)
            .metadata(WRITE, &write.name)
            .content_type(content_type(write.key))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .build();
        let created = self.client.send(&CREATE_MULTIPART_UPLOAD, input).await;
        let created = created.map_err(|error| Failure::of(write.bucket, &error))?;
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
            let input = UploadPartInput::builder()
                .bucket(write.bucket)
                .key(write.key)
                .upload_id(upload)
                .part_number(number)
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .checksum_sha256(sha256(&part))
                .body(ByteStream::from(part))
                .build();
            let sent = self.client.send(&UPLOAD_PART, input).await;
            let sent = sent.map_err(|error| Failure::of(write.bucket, &error))?;
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
        attempts: &mut u32,
    ) -> Result<(), Failure> {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        let input = CompleteMultipartUploadInput::builder()
            .bucket(write.bucket)
            .key(write.key)
            .upload_id(upload)
            .multipart_upload(parts)
            .set_if_none_match(write.condition.if_none_match())
            .set_if_match(write.condition.if_match())
            .build();
        let sent = self.client.send_counted(&COMPLETE_MULTIPART_UPLOAD, input);
        let (sent, count) = sent.await;
        *attempts = count;
        sent.map(|_| ())
            .map_err(|error| Failure::of(write.bucket, &error))
    }

    async fn abort(&self, write: &Write<'_>, upload: &str) {
        let input = AbortMultipartUploadInput::builder()
            .bucket(write.bucket)
            .key(write.key)
            .upload_id(upload)
            .build();
        let aborted = self.client.send(&ABORT_MULTIPART_UPLOAD, input).await;
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
