//! What a service provider does with users.

use crate::faults::PatchAnswer;

/// What a service provider does with users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each found out by its own request"
)]
pub struct UserTruth {
    /// Attributes that a user needs besides `userName`, such as `name.givenName`.
    pub required: &'static [&'static str],
    /// The status when one is missing: 400 with `invalidValue`, or another without a `scimType`.
    pub required_status: u16,
    /// A list with exactly one value of a kind; otherwise as if a required attribute were missing.
    pub exactly_one: Option<ExactlyOne>,
    /// What a `userName` may be.
    pub name: NameRule,
    /// Whether two users cannot have the same `externalId`.
    pub external_id_unique: bool,
    /// Lists that hold one value at most; more are 400.
    pub single_valued: &'static [&'static str],
    /// Attributes of RFC 7643 that are answered with 400.
    pub refused: &'static [&'static str],
    /// How PATCH sets any attribute but `active`.
    pub set: SetForm,
    /// How PATCH sets `active`.
    pub active: SetForm,
    /// What PUT does.
    pub put: Put,
    /// What a PUT that does not say `active` does to it.
    pub put_without_active: PutWithoutActive,
    /// The answer to a `userName` or `externalId` that is taken.
    pub conflict: Conflict,
    /// Whether inactive users are not listed and answer 404 to everything but a PATCH that activates them. Their
    /// names stay taken.
    pub inactive_hidden: bool,
    /// Whether anything but `active` of an inactive user can be changed.
    pub inactive_edits: bool,
    /// Whether PATCH and PUT can activate a user again; otherwise 400.
    pub reactivation: bool,
    /// What DELETE does.
    pub delete: Deletion,
    /// Whether a user shows `groups`.
    pub groups_shown: bool,
    /// What a successful PATCH answers.
    pub patch_answer: PatchAnswer,
}

/// A list with exactly one value of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactlyOne {
    /// The list.
    pub attribute: &'static str,
    /// How a `value` of the kind starts.
    pub prefix: &'static str,
}

/// What a `userName` may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    /// Characters at most; more are 400.
    pub max_length: Option<usize>,
    /// Whether it has to look like an e-mail address; otherwise 400.
    pub email: bool,
    /// How it is stored.
    pub fold: Fold,
}

/// What becomes of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// They stay as they are.
    Kept,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
}

/// The PATCH operations that set something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetForm {
    /// With and without a path.
    Both,
    /// With a path; others are 400.
    PathOnly,
    /// Without a path; others are 400.
    PathlessOnly,
    /// None: 501.
    Neither,
    /// All forms succeed and nothing changes.
    Ignored,
}

/// What PUT does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// 501.
    Unsupported,
    /// Attributes that are not mentioned are cleared.
    Clears,
    /// Attributes that are not mentioned stay.
    Keeps,
}

/// What a PUT that does not say `active` does to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutWithoutActive {
    /// It becomes true.
    Activates,
    /// It stays.
    Keeps,
    /// It becomes false.
    Suspends,
}

/// The answer to a value that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// 409 `uniqueness`.
    Uniqueness,
    /// 409 without a `scimType`.
    Plain,
    /// 400 `invalidValue`.
    BadRequest,
}

/// What DELETE does to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The user is gone.
    Removes,
    /// `active` becomes false.
    Deactivates,
    /// Gone from SCIM, and suspended for ever: no request brings the account back.
    /// [`ScimTarget::suspended`](crate::ScimTarget::suspended) names it.
    Suspends,
}
