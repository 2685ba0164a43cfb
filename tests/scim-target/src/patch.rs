//! PATCH (RFC 7644 section 3.5.2): operations are applied to a draft, in order, and all or none take effect.

use scim_v2::filter::{AttrPath, PatchPath};
use serde_json::{Map, Value};

use crate::accept::{coerce, coerce_one, is_primary, object};
use crate::error::ScimError;
use crate::faults::Quirks;
use crate::filter::{Expr, compile_values};
use crate::members::{Draft, Edit};
use crate::patch_members;
use crate::patch_values;
use crate::render::Renderer;
use crate::schema::{Attr, Kind, Located, Schema, Type, locate};
use crate::store::Record;

const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Replace,
    Remove,
}

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) verb: Verb,
    pub(crate) path: Option<String>,
    pub(crate) value: Option<Value>,
}

/// Where an operation applies.
#[derive(Debug)]
pub(crate) enum Place {
    /// All attributes of the core schema, or of an extension.
    Schema(&'static Schema),
    Attribute(Located),
    /// The elements of a multi-valued attribute that pass, or one sub-attribute of each.
    Values {
        at: Located,
        filter: Expr,
        text: scim_v2::filter::ValFilter,
    },
}

/// The resource as it will be.
#[derive(Debug)]
pub(crate) struct Patched {
    pub(crate) attrs: Map<String, Value>,
    pub(crate) edits: Vec<Edit>,
}

/// Reads the body of a PATCH.
pub(crate) fn operations(body: &Value) -> Result<Vec<Operation>, ScimError> {
    let body = object(body, "the body")?;
    let listed = field(body, "schemas")
        .and_then(Value::as_array)
        .is_some_and(|urns| {
            urns.iter()
                .filter_map(Value::as_str)
                .any(|urn| urn.eq_ignore_ascii_case(PATCH_SCHEMA))
        });
    if !listed {
        return Err(ScimError::syntax(format!(
            "`schemas` must list `{PATCH_SCHEMA}`"
        )));
    }
    let operations = field(body, "Operations")
        .and_then(Value::as_array)
        .filter(|operations| !operations.is_empty())
        .ok_or_else(|| ScimError::syntax("`Operations` must be a list that is not empty"))?;
    operations.iter().map(operation).collect()
}

fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn operation(value: &Value) -> Result<Operation, ScimError> {
    let given = object(value, "an operation")?;
    let name = field(given, "op")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let verb = match name.to_ascii_lowercase().as_str() {
        "add" => Verb::Add,
        "replace" => Verb::Replace,
        "remove" => Verb::Remove,
        _ => {
            return Err(ScimError::syntax(format!(
                "`op` must be add, replace or remove, not `{name}`"
            )));
        }
    };
    let path = match field(given, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(path.clone()),
        Some(other) => {
            return Err(ScimError::bad(
                "invalidPath",
                format!("`{other}` is no path"),
            ));
        }
    };
    Ok(Operation {
        verb,
        path,
        value: field(given, "value").cloned(),
    })
}

/// Applies `operations` to a copy of `record`.
pub(crate) fn apply(
    record: &Record,
    operations: &[Operation],
    renderer: Renderer<'_>,
    quirks: Quirks<'_>,
) -> Result<Patched, ScimError> {
    let mut draft = Drafting {
        kind: record.kind,
        attrs: record.attrs.clone(),
        members: Draft::new(&record.members),
        named_members: 0,
        pathless: false,
        renderer,
        quirks,
    };
    for operation in operations {
        draft.pathless = operation.path.is_none();
        draft.refuse_form(operation)?;
        draft.apply(operation)?;
    }
    draft.refuse_many()?;
    Ok(Patched {
        attrs: draft.attrs,
        edits: draft.members.edits,
    })
}

pub(crate) struct Drafting<'a> {
    pub(crate) kind: Kind,
    pub(crate) attrs: Map<String, Value>,
    pub(crate) members: Draft<'a>,
    /// Members that the operations name, for the limit of changes.
    pub(crate) named_members: usize,
    /// Whether the operation under way has no path.
    pub(crate) pathless: bool,
    pub(crate) renderer: Renderer<'a>,
    pub(crate) quirks: Quirks<'a>,
}

