//! Which forms of PATCH operation a dialect, or a fault, understands.

use crate::error::ScimError;
use crate::faults::{Fault, FaultKind, PatchForm};
use crate::patch::{Drafting, Operation, Verb};
use crate::schema::Kind;
use crate::truth::SetForm;

impl Drafting<'_> {
    /// Whether the operation counts: an error when the dialect refuses its form, false when it overlooks it.
    pub(crate) fn understands(&self, attribute: &str, path: &str) -> Result<bool, ScimError> {
        let truth = self.quirks.truth;
        let form = match (self.kind, attribute) {
            (Kind::User, "active") => truth.users.active,
            (Kind::User, _) => truth.users.set,
            (Kind::Group, "members") => truth.groups.add,
            (Kind::Group, _) => truth.groups.set,
        };
        match form {
            SetForm::Both => Ok(true),
            SetForm::PathOnly if !self.pathless => Ok(true),
            SetForm::PathlessOnly if self.pathless => Ok(true),
            SetForm::Ignored => Ok(false),
            SetForm::PathOnly | SetForm::PathlessOnly => Err(odd(path)),
            SetForm::Neither => Err(ScimError::new(501, "PATCH is not supported here")),
        }
    }

    pub(crate) fn refuse_form(&self, operation: &Operation) -> Result<(), ScimError> {
        let path = operation.path.as_deref();
        let sets = operation.verb != Verb::Remove;
        let form = match path {
            None if sets => PatchForm::PathOnly,
            Some(_) if sets => PatchForm::PathlessOnly,
            Some(path) if path.contains('[') => PatchForm::ValueListRemove,
            _ => return Ok(()),
        };
        // The form that this operation breaks; a rule for another form must not count as fired.
        match self.quirks.fire_if(
            FaultKind::PatchForm,
            &|fault| matches!(fault, Fault::PatchForm { form: only } if *only == form),
        ) {
            None => Ok(()),
            Some(_) => Err(odd(path.unwrap_or_default())),
        }
    }

    pub(crate) fn refuse_many(&self) -> Result<(), ScimError> {
        let named = self.named_members;
        let limit = self.quirks.truth.groups.change_limit;
        let beyond = limit.is_some_and(|max| named > max)
            || self
                .quirks
                .fire_if(
                    FaultKind::GroupChangeLimit,
                    &|fault| matches!(fault, Fault::GroupChangeLimit { max } if named > *max),
                )
                .is_some();
        if beyond {
            return Err(ScimError::value(format!(
                "too many members in one request: {named}"
            )));
        }
        Ok(())
    }
}

pub(crate) fn odd(path: &str) -> ScimError {
    ScimError::bad(
        "invalidPath",
        format!("operations of this form are not supported: `{path}`"),
    )
}
