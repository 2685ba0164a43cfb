//! What the webhook reads of an HTTP request, borrowed from the platform's event.

use std::borrow::Cow;
use std::fmt;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What comes before the source's name in a path.
const ROUTE: &str = "/hr/";

/// An HTTP request. Its `Debug` shows neither headers nor body.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    #[serde(borrow, default)]
    raw_path: Text<'a>,
    #[serde(borrow, default)]
    headers: Headers<'a>,
    #[serde(borrow, rename = "requestContext")]
    context: Context<'a>,
    #[serde(borrow, default)]
    body: Option<Text<'a>>,
    #[serde(default)]
    is_base64_encoded: bool,
    /// The body of a request that did not come through API Gateway.
    #[serde(skip)]
    raw: Option<&'a [u8]>,
}

#[derive(Clone, Deserialize)]
struct Context<'a> {
    #[serde(borrow)]
    http: Http<'a>,
}

#[derive(Clone, Deserialize)]
struct Http<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
}

/// `Option<Cow<str>>` borrows nothing when it is read; this does.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Headers in the order in which they came.
#[derive(Clone, Default)]
struct Headers<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A body as it was sent.
#[derive(Clone)]
pub enum Body<'a> {
    /// It came as text.
    Text(&'a str),
    /// It came as bytes, or in base64.
    Bytes(Cow<'a, [u8]>),
}

impl Body<'_> {
    /// The bytes as they were sent.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Why a body cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the cap.
    #[error("the body is too large")]
    TooLarge,
    /// The platform says base64 and it is not.
    #[error("the body is not base64")]
    NotBase64,
}

impl<'a> Request<'a> {
    /// Reads an API Gateway event (HTTP API, payload format 2.0), borrowing from it and skipping
    /// what is not needed.
    pub fn from_json(event: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(event)
    }

    /// A request that did not come through API Gateway. Header values that are not UTF-8 are
    /// left out; of a header that comes twice the values are joined by a comma.
    pub fn new<'h>(
        method: &'a str,
        path: &'a str,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
        body: &'a [u8],
    ) -> Self {
        let mut joined = Headers::default();
        for (name, value) in headers {
            if let Ok(value) = std::str::from_utf8(value) {
                joined.add(Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned()));
            }
        }
        Self {
            raw_path: Text(path.into()),
            headers: joined,
            context: Context {
                http: Http {
                    method: method.into(),
                },
            },
            body: None,
            is_base64_encoded: false,
            raw: Some(body),
        }
    }

    /// The method's name.
    pub fn method(&self) -> &str {
        &self.context.http.method
    }

    /// The source's name: what follows `/hr/` in the path, whatever stage precedes it.
    pub fn source(&self) -> Option<&str> {
        self.raw_path.0.rsplit_once(ROUTE).map(|(_, source)| source)
    }

    /// A header's value; the name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.headers.0.iter();
        pairs
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim_ascii())
    }

    /// The body as it was sent, if it has at most `cap` bytes. No body is an empty one.
    pub fn body(&self, cap: usize) -> Result<Body<'_>, BodyError> {
        if let Some(raw) = self.raw {
            return if raw.len() > cap {
                Err(BodyError::TooLarge)
            } else {
                Ok(Body::Bytes(raw.into()))
            };
        }
        let text: &str = self.body.as_ref().map_or("", |Text(text)| text);
        if !self.is_base64_encoded {
            return if text.len() > cap {
                Err(BodyError::TooLarge)
            } else {
                Ok(Body::Text(text))
            };
        }
        // Four characters for three bytes: whatever is longer is not decoded at all.
        if text.len() > cap.div_ceil(3) * 4 {
            return Err(BodyError::TooLarge);
        }
        let bytes = STANDARD.decode(text).map_err(|_| BodyError::NotBase64)?;
        if bytes.len() > cap {
            return Err(BodyError::TooLarge);
        }
        Ok(Body::Bytes(bytes.into()))
    }
}

impl<'a> From<&'a ApiGatewayV2httpRequest> for Request<'a> {
    fn from(event: &'a ApiGatewayV2httpRequest) -> Self {
        let mut headers = Headers::default();
        for (name, value) in &event.headers {
            if let Ok(value) = std::str::from_utf8(value.as_bytes()) {
                headers.add(name.as_str().into(), value.into());
            }
        }
        Self {
            raw_path: Text(event.raw_path.as_deref().unwrap_or_default().into()),
            headers,
            context: Context {
                http: Http {
                    method: event.request_context.http.method.as_str().into(),
                },
            },
            body: event.body.as_deref().map(|body| Text(body.into())),
            is_base64_encoded: event.is_base64_encoded,
            raw: None,
        }
    }
}

impl<'a> Headers<'a> {
    /// Joins as API Gateway does.
    fn add(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        let mut pairs = self.0.iter_mut();
        match pairs.find(|(key, _)| key.eq_ignore_ascii_case(&name)) {
            Some((_, before)) => {
                let joined = before.to_mut();
                joined.push(',');
                joined.push_str(&value);
            }
            None => self.0.push((name, value)),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadersVisitor;
        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = Headers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of header values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers<'de>, A::Error> {
                let mut pairs = Vec::with_capacity(16);
                while let Some((Text(name), Text(value))) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(Headers(pairs))
            }
        }
        deserializer.deserialize_map(HeadersVisitor)
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.bytes().len())
    }
}
