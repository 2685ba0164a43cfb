//! A fingerprint of what the target holds, that does not depend on ids, versions, times or the order of creation.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::schema::{ENTERPRISE_URN, Kind};
use crate::store::{Record, Store};

/// SHA-256 in hexadecimal.
pub(crate) fn digest(store: &Store) -> String {
    let mut lines: Vec<String> = [Kind::User, Kind::Group]
        .into_iter()
        .flat_map(|kind| {
            store
                .order(kind)
                .iter()
                .filter_map(move |key| store.at(kind, *key))
        })
        .map(|record| line(store, record))
        .collect();
    lines.sort_unstable();
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    hex::encode(hash.finalize())
}

fn line(store: &Store, record: &Record) -> String {
    let mut attrs: Map<String, Value> = record.attrs.clone();
    if let Some(manager) = attrs
        .get_mut(ENTERPRISE_URN)
        .and_then(|extension| extension.get_mut("manager"))
        .and_then(Value::as_object_mut)
        && let Some(id) = manager
            .get("value")
            .and_then(Value::as_str)
            .map(str::to_owned)
    {
        manager.insert("value".to_owned(), name(store, &id).into());
        manager.remove("$ref");
    }
    let mut members: Vec<String> = record.members.iter().map(|id| name(store, id)).collect();
    members.sort_unstable();
    json!([record.kind.name(), attrs, members]).to_string()
}

/// What people call the resource; a dangling id stays an id.
fn name(store: &Store, id: &str) -> String {
    store.any(id).map_or_else(
        || format!("?{id}"),
        |record| format!("{}:{}", record.kind, record.label().to_lowercase()),
    )
}
