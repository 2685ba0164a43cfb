//! URLs and filters from checked parts. The parts of a batch carry their URLs in its body, where
//! no guard of an HTTP client looks, so that nothing may break out of its place here.

use std::fmt;

use domain::AccountId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ports::Fault;
use ports::target::TargetError;

/// Everything but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The id of an object in a directory: letters, digits and hyphens, so that it can stand in any
/// place of a URL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectId(Box<str>);

impl ObjectId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let good = !text.is_empty() && text.len() <= 64 && text.chars().all(fits);
        good.then(|| Self(text.into()))
    }

    /// The id of an account that the record or a caller names.
    pub(crate) fn of(account: &AccountId) -> Result<Self, TargetError> {
        Self::parse(account.as_str()).ok_or_else(|| {
            TargetError::Fault(Fault::reject(
                "the account's id is no object id of Microsoft Graph; the record belongs to \
                 another target",
            ))
        })
    }

    /// Whether a text has the form of a GUID.
    pub(crate) fn is_guid(text: &str) -> bool {
        let lengths = text.split('-').map(str::len);
        lengths.eq([8, 4, 4, 4, 12]) && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn account(&self) -> AccountId {
        AccountId::from(self.as_str())
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectId([personal])")
    }
}

pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `property eq 'value'`, percent-encoded: a quote within the value is doubled first (OData 4.01
/// URL conventions, section 5.1.1.6.1).
pub(crate) fn equals(property: &str, value: &str) -> String {
    let quoted = value.replace('\'', "''");
    encode(&format!("{property} eq '{quoted}'"))
}

pub(crate) fn user(id: &ObjectId) -> String {
    format!("/users/{id}")
}

pub(crate) fn manager(id: &ObjectId) -> String {
    format!("/users/{id}/manager/$ref")
}

pub(crate) fn group(id: &ObjectId) -> String {
    format!("/groups/{id}")
}

pub(crate) fn members(group: &ObjectId) -> String {
    format!("/groups/{group}/members/$ref")
}

/// The membership of an account in a group, for DELETE. Without the `/$ref` at its end the same
/// request would go for the account itself; this is the only place that builds it.
pub(crate) fn membership(group: &ObjectId, account: &ObjectId) -> String {
    format!("/groups/{group}/members/{account}/$ref")
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    /// Reads a filter as OData does: a property, `eq`, one literal, nothing after it.
    fn literal(filter: &str) -> Option<String> {
        let rest = filter.strip_prefix("employeeId eq '")?;
        let mut value = String::new();
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '\'' => match chars.next() {
                    None => return Some(value),
                    Some('\'') => value.push('\''),
                    Some(_) => return None,
                },
                c => value.push(c),
            }
        }
        None
    }

    proptest! {
        #[test]
        fn no_value_breaks_out_of_a_filter(value in "(.|['&=?#/%\\\\]){0,40}") {
            let encoded = equals("employeeId", &value);
            prop_assert!(encoded.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~%".contains(c)));
            let decoded = percent_decode_str(&encoded).decode_utf8().unwrap();
            prop_assert_eq!(literal(&decoded), Some(value));
        }

        #[test]
        fn a_membership_never_loses_its_ref_nor_leaves_its_path(
            group in "(.|[a-f0-9-]|[/?#$.%&]){0,40}", account in "(.|[a-f0-9-]|[/?#$.%&]){0,40}",
        ) {
            if let (Some(group), Some(account)) =
                (ObjectId::parse(&group), ObjectId::parse(&account))
            {
                let url = membership(&group, &account);
                prop_assert!(url.ends_with("/$ref"));
                prop_assert_eq!(url.split('/').count(), 6);
                prop_assert!(!url.contains(['?', '#', '%']) && !url.contains(".."));
            }
        }
    }

    #[test]
    fn a_membership_is_removed_by_its_reference() {
        let id = |text| ObjectId::parse(text).unwrap();
        assert_eq!(
            membership(&id("g-1"), &id("u-1")),
            "/groups/g-1/members/u-1/$ref"
        );
    }

    #[test]
    fn ids_that_could_leave_their_place_are_none() {
        for text in ["", "a/b", "..", "a?b", "a b", "a%2Fb", "ü", "$ref", "a.b"] {
            assert!(ObjectId::parse(text).is_none(), "{text}");
        }
        assert!(ObjectId::is_guid("6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0"));
        for text in [
            "Staff",
            "6ea91a8d-e32e-41a1-b7bd",
            "gggggggg-e32e-41a1-b7bd-d2d185eed0e0",
        ] {
            assert!(!ObjectId::is_guid(text), "{text}");
        }
    }
}
