//! Writes, one change at a time.

use std::collections::BTreeMap;

use domain::change::AttrChange;
use domain::{AccountId, AttrPath, Change, EntitlementId};
use percent_encoding::percent_decode_str;
use ports::target::{Applied, TargetError};
use ports::{Apply, Fault, Secrets};
use serde_json::Value;
use target_http::{Answer, Effect, Method};

use crate::body::{self, Clash, Write};
use crate::page;
use crate::path::Path;
use crate::refusal::{Refusal, ScimType};
use crate::target::{Kind, ScimTarget, unreadable};
use crate::wire::{Call, Got};
use domain::profile::{MemberRemove, PatchStyle};

impl<S: Secrets> Apply for ScimTarget<S> {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        if let Change::Create { active, attrs } = change {
            return self.create(*active, attrs).await;
        }
        let Some(id) = account else {
            return Err(TargetError::Fault(Fault::reject(format!(
                "{} without an account",
                change.name()
            ))));
        };
        let unchanged = match change {
            // Above.
            Change::Create { .. } => false,
            Change::Adopt { key } => {
                let attrs = BTreeMap::from([("externalId".into(), key.clone())]);
                self.update(id, &attrs, "adopt").await?
            }
            Change::Update { attrs } => self.update(id, attrs, "update").await?,
            Change::Enable => self.set_active(id, true).await?,
            Change::Disable => self.set_active(id, false).await?,
            Change::Delete => self.delete(id).await?,
            // SCIM has no sessions.
            // SCIM brings nothing back.
            Change::RevokeSessions | Change::Restore => true,
            Change::Grant { entitlement } => self.grant(id, entitlement).await?,
            Change::Revoke { entitlement } => self.revoke(id, entitlement).await?,
        };
        Ok(Applied {
            id: id.clone(),
            unchanged,
        })
    }
}

impl<S: Secrets> ScimTarget<S> {
    async fn create(
        &self,
        active: bool,
        attrs: &BTreeMap<AttrPath, AttrChange>,
    ) -> Result<Applied, TargetError> {
        let paths = self.resolve(attrs)?;
        let user = body::create(active, &writes(&paths, attrs)).map_err(|e| clash(&e))?;
        let call = Call {
            path: Kind::User.path().to_owned(),
            template: Kind::User.path(),
            body: Some(&user),
            ..Call::default()
        };
        match self.wire.send(Method::Post, Effect::Write, &call).await? {
            Got::Success(answer) => match self.id_of(&answer) {
                Some(id) => Ok(Applied {
                    id,
                    unchanged: false,
                }),
                // It is there; the next attempt finds it by key.
                None => Err(TargetError::Unknown {
                    why: "created, and the answer names no id".into(),
                }),
            },
            Got::Refused(refusal) => {
                let what = naming("create", attrs);
                // The collection is missing, not the account.
                if refusal.status == 404 {
                    return Err(TargetError::Fault(Fault::halt(format!(
                        "{what}: 404, nothing is at `/Users` below the base URL; correct the base \
                         URL"
                    ))));
                }
                Err(self.refused(refusal, &what, Effect::Write))
            }
        }
    }

    /// The id of a created user, from the body or from `Location`.
    fn id_of(&self, answer: &Answer) -> Option<AccountId> {
        if let Ok(id) = page::user(&self.plan, &answer.body, |user| AccountId::from(user.id())) {
            return Some(id);
        }
        let url = self
            .wire
            .http
            .origin()
            .follow(answer.location.as_deref()?)?;
        let mut segments = url.path().trim_end_matches('/').rsplit('/');
        let (last, parent) = (segments.next()?, segments.next()?);
        let id = percent_decode_str(last).decode_utf8().ok()?;
        (parent.eq_ignore_ascii_case("Users") && !id.is_empty())
            .then(|| AccountId::new(id.into_owned()))
    }

