//! The target: what its reads and writes share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{AccountId, AttrPath, EntitlementId, TargetId};
use ports::target::TargetError;
use ports::{Clock, Fault, Secrets};
use serde_json::Value;
use target_http::{Effect, Method, Session};

use crate::page::{self, Holder};
use crate::path::{Path, encode, eq_filter};
use crate::read::ReadPlan;
use crate::refusal::{Refusal, ScimType};
use crate::rules::Rules;
use crate::update::other;
use crate::wire::{Call, Got, Wire};
use crate::{ScimConfig, body};
use domain::Profile;
use domain::profile::{PatchStyle, Search};

/// Versions that are kept for `If-Match`; more than one function instance has in hand at a time.
const MOST_VERSIONS: usize = 1_000;

/// A SCIM 2.0 service provider as a target: [`Observe`](ports::Observe) and
/// [`Apply`](ports::Apply).
pub struct ScimTarget<S> {
    pub(crate) target: TargetId,
    pub(crate) profile: Profile,
    pub(crate) wire: Wire<S>,
    pub(crate) plan: ReadPlan,
    pub(crate) rules: Rules,
    /// The mapped paths as they are written.
    pub(crate) paths: BTreeMap<AttrPath, Path>,
    groups: BTreeMap<EntitlementId, Box<str>>,
    group_ids: Mutex<BTreeMap<EntitlementId, Box<str>>>,
    versions: Mutex<BTreeMap<AccountId, Box<str>>>,
    /// The form of each block that was answered as done without showing it.
    blocks: Mutex<BTreeMap<AccountId, PatchStyle>>,
    /// Whether the target has ever shown a member of a group.
    pub(crate) shows_members: AtomicBool,
    /// Whether the target was seen to answer a filter that nothing meets with nothing.
    pub(crate) heeds_filters: AtomicBool,
    /// Most members that one request was seen to carry, where the target refused more.
    pub(crate) most_members: AtomicUsize,
}

impl<S> fmt::Debug for ScimTarget<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScimTarget({})", self.target)
    }
}

impl<S: Secrets> ScimTarget<S> {
    /// A client for one target. [`Fault::Halt`] where the configuration cannot work; nothing is
    /// sent yet.
    pub fn new(config: ScimConfig, secrets: Arc<S>, clock: Arc<dyn Clock>) -> Result<Self, Fault> {
        let halt = |why: &dyn fmt::Display| Fault::halt(format!("`{}`: {why}", config.target));
        let session = Session::new(&config.http(), &config.auth, secrets, clock);
        let session = session.map_err(|e| halt(&e))?;
        let mut paths = BTreeMap::new();
        let mut mapped = Vec::with_capacity(config.mapped.len());
        for text in &config.mapped {
            let path = Path::parse(text).map_err(|e| halt(&e))?;
            let written = path.clone().for_writes(config.profile.manager);
            if paths.insert(text.clone(), written).is_none() {
                mapped.push(path);
            }
        }
        body::check_fit(mapped.iter()).map_err(|e| halt(&e))?;
        body::check_fit(paths.values()).map_err(|e| halt(&e))?;
        let mapped: Vec<Path> = mapped.into_iter().map(Path::for_reads).collect();
        let rules = Rules::new(&config.profile)
            .map_err(|e| halt(&format_args!("`required` of the profile: {e}")))?;
        Ok(Self {
            rules,
            wire: Wire::new(session),
            plan: ReadPlan::new(&mapped),
            paths,
            target: config.target,
            profile: config.profile,
            groups: config.groups,
            group_ids: Mutex::default(),
            versions: Mutex::default(),
            blocks: Mutex::default(),
            shows_members: AtomicBool::new(false),
            heeds_filters: AtomicBool::new(false),
            most_members: AtomicUsize::new(usize::MAX),
        })
    }

    /// The target, as policy names it.
    pub const fn target(&self) -> &TargetId {
        &self.target
    }

    /// Its dialect.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Requests sent so far.
    pub fn calls(&self) -> u64 {
        self.wire.http.calls()
    }

