//! How a target is set up before it starts.

use jiff::Timestamp;

use crate::faults::PatchAnswer;

/// Whose behaviour the target has before any fault is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// RFC 7643, 7644 and 9865, strictly.
    #[default]
    Rfc,
}

/// The paging methods that lists offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paging {
    /// By index, and by cursor when the request has a `cursor` parameter.
    #[default]
    Both,
    /// `startIndex` and `count`; a `cursor` parameter is ignored.
    IndexOnly,
    /// Always by cursor (RFC 9865); `startIndex` is ignored.
    CursorOnly,
}

/// The set-up of a target. The default suits most tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose behaviour.
    pub mode: Mode,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The bearer token that every request has to carry.
    pub token: String,
    /// How lists are paged.
    pub paging: Paging,
    /// Resources in a page when the request does not say.
    pub default_page: usize,
    /// Resources in a page at most.
    pub max_page: usize,
    /// Whether cursor pages say `totalResults`; RFC 9865 lets a server leave it out.
    pub cursor_total: bool,
    /// Whether a group's `displayName` is unique, in any case.
    pub group_names_unique: bool,
    /// Whether a group refuses members that are no resource of the target.
    pub unknown_members_refused: bool,
    /// What a successful PATCH of a user answers.
    pub user_patch: PatchAnswer,
    /// What a successful PATCH of a group answers. The default spares clients the whole list of members.
    pub group_patch: PatchAnswer,
    /// Same seed and order of creation, same ids.
    pub seed: u64,
    /// The time before the first write; each write is a millisecond later.
    pub start_time: Timestamp,
    /// Requests that the log keeps; the oldest go first.
    pub log_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        // 2026-01-01T00:00:00Z
        let start_time = Timestamp::constant(1_767_225_600, 0);
        Self {
            mode: Mode::Rfc,
            port: 0,
            token: "scim-target-token".to_owned(),
            paging: Paging::Both,
            default_page: 100,
            max_page: 1000,
            cursor_total: true,
            group_names_unique: true,
            unknown_members_refused: true,
            user_patch: PatchAnswer::Full,
            group_patch: PatchAnswer::NoContent,
            seed: 0,
            start_time,
            log_limit: 100_000,
        }
    }
}
