//! The properties of users and groups: which there are, what they hold, and who may set them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::error::GraphError;

/// The properties of an object, by name.
pub(crate) type Properties = Map<String, Value>;

/// What a property holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Text of at most so many characters.
    Text(usize),
    Flag,
    /// A date and time of RFC 3339.
    Moment,
    /// At most so many texts.
    Texts(usize),
    /// An object whose parts are these texts, of at most so many characters.
    Parts(&'static [&'static str], usize),
    Password,
    /// Set by the service only; lists are empty unless it says otherwise.
    Service,
    ServiceList,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) holds: Holds,
    /// Whether it is there without `$select`.
    default: bool,
    /// Whether null clears it.
    clears: bool,
    /// Whether `$filter` may name it.
    pub(crate) filters: bool,
}

const fn property(name: &'static str, holds: Holds) -> Property {
    Property {
        name,
        holds,
        default: false,
        clears: true,
        filters: false,
    }
}

impl Property {
    const fn shown(mut self) -> Self {
        self.default = true;
        self
    }

    const fn kept(mut self) -> Self {
        self.clears = false;
        self
    }

    const fn filtered(mut self) -> Self {
        self.filters = true;
        self
    }
}

pub(crate) const EXTENSIONS: &[&str] = &[
    "extensionAttribute1",
    "extensionAttribute2",
    "extensionAttribute3",
    "extensionAttribute4",
    "extensionAttribute5",
    "extensionAttribute6",
    "extensionAttribute7",
    "extensionAttribute8",
    "extensionAttribute9",
    "extensionAttribute10",
    "extensionAttribute11",
    "extensionAttribute12",
    "extensionAttribute13",
    "extensionAttribute14",
    "extensionAttribute15",
];

use Holds::{Flag, Moment, Parts, Password, Service, ServiceList, Text, Texts};

pub(crate) const USER: &[Property] = &[
    property("id", Service).shown().filtered(),
    property("deletedDateTime", Service),
    property("accountEnabled", Flag).kept().filtered(),
    property("ageGroup", Text(16)),
    property("assignedLicenses", ServiceList),
    property("assignedPlans", ServiceList),
    property("businessPhones", Texts(1)).shown().kept(),
    property("city", Text(128)),
    property("companyName", Text(64)),
    property("consentProvidedForMinor", Text(16)),
    property("country", Text(128)),
    property("createdDateTime", Service),
    property("creationType", Service),
    property("department", Text(64)).filtered(),
    property("displayName", Text(256)).shown().kept().filtered(),
    property("employeeHireDate", Moment),
    property("employeeId", Text(16)).filtered(),
    property("employeeLeaveDateTime", Moment),
    property("employeeOrgData", Parts(&["costCenter", "division"], 64)),
    property("employeeType", Text(64)),
    property("externalUserState", Service),
    property("faxNumber", Text(64)),
    property("givenName", Text(64)).shown(),
    property("identities", ServiceList),
    property("jobTitle", Text(128)).shown(),
    property("licenseAssignmentStates", ServiceList),
    property("mail", Text(113)).shown().filtered(),
    property("mailNickname", Text(64)).kept().filtered(),
    property("mobilePhone", Text(64)).shown(),
    property("officeLocation", Text(128)).shown(),
    property("onPremisesDistinguishedName", Service),
    property("onPremisesDomainName", Service),
    property("onPremisesExtensionAttributes", Parts(EXTENSIONS, 1024)),
    property("onPremisesImmutableId", Text(256)).filtered(),
    property("onPremisesLastSyncDateTime", Service),
    property("onPremisesSamAccountName", Service),
    property("onPremisesSecurityIdentifier", Service),
    property("onPremisesSyncEnabled", Service).filtered(),
    property("onPremisesUserPrincipalName", Service),
    property("otherMails", Texts(250)).kept(),
    property("passwordPolicies", Text(128)),
    property("passwordProfile", Password).kept(),
    property("postalCode", Text(40)),
    property("preferredLanguage", Text(64)).shown(),
    property("provisionedPlans", ServiceList),
    property("proxyAddresses", ServiceList),
    property("securityIdentifier", Service),
    property("showInAddressList", Flag),
    property("signInSessionsValidFromDateTime", Service),
    property("state", Text(128)),
    property("streetAddress", Text(1024)),
    property("surname", Text(64)).shown(),
    property("usageLocation", Text(2)).kept(),
    property("userPrincipalName", Text(113))
        .shown()
        .kept()
        .filtered(),
    property("userType", Text(16)).filtered(),
];

