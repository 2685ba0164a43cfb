//! Changes of attributes and of `active`, in the form that the dialect has for them: PATCH with
//! paths, PATCH without, or PUT of what was read.

use std::collections::BTreeMap;

use domain::change::AttrChange;
use domain::profile::PatchStyle;
use domain::{AccountId, AttrPath};
use ports::target::TargetError;
use ports::{Fault, Secrets};
use serde_json::Value;
use target_http::{Answer, Effect, Method};

use crate::apply::{naming, unfit, writes};
use crate::body::{self, Write};
use crate::page;
use crate::refusal::{Refusal, ScimType};
use crate::resource::Resource;
use crate::target::{Kind, ScimTarget, unreadable};
use crate::wire::{Call, Got};

impl<S: Secrets> ScimTarget<S> {
    /// Changes attributes in one request; true where there was nothing to change.
    pub(crate) async fn update(
        &self,
        id: &AccountId,
        attrs: &BTreeMap<AttrPath, AttrChange>,
        name: &str,
    ) -> Result<bool, TargetError> {
        if attrs.is_empty() {
            return Ok(true);
        }
        let paths = self.resolve(attrs)?;
        let writes = writes(&paths, attrs);
        let what = naming(name, attrs);
        let rules = &self.rules;
        rules.check(&what, &writes).map_err(TargetError::Fault)?;
        let looked = if self.looks_before_update(&writes) {
            Some(self.look(id).await?)
        } else {
            None
        };
        let blocked = |user: &Resource| user.stated_active() == Some(false);
        if !self.profile.inactive_edits && looked.as_ref().is_some_and(blocked) {
            return Err(TargetError::Fault(Fault::reject(format!(
                "{what}: the account is blocked, and the target takes no changes of a blocked \
                 account (`inactive_edits` of its profile); enable it first"
            ))));
        }
        match (self.profile.patch, looked) {
            (PatchStyle::Put, Some(looked)) => {
                let mut user = looked.clone();
                user.write(&writes, rules.lists(), self.profile.user_name.folded)
                    .map_err(|e| unfit(&e))?;
                if user == looked {
                    return Ok(true);
                }
                user.state_active(user.stated_active().unwrap_or(true));
                match self.send_put(id, user).await? {
                    Got::Success(_) => Ok(false),
                    Got::Refused(refusal) => Err(self.refused(refusal, &what, Effect::Write)),
                }
            }
            (_, user) => {
                self.patch_attributes(id, user.as_ref(), &writes, &what)
                    .await
            }
        }
    }

