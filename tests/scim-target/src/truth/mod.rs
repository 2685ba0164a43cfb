//! What a service provider does, as data: request handling consults one [`Truth`], and a test compares it with what
//! its client found out by requests alone.

mod groups;
mod users;
mod wire;

pub use groups::{
    CreateMembers, GroupTruth, GroupWrite, MembersShown, RemoveAll, UnknownMembers, ValueList,
};
pub use users::{
    Conflict, Deletion, ExactlyOne, Fold, NameRule, Put, PutWithoutActive, SetForm, UserTruth,
};
pub use wire::{
    AnswerType, Claims, ConfigPath, DiscoveryTruth, Door, FilterForms, FilterTruth, Narrowing,
    OddFilter, PagingTruth, Rate, Rated, ShapeTruth, UnknownNames, UserAgent,
};

/// The behaviour of a service provider before any fault is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The documents that describe the service.
    pub discovery: DiscoveryTruth,
    /// What a request has to carry, and how it is read.
    pub door: Door,
    /// What lists can be searched for.
    pub filters: FilterTruth,
    /// How lists are paged.
    pub paging: PagingTruth,
    /// `attributes` and `excludedAttributes`.
    pub narrowing: Narrowing,
    /// Whether resources have versions: `ETag`, `meta.version`, `If-Match`, `If-None-Match`.
    pub etags: bool,
    /// `/Users`.
    pub users: UserTruth,
    /// `/Groups`.
    pub groups: GroupTruth,
    /// How answers are written down.
    pub shape: ShapeTruth,
    /// The published rates. They bind only under [`Fault::EnforceRates`](crate::Fault::EnforceRates).
    pub rates: &'static [Rate],
}

impl Truth {
    /// RFC 7643, 7644 and 9865, strictly.
    pub const RFC: Self = Self {
        discovery: DiscoveryTruth {
            config: ConfigPath::Singular,
            schemas: true,
            claims: Claims::Honest,
        },
        door: Door {
            user_agent: UserAgent::Optional,
            scim_accept: false,
            scim_content_type: false,
            unknown: UnknownNames::Refused,
            text_booleans: false,
        },
        filters: FilterTruth {
            users: FilterForms::All,
            groups: FilterForms::All,
            and: true,
            and_binds_tighter: true,
            bare_extension_names: false,
            max_nodes: None,
            unsupported: OddFilter::Refused,
        },
        paging: PagingTruth {
            method: crate::options::Paging::Both,
            default_page: 100,
            max_page: 1000,
            single_page: 1000,
            short_by: 0,
            cursor_total: true,
        },
        narrowing: Narrowing::Honoured,
        etags: true,
        users: UserTruth {
            required: &[],
            required_status: 400,
            exactly_one: None,
            name: NameRule {
                max_length: None,
                email: false,
                fold: Fold::Kept,
            },
            external_id_unique: false,
            single_valued: &[],
            refused: &[],
            set: SetForm::Both,
            active: SetForm::Both,
            put: Put::Clears,
            put_without_active: PutWithoutActive::Activates,
            conflict: Conflict::Uniqueness,
            inactive_hidden: false,
            inactive_edits: true,
            reactivation: true,
            delete: Deletion::Removes,
            groups_shown: true,
            patch_answer: crate::faults::PatchAnswer::Full,
        },
        groups: GroupTruth {
            write: GroupWrite::All,
            names_unique: true,
            unknown_members: UnknownMembers::Refused,
            create_members: CreateMembers::Stored,
            create_limit: None,
            put: true,
            set: SetForm::Both,
            add: SetForm::Both,
            remove_by_filter: true,
            remove_by_list: ValueList::Refused,
            replace_members: true,
            remove_all: RemoveAll::Clears,
            change_limit: None,
            members_shown: MembersShown::Everywhere,
            flattened: false,
            patch_answer: crate::faults::PatchAnswer::NoContent,
        },
        shape: ShapeTruth {
            integer_status: false,
            error_schemas_as_string: false,
            resources_absent: false,
            text_booleans: false,
            answer_type: AnswerType::ScimJson,
        },
        rates: &[],
    };

    /// What works nearly everywhere, for what a vendor does not document: look-ups by `userName`, `externalId` and a
    /// group's `displayName` joined by `and`; every PATCH form that Okta's and Entra's clients send, because each
    /// vendor was tested with both; unknown attributes dropped; no versions.
    pub const COMMON: Self = Self {
        door: Door {
            unknown: UnknownNames::Dropped,
            text_booleans: true,
            ..Self::RFC.door
        },
        filters: FilterTruth {
            users: FilterForms::Equality(&[&["userName"], &["externalId"]]),
            groups: FilterForms::Equality(&[&["displayName"], &["externalId"]]),
            ..Self::RFC.filters
        },
        paging: PagingTruth {
            method: crate::options::Paging::IndexOnly,
            max_page: 100,
            single_page: 100,
            ..Self::RFC.paging
        },
        etags: false,
        groups: GroupTruth {
            remove_by_list: ValueList::Understood,
            ..Self::RFC.groups
        },
        ..Self::RFC
    };
}
