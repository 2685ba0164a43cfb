//! Where a stack's state and policy are: a data folder on this machine, or a deployed stack. What
//! reads and publishes policy does not have to know which.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use domain::plan::Compiled;
use jiff::Timestamp;
use objects_s3::S3Objects;
use ports::embedded::FolderObjects;
use ports::objects::{Locate, Put, Swap, Tag};
use ports::{Fault, Objects};

use crate::cloud::Cloud;
use crate::local::{DataFolder, load};
use crate::preview::{self, Desk, State};

/// Where a stack's state and policy are.
pub enum Home {
    /// A data folder.
    Folder(DataFolder),
    /// A deployed stack.
    Cloud(Box<Cloud>),
}

impl Home {
    /// A folder, or a stack by its name.
    pub async fn of(data: Option<&Path>, stack: Option<&str>) -> anyhow::Result<Option<Self>> {
        Ok(match (data, stack) {
            (_, Some(name)) => Some(Self::Cloud(Box::new(Cloud::find(name).await?))),
            (Some(data), None) => Some(Self::Folder(DataFolder::at(data))),
            (None, None) => None,
        })
    }

    /// Published policy and reports.
    pub fn objects(&self) -> anyhow::Result<AnyObjects> {
        Ok(match self {
            Self::Folder(data) => AnyObjects::Folder(FolderObjects::share(&data.objects())?),
            Self::Cloud(cloud) => AnyObjects::Bucket(cloud.objects.clone()),
        })
    }

    /// Whether anybody can be in its state.
    pub fn is_peopled(&self) -> bool {
        match self {
            Self::Folder(data) => data.table().exists(),
            Self::Cloud(_) => true,
        }
    }

    /// Its state, to be read.
    pub async fn desk(&self, at: Timestamp) -> anyhow::Result<Desk> {
        match self {
            Self::Folder(data) => {
                let table = data.table();
                ensure!(
                    table.exists(),
                    "there is no state: {} does not exist; did a stack ever run over this data folder?",
                    table.display()
                );
                Ok(Desk {
                    state: State::Live(store_dynamodb::embedded::open(&table).await?),
                    salt: Some(data.salt()?),
                    at,
                })
            }
            Self::Cloud(cloud) => Ok(Desk {
                state: State::Live(cloud.store.clone()),
                salt: cloud.salt().await,
                at,
            }),
        }
    }

    /// The policy that is worked under, if any: where the active version is damaged, the latest before it
    /// that is whole.
    pub async fn in_force(&self) -> anyhow::Result<Option<Arc<Compiled>>> {
        let objects = self.objects()?;
        if let Self::Folder(data) = self
            && let Ok(described) = data.described()
            && let Some(folder) = described.policy
        {
            // The folder may have been edited since the stack read it.
            let policy = match described.version {
                Some(version) => publication::load(&objects, version).await?.policy,
                None => load(&folder)?,
            };
            return Ok(Some(Arc::new(Compiled::new(policy))));
        }
        let Some((active, _)) = publication::active(&objects).await? else {
            return Ok(None);
        };
        let loaded = publication::load_whole(&objects, &active).await?;
        Ok(Some(preview::compiled(loaded)))
    }
}

/// A policy by folder or published version; the one in force without a name.
pub async fn policy(name: Option<&str>, home: Option<&Home>) -> anyhow::Result<Arc<Compiled>> {
    if let Some(name) = name
        && Path::new(name).is_dir()
    {
        return Ok(Arc::new(Compiled::new(load(Path::new(name))?)));
    }
    let Some(home) = home else {
        match name {
            Some(name) => bail!(
                "`{name}` is no folder, and published versions are looked up in --data or --stack, \
                 which is missing"
            ),
            None => bail!("which policy is active is known to --data or --stack, which is missing"),
        }
    };
    let Some(name) = name else {
        let policy = home.in_force().await?;
        return policy.context("no policy is active here; name a folder with policy files");
    };
    let objects = home.objects()?;
    let version = publication::resolve(&objects, name)
        .await
        .with_context(|| format!("`{name}` is neither a folder nor a published version"))?;
    Ok(preview::compiled(
        publication::load(&objects, version).await?,
    ))
}

/// Objects on this machine or in buckets.
#[derive(Clone)]
pub enum AnyObjects {
    /// In a folder.
    Folder(FolderObjects),
    /// In buckets.
    Bucket(S3Objects),
}

macro_rules! either {
    ($self:ident, $objects:ident => $call:expr) => {
        match $self {
            Self::Folder($objects) => $call,
            Self::Bucket($objects) => $call,
        }
    };
}

impl Objects for AnyObjects {
    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        either!(self, objects => objects.put_new(key, body).await)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        either!(self, objects => objects.put(key, body).await)
    }

    async fn swap(&self, key: &str, was: &Tag, body: Bytes) -> Result<Swap, Fault> {
        either!(self, objects => objects.swap(key, was, body).await)
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        either!(self, objects => objects.get(key).await)
    }

    async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        either!(self, objects => objects.get_tagged(key).await)
    }

    async fn discard(&self, key: &str) -> Result<(), Fault> {
        either!(self, objects => objects.discard(key).await)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        either!(self, objects => objects.list(prefix).await)
    }
}

impl Locate for AnyObjects {
    async fn locate(&self, key: &str) -> Result<String, Fault> {
        either!(self, objects => objects.locate(key).await)
    }
}
