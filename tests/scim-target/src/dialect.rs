//! Whose behaviour the target has: vendors by name.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::truth::Truth;
use crate::vendors;

/// The service providers that the target can stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Dialect {
    /// RFC 7643, 7644 and 9865, strictly.
    #[default]
    Rfc,
    /// No vendor, but the kind that was tried with Okta's catalogue client only.
    Okta,
    /// No vendor, but the kind that was tried with Entra's default client only.
    Entra,
    /// AWS IAM Identity Center.
    AwsIamIdentityCenter,
    /// Slack.
    Slack,
    /// GitHub Enterprise Managed Users.
    GithubEmu,
    /// Salesforce.
    Salesforce,
    /// Atlassian user provisioning.
    Atlassian,
    /// Snowflake.
    Snowflake,
    /// Databricks, account level.
    Databricks,
    /// Google Cloud Identity (`v1beta1`).
    GoogleCloudIdentity,
    /// Zoom.
    Zoom,
}

impl Dialect {
    /// All, in the order of the README.
    pub const ALL: &'static [Self] = &[
        Self::Rfc,
        Self::Okta,
        Self::Entra,
        Self::AwsIamIdentityCenter,
        Self::Slack,
        Self::GithubEmu,
        Self::Salesforce,
        Self::Atlassian,
        Self::Snowflake,
        Self::Databricks,
        Self::GoogleCloudIdentity,
        Self::Zoom,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfc => "rfc",
            Self::Okta => "okta",
            Self::Entra => "entra",
            Self::AwsIamIdentityCenter => "aws-iam-identity-center",
            Self::Slack => "slack",
            Self::GithubEmu => "github-emu",
            Self::Salesforce => "salesforce",
            Self::Atlassian => "atlassian",
            Self::Snowflake => "snowflake",
            Self::Databricks => "databricks",
            Self::GoogleCloudIdentity => "google-cloud-identity",
            Self::Zoom => "zoom",
        }
    }

    /// What it does.
    pub const fn truth(self) -> Truth {
        match self {
            Self::Rfc => Truth::RFC,
            Self::Okta => vendors::OKTA,
            Self::Entra => vendors::ENTRA,
            Self::AwsIamIdentityCenter => vendors::AWS_IAM_IDENTITY_CENTER,
            Self::Slack => vendors::SLACK,
            Self::GithubEmu => vendors::GITHUB_EMU,
            Self::Salesforce => vendors::SALESFORCE,
            Self::Atlassian => vendors::ATLASSIAN,
            Self::Snowflake => vendors::SNOWFLAKE,
            Self::Databricks => vendors::DATABRICKS,
            Self::GoogleCloudIdentity => vendors::GOOGLE_CLOUD_IDENTITY,
            Self::Zoom => vendors::ZOOM,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no dialect has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no dialect `{name}`; there are {known}")]
pub struct UnknownDialect {
    name: String,
    known: String,
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        let known = |dialect: &&Self| dialect.name() == name;
        Self::ALL
            .iter()
            .find(known)
            .copied()
            .ok_or_else(|| UnknownDialect {
                name: name.to_owned(),
                known: Self::ALL
                    .iter()
                    .map(|d| d.name())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}
