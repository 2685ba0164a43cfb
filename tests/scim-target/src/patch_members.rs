//! PATCH operations on the members of a group, without ever copying the group.

use scim_v2::filter::{AttrExp, CompValue, CompareOp, ValFilter};
use serde_json::Value;

use crate::accept::member_ids;
use crate::error::ScimError;
use crate::faults::{AddPresent, Fault, FaultKind, PatchForm, RemoveAbsent};
use crate::filter::{Expr, matches};
use crate::patch::{Drafting, Place, Verb};
use crate::patch_forms::odd;
use crate::truth::{RemoveAll, ValueList};

pub(crate) fn apply(
    draft: &mut Drafting<'_>,
    verb: Verb,
    path: &str,
    place: &Place,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    match place {
        Place::Values { at, .. } | Place::Attribute(at) if at.sub.is_some() => {
            Err(ScimError::mutability(path))
        }
        Place::Values { filter, text, .. } => match verb {
            Verb::Remove if !draft.quirks.truth.groups.remove_by_filter => Err(odd(path)),
            Verb::Remove => {
                let ids = selected(draft, filter, text);
                remove(draft, path, ids)
            }
            Verb::Add | Verb::Replace => Err(ScimError::mutability(path)),
        },
        Place::Attribute(_) | Place::Schema(_) => match verb {
            Verb::Add | Verb::Replace if !draft.understands("members", path)? => Ok(()),
            Verb::Add => add(draft, &member_ids(value.unwrap_or(&Value::Null))?),
            Verb::Replace if !draft.quirks.truth.groups.replace_members => Err(ScimError::value(
                "members cannot be replaced, only added and removed",
            )),
            Verb::Replace => {
                draft.members.clear();
                let ids = member_ids(value.unwrap_or(&Value::Null))?;
                draft.named_members += ids.len();
                for id in &ids {
                    draft.members.put(id);
                }
                Ok(())
            }
            Verb::Remove => match value.filter(|value| !value.is_null()) {
                None => match draft.quirks.truth.groups.remove_all {
                    RemoveAll::Refused => {
                        Err(ScimError::value("members cannot be removed all at once"))
                    }
                    RemoveAll::Clears => {
                        draft.members.clear();
                        Ok(())
                    }
                },
                Some(listed) => remove_listed(draft, path, listed),
            },
        },
    }
}

fn add(draft: &mut Drafting<'_>, ids: &[String]) -> Result<(), ScimError> {
    draft.named_members += ids.len();
    for id in ids {
        if !draft.members.contains(id) {
            draft.members.put(id);
        } else if let Some(Fault::AddPresentMember {
            answer: AddPresent::Conflict,
        }) = draft.quirks.fire(FaultKind::AddPresentMember)
        {
            return Err(ScimError::taken("member", id));
        }
    }
    Ok(())
}

/// RFC 7644 gives `value` no meaning here; a server that ignores it would empty the group, so the target refuses.
fn remove_listed(draft: &mut Drafting<'_>, path: &str, listed: &Value) -> Result<(), ScimError> {
    let ids = member_ids(listed)?;
    let truth = draft.quirks.truth.groups.remove_by_list;
    if truth == ValueList::Understood {
        return remove(draft, path, ids);
    }
    let understood = draft.quirks.fire_if(FaultKind::PatchForm, &|fault| {
        matches!(
            fault,
            Fault::PatchForm {
                form: PatchForm::ValueListRemove
            }
        )
    });
    if understood.is_none() {
        if truth == ValueList::ClearsGroup || draft.quirks.has(FaultKind::RemoveClearsGroup) {
            draft.members.clear();
            return Ok(());
        }
        return Err(ScimError::syntax(format!(
            "removing `{path}` takes no value"
        )));
    }
    remove(draft, path, ids)
}

fn remove(draft: &mut Drafting<'_>, path: &str, ids: Vec<String>) -> Result<(), ScimError> {
    draft.named_members += ids.len();
    if draft.quirks.has(FaultKind::RemoveClearsGroup) {
        draft.members.clear();
        return Ok(());
    }
    for id in ids {
        if draft.members.contains(&id) {
            draft.members.drop(&id);
            continue;
        }
        match draft.quirks.fire(FaultKind::RemoveAbsentMember) {
            Some(Fault::RemoveAbsentMember {
                answer: RemoveAbsent::NoTarget,
            }) => {
                return Err(ScimError::no_target(path));
            }
            Some(Fault::RemoveAbsentMember {
                answer: RemoveAbsent::NotFound,
            }) => {
                return Err(ScimError::not_found(&id));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The ids that the filter means. An id named by equality is returned whether or not it is a member.
fn selected(draft: &Drafting<'_>, filter: &Expr, text: &ValFilter) -> Vec<String> {
    if let Some(ids) = named(text) {
        return ids;
    }
    draft
        .members
        .ids()
        .into_iter()
        .filter(|id| {
            let member = draft.renderer.member(id);
            member
                .as_object()
                .is_some_and(|member| matches(filter, member))
        })
        .collect()
}

/// The ids of `value eq "a"` and of `value eq "a" or value eq "b"`.
fn named(filter: &ValFilter) -> Option<Vec<String>> {
    match filter {
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, CompValue::Str(id)))
            if path.name.eq_ignore_ascii_case("value") =>
        {
            Some(vec![id.clone()])
        }
        ValFilter::Or(items) => {
            let mut ids = Vec::new();
            for item in items.as_slice() {
                ids.extend(named(item)?);
            }
            Some(ids)
        }
        ValFilter::Attr(_) | ValFilter::And(_) | ValFilter::Not(_) => None,
    }
}
