//! Paths of mappings and the properties of a user that they stand for.

use std::collections::BTreeSet;

use domain::AttrPath;
use domain::policy::GraphSettings;
use serde_json::{Map, Value};

/// What a property holds; mappings give text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Flag,
    /// A moment of which only the day counts.
    Day,
    /// A list with one element.
    List,
}

/// Properties that hold something else than text.
const SHAPES: &[(&str, Shape)] = &[
    ("birthday", Shape::Day),
    ("businessPhones", Shape::List),
    ("employeeHireDate", Shape::Day),
    ("employeeLeaveDateTime", Shape::Day),
    ("hireDate", Shape::Day),
    ("otherMails", Shape::List),
    ("showInAddressList", Shape::Flag),
];

/// Properties that a mapping cannot write: Graph sets them, or they are not attributes here.
const NOT_OURS: &[(&str, &str)] = &[
    (
        "accountEnabled",
        "the state of an account follows the person's, not a mapping",
    ),
    ("assignedLicenses", "make licences entitlements"),
    ("createdDateTime", "Microsoft Graph sets it"),
    ("deletedDateTime", "Microsoft Graph sets it"),
    ("id", "Microsoft Graph sets it"),
    ("memberOf", "make groups entitlements"),
    ("onPremisesSyncEnabled", "Microsoft Graph sets it"),
    (
        "passwordProfile",
        "passwords are made at random and never mapped",
    ),
    ("userPrincipalName", "write `userName`"),
];

/// Properties that null does not clear.
const KEPT: &[&str] = &[
    "displayName",
    "mailNickname",
    "usageLocation",
    "userPrincipalName",
];

/// Properties that `eq` finds in the index only
/// (<https://learn.microsoft.com/graph/aad-advanced-queries>).
const INDEXED: &[&str] = &[
    "companyName",
    "employeeType",
    "mobilePhone",
    "officeLocation",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "onPremisesSamAccountName",
    "passwordPolicies",
    "postalCode",
    "preferredLanguage",
    "streetAddress",
];

/// Read for every user, whatever is mapped.
const ALWAYS: &[&str] = &[
    "id",
    "userPrincipalName",
    "accountEnabled",
    "createdDateTime",
    "onPremisesSyncEnabled",
];

/// Why a path is none of a user's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {why}")]
pub struct PropertyError {
    /// As policy writes it.
    pub path: AttrPath,
    /// What is wrong and what to do about it.
    pub why: Box<str>,
}

impl PropertyError {
    fn new(path: &AttrPath, why: impl Into<Box<str>>) -> Self {
        Self {
            path: path.clone(),
            why: why.into(),
        }
    }
}

/// What a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    UserName,
    Manager,
    Property(Property),
}

/// A property, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Property {
    name: Box<str>,
    part: Option<Box<str>>,
    shape: Shape,
}

impl Place {
    /// The place of a path; `key` is the property that holds our key.
    pub(crate) fn of(path: &AttrPath, key: &str) -> Result<Self, PropertyError> {
        match &**path {
            "userName" => return Ok(Self::UserName),
            "externalId" => return Ok(Self::Property(Property::text(key))),
            "manager" => return Ok(Self::Manager),
            _ => {}
        }
        let (name, part) = halves(path);
        if !is_name(name) || !part.is_none_or(is_name) {
            return Err(PropertyError::new(
                path,
                "is no property of Microsoft Graph; write its name there (`department`), a \
                 nested one with a full stop (`employeeOrgData.costCenter`)",
            ));
        }
        if let Some((_, why)) = NOT_OURS.iter().find(|(ours, _)| *ours == name) {
            return Err(PropertyError::new(path, *why));
        }
        let shape = SHAPES.iter().find(|(known, _)| *known == name);
        Ok(Self::Property(Property {
            name: name.into(),
            part: part.map(Into::into),
            shape: shape.map_or(Shape::Text, |(_, shape)| *shape),
        }))
    }
}

