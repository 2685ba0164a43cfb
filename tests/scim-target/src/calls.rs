//! What clients did: counts by method and kind, and a log of requests.

use std::collections::VecDeque;

use crate::faults::Occasion;
use crate::schema::Kind;

/// Requests that arrived with the right token, whatever became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// `GET /Users/{id}`
    pub user_get: u64,
    /// `GET /Users` and `POST /Users/.search`
    pub user_list: u64,
    /// `POST /Users`
    pub user_post: u64,
    /// `PUT /Users/{id}`
    pub user_put: u64,
    /// `PATCH /Users/{id}`
    pub user_patch: u64,
    /// `DELETE /Users/{id}`
    pub user_delete: u64,
    /// `GET /Groups/{id}`
    pub group_get: u64,
    /// `GET /Groups` and `POST /Groups/.search`
    pub group_list: u64,
    /// `POST /Groups`
    pub group_post: u64,
    /// `PUT /Groups/{id}`
    pub group_put: u64,
    /// `PATCH /Groups/{id}`
    pub group_patch: u64,
    /// `DELETE /Groups/{id}`
    pub group_delete: u64,
    /// `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas`
    pub discovery: u64,
    /// Paths and methods that the target does not have.
    pub other: u64,
}

impl Calls {
    /// Requests that may change something.
    pub fn writes(&self) -> u64 {
        self.user_post
            + self.user_put
            + self.user_patch
            + self.user_delete
            + self.group_post
            + self.group_put
            + self.group_patch
            + self.group_delete
    }

    /// Requests that only read resources.
    pub fn reads(&self) -> u64 {
        self.user_get + self.user_list + self.group_get + self.group_list
    }

    /// All requests.
    pub fn total(&self) -> u64 {
        self.reads() + self.writes() + self.discovery + self.other
    }

    pub(crate) fn count(&mut self, action: Action) {
        let counter = match action {
            Action::Get(Kind::User) => &mut self.user_get,
            Action::List(Kind::User) => &mut self.user_list,
            Action::Post(Kind::User) => &mut self.user_post,
            Action::Put(Kind::User) => &mut self.user_put,
            Action::Patch(Kind::User) => &mut self.user_patch,
            Action::Delete(Kind::User) => &mut self.user_delete,
            Action::Get(Kind::Group) => &mut self.group_get,
            Action::List(Kind::Group) => &mut self.group_list,
            Action::Post(Kind::Group) => &mut self.group_post,
            Action::Put(Kind::Group) => &mut self.group_put,
            Action::Patch(Kind::Group) => &mut self.group_patch,
            Action::Delete(Kind::Group) => &mut self.group_delete,
            Action::Discovery => &mut self.discovery,
            Action::Other => &mut self.other,
        };
        *counter += 1;
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Get(Kind),
    List(Kind),
    Post(Kind),
    Put(Kind),
    Patch(Kind),
    Delete(Kind),
    Discovery,
    Other,
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// `/Users/{id}` rather than the id.
    pub template: &'static str,
    /// The path below the base, with the id.
    pub path: String,
    /// The query string, percent-encoded as it came.
    pub query: String,
    /// `None` when the connection closed, or stayed silent, instead of an answer.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) calls: Calls,
    log: VecDeque<LoggedRequest>,
    limit: usize,
}

impl Recorder {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    pub(crate) fn log(&mut self, seen: Occasion<'_>, template: &'static str, status: Option<u16>) {
        if self.limit == 0 {
            return;
        }
        if self.log.len() >= self.limit {
            self.log.pop_front();
        }
        self.log.push_back(LoggedRequest {
            method: seen.method.to_owned(),
            template,
            path: seen.path.to_owned(),
            query: seen.query.to_owned(),
            status,
        });
    }

    pub(crate) fn entries(&self) -> Vec<LoggedRequest> {
        self.log.iter().cloned().collect()
    }

    pub(crate) fn reset(&mut self) {
        self.calls = Calls::default();
        self.log.clear();
    }
}
