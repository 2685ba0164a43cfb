//! How a target is set up before it starts.

use jiff::Timestamp;

use crate::dialect::Dialect;
use crate::faults::PatchAnswer;
use crate::truth::{Truth, UnknownMembers};

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
    /// By cursor when the request has a `cursor` parameter; without, one page and no way to the next.
    CursorOrOnePage,
    /// One list holds everything, whatever was asked for.
    OneList,
}

/// The set-up of a target. The default suits most tests.
///
/// `paging`, `default_page`, `max_page`, `cursor_total`, `group_names_unique`, `unknown_members_refused`, `user_patch`
/// and `group_patch` change the behaviour of the dialect where they differ from the default.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose behaviour the target has before any fault is switched on.
    pub dialect: Dialect,
    /// A behaviour that no dialect has, in place of `dialect`.
    pub truth: Option<Truth>,
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
            dialect: Dialect::Rfc,
            truth: None,
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

impl Options {
    /// The default, for a dialect.
    pub fn of(dialect: Dialect) -> Self {
        Self {
            dialect,
            ..Self::default()
        }
    }

    /// The behaviour that these options give a target.
    pub fn effective_truth(&self) -> Truth {
        let plain = Self::default();
        let mut truth = self.truth.clone().unwrap_or_else(|| self.dialect.truth());
        if self.paging != plain.paging {
            truth.paging.method = self.paging;
        }
        if self.default_page != plain.default_page {
            truth.paging.default_page = self.default_page;
        }
        if self.max_page != plain.max_page {
            truth.paging.max_page = self.max_page;
            truth.paging.single_page = self.max_page;
        }
        if self.cursor_total != plain.cursor_total {
            truth.paging.cursor_total = self.cursor_total;
        }
        if self.group_names_unique != plain.group_names_unique {
            truth.groups.names_unique = self.group_names_unique;
        }
        if self.unknown_members_refused != plain.unknown_members_refused {
            truth.groups.unknown_members = UnknownMembers::Kept;
        }
        if self.user_patch != plain.user_patch {
            truth.users.patch_answer = self.user_patch;
        }
        if self.group_patch != plain.group_patch {
            truth.groups.patch_answer = self.group_patch;
        }
        truth
    }
}
