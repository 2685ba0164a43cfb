//! What every experiment works with: requests that are counted and sent once, a ledger of what was
//! made, and the profile as far as it is known.

use std::collections::BTreeSet;

use domain::Profile;
use domain::profile::{Operation, Search};
use percent_encoding::percent_decode_str;
use ports::Secrets;
use serde_json::{Value, json};
use target_http::{Answer, HttpError, Method};

use super::json;
use super::report::{Finding, How, Left, Settings, value_of};
use super::sandbox::{Object, Tried, User};
use crate::page;
use crate::path::{encode, eq_filter};
use crate::refusal::{Refusal, ScimType};
use crate::target::Kind;
use crate::wire::{Call, Wire};
use target_http::SendError as NoAnswer;

/// A target that fails so often in a row is not in a state to be probed.
const MOST_FAILURES: u8 = 3;

/// Why no further experiment makes sense.
pub(super) struct Stop(pub(super) Box<str>);

/// An answer in full.
pub(super) struct Reply {
    pub(super) status: u16,
    /// Null where there is none, or none that is JSON.
    pub(super) body: Value,
    pub(super) etag: Option<Box<str>>,
    location: Option<Box<str>>,
    pub(super) kind: ScimType,
    /// In lower case. Never shown: a server may quote people in it.
    pub(super) detail: String,
    /// As it came, for words that are names of errors.
    pub(super) raw_detail: Box<str>,
    pub(super) is_taken: bool,
    too_large: bool,
}

impl Reply {
    fn of(answer: &Answer) -> Self {
        let error = page::error(&answer.body);
        let refusal = Refusal::of(answer);
        let ok = answer.is_success();
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        Self {
            status: answer.status,
            etag: answer.etag.clone().or_else(|| {
                let version = json::get(&body, "meta").and_then(|meta| json::text(meta, "version"));
                version.map(Into::into)
            }),
            location: answer.location.clone(),
            kind: refusal.kind,
            is_taken: !ok && refusal.is_taken(),
            detail: error.detail.to_lowercase(),
            raw_detail: error.detail,
            too_large: false,
            body,
        }
    }

    fn too_large() -> Self {
        Self {
            status: 200,
            body: Value::Null,
            etag: None,
            location: None,
            kind: ScimType::Other,
            detail: String::new(),
            raw_detail: "".into(),
            is_taken: false,
            too_large: true,
        }
    }

    pub(super) const fn ok(&self) -> bool {
        matches!(self.status, 200..=299) && !self.too_large
    }

    /// The answer in a few words.
    pub(super) fn said(&self) -> String {
        let status = self.status;
        if self.too_large {
            return "an answer that is too large to read".to_owned();
        }
        match (self.ok(), self.kind) {
            (true, _) if self.body.is_null() => format!("{status} without a body"),
            (true, _) => format!("{status}"),
            (false, ScimType::Other) => format!("{status} without a known scimType"),
            (false, kind) => format!("{status} {}", kind.name()),
        }
    }

    /// The id of what was made, from the body or from `Location`.
    fn made(&self, kind: Kind) -> Option<Box<str>> {
        if let Some(id) = json::text(&self.body, "id") {
            return Some(id.into());
        }
        let location = self.location.as_deref()?;
        let mut segments = location.trim_end_matches('/').rsplit('/');
        let (last, parent) = (segments.next()?, segments.next()?);
        let id = percent_decode_str(last).decode_utf8().ok()?;
        let collection = kind.path().trim_start_matches('/');
        (parent.eq_ignore_ascii_case(collection) && !id.is_empty()).then(|| id.into())
    }
}

pub(super) struct Lab<'a, S> {
    wire: &'a Wire<S>,
    pub(super) base: &'a Profile,
    pub(super) settings: &'a Settings,
    /// Requests of this wire before the probe, and the most that there may be.
    began: u64,
    limit: u64,
    /// Answers with 5xx, one after the other.
    failures: u8,
    pub(super) objects: Vec<Object>,
    pub(super) findings: Vec<Finding>,
    pub(super) left: Vec<Left>,
    pub(super) profile: Profile,
    pub(super) proven: BTreeSet<Operation>,
    pub(super) known: Known,
    media_types: BTreeSet<Box<str>>,
    rate_headers: BTreeSet<Box<str>>,
    retry_after: Option<Box<str>>,
}

