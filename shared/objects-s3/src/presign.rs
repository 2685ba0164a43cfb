//! Links for people.

use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectInput;
use ports::Fault;
use ports::objects::{Locate, check_key};
use ports::secrets::Secret;

use crate::S3Objects;
use crate::fault::Failure;
use crate::operations::GET_OBJECT;

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
        let input = GetObjectInput::builder().bucket(bucket).key(key).build();
        let link = self.client.presign(&GET_OBJECT, input, valid.min(LINK));
        let link = link
            .await
            .map_err(|error| Failure::of(bucket, &error).fault)?;
        Ok(Secret::new(link))
    }
}

impl Locate for S3Objects {
    async fn locate(&self, key: &str) -> Result<String, Fault> {
        let link = self.link(key, LINK).await?;
        Ok(link.reveal().to_owned())
    }
}
