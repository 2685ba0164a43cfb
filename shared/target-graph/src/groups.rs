//! The groups behind entitlements: found by name once, and known by what they allow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use domain::EntitlementId;
use domain::policy::EntitlementKind;
use ports::target::TargetError;
use ports::{Fault, Secrets};
use serde_json::Value;
use target_http::Effect;

use crate::batch::{self, Part, Reply};
use crate::find::lost;
use crate::permission::Action;
use crate::target::{GraphTarget, unreadable};
use crate::url::{self, ObjectId};

const SELECT: &str = "id,displayName,groupTypes,isAssignableToRole,mailEnabled,\
                      onPremisesSyncEnabled,securityEnabled";

/// A group that was found.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: ObjectId,
    /// Why its members cannot be written through Graph, if they cannot.
    pub(crate) closed: Option<&'static str>,
    pub(crate) roles: bool,
}

/// Groups by the name that policy gives them.
#[derive(Debug, Default)]
pub(crate) struct Groups(BTreeMap<Box<str>, Vec<Known>>);

impl<S: Secrets> GraphTarget<S> {
    pub(crate) fn kind(&self, entitlement: &EntitlementId) -> Option<EntitlementKind> {
        self.entitlements.get(entitlement).map(|(kind, _)| *kind)
    }

    /// Finds the groups of these entitlements that are not known yet, 20 in a request.
    pub(crate) async fn resolve<'e>(
        &self,
        wanted: impl Iterator<Item = &'e EntitlementId>,
    ) -> Result<(), TargetError> {
        let names: BTreeSet<Box<str>> = {
            let known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            wanted
                .filter_map(|one| self.entitlements.get(one))
                .filter(|(kind, name)| {
                    *kind == EntitlementKind::Group && !known.0.contains_key(name)
                })
                .map(|(_, name)| name.clone())
                .collect()
        };
        let names: Vec<Box<str>> = names.into_iter().collect();
        for chunk in names.chunks(batch::MOST) {
            let parts: Vec<Part> = chunk.iter().map(|name| look_up(name)).collect();
            let replies = self.wire.batch(&parts, false, Effect::Read).await?;
            for (name, reply) in chunk.iter().zip(replies) {
                let reply = reply.ok_or_else(|| lost("look-up of a group"))?;
                let found = self.found_groups(&reply)?;
                // One that is not there may be made at any moment, and is looked for again.
                if !found.is_empty() {
                    let mut known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
                    known.0.insert(name.clone(), found);
                }
            }
        }
        Ok(())
    }

    fn found_groups(&self, reply: &Reply) -> Result<Vec<Known>, TargetError> {
        if !reply.is_success() {
            return Err(self.refused(reply, Action::ReadGroups, Effect::Read));
        }
        let all = reply.body.get("value").and_then(Value::as_array);
        let read = |group: &Value| {
            let id = ObjectId::parse(group.get("id")?.as_str()?)?;
            let closed = closed(group, self.role_assignable);
            let roles = flag(group, "isAssignableToRole");
            Some(Known { id, closed, roles })
        };
        let what = "look-up of a group";
        all.ok_or_else(|| unreadable(what))?
            .iter()
            .map(|group| read(group).ok_or_else(|| unreadable(what)))
            .collect()
    }

    /// The groups of a name, after [`resolve`](Self::resolve).
    pub(crate) fn named(&self, name: &str) -> Vec<Known> {
        let known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        known.0.get(name).cloned().unwrap_or_default()
    }

    /// The one group of an entitlement, after [`resolve`](Self::resolve).
    pub(crate) fn group(&self, entitlement: &EntitlementId) -> Result<Known, TargetError> {
        let reject = |why: &str| {
            TargetError::Fault(Fault::reject(format!(
                "the entitlement `{entitlement}`: {why}"
            )))
        };
        let Some((_, name)) = self.entitlements.get(entitlement) else {
            return Err(reject("it belongs to another target"));
        };
        let mut found = self.named(name).into_iter();
        match (found.next(), found.next()) {
            (Some(group), None) => Ok(group),
            (None, _) => Err(reject(
                "no group has that name; make it, or correct the entitlement",
            )),
            (Some(_), Some(_)) => Err(reject(
                "several groups have that name; rename the others, or name it by its id",
            )),
        }
    }

    /// The group of an entitlement whose members are to be written.
    pub(crate) fn open_group(&self, entitlement: &EntitlementId) -> Result<Known, TargetError> {
        let group = self.group(entitlement)?;
        match group.closed {
            None => Ok(group),
            Some(why) => Err(TargetError::Fault(Fault::reject(format!(
                "the members of the group of `{entitlement}` cannot be changed here: {why}"
            )))),
        }
    }

    /// A group that was known is not there any more: it is looked for again by whoever comes back.
    pub(crate) fn group_is_gone(&self, entitlement: &EntitlementId) -> TargetError {
        self.forget_group(entitlement);
        TargetError::Fault(Fault::retry(format!(
            "the group of `{entitlement}` is not there any more"
        )))
    }

    /// Looks for a group again the next time it is needed.
    pub(crate) fn forget_group(&self, entitlement: &EntitlementId) {
        if let Some((_, name)) = self.entitlements.get(entitlement) {
            self.forget_name(name);
        }
    }

    /// The same, by the name that policy gives it.
    pub(crate) fn forget_name(&self, name: &str) {
        let mut known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        known.0.remove(name);
    }
}

