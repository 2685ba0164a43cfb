//! Objects as files of a folder.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::objects::{Locate, Put, Swap, Tag, check_key};
use crate::{Fault, Objects};

/// Where a body lies until it is whole: below the root, so that a link or a rename from there is
/// atomic, and under a name that no key can have.
const UNFINISHED: &str = ".unfinished";

/// Locked by whoever writes under a name that may exist, so that nothing comes between the look
/// and the write of a [`Objects::swap`], whatever process it is in.
const LOCK: &str = ".lock";

/// Objects in a folder: a key is a path below it. A reader sees a whole object or none, also
/// after the process ended in the middle of a write.
#[derive(Clone, Debug)]
pub struct FolderObjects(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    root: PathBuf,
    /// Tells unfinished files of this process apart.
    count: AtomicU64,
}

impl FolderObjects {
    /// Takes a folder, which is made if need be. What earlier processes left unfinished goes.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        let unfinished = root.join(UNFINISHED);
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished)?;
        }
        Self::share(root)
    }

    /// Takes a folder that another process may be writing to, and leaves its unfinished files
    /// alone.
    pub fn share(root: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(root.join(UNFINISHED))?;
        Ok(Self(Arc::new(Folder {
            root: root.to_owned(),
            count: AtomicU64::new(0),
        })))
    }

    /// The file of a key, for a human who wants to open it.
    pub fn path(&self, key: &str) -> Result<PathBuf, Fault> {
        check_key(key)?;
        Ok(self.0.root.join(key))
    }

    async fn on<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Folder) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let folder = Arc::clone(&self.0);
        let acted = tokio::task::spawn_blocking(move || act(&folder)).await;
        acted
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| {
                let lasting = matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied
                        | ErrorKind::NotADirectory
                        | ErrorKind::IsADirectory
                        | ErrorKind::ReadOnlyFilesystem
                );
                if lasting {
                    return Fault::halt(format!("the objects' folder is not usable: {error}"));
                }
                Fault::retry(format!(
                    "the objects' folder was not read or written: {error}"
                ))
            })
    }
}

impl Folder {
    /// Writes the body somewhere else first and lets `publish` give it its name.
    fn write<T>(
        &self,
        path: &Path,
        body: &[u8],
        publish: impl FnOnce(&Path) -> std::io::Result<T>,
    ) -> std::io::Result<T> {
        let parent = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(parent)?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        let unfinished = self.root.join(UNFINISHED).join(name);
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(body)?;
        file.sync_all()?;
        let published = publish(&unfinished);
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let published = published?;
        // The new name, and the new folders on the way to it.
        for folder in path.ancestors().skip(1) {
            std::fs::File::open(folder)?.sync_all()?;
            if folder == self.root {
                break;
            }
        }
        Ok(published)
    }

    /// Locks out every other writer over existing names, until the file is dropped.
    fn lock(&self) -> std::io::Result<std::fs::File> {
        let lock = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.root.join(LOCK))?;
        lock.lock()?;
        Ok(lock)
    }

    fn read(path: &Path) -> std::io::Result<Option<Bytes>> {
        match std::fs::read(path) {
            Ok(body) => Ok(Some(body.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(below: &Path, key: &str, keys: &mut Vec<String>) -> std::io::Result<()> {
        for entry in std::fs::read_dir(below)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if key.is_empty() && (name == UNFINISHED || name == LOCK) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                Self::list(&entry.path(), &format!("{key}{name}/"), keys)?;
            } else {
                keys.push(format!("{key}{name}"));
            }
        }
        Ok(())
    }
}

/// The tag of a body.
fn tag(body: &Bytes) -> Tag {
    Tag(domain::Hash::of(body).to_string().into())
}

impl Locate for FolderObjects {
    async fn locate(&self, key: &str) -> Result<String, Fault> {
        Ok(self.path(key)?.display().to_string())
    }
}

impl Objects for FolderObjects {
    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        let path = self.path(key)?;
        self.on(move |folder| {
            // A hard link fails where the name exists, whoever else is writing; a rename would
            // replace it.
            folder.write(&path, &body, |unfinished| {
                match std::fs::hard_link(unfinished, &path) {
                    Ok(()) => Ok(Put::Written),
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Put::Exists),
                    Err(error) => Err(error),
                }
            })
        })
        .await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        let path = self.path(key)?;
        self.on(move |folder| {
            let _lock = folder.lock()?;
            folder.write(&path, &body, |unfinished| {
                std::fs::rename(unfinished, &path)
            })
        })
        .await
    }

    async fn swap(&self, key: &str, was: &Tag, body: Bytes) -> Result<Swap, Fault> {
        let (path, was) = (self.path(key)?, was.clone());
        self.on(move |folder| {
            let _lock = folder.lock()?;
            match Folder::read(&path)? {
                Some(there) if tag(&there) == was => {}
                Some(_) | None => return Ok(Swap::Moved),
            }
            folder.write(&path, &body, |unfinished| {
                std::fs::rename(unfinished, &path)
            })?;
            Ok(Swap::Written)
        })
        .await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        let path = self.path(key)?;
        self.on(move |_| Folder::read(&path)).await
    }

    async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        let body = self.get(key).await?;
        Ok(body.map(|body| {
            let tag = tag(&body);
            (body, tag)
        }))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        let prefix = prefix.to_owned();
        self.on(move |folder| {
            let mut keys = Vec::new();
            Folder::list(&folder.root, "", &mut keys)?;
            keys.retain(|key| key.starts_with(&prefix));
            keys.sort();
            Ok(keys)
        })
        .await
    }
}
