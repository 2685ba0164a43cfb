//! An answer that is not a success, and what it means.

use std::fmt;

use jiff::Timestamp;
use ports::Fault;
use ports::target::TargetError;
use target_http::{Answer, Effect, retry_after};

use crate::page;

/// The reasons that a 400 or 409 names (RFC 7644 section 3.12, RFC 9865 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScimType {
    InvalidFilter,
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
    InvalidVers,
    Sensitive,
    InvalidCursor,
    ExpiredCursor,
    InvalidCount,
    /// None, or one that we do not know.
    Other,
}

impl ScimType {
    fn named(name: &str) -> Self {
        const NAMES: [(&str, ScimType); 13] = [
            ("invalidFilter", ScimType::InvalidFilter),
            ("tooMany", ScimType::TooMany),
            ("uniqueness", ScimType::Uniqueness),
            ("mutability", ScimType::Mutability),
            ("invalidSyntax", ScimType::InvalidSyntax),
            ("invalidPath", ScimType::InvalidPath),
            ("noTarget", ScimType::NoTarget),
            ("invalidValue", ScimType::InvalidValue),
            ("invalidVers", ScimType::InvalidVers),
            ("sensitive", ScimType::Sensitive),
            ("invalidCursor", ScimType::InvalidCursor),
            ("expiredCursor", ScimType::ExpiredCursor),
            ("invalidCount", ScimType::InvalidCount),
        ];
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.trim()))
            .map_or(Self::Other, |(_, kind)| *kind)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
            Self::Other => "no scimType that we know",
        }
    }

    /// What it means and what to do about it.
    const fn advice(self) -> &'static str {
        match self {
            Self::InvalidFilter => "the target does not search by this attribute",
            Self::TooMany => "the result is too large for the target; lower the page size",
            Self::Uniqueness => "a unique value is taken",
            Self::Mutability => {
                "an attribute cannot be changed there; map it on create only, or not at all"
            }
            Self::InvalidSyntax => "the target does not take the request's shape",
            Self::InvalidPath => "the target does not know an attribute, or wants another profile",
            Self::NoTarget => "the path matches nothing there",
            Self::InvalidValue => "the target lacks a value that it requires, or refuses one",
            Self::InvalidVers => "the base URL is that of another SCIM version",
            Self::Sensitive => "the target does not take this filter in a URL",
            Self::InvalidCursor | Self::ExpiredCursor => {
                "the place in the listing is gone; the listing starts again"
            }
            Self::InvalidCount => "the target does not take the page size",
            Self::Other => "the target does not say why",
        }
    }
}

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) kind: ScimType,
    /// Whether the body, as far as it can be read, speaks of something that exists already.
    pub(crate) says_exists: bool,
    /// Whether there was a reason in the body at all.
    explained: bool,
    detail: Detail,
    /// The word of the profile by which a 409 is about something else.
    elsewise: Option<Box<str>>,
    retry_after: Option<Box<str>>,
}

/// What the target says about it, in lower case. It may hold personal data: looked at, and never
/// shown.
#[derive(Clone)]
struct Detail(Box<str>);

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

impl Detail {
    fn has_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.contains(word))
    }
}

impl Refusal {
    pub(crate) fn of(answer: &Answer) -> Self {
        let body = page::error(&answer.body);
        let detail = Detail(body.detail.to_lowercase().into());
        let says_exists = detail.has_any(&[
            "already",
            "exists",
            "unique",
            "duplicate",
            "taken",
            "in use",
        ]);
        Self {
            status: answer.status,
            kind: ScimType::named(&body.scim_type),
            says_exists,
            explained: !(body.detail.trim().is_empty() && body.scim_type.trim().is_empty()),
            detail,
            elsewise: None,
            retry_after: answer.retry_after.clone(),
        }
    }

    /// Reads a 409 with the words that a profile knows: it is not about a taken value where the
    /// detail has one of them.
    #[must_use]
    pub(crate) fn heeding(mut self, conflicts: &[Box<str>]) -> Self {
        if self.status == 409 {
            let known = conflicts.iter().find(|word| {
                let word = word.trim().to_lowercase();
                !word.is_empty() && self.detail.has_any(&[&word])
            });
            self.elsewise = known.cloned();
        }
        self
    }

