//! Finding out a target's dialect, and writing it down as a policy file.

mod file;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use domain::policy::TargetKind;
use domain::{AttrPath, TargetId};
use target_http::Network;
use target_scim::ScimTarget;
use target_scim::probe::{Report, Settings, probe};
use targets::{Reach, scim_config};

use crate::local::{self, Environment};
use crate::stack::SystemClock;

pub use file::ProfileFile;

/// Which target to probe, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Folder with the policy's files.
    pub policy: PathBuf,
    /// The target, as policy names it.
    pub target: String,
    /// Folder with one file per secret.
    pub secrets: Option<PathBuf>,
    /// Whether the target may have a private address.
    pub private_network: bool,
    /// An existing, empty group to use where none can be made.
    pub group: Option<String>,
    /// The mail domain of sandbox users.
    pub domain: String,
    /// Attributes that every user needs there.
    pub attributes: Vec<(String, String)>,
    /// Most requests that experiments may send.
    pub most_requests: u32,
}

/// A probe that is ready to start.
#[derive(Debug)]
pub struct Ready {
    target: ScimTarget<ports::embedded::StaticSecrets>,
    settings: Settings,
    file: ProfileFile,
}

impl Plan {
    /// Reads the policy and the target's secret. Nothing is sent yet.
    pub fn prepare(&self, environment: Environment<'_>) -> anyhow::Result<Ready> {
        let policy = local::load(&self.policy)?;
        let name = TargetId::from(self.target.as_str());
        let Some(target) = policy.targets.get(&name) else {
            let known: Vec<String> = policy.targets.keys().map(|n| format!("`{n}`")).collect();
            bail!(
                "policy has no target `{}`; there are {}",
                self.target,
                known.join(", ")
            );
        };
        if target.kind != TargetKind::Scim {
            bail!("target `{name}` does not speak SCIM: there is no dialect to find out");
        }
        let secrets =
            local::gather_one(target.auth.secret(), self.secrets.as_deref(), environment)?;
        let network = if self.private_network {
            Network::PRIVATE.and_this_machine()
        } else {
            Network::PUBLIC.and_this_machine()
        };
        let config = scim_config(&policy, &name, target, Reach::to(network));
        let attributes = self.attributes.iter();
        let settings = Settings {
            domain: self.domain.as_str().into(),
            group: self.group.as_deref().map(Into::into),
            attributes: attributes
                .map(|(path, value)| (AttrPath::from(path.as_str()), value.as_str().into()))
                .collect(),
            most_requests: self.most_requests,
            ..Settings::new(marker()?)
        };
        Ok(Ready {
            file: ProfileFile::new(&self.policy, &self.target, target)?,
            target: ScimTarget::new(config, Arc::new(secrets), Arc::new(SystemClock))?,
            settings,
        })
    }
}

impl Ready {
    /// What the names of all sandbox objects begin with.
    pub fn marker(&self) -> String {
        format!("lanyard-probe-{}", self.settings.marker)
    }

    /// What the profile is written as.
    pub const fn file(&self) -> &ProfileFile {
        &self.file
    }

    /// Probes the target, and clears up even where `until` completes first.
    pub async fn run(&self, until: impl Future<Output = ()>) -> anyhow::Result<Report> {
        Ok(probe(&self.target, &self.settings, until).await?)
    }
}

/// Random, so that two probes do not meet each other's objects.
fn marker() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 3];
    let mut random = std::fs::File::open("/dev/urandom").context("cannot read /dev/urandom")?;
    random
        .read_exact(&mut bytes)
        .context("cannot read /dev/urandom")?;
    Ok(hex::encode(bytes))
}
