//! `lanyard publish` and `lanyard policy`: versions of policy, and which of them is active.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use domain::Hash;
use ports::Clock as _;
use serde::Serialize;

use super::stack::{Found, Place, block_on, in_folder};
use super::{Exit, Screen};
use crate::holds::{self, Opening, Request};
use crate::home::Home;
use crate::local::DataFolder;
use crate::preview::{Desk, State, compiled, hash};
use crate::release::{self, Candidate, Ground, Outcome};
use crate::stack::SystemClock;
use publication::Active;

/// After which every function works under a version that was published: they look at the pointer
/// every half minute.
const TAKEN_UP: Duration = publication::LOOK_EVERY
    .unsigned_abs()
    .saturating_add(Duration::from_secs(5));

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
    #[command(flatten)]
    place: Place,
}

/// What to do with published versions.
#[derive(Subcommand, Debug)]
pub enum PolicyCommand {
    /// Every published version, the active one marked
    List {
        #[command(flatten)]
        place: Place,
    },
}

pub(super) fn publish(args: &PublishArgs, screen: Screen) -> Exit {
    let outcome = block_on(async {
        let folder = args.place.folder().map(DataFolder::create).transpose()?;
        let (home, outcome) = released(args).await?;
        // Also where it was active already: whoever published it may have been interrupted here.
        if let (Home::Cloud(cloud), false) = (&home, matches!(outcome, Outcome::Refused { .. })) {
            screen.note(
                "the functions take the version up within half a minute; then everybody is planned \
                 anew who was decided under another one",
            );
            taken_up().await;
            let count = cloud.operations().await?.hand_over_stale().await?;
            screen.note(format!(
                "{count} people were handed over to be planned anew"
            ));
        }
        let described = folder.and_then(|folder| folder.described().ok());
        let folder = described.and_then(|described| described.policy);
        Ok((outcome, folder))
    });
    match outcome {
        Ok((outcome, folder)) => {
            let (text, exit) = match &outcome {
                Outcome::Published { active, held } => (published(active, held), Exit::Fine),
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

#[expect(
    clippy::disallowed_methods,
    reason = "somebody at a terminal waits for other machines, which tell nobody"
)]
async fn taken_up() {
    tokio::time::sleep(TAKEN_UP).await;
}

async fn released(args: &PublishArgs) -> anyhow::Result<(Home, Outcome)> {
    let home = args.place.home().await?;
    let objects = home.objects()?;
    let at = SystemClock.now();
    let was = publication::active(&objects).await?;
    let (mut desk, mut from) = (None, None);
    if home.is_peopled() {
        desk = Some(home.desk(at).await?);
        from = home.in_force().await?;
    }
    let ground = Ground {
        objects: &objects,
        was,
        desk: desk.as_ref(),
        from: from.as_ref(),
        at,
    };
    let hold = async |holds: &[Opening]| hold(args.place.folder(), desk.as_ref(), holds, at).await;
    let outcome = match (&args.rollback, &args.policy) {
        (Some(name), _) => {
            let name = Some(name.as_str()).filter(|name| !name.is_empty());
            release::roll_back(&ground, name, hold).await?
        }
        (None, Some(folder)) => {
            let files = policy::read(folder).map_err(|errors| broken(&errors))?;
            let loaded = policy::load_files(files.clone()).map_err(|errors| broken(&errors))?;
            let to = compiled(loaded);
            if let Home::Cloud(cloud) = &home {
                cloud.takes(&to.policy)?;
            }
            let candidate = Candidate {
                files: &files,
                to: &to,
                diff: args.diff.as_deref().map(hash).transpose()?,
            };
            release::publish(&ground, &candidate, hold).await?
        }
        (None, None) => anyhow::bail!("neither --policy nor --rollback"),
    };
    Ok((home, outcome))
}

/// Through the stack where one runs, so that there is one writer.
async fn hold(
    folder: Option<&Path>,
    desk: Option<&Desk>,
    holds: &[Opening],
    at: jiff::Timestamp,
) -> anyhow::Result<()> {
    if let Some(folder) = folder
        && let Ok(Found::Running(mut connection)) = in_folder(folder).await
    {
        let holds = holds.to_vec();
        connection.hold(&Request::Open { holds }).await?;
    } else if let Some(State::Live(store)) = desk.map(|desk| &desk.state) {
        holds::open(store, holds, at).await?;
    }
    Ok(())
}

fn published(active: &Active, held: &[Opening]) -> String {
    let mut text = format!("policy {} is active", active.version.short());
    for hold in held {
        // Writing to a text cannot fail.
        write!(
            text,
            "\nheld: {} on {}, of which {} pass; see lanyard hold show {} {}",
            hold.scope, hold.target, hold.allowed, hold.target, hold.scope
        )
        .ok();
    }
    text
}

#[derive(Serialize)]
struct Listed {
    version: Hash,
    published_at: jiff::Timestamp,
    active: bool,
    files: usize,
}

pub(super) fn policy(command: &PolicyCommand, screen: Screen) -> Exit {
    let PolicyCommand::List { place } = command;
    let listed = block_on(async {
        let objects = place.home().await?.objects()?;
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
