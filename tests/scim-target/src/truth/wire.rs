//! Discovery, headers, filters, paging, the form of answers, rates.

use crate::options::Paging;

/// The documents that describe the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscoveryTruth {
    /// Where the service's own description is.
    pub config: ConfigPath,
    /// Whether `/Schemas` and `/ResourceTypes` exist.
    pub schemas: bool,
    /// Whether the description can be believed.
    pub claims: Claims,
}

/// The path of the service provider configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigPath {
    /// `/ServiceProviderConfig` (RFC 7644 section 4).
    Singular,
    /// `/ServiceProviderConfigs`.
    Plural,
    /// 404.
    Absent,
}

/// What the service provider configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// The truth.
    Honest,
    /// These features, whether they are there or not.
    Of {
        /// `patch.supported`
        patch: bool,
        /// `filter.supported`
        filter: bool,
        /// `etag.supported`
        etag: bool,
        /// `pagination.cursor`
        cursor: bool,
    },
}

/// What a request has to carry, and how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    /// Whether a request needs a `User-Agent`; without it the answer is 403.
    pub user_agent: UserAgent,
    /// Whether `Accept` has to name `application/scim+json`; otherwise the answer is 406.
    pub scim_accept: bool,
    /// Whether the body of a write has to be `application/scim+json`; `application/json` is 415.
    pub scim_content_type: bool,
    /// Attributes that RFC 7643 does not have.
    pub unknown: UnknownNames,
    /// Whether `"True"` and `"false"` are read as booleans.
    pub text_booleans: bool,
}

/// What becomes of attributes that RFC 7643 does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownNames {
    /// 400.
    Refused,
    /// Success, without them.
    Dropped,
}

/// Which requests need a `User-Agent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserAgent {
    /// None.
    Optional,
    /// PATCH.
    OnPatch,
    /// All.
    Required,
}

/// What lists can be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterTruth {
    /// On `/Users`.
    pub users: FilterForms,
    /// On `/Groups`.
    pub groups: FilterForms,
    /// Whether `and` may join any two of the forms; a form of several attributes needs no leave.
    pub and: bool,
    /// Whether `and` binds tighter than `or` (RFC 7644 section 3.4.2.2); otherwise both are read from left to right.
    pub and_binds_tighter: bool,
    /// Whether attributes of the extension are found without its URN: `manager eq "<id>"`.
    pub bare_extension_names: bool,
    /// Comparisons and connectives in a filter at most; more are 400.
    pub max_nodes: Option<usize>,
    /// What becomes of any other filter.
    pub unsupported: OddFilter,
}

/// The filters that a list understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterForms {
    /// The whole grammar.
    All,
    /// `attribute eq "text"`. Each entry is one form: the attributes that are compared, joined by `and`. A complex
    /// attribute is named with its `value`: `emails.value`, `members.value`, `manager.value`.
    Equality(&'static [&'static [&'static str]]),
}

/// What becomes of a filter that is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddFilter {
    /// 400 `invalidFilter`.
    Refused,
    /// The list holds everything.
    Ignored,
}

/// How lists are paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagingTruth {
    /// By what.
    pub method: Paging,
    /// Resources in a page when the request does not say.
    pub default_page: usize,
    /// Resources in a page at most.
    pub max_page: usize,
    /// Resources in the one page that [`Paging::CursorOrOnePage`] gives to a request without `cursor`.
    pub single_page: usize,
    /// How many fewer than asked for a page by cursor holds while there are more to come; one is always there.
    pub short_by: usize,
    /// Whether cursor pages say `totalResults`; RFC 9865 lets a server leave it out.
    pub cursor_total: bool,
}

/// What `attributes` and `excludedAttributes` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Narrowing {
    /// They narrow the answer (RFC 7644 section 3.9).
    Honoured,
    /// Nothing.
    Ignored,
    /// 400.
    Refused,
}

/// How answers are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each found out by its own request"
)]
pub struct ShapeTruth {
    /// The `status` of an error body is a number.
    pub integer_status: bool,
    /// The `schemas` of an error body is a string.
    pub error_schemas_as_string: bool,
    /// An empty list has no `Resources`.
    pub resources_absent: bool,
    /// `active` and `primary` are `"True"` or `"False"`.
    pub text_booleans: bool,
    /// The media type.
    pub answer_type: AnswerType,
}

/// The media type of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnswerType {
    /// `application/scim+json`.
    #[default]
    ScimJson,
    /// `application/json`.
    Json,
}

/// A published limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The requests that count.
    pub of: Rated,
    /// Requests ...
    pub calls: u32,
    /// ... in this many seconds.
    pub seconds: u32,
    /// Requests at once after a pause; `calls`, where the vendor does not say.
    pub burst: u32,
}

/// The requests that a [`Rate`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rated {
    /// `GET` and searches.
    Reads,
    /// Everything else.
    Writes,
    /// `GET /Users/{id}`.
    UserReads,
    /// `POST /Users`.
    UserCreates,
    /// `PUT` and `PATCH /Users/{id}`.
    UserUpdates,
    /// `DELETE /Users/{id}`.
    UserDeletes,
}
