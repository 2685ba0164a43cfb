//! Every way in which the service can fail, and what a handler is told to do about it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_client::{Config, Credentials, Limits};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use ports::store::{Health, Reading, Segment};
use ports::{Fault, Store};
use store_dynamodb::{DynamoStore, create_table};

use crate::{ack, commit, delivery, fact, identity, record};

/// A service that answers everything in one way.
#[derive(Clone, Debug)]
enum Service {
    Answers(u16, &'static str),
    IsNotReached,
    DoesNotAnswerInTime,
}

#[derive(Clone, Debug)]
struct Connection {
    service: Service,
    requests: Arc<Mutex<Vec<String>>>,
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        self.requests.lock().unwrap().push(operation);
        HttpConnectorFuture::ready(match &self.service {
            Service::Answers(status, body) => {
                let body = SdkBody::from(*body);
                Ok(HttpResponse::new((*status).try_into().unwrap(), body))
            }
            Service::IsNotReached => Err(ConnectorError::io("refused".into())),
            Service::DoesNotAnswerInTime => Err(ConnectorError::timeout("slow".into())),
        })
    }
}

fn store(service: Service) -> (DynamoStore, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::default();
    let connection = Connection {
        service,
        requests: Arc::clone(&requests),
    };
    let credentials = Credentials::new("a", "b", None, None, "test");
    let limits = Limits {
        attempt: Duration::from_secs(1),
        request: Duration::from_secs(1),
        attempts: 1,
    };
    let endpoint = Some("http://dynamodb.test".to_owned());
    let aws = Config::new("local", credentials, connection, limits).at(endpoint);
    (DynamoStore::new(&aws, "t"), requests)
}

/// One request of every kind.
async fn every_request(store: &DynamoStore) -> Vec<(&'static str, Fault)> {
    let all = Segment { index: 0, of: 1 };
    let mut founding = commit(1, None, 1, &["a"]);
    let single = store.commit(&founding).await.unwrap_err();
    founding.links = vec![record(2)];
    let now = jiff::Timestamp::UNIX_EPOCH;
    let key = ports::store::ClaimKey {
        namespace: "n".into(),
        value: domain::Hash::of(b""),
    };
    let target = "a".into();
    let post = delivery("e");
    vec![
        (
            "accept",
            store.accept(&post, &[fact(1, "e")]).await.unwrap_err(),
        ),
        (
            "accept nothing",
            store.accept(&post, &[]).await.unwrap_err(),
        ),
        ("dossier", store.dossier(&record(1)).await.unwrap_err()),
        ("seat", store.seat(&identity(1), &target).await.unwrap_err()),
        ("holders", store.holders(&[key]).await.unwrap_err()),
        ("commit", single),
        (
            "commit with links",
            store.commit(&founding).await.unwrap_err(),
        ),
        (
            "rest",
            store
                .rest(&identity(1), domain::Generation(1), None)
                .await
                .unwrap_err(),
        ),
        ("ack", store.ack(&ack(1, "a", None, 1)).await.unwrap_err()),
        ("due", store.due(now, 1).await.unwrap_err()),
        (
            "scan",
            store.scan(all, Reading::Latest, None).await.unwrap_err(),
        ),
        ("health", store.health(&target).await.unwrap_err()),
        (
            "set health",
            store
                .set_health(&target, &Health::Healthy)
                .await
                .unwrap_err(),
        ),
    ]
}

async fn check(service: Service, want: &str) {
    let (store, requests) = store(service.clone());
    let faults = every_request(&store).await;
    for (request, fault) in &faults {
        assert_eq!(fault.error_type(), want, "{request}, {service:?}: {fault}");
        let said = format!("{fault} {fault:?}");
        assert!(!said.contains("MARKER"), "{request}, {service:?}: {said}");
    }
    // 13 requests, one of which asks 16 parts of the index; none is tried again.
    let requests = requests.lock().unwrap().len();
    assert!((13..=28).contains(&requests), "{requests} requests");
    let spent = store.requests();
    assert_eq!([spent.writes, spent.transactions, spent.refused], [0, 0, 0]);
}

#[tokio::test]
async fn what_passes_is_retried() {
    for body in [
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"MARKER"}"#,
        r#"{"__type":"com.amazon.coral.availability#ThrottlingException","message":"MARKER"}"#,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#RequestLimitExceeded","message":"MARKER"}"#,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"MARKER"}"#,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionInProgressException","message":"MARKER"}"#,
        r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"MARKER"}"#,
        r#"{"__type":"SomethingNew","message":"MARKER"}"#,
        "MARKER",
        "",
    ] {
        check(Service::Answers(400, body), "Retry").await;
    }
    let internal = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#;
    check(Service::Answers(500, internal), "Retry").await;
    check(Service::Answers(503, "<html>MARKER</html>"), "Retry").await;
    check(Service::IsNotReached, "Retry").await;
    check(Service::DoesNotAnswerInTime, "Retry").await;
}

