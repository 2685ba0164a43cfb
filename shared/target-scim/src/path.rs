//! Attribute paths (RFC 7644 section 3.10) and filter literals.

use domain::AttrPath;
use domain::profile::ManagerForm;

/// Why a path is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not follow the grammar that we write.
    #[error(
        "`{path}` is no attribute path: write `title`, `name.givenName`, \
         `emails[type eq \"work\"].value`, or either after an extension's URN and a colon"
    )]
    Malformed {
        /// The path.
        path: Box<str>,
    },
    /// It names what mappings do not set.
    #[error("`{path}` is not for mappings: {why}")]
    NotMappable {
        /// The path.
        path: AttrPath,
        /// Who sets it instead.
        why: &'static str,
    },
    /// It names a list as a whole.
    #[error("`{path}` names a list: say which element, as in `{attr}[type eq \"work\"].value`")]
    WholeList {
        /// The path.
        path: AttrPath,
        /// The attribute.
        attr: Box<str>,
    },
}

/// The attributes of the core user that hold several values.
const LISTS: [&str; 8] = [
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509Certificates",
];

pub(crate) const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE_USER: &str =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What an element of a list must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Which {
    pub(crate) by: Box<str>,
    pub(crate) equals: Literal,
}

/// A value in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    Text(Box<str>),
    Bool(bool),
}

impl Literal {
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => (&**text).into(),
            Self::Bool(flag) => (*flag).into(),
        }
    }

    /// The value as the reader of resources sees scalars.
    pub(crate) fn as_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }
}

/// An attribute path in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// As policy writes it; sent as it is.
    pub(crate) text: AttrPath,
    /// The extension's URN; `None` for the core schema, with or without its URN.
    pub(crate) schema: Option<Box<str>>,
    pub(crate) attr: Box<str>,
    pub(crate) which: Option<Which>,
    pub(crate) sub: Option<Box<str>>,
}

impl Path {
    /// Reads a path for a mapping.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let malformed = || PathError::Malformed { path: text.into() };
        let (head, rest) = match text.split_once('[') {
            Some((head, rest)) => (head, Some(rest)),
            None => (text, None),
        };
        let is_urn = head
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        // A URN has full stops of its own (`2.0`), so its last colon ends it.
        let (schema, head) = match head.rsplit_once(':') {
            Some((urn, head)) if is_urn => (Some(urn), head),
            Some(_) => return Err(malformed()),
            None => (None, head),
        };
        let schema = schema
            .filter(|urn| !urn.eq_ignore_ascii_case(CORE_USER))
            .map(Into::into);
        let (attr, which, sub) = match rest {
            None => match head.split_once('.') {
                Some((attr, sub)) => (attr, None, Some(sub)),
                None => (head, None, None),
            },
            Some(rest) => {
                let (filter, sub) = rest.rsplit_once("].").ok_or_else(malformed)?;
                (head, Some(which(filter).ok_or_else(malformed)?), Some(sub))
            }
        };
        if !is_name(attr) || !sub.is_none_or(is_name) {
            return Err(malformed());
        }
        let path = Self {
            text: text.into(),
            schema,
            attr: attr.into(),
            which,
            sub: sub.map(Into::into),
        };
        path.refuse_unmappable()?;
        Ok(path)
    }

    fn refuse_unmappable(&self) -> Result<(), PathError> {
        if self.schema.is_some() {
            return Ok(());
        }
        let why = match self.attr.to_ascii_lowercase().as_str() {
            "active" => "the desired state sets it",
            "groups" | "members" => "entitlements set it",
            "id" | "meta" | "schemas" => "the target sets it",
            "password" => "passwords are never provisioned",
            _ => "",
        };
        if !why.is_empty() {
            let path = self.text.clone();
            return Err(PathError::NotMappable { path, why });
        }
        let list = LISTS.iter().find(|l| l.eq_ignore_ascii_case(&self.attr));
        match list {
            Some(list) if self.which.is_none() => Err(PathError::WholeList {
                path: self.text.clone(),
                attr: (*list).into(),
            }),
            _ => Ok(()),
        }
    }

    /// The path under which the manager's id is read, whichever way it is mapped and shown.
    #[must_use]
    pub(crate) fn for_reads(mut self) -> Self {
        if self.is_manager() {
            self.sub = Some("value".into());
        }
        self
    }

    /// The path under which the manager's id is written, whichever way it is mapped.
    #[must_use]
    pub(crate) fn for_writes(mut self, manager: ManagerForm) -> Self {
        if self.is_manager() {
            (self.sub, self.text) = match manager {
                ManagerForm::Object => (
                    Some("value".into()),
                    format!("{}.value", self.list_path()).into(),
                ),
                ManagerForm::Bare => (None, self.list_path().into()),
            };
        }
        self
    }

    /// The manager of the enterprise extension, or its id.
    fn is_manager(&self) -> bool {
        let is =
            |part: Option<&str>, name: &str| part.is_some_and(|p| p.eq_ignore_ascii_case(name));
        is(self.schema.as_deref(), ENTERPRISE_USER)
            && is(Some(&self.attr), "manager")
            && self.which.is_none()
            && (self.sub.is_none() || is(self.sub.as_deref(), "value"))
    }

    /// Whether it is an attribute of the core user, as a whole.
    pub(crate) fn is_core(&self, name: &str) -> bool {
        self.schema.is_none()
            && self.which.is_none()
            && self.sub.is_none()
            && self.attr.eq_ignore_ascii_case(name)
    }

    /// Whether it leads into the list of that name.
    pub(crate) fn is_in(&self, list: &str) -> bool {
        self.which.is_some() && self.list_path().eq_ignore_ascii_case(list)
    }

    /// The path up to the attribute, for adding an element to a list.
    pub(crate) fn list_path(&self) -> String {
        match &self.schema {
            Some(urn) => format!("{urn}:{}", self.attr),
            None => self.attr.to_string(),
        }
    }
}

/// `attr eq "text"` or `attr eq true`.
fn which(filter: &str) -> Option<Which> {
    let (by, rest) = filter.trim().split_once(' ')?;
    let (op, value) = rest.trim_start().split_once(' ')?;
    if !is_name(by) || !op.eq_ignore_ascii_case("eq") {
        return None;
    }
    let equals = match serde_json::from_str(value.trim()).ok()? {
        serde_json::Value::String(text) => Literal::Text(text.into()),
        serde_json::Value::Bool(flag) => Literal::Bool(flag),
        serde_json::Value::Null
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => return None,
    };
    Some(Which {
        by: by.into(),
        equals,
    })
}

/// RFC 7643 section 2.1: a letter, then letters, digits, hyphens, underscores; `$ref` too.
fn is_name(text: &str) -> bool {
    let text = text.strip_prefix('$').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `attr eq "value"`, whatever the value holds. Filter values are JSON literals (RFC 7644
/// section 3.4.2.2), so that a quote in one stays data.
pub(crate) fn eq_filter(attr: &str, value: &str) -> String {
    format!("{attr} eq {}", serde_json::Value::from(value))
}

/// `members[value eq "id"]`.
pub(crate) fn member_path(id: &str) -> String {
    format!("members[{}]", eq_filter("value", id))
}

/// Percent-encodes for one path segment or one query value: everything but the unreserved
/// characters of RFC 3986, so that a space is `%20` and a plus `%2B`.
pub(crate) fn encode(text: &str) -> percent_encoding::PercentEncode<'_> {
    const RESERVED: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(text, &RESERVED)
}

#[cfg(test)]
mod tests;
