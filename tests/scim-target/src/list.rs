//! Lists and searches.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::accept::object;
use crate::error::ScimError;
use crate::faults::{FaultKind, Quirks};
use crate::filter::{candidates, matches};
use crate::filter_forms;
use crate::paging::{Asked, By, Limits, Page, page};
use crate::render::{Projection, Renderer, Seen};
use crate::schema::Kind;
use crate::truth::{MembersShown, Narrowing, PagingTruth};

const LIST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// The parameters of a list, from the query string or from a `.search` body.
#[derive(Debug, Default)]
pub(crate) struct Query {
    filter: Option<String>,
    attributes: Option<String>,
    excluded: Option<String>,
    asked: Asked,
}

impl Query {
    /// Applies what the target makes of `attributes` and `excludedAttributes`.
    pub(crate) fn narrowed(mut self, narrowing: Narrowing) -> Result<Self, ScimError> {
        let named = self.attributes.is_some() || self.excluded.is_some();
        match narrowing {
            Narrowing::Honoured => {}
            Narrowing::Ignored => (self.attributes, self.excluded) = (None, None),
            Narrowing::Refused if !named => {}
            Narrowing::Refused => {
                return Err(ScimError::value(
                    "`attributes` and `excludedAttributes` are not supported",
                ));
            }
        }
        Ok(self)
    }

