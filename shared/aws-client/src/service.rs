//! Which service, and where.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// In its host name and in what signatures are good for.
    pub(crate) name: &'static str,
    /// Whether it is signed for as S3: the path as it is sent, and the digest of the body in a
    /// header.
    pub(crate) s3: bool,
}

impl Service {
    /// One of the usual kind.
    pub const fn new(name: &'static str) -> Self {
        Self { name, s3: false }
    }

    /// Amazon S3. Buckets go into the path, on AWS's endpoints as well.
    pub const fn s3() -> Self {
        Self {
            name: "s3",
            s3: true,
        }
    }

    /// AWS's endpoint in a region: of the public regions, GovCloud and China. The isolated ones have
    /// other domains and need to be told.
    pub(crate) fn endpoint(self, region: &str) -> String {
        let china = region.starts_with("cn-");
        let domain = if china {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        format!("https://{}.{region}.{domain}", self.name)
    }
}

/// Why a request has no address.
#[derive(Debug, thiserror::Error)]
#[error("a bucket has no such name")]
pub struct NoBucket;

/// A bucket's name that can be in a path.
pub fn named(bucket: Option<&str>) -> Result<String, NoBucket> {
    let of_bucket = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let named = |name: &&str| !matches!(*name, "" | "." | "..") && name.bytes().all(of_bucket);
    bucket.filter(named).map(str::to_owned).ok_or(NoBucket)
}

/// Gives a request its address: the endpoint, then the bucket if the operation has one, then the path
/// that the operation says.
pub fn address(
    request: &mut HttpRequest,
    endpoint: &str,
    bucket: Option<&str>,
) -> Result<(), BoxError> {
    let uri = request.uri_mut();
    match bucket {
        None => uri.set_endpoint(endpoint)?,
        Some(bucket) => {
            let endpoint = endpoint.trim_end_matches('/');
            uri.set_endpoint(&format!("{endpoint}/{bucket}"))?;
        }
    }
    Ok(())
}
