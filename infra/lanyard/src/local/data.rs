//! The data folder of a stack on one machine.
//!
//! | file | holds |
//! |---|---|
//! | `table.sqlite` | the table |
//! | `lanes/` | the queues |
//! | `objects/` | the reports, below `objects/reports/v1/`, and published policy, below `objects/policy/` |
//! | `salt` | the secret from which worker records get their opaque names; never changes |
//! | `stack.json` | which policy, so that other commands find it |
//! | `control.json` | where a running stack listens, and the token for its control routes |

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use domain::Hash;
use hr_webhook::Salt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Random bytes of a salt or a token.
const RANDOM_BYTES: usize = 32;

/// A data folder.
#[derive(Clone, Debug)]
pub struct DataFolder(PathBuf);

/// Which policy a stack runs under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// Folder of the policy; without one, the published version.
    #[serde(default)]
    pub policy: Option<PathBuf>,
    /// The version of that folder at the last start; its files may have changed since.
    #[serde(default)]
    pub version: Option<Hash>,
    /// Folder of the secrets, if there is one.
    pub secrets: Option<PathBuf>,
    /// Whether targets may have private addresses.
    pub private_network: bool,
}

/// Where a running stack listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Its base URL.
    pub url: String,
    /// Bearer token of its control routes.
    pub token: String,
}

impl DataFolder {
    /// A folder, which is made if need be.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path.to_path_buf()))
    }

    /// A folder that a stack has used before.
    pub fn existing(path: &Path) -> anyhow::Result<Self> {
        let folder = Self(path.to_path_buf());
        ensure!(
            folder.file("stack.json").exists(),
            "{} is not the data folder of a stack: it has no stack.json",
            path.display()
        );
        Ok(folder)
    }

    /// A folder as it is.
    pub fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// The table's file.
    pub fn table(&self) -> PathBuf {
        self.file("table.sqlite")
    }

    /// The queues' folder.
    pub fn lanes(&self) -> PathBuf {
        self.file("lanes")
    }

    /// The objects' folder.
    pub fn objects(&self) -> PathBuf {
        self.file("objects")
    }

    /// The salt, made on first use.
    pub fn salt(&self) -> anyhow::Result<Salt> {
        let path = self.file("salt");
        if !path.exists() {
            write_private(&path, &random()?)?;
        }
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            text.len() == 2 * RANDOM_BYTES,
            "{} is not a salt: it should have {} hex digits",
            path.display(),
            2 * RANDOM_BYTES
        );
        Salt::new(&text).context("the salt cannot be used")
    }

    /// Remembers which policy the stack runs under.
    pub fn describe(&self, described: &Described) -> anyhow::Result<()> {
        write_private(
            &self.file("stack.json"),
            &serde_json::to_vec_pretty(described)?,
        )
    }

    /// Which policy the stack runs under.
    pub fn described(&self) -> anyhow::Result<Described> {
        self.read("stack.json")
    }

    /// Says where the stack listens, with a fresh token.
    pub fn open_control(&self, url: String) -> anyhow::Result<Control> {
        let token = String::from_utf8(random()?)?;
        let control = Control { url, token };
        write_private(
            &self.file("control.json"),
            &serde_json::to_vec_pretty(&control)?,
        )?;
        Ok(control)
    }

    /// Where the stack listens, or has listened.
    pub fn control(&self) -> Option<Control> {
        self.read("control.json").ok()
    }

    /// Says that the stack does not listen any more.
    pub fn close_control(&self) {
        // What is left behind after a crash is found out by asking.
        fs::remove_file(self.file("control.json")).ok();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<T> {
        let path = self.file(name);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))
    }
}

/// Hex digits of random bytes.
fn random() -> anyhow::Result<Vec<u8>> {
    let mut bytes = [0_u8; RANDOM_BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex::encode(bytes).into_bytes())
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, body: &[u8]) -> anyhow::Result<()> {
    let whole = || -> std::io::Result<()> {
        let beside = path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(body)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    whole().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use domain::SourceId;
    use hr_webhook::record_key;

    use super::*;

    fn folder(name: &str) -> (PathBuf, DataFolder) {
        let path = std::env::temp_dir().join(format!("lanyard-{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        (path.clone(), DataFolder::create(&path).unwrap())
    }

    #[test]
    fn the_salt_stays_the_same_and_is_private() {
        let (path, data) = folder("salt");
        let key = || record_key(&data.salt().unwrap(), &SourceId::from("hr"), "W1");
        assert_eq!(key(), key());
        let mode = fs::metadata(path.join("salt"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_cut_salt_is_refused() {
        let (path, data) = folder("cut-salt");
        fs::write(path.join("salt"), "abc").unwrap();
        assert!(data.salt().is_err());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_folder_without_a_stack_is_refused() {
        let (path, _) = folder("no-stack");
        assert!(DataFolder::existing(&path).is_err());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn every_start_has_its_own_control_token() {
        let (path, data) = folder("control");
        let first = data.open_control("http://127.0.0.1:1".into()).unwrap();
        let second = data.open_control("http://127.0.0.1:1".into()).unwrap();
        assert_ne!(first.token, second.token);
        assert_eq!(data.control(), Some(second));
        data.close_control();
        assert_eq!(data.control(), None);
        fs::remove_dir_all(path).unwrap();
    }
}
