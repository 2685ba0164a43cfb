//! Requests to one origin.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, LOCATION, RETRY_AFTER,
};

use crate::auth::Proof;
use crate::limit;
use crate::origin::{Network, Origin};
use crate::resolve::Guarded;
use crate::{ConfigError, HttpError};

/// How every request names us.
const USER_AGENT: &str = concat!("Lanyard/", env!("CARGO_PKG_VERSION"));

/// How one target is reached.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Base URL; paths are below it.
    pub base_url: Box<str>,
    /// Which addresses its host may have.
    pub network: Network,
    /// For the connection alone.
    pub connect_timeout: Duration,
    /// For the whole exchange, body included.
    pub timeout: Duration,
    /// Largest answer that is read, after decompression.
    pub max_body: usize,
}

impl HttpConfig {
    /// Three seconds to connect, ten in all, 8 MiB of answer, public addresses.
    pub fn new(base_url: impl Into<Box<str>>) -> Self {
        Self {
            base_url: base_url.into(),
            network: Network::PUBLIC,
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            max_body: 8 * 1024 * 1024,
        }
    }
}

/// The verbs that targets understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or searches.
    Post,
    /// Changes a part.
    Patch,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// The verb on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    const fn to_reqwest(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Post => reqwest::Method::POST,
            Self::Patch => reqwest::Method::PATCH,
            Self::Put => reqwest::Method::PUT,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}

/// Where a request goes.
#[derive(Clone, Copy)]
pub enum To<'a> {
    /// The base URL itself.
    Base,
    /// Below the base URL.
    Path {
        /// Begins with a slash; percent-encoded.
        path: &'a str,
        /// Percent-encoded, without the question mark.
        query: Option<&'a str>,
    },
    /// A link that the target gave; refused where it leaves the origin.
    Link(&'a str),
}

/// A body and its media type.
#[derive(Clone)]
pub struct Body {
    /// The media type.
    pub content_type: &'static str,
    /// The bytes.
    pub bytes: Bytes,
}

/// One request.
#[derive(Clone)]
pub struct Request<'a> {
    /// The verb.
    pub method: Method,
    /// Where to.
    pub to: To<'a>,
    /// The path without anybody's data (`/Users/{id}`), for logs.
    pub template: &'static str,
    /// The `Accept` header.
    pub accept: &'static str,
    /// What proves who sends it.
    pub proof: Option<&'a Proof>,
    /// Further headers, their names in lower case.
    pub headers: &'a [(&'static str, &'a str)],
    /// Names in lower case of further headers of the answer that are wanted.
    pub keep: &'a [&'static str],
    /// The `If-Match` header.
    pub if_match: Option<&'a str>,
    /// The body.
    pub body: Option<Body>,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.name(), self.template)
    }
}

impl<'a> Request<'a> {
    /// A request without proof, body or further headers.
    pub const fn new(method: Method, to: To<'a>, template: &'static str) -> Self {
        Self {
            method,
            to,
            template,
            accept: "application/json",
            proof: None,
            headers: &[],
            keep: &[],
            if_match: None,
            body: None,
        }
    }
}

/// What came back. `Debug` shows the status and sizes only.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The `Retry-After` header; [`retry_after`](crate::retry_after()) reads it.
    pub retry_after: Option<Box<str>>,
    /// The `ETag` header.
    pub etag: Option<Box<str>>,
    /// The `Location` header.
    pub location: Option<Box<str>>,
    /// The `Content-Type` header.
    pub content_type: Option<Box<str>>,
    /// The headers that speak of rate limits (`RateLimit-*`, `X-Rate-Limit-*`), as they came.
    pub rate_limits: Vec<(Box<str>, Box<str>)>,
    /// The headers that the request asked to be kept, by name in lower case.
    pub kept: BTreeMap<&'static str, Box<str>>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether the status is 2xx.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// A client for one origin. Cheap to share behind a reference; keeps connections open.
#[derive(Debug)]
pub struct HttpClient {
    http: reqwest::Client,
    origin: Origin,
    timeout: Duration,
    max_body: usize,
    calls: AtomicU64,
}

