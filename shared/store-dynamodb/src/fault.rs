//! What a handler does with an error of the service. The service's message may quote an item and
//! is never repeated; its code is.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use ports::Fault;

/// The fault behind an error of any operation.
pub fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Fault {
    match error {
        SdkError::ConstructionFailure(_) => Fault::halt("a request to the table cannot be built"),
        SdkError::TimeoutError(_) => Fault::retry("the table did not answer in time"),
        SdkError::DispatchFailure(_) => Fault::retry("the table was not reached"),
        SdkError::ResponseError(_) => Fault::retry("the table's answer was cut off"),
        SdkError::ServiceError(service) => of_code(
            service.err().code().unwrap_or("no code"),
            service.raw().status().as_u16(),
        ),
        _ => Fault::retry("the table failed in a new way"),
    }
}

/// The fault behind a code of the service.
pub fn of_code(code: &str, status: u16) -> Fault {
    let why = format!("the table answered {status} `{code}`");
    match code {
        "AccessDenied"
        | "AccessDeniedException"
        | "IncompleteSignature"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "NotAuthorized"
        | "OptInRequired"
        | "ResourceNotFoundException"
        | "SignatureDoesNotMatch"
        | "UnknownOperationException"
        | "UnrecognizedClientException" => Fault::halt(why),
        "IdempotentParameterMismatchException"
        | "ItemCollectionSizeLimitExceeded"
        | "ItemCollectionSizeLimitExceededException"
        | "SerializationException"
        | "ValidationError"
        | "ValidationException" => Fault::reject(why),
        // Throttling, conflicts, internal errors, expired tokens, and whatever is new: the
        // message comes back, and in the end lies with the dead letters where somebody sees it.
        _ => Fault::retry(why),
    }
}
