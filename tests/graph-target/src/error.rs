//! Errors as Graph words them, and the reasons that tests can count.

use serde_json::{Map, Value, json};
use thiserror::Error;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Why the target refused a request by its own rules, without a fault. Tests prove by the counts that a
        /// case was met.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Refusal {
            $($(#[$doc])* $name,)*
        }
    };
}

refusals! {
    /// The token is missing, unknown or too old.
    BadToken,
    /// The token endpoint said no.
    TokenRefused,
    /// The token has not the permission.
    MissingPermission,
    /// The user holds an administrator's role.
    AdminRole,
    /// The user or the group is mastered on premises.
    OnPremises,
    /// Another object has the key.
    Duplicate,
    /// A deleted user's key was taken in the meantime.
    RestoreConflict,
    /// Something in the request is not valid.
    Invalid,
    /// The filter, or another query option, is not supported in this form.
    UnsupportedQuery,
    /// No such object.
    NotFound,
    /// The object is a member already.
    AlreadyMember,
    /// The object is no member.
    NotAMember,
    /// Membership follows a rule.
    DynamicGroup,
    /// The group is mail-enabled and no Microsoft 365 group: Exchange owns it.
    MailEnabledGroup,
    /// `DELETE /groups/{id}/members/{id}` without `/$ref`, which at Graph goes for the member itself.
    MemberObjectDelete,
    /// A licence needs `usageLocation`.
    NoUsageLocation,
    /// No seats are left.
    NoSeats,
    /// The licence comes from a group.
    InheritedLicense,
    /// The delta token is too old, or unknown.
    DeltaToken,
    /// A request of a batch was not carried out, because one that it depends on failed.
    FailedDependency,
    /// The limits are used up.
    Throttled,
}

/// A refusal, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{status} {code}: {message}")]
pub struct GraphError {
    /// The HTTP status.
    pub status: u16,
    /// The code, such as `Request_BadRequest`.
    pub code: &'static str,
    /// The text. On the wire it is varied.
    pub message: String,
    /// `code` and `target` of the details.
    pub details: Vec<(&'static str, String)>,
    /// What tests count it as.
    pub refusal: Refusal,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl GraphError {
    pub(crate) fn new(
        status: u16,
        code: &'static str,
        refusal: Refusal,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: Vec::new(),
            refusal,
            headers: Vec::new(),
        }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::refused(Refusal::Invalid, message)
    }

    /// 400 `Request_BadRequest` for a reason.
    pub(crate) fn refused(refusal: Refusal, message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", refusal, message)
    }

    /// What the OData layer refuses before the directory sees it.
    pub(crate) fn odata(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", Refusal::Invalid, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(
            400,
            "Request_UnsupportedQuery",
            Refusal::UnsupportedQuery,
            message,
        )
    }

    pub(crate) fn denied(refusal: Refusal, message: impl Into<String>) -> Self {
        Self::new(403, "Authorization_RequestDenied", refusal, message)
    }

    pub(crate) fn not_found(id: &str) -> Self {
        Self::missing(
            Refusal::NotFound,
            format!(
                "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
            ),
        )
    }

    pub(crate) fn missing(refusal: Refusal, message: impl Into<String>) -> Self {
        Self::new(404, "Request_ResourceNotFound", refusal, message)
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The body, with another text; `inner` is the name of the inner object.
    pub(crate) fn body(&self, message: &str, inner: &str, request_id: &str, date: &str) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(self.code));
        error.insert("message".to_owned(), json!(message));
        let inner_error = json!({
            "date": date, "request-id": request_id, "client-request-id": request_id,
        });
        error.insert(inner.to_owned(), inner_error);
        if !self.details.is_empty() {
            let details = self
                .details
                .iter()
                .map(|(code, target)| json!({ "code": code, "target": target, "message": message }))
                .collect();
            error.insert("details".to_owned(), details);
        }
        json!({ "error": error })
    }
}
