//! Every way in which the service can fail, and what a handler is told to do about it.

use crate::{Trouble, World};

async fn check(trouble: Trouble, want: &str) {
    let world = World::new();
    world.service.be(trouble.clone());
    let fault = world.get("wiki").await.unwrap_err();
    assert_eq!(fault.error_type(), want, "{trouble:?}: {fault}");
    let said = format!("{fault} {fault:?}");
    assert!(said.contains("`lanyard/wiki`"), "{said}");
    assert!(!said.contains("MARKER"), "{trouble:?}: {said}");
    assert_eq!(world.service.readings(), 1, "not tried again");
}

fn error(code: &str) -> Trouble {
    Trouble::Answers(400, format!(r#"{{"__type":"{code}","Message":"MARKER"}}"#))
}

#[tokio::test]
async fn what_passes_is_retried() {
    for code in [
        "ThrottlingException",
        "ExpiredTokenException",
        "RequestExpired",
        "SomethingNew",
    ] {
        check(error(code), "Retry").await;
    }
    let internal = r#"{"__type":"InternalServiceError"}"#.to_owned();
    check(Trouble::Answers(500, internal), "Retry").await;
    check(Trouble::Answers(503, "<html>MARKER".into()), "Retry").await;
    check(Trouble::Answers(200, "MARKER".into()), "Retry").await;
    check(Trouble::IsNotReached, "Retry").await;
    check(Trouble::DoesNotAnswerInTime, "Retry").await;
}

#[tokio::test]
async fn what_an_operator_has_to_cure_halts() {
    for code in [
        "AccessDeniedException",
        "DecryptionFailure",
        "InvalidParameterException",
        "InvalidRequestException",
        "InvalidSignatureException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
        "ValidationException",
    ] {
        check(error(code), "Halt").await;
    }
    let bytes = r#"{"Name":"lanyard/wiki","SecretBinary":"TUFSS0VS"}"#.to_owned();
    check(Trouble::Answers(200, bytes), "Halt").await;
}

#[tokio::test]
async fn a_secret_that_does_not_exist_says_how_to_make_it() {
    let fault = World::new().get("wiki").await.unwrap_err();
    let want = "halt: there is no secret `lanyard/wiki`; create it with `aws secretsmanager \
                create-secret --name lanyard/wiki --secret-string file://FILE`";
    assert_eq!(fault.to_string(), want);
}

#[tokio::test]
async fn nothing_that_is_printed_shows_a_secret() {
    let world = World::new();
    world.service.put("lanyard/wiki", "AWSCURRENT", "MARKER");
    world.get("wiki").await.unwrap();
    assert_eq!(format!("{:?}", world.secrets), "ManagedSecrets(`lanyard/`)");
}
