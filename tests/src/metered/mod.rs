//! A door to the server that stands for AWS: it counts every request that passes, and what AWS would
//! charge for it. It speaks TLS where whoever measures wants the client's handshakes and ciphers.
//!
//! [`Front::freeze`] takes the server behind it out of a measurement: what was read once is read
//! the same again, and what is written is accepted and forgotten. Every round then does the same.

pub mod bill;
pub mod stack;
pub mod subject;
mod tls;
pub mod units;
mod usage;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use reqwest::Client;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::ministack::REGION;
pub use tls::Authority;
use tls::TlsListener;
pub use usage::Usage;

/// What an item's place in the table's index is read from.
const INDEX: (&str, &str) = ("wake_shard", "wake_at");

/// The door. It closes when it is dropped.
#[derive(Debug)]
pub struct Front {
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    url: String,
    upstream: String,
    http: Client,
    usage: Mutex<Usage>,
    /// Items by table and key, as they were last written.
    items: Mutex<HashMap<String, Map<String, Value>>>,
    frozen: AtomicBool,
    answers: Mutex<HashMap<(String, String, Bytes), Answer>>,
}

/// An answer, as it goes out.
#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// A request.
#[derive(Clone, Debug)]
struct Asked {
    service: String,
    operation: String,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Front {
    /// A door to the server at a URL, with TLS where there is an authority that clients trust.
    pub async fn open(upstream: &str, authority: Option<&Authority>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let scheme = authority.map_or("http", |_| "https");
        let url = format!("{scheme}://{address}");
        let shared = Arc::new(Shared {
            url: url.clone(),
            upstream: upstream.to_owned(),
            http: Client::new(),
            usage: Mutex::default(),
            items: Mutex::default(),
            frozen: AtomicBool::new(false),
            answers: Mutex::default(),
        });
        let routes = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let tls = authority.map(Authority::acceptor);
        let server = tokio::spawn(async move {
            match tls {
                Some(acceptor) => {
                    let listener = TlsListener::new(listener, acceptor);
                    axum::serve(listener, routes).await.expect("it serves");
                }
                None => axum::serve(listener, routes).await.expect("it serves"),
            }
        });
        Self {
            url,
            shared,
            server,
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What passed so far.
    pub fn usage(&self) -> Usage {
        self.shared.usage().clone()
    }

    /// From now on, reads are answered as they were first answered, and writes are not passed on.
    pub fn freeze(&self) {
        self.shared.frozen.store(true, Ordering::Relaxed);
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked::new(method, uri, headers, body);
    let answer = shared.answer(&asked).await;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

impl Asked {
    fn new(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let scope = text("authorization").unwrap_or_default();
        let service = scope.split('/').nth(3).unwrap_or_default().to_owned();
        let operation = match text("x-amz-target") {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => method.to_string(),
        };
        Self {
            service,
            operation,
            method,
            uri,
            headers,
            body,
        }
    }

    fn reads(&self) -> bool {
        matches!(
            self.operation.as_str(),
            "GET" | "GetItem" | "BatchGetItem" | "Query" | "Scan" | "GetSecretValue"
        )
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Shared {
    async fn answer(&self, asked: &Asked) -> Answer {
        let body = asked.json();
        self.usage().count(&asked.service, &asked.operation, &body);
        if !self.frozen.load(Ordering::Relaxed) {
            let answer = self.forward(asked).await;
            self.charge(asked, &body, &answer).await;
            return answer;
        }
        if !asked.reads() {
            return accepted(asked, &body);
        }
        let place = asked.uri.to_string();
        let key = (asked.operation.clone(), place, asked.body.clone());
        let known = lock(&self.answers).get(&key).cloned();
        if let Some(known) = known {
            return known;
        }
        let answer = self.forward(asked).await;
        lock(&self.answers).insert(key, answer.clone());
        answer
    }

    async fn forward(&self, asked: &Asked) -> Answer {
        let place = asked
            .uri
            .path_and_query()
            .map_or("/", |place| place.as_str());
        let mut headers = asked.headers.clone();
        for name in [header::HOST, header::CONTENT_LENGTH] {
            headers.remove(name);
        }
        // Queues are known by their URL.
        let body = match asked.service.as_str() {
            "sqs" => {
                let text = String::from_utf8_lossy(&asked.body);
                Bytes::from(text.replace(&self.url, &self.upstream))
            }
            _ => asked.body.clone(),
        };
        let url = format!("{}{place}", self.upstream);
        let sent = self.http.request(asked.method.clone(), url);
        let answer = sent.headers(headers).body(body).send().await;
        let answer = answer.expect("the server answers");
        let status = answer.status();
        let mut headers = answer.headers().clone();
        for name in [header::TRANSFER_ENCODING, header::CONNECTION, header::DATE] {
            headers.remove(name);
        }
        let body = answer.bytes().await.expect("a body");
        Answer {
            status,
            headers,
            body,
        }
    }

    /// DynamoDB's units.
    async fn charge(&self, asked: &Asked, body: &Value, answer: &Answer) {
        if asked.service != "dynamodb" {
            return;
        }
        let answered: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        // A consistent read is two halves a unit, another one.
        let halves = |body: &Value| if body["ConsistentRead"] == true { 2 } else { 1 };
        match asked.operation.as_str() {
            "GetItem" => {
                let bytes = answered["Item"].as_object().map_or(0, units::size);
                self.read(halves(body) * units::read(bytes));
            }
            "Query" | "Scan" => {
                let read = self.read_by(body, &answered);
                self.read(halves(body) * units::read(read));
            }
            "BatchGetItem" => {
                for (table, keys) in body["RequestItems"].as_object().into_iter().flatten() {
                    for key in keys["Keys"].as_array().into_iter().flatten() {
                        let bytes = self.known(table, key).as_ref().map_or(0, units::size);
                        self.read(halves(keys) * units::read(bytes));
                    }
                }
            }
            "UpdateItem" | "DeleteItem" => {
                self.write(&body["TableName"], &body["Key"], 1, asked).await;
            }
            "PutItem" => {
                self.write(&body["TableName"], &key(&body["Item"]), 1, asked)
                    .await;
            }
            "TransactWriteItems" => {
                for action in body["TransactItems"].as_array().into_iter().flatten() {
                    for one in action.as_object().into_iter().flatten().map(|(_, one)| one) {
                        let named = one.get("Key").cloned();
                        let key = named.unwrap_or_else(|| key(&one["Item"]));
                        // Prepared and committed: each is charged.
                        self.write(&one["TableName"], &key, 2, asked).await;
                    }
                }
            }
            "BatchWriteItem" => {
                for (table, actions) in body["RequestItems"].as_object().into_iter().flatten() {
                    for action in actions.as_array().into_iter().flatten() {
                        let put = action.pointer("/PutRequest/Item").map(key);
                        let deleted = || action["DeleteRequest"]["Key"].clone();
                        let key = put.unwrap_or_else(deleted);
                        self.write(&Value::from(table.as_str()), &key, 1, asked)
                            .await;
                    }
                }
            }
            "CreateTable" | "UpdateTimeToLive" | "DescribeTable" => {}
            other => panic!("no units are known for `{other}`"),
        }
    }

    /// Bytes that a query or a scan read, also those that a filter held back.
    fn read_by(&self, body: &Value, answered: &Value) -> usize {
        let items = answered["Items"].as_array();
        let returned = items.into_iter().flatten().filter_map(Value::as_object);
        let returned: usize = returned.map(units::size).sum();
        if answered["ScannedCount"] == answered["Count"] {
            return returned;
        }
        // The suite's scans and filtered queries read a whole table or partition in one page.
        assert!(answered["LastEvaluatedKey"].is_null(), "{body}");
        let partition = body["ExpressionAttributeValues"].as_object();
        let partition: Vec<Value> =
            partition.map_or(Vec::new(), |all| all.values().cloned().collect());
        let whole = body["KeyConditionExpression"].is_null();
        let items = lock(&self.items);
        let inside = |item: &&Map<String, Value>| whole || partition.contains(&item["pk"]);
        items.values().filter(inside).map(units::size).sum()
    }

    fn known(&self, table: &str, key: &Value) -> Option<Map<String, Value>> {
        lock(&self.items).get(&place(table, key)).cloned()
    }

    /// A write to one item, whether its condition held or not: looks what became of it.
    async fn write(&self, table: &Value, key: &Value, times: usize, asked: &Asked) {
        let table = table.as_str().expect("a table");
        let before = self.known(table, key);
        let input = json!({"TableName": table, "Key": key, "ConsistentRead": true});
        let mut headers = asked.headers.clone();
        let operation = HeaderValue::from_static("DynamoDB_20120810.GetItem");
        headers.insert("x-amz-target", operation);
        let look = Asked {
            headers,
            body: input.to_string().into(),
            ..asked.clone()
        };
        let answer = self.forward(&look).await;
        let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let after = answer["Item"].as_object().cloned();
        let bytes = |item: &Option<Map<String, Value>>| item.as_ref().map_or(0, units::size);
        let mut written = units::write(bytes(&before), bytes(&after));
        written += units::index(seat(before.as_ref()), seat(after.as_ref()));
        self.usage().write_units += (times * written) as u64;
        let mut items = lock(&self.items);
        match after {
            Some(item) => items.insert(place(table, key), item),
            None => items.remove(&place(table, key)),
        };
    }

    fn read(&self, halves: usize) {
        self.usage().half_read_units += halves as u64;
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        lock(&self.usage)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The keys of an item.
fn key(item: &Value) -> Value {
    json!({"pk": item["pk"], "sk": item["sk"]})
}

fn place(table: &str, key: &Value) -> String {
    format!("{table} {} {}", key["pk"]["S"], key["sk"]["S"])
}

/// Where an item is in the index.
fn seat(item: Option<&Map<String, Value>>) -> Option<(&str, &str)> {
    let item = item?;
    let text = |name| item.get(name)?["S"].as_str();
    Some((text(INDEX.0)?, text(INDEX.1)?))
}

/// The answer to a write that goes nowhere.
fn accepted(asked: &Asked, body: &Value) -> Answer {
    let entries = body["Entries"].as_array().into_iter().flatten();
    let taken: Vec<Value> = entries
        .map(|entry| json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "0"}))
        .collect();
    let (status, body) = match (asked.service.as_str(), taken.is_empty()) {
        ("sqs", true) => {
            let error =
                json!({"__type": "com.amazonaws.sqs#EmptyBatchRequest", "message": "empty"});
            (StatusCode::BAD_REQUEST, error)
        }
        ("sqs", false) => (StatusCode::OK, json!({"Successful": taken, "Failed": []})),
        _ => (StatusCode::OK, json!({})),
    };
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/x-amz-json-1.0");
    headers.insert(header::CONTENT_TYPE, kind);
    Answer {
        status,
        headers,
        body: body.to_string().into(),
    }
}

/// The header that names a service, for a request past the SDK.
pub fn authorization(service: &str) -> String {
    let scope = format!("Credential=test/20260101/{REGION}/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0")
}
