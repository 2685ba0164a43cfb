//! The stack as a service on one machine: real webhooks, real SCIM targets, state that survives.

mod control;
mod data;
mod feed;
mod follow;
mod night;
mod secrets;
mod serve;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use ports::embedded::{EmbeddedLanes, FolderObjects, StaticSecrets};
use store_dynamodb::DynamoStore;
use target_http::Network;

pub use control::{Connection, Night};
pub use data::{Control, DataFolder, Described};
pub use feed::Delivered;
pub use follow::Follow;
pub use night::Nightly;
pub use secrets::{Environment, Missing, gather, gather_one, variable};
pub use serve::{Served, Settings, Stop, serve, work_until_idle};

use crate::stack::{Parts, SharedClock, Stack, SystemClock};

/// A stack over a data folder. One program at a time may have it open.
pub async fn open(
    data: &DataFolder,
    described: &Described,
    environment: Option<Environment<'_>>,
) -> anyhow::Result<Arc<Stack<DynamoStore>>> {
    // Another program may still have the folder open; only whoever gets the lanes may clean up.
    let policy = current(&FolderObjects::share(&data.objects())?, described).await?;
    let secrets = match environment {
        Some(environment) => gather(&policy, described.secrets.as_deref(), environment)?,
        // Whoever only looks needs none.
        None => StaticSecrets::default(),
    };
    let clock = SharedClock::new(SystemClock);
    let lanes = EmbeddedLanes::open(&data.lanes(), clock.to_dyn())
        .context("the data folder cannot be opened; does another program have it open?")?;
    let stack = Stack::new(Parts {
        store: store_dynamodb::embedded::open(&data.table()).await?,
        lanes,
        objects: FolderObjects::open(&data.objects())?,
        secrets,
        clock,
        policy,
        salt: data.salt()?,
        network: if described.private_network {
            Network::PRIVATE.and_this_machine()
        } else {
            Network::PUBLIC.and_this_machine()
        },
    })?;
    Ok(Arc::new(stack))
}

/// The policy that a stack runs under: that of its folder, or the published one.
async fn current(objects: &FolderObjects, described: &Described) -> anyhow::Result<domain::Policy> {
    if let Some(folder) = &described.policy {
        return load(folder);
    }
    let Some((active, _)) = publication::active(objects).await? else {
        anyhow::bail!(
            "no policy is published for this data folder; publish one with `lanyard publish \
             --policy DIR --data DIR`, or name a folder with --policy"
        );
    };
    Ok(publication::load(objects, active.version).await?.policy)
}

pub(crate) fn load(folder: &Path) -> anyhow::Result<domain::Policy> {
    match policy::load(folder) {
        Ok(loaded) => Ok(loaded.policy),
        Err(errors) => Err(anyhow::anyhow!("{}", errors.render().trim_end()))
            .with_context(|| format!("the policy in {} does not hold together", folder.display())),
    }
}