fn look_up(name: &str) -> Part {
    let property = if ObjectId::is_guid(name) {
        "id"
    } else {
        "displayName"
    };
    let filter = url::equals(property, name);
    Part::get(
        Action::ReadGroups,
        format!("/groups?$filter={filter}&$select={SELECT}"),
    )
}

fn flag(group: &Value, name: &str) -> bool {
    group.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn closed(group: &Value, role_assignable: bool) -> Option<&'static str> {
    let types = group.get("groupTypes").and_then(Value::as_array);
    let has_type = |wanted: &str| {
        let mut types = types.into_iter().flatten().filter_map(Value::as_str);
        types.any(|one| one.eq_ignore_ascii_case(wanted))
    };
    if has_type("DynamicMembership") {
        Some("they follow the group's rule; change the rule, or the entitlement")
    } else if flag(group, "onPremisesSyncEnabled") {
        Some("the group is mastered on premises; change it in the directory that it comes from")
    } else if flag(group, "mailEnabled") && !has_type("Unified") {
        Some("the group is mail-enabled and belongs to Exchange; change it there")
    } else if flag(group, "isAssignableToRole") && !role_assignable {
        Some(
            "roles can be assigned to the group; allow that with `role_assignable = true` and \
             grant the application RoleManagement.ReadWrite.Directory",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_that_graph_does_not_write_are_closed() {
        for (group, allowed, word) in [
            (json!({"groupTypes": []}), false, None),
            (
                json!({"groupTypes": ["Unified"], "mailEnabled": true}),
                false,
                None,
            ),
            (
                json!({"groupTypes": ["DynamicMembership"]}),
                true,
                Some("rule"),
            ),
            (
                json!({"groupTypes": ["Unified", "DynamicMembership"], "mailEnabled": true}),
                true,
                Some("rule"),
            ),
            (
                json!({"onPremisesSyncEnabled": true}),
                true,
                Some("premises"),
            ),
            (
                json!({"mailEnabled": true, "securityEnabled": true}),
                true,
                Some("Exchange"),
            ),
            (
                json!({"isAssignableToRole": true}),
                false,
                Some("role_assignable"),
            ),
            (json!({"isAssignableToRole": true}), true, None),
        ] {
            let why = closed(&group, allowed);
            assert_eq!(why.is_some(), word.is_some(), "{group}");
            assert!(
                word.is_none_or(|word| why.unwrap().contains(word)),
                "{group}"
            );
        }
    }
}
