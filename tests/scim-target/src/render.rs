//! Resources as a client reads them: the stored attributes and the computed ones, narrowed to what was asked for
//! (RFC 7644 section 3.9).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::filter::Subject;
use crate::schema::{Kind, Located, locate};
use crate::store::{Record, Store};
use crate::truth::{MembersShown, Truth};

/// Which attributes go into an answer. `id`, `schemas` and `meta` always do.
#[derive(Debug, Default)]
pub(crate) struct Projection {
    only: Option<Vec<Located>>,
    without: Vec<Located>,
}

impl Projection {
    /// From the two query parameters, comma-separated. Names that no schema has are ignored.
    pub(crate) fn new(kind: Kind, attributes: Option<&str>, excluded: Option<&str>) -> Self {
        let located = |list: &str| {
            list.split(',')
                .filter_map(|name| {
                    let path = name.trim().parse::<scim_v2::filter::PatchPath>().ok()?;
                    match path {
                        scim_v2::filter::PatchPath::Attr(path) => locate(kind, &path),
                        scim_v2::filter::PatchPath::Value(_) => None,
                    }
                })
                .collect::<Vec<_>>()
        };
        Self {
            only: attributes.map(located),
            without: excluded.map(located).unwrap_or_default(),
        }
    }

    fn wants(&self, extension: Option<&str>, name: &str) -> bool {
        let here = |at: &&Located| at.extension == extension && at.attr.name == name;
        let asked = self
            .only
            .as_ref()
            .is_none_or(|only| only.iter().any(|at| here(&at)));
        asked && !self.without.iter().any(|at| here(&at) && at.sub.is_none())
    }

    fn narrow(&self, extension: Option<&str>, name: &str, value: &mut Value) {
        let here = |at: &&Located| at.extension == extension && at.attr.name == name;
        if let Some(only) = &self.only {
            let asked: Vec<&Located> = only.iter().filter(here).collect();
            if asked.iter().all(|at| at.sub.is_some()) {
                each_object(value, &|object| {
                    object.retain(|key, _| {
                        asked
                            .iter()
                            .any(|at| at.sub.is_some_and(|sub| sub.name == key))
                    });
                });
            }
        }
        for sub in self.without.iter().filter(here).filter_map(|at| at.sub) {
            each_object(value, &|object| {
                object.remove(sub.name);
            });
        }
    }

    fn put(
        &self,
        into: &mut Map<String, Value>,
        extension: Option<&str>,
        name: &str,
        value: &Value,
    ) {
        if self.wants(extension, name) {
            let mut value = value.clone();
            self.narrow(extension, name, &mut value);
            into.insert(name.to_owned(), value);
        }
    }
}

