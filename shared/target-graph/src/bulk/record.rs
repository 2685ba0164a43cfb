//! One person's record as SCIM, in the form that the job takes.

use std::collections::BTreeMap;
use std::fmt;

use domain::{AccountId, AttrPath, Change};
use serde_json::{Map, Value, json};

const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// Why there is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A path that is none of SCIM's.
    #[error(
        "`{path}` is no SCIM path; write `department`, `name.givenName`, \
         `emails[type eq \"work\"].value`, or an extension's URN with its attribute"
    )]
    NoPath {
        /// As policy writes it.
        path: AttrPath,
    },
    /// Two paths that cannot both be set.
    #[error("`{path}` does not fit beside the other paths")]
    Clash {
        /// The later one.
        path: AttrPath,
    },
    /// There is nothing by which the job could match the person.
    #[error("a record needs `externalId`; map it")]
    NoKey,
}

/// What is known of one person, to be uploaded. `Debug` shows nothing of it.
#[derive(Clone, PartialEq)]
pub struct Record {
    key: Box<str>,
    data: Map<String, Value>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record([personal])")
    }
}

impl Record {
    /// A record of the person with that key. `active` is left as it is where it is `None`; null
    /// clears. The manager is named by the manager's key.
    pub fn new<'a>(
        key: &str,
        active: Option<bool>,
        attrs: impl IntoIterator<Item = (&'a AttrPath, Option<&'a str>)>,
    ) -> Result<Self, RecordError> {
        let mut user = Map::new();
        let mut schemas = vec![Value::from(CORE_USER)];
        for (path, value) in attrs {
            let parsed = Path::parse(path)?;
            if parsed.is("externalId") {
                continue;
            }
            parsed.put(&mut user, value, path)?;
            let urn = parsed.schema.map(Value::from);
            schemas.extend(urn.filter(|urn| !schemas.contains(urn)));
        }
        user.insert("schemas".into(), schemas.into());
        user.insert("externalId".into(), key.into());
        if let Some(active) = active {
            user.insert("active".into(), active.into());
        }
        Ok(Self {
            key: key.into(),
            data: user,
        })
    }

    /// The record that changes of one person come to; `None` where they say nothing that could be
    /// uploaded.
    pub(super) fn of<'c>(
        changes: impl IntoIterator<Item = &'c Change>,
        account: Option<&AccountId>,
    ) -> Result<Option<Self>, RecordError> {
        let mut key = account.map(|account| account.as_str().to_owned());
        let mut active = None;
        let mut attrs: BTreeMap<&AttrPath, Option<&str>> = BTreeMap::new();
        let mut says = false;
        for change in changes {
            match change {
                Change::Create {
                    active: on,
                    attrs: all,
                } => {
                    active = Some(*on);
                    attrs.extend(all.iter().map(|(p, c)| (p, c.want.reveal().text())));
                }
                Change::Update { attrs: all } => {
                    attrs.extend(all.iter().map(|(p, c)| (p, c.want.reveal().text())));
                }
                Change::Enable => active = Some(true),
                Change::Disable => active = Some(false),
                Change::Adopt { key: change } => {
                    let own = change.want.reveal().text().map(str::to_owned);
                    key = key.or(own);
                }
                Change::RevokeSessions
                | Change::Restore
                | Change::Delete
                | Change::Grant { .. }
                | Change::Revoke { .. } => continue,
            }
            says = true;
        }
        if !says {
            return Ok(None);
        }
        let own = attrs
            .iter()
            .find(|(path, _)| &****path == "externalId")
            .and_then(|(_, value)| value.map(str::to_owned));
        let key = key.or(own).ok_or(RecordError::NoKey)?;
        Self::new(&key, active, attrs).map(Some)
    }

    /// The account is known by our key.
    pub(super) fn account(&self) -> AccountId {
        AccountId::from(&*self.key)
    }

    pub(super) fn operation(&self) -> Value {
        json!({
            "method": "POST",
            "bulkId": self.key,
            "path": "/Users",
            "data": self.data,
        })
    }
}

/// Whether all of these paths can be set on one record.
pub(super) fn check(mapped: &[AttrPath]) -> Result<(), RecordError> {
    Record::new("", None, mapped.iter().map(|path| (path, None))).map(drop)
}

/// A SCIM path (RFC 7644 section 3.5.2), as far as mappings use it.
struct Path<'p> {
    schema: Option<&'p str>,
    attr: &'p str,
    /// The sub-attribute that chooses an element of a list, and its value.
    which: Option<(&'p str, &'p str)>,
    sub: Option<&'p str>,
}