impl HttpClient {
    /// A client for the configured origin.
    pub fn new(config: &HttpConfig) -> Result<Self, ConfigError> {
        let origin = Origin::new(&config.base_url, config.network)?;
        let mut http = reqwest::Client::builder();
        if !origin.speaks_tls() {
            // Reading the machine's root certificates takes longer than making all the rest, and
            // nobody is shown to them: redirects are not followed.
            http = http.tls_certs_only([]);
        }
        let http = http
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .https_only(!origin.is_loopback())
            .connect_timeout(config.connect_timeout)
            // Shorter than the idle timeouts of common load balancers (60 s), so that a request
            // seldom meets a connection that the other side is closing.
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(Arc::new(Guarded {
                network: config.network,
                loopback: origin.is_loopback(),
            }))
            .build()
            .map_err(|e| ConfigError::Client(e.without_url().into()))?;
        Ok(Self {
            http,
            origin,
            timeout: config.timeout,
            max_body: config.max_body,
            calls: AtomicU64::new(0),
        })
    }

    /// The origin that this client may call.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Requests sent so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Sends one request and reads the whole answer. Any status is an answer.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, HttpError> {
        let url = match request.to {
            To::Base => Some(self.origin.base()),
            To::Path { path, query } => self.origin.join(path, query),
            To::Link(link) => self.origin.follow(link),
        };
        let Some(url) = url else {
            return Err(HttpError::Refused {
                why: "the URL leaves the configured origin".into(),
            });
        };
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(ACCEPT, HeaderValue::from_static(request.accept));
        if let Some(proof) = request.proof {
            let (name, value) = proof.header();
            headers.insert(name, value);
        }
        for (name, value) in request.headers {
            let value = header(value, "a header")?;
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Some(version) = request.if_match {
            headers.insert(IF_MATCH, header(version, "the version")?);
        }
        let timeout = limit::left(self.timeout).ok_or(HttpError::OutOfTime)?;
        let mut builder = self.http.request(request.method.to_reqwest(), url);
        builder = builder.timeout(timeout);
        if let Some(body) = request.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type));
            builder = builder.body(body.bytes);
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = match builder.headers(headers).send().await {
            Ok(response) => self.read(response, request.keep).await,
            Err(error) => Err(classify(error)),
        };
        let (method, template) = (request.method.name(), request.template);
        match &answer {
            Ok(answer) => {
                tracing::debug!(method, template, status = answer.status, "target answered");
            }
            Err(error) => tracing::debug!(method, template, %error, "target did not answer"),
        }
        answer
    }

    async fn read(
        &self,
        mut response: reqwest::Response,
        keep: &[&'static str],
    ) -> Result<Answer, HttpError> {
        let too_large = || HttpError::TooLarge {
            limit: self.max_body,
        };
        let text = |name: HeaderName| {
            let value = response.headers().get(name)?;
            Some(Box::<str>::from(value.to_str().ok()?))
        };
        let (retry_after, etag, location) = (text(RETRY_AFTER), text(ETAG), text(LOCATION));
        let content_type = text(CONTENT_TYPE);
        let rate_limits = rate_limits(response.headers());
        let kept = keep.iter().filter_map(|name| {
            let value = text(HeaderName::from_static(name))?;
            Some((*name, value))
        });
        let kept = kept.collect();
        let status = response.status().as_u16();
        let declared = response.content_length().unwrap_or(0);
        let declared = usize::try_from(declared).unwrap_or(usize::MAX);
        if declared > self.max_body {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(declared);
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > self.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            retry_after,
            etag,
            location,
            content_type,
            rate_limits,
            kept,
            body,
        })
    }
}

fn rate_limits(headers: &HeaderMap) -> Vec<(Box<str>, Box<str>)> {
    let limit = |(name, value): (&HeaderName, &HeaderValue)| {
        let name = name.as_str();
        let is_limit = name.contains("ratelimit") || name.contains("rate-limit");
        is_limit.then(|| Some((name.into(), value.to_str().ok()?.into())))?
    };
    headers.iter().filter_map(limit).collect()
}

fn header(text: &str, what: &str) -> Result<HeaderValue, HttpError> {
    HeaderValue::from_str(text).map_err(|_| HttpError::Refused {
        why: format!("{what} has characters that no header can carry").into(),
    })
}

/// Only an error that arose before there was a connection is certainly not sent.
fn classify(error: reqwest::Error) -> HttpError {
    if error.is_connect() || error.is_builder() {
        let why = if error.is_timeout() {
            "the connection timed out"
        } else if error.is_builder() {
            "the request could not be built"
        } else {
            "no connection"
        };
        return HttpError::NotSent {
            why,
            source: boxed(error),
        };
    }
    lost(error)
}

fn lost(error: reqwest::Error) -> HttpError {
    HttpError::Lost {
        why: if error.is_timeout() {
            "timeout"
        } else {
            "the connection broke"
        },
        source: boxed(error),
    }
}

fn boxed(error: reqwest::Error) -> Box<dyn Error + Send + Sync> {
    error.without_url().into()
}
