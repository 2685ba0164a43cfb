//! The running target, and what Rust callers do to it out of band.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accept;
use crate::admission::Meters;
use crate::calls::{Calls, LoggedRequest, Recorder};
use crate::digest::digest;
use crate::error::ScimError;
use crate::faults::{Faults, Occasion, Quirks};
use crate::http::BASE_PATH;
use crate::list::Style;
use crate::members::Edit;
use crate::options::{Options, Paging};
use crate::patch::{self, Operation, Verb};
use crate::render::Renderer;
use crate::schema::Kind;
use crate::server;
use crate::state::{Shared, State};
use crate::store::{Record, Store};
use crate::truth::{Truth, UnknownMembers};
use crate::views::{Group, User};

/// A SCIM service provider on 127.0.0.1. Dropping it closes the port.
///
/// The methods below work on the stored resources directly: no request, no fault, no count. They are the
/// administrator who changes things by hand.
#[derive(Debug)]
pub struct ScimTarget {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
}

impl ScimTarget {
    /// Binds the port and serves on the current Tokio runtime.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let truth = options.effective_truth();
        let mut store = Store::new(options.seed, options.start_time);
        store.group_names_unique = truth.groups.names_unique;
        store.unknown_members_refused = truth.groups.unknown_members != UnknownMembers::Kept;
        store.external_ids_unique = truth.users.external_id_unique;
        let style = Style::of(&truth.paging);
        let recorder = Recorder::new(options.log_limit);
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                store,
                recorder,
                style,
                fresh: HashMap::new(),
                past: None,
                meters: Meters::default(),
                suspended: Vec::new(),
            }),
            faults: Faults::default(),
            truth,
            base: format!("http://{address}{BASE_PATH}"),
            token: options.token,
        });
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(server::run(listener, Arc::clone(&shared), stopped));
        Ok(Self {
            shared,
            address,
            stop,
            server,
        })
    }

    /// Finishes the requests under way and closes the port.
    pub async fn stop(mut self) -> io::Result<()> {
        self.stop.send_replace(true);
        (&mut self.server).await.map_err(io::Error::other)?
    }

    /// Such as `http://127.0.0.1:40123/scim/v2`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.shared.base
    }

    /// The bearer token that requests have to carry.
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// Where the target listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The switches for misbehaviour.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What the target does before any fault is switched on.
    pub fn truth(&self) -> Truth {
        let mut truth = self.shared.truth.clone();
        truth.paging.method = self.shared.lock().style.limits.paging;
        truth
    }

    /// Names of the users that DELETE suspended for ever, under [`Deletion::Suspends`](crate::Deletion::Suspends).
    pub fn suspended(&self) -> Vec<String> {
        self.shared.lock().suspended.clone()
    }

    /// Requests since the start or the last reset, by method and kind.
    pub fn calls(&self) -> Calls {
        self.shared.lock().recorder.calls
    }

    /// Requests since the start or the last reset, oldest first.
    pub fn log(&self) -> Vec<LoggedRequest> {
        self.shared.lock().recorder.entries()
    }

    /// Sets every count to 0 and empties the log.
    pub fn reset_calls(&self) {
        self.shared.lock().recorder.reset();
    }

    /// The same for two targets that hold the same people, groups and memberships, whatever their ids and history.
    pub fn digest(&self) -> String {
        digest(&self.shared.lock().store)
    }

    /// The time of the next write, less a millisecond.
    pub fn set_time(&self, now: Timestamp) {
        self.shared.lock().store.set_time(now);
    }

    /// Changes how lists are paged from now on.
    pub fn set_paging(&self, paging: Paging) {
        self.shared.lock().style.limits.paging = paging;
    }

    /// Everyone, in order of creation.
    pub fn users(&self) -> Vec<User> {
        self.all(Kind::User).into_iter().map(User::from).collect()
    }

    /// Every group, in order of creation.
    pub fn groups(&self) -> Vec<Group> {
        self.all(Kind::Group).into_iter().map(Group::from).collect()
    }

    /// How many users there are.
    pub fn user_count(&self) -> usize {
        self.shared.lock().store.order(Kind::User).len()
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.shared.lock().store.order(Kind::Group).len()
    }

    /// By `id`.
    pub fn user(&self, id: &str) -> Option<User> {
        self.one(Kind::User, |store| store.get(Kind::User, id))
            .map(User::from)
    }

    /// By `userName`, in any case.
    pub fn user_by_user_name(&self, user_name: &str) -> Option<User> {
        self.one(Kind::User, |store| {
            first(store, Kind::User, &store.by_label(Kind::User, user_name))
        })
        .map(User::from)
    }

    /// By `externalId`; the oldest, when several have it.
    pub fn user_by_external_id(&self, external_id: &str) -> Option<User> {
        self.one(Kind::User, |store| {
            first(
                store,
                Kind::User,
                &store.by_external_id(Kind::User, external_id),
            )
        })
        .map(User::from)
    }

    /// By `id`.
    pub fn group(&self, id: &str) -> Option<Group> {
        self.one(Kind::Group, |store| store.get(Kind::Group, id))
            .map(Group::from)
    }

    /// By `displayName`, in any case; the oldest, when several have it.
    pub fn group_by_display_name(&self, name: &str) -> Option<Group> {
        self.one(Kind::Group, |store| {
            first(store, Kind::Group, &store.by_label(Kind::Group, name))
        })
        .map(Group::from)
    }

    /// Creates a user from a SCIM resource; `schemas` may be left out.
    pub fn insert_user(&self, resource: Value) -> Result<User, ScimError> {
        self.insert(Kind::User, resource).map(User::from)
    }

    /// Creates a group from a SCIM resource; `schemas` may be left out.
    pub fn insert_group(&self, resource: Value) -> Result<Group, ScimError> {
        self.insert(Kind::Group, resource).map(Group::from)
    }

    /// Creates an empty group.
    pub fn add_group(&self, display_name: &str) -> Result<Group, ScimError> {
        let name = [("displayName".to_owned(), display_name.into())];
        self.insert_group(Value::Object(Map::from_iter(name)))
    }

    /// Sets attributes, as a PATCH `replace` without a path does: names may be paths, null unassigns.
    pub fn update_user(&self, id: &str, changes: Value) -> Result<User, ScimError> {
        self.update(Kind::User, id, changes).map(User::from)
    }

    /// Sets attributes of a group, as [`update_user`](Self::update_user) does.
    pub fn update_group(&self, id: &str, changes: Value) -> Result<Group, ScimError> {
        self.update(Kind::Group, id, changes).map(Group::from)
    }

    /// Deletes the user and their memberships. Answers whether there was one.
    pub fn delete_user(&self, id: &str) -> bool {
        self.shared.lock().store.remove(Kind::User, id).is_some()
    }

    /// Deletes the group, not its members. Answers whether there was one.
    pub fn delete_group(&self, id: &str) -> bool {
        self.shared.lock().store.remove(Kind::Group, id).is_some()
    }

    /// Puts a user or group into a group. Answers whether that changed anything.
    pub fn add_member(&self, group_id: &str, member_id: &str) -> Result<bool, ScimError> {
        self.edit(group_id, Edit::Put(member_id.to_owned()))
    }

    /// Takes a member out of a group. Answers whether that changed anything.
    pub fn remove_member(&self, group_id: &str, member_id: &str) -> Result<bool, ScimError> {
        self.edit(group_id, Edit::Drop(member_id.to_owned()))
    }

    fn all(&self, kind: Kind) -> Vec<Map<String, Value>> {
        let state = self.shared.lock();
        let store = &state.store;
        let renderer = self.renderer(store);
        store
            .order(kind)
            .iter()
            .filter_map(|key| store.at(kind, *key))
            .map(|record| renderer.full(record))
            .collect()
    }

    fn one(
        &self,
        kind: Kind,
        find: impl FnOnce(&Store) -> Option<&Record>,
    ) -> Option<Map<String, Value>> {
        let state = self.shared.lock();
        let record = find(&state.store)?;
        debug_assert_eq!(record.kind, kind);
        Some(self.renderer(&state.store).full(record))
    }

    fn insert(&self, kind: Kind, mut resource: Value) -> Result<Map<String, Value>, ScimError> {
        if let Some(object) = resource.as_object_mut() {
            object
                .entry("schemas")
                .or_insert_with(|| vec![kind.core().urn].into());
        }
        let accepted = accept::resource(kind, &resource)?;
        let id = {
            let mut state = self.shared.lock();
            state
                .store
                .insert(kind, accepted.attrs, &accepted.members)?
        };
        self.one(kind, |store| store.get(kind, &id))
            .ok_or_else(|| ScimError::not_found(&id))
    }

    fn update(
        &self,
        kind: Kind,
        id: &str,
        changes: Value,
    ) -> Result<Map<String, Value>, ScimError> {
        let faults = Faults::default();
        let quirks = Quirks {
            faults: &faults,
            truth: &Truth::RFC,
            seen: Occasion {
                method: "",
                path: "",
                query: "",
            },
        };
        let operation = Operation {
            verb: Verb::Replace,
            path: None,
            value: Some(changes),
        };
        {
            let mut state = self.shared.lock();
            let missing = || ScimError::not_found(id);
            let key = state.store.key(kind, id).ok_or_else(missing)?;
            let record = state.store.at(kind, key).ok_or_else(missing)?;
            let renderer = self.renderer(&state.store);
            let patched = patch::apply(record, &[operation], renderer, quirks)?;
            state
                .store
                .update(kind, key, patched.attrs, &patched.edits)?;
        }
        self.one(kind, |store| store.get(kind, id))
            .ok_or_else(|| ScimError::not_found(id))
    }

    fn edit(&self, group_id: &str, edit: Edit) -> Result<bool, ScimError> {
        let mut state = self.shared.lock();
        let missing = || ScimError::not_found(group_id);
        let key = state.store.key(Kind::Group, group_id).ok_or_else(missing)?;
        let attrs = state
            .store
            .at(Kind::Group, key)
            .ok_or_else(missing)?
            .attrs
            .clone();
        state.store.update(Kind::Group, key, attrs, &[edit])
    }

    fn renderer<'a>(&'a self, store: &'a Store) -> Renderer<'a> {
        Renderer {
            store,
            base: &self.shared.base,
            truth: &Truth::RFC,
        }
    }
}

impl Drop for ScimTarget {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

fn first<'a>(store: &'a Store, kind: Kind, keys: &[u64]) -> Option<&'a Record> {
    store.at(kind, *keys.first()?)
}
