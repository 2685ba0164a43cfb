//! What a service provider does with groups.

use crate::faults::PatchAnswer;
use crate::truth::SetForm;

/// What a service provider does with groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each found out by its own request"
)]
pub struct GroupTruth {
    /// Which writes there are.
    pub write: GroupWrite,
    /// Whether two groups cannot have the same `displayName`, in any case.
    pub names_unique: bool,
    /// Members that are no resource of the target.
    pub unknown_members: UnknownMembers,
    /// The `members` of a new group.
    pub create_members: CreateMembers,
    /// Members of a new group at most; more are 400.
    pub create_limit: Option<usize>,
    /// Whether PUT replaces a group; otherwise 501.
    pub put: bool,
    /// How PATCH sets attributes other than `members`.
    pub set: SetForm,
    /// How PATCH adds members: `path` `members`, or a value of `{"members": [..]}`.
    pub add: SetForm,
    /// Whether `remove` understands `members[value eq ".."]`; otherwise 400.
    pub remove_by_filter: bool,
    /// What `remove` with `path` `members` and a `value` list does.
    pub remove_by_list: ValueList,
    /// Whether PATCH `replace` may name `members`; otherwise 400.
    pub replace_members: bool,
    /// What `remove` on `members` without a filter or value does.
    pub remove_all: RemoveAll,
    /// Members that one PATCH may name; more are 400.
    pub change_limit: Option<usize>,
    /// Where `members` are shown.
    pub members_shown: MembersShown,
    /// Whether a group that joins a group is replaced by its users.
    pub flattened: bool,
    /// What a successful PATCH answers.
    pub patch_answer: PatchAnswer,
}

/// Which writes groups have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupWrite {
    /// All.
    All,
    /// PUT and PATCH; creation and deletion are 403.
    UpdateOnly,
    /// None: 403.
    ReadOnly,
    /// There is no `/Groups`: 404.
    Absent,
}

/// What becomes of members that are no resource of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownMembers {
    /// 400.
    Refused,
    /// Success, without them.
    Dropped,
    /// They are stored, and lead nowhere.
    Kept,
}

/// What becomes of the `members` of a new group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateMembers {
    /// They are members.
    Stored,
    /// The group starts empty.
    Dropped,
}

/// What `remove` with `path` `members` and a `value` list does. RFC 7644 gives the list no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueList {
    /// The members of the list leave.
    Understood,
    /// 400.
    Refused,
    /// The list is overlooked, so that everyone leaves.
    ClearsGroup,
}

/// What `remove` on `members` without a filter or value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveAll {
    /// Everyone leaves (RFC 7644 section 3.5.2.2).
    Clears,
    /// 400.
    Refused,
}

/// Where the members of a group are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembersShown {
    /// In lists and in single groups.
    Everywhere,
    /// In single groups.
    NotInLists,
    /// Nowhere: `members` is an empty list whoever is in the group.
    Never,
}
