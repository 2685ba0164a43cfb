//! The parameters of faults: what the target answers instead.

use jiff::Timestamp;

#[cfg(doc)]
use crate::faults::Fault;

/// What a [`Fault::CreateConflict`] claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictStyle {
    /// `scimType` is `uniqueness`.
    Uniqueness,
    /// No `scimType`; the detail says that a required field is missing.
    Unrelated,
}

/// The `Retry-After` header of a [`Fault::TooManyRequests`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u32),
    /// An HTTP date.
    Date(Timestamp),
    /// No header.
    Absent,
}

/// The answer to a successful PATCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchAnswer {
    /// 204.
    NoContent,
    /// 200 with the resource.
    Full,
    /// 200 without a body.
    Empty,
}

/// The only form that PATCH accepts under [`Fault::PatchForm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchForm {
    /// Every operation has a path.
    PathOnly,
    /// No operation that sets a value has a path.
    PathlessOnly,
    /// Members are removed by `path: members` with a `value` list, and not by a value filter.
    ValueListRemove,
}

/// The answer under [`Fault::RemoveAbsentMember`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveAbsent {
    /// Success, as without a fault.
    Success,
    /// 400 `noTarget`.
    NoTarget,
    /// 404.
    NotFound,
}

/// The answer under [`Fault::AddPresentMember`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddPresent {
    /// Success, as without a fault.
    Success,
    /// 409.
    Conflict,
}
