//! Properties of a user in Microsoft Graph, as far as mappings use them.

use domain::policy::{Expr, GraphSettings, Mapping};

use crate::names;
use crate::report::{At, Report};

/// Properties that an application can write, beside `userName` and `externalId`.
const WRITABLE: &[&str] = &[
    "ageGroup",
    "businessPhones",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "department",
    "displayName",
    "employeeHireDate",
    "employeeId",
    "employeeLeaveDateTime",
    "employeeOrgData.costCenter",
    "employeeOrgData.division",
    "employeeType",
    "faxNumber",
    "givenName",
    "jobTitle",
    "mail",
    "mailNickname",
    "manager",
    "mobilePhone",
    "officeLocation",
    "onPremisesExtensionAttributes.extensionAttribute1",
    "onPremisesExtensionAttributes.extensionAttribute2",
    "onPremisesExtensionAttributes.extensionAttribute3",
    "onPremisesExtensionAttributes.extensionAttribute4",
    "onPremisesExtensionAttributes.extensionAttribute5",
    "onPremisesExtensionAttributes.extensionAttribute6",
    "onPremisesExtensionAttributes.extensionAttribute7",
    "onPremisesExtensionAttributes.extensionAttribute8",
    "onPremisesExtensionAttributes.extensionAttribute9",
    "onPremisesExtensionAttributes.extensionAttribute10",
    "onPremisesExtensionAttributes.extensionAttribute11",
    "onPremisesExtensionAttributes.extensionAttribute12",
    "onPremisesExtensionAttributes.extensionAttribute13",
    "onPremisesExtensionAttributes.extensionAttribute14",
    "onPremisesExtensionAttributes.extensionAttribute15",
    "onPremisesImmutableId",
    "otherMails",
    "passwordPolicies",
    "postalCode",
    "preferredDataLocation",
    "preferredLanguage",
    "showInAddressList",
    "state",
    "streetAddress",
    "surname",
    "usageLocation",
    "userType",
];

/// Properties that policy does not map, and why.
const NOT_MAPPED: &[(&str, &str)] = &[
    (
        "accountEnabled",
        "the lifecycle decides whether an account can sign in",
    ),
    (
        "active",
        "the lifecycle decides whether an account can sign in",
    ),
    ("id", "Microsoft Entra assigns it"),
    ("passwordProfile", "policy holds no secrets"),
    ("password", "policy holds no secrets"),
    ("userPrincipalName", "it is written `userName`"),
    ("memberOf", "entitlements give memberships"),
    ("groups", "entitlements give memberships"),
    ("members", "entitlements give memberships"),
    ("assignedLicenses", "entitlements give licences"),
];

/// Reports what is not a property that policy may map.
pub(crate) fn check_path(report: &Report, text: At<&str>, settings: &GraphSettings) {
    if ["userName", "externalId"].contains(&text.value) {
        return;
    }
    let head = text.value.split('.').next().unwrap_or_default();
    let refused = NOT_MAPPED
        .iter()
        .find(|(refused, _)| head.eq_ignore_ascii_case(refused));
    if let Some((_, why)) = refused {
        report.error(
            text.at,
            "not-here",
            format!("`{head}` is not mapped by policy"),
            format!("remove it: {why}"),
        );
    } else if text.value.eq_ignore_ascii_case(&settings.key) {
        report.error(
            text.at,
            "not-here",
            format!("`{}` holds the key of this target", text.value),
            "remove it: it is written `externalId`; or choose another `key_property`",
        );
    } else if !WRITABLE.contains(&text.value) && !is_extension(text.value) {
        report.error(
            text.at,
            "bad-path",
            format!(
                "`{}` is not a property of a user that can be written",
                text.value
            ),
            match names::nearest(text.value, WRITABLE.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write a property of Microsoft Graph, for example `jobTitle`, \
                         `\"employeeOrgData.costCenter\"`, or an extension's"
                    .to_owned(),
            },
        );
    }
}

/// `extension_<application>_<name>`, or `<extension>.<name>` whose first part has an underscore.
fn is_extension(text: &str) -> bool {
    let head = text.split('.').next().unwrap_or_default();
    head.contains('_')
        && text.split('.').count() <= 2
        && text
            .split('.')
            .all(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()))
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
}

/// Reports a manager in another property, and another value in the manager's.
pub(crate) fn check_manager(report: &Report, at: At<&str>, mapping: &Mapping) {
    if (at.value == "manager") != (mapping.expr == Expr::Manager) {
        report.error(
            at.at,
            "bad-path",
            format!(
                "`{}` and the manager's account do not go together",
                at.value
            ),
            "write `manager = { manager = true }`: it is a reference, and the only one",
        );
    }
}
