//! `lanyard plan`, `diff`, `explain`, `why-not` and `export`: reading, and nothing else.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use domain::EntitlementId;
use domain::plan::Compiled;
use jiff::Timestamp;
use planner::Preview;
use ports::embedded::FolderObjects;
use ports::{Clock as _, Store as _};

use super::stack::block_on;
use super::{Exit, Screen};
use crate::local::{DataFolder, load};
use crate::preview::{
    self, Desk, Diff, FORMAT, Header, Named, Planned, Saved, State, StateFile, report,
};
use crate::stack::SystemClock;

/// Which state.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub struct StateArgs {
    /// Data folder of a stack, whether it runs or not
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Exported state instead of that of the data folder
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

/// What to plan.
#[derive(Args, Debug)]
pub struct PlanArgs {
    #[command(flatten)]
    who: Who,
    /// Source of the worker id, where several sources know it
    #[arg(long, value_name = "NAME", requires = "person")]
    source: Option<String>,
    /// Folder with policy files, or a published version; by default the active one
    #[arg(long, value_name = "DIR|VERSION")]
    policy: Option<String>,
    #[command(flatten)]
    state: StateArgs,
    /// Plan for another instant than now
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Who {
    /// A worker id as its source states it, or an identity id
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// Everybody for whom something would happen
    #[arg(long)]
    all: bool,
}

/// What to compare.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The policy before: a folder or a published version; by default the active one
    #[arg(long, value_name = "DIR|VERSION")]
    from: Option<String>,
    /// The policy after: a folder or a published version
    #[arg(long, value_name = "DIR|VERSION")]
    to: String,
    #[command(flatten)]
    state: StateArgs,
    /// Compare for another instant than now
    #[arg(long, value_name = "TIME", conflicts_with = "save")]
    at: Option<Timestamp>,
    /// How it is written; --json is the same as --format json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where it is written, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many people of each group are shown by name (JSON has them all)
    #[arg(long, default_value_t = 200, value_name = "N")]
    most: usize,
    /// Keep the comparison in the data folder, for lanyard publish --diff
    #[arg(long, requires = "data", conflicts_with = "state")]
    save: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Html,
    Json,
}

/// What to explain.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A worker id as its source states it, or an identity id
    #[arg(value_name = "PERSON")]
    person: String,
    /// One entitlement; without it, everything
    #[arg(value_name = "ENTITLEMENT")]
    entitlement: Option<String>,
    #[command(flatten)]
    more: ExplainMore,
}

/// What is missing.
#[derive(Args, Debug)]
pub struct WhyNotArgs {
    /// A worker id as its source states it, or an identity id
    #[arg(value_name = "PERSON")]
    person: String,
    /// The entitlement
    #[arg(value_name = "ENTITLEMENT")]
    entitlement: String,
    #[command(flatten)]
    more: ExplainMore,
}

#[derive(Args, Debug)]
struct ExplainMore {
    /// Source of the worker id, where several sources know it
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Another instant than now; facts as they are known today
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Folder with policy files, or a published version; by default the active one
    #[arg(long, value_name = "DIR|VERSION")]
    policy: Option<String>,
    #[command(flatten)]
    state: StateArgs,
}

/// What to export.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Data folder of a stack, whether it runs or not
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl StateArgs {
    async fn desk(&self, at: Option<Timestamp>) -> anyhow::Result<Desk> {
        let at = at.unwrap_or_else(|| SystemClock.now());
        if let Some(file) = &self.state {
            let state = State::File(StateFile::open(file)?);
            return Ok(Desk {
                state,
                salt: None,
                at,
            });
        }
        let Some(data) = &self.data else {
            bail!("neither --data nor --state");
        };
        live(&DataFolder::at(data), at).await
    }

    fn folder(&self) -> Option<DataFolder> {
        self.data.as_deref().map(DataFolder::at)
    }
}

