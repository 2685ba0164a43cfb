//! Links for people.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use ports::Fault;
use ports::objects::{Locate, check_key};
use ports::secrets::Secret;

use crate::S3Objects;
use crate::fault::{Failure, cannot_be_built};

/// Longest time for which a link opens an object.
pub const LINK: Duration = Duration::from_mins(15);

impl S3Objects {
    /// A link that opens the object for so long, at most [`LINK`], and no longer than the
    /// credentials live that made it. Whoever has the link can read the object: it is made when
    /// somebody asks and shown to nobody else. Nothing is looked up; a link to an object that does
    /// not exist opens nothing.
    pub async fn link(&self, key: &str, valid: Duration) -> Result<Secret, Fault> {
        check_key(key)?;
        let bucket = self.buckets.of(key);
        let config =
            PresigningConfig::expires_in(valid.min(LINK)).map_err(|_| cannot_be_built(bucket))?;
        let link = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .presigned(config)
            .await
            .map_err(|error| Failure::of(bucket, &error).fault)?;
        Ok(Secret::new(link.uri()))
    }
}

impl Locate for S3Objects {
    async fn locate(&self, key: &str) -> Result<String, Fault> {
        let link = self.link(key, LINK).await?;
        Ok(link.reveal().to_owned())
    }
}