    pub(crate) fn parse(query: &str) -> Result<Self, ScimError> {
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.to_ascii_lowercase().as_str() {
                "filter" => parsed.filter = Some(value.into_owned()),
                "attributes" => parsed.attributes = Some(value.into_owned()),
                "excludedattributes" => parsed.excluded = Some(value.into_owned()),
                "startindex" => parsed.asked.start_index = Some(number("startIndex", &value)?),
                "count" => parsed.asked.count = Some(number("count", &value)?),
                "cursor" => parsed.asked.cursor = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// The body of `POST /Users/.search` (RFC 7644 section 3.4.3).
    pub(crate) fn from_search(body: &Value) -> Result<Self, ScimError> {
        let body = object(body, "the body")?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let names = |name: &str| {
            let names = body.get(name)?.as_array()?.iter().filter_map(Value::as_str);
            Some(names.collect::<Vec<_>>().join(","))
        };
        let number = |name: &str| body.get(name).and_then(Value::as_i64);
        Ok(Self {
            filter: text("filter"),
            attributes: names("attributes"),
            excluded: names("excludedAttributes"),
            asked: Asked {
                start_index: number("startIndex"),
                count: number("count"),
                cursor: text("cursor"),
            },
        })
    }

    pub(crate) fn names_attributes(&self) -> bool {
        self.attributes.is_some()
    }

    pub(crate) fn projection(&self, kind: Kind) -> Projection {
        Projection::new(kind, self.attributes.as_deref(), self.excluded.as_deref())
    }
}

fn number(name: &str, value: &str) -> Result<i64, ScimError> {
    value.trim().parse().map_err(|_| {
        let keyword = if name == "count" {
            "invalidCount"
        } else {
            "invalidValue"
        };
        ScimError::bad(keyword, format!("`{name}` must be a number, not `{value}`"))
    })
}

/// How lists are answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) limits: Limits,
    pub(crate) cursor_total: bool,
}

impl Style {
    pub(crate) fn of(truth: &PagingTruth) -> Self {
        Self {
            limits: Limits::of(truth),
            cursor_total: truth.cursor_total,
        }
    }
}

pub(crate) fn list(
    kind: Kind,
    query: &Query,
    style: Style,
    renderer: Renderer<'_>,
    quirks: Quirks<'_>,
) -> Result<Value, ScimError> {
    let found = find(kind, query, renderer, quirks)?;
    let found = visible(kind, found, renderer, quirks);
    if !found.is_empty() && quirks.has(FaultKind::EmptyList) {
        let page = Page {
            total: 0,
            keys: Vec::new(),
            by: By::Index { start: 1 },
        };
        return Ok(answer(page, Vec::new(), style, quirks));
    }
    let page = page(&found, &query.asked, style.limits, quirks)?;
    let projection = query.projection(kind);
    let bare = kind == Kind::Group && quirks.truth.groups.members_shown == MembersShown::NotInLists;
    let bare = bare
        || kind == Kind::Group
            && quirks.truth.groups.members_shown == MembersShown::Everywhere
            && page.keys.iter().any(|key| {
                renderer
                    .store
                    .at(kind, *key)
                    .is_some_and(|group| group.members.len() > 0)
            })
            && quirks.has(FaultKind::ListWithoutMembers);
    let resources = page
        .keys
        .iter()
        .filter_map(|key| renderer.store.at(kind, *key))
        .map(|record| {
            let mut resource = renderer.resource(record, &projection);
            if bare {
                resource.remove("members");
            }
            Value::Object(resource)
        })
        .collect();
    Ok(answer(page, resources, style, quirks))
}

fn find(
    kind: Kind,
    query: &Query,
    renderer: Renderer<'_>,
    quirks: Quirks<'_>,
) -> Result<Vec<u64>, ScimError> {
    let store = renderer.store;
    let everything = || store.order(kind).to_vec();
    let Some(text) = &query.filter else {
        return Ok(everything());
    };
    if quirks.has(FaultKind::FilterUnsupported) {
        return Err(ScimError::bad("invalidFilter", "filters are not supported"));
    }
    if quirks.has(FaultKind::FilterIgnored) {
        return Ok(everything());
    }
    let Some(expr) = filter_forms::read(kind, text, &quirks.truth.filters)? else {
        return Ok(everything());
    };
    let among =
        candidates(&expr, kind, store).map(|keys: BTreeSet<u64>| keys.into_iter().collect());
    Ok(among
        .unwrap_or_else(everything)
        .into_iter()
        .filter(|key| {
            store.at(kind, *key).is_some_and(|record| {
                matches(
                    &expr,
                    &Seen {
                        record,
                        key: *key,
                        renderer,
                    },
                )
            })
        })
        .collect())
}

fn visible(kind: Kind, keys: Vec<u64>, renderer: Renderer<'_>, quirks: Quirks<'_>) -> Vec<u64> {
    // Asked first: without the fault, no list has to look at everyone.
    let by_truth = quirks.truth.users.inactive_hidden;
    if kind == Kind::Group || !(by_truth || quirks.armed(FaultKind::HideInactive)) {
        return keys;
    }
    let hidden = |key: &u64| {
        renderer
            .store
            .at(kind, *key)
            .is_some_and(|user| !user.active())
    };
    if keys.iter().any(hidden) && (by_truth || quirks.has(FaultKind::HideInactive)) {
        keys.into_iter().filter(|key| !hidden(key)).collect()
    } else {
        keys
    }
}

fn answer(page: Page, resources: Vec<Value>, style: Style, quirks: Quirks<'_>) -> Value {
    let mut body = Map::new();
    body.insert("schemas".to_owned(), json!([LIST_SCHEMA]));
    body.insert("itemsPerPage".to_owned(), resources.len().into());
    match page.by {
        By::Index { start } => {
            body.insert("totalResults".to_owned(), page.total.into());
            body.insert("startIndex".to_owned(), start.into());
        }
        By::Cursor { next } => {
            if style.cursor_total {
                body.insert("totalResults".to_owned(), page.total.into());
            }
            if let Some(next) = next {
                body.insert("nextCursor".to_owned(), next.into());
            }
        }
    }
    let absent = resources.is_empty()
        && (quirks.truth.shape.resources_absent || quirks.has(FaultKind::ResourcesAbsent));
    if !absent {
        body.insert("Resources".to_owned(), Value::Array(resources));
    }
    Value::Object(body)
}
