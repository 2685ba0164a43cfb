//! Answers: 202, or problem details (RFC 9457) that give an attacker nothing. Never 3xx, which
//! senders do not follow, and never 410, which tells them to stop for good.

use std::borrow::Cow;
use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::{HeaderName, HeaderValue, header};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

/// What a refused request is told. Whoever has not proved himself gets a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Not a POST.
    MethodNotAllowed,
    /// The body is over the cap.
    TooLarge,
    /// The platform's event contradicts itself.
    BadRequest,
    /// Whatever part of the proof is missing, stale or wrong, an unknown source included.
    Unauthorized,
    /// Proved, but not JSON.
    NotJson,
    /// Proved, but not readable: what is wrong, by field name and position, without values.
    Malformed(String),
    /// Proved and readable, but of a kind that is not supported.
    Unsupported(&'static str),
    /// The id was used before with another body.
    Conflict,
    /// Ours to repair; the sender shall come again.
    Unavailable(Option<Duration>),
}

/// When a sender that we gave no other time shall come again.
const COME_AGAIN: Duration = Duration::from_secs(30);

impl Problem {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadRequest | Self::Malformed(_) => 400,
            Self::Unauthorized => 401,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::NotJson => 415,
            Self::Unsupported(_) => 422,
            Self::Unavailable(_) => 503,
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::BadRequest | Self::Malformed(_) => "Bad Request",
            Self::Unauthorized => "Unauthorized",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::Conflict => "Conflict",
            Self::TooLarge => "Content Too Large",
            Self::NotJson => "Unsupported Media Type",
            Self::Unsupported(_) => "Unprocessable Content",
            Self::Unavailable(_) => "Service Unavailable",
        }
    }

    fn detail(&self) -> Option<&str> {
        match self {
            Self::Malformed(detail) => Some(detail),
            Self::Unsupported(detail) => Some(detail),
            Self::NotJson => Some("send `content-type: application/json`"),
            Self::Conflict => Some("this event id came before with another body"),
            Self::BadRequest
            | Self::Unauthorized
            | Self::MethodNotAllowed
            | Self::TooLarge
            | Self::Unavailable(_) => None,
        }
    }

    fn body(&self) -> Cow<'static, str> {
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.title(),
            "status": self.status(),
        });
        if let (Some(detail), Some(fields)) = (self.detail(), body.as_object_mut()) {
            fields.insert("detail".into(), detail.into());
        }
        body.to_string().into()
    }
}

/// Header names in lower case, and their values.
type Headers = Cow<'static, [(&'static str, Cow<'static, str>)]>;

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Headers,
    /// JSON.
    pub body: Cow<'static, str>,
    /// All of it as API Gateway wants it, where it is always the same.
    rendered: Option<&'static str>,
}

impl Answer {
    /// The post is durable, now or since before.
    pub const fn accepted() -> Self {
        Self {
            status: 202,
            headers: Cow::Borrowed(&[("content-type", Cow::Borrowed("application/json"))]),
            body: Cow::Borrowed(r#"{"status":"accepted"}"#),
            rendered: Some(
                r#"{"statusCode":202,"headers":{"content-type":"application/json"},"body":"{\"status\":\"accepted\"}","isBase64Encoded":false}"#,
            ),
        }
    }

    const fn unauthorized() -> Self {
        Self {
            status: 401,
            headers: Cow::Borrowed(&[
                ("content-type", Cow::Borrowed("application/problem+json")),
                ("cache-control", Cow::Borrowed("no-store")),
            ]),
            body: Cow::Borrowed(r#"{"type":"about:blank","title":"Unauthorized","status":401}"#),
            rendered: Some(
                r#"{"statusCode":401,"headers":{"content-type":"application/problem+json","cache-control":"no-store"},"body":"{\"type\":\"about:blank\",\"title\":\"Unauthorized\",\"status\":401}","isBase64Encoded":false}"#,
            ),
        }
    }

    /// As API Gateway wants it (HTTP API, payload format 2.0).
    pub fn to_json(&self) -> Result<Cow<'static, str>, serde_json::Error> {
        match self.rendered {
            Some(rendered) => Ok(rendered.into()),
            None => serde_json::to_string(self).map(Cow::Owned),
        }
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut response = serializer.serialize_struct("Answer", 4)?;
        response.serialize_field("statusCode", &self.status)?;
        response.serialize_field("headers", &Pairs(&self.headers))?;
        response.serialize_field("body", &self.body)?;
        response.serialize_field("isBase64Encoded", &false)?;
        response.end()
    }
}

struct Pairs<'a>(&'a [(&'static str, Cow<'static, str>)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        if matches!(problem, Problem::Unauthorized) {
            return Self::unauthorized();
        }
        let mut headers: Vec<(&'static str, Cow<'static, str>)> = vec![
            ("content-type", "application/problem+json".into()),
            ("cache-control", "no-store".into()),
        ];
        if let Problem::Unavailable(after) = &problem {
            let seconds = after.unwrap_or(COME_AGAIN).as_secs().max(1);
            headers.push(("retry-after", seconds.to_string().into()));
        }
        if matches!(problem, Problem::MethodNotAllowed) {
            headers.push(("allow", "POST".into()));
        }
        Self {
            status: problem.status(),
            headers: headers.into(),
            body: problem.body(),
            rendered: None,
        }
    }
}

impl From<Answer> for ApiGatewayV2httpResponse {
    fn from(answer: Answer) -> Self {
        let mut response = Self::default();
        response.status_code = answer.status.into();
        for (name, value) in answer.headers.iter() {
            if let Ok(value) = HeaderValue::from_str(value) {
                response
                    .headers
                    .insert(HeaderName::from_static(name), value);
            }
        }
        // The contents are JSON in text; without this header a platform would guess.
        debug_assert!(response.headers.contains_key(header::CONTENT_TYPE));
        response.body = Some(Body::Text(answer.body.into_owned()));
        response
    }
}
