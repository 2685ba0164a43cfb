//! DynamoDB inside the process: the same client and adapter as in the cloud, signing included, over a
//! connection that hands each request to an engine on SQLite (`dynoxide`) instead of a socket. The table design,
//! its conditions and its transactions are thereby exercised by every demo and every test.
//!
//! The engine's stream of changes keeps its records for ever, so the embedded table has none; and
//! its clock is the machine's, so nothing here deletes by time to live.

use std::path::Path;
use std::time::Duration;

use aws_client::{Config, Credentials, Limits};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use ports::Fault;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DynamoStore, create_table};

/// The embedded table's name.
const TABLE: &str = "lanyard";

/// The engine answers in milliseconds, unless the disk is busy. What it refuses it refuses again.
const LIMITS: Limits = Limits {
    attempt: Duration::from_mins(1),
    request: Duration::from_mins(1),
    attempts: 1,
};

/// Why the table cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened as a database.
    #[error("the table's file cannot be opened")]
    File(#[source] DynoxideError),
    /// The table cannot be created in it.
    #[error("the table cannot be created")]
    Table(#[source] Fault),
}

/// An empty table that ends with the process.
pub async fn open_in_memory() -> Result<DynamoStore, OpenError> {
    let database = Database::memory().map_err(OpenError::File)?;
    let blocking = false;
    open_in(Engine { database, blocking }).await
}

/// The table in a file, which is made if need be. A write that was answered is on the disk.
pub async fn open(path: &Path) -> Result<DynamoStore, OpenError> {
    let database = Database::new(&path.to_string_lossy()).map_err(OpenError::File)?;
    let blocking = true;
    open_in(Engine { database, blocking }).await
}

async fn open_in(engine: Engine) -> Result<DynamoStore, OpenError> {
    // The engine looks at none; a request is signed all the same.
    let credentials = Credentials::new("embedded", "embedded", None, None, "embedded");
    let endpoint = Some("http://dynamodb.embedded".to_owned());
    let aws = Config::new("local", credentials, engine, LIMITS).at(endpoint);
    let store = DynamoStore::new(&aws, TABLE);
    let created = create_table(&store, false).await;
    created.map_err(OpenError::Table)?;
    Ok(store)
}

/// The engine in the place of a connection.
#[derive(Clone)]
struct Engine {
    database: Database,
    /// Whether a request may wait for a disk and belongs on a thread that may.
    blocking: bool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl HttpConnector for Engine {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let database = self.database.clone();
        let answer = move || answer(&database, &operation, &body);
        if !self.blocking {
            return HttpConnectorFuture::ready(answer());
        }
        HttpConnectorFuture::new(async move {
            tokio::task::spawn_blocking(answer)
                .await
                .unwrap_or_else(|error| Err(ConnectorError::other(error.into(), None)))
        })
    }
}

/// The engine's answer in the shape of HTTP.
fn answer(
    database: &Database,
    operation: &str,
    body: &[u8],
) -> Result<HttpResponse, ConnectorError> {
    let (status, body) = match dispatch(database, operation, body) {
        Ok(body) => (200, body),
        Err(error) => (error.status_code(), error.to_json()),
    };
    let status = status
        .try_into()
        .map_err(|error| ConnectorError::other(Box::new(error), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

/// The operations that the adapter uses.
fn dispatch(database: &Database, operation: &str, body: &[u8]) -> dynoxide::Result<String> {
    match operation {
        "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
        "CreateTable" => run(body, |request| database.create_table(request)),
        "DeleteItem" => run(body, |request| database.delete_item(request)),
        "GetItem" => run(body, |request| database.get_item(request)),
        "PutItem" => run(body, |request| database.put_item(request)),
        "Query" => run(body, |request| database.query(request)),
        "Scan" => run(body, |request| database.scan(request)),
        "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
        "UpdateItem" => run(body, |request| database.update_item(request)),
        "UpdateTimeToLive" => run(body, |request| database.update_time_to_live(request)),
        _ => Err(DynoxideError::UnsupportedCapability(operation.to_owned())),
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    act: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<String> {
    let request = serde_json::from_slice(body)
        .map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
    let answer = act(request)?;
    serde_json::to_string(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
