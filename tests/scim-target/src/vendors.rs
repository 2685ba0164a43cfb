//! The dialects, as differences from [`Truth::COMMON`]. Each comment says what the vendor documents and what is this
//! project's reading of a gap. A limit that is not named here is not emulated.

use crate::options::Paging;
use crate::truth::{
    AnswerType, Claims, ConfigPath, Conflict, CreateMembers, Deletion, DiscoveryTruth, Door,
    ExactlyOne, FilterForms, FilterTruth, Fold, GroupTruth, GroupWrite, MembersShown, NameRule,
    Narrowing, OddFilter, PagingTruth, Put, PutWithoutActive, Rate, Rated, RemoveAll, SetForm,
    ShapeTruth, Truth, UnknownMembers, UnknownNames, UserAgent, UserTruth, ValueList,
};

const COMMON: Truth = Truth::COMMON;

/// What Okta's catalogue client sends is understood, and little else: look-ups by `userName`, PATCH without a path,
/// members added as an array and removed by filter, full PUT. The hazards are ones that were reported of such
/// servers: other filters are ignored, a PUT without `active` suspends, and a `remove` with a value list, which Okta
/// never sends, empties the group.
pub(crate) const OKTA: Truth = Truth {
    discovery: DiscoveryTruth {
        config: ConfigPath::Absent,
        schemas: false,
        ..COMMON.discovery
    },
    door: Door {
        scim_content_type: true,
        text_booleans: false,
        ..COMMON.door
    },
    filters: FilterTruth {
        users: FilterForms::Equality(&[&["userName"]]),
        groups: FilterForms::Equality(&[&["displayName"]]),
        and: false,
        unsupported: OddFilter::Ignored,
        ..COMMON.filters
    },
    narrowing: Narrowing::Ignored,
    users: UserTruth {
        set: SetForm::PathlessOnly,
        active: SetForm::PathlessOnly,
        put_without_active: PutWithoutActive::Suspends,
        ..COMMON.users
    },
    groups: GroupTruth {
        unknown_members: UnknownMembers::Dropped,
        set: SetForm::PathlessOnly,
        add: SetForm::PathOnly,
        remove_by_list: ValueList::ClearsGroup,
        ..COMMON.groups
    },
    shape: ShapeTruth {
        integer_status: true,
        resources_absent: true,
        ..COMMON.shape
    },
    ..COMMON
};

/// What Entra's client sends without the `aadOptscim062020` flag is understood, and little else: operations with a
/// path, `active` as text, members removed by value list and not by filter, groups created empty. Discovery promises
/// more than there is, and booleans come back as text, as was seen of such servers.
pub(crate) const ENTRA: Truth = Truth {
    discovery: DiscoveryTruth {
        claims: Claims::Of {
            patch: true,
            filter: true,
            etag: true,
            cursor: true,
        },
        ..COMMON.discovery
    },
    users: UserTruth {
        set: SetForm::PathOnly,
        active: SetForm::PathOnly,
        put: Put::Unsupported,
        ..COMMON.users
    },
    groups: GroupTruth {
        create_members: CreateMembers::Dropped,
        put: false,
        set: SetForm::PathOnly,
        add: SetForm::PathOnly,
        remove_by_filter: false,
        replace_members: false,
        ..COMMON.groups
    },
    shape: ShapeTruth {
        text_booleans: true,
        answer_type: AnswerType::Json,
        ..COMMON.shape
    },
    ..COMMON
};

