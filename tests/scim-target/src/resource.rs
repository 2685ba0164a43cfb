//! What a request does to one resource: read, create, replace, patch, delete.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::accept;
use crate::error::ScimError;
use crate::faults::{ConflictStyle, Fault, FaultKind, PatchAnswer, Quirks};
use crate::lenient;
use crate::list::Query;
use crate::members::Edit;
use crate::patch;
use crate::read::read;
use crate::render::Renderer;
use crate::reply::Reply;
use crate::rules;
use crate::schema::Kind;
use crate::state::State;
use crate::store::{Record, Store};
use crate::truth::{CreateMembers, Deletion};

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
    fn found<'s>(&self, store: &'s Store, id: &str) -> Result<(u64, &'s Record), ScimError> {
        let (key, record) = self.present(store, id)?;
        if self.hidden(record) {
            return Err(ScimError::not_found(id));
        }
        Ok((key, record))
    }

    /// Also where the dialect hides inactive users.
    fn present<'s>(&self, store: &'s Store, id: &str) -> Result<(u64, &'s Record), ScimError> {
        let missing = || ScimError::not_found(id);
        let key = store.key(self.kind, id).ok_or_else(missing)?;
        let record = store.at(self.kind, key).ok_or_else(missing)?;
        if self.kind == Kind::User
            && !record.active()
            && !self.hidden(record)
            && self.quirks.has(FaultKind::HideInactive)
        {
            return Err(missing());
        }
        Ok((key, record))
    }

    fn hidden(&self, record: &Record) -> bool {
        self.kind == Kind::User && !record.active() && self.quirks.truth.users.inactive_hidden
    }

    fn renderer<'s>(&'s self, store: &'s Store) -> Renderer<'s> {
        Renderer {
            store,
            base: self.base,
            truth: self.quirks.truth,
        }
    }

    fn reply(&self, store: &Store, status: u16, id: &str) -> Reply {
        let Some(record) = store.get(self.kind, id) else {
            return Reply::empty(status);
        };
        let renderer = self.renderer(store);
        let body = renderer.resource(record, &self.query.projection(self.kind));
        Reply {
            etag: Some(record.etag()),
            location: Some(renderer.location(self.kind, id)),
            ..Reply::json(status, Value::Object(body))
        }
    }

    pub(crate) fn get(&self, state: &mut State, id: &str) -> Result<Reply, ScimError> {
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
        read(state, self.quirks, &|store, quirks| {
            // Not `..*self`: the comparison's faults live less long than the request.
            let Self {
                kind,
                base,
                query,
                headers,
                quirks: _,
            } = *self;
            let call = Call {
                kind,
                base,
                query,
                headers,
                quirks,
            };
            call.show(store, id)
        })
    }

    fn show(&self, store: &Store, id: &str) -> Result<Reply, ScimError> {
        let (_, record) = self.found(store, id)?;
        let etag = record.etag();
        if self.quirks.truth.etags && names(self.headers, &header::IF_NONE_MATCH, &etag) {
            return Ok(Reply {
                etag: Some(etag),
                ..Reply::empty(304)
            });
        }
        Ok(self.reply(store, 200, id))
    }

    pub(crate) fn create(&self, state: &mut State, body: &Value) -> Result<Reply, ScimError> {
        let truth = self.quirks.truth;
        let body = lenient::resource(self.kind, body, truth.door);
        let mut accepted = accept::resource(self.kind, &body)?;
        if self.kind == Kind::User {
            rules::refuse_named(&truth.users, &body)?;
            rules::refuse(&truth.users, None, &accepted.attrs)?;
        }
        if let Some(Fault::CreateConflict { style }) = self.quirks.fire(FaultKind::CreateConflict) {
            return Err(conflict(self.kind, style, &accepted.attrs));
        }
        self.fold(&mut accepted.attrs);
        let members = self.first_members(&state.store, accepted.members)?;
        let id = state
            .store
            .insert(self.kind, accepted.attrs, &members)
            .map_err(|error| rules::conflict(self.kind, &truth.users, error))?;
        state.fresh.insert(id.clone(), 0);
        Ok(self.reply(&state.store, 201, &id))
    }

    pub(crate) fn replace(
        &self,
        state: &mut State,
        id: &str,
        body: &Value,
    ) -> Result<Reply, ScimError> {
        let truth = self.quirks.truth;
        let (key, record) = self.found(&state.store, id)?;
        let before = record.attrs.clone();
        self.unchanged_since(state, key)?;
        let body = lenient::resource(self.kind, body, truth.door);
        let mut accepted = accept::resource(self.kind, &body)?;
        if self.kind == Kind::User {
            rules::refuse_named(&truth.users, &body)?;
            rules::put(&truth.users, &body, before, &mut accepted.attrs);
        }
        let edits: Vec<Edit> = match self.kind {
            Kind::User => Vec::new(),
            Kind::Group => {
                let joining = accepted.members.into_iter().map(Edit::Put);
                std::iter::once(Edit::Clear).chain(joining).collect()
            }
        };
        let echo = self.write(state, key, accepted.attrs, &edits)?;
        Ok(echoed(self.reply(&state.store, 200, id), echo))
    }

    pub(crate) fn patch(
        &self,
        state: &mut State,
        id: &str,
        body: &Value,
    ) -> Result<Reply, ScimError> {
        let truth = self.quirks.truth;
        let (key, _) = self.present(&state.store, id)?;
        self.unchanged_since(state, key)?;
        let operations = lenient::operations(self.kind, patch::operations(body)?, truth.door);
        let missing = || ScimError::not_found(id);
        let record = state.store.at(self.kind, key).ok_or_else(missing)?;
        let renderer = self.renderer(&state.store);
        let patched = patch::apply(record, &operations, renderer, self.quirks)?;
        let activates = patched.attrs.get("active") == Some(&Value::Bool(true));
        if self.hidden(record) && !activates {
            return Err(missing());
        }
        // Armed first: whether members change costs a copy of the group.
        let ignored = self.quirks.armed(FaultKind::IgnorePatch)
            && (record.attrs != patched.attrs || record.members.changed_by(&patched.edits))
            && self.quirks.has(FaultKind::IgnorePatch);
        let echo = if ignored {
            None
        } else {
            self.write(state, key, patched.attrs, &patched.edits)?
        };
        let style = match (self.quirks.fire(FaultKind::PatchAnswer), self.kind) {
            (Some(Fault::PatchAnswer { style }), _) => style,
            // RFC 7644 section 3.5.2: who asks for attributes gets them.
            _ if self.query.names_attributes() => PatchAnswer::Full,
            (_, Kind::User) => truth.users.patch_answer,
            (_, Kind::Group) => truth.groups.patch_answer,
        };
        let etag = state.store.at(self.kind, key).map(Record::etag);
        Ok(match style {
            PatchAnswer::Full => echoed(self.reply(&state.store, 200, id), echo),
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
        let (key, record) = self.found(&state.store, id)?;
        let mut attrs = record.attrs.clone();
        let name = record.label().to_owned();
        self.unchanged_since(state, key)?;
        let deletion = self.quirks.truth.users.delete;
        let soft = deletion == Deletion::Deactivates;
        if self.kind == Kind::User && (soft || self.quirks.has(FaultKind::SoftDelete)) {
            attrs.insert("active".to_owned(), Value::Bool(false));
            state.store.update(self.kind, key, attrs, &[])?;
        } else {
            if self.kind == Kind::User && deletion == Deletion::Suspends {
                state.suspended.push(name);
            }
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
        let truth = self.quirks.truth;
        let edits = rules::edits(&truth.groups, &state.store, edits.to_vec());
        if self.kind == Kind::User {
            let before = state
                .store
                .at(self.kind, key)
                .map(|r| (r.attrs.clone(), r.active()));
            if let Some((before, active)) = before {
                if !active
                    && other_than_active(&before) != other_than_active(&attrs)
                    && (!truth.users.inactive_edits
                        || self.quirks.has(FaultKind::RefuseInactiveEdits))
                {
                    return Err(ScimError::value("an inactive user cannot be edited"));
                }
                if !active
                    && !truth.users.reactivation
                    && attrs.get("active") == Some(&Value::Bool(true))
                {
                    return Err(ScimError::value("an inactive user cannot be activated"));
                }
                rules::refuse(&truth.users, Some(&before), &attrs)?;
                if before.get("active") != attrs.get("active")
                    && let Some(Fault::IgnoreActive { echo: lies }) =
                        self.quirks.fire(FaultKind::IgnoreActive)
                {
                    let kept = before.get("active").cloned().unwrap_or(Value::Bool(true));
                    echo = attrs.insert("active".to_owned(), kept).filter(|_| lies);
                }
            }
            self.fold(&mut attrs);
        }
        state
            .store
            .update(self.kind, key, attrs, &edits)
            .map_err(|error| rules::conflict(self.kind, &truth.users, error))?;
        Ok(echo)
    }

    /// The members that a new group starts with.
    fn first_members(&self, store: &Store, asked: Vec<String>) -> Result<Vec<String>, ScimError> {
        let truth = &self.quirks.truth.groups;
        if truth.create_members == CreateMembers::Dropped {
            return Ok(Vec::new());
        }
        if truth.create_limit.is_some_and(|max| asked.len() > max) {
            return Err(ScimError::value(format!(
                "too many members in one request: {}",
                asked.len()
            )));
        }
        let asked = asked.into_iter().map(Edit::Put).collect();
        let member = |edit: Edit| match edit {
            Edit::Put(id) => Some(id),
            Edit::Clear | Edit::Drop(_) => None,
        };
        let edits = rules::edits(truth, store, asked);
        Ok(edits.into_iter().filter_map(member).collect())
    }

    fn fold(&self, attrs: &mut Map<String, Value>) {
        if self.kind == Kind::User {
            rules::fold(&self.quirks.truth.users, attrs);
        }
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
        if !self.quirks.truth.etags || !self.headers.contains_key(header::IF_MATCH) {
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
