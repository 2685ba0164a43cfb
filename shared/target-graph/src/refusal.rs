//! An answer that is not a success, and what it means. The text of an error may hold personal
//! data and says nothing reliable, so that only codes are read, and only known ones repeated.

use std::time::Duration;

use jiff::Timestamp;
use ports::Fault;
use ports::target::TargetError;
use serde_json::Value;
use target_http::{Effect, retry_after};

use crate::batch::Reply;
use crate::permission::{Action, permission_for};

/// Codes that may be repeated to an operator.
const KNOWN: &[&str] = &[
    "Authorization_IdentityNotFound",
    "Authorization_RequestDenied",
    "BadRequest",
    "Directory_ConcurrencyViolation",
    "Directory_ExpiredPageToken",
    "Directory_ObjectNotFound",
    "Directory_QuotaExceeded",
    "Directory_ResultSizeLimitExceeded",
    "InvalidAuthenticationToken",
    "Request_BadRequest",
    "Request_EntityTooLarge",
    "Request_InvalidDataContractVersion",
    "Request_MultipleObjectsWithSameKeyValue",
    "Request_ResourceNotFound",
    "Request_UnsupportedQuery",
    "TooManyRequests",
    "UnknownError",
    "resyncRequired",
    "syncStateNotFound",
];

impl Reply {
    /// The code of the error, empty where there is none.
    pub(crate) fn code(&self) -> &str {
        let code = self.body.pointer("/error/code").and_then(Value::as_str);
        code.unwrap_or_default()
    }

    /// Whether a unique value is taken, as far as codes say so. Where they do not
    /// ([`is_bare`](Self::is_bare)), state has to.
    pub(crate) fn is_taken(&self) -> bool {
        let detail = |detail: &Value| {
            let code = detail.get("code").and_then(Value::as_str);
            code.is_some_and(|code| {
                code.eq_ignore_ascii_case("ObjectConflict")
                    || code.eq_ignore_ascii_case("PropertyConflict")
            })
        };
        let details = self
            .body
            .pointer("/error/details")
            .and_then(Value::as_array);
        let conflict = details.is_some_and(|details| details.iter().any(detail));
        self.code() == "Request_MultipleObjectsWithSameKeyValue"
            || (matches!(self.status, 400 | 409) && conflict)
    }

    /// A refusal that may mean several things: taken, already a member, a value that is not fit.
    pub(crate) fn is_bare(&self) -> bool {
        self.status == 400 && !self.is_taken()
    }

    /// Whether a place in a listing of changes is lost.
    pub(crate) fn is_resync(&self) -> bool {
        let code = self.code();
        self.status == 410
            || ((400..=409).contains(&self.status)
                && (code.eq_ignore_ascii_case("syncStateNotFound")
                    || code.eq_ignore_ascii_case("resyncRequired")))
    }

    /// How long to wait, where it says so.
    pub(crate) fn wait(&self, now: Timestamp) -> Option<Duration> {
        retry_after(self.retry_after.as_deref()?, now)
    }

    /// What it means to the caller of a port.
    pub(crate) fn error(&self, action: Action, effect: Effect, now: Timestamp) -> TargetError {
        let (what, status, code) = (action.name(), self.status, self.code());
        let named = match KNOWN.iter().find(|known| known.eq_ignore_ascii_case(code)) {
            Some(code) => format!("{what}: {status} {code}"),
            None => format!("{what}: {status}"),
        };
        let reject = |advice: &str| TargetError::Fault(Fault::reject(format!("{named}: {advice}")));
        let halt = |advice: &str| TargetError::Fault(Fault::halt(format!("{named}: {advice}")));
        if self.is_taken() {
            return TargetError::Conflict;
        }
        match (status, code) {
            (_, "Directory_QuotaExceeded") => reject(
                "the tenant may hold no more objects; delete some for good or have the quota raised",
            ),
            (_, "Directory_ConcurrencyViolation") | (412, _) => TargetError::Changed,
            (_, "Request_UnsupportedQuery") => {
                reject("Microsoft Graph does not search by this property; choose another key")
            }
            (300..=399, _) => halt("the target redirects; correct the base URL"),
            (400, _) => reject(
                "Microsoft Graph lacks a value that it requires, or refuses one; check the \
                 mappings against its limits",
            ),
            (401, _) => TargetError::Fault(Fault::retry(format!(
                "{named}: the token ended within the batch"
            ))),
            (403, _) => denied(action, effect, &named),
            (404, _) => TargetError::NotFound,
            (429, _) => TargetError::Throttled {
                after: self.wait(now),
                why: named.into(),
            },
            (408 | 500..=599, _) => TargetError::Fault(Fault::Retry {
                after: self.wait(now),
                why: named.into(),
            }),
            (410, _) => TargetError::Expired {
                why: format!("{named}: the place in the listing is gone; the listing starts again")
                    .into(),
            },
            (413, _) => reject("larger than Microsoft Graph takes"),
            _ => reject("Microsoft Graph does not say why"),
        }
    }
}

/// One refused write may be about one account; a refused read or create is about us.
fn denied(action: Action, effect: Effect, named: &str) -> TargetError {
    let permission = permission_for(action);
    let why = format!(
        "{named}: not allowed; the application needs the permission {permission}, consented \
         to by an administrator"
    );
    let fault = match (effect, action) {
        (Effect::Write, action) if action.is_guarded() => Fault::reject(format!(
            "{why}; for an account that holds an administrator's role it needs a directory \
             role, too"
        )),
        (Effect::Write, Action::WriteMembers | Action::WriteRoleMembers) => Fault::reject(format!(
            "{why}; for a group that roles can be assigned to it needs {}, too",
            permission_for(Action::WriteRoleMembers)
        )),
        (Effect::Write, Action::AssignLicence) => Fault::reject(format!(
            "{why}; where others get theirs, this account is closed to the application"
        )),
        (Effect::Read | Effect::Write, _) => Fault::halt(why),
    };
    TargetError::Fault(fault)
}

/// The same error once more: a batch that failed as a whole fails each of its changes.
pub(crate) fn copy_of(error: &TargetError) -> TargetError {
    error.clone()
}