impl Drafting<'_> {
    fn apply(&mut self, operation: &Operation) -> Result<(), ScimError> {
        match &operation.path {
            Some(path) => {
                let place = place(self.kind, path)?;
                self.at(operation.verb, path, &place, operation.value.as_ref())
            }
            None if operation.verb == Verb::Remove => Err(ScimError::no_target("")),
            None => self.each(operation.verb, self.kind.core(), operation.value.as_ref()),
        }
    }

    /// The keys of `value` are paths, relative to `schema`.
    fn each(
        &mut self,
        verb: Verb,
        schema: &'static Schema,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let Some(Value::Object(given)) = value else {
            return Err(ScimError::value(
                "without a path, `value` must be an object",
            ));
        };
        for (name, value) in given {
            if name.eq_ignore_ascii_case("schemas") {
                continue;
            }
            let path = if schema.urn == self.kind.core().urn {
                name.clone()
            } else {
                format!("{}:{name}", schema.urn)
            };
            let place = place(self.kind, &path)?;
            self.at(verb, &path, &place, Some(value))?;
        }
        Ok(())
    }

    fn at(
        &mut self,
        verb: Verb,
        path: &str,
        place: &Place,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        if verb != Verb::Remove && value.is_none() {
            return Err(ScimError::value(format!("`{path}` needs a value")));
        }
        match place {
            Place::Schema(schema) => match verb {
                Verb::Add | Verb::Replace => self.each(verb, schema, value),
                Verb::Remove if schema.urn == self.kind.core().urn => {
                    Err(ScimError::no_target(path))
                }
                Verb::Remove => {
                    self.attrs.remove(schema.urn);
                    Ok(())
                }
            },
            Place::Attribute(at) | Place::Values { at, .. } => {
                let leaf = at.sub.unwrap_or(at.attr);
                if at.attr.read_only() || leaf.read_only() {
                    return Err(ScimError::mutability(path));
                }
                if self.kind == Kind::Group && at.attr.name == "members" {
                    return patch_members::apply(self, verb, path, place, value);
                }
                if !self.understands(at.attr.name, path)? {
                    return Ok(());
                }
                if verb == Verb::Remove && leaf.required {
                    return Err(ScimError::mutability(path));
                }
                let mut holder = self.take_holder(at);
                let done = match place {
                    Place::Values { filter, text, .. } => {
                        let target = patch_values::Target {
                            at,
                            filter,
                            text,
                            path,
                        };
                        patch_values::apply(&mut holder, verb, &target, value)
                    }
                    Place::Attribute(_) | Place::Schema(_) => {
                        attribute(&mut holder, verb, path, at, value)
                    }
                };
                self.put_holder(at, holder);
                done
            }
        }
    }

    /// The object that holds the attribute: the resource itself, or its extension.
    fn take_holder(&mut self, at: &Located) -> Map<String, Value> {
        match at.extension {
            None => std::mem::take(&mut self.attrs),
            Some(urn) => match self.attrs.remove(urn) {
                Some(Value::Object(holder)) => holder,
                _ => Map::new(),
            },
        }
    }

    fn put_holder(&mut self, at: &Located, holder: Map<String, Value>) {
        match at.extension {
            None => self.attrs = holder,
            Some(_) if holder.is_empty() => {}
            Some(urn) => {
                self.attrs.insert(urn.to_owned(), Value::Object(holder));
            }
        }
    }
}

pub(crate) fn place(kind: Kind, path: &str) -> Result<Place, ScimError> {
    if let Some(schema) = [Some(kind.core()), kind.extension()]
        .into_iter()
        .flatten()
        .find(|schema| schema.urn.eq_ignore_ascii_case(path))
    {
        return Ok(Place::Schema(schema));
    }
    let invalid = |why: &str| ScimError::bad("invalidPath", format!("`{path}`: {why}"));
    let find = |named: &AttrPath| {
        locate(kind, named).ok_or_else(|| invalid("the schema has no such attribute"))
    };
    match path
        .parse::<PatchPath>()
        .map_err(|e| invalid(&e.to_string()))?
    {
        PatchPath::Attr(named) => Ok(Place::Attribute(find(&named)?)),
        PatchPath::Value(values) => {
            let mut at = find(&values.attr)?;
            if at.sub.is_some() || !at.attr.multi || at.attr.ty != Type::Complex {
                return Err(invalid("a value filter is for multi-valued attributes"));
            }
            if let Some(name) = &values.sub_attr {
                at.sub = Some(
                    at.attr
                        .sub(name)
                        .ok_or_else(|| invalid("no such sub-attribute"))?,
                );
            }
            let filter = compile_values(at.attr, &values.filter)?;
            Ok(Place::Values {
                at,
                filter,
                text: values.filter,
            })
        }
    }
}

