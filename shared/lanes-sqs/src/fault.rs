//! What a handler does with an error of the service. The service's message may quote a message
//! and is never repeated; its code is.

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::BatchResultErrorEntry;
use ports::Fault;

/// The fault behind an error of any operation on a queue.
pub fn of<E: ProvideErrorMetadata>(queue: &str, error: &SdkError<E, HttpResponse>) -> Fault {
    match error {
        SdkError::ConstructionFailure(_) => {
            Fault::halt(format!("a request to the queue `{queue}` cannot be built"))
        }
        SdkError::TimeoutError(_) => {
            Fault::retry(format!("the queue `{queue}` did not answer in time"))
        }
        SdkError::DispatchFailure(_) => {
            Fault::retry(format!("the queue `{queue}` was not reached"))
        }
        SdkError::ResponseError(_) => {
            Fault::retry(format!("the answer of the queue `{queue}` was cut off"))
        }
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("no code");
            let status = service.raw().status().as_u16();
            let why = format!("the queue `{queue}` answered {status} `{code}`");
            match Class::of(code) {
                Class::Retry => Fault::retry(why),
                Class::Reject => Fault::reject(why),
                Class::Halt => Fault::halt(format!("{why}; {}", cure(code))),
            }
        }
        _ => Fault::retry(format!("the queue `{queue}` failed in a new way")),
    }
}

/// The fault behind the messages of one request that were not taken, `count` of `of` with these
/// errors. One that nobody may send stops everything; of the others, one that may succeed next
/// time brings all of them back, because a queue drops those that it has taken already.
pub fn of_entries(queue: &str, failed: &[BatchResultErrorEntry], count: usize, of: usize) -> Fault {
    let mut worst = Class::Reject;
    // Entries without a word about them may succeed next time.
    let mut code = "no answer";
    if failed.len() < count {
        worst = Class::Retry;
    }
    for entry in failed {
        let class = match Class::of(entry.code()) {
            Class::Halt => Class::Halt,
            Class::Retry | Class::Reject if entry.sender_fault() => Class::Reject,
            Class::Retry | Class::Reject => Class::Retry,
        };
        if class >= worst {
            worst = class;
            code = entry.code();
        }
    }
    let why = format!("the queue `{queue}` did not take {count} of {of} messages: `{code}`");
    match worst {
        Class::Retry => Fault::retry(format!("{why}; they can be sent again")),
        Class::Reject => Fault::reject(format!("{why}; sending them again does not help")),
        Class::Halt => Fault::halt(format!("{why}; {}", cure(code))),
    }
}

/// What a code asks for, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Reject,
    Retry,
    Halt,
}

impl Class {
    /// Codes come in the service's JSON names or, where the service says so in a header, in those
    /// of its older protocol.
    fn of(code: &str) -> Self {
        match plain(code) {
            "AccessDenied"
            | "AccessDeniedException"
            | "IncompleteSignature"
            | "InvalidAddress"
            | "InvalidClientTokenId"
            | "InvalidSecurity"
            | "InvalidSignatureException"
            | "KMS.AccessDeniedException"
            | "KMS.DisabledException"
            | "KMS.InvalidKeyUsageException"
            | "KMS.InvalidStateException"
            | "KMS.NotFoundException"
            | "KMS.OptInRequired"
            | "KmsAccessDenied"
            | "KmsDisabled"
            | "KmsInvalidKeyUsage"
            | "KmsInvalidState"
            | "KmsNotFound"
            | "KmsOptInRequired"
            | "MissingAuthenticationToken"
            | "NonExistentQueue"
            | "NotAuthorized"
            | "OptInRequired"
            | "QueueDoesNotExist"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "UnsupportedOperation" => Self::Halt,
            "BatchEntryIdsNotDistinct"
            | "BatchRequestTooLong"
            | "EmptyBatchRequest"
            | "InvalidAttributeName"
            | "InvalidAttributeValue"
            | "InvalidBatchEntryId"
            | "InvalidMessageContents"
            | "InvalidParameterCombination"
            | "InvalidParameterValue"
            | "MalformedQueryString"
            | "MissingParameter"
            | "ReceiptHandleIsInvalid"
            | "SerializationException"
            | "TooManyEntriesInBatchRequest"
            | "ValidationError"
            | "ValidationException" => Self::Reject,
            // Throttling, internal errors, expired tokens, and whatever is new: the message comes
            // back, and in the end lies with the dead letters where somebody sees it.
            _ => Self::Retry,
        }
    }
}

/// What to do about a code that stops everything.
fn cure(code: &str) -> &'static str {
    let code = plain(code);
    if code == "QueueDoesNotExist" || code == "NonExistentQueue" {
        return "check that the stack is deployed whole and that `LANYARD_QUEUE_PREFIX` is its";
    }
    if code.starts_with("KMS.") || code.starts_with("Kms") {
        return "check the key of the queues and the role's rights to it";
    }
    "check the role's rights to the queue"
}

fn plain(code: &str) -> &str {
    code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code)
}