fn each_object(value: &mut Value, edit: &dyn Fn(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => edit(object),
        Value::Array(values) => values.iter_mut().for_each(|one| each_object(one, edit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Renders resources of a store that is reachable at `base`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Renderer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) base: &'a str,
    pub(crate) truth: &'a Truth,
}

impl Renderer<'_> {
    pub(crate) fn location(&self, kind: Kind, id: &str) -> String {
        format!("{}/{}/{id}", self.base, kind.endpoint())
    }

    pub(crate) fn full(&self, record: &Record) -> Map<String, Value> {
        self.resource(record, &Projection::default())
    }

    pub(crate) fn resource(&self, record: &Record, projection: &Projection) -> Map<String, Value> {
        let kind = record.kind;
        let mut out = Map::new();
        out.insert("id".to_owned(), record.id.as_str().into());
        out.insert("schemas".to_owned(), schemas(record));
        out.insert("meta".to_owned(), self.meta(record));
        for (name, value) in &record.attrs {
            match kind.extension().filter(|extension| extension.urn == name) {
                None => projection.put(&mut out, None, name, value),
                Some(extension) => {
                    let mut inner = Map::new();
                    for (name, value) in value.as_object().into_iter().flatten() {
                        projection.put(&mut inner, Some(extension.urn), name, value);
                    }
                    if !inner.is_empty() {
                        out.insert(name.clone(), Value::Object(inner));
                    }
                }
            }
        }
        let computed = match kind {
            Kind::User => "groups",
            Kind::Group => "members",
        };
        if projection.wants(None, computed) {
            let hidden =
                kind == Kind::Group && self.truth.groups.members_shown == MembersShown::Never;
            let values = match kind {
                Kind::User if !self.truth.users.groups_shown => Vec::new(),
                Kind::User => self.groups(record),
                Kind::Group if hidden => Vec::new(),
                Kind::Group => self.members(record),
            };
            if !values.is_empty() || hidden {
                projection.put(&mut out, None, computed, &Value::Array(values));
            }
        }
        out
    }

    fn meta(&self, record: &Record) -> Value {
        let mut meta = json!({
            "resourceType": record.kind.name(),
            "created": record.created.to_string(),
            "lastModified": record.modified.to_string(),
            "location": self.location(record.kind, &record.id),
        });
        if self.truth.etags
            && let Some(meta) = meta.as_object_mut()
        {
            meta.insert("version".to_owned(), record.etag().into());
        }
        meta
    }

    fn groups(&self, user: &Record) -> Vec<Value> {
        self.store
            .groups_of(&user.id)
            .into_iter()
            .filter_map(|key| self.store.at(Kind::Group, key))
            .map(|group| {
                json!({
                    "value": group.id,
                    "$ref": self.location(Kind::Group, &group.id),
                    "display": group.label(),
                    "type": "direct",
                })
            })
            .collect()
    }

    fn members(&self, group: &Record) -> Vec<Value> {
        group.members.iter().map(|id| self.member(id)).collect()
    }

    /// A member that was deleted by hand, or never existed, has only its `value`.
    pub(crate) fn member(&self, id: &str) -> Value {
        match self.store.any(id) {
            None => json!({ "value": id }),
            Some(record) => json!({
                "value": id,
                "$ref": self.location(record.kind, id),
                "display": record.text("displayName").unwrap_or_else(|| record.label()),
                "type": record.kind.name(),
            }),
        }
    }
}

fn schemas(record: &Record) -> Value {
    let mut urns = vec![record.kind.core().urn];
    urns.extend(
        record
            .kind
            .extension()
            .map(|extension| extension.urn)
            .filter(|urn| record.attrs.contains_key(*urn)),
    );
    urns.into()
}

/// A record, for filters.
pub(crate) struct Seen<'a> {
    pub(crate) record: &'a Record,
    pub(crate) key: u64,
    pub(crate) renderer: Renderer<'a>,
}

impl Subject for Seen<'_> {
    fn value(&self, extension: Option<&str>, name: &str) -> Option<Cow<'_, Value>> {
        let record = self.record;
        if let Some(urn) = extension {
            return record.attrs.get(urn)?.get(name).map(Cow::Borrowed);
        }
        let list = |values: Vec<Value>| (!values.is_empty()).then(|| Cow::Owned(values.into()));
        match (record.kind, name) {
            (_, "id") => Some(Cow::Owned(record.id.as_str().into())),
            (_, "meta") => Some(Cow::Owned(self.renderer.meta(record))),
            (_, "schemas") => Some(Cow::Owned(schemas(record))),
            (Kind::User, "groups") => list(self.renderer.groups(record)),
            (Kind::Group, "members") => list(self.renderer.members(record)),
            _ => record.attrs.get(name).map(Cow::Borrowed),
        }
    }

    fn lists(&self, list: &str, id: &str) -> Option<bool> {
        match (self.record.kind, list) {
            (Kind::Group, "members") => Some(self.renderer.store.is_member(self.key, id)),
            (Kind::User, "groups") => {
                let group = self.renderer.store.key(Kind::Group, id);
                Some(group.is_some_and(|g| self.renderer.store.is_member(g, &self.record.id)))
            }
            _ => None,
        }
    }
}
