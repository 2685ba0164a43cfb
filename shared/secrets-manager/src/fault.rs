//! What a handler does with an error of the service. The service's message is never repeated; its
//! code is.

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use ports::Fault;

/// The fault behind a failed read of a secret.
pub fn of<E: ProvideErrorMetadata>(id: &str, error: &SdkError<E, HttpResponse>) -> Fault {
    match error {
        SdkError::ConstructionFailure(_) => {
            Fault::halt(format!("the request for the secret `{id}` cannot be built"))
        }
        SdkError::TimeoutError(_) => {
            Fault::retry(format!("the secret `{id}` was not read in time"))
        }
        SdkError::DispatchFailure(_) => Fault::retry(format!(
            "the secret `{id}` was not read: Secrets Manager was not reached"
        )),
        SdkError::ResponseError(_) => Fault::retry(format!(
            "the secret `{id}` was not read: the answer was cut off"
        )),
        SdkError::ServiceError(service) => of_code(
            id,
            service.err().code().unwrap_or("no code"),
            service.raw().status().as_u16(),
        ),
        _ => Fault::retry(format!("the secret `{id}` was not read, in a new way")),
    }
}

/// There is no such secret, or none with a value.
pub fn missing(id: &str) -> Fault {
    Fault::halt(format!(
        "there is no secret `{id}`; create it with `aws secretsmanager create-secret --name {id} \
         --secret-string file://FILE`"
    ))
}

fn of_code(id: &str, code: &str, status: u16) -> Fault {
    let why = format!("the secret `{id}` was not read: {status} `{code}`");
    match code {
        "AccessDenied" | "AccessDeniedException" | "NotAuthorized" => Fault::halt(format!(
            "{why}; check the role's rights to the secret and to its key"
        )),
        "DecryptionFailure" | "DecryptionFailureException" => Fault::halt(format!(
            "{why}; check the key of the secret and the role's rights to it"
        )),
        // What the service says of a secret that is marked for deletion.
        "InvalidRequestException" => Fault::halt(format!(
            "{why}; if it was deleted, `aws secretsmanager restore-secret --secret-id {id}` \
             brings it back"
        )),
        "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidParameterException"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "OptInRequired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException"
        | "ValidationError"
        | "ValidationException" => Fault::halt(why),
        // Throttling, internal errors, expired tokens, and whatever is new.
        _ => Fault::retry(why),
    }
}
