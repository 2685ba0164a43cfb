//! A small HTTP client for this machine: the demo posts with it as an HR system would, and the
//! command line talks to a running `lanyard local`. Targets are never called from here.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Largest answer that is read.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// One connection, opened when it is needed and again when it is gone.
#[derive(Debug)]
pub struct Client {
    authority: String,
    open: Option<SendRequest<Full<Bytes>>>,
    patience: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A client for `http://host:port`. TLS is not spoken: what listens on this machine needs
    /// none, and anything farther away belongs behind a tunnel.
    pub fn new(url: &str, patience: Duration) -> anyhow::Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("`{url}` does not begin with http://");
        };
        let authority = rest.split('/').next().unwrap_or_default();
        if authority.is_empty() || authority.contains('@') {
            bail!("`{url}` names no host");
        }
        let port = authority.rsplit(':').next().unwrap_or_default();
        let has_port = authority.contains(':') && port.parse::<u16>().is_ok();
        Ok(Self {
            authority: if has_port {
                authority.to_owned()
            } else {
                format!("{authority}:80")
            },
            open: None,
            patience,
        })
    }

    /// Sends one request.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        let patience = self.patience;
        let exchange = self.exchange(method, path, headers, body.into());
        tokio::time::timeout(patience, exchange)
            .await
            .with_context(|| format!("no answer within {} s", patience.as_secs()))?
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body))?;
        let sender = self.connection().await?;
        let response = sender.send_request(request).await.context("no answer")?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| anyhow::anyhow!("the answer breaks off: {error}"))?
            .to_bytes();
        Ok(Answer { status, body })
    }

    async fn connection(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        if let Some(mut sender) = self.open.take()
            && sender.ready().await.is_ok()
        {
            return Ok(self.open.insert(sender));
        }
        let stream = TcpStream::connect(&self.authority)
            .await
            .with_context(|| format!("nobody listens at {}", self.authority))?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Ends with the connection; whoever waits for an answer sees why.
            connection.await.ok();
        });
        sender.ready().await.context("the connection is gone")?;
        Ok(self.open.insert(sender))
    }
}
