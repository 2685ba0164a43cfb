//! An answer, before it becomes bytes.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::faults::{FaultKind, Quirks};
use crate::truth::AnswerType;

const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");
const PLAIN_JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<String>,
    pub(crate) content: Content,
    pub(crate) answer_type: AnswerType,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) enum Content {
    #[default]
    None,
    Json(Value),
    Html(&'static str),
}

impl Reply {
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self {
            content: Content::Json(body),
            ..Self::empty(status)
        }
    }

    pub(crate) fn error(error: &ScimError) -> Self {
        Self::json(error.status, error.body())
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn object_mut(&mut self) -> Option<&mut Map<String, Value>> {
        match &mut self.content {
            Content::Json(body) => body.as_object_mut(),
            Content::None | Content::Html(_) => None,
        }
    }

    /// How the dialect and the faults write answers down.
    pub(crate) fn bend(&mut self, quirks: Quirks<'_>) {
        let shape = quirks.truth.shape;
        self.answer_type = shape.answer_type;
        if !quirks.truth.etags {
            self.etag = None;
        }
        let error = !self.is_success();
        let status = self.status;
        let Some(body) = self.object_mut() else {
            return;
        };
        if shape.text_booleans && (body.contains_key("id") || body.contains_key("Resources")) {
            body.values_mut().for_each(write_booleans);
            if let Some(active) = body.get_mut("active") {
                write_boolean(active);
            }
        }
        if error
            && body.contains_key("status")
            && (shape.integer_status || quirks.has(FaultKind::IntegerStatus))
        {
            body.insert("status".to_owned(), status.into());
        }
        let first = body.get("schemas").and_then(|urns| urns.get(0)).cloned();
        if let Some(first) = first
            && (error && shape.error_schemas_as_string || quirks.has(FaultKind::SchemasAsString))
        {
            body.insert("schemas".to_owned(), first);
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let (kind, body) = match self.content {
            Content::None => (None, Body::empty()),
            Content::Json(value) => {
                let kind = match self.answer_type {
                    AnswerType::ScimJson => SCIM_JSON,
                    AnswerType::Json => PLAIN_JSON,
                };
                (Some(kind), Body::from(value.to_string()))
            }
            Content::Html(page) => (Some(HTML), Body::from(page)),
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, kind);
        }
        if self.status == 401 {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"scim\""),
            );
        }
        for (name, value) in [
            (header::ETAG, self.etag),
            (header::LOCATION, self.location),
            (header::RETRY_AFTER, self.retry_after),
        ] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }
}

fn write_booleans(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(write_booleans),
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                if matches!(name.as_str(), "active" | "primary") {
                    write_boolean(value);
                } else {
                    write_booleans(value);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn write_boolean(value: &mut Value) {
    if let Some(flag) = value.as_bool() {
        *value = if flag { "True" } else { "False" }.into();
    }
}
