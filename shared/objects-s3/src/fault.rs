//! What a handler does with an error of the service. The service's message may quote a key or a
//! body and is never repeated; its code is.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use ports::Fault;

/// An error with what its status and code say, for those who know what to make of them.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Of HTTP; 0 where the service did not answer.
    pub status: u16,
    /// The service's code, or an empty one: an answer to `HEAD` has none.
    pub code: Box<str>,
    /// What it means otherwise.
    pub fault: Fault,
}

impl Failure {
    /// The failure behind an error of any operation on a bucket.
    pub fn of<E: ProvideErrorMetadata>(bucket: &str, error: &SdkError<E, HttpResponse>) -> Self {
        let unanswered = |fault| Self {
            status: 0,
            code: "".into(),
            fault,
        };
        match error {
            SdkError::ConstructionFailure(_) => unanswered(cannot_be_built(bucket)),
            SdkError::TimeoutError(_) => unanswered(Fault::retry(format!(
                "the bucket `{bucket}` did not answer in time"
            ))),
            SdkError::DispatchFailure(_) => unanswered(Fault::retry(format!(
                "the bucket `{bucket}` was not reached"
            ))),
            SdkError::ResponseError(_) => unanswered(Fault::retry(format!(
                "the answer of the bucket `{bucket}` was cut off"
            ))),
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let code = service.err().code().unwrap_or_default();
                Self {
                    status,
                    code: code.into(),
                    fault: of_code(bucket, code, status),
                }
            }
            _ => unanswered(Fault::retry(format!(
                "the bucket `{bucket}` failed in a new way"
            ))),
        }
    }
}

/// A request that cannot be built.
fn cannot_be_built(bucket: &str) -> Fault {
    Fault::halt(format!(
        "a request to the bucket `{bucket}` cannot be built"
    ))
}

/// A body that did not come whole.
pub fn cut_off(bucket: &str) -> Fault {
    Fault::retry(format!(
        "an object of the bucket `{bucket}` did not come whole"
    ))
}

/// The fault behind a code of the service.
fn of_code(bucket: &str, code: &str, status: u16) -> Fault {
    let said = if code.is_empty() { "no code" } else { code };
    let why = format!("the bucket `{bucket}` answered {status} `{said}`");
    match code {
        "NoSuchBucket"
        | "InvalidBucketName"
        | "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => Fault::halt(format!(
            "{why}; check the bucket's name and that it is in the stack's region"
        )),
        "AccountProblem"
        | "AllAccessDisabled"
        | "InvalidAccessKeyId"
        | "InvalidBucketState"
        | "InvalidSecurity"
        | "MethodNotAllowed"
        | "NotImplemented"
        | "NotSignedUp"
        | "SignatureDoesNotMatch" => Fault::halt(why),
        code if code.starts_with("KMS.") && code != "KMS.ThrottlingException" => Fault::halt(
            format!("{why}; check the key of the bucket and the role's rights to it"),
        ),
        "EntityTooLarge" | "InvalidArgument" | "InvalidObjectState" | "InvalidPart"
        | "InvalidPartOrder" | "InvalidRequest" | "KeyTooLongError" | "MalformedXML"
        | "MetadataTooLarge" => Fault::reject(why),
        // The client has set its clock by the answer.
        "RequestTimeTooSkewed" | "ExpiredToken" | "RequestExpired" => Fault::retry(why),
        _ if status == 403 => Fault::halt(format!(
            "{why}; check the role's rights to the bucket, also `s3:ListBucket`: without it an \
             object that does not exist looks forbidden"
        )),
        // A bucket that lies elsewhere; an answer to `HEAD` does not say so in words.
        _ if status == 301 => Fault::halt(format!("{why}; check the bucket's region")),
        // Throttling, internal errors, conflicts, bodies that arrived damaged, and whatever is
        // new.
        _ => Fault::retry(why),
    }
}
