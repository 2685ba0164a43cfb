//! Writes, one change at a time.

use std::collections::{BTreeMap, BTreeSet};

use domain::budget::Cost;
use domain::change::AttrChange;
use domain::converge::operations;
use domain::profile::{FindBy, MemberAdd, MemberRemove, PatchStyle};
use domain::{AccountId, AttrPath, Change, EntitlementId};
use percent_encoding::percent_decode_str;
use ports::target::{Applied, Found, LONGEST_ID, Lookup, MemberChange, TargetError, cost_of};
use ports::{Apply, Fault, Observe, Secrets};
use target_http::{Answer, Effect, Method};

use crate::body::{self, Unfit, Write};
use crate::page;
use crate::path::Path;
use crate::rules::check_proven;
use crate::target::{Kind, ScimTarget};
use crate::wire::{Call, Got};

impl<S: Secrets> Apply for ScimTarget<S> {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        check_proven(&self.profile, operations(change)).map_err(TargetError::Fault)?;
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
            Change::Grant { entitlement } => self.change_member(id, entitlement, true).await?,
            Change::Revoke { entitlement } => self.change_member(id, entitlement, false).await?,
        };
        Ok(Applied {
            id: id.clone(),
            unchanged,
        })
    }

    async fn memberships(&self, changes: &[MemberChange]) -> Vec<Result<Applied, TargetError>> {
        self.change_memberships(changes).await
    }

    /// The requests of the usual course: what the dialect reads before it writes is counted, and
    /// so is the look-up of a group whose id is not known yet. What a refusal makes us try again
    /// in another form is not.
    fn cost(&self, changes: &[Change]) -> Cost {
        let mut groups = BTreeSet::new();
        let mut cost = Cost::default();
        for change in changes {
            cost = cost.plus(self.cost_of(change));
            if let Change::Grant { entitlement } | Change::Revoke { entitlement } = change
                && groups.insert(entitlement)
                && !self.knows_group(entitlement)
            {
                cost = cost.plus(Cost::reads(1));
            }
        }
        cost
    }
}

impl<S: Secrets> ScimTarget<S> {
    fn cost_of(&self, change: &Change) -> Cost {
        let reads = |looks: bool| Cost::reads(u32::from(looks));
        let profile = &self.profile;
        match change {
            // SCIM has neither, so that nothing is sent.
            Change::RevokeSessions | Change::Restore => Cost::default(),
            Change::Create { attrs, .. } => {
                let asks = self.asks_before_create() && attrs.contains_key("userName");
                cost_of(change).plus(reads(asks))
            }
            Change::Update { attrs } if attrs.is_empty() => Cost::default(),
            Change::Update { attrs } => {
                let looks = self.resolve(attrs).map_or(true, |paths| {
                    self.looks_before_update(&writes(&paths, attrs))
                });
                cost_of(change).plus(reads(looks))
            }
            Change::Adopt { .. } => {
                let looks = profile.patch == PatchStyle::Put || !profile.inactive_edits;
                cost_of(change).plus(reads(looks))
            }
            Change::Enable | Change::Disable => {
                cost_of(change).plus(reads(profile.patch == PatchStyle::Put))
            }
            Change::Delete => cost_of(change),
            Change::Grant { .. } => {
                cost_of(change).plus(reads(profile.member_add == MemberAdd::Put))
            }
            Change::Revoke { .. } => {
                cost_of(change).plus(reads(profile.member_remove == MemberRemove::Put))
            }
        }
    }

    /// Whether a create asks for the user name first: a target that cannot be searched by our key
    /// would otherwise get a second account where the answer to the first create was lost and it
    /// does not insist on unique names.
    fn asks_before_create(&self) -> bool {
        !self.finds_by(FindBy::ExternalId) && self.finds_by(FindBy::UserName)
    }

    async fn create(
        &self,
        active: bool,
        attrs: &BTreeMap<AttrPath, AttrChange>,
    ) -> Result<Applied, TargetError> {
        let paths = self.resolve(attrs)?;
        let writes = writes(&paths, attrs);
        let what = naming("create", attrs);
        self.rules
            .check_create(&what, &writes)
            .map_err(TargetError::Fault)?;
        let lists = self.rules.lists();
        let user = body::create(active, &writes, lists).map_err(|e| unfit(&e))?;
        if self.asks_before_create()
            && let Some((_, Some(name))) = writes.iter().find(|(path, _)| path.is_core("userName"))
        {
            match self.find(Lookup::UserName(name)).await? {
                Found::None => {}
                Found::One(_) | Found::Many(_) => return Err(TargetError::Conflict),
            }
        }
        let call = Call {
            path: Kind::User.path().to_owned(),
            template: Kind::User.path(),
            body: Some(&user),
            ..Call::default()
        };
        match self.send(Method::Post, Effect::Write, &call).await? {
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
        (parent.eq_ignore_ascii_case("Users") && (1..=LONGEST_ID).contains(&id.len()))
            .then(|| AccountId::new(id.into_owned()))
    }

    /// Sends a DELETE. Any 2xx is done, whatever `delete` of the profile says it comes to: where it
    /// says `deactivates`, the account is still there and blocked, and a look-up shows it so.
    async fn delete(&self, id: &AccountId) -> Result<bool, TargetError> {
        let call = Call {
            path: Kind::User.object(id.as_str())?,
            template: Kind::User.template(),
            if_match: self.version(id),
            ..Call::default()
        };
        let got = self.send(Method::Delete, Effect::Write, &call).await;
        self.keep_version(id, None);
        match got? {
            Got::Success(_) => Ok(false),
            Got::Refused(refusal) if refusal.status == 404 => Ok(true),
            Got::Refused(refusal) => Err(self.refused(refusal, "delete", Effect::Write)),
        }
    }

    /// Gives or takes one membership; true where it was so already.
    async fn change_member(
        &self,
        id: &AccountId,
        entitlement: &EntitlementId,
        give: bool,
    ) -> Result<bool, TargetError> {
        let answers = self
            .change_members(entitlement, give, &[id.as_str()], &mut None)
            .await;
        answers.into_iter().next().unwrap_or(Ok(true))
    }

    /// The parsed paths of a change.
    pub(crate) fn resolve(
        &self,
        attrs: &BTreeMap<AttrPath, AttrChange>,
    ) -> Result<Vec<Path>, TargetError> {
        attrs
            .keys()
            .map(|text| match self.paths.get(text) {
                Some(path) => Ok(path.clone()),
                None => Path::parse(text)
                    .map(|path| path.for_writes(self.profile.manager))
                    .map_err(|e| TargetError::Fault(Fault::reject(e.to_string()))),
            })
            .collect()
    }
}

pub(crate) fn writes<'a>(
    paths: &'a [Path],
    attrs: &'a BTreeMap<AttrPath, AttrChange>,
) -> Vec<Write<'a>> {
    let values = attrs.values().map(|change| change.want.reveal().text());
    paths.iter().zip(values).collect()
}

pub(crate) fn unfit(error: &Unfit) -> TargetError {
    TargetError::Fault(Fault::reject(error.to_string()))
}

/// What was tried, with the names of the attributes and never their values.
pub(crate) fn naming(name: &str, attrs: &BTreeMap<AttrPath, AttrChange>) -> String {
    let names: Vec<String> = attrs.keys().map(|path| format!("`{path}`")).collect();
    format!("{name} of {}", names.join(", "))
}
