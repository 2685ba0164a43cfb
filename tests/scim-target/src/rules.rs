//! What a dialect demands of users and groups beyond the schema, and what it makes of them.

use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::members::Edit;
use crate::schema::Kind;
use crate::store::Store;
use crate::truth::{
    Conflict, ExactlyOne, Fold, GroupTruth, Put, PutWithoutActive, UnknownMembers, UserTruth,
};

/// Refuses a body that names attributes which the target does not take, whether or not they would be stored.
pub(crate) fn refuse_named(truth: &UserTruth, body: &Value) -> Result<(), ScimError> {
    let named = |name: &&&str| {
        body.as_object()
            .is_some_and(|body| body.keys().any(|key| key.eq_ignore_ascii_case(name)))
    };
    match truth.refused.iter().find(named) {
        Some(name) => Err(unsupported(name)),
        None => Ok(()),
    }
}

fn unsupported(name: &str) -> ScimError {
    ScimError::value(format!("`{name}` is not supported"))
}

/// Refuses what a write makes of a user. What was there before the write is no fault of it.
pub(crate) fn refuse(
    truth: &UserTruth,
    before: Option<&Map<String, Value>>,
    after: &Map<String, Value>,
) -> Result<(), ScimError> {
    let changed = |name: &str| before.is_none_or(|before| before.get(name) != after.get(name));
    for name in truth.refused {
        if after.contains_key(*name) && changed(name) {
            return Err(unsupported(name));
        }
    }
    for name in truth.single_valued {
        let several = list(after, name).len() > 1;
        if several && changed(name) {
            return Err(ScimError::value(format!("`{name}` takes one value")));
        }
    }
    for path in truth.required {
        let had = before.is_none_or(|before| has(before, path));
        if had && !has(after, path) {
            return Err(missing(truth, path));
        }
    }
    if let Some(rule) = truth.exactly_one
        && changed(rule.attribute)
        && count(after, rule) != 1
    {
        return Err(missing(truth, rule.attribute));
    }
    if changed("userName") {
        refuse_name(truth, after)?;
    }
    Ok(())
}

fn refuse_name(truth: &UserTruth, attrs: &Map<String, Value>) -> Result<(), ScimError> {
    let name = attrs
        .get("userName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if let Some(max) = truth.name.max_length
        && name.chars().count() > max
    {
        return Err(ScimError::value(format!(
            "`userName` has more than {max} characters"
        )));
    }
    let email = name
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
    if truth.name.email && !email {
        return Err(ScimError::value("`userName` must be an e-mail address"));
    }
    Ok(())
}

fn list<'a>(attrs: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    attrs
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn count(attrs: &Map<String, Value>, rule: ExactlyOne) -> usize {
    list(attrs, rule.attribute)
        .iter()
        .filter_map(|one| one.get("value").and_then(Value::as_str))
        .filter(|value| value.starts_with(rule.prefix))
        .count()
}

fn has(attrs: &Map<String, Value>, path: &str) -> bool {
    let found = match path.split_once('.') {
        None => attrs.get(path),
        Some((name, sub)) => attrs.get(name).and_then(|value| value.get(sub)),
    };
    found.is_some_and(|value| value.as_str() != Some(""))
}

fn missing(truth: &UserTruth, path: &str) -> ScimError {
    let detail = format!("REQUIRED_FIELD_MISSING: required fields are missing: [{path}]");
    match truth.required_status {
        400 => ScimError::value(detail),
        status => ScimError::new(status, detail),
    }
}

/// What PUT makes of the attributes that the body does not mention.
pub(crate) fn put(
    truth: &UserTruth,
    body: &Value,
    before: Map<String, Value>,
    after: &mut Map<String, Value>,
) {
    let says_active = body
        .as_object()
        .is_some_and(|body| body.keys().any(|name| name.eq_ignore_ascii_case("active")));
    let was_active = before.get("active").cloned().unwrap_or(Value::Bool(true));
    if truth.put == Put::Keeps {
        for (name, value) in before {
            after.entry(name).or_insert(value);
        }
    }
    if !says_active {
        let active = match truth.put_without_active {
            PutWithoutActive::Activates => Value::Bool(true),
            PutWithoutActive::Keeps => was_active,
            PutWithoutActive::Suspends => Value::Bool(false),
        };
        after.insert("active".to_owned(), active);
    }
}

/// How the target stores a `userName`.
pub(crate) fn fold(truth: &UserTruth, attrs: &mut Map<String, Value>) {
    if let Some(Value::String(name)) = attrs.get_mut("userName") {
        match truth.name.fold {
            Fold::Kept => {}
            Fold::Lower => *name = name.to_lowercase(),
            Fold::Upper => *name = name.to_uppercase(),
        }
    }
}

/// How the target says that a value is taken.
pub(crate) fn conflict(kind: Kind, truth: &UserTruth, error: ScimError) -> ScimError {
    if kind == Kind::Group || error.scim_type != Some("uniqueness") {
        return error;
    }
    match truth.conflict {
        Conflict::Uniqueness => error,
        Conflict::Plain => ScimError::new(409, error.detail),
        Conflict::BadRequest => ScimError::value(error.detail),
    }
}

/// The edits that the target makes of the members that a write names.
pub(crate) fn edits(truth: &GroupTruth, store: &Store, asked: Vec<Edit>) -> Vec<Edit> {
    let keep = |edit: Edit| match edit {
        Edit::Put(id)
            if truth.unknown_members == UnknownMembers::Dropped && store.any(&id).is_none() =>
        {
            Vec::new()
        }
        Edit::Put(id) => match store.get(Kind::Group, &id) {
            Some(group) if truth.flattened => group
                .members
                .iter()
                .map(|id| Edit::Put(id.to_owned()))
                .collect(),
            Some(_) | None => vec![Edit::Put(id)],
        },
        Edit::Clear | Edit::Drop(_) => vec![edit],
    };
    asked.into_iter().flat_map(keep).collect()
}