/// An operation on an attribute, or on one sub-attribute, without a value filter.
fn attribute(
    holder: &mut Map<String, Value>,
    verb: Verb,
    path: &str,
    at: &Located,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    let attr = at.attr;
    match (verb, at.sub, attr.multi) {
        (Verb::Remove, None, _) => {
            if value.is_some_and(|value| !value.is_null()) {
                return Err(ScimError::syntax(format!(
                    "removing `{path}` takes no value"
                )));
            }
            holder.remove(attr.name);
            Ok(())
        }
        (_, Some(sub), false) => {
            let mut inner = match holder.remove(attr.name) {
                Some(Value::Object(inner)) => inner,
                _ => Map::new(),
            };
            let done = set(&mut inner, sub, value.filter(|_| verb != Verb::Remove));
            if !inner.is_empty() {
                holder.insert(attr.name.to_owned(), Value::Object(inner));
            }
            done
        }
        (_, Some(sub), true) => {
            let Some(Value::Array(values)) = holder.get_mut(attr.name) else {
                return if verb == Verb::Remove {
                    Ok(())
                } else {
                    Err(ScimError::no_target(path))
                };
            };
            for inner in values.iter_mut().filter_map(Value::as_object_mut) {
                set(inner, sub, value.filter(|_| verb != Verb::Remove))?;
            }
            Ok(())
        }
        (Verb::Add, None, true) => {
            let given = match value {
                Some(Value::Array(given)) => given.clone(),
                Some(one) => vec![one.clone()],
                None => Vec::new(),
            };
            for one in given {
                if let Some(one) = coerce_one(attr, &one)? {
                    append(holder, attr, one);
                }
            }
            Ok(())
        }
        (Verb::Replace, None, true) => set(holder, attr, value),
        (Verb::Add | Verb::Replace, None, false) if attr.ty == Type::Complex => {
            let Some(given) = value.filter(|value| !value.is_null()) else {
                holder.remove(attr.name);
                return Ok(());
            };
            let given = coerce_one(attr, given)?;
            merge(holder, attr, given);
            Ok(())
        }
        (Verb::Add | Verb::Replace, None, false) => {
            if attr.required && value.is_none_or(Value::is_null) {
                return Err(ScimError::mutability(path));
            }
            set(holder, attr, value)
        }
    }
}

fn set(
    holder: &mut Map<String, Value>,
    attr: &'static Attr,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    match value
        .map(|value| coerce(attr, value))
        .transpose()?
        .flatten()
    {
        Some(value) => holder.insert(attr.name.to_owned(), value),
        None => holder.remove(attr.name),
    };
    Ok(())
}

/// Sub-attributes that are not given stay (RFC 7644 section 3.5.2.3).
fn merge(holder: &mut Map<String, Value>, attr: &Attr, given: Option<Value>) {
    let Some(Value::Object(given)) = given else {
        return;
    };
    match holder.get_mut(attr.name) {
        Some(Value::Object(inner)) => inner.extend(given),
        _ => {
            holder.insert(attr.name.to_owned(), Value::Object(given));
        }
    }
}

/// Adds one value, unless it is there; a new primary takes over (RFC 7644 section 3.5.2).
pub(crate) fn append(holder: &mut Map<String, Value>, attr: &Attr, one: Value) {
    let entry = holder
        .entry(attr.name)
        .or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(values) = entry else { return };
    if values.contains(&one) {
        return;
    }
    if is_primary(&one) {
        for other in values.iter_mut().filter(|value| is_primary(value)) {
            if let Some(other) = other.as_object_mut() {
                other.insert("primary".to_owned(), Value::Bool(false));
            }
        }
    }
    values.push(one);
}
