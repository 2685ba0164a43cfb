//! What is particular about a target, as data: how its SCIM reads and what it stands, and how a
//! request proves who sends it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::AttrPath;
use crate::budget::Budget;

/// How a change of attributes is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchStyle {
    /// PATCH, one operation per attribute, with a path (RFC 7644 section 3.5.2).
    Path,
    /// PATCH, one operation without path, whose value is an object.
    Pathless,
    /// PUT of the whole resource as it was read, with the changes in it (RFC 7644 section 3.5.1).
    Put,
}

/// How members are put into a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberAdd {
    /// `add` with path `members` and a list.
    Path,
    /// `add` without path, whose value is an object with `members`.
    Pathless,
    /// PUT of the whole group as it was read, with the members in it.
    Put,
}

/// How members are taken out of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRemove {
    /// `remove` with path `members[value eq "id"]`, one operation for each.
    Filter,
    /// `remove` with path `members` and a list as the value. By the letter of RFC 7644 it empties
    /// the group, so that it is used only where a target was seen to understand it.
    ValueArray,
    /// PUT of the whole group as it was read, without them.
    Put,
}

/// How listings go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// `startIndex` and `count` (RFC 7644 section 3.4.2.4).
    Index,
    /// `cursor` and `count` (RFC 9865).
    Cursor,
    /// Everything in one answer.
    None,
}

/// Where look-ups put their filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Search {
    /// In the query of a GET, which every target understands. `POST /.search` is tried once
    /// where the target answers `sensitive`.
    Get,
    /// In the body of `POST /.search`, which keeps personal data out of URLs.
    Post,
}

/// Where memberships can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// In `members` of the groups. A group without the attribute counts as empty only once the
    /// target has shown members of some group.
    GroupMembers,
    /// In `groups` of the user.
    UserGroups,
    /// By `GET /Groups?filter=members.value eq "id"`, which answers with the groups of a user.
    GroupFilter,
    /// By `GET /Groups?filter=id eq "group" and members eq "id"`, one group at a time.
    PairFilter,
    /// Nowhere.
    Hidden,
}

/// By what an account can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindBy {
    /// `externalId eq`.
    ExternalId,
    /// `userName eq`.
    UserName,
}

/// What DELETE of a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteEffect {
    /// The account is gone, and its name is free.
    Removes,
    /// The account is blocked and stays.
    Deactivates,
    /// The account is gone for good and its name is not free again.
    Irreversible,
}

/// How a manager is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagerForm {
    /// `{"value": "id"}` (RFC 7643 section 4.3).
    Object,
    /// The id alone.
    Bare,
}

/// What a user name may look like there, beyond being unique.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserNameRule {
    /// Longest, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_len: Option<u16>,
    /// It has to be an e-mail address.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub email: bool,
    /// The target keeps it in another case than it was sent in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub folded: bool,
}

/// What may be done at a target, as far as a profile proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Making an account.
    Create,
    /// Changing attributes.
    Update,
    /// Changing the user name.
    Rename,
    /// Blocking sign-in.
    Disable,
    /// Letting a blocked account sign in again.
    Enable,
    /// Deleting an account.
    Delete,
    /// Putting a member into a group.
    Grant,
    /// Taking a member out of a group.
    Revoke,
    /// Reading every account.
    List,
}

impl Operation {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Update,
        Self::Rename,
        Self::Disable,
        Self::Enable,
        Self::Delete,
        Self::Grant,
        Self::Revoke,
        Self::List,
    ];

    /// As profiles write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Rename => "rename",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Delete => "delete",
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::List => "list",
        }
    }
}