/// A property and the part of it that is meant.
fn halves(path: &str) -> (&str, Option<&str>) {
    match path.split_once('.') {
        None => (path, None),
        Some((name, part)) => (name, Some(part)),
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Property {
    fn text(path: &str) -> Self {
        let (name, part) = halves(path);
        Self {
            name: name.into(),
            part: part.map(Into::into),
            shape: Shape::Text,
        }
    }

    /// Whether it may be cleared.
    pub(crate) fn clears(&self) -> bool {
        !KEPT.contains(&&*self.name)
    }

    pub(crate) fn is_leave_date(&self) -> bool {
        &*self.name == "employeeLeaveDateTime"
    }

    /// Writes a value into a user; `None` clears.
    pub(crate) fn put(&self, user: &mut Map<String, Value>, text: Option<&str>) {
        let value = match (self.shape, text) {
            (Shape::List, None) => Value::Array(Vec::new()),
            (Shape::List, Some(text)) => Value::Array(vec![text.into()]),
            (_, None) => Value::Null,
            (Shape::Flag, Some(text)) => match text.parse::<bool>() {
                Ok(flag) => flag.into(),
                Err(_) => text.into(),
            },
            (Shape::Day, Some(text)) if !text.contains('T') => format!("{text}T00:00:00Z").into(),
            (Shape::Day | Shape::Text, Some(text)) => text.into(),
        };
        let Some(part) = &self.part else {
            user.insert(self.name.to_string(), value);
            return;
        };
        let whole = user
            .entry(&*self.name)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(parts) = whole {
            parts.insert(part.to_string(), value);
        }
    }

    /// What a user shows there.
    pub(crate) fn get(&self, user: &Value) -> Option<String> {
        let mut value = user.get(&*self.name)?;
        if let Some(part) = &self.part {
            value = value.get(&**part)?;
        }
        if let (Shape::List, Value::Array(all)) = (self.shape, value) {
            value = all.first()?;
        }
        let text = match value {
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
        };
        if self.shape == Shape::Day
            && let Some((day, "00:00:00Z")) = text.split_once('T')
        {
            return Some(day.to_owned());
        }
        Some(text)
    }
}

/// The mapped paths and what reading them takes.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    key: Box<str>,
    places: Vec<(AttrPath, Place)>,
    select: String,
    expands_manager: bool,
}

impl Plan {
    pub(crate) fn new(
        mapped: &[AttrPath],
        settings: &GraphSettings,
    ) -> Result<Self, PropertyError> {
        let key = &settings.key;
        let (name, part) = halves(key);
        let well_formed = is_name(name) && part.is_none_or(is_name);
        if !well_formed || NOT_OURS.iter().any(|(ours, _)| *ours == name) {
            return Err(PropertyError::new(
                key,
                "cannot hold the key; name a property that holds text and can be searched, like \
                 `employeeId`",
            ));
        }
        let mut names: BTreeSet<&str> = ALWAYS.iter().copied().collect();
        names.insert(name);
        let mut places: Vec<(AttrPath, Place)> = Vec::new();
        for path in mapped {
            let place = Place::of(path, key)?;
            if places.iter().any(|(known, _)| known == path) {
                continue;
            }
            if let Some((other, _)) = places.iter().find(|(_, known)| clash(known, &place)) {
                return Err(PropertyError::new(
                    path,
                    format!("stands for the same property as `{other}`; map one of them"),
                ));
            }
            places.push((path.clone(), place));
        }
        for (_, place) in &places {
            if let Place::Property(property) = place {
                names.insert(&property.name);
            }
        }
        let select = names.into_iter().collect::<Vec<_>>().join(",");
        Ok(Self {
            key: (&**key).into(),
            expands_manager: places.iter().any(|(_, place)| *place == Place::Manager),
            places,
            select,
        })
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The property of our key, as filters name it.
    pub(crate) fn key_in_filters(&self) -> String {
        self.key.replace('.', "/")
    }

    /// Whether only the index that lags behind finds a user by our key, as far as is documented.
    pub(crate) fn key_is_indexed(&self) -> bool {
        INDEXED.contains(&halves(&self.key).0)
    }

    /// Our key in a user.
    pub(crate) fn key_of(&self, user: &Value) -> Option<String> {
        Property::text(&self.key).get(user)
    }

    /// The value of `$select`.
    pub(crate) fn select(&self) -> &str {
        &self.select
    }

    /// The query of a read of users, percent-encoded.
    pub(crate) fn query(&self) -> String {
        let expand = if self.expands_manager {
            "&$expand=manager($select=id)"
        } else {
            ""
        };
        format!("$select={}{expand}", self.select)
    }

    pub(crate) fn places(&self) -> &[(AttrPath, Place)] {
        &self.places
    }
}

/// Whether two places cannot both be written.
fn clash(one: &Place, other: &Place) -> bool {
    match (one, other) {
        (Place::UserName, Place::UserName) | (Place::Manager, Place::Manager) => true,
        (Place::Property(one), Place::Property(other)) => {
            let whole = one.part.is_none() || other.part.is_none();
            one.name == other.name && (whole || one.part == other.part)
        }
        (Place::UserName | Place::Manager | Place::Property(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn property(path: &str) -> Property {
        match Place::of(&path.into(), "employeeId").unwrap() {
            Place::Property(property) => property,
            Place::UserName | Place::Manager => panic!("{path} is no property"),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for (path, text, json) in [
            ("department", "Ops", json!({"department": "Ops"})),
            ("externalId", "E1", json!({"employeeId": "E1"})),
            (
                "employeeOrgData.costCenter",
                "4130",
                json!({"employeeOrgData": {"costCenter": "4130"}}),
            ),
            (
                "employeeHireDate",
                "2026-11-02",
                json!({"employeeHireDate": "2026-11-02T00:00:00Z"}),
            ),
            (
                "businessPhones",
                "+351 1",
                json!({"businessPhones": ["+351 1"]}),
            ),
            (
                "showInAddressList",
                "false",
                json!({"showInAddressList": false}),
            ),
        ] {
            let property = property(path);
            let mut user = Map::new();
            property.put(&mut user, Some(text));
            assert_eq!(Value::Object(user.clone()), json, "{path}");
            assert_eq!(property.get(&json).as_deref(), Some(text), "{path}");
            property.put(&mut user, None);
            assert_eq!(property.get(&user.into()), None, "{path}");
        }
    }

    #[test]
    fn parts_of_one_property_go_together() {
        let mut user = Map::new();
        property("employeeOrgData.costCenter").put(&mut user, Some("1"));
        property("employeeOrgData.division").put(&mut user, None);
        let want = json!({"employeeOrgData": {"costCenter": "1", "division": null}});
        assert_eq!(Value::Object(user), want);
    }

    #[test]
    fn paths_that_are_no_properties_are_refused_with_advice() {
        for (path, advice) in [
            ("emails[type eq \"work\"].value", "write its name there"),
            ("a.b.c", "write its name there"),
            ("department&$top", "write its name there"),
            ("", "write its name there"),
            ("accountEnabled", "follows the person's"),
            ("passwordProfile.password", "never mapped"),
            ("userPrincipalName", "write `userName`"),
            ("assignedLicenses", "make licences entitlements"),
        ] {
            let error = Place::of(&path.into(), "employeeId").unwrap_err();
            assert!(error.to_string().contains(advice), "{error}");
        }
    }

    #[test]
    fn the_key_may_be_a_part_of_a_property() {
        let settings = GraphSettings {
            key: "onPremisesExtensionAttributes.extensionAttribute15".into(),
            role_assignable: false,
        };
        let plan = Plan::new(&["externalId".into(), "department".into()], &settings).unwrap();
        assert_eq!(
            plan.key_in_filters(),
            "onPremisesExtensionAttributes/extensionAttribute15"
        );
        assert!(plan.select().ends_with(
            "department,id,onPremisesExtensionAttributes,onPremisesSyncEnabled,userPrincipalName"
        ));
        let user = json!({"onPremisesExtensionAttributes": {"extensionAttribute15": "E1"}});
        assert_eq!(plan.key_of(&user).as_deref(), Some("E1"));
        let twice = "onPremisesExtensionAttributes.extensionAttribute15".into();
        assert!(Plan::new(&["externalId".into(), twice], &settings).is_err());
    }

    #[test]
    fn a_property_is_mapped_once() {
        let settings = GraphSettings {
            key: "employeeId".into(),
            role_assignable: false,
        };
        let plan = |mapped: &[&str]| {
            let mapped: Vec<AttrPath> = mapped.iter().map(|path| (*path).into()).collect();
            Plan::new(&mapped, &settings)
        };
        let good = plan(&["userName", "manager", "department", "department"]).unwrap();
        assert_eq!(
            good.query(),
            "$select=accountEnabled,createdDateTime,department,employeeId,id,\
             onPremisesSyncEnabled,userPrincipalName&$expand=manager($select=id)"
        );
        assert!(!plan(&["userName"]).unwrap().query().contains("$expand"));
        assert!(plan(&["externalId", "employeeId"]).is_err());
        assert!(plan(&["employeeOrgData", "employeeOrgData.division"]).is_err());
        for key in [
            "id",
            "a.b.c",
            "employeeId eq 'x' or",
            "passwordProfile.password",
            "",
        ] {
            let settings = GraphSettings {
                key: key.into(),
                role_assignable: false,
            };
            assert!(Plan::new(&[], &settings).is_err(), "{key}");
        }
    }
}