    /// What a refusal means to the caller of a port.
    pub(crate) fn refused(&self, refusal: Refusal, what: &str, effect: Effect) -> TargetError {
        refusal.into_error(what, effect, self.wire.now())
    }

    /// Sends a request; a refusal is read with the words that the profile knows.
    pub(crate) async fn send(
        &self,
        method: Method,
        effect: Effect,
        call: &Call<'_>,
    ) -> Result<Got, TargetError> {
        Ok(match self.wire.send(method, effect, call).await? {
            Got::Refused(refusal) => Got::Refused(refusal.heeding(&self.profile.conflicts)),
            got @ Got::Success(_) => got,
        })
    }

    /// Asks for the objects whose attribute equals a value; `None` where the target answers 404
    /// to the search itself.
    pub(crate) async fn search(
        &self,
        kind: Kind,
        attr: &'static str,
        value: &str,
        excluded: &[&str],
    ) -> Result<Option<Vec<u8>>, TargetError> {
        let filter = eq_filter(attr, value);
        match self.filter(kind, &filter, excluded, &[]).await? {
            Got::Success(answer) => Ok(Some(answer.body)),
            Got::Refused(refusal) if refusal.status == 404 => Ok(None),
            Got::Refused(refusal) => {
                let what = format!("look-up of {} by `{attr}`", kind.noun());
                Err(self.refused(refusal, &what, Effect::Read))
            }
        }
    }

    /// Sends a filter, in the URL or in a body as the profile says. `place` is which page of the
    /// answer.
    pub(crate) async fn filter(
        &self,
        kind: Kind,
        filter: &str,
        excluded: &[&str],
        place: &[(&'static str, Value)],
    ) -> Result<Got, TargetError> {
        let by_post = body::search(filter, excluded, place);
        let post = Call {
            path: format!("{}/.search", kind.path()),
            template: kind.search_template(),
            body: Some(&by_post),
            ..Call::default()
        };
        if self.profile.search == Search::Post {
            return self.send(Method::Post, Effect::Read, &post).await;
        }
        let mut query = format!("filter={}", encode(filter));
        if !excluded.is_empty() {
            query.push_str("&excludedAttributes=");
            query.push_str(&excluded.join(","));
        }
        for (name, at) in place {
            let text = at.as_str().map_or_else(|| at.to_string(), str::to_owned);
            query.extend(["&", *name, "=", &encode(&text).to_string()]);
        }
        let get = Call {
            path: kind.path().to_owned(),
            query: Some(query),
            template: kind.path(),
            ..Call::default()
        };
        match self.send(Method::Get, Effect::Read, &get).await? {
            Got::Refused(refusal) if refusal.is_bad_request(ScimType::Sensitive) => {
                self.send(Method::Post, Effect::Read, &post).await
            }
            got @ (Got::Success(_) | Got::Refused(_)) => Ok(got),
        }
    }

    /// What look-ups of groups leave out.
    pub(crate) const fn excluded(&self) -> &'static [&'static str] {
        if self.profile.exclude_members {
            &["members"]
        } else {
            &[]
        }
    }

    /// Whether the id of a group is known, so that a change of it needs no look-up.
    pub(crate) fn knows_group(&self, entitlement: &EntitlementId) -> bool {
        self.group_ids().contains_key(entitlement)
    }

    /// The group behind an entitlement. `refresh` asks again although the id is known.
    pub(crate) async fn group_id(
        &self,
        entitlement: &EntitlementId,
        refresh: bool,
    ) -> Result<Box<str>, TargetError> {
        let reject = |why: String| TargetError::Fault(Fault::reject(why));
        if !refresh && let Some(id) = self.group_ids().get(entitlement) {
            return Ok(id.clone());
        }
        let Some(name) = self.groups.get(entitlement) else {
            return Err(reject(format!(
                "policy names no group for `{entitlement}`; add it to the entitlements"
            )));
        };
        let body = self
            .search(Kind::Group, "displayName", name, self.excluded())
            .await?;
        let found = match &body {
            None => Vec::new(),
            Some(body) => {
                page::groups(body)
                    .map_err(|e| unreadable(&e, "look-up of a group"))?
                    .0
            }
        };
        if found.iter().any(|group| !same_text(&group.name, name)) {
            return Err(ignores_filters("displayName"));
        }
        match found.as_slice() {
            [Holder { id, .. }] => {
                self.group_ids().insert(entitlement.clone(), id.clone());
                Ok(id.clone())
            }
            [] => {
                self.group_ids().remove(entitlement);
                Err(reject(format!(
                    "the target has no group for `{entitlement}`; create it there, or correct \
                     its name in policy"
                )))
            }
            several => Err(reject(format!(
                "the target has {} groups of the name for `{entitlement}`; rename all but one",
                several.len()
            ))),
        }
    }

    fn group_ids(&self) -> MutexGuard<'_, BTreeMap<EntitlementId, Box<str>>> {
        self.group_ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the version that a look-up saw, for the write that may follow.
    pub(crate) fn keep_version(&self, id: &AccountId, version: Option<&str>) {
        if !self.profile.etag {
            return;
        }
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        match version {
            Some(version) => {
                if versions.len() >= MOST_VERSIONS {
                    versions.clear();
                }
                versions.insert(id.clone(), version.into());
            }
            None => {
                versions.remove(id);
            }
        }
    }

    /// The form in which `active` is sent now: the dialect's, but for a block that was answered as
    /// done and is asked for again. Whoever asks has seen that nothing came of it. A target without
    /// PATCH has one form.
    pub(crate) fn form(&self, id: &AccountId, active: bool) -> PatchStyle {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        match blocks.remove(id) {
            Some(last) if !active && last != PatchStyle::Put => other(last),
            Some(_) | None => self.profile.patch,
        }
    }

    /// Keeps the form of a block whose answer does not show it.
    pub(crate) fn keep_form(&self, id: &AccountId, form: PatchStyle) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.len() >= MOST_VERSIONS {
            blocks.clear();
        }
        blocks.insert(id.clone(), form);
    }