/// Documented: the filters, `id` alone only discouraged; `eq` and `and`; cursor pages of 100 that may be short, and
/// one capped page without `cursor`; no `attributes` and `excludedAttributes`; no PUT of groups; 100 members in a
/// request; no replacing or removing of all members; members never shown; one e-mail, phone and address; `User-Agent`
/// on PATCH. Readings: the one page holds 50, as older documents say; `startIndex` is ignored; narrowing is refused
/// with 400, the stricter meaning of "unsupported"; unknown attributes are refused; a conflict has no `scimType`.
pub(crate) const AWS_IAM_IDENTITY_CENTER: Truth = Truth {
    door: Door {
        user_agent: UserAgent::OnPatch,
        unknown: UnknownNames::Refused,
        ..COMMON.door
    },
    filters: FilterTruth {
        users: FilterForms::Equality(&[
            &["userName"],
            &["externalId"],
            &["groups.value"],
            &["id"],
            &["id", "manager.value"],
        ]),
        groups: FilterForms::Equality(&[
            &["displayName"],
            &["externalId"],
            &["id"],
            &["members.value"],
            &["id", "members.value"],
        ]),
        bare_extension_names: true,
        ..COMMON.filters
    },
    paging: PagingTruth {
        method: Paging::CursorOrOnePage,
        single_page: 50,
        short_by: 1,
        ..COMMON.paging
    },
    narrowing: Narrowing::Refused,
    users: UserTruth {
        required: &["name.givenName", "name.familyName", "displayName"],
        single_valued: &["emails", "phoneNumbers", "addresses"],
        refused: &[
            "password",
            "photos",
            "ims",
            "groups",
            "entitlements",
            "roles",
        ],
        conflict: Conflict::Plain,
        groups_shown: false,
        ..COMMON.users
    },
    groups: GroupTruth {
        create_limit: Some(100),
        put: false,
        replace_members: false,
        remove_all: RemoveAll::Refused,
        change_limit: Some(100),
        members_shown: MembersShown::Never,
        ..COMMON.groups
    },
    ..COMMON
};

/// Documented: pages of 10 unless asked, 1,000 at most; DELETE of a user deactivates; the rates, over all SCIM
/// applications of the organisation; the plural path of the configuration. General knowledge: names of 21 characters,
/// in lower case; an e-mail is required. Reading: a longer name is refused, not shortened.
pub(crate) const SLACK: Truth = Truth {
    discovery: DiscoveryTruth {
        config: ConfigPath::Plural,
        ..COMMON.discovery
    },
    paging: PagingTruth {
        default_page: 10,
        max_page: 1000,
        ..COMMON.paging
    },
    users: UserTruth {
        required: &["emails"],
        name: NameRule {
            max_length: Some(21),
            email: false,
            fold: Fold::Lower,
        },
        delete: Deletion::Deactivates,
        ..COMMON.users
    },
    rates: &[
        Rate::per_minute(Rated::Writes, 600, 180),
        Rate::per_minute(Rated::Reads, 1000, 1000),
        Rate::per_minute(Rated::UserCreates, 180, 20),
        Rate::per_minute(Rated::UserUpdates, 180, 20),
        Rate::per_minute(Rated::UserDeletes, 180, 20),
        Rate::per_minute(Rated::UserReads, 300, 300),
    ],
    ..COMMON
};

/// Documented: `User-Agent` on every call; bad shapes are 400; `externalId` is required; lists include suspended
/// users; DELETE suspends for ever; about 1,000 users an hour. Uncertain: pages of 100. Readings: no `User-Agent` is
/// 403; `externalId` is unique, because it names the person at the identity provider; unknown attributes are bad
/// shapes. The login name that a suspension scrambles is not a SCIM attribute and is not emulated.
pub(crate) const GITHUB_EMU: Truth = Truth {
    door: Door {
        user_agent: UserAgent::Required,
        unknown: UnknownNames::Refused,
        ..COMMON.door
    },
    users: UserTruth {
        required: &["externalId"],
        external_id_unique: true,
        delete: Deletion::Suspends,
        ..COMMON.users
    },
    rates: &[Rate {
        of: Rated::UserCreates,
        calls: 1000,
        seconds: 3600,
        burst: 1000,
    }],
    ..COMMON
};