    /// Changes attributes in one request; true where there was nothing to change.
    async fn update(
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
        let style = self.profile.patch;
        let operations = operations(style, &writes)?;
        let refusal = match self.patch_user(id, operations).await? {
            Got::Success(_) => return Ok(false),
            Got::Refused(refusal) => refusal,
        };
        let again = if refusal.is_bad_request(ScimType::NoTarget) {
            // Some value filter matched nothing: look at what is there.
            let body = self.user_body(id).await?.ok_or(TargetError::NotFound)?;
            let user: Value = serde_json::from_slice(&body)
                .map_err(|_| unreadable(&page::Unreadable::Malformed, "read of a user"))?;
            let operations = body::operations_on(&user, &writes).map_err(|e| clash(&e))?;
            if operations.is_empty() {
                return Ok(true);
            }
            Some(operations)
        } else if refusal.is_bad_request(ScimType::InvalidPath) && body::fits_pathless(&writes) {
            Some(operations_of_other(style, &writes)?)
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
        Err(self.refused(refusal, &naming(name, attrs), Effect::Write))
    }

    /// Sets `active`, alone, because some targets refuse other changes to a blocked account.
    async fn set_active(&self, id: &AccountId, active: bool) -> Result<bool, TargetError> {
        let form = |style| match style {
            PatchStyle::Path | PatchStyle::Put => body::set_active_by_path(active),
            PatchStyle::Pathless => body::set_active_pathless(active),
        };
        let style = self.profile.patch;
        let mut got = self.patch_user(id, form(style)).await?;
        let other_form = match &got {
            Got::Refused(refusal) => wants_other_form(refusal),
            // Targets have answered success and ignored what they did not understand.
            Got::Success(answer) => {
                let contrary = page::user(&self.plan, &answer.body, |user| {
                    user.stated_active().is_some_and(|stated| stated != active)
                });
                matches!(contrary, Ok(true))
            }
        };
        if other_form {
            let second = self.patch_user(id, form(other(style))).await?;
            // A first success stands; the caller reads back what is security-relevant.
            if matches!((&got, &second), (Got::Refused(_), _) | (_, Got::Success(_))) {
                got = second;
            }
        }
        match got {
            Got::Success(_) => Ok(false),
            Got::Refused(refusal) => {
                let what = if active { "enable" } else { "disable" };
                Err(self.refused(refusal, what, Effect::Write))
            }
        }
    }

    async fn patch_user(&self, id: &AccountId, operations: Vec<Value>) -> Result<Got, TargetError> {
        let patch = body::patch(&operations);
        let call = Call {
            path: Kind::User.object(id.as_str())?,
            template: Kind::User.template(),
            body: Some(&patch),
            if_match: self.version(id),
            ..Call::default()
        };
        let got = self.wire.send(Method::Patch, Effect::Write, &call).await;
        match &got {
            Ok(Got::Success(answer)) => self.keep_version(id, answer.etag.as_deref()),
            // Nothing was changed, or nobody knows: a new look-up brings the next version.
            Ok(Got::Refused(refusal)) if refusal.status == 400 => {}
            Ok(Got::Refused(_)) | Err(_) => self.keep_version(id, None),
        }
        got
    }

    async fn delete(&self, id: &AccountId) -> Result<bool, TargetError> {
        let call = Call {
            path: Kind::User.object(id.as_str())?,
            template: Kind::User.template(),
            if_match: self.version(id),
            ..Call::default()
        };
        let got = self.wire.send(Method::Delete, Effect::Write, &call).await;
        self.keep_version(id, None);
        match got? {
            Got::Success(_) => Ok(false),
            Got::Refused(refusal) if refusal.status == 404 => Ok(true),
            Got::Refused(refusal) => Err(self.refused(refusal, "delete", Effect::Write)),
        }
    }

    async fn grant(
        &self,
        id: &AccountId,
        entitlement: &EntitlementId,
    ) -> Result<bool, TargetError> {
        let form = |style| match style {
            PatchStyle::Path | PatchStyle::Put => body::add_member_by_path(id.as_str()),
            PatchStyle::Pathless => body::add_member_pathless(id.as_str()),
        };
        let style = self.profile.patch;
        let mut got = self.patch_group(entitlement, form(style)).await?;
        if let Got::Refused(refusal) = &got
            && refusal.is_bad_request(ScimType::InvalidPath)
        {
            got = self.patch_group(entitlement, form(other(style))).await?;
        }
        match got {
            Got::Success(_) => Ok(false),
            // There is one unique thing about a membership: that it exists.
            Got::Refused(refusal) if refusal.is_taken() => Ok(true),
            // The group is there: it is the member that is not.
            Got::Refused(refusal) if refusal.status == 404 => Err(TargetError::NotFound),
            Got::Refused(refusal) => {
                let what = format!("grant of `{entitlement}`");
                Err(self.refused(refusal, &what, Effect::Write))
            }
        }
    }

    async fn revoke(
        &self,
        id: &AccountId,
        entitlement: &EntitlementId,
    ) -> Result<bool, TargetError> {
        let operations = match self.profile.member_remove {
            MemberRemove::Filter | MemberRemove::ValueArray | MemberRemove::Put => {
                body::remove_member(id.as_str())
            }
        };
        match self.patch_group(entitlement, operations).await? {
            Got::Success(_) => Ok(false),
            // The group is there, and the member is not in it.
            Got::Refused(refusal)
                if refusal.status == 404 || refusal.is_bad_request(ScimType::NoTarget) =>
            {
                Ok(true)
            }
            Got::Refused(refusal) => {
                let what = format!("revoke of `{entitlement}`");
                Err(self.refused(refusal, &what, Effect::Write))
            }
        }
    }

    /// Changes a group. Its id is looked up again, once, where the known one is gone.
    async fn patch_group(
        &self,
        entitlement: &EntitlementId,
        operations: Vec<Value>,
    ) -> Result<Got, TargetError> {
        let patch = body::patch(&operations);
        let known = self.group_id(entitlement, false).await?;
        let got = self.send_to_group(&known, &patch).await?;
        match &got {
            Got::Refused(refusal) if refusal.status == 404 => {}
            Got::Refused(_) | Got::Success(_) => return Ok(got),
        }
        let fresh = self.group_id(entitlement, true).await?;
        if fresh == known {
            return Ok(got);
        }
        self.send_to_group(&fresh, &patch).await
    }

    async fn send_to_group(&self, id: &str, patch: &Value) -> Result<Got, TargetError> {
        let call = Call {
            path: Kind::Group.object(id)?,
            template: Kind::Group.template(),
            body: Some(patch),
            ..Call::default()
        };
        self.wire.send(Method::Patch, Effect::Write, &call).await
    }

    /// The parsed paths of a change.
    fn resolve(&self, attrs: &BTreeMap<AttrPath, AttrChange>) -> Result<Vec<Path>, TargetError> {
        attrs
            .keys()
            .map(|text| match self.paths.get(text) {
                Some(path) => Ok(path.clone()),
                None => {
                    Path::parse(text).map_err(|e| TargetError::Fault(Fault::reject(e.to_string())))
                }
            })
            .collect()
    }
}

fn writes<'a>(paths: &'a [Path], attrs: &'a BTreeMap<AttrPath, AttrChange>) -> Vec<Write<'a>> {
    let values = attrs.values().map(|change| change.want.reveal().text());
    paths.iter().zip(values).collect()
}

fn operations(style: PatchStyle, writes: &[Write<'_>]) -> Result<Vec<Value>, TargetError> {
    match style {
        PatchStyle::Path | PatchStyle::Put => Ok(body::path_operations(writes)),
        PatchStyle::Pathless => body::pathless_operations(writes).map_err(|e| clash(&e)),
    }
}

fn operations_of_other(style: PatchStyle, writes: &[Write<'_>]) -> Result<Vec<Value>, TargetError> {
    operations(other(style), writes)
}

const fn other(style: PatchStyle) -> PatchStyle {
    match style {
        PatchStyle::Path | PatchStyle::Put => PatchStyle::Pathless,
        PatchStyle::Pathless => PatchStyle::Path,
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

fn clash(error: &Clash) -> TargetError {
    TargetError::Fault(Fault::reject(error.to_string()))
}

/// What was tried, with the names of the attributes and never their values.
fn naming(name: &str, attrs: &BTreeMap<AttrPath, AttrChange>) -> String {
    let names: Vec<String> = attrs.keys().map(|path| format!("`{path}`")).collect();
    format!("{name} of {}", names.join(", "))
}
