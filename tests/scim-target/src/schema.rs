//! The attributes of users and groups (RFC 7643 sections 4.1, 4.2, 4.3), as tables that validation, filters, PATCH
//! and `/Schemas` share.

use std::fmt;

use scim_v2::filter::AttrPath;

pub(crate) const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE_URN: &str =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The two kinds of resource that the target holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `/Users`.
    User,
    /// `/Groups`.
    Group,
}

impl Kind {
    pub(crate) fn core(self) -> &'static Schema {
        match self {
            Kind::User => &USER,
            Kind::Group => &GROUP,
        }
    }

    pub(crate) fn extension(self) -> Option<&'static Schema> {
        match self {
            Kind::User => Some(&ENTERPRISE),
            Kind::Group => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.core().name
    }

    pub(crate) fn endpoint(self) -> &'static str {
        match self {
            Kind::User => "Users",
            Kind::Group => "Groups",
        }
    }

    /// The attribute that people call the resource by.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Kind::User => "userName",
            Kind::Group => "displayName",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Boolean,
    DateTime,
    Reference,
    Binary,
    Complex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutability {
    ReadWrite,
    ReadOnly,
    Immutable,
    WriteOnly,
}

/// One attribute or sub-attribute.
#[derive(Debug)]
pub(crate) struct Attr {
    pub(crate) name: &'static str,
    pub(crate) ty: Type,
    pub(crate) multi: bool,
    pub(crate) mutability: Mutability,
    pub(crate) required: bool,
    pub(crate) case_exact: bool,
    pub(crate) subs: &'static [Attr],
}

#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) urn: &'static str,
    pub(crate) name: &'static str,
    pub(crate) attrs: &'static [Attr],
}

impl Attr {
    const fn new(name: &'static str, ty: Type) -> Self {
        Self {
            name,
            ty,
            multi: false,
            mutability: Mutability::ReadWrite,
            required: false,
            case_exact: false,
            subs: &[],
        }
    }

    const fn text(name: &'static str) -> Self {
        Self::new(name, Type::Text)
    }

    const fn complex(name: &'static str, subs: &'static [Attr]) -> Self {
        Self {
            subs,
            ..Self::new(name, Type::Complex)
        }
    }

    const fn list(name: &'static str, subs: &'static [Attr]) -> Self {
        Self {
            multi: true,
            ..Self::complex(name, subs)
        }
    }

    const fn exact(self) -> Self {
        Self {
            case_exact: true,
            ..self
        }
    }

    const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    const fn with(self, mutability: Mutability) -> Self {
        Self { mutability, ..self }
    }

    pub(crate) fn sub(&self, name: &str) -> Option<&'static Attr> {
        self.subs
            .iter()
            .find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }
}

impl Schema {
    pub(crate) fn attr(&self, name: &str) -> Option<&'static Attr> {
        self.attrs
            .iter()
            .find(|attr| attr.name.eq_ignore_ascii_case(name))
    }
}

/// Where an attribute path leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located {
    /// The extension that holds the attribute; `None` is the core schema.
    pub(crate) extension: Option<&'static str>,
    pub(crate) attr: &'static Attr,
    pub(crate) sub: Option<&'static Attr>,
}

/// Finds the attribute that `path` names, or `None` when the schema has no such attribute.
pub(crate) fn locate(kind: Kind, path: &AttrPath) -> Option<Located> {
    let (schema, extension) = match path.uri.as_deref() {
        None => (kind.core(), None),
        Some(uri) if uri.eq_ignore_ascii_case(kind.core().urn) => (kind.core(), None),
        Some(uri) => {
            let extension = kind
                .extension()
                .filter(|e| e.urn.eq_ignore_ascii_case(uri))?;
            (extension, Some(extension.urn))
        }
    };
    let attr = schema
        .attr(&path.name)
        .or_else(|| {
            COMMON
                .iter()
                .find(|a| a.name.eq_ignore_ascii_case(&path.name))
        })
        .filter(|a| extension.is_none() || schema.attr(a.name).is_some())?;
    let sub = match path.sub_attr.as_deref() {
        None => None,
        Some(name) => Some(attr.sub(name)?),
    };
    Some(Located {
        extension,
        attr,
        sub,
    })
}

const PLURAL: &[Attr] = &[
    Attr::text("value"),
    Attr::text("display"),
    Attr::text("type"),
    Attr::new("primary", Type::Boolean),
];