    /// Whether the request asked for too much at once.
    pub(crate) fn is_too_much(&self) -> bool {
        let says_so = || {
            self.detail.has_any(&[
                "limit",
                "exceed",
                "too many",
                "too large",
                "at most",
                "maximum",
                "less than or equal",
            ])
        };
        self.status == 413
            || self.status == 400
                && (self.kind == ScimType::TooMany || self.is_vague() && says_so())
    }

    /// Whether one part of a request may be why all of it was refused.
    pub(crate) fn may_be_about_a_part(&self) -> bool {
        match self.status {
            404 | 409 | 413 => true,
            400 => {
                self.is_vague()
                    || matches!(
                        self.kind,
                        ScimType::NoTarget | ScimType::Uniqueness | ScimType::TooMany
                    )
            }
            _ => false,
        }
    }

    /// A reason that targets give for nearly anything.
    const fn is_vague(&self) -> bool {
        matches!(
            self.kind,
            ScimType::Other | ScimType::InvalidValue | ScimType::InvalidSyntax
        )
    }

    /// 409 is used for more than taken values (a missing field, say), so that a reason which
    /// says otherwise is believed.
    pub(crate) fn is_taken(&self) -> bool {
        if self.elsewise.is_some() {
            return false;
        }
        let is_409 = self.status == 409;
        let plain = self.kind == ScimType::Other && (self.says_exists || !self.explained);
        (is_409 || self.status == 400) && self.kind == ScimType::Uniqueness || is_409 && plain
    }

    pub(crate) fn is_bad_request(&self, kind: ScimType) -> bool {
        self.status == 400 && self.kind == kind
    }

    /// The row of the table. `what` names the request without anybody's data.
    pub(crate) fn into_error(self, what: &str, effect: Effect, now: Timestamp) -> TargetError {
        let status = self.status;
        let fault = |fault| TargetError::Fault(fault);
        let wait = || {
            let after = self.retry_after.as_deref();
            after.and_then(|value| retry_after(value, now))
        };
        match status {
            _ if self.is_taken() => TargetError::Conflict,
            300..=399 => fault(Fault::halt(format!(
                "{what}: {status}, the target redirects; correct the base URL"
            ))),
            409 if self.elsewise.is_some() => {
                let word = self.elsewise.as_deref().unwrap_or_default();
                fault(Fault::reject(format!(
                    "{what}: 409 and no taken value, for its detail has `{word}`, which the \
                     profile's `conflicts` name; give the account what the target requires"
                )))
            }
            400 | 409 => {
                let (kind, advice) = (self.kind.name(), self.kind.advice());
                let why = format!("{what}: {status} {kind}: {advice}");
                match self.kind {
                    ScimType::InvalidCursor | ScimType::ExpiredCursor => {
                        TargetError::Expired { why: why.into() }
                    }
                    ScimType::InvalidVers => fault(Fault::halt(why)),
                    ScimType::InvalidFilter
                    | ScimType::TooMany
                    | ScimType::Uniqueness
                    | ScimType::Mutability
                    | ScimType::InvalidSyntax
                    | ScimType::InvalidPath
                    | ScimType::NoTarget
                    | ScimType::InvalidValue
                    | ScimType::Sensitive
                    | ScimType::InvalidCount
                    | ScimType::Other => fault(Fault::reject(why)),
                }
            }
            401 => fault(Fault::halt(format!(
                "{what}: 401, the target does not take the token; renew it"
            ))),
            403 => {
                let why = format!(
                    "{what}: 403, not allowed: the token's rights, a licence limit or a protected \
                     account"
                );
                // One refused write is about one object; a refused read is about us.
                fault(match effect {
                    Effect::Read => Fault::halt(why),
                    Effect::Write => Fault::reject(why),
                })
            }
            404 => TargetError::NotFound,
            412 => TargetError::Changed,
            413 => fault(Fault::reject(format!(
                "{what}: 413, larger than the target takes"
            ))),
            501 | 505 => fault(Fault::reject(format!(
                "{what}: {status}, the target does not support this"
            ))),
            429 => TargetError::Throttled {
                after: wait(),
                why: format!("{what}: {status}").into(),
            },
            408 | 425 | 500..=599 => fault(Fault::Retry {
                after: wait(),
                why: format!("{what}: {status}").into(),
            }),
            _ => fault(Fault::reject(format!("{what}: {status}"))),
        }
    }
}