pub(crate) const GROUP: &[Property] = &[
    property("id", Service).shown().filtered(),
    property("deletedDateTime", Service).shown(),
    property("assignedLicenses", ServiceList),
    property("createdDateTime", Service).shown(),
    property("description", Text(1024)).shown(),
    property("displayName", Text(256)).shown().kept().filtered(),
    property("groupTypes", ServiceList).shown(),
    property("isAssignableToRole", Service).shown(),
    property("mail", Service).shown(),
    property("mailEnabled", Flag).shown().kept().filtered(),
    property("mailNickname", Text(64)).shown().kept().filtered(),
    property("membershipRule", Text(3072)).shown(),
    property("onPremisesSyncEnabled", Service)
        .shown()
        .filtered(),
    property("proxyAddresses", ServiceList).shown(),
    property("securityEnabled", Flag).shown().kept().filtered(),
    property("visibility", Text(32)).shown(),
];

pub(crate) fn find(table: &'static [Property], name: &str) -> Option<&'static Property> {
    table.iter().find(|property| property.name == name)
}

/// The properties that a request names, or the default ones.
pub(crate) fn selected(
    table: &'static [Property],
    names: Option<&[String]>,
) -> Result<Vec<&'static Property>, GraphError> {
    let Some(names) = names else {
        return Ok(table.iter().filter(|property| property.default).collect());
    };
    let mut all = Vec::new();
    for name in names {
        let property = find(table, name).ok_or_else(|| {
            GraphError::odata(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{name}'."
            ))
        })?;
        all.push(property);
    }
    // Graph adds the key to every selection.
    if !names.iter().any(|name| name == "id") {
        all.extend(find(table, "id"));
    }
    Ok(all)
}

/// What an object shows of a property.
pub(crate) fn shown(property: &Property, values: &Properties) -> Value {
    if property.holds == Password {
        return Value::Null;
    }
    let empty = match property.holds {
        Texts(_) | ServiceList => json!([]),
        Text(_) | Flag | Moment | Parts(..) | Password | Service => Value::Null,
    };
    values.get(property.name).cloned().unwrap_or(empty)
}

/// Takes what a client wants to set, checked and merged into `values`.
pub(crate) fn set(
    table: &'static [Property],
    values: &mut Properties,
    name: &str,
    value: &Value,
) -> Result<(), GraphError> {
    let invalid = || GraphError::bad(format!("Invalid value specified for property '{name}'."));
    let property = find(table, name)
        .ok_or_else(|| GraphError::bad(format!("Property '{name}' does not exist.")))?;
    if value.is_null() && !matches!(property.holds, Service | ServiceList) {
        if !property.clears {
            return Err(invalid());
        }
        values.remove(name);
        return Ok(());
    }
    match (property.holds, value) {
        (Service | ServiceList, _) => Err(GraphError::bad(format!(
            "Property '{name}' is read-only and cannot be set."
        ))),
        (Text(max), Value::String(text)) if fits(text, max) => {
            special(name, text)?;
            values.insert(name.to_owned(), value.clone());
            Ok(())
        }
        (Flag, Value::Bool(_)) => {
            values.insert(name.to_owned(), value.clone());
            Ok(())
        }
        (Moment, Value::String(text)) => {
            let moment: Timestamp = text.parse().map_err(|_| invalid())?;
            values.insert(name.to_owned(), json!(moment.to_string()));
            Ok(())
        }
        (Texts(max), Value::Array(items))
            if items.len() <= max
                && items
                    .iter()
                    .all(|item| item.as_str().is_some_and(|text| fits(text, 256))) =>
        {
            values.insert(name.to_owned(), value.clone());
            Ok(())
        }
        (Parts(parts, max), Value::Object(given)) => {
            let mut merged = values
                .get(name)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            for (part, value) in given {
                if !parts.contains(&part.as_str()) {
                    return Err(GraphError::bad(format!(
                        "Property '{part}' does not exist on '{name}'."
                    )));
                }
                match value {
                    Value::Null => {
                        merged.remove(part);
                    }
                    Value::String(text) if fits(text, max) => {
                        merged.insert(part.clone(), value.clone());
                    }
                    Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)
                    | Value::Object(_) => return Err(invalid()),
                }
            }
            values.insert(name.to_owned(), Value::Object(merged));
            Ok(())
        }
        (Password, Value::Object(profile)) => password(profile),
        (Text(_) | Flag | Moment | Texts(_) | Parts(..) | Password, _) => Err(invalid()),
    }
}