/// Documented: the plural path of the configuration; exactly one profile among the entitlements, or else 409
/// `REQUIRED_FIELD_MISSING`, which is no conflict; DELETE deactivates; groups can be read and updated only; `and` does
/// not bind tighter than `or`; `schemas` may be a string. General knowledge: names look like e-mail addresses; ids of
/// profiles start with `00e`. Readings: a name that is taken has no `scimType` either, so that only the detail tells
/// the two apart; the whole filter grammar is understood, since operators are documented; `schemas` is a string in
/// errors. Names that other customers hold are not emulated; `Fault::CreateConflict` does it.
pub(crate) const SALESFORCE: Truth = Truth {
    discovery: DiscoveryTruth {
        config: ConfigPath::Plural,
        ..COMMON.discovery
    },
    filters: FilterTruth {
        users: FilterForms::All,
        groups: FilterForms::All,
        and_binds_tighter: false,
        ..COMMON.filters
    },
    users: UserTruth {
        required_status: 409,
        exactly_one: Some(ExactlyOne {
            attribute: "entitlements",
            prefix: "00e",
        }),
        name: NameRule {
            max_length: None,
            email: true,
            fold: Fold::Kept,
        },
        conflict: Conflict::Plain,
        delete: Deletion::Deactivates,
        ..COMMON.users
    },
    groups: GroupTruth {
        write: GroupWrite::UpdateOnly,
        ..COMMON.groups
    },
    shape: ShapeTruth {
        error_schemas_as_string: true,
        ..COMMON.shape
    },
    ..COMMON
};

/// Documented: a single `eq` on `userName` or `externalId`; DELETE and `active` false deactivate, and the id answers
/// 404 until the user is active again; PUT clears what it does not mention. Reading: the PATCH that activates is the
/// one request that finds such a user. Verified domains are not emulated.
pub(crate) const ATLASSIAN: Truth = Truth {
    filters: FilterTruth {
        groups: FilterForms::Equality(&[&["displayName"]]),
        and: false,
        ..COMMON.filters
    },
    users: UserTruth {
        put: Put::Clears,
        inactive_hidden: true,
        delete: Deletion::Deactivates,
        ..COMMON.users
    },
    ..COMMON
};

/// Documented: no multi-valued attributes. General knowledge: names are folded to upper case. Readings: a list is
/// refused, not dropped; a user does not show `groups`, which is a list.
pub(crate) const SNOWFLAKE: Truth = Truth {
    users: UserTruth {
        name: NameRule {
            max_length: None,
            email: false,
            fold: Fold::Upper,
        },
        refused: &[
            "emails",
            "phoneNumbers",
            "ims",
            "photos",
            "addresses",
            "entitlements",
            "roles",
            "x509Certificates",
        ],
        groups_shown: false,
        ..COMMON.users
    },
    ..COMMON
};

/// Documented: filters of 200 nodes at most. Reading: otherwise the whole grammar is understood. Its rates are
/// published apart from the SCIM reference and are not known here.
pub(crate) const DATABRICKS: Truth = Truth {
    filters: FilterTruth {
        users: FilterForms::All,
        groups: FilterForms::All,
        max_nodes: Some(200),
        ..COMMON.filters
    },
    ..COMMON
};

/// Documented: no paging of any kind, no versions. Documented of workforce tenants, and taken over here: groups inside
/// groups are flattened.
pub(crate) const GOOGLE_CLOUD_IDENTITY: Truth = Truth {
    paging: PagingTruth {
        method: Paging::OneList,
        ..COMMON.paging
    },
    groups: GroupTruth {
        flattened: true,
        ..COMMON.groups
    },
    ..COMMON
};

/// General knowledge: `Accept` has to name the SCIM media type. Reading: otherwise the answer is 406. The licence
/// travels in `userType`, which is an attribute like others.
pub(crate) const ZOOM: Truth = Truth {
    door: Door {
        scim_accept: true,
        ..COMMON.door
    },
    ..COMMON
};

impl Rate {
    const fn per_minute(of: Rated, calls: u32, burst: u32) -> Self {
        Self {
            of,
            calls,
            seconds: 60,
            burst,
        }
    }
}