    /// Whether an update needs to know the user as it is: it is sent back as a whole, or a list
    /// of it is, or the target refuses changes while it is blocked.
    pub(crate) fn looks_before_update(&self, writes: &[Write<'_>]) -> bool {
        let whole = |(path, _): &Write<'_>| match self.profile.patch {
            PatchStyle::Put => true,
            // A list without a path replaces what is there.
            PatchStyle::Pathless => path.which.is_some(),
            PatchStyle::Path => self.rules.lists().is_single(path),
        };
        // All that we know of a list of one is written anyway: there is nothing to keep.
        let is_all = |(path, _): &Write<'_>| {
            let list = path.list_path();
            let mut mapped = self.paths.values().filter(|other| other.is_in(&list));
            self.rules.lists().is_single(path)
                && mapped.all(|other| writes.iter().any(|(path, _)| *path == other))
        };
        self.profile.patch == PatchStyle::Put
            || !self.profile.inactive_edits
            || writes.iter().any(|write| whole(write) && !is_all(write))
    }

    /// Reads a user before a write. Its version guards the write, unless an earlier look-up left
    /// one: the change was decided on that.
    async fn look(&self, id: &AccountId) -> Result<Resource, TargetError> {
        let answer = self.user(id).await?.ok_or(TargetError::NotFound)?;
        let user = Resource::read(Kind::User, &answer.body)
            .map_err(|e| unreadable(&e, "read of a user"))?;
        if self.version(id).is_none() {
            let version = answer.etag.or_else(|| Resource::version(&answer.body));
            self.keep_version(id, version.as_deref());
        }
        Ok(user)
    }

    async fn send_put(&self, id: &AccountId, user: Resource) -> Result<Got, TargetError> {
        self.write_user(id, Method::Put, &user.into_value()).await
    }

    async fn patch_user(&self, id: &AccountId, operations: Vec<Value>) -> Result<Got, TargetError> {
        self.write_user(id, Method::Patch, &body::patch(&operations))
            .await
    }

    async fn write_user(
        &self,
        id: &AccountId,
        method: Method,
        body: &Value,
    ) -> Result<Got, TargetError> {
        let call = Call {
            path: Kind::User.object(id.as_str())?,
            template: Kind::User.template(),
            body: Some(body),
            if_match: self.version(id),
            ..Call::default()
        };
        let got = self.send(method, Effect::Write, &call).await;
        match &got {
            Ok(Got::Success(answer)) => self.keep_version(id, answer.etag.as_deref()),
            // Nothing was changed, or nobody knows: a new look-up brings the next version.
            Ok(Got::Refused(refusal)) if refusal.status == 400 => {}
            Ok(Got::Refused(_)) | Err(_) => self.keep_version(id, None),
        }
        got
    }

    async fn patch_attributes(
        &self,
        id: &AccountId,
        user: Option<&Resource>,
        writes: &[Write<'_>],
        what: &str,
    ) -> Result<bool, TargetError> {
        let style = self.profile.patch;
        let operations = self.operations(style, user, writes)?;
        if operations.is_empty() {
            return Ok(true);
        }
        let refusal = match self.patch_user(id, operations).await? {
            Got::Success(_) => return Ok(false),
            Got::Refused(refusal) => refusal,
        };
        let again = if refusal.is_bad_request(ScimType::NoTarget) {
            // Some value filter matched nothing: look at what is there.
            let user = self.look(id).await?;
            let lists = self.rules.lists();
            let operations = body::operations_on(&user, writes, lists).map_err(|e| unfit(&e))?;
            if operations.is_empty() {
                return Ok(true);
            }
            Some(operations)
        } else if refusal.is_bad_request(ScimType::InvalidPath) && body::fits_pathless(writes) {
            Some(self.operations(other(style), user, writes)?)
        } else {
            None
        };
        let refusal = match again {
            None => refusal,
            Some(operations) => match self.patch_user(id, operations).await? {
                Got::Success(_) => return Ok(false),
                Got::Refused(refusal) => refusal,
            },
        };
        Err(self.refused(refusal, what, Effect::Write))
    }

    fn operations(
        &self,
        style: PatchStyle,
        user: Option<&Resource>,
        writes: &[Write<'_>],
    ) -> Result<Vec<Value>, TargetError> {
        let lists = self.rules.lists();
        match style {
            PatchStyle::Path | PatchStyle::Put => body::path_operations(user, writes, lists),
            PatchStyle::Pathless => body::pathless_operations(user, writes, lists),
        }
        .map_err(|e| unfit(&e))
    }

    /// Sets `active`, alone, because some targets refuse other changes to a blocked account.
    pub(crate) async fn set_active(
        &self,
        id: &AccountId,
        active: bool,
    ) -> Result<bool, TargetError> {
        let mut form = self.form(id, active);
        let Some(mut got) = self.send_active(id, active, form).await? else {
            return Ok(true);
        };
        let other_form = match &got {
            Got::Refused(refusal) => wants_other_form(refusal),
            // Targets have answered success and ignored what they did not understand.
            Got::Success(answer) => self.states(answer, !active),
        };
        if other_form {
            form = other(form);
            let operations = active_in(form, active);
            let second = self.patch_user(id, operations).await?;
            // A first success stands; the caller reads back what is security-relevant.
            if matches!((&got, &second), (Got::Refused(_), _) | (_, Got::Success(_))) {
                got = second;
            }
        }
        match got {
            Got::Success(answer) => {
                if !active && !self.states(&answer, false) {
                    self.keep_form(id, form);
                }
                Ok(false)
            }
            // An account that is hidden while it is blocked is blocked where it is not there.
            Got::Refused(refusal)
                if refusal.status == 404 && self.profile.hides_inactive && !active =>
            {
                Ok(true)
            }
            Got::Refused(refusal) => {
                let what = if active { "enable" } else { "disable" };
                Err(self.refused(refusal, what, Effect::Write))
            }
        }
    }

    /// Whether an answer says so of `active`.
    fn states(&self, answer: &Answer, active: bool) -> bool {
        let says = page::user(&self.plan, &answer.body, |user| {
            user.stated_active() == Some(active)
        });
        matches!(says, Ok(true))
    }

    /// Sends `active` in that form; `None` where it is so already. A block is right whatever
    /// else was changed: no version of an earlier look guards it, which may be hours old.
    async fn send_active(
        &self,
        id: &AccountId,
        active: bool,
        form: PatchStyle,
    ) -> Result<Option<Got>, TargetError> {
        if !active {
            self.keep_version(id, None);
        }
        if form != PatchStyle::Put {
            return Ok(Some(self.patch_user(id, active_in(form, active)).await?));
        }
        let mut user = match self.look(id).await {
            Ok(user) => user,
            // What cannot be read cannot be sent back, so that a hidden account is enabled by
            // PATCH; a target that has none says so.
            Err(TargetError::NotFound) if self.profile.hides_inactive && active => {
                let operations = active_in(PatchStyle::Path, active);
                return Ok(Some(self.patch_user(id, operations).await?));
            }
            Err(TargetError::NotFound) if self.profile.hides_inactive => return Ok(None),
            Err(error) => return Err(error),
        };
        if user.stated_active() == Some(active) {
            return Ok(None);
        }
        user.state_active(active);
        Ok(Some(self.send_put(id, user).await?))
    }
}

fn active_in(style: PatchStyle, active: bool) -> Vec<Value> {
    match style {
        PatchStyle::Path | PatchStyle::Put => body::set_active_by_path(active),
        PatchStyle::Pathless => body::set_active_pathless(active),
    }
}

/// The form of PATCH to try where a target does not know the first one.
pub(crate) const fn other(style: PatchStyle) -> PatchStyle {
    match style {
        PatchStyle::Path => PatchStyle::Pathless,
        PatchStyle::Pathless | PatchStyle::Put => PatchStyle::Path,
    }
}

/// Whether a target refuses the form of a PATCH rather than what it says.
fn wants_other_form(refusal: &Refusal) -> bool {
    [
        ScimType::InvalidPath,
        ScimType::NoTarget,
        ScimType::InvalidSyntax,
    ]
    .iter()
    .any(|kind| refusal.is_bad_request(*kind))
}