/// What later experiments rest on.
#[derive(Default)]
pub(super) struct Known {
    /// With the fewest attributes.
    pub(super) least: Option<User>,
    /// With every attribute that the target takes.
    pub(super) rich: Option<User>,
    /// For PUT.
    pub(super) spare: Option<User>,
    /// For renaming and deleting.
    pub(super) doomed: Option<User>,
    /// A group that is not ours, and our user in it.
    pub(super) joined: Option<(Box<str>, Box<str>)>,
    /// The attribute by which users are found, if there is one.
    pub(super) finds: Option<&'static str>,
    pub(super) by_path: bool,
    pub(super) pathless: bool,
    pub(super) put: bool,
    /// Largest page that discovery speaks of, and where.
    pub(super) claimed_page: Option<(u64, &'static str)>,
}

impl<'a, S: Secrets> Lab<'a, S> {
    pub(super) fn new(wire: &'a Wire<S>, base: &'a Profile, settings: &'a Settings) -> Self {
        let began = wire.http.calls();
        Self {
            wire,
            base,
            settings,
            began,
            limit: began + u64::from(settings.most_requests),
            failures: 0,
            objects: Vec::new(),
            findings: Vec::new(),
            left: Vec::new(),
            profile: base.clone(),
            proven: BTreeSet::new(),
            known: Known::default(),
            media_types: BTreeSet::new(),
            rate_headers: BTreeSet::new(),
            retry_after: None,
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.wire.http.calls() - self.began
    }

    /// Lets so many more requests be sent, whatever was used.
    pub(super) fn allow(&mut self, requests: u64) {
        self.failures = 0;
        self.limit = self.wire.http.calls() + requests;
    }

    async fn exchange(&mut self, method: Method, call: &Call<'_>) -> Result<Reply, Stop> {
        self.may_send()?;
        let answer = match self.wire.raw(method, call).await {
            Ok(answer) => answer,
            Err(NoAnswer::Http(HttpError::TooLarge { .. })) => return Ok(Reply::too_large()),
            Err(NoAnswer::Http(error)) => return Err(Stop(error.to_string().into())),
            Err(NoAnswer::Auth(fault)) => return Err(Stop(fault.to_string().into())),
        };
        self.media_types.extend(answer.content_type.clone());
        let names = answer.rate_limits.iter().map(|(name, _)| name.clone());
        self.rate_headers.extend(names);
        if answer.retry_after.is_some() {
            self.retry_after.clone_from(&answer.retry_after);
        }
        let status = answer.status;
        if status == 429 {
            return Err(Stop(
                "429: the target wants fewer requests; try later".into(),
            ));
        }
        self.failures = match status {
            501 => 0,
            500..=599 => self.failures.saturating_add(1),
            _ => 0,
        };
        if self.failures >= MOST_FAILURES {
            let why = format!("{status}, for the third time in a row; the target is not well");
            return Err(Stop(why.into()));
        }
        Ok(Reply::of(&answer))
    }

    fn may_send(&self) -> Result<(), Stop> {
        if self.wire.http.calls() < self.limit {
            return Ok(());
        }
        Err(Stop(
            "the most requests that it may send were used up".into(),
        ))
    }

    /// A document below the base URL.
    pub(super) async fn document(&mut self, path: &'static str) -> Result<Reply, Stop> {
        let call = Call {
            path: path.to_owned(),
            template: path,
            ..Call::default()
        };
        self.exchange(Method::Get, &call).await
    }

    pub(super) async fn list(&mut self, kind: Kind, query: String) -> Result<Reply, Stop> {
        let call = Call {
            path: kind.path().to_owned(),
            query: Some(query),
            template: kind.path(),
            ..Call::default()
        };
        self.exchange(Method::Get, &call).await
    }

    pub(super) async fn filter(
        &mut self,
        kind: Kind,
        attr: &str,
        value: &str,
    ) -> Result<Reply, Stop> {
        let filter = eq_filter(attr, value);
        self.list(kind, format!("filter={}", encode(&filter))).await
    }

    /// `POST /Users/.search` or `POST /Groups/.search`.
    pub(super) async fn search(
        &mut self,
        kind: Kind,
        attr: &str,
        value: &str,
        excluded: &[&str],
    ) -> Result<Reply, Stop> {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": eq_filter(attr, value),
        });
        if let (Some(search), false) = (body.as_object_mut(), excluded.is_empty()) {
            search.insert("excludedAttributes".to_owned(), excluded.into());
        }
        let call = Call {
            path: format!("{}/.search", kind.path()),
            template: match kind {
                Kind::User => "/Users/.search",
                Kind::Group => "/Groups/.search",
            },
            body: Some(&body),
            ..Call::default()
        };
        self.exchange(Method::Post, &call).await
    }

    /// A look-up in the form that works for users.
    pub(super) async fn look_up(
        &mut self,
        kind: Kind,
        attr: &str,
        value: &str,
        excluded: &[&str],
    ) -> Result<Reply, Stop> {
        if self.profile.search == Search::Post {
            return self.search(kind, attr, value, excluded).await;
        }
        let mut query = format!("filter={}", encode(&eq_filter(attr, value)));
        if !excluded.is_empty() {
            query.push_str("&excludedAttributes=");
            query.push_str(&excluded.join(","));
        }
        self.list(kind, query).await
    }

    /// A user that was just made. Some targets need a moment before they show it: a second look is
    /// all they get.
    pub(super) async fn get_new(&mut self, id: &str) -> Result<Reply, Stop> {
        let first = self.get(Kind::User, id).await?;
        if first.status != 404 {
            return Ok(first);
        }
        self.seen(
            "create.read",
            "late",
            "a user that was just made is 404 at first",
        );
        self.get(Kind::User, id).await
    }

