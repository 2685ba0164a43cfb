//! Refusals: the RFC 7644 section 3.12 error as a value.

use serde_json::{Value, json};
use thiserror::Error;

const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Why the target refuses a request, over HTTP or through the Rust interface.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct ScimError {
    /// HTTP status.
    pub status: u16,
    /// RFC 7644 table 9 keyword, such as `uniqueness`.
    pub scim_type: Option<&'static str>,
    /// For people.
    pub detail: String,
}

impl ScimError {
    pub(crate) fn new(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            scim_type: None,
            detail: detail.into(),
        }
    }

    pub(crate) fn bad(scim_type: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status: 400,
            scim_type: Some(scim_type),
            detail: detail.into(),
        }
    }

    pub(crate) fn syntax(detail: impl Into<String>) -> Self {
        Self::bad("invalidSyntax", detail)
    }

    pub(crate) fn value(detail: impl Into<String>) -> Self {
        Self::bad("invalidValue", detail)
    }

    pub(crate) fn mutability(attribute: &str) -> Self {
        Self::bad(
            "mutability",
            format!("`{attribute}` cannot be changed by a client"),
        )
    }

    pub(crate) fn no_target(path: &str) -> Self {
        Self::bad("noTarget", format!("`{path}` matches no value"))
    }

    pub(crate) fn taken(attribute: &str, value: &str) -> Self {
        Self {
            status: 409,
            scim_type: Some("uniqueness"),
            detail: format!("{attribute} `{value}` is already in use"),
        }
    }

    pub(crate) fn not_found(id: &str) -> Self {
        Self::new(404, format!("resource `{id}` not found"))
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "schemas": [ERROR_SCHEMA],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let (Some(keyword), Some(object)) = (self.scim_type, body.as_object_mut()) {
            object.insert("scimType".to_owned(), keyword.into());
        }
        body
    }
}