/// The state of a data folder.
pub(super) async fn live(data: &DataFolder, at: Timestamp) -> anyhow::Result<Desk> {
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

/// A policy by folder or published version; the active one without a name.
pub(super) async fn policy(
    name: Option<&str>,
    data: Option<&DataFolder>,
) -> anyhow::Result<Arc<Compiled>> {
    if let Some(name) = name
        && Path::new(name).is_dir()
    {
        return Ok(Arc::new(Compiled::new(load(Path::new(name))?)));
    }
    let Some(data) = data else {
        match name {
            Some(name) => bail!(
                "`{name}` is no folder, and published versions are looked up in --data, which is \
                 missing"
            ),
            None => bail!("which policy is active is known to --data, which is missing"),
        }
    };
    let objects = FolderObjects::share(&data.objects())?;
    if let Some(name) = name {
        let version = publication::resolve(&objects, name)
            .await
            .with_context(|| format!("`{name}` is neither a folder nor a published version"))?;
        return Ok(preview::compiled(
            publication::load(&objects, version).await?,
        ));
    }
    if let Some(policy) = in_force(data, &objects).await? {
        return Ok(policy);
    }
    bail!("no policy is active here; name a folder with policy files")
}

/// The policy that a stack over this folder works under, if any.
pub(super) async fn in_force(
    data: &DataFolder,
    objects: &FolderObjects,
) -> anyhow::Result<Option<Arc<Compiled>>> {
    let described = data.described().ok();
    if let Some(described) = described
        && let Some(folder) = described.policy
    {
        // The folder may have been edited since the stack read it.
        let policy = match described.version {
            Some(version) => publication::load(objects, version).await?.policy,
            None => load(&folder)?,
        };
        return Ok(Some(Arc::new(Compiled::new(policy))));
    }
    match publication::active(objects).await? {
        Some((active, _)) => {
            let loaded = publication::load(objects, active.version).await?;
            Ok(Some(preview::compiled(loaded)))
        }
        None => Ok(None),
    }
}

fn done<T>(screen: Screen, result: anyhow::Result<T>, show: impl FnOnce(T) -> Exit) -> Exit {
    match result {
        Ok(value) => show(value),
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}

pub(super) fn plan(args: &PlanArgs, screen: Screen) -> Exit {
    let plans = block_on(async {
        let desk = args.state.desk(args.at).await?;
        let policy = policy(args.policy.as_deref(), args.state.folder().as_ref()).await?;
        let planner = desk.planner(&policy);
        let mut people = 0_u64;
        let mut plans: Vec<Planned> = Vec::new();
        if let Some(id) = &args.who.person {
            let named = Named {
                id: id.clone(),
                source: args.source.clone(),
            };
            let person = desk.find(&named, &policy, &planner).await?;
            let decision = Box::pin(planner.preview(person.clone())).await?;
            let decision = preview::settled(decision, &person, desk.at);
            plans.push(preview::planned(&policy, &decision));
            people = 1;
        } else {
            let each = async |person: planner::Person| {
                people += 1;
                let decision = Box::pin(planner.preview(person.clone())).await?;
                let decision = preview::settled(decision, &person, desk.at);
                let one = preview::planned(&policy, &decision);
                if !one.is_quiet() {
                    plans.push(one);
                }
                Ok(())
            };
            desk.everybody(each, &planner).await?;
        }
        Ok((people, plans, policy.policy.version))
    });
    done(screen, plans, |(people, plans, version)| {
        let mut texts: Vec<String> = plans.iter().map(Planned::text).collect();
        if args.who.all {
            texts.push(format!(
                "{} of {people} people have something to tell, under policy {}",
                plans.len(),
                version.short()
            ));
        }
        let text = texts.join("\n");
        let value = serde_json::json!({ "people": people, "policy": version, "plans": plans });
        screen.result(text, &value);
        Exit::Fine
    })
}

pub(super) fn diff(args: &DiffArgs, screen: Screen) -> Exit {
    let format = if screen.is_json() {
        Format::Json
    } else {
        args.format
    };
    let compared = block_on(async {
        let desk = args.state.desk(args.at).await?;
        let folder = args.state.folder();
        let from = policy(args.from.as_deref(), folder.as_ref()).await?;
        let to = policy(Some(&args.to), folder.as_ref()).await?;
        let mut out = output(args.out.as_deref())?;
        let mut json = match format {
            Format::Json => Some(report::Json::new(&mut out)?),
            Format::Text | Format::Markdown | Format::Html => None,
        };
        let most = if json.is_some() { 0 } else { args.most };
        let diff = preview::diff(&desk, &from, &to, most, |person| {
            if let Some(json) = &mut json {
                json.add(&person)?;
            }
            Ok(())
        })
        .await?;
        let saved = match (&folder, args.save) {
            (Some(folder), true) => Some(save(folder, &diff).await?),
            (Some(_) | None, false) | (None, true) => None,
        };
        if let Some(json) = json {
            json.finish(&diff, saved)?;
        } else {
            let text = match format {
                Format::Markdown => report::markdown(&diff),
                Format::Html => report::html(&diff)?,
                Format::Text | Format::Json => report::text(&diff),
            };
            out.write_all(text.as_bytes())?;
            if let (Some(saved), Format::Text) = (saved, format) {
                writeln!(out, "saved  {saved}")?;
            }
        }
        out.flush()?;
        Ok((diff, saved))
    });
    done(screen, compared, |(diff, saved)| {
        if let Some(saved) = saved.filter(|_| format != Format::Text || args.out.is_some()) {
            screen.note(format!("saved as {saved}"));
        }
        if diff.is_held() {
            Exit::Findings
        } else {
            Exit::Fine
        }
    })
}

async fn save(folder: &DataFolder, diff: &Diff) -> anyhow::Result<domain::Hash> {
    let objects = FolderObjects::share(&folder.objects())?;
    let saved: Saved = diff.saved();
    Ok(publication::save_diff(&objects, &saved).await?)
}

/// Standard output, or a file that only its owner can read.
fn output(path: Option<&Path>) -> anyhow::Result<Box<dyn std::io::Write>> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let Some(path) = path else {
        return Ok(Box::new(std::io::BufWriter::new(std::io::stdout())));
    };
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Box::new(std::io::BufWriter::new(file)))
}