const NAME: &[Attr] = &[
    Attr::text("formatted"),
    Attr::text("familyName"),
    Attr::text("givenName"),
    Attr::text("middleName"),
    Attr::text("honorificPrefix"),
    Attr::text("honorificSuffix"),
];

const ADDRESS: &[Attr] = &[
    Attr::text("formatted"),
    Attr::text("streetAddress"),
    Attr::text("locality"),
    Attr::text("region"),
    Attr::text("postalCode"),
    Attr::text("country"),
    Attr::text("type"),
    Attr::new("primary", Type::Boolean),
];

const PHOTO: &[Attr] = &[
    Attr::new("value", Type::Reference).exact(),
    Attr::text("display"),
    Attr::text("type"),
    Attr::new("primary", Type::Boolean),
];

const CERTIFICATE: &[Attr] = &[
    Attr::new("value", Type::Binary).exact(),
    Attr::text("display"),
    Attr::text("type"),
    Attr::new("primary", Type::Boolean),
];

const USER_GROUP: &[Attr] = &[
    Attr::text("value").exact().with(Mutability::ReadOnly),
    Attr::new("$ref", Type::Reference)
        .exact()
        .with(Mutability::ReadOnly),
    Attr::text("display").with(Mutability::ReadOnly),
    Attr::text("type").with(Mutability::ReadOnly),
];

const MEMBER: &[Attr] = &[
    Attr::text("value").exact().with(Mutability::Immutable),
    Attr::new("$ref", Type::Reference)
        .exact()
        .with(Mutability::Immutable),
    Attr::text("display").with(Mutability::ReadOnly),
    Attr::text("type").with(Mutability::Immutable),
];

const MANAGER: &[Attr] = &[
    Attr::text("value").exact(),
    Attr::new("$ref", Type::Reference).exact(),
    Attr::text("displayName").with(Mutability::ReadOnly),
];

const META: &[Attr] = &[
    Attr::text("resourceType")
        .exact()
        .with(Mutability::ReadOnly),
    Attr::new("created", Type::DateTime).with(Mutability::ReadOnly),
    Attr::new("lastModified", Type::DateTime).with(Mutability::ReadOnly),
    Attr::new("location", Type::Reference)
        .exact()
        .with(Mutability::ReadOnly),
    Attr::text("version").exact().with(Mutability::ReadOnly),
];

/// Attributes that every resource has (RFC 7643 section 3.1).
pub(crate) static COMMON: &[Attr] = &[
    Attr::text("id").exact().with(Mutability::ReadOnly),
    Attr::text("externalId").exact(),
    Attr::complex("meta", META).with(Mutability::ReadOnly),
    Attr {
        multi: true,
        ..Attr::new("schemas", Type::Reference)
    },
];

static USER: Schema = Schema {
    urn: USER_URN,
    name: "User",
    attrs: &[
        Attr::text("userName").required(),
        Attr::complex("name", NAME),
        Attr::text("displayName"),
        Attr::text("nickName"),
        Attr::new("profileUrl", Type::Reference).exact(),
        Attr::text("title"),
        Attr::text("userType"),
        Attr::text("preferredLanguage"),
        Attr::text("locale"),
        Attr::text("timezone"),
        Attr::new("active", Type::Boolean),
        Attr::text("password").exact().with(Mutability::WriteOnly),
        Attr::list("emails", PLURAL),
        Attr::list("phoneNumbers", PLURAL),
        Attr::list("ims", PLURAL),
        Attr::list("photos", PHOTO),
        Attr::list("addresses", ADDRESS),
        Attr::list("groups", USER_GROUP).with(Mutability::ReadOnly),
        Attr::list("entitlements", PLURAL),
        Attr::list("roles", PLURAL),
        Attr::list("x509Certificates", CERTIFICATE),
    ],
};

static GROUP: Schema = Schema {
    urn: GROUP_URN,
    name: "Group",
    attrs: &[
        Attr::text("displayName").required(),
        Attr::list("members", MEMBER),
    ],
};

static ENTERPRISE: Schema = Schema {
    urn: ENTERPRISE_URN,
    name: "EnterpriseUser",
    attrs: &[
        Attr::text("employeeNumber"),
        Attr::text("costCenter"),
        Attr::text("organization"),
        Attr::text("division"),
        Attr::text("department"),
        Attr::complex("manager", MANAGER),
    ],
};
