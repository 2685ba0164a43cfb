//! What the HTTP side and the Rust side of a target share, and what one request carries to its handler.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::access::Access;
use crate::batch::Violation;
use crate::bulk::Upload;
use crate::calls::Recorder;
use crate::error::{GraphError, Refusal};
use crate::faults::{Fault, FaultKind};
use crate::meter::Meter;
use crate::options::Options;
use crate::route::Route;
use crate::rules::{Faults, Quirks};
use crate::store::{Person, Store};

/// A token that the token endpoint gave out. It keeps the permissions of its birth.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) expires: Timestamp,
    pub(crate) permissions: Arc<BTreeSet<String>>,
}

/// What replicas have not heard of yet.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    /// For users that were created over HTTP: requests that missed, lists that left out.
    pub(crate) fresh: BTreeMap<String, (u32, u32)>,
    /// For changed users: how they were before, and the reads that showed it.
    pub(crate) previous: BTreeMap<String, (Person, u32)>,
}

impl Lag {
    /// Whether this request is not to find the user.
    pub(crate) fn misses(&mut self, id: &str, quirks: Quirks<'_>) -> bool {
        let Some((missed, _)) = self.fresh.get_mut(id) else {
            return false;
        };
        let fires = quirks.fire_if(
            FaultKind::NotFoundAfterCreate,
            &|fault| matches!(fault, Fault::NotFoundAfterCreate { misses } if *missed < *misses),
        );
        *missed += u32::from(fires.is_some());
        fires.is_some()
    }

    /// Whether this list is to leave the user out.
    pub(crate) fn unlisted(&mut self, id: &str, quirks: Quirks<'_>) -> bool {
        let Some((_, left_out)) = self.fresh.get_mut(id) else {
            return false;
        };
        let fires = quirks.fire_if(
            FaultKind::CreateNotListed,
            &|fault| matches!(fault, Fault::CreateNotListed { lists } if *left_out < *lists),
        );
        *left_out += u32::from(fires.is_some());
        fires.is_some()
    }

    /// How the user was before its last change, if this read is to show that.
    pub(crate) fn stale(&mut self, id: &str, quirks: Quirks<'_>) -> Option<Person> {
        let (person, served) = self.previous.get_mut(id)?;
        quirks.fire_if(
            FaultKind::StaleReads,
            &|fault| matches!(fault, Fault::StaleReads { reads } if *served < *reads),
        )?;
        *served += 1;
        Some(person.clone())
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) recorder: Recorder,
    pub(crate) meter: Meter,
    pub(crate) lag: Lag,
    pub(crate) permissions: Arc<BTreeSet<String>>,
    pub(crate) grants: BTreeMap<String, Grant>,
    pub(crate) refused: BTreeMap<Refusal, u64>,
    pub(crate) uploads: Vec<Upload>,
    pub(crate) violations: Vec<Violation>,
    /// Whether the application holds a directory role that lets it change administrators.
    pub(crate) holds_role: bool,
    /// Where links lead.
    pub(crate) link_base: String,
    /// Where the parts of batches are sent, rather than being answered at once.
    pub(crate) via: Option<(reqwest::Client, String)>,
    /// Requests so far, for texts and ids of requests.
    pub(crate) served: u64,
}

impl State {
    /// The text that goes over the wire for an error, and its count.
    pub(crate) fn refuse(&mut self, error: &GraphError) {
        *self.refused.entry(error.refusal).or_default() += 1;
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) faults: Faults,
    pub(crate) options: Options,
    /// `http://127.0.0.1:port/v1.0`
    pub(crate) base: String,
    /// `http://127.0.0.1:port/{tenant}/oauth2/v2.0/token`
    pub(crate) token_url: String,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request on its way to its handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) route: &'a Route,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) quirks: Quirks<'a>,
    pub(crate) access: Access<'a>,
}

impl Ask<'_> {
    pub(crate) fn query(&self) -> &str {
        self.quirks.seen.query
    }

    /// The body, which has to be a JSON object.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, GraphError> {
        if media(self.headers) != "application/json" {
            return Err(GraphError::new(
                415,
                "Request_BadRequest",
                Refusal::Invalid,
                "The content type has to be application/json.",
            ));
        }
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) | Err(_) => Err(GraphError::odata(
                "Unable to read JSON request payload. Please ensure that it is well-formed.",
            )),
        }
    }

    /// The object that a `$ref` body, or an entry of a bind, leads to.
    pub(crate) fn reference<'v>(
        &self,
        link_base: &str,
        value: &'v Value,
    ) -> Result<&'v str, GraphError> {
        let invalid = || GraphError::bad("Invalid URL format specified in @odata.id.");
        let link = value.as_str().ok_or_else(invalid)?;
        let bases = [
            "https://graph.microsoft.com/v1.0",
            &self.shared.base,
            link_base,
        ];
        let path = bases
            .iter()
            .find_map(|base| link.strip_prefix(base))
            .ok_or_else(invalid)?;
        let id = ["/directoryObjects/", "/users/", "/groups/"]
            .iter()
            .find_map(|start| path.strip_prefix(start))
            .filter(|id| !id.is_empty() && !id.contains(['/', '?']))
            .ok_or_else(invalid)?;
        Ok(id)
    }
}

/// The content type without its parameters, in lower case.
pub(crate) fn media(headers: &HeaderMap) -> String {
    headers
        .get(axum::http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}