impl ExplainMore {
    async fn look(&self, person: &str) -> anyhow::Result<(Arc<Compiled>, Preview)> {
        let desk = self.state.desk(self.at).await?;
        let policy = policy(self.policy.as_deref(), self.state.folder().as_ref()).await?;
        let planner = desk.planner(&policy);
        let named = Named {
            id: person.to_owned(),
            source: self.source.clone(),
        };
        let person = desk.find(&named, &policy, &planner).await?;
        let previewed = Box::pin(planner.preview(person.clone())).await?;
        let preview = preview::settled(previewed, &person, desk.at);
        Ok((policy, preview))
    }
}

pub(super) fn explain(args: &ExplainArgs, screen: Screen) -> Exit {
    shown(
        &args.more,
        &args.person,
        args.entitlement.as_deref(),
        screen,
    )
}

pub(super) fn why_not(args: &WhyNotArgs, screen: Screen) -> Exit {
    shown(&args.more, &args.person, Some(&args.entitlement), screen)
}

fn shown(more: &ExplainMore, person: &str, entitlement: Option<&str>, screen: Screen) -> Exit {
    let explained = block_on(async {
        let (policy, preview) = more.look(person).await?;
        let one = entitlement.map(EntitlementId::from);
        let known = &policy.policy.entitlements;
        if let Some(one) = &one {
            let held = preview.person.accounts.values();
            ensure!(
                known.contains_key(one) || held.into_iter().any(|held| held.grants.contains(one)),
                "neither the policy nor this person's accounts know an entitlement `{one}`"
            );
        }
        Ok(preview::explain(&policy, &preview, one.as_ref()))
    });
    done(screen, explained, |explained| {
        screen.result(explained.text(), &explained);
        Exit::Fine
    })
}

pub(super) fn export(args: &ExportArgs, screen: Screen) -> Exit {
    let exported = block_on(async {
        let data = DataFolder::at(&args.data);
        let desk = live(&data, SystemClock.now()).await?;
        let objects = FolderObjects::share(&data.objects())?;
        let policy = in_force(&data, &objects).await?;
        let mut meters = BTreeMap::new();
        for name in policy
            .iter()
            .flat_map(|policy| policy.policy.targets.keys())
        {
            meters.insert(name.clone(), desk.state.meter(name).await?);
        }
        let header = Header {
            format: FORMAT.into(),
            at: desk.at,
            policy: policy.map(|policy| policy.policy.version),
            meters,
        };
        let count = preview::export_to(&desk.state, &header, &args.out).await?;
        Ok((count, header))
    });
    done(screen, exported, |(count, header)| {
        let out = args.out.display();
        screen.result(
            format!("{count} identities at {} in {out}", header.at),
            &serde_json::json!({ "identities": count, "at": header.at, "out": out.to_string() }),
        );
        Exit::Fine
    })
}