impl<'p> Path<'p> {
    fn parse(path: &'p AttrPath) -> Result<Self, RecordError> {
        let bad = || RecordError::NoPath { path: path.clone() };
        // A URN has full stops of its own; the attribute begins after its last colon outside of
        // a filter.
        let head = path.split('[').next().unwrap_or_default();
        let (schema, rest) = match head.rfind(':') {
            Some(at)
                if head
                    .get(..4)
                    .is_some_and(|urn| urn.eq_ignore_ascii_case("urn:")) =>
            {
                (path.get(..at), path.get(at + 1..).unwrap_or_default())
            }
            Some(_) => return Err(bad()),
            None => (None, &**path),
        };
        let (attr, which, sub) = match rest.split_once('[') {
            None => match rest.split_once('.') {
                None => (rest, None, None),
                Some((attr, sub)) => (attr, None, Some(sub)),
            },
            Some((attr, filter)) => {
                let (filter, after) = filter.split_once(']').ok_or_else(bad)?;
                let (by, value) = filter.split_once(" eq ").ok_or_else(bad)?;
                let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                let value = value.filter(|value| !value.contains(['"', '\\']));
                let sub = match after {
                    "" => None,
                    after => Some(after.strip_prefix('.').ok_or_else(bad)?),
                };
                (attr, Some((by, value.ok_or_else(bad)?)), sub)
            }
        };
        let names = [Some(attr), which.map(|(by, _)| by), sub];
        if !names.into_iter().flatten().all(is_name) {
            return Err(bad());
        }
        Ok(Self {
            schema: schema.filter(|urn| !urn.eq_ignore_ascii_case(CORE_USER)),
            attr,
            which,
            sub,
        })
    }

    fn is(&self, name: &str) -> bool {
        self.schema.is_none() && self.which.is_none() && self.sub.is_none() && self.attr == name
    }

    fn put(
        &self,
        user: &mut Map<String, Value>,
        value: Option<&str>,
        path: &AttrPath,
    ) -> Result<(), RecordError> {
        let clash = || RecordError::Clash { path: path.clone() };
        let holder = match self.schema {
            None => user,
            Some(urn) => object(user, urn).ok_or_else(clash)?,
        };
        // A manager is an object with the manager's key (RFC 7643 section 4.3).
        let sub = match (self.sub, self.attr) {
            (None, "manager") => Some("value"),
            (sub, _) => sub,
        };
        let (place, name) = match (self.which, sub) {
            (None, None) => (holder, self.attr),
            (None, Some(sub)) => (object(holder, self.attr).ok_or_else(clash)?, sub),
            (Some((by, equals)), sub) => {
                let list = holder.entry(self.attr).or_insert_with(|| json!([]));
                let list = list.as_array_mut().ok_or_else(clash)?;
                let fits = |one: &Value| one.get(by).and_then(Value::as_str) == Some(equals);
                let at = list.iter().position(fits).unwrap_or_else(|| {
                    list.push(json!({by: equals}));
                    list.len() - 1
                });
                let element = list.get_mut(at).and_then(Value::as_object_mut);
                (element.ok_or_else(clash)?, sub.unwrap_or("value"))
            }
        };
        match place.insert(name.to_owned(), value.map_or(Value::Null, Value::from)) {
            None => Ok(()),
            Some(_) => Err(clash()),
        }
    }
}

fn object<'m>(map: &'m mut Map<String, Value>, name: &str) -> Option<&'m mut Map<String, Value>> {
    map.entry(name).or_insert_with(|| json!({})).as_object_mut()
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '$')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    #[test]
    fn paths_become_a_scim_user() {
        let attrs: Vec<(AttrPath, Option<&str>)> = vec![
            ("userName".into(), Some("ana@contoso.com")),
            ("externalId".into(), Some("another")),
            ("name.givenName".into(), Some("Ana")),
            (
                "emails[type eq \"work\"].value".into(),
                Some("ana@contoso.com"),
            ),
            (format!("{ENTERPRISE}:department").into(), Some("Ops")),
            (format!("{ENTERPRISE}:manager").into(), Some("E7")),
            ("title".into(), None),
            ("urn:contoso:1.0:User:badge".into(), Some("7")),
        ];
        let all = attrs.iter().map(|(path, value)| (path, *value));
        let record = Record::new("E1", Some(false), all).unwrap();
        assert_eq!(
            record.operation(),
            json!({"method": "POST", "bulkId": "E1", "path": "/Users", "data": {
                "schemas": [CORE_USER, ENTERPRISE, "urn:contoso:1.0:User"],
                "externalId": "E1", "active": false, "userName": "ana@contoso.com",
                "name": {"givenName": "Ana"}, "title": null,
                "emails": [{"type": "work", "value": "ana@contoso.com"}],
                (ENTERPRISE): {"department": "Ops", "manager": {"value": "E7"}},
                "urn:contoso:1.0:User": {"badge": "7"},
            }})
        );
    }

    #[test]
    fn paths_that_are_none_of_scim_s_are_refused() {
        for path in [
            "",
            "a b",
            "emails[type]",
            "emails[type eq work].value",
            "x:y",
            "emails[type eq \"w\"]value",
        ] {
            let path: AttrPath = path.into();
            assert_eq!(
                check(std::slice::from_ref(&path)),
                Err(RecordError::NoPath { path })
            );
        }
        let both: [AttrPath; 2] = ["name".into(), "name.givenName".into()];
        assert!(matches!(check(&both), Err(RecordError::Clash { .. })));
    }
}