fn fits(text: &str, max: usize) -> bool {
    !text.is_empty() && text.chars().count() <= max
}

fn special(name: &str, text: &str) -> Result<(), GraphError> {
    let good = match name {
        "mailNickname" => text
            .chars()
            .all(|c| c.is_ascii_graphic() && !"@()\\[]\";:<>,".contains(c)),
        "usageLocation" => text.chars().all(|c| c.is_ascii_uppercase()),
        "mail" => text.contains('@') && !text.contains(' '),
        _ => true,
    };
    if good {
        Ok(())
    } else {
        Err(GraphError::bad(format!(
            "Invalid value specified for property '{name}'."
        )))
    }
}

fn password(profile: &Properties) -> Result<(), GraphError> {
    let mut has = false;
    for (part, value) in profile {
        match (part.as_str(), value) {
            ("password", Value::String(text)) => {
                let classes: [fn(&char) -> bool; 4] = [
                    |c| c.is_ascii_lowercase(),
                    |c| c.is_ascii_uppercase(),
                    |c| c.is_ascii_digit(),
                    |c| !c.is_ascii_alphanumeric(),
                ];
                let kinds = classes
                    .iter()
                    .filter(|class| text.chars().any(|c| class(&c)))
                    .count();
                let length = text.chars().count();
                if kinds < 3 || !(8..=256).contains(&length) {
                    return Err(GraphError::bad(
                        "The specified password does not comply with password complexity requirements.",
                    ));
                }
                has = true;
            }
            (
                "forceChangePasswordNextSignIn" | "forceChangePasswordNextSignInWithMfa",
                Value::Bool(_),
            ) => {}
            _ => {
                return Err(GraphError::bad(format!(
                    "Invalid value specified for property 'passwordProfile/{part}'."
                )));
            }
        }
    }
    if has || profile.contains_key("forceChangePasswordNextSignIn") {
        Ok(())
    } else {
        Err(GraphError::bad(
            "Invalid value specified for property 'passwordProfile'.",
        ))
    }
}

/// Checks a user name: its characters, and that the tenant owns the domain.
pub(crate) fn user_name(name: &str, domains: &[String]) -> Result<(), GraphError> {
    let invalid =
        |why: &str| GraphError::bad(format!("Property userPrincipalName is invalid: {why}."));
    let (local, domain) = name
        .rsplit_once('@')
        .ok_or_else(|| invalid("it has no domain"))?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'.-_!#^~".contains(c);
    if local.is_empty() || local.chars().count() > 64 || !local.chars().all(allowed) {
        return Err(invalid("it holds characters that are not allowed"));
    }
    if local.starts_with('.') || local.ends_with('.') {
        return Err(invalid("a dot stands at an end"));
    }
    if domains.iter().any(|own| own.eq_ignore_ascii_case(domain)) {
        Ok(())
    } else {
        Err(invalid(
            "the domain portion is not one of the verified domains of the tenant",
        ))
    }
}
