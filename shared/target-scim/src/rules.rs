//! What a profile asks of a write. A write that does not meet it is refused unsent, with the name
//! of the rule and never a value.

use domain::profile::{Operation, UserNameRule};
use domain::{AttrPath, Profile};
use ports::Fault;

use crate::body::{Lists, Write};
use crate::path::{Path, PathError};

/// The rules, compiled once.
pub(crate) struct Rules {
    required: Vec<Required>,
    user_name: UserNameRule,
    single_valued: Vec<Box<str>>,
}

/// An attribute without which no account is made.
struct Required {
    text: AttrPath,
    /// `None` for a list that is named as a whole.
    path: Option<Path>,
}

impl Rules {
    pub(crate) fn new(profile: &Profile) -> Result<Self, PathError> {
        let required = profile.required.iter().map(|text| {
            let path = match Path::parse(text) {
                Ok(path) => Some(path),
                // Any element of it will do.
                Err(PathError::WholeList { .. }) => None,
                Err(error @ (PathError::Malformed { .. } | PathError::NotMappable { .. })) => {
                    return Err(error);
                }
            };
            Ok(Required {
                text: text.clone(),
                path,
            })
        });
        Ok(Self {
            required: required.collect::<Result<_, _>>()?,
            user_name: profile.user_name.clone(),
            single_valued: profile.single_valued.clone(),
        })
    }

    /// The lists that hold one element.
    pub(crate) fn lists(&self) -> Lists<'_> {
        Lists(&self.single_valued)
    }

    /// Checks a create.
    pub(crate) fn check_create(&self, what: &str, writes: &[Write<'_>]) -> Result<(), Fault> {
        for required in &self.required {
            let given = |(path, value): &Write<'_>| {
                value.is_some_and(|value| !value.trim().is_empty()) && required.is_met_by(path)
            };
            if !writes.iter().any(given) {
                return Err(Fault::reject(format!(
                    "{what}: there is no value for `{}`, which the target's profile lists under \
                     `required`; map it, or give the person one",
                    required.text
                )));
            }
        }
        self.check(what, writes)
    }

    /// Checks any write of attributes.
    pub(crate) fn check(&self, what: &str, writes: &[Write<'_>]) -> Result<(), Fault> {
        self.check_lists(what, writes)?;
        let name = writes.iter().find(|(path, _)| path.is_core("userName"));
        match name {
            Some((_, Some(name))) => self.check_user_name(what, name),
            Some((_, None)) | None => Ok(()),
        }
    }

    fn check_user_name(&self, what: &str, name: &str) -> Result<(), Fault> {
        if let Some(most) = self.user_name.max_len
            && name.chars().count() > usize::from(most)
        {
            return Err(Fault::reject(format!(
                "{what}: the user name is longer than {most} characters, which is the most that \
                 `user_name.max_len` of the target's profile allows; give it another template"
            )));
        }
        if self.user_name.email && !is_email(name) {
            return Err(Fault::reject(format!(
                "{what}: the user name is no e-mail address, which `user_name.email` of the \
                 target's profile asks for; give it another template"
            )));
        }
        Ok(())
    }

    fn check_lists(&self, what: &str, writes: &[Write<'_>]) -> Result<(), Fault> {
        for list in &self.single_valued {
            let mut elements = writes
                .iter()
                .filter(|(path, value)| value.is_some() && path.is_in(list))
                .map(|(path, _)| path.which.as_ref());
            let first = elements.next();
            if elements.any(|other| Some(other) != first) {
                return Err(Fault::reject(format!(
                    "{what}: several elements of `{list}`, which holds one by `single_valued` of \
                     the target's profile; map one of them"
                )));
            }
        }
        Ok(())
    }
}

impl Required {
    fn is_met_by(&self, path: &Path) -> bool {
        let Some(wanted) = &self.path else {
            return path.is_in(&self.text) || path.list_path().eq_ignore_ascii_case(&self.text);
        };
        let same = |wanted: &Option<Box<str>>, have: &Option<Box<str>>| {
            wanted.as_deref().is_none_or(|wanted| {
                have.as_deref()
                    .is_some_and(|have| have.eq_ignore_ascii_case(wanted))
            })
        };
        wanted.schema.is_some() == path.schema.is_some()
            && same(&wanted.schema, &path.schema)
            && wanted.attr.eq_ignore_ascii_case(&path.attr)
            && (wanted.which.is_none() || wanted.which == path.which)
            && (wanted.sub.is_none()
                || same(&wanted.sub, &path.sub)
                || path.which.is_none() && path.sub.is_none())
    }
}

/// What the profile does not prove is not sent, whoever asks.
pub(crate) fn check_proven(profile: &Profile, operations: &[Operation]) -> Result<(), Fault> {
    match operations.iter().find(|one| !profile.proves(**one)) {
        None => Ok(()),
        Some(operation) => Err(Fault::reject(format!(
            "the target's profile does not prove `{}` (`unproven`); run `lanyard probe`, or say in \
             the profile that it works",
            operation.name()
        ))),
    }
}

/// A local part and a domain, without blanks. More than that the target knows better.
fn is_email(text: &str) -> bool {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    !text.contains(blank)
        && text.split_once('@').is_some_and(|(local, domain)| {
            let labels = domain.split('.');
            !local.is_empty()
                && !domain.contains('@')
                && labels.clone().count() > 1
                && labels.into_iter().all(|label| !label.is_empty())
        })
}

#[cfg(test)]
mod tests;
