//! `lanyard publish` and `lanyard policy`: versions of policy, and which of them is active.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use domain::Hash;
use domain::plan::Compiled;
use ports::Clock as _;
use ports::embedded::FolderObjects;
use serde::Serialize;

use super::preview::{in_force, live};
use super::stack::block_on;
use super::{Exit, Screen};
use crate::local::DataFolder;
use crate::preview::{Saved, diff, hash};
use crate::stack::SystemClock;
use publication::Active;

/// What to publish.
#[derive(Args, Debug)]
pub struct PublishArgs {
    /// Folder with the policy's *.toml files
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "rollback",
        conflicts_with = "rollback"
    )]
    policy: Option<PathBuf>,
    /// The saved comparison with the policy in force, as lanyard diff --save named it
    #[arg(long, value_name = "HASH", conflicts_with = "rollback")]
    diff: Option<String>,
    /// Go back to a published version; without one, to the one that was active before
    #[arg(long, value_name = "VERSION", num_args = 0..=1, default_missing_value = "")]
    rollback: Option<String>,
    /// Data folder of the stack, whether it runs or not; made if need be
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// What to do with published versions.
#[derive(Subcommand, Debug)]
pub enum PolicyCommand {
    /// Every published version, the active one marked
    List {
        /// Data folder of the stack
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

/// What became of a publication.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
enum Outcome {
    Published { active: Active },
    AlreadyActive { version: Hash },
    Refused { why: String },
}

pub(super) fn publish(args: &PublishArgs, screen: Screen) -> Exit {
    let outcome = block_on(async {
        let data = DataFolder::create(&args.data)?;
        let objects = FolderObjects::share(&data.objects())?;
        let outcome = match (&args.rollback, &args.policy) {
            (Some(name), _) => rollback(&objects, name).await?,
            (None, Some(folder)) => {
                let files = policy::read(folder).map_err(|errors| broken(&errors))?;
                let loaded = policy::load_files(files.clone()).map_err(|errors| broken(&errors))?;
                let to = Arc::new(Compiled::new(loaded.policy));
                let (data, named) = (&data, args.diff.as_deref());
                go_live(data, &objects, &files, &to, named).await?
            }
            (None, None) => anyhow::bail!("neither --policy nor --rollback"),
        };
        let folder = data.described().ok().and_then(|described| described.policy);
        Ok((outcome, folder))
    });
    match outcome {
        Ok((outcome, folder)) => {
            let (text, exit) = match &outcome {
                Outcome::Published { active } => (
                    format!("policy {} is active", active.version.short()),
                    Exit::Fine,
                ),
                Outcome::AlreadyActive { version } => (
                    format!("policy {} was active already", version.short()),
                    Exit::Fine,
                ),
                Outcome::Refused { why } => (format!("refused: {why}"), Exit::Findings),
            };
            screen.result(text, &outcome);
            if let (Some(folder), Exit::Fine) = (folder, exit) {
                screen.note(format!(
                    "the stack was last started with --policy {}; it follows published versions \
                     once it is started without",
                    folder.display()
                ));
            }
            exit
        }
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}

fn broken(errors: &policy::Errors) -> anyhow::Error {
    anyhow::anyhow!("{}", errors.render().trim_end())
        .context("the policy does not hold together and is not published")
}

async fn rollback(objects: &FolderObjects, name: &str) -> anyhow::Result<Outcome> {
    let Some(was) = publication::active(objects).await? else {
        anyhow::bail!("nothing was ever published here");
    };
    let name = Some(name).filter(|name| !name.is_empty());
    let version = publication::earlier(objects, &was.0, name).await?;
    if version == was.0.version {
        return Ok(Outcome::AlreadyActive { version });
    }
    // What does not read back any more is not made active.
    publication::load(objects, version).await?;
    let now = SystemClock.now();
    let active = publication::flip(objects, Some(&was), version, None, now).await?;
    Ok(Outcome::Published { active })
}

async fn go_live(
    data: &DataFolder,
    objects: &FolderObjects,
    files: &[(String, String)],
    to: &Arc<Compiled>,
    named: Option<&str>,
) -> anyhow::Result<Outcome> {
    let now = SystemClock.now();
    let version = to.policy.version;
    let was = publication::active(objects).await?;
    if was.as_ref().is_some_and(|(was, _)| was.version == version) {
        return Ok(Outcome::AlreadyActive { version });
    }
    // Whoever is there was decided under what is in force, published or not; a version that is
    // in force already changes nothing for anybody.
    let from = if data.table().exists() {
        in_force(data, objects).await?
    } else {
        None
    };
    let mut diff = None;
    if let Some(from) = from.filter(|from| from.policy.version != version) {
        match compared(data, objects, &from, to, named, now).await? {
            Ok(hash) => diff = Some(hash),
            Err(why) => return Ok(Outcome::Refused { why }),
        }
    }
    publication::store(objects, version, files, now).await?;
    let active = publication::flip(objects, was.as_ref(), version, diff, now).await?;
    Ok(Outcome::Published { active })
}

/// The saved comparison, if it says what would happen now.
async fn compared(
    data: &DataFolder,
    objects: &FolderObjects,
    from: &Arc<Compiled>,
    to: &Arc<Compiled>,
    named: Option<&str>,
    now: jiff::Timestamp,
) -> anyhow::Result<Result<Hash, String>> {
    let again = "run `lanyard diff --to DIR --data DIR --save`, read it, and name its hash with \
                 --diff";
    let Some(named) = named else {
        return Ok(Err(format!(
            "policy {} is in force and nobody has compared; {again}",
            from.policy.version.short()
        )));
    };
    let named = hash(named)?;
    let Some(saved) = publication::saved_diff::<Saved, _>(objects, named).await? else {
        return Ok(Err(format!(
            "no comparison is saved under this hash; {again}"
        )));
    };
    if (saved.from, saved.to) != (from.policy.version, to.policy.version) {
        return Ok(Err(format!(
            "the comparison is of {} and {}, but {} is in force and {} is to be published; {again}",
            saved.from.short(),
            saved.to.short(),
            from.policy.version.short(),
            to.policy.version.short()
        )));
    }
    let desk = live(data, now).await?;
    let found = diff(&desk, from, to, 0, |_| Ok(())).await?.saved();
    if (found.digest, found.recorrelated) != (saved.digest, saved.recorrelated) {
        return Ok(Err(format!(
            "people have changed since the comparison: {} were affected at {}, {} are now, and \
             not in the same way; {again}",
            saved.affected, saved.at, found.affected
        )));
    }
    Ok(Ok(named))
}

#[derive(Serialize)]
struct Listed {
    version: Hash,
    published_at: jiff::Timestamp,
    active: bool,
    files: usize,
}

pub(super) fn policy(command: &PolicyCommand, screen: Screen) -> Exit {
    let PolicyCommand::List { data } = command;
    let listed = block_on(async {
        let objects = FolderObjects::share(&DataFolder::at(data).objects())?;
        let active = publication::active(&objects).await?;
        let active = active.map(|(active, _)| active);
        let mut versions: Vec<Listed> = publication::versions(&objects)
            .await?
            .into_iter()
            .map(|manifest| Listed {
                version: manifest.version,
                published_at: manifest.published_at,
                active: active
                    .as_ref()
                    .is_some_and(|active| active.version == manifest.version),
                files: manifest.files.len(),
            })
            .collect();
        versions.sort_by_key(|listed| std::cmp::Reverse(listed.published_at));
        Ok((versions, active))
    });
    match listed {
        Ok((versions, active)) => {
            let mut table = Table::new();
            table.load_style(UTF8_BORDERS_ONLY);
            table.set_header(["version", "published", "files", ""]);
            for listed in &versions {
                table.add_row([
                    listed.version.short(),
                    listed.published_at.to_string(),
                    listed.files.to_string(),
                    if listed.active { "active" } else { "" }.to_owned(),
                ]);
            }
            let text = if versions.is_empty() {
                "nothing is published".to_owned()
            } else {
                table.to_string()
            };
            let value = serde_json::json!({ "versions": versions, "pointer": active });
            screen.result(text, &value);
            Exit::Fine
        }
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}
