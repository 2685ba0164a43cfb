//! The connections to all services: HTTP/1.1, TLS with the system's roots, connections
//! that are kept.
//!
//! The SDK's own HTTP client speaks HTTP/2 and through proxies as well, which no function is asked for
//! and each would carry along. Both agree on which errors are lost connections, and that a connection
//! on which an attempt failed is not used again.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{
    CaptureConnection, HttpConnector as TcpConnector, capture_connection,
};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

type Https = HttpsConnector<TcpConnector>;

/// Its clones share their connections.
#[derive(Clone)]
pub struct Http {
    client: Client<Within, SdkBody>,
}

impl Http {
    /// With a limit for making a connection, TLS included. Where the system has no root certificates,
    /// no server is trusted.
    pub fn new(connect: Duration) -> Self {
        let mut roots = RootCertStore::empty();
        let (known, _) =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if known == 0 {
            tracing::warn!("the system has no root certificates: no server will be trusted");
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let connector = Within {
            connector,
            time: connect,
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { client }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.client.clone();
        HttpConnectorFuture::new(async move {
            let user = |error| ConnectorError::user(Box::new(error));
            let mut request = request.try_into_http1x().map_err(user)?;
            let connection = capture_connection(&mut request);
            if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
                capture.set_connection_retriever(move || metadata(&connection));
            }
            let response = client.request(request).await.map_err(classified)?;
            let response = response.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response)
                .map_err(|error| ConnectorError::other(Box::new(error), None))
        })
    }
}

/// What may be known of a connection: how to have it closed after the work on it.
fn metadata(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    connection.connection_metadata().as_ref()?;
    let connection = connection.clone();
    let close = move || {
        if let Some(connected) = &*connection.connection_metadata() {
            connected.poison();
        }
    };
    let metadata = ConnectionMetadata::builder().proxied(false);
    Some(metadata.poison_fn(close).build())
}

/// By what is decided whether to try again.
fn classified(error: legacy::Error) -> ConnectorError {
    if find::<TimedOut>(&error).is_some() {
        return ConnectorError::timeout(error.into());
    }
    let Some(http) = find::<hyper::Error>(&error) else {
        let lost = error.is_connect() || find::<io::Error>(&error).is_some();
        return if lost {
            ConnectorError::io(error.into())
        } else {
            ConnectorError::other(error.into(), None)
        };
    };
    if http.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if http.is_user() {
        ConnectorError::user(error.into())
    } else if http.is_closed() || http.is_canceled() || find::<io::Error>(http).is_some() {
        ConnectorError::io(error.into())
    } else if http.is_incomplete_message() {
        // The server closed a connection that it had kept, or in the middle of an answer.
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else {
        ConnectorError::other(error.into(), None)
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// No connection within its time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
struct TimedOut(Duration);

/// Makes connections, each within a time.
#[derive(Clone)]
struct Within {
    connector: Https,
    time: Duration,
}

impl Service<Uri> for Within {
    type Response = <Https as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.time, self.connector.call(to));
        let time = self.time;
        Box::pin(async move { connecting.await.map_err(|_| TimedOut(time))? })
    }
}

#[cfg(test)]
mod tests;
