//! Names by which an account that belongs to nobody may find its human.

use std::collections::BTreeSet;

use super::fingerprint::USER_NAME_PATH;
use crate::converge::folds;
use crate::{Account, IdentityRecord, Slot, TargetId};

/// A name, folded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// User name.
    User(Box<str>),
    /// E-mail address.
    Email(Box<str>),
}

impl Name {
    fn of(path: &str, text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase().into_boxed_str();
        if text.is_empty() {
            None
        } else if path == USER_NAME_PATH || path == "user_name" {
            Some(Self::User(text))
        } else {
            Some(Self::Email(text))
        }
    }
}

/// The names of an account. A user name that is an address counts as an address too.
pub(super) fn of_account(account: &Account) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    let user_name = account.user_name.reveal();
    names.extend(Name::of(USER_NAME_PATH, user_name));
    if user_name.contains('@') {
        names.extend(Name::of("emails", user_name));
    }
    for (path, value) in &account.attrs {
        if folds(path)
            && let Some(text) = value.reveal().text()
            && text.contains('@')
        {
            names.extend(Name::of(path, text));
        }
    }
    names
}

/// The names of an identity on a target: what was generated for it and what its account there
/// should carry.
pub(super) fn of_identity(record: &IdentityRecord, target: &TargetId) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    for (namespace, value) in &record.identifiers {
        let path = if value.reveal().contains('@') {
            "emails"
        } else {
            namespace
        };
        if path == "emails" || path == "user_name" {
            names.extend(Name::of(path, value.reveal()));
        }
    }
    let Some(projection) = record.projections.get(target) else {
        return names;
    };
    for (path, mapped) in projection.attrs.iter().filter(|(path, _)| folds(path)) {
        if let Slot::Text(text) = mapped.value.reveal() {
            names.extend(Name::of(path, text));
            if path.as_ref() == USER_NAME_PATH && text.contains('@') {
                names.extend(Name::of("emails", text));
            }
        }
    }
    names
}
