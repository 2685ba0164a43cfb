//! The least that a function on Lambda can be which writes to a table and to a queue: blocking
//! HTTP/1.1 over TLS, signatures written out, no SDK, no runtime. A floor for benchmarks.
//!
//! It retries nothing, looks into no answer but for its status, and does one thing.

mod http;
mod sign;

use std::error::Error;
use std::io;

use http::{Connection, Request};
use sign::Credentials;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A request to one service of AWS, in its JSON protocol.
struct Call {
    service: &'static str,
    target: &'static str,
    body: String,
}

fn main() -> Outcome<()> {
    let api = variable("AWS_LAMBDA_RUNTIME_API")?;
    let endpoint = variable("AWS_ENDPOINT_URL")?;
    let table = variable("LANYARD_TABLE")?;
    let queue = format!("{}facts.fifo", variable("LANYARD_QUEUE_PREFIX")?);
    let credentials = Credentials {
        id: variable("AWS_ACCESS_KEY_ID")?,
        key: variable("AWS_SECRET_ACCESS_KEY")?,
        token: variable("AWS_SESSION_TOKEN")?,
        region: variable("AWS_REGION")?,
    };
    let host = endpoint
        .strip_prefix("https://")
        .ok_or("the endpoint has no TLS")?;
    let mut services = Connection::with_tls(host)?;
    let mut platform = Connection::plain(&api)?;
    loop {
        let next = Request::get("/2018-06-01/runtime/invocation/next", &api);
        let event = platform.send(&next)?;
        let id = event.header("lambda-runtime-aws-request-id");
        let id = id.ok_or("the event has no id")?;
        let item = format!(r#"{{"pk":{{"S":"lean"}},"sk":{{"S":"{id}"}},"v":{{"N":"1"}}}}"#);
        let entry = format!(
            r#"{{"Id":"0","MessageBody":"{{}}","MessageGroupId":"lean","MessageDeduplicationId":"{id}"}}"#
        );
        let calls = [
            Call {
                service: "dynamodb",
                target: "DynamoDB_20120810.PutItem",
                body: format!(r#"{{"TableName":"{table}","Item":{item}}}"#),
            },
            Call {
                service: "sqs",
                target: "AmazonSQS.SendMessageBatch",
                body: format!(r#"{{"QueueUrl":"{queue}","Entries":[{entry}]}}"#),
            },
        ];
        for call in calls {
            let headers = credentials.headers(&call, host, now());
            let request = Request::post("/", headers, call.body);
            services.send(&request)?.check()?;
        }
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        let host = vec![("host".to_owned(), api.clone())];
        let answer = r#"{"batchItemFailures":[]}"#.to_owned();
        platform
            .send(&Request::post(&path, host, answer))?
            .check()?;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is a whole program, and a small one"
)]
fn variable(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(|_| io::Error::other(format!("`{name}` is not set")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is a whole program, and a small one"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