    /// The version that the last look-up saw.
    pub(crate) fn version(&self, id: &AccountId) -> Option<Box<str>> {
        self.versions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }
}

/// The two kinds of objects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Group,
}

impl Kind {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }

    pub(crate) const fn template(self) -> &'static str {
        match self {
            Self::User => "/Users/{id}",
            Self::Group => "/Groups/{id}",
        }
    }

    const fn search_template(self) -> &'static str {
        match self {
            Self::User => "/Users/.search",
            Self::Group => "/Groups/.search",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::User => "a user",
            Self::Group => "a group",
        }
    }

    /// The path of one object. An id that a path cannot carry is refused: an empty one would
    /// address the collection, a dot segment its parent.
    pub(crate) fn object(self, id: &str) -> Result<String, TargetError> {
        if id.is_empty() || id == "." || id == ".." {
            return Err(TargetError::Fault(Fault::reject(format!(
                "the id of {} cannot be addressed",
                self.noun()
            ))));
        }
        Ok(format!("{}/{}", self.path(), encode(id)))
    }
}

/// An answer that cannot be read. It may be cut short, so that it is worth another try.
pub(crate) fn unreadable(why: &page::Unreadable, what: &str) -> TargetError {
    TargetError::Fault(match why {
        page::Unreadable::Malformed => {
            Fault::retry(format!("{what}: the answer is not what SCIM says"))
        }
        page::Unreadable::TooMany => Fault::reject(format!(
            "{what}: more objects in one answer than we read; lower the page size"
        )),
        page::Unreadable::TooLong(name) => Fault::reject(format!(
            "{what}: an account has a longer `{name}` than we read; shorten it in the target"
        )),
    })
}

/// A target that answers a filter with other objects proves neither presence nor absence, for
/// any account.
pub(crate) fn ignores_filters(attr: &str) -> TargetError {
    TargetError::Fault(Fault::halt(format!(
        "the target ignores filters: asked for one `{attr}`, it answers with others; it needs a \
         profile of its own"
    )))
}

/// Equal in any case, as user names and group names are.
pub(crate) fn same_text(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}