    pub(super) async fn get(&mut self, kind: Kind, id: &str) -> Result<Reply, Stop> {
        self.on_object(Method::Get, kind, id, None, None).await
    }

    pub(super) async fn put(&mut self, kind: Kind, id: &str, body: &Value) -> Result<Reply, Stop> {
        self.on_object(Method::Put, kind, id, Some(body), None)
            .await
    }

    pub(super) async fn delete(&mut self, kind: Kind, id: &str) -> Result<Reply, Stop> {
        self.on_object(Method::Delete, kind, id, None, None).await
    }

    pub(super) async fn patch(
        &mut self,
        kind: Kind,
        id: &str,
        operations: Value,
    ) -> Result<Reply, Stop> {
        self.patch_if(kind, id, operations, None).await
    }

    pub(super) async fn patch_if(
        &mut self,
        kind: Kind,
        id: &str,
        operations: Value,
        version: Option<Box<str>>,
    ) -> Result<Reply, Stop> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        self.on_object(Method::Patch, kind, id, Some(&body), version)
            .await
    }

    async fn on_object(
        &mut self,
        method: Method,
        kind: Kind,
        id: &str,
        body: Option<&Value>,
        if_match: Option<Box<str>>,
    ) -> Result<Reply, Stop> {
        let path = kind
            .object(id)
            .map_err(|_| Stop("the target gave an id that no path can carry".into()))?;
        let call = Call {
            path,
            template: kind.template(),
            body,
            if_match,
            ..Call::default()
        };
        self.exchange(method, &call).await
    }

    /// Makes an object. It is in the ledger before the request is sent, because an answer may be
    /// lost.
    pub(super) async fn make(
        &mut self,
        kind: Kind,
        name: &str,
        body: &Value,
    ) -> Result<(Reply, Option<Box<str>>), Stop> {
        self.may_send()?;
        let at = self.objects.len();
        self.objects.push(Object::asked_for(kind, name));
        let call = Call {
            path: kind.path().to_owned(),
            template: kind.path(),
            body: Some(body),
            ..Call::default()
        };
        let reply = self.exchange(Method::Post, &call).await?;
        let id = reply.made(kind).filter(|_| reply.ok());
        if let Some(object) = self.objects.get_mut(at) {
            object.id.clone_from(&id);
            object.tried = match (reply.status, &id) {
                (200..=299, Some(_)) => Tried::Made,
                // A server error may have come after the effect.
                (200..=299 | 500 | 502..=599, _) => Tried::Unclear,
                _ => Tried::Refused,
            };
        }
        Ok((reply, id))
    }

    /// The sandbox object of an id.
    pub(super) fn object(&mut self, id: &str) -> Option<&mut Object> {
        let same = |object: &&mut Object| object.id.as_deref() == Some(id);
        self.objects.iter_mut().find(same)
    }

    /// Takes an object away at once that would get into the way of later experiments.
    pub(super) async fn take_away(&mut self, kind: Kind, id: &str) -> Result<(), Stop> {
        let reply = self.delete(kind, id).await?;
        if let Some(object) = self.object(id)
            && reply.ok()
        {
            object.deleted = true;
        }
        Ok(())
    }

    /// Something that an experiment showed.
    pub(super) fn seen(
        &mut self,
        key: &'static str,
        value: impl Into<String>,
        note: impl Into<String>,
    ) {
        self.add(key, value.into(), How::Seen, note.into());
    }

    /// A key of the profile, as it now stands there.
    pub(super) fn settle(&mut self, key: &'static str, note: impl Into<String>) {
        let value = value_of(&self.profile, key);
        self.add(key, value, How::Seen, note.into());
    }

    pub(super) fn claim(
        &mut self,
        key: &'static str,
        document: &'static str,
        note: impl Into<String>,
    ) {
        let value = value_of(&self.profile, key);
        self.add(key, value, How::Claimed(document), note.into());
    }

    /// A key whose value stands because nothing could show it.
    pub(super) fn assume(&mut self, key: &'static str, why: impl Into<Box<str>>) {
        let value = value_of(&self.profile, key);
        self.add(key, value, How::Assumed(why.into()), String::new());
    }

    fn add(&mut self, key: &'static str, value: String, how: How, note: String) {
        self.findings.retain(|finding| finding.key != key);
        self.findings.push(Finding {
            key,
            value,
            how,
            note,
        });
    }

    /// What the headers of all answers had in common.
    pub(super) fn headers(&mut self) {
        let listed = |set: &BTreeSet<Box<str>>| {
            let parts: Vec<&str> = set.iter().map(AsRef::as_ref).collect();
            if parts.is_empty() {
                "none".to_owned()
            } else {
                parts.join(", ")
            }
        };
        let media = listed(&self.media_types);
        let rates = listed(&self.rate_headers);
        let waits = self.retry_after.clone().unwrap_or_else(|| "none".into());
        self.seen("headers.content_type", media, "of all answers");
        self.seen(
            "headers.rate_limits",
            rates,
            "names of headers that speak of limits",
        );
        self.seen("headers.retry_after", waits, "the last that came");
    }
}
