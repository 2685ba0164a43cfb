//! What is particular about each dialect, and why.

use scim_target::Dialect;

/// What is particular about the life in a dialect.
#[derive(Default)]
pub struct Row {
    /// User names are e-mail addresses.
    pub email_names: bool,
    /// It takes no e-mail address and no other list.
    pub no_lists: bool,
    /// An attribute that accounts cannot go without, and its value.
    pub needs: Option<(&'static str, &'static str)>,
    /// The shipped profile proves no listing, and why. No certificate, no repair.
    pub unlisted: Option<&'static str>,
    /// No group shows its members, so that the nightly run cannot vouch for them, and why.
    pub members_unlisted: Option<&'static str>,
}

/// Key of the profile, what is shipped, what the probe finds, and the reason.
pub type Otherwise = (&'static str, &'static str, &'static str, &'static str);

/// How life is there.
pub fn row(dialect: Dialect) -> Row {
    match dialect {
        Dialect::Entra => Row {
            unlisted: Some("the provisioning service never lists, so that nobody tried it"),
            ..Row::default()
        },
        Dialect::AwsIamIdentityCenter => Row {
            members_unlisted: Some("GetGroup and ListGroups return no members"),
            ..Row::default()
        },
        Dialect::Salesforce => Row {
            email_names: true,
            needs: Some(("entitlements[type eq \"profile\"].value", "00e000000000001")),
            ..Row::default()
        },
        Dialect::Snowflake => Row {
            no_lists: true,
            ..Row::default()
        },
        Dialect::Databricks | Dialect::GoogleCloudIdentity | Dialect::Zoom => Row {
            email_names: true,
            ..Row::default()
        },
        Dialect::Rfc
        | Dialect::Okta
        | Dialect::Slack
        | Dialect::GithubEmu
        | Dialect::Atlassian
        | _ => Row::default(),
    }
}

/// Where the shipped profile says otherwise than the probe, in the order of the keys. Shipped
/// profiles are the vendors' documents, and the dialects of the target a reading of them: where a
/// document is unsure, the profile is strict and the target lenient.
pub const fn otherwise(dialect: Dialect) -> &'static [Otherwise] {
    match dialect {
        Dialect::Rfc => RFC,
        Dialect::Okta => OKTA,
        Dialect::Entra => ENTRA,
        Dialect::Slack => SLACK,
        Dialect::GithubEmu => GITHUB_EMU,
        Dialect::Salesforce => SALESFORCE,
        Dialect::Atlassian => ATLASSIAN,
        Dialect::Databricks | Dialect::GoogleCloudIdentity | Dialect::Zoom => EMAIL_NAMES,
        Dialect::AwsIamIdentityCenter | Dialect::Snowflake | _ => &[],
    }
}

const RFC: &[Otherwise] = &[(
    "etag",
    "false",
    "true",
    "RFC 7644 section 3.14 leaves versions to the server; this one has them",
)];

const OKTA: &[Otherwise] = &[
    (
        "exclude_members",
        "false",
        "true",
        "asking is harmless, but made for a client that never asks",
    ),
    (
        "unproven",
        r#"["delete"]"#,
        "[]",
        "the client that such servers are tried with never deletes",
    ),
];

const ENTRA: &[Otherwise] = &[(
    "unproven",
    r#"["list"]"#,
    "[]",
    "the target lists well; of a real one only a probe can tell",
)];

const SLACK: &[Otherwise] = &[(
    "page_size",
    "1000",
    "100",
    "with fewer than a thousand people a probe cannot see it",
)];

const GITHUB_EMU: &[Otherwise] = &[
    (
        "delete",
        r#""irreversible""#,
        r#""removes""#,
        "that a suspension is for good shows in no answer",
    ),
    (
        "required",
        r#"["displayName","emails[type eq \"work\"].value","externalId","name.familyName","name.givenName"]"#,
        r#"["externalId"]"#,
        "the vendor's example has all of them; the target wants what is documented",
    ),
];

const SALESFORCE: &[Otherwise] = &[
    (
        "find_by",
        r#"["user_name","external_id"]"#,
        r#"["external_id","user_name"]"#,
        "both work; the external id may be set by an administrator",
    ),
    (
        "required",
        r#"["emails[type eq \"work\"].value","name.familyName"]"#,
        r#"["entitlements[type eq \"profile\"].value"]"#,
        "uncertain in the profile; the licence has another path at every customer",
    ),
    (
        "user_name",
        r#"{"email":true,"max_len":80}"#,
        r#"{"email":true}"#,
        "uncertain in the profile; a probe makes no names of that length",
    ),
];

const ATLASSIAN: &[Otherwise] = &[(
    "required",
    r#"["emails[type eq \"work\"].value"]"#,
    "[]",
    "uncertain in the profile; the target takes users without",
)];

/// Uncertain in the profiles, so that a bad name is refused before it is sent.
const EMAIL_NAMES: &[Otherwise] = &[(
    "user_name",
    r#"{"email":true}"#,
    "{}",
    "uncertain in the profile; the target takes any name",
)];
