//! `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 section 4, RFC 7643 sections 5 to 7).

use serde_json::{Value, json};

use crate::list::Style;
use crate::options::Paging;
use crate::schema::{Attr, ENTERPRISE_URN, Kind, Mutability, Schema, Type};
use crate::truth::{Claims, ConfigPath, FilterForms, GroupWrite, SetForm, Truth};

const KINDS: [Kind; 2] = [Kind::User, Kind::Group];

/// What the service says of itself, which need not be true.
pub(crate) fn service_provider_config(base: &str, style: Style, truth: &Truth) -> Value {
    let limits = style.limits;
    let (by_index, by_cursor) = match limits.paging {
        Paging::Both => (true, true),
        Paging::IndexOnly => (true, false),
        Paging::CursorOnly | Paging::CursorOrOnePage => (false, true),
        Paging::OneList => (false, false),
    };
    let [patch, filter, etag, cursor] = match truth.discovery.claims {
        Claims::Honest => [
            truth.users.set != SetForm::Neither,
            truth.filters.users != FilterForms::Equality(&[]),
            truth.etags,
            by_cursor,
        ],
        Claims::Of {
            patch,
            filter,
            etag,
            cursor,
        } => [patch, filter, etag, cursor],
    };
    let default_method = if by_index { "index" } else { "cursor" };
    let endpoint = match truth.discovery.config {
        ConfigPath::Singular | ConfigPath::Absent => "ServiceProviderConfig",
        ConfigPath::Plural => "ServiceProviderConfigs",
    };
    let mut config = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": patch },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": filter, "maxResults": limits.max_page },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": etag },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A static token",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/{endpoint}"),
        },
    });
    if (by_index || cursor)
        && let Some(config) = config.as_object_mut()
    {
        let pagination = json!({
            "cursor": cursor,
            "index": by_index,
            "defaultPaginationMethod": default_method,
            "defaultPageSize": limits.default_page,
            "maxPageSize": limits.max_page,
        });
        config.insert("pagination".to_owned(), pagination);
    }
    config
}

/// The list, or the one called `id`.
pub(crate) fn resource_types(base: &str, id: Option<&str>, truth: &Truth) -> Option<Value> {
    let groups = truth.groups.write != GroupWrite::Absent;
    let types = KINDS
        .into_iter()
        .filter(|kind| groups || *kind == Kind::User)
        .map(|kind| (kind.name(), resource_type(base, kind)));
    pick(types, id)
}

fn resource_type(base: &str, kind: Kind) -> Value {
    let extensions: Vec<Value> = kind
        .extension()
        .map(|extension| json!({ "schema": extension.urn, "required": false }))
        .into_iter()
        .collect();
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": kind.name(),
        "name": kind.name(),
        "endpoint": format!("/{}", kind.endpoint()),
        "schema": kind.core().urn,
        "schemaExtensions": extensions,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base}/ResourceTypes/{}", kind.name()),
        },
    })
}

/// The list, or the one whose URN is `id`.
pub(crate) fn schemas(base: &str, id: Option<&str>) -> Option<Value> {
    let schemas = KINDS
        .into_iter()
        .flat_map(|kind| [Some(kind.core()), kind.extension()]);
    pick(
        schemas
            .flatten()
            .map(|schema| (schema.urn, describe(base, schema))),
        id,
    )
}

fn describe(base: &str, schema: &Schema) -> Value {
    let description = if schema.urn == ENTERPRISE_URN {
        "Enterprise user"
    } else {
        schema.name
    };
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.urn,
        "name": schema.name,
        "description": description,
        "attributes": schema.attrs.iter().map(attribute).collect::<Vec<_>>(),
        "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.urn) },
    })
}

fn attribute(attr: &Attr) -> Value {
    let ty = match attr.ty {
        Type::Text => "string",
        Type::Boolean => "boolean",
        Type::DateTime => "dateTime",
        Type::Reference => "reference",
        Type::Binary => "binary",
        Type::Complex => "complex",
    };
    let mutability = match attr.mutability {
        Mutability::ReadWrite => "readWrite",
        Mutability::ReadOnly => "readOnly",
        Mutability::Immutable => "immutable",
        Mutability::WriteOnly => "writeOnly",
    };
    let mut described = json!({
        "name": attr.name,
        "type": ty,
        "multiValued": attr.multi,
        "description": attr.name,
        "required": attr.required,
        "caseExact": attr.case_exact,
        "mutability": mutability,
        "returned": if attr.mutability == Mutability::WriteOnly { "never" } else { "default" },
        "uniqueness": if matches!(attr.name, "id" | "userName") { "server" } else { "none" },
    });
    if let (Type::Complex, Some(object)) = (attr.ty, described.as_object_mut()) {
        object.insert(
            "subAttributes".to_owned(),
            attr.subs.iter().map(attribute).collect(),
        );
    }
    described
}

fn pick(mut all: impl Iterator<Item = (&'static str, Value)>, id: Option<&str>) -> Option<Value> {
    if let Some(id) = id {
        return all
            .find(|(name, _)| name.eq_ignore_ascii_case(id))
            .map(|(_, value)| value);
    }
    let all: Vec<Value> = all.map(|(_, value)| value).collect();
    Some(json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": all.len(),
        "startIndex": 1,
        "itemsPerPage": all.len(),
        "Resources": all,
    }))
}
