//! What clients did: counts by method and path template, and a log of requests.

use std::collections::{BTreeMap, VecDeque};

use crate::route::Action;
use crate::rules::Occasion;

/// Requests that arrived with a good token, whatever became of them; the parts of batches one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    by_template: BTreeMap<(String, &'static str), u64>,
    writes: u64,
    total: u64,
}

impl Calls {
    /// Requests with this method and path template, such as `POST` and `/users`, or `PATCH` and `/users/{id}`.
    pub fn of(&self, method: &str, template: &str) -> u64 {
        self.by_template
            .iter()
            .filter(|((verb, path), _)| verb == method && *path == template)
            .map(|(_, count)| count)
            .sum()
    }

    /// Requests that may change something.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// Requests that only read, and those that the target does not have.
    pub fn reads(&self) -> u64 {
        self.total - self.writes
    }

    /// All requests, envelopes of batches included.
    pub fn total(&self) -> u64 {
        self.total
    }
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// `/users/{id}` rather than the id.
    pub template: &'static str,
    /// The path below the base, with the id.
    pub path: String,
    /// The query string, percent-encoded as it came.
    pub query: String,
    /// Whether it came inside a batch.
    pub batched: bool,
    /// The `client-request-id` that it carried.
    pub client_request_id: Option<String>,
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

    pub(crate) fn count(&mut self, method: &str, template: &'static str, action: Action) {
        let calls = &mut self.calls;
        let key = (method.to_owned(), template);
        *calls.by_template.entry(key).or_default() += 1;
        calls.writes += u64::from(action.writes());
        calls.total += 1;
    }

    pub(crate) fn log(
        &mut self,
        seen: Occasion<'_>,
        template: &'static str,
        client_request_id: Option<&str>,
        status: Option<u16>,
    ) {
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
            batched: seen.batched,
            client_request_id: client_request_id.map(str::to_owned),
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
