//! A server that speaks AWS's protocols and that we did not write (`ministack`, from PyPI), with what
//! the adapters are made of over loopback. Its clock stands still until it is set, so that minutes of
//! queues pass at once. What it does otherwise than AWS is in `docs/aws-emulators.md`.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use aws_client::{Config, Credentials, Limits};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::Value;

use crate::third_party::{CLOCK, Running, ThirdParty};

/// The account that everything belongs to.
pub const ACCOUNT: &str = "000000000000";

/// The region of everything.
pub const REGION: &str = "eu-central-1";

/// A started server. It ends when it is dropped.
#[derive(Debug)]
pub struct Ministack {
    server: Running,
    http: Client,
    clock: File,
}

impl Ministack {
    /// Installs the server where necessary and starts an empty one.
    pub async fn start() -> Self {
        let server = ThirdParty::Ministack.start().await;
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let clock = server.folder().join(CLOCK);
        let clock = OpenOptions::new().write(true).open(clock);
        Self {
            server,
            http: Client::new(),
            clock: clock.expect("the server's clock"),
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        self.server.base_url()
    }

    /// Sets its clock. Full seconds are exact.
    pub fn set_time(&self, now: Timestamp) {
        let seconds = now.as_duration().as_secs_f64();
        self.clock
            .write_all_at(&seconds.to_le_bytes(), 0)
            .expect("the server's clock");
    }

    /// What the adapters are made of.
    pub fn aws(&self) -> Config {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let limits = Limits {
            attempt: Duration::from_mins(1),
            request: Duration::from_mins(2),
            attempts: 3,
        };
        let connector = Loopback(self.http.clone());
        Config::new(REGION, credentials, connector, limits).at(Some(self.url().to_owned()))
    }

    /// A request in AWS's JSON protocol, such as `AmazonSQS.CreateQueue`, past the adapters.
    /// Answers what the service does.
    pub async fn call(&self, operation: &str, input: &Value) -> Result<Value, String> {
        let service = match operation.split('.').next() {
            Some("AmazonSQS") => "sqs",
            Some("secretsmanager") => "secretsmanager",
            other => panic!("no service is known for {other:?}"),
        };
        let scope = format!("Credential=test/20260101/{REGION}/{service}/aws4_request");
        let answer = self
            .http
            .post(format!("{}/", self.url()))
            .header("x-amz-target", operation)
            .header("content-type", "application/x-amz-json-1.0")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
            )
            .body(input.to_string())
            .send()
            .await
            .expect("an answer");
        let succeeded = answer.status().is_success();
        let body = answer.text().await.expect("a body");
        if !succeeded {
            return Err(body);
        }
        Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// Makes a bucket.
    pub async fn create_bucket(&self, name: &str) {
        let scope = format!("Credential=test/20260101/{REGION}/s3/aws4_request");
        let answer = self
            .http
            .put(format!("{}/{name}", self.url()))
            .body(format!(
                "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint>\
                 </CreateBucketConfiguration>"
            ))
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
            )
            .send()
            .await
            .expect("an answer");
        let succeeded = answer.status().is_success();
        assert!(succeeded, "{}", answer.text().await.expect("a body"));
    }
}

/// The adapters' way to the server.
#[derive(Clone, Debug)]
struct Loopback(Client);

impl HttpConnector for Loopback {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let http = self.0.clone();
        HttpConnectorFuture::new(async move {
            let method = request.method().parse().expect("a method");
            let body = request.body().bytes().expect("a body in memory").to_vec();
            let mut sent = http.request(method, request.uri());
            for (name, value) in request.headers() {
                sent = sent.header(name, value);
            }
            let broken = |error: reqwest::Error| ConnectorError::io(error.into());
            let answer = sent.body(body).send().await.map_err(broken)?;
            let status = answer.status().as_u16().try_into().expect("a status");
            let headers = answer.headers().clone();
            let body = answer.bytes().await.map_err(broken)?;
            let mut response = HttpResponse::new(status, SdkBody::from(body));
            for (name, value) in &headers {
                let value = value.to_str().expect("a header in ASCII").to_owned();
                response
                    .headers_mut()
                    .append(name.as_str().to_owned(), value);
            }
            Ok(response)
        })
    }
}