/// The dialect of a SCIM target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a target, each with a name of its own"
)]
pub struct Profile {
    /// How attributes are changed.
    pub patch: PatchStyle,
    /// How members are put into a group.
    pub member_add: MemberAdd,
    /// How members are taken out of a group.
    pub member_remove: MemberRemove,
    /// Most members that one request may add and remove.
    pub member_chunk: u16,
    /// Where memberships can be read.
    pub membership: Membership,
    /// Whether look-ups of groups may ask for the members to be left out.
    pub exclude_members: bool,
    /// By what accounts can be found, in the order in which it is tried.
    pub find_by: Vec<FindBy>,
    /// Where look-ups put their filter.
    pub search: Search,
    /// How listings go on.
    pub paging: Paging,
    /// Objects asked for per page.
    pub page_size: u16,
    /// Whether writes carry `If-Match` with the version that the last look-up saw.
    pub etag: bool,
    /// Whether a blocked account is hidden from look-ups and listings, its name staying taken.
    pub hides_inactive: bool,
    /// Whether a blocked account takes changes of other attributes.
    pub inactive_edits: bool,
    /// What DELETE of a user does.
    pub delete: DeleteEffect,
    /// How a manager is written.
    pub manager: ManagerForm,
    /// What a user name may look like.
    pub user_name: UserNameRule,
    /// Attributes without which no account is made.
    pub required: Vec<AttrPath>,
    /// Attributes with several values elsewhere that hold one element here.
    pub single_valued: Vec<Box<str>>,
    /// Words in the detail of a 409 by which it does not mean a value that is taken.
    pub conflicts: Vec<Box<str>>,
    /// Requests that the target stands.
    pub budget: Budget,
    /// What nobody has seen to work. The connector does none of it.
    pub unproven: BTreeSet<Operation>,
}

impl Profile {
    /// RFC 7643 and RFC 7644 as written.
    pub fn rfc() -> Self {
        Self {
            patch: PatchStyle::Path,
            member_add: MemberAdd::Path,
            member_remove: MemberRemove::Filter,
            member_chunk: 100,
            membership: Membership::GroupMembers,
            exclude_members: true,
            find_by: vec![FindBy::ExternalId, FindBy::UserName],
            search: Search::Get,
            paging: Paging::Index,
            page_size: 100,
            etag: false,
            hides_inactive: false,
            inactive_edits: true,
            delete: DeleteEffect::Removes,
            manager: ManagerForm::Object,
            user_name: UserNameRule::default(),
            required: Vec::new(),
            single_valued: Vec::new(),
            conflicts: Vec::new(),
            budget: Budget::default(),
            unproven: BTreeSet::new(),
        }
    }

    /// Whether an operation is proven to work.
    pub fn proves(&self, operation: Operation) -> bool {
        !self.unproven.contains(&operation)
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::rfc()
    }
}

/// How a request proves who sends it. Secrets are named, never held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer` with a secret (RFC 6750).
    Bearer {
        /// The secret's name.
        secret: Box<str>,
    },
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// The user.
        user: Box<str>,
        /// The name of the secret that is the password.
        secret: Box<str>,
    },
    /// A header of the target's own.
    Header {
        /// Its name, in lower case.
        header: Box<str>,
        /// The name of the secret that is its value.
        secret: Box<str>,
    },
    /// A bearer token from OAuth 2.0 client credentials (RFC 6749 section 4.4).
    Client(ClientCredentials),
}

/// OAuth 2.0 client credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCredentials {
    /// Where tokens are made.
    pub token_url: Box<str>,
    /// Who asks.
    pub client_id: Box<str>,
    /// For what, where the server wants to be told.
    pub scope: Option<Box<str>>,
    /// How the client proves itself.
    pub proof: ClientProof,
}

/// How an OAuth client proves itself to the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientProof {
    /// HTTP Basic with the client's id and secret (RFC 6749 section 2.3.1).
    Basic {
        /// The secret's name.
        secret: Box<str>,
    },
    /// The secret in the form.
    Form {
        /// The secret's name.
        secret: Box<str>,
    },
    /// A signed assertion (RFC 7523), with the key of a certificate.
    Certificate {
        /// The name of the secret that holds the certificate and its private key, both PEM.
        secret: Box<str>,
    },
}

impl Auth {
    /// The name of the secret that it rests on.
    pub fn secret(&self) -> &str {
        match self {
            Self::Bearer { secret } | Self::Basic { secret, .. } | Self::Header { secret, .. } => {
                secret
            }
            Self::Client(client) => match &client.proof {
                ClientProof::Basic { secret }
                | ClientProof::Form { secret }
                | ClientProof::Certificate { secret } => secret,
            },
        }
    }
}