#[tokio::test]
async fn what_no_retry_cures_is_rejected() {
    for body in [
        r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"MARKER is too large"}"#,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ItemCollectionSizeLimitExceededException","message":"MARKER"}"#,
        r#"{"__type":"com.amazon.coral.service#SerializationException","Message":"MARKER"}"#,
    ] {
        check(Service::Answers(400, body), "Reject").await;
    }
}

#[tokio::test]
async fn what_an_operator_has_to_cure_halts() {
    for body in [
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"MARKER"}"#,
        r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"MARKER"}"#,
        r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"MARKER"}"#,
        r#"{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"MARKER"}"#,
    ] {
        check(Service::Answers(400, body), "Halt").await;
    }
}

/// A cancelled transaction by its reasons: only a condition is an answer.
#[tokio::test]
async fn a_cancelled_transaction_is_told_apart_by_its_reasons() {
    let cases = [
        ("TransactionConflict", "Retry"),
        ("ThrottlingError", "Retry"),
        ("ProvisionedThroughputExceeded", "Retry"),
        ("ValidationError", "Reject"),
        ("ItemCollectionSizeLimitExceeded", "Reject"),
    ];
    for (code, want) in cases {
        let body = format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message":"MARKER","CancellationReasons":[
                {{"Code":"None"}},{{"Code":"{code}","Message":"MARKER"}}]}}"#
        );
        let (store, _) = store(Service::Answers(400, body.leak()));
        let mut founding = commit(1, None, 1, &["a"]);
        founding.links = vec![record(2)];
        let facts = [fact(1, "e")];
        for fault in [
            store.commit(&founding).await.unwrap_err(),
            store.accept(&delivery("e"), &facts).await.unwrap_err(),
        ] {
            assert_eq!(fault.error_type(), want, "{code}: {fault}");
            assert!(!format!("{fault:?}").contains("MARKER"));
        }
        assert_eq!(store.requests().refused, 0);
    }
}

#[tokio::test]
async fn keys_that_were_not_read_are_retried() {
    let body = r#"{"Responses":{"t":[]},"UnprocessedKeys":{"t":{"Keys":[{"pk":{"S":"x"}}]}}}"#;
    let (store, _) = store(Service::Answers(200, body));
    let fault = store.seat(&identity(1), &"a".into()).await.unwrap_err();
    assert_eq!(fault.error_type(), "Retry");
}

/// Somebody changes the item between every two writes: the connector gives way to the queue.
#[tokio::test]
async fn an_acknowledgement_does_not_fight_for_ever() {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message":"The conditional request failed",
        "Item":{"gen":{"N":"1"},"o":{"M":{"b":{"N":"1"}}}}}"#;
    let (store, requests) = store(Service::Answers(400, body));
    let fault = store.ack(&ack(1, "a", None, 1)).await.unwrap_err();
    assert_eq!(fault.error_type(), "Retry");
    assert_eq!(requests.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_table_that_is_there_is_left_alone() {
    let in_use = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceInUseException"}"#;
    let (there, requests) = store(Service::Answers(400, in_use));
    create_table(&there, true).await.unwrap();
    assert_eq!(*requests.lock().unwrap(), ["CreateTable"]);
    let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException"}"#;
    let (denied, _) = store(Service::Answers(400, denied));
    let fault = create_table(&denied, true).await.unwrap_err();
    assert_eq!(fault.error_type(), "Halt");
}

/// Loses the answer to each first attempt, and remembers the token of every transaction.
#[derive(Clone, Debug, Default)]
struct Forgetful(Arc<Mutex<Vec<String>>>);

impl HttpConnector for Forgetful {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body: serde_json::Value =
            serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let mut tokens = self.0.lock().unwrap();
        tokens.push(body["ClientRequestToken"].as_str().unwrap().to_owned());
        HttpConnectorFuture::ready(if tokens.len() % 2 == 1 {
            Err(ConnectorError::io("reset".into()))
        } else {
            Ok(HttpResponse::new(200.try_into().unwrap(), "{}".into()))
        })
    }
}

/// By its token the service knows a transaction that it has carried out already.
#[tokio::test]
async fn a_transaction_that_is_sent_again_is_the_same_one() {
    let connection = Forgetful::default();
    let credentials = Credentials::new("a", "b", None, None, "test");
    let limits = Limits {
        attempt: Duration::from_secs(5),
        request: Duration::from_secs(10),
        attempts: 3,
    };
    let aws = Config::new("local", credentials, connection.clone(), limits);
    let store = DynamoStore::new(&aws, "t");
    for event in ["e", "f"] {
        store
            .accept(&delivery(event), &[fact(1, event)])
            .await
            .unwrap();
    }
    let tokens = connection.0.lock().unwrap().clone();
    assert_eq!(tokens.len(), 4);
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(tokens[2], tokens[3]);
    assert_ne!(tokens[0], tokens[2], "another transaction has another");
    assert!(tokens.iter().all(|token| (1..=36).contains(&token.len())));
}
