//! What is particular about a target's SCIM, as data.

use serde::Deserialize;

/// How PATCH says what to change. A request of the other style is tried once where a target
/// answers `invalidPath`, or answers success and shows that it ignored the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchStyle {
    /// One operation per attribute, with a path (RFC 7644 section 3.5.2).
    Path,
    /// One operation without path, whose value is an object.
    Pathless,
}

/// How one member is taken out of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRemove {
    /// `remove` with path `members[value eq "id"]`.
    Filter,
}

/// How listings go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// `startIndex` and `count` (RFC 7644 section 3.4.2.4).
    Index,
    /// `cursor` and `count` (RFC 9865).
    Cursor,
    /// Everything in one answer.
    None,
}

/// Where look-ups put their filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Search {
    /// In the query of a GET, which every target understands. `POST /.search` is tried once
    /// where the target answers `sensitive`.
    Get,
    /// In the body of `POST /.search`, which keeps personal data out of URLs.
    Post,
}

/// Where memberships can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// In `members` of the groups. A group without the attribute counts as empty only once the
    /// target has shown members of some group.
    GroupMembers,
    /// In `groups` of the user.
    UserGroups,
    /// Nowhere.
    Hidden,
}

/// The dialect of a target.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// How PATCH says what to change.
    pub patch: PatchStyle,
    /// How one member is taken out of a group.
    pub member_remove: MemberRemove,
    /// How listings go on.
    pub paging: Paging,
    /// Objects asked for per page.
    pub page_size: u16,
    /// Where look-ups put their filter.
    pub search: Search,
    /// Where memberships can be read.
    pub membership: Membership,
    /// Whether writes carry `If-Match` with the version that the last look-up saw.
    pub etag: bool,
}

impl Profile {
    /// The names that [`named`](Self::named) knows.
    pub const NAMES: &'static [&'static str] = &["rfc"];

    /// RFC 7643 and RFC 7644 as written.
    pub const fn rfc() -> Self {
        Self {
            patch: PatchStyle::Path,
            member_remove: MemberRemove::Filter,
            paging: Paging::Index,
            page_size: 100,
            search: Search::Get,
            membership: Membership::GroupMembers,
            etag: false,
        }
    }

    /// A profile by the name that policy uses.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "rfc" => Some(Self::rfc()),
            _ => None,
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::rfc()
    }
}
