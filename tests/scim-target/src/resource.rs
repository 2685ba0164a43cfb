//! What a request does to one resource: read, create, replace, patch, delete.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::accept;
use crate::error::ScimError;
use crate::faults::{ConflictStyle, Fault, FaultKind, PatchAnswer, Quirks};
use crate::list::Query;
use crate::members::Edit;
use crate::patch;
use crate::render::Renderer;
use crate::reply::Reply;
use crate::schema::Kind;
use crate::state::State;
use crate::store::Record;

/// One request, as far as a resource needs to know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) kind: Kind,
    pub(crate) base: &'a str,
    pub(crate) query: &'a Query,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) quirks: Quirks<'a>,
}

impl Call<'_> {
    fn found<'s>(&self, state: &'s State, id: &str) -> Result<(u64, &'s Record), ScimError> {
        let missing = || ScimError::not_found(id);
        let key = state.store.key(self.kind, id).ok_or_else(missing)?;
        let record = state.store.at(self.kind, key).ok_or_else(missing)?;
        if self.kind == Kind::User && !record.active() && self.quirks.has(FaultKind::HideInactive) {
            return Err(missing());
        }
        Ok((key, record))
    }

    fn reply(&self, state: &State, status: u16, id: &str) -> Reply {
        let Some(record) = state.store.get(self.kind, id) else {
            return Reply::empty(status);
        };
        let renderer = Renderer {
            store: &state.store,
            base: self.base,
        };
        let body = renderer.resource(record, &self.query.projection(self.kind));
        Reply {
            etag: Some(record.etag()),
            location: Some(renderer.location(self.kind, id)),
            ..Reply::json(status, Value::Object(body))
        }
    }

    pub(crate) fn get(&self, state: &mut State, id: &str) -> Result<Reply, ScimError> {
        let (_, record) = self.found(state, id)?;
        let etag = record.etag();
        if let Some(reads) = state.fresh.get_mut(id) {
            let lagging = self.quirks.fire_if(
                FaultKind::ReadAfterCreate,
                &|fault| matches!(fault, Fault::ReadAfterCreate { misses } if *reads < *misses),
            );
            if lagging.is_some() {
                *reads += 1;
                return Err(ScimError::not_found(id));
            }
            state.fresh.remove(id);
        }
        if names(self.headers, &header::IF_NONE_MATCH, &etag) {
            return Ok(Reply {
                etag: Some(etag),
                ..Reply::empty(304)
            });
        }
        Ok(self.reply(state, 200, id))
    }

    pub(crate) fn create(&self, state: &mut State, body: &Value) -> Result<Reply, ScimError> {
        let mut accepted = accept::resource(self.kind, body)?;
        if let Some(Fault::CreateConflict { style }) = self.quirks.fire(FaultKind::CreateConflict) {
            return Err(conflict(self.kind, style, &accepted.attrs));
        }
        self.lower_case(&mut accepted.attrs);
        let id = state
            .store
            .insert(self.kind, accepted.attrs, &accepted.members)?;
        state.fresh.insert(id.clone(), 0);
        Ok(self.reply(state, 201, &id))
    }

    pub(crate) fn replace(
        &self,
        state: &mut State,
        id: &str,
        body: &Value,
    ) -> Result<Reply, ScimError> {
        let (key, _) = self.found(state, id)?;
        self.unchanged_since(state, key)?;
        let accepted = accept::resource(self.kind, body)?;
        let edits: Vec<Edit> = match self.kind {
            Kind::User => Vec::new(),
            Kind::Group => {
                let joining = accepted.members.into_iter().map(Edit::Put);
                std::iter::once(Edit::Clear).chain(joining).collect()
            }
        };
        let echo = self.write(state, key, accepted.attrs, &edits)?;
        Ok(echoed(self.reply(state, 200, id), echo))
    }

    pub(crate) fn patch(
        &self,
        state: &mut State,
        id: &str,
        body: &Value,
    ) -> Result<Reply, ScimError> {
        let (key, _) = self.found(state, id)?;
        self.unchanged_since(state, key)?;
        let operations = patch::operations(body)?;
        let (_, record) = self.found(state, id)?;
        let renderer = Renderer {
            store: &state.store,
            base: self.base,
        };
        let patched = patch::apply(record, &operations, renderer, self.quirks)?;
        let echo = self.write(state, key, patched.attrs, &patched.edits)?;
        let style = match (self.quirks.fire(FaultKind::PatchAnswer), self.kind) {
            (Some(Fault::PatchAnswer { style }), _) => style,
            // RFC 7644 section 3.5.2: who asks for attributes gets them.
            _ if self.query.names_attributes() => PatchAnswer::Full,
            (_, Kind::User) => state.user_patch,
            (_, Kind::Group) => state.group_patch,
        };
        let etag = state.store.at(self.kind, key).map(Record::etag);
        Ok(match style {
            PatchAnswer::Full => echoed(self.reply(state, 200, id), echo),
            PatchAnswer::NoContent => Reply {
                etag,
                ..Reply::empty(204)
            },
            PatchAnswer::Empty => Reply {
                etag,
                ..Reply::empty(200)
            },
        })
    }

    pub(crate) fn delete(&self, state: &mut State, id: &str) -> Result<Reply, ScimError> {
        let (key, record) = self.found(state, id)?;
        let attrs = record.attrs.clone();
        self.unchanged_since(state, key)?;
        if self.kind == Kind::User && self.quirks.has(FaultKind::SoftDelete) {
            let mut attrs = attrs;
            attrs.insert("active".to_owned(), Value::Bool(false));
            state.store.update(self.kind, key, attrs, &[])?;
        } else {
            state.store.remove(self.kind, id);
            state.fresh.remove(id);
        }
        Ok(Reply::empty(204))
    }

    /// Stores what PUT and PATCH made. Answers the value of `active` to claim, where a fault lies about it.
    fn write(
        &self,
        state: &mut State,
        key: u64,
        mut attrs: Map<String, Value>,
        edits: &[Edit],
    ) -> Result<Option<Value>, ScimError> {
        let mut echo = None;
        if self.kind == Kind::User {
            let before = state
                .store
                .at(self.kind, key)
                .map(|r| (r.attrs.clone(), r.active()));
            if let Some((before, active)) = before {
                if !active
                    && other_than_active(&before) != other_than_active(&attrs)
                    && self.quirks.has(FaultKind::RefuseInactiveEdits)
                {
                    return Err(ScimError::value("an inactive user cannot be edited"));
                }
                if before.get("active") != attrs.get("active")
                    && let Some(Fault::IgnoreActive { echo: lies }) =
                        self.quirks.fire(FaultKind::IgnoreActive)
                {
                    let kept = before.get("active").cloned().unwrap_or(Value::Bool(true));
                    echo = attrs.insert("active".to_owned(), kept).filter(|_| lies);
                }
            }
            self.lower_case(&mut attrs);
        }
        state.store.update(self.kind, key, attrs, edits)?;
        Ok(echo)
    }

    fn lower_case(&self, attrs: &mut Map<String, Value>) {
        if self.kind == Kind::User
            && let Some(Value::String(name)) = attrs.get_mut("userName")
            && *name != name.to_lowercase()
            && self.quirks.has(FaultKind::LowercaseUserName)
        {
            *name = name.to_lowercase();
        }
    }

    /// `If-Match` (RFC 7644 section 3.14).
    fn unchanged_since(&self, state: &mut State, key: u64) -> Result<(), ScimError> {
        if !self.headers.contains_key(header::IF_MATCH) {
            return Ok(());
        }
        let failed = || ScimError::new(412, "the resource has changed on the server");
        if self.quirks.has(FaultKind::StaleEtag) {
            state.store.touch(self.kind, key);
            return Err(failed());
        }
        let etag = state
            .store
            .at(self.kind, key)
            .map(Record::etag)
            .unwrap_or_default();
        if names(self.headers, &header::IF_MATCH, &etag) {
            Ok(())
        } else {
            Err(failed())
        }
    }
}

fn other_than_active(attrs: &Map<String, Value>) -> Map<String, Value> {
    attrs
        .iter()
        .filter(|(name, _)| *name != "active")
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

fn echoed(mut reply: Reply, echo: Option<Value>) -> Reply {
    if let (Some(active), Some(body)) = (echo, reply.object_mut()) {
        body.insert("active".to_owned(), active);
    }
    reply
}

/// Whether a header with entity tags names this one; weakness does not matter.
fn names(headers: &HeaderMap, header: &header::HeaderName, etag: &str) -> bool {
    let plain = |tag: &str| {
        tag.trim()
            .trim_start_matches("W/")
            .trim_matches('"')
            .to_owned()
    };
    headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || plain(tag) == plain(etag))
}

fn conflict(kind: Kind, style: ConflictStyle, attrs: &Map<String, Value>) -> ScimError {
    let label = attrs
        .get(kind.label())
        .and_then(Value::as_str)
        .unwrap_or_default();
    match style {
        ConflictStyle::Uniqueness => ScimError::taken(kind.label(), label),
        ConflictStyle::Unrelated => ScimError::new(409, "required fields are missing: [email]"),
    }
}
