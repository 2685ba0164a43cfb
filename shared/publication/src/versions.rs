//! Versions and the pointer, as objects.

use bytes::Bytes;
use domain::Hash;
use jiff::Timestamp;
use policy::Loaded;
use ports::objects::{Put, Swap, Tag};
use ports::{Fault, Objects};
use serde::{Deserialize, Serialize};

use crate::published::TRIED;

/// The key of the pointer.
const ACTIVE: &str = "policy/active.json";

/// How many earlier versions the pointer remembers.
const REMEMBERED: usize = 100;

/// The files of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version, 1.
    pub v: u8,
    /// What the version is called.
    pub version: Hash,
    /// When it was published first.
    pub published_at: Timestamp,
    /// Names of its files, in order.
    pub files: Vec<Box<str>>,
}

/// Which version is active, and which were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// Format version, 1.
    pub v: u8,
    /// Counts the flips, so that no two pointers are equal.
    pub serial: u64,
    /// The active one.
    pub version: Hash,
    /// Since when.
    pub since: Timestamp,
    /// The comparison that it was published with, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<Hash>,
    /// Those before, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Earlier>,
}

/// A version that was active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Which.
    pub version: Hash,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Why published policy cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PublicationError {
    /// The objects.
    #[error("the objects cannot be read or written")]
    Objects(#[from] Fault),
    /// A file of ours is not as we wrote it.
    #[error("`{0}` is damaged: {1}; publish the version again, or roll back to another")]
    Damaged(String, &'static str),
    /// No version of that name.
    #[error("no version `{0}` is published; `lanyard policy list` shows those that are")]
    Unknown(String),
    /// A prefix of several versions.
    #[error("`{0}` begins the names of {1} published versions; give more digits")]
    Unclear(String, usize),
    /// A name that no object can have.
    #[error(
        "the policy file `{0}` cannot be published; use ASCII letters, digits and `-_.` in its name"
    )]
    Name(String),
    /// Somebody else flipped the pointer.
    #[error("another version was made active meanwhile; compare with that one and publish again")]
    Moved,
    /// No version is active.
    #[error("no policy is published; publish one with `lanyard publish`")]
    Nothing,
    /// A version that nothing can work under.
    #[error("nothing can work under version `{0}`")]
    Unusable(String, #[source] Fault),
    /// Nothing to go back to.
    #[error("no other version was ever active")]
    NothingBefore,
}

/// Stores a version: its files, then its manifest. Doing it again changes nothing.
pub async fn store<O: Objects>(
    objects: &O,
    version: Hash,
    files: &[(String, String)],
    at: Timestamp,
) -> Result<(), PublicationError> {
    for (name, text) in files {
        let key = format!("policy/{version}/{name}");
        if ports::objects::check_key(&key).is_err() || name.contains('/') {
            return Err(PublicationError::Name(name.clone()));
        }
        let body = Bytes::from(text.clone().into_bytes());
        if objects.put_new(&key, body.clone()).await? == Put::Exists
            && objects.get(&key).await?.as_ref() != Some(&body)
        {
            // Half a version of an interrupted publication, or one that was changed by hand.
            objects.put(&key, body).await?;
        }
    }
    let manifest = Manifest {
        v: 1,
        version,
        published_at: at,
        files: files.iter().map(|(name, _)| name.as_str().into()).collect(),
    };
    let key = format!("policy/{version}/manifest.json");
    objects.put_new(&key, json(&manifest)).await?;
    Ok(())
}

/// Every whole version, by name.
pub async fn versions<O: Objects>(objects: &O) -> Result<Vec<Manifest>, PublicationError> {
    let keys = objects.list("policy/").await?;
    let mut found = Vec::new();
    for key in keys.iter().filter(|key| key.ends_with("/manifest.json")) {
        found.extend(read::<Manifest, O>(objects, key).await?);
    }
    Ok(found)
}

/// The version that a name or the beginning of one means.
pub async fn resolve<O: Objects>(objects: &O, name: &str) -> Result<Hash, PublicationError> {
    let known = versions(objects).await?;
    let mut found = known
        .iter()
        .map(|manifest| manifest.version)
        .filter(|version| name.len() >= 4 && version.to_string().starts_with(name));
    match (found.next(), found.count()) {
        (Some(version), 0) => Ok(version),
        (Some(_), more) => Err(PublicationError::Unclear(name.to_owned(), more + 1)),
        (None, _) => Err(PublicationError::Unknown(name.to_owned())),
    }
}

/// The files of a version, with names, as they were published.
pub async fn files<O: Objects>(
    objects: &O,
    version: Hash,
) -> Result<Vec<(String, String)>, PublicationError> {
    let key = format!("policy/{version}/manifest.json");
    let manifest: Manifest = read(objects, &key)
        .await?
        .ok_or_else(|| PublicationError::Unknown(version.short()))?;
    // All at once: a function that starts waits for one answer, not for one a file.
    let files = manifest.files.into_iter().map(|name| async move {
        let key = format!("policy/{version}/{name}");
        let body = objects.get(&key).await?;
        let text = body.and_then(|body| String::from_utf8(body.to_vec()).ok());
        let text = text.ok_or(PublicationError::Damaged(key, "it is missing or no text"))?;
        Ok((name.into(), text))
    });
    futures::future::try_join_all(files).await
}

/// A version as policy.
pub async fn load<O: Objects>(objects: &O, version: Hash) -> Result<Loaded, PublicationError> {
    let damaged = |why| PublicationError::Damaged(format!("policy/{version}/"), why);
    let loaded = policy::load_files(files(objects, version).await?)
        .map_err(|_| damaged("it does not hold together; this program may be older than it"))?;
    if loaded.policy.version != version {
        return Err(damaged("its content has another hash"));
    }
    Ok(loaded)
}

/// The active version as policy; where it is damaged, the latest before it that is whole, as whoever works
/// takes it ([`crate::Published`]).
pub async fn load_whole<O: Objects>(
    objects: &O,
    active: &Active,
) -> Result<Loaded, PublicationError> {
    let error = match load(objects, active.version).await {
        Ok(loaded) => return Ok(loaded),
        Err(error @ PublicationError::Objects(_)) => return Err(error),
        Err(error) => error,
    };
    for earlier in active.before.iter().take(TRIED) {
        match load(objects, earlier.version).await {
            Ok(loaded) => return Ok(loaded),
            Err(error @ PublicationError::Objects(_)) => return Err(error),
            Err(_) => {}
        }
    }
    Err(error)
}

/// The pointer with its tag, if anything was ever published.
pub async fn active<O: Objects>(objects: &O) -> Result<Option<(Active, Tag)>, PublicationError> {
    let Some((body, tag)) = objects.get_tagged(ACTIVE).await? else {
        return Ok(None);
    };
    let active = serde_json::from_slice(&body)
        .map_err(|_| PublicationError::Damaged(ACTIVE.to_owned(), "it does not read back"))?;
    Ok(Some((active, tag)))
}

/// Makes a stored version the active one, if the pointer is still the one that was read.
pub async fn flip<O: Objects>(
    objects: &O,
    was: Option<&(Active, Tag)>,
    version: Hash,
    diff: Option<Hash>,
    at: Timestamp,
) -> Result<Active, PublicationError> {
    let next = match was {
        None => Active {
            v: 1,
            serial: 1,
            version,
            since: at,
            diff,
            before: Vec::new(),
        },
        Some((was, _)) => {
            let mut before = vec![Earlier {
                version: was.version,
                since: was.since,
                until: at,
            }];
            before.extend(was.before.iter().take(REMEMBERED - 1).cloned());
            Active {
                v: 1,
                serial: was.serial + 1,
                version,
                since: at,
                diff,
                before,
            }
        }
    };
    let done = match was {
        None => objects.put_new(ACTIVE, json(&next)).await? == Put::Written,
        Some((_, tag)) => objects.swap(ACTIVE, tag, json(&next)).await? == Swap::Written,
    };
    if done {
        Ok(next)
    } else {
        Err(PublicationError::Moved)
    }
}

/// The version to go back to: the named one, or the latest other one that was active.
pub async fn earlier<O: Objects>(
    objects: &O,
    active: &Active,
    name: Option<&str>,
) -> Result<Hash, PublicationError> {
    if let Some(name) = name {
        return resolve(objects, name).await;
    }
    let mut before = active.before.iter().map(|earlier| earlier.version);
    before
        .find(|version| *version != active.version)
        .ok_or(PublicationError::NothingBefore)
}

/// Saves something under the hash of its content; returns the hash.
pub async fn save_diff<O: Objects>(
    objects: &O,
    saved: &impl Serialize,
) -> Result<Hash, PublicationError> {
    let body = json(saved);
    let hash = Hash::of(&body);
    objects.put_new(&diff_key(hash), body).await?;
    Ok(hash)
}

/// What was saved under a hash, if its content still has it.
pub async fn saved_diff<T: serde::de::DeserializeOwned, O: Objects>(
    objects: &O,
    hash: Hash,
) -> Result<Option<T>, PublicationError> {
    let key = diff_key(hash);
    let Some(body) = objects.get(&key).await? else {
        return Ok(None);
    };
    if Hash::of(&body) != hash {
        return Err(PublicationError::Damaged(
            key,
            "its content has another hash",
        ));
    }
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|_| PublicationError::Damaged(key, "it does not read back"))
}

fn diff_key(hash: Hash) -> String {
    format!("policy/diffs/{hash}.json")
}

async fn read<T: serde::de::DeserializeOwned, O: Objects>(
    objects: &O,
    key: &str,
) -> Result<Option<T>, PublicationError> {
    let Some(body) = objects.get(key).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|_| PublicationError::Damaged(key.to_owned(), "it does not read back"))
}

/// The types of this module always serialise; an empty body would be refused by its reader.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}
