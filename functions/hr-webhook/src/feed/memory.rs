//! The last accepted feed, as an object.

use bytes::Bytes;
use domain::SourceId;
use domain::feed::Accepted;
use ports::{Fault, Objects};

/// Where the last accepted feed of a source is remembered.
pub fn key(source: &SourceId) -> String {
    format!("feeds/v1/{source}/accepted.json")
}

/// The last accepted feed, if there was one. One that cannot be read is an error: without it
/// every limit would be measured against nothing.
pub(super) async fn load<O: Objects>(
    objects: &O,
    source: &SourceId,
) -> Result<Option<Accepted>, Fault> {
    let Some(body) = objects.get(&key(source)).await? else {
        return Ok(None);
    };
    match serde_json::from_slice(&body) {
        Ok(accepted) => Ok(Some(accepted)),
        Err(_) => Err(Fault::halt(format!(
            "the object `{}` is not the memory of a feed: restore it, or remove it to begin anew",
            key(source)
        ))),
    }
}

pub(super) async fn save<O: Objects>(
    objects: &O,
    source: &SourceId,
    accepted: &Accepted,
) -> Result<(), Fault> {
    let body = serde_json::to_vec(accepted)
        .map_err(|_| Fault::reject("the memory of a feed cannot be written"))?;
    objects.put(&key(source), Bytes::from(body)).await
}
